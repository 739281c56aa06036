"""Methods: what those of texts, numbers, bytes, lists, functions and promises give, with the functions that they are handed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.calls import Call
from ringfence.scanning.javascript.encodings import from_bytes
from ringfence.scanning.javascript.folding import calculated, list_method, text_method, to_number
from ringfence.scanning.javascript.scopes import FUNCTIONS
from ringfence.scanning.javascript.values import (
    BYTES,
    NOTHING_KNOWN,
    UNKNOWN,
    Items,
    Value,
    distinct,
    number,
    origins_of,
    text_of,
    texts,
    traits_of,
)

if TYPE_CHECKING:
    from ringfence.scanning.javascript.values import Values

_MOST_MAPPED = 512


_IDENTITY_METHODS = frozenset({"catch", "finally"})


def of_things(call: Call, name: str) -> Values | None:
    """Return what a method gives of what it is called on; None where nothing of that is known.

    Arguments:
        call: the call.
        name: the method.

    """
    if not call.this:
        return None
    if name == "bind":
        return tuple(value._replace(bound=Items((*value.bound, *call.arguments(1)))) for value in call.this)
    if name == "then" and call.count:
        return _passed_on(call)
    if name in _IDENTITY_METHODS:
        return call.this
    if name == "decode" and call.path == "TextDecoder().decode" and call.count:
        return distinct(Value(text_of(v), traits=v.traits, origins=v.origins) for v in call.argument(0))
    things = (value for value in call.this if value.text is not None or value.items is not None)
    known = [value for thing in things if (value := _of_thing(call, name, thing)) is not None]
    return distinct(known) if known else None


def _passed_on(call: Call) -> Values:
    """Return what `promise.then(function)` gives: what the function returns."""
    found: list[Value] = []
    for value in call.argument(0):
        if value.node is not None and value.node.type in FUNCTIONS:
            inner = Call(call.resolver, call.node, value, (), [call.this or NOTHING_KNOWN], call.frame)
            found.extend(call.resolver.result(inner))
    return distinct(found or [Value(origins=origins_of(call.this))])


def _of_thing(call: Call, name: str, thing: Value) -> Value | None:
    if thing.path == BYTES and name in ("toString", "toLocaleString", "latin1Slice", "utf8Slice"):
        encoding = texts(call.argument(0))
        text = from_bytes(thing.text or "", encoding[0] if encoding else "utf8")
        return Value(text, origins=thing.origins, traits=thing.traits)
    arguments = [values[0] if len(values) == 1 else UNKNOWN for values in call.arguments()]
    call.resolver.budget.spend(1 + len(thing.text or "") // 64 + len(thing.items or ()) // 8)
    if thing.items is not None:
        return _of_list(call, name, thing, arguments)
    if thing.number is not None and name == "toString" and arguments:
        return _in_base(thing, arguments[0])
    return text_method(name, thing, arguments)


def _in_base(thing: Value, base: Value) -> Value | None:
    """Return a number's digits in a base: `(31).toString(36)`."""
    n, radix = thing.number, to_number(base)
    if n is None or radix is None or not 2 <= radix <= 36 or not n.is_integer() or not 0 <= n < 2**53:  # noqa: PLR2004 - what JavaScript allows
        return None
    digits, rest = "", int(n)
    while rest:
        rest, digit = divmod(rest, int(radix))
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return calculated(digits or "0", thing)


def _of_list(call: Call, name: str, thing: Value, arguments: list[Value]) -> Value | None:
    items = thing.items or ()
    if name == "join":
        return _join(call, items, text_of(arguments[0]) if arguments else ",")
    if name in ("pop", "shift", "at") and items:
        index = {"pop": -1, "shift": 0}.get(name, int((to_number(arguments[0]) if arguments else 0) or 0))
        return items[index][0] if -len(items) <= index < len(items) else None
    if name in ("map", "flatMap") and len(items) <= _MOST_MAPPED:
        return _mapped(call, items)
    if name in ("reduce", "reduceRight"):
        return _reduced(call, items[::-1] if name == "reduceRight" else items)
    return list_method(name, thing, arguments)


def _join(call: Call, items: tuple[Values, ...], separator: str) -> Value | None:
    parts: list[Values] = []
    for item in items:
        parts.extend([(Value(separator),)] if parts and separator else [])
        parts.append(item)
    found = call.resolver.put_together(parts)
    return found[0] if len(found) == 1 else calculated(HOLE, *found)


def _mapped(call: Call, items: tuple[Values, ...]) -> Value | None:
    """Return a list with a function applied to each element."""
    found = tuple(_applied(call, [item, (number(index),)]) for index, item in enumerate(items))
    return Value(items=Items(found), traits=traits_of(each for values in found for each in values))


def _reduced(call: Call, items: tuple[Values, ...]) -> Value | None:
    """Return what a list comes to when a function takes in one element after the other."""
    initial = call.argument(1)
    rest = list(items if initial else items[1:])
    total: Values = initial or (items[0] if items else NOTHING_KNOWN)
    for index, item in enumerate(rest[:_MOST_MAPPED]):
        total = _applied(call, [total, item, (number(index),)])
    return total[0] if len(total) == 1 else None


def _applied(call: Call, arguments: list[Values]) -> Values:
    """Return what the function that a method is handed gives for arguments."""
    found: list[Value] = []
    for value in call.argument(0):
        inner = Call(call.resolver, call.node, value, (), arguments, call.frame)
        if value.path == "String.fromCharCode":
            inner = Call(call.resolver, call.node, value, (), arguments[:1], call.frame)
        found.extend(call.resolver.result(inner))
    return distinct(found)

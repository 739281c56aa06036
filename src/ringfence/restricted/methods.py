"""The guards of methods of built-in types that copy, grow, compare or consume. Each is named after its method: `dot_join`, `dot_update`.

A guard looks at the object's type: for a built-in one it measures and then calls the method; an object of the snippet's own
class has whatever method it defines.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from itertools import compress
from operator import length_hint
from typing import TYPE_CHECKING, Any

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.functions import MOST_GROWN as _MOST_GROWN
from ringfence.restricted.meter import SMALL
from ringfence.restricted.names import GUARDED_METHODS
from ringfence.restricted.objects import View
from ringfence.restricted.shallow import defaultdict, deque
from ringfence.restricted.weigh import are_small, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

    Handler = Callable[..., Any]

_TEXTS = (str, bytes, bytearray)
_LISTS = (list, tuple, deque)
_SETS = (set, frozenset)
_DICTS = (dict, Counter, OrderedDict, defaultdict)
_MOST_WIDTH = 1_000_000
_MOST_FORMAT = 200
_NUMBER_IN_FORMAT = re.compile(r"%[-_0^#]*\d")


def _copying(name: str, factor: int = 1) -> Handler:
    """Return the guard of a method whose result is at most so many times as large as its object."""

    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        if len(value) > SMALL:
            run.meter.grow(size(value) * factor)
        return getattr(value, name)(*args, **kwargs)

    return handler


def _searching(name: str) -> Handler:
    """Return the guard of a search from the right, which takes the product of both lengths."""

    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        if len(value) > SMALL:
            sought = args[0] if args else kwargs.get("sep")
            run.meter.charge((len(value) * max(1, length_hint(sought, 1))) >> 8)
            run.meter.grow(size(value) * _split_factor(name, value, sought))
        return getattr(value, name)(*args, **kwargs)

    return handler


def _split_factor(name: str, value: Any, sought: Any) -> int:
    """Return how many times as large as a text its parts together are: each part costs an object."""
    if "split" not in name:
        return 1
    parts = value.count(sought) + 1 if sought else len(value) // 2 + 1
    return 2 + parts * 60 // len(value)


def _padding(name: str) -> Handler:
    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        width = args[0] if args else kwargs.get("tabsize", 8)
        if isinstance(width, int) and name == "expandtabs":
            tabs = value.count("\t" if type(value) is str else b"\t")
            run.meter.grow((len(value) + tabs * max(0, width)) * 4 if tabs * width > SMALL else 0)
        elif isinstance(width, int) and width > SMALL:
            run.meter.grow(width * 4)
        return _copying(name)(run, value, *args, **kwargs)

    return handler


def _stripping(name: str) -> Handler:
    """Return the guard of a method that looks each character up among others."""

    def handler(run: Run, value: Any, *args: Any) -> Any:
        if args and isinstance(args[0], _TEXTS):
            run.meter.charge(len(value) * len(args[0]) >> 8)
        if len(value) > SMALL:
            run.meter.grow(size(value))
        return getattr(value, name)(*args)

    return handler


def _coding(name: str) -> Handler:
    """Return the guard of `encode` and `decode`."""

    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        run.codec(*args, **kwargs)
        if len(value) > SMALL >> 3:
            run.meter.grow(size(value) * _MOST_GROWN)
        return getattr(value, name)(*args, **kwargs)

    return handler


def _replace(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
    texts = isinstance(args[0], _TEXTS) and isinstance(args[1], _TEXTS) if len(args) > 1 else False
    if (
        texts
        and len(value) + len(args[1]) > SMALL >> 4
        and isinstance(value, str) == isinstance(args[0], str)
    ):
        run.meter.grow(size(value) + value.count(args[0]) * size(args[1]))
    return value.replace(*args, **kwargs)


def _join(run: Run, value: Any, items: Any) -> Any:
    parts = items if type(items) in (list, tuple) else list(compress(items, run.meter.steps))
    if len(parts) > SMALL >> 6 or (len(parts) and len(value) > SMALL):
        total = len(value) * len(parts)
        for part in parts:
            total += len(part) if isinstance(part, _TEXTS) else 0
        run.meter.charge(len(parts) >> 2)
        run.meter.grow(total * (4 if type(value) is str else 1))
    elif any(isinstance(part, _TEXTS) and len(part) > SMALL for part in parts):
        run.meter.grow(sum(size(part) for part in parts))
    return value.join(parts)


def _format(run: Run, value: str, *args: Any, **kwargs: Any) -> str:
    return run.format_text(value, args, kwargs)


def _format_map(run: Run, value: str, mapping: Any) -> str:
    return run.format_text(value, (), mapping)


def _translate(run: Run, value: Any, table: Any, *args: Any, **kwargs: Any) -> Any:
    if isinstance(value, str):
        most = (
            max((len(part) for part in table.values() if isinstance(part, str)), default=1)
            if type(table) is dict
            else 64
        )
        run.meter.grow((len(value) * max(1, most)) << 2)
        if type(table) not in (dict, str, list, tuple):
            raise run.meter.stop("offer", "str.translate is offered with a dict only")
    return _copying("translate")(run, value, table, *args, **kwargs)


def _consuming(name: str) -> Handler:
    """Return the guard of a method that takes the items of an iterable into a list."""

    def handler(run: Run, value: Any, items: Any) -> Any:
        return getattr(value, name)(list(items) if items is value else run.metered(items))

    return handler


def _hashing(name: str) -> Handler:
    """Return the guard of a method whose first argument is hashed."""

    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        if args:
            run.light(args[0])
        return getattr(value, name)(*args, **kwargs)

    return handler


def _comparing(name: str) -> Handler:
    """Return the guard of a method whose first argument is compared with every item."""

    def handler(run: Run, value: Any, *args: Any) -> Any:
        if args:
            run.light(args[0])
        run.meter.charge(len(value) >> 4)
        if len(value) > SMALL >> 6:
            run.pay_to_compare(value)
        return getattr(value, name)(*args)

    return handler


def _in_range(name: str) -> Handler:
    """Return the guard of a search in a range, which goes through all of it for what is no integer."""

    def handler(run: Run, value: range, sought: Any) -> Any:
        if type(sought) is not int and type(sought) is not bool:
            run.meter.charge(len(value))
        return getattr(value, name)(sought)

    return handler


def _shifting(name: str) -> Handler:
    def handler(run: Run, value: Any, *args: Any) -> Any:
        if len(value) > SMALL:
            run.meter.charge(len(value) >> 8)
        return getattr(value, name)(*args)

    return handler


def _sort(run: Run, value: list[Any], *, key: Any = None, reverse: bool = False) -> None:
    items = value[:]
    value.clear()  # as Python does: who looks while it is sorted sees nothing
    try:
        done = run.do_sorted(items, key=key, reverse=reverse)
        changed = bool(value)
    except BaseException:
        value[:] = items
        raise
    value[:] = done
    if changed:
        raise ValueError("list modified during sort")


def _combining(name: str) -> Handler:
    """Return the guard of a set's method, which hashes the items of other iterables."""

    def handler(run: Run, value: Any, *others: Any) -> Any:
        if len(value) > SMALL >> 3:
            run.meter.grow(size(value))
        if not are_small(value):
            run.light(value if not isinstance(value, set | frozenset) else list(value))
        return getattr(value, name)(*[run.hashable(other) for other in others])

    return handler


def _update_dict(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
    if args:
        args = (run.pairs(args[0]), *args[1:])
    return value.update(*args, **kwargs)


def _counting(name: str) -> Handler:
    """Return the guard of a method of Counter that counts the items of an iterable."""

    def handler(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
        for counts in (*args[:1], kwargs):
            if isinstance(counts, dict):
                run.plain_counts(counts)
        if args:
            args = (args[0] if isinstance(args[0], dict) else run.hashable(args[0]), *args[1:])
        return getattr(value, name)(*args, **kwargs)

    return handler


def _most_common(run: Run, value: Any, *args: Any, **kwargs: Any) -> Any:
    run.meter.charge(len(value))
    return value.most_common(*args, **kwargs)


def _total(run: Run, value: Any) -> Any:
    run.plain_counts(value)
    return value.total()


def _ratio(run: Run, value: Decimal) -> Any:
    return run.bounded_decimal(value).as_integer_ratio()


def _from_decimal(run: Run, value: Any, number: Any) -> Any:
    return value.from_decimal(run.bounded_decimal(number) if isinstance(number, Decimal) else number)


def _limit_denominator(run: Run, value: Fraction, *args: Any, **kwargs: Any) -> Any:
    run.meter.charge(size(value) * size(value) >> 6)
    return value.limit_denominator(*args, **kwargs)


def _elements(run: Run, value: Any) -> Any:
    return compress(value.elements(), run.meter.steps)


def _to_bytes(run: Run, value: int, *args: Any, **kwargs: Any) -> bytes:
    length = args[0] if args else kwargs.get("length", 1)
    if isinstance(length, int) and length > SMALL:
        run.meter.grow(length)
    return value.to_bytes(*args, **kwargs)


def _strftime(run: Run, value: Any, text: str) -> str:
    if len(text) > _MOST_FORMAT or _NUMBER_IN_FORMAT.search(text):
        raise run.meter.stop(
            "offer", f"a format of more than {_MOST_FORMAT} characters, or with widths, is not offered"
        )
    return str(value.strftime(text))


_COPIES = (
    "capitalize casefold lower lstrip partition removeprefix removesuffix rstrip strip swapcase title upper"
)


def _handlers() -> dict[str, dict[type, Handler]]:
    """Return the guards by name and type. A type that is not there calls its own method."""
    table: dict[str, dict[type, Handler]] = {name: {} for name in GUARDED_METHODS}

    def put(names: str, kinds: tuple[type, ...], make: Callable[[str], Handler]) -> None:
        for name in names.split():
            for kind in kinds:
                if hasattr(kind, name):
                    table[name][kind] = make(name)

    put(_COPIES, _TEXTS, lambda name: _copying(name, 3))
    put("strip lstrip rstrip", _TEXTS, _stripping)
    put("encode decode", _TEXTS, _coding)
    put("hex", _TEXTS, lambda name: _copying(name, 4))
    put("count index", (range,), _in_range)
    put("rfind rindex rpartition rsplit split splitlines", _TEXTS, _searching)
    put("center expandtabs ljust rjust zfill", _TEXTS, _padding)
    put("replace", _TEXTS, lambda _: _replace)
    put("join", _TEXTS, lambda _: _join)
    put("translate", _TEXTS, lambda _: _translate)
    put("format", (str,), lambda _: _format)
    put("format_map", (str,), lambda _: _format_map)
    put("extend extendleft", (list, deque, bytearray), _consuming)
    put("add discard remove", (set,), _hashing)
    put("get pop setdefault", _DICTS, _hashing)
    put("count index remove", _LISTS, _comparing)
    put("insert pop rotate", (list, deque, bytearray), _shifting)
    put("copy", (*_LISTS, *_SETS, *_DICTS, bytearray), _copying)
    put("sort", (list,), lambda _: _sort)
    combining = (
        "difference difference_update intersection intersection_update isdisjoint issubset issuperset "
        "symmetric_difference symmetric_difference_update union update"
    )
    put(combining, _SETS, _combining)
    put("isdisjoint", (type({}.keys()), type({}.items())), _combining)
    put("update", (dict, OrderedDict, defaultdict), lambda _: _update_dict)
    put("update subtract", (Counter,), _counting)
    put("most_common", (Counter,), lambda _: _most_common)
    put("elements", (Counter,), lambda _: _elements)
    put("total", (Counter,), lambda _: _total)
    put("as_integer_ratio", (Decimal,), lambda _: _ratio)
    put("from_decimal", (Fraction,), lambda _: _from_decimal)
    put("limit_denominator", (Fraction,), lambda _: _limit_denominator)
    put("move_to_end", (OrderedDict,), _hashing)
    put("to_bytes", (int, bool), lambda _: _to_bytes)
    put("strftime", (date, time, datetime), lambda _: _strftime)
    return table


HANDLERS = _handlers()


def _unbound(run: Run, kind: type, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method of a built-in type through the type: `str.upper("a")`, `dict.fromkeys("ab")`."""
    if name == "fromkeys" and issubclass(kind, dict):
        return kind.fromkeys(run.hashable(args[0]), *args[1:])
    if name == "from_decimal" and args:
        return _from_decimal(run, kind, *args)
    if name in ("from_bytes", "fromhex") and args:
        run.meter.grow(size(args[0]))
        if name == "from_bytes" and size(args[0]) * 8 > INTEGER_BITS * 2:
            raise run.too_large_integer()
    if name == "strptime" and issubclass(kind, datetime):
        text, pattern = args
        if len(pattern) > _MOST_FORMAT or len(text) > SMALL:
            raise run.meter.stop("offer", f"a format of more than {_MOST_FORMAT} characters is not offered")
        return kind.strptime(text, pattern)
    handler = HANDLERS[name].get(kind)
    if handler is None or not args or not isinstance(args[0], kind):
        return getattr(kind, name)(*args, **kwargs)
    return handler(run, *args, **kwargs)


def _general(name: str) -> Handler:
    """Return the guard of a method for calls of any form."""
    table = HANDLERS[name]

    def guard(run: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        kind = type(value)
        handler = table.get(kind)
        if handler is not None:
            return handler(run, value, *args, **kwargs)
        if kind is View:
            return _unbound(run, value.__real__, name, args, kwargs)
        if kind is type:
            return _unbound(run, value, name, args, kwargs)
        if issubclass(kind, tuple | datetime):
            for base in kind.__mro__:
                if base in table:
                    return table[base](run, value, *args, **kwargs)
        return getattr(value, name)(*args, **kwargs)

    return guard


def _lanes(name: str, kind: type, general: Handler, most: int) -> tuple[Handler, Handler, Handler]:
    """Return guards for calls with no, one and two arguments, which call the method of a small built-in value at once."""
    method, length = getattr(kind, name), kind.__len__  # type: ignore[attr-defined]  # a type with a length

    def none(run: Any, value: Any) -> Any:
        return method(value) if type(value) is kind and length(value) <= most else general(run, value)

    def one(run: Any, value: Any, a: Any) -> Any:
        if (
            type(value) is kind
            and length(value) <= most
            and (type(a) is int or (type(a) is str and len(a) <= _LITTLE))
        ):
            return method(value, a)
        return general(run, value, a)

    def two(run: Any, value: Any, a: Any, b: Any) -> Any:
        if type(value) is kind and length(value) <= most and type(a) in _KEYS and type(b) is int:
            return method(value, a, b)
        return general(run, value, a, b)

    return none, one, two


def _keyed_lanes(name: str, kind: type, general: Handler) -> tuple[Handler, Handler, Handler]:
    """Return guards that call the method at once where the first argument, which is hashed, is a short text or a number."""
    method = getattr(kind, name)

    def none(run: Any, value: Any) -> Any:
        return general(run, value)

    def one(run: Any, value: Any, a: Any) -> Any:
        if type(value) is kind and type(a) in _KEYS:
            return method(value, a)
        return general(run, value, a)

    def two(run: Any, value: Any, a: Any, b: Any) -> Any:
        if type(value) is kind and type(a) in _KEYS:
            return method(value, a, b)
        return general(run, value, a, b)

    return none, one, two


def _general_lanes(general: Handler) -> tuple[Handler, Handler, Handler]:
    return general, general, general


_KEYS = frozenset((str, int))
"""Keys that are hashed at once: a text keeps its hash, and an integer is no larger than integers may be."""
_LITTLE = 64
_SIZED_LANES = {
    **dict.fromkeys(
        f"{_COPIES} partition split splitlines rsplit rfind rindex rpartition".split(), (str, SMALL)
    ),
    **dict.fromkeys(("copy", "pop", "insert", "index", "count"), (list, _LITTLE)),
}
_KEYED_LANES = {"get": dict, "setdefault": dict, "add": set, "discard": set}


class Methods:
    """Guards of methods: `dot_split` for any call, `dot_split1` for one with one argument."""

    __slots__ = ()


def _install(name: str) -> None:
    general = _general(name)
    lanes = _general_lanes(general)
    if name in _SIZED_LANES:
        kind, most = _SIZED_LANES[name]
        lanes = _lanes(name, kind, general, most)
    elif name in _KEYED_LANES:
        lanes = _keyed_lanes(name, _KEYED_LANES[name], general)
    for suffix, guard in zip(("", "0", "1", "2"), (general, *lanes), strict=True):
        setattr(Methods, f"dot_{name}{suffix}", guard)


for _name in GUARDED_METHODS:
    _install(_name)


def _join1(run: Any, value: Any, items: Any) -> Any:
    """Join a few short texts at once."""
    if type(value) is str and type(items) is list and len(items) <= _LITTLE and len(value) <= _LITTLE:
        try:
            if sum(map(len, items)) <= SMALL:
                return value.join(items)
        except TypeError:  # no text among them: Python's own words about it come from the method
            return value.join(items)
    return Methods.dot_join(run, value, items)  # type: ignore[attr-defined]  # installed above


Methods.dot_join1 = _join1  # type: ignore[attr-defined]

"""How host and cage talk: length, then JSON. Every frame that comes out of a cage is hostile.

Both sides load this, so it imports next to nothing. The one idea: JSON's own types go as they are, everything else that may cross is a pair
`{"$": [name, content]}` that is decoded by hand into one of a closed list of types; no object can name a class.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False  # not typing's, which a zygote would have to load
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

INPUT_FILE = "input.json"
"""The file in `input/` that holds a run's inputs."""
HEADER = 4
TOKEN = 16
MOST_DEPTH = 100
_MARK = "$"
_PAIR = 2
_LONG = 1 << 14_000
"""Integers from here on do not cross: Python writes no more than 4,300 decimal digits, so whoever printed one would fail."""
_MOST_DIGITS = 3_500
"""The same in hexadecimal digits, as JavaScript's come."""
_MOST_COLLISIONS = 32


class NotPlain(Exception):
    """A value that cannot cross. `str()` says which and why."""


def _quick(value: Any) -> bool:
    """Return whether a value is the same in JSON."""
    kind = type(value)
    return (
        kind is str
        or value is None
        or kind is bool
        or kind is float
        or (kind is int and -_LONG < value < _LONG)
    )


def encode(value: object) -> str:
    """Return a value as JSON.

    Raises:
        NotPlain: it, or something in it, is of a type that cannot cross, or it nests too deep.

    """
    return json.dumps(value if _quick(value) else _plain(value, 0), separators=(",", ":"))


def _plain(value: Any, depth: int) -> object:
    """Return a value in JSON's own types, by exact type: no method of a foreign class runs."""
    if _quick(value):
        return value
    if depth >= MOST_DEPTH:
        raise NotPlain(f"it nests deeper than {MOST_DEPTH} levels")
    make = _FORMS.get(type(value))
    if make is None:
        kind = type(value)
        raise NotPlain(f"it holds a {kind.__module__}.{kind.__qualname__}, which is no plain data"[:300])
    return make(value, depth + 1)


def _plain_list(value: list[Any], depth: int) -> object:
    return [_plain(each, depth) for each in value]


def _refuse_long(_: int, __: int) -> object:
    raise NotPlain("it holds an integer of more than 4,300 digits")


def _marked_items(value: Any, depth: int) -> object:
    return {_MARK: [type(value).__name__, [_plain(each, depth) for each in value]]}


def _plain_dict(value: dict[Any, Any], depth: int) -> object:
    if all(type(key) is str for key in value) and _MARK not in value:
        return {key: _plain(each, depth) for key, each in value.items()}
    return {_MARK: ["dict", [[_plain(key, depth), _plain(each, depth)] for key, each in value.items()]]}


_FORMS: dict[type, Callable[[Any, int], object]] = {
    list: _plain_list,
    dict: _plain_dict,
    tuple: _marked_items,
    set: _marked_items,
    frozenset: _marked_items,
    bytes: lambda value, _: {_MARK: ["bytes", value.decode("latin-1")]},
    complex: lambda value, _: {_MARK: ["complex", [value.real, value.imag]]},
    int: _refuse_long,
}


def decode(text: str | bytes) -> object:
    """Return the value that a JSON text stands for.

    Raises:
        NotPlain: it is no JSON, nests too deep, or holds a mark that means nothing.

    """
    try:
        value = json.loads(text)
        return value if _quick(value) else _restore(value, 0)
    except RecursionError:
        raise NotPlain("it nests too deep") from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise NotPlain(f"it is no value: {type(error).__name__}") from None


def _restore(value: object, depth: int) -> object:
    if depth > 2 * MOST_DEPTH:
        raise NotPlain("it nests too deep")
    if type(value) is list:
        return [each if _quick(each) else _restore(each, depth + 1) for each in value]
    if type(value) is not dict:
        return value
    if _MARK in value:
        return _marked(value, depth + 1)
    return {key: each if _quick(each) else _restore(each, depth + 1) for key, each in value.items()}


def _marked(value: dict[str, object], depth: int) -> object:
    pair = value[_MARK]
    if len(value) != 1 or type(pair) is not list or len(pair) != _PAIR:
        raise NotPlain("it holds a mark that means nothing")
    name, content = pair
    if name == "bytes" and type(content) is str:
        return content.encode("latin-1")
    if name == "int" and type(content) is str and len(content) <= _MOST_DIGITS:
        return int(content, 16)
    if type(content) is not list:
        raise NotPlain("it holds a mark that means nothing")
    if name == "dict":
        pairs = [(_restore(key, depth), _restore(each, depth)) for key, each in content]
        _refuse_collisions(key for key, _ in pairs)
        return dict(pairs)
    if name == "complex":
        real, imaginary = content
        if type(real) is not float or type(imaginary) is not float:
            raise NotPlain("it holds a mark that means nothing")
        return complex(real, imaginary)
    kinds = {"tuple": tuple, "set": set, "frozenset": frozenset}
    if name not in kinds:
        raise NotPlain("it holds a mark that means nothing")
    items = [_restore(each, depth) for each in content]
    if name != "tuple":
        _refuse_collisions(items)
    return kinds[name](items)


def _refuse_collisions(items: Iterable[object]) -> None:
    """Refuse items with one hash: a set of 40,000 of them takes seconds to build, and hostile code can choose them."""
    counts: dict[int, int] = {}
    for each in items:
        found = hash(each)
        counts[found] = counts.get(found, 0) + 1
        if counts[found] > _MOST_COLLISIONS:
            raise NotPlain("too many of its keys have one hash")

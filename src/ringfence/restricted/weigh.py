"""How large values are, and how long comparing, hashing or showing them takes: `size` looks at one value, `weigh` walks all it holds."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ringfence.restricted.shallow import deque

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.meter import Meter

_FLAT = frozenset((int, float, complex, bool, type(None)))
_SHOWN_OF_ERRORS = ("filename", "filename2", "msg", "strerror", "text", "reason", "object", "name")
"""What a built-in exception may show besides its arguments."""
_SCALARS = _FLAT | {str}
_SHORT = 1024
_WRITTEN = 26
"""The most that a number takes when it is written out, with a comma and a blank."""
_arguments = BaseException.args.__get__  # type: ignore[attr-defined]
_TEXTS = (str, bytes, bytearray)
_POINTER = 8
_ENTRY = 64
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_HOLDING = (list, tuple, set, frozenset, deque, *_VIEWS)
_AT_ONCE = 1 << 17
_MOST_LEVELS = 500
"""How deep what is compared, hashed or shown may nest: hashing goes down in C, without a limit of its own."""


def _bits(value: Any) -> int:
    return (int(value.numerator.bit_length()) + int(value.denominator.bit_length())) >> 3


_SIZES: dict[type, Callable[[Any], int]] = {
    int: _bits,
    Fraction: _bits,
    str: str.__sizeof__,
    bytes: bytes.__sizeof__,
    bytearray: bytearray.__sizeof__,
    **dict.fromkeys((list, tuple, deque), lambda value: len(value) * _POINTER),
    **dict.fromkeys((dict, set, frozenset, *_VIEWS), lambda value: len(value) * _ENTRY),
    **dict.fromkeys((float, bool, complex, type(None)), lambda _: 0),
}


_LONG: dict[type, Callable[[Any], int]] = {
    int: lambda value: int.bit_length(value) >> 1,
    Fraction: lambda value: _bits(value) << 3,
    Decimal: lambda value: Decimal.__sizeof__(value) << 2,
}
"""About how many bytes more than `_WRITTEN` a number takes when it is written out."""


def size(value: Any) -> int:
    """Return about how many bytes the value itself takes, without what it holds; 0 for what cannot be large."""
    measure = _SIZES.get(type(value))
    if measure is not None:
        return measure(value)
    if isinstance(value, tuple | deque):
        return len(value) * _POINTER
    return len(value) * _ENTRY if isinstance(value, dict) else 0


def are_small(values: Any) -> bool:
    """Return whether all of these are short texts and small numbers, so that hashing or comparing each takes next to nothing."""
    kinds = set(map(type, values))
    if not kinds <= _SCALARS:
        return False
    if str in kinds:
        texts = values if len(kinds) == 1 else [value for value in values if type(value) is str]
        if max(map(len, texts)) > _SHORT:
            return False
    if int in kinds:
        numbers = values if len(kinds) == 1 else [value for value in values if type(value) is int]
        return max(map(int.bit_length, numbers)) <= _SHORT
    return True


def weigh(meter: Meter, value: Any) -> int:
    """Take the steps that comparing, hashing or showing a value takes, with everything in it as often as it is in it.

    Returns:
        About how many bytes the value takes when it is written out; an upper bound.

    """
    levels: list[list[Any]] = [[value]]
    written = unpaid = 0
    while levels:
        if not levels[-1]:
            levels.pop()
            continue
        below: list[Any] = []
        unpaid += _WRITTEN + _weigh_one(levels[-1].pop(), below)
        if unpaid > _AT_ONCE:
            meter.charge(unpaid >> 7)
            written += unpaid
            unpaid = 0
        if below:
            levels.append(below)
            if len(levels) > _MOST_LEVELS:
                raise meter.stop("recursion", f"values nest deeper than {_MOST_LEVELS:,} levels")
    meter.charge(unpaid >> 7)
    return written + unpaid


def _weigh_one(value: Any, below: list[Any]) -> int:
    """Return the bytes of a value by itself; what it holds is kept for later."""
    kind = type(value)
    if kind in _LONG:
        return _LONG[kind](value)
    if kind in _TEXTS:
        return len(value) << 2
    if kind in _FLAT:
        return 0
    if issubclass(kind, _HOLDING):
        return _weigh_items(value, below)
    if issubclass(kind, dict):
        return _weigh_items(dict.keys(value), below) + _weigh_items(dict.values(value), below)
    if issubclass(kind, BaseException):
        below += [_arguments(value), *(getattr(value, name, None) for name in _SHOWN_OF_ERRORS)]
    elif kind is slice:
        below += [value.start, value.stop, value.step]
    return 0


def _weigh_items(values: Any, waiting: list[Any]) -> int:
    """Return the bytes of items that hold nothing; the others are kept for later."""
    kinds = set(map(type, values))
    if kinds <= _FLAT:
        bits = sum(map(int.bit_length, values)) if kinds == {int} else 0
        if int not in kinds or bits:
            return (bits >> 1) + len(values) * _WRITTEN
    elif kinds == {str}:
        return (sum(map(len, values)) << 2) + len(values) * _WRITTEN
    waiting += values
    return 0

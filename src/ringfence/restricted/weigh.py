"""How large values are, and how long comparing, hashing or showing them takes: `size` looks at one value, `weigh` walks all it holds."""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.meter import Meter

_FLAT = frozenset((int, float, complex, bool, type(None)))
_WRITTEN = 26
"""The most that a number takes when it is written out, with a comma and a blank."""
_arguments = BaseException.args.__get__  # type: ignore[attr-defined]
_TEXTS = (str, bytes, bytearray)
_POINTER = 8
_ENTRY = 64
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_AT_ONCE = 1 << 17


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


def weigh(meter: Meter, value: Any) -> int:
    """Take the steps that comparing, hashing or showing a value takes, with everything in it as often as it is in it.

    Returns:
        About how many bytes the value takes when it is written out; an upper bound.

    """
    waiting: list[Any] = [value]
    written = unpaid = 0
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind in _LONG:
            unpaid += _LONG[kind](value)
        elif kind in _TEXTS:
            unpaid += len(value) << 2
        elif kind in _FLAT:
            pass
        elif issubclass(kind, list | tuple | set | frozenset | deque) or issubclass(kind, _VIEWS):
            unpaid += _weigh_items(value, waiting)
        elif issubclass(kind, dict):
            unpaid += _weigh_items(dict.keys(value), waiting) + _weigh_items(dict.values(value), waiting)
        elif issubclass(kind, BaseException):
            waiting.append(_arguments(value))
        elif kind is slice:
            waiting += [value.start, value.stop, value.step]
        unpaid += _WRITTEN
        if unpaid > _AT_ONCE:
            meter.charge(unpaid >> 7)
            written += unpaid
            unpaid = 0
    meter.charge(unpaid >> 7)
    return written + unpaid


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

"""Plain values: what may go into an evaluation and come out of it, copied and counted on the way.

Copying goes by the exact type, never by what an object says about itself, so that no method of a snippet's class runs. The one idea:
a copy is counted as large as it would be written out, so that a list that holds one list twice, forty times over, is refused.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from numbers import Number
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ringfence.restricted import shallow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MOST_DEPTH = 100
"""How deep values may nest."""
FLAT = frozenset((str, int, float, complex, bool, type(None)))
"""Types whose values hold nothing, and cannot change."""
_ITEM = 8


class NotPlain(Exception):
    """A value that cannot be copied. `str()` says which and why."""


class Copier:
    """Copies values, and counts them.

    Arguments:
        most_bytes: how large they may be, in bytes as JSON would roughly take; 0: as large as they are.
        what: how a message names them.

    """

    def __init__(self, most_bytes: int, what: str) -> None:
        self._left = self._most = most_bytes
        self._what = what
        self.too_large = False

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Return a copy that shares nothing that can change.

        Raises:
            NotPlain: it holds a value of another type, nests too deep, or is too large.

        """
        kind = type(value)
        if kind in FLAT:
            if self._most:
                self._take(
                    _ITEM + (len(value) if kind is str else value.bit_length() // 3 if kind is int else 0)
                )
            return value
        copy = _COPIES.get(kind)
        if copy is None:
            return self._convert(value, depth)
        if depth == MOST_DEPTH:
            raise NotPlain(f"{self._what} nests deeper than {MOST_DEPTH} levels")
        return copy(self, value, depth + 1)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0 and self._most:
            self.too_large = True
            raise NotPlain(f"{self._what} is larger than {self._most:,} bytes")

    def items(self, values: Collection[Any], depth: int) -> list[Any]:
        """Return a list of copied items; those that hold nothing are copied at once."""
        kinds = set(map(type, values))
        if kinds <= FLAT:
            if self._most:
                self._take(_flat_size(values, kinds))
            return list(values)
        self._take(_ITEM)
        return [self.copy(value, depth) for value in values]

    def mapping(self, values: dict[Any, Any], depth: int) -> dict[Any, Any]:
        """Return a dict of copied keys and values."""
        contents = values.values()
        kinds, held = set(map(type, values)), set(map(type, contents))
        if kinds <= FLAT and held <= FLAT:
            if self._most:
                self._take(_flat_size(values, kinds) + _flat_size(contents, held))
            return dict(values)
        self._take(_ITEM)
        return {self.copy(key, depth): self.copy(value, depth) for key, value in values.items()}

    def text(self, value: Any, _: int) -> Any:
        """Return a copy of bytes."""
        self._take(len(value) + 2)
        return type(value)(value)

    def fixed(self, value: Any, _: int) -> Any:
        """Return a value that holds nothing and cannot change."""
        self._take(32)
        return value

    def moment(self, value: Any, depth: int) -> Any:
        """Return a date or time. A time zone of another class than the library's fixed one becomes the offset that it gives."""
        zone = value.tzinfo
        if zone is not None and type(zone) is not dt.timezone:
            offset = value.utcoffset()
            value = value.replace(tzinfo=None if offset is None else dt.timezone(offset))
        return self.fixed(value, depth)

    def number(self, value: Any, _: int) -> Any:
        """Return a Decimal or Fraction, as large as it is written out."""
        digits = len(value.as_tuple().digits) if type(value) is Decimal else size_of_fraction(value)
        self._take(digits + 32)
        return value

    def _convert(self, value: Any, depth: int) -> Any:
        """Copy what is no plain value by itself but has one plain form."""
        kind = type(value)
        if issubclass(kind, tuple):  # a named tuple
            return tuple(self.items([*tuple.__iter__(value)], depth + 1))
        raise NotPlain(f"{self._what} holds {_described(value)}, which is no plain value")


def _described(value: object) -> str:
    name = str.__str__(type.__dict__["__name__"].__get__(type(value)))
    return f"a {name[:80]}"


def _flat_size(values: Collection[Any], kinds: set[type]) -> int:
    """Return about how many bytes values of these types, which hold nothing, take when they are written out."""
    size = len(values) * _ITEM
    if str in kinds:
        size += sum(
            map(len, values if len(kinds) == 1 else [value for value in values if type(value) is str])
        )
    if int in kinds:
        numbers = values if len(kinds) == 1 else [value for value in values if type(value) is int]
        size += sum(map(int.bit_length, numbers)) // 3
    return size


def size_of_fraction(value: Fraction) -> int:
    """Return about how many digits a fraction has."""
    return (value.numerator.bit_length() + value.denominator.bit_length()) // 3


def _listing(make: Callable[[list[Any]], Any]) -> Callable[[Copier, Any, int], Any]:
    return lambda copier, value, depth: make(copier.items(value, depth))


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_COPIES: dict[type, Callable[[Copier, Any, int], Any]] = {
    **dict.fromkeys((list, deque, *_VIEWS), Copier.items),
    tuple: _listing(tuple),
    set: _listing(set),
    frozenset: _listing(frozenset),
    dict: Copier.mapping,
    shallow.deque: Copier.items,
    shallow.defaultdict: lambda copier, value, depth: copier.mapping(dict(value), depth),
    defaultdict: lambda copier, value, depth: copier.mapping(dict(value), depth),
    Counter: lambda copier, value, depth: copier.mapping(dict(value), depth),
    OrderedDict: lambda copier, value, depth: copier.mapping(dict(OrderedDict.items(value)), depth),
    **dict.fromkeys((bytes, bytearray), Copier.text),
    **dict.fromkeys((dt.date, dt.timedelta, dt.timezone, UUID, range), Copier.fixed),
    **dict.fromkeys((dt.datetime, dt.time), Copier.moment),
    **dict.fromkeys((Decimal, Fraction), Copier.number),
}


class InputCopier(Copier):
    """Copies what the host hands in. Its own subclasses of plain types (enumerations, numpy's float) become plain ones."""

    def _convert(self, value: Any, depth: int) -> Any:
        plain = self._plain(value)
        return super()._convert(value, depth) if plain is value else self.copy(plain, depth)

    @staticmethod
    def _plain(value: Any) -> Any:
        for kind, plain in _PLAIN.items():
            if isinstance(value, kind):
                return plain(value)
        if isinstance(value, Number) and hasattr(value, "item"):  # numpy's own integers and floats
            return value.item()
        return value


_PLAIN: dict[type, Callable[[Any], Any]] = {str: str.__str__, int: int, float: float, dict: dict, list: list}

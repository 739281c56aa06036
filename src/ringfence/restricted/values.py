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

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

MOST_DEPTH = 100
"""How deep values may nest."""
_NUMBERS = (int, float, complex, bool, type(None))
_FLAT = frozenset((float, complex, bool, type(None)))
_FIXED = frozenset((dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone, UUID, range))
_ITEM = 8


class NotPlain(Exception):
    """A value that cannot be copied. `str()` says which and why."""


class Copier:
    """Copies values, and counts them.

    Arguments:
        most_bytes: how large they may be, in bytes as JSON would roughly take.
        what: how a message names them.

    """

    def __init__(self, most_bytes: int, what: str) -> None:
        self._left = most_bytes
        self._most = most_bytes
        self._what = what
        self.too_large = False

    @property
    def size(self) -> int:
        """The bytes copied so far."""
        return self._most - self._left

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Return a copy that shares nothing that can change.

        Raises:
            NotPlain: it holds a value of another type, nests too deep, or is too large.

        """
        kind = type(value)
        if kind in _NUMBERS:
            self._take(_ITEM + value.bit_length() // 3 if kind is int else _ITEM)
            return value
        if kind is str or kind is bytes or kind is bytearray:
            self._take(len(value) + 2)
            return kind(value)
        if kind in _FIXED:
            self._take(32)
            return value
        if depth == MOST_DEPTH:
            raise NotPlain(f"{self._what} nests deeper than {MOST_DEPTH} levels")
        copy = _CONTAINERS.get(kind)
        return self._convert(value, depth) if copy is None else copy(self, value, depth + 1)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            self.too_large = True
            raise NotPlain(f"{self._what} is larger than {self._most:,} bytes")

    def _items(self, values: Collection[Any], depth: int) -> list[Any]:
        self._take(2)
        kinds = set(map(type, values))
        if kinds <= _FLAT:
            self._take(len(values) * _ITEM)
            return list(values)
        if kinds == {str}:
            self._take(sum(map(len, values)) + len(values) * 2)
            return list(values)
        return [self.copy(value, depth) for value in values]

    def mapping(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> dict[Any, Any]:
        """Return a dict of copied keys and values."""
        self._take(2)
        return {self.copy(key, depth): self.copy(value, depth) for key, value in pairs}

    def _convert(self, value: Any, depth: int) -> Any:
        """Copy what is no plain value by itself but has one plain form."""
        kind = type(value)
        if kind is Decimal or kind is Fraction:
            self._take(len(str(value)) if kind is Decimal else value.numerator.bit_length() // 3 + 40)
            return value
        if issubclass(kind, tuple):  # a named tuple
            return tuple(self._items([*tuple.__iter__(value)], depth + 1))
        raise NotPlain(f"{self._what} holds {_described(value)}, which is no plain value")


def _described(value: object) -> str:
    name = str.__str__(type.__dict__["__name__"].__get__(type(value)))
    return f"a {name[:80]}"


_CONTAINERS: dict[type, Callable[[Copier, Any, int], Any]] = {
    list: Copier._items,  # noqa: SLF001 - the table of the class above
    tuple: lambda copier, value, depth: tuple(copier._items(value, depth)),  # noqa: SLF001
    set: lambda copier, value, depth: set(copier._items(value, depth)),  # noqa: SLF001
    frozenset: lambda copier, value, depth: frozenset(copier._items(value, depth)),  # noqa: SLF001
    deque: Copier._items,  # noqa: SLF001
    type({}.keys()): Copier._items,  # noqa: SLF001
    type({}.values()): Copier._items,  # noqa: SLF001
    type({}.items()): Copier._items,  # noqa: SLF001
    dict: lambda copier, value, depth: copier.mapping(value.items(), depth),
    defaultdict: lambda copier, value, depth: copier.mapping(dict.items(value), depth),
    Counter: lambda copier, value, depth: copier.mapping(dict.items(value), depth),
    OrderedDict: lambda copier, value, depth: copier.mapping(OrderedDict.items(value), depth),
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

"""The digest that binds an approval to arguments: equal for equal arguments, and for no others.

Values come from models and frameworks, so only exact built-in types are read and none of their own code runs. The one idea: each value is
written with its type and its length before it, so that no two different values are written alike: 1, 1.0, True and "1" are four.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MOST_DEPTH = 32
MOST_VALUES = 100_000


class Undigestible(Exception):
    """A value that no approval can be bound to: of another than the built-in types, too deep or too large."""


def digest(arguments: Mapping[str, object]) -> str:
    """Return the SHA-256 of arguments in a canonical form, as 64 hexadecimal digits. The order of mappings and sets does not count.

    Raises:
        Undigestible: a value is of another type than None, bool, int, float, str, bytes, bytearray, list, tuple, dict, set, frozenset, or
            more than 32 levels deep, or there are more than 100,000 values.

    """
    import hashlib  # noqa: PLC0415 - loads a large library; only a call that a person decides needs it

    return hashlib.sha256(_Encoder().encode(dict(arguments), 0)).hexdigest()


class _Encoder:
    """Writes values, and counts them."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def encode(self, value: object, depth: int) -> bytes:
        self._left -= 1
        if depth > MOST_DEPTH or self._left < 0:
            raise Undigestible("is too deep or too large")
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            tag, written = scalar
            return _framed(tag, written(value))
        tag = _CONTAINERS.get(kind, b"")
        if not tag:
            raise Undigestible(f"holds a {kind.__name__[:80]}")
        return _framed(tag, self._items(value, depth + 1))

    def _items(self, value: object, depth: int) -> bytes:
        if type(value) is dict:
            pairs = [(self.encode(key, depth), self.encode(item, depth)) for key, item in list(value.items())]
            return b"".join(key + item for key, item in sorted(pairs))
        items = [self.encode(item, depth) for item in list(cast("Iterable[object]", value))]
        if type(value) in (set, frozenset):
            items.sort()
        return b"".join(items)


def _framed(tag: bytes, data: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(data), data)


_SCALARS: Mapping[type, tuple[bytes, Callable[..., bytes]]] = {
    type(None): (b"n", lambda _: b""),
    bool: (b"t", lambda value: b"1" if value else b"0"),
    int: (b"i", lambda value: hex(value).encode()),
    float: (b"f", lambda value: struct.pack(">d", value)),
    str: (b"s", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (b"b", lambda value: value),
    bytearray: (b"B", bytes),
}
_CONTAINERS: Mapping[type, bytes] = {list: b"l", tuple: b"u", dict: b"m", set: b"e", frozenset: b"E"}

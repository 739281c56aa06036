"""Digests and identifiers: hashlib, and uuid without what tells of the machine."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING, Any

from ringfence.restricted.meter import SMALL
from ringfence.restricted.modules.view import ModuleView, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_OFFERED = words("md5 sha1 sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s")
_MOST_TEXT = 200


class Hashlib(ModuleView):
    """`hashlib`: hash functions of a fixed length."""

    __slots__ = ()
    __named__ = "hashlib"

    def new(self, name: Any, data: Any = b"", **options: Any) -> Any:
        """Return a hash object of a name."""
        if name not in _OFFERED:
            raise self.__run__.meter.stop(
                "offer", f"hashlib.new of {str(name)[:40]!r} is not offered in a snippet"
            )
        return getattr(self, name)(data, **options)


def _digest(name: str) -> Callable[..., Any]:
    make = getattr(hashlib, name)

    def method(self: Hashlib, /, *args: Any, **options: Any) -> Any:
        for data in (*args, *options.values()):
            if isinstance(data, bytes | bytearray):
                self.__run__.meter.charge(len(data) >> 5)
        return make(*args, **options)

    method.__name__ = method.__qualname__ = name
    return method


for _name in _OFFERED:
    setattr(Hashlib, _name, _digest(_name))


class Uuid(ModuleView):
    """`uuid`."""

    __slots__ = ()
    __named__ = "uuid"
    NAMESPACE_DNS, NAMESPACE_URL = uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL
    NAMESPACE_OID, NAMESPACE_X500 = uuid.NAMESPACE_OID, uuid.NAMESPACE_X500
    RESERVED_NCS, RFC_4122 = uuid.RESERVED_NCS, uuid.RFC_4122
    RESERVED_MICROSOFT, RESERVED_FUTURE = uuid.RESERVED_MICROSOFT, uuid.RESERVED_FUTURE

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(uuid.UUID, self.__uuid__)

    def __uuid__(self, *args: Any, **kwargs: Any) -> uuid.UUID:
        for value in (*args, *kwargs.values()):
            if isinstance(value, str) and len(value) > _MOST_TEXT:
                raise self.__run__.meter.stop(
                    "offer", f"a UUID of more than {_MOST_TEXT} characters is not offered"
                )
            if not isinstance(value, str | bytes | int | tuple | list | None):
                raise self.__run__.meter.stop("offer", f"a UUID of a {type(value).__name__} is not offered")
        return uuid.UUID(*args, **kwargs)

    def uuid4(self) -> uuid.UUID:
        """Return a random identifier."""
        return uuid.uuid4()

    def uuid3(self, namespace: Any, name: Any) -> uuid.UUID:
        """Return the identifier of a name, by MD5."""
        self.__pay__(namespace, name)
        return uuid.uuid3(namespace, name)

    def uuid5(self, namespace: Any, name: Any) -> uuid.UUID:
        """Return the identifier of a name, by SHA-1."""
        self.__pay__(namespace, name)
        return uuid.uuid5(namespace, name)

    def __pay__(self, namespace: Any, name: Any) -> None:
        meter = self.__run__.meter
        if type(namespace) is not uuid.UUID:
            raise meter.stop("offer", "the namespace of a UUID is offered as a UUID only")
        if isinstance(name, str | bytes):
            meter.charge(len(name) >> 4)
            if len(name) > SMALL:
                meter.grow(len(name) * 4)

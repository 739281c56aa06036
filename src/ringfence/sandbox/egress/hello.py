"""The ClientHello that begins a tunnel: the name in it (SNI) must be the one that the tunnel was opened for.

What follows it is encrypted and passes unseen. The one idea: a grant for one name on a shared address is no grant for its neighbours,
so what does not say in the open whom it wants to talk to does not pass.
"""

from __future__ import annotations

from ringfence.sandbox.egress.names import literal
from ringfence.sandbox.egress.refusing import Refused, forbidden

_HANDSHAKE, _CLIENT_HELLO, _VERSION_3 = 22, 1, 3
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_VERSION_AND_RANDOM = 34
_LARGEST_RECORD = 16 * 1024
_LARGEST_HELLO = 32 * 1024
"""With post-quantum keys a ClientHello takes about 2 kB."""
_MOST_RECORDS = 16
"""Each record is looked at again whenever more comes, so there may not be thousands of tiny ones."""
_SERVER_NAME = 0
_ENCRYPTED_HELLO = 0xFE0D
_HOST_NAME = 0


class Hello:
    """Passes a tunnel on once its ClientHello has come and names the host; nothing before.

    Arguments:
        host: the host in normal form. Where it is an IP address, the ClientHello must name none (RFC 6066, 3).

    """

    done = False

    def __init__(self, host: str) -> None:
        self._host = host
        self._received = bytearray()
        self._passed = False

    def feed(self, data: bytes) -> bytes:
        """Return the data, from the beginning, once it may pass."""
        if self._passed:
            return data
        self._received += data
        message = _first_message(self._received)
        if message is None:
            return b""
        self._check(_read_hello(message))
        self._passed = True
        held, self._received = bytes(self._received), bytearray()
        return held

    def end(self) -> bytes:
        """Return nothing."""
        return b""

    def _check(self, extensions: list[tuple[int, bytes]]) -> None:
        kinds = [kind for kind, _ in extensions]
        if _ENCRYPTED_HELLO in kinds:
            raise forbidden("expected a ClientHello without an encrypted one inside (ECH): it hides the host")
        names = [_read_names(data) for kind, data in extensions if kind == _SERVER_NAME]
        expected = [] if literal(self._host) else [self._host]
        if names != expected:
            wanted = f"the server name {self._host}" if expected else "no server name for an IP address"
            raise forbidden(f"expected a ClientHello with {wanted}, since the tunnel was opened for that")


class _Cursor:
    """Reads a message field by field; what is not there is refused."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        self._at += size
        if self._at > len(self._data):
            raise _not_tls()
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return bytes whose number comes first, in so many bytes."""
        return self.take(self.number(size))


def _first_message(received: bytearray) -> bytes | None:
    """Return the first handshake message, which may come in several records; None while part of it is missing."""
    message, at = bytearray(), 0
    for _ in range(_MOST_RECORDS):
        head = received[at : at + _RECORD_HEAD]
        if head[:1] not in (b"", bytes([_HANDSHAKE])) or head[1:2] not in (b"", bytes([_VERSION_3])):
            raise _not_tls()
        size = int.from_bytes(head[3:], "big")
        if len(head) < _RECORD_HEAD:
            return None
        if not 0 < size <= _LARGEST_RECORD:
            raise _not_tls()
        message += received[at + _RECORD_HEAD : at + _RECORD_HEAD + size]
        at += _RECORD_HEAD + size
        whole = _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD], "big")
        if message[:1] not in (b"", bytes([_CLIENT_HELLO])) or whole > _LARGEST_HELLO:
            raise _not_tls()
        if len(message) >= _MESSAGE_HEAD and len(message) > whole:  # a second one might name another host
            raise _not_tls()
        if len(message) == whole:
            return bytes(message)
        if at > len(received):
            return None
    raise _not_tls()


def _read_hello(message: bytes) -> list[tuple[int, bytes]]:
    """Return the extensions of a ClientHello (RFC 8446, 4.1.2)."""
    cursor = _Cursor(message)
    cursor.take(_MESSAGE_HEAD + _VERSION_AND_RANDOM)
    for size in (1, 2, 1):  # session, cipher suites, compression
        cursor.vector(size)
    listed = _Cursor(cursor.vector(2) if cursor else b"")
    if cursor:
        raise _not_tls()
    extensions = []
    while listed:
        extensions.append((listed.number(2), listed.vector(2)))
    return extensions


def _read_names(extension: bytes) -> str:
    """Return the name in a server name extension, in lower case; several ones become a name that no host has."""
    outer = _Cursor(extension)
    listed = _Cursor(outer.vector(2))
    names = []
    while listed:
        kind, name = listed.number(1), listed.vector(2)
        names.append(name.decode("latin-1").lower().removesuffix(".") if kind == _HOST_NAME else "")
    return names[0] if len(names) == 1 and not outer else ""


def _not_tls() -> Refused:
    return forbidden(
        "expected TLS in the tunnel, beginning with a ClientHello; other protocols need a grant of the address itself"
    )

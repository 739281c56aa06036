"""What passes from a client to a server: the body of one request, or all that follows a CONNECT.

A filter is fed what was received and returns what is sent on. The one idea: a body is measured here and, where it comes in chunks,
written anew, so that no byte after the one request ever reaches the server and no chunk can be read in two ways.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from ringfence.sandbox.egress.refusing import malformed

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t -~\x80-\xff]*)?")
_BARE = re.compile(rb"[\r\n]")
_LONGEST_LINE = 4096
_MOST_TRAILER = 16 * 1024


class Filter(Protocol):
    """Passes bytes on.

    Attributes:
        done: whether all that it lets pass was passed; it drops what comes later.

    """

    done: bool

    def feed(self, data: bytes) -> bytes:
        """Return what is sent on for what was received.

        Raises:
            Refused: what was received is not what may pass.

        """

    def end(self) -> bytes:
        """Return what is left to be sent once no more is received.

        Raises:
            Refused: it ended too early.

        """


class Everything:
    """Passes everything on."""

    done = False

    def feed(self, data: bytes) -> bytes:
        """Return the data."""
        return data

    def end(self) -> bytes:
        """Return nothing."""
        return b""


class Sized:
    """Passes a number of bytes on: the body of a request with a `Content-Length`, or without a body."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.done = size == 0

    def feed(self, data: bytes) -> bytes:
        """Return as much as belongs to the body."""
        part = data[: self._left]
        self._left -= len(part)
        self.done = self._left == 0
        return part

    def end(self) -> bytes:
        """Return nothing."""
        return _ended(complete=self.done)


class Chunked:
    """Passes a chunked body on (RFC 9112, 7.1), without extensions and trailers, which a proxy may drop."""

    def __init__(self) -> None:
        self.done = False
        self._received = bytearray()
        self._left = 0  # of the current chunk
        self._step: Callable[[bytearray], bool] = self._size
        self._trailer = 0

    def feed(self, data: bytes) -> bytes:
        """Return the chunks that have come, each written anew."""
        if self.done:
            return b""
        self._received += data
        sent = bytearray()
        while self._step(sent):
            pass
        return bytes(sent)

    def end(self) -> bytes:
        """Return nothing."""
        return _ended(complete=self.done)

    def _size(self, _: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _SIZE.fullmatch(line)
        if found is None:
            raise malformed("expected the size of a chunk in hexadecimal digits")
        self._left = int(found[1], 16)
        self._step = self._data if self._left else self._last
        return True

    def _data(self, sent: bytearray) -> bool:
        part = bytes(self._received[: self._left])
        if not part:
            return False
        del self._received[: len(part)]
        sent += b"%x\r\n%b\r\n" % (len(part), part)
        self._left -= len(part)
        self._step = self._data if self._left else self._gap
        return True

    def _gap(self, _: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        if line:
            raise malformed("expected a line break after the data of a chunk")
        self._step = self._size
        return True

    def _last(self, sent: bytearray) -> bool:
        line = self._line()
        if line is None:
            return False
        self._trailer += len(line)
        if self._trailer > _MOST_TRAILER:
            raise malformed(f"expected at most {_MOST_TRAILER:,} bytes of trailers")
        if not line:
            sent += b"0\r\n\r\n"
            self.done = True
        return not self.done

    def _line(self) -> bytes | None:
        """Return the next line, or None where its end has not come."""
        end = self._received.find(b"\r\n")
        if max(end, len(self._received) if end < 0 else 0) > _LONGEST_LINE:
            raise malformed(f"expected lines of at most {_LONGEST_LINE:,} bytes between chunks")
        if end < 0:
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        if _BARE.search(line):
            raise malformed("expected lines that end with CR LF and hold neither of them")
        return line


def _ended(*, complete: bool) -> bytes:
    if not complete:
        raise malformed("the request ended before its body did")
    return b""

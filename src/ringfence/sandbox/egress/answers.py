"""The head of a response: it is written anew so that it says that the connection closes after it. Its body is not looked at.

The one idea: one connection is one request, and a client that is told so does not send a second one to where nobody reads it.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from ringfence.sandbox.egress.refusing import Refused

_LONGEST_HEAD = 64 * 1024
_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_NAME = re.compile(rb"([^\s:]+):")
_DROPPED = frozenset({b"connection", b"keep-alive", b"upgrade", b"proxy-connection", b"proxy-authenticate"})
_SWITCHING = b"101"


class Answer:
    """Passes a response on, and the interim ones before it."""

    done = False

    def __init__(self) -> None:
        self._received = bytearray()
        self._in_body = False

    def feed(self, data: bytes) -> bytes:
        """Return heads, written anew, and the body."""
        return data if self._in_body else self._heads(data)

    def _heads(self, data: bytes) -> bytes:
        checked = max(0, len(self._received) - 3)
        self._received += data
        sent = bytearray()
        while end := _END.search(self._received, checked):
            checked = 0
            sent += self._head(end.start())
            del self._received[: end.end()]
            if self._in_body:
                sent += self._received
                self._received.clear()
        if len(self._received) > _LONGEST_HEAD:
            raise _unreadable()
        return bytes(sent)

    def end(self) -> bytes:
        """Return nothing."""
        if not self._in_body:
            raise _unreadable()
        return b""

    def _head(self, end: int) -> bytes:
        first, *lines = [line.removesuffix(b"\r") for line in bytes(self._received[:end]).split(b"\n")]
        found = _STATUS_LINE.fullmatch(first)
        if found is None or found[1] == _SWITCHING:  # nobody asked for a switch: Upgrade is not passed on
            raise _unreadable()
        self._in_body = not found[1].startswith(b"1")
        closing = [b"Connection: close"] if self._in_body else []
        return b"\r\n".join([first, *filter(_is_passed_on, lines), *closing, b"", b""])


def _is_passed_on(line: bytes) -> bool:
    found = _NAME.match(line)
    return found is None or found[1].lower() not in _DROPPED


def _unreadable() -> Refused:
    return Refused(HTTPStatus.BAD_GATEWAY, "the server gave no response in HTTP/1.1")

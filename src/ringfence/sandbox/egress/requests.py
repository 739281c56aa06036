"""The head of a request: where it wants to go, and the head that the server gets instead.

The one idea: nothing is passed through. Host and framing are written anew from what was understood here, and a head that another
reader might understand differently (RFC 9112, 11.2; CWE-444) is refused rather than repaired.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import NamedTuple

from ringfence.sandbox.egress.bodies import Chunked, Filter, Sized
from ringfence.sandbox.egress.names import split_authority
from ringfence.sandbox.egress.refusing import Refused, malformed

LONGEST_HEAD = 16 * 1024
_END = b"\r\n\r\n"
_LONE = re.compile(rb"(?<!\r)\n|\r(?=[^\n])")
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_LINE = re.compile(rf"({_TOKEN.pattern}) ([!-~]+) HTTP/1\.([01])")
_TARGET = re.compile(r"http://([^/?#\\]*)(|[/?][^#]*)", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,15}")
_HTTP_PORT = 80
_OWN = frozenset({"host", "content-length", "transfer-encoding"})
"""Headers that are written anew."""
_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "upgrade", "http2-settings"})
"""Headers that are for the next hop only (RFC 9110, 7.6.1); so is every one that begins with `proxy-`."""

_Headers = list[tuple[str, str]]


class Request(NamedTuple):
    """A request that was understood.

    Arguments:
        host: where to, in normal form.
        port: at which port.
        head: what the server gets; empty for a CONNECT.
        body: what may follow; None for a CONNECT.

    """

    host: str
    port: int
    head: bytes
    body: Filter | None


class HeadReader:
    """Gathers the head of a request as it comes in."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Return the head and what came after it; None while its end has not come.

        Raises:
            Refused: it is too long, or its lines do not end as lines do.

        """
        checked = max(
            0, len(self._received) - len(_END) + 1
        )  # each byte is looked at once, however slowly it comes
        self._received += data
        end = self._received.find(_END, checked)
        if max(end, len(self._received) if end < 0 else 0) > LONGEST_HEAD:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise Refused(status, f"expected at most {LONGEST_HEAD:,} bytes of headers")
        if _LONE.search(self._received, max(0, checked - 1), end if end >= 0 else len(self._received)):
            raise malformed("expected header lines that end with CR LF and hold neither of them")
        return None if end < 0 else (bytes(self._received[:end]), bytes(self._received[end + len(_END) :]))


def read_request(head: bytes) -> Request:
    """Return what a head asks for.

    Raises:
        Refused: it is no request to a proxy, or could be understood in more than one way.

    """
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = _request_line(first)
    headers = [_header(line) for line in lines]
    body, framing = _framing(headers, version)
    if len(_values(headers, "host")) > 1:
        raise malformed("expected one Host header")
    if method == "CONNECT":
        return _tunnel(target, framing)
    place, path = _absolute(target)
    host, port = split_authority(place, _HTTP_PORT)
    kept = [f"{name}: {value}" for name, value in _passed_on(headers)]
    path = path if path.startswith("/") else f"/{path}"
    written = [f"{method} {path} HTTP/1.{version}", f"Host: {_host_header(host, port)}", *kept, *framing]
    return Request(host, port, "\r\n".join([*written, "Connection: close", "", ""]).encode("latin-1"), body)


def _request_line(line: str) -> tuple[str, str, str]:
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        raise malformed("expected `METHOD target HTTP/1.1`, with one space between and ASCII only")
    return found[1], found[2], found[3]


def _header(line: str) -> tuple[str, str]:
    if line.startswith((" ", "\t")):
        raise malformed("expected each header on one line; folded ones are obsolete (RFC 9112, 5.2)")
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or _CONTROLS.search(line):
        raise malformed("expected `name: value` in each header line, without control characters")
    return name, value.strip(" \t")


def _values(headers: _Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name.lower() == wanted]


def _framing(headers: _Headers, version: str) -> tuple[Filter, list[str]]:
    """Return what measures the body, and the header that tells the server of it."""
    lengths, codings = _values(headers, "content-length"), _values(headers, "transfer-encoding")
    if codings and (lengths or version == "0" or [each.lower() for each in codings] != ["chunked"]):
        raise malformed("expected Content-Length, or else `Transfer-Encoding: chunked` in HTTP/1.1")
    if codings:
        return Chunked(), ["Transfer-Encoding: chunked"]
    if not lengths:
        return Sized(0), []
    if len(set(lengths)) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise malformed("expected one Content-Length, in decimal digits")
    size = int(lengths[0])
    return Sized(size), [f"Content-Length: {size}"]


def _tunnel(target: str, framing: list[str]) -> Request:
    if framing and framing != ["Content-Length: 0"]:
        raise malformed("expected a CONNECT without a body")
    host, port = split_authority(target, None)
    return Request(host, port, b"", None)


def _absolute(target: str) -> tuple[str, str]:
    """Return authority and path of a target."""
    found = _TARGET.fullmatch(target)
    if found is None:
        why = "this is a proxy: expected a whole address, such as http://example.org/page, or CONNECT for others than http"
        raise malformed(why)
    return found[1], found[2]


def _passed_on(headers: _Headers) -> _Headers:
    """Return the headers that are for the server. A name with underscores is dropped with the one it poses as."""
    named = {name.strip().lower() for value in _values(headers, "connection") for name in value.split(",")}
    dropped = _OWN | _HOP | named
    plain = [(name.lower().replace("_", "-"), name, value) for name, value in headers]
    return [
        (name, value) for key, name, value in plain if key not in dropped and not key.startswith("proxy-")
    ]


def _host_header(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _HTTP_PORT else f"{name}:{port}"

"""How the proxy says no: `Refused` inside of it, `Refusal` to the host, and the reply that the client gets.

The one idea: a refusal speaks of host, port and rule only. Headers, paths and bodies hold secrets, so none of their text is in here.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
"""The reply to a CONNECT, after which the connection is a tunnel."""
UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"
"""The TLS alert (RFC 8446, 6.2) that tells a client why its tunnel ends: the name in its ClientHello is not the tunnel's."""
_LONGEST_HOST = 253


class Refusal(NamedTuple):
    """What the proxy tells the host about a request that it refused.

    Arguments:
        host: the host that was asked for, as the client wrote it where it cannot be read; empty where none was found.
        port: the port; 0 where none was found.
        why: the rule, in words.

    """

    host: str
    port: int
    why: str


class Refused(Exception):
    """A request goes no further.

    Arguments:
        status: the status for the client. Those of the 400s other than 408 are refusals, the others mishaps.
        why: what was expected, in words.
        host: what the client asked for; cut where it is longer than any name.
        port: the port that it asked for.

    """

    def __init__(self, status: HTTPStatus, why: str, host: str = "", port: int = 0) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.host = host[:_LONGEST_HOST]
        self.port = port

    def at(self, host: str, port: int) -> Refused:
        """Return the same with the host and port that are known by now, where it has none."""
        return self if self.host else Refused(self.status, self.why, host, port)

    @property
    def refusal(self) -> Refusal | None:
        """What the host is told; None where something went wrong without anybody asking for what is not granted."""
        told = HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return (
            Refusal(self.host, self.port, self.why)
            if told and self.status != HTTPStatus.REQUEST_TIMEOUT
            else None
        )


def malformed(why: str) -> Refused:
    """Return the refusal of a request that two readers might read differently."""
    return Refused(HTTPStatus.BAD_REQUEST, why)


def forbidden(why: str, host: str = "", port: int = 0) -> Refused:
    """Return the refusal of what is not granted."""
    return Refused(HTTPStatus.FORBIDDEN, why, host, port)


def reply(refused: Refused) -> bytes:
    """Return the whole response with which a client is turned away."""
    place = f"{refused.host}:{refused.port}: " if refused.host and refused.port else ""
    body = f"{place}{refused.why}\n".encode("ascii", "backslashreplace")
    head = (
        f"HTTP/1.1 {refused.status} {refused.status.phrase}\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body

"""Host and port of an address, and whether a list of hosts covers it.

The one idea: a grant covers an address only where every client would reach the same host, and that host as a whole is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.urls.numbers import read_number
from ringfence.scanning.urls.parsing import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_NAME = 253
_MOST_PORT = 65_535
_PORTS = {
    "ftp": 21, "ssh": 22, "sftp": 22, "telnet": 23, "smtp": 25, "gopher": 70, "http": 80, "ws": 80, "imap": 143, "ldap": 389,
    "https": 443, "wss": 443, "smtps": 465, "ldaps": 636, "ftps": 990, "imaps": 993, "mssql": 1433, "dict": 2628, "mysql": 3306,
    "postgres": 5432, "postgresql": 5432, "amqp": 5672, "redis": 6379, "rediss": 6379, "mongodb": 27017,
}  # fmt: skip
"""The port that a scheme means by itself (IANA's registry of service names)."""


def host_of(value: str) -> str:
    """Return the host of a URL, `host:port` or host: in lower case, IP addresses in their usual spelling, names in ASCII.

    It is empty where there is none, where part of it is unknown, or where clients disagree about which it is.
    """
    hosts = parsed(value).hosts
    if len(hosts) != 1 or HOLE in hosts[0]:
        return ""
    number = read_number(hosts[0])
    return str(number.address) if number is not None else _ascii(hosts[0].removesuffix("."))


def port_of(value: str) -> int | None:
    """Return the port of an address, or the one that its scheme means by itself; None where neither is known."""
    url = parsed(value)
    if not url.port:
        return _PORTS.get(url.scheme)
    known = url.port.isascii() and url.port.isdecimal() and len(url.port) <= 8 and int(url.port) <= _MOST_PORT  # noqa: PLR2004 - leading zeros
    return int(url.port) if known else None


def within(hosts: Iterable[str], value: str) -> bool:
    """Return whether a list covers an address.

    Arguments:
        hosts: names or IP addresses; `*.example.org` covers every name below `example.org` but not that itself; `*` covers all.
        value: a URL, `host:port` or host.

    Returns:
        False wherever the host cannot be told for certain, also for `*`.

    """
    host = host_of(value)
    return bool(host) and any(_covers(pattern.strip().lower().removesuffix("."), host) for pattern in hosts)


def _covers(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return (
            host.endswith(_ascii(pattern[1:])) and len(host) > len(pattern) - 1 and read_number(host) is None
        )
    return host_of(pattern if ":" not in pattern or pattern.startswith("[") else f"[{pattern}]") == host


def _ascii(name: str) -> str:
    """Return a name in the form that is asked of DNS; one that has none stays as it is, and fits only itself."""
    if name.isascii() or len(name) > _LONGEST_NAME:
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name

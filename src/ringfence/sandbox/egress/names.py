"""Hosts and ports by name: the one spelling that a host is judged in, and whether it is granted. No address is looked up here.

The one idea: a host has exactly one normal form, and what has none (numbers in odd spellings, zone ids, names that some client
might read as a number) is refused rather than guessed at.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from ringfence.sandbox.egress.refusing import Refused, forbidden
from ringfence.scanning.urls.numbers import read_number

if TYPE_CHECKING:
    from ipaddress import IPv4Address

LOCALHOST = "localhost"
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME = 253
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""Such a name is an IPv4 address to some clients and none to others (WHATWG URL, "ends in a number")."""
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([1-9][0-9]{0,4}))?")
_MOST_PORT = 65_535
_DISPUTED = frozenset("ßς\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
"""IDNA 2003 and IDNA 2008 make different names of these (UTS 46, deviations)."""
_MOST_SHOWN = 8


def split_authority(text: str, default_port: int | None) -> tuple[str, int]:
    """Return host and port of `host:port`, the host in its normal form.

    Raises:
        Refused: it is not that, or the host has no normal form.

    """
    if "@" in text:  # not shown: it may hold a password
        raise Refused(HTTPStatus.BAD_REQUEST, "expected host:port, got user information before an @ too")
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "expected host:port, with IPv6 addresses in brackets")
    port = int(found[2]) if found[2] else default_port
    if port is None or port > _MOST_PORT:
        raise Refused(HTTPStatus.BAD_REQUEST, "expected a port from 1 to 65535 after the host")
    try:
        return normal_host(found[1]), port
    except ValueError as error:
        raise forbidden(str(error), found[1], port) from None


def normal_host(text: str) -> str:
    """Return a host in the one spelling that it is judged, looked up and forwarded in: lower case, no trailing dot, no brackets.

    Raises:
        ValueError: it has none.

    """
    if text.startswith("["):
        return _normal_ipv6(text)
    host = text.lower().removesuffix(".")
    if len(host) > _LONGEST_NAME:
        raise ValueError(f"expected a host name of at most {_LONGEST_NAME} characters")
    number = read_number(host) if host.isascii() and ":" not in host else None
    if number is not None and str(number.address) == host:
        return host
    if number is not None or _ENDS_IN_NUMBER.fullmatch(host):
        raise ValueError("expected an IPv4 address as four decimal numbers, such as 192.0.2.1")
    if not _NAME.fullmatch(host):
        raise ValueError("expected a host name of ASCII letters, digits, hyphens and dots (xn-- for others)")
    return host


def _normal_ipv6(text: str) -> str:
    if "%" in text:
        raise ValueError("expected an IPv6 address without a zone id")
    try:
        return str(IPv6Address(text.removeprefix("[").removesuffix("]")))
    except AddressValueError:
        raise ValueError("expected an IPv6 address in the brackets") from None


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host in normal form is; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


class _Patterns(NamedTuple):
    exact: frozenset[str]
    endings: tuple[str, ...]
    all: bool


class Destinations:
    """The hosts and ports that are granted.

    Arguments:
        hosts: names or IP addresses; `*.example.org` for every name below `example.org`, `*` for all. Empty: none.
        ports: ports. Empty: none.

    Raises:
        ValueError: a host is none of these.

    """

    def __init__(self, hosts: tuple[str, ...], ports: tuple[int, ...]) -> None:
        granted = [_normal_pattern(host) for host in hosts]
        self._shown = _listed(granted)
        self._patterns = _Patterns(
            exact=frozenset(host for host in granted if "*" not in host),
            endings=tuple(host[1:] for host in granted if host.startswith("*.")),
            all="*" in granted,
        )
        self._ports = frozenset(ports)

    def check(self, host: str, port: int) -> None:
        """Return where a host in normal form and a port are granted.

        Raises:
            Refused: they are not.

        """
        if not self._covers(host):
            raise forbidden(f"this host is not granted; granted are {self._shown}", host, port)
        if port not in self._ports:
            granted = _listed(sorted(map(str, self._ports), key=int))
            raise forbidden(f"this port is not granted; granted are {granted}", host, port)

    def names_address(self, host: str) -> bool:
        """Return whether the grant is for an address itself, and so for whatever it belongs to and whatever answers there."""
        return host in self._patterns.exact and (host == LOCALHOST or literal(host) is not None)

    def _covers(self, host: str) -> bool:
        return self._patterns.all or host in self._patterns.exact or host.endswith(self._patterns.endings)


def _normal_pattern(text: str) -> str:
    plain = text.strip()
    prefix = "*." if plain.startswith("*.") else ""
    try:
        return plain if plain == "*" else prefix + _normal_grant(plain.removeprefix(prefix))
    except ValueError as error:
        raise ValueError(f"hosts: {text!r}: {error}; or `*.example.org`, or `*`") from None


def _normal_grant(text: str) -> str:
    if not text.startswith("[") and text.count(":") > 1:
        return _normal_ipv6(text)
    if text.isascii():
        return normal_host(text)
    if not _DISPUTED.isdisjoint(text.lower()):
        raise ValueError("expected the name in its ASCII form (xn--), since clients disagree about it")
    return normal_host(text.encode("idna").decode("ascii"))


def _listed(granted: list[str]) -> str:
    more = len(granted) - _MOST_SHOWN
    return ", ".join([*granted[:_MOST_SHOWN], *([f"{more} more"] if more > 0 else [])]) or "none"

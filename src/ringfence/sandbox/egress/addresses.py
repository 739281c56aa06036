"""IP addresses: which ones a name may resolve to, and the one lookup that finds them. Whether the name is granted is said elsewhere.

The one idea: an address is refused unless it is plainly a public one of another machine. IPv6 offers many ways to wrap or spell
something else, so of IPv6 only global unicast counts, and NAT64's own prefix around a public IPv4 address.
"""

from __future__ import annotations

import socket
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, ENETUNREACH
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from ringfence.sandbox.egress.names import LOCALHOST, literal
from ringfence.sandbox.egress.refusing import Refused, forbidden
from ringfence.scanning.effects import Area
from ringfence.scanning.urls import url_areas

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.sandbox.egress.names import Destinations

    Address = IPv4Address | IPv6Address
    Resolve = Callable[[str, int], list[tuple[socket.AddressFamily, str]]]

_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 that is handed out (IANA's registry of IPv6 address space)."""
_WRAPPING = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("3fff::/20"))
"""Parts of it that lead elsewhere or nowhere: 6to4 (RFC 7526), Teredo and other protocols (RFC 2928), documentation (RFC 9637)."""
_NAT64 = IPv6Network("64:ff9b::/96")
_CONTROLS: dict[int, str] = {4: "240.0.0.1", 6: "100::1"}
"""Addresses that no machine has: reserved (RFC 1112) and discard-only (RFC 6666)."""
_DISCARD_PORT = 9
_NOT_HERE = frozenset({EADDRNOTAVAIL, EAFNOSUPPORT, ENETUNREACH, EHOSTUNREACH})
"""Errors that say that an address is none of this machine's; after others, such as no descriptors left, it counts as one."""


def find(host: str, port: int, resolve: Resolve, granted: Destinations) -> list[Address]:
    """Return the addresses of a host that is granted, each of which may be dialled. It asks at most once.

    Raises:
        Refused: there are none, or one of them may not be dialled; then none is.

    """
    address = literal(host)
    addresses = [address] if address is not None else _resolved(host, port, resolve)
    if not granted.names_address(host):
        _check(addresses, _is_public_elsewhere, host, port)
    elif host == LOCALHOST:
        _check(addresses, _is_loopback, host, port)
    return addresses


def look_up(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """Return what the system's resolver says. Names with a dot are absolute: a search list would make other names of them."""
    absolute = f"{host}." if "." in host else host
    found = socket.getaddrinfo(absolute, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [(family, str(address[0])) for family, _, _, _, address in found]


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public internet, and no other address in disguise."""
    if isinstance(address, IPv4Address):
        return Area.PUBLIC in url_areas(str(address))
    if address.scope_id is not None:
        return False
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    handed_out = address in _UNICAST and not any(address in network for network in _WRAPPING)
    return handed_out and Area.PUBLIC in url_areas(f"[{address}]")


def is_own(address: Address) -> bool:
    """Return whether an address belongs to this machine."""
    if not _can_bind(str(address), address.version):
        return False
    if not _can_bind(_CONTROLS[address.version], address.version):
        return True
    return _answers_itself(address)  # the machine lets anybody bind any address (`ip_nonlocal_bind`)


def _resolved(host: str, port: int, resolve: Resolve) -> list[Address]:
    try:
        found = [_readable(*each) for each in resolve(host, port)]
    except Exception:  # noqa: BLE001 - also a resolver of somebody else's; what it says may not be for the client
        raise Refused(HTTPStatus.BAD_GATEWAY, "the host's name could not be resolved", host, port) from None
    if not found:
        raise Refused(HTTPStatus.BAD_GATEWAY, "the host's name has no address", host, port)
    return list(dict.fromkeys(found))


def _readable(family: socket.AddressFamily, text: str) -> Address:
    address = ip_address(text)
    if family != family_of(address):
        raise ValueError("the address is of another family")
    return address


def family_of(address: Address) -> socket.AddressFamily:
    """Return the address family of an address."""
    return socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6


def _check(addresses: list[Address], allowed: Callable[[Address], bool], host: str, port: int) -> None:
    if not all(allowed(address) for address in addresses):
        wanted = "loopback" if host == LOCALHOST else "public"
        why = f"this host has an address that is not {wanted}, or this machine's own; grant the address itself to allow it"
        raise forbidden(why, host, port)


def _is_public_elsewhere(address: Address) -> bool:
    return is_public(address) and not is_own(_inner(address))


def _inner(address: Address) -> Address:
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _is_loopback(address: Address) -> bool:
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None


def _can_bind(address: str, version: int) -> bool:
    try:
        with socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:  # noqa: PLR2004
            probe.bind((address, 0))
    except OSError as error:
        return error.errno not in _NOT_HERE
    return True


def _answers_itself(address: Address) -> bool:
    """Return whether the kernel would send to an address from that address. Connecting a datagram socket sends nothing."""
    try:
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _DISCARD_PORT))
            return ip_address(probe.getsockname()[0]) == address
    except OSError as error:
        return error.errno not in _NOT_HERE

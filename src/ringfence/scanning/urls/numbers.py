"""IP addresses in every spelling that a C library's resolver accepts: octal, hexadecimal, decimal, with fewer parts, within IPv6.

The one idea: `ipaddress` is strict on purpose and clients are not, so this reader is as lenient as `inet_aton`.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from ringfence.scanning.effects import HOLE


class Number(NamedTuple):
    """An IP address that was read.

    Arguments:
        address: what it is, IPv4 wherever IPv6 only wraps that.
        odd: it is written so that its value cannot be seen, or it wraps another one.

    """

    address: IPv4Address | IPv6Address
    odd: bool


_PART = re.compile(r"0x[0-9a-f]*|[0-9]+")
_MOST_DIGITS = 64
_BYTES = 4
_LARGEST_BYTE = 255
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


def read_number(host: str) -> Number | None:
    """Return the IP address that a host in lower case is, or None for a name.

    A hole after the first part of a dotted address stands for any number: `192.168.1.<hole>` is read as one of that network.
    """
    if ":" in host:
        return _read_ipv6(host.partition("%")[0])
    dotted = host.removesuffix(".")
    if HOLE in dotted:
        dotted = dotted if dotted.startswith(HOLE) else dotted.replace(HOLE, "1")
    address = _read_ipv4(dotted)
    return None if address is None else Number(address, odd=str(address) != host.replace(HOLE, "1"))


def _read_ipv4(host: str) -> IPv4Address | None:
    """Return the address that `inet_aton` makes of one to four numbers, the last of which fills the bytes that are left."""
    parts = host.split(".")
    if len(parts) > _BYTES or not all(len(part) <= _MOST_DIGITS and _PART.fullmatch(part) for part in parts):
        return None
    *leading, last = [_number(part) for part in parts]
    if len(parts) == 1:
        last &= 0xFFFFFFFF  # some clients drop what overflows
    if any(number > _LARGEST_BYTE for number in leading) or last >= 256 ** (_BYTES + 1 - len(parts)):
        return None
    return IPv4Address(last | sum(number << (24 - 8 * place) for place, number in enumerate(leading)))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    if part.startswith("0") and len(part) > 1 and all(digit in "01234567" for digit in part):
        return int(part, 8)
    return int(part)


def _read_ipv6(host: str) -> Number | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return Number(address, odd=False)
    wrapped = _wrapped(address)
    return Number(address, odd=False) if wrapped is None else Number(wrapped, odd=True)


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one stands for: mapped, compatible, translated (RFC 6052, 8215), 6to4, Teredo."""
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    last = int(address) & 0xFFFFFFFF
    wraps = address in _NAT64 or address in _LOCAL_NAT64 or (address in _COMPATIBLE and last > 0xFFFF)  # noqa: PLR2004 - ::1 and the like
    return IPv4Address(last) if wraps else None

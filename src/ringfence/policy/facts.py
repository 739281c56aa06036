"""Words of a policy that mean a moment, a place or a network: read into what can be compared.

Each function raises `ValueError` with what is wrong, in words; `sound.py` gives that its place, `conditions.py` uses what comes back.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo
    from ipaddress import IPv4Network, IPv6Network

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", re.ASCII)


def hours_of(text: str) -> tuple[time, time]:
    """Return the two times of day of a text such as `08:00-18:00`; `24:00` at the end is midnight.

    Raises:
        ValueError: it is no such text, or means every time of day.

    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError("no two times of day")
    if text == "00:00-24:00":
        raise ValueError("every time of day")
    numbers = [int(group or 0) for group in found.groups()]
    return time(numbers[0], numbers[1]), time(numbers[2], numbers[3])


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name such as `Europe/Berlin`.

    Raises:
        ValueError: there is none; where the system has no time zones, the package `tzdata` brings them.

    """
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few policies name one

    if _ZONE.fullmatch(name) is None:
        raise ValueError("no name of a time zone")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # a folder of zones is an OSError
        raise ValueError(
            "a name that this system has no time zone for (the package tzdata has them all)"
        ) from error


def network_of(text: str) -> IPv4Network | IPv6Network:
    """Return the network that a text such as `10.0.0.0/8` or `10.1.2.3` means.

    Raises:
        ValueError: it means none, or every address.

    """
    from ipaddress import ip_network  # noqa: PLC0415 - as above

    try:
        network = ip_network(text)
    except ValueError as error:
        if "has host bits set" in str(error):
            raise ValueError(f"an address within {ip_network(text, strict=False)}") from None
        raise ValueError("no network") from None
    if network.prefixlen == 0:
        raise ValueError("a network that every address is in")
    return network


def end_of_day(text: str) -> float:
    """Return the moment at which a day such as `2027-01-31` ends in UTC, in seconds since the epoch.

    Raises:
        ValueError: it is no day.

    """
    if _DAY.fullmatch(text) is None:
        raise ValueError("no day")
    try:
        last = date.fromisoformat(text)
        return (datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError("a day that no calendar has") from None

"""Personal data in a text: mail addresses, telephone numbers, payment cards, bank accounts, and addresses of the host's own network.

What has a check digit is checked (cards: ISO/IEC 7812-1, accounts: ISO 13616), so that order numbers and dates are not taken for them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from ringfence.results.screen import Pattern, Screen
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

_MAIL = r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z][A-Za-z0-9-]{1,62}"
_PHONE = r"\+[0-9][0-9 ()/.-]{6,20}[0-9]|\([0-9]{3}\) ?[0-9]{3}-[0-9]{4}"
_CARD = r"[0-9](?:[ -]?[0-9]){12,18}"
_IBAN = r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"
_ADDRESS = r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_ADDRESS_6 = r"[0-9a-fA-F]{1,4}:(?:[0-9a-fA-F]{0,4}:){1,7}[0-9a-fA-F]{0,4}"
SCREEN = Screen((r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]", _PHONE, _CARD, _IBAN, _ADDRESS, _ADDRESS_6))
_mail = Pattern(_MAIL, r"(?<![\w.%+-])", r"(?![\w-])")
_phone = Pattern(_PHONE, r"(?<![\w+.-])", r"(?![\w-])")
_card = Pattern(_CARD, r"(?<![\w.-])", r"(?![\w-]|\.[0-9])")
_iban = Pattern(_IBAN, r"(?<![\w-])", r"(?![\w-])")
_address = Pattern(_ADDRESS, r"(?<![\w.-])", r"(?![\w-]|\.[0-9])")
_address_6 = Pattern(_ADDRESS_6, r"(?<![\w:.-])", r"(?![\w:])")
_RESERVED_MAIL = re.compile(
    r"(?i)@(?:[\w-]+\.)*(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost)\Z"
)
"""Domains that belong to nobody (RFC 2606)."""
_SHORTEST_PHONE, _LONGEST_PHONE = 8, 15
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip
"""How long an account number of each country is: SWIFT's IBAN registry, release 99."""
_ISSUERS = (
    (r"4", (13, 16, 19)), (r"5[1-5]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720", (16,)), (r"3[47]", (15,)), (r"6011|64[4-9]|65", (16, 19)), (r"35(?:2[89]|[3-8][0-9])", (16,)),
    (r"30[0-5]|3095|36|3[89]", (14, 16)), (r"62|81", (16, 17, 18, 19)), (r"50|5[6-9]|6[0-9]", (16, 18, 19)),
)  # fmt: skip
"""The first digits of payment networks' cards, and how long these are."""
_issuers = tuple((re.compile(start), lengths) for start, lengths in _ISSUERS)


def find(text: str) -> list[Sighting]:
    """Return the personal data in a text, in order."""
    if not SCREEN.hits(text):
        return []
    return sorted(
        [*_mails(text), *_phones(text), *_cards(text), *_accounts(text), *_addresses(text)],
        key=lambda found: found.start,
    )


def _seen(rule: str, level: ThreatLevel, match: re.Match[str], message: str) -> Sighting:
    return Sighting(Kind.PERSONAL, rule, level, *match.span(), message)


def _mails(text: str) -> Iterator[Sighting]:
    for match in _mail.finditer(text):
        if not _RESERVED_MAIL.search(match[0]):
            yield _seen("mail-address", ThreatLevel.LOW, match, "a mail address")


def _phones(text: str) -> Iterator[Sighting]:
    for match in _phone.finditer(text):
        if _SHORTEST_PHONE <= sum(map(str.isdigit, match[0])) <= _LONGEST_PHONE:  # ITU-T E.164
            yield _seen("phone-number", ThreatLevel.LOW, match, "a telephone number")


def _cards(text: str) -> Iterator[Sighting]:
    for match in _card.finditer(text):
        digits = re.sub(r"[ -]", "", match[0])
        if (
            len(set(digits)) > 1
            and _luhn(digits)
            and any(start.match(digits) and len(digits) in lengths for start, lengths in _issuers)
        ):
            yield _seen("payment-card", ThreatLevel.HIGH, match, "the number of a payment card")


def _luhn(digits: str) -> bool:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(each - 9 if each > 9 else each for each in doubled)) % 10 == 0  # noqa: PLR2004 - digits


def _accounts(text: str) -> Iterator[Sighting]:
    for match in _iban.finditer(text):
        compact = match[0].replace(" ", "")
        length = _IBAN_LENGTHS.get(compact[:2], 0)
        if not length or len(compact) < length:
            continue
        number = compact[:length]
        if int("".join(str(int(each, 36)) for each in number[4:] + number[:4])) % 97 == 1:
            end = match.start() + _reach(match[0], length)
            yield Sighting(
                Kind.PERSONAL, "iban", ThreatLevel.MEDIUM, match.start(), end, "the number of a bank account"
            )


def _reach(written: str, length: int) -> int:
    """Return how far a text goes until so many characters of it are no spaces."""
    for at, character in enumerate(written):
        length -= character != " "
        if not length:
            return at + 1
    return len(written)


def _addresses(text: str) -> Iterator[Sighting]:
    for pattern in (_address, _address_6):
        for match in pattern.finditer(text):
            try:
                address = ip_address(match[0])
            except ValueError:
                continue
            if not address.is_loopback and any(address in network for network in own_networks()):
                yield _seen("own-network", ThreatLevel.LOW, match, "an address of this host's own network")


@lru_cache(maxsize=1)
def own_networks() -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks that this host's interfaces are in, but for loopback. They are read once."""
    import psutil  # noqa: PLC0415 - only who inspects results pays for it

    found = []
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            try:
                network = ip_network(
                    f"{each.address.partition('%')[0]}/{_length(each.netmask)}", strict=False
                )
            except ValueError:  # a hardware address
                continue
            if not network.is_loopback:
                found.append(network)
    return tuple(found)


def _length(netmask: str | None) -> str:
    if netmask is None:
        raise ValueError("no address of IP")
    return str(int(ip_address(netmask)).bit_count()) if ":" in netmask else netmask

"""Secrets in a text: keys that tell their issuer, and values whose name says what they are and whose text looks drawn by chance.

The one idea: a name alone is no secret and a random text alone is none; the two together are, and a form with a checksum needs no name.
"""

from __future__ import annotations

import base64
import json
import re
from binascii import crc32
from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING

from ringfence.results.randomness import entropy, wordiness
from ringfence.results.screen import Pattern, Screen
from ringfence.results.secret_forms import FORMS, ISSUERS
from ringfence.results.secret_names import NAMES, names_secret, words_of
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.results.secret_forms import Form

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_.])", r"(?![A-Za-z0-9_~-])"
_OPERATOR = r"[\"'`\]]{0,2}\s{0,3}(?:=>|:=|\?=|==?|:|\|\||,|>)\s{0,3}"
_VALUE = r"(?:[\"'`]([^\"'`\s]{8,400})[\"'`]|([^\"'`\s,;<>(){}\[\]]{8,400}))"
_ASSIGNED = rf"(?i:{'|'.join((*NAMES, *ISSUERS))})[\w.-]{{0,40}}{_OPERATOR}{_VALUE}"
_FORMS_SCREEN = Screen(form.mark or form.pattern for form in FORMS)
_ASSIGNED_SCREEN = Screen((_ASSIGNED,))
_given = re.compile(rf"(?<=[A-Za-z0-9\"'`\]_]){_OPERATOR}{_VALUE}")
_forms = [
    (
        form,
        Pattern(form.pattern, _BEFORE, _AFTER if re.match(r"[]})]|[A-Za-z0-9?+*]", form.pattern[-1]) else ""),
    )
    for form in FORMS
]
_issuers = {name: re.compile(pattern) for name, pattern in ISSUERS.items()}

_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|change_?me|change_?it|your[_-]|<[^>]*>|\.\.\.|\*{3}|x{5}|0{6}|1234567|abcdefgh|\$\{|\$\(|\{\{|%\(|redacted|masked|dummy|sample|foobar|lorem"
)
_REFERENCE = re.compile(
    r"(?i)[$%@{]|(?:os\.)?(?:getenv|environ)|process\.env|secrets\.|vars\.|env\.|https?:/|[a-z]:\\|\.{0,2}/[\w.-]+/|[^=]+==[^=]|[\w.-]+\.(?:json|ya?ml|pem|py|js|ts|go|java|xml|html?|txt|png|jpe?g|svg|jar)\Z"
)
_SHORTEST, _RANDOM, _WORDS = 10, 3.5, 0.6
_LONGEST_NAME, _LONGEST_VALUE = 120, 400
_HEX_RANDOM, _ISSUED_RANDOM, _ISSUED_WORDS = 3.0, 2.8, 0.85
_CHOSEN = frozenset(("password", "passwd", "passwort", "passphrase", "pwd", "secret"))
_SHORTEST_CHOSEN, _SHARE = 8, 0.85


def find(text: str) -> list[Sighting]:
    """Return the secrets in a text, those that overlap joined, in order."""
    found = sorted([*_by_form(text), *_by_name(text)], key=lambda sighting: (sighting.start, -sighting.end))
    apart: list[Sighting] = []
    for sighting in found:
        if not apart or sighting.start >= apart[-1].end:
            apart.append(sighting)
    return apart


def _by_form(text: str) -> Iterator[Sighting]:
    if not _FORMS_SCREEN.hits(text):
        return
    for form, pattern in _forms:
        for match in pattern.finditer(text):
            sighting = _judged(form, match, text)
            if sighting is not None:
                yield sighting


def _judged(form: Form, match: re.Match[str], text: str) -> Sighting | None:
    start, end = match.span()
    candidate = match[0]
    level = ThreatLevel.HIGH
    if form.checksum == "url":
        start, end = _password_in(candidate, start)
        candidate = text[start:end]
        if _REFERENCE.match(candidate):
            return None
    elif form.checksum == "header":
        start = end - len(candidate.rsplit(None, 1)[-1])
        candidate = text[start:end]
        if wordiness(candidate) >= _WORDS:
            return None
    elif form.checksum and _fits(form.checksum, candidate):
        level = ThreatLevel.CRITICAL
    if entropy(candidate) < form.entropy or (level is ThreatLevel.HIGH and _PLACEHOLDER.search(candidate)):
        return None
    return Sighting(Kind.SECRET, form.rule, level, start, end, f"it looks like {form.what}")


def _password_in(address: str, start: int) -> tuple[int, int]:
    authority = address.index("://") + 3
    colon = address.index(":", authority)
    return start + colon + 1, start + address.rindex("@")


def _fits(check: str, token: str) -> bool:
    """Return whether a token's checksum is right: a real one, with all but certainty."""
    if (
        check == "crc32"
    ):  # GitHub's and npm's: CRC32 of what stands between prefix and the last six characters, in base 62
        body = token.rpartition("_")[2]
        value, digits = crc32(body[:-6].encode()), ""
        while value:
            value, digit = divmod(value, 62)
            digits = _BASE62[digit] + digits
        return digits.rjust(6, "0") == body[-6:]
    if check == "crc32hex":  # Grafana's service accounts: CRC32 of the token before the last underscore
        body, _, digits = token.rpartition("_")
        return f"{crc32(body.encode()):08x}" == digits.lower()
    if check == "marker":  # the form alone holds a text that says whose it is
        return True
    return check == "jwt" and _is_json(token.split(".", maxsplit=1)[0])


def _is_json(part: str) -> bool:
    try:
        return type(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))) is dict
    except (ValueError, RecursionError):
        return False


def _by_name(text: str) -> Iterator[Sighting]:
    """Return the values whose name says that they are secret, or whose issuer it is that gives out keys of that form."""
    if not _ASSIGNED_SCREEN.hits(text):
        return
    for match in _given.finditer(text):
        group = 1 if match[1] is not None else 2
        value = match[group].rstrip(".,:;!?")
        start = match.start(group)
        rule = _secret_by(_name_before(text, match.start()), value)
        if rule is not None:
            yield Sighting(
                Kind.SECRET,
                rule,
                ThreatLevel.HIGH,
                start,
                start + len(value),
                "its name says that it is secret",
            )


def _name_before(text: str, end: int) -> str:
    """Return the name that ends at a place."""
    begin = end
    while begin > max(end - _LONGEST_NAME, 0) and (text[begin - 1].isalnum() or text[begin - 1] in "_.-"):
        begin -= 1
    return text[begin:end]


def named(name: str, value: str) -> str | None:
    """Return the rule by which a value under a name is a secret, such as a mapping's under its key; None where it is none."""
    return (
        _secret_by(name, value) if len(value) <= _LONGEST_VALUE and not any(map(str.isspace, value)) else None
    )


def _secret_by(name: str, value: str) -> str | None:
    """Return the rule by which a value under a name is a secret; None where it is none."""
    words = words_of(name)
    if not words or name.endswith("-") or _PLACEHOLDER.search(value):
        return None
    issuers = [each for each in (*words, *map("".join, pairwise(words))) if each in _issuers]
    if issuers:  # whoever gives out keys of a known form gives out no others
        fits = any(_issuers[each].fullmatch(value) for each in issuers)
        return (
            f"{issuers[0]}-key"
            if fits
            and _is_mixed(value)
            and entropy(value) >= _ISSUED_RANDOM
            and wordiness(value) < _ISSUED_WORDS
            else None
        )
    if _REFERENCE.match(value) or not names_secret(words):
        return None
    if words[-1] in _CHOSEN and len(value) >= _SHORTEST_CHOSEN:  # a person may have chosen it
        least = min(_RANDOM, _SHARE * log2(len(value)))
    elif len(value) >= _SHORTEST:
        least = _HEX_RANDOM if _HEX.fullmatch(value) else _RANDOM
    else:
        return None
    return "assigned-secret" if _is_random(value, least) else None


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _is_random(value: str, least: float) -> bool:
    """Return whether a value looks drawn by chance: enough entropy, letters and digits, and no words."""
    return (
        _is_mixed(value)
        and entropy(value) >= least
        and wordiness(value) < _WORDS
        and not _NAME_WITH_NUMBERS.fullmatch(value)
    )


_NAME_WITH_NUMBERS = re.compile(r"[a-zA-Z]*[0-9]*(?:[-_.:][a-zA-Z]*[0-9]*)+")
"""Parts that each are letters and then digits, such as `web21-prod-1024`: a machine's name, a version, a date."""
_HEX = re.compile(r"[0-9a-fA-F:-]+")

"""Texts drawn at random that fit a regular expression, as keys are drawn: every allowed character is as likely as any other."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

_PRINTABLE = string.ascii_letters + string.digits + string.punctuation
_CATEGORIES = {
    "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_SPACE": " ",
}


def drawn(pattern: str, chance: random.Random) -> str:
    """Return one text that fits a pattern."""
    parsed = re._parser.parse(pattern)  # type: ignore[attr-defined]  # there is no public way to a pattern's parts
    return "".join(_part(str(name), value, chance) for name, value in parsed)


def _part(name: str, value: Any, chance: random.Random) -> str:
    if name == "LITERAL":
        return chr(value)
    if name == "IN":
        return chance.choice(_allowed(value))
    if name == "NOT_LITERAL":
        return chance.choice([each for each in string.ascii_letters + string.digits if each != chr(value)])
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = value
        times = chance.randint(int(least), min(int(most), int(least) + 4))
        return "".join(_part(str(kind), what, chance) for _ in range(times) for kind, what in inner)
    if name == "SUBPATTERN":
        return "".join(_part(str(kind), what, chance) for kind, what in value[3])
    if name == "BRANCH":
        return "".join(_part(str(kind), what, chance) for kind, what in chance.choice(value[1]))
    raise NotImplementedError(name)


def _allowed(parts: list[Any]) -> str:
    found = ""
    for name, value in ((str(name), value) for name, value in parts):
        if name == "LITERAL":
            found += chr(value)
        elif name == "RANGE":
            found += "".join(map(chr, range(value[0], value[1] + 1)))
        elif name == "CATEGORY":
            found += _CATEGORIES.get(str(value), string.ascii_letters)
    if str(parts[0][0]) == "NEGATE":
        return "".join(each for each in string.ascii_letters + string.digits if each not in found)
    return found

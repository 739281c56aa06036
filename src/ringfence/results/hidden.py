"""What a model reads and a person does not see: invisible characters, characters that turn the direction of writing, and terminal escapes.

Sources: "Trojan Source" (CVE-2021-42574) for the direction; tag characters (U+E0000 on) and variation selectors carry whole sentences past a
person. Joiners are part of writing in many scripts and of emoji: they count only beside ASCII, where they mean nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.results.screen import Screen
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_RULES: tuple[tuple[str, ThreatLevel, str, str], ...] = (
    ("terminal-escape", ThreatLevel.MEDIUM, r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]", "an escape sequence of a terminal"),
    ("control-character", ThreatLevel.LOW, r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]+", "control characters"),
    ("hidden-tags", ThreatLevel.HIGH, "(?<!\U0001f3f4)(?<![\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+", "invisible tag characters, which spell text"),
    ("hidden-selectors", ThreatLevel.HIGH, "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}", "a run of variation selectors, which can spell text"),
    ("direction", ThreatLevel.MEDIUM, "[\u202a-\u202e\u2066-\u2069]+", "characters that turn the direction of writing"),
    ("invisible", ThreatLevel.MEDIUM, "(?:[\u200b\u2060-\u2064\u180e\ufeff\u115f\u1160\u3164\uffa0]|(?<=[ -~])[\u200c\u200d\u00ad](?=[ -~]))+", "invisible characters"),
)  # fmt: skip
_rules = tuple((rule, level, re.compile(pattern), what) for rule, level, pattern, what in _RULES)
SCREEN = Screen(
    ("[\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f-\\x9f\u00ad\u115f\u1160\u180e\u200b-\u200d\u202a-\u202e\u2060-\u2069\u3164\ufeff\uffa0\U000e0000-\U000e007f]", "[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")
)  # fmt: skip


def find(text: str) -> list[Sighting]:
    """Return what is hidden in a text, in order."""
    if not SCREEN.hits(text):
        return []
    return sorted(_found(text), key=lambda sighting: sighting.start)


def _found(text: str) -> Iterator[Sighting]:
    taken: list[tuple[int, int]] = []
    for rule, level, pattern, what in _rules:
        for match in pattern.finditer(text):
            if not any(start < match.end() and match.start() < end for start, end in taken[-8:]):
                taken.append(match.span())
                yield Sighting(Kind.HIDDEN, rule, level, *match.span(), what)

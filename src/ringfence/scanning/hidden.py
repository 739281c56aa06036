"""Text that a reader sees in another way than a machine: characters that turn the direction of writing, or that nobody can see.

Source: "Trojan Source: Invisible Vulnerabilities" (CVE-2021-42574) for the first, and tag characters for the second, which carry
instructions to a model past a person. Comments count here, since that is where such text stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

_OVERRIDING = frozenset(map(chr, range(0x202A, 0x202F)))
_ISOLATING = frozenset(map(chr, range(0x2066, 0x2069)))
_ISOLATED = chr(0x2069)
"""Ends an isolate. Dates of right-to-left languages come in closed ones; an open one turns what follows it on its line."""
_TAGS = range(0xE0000, 0xE0080)
_BLACK_FLAG = "\U0001f3f4"
_ANY = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_HIDDEN = frozenset({Trait.HIDDEN})


def hidden_text(source: str) -> Iterator[Effect]:
    """Return one effect for the first character of each kind that hides text."""
    if source.isascii() or _ANY.search(source) is None:
        return
    turning = _first_turning(source)
    tag = next((n for n, c in enumerate(source) if ord(c) in _TAGS and not _is_flag(source, n)), -1)
    for position, name in ((turning, "bidirectional control"), (tag, "invisible tag")):
        if position >= 0:
            line = source.count("\n", 0, position) + 1
            column = position - (source.rfind("\n", 0, position) + 1)
            yield Effect(Kind.OBFUSCATE, name, f"U+{ord(source[position]):04X}", line, column, traits=_HIDDEN)


def _first_turning(source: str) -> int:
    """Return where the direction is first overridden, or an isolate is opened and not closed on its line; -1 for nowhere."""
    opened: list[int] = []
    for position, character in enumerate(source):
        if character in _OVERRIDING or (character == "\n" and opened):
            return min(opened, default=position)
        if character in _ISOLATING:
            opened.append(position)
        elif character == _ISOLATED and opened:
            opened.pop()
    return opened[0] if opened else -1


def _is_flag(source: str, position: int) -> bool:
    """Return whether a tag character belongs to the emoji of a region's flag, which is spelt with a few of them after a black flag."""
    start = position
    while start > max(position - 7, 0) and ord(source[start - 1]) in _TAGS:
        start -= 1
    return start > 0 and source[start - 1] == _BLACK_FLAG

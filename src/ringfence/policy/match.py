"""Names and patterns: whether a name fits, which of many fit. Patterns are shell-style and match the whole name, case and all.

`*` stands for any characters, `?` for one, `[abc]` for one of those. The standard library turns them into expressions that
cannot backtrack without end (since Python 3.11), so a pattern from a file cannot hang the gate.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WILD = frozenset("*?[")


def is_pattern(text: str) -> bool:
    """Return whether the text can match anything but itself."""
    return not _WILD.isdisjoint(text)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the expression for a pattern; it matches whole texts."""
    return re.compile(translate(pattern))


def fits(name: str, pattern: str) -> bool:
    """Return whether a name, as a whole, fits a pattern."""
    return name == pattern if not is_pattern(pattern) else compiled(pattern).match(name) is not None


def fitting(name: str, patterns: Iterable[str]) -> list[str]:
    """Return the patterns that a name fits, in their order."""
    return [pattern for pattern in patterns if fits(name, pattern)]

"""A quick first look: whether any of many patterns occurs in a text, in one pass of linear time.

Most results hold nothing of interest, and Python's own engine would try each pattern at each character. The one idea: the regular-expression
engine inside pydantic-core (Rust's `regex`: automata, no back-tracking) answers yes or no for all patterns together, *measured* at 0.7 us
for 1 KB and 68 patterns; only where it says yes are the patterns tried one by one.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import SchemaValidator


_COUNT = re.compile(r"\{(\d+)(?:,\d*)?\}")
_COUNTED = 12
_PIECE = re.compile(r"\\.|.", re.DOTALL)
_ASCII = {r"\b": r"(?-u:\b)", r"\w": "0-9A-Za-z_", r"\d": "0-9", r"\s": r" \t\r\n\x0b\x0c"}


class Screen:
    """The first look for a set of patterns.

    Arguments:
        patterns: regular expressions that Rust's engine and Python's read alike: no look-around, no back-reference.

    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._pattern = "|".join(f"(?:{_looser(pattern)})" for pattern in patterns)

    @cached_property
    def _validator(self) -> SchemaValidator:
        from pydantic_core import SchemaValidator, core_schema  # noqa: PLC0415 - only who inspects results pays for it

        return SchemaValidator(core_schema.str_schema(pattern=self._pattern, regex_engine="rust-regex"))

    def hits(self, text: str) -> bool:
        """Return whether any pattern occurs. A text that is no Unicode (lone surrogates) counts as if one did."""
        try:
            return self._validator.isinstance_python(text) or (not text.isascii() and _is_broken(text))
        except UnicodeEncodeError:
            return True


class Pattern:
    """A pattern that Python's engine only looks for where the screen says that it occurs.

    Arguments:
        pattern: as for `Screen`.
        before, after: what must stand around it, for Python's engine only: look-around.

    """

    def __init__(self, pattern: str, before: str = "", after: str = "") -> None:
        self._screen = Screen((pattern,))
        self._whole = f"{before}(?:{pattern}){after}"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self._whole)

    def finditer(self, text: str) -> Iterable[re.Match[str]]:
        """Return where it occurs."""
        return self._compiled.finditer(text) if self._screen.hits(text) else ()


def _looser(pattern: str) -> str:
    """Return a pattern that matches wherever this one does, and perhaps elsewhere, with a small automaton: a count becomes "so many or more"."""
    pattern = _COUNT.sub(lambda found: f"{{{min(int(found[1]), _COUNTED)},}}", pattern)
    inside = False
    parts = []
    for piece in _PIECE.findall(
        pattern
    ):  # classes know ASCII only, as the forms of keys do: those of all of Unicode are large
        inside = (inside or piece == "[") and piece != "]"
        replaced = _ASCII.get(piece, piece)
        parts.append(replaced if inside or piece not in _ASCII or piece == r"\b" else f"[{replaced}]")
    return "".join(parts)


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

"""The text of a source: its lines, the encoding that it declares, and columns in characters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_ENCODINGS = frozenset(
    {
        "ascii", "cp1252", "iso-8859-1", "iso-8859-15", "latin-1", "latin1", "us-ascii", "utf-8", "utf-8-sig", "utf8",
    }
)  # fmt: skip


def with_plain_ends(source: str) -> str:
    """Return a source whose lines all end as the parser counts them: a carriage return ends a line too."""
    return source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source


def other_encoding(source: str) -> Iterator[Effect]:
    """Return the effect of a coding line (PEP 263) that makes another text of the source than the one that is read here."""
    for number, line in enumerate(source.split("\n", 2)[:2], 1):
        found = _CODING.match(line)
        if found is not None and found[1].lower().replace("_", "-") not in _PLAIN_ENCODINGS:
            yield Effect(Kind.OBFUSCATE, "coding", found[1], number, traits=frozenset({Trait.HIDDEN}))


def in_characters(effects: list[Effect], source: str) -> Iterator[Effect]:
    """Return effects with columns in characters; Python's parser counts bytes of UTF-8."""
    lines = [line.encode("utf-8", "surrogatepass") for line in source.split("\n")]

    def column(line: int, offset: int) -> int:
        if not 0 < line <= len(lines):
            return offset
        return len(lines[line - 1][:offset].decode("utf-8", "replace"))

    for effect in effects:
        end = column(effect.end_line, effect.end_column) if effect.end_line else 0
        yield effect._replace(column=column(effect.line, effect.column), end_column=end)

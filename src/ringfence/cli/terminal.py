"""What commands need to write to a terminal without rich: text made harmless, colours, the width of characters.

Rich's console and markup stay in `output.py`. The one idea: `ringfence scan` runs on one file before each commit, where loading rich
(36 ms of CPU beside the 10 of a bare interpreter) would cost more than the scan itself.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO

_CODES = {
    "critical": "1;35",
    "high": "1;31",
    "medium": "33",
    "low": "36",
    "info": "34",
    "error": "31",
    "place": "1",
    "frame": "2",
    "good": "32",
}
_DEFAULT_COLUMNS = 100
_FEWEST_COLUMNS = 40


def visible(text: str) -> str:
    """Return a text whose control characters, line ends and invisible characters show as escapes and do nothing."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )


def is_coloured(stream: TextIO) -> bool:
    """Return whether a stream gets colours: a terminal, unless NO_COLOR is set; anything where FORCE_COLOR is."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


class Paint:
    """Puts colours around texts, or leaves them as they are.

    Arguments:
        on: whether there are colours.

    """

    def __init__(self, *, on: bool) -> None:
        self._on = on

    def __call__(self, role: str, text: str) -> str:
        """Return the text in the colour of a role: a level, `error`, `place`, `frame` or `good`."""
        return f"\x1b[{_CODES[role]}m{text}\x1b[0m" if self._on else text


def write_line(stream: TextIO, text: str) -> None:
    """Write a line; characters that the stream's encoding lacks show as escapes."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def columns() -> int:
    """Return how wide lines may be."""
    try:
        found = int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
    except (ValueError, OSError):
        return _DEFAULT_COLUMNS
    return max(found, _FEWEST_COLUMNS)


def width(character: str) -> int:
    """Return how many columns a printable character takes: two for wide ones, none for those that join the one before."""
    if character.isascii():
        return 1
    from unicodedata import combining, east_asian_width

    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1

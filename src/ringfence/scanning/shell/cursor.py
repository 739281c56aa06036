"""A position in a text, and the small steps: blanks, comments, reserved words, places, depth.

The one idea: whatever cannot be read is stepped over, and `guessed` says that this happened.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Unscannable

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.syntax import (
        Place,
        Places,
        Redirect,
    )

MOST_DEPTH = 40
"""How deep substitutions and compound commands may nest. Each level costs a few of Python's frames, when it is read and when it is followed."""
_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_RESERVED = re.compile(
    r"(?:if|then|elif|else|fi|while|until|for|select|case|esac|do|done|function|[{}!]|\[\[)(?=[\s;&|()<>]|$)"
)


class Cursor:
    """A position in a text. The methods of the classes built on it consume what they return."""

    def __init__(self, text: str, places: Places, budget: Budget, offset: int, depth: int) -> None:
        self.text = text
        self.at = 0
        self.guessed = False
        self._places = places
        self._budget = budget
        self._offset = offset
        self._depth = depth
        self._waiting: list[tuple[Redirect, str, bool, bool]] = []
        self._unclosed: dict[str, int] = {}

    def skip(self) -> None:
        """Go on after a character that fits nowhere."""
        self.guessed = True
        self.at += 1

    def _deeper(self, step: int) -> None:
        self._depth += step
        self._budget.spend()
        if self._depth > MOST_DEPTH:
            raise Unscannable("too-deep", "it nests too deep: write it flatter", self._here().line)

    def _find(self, text: str, start: int) -> int:
        """Return where a text stands next, remembering that it does not."""
        if self._unclosed.get(text, len(self.text)) <= start:
            return -1
        found = self.text.find(text, start)
        if found < 0:
            self._unclosed[text] = start
        return found

    def _blank(self, *, lines: bool = False) -> None:
        """Skip blanks, comments and, where asked, line ends."""
        while self.at < len(self.text):
            found = _BLANK.match(self.text, self.at)
            if found:
                self.at = found.end()
            elif self.text[self.at] == "#" and self._comments():
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif lines and self.text[self.at] in "\n\0\f\v":
                self.at += 1
                if self._waiting:
                    self.documents()
            else:
                return

    def _comments(self) -> bool:
        return self.at == 0 or self.text[self.at - 1] in " \t\n;&|()`\r"

    def _takes(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def _reserved(self) -> str:
        found = _RESERVED.match(self.text, self.at)
        return found[0] if found else ""

    def _place(self, start: int) -> Place:
        return self._places.at(self._offset + start, self._offset + self.at)

    def _here(self) -> Place:
        return self._place(self.at)

    def documents(self) -> None:
        """Read the here-documents that start on the next line."""

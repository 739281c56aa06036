"""Simple commands: assignments, words and redirections, with the here-documents that follow on the next lines.

The one idea: a redirection may stand anywhere in a command, and its text much further down.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.shell.syntax import (
    DECLARING,
    Assignment,
    Command,
    Literal,
    Redirect,
    Word,
)
from ringfence.scanning.shell.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator


_ASSIGNED = re.compile(r"([A-Za-z_]\w*)(?:\[([^]\n]*)\])?(\+?)=")

_REDIRECT = re.compile(r"(\d+|\{[A-Za-z_]\w*\})?(<<<|<<-|<<|<>|<&|>&|>>|>\||&>>|&>|<(?!\()|>(?!\())")


class SimpleCommands(Words):
    """Reads simple commands."""

    def _simple(self) -> Command:
        start = self.at
        assignments: list[Assignment] = []
        declared: list[Assignment] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while self.at < len(self.text):
            self._budget.spend()
            self._blank()
            before = self.at
            redirect = self._redirect()
            may_assign = not words or words[0].text in DECLARING
            if redirect is not None:
                redirects.append(redirect)
            elif may_assign and (assignment := self.assignment()) is not None:
                (declared if words else assignments).append(assignment)
            elif self.at < len(self.text) and self.text[self.at] not in ";&|()\n":
                words.append(self.word())
            if self.at == before:
                break
        text = self.text[start : self.at].strip()
        return Command(
            tuple(assignments), tuple(words), tuple(redirects), self._place(start), text, tuple(declared)
        )

    def assignment(self) -> Assignment | None:
        """Return an assignment, if one stands here."""
        found = _ASSIGNED.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        append, inside = bool(found[3]), self.index(found[2] or "")
        if not self._takes("("):
            return Assignment(found[1], (self.word(),), append=append, key=found[2] or "", inside=inside)
        return Assignment(found[1], tuple(self._array()), array=True, append=append)

    def _array(self) -> Iterator[Word]:
        while self.at < len(self.text):
            self._blank(lines=True)
            if self._takes(")"):
                return
            before = self.at
            yield self.word()
            if self.at == before:
                self.skip()
        self.guessed = True

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        self._blank()
        while (redirect := self._redirect()) is not None:
            found.append(redirect)
            self._blank()
        return tuple(found)

    def _redirect(self) -> Redirect | None:
        found = _REDIRECT.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        self._blank()
        start = self.at
        target = self.word()
        redirect = Redirect(found[1] or "", found[2], target)
        if found[2] in {"<<", "<<-"}:
            delimiter = self.text[start : self.at]
            plain = re.sub(r"[\\'\"$]", "", delimiter) if not delimiter.startswith("$") else delimiter
            quoted = plain != delimiter
            self._waiting.append((redirect, plain, found[2] == "<<-", quoted))
        return redirect

    def documents(self) -> None:
        """Read the here-documents that start on the next line."""
        waiting, self._waiting = self._waiting, []
        for redirect, delimiter, indented, quoted in waiting:
            start = self.at
            body, self.at, closed = self._document(delimiter, indented=indented)
            self.guessed |= not closed
            if quoted:
                redirect.text = Word((Literal(body, quoted=True),), body)
            else:
                inner = self.inner(body, start)
                redirect.text = Word(tuple(inner.quoted_parts("")), body)

    def _document(self, delimiter: str, *, indented: bool) -> tuple[str, int, bool]:
        lines: list[str] = []
        at = self.at
        while at < len(self.text):
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            line = self.text[at:end]
            line = line.lstrip("\t") if indented else line
            self._budget.spend()
            if line == delimiter or (line.rstrip() in {delimiter, f"{delimiter})"} and end >= len(self.text)):
                return "".join(f"{each}\n" for each in lines), at + len(line), True
            lines.append(line)
            at = end + 1
        return "\n".join(lines), len(self.text), False

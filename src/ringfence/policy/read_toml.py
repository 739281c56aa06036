"""TOML to a `Document`. The standard library reads the values; it keeps no lines, so a scan of our own finds those.

The scan goes over any text once and cannot fail. It runs first, because it also bounds the depth: the standard library's time
grows with the square of the length of a dotted key. Arrays of tables (`[[x]]`), which no policy holds, share one line.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringfence.policy.document import MOST_DEPTH, MOST_VALUES, Document, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.errors import PolicyFileError
    from ringfence.policy.document import Place

_TOKEN = re.compile(
    r"""
      (?P<skip> [ \t\r]+ | \#[^\n]* )
    | (?P<newline> \n )
    | (?P<text> \"{3} (?:\\.|[^\\])*? (?:\"{3,5}|\Z) | '{3} .*? (?:'{3,5}|\Z) | "(?:\\.|[^"\\\n])*"? | '[^'\n]*'? )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<bare> [^\s\[\]{}=,."'\#]+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(text: str, file: str) -> Document:
    """Return what a TOML text holds. Faults that leave the rest readable are in the document's `faults`.

    Arguments:
        text: the TOML text.
        file: the file's name, for messages.

    Raises:
        PolicyFileError: the text is no TOML, holds nothing, gives a key twice, or is too deep or too large.

    """
    document = Document(file)
    scan = _Scan(document)
    scan.run(text)
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _syntax_fault(document, scan, error) from error
    if not data:
        got = "nothing but comments" if text.strip() else "an empty file"
        raise document.fault((), "a policy (`version = 1` is the shortest)", got)
    document.data = _plain(document, data, ())
    return document


def _plain(document: Document, value: object, place: Place) -> object:
    """Return a value without what a policy cannot hold. The scan has bounded its depth."""
    if isinstance(value, dict):
        inner = {key: (*place, key) for key in value if document.name((*place, key), key)}
        return {key: _plain(document, value[key], here) for key, here in inner.items()}
    if isinstance(value, list):
        return [_plain(document, item, (*place, index)) for index, item in enumerate(value)]
    return document.scalar(place, value)


def _syntax_fault(document: Document, scan: _Scan, error: Exception) -> PolicyFileError:
    message = str(error)
    found = _POSITION.search(message)
    if message.startswith(("Cannot", "Duplicate")) and scan.again:
        place, line = scan.again[0]
        return document.fault(
            place, "each key once", f"the key again (first on line {document.line(place)})", line=line
        )
    if isinstance(error, RecursionError):
        return document.too_deep(())
    if not found:
        return document.fault((), "numbers of at most 64 bits", "a larger one")
    line = int(found[1]) if found[1] else scan.line
    return document.fault((), "valid TOML", f"a fault: {printable(message[: found.start()])}", line=line)


@dataclass(slots=True)
class _Bracket:
    """An open bracket: of a list, an inline table or a header."""

    mark: str
    place: Place
    index: int = 0


class _Scan:
    """Finds the line of each key and list item.

    Attributes:
        line: the line that the scan has reached.
        again: keys that were given before, with the line where they come again.

    """

    def __init__(self, document: Document) -> None:
        self.line = 1
        self.again: list[tuple[Place, int]] = []
        self._document = document
        self._lines = document.lines
        self._count = 0
        self._values: set[Place] = set()
        self._headers: set[Place] = set()
        self._table: Place = ()
        self._open: list[_Bracket] = []
        self._parts: list[str] = []
        self._in_key = True
        self._at: Place = ()

    def run(self, text: str) -> None:
        """Go over the text."""
        for kind, token in _tokens(text):
            if kind == "newline":
                self._end_line()
            elif kind == "mark":
                self._mark(token)
            elif kind != "skip" and self._in_key:
                self._parts.append(_unquoted(token))
            elif kind != "skip":
                self._note_item()
            self.line += token.count("\n")
        self._end_line()

    def _end_line(self) -> None:
        if self._open and self._open[0].mark == "header":
            self._end_header()
        elif not self._open:
            self._parts.clear()
            self._in_key = True

    def _mark(self, mark: str) -> None:
        if mark == "=" and self._in_key:
            self._end_key()
        elif mark == "[" and self._in_key and not self._parts:
            self._open.append(_Bracket("header", ()))
        elif mark in "[{" and not self._in_key:
            self._enter(mark)
        elif mark in "]}" and self._open and self._open[-1].mark != "header":
            self._at = self._open.pop().place
            self._in_key = False
        elif mark == "," and self._open:
            self._next_item(self._open[-1])

    def _enter(self, mark: str) -> None:
        self._note_item()
        self._open.append(_Bracket(mark, self._at))
        self._in_key = mark == "{"
        if mark == "[":
            self._at = (*self._at, 0)
            self._refuse_depth(self._at)

    def _next_item(self, bracket: _Bracket) -> None:
        self._parts.clear()
        self._in_key = bracket.mark != "["
        bracket.index += 1
        self._at = (*bracket.place, bracket.index)

    def _note_item(self) -> None:
        if self._open and self._open[-1].mark == "[":
            self._note(self._at)

    def _end_key(self) -> None:
        base = self._open[-1].place if self._open else self._table
        self._at = self._define(base)
        self._refuse_again(base, self._at, self._values | self._headers)
        self._values.add(self._at)
        self._in_key = False

    def _end_header(self) -> None:
        self._table = self._define(())
        if len(self._open) == 1:
            self._refuse_again((), self._table[:-1], self._values)
            self._refuse_again(self._table[:-1], self._table, self._values | self._headers)
            self._headers.add(self._table)
        self._open.clear()
        self._in_key = True

    def _define(self, base: Place) -> Place:
        """Note the key that was spelled, and the tables on the way to it."""
        place = (*base, *self._parts[: MOST_DEPTH + 1])
        self._parts = []
        self._refuse_depth(place)
        for length in range(len(base) + 1, len(place) + 1):
            self._note(place[:length])
        return place

    def _refuse_again(self, base: Place, place: Place, given: set[Place]) -> None:
        """Note the first key between two places that was given before."""
        steps = (place[:length] for length in range(len(base) + 1, len(place) + 1))
        self.again += [(step, self.line) for step in steps if step in given][:1]

    def _note(self, place: Place) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            raise self._document.fault((), f"at most {MOST_VALUES:,} values", "more", line=self.line)
        self._lines.setdefault(place, self.line)

    def _refuse_depth(self, place: Place) -> None:
        if len(place) > MOST_DEPTH:
            raise self._document.too_deep(place, self.line)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        yield str(found.lastgroup), found[0]


def _unquoted(token: str) -> str:
    """Return the key that a token spells."""
    if token[0] not in "\"'":
        return token
    try:
        return str(tomllib.loads(f"key = {token}")["key"])
    except ValueError:
        return token

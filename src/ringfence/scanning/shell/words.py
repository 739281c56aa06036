"""The words of a script: quotes, escapes, parameters, substitutions.

Commands are read by the classes built on this one. The one idea: a quote that nobody closes is read as if it were not there.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ringfence.scanning.shell.cursor import Cursor
from ringfence.scanning.shell.quoting import ansi_c
from ringfence.scanning.shell.syntax import (
    Arithmetic,
    Literal,
    Output,
    Parameter,
    Places,
    Process,
    Reading,
    Sequence,
    Word,
)

if TYPE_CHECKING:
    from ringfence.scanning.shell.syntax import Node, Part

_PLAIN = re.compile(r"[^ \t\r\n\\'\"$`;&|<>()#\0]+")

_PLAIN_QUOTED = re.compile(r'[^\\"$`\0]+')

_PARAMETER = re.compile(r"([!#]?)([A-Za-z_]\w*|\d+|[@*#?$!_-])(?:\[([^]\n]*)\])?")

_OPERATOR = re.compile(r":[-=+?]|[-=+?]|##|#|%%|%|//|/[#%]?|\^\^?|,,?|@|:")

NO_EXPRESSION = re.compile(r"[;\n]|[\w$})\]'\"] +(?:[\w$.'\"]|[/~][^\s=]|-[A-Za-z])")
"""What no arithmetic holds: some shells read this as two subshells, one in the other."""

_SIMPLE_NAME = re.compile(r"[A-Za-z_]\w*|\d|[@*#?$!_-]")


class Words(Cursor, ABC):
    """Reads words."""

    @abstractmethod
    def everything(self) -> Reading:
        """Return all commands up to the end of the text."""

    @abstractmethod
    def sequence(self, stops: frozenset[str], *, closes: bool) -> Sequence:
        """Return commands up to one of the reserved words, or up to a closing parenthesis."""

    def word(self, *, pattern: bool = False) -> Word:
        """Return one word. In a pattern, parentheses belong to it."""
        start = self.at
        parts: list[Part] = []
        while self.at < len(self.text):
            self._budget.spend()
            found = _PLAIN.match(self.text, self.at)
            if found:
                parts.append(Literal(found[0], quoted=False))
                self.at = found.end()
                continue
            if not self._part(parts, start, pattern=pattern):
                break
        return Word(tuple(parts), self.text[start : self.at])

    def _part(self, parts: list[Part], start: int, *, pattern: bool) -> bool:
        """Read one part of a word that is no plain text; False where the word ends."""
        c = self.text[self.at]
        match c:
            case "\\":
                parts.append(self._escaped())
            case "'":
                parts.append(self._single())
            case '"':
                parts += self._double()
            case "$":
                parts.append(self._dollar(quoted=False))
            case "`":
                parts.append(self._backquotes(quoted=False))
            case "#" if self.at > start:
                parts.append(self._literal(1))
            case "<" | ">" if self.at == start and self.text.startswith("(", self.at + 1):
                parts.append(self._process())
            case "(" if self.at > start and (pattern or self.text[self.at - 1] in "?*+@!"):
                parts += self._group()
            case _:
                return False
        return True

    def _group(self) -> list[Part]:
        """Return the parts of a pattern's `(a|b)`, which may hold substitutions like any other part."""
        parts: list[Part] = [self._literal(1)]
        self._deeper(1)
        while self.at < len(self.text) and not self.text.startswith(")", self.at):
            self._budget.spend()
            if not self._part(parts, self.at - 1, pattern=True):
                parts.append(self._literal(1))
        self._deeper(-1)
        return [*parts, self._literal(1)] if self.at < len(self.text) else parts

    def _literal(self, length: int, *, quoted: bool = False) -> Literal:
        self.at += length
        return Literal(self.text[self.at - length : self.at], quoted)

    def _escaped(self) -> Literal:
        following = self.text[self.at + 1 : self.at + 2]
        newline = 2 if following == "\n" else 3 if self.text.startswith("\r\n", self.at + 1) else 0
        self.at += newline or (2 if following else 1)
        return Literal("" if newline else following or "\\", quoted=True)

    def _single(self) -> Literal:
        end = self._find("'", self.at + 1)
        if end < 0:
            self.skip()
            return Literal("", quoted=False)
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return Literal(text, quoted=True)

    def _double(self) -> list[Part]:
        start = self.at
        if self._find('"', start + 1) < 0:
            self.skip()
            return []
        self.at += 1
        waiting, guessed = list(self._waiting), self.guessed
        parts = self.quoted_parts('"')
        if self._takes('"'):
            return [Literal("", quoted=True), *parts]
        self._budget.spend(self.at - start)
        self._unclosed['"'] = min(start + 1, self._unclosed.get('"', start + 1))
        self.at, self._waiting, self.guessed = start + 1, waiting, guessed or True
        return []

    def quoted_parts(self, stop: str) -> list[Part]:
        """Return the parts of double-quoted text up to a character, or to the end where that is empty."""
        parts: list[Part] = []
        while self.at < len(self.text) and not (stop and self.text.startswith(stop, self.at)):
            self._budget.spend()
            found = _PLAIN_QUOTED.match(self.text, self.at)
            if found:
                end = (
                    found.end()
                    if stop in {"", '"'}
                    else min(found.end(), _stop(self.text, stop, self.at, found.end()))
                )
                parts.append(Literal(self.text[self.at : end], quoted=True))
                self.at = end
                continue
            match self.text[self.at]:
                case "\\" if self.text[self.at + 1 : self.at + 2] in {"$", "`", '"', "\\", "\n"}:
                    parts.append(self._escaped())
                case "$":
                    parts.append(self._dollar(quoted=True))
                case "`":
                    parts.append(self._backquotes(quoted=True))
                case _:
                    parts.append(self._literal(1, quoted=True))
        return parts

    def _dollar(self, *, quoted: bool) -> Part:
        following = self.text[self.at + 1 : self.at + 2]
        if following == "'" and not quoted:
            return self._ansi_c()
        if following == '"' and not quoted:
            return self._literal_dollar()
        if following == "(":
            return self._substitution(quoted=quoted)
        if following == "{":
            return self._braced(quoted=quoted)
        found = _SIMPLE_NAME.match(self.text, self.at + 1)
        if not found:
            return self._literal(1, quoted=quoted)
        self.at = found.end()
        return Parameter(found[0], quoted=quoted)

    def _literal_dollar(self) -> Literal:
        self.at += 1
        return Literal("", quoted=True)

    def _ansi_c(self) -> Literal:
        at = self.at + 2
        while at < len(self.text) and self.text[at] != "'":
            at += 2 if self.text[at] == "\\" else 1
        if at >= len(self.text):
            self._budget.spend(at - self.at)
            self.skip()
            return Literal("", quoted=False)
        text = ansi_c(self.text[self.at + 2 : at])
        self.at = at + 1
        return Literal(text, quoted=True)

    def _substitution(self, *, quoted: bool) -> Part:
        if self.text.startswith("((", self.at + 1):
            end = self._closing_arithmetic(self.at + 3)
            if end >= 0 and not NO_EXPRESSION.search(self.text, self.at + 3, end):
                inner = self.inner(self.text[self.at + 3 : end], self.at + 3)
                self.at = end + 2
                return Arithmetic(Word(tuple(inner.quoted_parts(""))))
        self.at += 2
        return Output(self._until_parenthesis(), quoted)

    def _closing_arithmetic(self, start: int) -> int:
        """Return where the `))` stands that belongs to a `((`; -1 where what follows is no arithmetic."""
        depth, at = 0, start
        while at < len(self.text):
            c = self.text[at]
            if c == "(":
                depth += 1
            elif c == ")":
                if not depth:
                    return at if self.text.startswith("))", at) else -1
                depth -= 1
            at += 1
        self._budget.spend(at - start)
        return -1

    def _process(self) -> Process:
        written = self.text[self.at] == ">"
        self.at += 2
        return Process(self._until_parenthesis(), written)

    def _until_parenthesis(self) -> Node:
        script = self.sequence(frozenset(), closes=True)
        self._takes(")")
        return script

    def _backquotes(self, *, quoted: bool) -> Part:
        start, at = self.at + 1, self.at + 1
        while at < len(self.text) and self.text[at] != "`":
            at += 2 if self.text[at] == "\\" else 1
        if at >= len(self.text):
            self._budget.spend(len(self.text) - start)
            self.skip()
            return Literal("", quoted)
        text = re.sub(r"\\([\\`$])" if not quoted else r'\\([\\`$"])', r"\1", self.text[start:at])
        self.at = at + 1
        if text == self.text[start:at]:
            reader = self.another(text, self._places, self._offset + start)
        else:
            places = Places("", self._place(start))
            reader = self.another(text, places, 0)
        self._budget.spend(len(text))
        reading = reader.everything()
        self.guessed |= reading.guessed
        return Output(reading.script, quoted)

    def _braced(self, *, quoted: bool) -> Part:
        start = self.at
        self.at += 2
        found = _PARAMETER.match(self.text, self.at)
        if not found or (found[1] and self.text.startswith("}", self.at + 1)):
            found = re.compile(r"()([@*#?$!_-])()").match(self.text, self.at)
        if not found:
            self.at = start
            return self._literal(2, quoted=quoted)
        self.at = found.end()
        operator = _OPERATOR.match(self.text, self.at)
        self.at = operator.end() if operator else self.at
        self._deeper(1)
        argument = Word(tuple(self._braced_parts(quoted=quoted)))
        self._deeper(-1)
        if not self._takes("}"):
            self.guessed = True
        change, index = found[1] + (operator[0] if operator else ""), found[3] or ""
        return Parameter(found[2], change, argument, index, quoted, self.index(index))

    def index(self, text: str) -> Word | None:
        """Return what stands in brackets as a word, if that holds anything to expand."""
        if "$" not in text and "`" not in text:
            return None
        return Word(tuple(self.inner(text, self.at).quoted_parts("")))

    def _braced_parts(self, *, quoted: bool) -> list[Part]:
        """Return the parts of the word in `${name:-word}`; within double quotes a single quote is a character."""
        parts: list[Part] = []
        while self.at < len(self.text) and self.text[self.at] != "}":
            self._budget.spend()
            found = re.compile(r"[^\\'\"$`}\0]+").match(self.text, self.at)
            if found:
                parts.append(Literal(found[0], quoted=True))
                self.at = found.end()
            elif quoted and self.text[self.at] == "'":
                parts.append(self._literal(1, quoted=True))
            elif not self._part(parts, self.at - 1, pattern=False):
                self.at += 1
        return parts

    def inner(self, text: str, start: int) -> Words:
        """Return a reader of a part of the text."""
        self._budget.spend(len(text) // 8 + 1)
        return self.another(text, self._places, self._offset + start)

    def another(self, text: str, places: Places, offset: int) -> Words:
        """Return a reader of another text, one level deeper."""
        return type(self)(text, places, self._budget, offset, self._depth + 1)


def _stop(text: str, stop: str, start: int, end: int) -> int:
    found = text.find(stop, start, end)
    return end if found < 0 else found

"""The loose reader: from any text to commands. Words and simple commands are read by the classes that it is built on.

It never refuses: a quote that nobody closes is read as if it were not there, words that close nothing are skipped, and `guessed` says
that this happened. The one idea: for a gate it is better to read a command where a shell would see none than the other way round.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.shell.simple import SimpleCommands
from ringfence.scanning.shell.syntax import (
    NOTHING,
    Arithmetic,
    Branches,
    Each,
    Function,
    Item,
    Loop,
    Pipeline,
    Places,
    Reading,
    Redirected,
    Sequence,
    Subshell,
    Test,
    Word,
)
from ringfence.scanning.shell.words import NO_EXPRESSION

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.syntax import Node


_CLOSING = frozenset({"then", "elif", "else", "fi", "esac", "do", "done", "}"})

_NAME = re.compile(r"[A-Za-z_]\w*")

_FUNCTION = re.compile(r"[^\s\\'\"$`;&|<>()=]+[ \t]*\([ \t]*\)")

_NOTHING_ELSE = re.compile(r"(?!)")

_ALWAYS = frozenset(
    {
        "true",
        ":",
        "1",
        "[ 1 ]",
        "[[ 1 ]]",
        "[ true ]",
        "((1))",
        "(( 1 ))",
        "/bin/true",
        "[ 1 -eq 1 ]",
        "test 1",
    }
)


def read_loosely(text: str, places: Places, budget: Budget, offset: int = 0, depth: int = 0) -> Reading:
    """Return what a text says.

    Arguments:
        text: a script, a command line, or anything else.
        places: from offsets to places.
        budget: what may still be spent.
        offset: where the text starts within what `places` counts.
        depth: how deep it already nests.

    Raises:
        Unscannable: it nests too deep or takes too long.

    """
    return Reader(text, places, budget, offset, depth).everything()


class Reader(SimpleCommands):
    """Reads lists, pipelines and compound commands."""

    def everything(self) -> Reading:
        """Return all commands up to the end of the text."""
        items: list[Item] = []
        while self.at < len(self.text):
            before = self.at
            items += self.sequence(frozenset(), closes=False).items
            if self.at == before:
                self.skip()
        return Reading(Sequence(tuple(items)), self.guessed)

    def sequence(self, stops: frozenset[str], *, closes: bool) -> Sequence:
        """Return commands up to one of the reserved words, or up to a closing parenthesis."""
        self._deeper(1)
        items: list[Item] = []
        doubtful = False
        while not self._ends(stops, closes=closes):
            before = self.at
            node = self.pipeline()
            if self.at == before:
                self.skip()
                continue
            operator = self._separator()
            items.append(Item(node, doubtful, operator == "&"))
            doubtful = operator in {"&&", "||"}
        self._deeper(-1)
        return Sequence(tuple(items))

    def _ends(self, stops: frozenset[str], *, closes: bool) -> bool:
        """Skip what is between commands; return whether the list ends here."""
        case = "esac" in stops
        while True:
            self._blank(lines=True)
            if self.at >= len(self.text):
                self.guessed |= bool(stops) or closes
                return True
            c = self.text[self.at]
            if (c == ")" and (closes or case)) or (case and self.text.startswith((";;", ";&"), self.at)):
                return True
            word = self._reserved()
            if word in stops:
                return True
            if word in _CLOSING or c in ")|":
                self.guessed = True
                self.at += len(word) or 1
            elif c == ";" or (c == "&" and not self.text.startswith("&>", self.at)):
                self.at += 1
            else:
                return False

    def _separator(self) -> str:
        self._blank()
        for operator in ("&&", "||", ";;", "&", ";"):
            if self.text.startswith(operator, self.at) and not self.text.startswith("&>", self.at):
                if operator != ";;":
                    self.at += len(operator)
                return operator
        return ""

    def pipeline(self) -> Node:
        """Return commands joined by `|`."""
        stages: list[Node] = []
        while True:
            self._blank(lines=bool(stages))
            while (word := self._reserved()) == "!" or self._takes("time "):
                self.at += len(word)
                self._blank()
            before = self.at
            stages.append(self.command())
            self.guessed |= bool(len(stages) > 1 and self.at == before)
            self._blank()
            if not self.text.startswith("|", self.at) or self.text.startswith("||", self.at):
                break
            self.at += 2 if self.text.startswith("|&", self.at) else 1
        return stages[0] if len(stages) == 1 else Pipeline(tuple(stages))

    def command(self) -> Node:
        """Return one command, simple or compound, with its redirections."""
        self._deeper(1)
        start = self.at
        compound = self._compound()
        node: Node
        if compound is None:
            node = self._simple()
        elif isinstance(compound, Function):
            node = compound
        else:
            redirects = self._redirects()
            node = Redirected(compound, redirects, self._place(start)) if redirects else compound
        self._deeper(-1)
        return node

    def _compound(self) -> Node | None:  # noqa: C901, PLR0911 - one line for each kind of command
        if self.text.startswith("((", self.at):
            test = self._arithmetic_command(NO_EXPRESSION)
            if test is not None:
                return test
        if self._takes("("):
            body = self.sequence(frozenset(), closes=True)
            self._takes(")")
            return Subshell(body)
        word = self._reserved()
        match word:
            case "{":
                self.at += 1
                body = self.sequence(frozenset({"}"}), closes=False)
                self._takes("}")
                return body
            case "[[":
                return self._test()
            case "if":
                return self._if()
            case "while" | "until":
                return self._while(word)
            case "for" | "select":
                return self._for(word)
            case "case":
                return self._case()
            case "function":
                return self._function(word)
        return self._function("") if _FUNCTION.match(self.text, self.at) else None

    def _arithmetic_command(self, unless: re.Pattern[str]) -> Test | None:
        start = self.at
        end = self._closing_arithmetic(start + 2)
        if end < 0 or unless.search(self.text, start + 2, end):
            return None
        inner = self.inner(self.text[start + 2 : end], start + 2)
        word = Word((Arithmetic(Word(tuple(inner.quoted_parts("")))),), self.text[start : end + 2])
        self.at = end + 2
        return Test((word,), self._place(start))

    def _test(self) -> Test:
        start = self.at
        self.at += 2
        words: list[Word] = []
        while self.at < len(self.text):
            self._blank(lines=True)
            if self._takes("]]"):
                break
            if self.at < len(self.text) and self.text[self.at] in "();&|<>#":
                self.at += 1
                continue
            before = self.at
            words.append(self.word(pattern=True))
            if self.at == before:
                self.at += 1
        return Test(tuple(words), self._place(start))

    def _if(self) -> Branches:
        self.at += 2
        head = self.sequence(frozenset({"then", "fi"}), closes=False)
        bodies: list[Node] = []
        while self.at < len(self.text):
            word = self._reserved()
            self.at += len(word)
            if word in {"fi", ""}:
                break
            bodies.append(self.sequence(frozenset({"then", "elif", "else", "fi"}), closes=False))
        return Branches(head, tuple(bodies))

    def _while(self, word: str) -> Loop:
        start = self.at
        self.at += len(word)
        begins = self.at
        head = self.sequence(frozenset({"do", "done"}), closes=False)
        condition = self.text[begins : self.at].strip().rstrip(";").strip()
        endless = condition in _ALWAYS if word == "while" else condition in {"false", "/bin/false"}
        return Loop(head, self._body(), endless, self._place(start))

    def _body(self) -> Sequence:
        self._blank(lines=True)
        self._takes(";")
        self._blank(lines=True)
        if self._reserved() == "{":
            self.at += 1
            body = self.sequence(frozenset({"}"}), closes=False)
            self._takes("}")
            return body
        self._takes("do")
        body = self.sequence(frozenset({"done"}), closes=False)
        self._takes("done")
        return body

    def _for(self, word: str) -> Node:
        start = self.at
        self.at += len(word)
        self._blank()
        if self.text.startswith("((", self.at):
            head = self._arithmetic_command(_NOTHING_ELSE)
            if head is not None:
                endless = re.sub(r"\s", "", head.words[0].text).startswith("((;;")
                return Loop(head, self._body(), endless, self._place(start))
        name = _NAME.match(self.text, self.at)
        self.at = name.end() if name else self.at
        self._blank(lines=True)
        words: list[Word] | None = None
        if self._takes("in"):
            words = []
            self._blank()
            while self.at < len(self.text) and self.text[self.at] not in ";\n&|()":
                before = self.at
                words.append(self.word())
                self._blank()
                if self.at == before:
                    self.skip()
        body = self._body()
        return Each(
            name[0] if name else "", None if words is None else tuple(words), body, self._place(start)
        )

    def _case(self) -> Branches:
        self.at += 4
        self._blank()
        subject = self.word()
        self._blank(lines=True)
        self._takes("in")
        bodies: list[Node] = []
        words = [subject]
        while self.at < len(self.text):
            self._blank(lines=True)
            if self._reserved() == "esac":
                self.at += 4
                break
            words += self._patterns()
            bodies.append(self.sequence(frozenset({"esac"}), closes=False))
            if self.text.startswith((";;", ";&"), self.at):
                self.at += 3 if self.text.startswith(";;&", self.at) else 2
        return Branches(NOTHING, tuple(bodies), tuple(words))

    def _patterns(self) -> list[Word]:
        self._takes("(")
        words: list[Word] = []
        while self.at < len(self.text) and self.text[self.at] not in ")\n;":
            before = self.at
            self._blank()
            words.append(self.word(pattern=True))
            self._blank()
            if not self._takes("|") and self.at == before:
                self.skip()
        self._takes(")")
        return words

    def _function(self, word: str) -> Function:
        start = self.at
        self.at += len(word)
        self._blank()
        name = re.compile(r"[^\s\\'\"$`;&|<>()]+").match(self.text, self.at)
        self.at = name.end() if name else self.at
        self._blank()
        if self._takes("("):
            self._blank()
            self._takes(")")
        self._blank(lines=True)
        place = self._place(start)
        return Function(name[0] if name else "", self.command(), place)

"""The shell's grammar as plain data: words made of parts, commands made of words, and the compound commands around them.

Nothing here reads or evaluates. The one idea: both readings of a source, by grammar (`tree.py`) and loose (`reader.py`), end in
these few classes, so that `machine.py` need not know which of them it follows.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where something stands: lines from 1, columns in characters from 0."""

    line: int = 1
    column: int = 0
    end_line: int = 0
    end_column: int = 0


class Places:
    """From offsets in a source to places.

    Arguments:
        source: the text.
        fixed: the one place of everything, for text that stands nowhere in the source itself, such as the argument of `eval`.

    """

    def __init__(self, source: str, fixed: Place | None = None) -> None:
        self._fixed = fixed
        self._lines = [0]
        if fixed is None:
            self._lines += [number + 1 for number, c in enumerate(source) if c == "\n"]

    def at(self, start: int, end: int) -> Place:
        """Return the place of a stretch of text."""
        if self._fixed is not None:
            return self._fixed
        line, last = bisect_right(self._lines, start), bisect_right(self._lines, end)
        return Place(line, start - self._lines[line - 1], last, end - self._lines[last - 1])


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself; unquoted text may still be a pattern, a list in braces or a home folder."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name` or `${name...}`.

    Attributes:
        name: a variable, or a special parameter such as `1`, `@`, `!`.
        operator: what follows the name: `:-`, `##`, `/`; `!` before it is `indirect`, `#` before it `length`.
        argument: the word after the operator.
        index: what stands in brackets: `@`, `0`.
        quoted: whether it stands in double quotes, so that its value is one word.
        inside: what stands in brackets, where that is expanded in its turn.

    """

    name: str
    operator: str = ""
    argument: Word | None = None
    index: str = ""
    quoted: bool = False
    inside: Word | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """`$(...)` or backquotes: what commands print."""

    script: Node
    quoted: bool


@dataclass(frozen=True, slots=True)
class Process:
    """`<(...)`, whose output is read as a file, or `>(...)`, which is written to as a file."""

    script: Node
    written: bool


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`$((...))`, with the parts of the expression."""

    expression: Word


Part = Literal | Parameter | Output | Process | Arithmetic


class Word(NamedTuple):
    """One word as it is written: its parts, and its text for evidence."""

    parts: tuple[Part, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=value`, `name+=value`, `name[index]=value` or `name=(values)`."""

    name: str
    values: tuple[Word, ...]
    array: bool = False
    append: bool = False
    key: str = ""
    inside: Word | None = None


@dataclass(slots=True)
class Redirect:
    """One redirection; the text of a here-document is filled in when the reader comes to it."""

    descriptor: str
    operator: str
    target: Word
    text: Word | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command; `declared` are the assignments among the arguments of `local`, `export` and the like."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]
    place: Place
    text: str = ""
    declared: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands whose output is the next one's input."""

    stages: tuple[Node, ...]


class Item(NamedTuple):
    """One member of a list: `doubtful` after `&&` and `||`, since it may not run; `background` before `&`."""

    node: Node
    doubtful: bool = False
    background: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections."""

    body: Node
    redirects: tuple[Redirect, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Subshell:
    """Commands in a shell of their own: what they set is lost."""

    body: Node


@dataclass(frozen=True, slots=True)
class Branches:
    """`if` and `case`: words that are looked at, a part that runs, and parts of which any may run."""

    head: Node
    bodies: tuple[Node, ...]
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """`while`, `until` and the arithmetic `for`; `endless` where the condition is always true."""

    head: Node
    body: Node
    endless: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Each:
    """`for name in words` and `select`; without words it goes through the arguments."""

    name: str
    words: tuple[Word, ...] | None
    body: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of a function."""

    name: str
    body: Node
    place: Place


@dataclass(frozen=True, slots=True)
class Test:
    """`[[ ... ]]` and `((...))`: words that are evaluated and compared."""

    words: tuple[Word, ...]
    place: Place


DECLARING = frozenset({"local", "export", "declare", "typeset", "readonly"})
"""Commands whose arguments may be assignments."""
Node = Command | Pipeline | Sequence | Redirected | Subshell | Branches | Loop | Each | Function | Test
NOTHING = Sequence(())


@dataclass(slots=True)
class Reading:
    """What a reader made of a text: the commands, and whether it had to guess anywhere."""

    script: Node
    guessed: bool = field(default=False)

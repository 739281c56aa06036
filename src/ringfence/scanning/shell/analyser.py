"""`shell_effects()`: reads a source, follows it, and hands back what it would do.

The grammar has the word on the structure of a source that it can read, the loose reader on all others. Where that has to guess, each
line is followed on its own besides, since a shell runs the complete commands before the one that is wrong. The effects of all readings
count: the gate fears what may happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Unscannable
from ringfence.scanning.shell.machine import Machine
from ringfence.scanning.shell.programs import PROGRAMS
from ringfence.scanning.shell.reader import read_loosely
from ringfence.scanning.shell.syntax import Item, Places, Sequence
from ringfence.scanning.shell.tree import read_by_grammar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.scanning.effects import Budget, Effect
    from ringfence.scanning.shell.syntax import Node

MOST_BY_GRAMMAR = 10_000
"""The longest text, in characters, that the grammar is asked about: on a text that does not fit it, tree-sitter takes quadratic time."""


def shell_effects(source: str, budget: Budget, dialect: str = "") -> Iterable[Effect]:  # noqa: ARG001 - all dialects are read as one
    """Return what a script or command line for a POSIX shell or bash would do.

    Arguments:
        source: the text.
        budget: what may still be spent.
        dialect: unused.

    Raises:
        Unscannable: it nests too deep, takes too long to follow, or holds a NUL, which no shell takes.

    """
    if "\0" in source:
        line = source[: source.index("\0")].count("\n") + 1
        raise Unscannable(
            "unparsed", "it holds a NUL character, which no shell takes: write it without", line
        )
    effects: dict[Effect, None] = {}
    for script in readings(source, Places(source), budget, 0):
        machine = Machine(budget, _inner_readings, PROGRAMS)
        machine.run(script)
        machine.follow_uncalled()
        effects |= machine.effects
    return list(effects)


def readings(text: str, places: Places, budget: Budget, depth: int) -> Iterator[Node]:
    """Return the scripts that a text may be read as: the certain one, or all that are worth a fear."""
    loose = read_loosely(text, places, budget, 0, depth)
    if loose.guessed:
        yield loose.script
        yield from _lines(text, places, budget, depth)
        return
    by_grammar = read_by_grammar(text, places, budget, depth) if len(text) <= MOST_BY_GRAMMAR else None
    yield loose.script if by_grammar is None or by_grammar.guessed else by_grammar.script


def _lines(text: str, places: Places, budget: Budget, depth: int) -> Iterator[Node]:
    """Return a script of all lines, each read on its own; nothing for a text of one line."""
    lines = text.splitlines(keepends=True)
    if len(lines) < 2:  # noqa: PLR2004 - one line was read already
        return
    items: list[Item] = []
    start = 0
    for line in lines:
        reading = read_loosely(line, places, budget, start, depth)
        items += reading.script.items if isinstance(reading.script, Sequence) else ()
        start += len(line)
    yield Sequence(tuple(items))


def _inner_readings(text: str, places: Places, budget: Budget, depth: int) -> Iterable[Node]:
    return list(readings(text, places, budget, depth))

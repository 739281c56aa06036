"""The lines of a source that a finding is about, with marks under the place, as compilers show them.

The one idea: a line is cut into cells of a known width, so that tabs, wide characters, escapes and lines of any length keep the
marks where they belong.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.cli.terminal import visible, width
from ringfence.scanning.effects import Language

if TYPE_CHECKING:
    from ringfence.cli.terminal import Paint

_TAB = 4
_LEAD = 30
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


class Place(NamedTuple):
    """A place in a source: lines from 1, columns from 0, the end exclusive; an end line of 0 where the end is not known."""

    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def last(self, length: int) -> int:
        """Return the column after the last one to mark in the first line, which is `length` long."""
        if self.end_line > self.line:
            return length
        return (
            self.end_column
            if self.end_line == self.line and self.end_column > self.column
            else self.column + 1
        )


def lines_of(source: str, language: Language) -> list[str]:
    """Return the lines of a source as its language's parser counts them."""
    if language is Language.PYTHON:
        return _LINE_ENDS.split(source)
    return [line.removesuffix("\r") for line in source.split("\n")]


def excerpt(place: Place, lines: dict[int, str], room: int, paint: Paint, role: str) -> list[str]:
    """Return the line of a place with the one before it, line numbers, and marks under the place.

    Arguments:
        place: the place.
        lines: the lines of the source by number; missing ones are not shown.
        room: how many columns the whole may take.
        paint: the colours.
        role: the colour of the marks.

    """
    if place.line not in lines:
        return []
    digits = len(str(place.line))
    room -= digits + 4
    text, marks = _marked(lines[place.line], place, room)
    before = lines.get(place.line - 1, "")
    shown = [(str(place.line - 1), _marked(before, Place(1, 0), room)[0])] if before.strip() else []
    shown.append((str(place.line), text))
    framed = [f" {paint('frame', f'{number:>{digits}} |')} {line}".rstrip() for number, line in shown]
    return [*framed, f" {' ' * digits} {paint('frame', '|')} {paint(role, marks)}"]


def _marked(line: str, place: Place, room: int) -> tuple[str, str]:
    """Return a line cut to the room around a place, and the marks under it."""
    start = min(place.column, len(line))
    stop = max(start + 1, min(place.last(len(line.rstrip())), len(line)))
    first = start - _LEAD if start + _LEAD > room else 0  # what is in front of the place, as far as it fits
    text, at = ("…", 1) if first > 0 else ("", 0)
    mark_from = mark_to = 0
    for index in range(max(first, 0), len(line)):
        cell, wide = _cell(line[index], at)
        if at + wide > room - 1:
            text += "…"
            break
        mark_from = at if index == start else mark_from
        text, at = text + cell, at + wide
        mark_to = at if index < stop else mark_to
    else:
        mark_from = at if start == len(line) else mark_from
    return text, " " * mark_from + "^" * max(mark_to - mark_from, 1)


def _cell(character: str, at: int) -> tuple[str, int]:
    """Return how a character is shown in a column, and how wide that is."""
    if character == "\t":
        wide = _TAB - at % _TAB
        return " " * wide, wide
    if character.isprintable():
        return character, width(character)
    shown = visible(character)
    return shown, len(shown)

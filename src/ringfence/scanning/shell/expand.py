"""Expansion: what a word comes to. Braces, variables, substitutions and splitting, with several possibilities where there are.

What a variable may hold is the machine's to know. The one idea: an expansion gives alternatives, each a row of fields, just as the
shell would hand them to a program.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.shell.parameters import parameter
from ringfence.scanning.shell.syntax import Arithmetic, Literal, Output, Parameter, Process, Word
from ringfence.scanning.shell.values import (
    BREAK,
    MOST_VALUES,
    UNKNOWN,
    Value,
    Values,
    joined,
    origins_of,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.shell.streams import Redirections
    from ringfence.scanning.shell.syntax import Part

_SPACE = re.compile(r"[ \t\n]+")
_KEPT = str.maketrans({"{": "\ue001", ",": "\ue002", "}": "\ue003"})
_RESTORED = str.maketrans({"\ue001": "{", "\ue002": ",", "\ue003": "}"})
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(?:\.\.(-?\d+))?")
_LONGEST_RANGE = 16
_SUM = re.compile(r"\s*(-?\d{1,9})\s*(?:([-+*%/])\s*(\d{1,9}))?\s*")


def fields(m: Redirections, word: Word) -> list[tuple[Value, ...]]:
    """Return what a word comes to as arguments: the alternatives, each of them a row of fields."""
    first = word.parts[0] if word.parts else None
    if len(word.parts) == 1 and isinstance(first, Literal) and (first.quoted or "{" not in first.text):
        return [(Value(first.text),)]
    text = joined([_piece(m, part) for part in word.parts])
    return list(dict.fromkeys(tuple(_split(value, word)) for value in text))


def value(m: Redirections, word: Word) -> Values:
    """Return what a word comes to as one text, as in an assignment."""
    text = joined([_part(m, part) for part in word.parts])
    return tuple(each._replace(text=each.text.replace(BREAK, " ")) for each in text)


def _piece(m: Redirections, part: Part) -> Values:
    """Return what a part comes to, marked where it is split and with its quoted braces out of the way."""
    found = _part(m, part)
    if isinstance(part, Literal):
        return (Value(part.text.translate(_KEPT)),) if part.quoted else found
    if isinstance(part, Parameter | Output) and not part.quoted:
        found = tuple(each._replace(text=_splitter(m).sub(BREAK, each.text)) for each in found)
    return tuple(each._replace(text=each.text.translate(_KEPT)) for each in found)


def _splitter(m: Redirections) -> re.Pattern[str]:
    """Return what parts fields: white space, and the characters of IFS where the script sets it."""
    characters = "".join(each.text for each in m.variables.get("IFS", ()) if each.known).strip(" \t\n")
    return re.compile(rf"[{re.escape(characters[:32])} \t\n]+") if characters else _SPACE


def _split(found: Value, word: Word) -> Iterator[Value]:
    quoted = any(getattr(part, "quoted", True) for part in word.parts)
    for text in braces(found.text):
        for each in text.split(BREAK) if BREAK in text else (text,):
            if each or (quoted and text == found.text and BREAK not in text):
                yield Value(each.translate(_RESTORED), found.origins)


def braces(text: str) -> list[str]:
    """Return the texts that a list in braces stands for, innermost list first; one with too many stands for an unknown text."""
    done: list[str] = []
    waiting = [text]
    while waiting and len(done) + len(waiting) <= MOST_VALUES:
        each = waiting.pop(0)
        found = next((found for found in _BRACES.finditer(each) if _is_list(found[1])), None)
        if found is None:
            done.append(each)
            continue
        waiting = [
            each[: found.start()] + choice + each[found.end() :] for choice in _choices(found[1])
        ] + waiting
    return [*done, *waiting]


def _is_list(inner: str) -> bool:
    return "," in inner or _RANGE.fullmatch(inner) is not None


def _choices(inner: str) -> list[str]:
    if "," in inner:
        return inner.split(",")
    found = _RANGE.fullmatch(inner)
    if found is None:
        return [inner]
    letters = not found[1].lstrip("-").isdigit()
    if letters and (found[2].lstrip("-").isdigit() or not found[1].isalpha()):
        return [HOLE]
    first, last = (ord(found[1]), ord(found[2])) if letters else (int(found[1][:9]), int(found[2][:9]))
    step = abs(int((found[3] or "1")[:9])) or 1
    row = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
    names = [chr(each) if letters else str(each) for each in row[:_LONGEST_RANGE]]
    return names if len(row) <= _LONGEST_RANGE else [names[0], HOLE]


def _part(m: Redirections, part: Part) -> Values:
    m.budget.spend()
    match part:
        case Literal():
            return (Value(part.text),)
        case Parameter():
            if part.inside is not None:
                value(m, part.inside)
            return parameter(m, part, value(m, part.argument or Word(())))
        case Output():
            return tuple(
                each._replace(text=each.text.rstrip("\n")) for each in m.apart(lambda: m.run(part.script))
            )
        case Process():
            return (Value(m.process(part)),)
        case Arithmetic():
            expression = value(m, part.expression)
            m.calculated(expression)
            return _arithmetic(expression)


def _arithmetic(expression: Values) -> Values:
    found = _SUM.fullmatch(expression[0].text) if len(expression) == 1 else None
    if found is None:
        return unknown(origins_of(expression))
    left, right = int(found[1]), int(found[3] or 0)
    if found[2] in {"%", "/"} and not right:
        return UNKNOWN
    results = {"+": left + right, "-": left - right, "*": left * right}
    if found[2] in {"%", "/"}:
        results |= {"%": left % right, "/": left // right}
    return (Value(str(results.get(found[2], left))),)

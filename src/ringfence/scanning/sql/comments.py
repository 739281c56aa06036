"""Comments that do more than comment: code that MySQL runs, white space that splits words, an end that cuts off a condition."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.sql.dialects import MYSQL_LIKE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EXECUTABLE = re.compile(r"M?!(?:\d{5,6})?")
_HIDDEN = frozenset({Trait.HIDDEN})
_FEWEST_SPLITTING = 2


def comment_effects(text: str, comments: Sequence[str], dialect: str) -> Iterator[Effect]:
    """Return an effect for each way in which a source's comments hide something."""
    if dialect in MYSQL_LIKE and any(_EXECUTABLE.match(each) for each in comments):
        yield _hidden("executable comment", text, "/*!")
    if sum(not each for each in comments) >= _FEWEST_SPLITTING and text.count("/**/") >= _FEWEST_SPLITTING:
        yield _hidden("splitting comment", text, "/**/")
    for comment in comments:
        if _cuts_off(comment) and f"--{comment}" in text:
            yield _hidden("cutting comment", text, f"--{comment}")
            return


def _cuts_off(comment: str) -> bool:
    """Return whether a comment begins with the quote that should have ended a string before it."""
    start = comment.lstrip()[:1]
    return start in {"'", '"'} and comment.count(start) % 2 == 1


def _hidden(name: str, text: str, mark: str) -> Effect:
    offset = max(0, text.find(mark))
    line = text.count("\n", 0, offset) + 1
    return Effect(
        Kind.OBFUSCATE, name, mark[:80], line, offset - text.rfind("\n", 0, offset) - 1, traits=_HIDDEN
    )


def uncovered(text: str, comments: Sequence[str], dialect: str) -> str:
    """Return a source with the comments that MySQL runs made plain; the same text where there are none."""
    if dialect not in MYSQL_LIKE:
        return text
    for comment in dict.fromkeys(comments):
        code = _EXECUTABLE.match(comment)
        if code:
            text = text.replace(f"/*{comment}*/", f" {comment[code.end() :]} ")
    return text

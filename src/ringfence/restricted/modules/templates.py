"""Templates of `re.sub`, read by `re` itself: each group stands for a character that no template may hold, and the library expands that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.restricted.run import Run

_FIRST = 0xF0000
"""The first character of Unicode's supplementary private use: the whole match; the groups follow."""
_MOST_TEMPLATE = 10_000


class Template:
    """A template as texts and numbers of groups.

    Arguments:
        parts: texts, and numbers of groups.

    """

    __slots__ = ("_parts",)

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts

    def fill(self, found: Any) -> list[Any]:
        """Return the pieces of text that the template gives for a match."""
        return [found.group(part) or found.string[:0] if type(part) is int else part for part in self._parts]


def read_template(run: Run, pattern: re.Pattern[Any], template: Any) -> Template:
    """Return a template for the groups of a pattern.

    Raises:
        re.error, IndexError: as `re`.
        Stopped: it is too long, or holds the characters that stand for groups.

    """
    if not isinstance(template, str | bytes):
        raise TypeError(f"expected str instance, {type(template).__name__} found")
    text = template.decode("latin-1") if isinstance(template, bytes) else template
    escaped = "\\" in text
    if escaped and (len(text) > _MOST_TEMPLATE or max(text) >= chr(_FIRST)):
        raise run.meter.stop("offer", f"a template of more than {_MOST_TEMPLATE:,} characters is not offered")
    run.meter.charge(len(text) * 4 if escaped else 1)
    parts = _parts(_expanded(pattern, text), pattern.groups) if escaped else [text]
    if isinstance(template, bytes):
        parts = [part if type(part) is int else part.encode("latin-1") for part in parts]
    return Template(parts)


def _expanded(pattern: re.Pattern[Any], text: str) -> str:
    names = {number: name for name, number in pattern.groupindex.items()}
    marks = [chr(_FIRST + number) for number in range(pattern.groups + 1)]
    groups = [f"(?P<{names[i]}>{mark})" if i in names else f"({mark})" for i, mark in enumerate(marks) if i]
    match = re.compile(marks[0] + "".join(groups)).match("".join(marks))
    assert match is not None
    return match.expand(text)


def _parts(expanded: str, groups: int) -> list[Any]:
    parts: list[Any] = []
    place = 0
    while place < len(expanded):
        number = ord(expanded[place]) - _FIRST
        if number >= 0:
            parts.append(number)
            place += 1 if number else groups + 1
        elif parts and type(parts[-1]) is str:
            parts[-1] += expanded[place]
            place += 1
        else:
            parts.append(expanded[place])
            place += 1
    return parts

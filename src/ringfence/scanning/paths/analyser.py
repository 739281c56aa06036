"""The analyser of the language `path`: a source that is one path, such as the argument of a tool that opens files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Unscannable
from ringfence.scanning.paths.files import resolve

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget

_LONGEST = 4096
_NAME = "path"


def path_effects(source: str, budget: Budget, dialect: str = "") -> tuple[Effect, ...]:  # noqa: ARG001 - paths have no dialects
    """Return what a path would have a tool do: read what it names, and what its symbolic links lead to on this machine.

    Arguments:
        source: the path.
        budget: what may still be spent.
        dialect: unused.

    Raises:
        Unscannable: it is empty, longer than any system allows, or holds characters that no honest path holds.

    """
    budget.spend(len(source))
    if not source.strip():
        raise Unscannable("unparsed", "the path is empty: name a file")
    if any(ord(c) < 32 or ord(c) == 127 for c in source):  # noqa: PLR2004 - control characters
        raise Unscannable("unparsed", "the path holds control characters: write it without")
    if len(source) > _LONGEST:
        raise Unscannable("unparsed", f"the path is longer than {_LONGEST:,} characters: shorten it")
    effect = Effect(Kind.READ, _NAME, source, end_line=1, end_column=len(source))
    target = _own(resolve(source))
    if target is None or target == os.path.abspath(source):  # noqa: PTH100 - textual, unlike pathlib's resolve
        return (effect,)
    return effect, effect._replace(value=target, evidence=(f"{source} -> {target}",))


def _own(path: str | None) -> str | None:
    """Return a path with `/proc/self` for this process, by whose number it would look like another one's."""
    here = f"/proc/{os.getpid()}/"
    return f"/proc/self/{path.removeprefix(here)}" if path is not None and path.startswith(here) else path

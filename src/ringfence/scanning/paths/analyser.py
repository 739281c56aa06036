"""The analyser of the language `path`: a source that is one path, such as the argument of a tool that opens files."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Access, Effect, Kind, Unscannable
from ringfence.scanning.paths.files import resolve

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget

_LONGEST = 4096
_NAME = "path"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def path_effects(source: str, budget: Budget, dialect: str = Access.READ) -> tuple[Effect, ...]:
    """Return what a path would have a tool do with what it names, and with what its symbolic links lead to on this machine.

    Arguments:
        source: the path.
        budget: what may still be spent.
        dialect: what is done with it, an `Access`.

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
    kind = Kind(dialect or Access.READ)
    effect = Effect(kind, _NAME, source, end_line=1, end_column=len(source))
    if _ADDRESS.match(source):  # readers that take paths and addresses alike would fetch it
        return effect, effect._replace(kind=Kind.CONNECT)
    target = _own(resolve(source))
    if target is None or target == os.path.abspath(source):  # noqa: PTH100 - textual, unlike pathlib's resolve
        return (effect,)
    return effect, effect._replace(value=target, evidence=(f"{source} -> {target}",))


def _own(path: str | None) -> str | None:
    """Return a path with `/proc/self` for this process, by whose number it would look like another one's."""
    here = f"/proc/{os.getpid()}/"
    return f"/proc/self/{path.removeprefix(here)}" if path is not None and path.startswith(here) else path

"""Relative paths as they are after the source has changed its folder."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind

if TYPE_CHECKING:
    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.resolve import Resolver

_OF_PATHS = frozenset({Kind.READ, Kind.WRITE, Kind.DELETE, Kind.LIST, Kind.PERMIT})
_MOST_FOLDERS = 4


def folders(resolver: Resolver) -> list[str]:
    """Return the folders that the source changes to."""
    index = resolver.index
    sites = [*index.sites.get("chdir", ()), *index.sites.get("run_line_magic", ())]
    found: list[str] = []
    for call, scope in sites:
        names = resolver.arguments.lazily(call, scope)
        if names and (len(names) == 1 or names[0][0].const == "cd"):
            found += [value.text for value in names[-1] if value.text]
    return found[:_MOST_FOLDERS]


def in_folder(effect: Effect, folder: str) -> Effect | None:
    """Return an effect on a relative path, or of a command, as it is in a folder; None where the folder makes no difference."""
    if (
        effect.kind in _OF_PATHS
        and effect.value
        and effect.value[0] not in "/~\\\ufffc"
        and ":" not in effect.value[:3]
    ):
        return effect._replace(value=f"{folder.rstrip('/')}/{effect.value}")
    if effect.kind is Kind.RUN and effect.nested is not None:
        return effect._replace(nested=(effect.nested[0], f"cd {shlex.quote(folder)}\n{effect.nested[1]}"))
    return None

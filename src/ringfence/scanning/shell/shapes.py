"""Shapes of scripts that matter without following them: functions that multiply, loops that never wait.

The one idea: both can be told from names and structure alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.shell.options import word_set
from ringfence.scanning.shell.syntax import (
    Branches,
    Command,
    Each,
    Loop,
    Pipeline,
    Redirected,
    Sequence,
    Subshell,
)

if TYPE_CHECKING:
    from ringfence.scanning.shell.syntax import Node


_WAITING = word_set(
    "sleep read wait inotifywait break exit return usleep kill select pause nc ncat socat accept watch"
)


def calls_of(node: Node, name: str) -> tuple[int, bool]:
    """Return how often commands call a function by its literal name, and whether in the background."""
    calls, in_background = 0, False
    waiting: list[tuple[Node, bool]] = [(node, False)]
    while waiting:
        each, background = waiting.pop()
        if isinstance(each, Command) and each.words and each.words[0].text == name:
            calls += 1
            in_background |= background
        waiting += _inner(each, background=background)
    return calls, in_background


def _inner(node: Node, *, background: bool) -> list[tuple[Node, bool]]:  # noqa: PLR0911 - one line for each kind
    match node:
        case Sequence():
            return [(item.node, background or item.background) for item in node.items]
        case Pipeline():
            return [(stage, background) for stage in node.stages]
        case Subshell() | Redirected():
            return [(node.body, background)]
        case Loop():
            return [(node.head, background), (node.body, background)]
        case Each():
            return [(node.body, background)]
        case Branches():
            return [(body, background) for body in (node.head, *node.bodies)]
    return []


def body_of(node: Node) -> tuple[list[str], bool, bool]:
    """Return the names of a loop's commands, whether any runs in the background, and whether any waits or ends the loop."""
    names: list[str] = []
    in_background = False
    waiting: list[tuple[Node, bool]] = [(node, False)]
    while waiting:
        each, background = waiting.pop()
        if isinstance(each, Command) and each.words:
            names.append(each.words[0].text)
            in_background |= background
        waiting += _inner(each, background=background)
    return names, in_background, not _WAITING.isdisjoint(names)

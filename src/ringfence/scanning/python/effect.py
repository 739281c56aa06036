"""Effects with their places and their evidence."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Trait
from ringfence.scanning.ruleset import shown

if TYPE_CHECKING:
    from ringfence.scanning.effects import Kind, Language, Origin

Placed = ast.expr | ast.stmt | ast.pattern
_UNRESOLVED = frozenset({Trait.UNRESOLVED})


def place(node: Placed) -> tuple[int, int, int, int]:
    """Return where a node stands: line from 1, column from 0, and the same for its end."""
    return node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0


def made(
    kind: Kind,
    name: str,
    text: str,
    node: Placed,
    traits: frozenset[Trait],
    origins: frozenset[Origin],
    nested: tuple[Language, str] | None = None,
) -> Effect:
    """Return an effect with its place, and with evidence where its value does not stand in the source as it is."""
    if HOLE in text:
        traits |= _UNRESOLVED
        text = "" if text == HOLE else text
    name = name.removeprefix("builtins.")
    evidence = (f"{name}(...) -> {shown(text)}",) if text and not _is_literal(node, text) else ()
    return Effect(kind, name, text, *place(node), traits, origins, evidence, nested)


def _is_literal(node: Placed, text: str) -> bool:
    """Return whether a value stands in a call as it is, so that there is nothing to explain."""
    return isinstance(node, ast.Call) and any(
        isinstance(a, ast.Constant) and a.value == text for a in node.args
    )

"""From text to a syntax tree, within limits. What this interpreter's own parser cannot read for its age, `newer.py` brings to its level."""

from __future__ import annotations

import ast
import re
from threading import local
from typing import TYPE_CHECKING

from ringfence.quiet import no_warnings
from ringfence.scanning.effects import Unscannable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Budget


_MOST_PARTS = 1000
_MOST_LEFT = 16_384
"""The largest source, in characters, whose tree is left for whoever compiles it: a tree takes a hundred times as much memory."""
_left = local()
_DOTTED = re.compile(r"(?:\.[\s\\]*+\w++[\s\\]*+)++")


def parse(source: str, budget: Budget) -> ast.Module:
    """Return the syntax tree of a source.

    Raises:
        Unscannable: it is no Python, or nests too deep.

    """
    budget.spend(len(source) // 8)
    source = source.removeprefix("\ufeff")  # the byte order mark that editors write
    if source.count(".") > _MOST_PARTS and _has_long_name(source):
        raise Unscannable("too-deep", "a dotted name has too many parts: write it flatter")
    try:
        tree = _tree(source)
    except SyntaxError as error:
        for other in _readings(source):
            try:
                return _tree(other)
            except SyntaxError:
                continue
        raise _unparsed(error) from error
    if len(source) <= _MOST_LEFT:
        _left.tree = (source, tree)
    return tree


def take_tree(source: str) -> ast.Module | None:
    """Return the tree that this thread's last scan made of this very source, once; None where it made none.

    The restricted tier compiles what has just been scanned, and parsing takes as long as the rest of compiling. The scan is done
    with the tree: whoever takes it may change it.
    """
    last: tuple[str, ast.Module] | None = getattr(_left, "tree", None)
    _left.tree = None
    return last[1] if last is not None and last[0] == source else None


def _has_long_name(source: str) -> bool:
    """Return whether a dotted name is so long that parsing it, where it is imported, takes memory by the square of its length."""
    return any(run[0].count(".") > _MOST_PARTS for run in _DOTTED.finditer(source))


def _readings(source: str) -> Iterator[str]:
    """Return what else the text may be: a notebook's cell, or Python of a newer version."""
    from ringfence.scanning.python.magics import without_magics  # noqa: PLC0415 - few sources need it
    from ringfence.scanning.python.newer import lowered  # noqa: PLC0415 - likewise, and it loads a parser

    plain = without_magics(source)
    if plain is not None:
        yield plain
    older = lowered(source if plain is None else plain)
    if older is not None:
        yield older


def _tree(source: str) -> ast.Module:
    try:
        return _quietly(source)
    except (RecursionError, MemoryError) as error:
        raise Unscannable("too-deep", "the code nests too deep: write it flatter") from error
    except ValueError as error:  # a NUL
        raise Unscannable("unparsed", f"this is no Python: {error}") from error


def _quietly(source: str) -> ast.Module:
    """Parse without a word about invalid escapes in somebody else's text.

    The filter of warnings belongs to the whole process and changing it is slow, so it is changed only where there may be one.
    """
    if "\\" not in source:
        return ast.parse(source)
    with no_warnings():
        return ast.parse(source)


def _unparsed(error: SyntaxError) -> Unscannable:
    if "too many nested" in str(error.msg) or "too complex" in str(error.msg):
        return Unscannable("too-deep", "the code nests too deep: write it flatter", error.lineno or 1)
    return Unscannable(
        "unparsed",
        f"this is no Python: {error.msg}; correct it",
        error.lineno or 1,
        max((error.offset or 1) - 1, 0),
    )

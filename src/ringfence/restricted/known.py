"""Which names of a scope can only be numbers, worked out before it is rewritten: what is known to be a number needs no guard.

Only bindings count, whatever the order they come in: a name is a number where everything that binds it gives one, and nothing else may
bind it. `range` gives small ones, whose product needs no guard either. The rewritten snippet relies on it, so what is not
plain to see is not known: parameters, names of other scopes. A comprehension's and a lambda's own names are the business of whoever
walks into them.
"""

from __future__ import annotations

import ast
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


class Size(IntEnum):
    """How much is known of a number."""

    ANY = 1
    """It is a number."""
    SMALL = 2
    """It is one below 2**64."""


Known = dict[str, Size]
_SMALL_INTEGER = 1 << 64
_GUARDED = frozenset(("$+", "$-", "$*", "$/", "$//", "$%", "$**", "$<<", "$>>", "$|", "$^", "$&"))


def size_of(node: ast.AST, known: Mapping[str, Size]) -> Size | None:
    """Return what is known of the number that an expression gives; None where it may be anything.

    Arguments:
        node: as the author wrote it, or rewritten.
        known: the names of its scope.

    """
    if isinstance(node, ast.Constant):
        return _size_of_constant(node.value)
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        return size_of(node.operand, known)
    if isinstance(node, ast.BinOp):
        return _both(node.left, node.right, known)
    guarded = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _GUARDED
    return _both(node.args[0], node.args[1], known) if guarded else None  # type: ignore[attr-defined]  # a call


def _size_of_constant(value: object) -> Size | None:
    if type(value) is int:
        return Size.SMALL if value < _SMALL_INTEGER else Size.ANY
    return Size.SMALL if type(value) in (float, complex, bool) else None


def _both(left: ast.AST, right: ast.AST, known: Mapping[str, Size]) -> Size | None:
    return Size.ANY if size_of(left, known) and size_of(right, known) else None


def known_names(body: Sequence[ast.stmt]) -> Known:
    """Return the names that are numbers in a scope, as far as its statements bind them.

    Arguments:
        body: the scope's statements, as the author wrote them. Where one of them holds `global`, `nonlocal`, an assignment within an
            expression, or gives `range` another meaning, the answer is worth nothing, and whoever rewrites them must drop it.

    """
    bindings: dict[str, list[ast.AST | Size | None]] = {}
    for name, value in _bindings(body):
        bindings.setdefault(name, []).append(value)
    known = dict.fromkeys(bindings, Size.SMALL)
    changed = True
    while changed:
        changed = False
        for name, size in list(known.items()):
            least = min((_size(value, known) or 0 for value in bindings[name]), default=0)
            if least < size:
                changed = True
                if least:
                    known[name] = Size(least)
                else:
                    del known[name]
    return known


def _size(value: ast.AST | Size | None, known: Known) -> Size | None:
    if isinstance(value, ast.AugAssign):
        return Size.ANY if size_of(value.value, known) else None
    return size_of(value, known) if isinstance(value, ast.AST) else value


def _bindings(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.AST | Size | None]]:
    """Return each binding of a name in a scope: with its value, with its size, or with None where it may be anything."""
    waiting: list[Any] = list(body)
    while waiting:
        node = waiting.pop()
        bound = _BOUND.get(type(node))
        if bound is not None:
            yield from bound(node)
        for block in _BLOCKS.get(type(node), ()):
            waiting += getattr(node, block)


def _assigned(node: ast.Assign) -> Iterator[tuple[str, ast.AST | None]]:
    alone = len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    for target in node.targets:
        yield from ((name, node.value if alone else None) for name in target_names(target))


def _augmented(node: ast.AugAssign) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node.target, ast.Name):
        yield node.target.id, node


def _annotated(node: ast.AnnAssign) -> Iterator[tuple[str, None]]:
    yield from ((name, None) for name in target_names(node.target))


def _looped(node: ast.For) -> Iterator[tuple[str, Size | None]]:
    counted = isinstance(node.target, ast.Name) and is_range(node.iter)
    yield from ((name, Size.SMALL if counted else None) for name in target_names(node.target))


def _with(node: ast.With) -> Iterator[tuple[str, None]]:
    for item in node.items:
        if item.optional_vars is not None:
            yield from ((name, None) for name in target_names(item.optional_vars))


def _named(node: Any) -> Iterator[tuple[str, None]]:
    if node.name:
        yield node.name, None


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, None]]:
    for alias in node.names:
        yield (alias.asname or alias.name).partition(".")[0], None


def _matched(node: ast.match_case) -> Iterator[tuple[str, None]]:
    for part in ast.walk(node.pattern):
        name = (
            getattr(part, "rest", None) if isinstance(part, ast.MatchMapping) else getattr(part, "name", None)
        )
        if name:
            yield name, None


_BOUND: dict[type, Callable[[Any], Iterator[tuple[str, ast.AST | Size | None]]]] = {
    ast.Assign: _assigned,
    ast.AugAssign: _augmented,
    ast.AnnAssign: _annotated,
    ast.For: _looped,
    ast.With: _with,
    ast.ExceptHandler: _named,
    ast.FunctionDef: _named,
    ast.ClassDef: _named,
    ast.Import: _imported,
    ast.ImportFrom: _imported,
    ast.match_case: _matched,
}
"""How each kind of statement binds names. Kinds that are not here bind none, or are refused."""
_BLOCKS: dict[type, tuple[str, ...]] = {
    ast.If: ("body", "orelse"),
    ast.For: ("body", "orelse"),
    ast.While: ("body", "orelse"),
    ast.Try: ("body", "handlers", "orelse", "finalbody"),
    ast.ExceptHandler: ("body",),
    ast.With: ("body",),
    ast.Match: ("cases",),
    ast.match_case: ("body",),
}
"""The statements within a statement that belong to the same scope."""


def target_names(target: ast.AST) -> list[str]:
    """Return the names that a target binds."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for part in target.elts for name in target_names(part)]
    return target_names(target.value) if isinstance(target, ast.Starred) else []


def is_range(node: ast.AST) -> bool:
    """Return whether an expression calls `range` by its name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"

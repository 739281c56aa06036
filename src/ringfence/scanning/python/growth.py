"""What variables stand for that grow: lists that elements are added to, and text that is added up with `+=`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python.operators import combined
from ringfence.scanning.python.values import MOST_CANDIDATES, MOST_ELEMENTS, SOMETHING, Value, origins_of

if TYPE_CHECKING:
    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Binding, Scope
    from ringfence.scanning.python.values import Values

_ADDING = frozenset({"append", "extend", "insert", "add", "update", "appendleft"})
_ADDING_ALL = frozenset({"extend", "update"})
_Sequence = ast.List | ast.Tuple | ast.Set


class Growth:
    """What the variables of one source grow by.

    Arguments:
        resolver: resolves what is added.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._index = resolver.index
        self._growing: set[tuple[str, int]] = set()
        self._lists: dict[tuple[str, ast.AST], ast.List] = {}
        self._sets: dict[tuple[str, ast.AST], ast.List | None] = {}
        self._added = _added(resolver.index)

    def grown(self, name: str, values: Values) -> Values:
        """Return what a variable stands for after elements were added to the lists that it is bound to."""
        if name in self._index.items:
            values = self._replaced(name, values)
        if name not in self._added:
            return values
        found: list[Value] = []
        for value in values:
            literal = value.node
            if isinstance(literal, (ast.List, ast.Tuple, ast.Set)) and value.scope is not None:
                grown, scope = self._longer(name, literal, value.scope)
                found += self._resolver.values(grown, scope)
            else:
                found.append(value)
        return tuple(found)

    def _replaced(self, name: str, values: Values) -> Values:
        """Return lists also as they are after `name[0] = x` has replaced their elements."""
        found = list(values)
        for value in values[:MOST_CANDIDATES]:
            literal = value.node
            if isinstance(literal, ast.List) and value.scope is not None:
                changed = self._changed(name, literal)
                found += self._resolver.values(changed, value.scope) if changed is not None else ()
        return tuple(found)

    def _changed(self, name: str, literal: ast.List) -> ast.List | None:
        """Return a literal with the elements that are set by a known position, the same node each time; None where none is."""
        if (name, literal) in self._sets:
            return self._sets[name, literal]
        self._resolver.spend(len(literal.elts) // 16 + 1)
        parts, changed = list(literal.elts), False
        for key, value, scope in self._index.items[name][:MOST_ELEMENTS]:
            position = self._resolver.single(key, scope)
            if isinstance(position, int) and -len(parts) <= position < len(parts):
                parts[position], changed = value, True
        self._sets[name, literal] = ast.List(parts, ast.Load()) if changed else None
        return self._sets[name, literal]

    def _longer(self, name: str, literal: _Sequence, scope: Scope) -> tuple[ast.List, Scope]:
        """Return a literal with what is added to a variable, the same node each time, so that it is resolved once."""
        added = self._added[name][:MOST_ELEMENTS]
        longer = self._lists.get((name, literal))
        if longer is None:
            parts = [*literal.elts, *(part for part, _ in added)]
            longer = self._lists[name, literal] = ast.List(parts, ast.Load())
        return longer, scope if literal.elts else added[0][1]

    def augmented(self, name: str, binding: Binding, scope: Scope) -> Values:
        """Return `x` after `x += a; x += b; ...`: the whole chain is walked in a loop, since it may be long."""
        key = (name, id(scope))
        if key in self._growing:
            return SOMETHING
        self._growing.add(key)
        chain = [b for b in scope.names[name] if (b.line, b.column) <= (binding.line, binding.column)]
        start = next((number for number in range(len(chain) - 1, -1, -1) if chain[number].how != "+="), -1)
        current = self._resolver.bindings.of_binding(name, chain[start], scope) if start >= 0 else SOMETHING
        before = chain[start].line if start >= 0 else 0
        for step in chain[start + 1 :]:
            if isinstance(step.node, ast.AugAssign):
                self._resolver.spend(1)
                added = self._resolver.values(step.node.value, scope)
                if any(
                    first <= step.line <= last and not first <= before <= last for first, last in scope.loops
                ):
                    added = _in_a_row(added)
                current = combined(self._resolver, type(step.node.op), current, added)
        self._growing.discard(key)
        return current


def _added(index: Index) -> dict[str, list[tuple[ast.expr, Scope]]]:
    """Return what variables grow by: the arguments of their methods that add elements, in the order of the source."""
    found: dict[str, list[tuple[ast.expr, Scope]]] = {}
    for method in _ADDING & index.sites.keys():
        for call, scope in index.sites[method]:
            function = call.func
            if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and call.args:
                part = ast.Starred(call.args[0]) if method in _ADDING_ALL else call.args[-1]
                found.setdefault(function.value.id, []).append((ast.copy_location(part, call), scope))
    for parts in found.values():
        parts.sort(key=lambda part: (part[0].lineno, part[0].col_offset))
    return found


def _in_a_row(values: Values) -> Values:
    """Return what a loop adds in all its rounds: the elements that it goes over, one after another, where they are all text."""
    texts = [value.const for value in values]
    if len(texts) > 1 and all(isinstance(text, str) for text in texts):
        return (Value("".join(map(str, texts)), "", origins_of(values)),)
    return (Value(HOLE, "", origins_of(values)),) if any(isinstance(text, str) for text in texts) else values

"""What comprehensions give, worked out round by round where what they go over is constant."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN, Value, origins_of

if TYPE_CHECKING:
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_Comprehension = ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp


def comprehension(resolver: Resolver, node: _Comprehension, scope: Scope) -> Values:
    """Return the list that a comprehension gives, worked out element by element where what it goes over is constant."""
    inner = resolver.index.scopes.get(node, scope)
    if isinstance(node, ast.DictComp):
        over = resolver.values(node.generators[0].iter, scope)
        parts = (resolver.values(node.key, inner), resolver.values(node.value, inner))
        return (Value(UNKNOWN, "", origins_of(over, *parts)),)
    first = node.generators[0]
    over = resolver.values(first.iter, scope)
    rows = _rounds(resolver, node, over, inner)
    if rows is None:
        elements = resolver.values(node.elt, inner)
        if any(element.ref and element.const is UNKNOWN for element in elements):
            return (Value(UNKNOWN, "", origins_of(over, elements), ast.List([node.elt], ast.Load()), inner),)
        return (Value(UNKNOWN, "", origins_of(over, elements)),)
    found = [resolver.under(given, node.elt, inner) for given in rows]
    resolver.spend(len(rows))
    origins = origins_of(over, tuple(found))
    known = all(value.const is not UNKNOWN for value in found)
    return (Value([value.const for value in found] if known else UNKNOWN, "", origins),)


def _rounds(
    resolver: Resolver, node: _Comprehension, over: Values, scope: Scope
) -> list[dict[str, Value]] | None:
    """Return what the names of a comprehension are bound to in each of its rounds; None where that cannot be told."""
    rounds: list[dict[str, Value]] = [{}]
    for generator in node.generators:
        longer: list[dict[str, Value]] = []
        for given in rounds:
            if generator is node.generators[0]:
                const = over[0].const if len(over) == 1 else UNKNOWN
            else:
                const = resolver.under(given, generator.iter, scope).const
            if not isinstance(const, (str, bytes, list, tuple)) or len(const) * len(rounds) > MOST_TEXT // 16:
                return None
            for element in const:
                row = given | matched(generator.target, element)
                kept = [resolver.under(row, test, scope).const for test in generator.ifs]
                if any(keep is UNKNOWN for keep in kept):
                    return None
                if all(kept):
                    longer.append(row)
        rounds = longer
    return rounds


def matched(target: ast.expr, element: object) -> dict[str, Value]:
    """Return what the names of a target are bound to by one element."""
    if isinstance(target, ast.Name):
        return {target.id: Value(element)}
    names = getattr(target, "elts", [])
    if not isinstance(element, (list, tuple, str)) or len(element) != len(names):
        return {}
    return {
        name.id: Value(part) for name, part in zip(names, element, strict=True) if isinstance(name, ast.Name)
    }

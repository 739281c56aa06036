"""What operators, comparisons and choices between values give."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python import fold
from ringfence.scanning.python.pathlike import PATH
from ringfence.scanning.python.values import (
    MOST_CANDIDATES,
    MOST_TEXT,
    NOTHING,
    NOWHERE,
    SOMETHING,
    UNKNOWN,
    Value,
    as_text,
    cut,
    or_hole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values


_UNARY: Mapping[type[ast.unaryop], Callable[[int], int]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}


def binary(resolver: Resolver, node: ast.BinOp, scope: Scope) -> Values:
    """Return what an operator gives; a chain of it, which leans to the left, is walked in a loop."""
    chain: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        chain.append(left)
        left = left.left
    resolver.spend(len(chain))
    current = resolver.values(left, scope)
    for step in reversed(chain):
        if isinstance(step.op, ast.Mod) and isinstance(step.right, ast.Dict):
            right: Values = (Value(_mapping(resolver, step.right, scope)),)
        else:
            right = resolver.values(step.right, scope)
        current = combined(resolver, type(step.op), current, right)
    return current


def _mapping(resolver: Resolver, node: ast.Dict, scope: Scope) -> dict[str, object]:
    """Return the values of a dictionary literal by their names, as old-style formatting takes them."""
    pairs = zip(node.keys, node.values, strict=True)
    return {str(k.value): or_hole(resolver.values(v, scope)) for k, v in pairs if isinstance(k, ast.Constant)}


def combined(resolver: Resolver, operation: type[ast.AST], lefts: Values, rights: Values) -> Values:
    """Return what an operator gives for each pair of candidates."""
    pairs = [(left, right) for left in lefts for right in rights]
    found = [_combine(operation, left, right) for left, right in pairs[:MOST_CANDIDATES]]
    for value in found:
        resolver.charge(value.const)
    return cut(found) if len(pairs) <= MOST_CANDIDATES else (*found[:-1], NOTHING)


def unary(resolver: Resolver, node: ast.UnaryOp, scope: Scope) -> Values:
    """Return what a sign or an inversion of a constant number gives."""
    const = resolver.single(node.operand, scope)
    change = _UNARY.get(type(node.op))
    return (Value(change(const)),) if isinstance(const, int) and change is not None else SOMETHING


def compare(resolver: Resolver, node: ast.Compare, scope: Scope) -> Values:
    """Return what comparing two constants gives, as the conditions of comprehensions do."""
    if len(node.ops) != 1:
        return SOMETHING
    left, right = resolver.single(node.left, scope), resolver.single(node.comparators[0], scope)
    if left is UNKNOWN or right is UNKNOWN:
        return SOMETHING
    known = {ast.Eq: left == right, ast.NotEq: left != right}.get(type(node.ops[0]))
    if known is None and isinstance(right, (str, list, tuple)) and isinstance(left, str):
        known = {ast.In: left in right, ast.NotIn: left not in right}.get(type(node.ops[0]))
    return SOMETHING if known is None else (Value(known),)


def either(resolver: Resolver, node: ast.BoolOp, scope: Scope) -> Values:
    """Return what `a or b` and `a and b` may give: any of them."""
    return cut([value for part in node.values for value in resolver.values(part, scope)])


def choice(resolver: Resolver, node: ast.IfExp, scope: Scope) -> Values:
    """Return what `a if c else b` may give; a chain of it, which leans to the right, is walked in a loop."""
    branches: list[ast.expr] = []
    inner: ast.expr = node
    while isinstance(inner, ast.IfExp):
        branches.append(inner.body)
        inner = inner.orelse
    return cut([value for branch in (*branches, inner) for value in resolver.values(branch, scope)])


def _combine(operation: type[ast.AST], left: Value, right: Value) -> Value:
    """Return what an operator gives for two values: text that is known on one side keeps its other side as a hole."""
    origins = left.origins | right.origins if left.origins or right.origins else NOWHERE
    if operation is ast.Div and PATH in (left.ref, right.ref):
        return Value(fold.call("os.path.join", [as_text(left), as_text(right)], {}), PATH, origins)
    if left.const is not UNKNOWN and right.const is not UNKNOWN:
        return Value(fold.combine(operation, left.const, right.const), "", origins)
    if operation is ast.Add and (isinstance(left.const, str) or isinstance(right.const, str)):
        text = as_text(left) + as_text(right)
        return Value(text if len(text) <= MOST_TEXT else UNKNOWN, "", origins)
    if operation is ast.Mod and isinstance(left.const, str):
        return Value(fold.combine(ast.Mod, left.const, HOLE), "", origins)
    # A list with something added still has the elements of the list.
    literal = left if left.node is not None else right
    return Value(UNKNOWN, "", origins, literal.node if operation is ast.Add else None, literal.scope)

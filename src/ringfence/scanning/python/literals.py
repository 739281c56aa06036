"""What literals give: lists, dictionaries, functions without a name, formatted text."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python.values import (
    MOST_CANDIDATES,
    MOST_ELEMENTS,
    MOST_TEXT,
    NOWHERE,
    UNKNOWN,
    Value,
    as_text,
    origins_of,
)

if TYPE_CHECKING:
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_Sequence = ast.List | ast.Tuple | ast.Set
_Wrapped = ast.Await | ast.Starred | ast.NamedExpr | ast.FormattedValue


def sequence(resolver: Resolver, node: _Sequence, scope: Scope) -> Values:
    """Return a list, tuple or set: a constant where all its elements are, else the literal."""
    parts = resolver.arguments.words(node.elts[: MOST_ELEMENTS * 16], scope)
    origins = origins_of(*parts)
    if len(node.elts) <= MOST_ELEMENTS * 16 and all(
        len(part) == 1 and part[0].const is not UNKNOWN for part in parts
    ):
        consts = [part[0].const for part in parts]
        const: object = tuple(consts) if isinstance(node, ast.Tuple) else consts
        return (Value(const, "", origins, node, scope),)
    return (Value(UNKNOWN, "", origins, node, scope),)


def dictionary(resolver: Resolver, node: ast.Dict, scope: Scope) -> Values:
    """Return a dictionary, as the literal that it is."""
    parts = [resolver.values(value, scope) for value in node.values[:MOST_ELEMENTS]]
    return (Value(UNKNOWN, "", origins_of(*parts), node, scope),)


def nameless(_resolver: Resolver, node: ast.Lambda, scope: Scope) -> Values:
    """Return a function without a name."""
    return (Value(UNKNOWN, "", NOWHERE, node, scope),)


class Element(ast.expr):
    """Some element of what an expression stands for; it stands in no source, and is made for calls that others make.

    Arguments:
        value: the expression.

    """

    _fields = ("value",)

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


def some_element(resolver: Resolver, node: Element, scope: Scope) -> Values:
    """Return what some element of an expression may stand for."""
    return resolver.items.elements(resolver.values(node.value, scope))


def wrapped(resolver: Resolver, node: _Wrapped, scope: Scope) -> Values:
    """Return what stands in an expression that gives it on: `await x`, `*x`, `(y := x)`, `{x}`."""
    return resolver.values(node.value, scope)


def formatted(resolver: Resolver, node: ast.JoinedStr, scope: Scope) -> Values:
    """Return what an f-string gives for each choice of its parts, with holes for what is not known."""
    parts = [resolver.values(part, scope) for part in node.values]
    origins = origins_of(*parts)
    texts = [""]
    for part in parts:
        choices = list(dict.fromkeys(map(as_text, part)))
        if len(texts) * len(choices) > MOST_CANDIDATES:
            choices = [HOLE]
        texts = [text + choice for text in texts for choice in choices if len(text) < MOST_TEXT]
    return tuple(Value(text, "", origins) for text in texts)

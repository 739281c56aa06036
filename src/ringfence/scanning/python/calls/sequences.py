"""Calls that make sequences and dictionaries of others: `map`, `filter`, `list`, `dict`, `itertools.chain`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.python import fold
from ringfence.scanning.python.values import (
    DECODED,
    MOST_TEXT,
    NOWHERE,
    SOMETHING,
    UNKNOWN,
    Value,
    origins_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.scanning.python.calls.known import KnownCall
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_NAMES_OF_MODULE = (".__dict__", ".__dict__.items()")
_SECRETS = frozenset({Origin.CREDENTIALS, Origin.ENVIRONMENT})


def _mapped(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `map(f, values)` gives for constants: `map(chr, [111, 115])` is a favourite."""
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 2:  # noqa: PLR2004 - function and values
        return SOMETHING
    function, origins = arguments[0][0], origins_of(arguments[0], arguments[1])
    over = arguments[1][0].const if len(arguments[1]) == 1 else UNKNOWN
    if not isinstance(over, (str, bytes, list, tuple)):
        return (Value(UNKNOWN, "", origins),)
    over = over[: MOST_TEXT // 16]
    resolver.spend(len(over))
    if isinstance(function.node, ast.Lambda) and len(function.node.args.args) == 1:
        body, inner = function.node.body, resolver.index.scopes[function.node]
        target = ast.Name(function.node.args.args[0].arg, ast.Load())
        found = [resolver.given(target, part, body, inner).const for part in over]
    else:
        found = [fold.call(function.ref, [part], {}) for part in over]
    known = all(part is not UNKNOWN for part in found)
    return (
        Value(
            found if known else UNKNOWN,
            "",
            origins | (DECODED if function.ref == "builtins.chr" else NOWHERE),
        ),
    )


def _filtered(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `filter(f, values)` gives: at most these elements, and exactly those that a lambda lets pass."""
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 2:  # noqa: PLR2004 - function and values
        return SOMETHING
    function, over = arguments[0][0], arguments[1][0]
    if not isinstance(function.node, ast.Lambda) or not isinstance(over.const, (str, list, tuple)):
        return arguments[1]
    parameters, body = function.node.args.args, function.node.body
    if len(parameters) != 1:
        return arguments[1]
    inner, target = resolver.index.scopes[function.node], ast.Name(parameters[0].arg, ast.Load())
    kept = [p for p in over.const[: MOST_TEXT // 16] if resolver.given(target, p, body, inner).const]
    return (Value(kept, "", over.origins),)


def _first_element(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `next(values)`, `min(values)` and the like give: some element."""
    if len(node.args) != 1:
        return tuple(v for values in resolver.arguments.of(node, scope) for v in values)
    return resolver.items.elements(resolver.arguments.lazily(node, scope)[0])


def _chained(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `itertools.chain(a, b)` gives: one list."""
    parts: list[object] = []
    for values in resolver.arguments.of(node, scope):
        const = values[0].const if len(values) == 1 else UNKNOWN
        if not isinstance(const, (str, list, tuple)):
            return (Value(UNKNOWN, "", origins_of(values)),)
        parts += const
    return (Value(parts),)


def _listed(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `list(values)` gives: the same elements."""
    return resolver.arguments.first(node, "iterable", scope) if node.args else (Value([]),)


def _made_dictionary(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `dict(a=1)` gives: a dictionary literal; a copy of the environment holds every secret."""
    if node.keywords and not node.args:
        given = [keyword for keyword in node.keywords if keyword.arg is not None]
        literal = ast.Dict([ast.Constant(k.arg) for k in given], [k.value for k in given])
        return resolver.values(literal, scope)
    return _copied(resolver, node, scope)


def _copied(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `dict(os.environ)` gives: a thing that holds every secret of the process."""
    arguments = resolver.arguments.of(node, scope)
    origins = origins_of(*arguments)
    for values in arguments:
        for value in values:
            if value.ref.endswith(_NAMES_OF_MODULE):
                return (value._replace(ref=value.ref.removesuffix(".items()")),)
            origins |= secrets_of(value)
    return (Value(UNKNOWN, "", origins),)


def secrets_of(value: Value) -> frozenset[Origin]:
    """Return what a copy of a value holds besides: all variables of the process are secrets, one by one they need not be."""
    return _SECRETS if value.ref == "os.environ" else NOWHERE


CALLS_OF_SEQUENCES: Mapping[str, KnownCall] = {
    "builtins.map": _mapped,
    "builtins.dict": _made_dictionary,
    **dict.fromkeys(("builtins.next", "builtins.min", "builtins.max", "random.choice"), _first_element),
    "builtins.filter": _filtered,
    "itertools.chain": _chained,
    "json.dumps": _copied,
    "builtins.repr": _copied,
    "builtins.list": _listed,
    "builtins.sorted": _listed,
    "builtins.set": _listed,
    "builtins.iter": _listed,
    "builtins.tuple": _listed,
}

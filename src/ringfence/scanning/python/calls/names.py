"""Calls that reach things by a name or hand a function on: `getattr`, `__import__`, `vars`, `functools.partial` and the like."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.python import fold
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.values import (
    MOST_CANDIDATES,
    MOST_ELEMENTS,
    MOST_TEXT,
    NOTHING,
    SOMETHING,
    UNKNOWN,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.scanning.python.calls.known import KnownCall
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values


def _get_attribute(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `getattr(a, "b")` gives."""
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 2:  # noqa: PLR2004 - object and name
        return SOMETHING
    found: list[Value] = []
    for owner in arguments[0][:MOST_CANDIDATES]:
        for name in arguments[1][:MOST_CANDIDATES]:
            if isinstance(name.const, str):
                found += resolver.attributes.named(owner, name.const)
            else:
                found.append(Value(UNKNOWN, "", owner.origins))
    return tuple(found)


def _imported(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `__import__("a.b")` and `importlib.import_module("a.b")` give."""
    names = resolver.arguments.first(node, "name", scope)
    return tuple(
        Value(UNKNOWN, canonical(str(v.const))) if isinstance(v.const, str) and v.whole else NOTHING
        for v in names
    )


def _names(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `vars(module)` gives; without an argument, the names around it."""
    if node.args:
        return tuple(
            Value(UNKNOWN, f"{v.ref}.__dict__") for v in resolver.arguments.lazily(node, scope)[0] if v.ref
        )
    return (Value(UNKNOWN, "builtins.vars()"),)


def _partial(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `functools.partial(f, a)` gives: something that is called as `f` is."""
    return resolver.arguments.first(node, "func", scope)


def _reduced(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `functools.reduce(getattr, ["a", "b"], value)` gives."""
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 2:  # noqa: PLR2004 - function and values
        return SOMETHING
    if arguments[0][0].ref != "builtins.getattr" or len(arguments) < 3:  # noqa: PLR2004 - and a value to begin with
        return _added(arguments[1][0], arguments[0][0])
    names, current = arguments[1][0].const, arguments[2]
    if not isinstance(names, (list, tuple)):
        return SOMETHING
    for name in names[:MOST_ELEMENTS]:
        current = tuple(found for owner in current for found in resolver.attributes.named(owner, str(name)))
    return current


def _added(values: Value, function: Value) -> Values:
    """Return what adding up a sequence gives: `reduce(operator.add, parts)`, or with a lambda of two parameters."""
    adding = function.ref in ("operator.add", "operator.concat", "operator.iadd") or (
        isinstance(function.node, ast.Lambda) and isinstance(function.node.body, ast.BinOp)
    )
    if not adding or not isinstance(values.const, (list, tuple)) or not values.const:
        return (Value(UNKNOWN, "", values.origins),)
    total: object = values.const[0]
    for part in values.const[1 : MOST_TEXT // 64]:
        total = fold.combine(ast.Add, total, part) if total is not UNKNOWN else UNKNOWN
    return (Value(total, "", values.origins),)


CALLS_OF_NAMES: Mapping[str, KnownCall] = {
    "builtins.getattr": _get_attribute,
    "object.__getattribute__": _get_attribute,
    "builtins.object.__getattribute__": _get_attribute,
    "builtins.type.__getattribute__": _get_attribute,
    "builtins.__import__": _imported,
    "importlib.import_module": _imported,
    "builtins.__loader__.load_module": _imported,
    "functools.partial": _partial,
    "functools.reduce": _reduced,
    "builtins.vars": _names,
    **dict.fromkeys(
        ("builtins.staticmethod", "builtins.classmethod", "functools.partialmethod", "types.MethodType"),
        _partial,
    ),
}

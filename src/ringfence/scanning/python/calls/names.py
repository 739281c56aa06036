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
    """Return what `__import__("a.b")`, `importlib.import_module("a.b")` and `sys.modules.get("a.b")` give."""
    names = resolver.arguments.first(node, "name", scope)
    return tuple(
        Value(UNKNOWN, canonical(str(v.const))) if isinstance(v.const, str) and v.whole else NOTHING
        for v in names
    )


def _located(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `pkgutil.resolve_name("a.b:c")` gives: the thing of that name."""
    names = resolver.arguments.first(node, "name", scope)
    return tuple(
        Value(UNKNOWN, canonical(v.const.replace(":", ".")))
        if isinstance(v.const, str) and v.whole
        else NOTHING
        for v in names
    )


def _got_attribute(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `operator.attrgetter("a.b")(thing)` gives: `thing.a.b`, or a tuple where several are asked for."""
    found: list[Value] = []
    for getter in resolver.values(node.func, scope)[:MOST_CANDIDATES]:
        if isinstance(getter.node, ast.Call) and getter.scope is not None and node.args:
            names = [str(values[0].const) for values in resolver.arguments.of(getter.node, getter.scope)]
            parts = [_chain(node.args[0], name) for name in names[:MOST_CANDIDATES]]
            whole = parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load())
            found += resolver.values(whole, scope)
    return tuple(found)


def _chain(thing: ast.expr, name: str) -> ast.expr:
    """Return the expression of an attribute that is reached by a dotted name."""
    for step in name.split(".")[:MOST_CANDIDATES]:
        thing = ast.copy_location(ast.Attribute(thing, step, ast.Load()), thing)
    return thing


def _members(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `inspect.getmembers(module)` gives: pairs of its names and what they stand for."""
    owners = resolver.arguments.first(node, "object", scope)
    return tuple(Value(UNKNOWN, f"{v.ref}.__dict__.items()") for v in owners if v.ref and "(" not in v.ref)


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
    "inspect.getmembers": _members,
    "operator.attrgetter()": _got_attribute,
    **dict.fromkeys(("sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__"), _imported),
    **dict.fromkeys(
        (
            "pkgutil.resolve_name",
            "pydoc.locate",
            "django.utils.module_loading.import_string",
            "werkzeug.utils.import_string",
            "twisted.python.reflect.namedAny",
        ),
        _located,
    ),
    **dict.fromkeys(
        ("builtins.staticmethod", "builtins.classmethod", "functools.partialmethod", "types.MethodType"),
        _partial,
    ),
}

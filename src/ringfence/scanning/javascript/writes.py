"""Assignments that change what everything else rests on: prototypes, the language's own functions, errors, the environment.

The one idea: adding what an older engine lacks is a polyfill and is told apart by its guard; replacing what is there is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Trait
from ringfence.scanning.javascript.changes import change_of, is_built_in, is_telling
from ringfence.scanning.javascript.emit import effect
from ringfence.scanning.javascript.environment import environment_effects
from ringfence.scanning.javascript.guards import is_guarded
from ringfence.scanning.javascript.modules import CLASSES, FUNCTION_CLASSES
from ringfence.scanning.javascript.patterns import Definition, key_of, name_of, pattern_leaves
from ringfence.scanning.javascript.values import UNKNOWN, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Values

_MEMBERS = frozenset({"member_expression", "subscript_expression"})
_DEFINERS = frozenset(
    {"Object.defineProperty", "Object.defineProperties", "Object.setPrototypeOf", "Object.assign"}
)
_OLD_DEFINERS = frozenset({"__defineGetter__", "__defineSetter__"})


def write_effects(resolver: Resolver, target: Node, definition: Definition) -> Iterator[Effect]:
    """Return what an assignment to a member changes.

    Arguments:
        resolver: what works out values.
        target: the member.
        definition: what is put there.

    """
    owner = target.field("object")
    if owner is None:
        return
    guarded = is_guarded(resolver, target)
    for key in resolver.keys(target):
        name = text_of(key)
        yield from _one_write(resolver, target, owner, name, definition, guarded=guarded, traits=key.traits)


def _one_write(
    resolver: Resolver,
    target: Node,
    owner: Node,
    name: str,
    definition: Definition,
    *,
    guarded: bool,
    traits: frozenset[Trait],
) -> Iterator[Effect]:
    if name in ("name", "message") and _is_symbol(resolver, definition):
        yield effect(resolver.tree, target, Kind.INTROSPECT, "Error.name=Symbol", name, traits=traits)
    if name == "constructor" and _has_species(resolver, definition):
        yield effect(resolver.tree, target, Kind.INTROSPECT, "constructor=species", name, traits=traits)
    values = resolver.values(owner)
    sure = len(values) == 1 or (owner.type in _MEMBERS and "proto" in resolver.tree.text(owner)[-12:])
    for value in values:
        found = change_of(value.path, name) if sure or is_telling(value.path) else ""
        if value.path == "process.env":
            yield from environment_effects(resolver, target, name, definition)
        elif found and not guarded:
            yield effect(resolver.tree, target, Kind.INTROSPECT, found, f"{value.path}.{name}", traits=traits)
            return


def _is_symbol(resolver: Resolver, definition: Definition) -> bool:
    return any(value.path in ("Symbol()", "Symbol.for()") for value in resolver.definition_values(definition))


def _has_species(resolver: Resolver, definition: Definition) -> bool:
    """Return whether an object that is put somewhere has a member named by `Symbol.species`."""
    nodes = [value.node for value in resolver.definition_values(definition) if value.node is not None]
    return any(
        node.type == "object" and any(_names_species(resolver, part) for part in node.children)
        for node in nodes
    )


def _names_species(resolver: Resolver, part: Node) -> bool:
    key = part.field("key") or part.field("name")
    spelled = key_of(key) if key is not None else ""
    return not isinstance(spelled, str) and any(v.path == "Symbol.species" for v in resolver.values(spelled))


def call_effects(call: Call) -> Iterator[Effect]:
    """Return what `Object.defineProperty` and its siblings change."""
    if call.path in _DEFINERS:
        yield from _defines(call)
    elif call.method in _OLD_DEFINERS:
        for value in (*call.this, *_owner(call)):
            if is_built_in(value.path):
                yield _change(call, "builtin=", f"{value.path}.{_key(call, 0)}")
                return


def _owner(call: Call) -> Values:
    callee = call.node.field("function")
    owner = callee.field("object") if callee is not None and callee.type in _MEMBERS else None
    return () if owner is None else call.resolver.values(owner)


def _key(call: Call, index: int) -> str:
    for value in call.argument(index):
        if value.path.startswith("Symbol."):
            return value.path
        return text_of(value)
    return HOLE


def _defines(call: Call) -> Iterator[Effect]:
    guarded = is_guarded(call.resolver, call.node)
    names = [_key(call, 1)] if call.path == "Object.defineProperty" else _object_keys(call)
    for value in call.argument(0):
        if call.path == "Object.setPrototypeOf":
            found = "prototype=" if is_built_in(value.path) else ""
            names = ["__proto__"]
        else:
            found = next((found for name in names if (found := change_of(value.path, name))), "")
        if found and not guarded:
            yield _change(call, found, f"{value.path}.{names[0] if names else HOLE}")
            return


def _object_keys(call: Call) -> list[str]:
    nodes = [
        value.node for value in call.argument(1) if value.node is not None and value.node.type == "object"
    ]
    keys = [
        key_of(part.field("key") or part.field("name") or part) for node in nodes for part in node.children
    ]
    return [key for key in keys if isinstance(key, str)] or [HOLE]


def _change(call: Call, name: str, value: str) -> Effect:
    return effect(call.resolver.tree, call.node, Kind.INTROSPECT, name, value, traits=call.callee.traits)


def global_write_effects(resolver: Resolver, target: Node, definition: Definition) -> Iterator[Effect]:
    """Return the replacement of a class of the language: `Array = function () {}`."""
    name = name_of(target)
    if name not in CLASSES or name == "Promise" or name in FUNCTION_CLASSES - {"Function"}:
        return
    if target.scope is not None and (bound := target.scope.find(name)) is not None and not bound.is_global:
        return
    if not is_guarded(resolver, target) and resolver.definition_values(definition) != (UNKNOWN,):
        yield effect(resolver.tree, target, Kind.INTROSPECT, "builtin=", name)


def targets_of(node: Node) -> Iterator[tuple[Node, Definition]]:
    """Return what an assignment puts values into, each with its definition."""
    left, right = node.field("left"), node.field("right")
    if left is not None and right is not None:
        operator = node.fields["operator"].type if "operator" in node.fields else "="
        yield from pattern_leaves(left, Definition("value", right, operator=operator))

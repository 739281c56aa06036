"""The environment: variables that are read, one or all of them, and variables that are set, for this process or those it starts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Trait
from ringfence.scanning.javascript.emit import effect
from ringfence.scanning.javascript.members import member_values
from ringfence.scanning.javascript.patterns import Definition, key_of
from ringfence.scanning.javascript.values import text_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Value


def member_effects(resolver: Resolver, node: Node) -> Iterator[Effect]:
    """Return the variable of the environment that a member is, or all of them."""
    owner = node.field("object")
    if owner is None or owner.type not in ("identifier", *_MEMBERS):
        return
    for value in resolver.values(owner):
        if value.path in ("process.env", "Bun.env") and not _is_written(node):
            for key in resolver.keys(node):
                yield effect(
                    resolver.tree, node, Kind.ENVIRONMENT, value.path, text_of(key), traits=key.traits
                )
        elif _is_whole(resolver, node, value):
            yield effect(
                resolver.tree, node, Kind.ENVIRONMENT, f"{value.path}.env", traits={Trait.EVERYTHING}
            )


def _is_whole(resolver: Resolver, node: Node, owner: Value) -> bool:
    """Return whether a member is the environment as a whole."""
    named = owner.path in ("process", "Bun") and any(text_of(key) == "env" for key in resolver.keys(node))
    return named and not _is_part(node)


def _is_written(node: Node) -> bool:
    parent = node.parent
    return (
        parent is not None and parent.type.endswith("assignment_expression") and parent.field("left") is node
    )


def _is_part(node: Node) -> bool:
    """Return whether only a part of a thing is asked for, here or where the name is used that it is given."""
    parent = node.parent
    return parent is not None and (
        (parent.type in _MEMBERS and parent.field("object") is node) or parent.type in _KEEPING
    )


def pattern_effects(resolver: Resolver, pattern: Node) -> Iterator[Effect]:
    """Return the variables of the environment that a pattern takes: `const { HOME } = process.env`."""
    parent = pattern.parent
    source = (parent.field("value") or parent.field("right")) if parent is not None else None
    if parent is None or parent.type not in _KEEPING or source is None:
        return
    for value in resolver.values(source):
        for part in pattern.children:
            key = key_of(part.field("key") or part.field("left") or part)
            if isinstance(key, str) and value.path == "process.env" and part.type != "rest_pattern":
                yield effect(resolver.tree, part, Kind.ENVIRONMENT, "process.env", key)
            elif key == "mainModule" and value.path == "process":
                yield effect(resolver.tree, part, Kind.INTROSPECT, "process.mainModule.require", key)


_MEMBERS = frozenset({"member_expression", "subscript_expression"})
_KEEPING = frozenset({"variable_declarator", "assignment_expression"})
_PRELOADS = frozenset({"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"})

_PRELOADING = re.compile(r"(?:^|\s)(?:-r|--require|--import|--loader|--experimental-loader)\b")


def environment_effects(
    resolver: Resolver, target: Node, name: str, definition: Definition
) -> Iterator[Effect]:
    """Return the variable of the environment that is set, and what that does to programs started later."""
    given = texts(resolver.definition_values(definition))
    yield effect(resolver.tree, target, Kind.ENVIRONMENT, "process.env=", name)
    if name == "NODE_TLS_REJECT_UNAUTHORIZED" and "0" in given:
        yield effect(resolver.tree, target, Kind.WEAK, name, "0", traits={Trait.UNVERIFIED})
    elif _preloads(name, given):
        yield effect(resolver.tree, target, Kind.NATIVE, name, given[0] if given else HOLE)


def _preloads(name: str, given: list[str]) -> bool:
    """Return whether a variable makes programs load code."""
    return name in _PRELOADS or (name == "NODE_OPTIONS" and any(_PRELOADING.search(text) for text in given))


def variable_effects(call: Call, environment: Value) -> Iterator[Effect]:
    """Return the variables of a process's environment that make it load code.

    Arguments:
        call: the call that starts the process.
        environment: the object that holds the variables.

    """
    for name in (*_PRELOADS, "NODE_OPTIONS"):
        given = texts(member_values(call.resolver, environment, name)) if environment.node is not None else []
        if given and _preloads(name, given):
            yield effect(call.resolver.tree, call.node, Kind.NATIVE, name, given[0])

"""What is in an object: its members, what was put into it later, and so where everything in it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.javascript.calls import calls_of
from ringfence.scanning.javascript.patterns import name_of
from ringfence.scanning.javascript.values import origins_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Origin
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Value, Values

_MOST_DEEP = 3
_MOST_CALLS = 16
_COLLECTORS = frozenset({"FormData()", "form-data()", "URLSearchParams()", "Map()", "Set()", "Headers()"})
_ADDERS = ("append", "set", "add")


def origins_within(resolver: Resolver, values: Values) -> frozenset[Origin]:
    """Return where values come from, and what is in them where they are objects."""
    return origins_of(whole(resolver, values))


def whole(resolver: Resolver, values: Values, depth: int = 0) -> Values:
    """Return values, and after them what is in those that are objects."""
    found = list(values)
    for value in values:
        for within in _contents(resolver, value) if depth < _MOST_DEEP else ():
            found.extend(whole(resolver, within, depth + 1))
    return tuple(found)


def _contents(resolver: Resolver, value: Value) -> Iterator[Values]:
    node = value.node
    if node is not None and node.type == "object" and not value.path:
        for part in node.children:
            resolver.budget.spend()
            yield content(resolver, part, value.frame)
        yield from _written(resolver, node)
    elif value.items is not None:
        yield from value.items
    elif value.path in _COLLECTORS and node is not None:
        yield from _added(resolver, node)


def content(resolver: Resolver, part: Node, frame: Frame | None) -> Values:
    """Return what one part of an object literal puts into it."""
    if part.type == "method_definition":
        return ()
    spread = part.children[0] if part.type == "spread_element" and part.children else part
    return resolver.values(part.field("value") or spread, frame)


def _written(resolver: Resolver, literal: Node) -> Iterator[Values]:
    """Return what is assigned to members of the name that an object literal is given."""
    parent = literal.parent
    name = parent.field("name") if parent is not None and parent.type == "variable_declarator" else None
    if name is None or name.type != "identifier" or name.scope is None:
        return
    binding = name.scope.find(name_of(name))
    for _, definition in binding.writes[:_MOST_CALLS] if binding is not None else ():
        yield resolver.definition_values(definition)


def _added(resolver: Resolver, made: Node) -> Iterator[Values]:
    """Return what is added to a form or map that a call made."""
    given = made.field("arguments")
    yield from (resolver.values(argument) for argument in (given.children if given is not None else ()))
    for name in _ADDERS:
        for site in resolver.callers.sites.by(name)[:_MOST_CALLS]:
            for call in calls_of(resolver, site.node):
                if any(value.node is made for value in call.this):
                    yield from call.arguments(1)

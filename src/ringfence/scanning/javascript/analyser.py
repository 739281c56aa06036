"""`javascript_effects`: one walk over the tree; at each node that could do something, the part that knows what asks for values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Kind, Language, Trait
from ringfence.scanning.javascript import (
    endless,
    environment,
    evaluation,
    files,
    introspection,
    network,
    processes,
    writes,
)
from ringfence.scanning.javascript.calls import Call, calls_of
from ringfence.scanning.javascript.emit import effect
from ringfence.scanning.javascript.literals import string_text
from ringfence.scanning.javascript.patterns import name_of
from ringfence.scanning.javascript.resolve import Resolver
from ringfence.scanning.javascript.scopes import FUNCTIONS, names_of
from ringfence.scanning.javascript.tree import parse
from ringfence.scanning.javascript.values import NOTHING_KNOWN, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Values

_CALLS: tuple[Callable[[Call], Iterator[Effect]], ...] = (
    evaluation.evaluation_effects,
    files.file_effects,
    network.network_effects,
    processes.process_effects,
    introspection.call_effects,
    writes.call_effects,
)
_ELEMENTWISE = frozenset({"map", "forEach", "filter", "find", "some", "every", "flatMap"})
_TIMERS = frozenset({"setTimeout", "setInterval", "setImmediate", "process.nextTick", "queueMicrotask"})
_MEMBERS = frozenset({"member_expression", "subscript_expression"})
_QUIET_PARENTS = frozenset({"variable_declarator", "assignment_expression"})
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufe00-\ufe0f\U000e0100-\U000e01ef]{8,}")
_SYMBOLS_ONLY = re.compile(r"[\[\]()!+\s{};]{300,}")


def javascript_effects(source: str, budget: Budget, dialect: str = "") -> Iterator[Effect]:  # noqa: ARG001 - one shape for all languages
    """Return what a source would do.

    Arguments:
        source: the text.
        budget: how much work may be done.
        dialect: not used.

    Raises:
        Unscannable: the source is no JavaScript, nests too deep, or takes too much work.

    """
    tree = parse(source, budget)
    resolver = Resolver(tree, names_of(tree.nodes), budget)
    found = [each for node in reversed(tree.nodes) for each in _effects_at(resolver, node)]
    found.extend(_hidden(source))
    yield from sorted(found, key=lambda each: (each.line, each.column))


def _effects_at(resolver: Resolver, node: Node) -> Iterator[Effect]:
    kind = node.type
    if kind in ("call_expression", "new_expression"):
        for call in calls_of(resolver, node):
            yield from _call(call)
    elif kind in _MEMBERS:
        yield from _member(resolver, node)
    elif kind in ("assignment_expression", "augmented_assignment_expression"):
        yield from _assignment(resolver, node)
    elif kind in ("import_statement", "export_statement"):
        yield from _import(resolver, node)
    elif kind in endless.LOOPS:
        yield from endless.loop_effects(resolver, node)
    elif kind == "object_pattern":
        yield from environment.pattern_effects(resolver, node)


def _call(call: Call) -> Iterator[Effect]:
    if call.path:
        for part in _CALLS:
            yield from part(call)
    yield from _handed_on(call)


def _handed_on(call: Call) -> Iterator[Effect]:
    """Return what functions do that are handed to something that calls them: `["id"].forEach(execSync)`."""
    first = call.expression(0)
    if first is None or first.type in FUNCTIONS:
        return
    callee = call.node.field("function")
    last = callee.field("property") if callee is not None else None
    name = name_of(last) if last is not None else ""
    if name in _ELEMENTWISE and call.this:
        given: list[Values] = [call.resolver.elements(call.this)]
    elif name == "then" and call.this:
        given = [call.this]
    elif call.path in _TIMERS:
        given = call.arguments(1 if call.path in ("process.nextTick", "setImmediate") else 2)
    else:
        return
    for value in call.argument(0):
        if value.path and value.text is None:
            inner = Call(call.resolver, call.node, value, NOTHING_KNOWN, given, call.frame)
            for part in _CALLS:
                yield from part(inner)


def _member(resolver: Resolver, node: Node) -> Iterator[Effect]:
    prop = node.field("property")
    if prop is not None:
        name = name_of(prop)
        if name in introspection.INTERESTING:
            yield from introspection.member_effects(resolver, node, name, frozenset())
    elif (index := node.field("index")) is not None and index.type != "number":
        for key in resolver.keys(node):
            name = text_of(key)
            if name in introspection.INTERESTING:
                yield from introspection.member_effects(resolver, node, name, key.traits)
    yield from environment.member_effects(resolver, node)


def _assignment(resolver: Resolver, node: Node) -> Iterator[Effect]:
    for target, definition in writes.targets_of(node):
        if target.type in _MEMBERS:
            yield from writes.write_effects(resolver, target, definition)
        elif target.type == "identifier":
            yield from writes.global_write_effects(resolver, target, definition)


def _import(resolver: Resolver, node: Node) -> Iterator[Effect]:
    source = node.field("source")
    if source is None:
        return
    name = string_text(source)
    code = evaluation.data_code(name)
    if code is not None:
        nested = (Language.JAVASCRIPT, code)
        yield effect(resolver.tree, node, Kind.EVALUATE, "import", code, nested=nested)
    elif name.startswith(("http:", "https:")):
        yield effect(resolver.tree, node, Kind.CONNECT, "import", name)
        yield effect(resolver.tree, node, Kind.EVALUATE, "import", HOLE)
    else:
        yield effect(resolver.tree, node, Kind.IMPORT, "import", name.removeprefix("node:"))


def _hidden(source: str) -> Iterator[Effect]:
    """Return text that nobody can see, and code that is written with a few signs only."""
    found = None if source.isascii() else _INVISIBLE.search(source)
    if found is not None:
        yield _at(source, found.start(), "invisible characters", Trait.HIDDEN)
    found = _SYMBOLS_ONLY.search(source)
    if found is not None and found[0].count("[") > len(found[0]) // 12:
        yield _at(source, found.start(), "signs only", Trait.CALCULATED)


def _at(source: str, offset: int, name: str, trait: Trait) -> Effect:
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset) - 1
    return Effect(Kind.OBFUSCATE, name, "", line, column, traits=frozenset({trait}))

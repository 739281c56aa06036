"""Loops without a way out, and what they do with each turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind
from ringfence.scanning.javascript.emit import effect
from ringfence.scanning.javascript.folding import truth
from ringfence.scanning.javascript.scopes import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node

LOOPS = frozenset({"while_statement", "do_statement", "for_statement"})
_WAYS_OUT = frozenset(
    {"break_statement", "return_statement", "throw_statement", "yield_expression", "await_expression"}
)
_GROWING = frozenset({"push", "unshift", "concat", "repeat", "set", "add", "append"})
_ALLOCATING = frozenset({"Buffer.alloc", "Buffer.allocUnsafe", "ArrayBuffer", "Uint8Array", "Array"})
_STARTING = frozenset({"child_process", "cluster", "Worker", "worker_threads"})


def loop_effects(resolver: Resolver, loop: Node) -> Iterator[Effect]:
    """Return a loop that can only be ended from outside, with what it uses up: processes, memory or time."""
    if not _is_endless(resolver, loop):
        return
    inside = list(_inside(resolver, loop))
    if any(node.type in _WAYS_OUT or _exits(resolver, node) for node in inside):
        return
    yield effect(
        resolver.tree, loop, Kind.RESOURCE, f"{loop.type.partition('_')[0]} loop", _used_up(resolver, inside)
    )


def _is_endless(resolver: Resolver, loop: Node) -> bool:
    condition = loop.field("condition")
    if condition is None or condition.type == "empty_statement":
        return loop.type == "for_statement"
    if condition.type == "expression_statement" and condition.children:
        condition = condition.children[0]
    while condition.type == "parenthesized_expression" and condition.children:
        condition = condition.children[-1]
    if condition.type in ("identifier", "member_expression", "call_expression", "subscript_expression"):
        return False
    return all(truth(value) is True for value in resolver.values(condition))


def _inside(resolver: Resolver, loop: Node) -> Iterator[Node]:
    """Return what happens in a loop; functions defined in it happen elsewhere."""
    waiting = [loop]
    while waiting:
        node = waiting.pop()
        resolver.budget.spend()
        yield node
        waiting.extend(child for child in node.children if child.type not in FUNCTIONS)


def _exits(resolver: Resolver, node: Node) -> bool:
    return node.type == "call_expression" and any(
        value.path in ("process.exit", "process.abort", "Deno.exit")
        for value in resolver.values(node.fields["function"])
    )


def _used_up(resolver: Resolver, inside: list[Node]) -> str:
    grows = False
    for node in inside:
        if node.type not in ("call_expression", "new_expression"):
            continue
        callee = node.field("function") or node.field("constructor")
        last = callee.field("property") if callee is not None else None
        for value in resolver.values(callee) if callee is not None else ():
            if value.path.partition(".")[0] in _STARTING:
                return "processes"
            grows = grows or value.path in _ALLOCATING
        grows = grows or (last is not None and last.text in _GROWING)
    return "memory" if grows else "time"

"""Guards: whether a write happens only where nothing is there yet, as polyfills do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.javascript.values import texts

if TYPE_CHECKING:
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node


_GUARDS = frozenset({"if_statement", "ternary_expression", "binary_expression"})


def is_guarded(resolver: Resolver, node: Node) -> bool:
    """Return whether a write happens only where the member is not there yet: `if (!x.y)`, `x.y || (x.y = ...)`, `x.y ??= ...`."""
    target = (
        resolver.tree.text(node.children[0]) if node.type == "call_expression" else resolver.tree.text(node)
    )
    name = target.rpartition(".")[2] if node.type != "call_expression" else _defined_name(resolver, node)
    around = node.parent
    if around is not None and around.type == "augmented_assignment_expression":
        return True
    if around is not None and around.type == "assignment_expression" and around.field("right") is not None:
        right = around.fields["right"]
        if right.type == "binary_expression" and name and name in resolver.tree.text(right.children[0]):
            return True
    while around is not None:
        resolver.budget.spend()
        if around.type in _GUARDS:
            condition = around.field("condition") or around.field("left")
            if (
                condition is not None
                and condition.end <= node.start
                and name
                and name in resolver.tree.text(condition)
            ):
                return True
        around = around.parent
    return False


def _defined_name(resolver: Resolver, call: Node) -> str:
    given = call.field("arguments")
    if given is None or len(given.children) < 2:  # noqa: PLR2004 - object, name
        return ""
    return next(iter(texts(resolver.values(given.children[1]))), "")

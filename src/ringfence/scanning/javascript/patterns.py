"""Patterns: which names and members a parameter, a declaration or an assignment puts which part of a value into.

Nothing here knows scopes. The one idea: `{a: [, b]} = x` is `b`, defined as the parts `a` and `1` of `x`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.javascript.literals import string_text, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.tree import Node


_LEAVES = frozenset(
    {"identifier", "shorthand_property_identifier_pattern", "member_expression", "subscript_expression"}
)

REST = "..."
"""The key of a rest element in a pattern."""

Key = "str | int | Node"


class Definition(NamedTuple):
    """One way in which a binding, or a member, gets a value.

    Arguments:
        kind: `value` (of an expression), `default` (likewise, if nothing else is given), `parameter`, `element` (of what a
            loop goes over), `key` (likewise), `caught`, `import`, `self` (a function or class).
        node: the expression, function, loop, import statement.
        keys: which part of it: names, numbers, expressions for computed names, `REST` for what is left.
        operator: `=`, or that of an augmented assignment.
        place: of a parameter, its number.

    """

    kind: str
    node: Node
    keys: tuple[str | int | Node, ...] = ()
    operator: str = "="
    place: int = 0


def name_of(node: Node) -> str:
    """Return the name that an identifier spells, its escapes resolved."""
    return unescaped(node.text)


def key_of(node: Node) -> str | Node:
    """Return the key that a property's name spells; the expression where it is computed."""
    if node.type == "string":
        return string_text(node)
    if node.type == "computed_property_name":
        return node.children[0] if node.children else ""
    return name_of(node)


def parameters_of(function: Node) -> list[Node]:
    """Return the patterns of a function's parameters."""
    single = function.field("parameter")
    if single is not None:
        return [single]
    parameters = function.field("parameters")
    return parameters.children if parameters is not None else []


def pattern_leaves(pattern: Node, definition: Definition) -> Iterator[tuple[Node, Definition]]:
    """Return the names and members that a pattern puts values into, each with its definition."""
    waiting = [(pattern, definition)]
    while waiting:
        node, found = waiting.pop()
        if node.type in _LEAVES:
            yield node, found
        else:
            waiting.extend(_pattern_parts(node, found))


def _pattern_parts(node: Node, found: Definition) -> Iterator[tuple[Node, Definition]]:
    if node.type in ("assignment_pattern", "object_assignment_pattern", "assignment_expression"):
        yield from _with_default(node, found)
    elif node.type in ("object_pattern", "object"):
        for part in node.children:
            yield from _object_part(part, found)
    elif node.type in ("array_pattern", "array"):
        yield from ((part, found._replace(keys=(*found.keys, part.place))) for part in node.children)
    elif node.type in ("rest_pattern", "spread_element"):
        whole = found.keys[:-1] if found.keys and isinstance(found.keys[-1], int) else found.keys
        yield from ((part, found._replace(keys=(*whole, REST))) for part in node.children)
    elif node.type == "parenthesized_expression":
        yield from ((part, found) for part in node.children)


def _with_default(node: Node, found: Definition) -> Iterator[tuple[Node, Definition]]:
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return
    if left.type == "shorthand_property_identifier_pattern":
        found = found._replace(keys=(*found.keys, name_of(left)))
    yield left, found
    yield left, Definition("default", right)


def _object_part(part: Node, found: Definition) -> Iterator[tuple[Node, Definition]]:
    key, value = part.field("key"), part.field("value")
    if key is not None and value is not None:
        yield value, found._replace(keys=(*found.keys, key_of(key)))
    elif part.type == "shorthand_property_identifier_pattern":
        yield part, found._replace(keys=(*found.keys, name_of(part)))
    elif part.type not in ("pair", "pair_pattern"):
        yield part, found

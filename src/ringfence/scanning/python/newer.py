"""Brings syntax that is newer than the running interpreter down to its level, so that one analysis serves all versions.

Covered are type parameters and `type` statements (PEP 695, 696), several exception types without parentheses (PEP 758), the free
f-strings of PEP 701 and the t-strings of PEP 750. tree-sitter reads the text; what it cannot read stays unread. The one idea: only
whole constructs are replaced, by text that does the same or more, and the result must satisfy the interpreter's own parser.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import Unscannable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

_MOST_NESTED = 20


class _Edit(NamedTuple):
    start: int
    end: int
    text: bytes


def lowered(source: str) -> str | None:
    """Return the source in older syntax; None where it is no Python of any version that is known here.

    Raises:
        Unscannable: it nests too deep.

    """
    import tree_sitter_python  # noqa: PLC0415 - loads a native library, which few sources need
    from tree_sitter import Language, Parser  # noqa: PLC0415 - likewise

    text = source.encode("utf-8", "surrogatepass")
    root = Parser(Language(tree_sitter_python.language())).parse(text).root_node
    if root.has_error:
        return None
    bounds: list[bytes] = []
    edits = list(_edits(root, text, bounds, 0))
    # A bound is code too, evaluated when it is asked for.
    extra = b"".join(b"\n(" + bound + b")" for bound in bounds)
    return (_applied(text, 0, len(text), edits) + extra).decode("utf-8", "surrogatepass") if edits else None


def _edits(root: Node, text: bytes, bounds: list[bytes], depth: int) -> Iterator[_Edit]:
    """Return what is to be replaced within a node, outermost first and in no particular order."""
    if depth > _MOST_NESTED:
        raise Unscannable(
            "too-deep", "strings are nested in strings too deep: write it flatter", root.start_point[0] + 1
        )
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in ("class_definition", "function_definition"):
            parameters = node.child_by_field_name("type_parameters")
            if parameters is not None:
                bounds += _bounds(parameters, text)
                yield _blank(parameters, text)
        elif node.type == "type_alias_statement":
            yield from _alias(node, text, bounds)
        elif node.type == "except_clause":
            yield from _parenthesised(node)
        elif node.type == "string" and any(child.type == "interpolation" for child in node.children):
            plain = _joined(node, text, bounds, depth)
            if plain is not None:
                yield _Edit(node.start_byte, node.end_byte, plain)
                continue
        waiting += node.children


def _applied(text: bytes, start: int, end: int, edits: list[_Edit]) -> bytes:
    parts = []
    for edit in sorted(edits):
        parts += [text[start : edit.start], edit.text]
        start = edit.end
    return b"".join([*parts, text[start:end]])


def _blank(node: Node, text: bytes) -> _Edit:
    """Return the edit that takes a node out and leaves lines and columns where they are."""
    old = text[node.start_byte : node.end_byte]
    # Between brackets a line may break freely; without them the break would end the line.
    return _Edit(
        node.start_byte,
        node.end_byte,
        b" " * len(old.replace(b"\n", b" ")) if b"\n" not in old else b" \\\n" * old.count(b"\n") + b" ",
    )


def _bounds(parameters: Node, text: bytes) -> Iterator[bytes]:
    for child in parameters.named_children:
        for inner in child.named_children:
            if inner.type == "constrained_type" and inner.named_child_count > 1:
                bound = inner.named_children[1]
                yield text[bound.start_byte : bound.end_byte]


def _alias(node: Node, text: bytes, bounds: list[bytes]) -> Iterator[_Edit]:
    """Replace `type Name[T] = value` by `Name = value`, the value where it was."""
    left = node.child_by_field_name("left")
    if left is None:
        return
    old = text[left.start_byte : left.end_byte]
    name, bracket, parameters = old.partition(b"[")
    if bracket:
        bounds += [part.partition(b":")[2] for part in parameters.rstrip(b"]").split(b",") if b":" in part]
    width = left.end_byte - node.start_byte
    yield _Edit(node.start_byte, left.end_byte, name.strip().ljust(width))


def _parenthesised(node: Node) -> Iterator[_Edit]:
    values = node.children_by_field_name("value")
    if len(values) > 1:
        yield _Edit(values[0].start_byte, values[0].start_byte, b"(")
        yield _Edit(values[-1].end_byte, values[-1].end_byte, b")")


def _joined(node: Node, text: bytes, bounds: list[bytes], depth: int) -> bytes | None:
    """Return an f-string that is too new as a join of its parts; None where the interpreter reads it as it is."""
    old = text[node.start_byte : node.end_byte]
    if not old[:2].lower().startswith((b"t", b"rt")):
        try:
            ast.parse(old.decode("utf-8", "surrogatepass"))
        except SyntaxError:
            pass
        else:
            return None
    parts = []
    for child in node.children:
        if child.type == "string_content":
            parts.append(
                repr(text[child.start_byte : child.end_byte].decode("utf-8", "surrogatepass")).encode(
                    "utf-8", "surrogatepass"
                )
            )
        elif child.type == "interpolation":
            inner = child.child_by_field_name("expression")
            if inner is None:
                return None
            edits = list(_edits(inner, text, bounds, depth + 1))
            parts.append(b"str(" + _applied(text, inner.start_byte, inner.end_byte, edits) + b")")
    return b'"".join([' + b", ".join(parts) + b"])"

"""JavaScript source to a tree of small Python objects, and the places of its nodes.

Nothing here knows what the code means. The one idea: tree-sitter's own nodes are made anew at each look and have no identity,
so the tree is copied once, without recursion, and everything after this works on the copy.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING

import tree_sitter
import tree_sitter_javascript

from ringfence.scanning.effects import Unscannable

if TYPE_CHECKING:
    from ringfence.scanning.effects import Budget
    from ringfence.scanning.javascript.scopes import Scope

MOST_DEEP = 400
"""How deep constructs may nest. Chains do not count, they are long and not deep: `a.b().c()`, `a + b + c`, `else if`."""

_SPINES = frozenset({"binary_expression", "call_expression", "member_expression", "subscript_expression"})
_WORDS = frozenset({"async", "get", "static", "of", "new"})
_LISTS = frozenset({"array", "array_pattern"})
_STEPS_A_CALLBACK = 100
_CHUNK = 4096


class Node:
    """One node of the tree.

    Attributes:
        type: the grammar's name for it.
        start, end: where it stands, in bytes.
        parent: the node around it; None for the root.
        children: what it holds, without punctuation and comments.
        fields: those of its parts that the grammar names, and the words `async`, `get`, `static`, `of` that it starts with.
        text: for a node without children, its text.
        place: in an array, how many commas stand before it.
        scope: the scope that its names are looked up in.

    """

    __slots__ = ("children", "commas", "end", "fields", "parent", "place", "scope", "start", "text", "type")

    def __init__(self, kind: str, start: int, end: int, parent: Node | None) -> None:
        self.type = kind
        self.start = start
        self.end = end
        self.parent = parent
        self.children: list[Node] = []
        self.fields: dict[str, Node] = {}
        self.text = ""
        self.place = 0
        self.commas = 0
        self.scope: Scope | None = None

    def field(self, name: str) -> Node | None:
        """Return a part by the grammar's name for it."""
        return self.fields.get(name)


class Tree:
    """A parsed source.

    Attributes:
        source: the text.
        nodes: every node, parents before their children, in the order of the source.

    """

    def __init__(self, source: str, data: bytes, nodes: list[Node]) -> None:
        self.source = source
        self.nodes = nodes
        self._data = data
        self._lines = _line_starts(data)

    def position(self, offset: int) -> tuple[int, int]:
        """Return line (from 1) and column (from 0, in characters) of an offset in bytes."""
        return _position(self._data, self._lines, offset)

    def text(self, node: Node) -> str:
        """Return the source of a node."""
        return self._data[node.start : node.end].decode(errors="replace")


def parse(source: str, budget: Budget) -> Tree:
    """Parse a source.

    Raises:
        Unscannable: it is no JavaScript, it nests too deep, or it takes too long.

    """
    data = source.encode(errors="replace")
    tree = _parsed(data, budget)
    nodes = _copied(tree, data, budget)
    return Tree(source, data, nodes)


@cache
def _language() -> tree_sitter.Language:
    return tree_sitter.Language(tree_sitter_javascript.language())


def _parsed(data: bytes, budget: Budget) -> tree_sitter.Tree:
    """Let tree-sitter parse. It repairs what it cannot parse, and what was repaired is not what would run."""
    allowed = budget.left // _STEPS_A_CALLBACK

    def stop(_offset: int, _has_error: bool) -> bool:  # noqa: FBT001 - tree-sitter calls it so
        nonlocal allowed
        allowed -= 1
        return allowed < 0

    parser = tree_sitter.Parser(_language())
    try:
        tree = parser.parse(lambda offset, _point: data[offset : offset + _CHUNK], progress_callback=stop)
    except ValueError as stopped:
        message = "parsing it takes more steps than its size allows: write it plainly"
        raise Unscannable("too-long", message) from stopped
    if tree.root_node.has_error:
        line, column = _position(data, _line_starts(data), _first_error(tree))
        message = f"line {line} is no JavaScript: correct it (TypeScript's annotations must be taken out)"
        raise Unscannable("unparsed", message, line, column)
    return tree


def _first_error(tree: tree_sitter.Tree) -> int:
    """Return where the first repaired place is, in bytes: down from the root, always into the first child that has an error."""
    node = tree.root_node
    while not (node.is_error or node.is_missing):
        inner = next((child for child in node.children if child.has_error or child.is_missing), None)
        if inner is None:
            break
        node = inner
    return node.start_byte


def _copied(tree: tree_sitter.Tree, data: bytes, budget: Budget) -> list[Node]:
    cursor = tree.walk()
    nodes: list[Node] = []
    around: list[tuple[Node, int]] = []
    while True:
        node, depth = _copy(cursor, data, around[-1] if around else None, nodes)
        if depth > MOST_DEEP:
            line, column = _position(data, _line_starts(data), cursor.node.start_byte if cursor.node else 0)
            raise Unscannable(
                "too-deep", f"line {line} nests more than {MOST_DEEP} deep: write it flatter", line, column
            )
        if node is not None and cursor.goto_first_child():
            around.append((node, depth))
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                budget.spend(len(nodes))
                return nodes
            around.pop()


def _copy(
    cursor: tree_sitter.TreeCursor, data: bytes, around: tuple[Node, int] | None, nodes: list[Node]
) -> tuple[Node | None, int]:
    """Copy the node that the cursor is at. Return the copy and its depth; None for punctuation, words and comments."""
    theirs = cursor.node
    if theirs is None:
        return None, 0
    parent, depth = around if around is not None else (None, 0)
    field, kind = cursor.field_name, theirs.type
    if kind == "html_comment":
        line, column = _position(data, _line_starts(data), theirs.start_byte)
        raise Unscannable("unparsed", f"line {line}: <!-- is a comment only in scripts: use //", line, column)
    if parent is None or (theirs.is_named and kind != "comment"):
        return _named(theirs, kind, field, parent, depth, data, nodes)
    if kind == "," and parent.type in _LISTS:
        parent.commas += 1
    elif (field is not None or kind in _WORDS) and kind not in parent.fields:
        token = Node(kind, theirs.start_byte, theirs.end_byte, parent)
        parent.fields[field or kind] = token
    return None, 0


def _named(
    theirs: tree_sitter.Node,
    kind: str,
    field: str | None,
    parent: Node | None,
    depth: int,
    data: bytes,
    nodes: list[Node],
) -> tuple[Node, int]:
    node = Node(kind, theirs.start_byte, theirs.end_byte, parent)
    nodes.append(node)
    if parent is not None:
        left = kind in _SPINES and parent.type in _SPINES and not parent.children
        if not left and not (kind == "if_statement" and parent.type == "else_clause"):
            depth += 1 if kind != "else_clause" else 0
        node.place = parent.commas
        parent.children.append(node)
        if field is not None:
            parent.fields.setdefault(field, node)
    if theirs.child_count == 0:
        node.text = data[node.start : node.end].decode(errors="replace")
    return node, depth


def _line_starts(data: bytes) -> list[int]:
    starts = [0]
    at = data.find(b"\n")
    while at >= 0:
        starts.append(at + 1)
        at = data.find(b"\n", at + 1)
    return starts


def _position(data: bytes, lines: list[int], offset: int) -> tuple[int, int]:
    line = bisect_right(lines, offset)
    before = data[lines[line - 1] : offset]
    return line, len(before) if before.isascii() else len(before.decode(errors="replace"))

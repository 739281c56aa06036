"""The reading by grammar: tree-sitter says where commands begin and end, the loose reader reads each of them.

tree-sitter's grammar of bash knows the structure of a script well and gets lost in redirections and here-documents, which
`reader.py` does not. The one idea: a clean tree is trusted for structure, and for nothing below a single command.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Unscannable
from ringfence.scanning.shell.cursor import MOST_DEPTH
from ringfence.scanning.shell.reader import read_loosely
from ringfence.scanning.shell.syntax import (
    Branches,
    Function,
    Item,
    Pipeline,
    Reading,
    Sequence,
    Subshell,
)

if TYPE_CHECKING:
    import tree_sitter

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.syntax import Node, Places


@cache
def _parser() -> tree_sitter.Parser:
    import tree_sitter  # noqa: PLC0415 - loaded when the first shell source comes
    import tree_sitter_bash  # noqa: PLC0415 - likewise

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def read_by_grammar(text: str, places: Places, budget: Budget, depth: int = 0) -> Reading | None:
    """Return what a text says by the grammar; None where it does not fit it.

    Raises:
        Unscannable: it nests too deep or takes too long.

    """
    budget.spend(len(text) // 4 + 1)
    root = _parser().parse(_plain(text)).root_node
    if root.has_error:
        return None
    converter = _Converter(text, places, budget)
    script = converter.sequence(root, depth)
    return Reading(script, converter.guessed)


def _plain(text: str) -> bytes:
    """Return the text in ASCII, each other character as a letter, which is what it is to a shell.

    So a byte of the tree is a character of the text. And tree-sitter-bash 0.25 asks C's `isalpha` about whatever comes, which for
    large characters reads outside its table and ends the process.
    """
    return text.encode() if text.isascii() else _BEYOND_ASCII.sub("x", text).encode()


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


class _Converter:
    """From tree-sitter's nodes to ours."""

    def __init__(self, text: str, places: Places, budget: Budget) -> None:
        self._text = text
        self._places = places
        self._budget = budget
        self.guessed = False

    def node(self, node: tree_sitter.Node, depth: int) -> Node:  # noqa: PLR0911 - one line for each type
        """Return what a node of the tree is in our classes."""
        self._budget.spend()
        if depth > MOST_DEPTH:
            raise Unscannable("too-deep", "it nests too deep: write it flatter", node.start_point.row + 1)
        match node.type:
            case "program" | "list" | "compound_statement" if (
                node.child(0) is None or node.children[0].type != "(("
            ):
                return self.sequence(node, depth)
            case "subshell":
                return Subshell(self.sequence(node, depth))
            case "pipeline":
                return Pipeline(tuple(self.node(child, depth + 1) for child in _commands(node)))
            case "negated_command":
                return self.sequence(node, depth)
            case "if_statement":
                return self._if(node, depth)
            case "function_definition":
                return self._function(node, depth)
        return self._leaf(node, depth)

    def sequence(self, node: tree_sitter.Node, depth: int) -> Sequence:
        """Return the commands below a node, `a && b || c` in one row although the tree nests them."""
        items: list[Item] = []
        for child, doubtful, background in self._members(node):
            if child.is_named and child.type != "comment":
                items.append(Item(self.node(child, depth + 1), doubtful, background))
        return Sequence(tuple(items))

    def _members(self, node: tree_sitter.Node) -> list[tuple[tree_sitter.Node, bool, bool]]:
        members: list[tuple[tree_sitter.Node, bool, bool]] = []
        waiting = [(child, following, False) for child, following in reversed(_followed(node))]
        while waiting:
            self._budget.spend()
            child, following, doubtful = waiting.pop()
            if child.type == "list":
                left = [each for each in child.children if each.is_named and each.type != "comment"]
                waiting += [
                    (each, following, doubtful or number > 0)
                    for number, each in reversed(list(enumerate(left)))
                ]
            else:
                members.append((child, doubtful, following == "&"))
        return members

    def _if(self, node: tree_sitter.Node, depth: int) -> Branches:
        heads = self._items(node.children_by_field_name("condition"), depth)
        bodies: list[Node] = []
        plain: list[Item] = []
        for number, child in enumerate(node.children):
            if child.type in {"elif_clause", "else_clause"}:
                bodies.append(self.sequence(child, depth))
            elif (
                child.is_named
                and child.type != "comment"
                and node.field_name_for_child(number) != "condition"
            ):
                plain.append(Item(self.node(child, depth + 1)))
        return Branches(heads, (Sequence(tuple(plain)), *bodies))

    def _items(self, nodes: list[tree_sitter.Node], depth: int) -> Sequence:
        named = [node for node in nodes if node.is_named and node.type != "comment"]
        return Sequence(tuple(Item(self.node(node, depth + 1)) for node in named))

    def _function(self, node: tree_sitter.Node, depth: int) -> Node:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None or node.children_by_field_name("redirect"):
            return self._leaf(node, depth)
        place = self._places.at(node.start_byte, node.end_byte)
        return Function(self._slice(name), self.node(body, depth + 1), place)

    def _leaf(self, node: tree_sitter.Node, depth: int) -> Node:
        """Return what the loose reader makes of the text of a node."""
        reading = read_loosely(self._slice(node), self._places, self._budget, node.start_byte, depth)
        self.guessed |= reading.guessed
        script = reading.script
        if isinstance(script, Sequence) and len(script.items) == 1 and not script.items[0].background:
            return script.items[0].node
        return script

    def _slice(self, node: tree_sitter.Node) -> str:
        return self._text[node.start_byte : node.end_byte]


def _commands(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [child for child in node.children if child.is_named and child.type != "comment"]


def _followed(node: tree_sitter.Node) -> list[tuple[tree_sitter.Node, str]]:
    """Return each child that is a command with the sign that follows it."""
    children = node.children
    signs = [*(child.type for child in children[1:]), ""]
    return [(child, sign) for child, sign in zip(children, signs, strict=False) if child.is_named]

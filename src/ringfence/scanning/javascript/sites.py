"""Where the functions of a source are called, and whom they are handed to.

Told from the tree alone, without working out any value. The one idea: a function has handles, the names bound to it and the
member names it is kept under, and whatever is called by a handle of a function is taken to be that function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.javascript.literals import string_text
from ringfence.scanning.javascript.patterns import Definition, key_of, name_of, pattern_leaves
from ringfence.scanning.javascript.scopes import Binding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.tree import Node

Handle = Binding | str
"""A binding, or the name of a member."""

_CALLS = frozenset({"call_expression", "new_expression"})
_WRAPPERS = frozenset({"parenthesized_expression", "sequence_expression"})
_MEMBERS = frozenset({"member_expression", "subscript_expression"})
_INDIRECT = frozenset({"call", "apply", "bind"})


class Site(NamedTuple):
    """One call.

    Arguments:
        node: the call expression.
        how: empty for a plain call; `call`, `apply` or `bind` for one by these.

    """

    node: Node
    how: str = ""


class Handing(NamedTuple):
    """One function given to a call as an argument.

    Arguments:
        node: the call expression.
        place: which argument it is.

    """

    node: Node
    place: int


class Sites:
    """The calls of a source by what they call.

    Arguments:
        nodes: all nodes of the tree.

    """

    def __init__(self, nodes: list[Node]) -> None:
        self._calls: dict[Handle, list[Site]] = {}
        self._handed: dict[Handle, list[Handing]] = {}
        self._aliases: dict[Handle, list[Handle]] = {}
        self._known: dict[Node, list[Site]] = {}
        for node in nodes:
            if node.type in _CALLS:
                self._add_call(node)
            elif node.type in ("variable_declarator", "assignment_expression", "pair"):
                self._add_alias(node)

    def _add_call(self, node: Node) -> None:
        callee = node.field("function") or node.field("constructor")
        if callee is not None:
            for handle, how in _called(inner(callee)):
                self._calls.setdefault(handle, []).append(Site(node, how))
        given = node.field("arguments")
        for place, argument in enumerate(given.children if given is not None else ()):
            for handle in _meant(argument):
                self._handed.setdefault(handle, []).append(Handing(node, place))

    def _add_alias(self, node: Node) -> None:
        source = node.field("value") or node.field("right")
        target = node.field("name") or node.field("left") or node.field("key")
        if source is None or target is None:
            return
        for handle in _meant(source):
            self._aliases.setdefault(handle, []).extend(_held(target))

    def of(self, function: Node) -> list[Site]:
        """Return the calls of a function."""
        found = self._known.get(function)
        if found is None:
            around = _outside(function)
            found = [around] if around is not None else []
            for handle in self.handles(function):
                found.extend(self._calls.get(handle, ()))
            self._known[function] = found
        return found

    def by(self, handle: Handle) -> list[Site]:
        """Return the calls by one handle."""
        return self._calls.get(handle, [])

    def handed(self, function: Node) -> list[Handing]:
        """Return the calls that a function is handed to."""
        parent = function.parent
        found: list[Handing] = []
        if parent is not None and parent.type == "arguments" and parent.parent is not None:
            found.append(Handing(parent.parent, parent.children.index(function)))
        for handle in self.handles(function):
            found.extend(self._handed.get(handle, ()))
        return found

    def handles(self, function: Node) -> list[Handle]:
        """Return the names that a function is kept under."""
        waiting = list(_own_handles(function))
        found: dict[Handle, None] = {}
        while waiting:
            handle = waiting.pop()
            if handle not in found:
                found[handle] = None
                waiting.extend(self._aliases.get(handle, ()))
        return list(found)


def inner(node: Node) -> Node:
    """Return what stands in parentheses, the last one where there are several."""
    while node.type in _WRAPPERS and node.children:
        node = node.children[-1]
    return node


def _called(callee: Node) -> Iterator[tuple[Handle, str]]:
    """Return the handles by which something is called, and how."""
    for handle in _meant(callee):
        yield handle, ""
    if callee.type in _MEMBERS:
        name, owner = _member_name(callee), callee.field("object")
        if name in _INDIRECT and owner is not None:
            yield from ((handle, name) for handle in _meant(owner))


def _meant(node: Node) -> Iterator[Handle]:
    """Return the handle that an expression spells."""
    node = inner(node)
    if node.type in ("identifier", "shorthand_property_identifier"):
        found = node.scope.find(name_of(node)) if node.scope is not None else None
        if found is not None:
            yield found
    elif node.type in _MEMBERS:
        name = _member_name(node)
        if name and name not in _INDIRECT:
            yield name


def _member_name(member: Node) -> str:
    prop, index = member.field("property"), member.field("index")
    if prop is not None:
        return name_of(prop)
    return string_text(index) if index is not None and index.type == "string" else ""


def _held(target: Node) -> Iterator[Handle]:
    """Return the handles that a target of an assignment, or a key of an object, is."""
    if target.type in ("property_identifier", "string", "private_property_identifier"):
        key = key_of(target)
        yield from (key,) if isinstance(key, str) else ()
        return
    for leaf, _ in pattern_leaves(target, Definition("none", target)):
        yield from _meant(leaf) if leaf.type != "shorthand_property_identifier_pattern" else _bound(leaf)


def _bound(leaf: Node) -> Iterator[Handle]:
    found = leaf.scope.find(name_of(leaf)) if leaf.scope is not None else None
    if found is not None:
        yield found


def _own_handles(function: Node) -> Iterator[Handle]:
    name = function.field("name")
    if name is not None and function.type == "method_definition":
        key = key_of(name)
        body = function.parent
        if key == "constructor" and body is not None and body.parent is not None:
            yield from _own_handles(body.parent)
        elif isinstance(key, str):
            yield key
        return
    if name is not None and function.scope is not None:
        found = function.scope.find(name_of(name))
        if found is not None:
            yield found
    holder = function.parent
    while holder is not None and holder.type in _WRAPPERS:
        holder = holder.parent
    if holder is not None and holder.type in (
        "variable_declarator",
        "assignment_expression",
        "pair",
        "field_definition",
    ):
        for part in ("name", "left", "key", "property"):
            target = holder.field(part)
            if target is not None:
                yield from _held(target)


def _outside(function: Node) -> Site | None:
    """Return the call of a function on the spot: `(function () {})()`, also by `call` and `apply`."""
    node, parent = function, function.parent
    while parent is not None and parent.type in _WRAPPERS:
        node, parent = parent, parent.parent
    how = ""
    if parent is not None and parent.type == "member_expression" and parent.field("object") is node:
        how = _member_name(parent)
        node, parent = parent, parent.parent
    if parent is None or parent.type != "call_expression" or parent.field("function") is not node:
        return None
    return Site(parent, how) if not how or how in _INDIRECT else None

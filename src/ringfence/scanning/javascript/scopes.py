"""Names: which binding each one means, and everything that is ever put into it.

The order of execution is not followed. The one idea: a name may hold whatever any definition of it gives, so no branch,
loop or late assignment can hide a value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.javascript.literals import string_text
from ringfence.scanning.javascript.patterns import REST, Definition, name_of, parameters_of, pattern_leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.tree import Node

FUNCTIONS = frozenset(
    {
        "function_declaration",
        "generator_function_declaration",
        "function_expression",
        "generator_function",
        "arrow_function",
        "method_definition",
    }
)
LOOPS = frozenset({"for_statement", "for_in_statement", "while_statement", "do_statement"})
BRANCHES = frozenset({"if_statement", "switch_case", "try_statement", "ternary_expression"})
CLASSES = frozenset({"class_declaration", "class"})
GLOBAL_OBJECTS = frozenset({"globalThis", "global", "window", "self", "frames"})
_BLOCKS = frozenset(
    {
        "statement_block",
        "for_statement",
        "for_in_statement",
        "catch_clause",
        "switch_body",
        "class_static_block",
    }
)
_WRITES = frozenset({"assignment_expression", "augmented_assignment_expression"})


class Binding:
    """A name in a scope, with all its definitions, and the writes to members of it (`name.x = ...`)."""

    __slots__ = ("definitions", "is_global", "name", "writes")

    def __init__(self, name: str, *, is_global: bool = False) -> None:
        self.name = name
        self.is_global = is_global
        self.definitions: list[Definition] = []
        self.writes: list[tuple[Node, Definition]] = []


class Scope:
    """Where names are looked up: a function, a block, or the whole source."""

    __slots__ = ("is_function", "names", "parent")

    def __init__(self, parent: Scope | None, *, is_function: bool) -> None:
        self.parent = parent
        self.is_function = is_function
        self.names: dict[str, Binding] = {}

    def find(self, name: str) -> Binding | None:
        """Return the binding that a name means here."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def declare(self, name: str, *, in_function: bool = False) -> Binding:
        """Return the binding of a name declared here, or with `in_function` in the function around."""
        scope = self
        while in_function and not scope.is_function and scope.parent is not None:
            scope = scope.parent
        return scope.names.setdefault(name, Binding(name))


class Names(NamedTuple):
    """What is known of the names of a source.

    Arguments:
        root: the outermost scope.
        writes: every assignment to a member (`x.y = ...`), in the order of the source.
        own: by the class or function whose `this` it is, the writes to members of `this`.

    """

    root: Scope
    writes: list[tuple[Node, Definition]]
    own: dict[Node, list[tuple[Node, Definition]]]


def names_of(nodes: list[Node]) -> Names:
    """Give each node its scope, and gather the definitions of each name.

    Arguments:
        nodes: all nodes of a tree, parents first.

    """
    root = Scope(None, is_function=True)
    for node in nodes:
        _place(node, root)
    names = Names(root, [], {})
    for node in nodes:
        if node.type in _WRITES:
            _assign(node, names)
        elif node.type == "for_in_statement" and "kind" not in node.fields:
            _loop(node, names)
    return names


def _place(node: Node, root: Scope) -> None:
    """Set the scope of one node, and declare what it declares."""
    around = node.parent.scope if node.parent is not None and node.parent.scope is not None else root
    kind = node.type
    if kind in FUNCTIONS or kind in CLASSES:
        name = node.field("name")
        node.scope = Scope(around, is_function=kind in FUNCTIONS)
        if name is not None and kind != "method_definition":
            outside = kind.endswith("declaration")
            binding = (
                around.declare(name_of(name), in_function=kind != "class_declaration") if outside else None
            )
            (binding or node.scope.declare(name_of(name))).definitions.append(Definition("self", node))
        if kind in FUNCTIONS:
            _declare_parameters(node, node.scope)
        return
    node.scope = Scope(around, is_function=False) if kind in _BLOCKS else around
    if kind == "variable_declarator":
        _declare_variable(node, node.scope)
    elif kind == "for_in_statement" and "kind" in node.fields:
        _declare_loop(node, node.scope)
    elif kind == "catch_clause":
        _declare_caught(node, node.scope)
    elif kind == "import_statement":
        _declare_imports(node, node.scope)


def _declare_parameters(function: Node, scope: Scope) -> None:
    for index, parameter in enumerate(parameters_of(function)):
        target = parameter
        if parameter.type == "rest_pattern" and parameter.children:
            definition = Definition("parameter", function, (REST,), place=index)
            target = parameter.children[0]
        else:
            definition = Definition("parameter", function, place=index)
        for leaf, found in pattern_leaves(target, definition):
            if leaf.type in ("identifier", "shorthand_property_identifier_pattern"):
                scope.declare(name_of(leaf)).definitions.append(found)


def _declare_variable(declarator: Node, scope: Scope) -> None:
    target, value = declarator.field("name"), declarator.field("value")
    if target is None:
        return
    in_function = declarator.parent is not None and declarator.parent.type == "variable_declaration"
    definition = Definition("value", value) if value is not None else None
    for leaf, found in pattern_leaves(target, definition or Definition("none", declarator)):
        binding = scope.declare(name_of(leaf), in_function=in_function)
        if found.kind != "none":
            binding.definitions.append(found)


def _declare_loop(loop: Node, scope: Scope) -> None:
    target = loop.field("left")
    in_function = loop.fields["kind"].type == "var"
    for leaf, found in pattern_leaves(target, _loop_definition(loop)) if target is not None else ():
        scope.declare(name_of(leaf), in_function=in_function).definitions.append(found)


def _loop_definition(loop: Node) -> Definition:
    operator = loop.field("operator")
    is_of = "of" in loop.fields or (operator is not None and operator.type == "of")
    return Definition("element" if is_of else "key", loop.fields.get("right", loop))


def _declare_caught(clause: Node, scope: Scope) -> None:
    target = clause.field("parameter")
    for leaf, found in pattern_leaves(target, Definition("caught", clause)) if target is not None else ():
        scope.declare(name_of(leaf)).definitions.append(found)


def _declare_imports(statement: Node, scope: Scope) -> None:
    source = statement.field("source")
    if source is None:
        return
    for clause in statement.children:
        if clause.type != "import_clause":
            continue
        for part in clause.children:
            for name, key in _imported(part):
                keys = () if key is None else (key,)
                scope.declare(name).definitions.append(Definition("import", source, keys))


def _imported(part: Node) -> Iterator[tuple[str, str | None]]:
    """Return the names that a part of an import clause declares, each with the export it is; None for the whole module."""
    if part.type == "identifier":
        yield name_of(part), "default"
    elif part.type == "namespace_import":
        yield from ((name_of(name), None) for name in part.children)
    elif part.type == "named_imports":
        for each in part.children:
            name = each.field("name")
            if name is not None:
                exported = string_text(name) if name.type == "string" else name_of(name)
                yield name_of(each.field("alias") or name), exported


def _assign(node: Node, names: Names) -> None:
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return
    operator = node.fields["operator"].type if "operator" in node.fields else "="
    _define(left, Definition("value", right, operator=operator), names)


def _loop(node: Node, names: Names) -> None:
    left = node.field("left")
    if left is not None:
        _define(left, _loop_definition(node), names)


def _define(target: Node, definition: Definition, names: Names) -> None:
    for leaf, found in pattern_leaves(target, definition):
        if leaf.type in ("member_expression", "subscript_expression"):
            _define_member(leaf, found, names)
        else:
            _binding(leaf, names.root).definitions.append(found)


def _binding(leaf: Node, root: Scope) -> Binding:
    """Return the binding of an assigned name; an undeclared one becomes a global."""
    name = name_of(leaf)
    found = leaf.scope.find(name) if leaf.scope is not None else None
    return found or root.names.setdefault(name, Binding(name, is_global=True))


def _define_member(member: Node, definition: Definition, names: Names) -> None:
    names.writes.append((member, definition))
    owner = member.field("object")
    if owner is None:
        return
    if owner.type == "this":
        names.own.setdefault(owner_of_this(owner), []).append((member, definition))
    elif owner.type == "identifier" and owner.scope is not None:
        bound = owner.scope.find(name_of(owner))
        if bound is not None:
            bound.writes.append((member, definition))
        elif name_of(owner) in GLOBAL_OBJECTS and member.type == "member_expression":
            name = name_of(member.fields["property"])
            names.root.names.setdefault(name, Binding(name, is_global=True)).definitions.append(definition)


def owner_of_this(node: Node) -> Node:
    """Return the class, object, function or root whose `this` a node means."""
    around = node
    while around.parent is not None:
        around = around.parent
        if around.type in CLASSES or around.type == "object":
            return around
        if around.type in FUNCTIONS and around.type not in ("arrow_function", "method_definition"):
            return (
                around.parent.parent
                if _is_property(around) and around.parent and around.parent.parent
                else around
            )
    return around


def _is_property(function: Node) -> bool:
    return function.parent is not None and function.parent.type == "pair"


def statements_around(node: Node) -> set[str]:
    """Return the kinds of statements around a node within its function."""
    found: set[str] = set()
    parent = node.parent
    while parent is not None and parent.type not in FUNCTIONS:
        found.add(parent.type)
        parent = parent.parent
    return found

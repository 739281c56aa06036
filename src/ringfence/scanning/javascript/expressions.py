"""Expressions: what each kind of them gives. `evaluated` is asked by the resolver, and asks it for the parts.

The one idea: every kind of expression that says something has one short function here; all others are unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.folding import arithmetic, calculated, truth, unary
from ringfence.scanning.javascript.literals import number_value, string_text, unescaped
from ringfence.scanning.javascript.members import members_of
from ringfence.scanning.javascript.modules import GLOBAL_OBJECT, global_path
from ringfence.scanning.javascript.patterns import name_of
from ringfence.scanning.javascript.results import result_values
from ringfence.scanning.javascript.scopes import CLASSES, FUNCTIONS, owner_of_this
from ringfence.scanning.javascript.values import (
    FALSE,
    NOTHING_KNOWN,
    TRUE,
    UNDEFINED,
    UNKNOWN,
    Items,
    Value,
    distinct,
    number,
    origins_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values

_WRAPPERS = frozenset(
    {
        "parenthesized_expression",
        "await_expression",
        "spread_element",
        "template_substitution",
        "sequence_expression",
    }
)
_FUNCTIONS_AND_OBJECTS = FUNCTIONS | CLASSES | {"object"}
_CONSTANTS: Mapping[str, Value] = {
    "true": TRUE,
    "false": FALSE,
    "undefined": UNDEFINED,
    "null": Value("null", path="null"),
}
_PLACES = {"__dirname": ".", "__filename": "./script.js"}
_LOGICAL = frozenset({"||", "&&", "??"})


def evaluated(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    """Return what an expression gives, at least one value.

    Arguments:
        resolver: what works out its parts.
        node: the expression.
        frame: the call that it is evaluated in; None for any.

    """
    kind = node.type
    if kind in _WRAPPERS:
        return resolver.values(node.children[-1], frame) if node.children else NOTHING_KNOWN
    if kind in _FUNCTIONS_AND_OBJECTS:
        return (Value(node=node, frame=frame),)
    handler = _HANDLERS.get(kind)
    if handler is not None:
        return handler(resolver, node, frame)
    constant = _CONSTANTS.get(kind)
    return NOTHING_KNOWN if constant is None else (constant,)


def _name(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    name = name_of(node)
    binding = node.scope.find(name) if node.scope is not None else None
    if binding is not None:
        return resolver.binding_values(binding, frame)
    if name in _PLACES:
        return (Value(_PLACES[name]),)
    return (_CONSTANTS.get(name) or Value(path=global_path(name)),)


def _member(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    owner = node.field("object")
    if owner is None:
        return NOTHING_KNOWN
    return members_of(resolver, node, owner, frame)


def _string(_resolver: Resolver, node: Node, _frame: Frame | None) -> Values:
    return (Value(string_text(node)),)


def _template(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    parts: list[Values] = []
    for part in node.children:
        literal = part.type != "template_substitution"
        parts.append((Value(unescaped(part.text)),) if literal else resolver.values(part, frame))
    if len(node.children) <= 1 and all(part.type == "string_fragment" for part in node.children):
        return parts[0] if parts else (Value(""),)
    return resolver.put_together(parts)


def _number(_resolver: Resolver, node: Node, _frame: Frame | None) -> Values:
    found = number_value(node.text)
    return NOTHING_KNOWN if found is None else (number(found),)


def _array(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    items: list[Values] = []
    for child in node.children:
        while len(items) < child.place and len(items) < node.commas:
            items.append((UNDEFINED,))
        values = resolver.values(child, frame)
        resolver.budget.spend()
        if child.type == "spread_element":
            items.extend(_spread(values))
        else:
            items.append(values)
    return (Value(items=Items(items), origins=origins_of(v for item in items for v in item)),)


def _binary(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    operator = node.fields["operator"].type if "operator" in node.fields else ""
    if operator == "+":
        return _plus(resolver, node, frame)
    left, right = node.field("left"), node.field("right")
    if left is None or right is None:
        return NOTHING_KNOWN
    if operator in _LOGICAL:
        return distinct((*_logical(resolver, operator, left, frame), *resolver.values(right, frame)))
    lefts, rights = resolver.values(left, frame), resolver.values(right, frame)
    if len(lefts) == len(rights) == 1:
        found = arithmetic(operator, lefts[0], rights[0])
        return NOTHING_KNOWN if found is None else (found,)
    return NOTHING_KNOWN


def _logical(resolver: Resolver, operator: str, left: Node, frame: Frame | None) -> Iterator[Value]:
    """Return the values of the left side that can be the result."""
    for value in resolver.values(left, frame):
        known = truth(value)
        if (operator != "&&" and known is not False) or (operator == "&&" and known is not True):
            yield value


def _plus(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    """Return a sum. Its left side is followed in a loop: chains of thousands are common."""
    operands: list[Node] = []
    while node.type == "binary_expression" and node.fields["operator"].type == "+":
        operands.append(node.fields["right"])
        node = node.fields["left"]
    parts = [resolver.values(operand, frame) for operand in (node, *reversed(operands))]
    while len(parts) > 1 and (total := _total(parts[0], parts[1])) is not None:
        parts[:2] = [(total,)]
    return parts[0] if len(parts) == 1 else resolver.put_together(parts)


def _unary(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    argument = node.field("argument")
    if argument is None or "operator" not in node.fields:
        return NOTHING_KNOWN
    operator = node.fields["operator"].type
    return distinct(unary(operator, value) or UNKNOWN for value in resolver.values(argument, frame))


def _ternary(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    both = [node.fields[part] for part in ("consequence", "alternative") if part in node.fields]
    return distinct(value for branch in both for value in resolver.values(branch, frame))


def _assignment(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    right = node.field("right")
    return NOTHING_KNOWN if right is None else resolver.values(right, frame)


def _call(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    return result_values(resolver, node, frame)


def _this(_resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    owner = owner_of_this(node)
    if owner.type in CLASSES or owner.type == "object":
        return (Value(node=owner, frame=frame, is_instance=owner.type != "object"),)
    return (Value(path=GLOBAL_OBJECT),) if owner.type == "program" or _is_plain(owner) else NOTHING_KNOWN


def _meta(resolver: Resolver, node: Node, _frame: Frame | None) -> Values:
    return (Value(path=resolver.tree.text(node)),)


def _import(_resolver: Resolver, _node: Node, _frame: Frame | None) -> Values:
    return (Value(path="import"),)


def _total(left: Values, right: Values) -> Value | None:
    """Return the sum of two numbers; None where one is, or may be, a text."""
    if len(left) == len(right) == 1 and left[0].number is not None and right[0].number is not None:
        return arithmetic("+", left[0], right[0])
    return None


def _spread(values: Values) -> Iterable[Values]:
    first = values[0]
    if len(values) == 1 and first.items is not None:
        return first.items
    if len(values) == 1 and first.text is not None and HOLE not in first.text:
        return [(calculated(c, first),) for c in first.text]
    return [(Value(origins=origins_of(values)),)]


def _is_plain(function: Node) -> bool:
    """Return whether a function's `this` is the global object: it is called on the spot, or does nothing but give it back."""
    parent = function.parent
    while parent is not None and parent.type == "parenthesized_expression":
        parent = parent.parent
    body = function.field("body")
    alone = body is not None and len(body.children) == 1 and body.children[0].type == "return_statement"
    return alone or (parent is not None and parent.type == "call_expression")


_HANDLERS: Mapping[str, Callable[[Resolver, Node, Frame | None], Values]] = {
    "identifier": _name,
    "shorthand_property_identifier": _name,
    "string": _string,
    "template_string": _template,
    "number": _number,
    "array": _array,
    "member_expression": _member,
    "subscript_expression": _member,
    "call_expression": _call,
    "new_expression": _call,
    "binary_expression": _binary,
    "unary_expression": _unary,
    "ternary_expression": _ternary,
    "assignment_expression": _assignment,
    "augmented_assignment_expression": _assignment,
    "this": _this,
    "meta_property": _meta,
    "import": _import,
}

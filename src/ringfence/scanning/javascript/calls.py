"""Calls: what is called, with which arguments, seen through `call`, `apply`, `bind`, `Reflect` and their combinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.javascript.members import member_values
from ringfence.scanning.javascript.values import NOTHING_KNOWN, UNKNOWN, Value, distinct, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values

_MOST_WRAPPED = 4
_STEP = 4
_MEMBERS = frozenset({"member_expression", "subscript_expression"})
_APPLIERS = frozenset({"Reflect.apply", "Reflect.construct"})


class Call:
    """One call of one thing: a call expression may be several.

    Arguments:
        resolver: what works out values.
        node: the call expression.
        callee: what is called.
        this: what it is called on.
        arguments: expressions, or what they give where that is known already.
        frame: the call that it stands in.

    """

    __slots__ = ("_arguments", "callee", "frame", "node", "resolver", "this")

    def __init__(
        self,
        resolver: Resolver,
        node: Node,
        callee: Value,
        this: Values,
        arguments: Sequence[Node | Values],
        frame: Frame | None,
    ) -> None:
        self.resolver = resolver
        self.node = node
        self.callee = callee
        self.this = this
        self._arguments = (*callee.bound, *arguments)
        self.frame = frame

    @property
    def path(self) -> str:
        """The path of what is called."""
        return self.callee.path

    @property
    def method(self) -> str:
        """The last name of the path of what is called."""
        return self.callee.path.rpartition(".")[2]

    @property
    def is_new(self) -> bool:
        """Whether it is `new ...`."""
        return self.node.type == "new_expression"

    @property
    def count(self) -> int:
        """The number of arguments."""
        return len(self._arguments)

    def expression(self, index: int) -> Node | None:
        """Return the expression of an argument; None where there is none."""
        found = self._arguments[index] if index < len(self._arguments) else None
        return None if found is None or isinstance(found, tuple) else found

    def argument(self, index: int) -> Values:
        """Return what an argument gives; nothing at all where it is not there."""
        if not -len(self._arguments) <= index < len(self._arguments):
            return ()
        found = self._arguments[index]
        return found if isinstance(found, tuple) else self.resolver.values(found, self.frame)

    def arguments(self, start: int = 0) -> list[Values]:
        """Return what all arguments give, from one on."""
        return [self.argument(index) for index in range(start, len(self._arguments))]

    def option(self, index: int, *names: str) -> Values:
        """Return what members of an argument that is an object of options give; nothing where none of them is known."""
        found = (
            each
            for value in self.argument(index)
            if value.node is not None and value.node.type == "object" and not value.path
            for name in names
            for each in member_values(self.resolver, value, name)
            if each != UNKNOWN
        )
        values = distinct(found)
        return () if values == NOTHING_KNOWN else values


def calls_of(resolver: Resolver, node: Node, frame: Frame | None = None) -> Iterator[Call]:
    """Return the calls that a call expression can be."""
    callee = node.field("function") or node.field("constructor")
    if callee is None:
        return
    resolver.budget.spend(_STEP)
    arguments = arguments_of(resolver, node, frame)
    for this, value in _callees(resolver, callee, frame):
        yield _unwrapped(Call(resolver, node, value, this, arguments, frame))


def _callees(resolver: Resolver, callee: Node, frame: Frame | None) -> Iterator[tuple[Values, Value]]:
    """Return what can be called, each with what it is called on."""
    while callee.type == "parenthesized_expression" and callee.children:
        callee = callee.children[-1]
    owner = callee.field("object") if callee.type in _MEMBERS else None
    if owner is None:
        yield from (((), value) for value in resolver.values(callee, frame))
        return
    owners = resolver.values(owner, frame)
    names = {text_of(key) for key in resolver.keys(callee, frame)}
    for name in ("call", "apply", "bind"):
        if name in names:
            things = (each for each in owners if each.path != "Reflect")
            yield from (((each,), Value(path=f"Function.prototype.{name}")) for each in things)
    if not names <= {"call", "apply", "bind"} or any(each.path == "Reflect" for each in owners):
        yield from ((owners, value) for value in resolver.values(callee, frame))


def arguments_of(resolver: Resolver, node: Node, frame: Frame | None) -> list[Node | Values]:
    """Return the arguments of a call: expressions, and what is known of those that are spread."""
    given = node.field("arguments")
    if given is None:
        return []
    if given.type == "template_string":
        return [given]
    found: list[Node | Values] = []
    for child in given.children:
        if child.type == "spread_element":
            values = resolver.values(child, frame)
            found.extend(_items(values))
        else:
            found.append(child)
    return found


def _items(values: Values) -> Sequence[Values]:
    items = values[0].items if len(values) == 1 else None
    return [values] if items is None else items


def _unwrapped(call: Call) -> Call:
    """Return what is called in the end by `f.call(...)`, `f.apply(...)`, `Reflect.apply(f, ...)`, and these of one another."""
    for _ in range(_MOST_WRAPPED):
        path = call.path
        if path in _APPLIERS and call.count > 1:
            this, items = (
                (call.argument(1), call.argument(2)) if path == "Reflect.apply" else ((), call.argument(1))
            )
            call = _of(call, call.argument(0), this, _items(items or NOTHING_KNOWN))
        elif _is_wrapper(call, "call"):
            call = _of(call, call.this, call.argument(0), call.arguments(1))
        elif _is_wrapper(call, "apply"):
            call = _of(call, call.this, call.argument(0), _items(call.argument(1)) if call.count > 1 else ())
        else:
            break
    return call


def _is_wrapper(call: Call, name: str) -> bool:
    return (
        call.method == name
        and (call.path == f"Function.prototype.{name}" or _is_known(call.path))
        and bool(call.this)
    )


def _is_known(path: str) -> bool:
    return path.count(".") <= 2 and not path.endswith(")")  # noqa: PLR2004 - `Buffer.apply`, `Array.prototype.map.call`


def _of(call: Call, callees: Values, this: Values, arguments: Sequence[Values]) -> Call:
    """Return the call of the one among several things that says most."""
    known = [value for value in callees if value != UNKNOWN] or [UNKNOWN]
    best = next((value for value in known if value.path), known[0])
    return Call(
        call.resolver, call.node, best, this, [item or NOTHING_KNOWN for item in arguments], call.frame
    )

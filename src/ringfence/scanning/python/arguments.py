"""What the arguments of a call may stand for: by position, by name, and out of literals that are spread."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from ringfence.scanning.python.values import SOMETHING, Value, Values

if TYPE_CHECKING:
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope


class Arguments:
    """The arguments of the calls of one source.

    Arguments:
        resolver: resolves expressions.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def lazily(self, node: ast.Call, scope: Scope) -> Sequence[Values]:
        """Return what each positional argument may stand for, each worked out when it is asked for."""
        if any(argument.__class__ is ast.Starred for argument in node.args):
            return self.of(node, scope)
        return _Arguments(self._resolver, node.args, scope)

    def of(self, node: ast.Call, scope: Scope) -> list[Values]:
        """Return what each positional argument may stand for; a literal list that is spread counts as its elements."""
        return self.words(node.args, scope)

    def words(self, nodes: list[ast.expr], scope: Scope) -> list[Values]:
        """Return what each of these expressions may stand for; one that is spread counts as its elements."""
        found: list[Values] = []
        for argument in nodes:
            if argument.__class__ is ast.Starred:
                found += self._spread(self._resolver.values(argument.value, scope))
            else:
                found.append(self._resolver.values(argument, scope))
        return found

    def _spread(self, values: Values) -> list[Values]:
        one = values[0]
        if len(values) == 1 and isinstance(one.const, (list, tuple)):
            self._resolver.spend(len(one.const))
            return [(Value(part),) for part in one.const]
        if len(values) == 1 and isinstance(one.node, (ast.List, ast.Tuple)) and one.scope is not None:
            return [self._resolver.values(element, one.scope) for element in one.node.elts]
        return [self._resolver.items.elements(values)]

    def keyword(self, node: ast.Call, name: str, scope: Scope) -> Values | None:
        """Return what a keyword argument may stand for, also out of a literal `**{...}`; None where it is not given."""
        for each in node.keywords:
            if each.arg == name:
                return self._resolver.values(each.value, scope)
            if each.arg is None:
                for value in self._resolver.values(each.value, scope):
                    if isinstance(value.node, ast.Dict) and value.scope is not None:
                        return self._resolver.items.item_of_dictionary(value.node, value.scope, name)
        return None

    def first(self, node: ast.Call, name: str, scope: Scope) -> Values:
        """Return what the first argument may stand for, given by position or by its name."""
        if node.args:
            return self.lazily(node, scope)[0]
        return self.keyword(node, name, scope) or SOMETHING

    def keywords(self, node: ast.Call, scope: Scope) -> dict[str, Values]:
        """Return what the arguments that are given by name may stand for."""
        return {
            each.arg: self._resolver.values(each.value, scope)
            for each in node.keywords
            if each.arg is not None
        }


class _Arguments(Sequence[Values]):
    """The positional arguments of a call, none of them spread."""

    __slots__ = ("_nodes", "_resolver", "_scope")

    def __init__(self, resolver: Resolver, nodes: list[ast.expr], scope: Scope) -> None:
        self._resolver = resolver
        self._nodes = nodes
        self._scope = scope

    def __len__(self) -> int:
        return len(self._nodes)

    @overload
    def __getitem__(self, position: int) -> Values: ...
    @overload
    def __getitem__(self, position: slice) -> list[Values]: ...
    def __getitem__(self, position: int | slice) -> Values | list[Values]:
        if isinstance(position, slice):
            return [self._resolver.values(node, self._scope) for node in self._nodes[position]]
        return self._resolver.values(self._nodes[position], self._scope)

"""Scopes and what names in them are bound to.

The walk fills them in; nothing is resolved here. The one idea: every way of binding a name, from `=` to a parameter, is one
`Binding` with its place, so that the question which of them a use sees is asked in one way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ast


class Binding(NamedTuple):
    """One thing that a name is bound to.

    Arguments:
        how: `=` a value, `for` an element of a value, `with` what a value gives on entering, `import` a dotted name, `def` a function or
            class, `param` a parameter, `args` and `kwargs` all others that are given, `+=` the name's earlier value combined with another, `?` something that is not followed.
        node: the value's expression, the definition, or for a parameter the argument node.
        line, column: where; for the question which binding a use sees.
        certain: whether it stands directly in its scope's body, so that nothing before it is seen after it.
        path: the positions by which a value is unpacked.
        text: the dotted name of an import.

    """

    how: str
    node: ast.AST | None
    line: int
    column: int
    certain: bool = False
    path: tuple[int, ...] = ()
    text: str = ""


class Scope:
    """A module, class, function, lambda or comprehension, with the names that are bound in it.

    Attributes:
        node: its node.
        parent: where a name is looked for next; None for the module.
        names: name to bindings, in the order of the source once `sort` has run.
        loops: the line spans of loops, in which a later binding reaches an earlier use.
        returns: the values that a function returns or yields.
        generator: whether it yields.
        sorted: whether `sort` has run.

    """

    __slots__ = ("generator", "loops", "names", "node", "parent", "returns", "sorted")

    def __init__(self, node: ast.AST, parent: Scope | None) -> None:
        self.node = node
        self.parent = parent
        self.names: dict[str, list[Binding]] = {}
        self.loops: list[tuple[int, int]] = []
        self.returns: list[ast.expr] = []
        self.sorted = False
        self.generator = False

    def bind(self, name: str, binding: Binding) -> None:
        """Note one more thing that a name is bound to."""
        found = self.names.get(name)
        if found is None:
            self.names[name] = [binding]
        else:
            found.append(binding)

    def find(self, name: str) -> list[Binding] | None:
        """Return what a name is bound to in the nearest scope that binds it; None where none does."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def sort(self) -> None:
        """Bring the bindings of each name into the order of the source, once."""
        if not self.sorted:
            for bindings in self.names.values():
                bindings.sort(key=_place)
            self.sorted = True


def _place(binding: Binding) -> tuple[int, int]:
    return binding.line, binding.column

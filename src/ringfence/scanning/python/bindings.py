"""What a name may stand for: the bindings that a use of it can see, and Python's own names."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python.growth import Growth
from ringfence.scanning.python.names import BUILT_IN_NAMES, KNOWN_MODULES, canonical
from ringfence.scanning.python.parameters import Parameters
from ringfence.scanning.python.values import (
    MOST_CANDIDATES,
    MOST_ELEMENTS,
    NOWHERE,
    SOMETHING,
    UNKNOWN,
    Value,
    cut,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Binding, Scope
    from ringfence.scanning.python.values import Values

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)
_SHADOWED = frozenset({"exec", "eval", "open", "compile", "__import__", "getattr"})
_SHADOWING = ("os", "io", "codecs")  # a star import of these replaces built-in functions
_OF_MODULE: Mapping[str, Values] = {
    "__name__": (Value("__main__"),),
    "__file__": (Value(HOLE),),
    "__builtins__": (Value(UNKNOWN, "builtins"),),
}


class Bindings:
    """The names of one source.

    Arguments:
        resolver: resolves what names are bound to.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._index = resolver.index
        self._growth = Growth(resolver)
        self._parameters = Parameters(resolver)

    def named(self, name: str, scope: Scope, at: tuple[int, int] | None = None) -> Values:
        """Return what a name may stand for.

        Arguments:
            name: the name.
            scope: the scope that it is used in.
            at: line and column of the use; None where any binding may be seen.

        """
        inner: Scope | None = scope
        while inner is not None:
            bindings = inner.names.get(name)
            if bindings is not None and (inner is scope or inner.node.__class__ is not ast.ClassDef):
                if len(bindings) == 1:
                    found = self.of_binding(name, bindings[0], inner)
                else:
                    found = self._bound(name, inner, at if inner is scope else None)
                if name in _SHADOWED and not any(binding.certain for binding in bindings):
                    found += (Value(UNKNOWN, f"builtins.{name}"),)  # bound where it may never be reached
                return self._growth.grown(name, found)
            inner = inner.parent
        return self._unbound(name)

    def _unbound(self, name: str) -> Values:
        for module in self._index.stars:
            if name not in BUILT_IN_NAMES or module in _SHADOWING:
                return (Value(UNKNOWN, canonical(f"{module}.{name}")),)
        if name in BUILT_IN_NAMES:
            return (Value(UNKNOWN, f"builtins.{name}"),)
        if name in _OF_MODULE:
            return _OF_MODULE[name]
        # A module that nobody imported here: an earlier snippet of the same session may have.
        return (Value(UNKNOWN, canonical(name)),) if name in KNOWN_MODULES else SOMETHING

    def _bound(self, name: str, scope: Scope, at: tuple[int, int] | None) -> Values:
        found: dict[object, Value] = {}
        limit = MOST_CANDIDATES
        for number, binding in enumerate(self._reaching(name, scope, at), 1):
            for value in self.of_binding(name, binding, scope):
                found[_key(value)] = value
            limit = MOST_ELEMENTS if binding.how == "for" else limit
            if len(found) > limit or number > MOST_ELEMENTS:
                return cut((*found.values(), *SOMETHING), limit)
        return tuple(found.values())

    def _reaching(self, name: str, scope: Scope, at: tuple[int, int] | None) -> Iterator[Binding]:
        """Return the bindings that a use may see, nearest first: back to the last certain one, and those of a loop around the use."""
        bindings = scope.names[name]
        scope.sort()
        self._resolver.spend(len(scope.loops) // 4 + 1)
        if at is None:
            yield from reversed(bindings)
            return
        loops = [(start, end) for start, end in scope.loops if start <= at[0] <= end]
        for binding in reversed(bindings):
            self._resolver.spend(1)
            if (binding.line, binding.column) > at:
                if any(start <= binding.line <= end for start, end in loops):
                    yield binding
            elif not _holds(binding.node, at):
                yield binding
                if binding.certain:  # and those of functions that may run at any time
                    yield from (moved for moved in bindings if not moved.line)
                    return

    def of_binding(self, name: str, binding: Binding, scope: Scope) -> Values:  # noqa: PLR0911 - one line for each way to bind
        """Return what one binding gives a name."""
        how, node = binding.how, binding.node
        if how == "import":
            return (Value(UNKNOWN, canonical(binding.text)),)
        if how == "def":
            return (Value(UNKNOWN, "", NOWHERE, node, scope),)
        if how == "param":
            return self._parameters.named(name, scope)
        if how == "+=":
            return self._growth.augmented(name, binding, scope)
        if how in ("args", "kwargs"):
            return self._parameters.rest(how, scope)
        if node is None:
            return SOMETHING
        if how == "=" and not binding.path:
            return self._resolver.values(node, scope)
        return self._part(binding, node, scope)

    def _part(self, binding: Binding, node: ast.AST, scope: Scope) -> Values:
        """Return what a loop, a `with` or an unpacking binds to a name."""
        around = scope.parent if _is_first_of_comprehension(scope, node) else None
        values = self._resolver.values(node, around or scope)
        if binding.how == "for":
            values = self._resolver.items.elements(values)
        elif binding.how == "with":
            managed = self._is_managed(node, around or scope)
            values = self._resolver.items.elements(values) if managed else tuple(map(_entered, values))
        for step in binding.path:
            values = tuple(part for value in values for part in self._resolver.items.item(value, step))
        return values

    def _is_managed(self, node: ast.AST, scope: Scope) -> bool:
        """Return whether a `with` enters a generator of the source, which gives what it yields."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        inner = (self._index.scopes.get(v.node) for v in self._resolver.values(node.func, scope) if v.node)
        return any(scope.generator for scope in inner if scope is not None)


def _entered(value: Value) -> Value:
    """Return what a `with` gives of a value: itself, where nothing else is known."""
    if not value.ref.startswith("socket."):
        return value
    return value._replace(ref=canonical(f"{value.ref}.__enter__()"))


def _holds(node: ast.AST | None, at: tuple[int, int]) -> bool:
    """Return whether a place is within a node: the value of a binding does not see the binding itself."""
    if not isinstance(node, (ast.expr, ast.AugAssign)) or isinstance(node, ast.Lambda):
        return False
    return (node.lineno, node.col_offset) <= at <= (node.end_lineno or 0, node.end_col_offset or 0)


def _key(value: Value) -> object:
    """Return what tells two values apart; sequences by what they are and not by what they hold, which may be much."""
    const = value.const
    known = id(const) if isinstance(const, (list, tuple, dict)) else (type(const), const)
    return known, value.ref, value.origins, id(value.node)


def _is_first_of_comprehension(scope: Scope, node: ast.AST) -> bool:
    return isinstance(scope.node, _COMPREHENSIONS) and scope.node.generators[0].iter is node

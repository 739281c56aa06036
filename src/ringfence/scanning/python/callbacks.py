"""Functions that are handed to something which calls them: threads, pools, timers, `map`, decorators, operators of a class.

The one idea: `Thread(target=shutil.rmtree, args=("/",))` is the call `shutil.rmtree("/")` at another time, so it is made into that call and
judged as one. Where nothing tells what the function will be given, handing on is all that is said.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.python.catalogue import SINKS
from ringfence.scanning.python.effect import place
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.sinks import effects_of_call
from ringfence.scanning.python.values import MOST_CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Value

_HANDED_ON = frozenset({Trait.CALCULATED, Trait.UNRESOLVED})
_BY_OPERATOR = frozenset({Trait.CALCULATED, Trait.HIDDEN})
_ACTING = frozenset({Kind.RUN, Kind.EVALUATE, Kind.DELETE, Kind.LOAD, Kind.KILL})
_LAST_NAMES = frozenset(
    name.rpartition(".")[2] for name, sinks in SINKS.items() if any(sink.kind in _ACTING for sink in sinks)
)
_BUILT_IN = frozenset({"eval", "exec"})
_TARGETS = ("target", "function", "func", "callback", "fn", "callable")
_HOLDERS = frozenset({"partial", "partialmethod", "staticmethod", "classmethod"})
"""Calls whose result is called in its turn, which is where they are judged."""


class Callbacks:
    """Finds functions that are handed on in one source.

    Arguments:
        index: what the walk found.
        resolver: tells what expressions may stand for.

    """

    def __init__(self, index: Index, resolver: Resolver) -> None:
        self._index = index
        self._resolver = resolver
        self._names = _imported(index)

    def effects(self) -> Iterator[Effect]:
        """Return the effects of functions that calls, decorators and classes are given."""
        if self._index.read.isdisjoint(_LAST_NAMES) and self._index.read.isdisjoint(self._names):
            return  # nothing that acts is used as a value
        for call, scope in self._index.calls:
            if call.args or call.keywords:
                yield from self._of_call(call, scope)
        for decorator, scope in self._index.decorators:
            for value in self._acting(decorator, scope):
                yield Effect(_kind(value), value.ref, "", *place(decorator), traits=_HANDED_ON)
        for node, scope in self._index.operators:
            for value in self._acting(node, scope, built_in=True):
                yield Effect(Kind.INTROSPECT, "operator", value.ref, *place(node), traits=_BY_OPERATOR)

    def _of_call(self, call: ast.Call, scope: Scope) -> Iterator[Effect]:
        last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if last in _HOLDERS:
            return
        for position, argument in enumerate(call.args, 1):
            for value in self._acting(argument, scope):
                yield from self._later(value, call, call.args[position : position + MOST_CANDIDATES], scope)
        for keyword in call.keywords:
            if keyword.arg in _TARGETS:
                for value in self._acting(keyword.value, scope):
                    yield from self._later(value, call, [], scope)

    def _acting(self, node: ast.expr, scope: Scope, *, built_in: bool = False) -> list[Value]:
        """Return what an expression stands for that would act if it were called."""
        if isinstance(node, ast.Attribute):
            if node.attr not in _LAST_NAMES:
                return []
        elif not isinstance(node, ast.Name) or not (
            node.id in self._names or (built_in and node.id in _BUILT_IN)
        ):
            return []
        return [
            v
            for v in self._resolver.values(node, scope)
            if any(s.kind in _ACTING for s in SINKS.get(v.ref, ()))
        ]

    def _later(
        self, value: Value, call: ast.Call, arguments: list[ast.expr], scope: Scope
    ) -> Iterator[Effect]:
        """Return the effects of calling a function with what it is handed on with, one by one where that is a list."""
        given = next((k.value for k in call.keywords if k.arg == "args"), None)
        named = next((k.value for k in call.keywords if k.arg == "kwargs"), None)
        rows: list[list[ast.expr]] = []
        if isinstance(given, (ast.Tuple, ast.List)):
            rows.append(list(given.elts))
        elif arguments:
            rows.append(arguments)
            if isinstance(arguments[0], (ast.List, ast.Tuple)):
                rows += [list(arguments[0].elts), *([element] for element in arguments[0].elts)]
        keywords = [k for k in call.keywords if k.arg not in (*_TARGETS, "args", "kwargs")]
        if isinstance(named, ast.Dict):
            keywords = [
                ast.keyword(str(key.value), part)
                for key, part in zip(named.keys, named.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        for row in rows:
            later = ast.copy_location(ast.Call(call.func, row, keywords), call)
            yield from effects_of_call(value.ref, value, SINKS[value.ref], later, scope, self._resolver)


def _imported(index: Index) -> frozenset[str]:
    """Return the names that a source imports listed functions under."""
    return frozenset(
        alias.asname or alias.name
        for _, node in index.imports
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if canonical(f"{node.module}.{alias.name}") in SINKS
    )


def _kind(value: Value) -> Kind:
    return next(sink.kind for sink in SINKS[value.ref] if sink.kind in _ACTING)

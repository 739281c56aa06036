"""Where the functions of a source are called: by their names, as methods, and through what they are handed to."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from ringfence.scanning.python.literals import Element
from ringfence.scanning.python.scopes import Scope
from ringfence.scanning.python.values import MOST_CANDIDATES, MOST_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.python.index import Index

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MOST_HANDED = 16
"""How many arguments after a function that is handed on count as its own."""
_MOST_PARTS = 4
"""How many parameters of a function are looked at that `starmap` calls."""
_ONE_BY_ONE = frozenset(
    {"map", "map_async", "imap", "imap_unordered", "filter", "starmap", "starmap_async", "reduce"}
)
"""Functions that call another with each element of what they are given."""
_Site = tuple[ast.Call, Scope]


class CallSites:
    """The calls that reach each function of one source.

    Arguments:
        index: what the walk found.

    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def of(self, function: _Function) -> list[_Site]:
        """Return the calls that reach a function of the source, by its name: plain, as a method, or as its class's constructor."""
        if isinstance(function, ast.Lambda):
            return self._lambda_sites(function)
        owner = self.owners.get(function)
        if owner is None:
            names = [function.name, *self._other_names.get(function.name, ())[:MOST_CANDIDATES]]
            return [site for name in names for site in self._named(name) if _is_plain(site[0])][
                :MOST_ELEMENTS
            ]
        name = owner if function.name in ("__init__", "__new__") else function.name
        sites = self._named(name)
        if self._defined[function.name] > 1 and name != owner:
            sites = [site for site in sites if _is_of(site[0], owner)]
        return sites[:MOST_ELEMENTS]

    @cached_property
    def owners(self) -> dict[ast.AST, str]:
        """The methods of the source's classes, each with the name of its class."""
        classes = [node for node in self._index.scopes if isinstance(node, ast.ClassDef)]
        return {part: node.name for node in classes for part in node.body}

    @cached_property
    def _defined(self) -> Counter[str]:
        """How often each name of a function is defined in the source."""
        return Counter(node.name for node in self._index.scopes if isinstance(node, _DEFINITIONS))

    def _lambda_sites(self, function: ast.Lambda) -> list[_Site]:
        """Return the calls of a lambda: at once, or through the names that it is bound to."""
        found = list(self._called_at_once.get(function, ()))
        for name in self._lambda_names.get(function, ()):
            found += self._named(name)[:MOST_ELEMENTS]
        return found[:MOST_ELEMENTS]

    @cached_property
    def _called_at_once(self) -> dict[ast.AST, list[_Site]]:
        """The calls of functions that are written where they are called."""
        found: dict[ast.AST, list[_Site]] = {}
        for call, scope in self._index.calls:
            if isinstance(call.func, ast.Lambda):
                found.setdefault(call.func, []).append((call, scope))
        return found

    @cached_property
    def _lambda_names(self) -> dict[ast.AST, list[str]]:
        """The names that lambdas are bound to."""
        found: dict[ast.AST, list[str]] = {}
        for name, node in self._assigned:
            if isinstance(node, ast.Lambda):
                found.setdefault(node, []).append(name)
        return found

    @cached_property
    def _other_names(self) -> dict[str, list[str]]:
        """The names that functions are given besides their own: `run = start`."""
        found: dict[str, list[str]] = {}
        for name, node in self._assigned:
            if isinstance(node, ast.Name):
                found.setdefault(node.id, []).append(name)
        return found

    @cached_property
    def _assigned(self) -> list[tuple[str, ast.AST]]:
        """The names of all scopes with the names and lambdas that are assigned to them."""
        return [
            (name, binding.node)
            for scope in self._index.scopes.values()
            for name, bindings in scope.names.items()
            for binding in bindings
            if binding.how == "=" and isinstance(binding.node, (ast.Name, ast.Lambda))
        ]

    def _named(self, name: str) -> list[_Site]:
        """Return the calls by a name, those included that a thread, pool or timer makes of a function it is handed."""
        return [*self._index.sites.get(name, ()), *self._handed.get(name, ())]

    @cached_property
    def _handed(self) -> dict[str, list[_Site]]:
        """The calls that others make of functions which they are handed."""
        index = self._index
        functions = {node.name for node in index.scopes if isinstance(node, _DEFINITIONS)} & index.read
        found: dict[str, list[_Site]] = {}
        for call, scope in index.calls:
            if call.keywords or (functions and call.args):
                for name, arguments in _later(call, functions):
                    function = ast.copy_location(ast.Name(name, ast.Load()), call)
                    later = ast.copy_location(ast.Call(function, arguments, []), call)
                    found.setdefault(name, []).append((later, scope))
        return found


def _later(call: ast.Call, functions: set[str]) -> Iterator[tuple[str, list[ast.expr]]]:
    """Return the functions that a call is handed, with what they will be called with."""
    last = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    for position, argument in enumerate(call.args, 1):
        if isinstance(argument, ast.Name) and argument.id in functions:
            others = call.args[position : position + _MOST_HANDED]
            yield argument.id, _one_by_one(last, others) if last in _ONE_BY_ONE else others
    for keyword in call.keywords:
        if keyword.arg in ("target", "function", "func") and isinstance(keyword.value, ast.Name):
            given = next((k.value for k in call.keywords if k.arg == "args"), None)
            yield keyword.value.id, list(given.elts) if isinstance(given, (ast.Tuple, ast.List)) else []
        elif keyword.arg == "key" and isinstance(keyword.value, ast.Name) and call.args:
            yield keyword.value.id, [Element(call.args[0])]


def _one_by_one(name: str, given: list[ast.expr]) -> list[ast.expr]:
    """Return what `map` calls its function with: an element of each of its other arguments, `starmap` with the parts of one."""
    elements: list[ast.expr] = [Element(argument) for argument in given]
    if not name.startswith("starmap") or not elements:
        return elements
    parts = range(_MOST_PARTS)
    return [ast.Subscript(elements[0], ast.Constant(part), ast.Load()) for part in parts]


def _is_plain(call: ast.Call) -> bool:
    """Return whether a call names a function by itself or as that of a module, and not as a method of what something gives."""
    return not isinstance(call.func, ast.Attribute) or isinstance(call.func.value, ast.Name)


def _is_of(call: ast.Call, owner: str) -> bool:
    """Return whether a call is one of a class's own methods, where several classes have one of this name."""
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    receiver = receiver.func if isinstance(receiver, ast.Call) else receiver
    return isinstance(receiver, ast.Name) and receiver.id in ("self", "cls", "super", owner)

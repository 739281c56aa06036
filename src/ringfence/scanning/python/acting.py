"""What one call does, told by what it may stand for.

The one idea: `os.system`, `getattr(os, "sys" + "tem")`, an alias and a list of functions are the same call, and a call that can stand for
nothing in the catalogue costs one look-up.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.python.catalogue import HANDED, HARD_MODULES, METHODS, MODULES, QUIET, SINKS, Sink
from ringfence.scanning.python.effect import place
from ringfence.scanning.python.names import BUILT_IN_NAMES, canonical
from ringfence.scanning.python.patterns import bridges, packed
from ringfence.scanning.python.relevance import BY_NAME, PATTERNS
from ringfence.scanning.python.sinks import effects_of_call
from ringfence.scanning.python.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.python.gadgets import Gadgets
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Binding, Scope
    from ringfence.scanning.python.values import Values

_MAY_ACT = BY_NAME | PATTERNS
_MOST_VALUES = 64
_CALCULATED = frozenset({Trait.CALCULATED})
_ITS_NAMES = ".__dict__"
_ALL_MODULES = ("sys.modules.values()*.", "sys.modules.items()*[1].")
_OF_HARD_MODULES = frozenset(
    name.rpartition(".")[2] for name in SINKS if name.partition(".")[0] in HARD_MODULES and "(" not in name
)
_WORDS = (Sink(Kind.RUN, form="words"),)
_OBJECTS_TOO = (Kind.CAPTURE, Kind.NATIVE)
"""What the objects of a package do as its functions do: a library is an object, and its functions are methods."""
_KNOWN_OBJECTS = ("builtins.open().", "pathlib.")
"""Objects whose methods are all listed."""
_UNBOUND = {
    name.replace("().", ".", 1): name
    for name in SINKS
    if name.count("(") == 1 and "()." in name and name.replace("().", ".", 1) not in SINKS
}
"""Methods that are called as functions of their class, with the object first: `Path.unlink(path)`."""


class Acting:
    """What the calls of one source do.

    Arguments:
        resolver: tells what functions and arguments may stand for.
        gadgets: knows the calls that reach things by their names.

    """

    def __init__(self, resolver: Resolver, gadgets: Gadgets) -> None:
        self._resolver = resolver
        self._gadgets = gadgets

    def effects(self, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effects of one call."""
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in ("format", "format_map"):
            yield from self._gadgets.of_format(node, function, scope)
        values = self._callee(function, scope)
        if isinstance(function, ast.Subscript) and not isinstance(function.slice, ast.Constant):
            yield from _of_entries(values, function)
        if len(values) == 1:
            if not _is_of_no_interest(values[0].ref):
                yield from self._of_function(values[0], node, scope)
            return
        different = {(value.ref, value.text): value for value in reversed(values[:_MOST_VALUES])}
        for value in different.values():
            yield from self._of_function(value, node, scope)

    def when_unpickled(self, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effects of a call that a pickle of the source's own objects makes when it is loaded."""
        for name in dict.fromkeys(value.ref for value in self._callee(node.func, scope)[:_MOST_VALUES]):
            if name in SINKS:
                yield Effect(Kind.LOAD, "__reduce__", name, *place(node), traits=frozenset({Trait.HIDDEN}))
        yield from self.effects(node, scope)

    def _callee(self, function: ast.expr, scope: Scope) -> Values:
        """Return what is called; a plain chain of names that starts at an import is looked up without resolving."""
        names: list[str] = []
        inner = function
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            bindings = scope.find(inner.id)
            if bindings is not None and len(bindings) == 1 and _is_import(bindings[0], inner.id):
                names.append(bindings[0].text)
                return (Value(ref=canonical(".".join(reversed(names)))),)
        return self._resolver.values(function, scope)

    def _of_function(self, value: Value, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        if isinstance(value.node, ast.ClassDef) and value.scope is not None:
            yield from self._of_class(value.node, value.scope, node, scope)
            return
        name = value.ref
        last = name.rpartition(".")[2] or (node.func.attr if isinstance(node.func, ast.Attribute) else "")
        if last in BY_NAME:
            yield from self._gadgets.of_call(name or f"object.{last}", node, scope)
        elif last in PATTERNS:
            yield from packed(name, node, scope, self._resolver)
            yield from bridges(name, node, scope, self._resolver)
        table = _table_of(name, last)
        if table:
            yield Effect(Kind.INTROSPECT, table, "", *place(node), traits=_CALCULATED)
        sinks = SINKS.get(name) or _of_method(name, last)
        if sinks:
            yield from effects_of_call(name or last, value, sinks, node, scope, self._resolver)
        elif name in _UNBOUND:
            yield from self._of_unbound(name, node, scope)
        elif name == "operator.methodcaller()":
            yield from self._of_method_caller(value, node, scope)
        elif name.startswith("plumbum.cmd.") and isinstance(node.func, ast.Subscript):
            yield from self._of_program(name, node, node.func, scope)
        elif name and name not in QUIET:
            yield from _of_package(name, node)

    def _of_class(
        self, definition: ast.ClassDef, around: Scope, node: ast.Call, scope: Scope
    ) -> Iterator[Effect]:
        """Return the effects of making an object of a class of the source: it starts what its base starts."""
        for base in definition.bases:
            for inherited in self._resolver.values(base, around):
                if inherited.ref in SINKS:
                    yield from self._of_function(inherited, node, scope)

    def _of_method_caller(self, caller: Value, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effects of `operator.methodcaller("name", a)(thing)`, which is `thing.name(a)`."""
        made = caller.node
        if not isinstance(made, ast.Call) or caller.scope is None or not made.args or not node.args:
            return
        name = self._resolver.single(made.args[0], caller.scope)
        if isinstance(name, str):
            function = ast.copy_location(ast.Attribute(node.args[0], name, ast.Load()), node)
            call = ast.copy_location(ast.Call(function, made.args[1:], made.keywords), node)
            for owner in self._resolver.values(node.args[0], scope)[:_MOST_VALUES]:
                for value in self._resolver.attributes.named(owner, name):
                    yield from self._of_function(value, call, caller.scope)

    def _of_program(self, name: str, node: ast.Call, item: ast.Subscript, scope: Scope) -> Iterator[Effect]:
        """Return the effect of a program of plumbum that is given its arguments as items: `rm["-rf", "/"]()`."""
        given = item.slice.elts if isinstance(item.slice, ast.Tuple) else [item.slice]
        program = name.removeprefix("plumbum.cmd.").partition("[")[0]
        words = ast.copy_location(ast.Call(item, [ast.Constant(program), *given, *node.args], []), node)
        yield from effects_of_call(name, Value(), _WORDS, words, scope, self._resolver)

    def _of_unbound(self, name: str, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effects of a method of paths that is called as a function: `Path.unlink(path)`."""
        sinks = SINKS[_UNBOUND[name]]
        if node.args:
            bound = ast.copy_location(ast.Call(node.func, node.args[1:], node.keywords), node)
            for owner in self._resolver.values(node.args[0], scope):
                yield from effects_of_call(name, owner, sinks, bound, scope, self._resolver)


def _table_of(name: str, last: str) -> str:
    """Return the table of a dangerous module, or of all modules, that a function was found in by going through it; empty where it was not."""
    head, mark, rest = name.partition(_ITS_NAMES)
    if mark and head in HARD_MODULES and ("()" in rest or rest.startswith("[")):
        return f"{head}.__dict__"
    return "sys.modules" if name.startswith(_ALL_MODULES) and last in _OF_HARD_MODULES else ""


def _of_entries(values: Values, item: ast.Subscript) -> Iterator[Effect]:
    """Return the effect of calling a built-in function that is taken out of a table under a name that was put together."""
    table = item.value
    if getattr(table, "attr", getattr(table, "id", "")) in ("__dict__", "__builtins__"):
        for value in values[:_MOST_VALUES]:
            if value.ref.removeprefix("builtins.") in HANDED:
                yield Effect(
                    Kind.INTROSPECT, "builtins.__dict__", value.ref, *place(item), traits=_CALCULATED
                )


def _is_of_no_interest(name: str) -> bool:
    """Return whether a name is that of a plain function of a module, and listed nowhere."""
    plain = name and "(" not in name and name not in SINKS and name.partition(".")[0] not in MODULES
    return bool(plain) and name not in _UNBOUND and name.rpartition(".")[2] not in _MAY_ACT


def _is_import(binding: Binding, name: str) -> bool:
    """Return whether a binding is an import that surely gives the name: one in a `try` may leave a built-in function what it is."""
    return binding.how == "import" and (binding.certain or name not in BUILT_IN_NAMES)


def _of_method(name: str, last: str) -> tuple[Sink, ...]:
    """Return what a method does whose name alone is known; nothing for functions, and for methods of objects that are known."""
    if (name and "(" not in name) or name.startswith(_KNOWN_OBJECTS):
        return ()
    return METHODS.get(last, ())


def _of_package(name: str, node: ast.Call) -> Iterator[Effect]:
    """Return the effect of calling a function that is not listed, of a package whose functions all do the same."""
    kind = MODULES.get(name.partition(".")[0])
    if kind is not None and ("(" not in name or kind in _OBJECTS_TOO):
        yield Effect(kind, name, "", *place(node), traits=frozenset({Trait.UNRESOLVED}))

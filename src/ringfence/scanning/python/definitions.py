"""What definitions, imports and patterns bind, and the scopes that they open. The walk asks for each as it meets it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.python.scopes import Binding, Scope
from ringfence.scanning.python.targets import bind

if TYPE_CHECKING:
    from ringfence.scanning.python.index import Index

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def import_modules(index: Index, node: ast.Import, scope: Scope, *, certain: bool) -> None:
    """Note what `import a.b, c as d` binds."""
    for alias in node.names:
        index.imports.append((alias.name, node))
        name = alias.asname or alias.name.partition(".")[0]
        text = alias.name if alias.asname else name
        scope.bind(name, Binding("import", node, node.lineno, node.col_offset, certain, text=text))


def import_from(index: Index, node: ast.ImportFrom, scope: Scope, *, certain: bool) -> None:
    """Note what `from a import b, c as d` and `from a import *` bind."""
    module = "." * node.level + (node.module or "")
    index.imports.append((module, node))
    for alias in node.names:
        if alias.name == "*":
            index.stars.append(module)
        else:
            name = alias.asname or alias.name
            text = f"{module}.{alias.name}"
            scope.bind(name, Binding("import", node, node.lineno, node.col_offset, certain, text=text))


def open_function(index: Index, node: _Definition, scope: Scope, *, certain: bool) -> Scope:
    """Return the scope of a function, with its parameters; its name is bound around it."""
    outer = scope
    while outer.node.__class__ is ast.ClassDef and outer.parent is not None:
        outer = outer.parent
    inner = index.scopes[node] = Scope(node, outer)
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        inner.bind(argument.arg, Binding("param", argument, argument.lineno, argument.col_offset))
    for how, rest in (("args", arguments.vararg), ("kwargs", arguments.kwarg)):
        if rest is not None:
            inner.bind(rest.arg, Binding(how, rest, rest.lineno, rest.col_offset))
    if isinstance(node, ast.Lambda):
        inner.returns.append(node.body)
    else:
        scope.bind(node.name, Binding("def", node, node.lineno, node.col_offset, certain))
    return inner


def outside_of(node: _Definition) -> list[ast.expr]:
    """Return the parts of a function that are evaluated where it is defined: defaults and annotations."""
    arguments = node.args
    outside = [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]
    if not isinstance(node, ast.Lambda):
        named = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        rest = (argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None)
        outside += [argument.annotation for argument in (*named, *rest) if argument.annotation is not None]
        if node.returns is not None:
            outside.append(node.returns)
    return outside


def open_class(index: Index, node: ast.ClassDef, scope: Scope, *, certain: bool) -> Scope:
    """Return the scope of a class, whose name is bound around it."""
    scope.bind(node.name, Binding("def", node, node.lineno, node.col_offset, certain))
    inner = index.scopes[node] = Scope(node, scope)
    return inner


def open_comprehension(index: Index, node: _Comprehension, scope: Scope) -> tuple[list[ast.expr], Scope]:
    """Return the parts of a comprehension and its scope, with the names that it goes over."""
    inner = index.scopes[node] = Scope(node, scope)
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    for generator in node.generators:
        bind(index, generator.target, "for", generator.iter, inner, certain=False)
        parts += [generator.iter, *generator.ifs]
    return parts, inner


def capture(index: Index, pattern: ast.pattern, subject: ast.expr, scope: Scope) -> None:
    """Note the names that a pattern captures. What a part of the subject is, is not followed."""
    for node in ast.walk(pattern):
        if isinstance(node, ast.MatchClass):
            index.captures += [(name, node) for name in node.kwd_attrs]
        name = getattr(node, "name", None) or getattr(node, "rest", None)
        if isinstance(name, str):
            whole = node is pattern
            bound = subject if whole else None
            scope.bind(name, Binding("=" if whole else "?", bound, pattern.lineno, pattern.col_offset))


def move_out(scope: Scope, names: list[str]) -> None:
    """Give what a function binds of `global` and `nonlocal` names to the scopes around it, where it may take effect at any time."""
    for name in names:
        outer = scope.parent
        while outer is not None and outer.parent is not None and name not in outer.names:
            outer = outer.parent
        if outer is not None:
            for binding in scope.names.pop(name, []):
                outer.bind(name, binding._replace(certain=False, line=0))

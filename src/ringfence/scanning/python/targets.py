"""What an assignment, a loop or a `with` binds: names, attributes, items, and several of them unpacked."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from ringfence.scanning.python.scopes import Binding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.scopes import Scope

    _Pairs = Sequence[tuple[ast.expr | None, ast.expr]]

_THE_REST = -1
"""The position of what a starred name takes."""

_KEY_AND_VALUE = 2
_Path = tuple[int, ...]


def bind(index: Index, target: ast.AST, how: str, value: ast.AST, scope: Scope, *, certain: bool) -> None:
    """Note what a target is bound to.

    Arguments:
        index: takes the notes.
        target: a name, an attribute, an item, or several of them.
        how: as in `Binding`.
        value: the expression.
        scope: where it stands.
        certain: as in `Binding`.

    """
    if isinstance(target, ast.Name):
        scope.bind(target.id, Binding(how, value, target.lineno, target.col_offset, certain))
        if how == "=" and scope.node.__class__ is ast.ClassDef:
            _field(index, target.id, value, scope)
    elif isinstance(target, (ast.Tuple, ast.List)):
        literal = value.elts if how == "=" and isinstance(value, (ast.Tuple, ast.List)) else None
        if literal is not None and _match(target.elts, literal):
            for element, part in zip(target.elts, literal, strict=True):
                bind(index, element, how, part, scope, certain=certain)
        else:
            _unpack(index, target.elts, how, value, scope, certain=certain)
    elif how == "=" and isinstance(target, ast.Attribute):
        _field(index, target.attr, value, scope)
    elif how == "=" and isinstance(target, ast.Subscript):
        _item(index, target, value, scope)


def _match(targets: list[ast.expr], values: list[ast.expr]) -> bool:
    """Return whether each of several targets gets one value of a literal."""
    starred = any(part.__class__ is ast.Starred for part in (*targets, *values))
    return len(targets) == len(values) and not starred


def _unpack(
    index: Index, targets: list[ast.expr], how: str, value: ast.AST, scope: Scope, *, certain: bool
) -> None:
    """Note what several targets get of one value: names by their position, a starred one of a literal as a list of what is left."""
    waiting: list[tuple[ast.AST, _Path]] = []
    for number, element in enumerate(targets):
        if how == "=" and isinstance(element, ast.Starred) and isinstance(value, (ast.List, ast.Tuple)):
            rest = value.elts[number : len(value.elts) - (len(targets) - number - 1)]
            literal = ast.copy_location(ast.List(rest, ast.Load()), value)
            bind(index, element.value, how, literal, scope, certain=False)
        else:
            waiting.append((element, (number,)))
    while waiting:
        node, path = waiting.pop()
        if isinstance(node, ast.Name):
            scope.bind(node.id, Binding(how, value, node.lineno, node.col_offset, certain, path))
        elif isinstance(node, ast.Starred):
            waiting.append((node.value, (*path, _THE_REST)))
        elif isinstance(node, (ast.Tuple, ast.List)):
            waiting += [(part, (*path, number)) for number, part in enumerate(node.elts)]


def _field(index: Index, name: str, value: ast.AST, scope: Scope) -> None:
    """Note what an attribute is set to, in a class body or from outside."""
    expression = cast("ast.expr", value)
    index.fields.setdefault(name, []).append((expression, scope))
    if name.startswith("__") and name.endswith("__"):
        index.operators.append((expression, scope))


def _item(index: Index, target: ast.Subscript, value: ast.AST, scope: Scope) -> None:
    """Note what an item of a variable is set to; an item of `globals()` is a name of the module."""
    table, key = target.value, target.slice
    if isinstance(table, ast.Name):
        index.items.setdefault(table.id, []).append((key, cast("ast.expr", value), scope))
    elif isinstance(table, ast.Attribute) and table.attr == "environ":
        index.items.setdefault("os.environ", []).append((key, cast("ast.expr", value), scope))
    elif isinstance(key, ast.Constant) and _is_names(table):
        index.module.bind(str(key.value), Binding("=", value, target.lineno, target.col_offset))


def bind_tables(index: Index) -> None:
    """Note the names of the module that `globals().update(a=b)` and the like bind, and the variables of `os.environ.update(a=b)`."""
    for call, scope in index.sites.get("update", ()):
        table = call.func.value if isinstance(call.func, ast.Attribute) else None
        if table is not None:
            literals = (part for part in call.args if isinstance(part, ast.Dict))
            pairs = [pair for literal in literals for pair in zip(literal.keys, literal.values, strict=True)]
            _set(
                index, table, [*pairs, *((ast.Constant(k.arg), k.value) for k in call.keywords)], call, scope
            )
    for name in ("setdefault", "__setitem__"):
        for call, scope in index.sites.get(name, ()):
            if isinstance(call.func, ast.Attribute) and len(call.args) == _KEY_AND_VALUE:
                _set(index, call.func.value, [(call.args[0], call.args[1])], call, scope)
    for call, _ in index.sites.get("setattr", ()):
        if len(call.args) > _KEY_AND_VALUE and _is_loaded_module(call.args[0]):
            _bind_pairs(index, [(call.args[1], call.args[2])], call)


def _set(index: Index, table: ast.expr, pairs: _Pairs, call: ast.Call, scope: Scope) -> None:
    """Note what items of a table are set to by a method of it."""
    if isinstance(table, ast.Attribute) and table.attr == "environ":
        found = index.items.setdefault("os.environ", [])
        found += [(key, value, scope) for key, value in pairs if key is not None]
    elif _is_names(table) or (isinstance(table, ast.Name) and _holds_names(table.id, scope)):
        _bind_pairs(index, pairs, call)


def _holds_names(name: str, scope: Scope) -> bool:
    """Return whether a variable holds the names of the module: `g = globals()`."""
    bindings = scope.find(name) or ()
    return any(isinstance(binding.node, ast.Call) and _is_names(binding.node) for binding in bindings[:4])


def _is_loaded_module(node: ast.expr) -> bool:
    """Return whether an expression is an item of the table of all modules, most often the module itself."""
    table = node.value if isinstance(node, ast.Subscript) else None
    return isinstance(table, ast.Attribute) and table.attr == "modules"


def _bind_pairs(index: Index, pairs: Sequence[tuple[ast.expr | None, ast.expr]], call: ast.Call) -> None:
    for key, value in pairs:
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            index.module.bind(key.value, Binding("=", value, 0, call.col_offset))


def _is_names(table: ast.expr) -> bool:
    function = table.func if isinstance(table, ast.Call) else None
    return isinstance(function, ast.Name) and function.id in ("globals", "vars", "locals")

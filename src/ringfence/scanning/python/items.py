"""What items and elements may stand for: `a[b]` and what a loop goes over, of literals and of the tables that Python itself keeps."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Origin
from ringfence.scanning.python.environment import variable
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.pathlike import PATH
from ringfence.scanning.python.values import MOST_CANDIDATES, MOST_ELEMENTS, SOMETHING, UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_FROM_ARGUMENTS = frozenset({Origin.ARGUMENT})
_LISTED: Mapping[str, str] = {
    "os.scandir()": "os.scandir()*", "os.walk()": "os.walk()*", "os.fwalk()": "os.walk()*", "os.listdir()": "", "glob.glob()": "",
    "glob.iglob()": "",
}  # fmt: skip
"""Listings that hold the path of what they list as their constant, with the name of their elements."""
_NAMES = ("builtins.globals()", "builtins.locals()", "builtins.vars()")


class Items:
    """The items of one source.

    Arguments:
        resolver: resolves what they belong to.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._index = resolver.index

    def of_subscript(self, node: ast.Subscript, scope: Scope) -> Values:
        """Return what an item expression may stand for."""
        owners = self._resolver.values(node.value, scope)
        if isinstance(node.slice, ast.Slice):
            return tuple(self._sliced(owner, node.slice, scope) for owner in owners)
        keys = self._resolver.values(node.slice, scope)
        found = [
            value
            for owner in owners[:MOST_CANDIDATES]
            for key in keys
            for value in self.item(owner, key.const)
        ]
        if isinstance(node.value, ast.Name):
            found += self._stored(node.value.id, keys)
        return tuple(found[:MOST_ELEMENTS])

    def _stored(self, name: str, keys: Values) -> Values:
        """Return what items of a variable were set to, under one of these keys as far as they are known."""
        consts = [key.const for key in keys]
        found: list[Value] = []
        for key, value, scope in self._index.items.get(name, ())[: MOST_ELEMENTS * 4]:
            known = self._resolver.single(key, scope)
            if known is UNKNOWN or UNKNOWN in consts or known in consts:
                found += self._resolver.values(value, scope)
        return tuple(found)

    def _sliced(self, owner: Value, part: ast.Slice, scope: Scope) -> Value:
        bounds = [
            self._resolver.single(bound, scope) if bound is not None else None
            for bound in (part.lower, part.upper, part.step)
        ]
        numbers = [bound for bound in bounds if bound is None or isinstance(bound, int)]
        known = len(numbers) == len(bounds) and numbers[2] != 0
        if known and isinstance(owner.const, (str, bytes, list, tuple)):
            return Value(owner.const[slice(*numbers)], "", owner.origins)
        return Value(UNKNOWN, owner.ref, owner.origins)

    def item(self, owner: Value, key: object) -> Values:
        """Return what an item of a value may stand for; an unknown key of a literal gives all its items."""
        const, node, scope = owner.const, owner.node, owner.scope
        if owner.ref:
            return self._item_of_table(owner, key)
        if isinstance(const, (list, tuple, str, bytes)) and isinstance(key, int):
            return (Value(const[key], "", owner.origins),) if _has(const, key) else SOMETHING
        if isinstance(const, dict):
            return (Value(const[key]),) if isinstance(key, str) and key in const else SOMETHING
        if scope is not None and isinstance(node, ast.Dict):
            return self.item_of_dictionary(node, scope, key)
        if scope is not None and isinstance(node, (ast.List, ast.Tuple)):
            parts = _at(node.elts, key) or node.elts[:MOST_ELEMENTS]
            return tuple(value for part in parts for value in self._resolver.values(part, scope))
        return (Value(UNKNOWN, "", owner.origins),)

    def _item_of_table(self, owner: Value, key: object) -> Values:
        """Return an item of something that Python itself fills: modules, names, variables, or a part of a known result."""
        ref = owner.ref
        if ref == "os.walk()*" and isinstance(owner.const, str):
            return _of_walk(owner, key)
        if isinstance(key, str):
            if ref in _NAMES:
                return self._resolver.bindings.named(key, self._index.module)
            name = _name_in(ref, key)
            if name:
                return (Value(UNKNOWN, name),)
        if ref == "os.environ":
            return (variable(key),)
        if ref == "sys.argv":
            return (Value(UNKNOWN, "", _FROM_ARGUMENTS),)
        text = canonical(f"{ref}[{key}]") if isinstance(key, int) else f"{ref}[]"
        return (Value(UNKNOWN, text, owner.origins),)

    def item_of_dictionary(self, node: ast.Dict, scope: Scope, key: object) -> Values:
        """Return what an item of a dictionary literal may stand for."""
        found: list[Value] = []
        for name, value in zip(node.keys[: MOST_ELEMENTS * 4], node.values, strict=False):
            known = self._resolver.single(name, scope) if name is not None else UNKNOWN
            if key is UNKNOWN or known is UNKNOWN or (type(known) is type(key) and known == key):
                found += self._resolver.values(value, scope)
        return tuple(found[:MOST_ELEMENTS]) or SOMETHING

    def elements(self, values: Values) -> Values:
        """Return what an element of any of these values may stand for."""
        return tuple(element for value in values for element in self._elements_of(value))[:MOST_ELEMENTS]

    def _elements_of(self, value: Value) -> Values:
        if value.ref:
            return (_element(value),)
        if isinstance(value.const, (list, tuple, str)):
            return tuple(Value(part, "", value.origins) for part in value.const[:MOST_ELEMENTS])
        scope = value.scope
        if scope is None or not isinstance(value.node, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
            return (Value(UNKNOWN, "", value.origins),)
        parts = value.node.keys if isinstance(value.node, ast.Dict) else value.node.elts
        nodes = [node for node in parts if node is not None][:MOST_ELEMENTS]
        return tuple(found for node in nodes for found in self._resolver.values(node, scope)) or SOMETHING


def _has(elements: Sequence[object], position: int) -> bool:
    return -len(elements) <= position < len(elements)


def _at(elements: list[ast.expr], position: object) -> list[ast.expr]:
    """Return the element at a position, nothing where there is none or the position is not known."""
    if isinstance(position, int) and _has(elements, position):
        return [elements[position]]
    return []


def _of_walk(owner: Value, position: object) -> Values:
    """Return a part of what `os.walk` gives in each round: the folder or one below it, else names."""
    if position != 0 or not isinstance(owner.const, str):
        return (Value(HOLE, "", owner.origins),)
    below = f"{owner.const.rstrip('/')}/**"
    return (Value(owner.const, "", owner.origins), Value(below, "", owner.origins))


def _name_in(table: str, key: str) -> str:
    """Return the dotted name of an entry of a module's or of the interpreter's table; empty where it is none of them."""
    if table == "sys.modules":
        return canonical(key)
    if table == "builtins" or table.endswith(".__builtins__"):
        return f"builtins.{key}"
    if table.endswith(".__dict__"):
        return canonical(f"{table.removesuffix('.__dict__')}.{key}")
    return ""


def _element(value: Value) -> Value:
    """Return what iterating something with a dotted name gives: of listed folders their files, of all variables every secret."""
    ref = value.ref
    if ref == PATH:
        return Value(value.const, PATH, value.origins)
    if ref in _LISTED:
        return Value(value.const, _LISTED[ref], value.origins)
    if ref == "os.environ":
        return Value(UNKNOWN, "os.environ*", value.origins | {Origin.CREDENTIALS})
    return Value(UNKNOWN, canonical(f"{ref}*"), value.origins)

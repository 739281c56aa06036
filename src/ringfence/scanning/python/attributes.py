"""What attributes may stand for: of modules and objects with a dotted name, of classes of the source, of anything else."""

from __future__ import annotations

import ast
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.python import fold
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.pathlike import PATH, path_attribute
from ringfence.scanning.python.values import MOST_CANDIDATES, MOST_ELEMENTS, SOMETHING, UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_CONSTANTS: Mapping[str, object] = {
    "os.sep": "/", "os.path.sep": "/", "os.curdir": ".", "os.pardir": "..", "os.linesep": "\n", "os.devnull": "/dev/null", "os.extsep": ".",
    "string.ascii_lowercase": "abcdefghijklmnopqrstuvwxyz", "string.ascii_uppercase": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "string.ascii_letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "string.digits": "0123456789",
    "string.punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "sys.executable": "python",
}  # fmt: skip
_KNOWN: Mapping[str, Value] = {
    "os.environ": Value(UNKNOWN, "os.environ", frozenset({Origin.ENVIRONMENT})),
    "os.environb": Value(UNKNOWN, "os.environ", frozenset({Origin.ENVIRONMENT})),
    "sys.argv": Value(UNKNOWN, "sys.argv", frozenset({Origin.ARGUMENT})),
    "sys.stdin": Value(UNKNOWN, "sys.stdin", frozenset({Origin.ARGUMENT})),
}
"""Attributes of modules whose content comes from somewhere."""
_SERVED = ("flask.request.", "bottle.request.", "cherrypy.request.")
"""What a web framework hands in from the other end of a connection."""
_RECEIVED = frozenset({"rfile", "path", "headers", "request"})
"""What a request handler of the standard library holds of a request."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LIBRARY = "/usr/lib/python3/dist-packages"
"""Stands for the folders of modules, whose files every program may read and none may change."""
_BASES = frozenset({"__base__", "__bases__", "__mro__", "mro"})


class Attributes:
    """The attributes of one source.

    Arguments:
        resolver: resolves what they belong to.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._index = resolver.index

    def of(self, node: ast.Attribute, scope: Scope) -> Values:
        """Return what an attribute expression may stand for."""
        owners = self._resolver.values(node.value, scope)
        if len(owners) == 1:
            return self.named(owners[0], node.attr)
        return tuple(found for owner in owners for found in self.named(owner, node.attr))[:MOST_ELEMENTS]

    def named(self, owner: Value, name: str) -> Values:
        """Return what an attribute of a value may stand for."""
        if owner.ref:
            return (_dotted(owner, name),)
        own = _built_in(owner, name)
        if own:
            return own
        if isinstance(owner.node, ast.ClassDef):
            members = self._of_class(owner.node, name)
            if members:
                return members
        if name in _RECEIVED and self._serves:
            return (Value(UNKNOWN, "", owner.origins | {Origin.NETWORK}),)
        self._resolver.guesses += 1
        found = self._set(self._index.fields.get(name, ())[:MOST_ELEMENTS])
        self._resolver.guesses -= 1
        return tuple(found[:MOST_ELEMENTS]) or (Value(UNKNOWN, "", owner.origins),)

    def _of_class(self, node: ast.ClassDef, name: str) -> Values:
        """Return what a member of a class of the source may stand for, and what it is set to from outside; nothing where it has none."""
        inner = self._index.scopes.get(node)
        if inner is None or name not in inner.names:
            return ()
        own = self._computed(self._resolver.bindings.named(name, inner))
        others = [part for part in self._index.fields.get(name, ()) if part[1] is not inner]
        return (*own, *self._set(others[:MOST_CANDIDATES]))

    def _set(self, fields: Sequence[tuple[ast.expr, Scope]]) -> list[Value]:
        return [value for node, scope in fields for value in self._resolver.values(node, scope)]

    @cached_property
    def _serves(self) -> bool:
        """Whether the source answers requests with the standard library's servers."""
        return any(
            module.startswith(("http.server", "socketserver", "xmlrpc.server"))
            for module, _ in self._index.imports
        )

    def _computed(self, values: Values) -> Values:
        """Return what members of a class stand for: a property for what it returns."""
        found: list[Value] = []
        for value in values:
            decorators = getattr(value.node, "decorator_list", ())
            if any(isinstance(d, ast.Name) and d.id in ("property", "cached_property") for d in decorators):
                found += self._resolver.results.returned(value.node)
            else:
                found.append(value)
        return tuple(found)


def _built_in(owner: Value, name: str) -> Values:
    """Return an attribute that Python gives every value of a kind; nothing where it is none of them."""
    if name == "__class__":
        return (Value(UNKNOWN, "builtins.type()"),)
    if name == "__call__" and isinstance(owner.node, _FUNCTIONS):
        return (owner,)
    described = _described(owner.node, name)
    if described is not None:
        return (Value(described),)
    if owner.const is UNKNOWN:
        return ()
    if name == "value":  # of an enumeration's member
        return (owner,)
    return SOMETHING if name in fold.TEXT_METHODS else ()


def _described(node: ast.AST | None, name: str) -> str | None:
    """Return the name or the docstring of a definition."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return None
    if name in ("__name__", "__qualname__"):
        return node.name
    return ast.get_docstring(node) if name == "__doc__" else None


def _keyword_of(owner: Value, name: str) -> Value | None:
    """Return what a thing was made with under this name: `SimpleNamespace(command="ls").command`."""
    node = owner.node
    if owner.ref != "types.SimpleNamespace()" or not isinstance(node, ast.Call):
        return None
    found = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    return Value(found.value) if isinstance(found, ast.Constant) else None


def _dotted(owner: Value, name: str) -> Value:
    """Return an attribute of something that has a dotted name."""
    ref = canonical(f"{owner.ref}.{name}")
    if ref in _KNOWN:
        return _KNOWN[ref]
    if name == "__self__" and owner.ref.startswith("builtins."):
        return Value(UNKNOWN, "builtins")  # of a built-in function, the module that holds them all
    if ref.startswith(_SERVED):
        return Value(UNKNOWN, ref, owner.origins | {Origin.NETWORK})
    if owner.const is not UNKNOWN:
        return _of_holder(owner, name, ref)
    if owner.ref == "builtins.type()" and name in _BASES:
        return Value(UNKNOWN, "builtins.object()")
    return (
        _keyword_of(owner, name)
        or _file_of(owner, name)
        or Value(_CONSTANTS.get(ref, UNKNOWN), "" if ref in _CONSTANTS else ref, owner.origins)
    )


def _file_of(owner: Value, name: str) -> Value | None:
    """Return the file that a module of the standard library is read from; None where no such file is asked for."""
    if name != "__file__" or owner.ref.partition(".")[0] not in sys.stdlib_module_names:
        return None
    return Value(f"{_LIBRARY}/{owner.ref.replace('.', '/')}.py")


def _of_holder(owner: Value, name: str, ref: str) -> Value:
    """Return an attribute of an object that holds a path or an address: its methods hold it too."""
    if owner.ref == PATH:
        return path_attribute(owner, name, ref)
    if owner.ref == "os.scandir()*" and name == "path":
        return Value(owner.const, "", owner.origins)
    return Value(owner.const, ref, owner.origins)

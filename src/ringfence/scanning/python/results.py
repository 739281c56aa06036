"""What a call gives: constants where the function is pure, an object with a name where it is known, and always where it comes from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.python import fold
from ringfence.scanning.python.calls.names import CALLS_OF_NAMES
from ringfence.scanning.python.calls.objects import CALLS_OF_OBJECTS
from ringfence.scanning.python.calls.sequences import CALLS_OF_SEQUENCES
from ringfence.scanning.python.calls.texts import CALLS_OF_TEXTS
from ringfence.scanning.python.catalogue import METHOD_SOURCES, SOURCES
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.pathlike import PATH, path_result
from ringfence.scanning.python.text_calls import bytes_of, of_text_method, with_holes
from ringfence.scanning.python.values import (
    DECODED,
    MOST_CANDIDATES,
    MOST_ELEMENTS,
    NOWHERE,
    SOMETHING,
    UNKNOWN,
    Value,
    as_text,
    cut,
    or_hole,
    origins_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.scanning.python.calls.known import KnownCall
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_CALLS: Mapping[str, KnownCall] = {
    **CALLS_OF_NAMES,
    **CALLS_OF_SEQUENCES,
    **CALLS_OF_OBJECTS,
    **CALLS_OF_TEXTS,
}
"""What calls of functions give that the scanner looks through."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_UNBOUND = ("builtins.str.", "builtins.bytes.", "builtins.bytearray.")
"""Methods of text that are called as functions: `str.join("", parts)`."""
_JOINPATH = f"{PATH}.joinpath"
_BYTES_OF = frozenset({"to_bytes", "tobytes"})
_CONTAINERS = (ast.Dict, ast.List, ast.Tuple, ast.Set)
_BY_KEY = frozenset({"get", "pop", "setdefault", "__getitem__"})
_CONTAINER_METHODS = _BY_KEY | {"popleft", "items", "values", "keys", "copy"}
_OUTPUTS = frozenset(
    {
        "os.popen", "subprocess.Popen", "subprocess.check_output", "subprocess.getoutput", "subprocess.getstatusoutput", "subprocess.run",
    }
)  # fmt: skip
_LISTING = frozenset({"ps", "pgrep", "pidof", "tasklist", "lsof", "fuser"})


class Results:
    """What the calls of one source give.

    Arguments:
        resolver: resolves functions and arguments.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def of_call(self, node: ast.Call, scope: Scope) -> Values:
        """Return what a call may give."""
        if isinstance(node.func, ast.Attribute):
            known = self._of_method(node, node.func, scope)
            if known is not None:
                return known
        functions = self._resolver.values(node.func, scope)
        if len(functions) == 1:
            return self._of_function(functions[0], node, scope)
        found = [v for each in functions[:MOST_CANDIDATES] for v in self._of_function(each, node, scope)]
        return tuple(found[:MOST_ELEMENTS])

    def _of_method(self, node: ast.Call, function: ast.Attribute, scope: Scope) -> Values | None:
        """Return what a method gives that is told by its name; None where it is none of them."""
        name, resolver = function.attr, self._resolver
        if name in fold.TEXT_METHODS:
            return of_text_method(resolver, node, function, scope)
        if name in _BYTES_OF:
            return bytes_of(resolver, node, function, scope)
        if name != "__getattribute__" or len(node.args) != 1:
            return None
        owners, names = resolver.values(function.value, scope), resolver.values(node.args[0], scope)
        return tuple(v for o in owners for n in names for v in resolver.attributes.named(o, str(n.const)))

    def _of_function(self, function: Value, node: ast.Call, scope: Scope) -> Values:
        if function.ref:
            return self._of_known(function, node, scope)
        if isinstance(function.node, _FUNCTIONS):
            return self.returned(function.node)
        if isinstance(function.node, ast.ClassDef):
            return (Value(UNKNOWN, "", NOWHERE, function.node, function.scope),)
        if node.func.__class__ is ast.Attribute:
            known = self._of_container(node, node.func, scope)
            if known:
                return known
        return (Value(UNKNOWN, "", origins_of(*self._resolver.arguments.of(node, scope)) | function.origins),)

    def _of_container(self, node: ast.Call, function: ast.Attribute, scope: Scope) -> Values:
        """Return what a method of a list or dictionary of the source gives; nothing where it is no such call."""
        name, items = function.attr, self._resolver.items
        if name not in _CONTAINER_METHODS:
            return ()
        owners = [v for v in self._resolver.values(function.value, scope) if isinstance(v.node, _CONTAINERS)]
        found: list[Value] = []
        for owner in owners[:MOST_CANDIDATES]:
            literal = owner.node
            if name in _BY_KEY and isinstance(literal, ast.Dict):
                keys = self._resolver.arguments.lazily(node, scope)[0] if node.args else SOMETHING
                found += [value for key in keys for value in items.item(owner, key.const)]
            elif name in ("items", "values") and isinstance(literal, ast.Dict) and owner.scope is not None:
                pairs = [(k, v) for k, v in zip(literal.keys, literal.values, strict=True) if k is not None]
                parts = [ast.Tuple([k, v], ast.Load()) if name == "items" else v for k, v in pairs]
                found += self._resolver.values(ast.List(parts[:MOST_ELEMENTS], ast.Load()), owner.scope)
            else:
                found += (owner,) if name in ("keys", "copy") else items.elements((owner,))
        return tuple(found[:MOST_ELEMENTS])

    def returned(self, function: ast.AST | None) -> Values:
        """Return what a function of the source gives; of a generator, a list of what it yields."""
        inner = self._resolver.index.scopes.get(function) if function is not None else None
        if inner is None:
            return SOMETHING
        if inner.generator:
            return self._resolver.values(ast.List(inner.returns[:MOST_ELEMENTS], ast.Load()), inner)
        return cut([value for node in inner.returns for value in self._resolver.values(node, inner)])

    def _of_known(self, function: Value, node: ast.Call, scope: Scope) -> Values:
        """Return what a function gives that has a dotted name."""
        ref = function.ref
        special = _CALLS.get(ref)
        if special is not None:
            return special(self._resolver, node, scope) or SOMETHING
        arguments = self._resolver.arguments.of(node, scope)
        origins = origins_of(*arguments) | function.origins
        if ref in fold.FUNCTIONS:
            return self._folded(ref, arguments, node, scope, origins)
        if ref.startswith(_UNBOUND) and arguments:
            receiver, *others = map(or_hole, arguments)
            const = with_holes(receiver, ref.rpartition(".")[2], others, {})
            return (Value(const, "", origins),)
        for each in node.keywords:
            origins |= origins_of(self._resolver.values(each.value, scope))
        if function.const is not UNKNOWN and ref == _JOINPATH:
            parts = [(Value(function.text or ""),), *arguments]
            return tuple(v._replace(ref=PATH) for v in self.each("os.path.join", parts, origins))
        if function.const is not UNKNOWN and ref.startswith(PATH):
            return (path_result(function, ref, arguments, origins),)
        if ref in _OUTPUTS and arguments and _asks_for_processes(arguments[0]):
            origins |= {Origin.PROCESSES}
        source = SOURCES.get(ref) or METHOD_SOURCES.get(ref.rpartition(".")[2])
        if source is not None:
            origins |= {source}
        return (Value(UNKNOWN, canonical(f"{ref}()"), origins, node, scope),)

    def _folded(
        self, ref: str, arguments: list[Values], node: ast.Call, scope: Scope, origins: frozenset[Origin]
    ) -> Values:
        """Return what a pure function gives: a constant where all arguments are known, else what it would be decoded from."""
        if ref in fold.TOLERANT:
            return self.each(ref, arguments, origins)
        decoding = DECODED if SOURCES.get(ref) is Origin.DECODED else NOWHERE
        consts = [
            values[0].const if len(values) == 1 and values[0].whole else UNKNOWN for values in arguments
        ]
        named = {k.arg: self._resolver.single(k.value, scope) for k in node.keywords if k.arg is not None}
        if UNKNOWN in consts or any(const is UNKNOWN for const in named.values()):
            return (Value(UNKNOWN, f"{ref}()" if decoding else "", origins | decoding),)
        for given in consts:
            self._resolver.charge(given)
        const = fold.call(ref, consts, named)
        self._resolver.charge(const)
        return (Value(const, "", origins | decoding),)

    def each(self, ref: str, arguments: list[Values], origins: frozenset[Origin]) -> Values:
        """Return what a function gives for each candidate of the argument that has most; of the others the one that is known."""
        if not arguments:
            return (Value(fold.call(ref, [], {}), "", origins),)
        widest = max(range(len(arguments)), key=lambda number: len(arguments[number]))
        consts = [or_hole(values) for values in arguments]
        found = []
        for value in arguments[widest][:MOST_ELEMENTS]:
            consts[widest] = as_text(value)
            found.append(Value(fold.call(ref, consts, {}), "", origins))
            self._resolver.charge(found[-1].const)
        return tuple(found)


def _asks_for_processes(values: Values) -> bool:
    """Return whether a command lists processes, so that its output names those of others."""
    for value in values:
        first = value.const[0] if isinstance(value.const, (list, tuple)) and value.const else value.text or ""
        if str(first).split(" ")[0].rpartition("/")[2] in _LISTING:
            return True
    return False

"""Ways out of what code was given: constructors of constructors, prototypes, getters, stack frames, errors that break the engine.

These are JavaScript's own. What each is called is the catalogue that `rules/javascript.py` speaks about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.javascript.emit import effect, of_call
from ringfence.scanning.javascript.evaluation import is_reached
from ringfence.scanning.javascript.modules import (
    ANY_MEMBER,
    FUNCTION_CLASSES,
    GLOBAL_OBJECT,
    REACHED,
    is_function_path,
)
from ringfence.scanning.javascript.patterns import name_of
from ringfence.scanning.javascript.sites import inner
from ringfence.scanning.javascript.values import (
    SOMETHINGS_CONSTRUCTOR,
    Value,
    function_kind,
    is_known,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node

_BY_NAME: Mapping[str, str] = {
    "__lookupGetter__": "Object.__lookupGetter__",
    "__lookupSetter__": "Object.__lookupSetter__",
    "__defineGetter__": "Object.__defineGetter__",
    "__defineSetter__": "Object.__defineSetter__",
    "suppressed": "SuppressedError.suppressed",
    "JSTag": "WebAssembly.JSTag",
    "prepareStackTrace": "Error.prepareStackTrace",
}
"""Members that are what they are on any object."""
_OF_CALL_SITES = frozenset({"getThis", "getFunction"})
_BY_PATH: Mapping[str, str] = {
    "process.mainModule": "process.mainModule",
    "module.parent": "module.parent",
    "require.cache": "require.cache",
    "require.extensions": "require.extensions",
    "Module._load": "Module._load",
    "Module._cache": "require.cache",
    "Module._extensions": "require.extensions",
}
INTERESTING = frozenset(
    {
        *_BY_NAME,
        *_OF_CALL_SITES,
        "constructor",
        "mainModule",
        "parent",
        "cache",
        "extensions",
        "_load",
        "_cache",
    }
    | {"_extensions", "caller", "callee", "custom"}
)
"""Names of members that are worth a look."""
_GIVES_PROCESS = re.compile(r"\s*return\s+(?:(?:this|globalThis|global)\s*\.\s*)?process\b")
_NAMES_OF_SYMBOLS = frozenset({"nodejs.util.inspect.custom"})
_KEEPING = frozenset(
    {
        "variable_declarator",
        "assignment_expression",
        "arguments",
        "pair",
        "return_statement",
        "array",
        "arrow_function",
    }
)
"""Where a thing is put away for use elsewhere."""
_MEMBERS = frozenset({"member_expression", "subscript_expression"})


def member_effects(resolver: Resolver, node: Node, name: str, traits: frozenset[Trait]) -> Iterator[Effect]:
    """Return what asking for a member leads to.

    Arguments:
        resolver: what works out values.
        node: the member expression.
        name: the member's name.
        traits: whether the name was put together.

    """
    owner = node.field("object")
    if owner is None:
        return
    if name in _BY_NAME:
        yield _found(resolver, node, _BY_NAME[name], traits)
    elif name in _OF_CALL_SITES and "prepareStackTrace" in resolver.tree.source:
        yield _found(resolver, node, f"CallSite.{name}", traits)
    elif name == "constructor":
        if _are_constructors(resolver, owner):
            yield _found(resolver, node, "constructor.constructor", traits)
    elif name in ("caller", "callee"):
        yield from _callers(resolver, node, owner, name, traits)
    else:
        yield from _paths(resolver, node, owner, name, traits)


def _are_constructors(resolver: Resolver, owner: Node) -> bool:
    """Return whether an expression is a constructor or a function of the language: its constructor makes functions of texts.

    It must be spelled as a constructor or be nothing else: libraries compare the constructors of whatever they are given.
    """
    values = resolver.values(owner)
    spelled = owner.type in _MEMBERS and any(text_of(key) == "constructor" for key in resolver.keys(owner))
    found = [
        v.path == SOMETHINGS_CONSTRUCTOR or (is_function_path(v.path) and not function_kind(v))
        for v in values
    ]
    return any(found) if spelled else found == [True]


def _callers(
    resolver: Resolver, node: Node, owner: Node, name: str, traits: frozenset[Trait]
) -> Iterator[Effect]:
    last = owner.field("property") if owner.type == "member_expression" else None
    of_callee = last is not None and name_of(last) == "callee"
    if name == "caller" and (of_callee or any(function_kind(value) for value in resolver.values(owner))):
        yield _found(resolver, node, "Function.caller", traits)


def _paths(
    resolver: Resolver, node: Node, owner: Node, name: str, traits: frozenset[Trait]
) -> Iterator[Effect]:
    for value in resolver.values(owner):
        found = _BY_PATH.get(f"{value.path}.{name}")
        if found is None:
            continue
        outer = node.parent
        if found == "process.mainModule" and outer is not None and outer.type in _MEMBERS:
            keys = [text_of(key) for key in resolver.keys(outer)]
            found = f"{found}.{keys[0]}" if len(keys) == 1 else found
        elif found == "process.mainModule" and outer is not None and outer.type in _KEEPING:
            found = f"{found}.require"
        yield _found(resolver, node, found, traits)


def call_effects(call: Call) -> Iterator[Effect]:
    """Return what a call does to get out."""
    path = call.path
    handler = _CALLS.get(path)
    if handler is not None:
        yield from handler(call)
    elif call.count and (is_reached(call) or (path in FUNCTION_CLASSES and _by_constructor(call))):
        yield from of_call(call, Kind.INTROSPECT, call.argument(call.count - 1), name=REACHED)
    elif path in FUNCTION_CLASSES and any(map(_GIVES_PROCESS.match, texts(call.argument(call.count - 1)))):
        yield from of_call(call, Kind.INTROSPECT, call.argument(call.count - 1), name="Function.process")


def _fetched(call: Call) -> Iterator[Effect]:
    """Return a constructor that is fetched from a constructor by its name."""
    owner = call.expression(0)
    named = any(text_of(key) == "constructor" for key in call.argument(1))
    if named and owner is not None and _are_constructors(call.resolver, owner):
        yield from of_call(call, Kind.INTROSPECT, None, name="constructor.constructor")


def _symbol(call: Call) -> Iterator[Effect]:
    keys = tuple(key for key in call.argument(0) if text_of(key) in _NAMES_OF_SYMBOLS)
    if keys:
        yield from of_call(call, Kind.INTROSPECT, keys)


def _named(call: Call) -> Iterator[Effect]:
    yield from of_call(call, Kind.INTROSPECT, (Value(call.path),))


def _by_constructor(call: Call) -> bool:
    """Return whether what is called is spelled as somebody's constructor."""
    callee = call.node.field("function") or call.node.field("constructor")
    if callee is None:
        return False
    callee = inner(callee)
    return callee.type in _MEMBERS and any(
        text_of(key) == "constructor" for key in call.resolver.keys(callee)
    )


def _parsed_prototype(call: Call) -> Iterator[Effect]:
    """Return JSON that sets a prototype once it is merged into an object."""
    for value in call.argument(0):
        if is_known(value) and '"__proto__"' in text_of(value).replace(" ", ""):
            yield from of_call(call, Kind.INTROSPECT, (value,), name="JSON.__proto__")


def _proxy(call: Call) -> Iterator[Effect]:
    """Return a trap that throws a function: whoever catches it was handed what the trap could reach."""
    for handler in call.argument(1):
        if handler.node is None or handler.node.type != "object":
            continue
        for thrown in _thrown_in(call.resolver, handler.node):
            if any(
                function_kind(value) or is_function_path(value.path) for value in call.resolver.values(thrown)
            ):
                yield effect(call.resolver.tree, thrown, Kind.INTROSPECT, "Proxy.throw")
                return


def _thrown_in(resolver: Resolver, handler: Node) -> Iterator[Node]:
    waiting = [handler]
    while waiting:
        node = waiting.pop()
        resolver.budget.spend()
        if node.type == "throw_statement" and node.children:
            yield node.children[0]
        waiting.extend(node.children)


def _found(resolver: Resolver, node: Node, name: str, traits: frozenset[Trait]) -> Effect:
    return effect(resolver.tree, node, Kind.INTROSPECT, name, resolver.tree.text(node)[:120], traits=traits)


_CALLS: Mapping[str, Callable[[Call], Iterator[Effect]]] = {
    "Reflect.get": _fetched,
    "Object.getOwnPropertyDescriptor": _fetched,
    "Symbol.for": _symbol,
    "inspector.Session": _named,
    "inspector.open": _named,
    f"{GLOBAL_OBJECT}{ANY_MEMBER}": _named,
    "Proxy": _proxy,
    "JSON.parse": _parsed_prototype,
}

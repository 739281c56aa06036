"""What the parameters of a function may stand for: whatever it is called with anywhere in the source, else its default."""

from __future__ import annotations

import ast
from functools import cached_property
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.python.call_sites import CallSites
from ringfence.scanning.python.values import MOST_CANDIDATES, MOST_ELEMENTS, SOMETHING, UNKNOWN, Value

if TYPE_CHECKING:
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FROM_OUTSIDE: Values = (Value(UNKNOWN, "", frozenset({Origin.ARGUMENT})),)
_FROM_NETWORK: Values = (Value(UNKNOWN, "", frozenset({Origin.ARGUMENT, Origin.NETWORK})),)
_SERVING = frozenset(
    {
        "aiogram", "aiohttp", "bottle", "discord", "falcon", "fastapi", "flask", "nextcord", "pyrogram", "quart", "sanic", "slack_bolt",
        "socketio", "starlette", "telebot", "telegram", "telethon", "tornado", "websocket", "websockets",
    }
)  # fmt: skip
"""Packages that call a program's functions with what they receive."""


class Parameters:
    """The parameters of the functions of one source.

    Arguments:
        resolver: resolves what they are called with.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._index = resolver.index
        self._calls = CallSites(resolver.index)

    def named(self, name: str, scope: Scope) -> Values:
        """Return what a function is called with for a parameter, wherever in the source it is called; else its default."""
        function = scope.node
        if not isinstance(function, _FUNCTIONS):
            return SOMETHING
        found: list[Value] = []
        self._resolver.guesses += 1
        for call, outer in self._calls.of(function):
            argument = _argument(function, call, name)
            if argument is not None:
                found += self._resolver.values(argument, outer)
            if len(found) >= MOST_ELEMENTS:
                break
        default = _default(function, name)
        if default is not None and len(found) < MOST_CANDIDATES:
            found += self._resolver.values(default, scope.parent or scope)
            found += self._replaced_defaults()
        self._resolver.guesses -= 1
        if found:
            return tuple(found[:MOST_ELEMENTS])
        if self._is_served(function):
            return _FROM_NETWORK
        return SOMETHING if self._is_used(function) else _FROM_OUTSIDE

    def _replaced_defaults(self) -> Values:
        """Return what the source replaces defaults by, whose function it does not matter."""
        fields, resolver = self._index.fields, self._resolver
        found: list[Value] = []
        for node, scope in fields.get("__defaults__", ())[:MOST_CANDIDATES]:
            found += resolver.items.elements(resolver.values(node, scope))
        for node, scope in fields.get("__kwdefaults__", ())[:MOST_CANDIDATES]:
            found += [v for each in resolver.values(node, scope) for v in resolver.items.item(each, UNKNOWN)]
        return tuple(found)

    def _is_used(self, function: _Function) -> bool:
        """Return whether a source does something with a function besides defining it, so that its parameters have values after all."""
        if isinstance(function, ast.Lambda):
            return True
        name = function.name
        if name.startswith("__"):
            name = self._calls.owners.get(function, name)
        return name in self._index.sites or name in self._index.read

    def _is_served(self, function: _Function) -> bool:
        """Return whether a function answers requests or messages: a framework calls it with what comes over the network."""
        handled = not isinstance(function, ast.Lambda) and (
            function.decorator_list or function.name in self._handlers
        )
        return bool(handled) and not _SERVING.isdisjoint(
            module.partition(".")[0] for module, _ in self._index.imports
        )

    @cached_property
    def _handlers(self) -> frozenset[str]:
        """Functions that are handed over as `on_message=` and the like."""
        return frozenset(
            keyword.value.id
            for call, _ in self._index.calls
            for keyword in call.keywords
            if keyword.arg is not None
            and keyword.arg.startswith("on_")
            and isinstance(keyword.value, ast.Name)
        )

    def rest(self, how: str, scope: Scope) -> Values:
        """Return what `*args` or `**kwargs` of a function may hold, as literals made of what its calls give besides."""
        function = scope.node
        if not isinstance(function, _FUNCTIONS):
            return SOMETHING
        positional = [*function.args.posonlyargs, *function.args.args]
        named = {argument.arg for argument in (*positional, *function.args.kwonlyargs)}
        taken = len(positional) - (function in self._calls.owners)
        found: list[Value] = []
        for call, outer in self._calls.of(function):
            if how == "args":
                literal: ast.expr = ast.List(call.args[max(taken, 0) :], ast.Load())
            else:
                given = [k for k in call.keywords if k.arg is not None and k.arg not in named]
                literal = ast.Dict([ast.Constant(k.arg) for k in given], [k.value for k in given])
            found += self._resolver.values(literal, outer)
        return tuple(found[:MOST_CANDIDATES]) or _FROM_OUTSIDE


def _argument(function: _Function, call: ast.Call, name: str) -> ast.expr | None:
    """Return the expression that a call gives for a parameter, None where it gives none."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
        if keyword.arg is None and isinstance(keyword.value, ast.Dict):
            for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    return value
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    if name not in names:
        return None
    position = names.index(name) - (names[0] in ("self", "cls"))
    given = _flat(call.args)[: position + 1]
    if position < 0 or len(given) <= position or any(isinstance(argument, ast.Starred) for argument in given):
        return None
    return given[position]


def _flat(arguments: list[ast.expr]) -> list[ast.expr]:
    """Return arguments with literal lists that are spread taken apart."""
    found: list[ast.expr] = []
    for argument in arguments:
        if isinstance(argument, ast.Starred) and isinstance(argument.value, (ast.List, ast.Tuple)):
            found += argument.value.elts
        else:
            found.append(argument)
    return found


def _default(function: _Function, name: str) -> ast.expr | None:
    """Return the expression of a parameter's default, None where it has none."""
    positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    defaults = function.args.defaults
    if name in positional:
        position = positional.index(name) - len(positional) + len(defaults)
        return defaults[position] if position >= 0 else None
    named = [argument.arg for argument in function.args.kwonlyargs]
    return function.args.kw_defaults[named.index(name)] if name in named else None

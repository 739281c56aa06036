"""Calls that make text or read it: `str`, `json.loads`, `re.sub`, `string.Template`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python import fold
from ringfence.scanning.python.calls.sequences import secrets_of
from ringfence.scanning.python.values import (
    MOST_ELEMENTS,
    MOST_TEXT,
    SOMETHING,
    UNKNOWN,
    Value,
    as_text,
    origins_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.scanning.python.calls.known import KnownCall
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_BYTES_OF_ADDRESS = 4
_SPECIAL_CHARACTERS = frozenset("\\.^$*+?{}[]|()")


def _text(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `str(value)` gives: of a path object its path, of bytes with an encoding their text."""
    if not node.args:
        return (Value(""),)
    arguments = resolver.arguments.of(node, scope)
    encoding = ["utf-8"] if len(arguments) > 1 or node.keywords else []
    for value in arguments[0]:
        resolver.charge(value.const)
    found = [
        (v, fold.call("builtins.str", [v.const, *encoding], {}) if v.const is not UNKNOWN else HOLE)
        for v in arguments[0]
    ]
    return tuple(Value(text, "", v.origins | secrets_of(v)) for v, text in found[:MOST_ELEMENTS])


def _parsed(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `json.loads(text)` and `ast.literal_eval(text)` give for a constant."""
    name = resolver.values(node.func, scope)[0].ref
    return tuple(
        Value(fold.call(name, [value.const], {}) if value.whole else UNKNOWN, "", value.origins)
        for value in resolver.arguments.first(node, "s", scope)
    )


def _templated(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `string.Template(text).substitute(a="b")` gives."""
    function = node.func
    made = function.value if isinstance(function, ast.Attribute) else None
    template = resolver.single(made.args[0], scope) if isinstance(made, ast.Call) and made.args else UNKNOWN
    if not isinstance(template, str):
        return SOMETHING
    for keyword in node.keywords:
        if keyword.arg is not None and len(template) <= MOST_TEXT:
            text = as_text(resolver.values(keyword.value, scope)[0])
            template = template.replace(f"${{{keyword.arg}}}", text).replace(f"${keyword.arg}", text)
    return (Value(template if len(template) <= MOST_TEXT else UNKNOWN),)


def _replaced(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `re.sub("x", "", text)` gives where the pattern is plain text, and else something of the text's origin."""
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 3:  # noqa: PLR2004 - pattern, replacement, text
        return SOMETHING
    pattern, new, text = (arguments[position][0].const for position in range(3))
    plain = isinstance(pattern, str) and not _SPECIAL_CHARACTERS.intersection(pattern)
    if plain and isinstance(new, str) and isinstance(text, str):
        return (Value(fold.method(text, "replace", [pattern, new], {}), "", origins_of(arguments[2])),)
    return (Value(HOLE, "", origins_of(arguments[2])),)


def _address(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `socket.inet_ntoa(data)` and `ipaddress.ip_address(number)` give: an address as text."""
    value = resolver.arguments.first(node, "packed_ip", scope)[0]
    const = value.const
    if isinstance(const, bytes):
        const = int.from_bytes(const[:_BYTES_OF_ADDRESS], "big")
    if type(const) is not int or not 0 <= const < 256**_BYTES_OF_ADDRESS:
        return (value._replace(ref="", node=None),)
    return (Value(".".join(map(str, const.to_bytes(_BYTES_OF_ADDRESS, "big"))), "", value.origins),)


CALLS_OF_TEXTS: Mapping[str, KnownCall] = {
    "json.loads": _parsed,
    "ast.literal_eval": _parsed,
    "re.sub": _replaced,
    "socket.inet_ntoa": _address,
    "ipaddress.ip_address": _address,
    "ipaddress.IPv4Address": _address,
    "string.Template().substitute": _templated,
    "string.Template().safe_substitute": _templated,
    "builtins.str": _text,
}

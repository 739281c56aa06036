"""What methods of constant text and numbers give, with holes where an argument is not known."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python import fold
from ringfence.scanning.python.values import DECODED, MOST_CANDIDATES, UNKNOWN, Value, or_hole, origins_of

if TYPE_CHECKING:
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_WITH_HOLES = frozenset({"join", "format", "replace"})


def of_text_method(
    resolver: Resolver, node: ast.Call, function: ast.Attribute, scope: Scope
) -> Values | None:
    """Return what a method of constant text gives; None where it is no such call."""
    receivers = resolver.values(function.value, scope)
    if not any(isinstance(receiver.const, (str, bytes)) and not receiver.ref for receiver in receivers):
        return None
    arguments = resolver.arguments.of(node, scope)
    named = resolver.arguments.keywords(node, scope)
    origins = origins_of(receivers, *arguments, *named.values())
    consts = [or_hole(values) for values in arguments]
    options = {name: or_hole(values) for name, values in named.items()} | _spread_names(resolver, node, scope)
    whole = function.attr in _WITH_HOLES or HOLE not in consts
    found = [
        Value(with_holes(receiver.const, function.attr, consts, options) if whole else UNKNOWN, "", origins)
        for receiver in receivers[:MOST_CANDIDATES]
    ]
    for value in found:
        resolver.charge(value.const)
    return tuple(found)


def _spread_names(resolver: Resolver, node: ast.Call, scope: Scope) -> dict[str, object]:
    """Return what `**{"a": "b"}` gives to a call, and what `format_map` is given."""
    mappings = [keyword.value for keyword in node.keywords if keyword.arg is None]
    if isinstance(node.func, ast.Attribute) and node.func.attr == "format_map":
        mappings += node.args[:1]
    found: dict[str, object] = {}
    for mapping in mappings:
        for value in resolver.values(mapping, scope):
            if isinstance(value.node, ast.Dict) and value.scope is not None:
                for key, part in zip(value.node.keys, value.node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        found[key.value] = or_hole(resolver.values(part, value.scope))
    return found


def bytes_of(resolver: Resolver, node: ast.Call, function: ast.Attribute, scope: Scope) -> Values | None:
    """Return the bytes of a number or of an array: `(0x6c73).to_bytes(2, "big")`."""
    const = resolver.single(function.value, scope)
    if isinstance(const, bytes):
        return (Value(const, "", DECODED),)
    if not isinstance(const, int):
        return None
    if const < 0:
        return None
    order: Literal["little", "big"] = "little" if "little" in ast.dump(node) else "big"
    return (Value(const.to_bytes(max((const.bit_length() + 7) // 8, 1), order), "", DECODED),)


def with_holes(receiver: object, name: str, arguments: list[object], named: dict[str, object]) -> object:
    """Return what a method of a constant gives; parts of a join that are no text are holes."""
    if name == "join" and arguments and isinstance(arguments[0], (list, tuple)) and isinstance(receiver, str):
        arguments = [[part if isinstance(part, str) else HOLE for part in arguments[0]]]
    return fold.method(receiver, name, arguments, named)

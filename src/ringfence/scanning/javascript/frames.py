"""Single calls of local functions: what the parameters are in this call, so that two calls of one function are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.javascript.patterns import Definition, name_of, parameters_of, pattern_leaves
from ringfence.scanning.javascript.values import UNDEFINED, Frame, Items, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.scopes import Binding
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Values

MOST_CALLS_WITHIN = 4
"""How deep calls of local functions are told apart, one within another."""


def frame_of(call: Call, function: Node, outer: Frame | None) -> Frame | None:
    """Return the frame of one call of a local function; None where calls are nested too deep to be told apart.

    Arguments:
        call: the call.
        function: the function that is called.
        outer: the frame in which the function was made.

    """
    depth = 0 if outer is None else outer.depth + 1
    if depth > MOST_CALLS_WITHIN or function.scope is None:
        return None
    given: dict[Binding, Values] = dict(outer.given) if outer is not None else {}
    for index, parameter in enumerate(parameters_of(function)):
        given.update(_bound(call, function, parameter, index))
    start = function.start if outer is None else min(outer.start, function.start)
    end = function.end if outer is None else max(outer.end, function.end)
    return Frame(given, depth, start, end)


def _bound(call: Call, function: Node, parameter: Node, index: int) -> Iterator[tuple[Binding, Values]]:
    """Return the names that one parameter declares, each with what it holds in this call."""
    rest = parameter.type == "rest_pattern"
    pattern = parameter.children[0] if rest and parameter.children else parameter
    argument = (Value(items=Items(call.arguments(index))),) if rest else call.argument(index)
    for leaf, found in pattern_leaves(pattern, Definition("parameter", function)):
        binding = function.scope.names.get(name_of(leaf)) if function.scope is not None else None
        if binding is None or (found.kind == "default" and argument):
            continue
        if found.kind == "default":
            yield binding, call.resolver.definition_values(found)
        else:
            yield binding, _parts(call, argument, found)


def _parts(call: Call, argument: Values, definition: Definition) -> Values:
    values = argument or (UNDEFINED,)
    for key in definition.keys:
        values = call.resolver.part(values, key, None)
    return values

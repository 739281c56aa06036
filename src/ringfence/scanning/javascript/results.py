"""What calls give back: what local functions return, what methods and the library make of what is known.

For everything else only its path with `()`, and where it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Trait
from ringfence.scanning.javascript.calls import Call, calls_of
from ringfence.scanning.javascript.contents import origins_within
from ringfence.scanning.javascript.encodings import TEXT_FUNCTIONS
from ringfence.scanning.javascript.files import read_origins
from ringfence.scanning.javascript.frames import frame_of
from ringfence.scanning.javascript.library import FIRST_ARGUMENT, RESULTS, text_function
from ringfence.scanning.javascript.modules import (
    origins_of_path,
    result_path,
)
from ringfence.scanning.javascript.patterns import name_of
from ringfence.scanning.javascript.scopes import CLASSES, FUNCTIONS
from ringfence.scanning.javascript.things import of_things
from ringfence.scanning.javascript.values import (
    NOTHING_KNOWN,
    UNKNOWN,
    Value,
    distinct,
    origins_of,
)

if TYPE_CHECKING:
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values


def result_values(resolver: Resolver, node: Node, frame: Frame | None) -> Values:
    """Return what a call expression gives."""
    return distinct(value for call in calls_of(resolver, node, frame) for value in result_of(call))


def result_of(call: Call) -> Values:
    name = call.method or _name_called(call.node)
    of_method = of_things(call, name)
    if of_method is not None:
        return of_method
    path = call.path
    function = call.callee.node
    if function is not None and not path:
        return _of_local(call, function)
    handler = RESULTS.get(path)
    found = handler(call) if handler is not None else None
    if found is None and path in FIRST_ARGUMENT:
        found = call.argument(0) or None
    if found is None and path in TEXT_FUNCTIONS:
        found = text_function(call, path)
    return found or _otherwise(call)


def _name_called(node: Node) -> str:
    callee = node.field("function")
    last = callee.field("property") if callee is not None else None
    return name_of(last) if last is not None else ""


def _otherwise(call: Call) -> Values:
    """Return the result of a function that nothing more is known of: it comes from where it, its object and arguments come from."""
    path = result_path(call.path) if call.path else ""
    carried = origins_of(call.this).union(
        *(origins_within(call.resolver, values) for values in call.arguments())
    )
    origins = origins_of_path(path) | call.callee.origins | carried | read_origins(call)
    traits = call.callee.traits & {Trait.CALCULATED}
    return (
        Value(path=path, node=call.node if path else None, frame=call.frame, origins=origins, traits=traits),
    )


def _of_local(call: Call, function: Node) -> Values:
    if function.type in CLASSES:
        return (Value(node=function, frame=call.callee.frame, is_instance=True),)
    if function.type not in FUNCTIONS:
        return NOTHING_KNOWN
    if call.is_new:
        return (UNKNOWN,)
    return call.resolver.handed(lambda: _returned(call, function))


def _returned(call: Call, function: Node) -> Values:
    frame = frame_of(call, function, call.callee.frame)
    return call.resolver.callers.returned(function, frame) if frame is not None else NOTHING_KNOWN

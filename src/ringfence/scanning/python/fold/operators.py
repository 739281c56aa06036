"""What operators give for two constants."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python.fold.bounds import bounded, wide
from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_OPERATORS: Mapping[type[ast.AST], Callable[[Any, Any], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.RShift: operator.rshift,
}


def combine(operation: type[ast.AST], left: object, right: object) -> object:
    """Return what an operator gives for two constants, `UNKNOWN` where that is nothing or too large."""
    function = _OPERATORS.get(operation)
    if function is None or not _fits(operation, left, right):
        return UNKNOWN
    if operation is ast.Mod and isinstance(left, str) and HOLE in f"{left}{right}":
        return _with_hole(left, right)
    return bounded(function, left, right)


def _with_hole(template: str, right: object) -> object:
    """Return old-style formatted text whose values are known in part: every placeholder that takes text takes it."""
    values = right if isinstance(right, tuple) else (right,)
    return bounded(operator.mod, template.replace("%d", "%s").replace("%i", "%s"), values)


def _fits(operation: type[ast.AST], left: object, right: object) -> bool:
    """Return whether the result is bounded before it is worked out."""
    if operation is ast.Mult:
        sizes = [len(side) for side in (left, right) if isinstance(side, (str, bytes, list, tuple))]
        counts = [side for side in (left, right) if isinstance(side, int)]
        return not sizes or (bool(counts) and sizes[0] * max(counts[0], 0) <= MOST_TEXT)
    if operation is ast.Mod and isinstance(left, (str, bytes)):
        return len(left) <= MOST_TEXT and not wide(left)
    return True

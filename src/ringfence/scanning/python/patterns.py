"""Effects that show in several places together: endless loops that grow, connections wired to a shell, packed data, pickles that act."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from math import inf, log2
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Origin, Trait
from ringfence.scanning.python.catalogue import SOURCES
from ringfence.scanning.python.effect import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope

_MOST_EXACT = 1 << 900
_STREAMS = (0, 1, 2)
_UNPACKING = frozenset({"zlib.decompress", "gzip.decompress", "bz2.decompress", "lzma.decompress"})
_FORKING = frozenset({"fork", "Process", "Popen"})
_GROWING = _FORKING | {"append", "extend", "Thread"}
_WAITING = frozenset(
    {
        "_exit", "accept", "exit", "get", "getch", "input", "join", "next", "poll", "put", "quit", "read", "readline", "recv", "select",
        "sleep", "wait",
    }
)  # fmt: skip
"""Functions that end a loop or make it wait for something."""
_LEAVING = (ast.Break, ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await)


def endless(index: Index) -> Iterator[Effect]:
    """Return the effects of loops without an end that start processes or only grow."""
    loops = [node for node in index.loops if isinstance(node.test, ast.Constant) and node.test.value]
    if not loops:
        return
    growing = sorted((site.lineno, name) for name in _GROWING for site, _ in index.sites.get(name, ()))
    lines = [line for line, _ in growing]
    for node in loops:
        last = node.end_lineno or node.lineno
        inside = {name for _, name in growing[bisect_left(lines, node.lineno) : bisect_right(lines, last)]}
        tried = any(start <= node.lineno <= end for start, end in index.tries)
        if inside and not tried and not _ends(node):
            kind = "fork" if inside & _FORKING else "append"
            yield Effect(Kind.RESOURCE, "while", kind, *place(node), traits=frozenset({Trait.EVERYTHING}))


def _ends(loop: ast.While) -> bool:
    """Return whether a loop has a way out, or something that makes it wait."""
    return any(
        isinstance(node, _LEAVING) or (isinstance(node, ast.Call) and _last(node.func) in _WAITING)
        for node in ast.walk(loop)
    )


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


_LARGE = 30
"""From two to this power on, a size in bytes or a number of digits is enormous."""


def enormous(index: Index) -> Iterator[Effect]:
    """Return the effects of products and powers of constants that fill memory or never end."""
    for node in index.powers:
        size = _log2(node)
        if size is not None and size > _LARGE:
            kind = "power" if isinstance(node.op, ast.Pow) else "repetition"
            yield Effect(Kind.RESOURCE, kind, "memory", *place(node), traits=frozenset({Trait.EVERYTHING}))


def _log2(node: ast.BinOp) -> float | None:
    """Return the logarithm of how many bits a power or how many elements a repetition has; None where it cannot be told or is a number."""
    if isinstance(node.op, ast.Pow):
        base, exponent = _number(node.left), _number(node.right)
        if not base or exponent is None or exponent <= 0:
            return None
        return log2(exponent) + log2(max(log2(abs(base) + 1), 1))
    for side, count in ((node.left, node.right), (node.right, node.left)):
        repeated = isinstance(side, (ast.List, ast.Tuple)) or (
            isinstance(side, ast.Constant) and isinstance(side.value, (str, bytes)) and side.value
        )
        number = _number(count)
        if repeated and number is not None and number > 0:
            return log2(number)
    return None


def _number(node: ast.expr) -> float | None:
    """Return a constant number, infinity where it is itself a power too large to be worked out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return float(node.value) if abs(node.value) < _MOST_EXACT else inf
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.Mult)):
        left, right = _number(node.left), _number(node.right)
        if left is None or right is None:
            return None
        try:
            return left**right if isinstance(node.op, ast.Pow) else left * right
        except OverflowError:
            return inf
    return None


def bridges(name: str, node: ast.Call, scope: Scope, resolver: Resolver) -> Iterator[Effect]:
    """Return the effect of `os.dup2(connection.fileno(), 0)`: whoever is at the other end types into this process."""
    if name != "os.dup2":
        return
    arguments = resolver.arguments.lazily(node, scope)
    if len(arguments) < 2 or not any(value.ref.startswith("socket.") for value in arguments[0]):  # noqa: PLR2004 - from and to
        return
    if any(value.const in _STREAMS or not isinstance(value.const, int) for value in arguments[1]):
        yield Effect(Kind.BRIDGE, name, "", *place(node))


_OUTSIDE = frozenset({Origin.NETWORK, Origin.FILE, Origin.ARGUMENT, Origin.ENVIRONMENT})


def packed(name: str, node: ast.Call, scope: Scope, resolver: Resolver) -> Iterator[Effect]:
    """Return the effect of unpacking data that the source itself carries in encoded form, and that could not be read."""
    if name not in _UNPACKING or not node.args:
        return
    for value in resolver.values(node.args[0], scope):
        encoded = SOURCES.get(value.ref.removesuffix("()")) is Origin.DECODED
        if encoded and not value.whole and value.origins.isdisjoint(_OUTSIDE):
            yield Effect(Kind.OBFUSCATE, name, "", *place(node), traits=frozenset({Trait.PACKED}))


def reductions(index: Index) -> Iterator[tuple[ast.Call, Scope]]:
    """Return, as calls, what objects of the source's classes make a pickle call when it is loaded."""
    for node, scope in index.scopes.items():
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not node.name.startswith(
            "__reduce"
        ):
            continue
        for value in scope.returns:
            if isinstance(value, ast.Tuple) and len(value.elts) > 1 and isinstance(value.elts[1], ast.Tuple):
                call = ast.Call(value.elts[0], value.elts[1].elts, [])
                yield ast.copy_location(call, value), scope

"""What the tests of module views share: one snippet by Python and by `evaluate`, and attacks with a clock beside them."""

from __future__ import annotations

import ast
from time import perf_counter

import pytest
from tests.restricted.plain import run_plainly

from ringfence.errors import SnippetFailed, SnippetStopped
from ringfence.restricted import Budget, evaluate

SMALL = Budget(steps=20_000_000, wall_seconds=1, memory_mb=32)
MOST_SECONDS = 3.0


def plain_outcome(source: str) -> tuple[str, str]:
    """Return what Python gives: the kind of the value and how it is shown, or the exception and what it says."""
    try:
        value, _ = run_plainly(source)
    except Exception as error:  # noqa: BLE001 - whatever Python raises
        return type(error).__name__, str(error)
    return "value", repr(value)


def outcome(source: str) -> tuple[str, str]:
    """Return what a snippet gives, in the same form."""
    try:
        return "value", repr(evaluate(source).value)
    except SnippetFailed as failure:
        return failure.kind, failure.text


def _shown(source: str) -> str:
    """Return a snippet that shows its last expression: a type that is copied into a plainer one is compared too."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        last.value = ast.Call(ast.Name("repr"), [last.value], [])
    return ast.unparse(ast.fix_missing_locations(tree))


def check_same(module: str, expression: str) -> None:
    """Assert that an expression gives in a snippet what it gives in Python. Several statements are several lines."""
    source = _shown("".join(f"import {name}\n" for name in module.split()) + expression)
    got, expected = outcome(source), plain_outcome(source)
    assert got == expected, f"{got} instead of {expected}"


def check_stopped(source: str, limit: str, says: str = "") -> None:
    """Assert that a snippet is stopped by a limit, and in time."""
    start = perf_counter()
    with pytest.raises(SnippetStopped, match=says or None) as stopped:
        evaluate(source, budget=SMALL)
    seconds = perf_counter() - start
    assert stopped.value.limit in limit.split("|"), f"{stopped.value.limit}: {stopped.value}"
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s"

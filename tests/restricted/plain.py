"""What plain Python gives for a snippet: the yardstick of the tests that compare."""

from __future__ import annotations

import ast
import contextlib
import io
from typing import Any


def run_plainly(source: str, inputs: dict[str, Any] | None = None) -> tuple[Any, str]:
    """Return the value of a trusted snippet as `evaluate` defines it, and what it prints, run by Python itself."""
    tree = ast.parse(source)
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("_value", ast.Store())], last.value), last)
    namespace: dict[str, Any] = {**(inputs or {}), "__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.fix_missing_locations(tree), "<plain>", "exec", dont_inherit=True), namespace)
    value = namespace.get("_value")
    return (namespace.get("result") if value is None else value), printed.getvalue()


def written(value: Any) -> str:
    """Return a value written out, types and all, with sets in one order: a copy may hold them in another."""
    if isinstance(value, set | frozenset):
        return f"{type(value).__name__}({sorted(map(written, value))})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({[written(item) for item in value]})"
    if isinstance(value, dict):
        return f"dict({[(written(key), written(item)) for key, item in value.items()]})"
    return repr(value)

"""`__all__` of every public module: sorted, complete, and nothing in it that is not there."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from types import ModuleType

import pytest

from ringfence import errors

PUBLIC = [
    "ringfence",
    "ringfence.audit",
    "ringfence.errors",
    "ringfence.hookspecs",
    "ringfence.scanning",
    "ringfence_cedar",
    "ringfence_langchain",
    "ringfence_openai",
]


def own_names(module: ModuleType) -> set[str]:
    """Return the public names that a module makes: what a package re-exports, and the classes and functions of a plain module."""
    if hasattr(module, "__path__"):
        return {
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and not isinstance(value, ModuleType)
            and name not in ("annotations", "TYPE_CHECKING")
        }
    tree = ast.parse(inspect.getsource(module))
    defined = (node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)))
    return {node.name for node in defined if not node.name.startswith("_")}


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_complete(name: str) -> None:
    """What a public module offers is what its `__all__` says, in order, each name once."""
    module = importlib.import_module(name)
    assert module.__all__ == sorted(set(module.__all__))
    assert all(hasattr(module, offered) for offered in module.__all__)
    assert own_names(module) <= set(module.__all__)


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    """The drawing at the head of `errors.py` shows every class, below the class that it inherits."""
    above: list[str] = []
    drawn = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^    ([│├└─ ]*)([A-Z]\w+)", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    classes = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RingfenceError)
    }
    assert drawn == {name: value.__bases__[0].__name__ for name, value in classes.items()}


def test_the_errors_at_the_top_are_those_of_the_module() -> None:
    """`ringfence.CallDenied` and `ringfence.errors.CallDenied` are one class, and likewise for all."""
    package = importlib.import_module("ringfence")
    same = [name for name in package.__all__ if name in vars(errors)]
    assert len(same) > 10
    assert all(getattr(package, name) is getattr(errors, name) for name in same)

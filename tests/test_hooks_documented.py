"""Each hook has an entry in docs/hooks.md with its very signature and an example that runs, and a test named after it."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ringfence import hookspecs

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "hooks.md").read_text(encoding="utf-8")
PREAMBLE, *ENTRIES = re.split(r"^## ", PAGE, flags=re.MULTILINE)
HOOKS: dict[str, Callable[..., object]] = {
    name: found for name, found in vars(hookspecs).items() if name.startswith("ringfence_")
}


def heading(name: str) -> str:
    """Return the heading that a hook's entry must have."""
    return f"`{name}{inspect.signature(HOOKS[name])}`".replace("'", "")


def entry(name: str) -> str:
    """Return a hook's entry without its heading."""
    found = [text for text in ENTRIES if text.startswith(f"`{name}(")]
    assert len(found) == 1
    return found[0].partition("\n")[2]


def blocks(text: str) -> str:
    """Return the Python of a text."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL))


def test_the_page_has_the_hooks_and_no_others() -> None:
    """Every heading of the page is a hook, its signature included, and every hook is there."""
    assert sorted(text.partition("\n")[0] for text in ENTRIES) == sorted(map(heading, HOOKS))


@pytest.mark.parametrize("name", HOOKS)
def test_an_entry_says_when_and_what_none_and_an_exception_mean(name: str) -> None:
    """The three questions that the author of a plugin has are answered in every entry."""
    for question in ("- **When:**", "- **`None`:**", "- **An exception"):
        assert question in entry(name)


@pytest.mark.parametrize("name", HOOKS)
def test_an_example_runs(name: str) -> None:
    """The example implements its hook and holds what it asserts."""
    example = blocks(entry(name))
    assert f"def {name}(" in example
    assert "assert " in example
    scope: dict[str, Any] = {"__name__": "example"}
    exec(compile(blocks(PREAMBLE), "docs/hooks.md", "exec"), scope)
    exec(compile(example, f"docs/hooks.md {name}", "exec"), scope)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_a_test_named_after_it(name: str) -> None:
    """`tests/test_hooks.py` holds at least one test for each hook."""
    tree = ast.parse((ROOT / "tests" / "test_hooks.py").read_text(encoding="utf-8"))
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    wanted = name.replace("ringfence_", "test_hook_")
    assert any(test.startswith(wanted) for test in tests)

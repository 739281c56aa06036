"""Every public name says what it does, and so does every method and property of a public class."""

from __future__ import annotations

import enum
import importlib
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def documented_objects() -> Iterator[tuple[str, object]]:
    """Return each public class and function with its name, and each public method and property of the classes."""
    for module in map(importlib.import_module, ("ringfence", "ringfence.errors", "ringfence.hookspecs")):
        for name in getattr(module, "__all__", ()):  # that it is there is tested in test_all.py
            found = getattr(module, name)
            if not (inspect.isclass(found) or inspect.isroutine(found)):
                continue  # a constant is documented where it stands
            yield f"{module.__name__}.{name}", found
            if inspect.isclass(found):
                yield from members(f"{module.__name__}.{name}", found)


def members(prefix: str, owner: type) -> Iterator[tuple[str, object]]:
    """Return the public methods and properties that a class itself defines."""
    for name, value in vars(owner).items():
        if name.startswith("_") or (issubclass(owner, enum.Enum) and name in owner.__members__):
            continue
        if isinstance(value, (staticmethod, classmethod)):
            yield f"{prefix}.{name}", value.__func__
        elif isinstance(value, property) or inspect.isfunction(value):
            yield f"{prefix}.{name}", value


OBJECTS = dict(documented_objects())


@pytest.mark.parametrize("name", OBJECTS)
def test_a_public_name_is_documented(name: str) -> None:
    """It has a docstring of its own, not an inherited or a generated one, that is a sentence."""
    found = OBJECTS[name]
    text = (vars(found).get("__doc__") if inspect.isclass(found) else found.__doc__) or ""
    first = text.strip().partition("\n")[0]
    assert first.endswith((".", ":"))
    assert not first.startswith(f"{name.rpartition('.')[2]}(")


@pytest.mark.parametrize("name", OBJECTS)
def test_what_can_be_raised_has_a_section(name: str) -> None:
    """A docstring that speaks of arguments or exceptions does so in the sections that all of them share."""
    text = inspect.getdoc(OBJECTS[name]) or ""
    for wrong in ("Args:", "Parameters:", "Raise:", "Return:", ":param", ":raises"):
        assert f"\n{wrong}" not in text

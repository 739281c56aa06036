"""The tools of a module: what `secure_tool` decorated, what a guard in it has registered, and what frameworks made tools of.

Importing a module runs it, as whoever asks for it does anyway. The one idea: where a module has no registered tool, its own public
functions are taken for its tools, which is what a person who starts with a policy has.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.errors import ToolError
from ringfence.guard import Guard
from ringfence.tool import Tool, make_tool

if TYPE_CHECKING:
    from types import ModuleType


def tools_of(module: str, folder: str | Path = ".") -> list[Tool]:
    """Return the tools of a module, by name.

    Arguments:
        module: `package.module`, importable from the folder or installed; or the path of a Python file.
        folder: where to look first.

    Raises:
        ToolError: it cannot be imported, or has no tool.

    """
    loaded = _load(module, Path(folder))
    found = {tool.name: tool for tool in _registered(loaded)}
    if not found:
        found = {tool.name: tool for tool in _functions(loaded)}
    if not found:
        raise ToolError(
            f"the module {module!r} has no tools",
            "Name one that has functions with secure_tool, a guard with registered tools, or public functions of its own.",
        )
    return [found[name] for name in sorted(found)]


def _load(module: str, folder: Path) -> ModuleType:
    try:
        if module.endswith(".py"):
            return _load_file(folder / module)
        here = str(folder.resolve())
        if here not in sys.path:
            sys.path.insert(0, here)
        return importlib.import_module(module)
    except Exception as error:
        raise ToolError(
            f"the module {module!r} cannot be imported: {type(error).__name__}: {error}",
            "Name it as package.module, importable from the current folder, or as a .py file.",
        ) from error


def _load_file(path: Path) -> ModuleType:
    name = f"ringfence_tools_of_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _registered(module: ModuleType) -> list[Tool]:
    found: list[Tool] = []
    for value in vars(module).values():
        tool = getattr(value, "__ringfence_tool__", None) if callable(value) else None
        if isinstance(value, Tool):
            found.append(value)
        elif isinstance(tool, Tool):
            found.append(tool)
        elif isinstance(value, Guard):
            found += value.tools.values()
        elif (framework_tool := _of_framework(value)) is not None:
            found.append(framework_tool)
    return found


def _of_framework(value: object) -> Tool | None:
    """Return a tool that a framework made of a function, as LangChain's `@tool` does: an object with a name and its function."""
    if isinstance(value, type):
        return None
    try:
        name, function = value.name, getattr(value, "func", None) or value.coroutine  # type: ignore[attr-defined]  # what has none is no tool
    except Exception:  # noqa: BLE001 - a module may hold anything, and its attributes may do anything
        return None
    return make_tool(function, name=name) if type(name) is str and callable(function) else None


def _functions(module: ModuleType) -> list[Tool]:
    return [
        make_tool(value)
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]

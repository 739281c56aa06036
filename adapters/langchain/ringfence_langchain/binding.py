"""What the policy sees of a LangChain tool's arguments, and which registration the tool is judged by.

The one idea: the policy sees what the function gets from the model, coerced by the tool's own schema and with defaults filled in,
under the function's own names. What the framework injects (state, runtime, store, configuration, callbacks, the call's id) is the
application's, not the model's: it is neither judged nor recorded.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import replace
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, get_type_hints

from ringfence import Kind, Signature, Tool
from ringfence_langchain.framework import RunnableConfig, ToolRuntime, get_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ringfence import Guard
    from ringfence_langchain.framework import BaseTool

    Function = Callable[..., Any]

if sys.version_info >= (3, 14):
    # Reading a signature evaluates annotations there, which fails for names that are imported for type checkers only.
    from annotationlib import Format

    _signature = partial(inspect.signature, annotation_format=Format.FORWARDREF)
else:
    _signature = inspect.signature

_FRAMEWORKS_OWN = frozenset({"run_manager", "callbacks"})
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_MOST_NAMES = 8


class Binding:
    """Turns what LangChain is about to call a tool's function with into what the policy judges.

    Arguments:
        tool: the tool.
        function: what it calls in the end: its function, its coroutine or the method itself.
        method: the method that LangChain calls: its `_run` or its `_arun`.

    """

    def __init__(self, tool: BaseTool, function: Function, method: Function) -> None:
        self._hidden = _injected_names(tool, method)
        shown = [p for p in _parameters(function) if p.name not in self._hidden | _framework_names(function)]
        self._positional = [p.name for p in shown if p.kind in _POSITIONAL]
        self._defaults = {p.name: p.default for p in shown if p.default is not inspect.Parameter.empty}

    @property
    def hidden(self) -> frozenset[str]:
        """The names of the arguments that the framework injects."""
        return self._hidden

    @property
    def first(self) -> str:
        """The name of the argument that a bare text is for."""
        return self._positional[0] if self._positional else "tool_input"

    def visible(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments by name, defaults included, without what the framework injects."""
        named = dict(zip(self._positional, args, strict=False))
        if len(args) > len(self._positional):
            named["args"] = tuple(args[len(self._positional) :])
        # LangGraph also injects its runtime into any argument called `runtime`, whatever its annotation.
        given = {
            name: value
            for name, value in kwargs.items()
            if name not in self._hidden and not isinstance(value, ToolRuntime)
        }
        return {**self._defaults, **named, **given}


class Misfit(Signature):
    """Binds nothing: the tool's schema has refused the arguments already, and the gate is to record that.

    Arguments:
        error: what the schema raised.

    """

    __slots__ = ("_message",)

    def __init__(self, error: Exception) -> None:
        self._message = misfit(error)

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:  # noqa: ARG002 - refused unseen
        """Refuse any arguments."""
        raise TypeError(self._message)


def misfit(error: Exception) -> str:
    """Return which arguments a schema refused, as far as it says. Never a value: values may be secrets."""
    details = getattr(error, "errors", None)
    if not callable(details):
        return f"the tool's schema refuses them with {type(error).__name__}"
    names = sorted({repr(str(detail["loc"][0])[:80]) for detail in details() if detail["loc"]})
    return f"the tool's schema refuses {', '.join(names[:_MOST_NAMES]) or 'them'}"


def judged_by(tool: BaseTool, function: Function, guard: Guard) -> Tool:
    """Return the registration that a tool is judged by: what `secure_tool` made of its function, else one under its name.

    Raises:
        ToolExists: the guard knows another function under the tool's name.

    """
    own = [
        candidate for field in ("func", "coroutine") if (candidate := getattr(tool, field, None)) is not None
    ]
    for candidate in (function, *own):
        known = registered(candidate, guard) or _carried(candidate, tool.name, guard)
        if known is not None:
            return replace(known, signature=None)
    method = type(tool)._run  # noqa: SLF001 - the method that LangChain asks tools to write
    made = Tool(tool.name, own[0] if own else method, description=tool.description)
    return replace(guard.adopt(made), signature=None)


def registered(function: Function | None, guard: Guard) -> Tool | None:
    """Return the registration of a function that `secure_tool` guards for this very guard, else None."""
    known = secured(function)
    return known if known is not None and guard.tools.get(known.name) is known else None


def secured(function: Function | None) -> Tool | None:
    """Return the registration of a function that is `secure_tool`'s own wrapper, else None.

    A wrapper around that wrapper carries the registration too, copied by `functools.wraps`, but nothing says that it calls it.
    """
    known = getattr(function, "__ringfence_tool__", None)
    return (
        known
        if isinstance(known, Tool) and getattr(function, "__wrapped__", None) is known.function
        else None
    )


def _carried(function: Function, name: str, guard: Guard) -> Tool | None:
    """Return the registration that a wrapper around `secure_tool`'s wrapper carries, where the tool is named like it."""
    known = getattr(function, "__ringfence_tool__", None)
    return (
        known if isinstance(known, Tool) and known.name == name and guard.tools.get(name) is known else None
    )


def bare(function: Function, known: Tool) -> Function:
    """Return what `secure_tool`'s wrapper guards, bound to its object where it is a method."""
    if known.function is None or not inspect.ismethod(function):
        return known.function or function
    return MethodType(known.function, function.__self__)


def kind_of(function: Function) -> Kind:
    """Return how a function is called, seen through the wrapper of `secure_tool`."""
    known = secured(function)
    return Kind.of(function) if known is None else known.kind


def _injected_names(tool: BaseTool, method: Function) -> frozenset[str]:
    """Return the arguments that come from the framework, not from the model, when LangChain calls the tool's method."""
    names = set(tool._injected_args_keys)  # noqa: SLF001 - exactly what LangChain injects, which no public name tells
    shown: Any = tool.tool_call_schema
    if not isinstance(tool.args_schema, dict):
        names |= set(get_fields(tool.get_input_schema())) - set(get_fields(shown))
    own = _framework_names(method) - {"callbacks"}  # which only functions get
    return frozenset(names | {p.name for p in _parameters(method) if p.name in own})


def _framework_names(function: Function) -> frozenset[str]:
    """Return the parameters that LangChain fills in by name or by annotation when it calls a function."""
    try:
        hints = get_type_hints(function)
    except Exception:  # noqa: BLE001 - LangChain injects no configuration either where annotations cannot be resolved
        hints = {}
    return _FRAMEWORKS_OWN | {name for name, hint in hints.items() if hint is RunnableConfig}


def _parameters(function: Function) -> Iterable[inspect.Parameter]:
    try:
        return _signature(function).parameters.values()
    except ValueError:  # written in C, without a readable signature
        return ()

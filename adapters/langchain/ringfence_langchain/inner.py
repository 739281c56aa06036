"""What runs behind the gate: a tool with its bare functions, and with its generators drained.

LangChain has no streaming tools: it would show the model the text `<generator object ...>`. So a generator is run to its end
inside the gate; an async generator becomes a coroutine, for which LangChain takes the asynchronous way.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from functools import wraps
from typing import TYPE_CHECKING, Any

from ringfence import Kind
from ringfence_langchain.binding import bare, kind_of, registered

if TYPE_CHECKING:
    from ringfence import Guard
    from ringfence_langchain.binding import Function
    from ringfence_langchain.framework import BaseTool


def undecorated(tool: BaseTool, guard: Guard) -> BaseTool:
    """Return the tool without this guard's own `secure_tool` wrappers: the gate judges by their registrations, once."""
    update = {}
    for field in ("func", "coroutine"):
        function = getattr(tool, field, None)
        known = registered(function, guard)
        if function is not None and known is not None:
            update[field] = bare(function, known)
    return tool.model_copy(update=update) if update else tool


def drained(tool: BaseTool) -> BaseTool:
    """Return the tool with a coroutine in place of an async generator function; itself where it has none."""
    func, coroutine = getattr(tool, "func", None), getattr(tool, "coroutine", None)
    if func is not None and kind_of(func) is Kind.ASYNC_GENERATOR:
        return drained(tool.model_copy(update={"func": None, "coroutine": coroutine or func}))
    if coroutine is not None and kind_of(coroutine) is Kind.ASYNC_GENERATOR:
        return tool.model_copy(update={"coroutine": _awaitable(coroutine)})
    return tool


def _awaitable(function: Function) -> Function:
    @wraps(function)
    async def awaitable(*args: Any, **kwargs: Any) -> Any:
        return await avalue(function(*args, **kwargs))

    return awaitable


def value(result: Any) -> Any:
    """Return what a synchronous tool hands out: the items of a generator, or the result itself."""
    return _gathered(list(result)) if isinstance(result, Generator) else result


async def avalue(result: Any) -> Any:
    """As `value`, for an asynchronous tool."""
    return _gathered([item async for item in result]) if isinstance(result, AsyncGenerator) else value(result)


def _gathered(items: list[Any]) -> Any:
    return "".join(items) if all(isinstance(item, str) for item in items) else items

"""`secure_tools`: guarded copies of LangChain tools, for an agent, a tool node, a chain or a direct call.

The gate sits where a tool runs (`_run`, `_arun`), so whatever changed the arguments before, the gate judges those that are used.
A copy has all that its tool has (name, schema, result format, error handling). The one idea: nothing but the result changes, and
a refusal reaches the model as an error message that it can act on.
"""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from ringfence import default_guard
from ringfence.errors import ToolError
from ringfence_langchain.abort import abort
from ringfence_langchain.binding import Binding, Misfit, judged_by, secured
from ringfence_langchain.framework import (
    BaseTool,
    SingleInputTool,
    StructuredTool,
    ToolMessage,
    make_langchain_tool,
)
from ringfence_langchain.inner import avalue, drained, undecorated, value
from ringfence_langchain.pausing import aapproval, approval

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from ringfence import Guard, Outcome
    from ringfence_langchain.binding import Function

_GUARD = "_ringfence_guard"
_CALL_ID = "ringfence_tool_call_id"
_WAYS_IN = ("invoke", "ainvoke", "run", "arun")
_LANGCHAIN = (BaseTool, StructuredTool, SingleInputTool)


def secure_tools(
    tools: Iterable[BaseTool | Callable[..., Any]], guard: Guard | None = None
) -> list[BaseTool]:
    """Return guarded copies of tools. A tool that this guard guards already comes back as it is.

    A denied call is answered with a `ToolMessage(status="error")` where a tool call was invoked, and raises `CallDenied` where
    plain arguments were. A broken gate raises `GuardBroken`, past all error handling of LangChain. The tool's own exceptions
    pass unchanged. Generators are drained: texts are joined, anything else becomes a list.

    Arguments:
        tools: LangChain tools, or functions of any kind to make tools of. Functions of `secure_tool` of this guard are judged by
            their own registration, once.
        guard: the guard that decides; the default one where none is given.

    Raises:
        NoGuard: no guard was given, and there is no default one.
        ToolError: a tool runs by other means than LangChain's own, or is none, so that no gate can be put before it.
        ToolExists: the guard knows another function under a tool's name.

    """
    guard = guard or default_guard()
    return [guarded(_as_tool(tool), guard) for tool in tools]


def guarded(tool: BaseTool, guard: Guard) -> BaseTool:
    """Return a copy of one tool with the gate before its execution. Errors as for `secure_tools`."""
    if vars(tool).get(_GUARD) is guard:
        return tool
    _refuse_other_ways_in(tool)
    func, coroutine = getattr(tool, "func", None), getattr(tool, "coroutine", None)
    run = tool._run  # noqa: SLF001 - the methods that LangChain's own code calls
    arun = run if type(tool)._arun is BaseTool._arun else tool._arun  # noqa: SLF001
    sync = _Way(tool, func or coroutine or run, run, guard)
    inner = drained(undecorated(tool, guard))
    copy = drained(tool).model_copy()
    # What stands in the instance comes before what stands in its class, in this copy and in all copies of it.
    vars(copy).update(
        {
            _GUARD: guard,
            "_run": _sync_gate(tool, inner, sync),
            "_arun": _async_gate(tool, inner, _Way(tool, coroutine or func or arun, arun, guard)),
            "_to_args_and_kwargs": _parser(inner, sync),
        }
    )
    return copy


def _as_tool(tool: object) -> BaseTool:
    if isinstance(tool, BaseTool):
        return tool
    if not callable(tool):
        message = f"a {type(tool).__name__} is neither a LangChain tool nor a function"
        raise ToolError(
            message, "A tool that the model's provider runs cannot be guarded here: pass it on as it is."
        )
    known = secured(tool)
    return make_langchain_tool(tool) if known is None else make_langchain_tool(known.name)(tool)


def _refuse_other_ways_in(tool: BaseTool) -> None:
    """Check that LangChain's own code takes every call of the tool to `_run` or `_arun`, where the gate is."""
    for name in _WAYS_IN:
        method = vars(tool).get(name, getattr(type(tool), name))
        if not any(method is vars(known).get(name) for known in _LANGCHAIN):
            message = f"the tool {tool.name!r} overrides {name!r}, so a gate before its execution could be passed by"
            raise ToolError(
                message, "Move what it does into `_run` and `_arun`, or guard its function with secure_tool."
            )


class _Way:
    """One way to a tool, synchronous or not: what it is judged by, and what of its arguments is judged."""

    def __init__(self, tool: BaseTool, function: Function, method: Function, guard: Guard) -> None:
        self._guard = guard
        self._judged = judged_by(tool, function, guard)
        self._binding = Binding(tool, function, method)

    def run(self, args: Sequence[Any], kwargs: Mapping[str, Any], body: Callable[[], Any]) -> Outcome:
        visible = self._binding.visible(args, kwargs)
        decided = approval(self._guard, self._judged, visible)
        return self._guard.run(self._judged, visible, body=body, approval=decided)

    async def arun(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], body: Callable[[], Awaitable[Any]]
    ) -> Outcome:
        visible = self._binding.visible(args, kwargs)
        decided = await aapproval(self._guard, self._judged, visible)
        return await self._guard.arun(self._judged, visible, body=body, approval=decided)

    def refuse(self, error: Exception, tool_input: str | dict[str, Any]) -> None:
        """Record a call whose arguments the tool's own schema has refused. LangChain answers it as it was told to."""
        raw = tool_input if isinstance(tool_input, dict) else {self._binding.first: tool_input}
        judged = replace(self._judged, signature=Misfit(error))
        outcome = self._guard.admit(judged, self._binding.visible((), raw)).outcome
        if outcome is not None and outcome.broken:
            abort(outcome)


def _parser(inner: BaseTool, way: _Way) -> Function:
    """Return what reads a copy's input: LangChain's own reading, which also tells the gate which tool call waits for it."""

    def parse(
        tool_input: str | dict[str, Any], tool_call_id: str | None
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        try:
            args, kwargs = inner._to_args_and_kwargs(tool_input, tool_call_id)  # noqa: SLF001 - the seam
        except Exception as error:
            way.refuse(error, tool_input)
            raise
        return args, {**kwargs, _CALL_ID: tool_call_id}

    return parse


def _sync_gate(tool: BaseTool, inner: BaseTool, way: _Way) -> Function:
    own_method = type(inner)._run not in (StructuredTool._run, SingleInputTool._run)  # noqa: SLF001
    only_async = not own_method and getattr(inner, "func", None) is None

    @wraps(inner._run)  # noqa: SLF001 - LangChain reads from the signature what to inject
    def run(*args: Any, **kwargs: Any) -> Any:
        call_id = kwargs.pop(_CALL_ID, None)
        if only_async:
            message = f"the tool {tool.name!r} does not support sync invocation: use ainvoke or astream"
            raise NotImplementedError(message)
        outcome = way.run(args, kwargs, lambda: value(inner._run(*args, **kwargs)))  # noqa: SLF001
        return _answer(tool, outcome, call_id)

    return run


def _async_gate(tool: BaseTool, inner: BaseTool, way: _Way) -> Function:
    @wraps(inner._arun)  # noqa: SLF001 - as in _sync_gate
    async def arun(*args: Any, **kwargs: Any) -> Any:
        call_id = kwargs.pop(_CALL_ID, None)

        async def body() -> Any:
            return await avalue(await inner._arun(*args, **kwargs))  # noqa: SLF001

        return _answer(tool, await way.arun(args, kwargs, body), call_id)

    return arun


def _answer(tool: BaseTool, outcome: Outcome, call_id: str | None) -> Any:
    """Return what LangChain gets: the value, or the refusal as a message where a tool call waits for one."""
    if outcome.broken:
        abort(outcome)
    raised = outcome.executed and outcome.error is not None
    if outcome.success or raised or call_id is None:
        return outcome.unwrap()
    refusal = ToolMessage(outcome.refusal(), name=tool.name, tool_call_id=call_id, status="error")
    return (refusal, None) if tool.response_format == "content_and_artifact" else refusal

"""`RingfenceMiddleware`: puts every tool of an agent behind the gate, for `create_agent` and for a `ToolNode`.

It hands the next handler the guarded copy of the tool (see `tools.py`), so a middleware between here and the tool may change the
arguments, repeat the call or catch what comes back: the gate stands behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

from ringfence import default_guard
from ringfence.errors import ToolError
from ringfence_langchain.abort import abort, aborting
from ringfence_langchain.framework import AgentMiddleware, ToolMessage
from ringfence_langchain.pausing import Results, pausing, reference_of
from ringfence_langchain.tools import guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ringfence import Guard, Outcome
    from ringfence_langchain.framework import BaseTool, Command, ToolCallRequest

    Result = ToolMessage | Command[Any]

_MOST_COPIES = 512


class RingfenceMiddleware(AgentMiddleware[Any, Any]):
    """Takes every tool call of an agent through the gate.

    A denied call is answered with a `ToolMessage(status="error")` that says by which rule, whether to repeat it and what to do
    instead; nothing is raised, so nothing is repeated. A broken gate raises `GuardBroken` and ends the run, whatever another
    middleware or the tool node makes of exceptions. The caller is whoever acts when the agent is invoked: see `Guard.acting_as`.

    Put it last in `middleware=[...]`, next to the tools: then it also guards tools that another middleware puts in.

    Arguments:
        guard: the guard that decides; the default one where none is given.
        ask: what happens to a call that a person must approve. `guard`: the guard asks, by its plugins, callback or channel. `interrupt`: the
            graph pauses with LangGraph's `interrupt`, whose value is the question (`id`, `tool`, `arguments`, `user`, ...), and goes on with
            `Command(resume={"id": ..., "decision": "approve" or "deny", "by": ..., "comment": ...})`, or a list of such. It needs a
            checkpointer, and the same caller on resume.

    Raises:
        NoGuard: no guard was given, and there is no default one.

    """

    def __init__(self, guard: Guard | None = None, *, ask: Literal["guard", "interrupt"] = "guard") -> None:
        super().__init__()
        if ask not in ("guard", "interrupt"):
            raise ToolError(
                f"ask={ask!r} is none of the ways to ask", 'Write ask="guard" or ask="interrupt".'
            )
        self._guard = guard or default_guard()
        self._results = Results() if ask == "interrupt" else None
        self._copies: dict[int, tuple[BaseTool, BaseTool]] = {}

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]
    ) -> Result:
        """Guard one tool call.

        Raises:
            GuardBroken: the gate failed.
            ToolError: no gate can be put before the tool: see `secure_tools`.

        """
        if request.tool is None:
            call = request.tool_call
            return _refusal(request, self._guard.run(call["name"], call["args"], body=_nothing))
        guarded_request = request.override(tool=self._copy_of(request.tool))
        if self._results is None:
            with aborting():
                return handler(guarded_request)
        reference = reference_of(request)
        key = self._results.key(request, reference)
        known: Result | None = self._results.get(key)
        if known is not None:
            return known
        with aborting(), pausing(reference):
            result = handler(guarded_request)
        self._results.keep(key, result)
        return result

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """As `wrap_tool_call`, in an event loop."""
        if request.tool is None:
            call = request.tool_call
            return _refusal(request, await self._guard.arun(call["name"], call["args"], body=_anothing))
        guarded_request = request.override(tool=self._copy_of(request.tool))
        if self._results is None:
            with aborting():
                return await handler(guarded_request)
        reference = reference_of(request)
        key = self._results.key(request, reference)
        known: Result | None = self._results.get(key)
        if known is not None:
            return known
        with aborting(), pausing(reference):
            result = await handler(guarded_request)
        self._results.keep(key, result)
        return result

    def _copy_of(self, tool: BaseTool) -> BaseTool:
        """Return the guarded copy of a tool, made when the tool first comes."""
        known = self._copies.get(id(tool))
        if known is not None:
            return known[1]
        if len(self._copies) >= _MOST_COPIES:
            self._copies.clear()  # an agent whose tools are made anew for each call would fill it for ever
        copy = guarded(tool, self._guard)
        self._copies[id(tool)] = tool, copy  # holding the tool keeps its id from being used again
        return copy


def _nothing() -> NoReturn:
    """Stand in for a tool that the policy knows and the agent does not have."""
    raise ToolError("the agent has no such tool", "Pass it to create_agent, or to the ToolNode.")


async def _anothing() -> NoReturn:
    _nothing()


def _refusal(request: ToolCallRequest, outcome: Outcome) -> ToolMessage:
    """Return the answer to a call of a tool that the agent does not have."""
    if outcome.broken:
        abort(outcome)
    name = request.tool_call["name"]
    text = (
        outcome.refusal()
        if outcome.denied
        else f"There is no tool {name!r} here. Use one of the tools that were offered."
    )
    return ToolMessage(text, name=name, tool_call_id=request.tool_call["id"], status="error")

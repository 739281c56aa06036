"""Every kind of tool, behind every way in, called in every way, under every verdict: denied means that the body never ran.

The graphs are `create_agent`'s own, the tools LangChain's own, only the model is scripted. Where LangChain itself cannot run a
tool (an asynchronous one under `invoke`, a generator that nobody drains), the expectation says what happens instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator  # noqa: TC003 - LangChain resolves the annotations of tools
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langchain_core.tools import tool

from ringfence import CallDenied, GuardBroken, Role, secure_tool
from ringfence.hookspecs import hookimpl
from ringfence_langchain import RingfenceCallback, RingfenceMiddleware, secure_tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeGuard

    from ringfence import Guard

WAYS = ("decorator", "secure_tools", "middleware", "callback")
KINDS = ("sync", "async", "generator", "async generator")
CALLS = ("invoke", "ainvoke", "stream", "astream")
CASES = ("allow", "deny", "ask", "approved", "broken")
QUESTION: Any = {"messages": [("user", "look it up")]}


class Scripted(FakeMessagesListChatModel):
    """A model that asks for the tool once and then says that it is done."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def scripted() -> Scripted:
    call = {"name": "lookup", "args": {"key": "a"}, "id": "call-1", "type": "tool_call"}
    return Scripted(responses=[AIMessage("", tool_calls=[call]), AIMessage("done")])


class Approver:
    @hookimpl
    def ringfence_approve_call(self, call: object) -> bool:
        return True


class Crash:
    @hookimpl
    def ringfence_judge_call(self, call: object) -> None:
        msg = "boom"
        raise ValueError(msg)


def guard_for(case: str, make_guard: MakeGuard) -> Guard:
    roles = {
        "allow": Role(inherits=("user",), allow=("lookup",)),
        "deny": Role(inherits=("user",), deny=("lookup",)),
        "ask": Role(inherits=("user",), ask=("lookup",)),
    }
    plugins: dict[str, dict[str, object]] = {
        "approved": {"approver": Approver()},
        "broken": {"crash": Crash()},
    }
    role = roles[{"approved": "ask", "broken": "allow"}.get(case, case)]
    return make_guard(plugins=plugins.get(case), roles={"clerk": role})


def body_of(kind: str, runs: list[str]) -> Callable[..., Any]:
    """Return a tool's function of one kind, which counts its executions."""

    def sync(key: str) -> str:
        runs.append(key)
        return f"found {key}"

    async def asynchronous(key: str) -> str:
        runs.append(key)
        return f"found {key}"

    def generator(key: str) -> Iterator[str]:
        runs.append(key)
        yield "found "
        yield key

    async def async_generator(key: str) -> AsyncIterator[str]:
        runs.append(key)
        yield "found "
        yield key

    bodies: list[Callable[..., Any]] = [sync, asynchronous, generator, async_generator]
    body = bodies[KINDS.index(kind)]
    body.__name__, body.__doc__ = "lookup", "Look a key up."
    return body


def agent_and_config(way: str, body: Callable[..., Any], guard: Guard) -> tuple[Any, Any]:
    """Return an agent with one tool behind one way in, and the configuration to call it with."""
    if way == "decorator":
        return create_agent(scripted(), [tool(secure_tool(guard=guard)(body))]), {}
    if way == "secure_tools":
        return create_agent(scripted(), secure_tools([body], guard)), {}
    if way == "middleware":
        return create_agent(scripted(), [tool(body)], middleware=[RingfenceMiddleware(guard)]), {}
    lookup = tool(body)
    return create_agent(scripted(), [lookup]), {"callbacks": [RingfenceCallback(guard, tools=[lookup])]}


def answer_of(agent: Any, call: str, config: Any) -> ToolMessage:
    """Return the tool's message after the agent was called in one of the four ways."""

    async def astream() -> list[Any]:
        return [update async for update in agent.astream(QUESTION, config)]

    messages: list[AnyMessage]
    if call == "invoke":
        messages = agent.invoke(QUESTION, config)["messages"]
    elif call == "ainvoke":
        messages = asyncio.run(agent.ainvoke(QUESTION, config))["messages"]
    else:
        updates = list(agent.stream(QUESTION, config)) if call == "stream" else asyncio.run(astream())
        messages = [message for update in updates for node in update.values() for message in node["messages"]]
    assert messages[-1].content == "done"
    return next(message for message in messages if isinstance(message, ToolMessage))


def expected(way: str, kind: str, call: str, case: str) -> tuple[int, object]:
    """Return how often the body runs, and the exception of the agent's run or the beginning of the tool's message."""
    drains = way in ("secure_tools", "middleware")
    only_async = kind == "async" or (kind == "async generator" and drains)
    if (
        only_async
        and call in ("invoke", "stream")
        and not (way == "callback" and case not in ("allow", "approved"))
    ):
        return 0, NotImplementedError
    if case == "broken":
        return 0, GuardBroken
    if case in ("deny", "ask"):
        return 0, "Ringfence denied lookup" if drains else CallDenied
    if "generator" in kind and not drains:
        return 0, "<"  # LangChain shows the model the generator itself, which nobody starts
    return 1, "found a"


@pytest.mark.parametrize(("way", "kind", "call", "case"), list(product(WAYS, KINDS, CALLS, CASES)))
@pytest.mark.filterwarnings("error")
def test_the_body_runs_exactly_when_the_verdict_allows_it(
    way: str, kind: str, call: str, case: str, make_guard: MakeGuard
) -> None:
    """An allowed call runs the body once; a denied, unanswered or undecidable one runs it never."""
    runs: list[str] = []
    guard = guard_for(case, make_guard)
    agent, config = agent_and_config(way, body_of(kind, runs), guard)
    count, result = expected(way, kind, call, case)
    with guard.acting_as("ana", roles=["clerk"]):
        if isinstance(result, type) and issubclass(result, Exception):
            with pytest.raises(result, match=r"lookup|sync invocation"):
                answer_of(agent, call, config)
        else:
            answer = answer_of(agent, call, config)
            assert str(answer.content).startswith(str(result))
            assert answer.status == ("error" if case in ("deny", "ask") else "success")
    assert len(runs) == count

"""`secure_tools` and `RingfenceMiddleware` with real LangChain tools, tool nodes, middleware and agents."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
from collections.abc import Iterator  # noqa: TC003 - LangChain resolves the annotations of tools
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain.tools import InjectedState, ToolRuntime
from langchain_core.callbacks import CallbackManagerForToolRun  # noqa: TC002 - as above
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig  # noqa: TC002 - as above
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, ToolException, tool
from langchain_core.tools import Tool as SingleInputTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field

from ringfence import (
    ArgumentRule,
    CallDenied,
    CodeRule,
    Decision,
    GuardBroken,
    Reason,
    Role,
    RunFailed,
    ToolError,
    ToolExists,
    ToolRule,
    Verdict,
    secure_tool,
)
from ringfence.hookspecs import hookimpl
from ringfence.scanning import Language
from ringfence_langchain import RingfenceMiddleware, secure_tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from langgraph.prebuilt.tool_node import ToolCallRequest
    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, ToolCall


class Watcher:
    """A plugin that keeps what the gate judged and what became of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, object]]] = []
        self.outcomes: list[Outcome] = []

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall, outcome: Outcome) -> None:
        self.calls.append((call.tool.name, dict(call.arguments)))
        self.outcomes.append(outcome)

    @property
    def last(self) -> dict[str, object]:
        """The arguments of the last call."""
        return self.calls[-1][1]


class Crash:
    @hookimpl
    def ringfence_judge_call(self, call: object) -> None:
        msg = "boom"
        raise ValueError(msg)


class Withhold:
    @hookimpl
    def ringfence_judge_result(self, call: object) -> Verdict:
        return Verdict(Decision.DENY, "the result holds a secret", rule="secrets")


class Scripted(FakeMessagesListChatModel):
    """A model that makes the given tool calls, all at once, and then says that it is done."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def scripted(*calls: tuple[str, dict[str, object]]) -> Scripted:
    wanted = [
        {"name": name, "args": args, "id": f"call-{number}", "type": "tool_call"}
        for number, (name, args) in enumerate(calls, 1)
    ]
    return Scripted(responses=[AIMessage("", tool_calls=wanted), AIMessage("done")])


def tool_call(name: str, /, **args: object) -> dict[str, object]:
    return {"name": name, "args": args, "id": "call-1", "type": "tool_call"}


def ask(agent: Any, *, asynchronous: bool = False, **config: object) -> dict[str, Any]:
    """Return an agent's state after one question."""
    question = {"messages": [("user", "go")]}
    state: dict[str, Any] = (
        asyncio.run(agent.ainvoke(question, config)) if asynchronous else agent.invoke(question, config)
    )
    return state


def answers(state: dict[str, Any]) -> list[ToolMessage]:
    return [message for message in state["messages"] if isinstance(message, ToolMessage)]


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def guard(make_guard: MakeGuard, watcher: Watcher) -> Guard:
    """Return a guard that lets a clerk call anything but `drop*`, and `pay` up to 100."""
    return make_guard(
        plugins={"watcher": watcher},
        roles={"clerk": Role(inherits=("user",), allow=("*",), deny=("drop*",))},
        tools={"pay": ToolRule(arguments={"amount": ArgumentRule(max=100)})},
    )


@pytest.fixture(autouse=True)
def caller(guard: Guard) -> Iterator[None]:
    """Act as a clerk, as all tests but those about callers do."""
    with guard.acting_as("ana", roles=["clerk"]):
        yield


@tool
def pay(to: str, amount: float = 5) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


@tool
def drop_table(name: str) -> str:
    """Drop a table."""
    msg = f"the body of drop_table ran for {name}"
    raise AssertionError(msg)


# What the gate judges


def test_the_policy_sees_coerced_arguments_with_defaults(guard: Guard, watcher: Watcher) -> None:
    """What is judged is what the function gets: coerced by the schema, defaults filled in."""
    (secured,) = secure_tools([pay], guard)
    assert secured.invoke({"to": "bo", "amount": "7"}) == "paid 7.0 to bo"
    assert watcher.last == {"to": "bo", "amount": 7.0}
    secured.invoke({"to": "bo"})
    assert watcher.last == {"to": "bo", "amount": 5}


def test_defaults_that_only_the_function_knows_are_judged_too(guard: Guard, watcher: Watcher) -> None:
    """A parameter that the schema leaves out is judged with the function's default."""

    class Schema(BaseModel):
        to: str

    def pay(to: str, amount: float = 500) -> str:
        raise AssertionError(to)

    (secured,) = secure_tools(
        [StructuredTool.from_function(pay, args_schema=Schema, description="Pay.")], guard
    )
    with pytest.raises(CallDenied, match="argument 'amount' is not a number of at most 100"):
        secured.invoke({"to": "bo"})
    assert watcher.last == {"to": "bo", "amount": 500}


def test_a_json_schema_tool_is_judged_on_its_flat_arguments(guard: Guard, watcher: Watcher) -> None:
    """A tool of an MCP server, which takes `**arguments`, is judged by the names that the model uses."""

    def remote(runtime: Any = None, **arguments: Any) -> str:
        return str(arguments)

    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
    made = StructuredTool.from_function(remote, name="pay", description="Pay.", args_schema=schema)
    (secured,) = secure_tools([made], guard)
    answer = secured.invoke(tool_call("pay", amount=500))
    assert answer.status == "error"
    assert watcher.last == {"amount": 500, "runtime": None}


def test_a_single_text_is_judged_under_the_name_of_its_parameter(guard: Guard, watcher: Watcher) -> None:
    """A tool of one text is judged by the name that its function gives it."""
    made = SingleInputTool(name="search", func=lambda query: f"found {query}", description="Search.")
    (secured,) = secure_tools([made], guard)
    assert secured.invoke("cats") == "found cats"
    assert watcher.last == {"query": "cats"}


class Injected(BaseTool):
    name: str = "injected"
    description: str = "Take all that LangChain injects."

    def _run(
        self,
        x: int,
        config: RunnableConfig,
        run_manager: CallbackManagerForToolRun | None = None,
    ) -> str:
        return f"{x} {config['metadata']['team']} {run_manager is not None}"


@tool
def from_state(
    x: int,
    state: Annotated[dict[str, Any], InjectedState],
    call_id: Annotated[str, InjectedToolCallId],
    runtime: ToolRuntime[Any, Any],
    settings: RunnableConfig,
    callbacks: Any = None,
) -> str:
    """Take all that LangChain injects."""
    assert runtime.tool_call_id == call_id
    assert callbacks is not None
    return f"{x} {len(state['messages'])} {call_id} {settings['metadata']['team']}"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_injected_arguments_arrive_and_are_not_judged(
    guard: Guard, watcher: Watcher, asynchronous: bool
) -> None:
    """State, runtime, configuration, callbacks and call id reach the tool, and neither policy nor record sees them."""
    model = scripted(("from_state", {"x": 1}), ("injected", {"x": 2}))
    agent: Any = create_agent(model, secure_tools([from_state, Injected()], guard))
    state = ask(agent, asynchronous=asynchronous, metadata={"team": "red"})
    assert [answer.content for answer in answers(state)] == ["1 2 call-1 red", "2 red True"]
    assert sorted(watcher.calls) == [("from_state", {"x": 1}), ("injected", {"x": 2})]


def test_arguments_that_the_schema_refuses_are_recorded(guard: Guard, watcher: Watcher) -> None:
    """LangChain answers the model as it always does, and the record has no gap, and no value in its message."""
    agent: Any = create_agent(
        scripted(("pay", {"to": "bo", "amount": "hunter2"})), secure_tools([pay], guard)
    )
    (answer,) = answers(ask(agent))
    assert "amount" in str(answer.content)
    assert answer.status == "error"
    (outcome,) = watcher.outcomes
    assert outcome.reason is Reason.ARGUMENTS
    assert outcome.detail == "the arguments do not fit: the tool's schema refuses 'amount'"


def test_an_async_tool_s_refused_arguments_are_recorded(guard: Guard, watcher: Watcher) -> None:
    """The same holds in an event loop, for a tool that `secure_tool` guards."""

    @secure_tool(guard=guard)
    async def transfer(amount: int) -> str:
        """Transfer."""
        raise AssertionError(amount)

    (secured,) = secure_tools([transfer], guard)
    with pytest.raises(ValueError, match="amount"):
        asyncio.run(secured.ainvoke({"amount": "much"}))
    assert [outcome.reason for outcome in watcher.outcomes] == [Reason.ARGUMENTS]


# What a guarded copy keeps


def test_a_copy_keeps_all_that_its_tool_has(guard: Guard) -> None:
    """Name, description, schema, result format, error handling, tags, metadata and extras stay."""

    class Schema(BaseModel):
        x: int = Field(description="a number")

    original = StructuredTool.from_function(
        lambda x: (x, None),
        name="both",
        description="Both.",
        args_schema=Schema,
        return_direct=True,
        response_format="content_and_artifact",
        tags=["a"],
        metadata={"b": 1},
        extras={"c": 2},
        handle_tool_error=True,
        handle_validation_error="no",
    )
    (secured,) = secure_tools([original], guard)
    assert secured is not original
    assert isinstance(secured, StructuredTool)
    for field in type(original).model_fields:
        assert getattr(secured, field) == getattr(original, field), field
    assert secured.tool_call_schema.model_json_schema() == original.tool_call_schema.model_json_schema()  # type: ignore[union-attr]


def test_the_artifact_of_a_tool_arrives(guard: Guard) -> None:
    """A tool with content and artifact keeps both when allowed, and is answered with a refusal when denied."""

    @tool(response_format="content_and_artifact")
    def chart(kind: str) -> tuple[str, list[int]]:
        """Draw a chart."""
        return f"a {kind} chart", [1, 2]

    dropping = chart.model_copy(update={"name": "drop_chart"})
    secured, denied = secure_tools([chart, dropping], guard)
    answer = secured.invoke(tool_call("chart", kind="bar"))
    assert (answer.content, answer.artifact, answer.status) == ("a bar chart", [1, 2], "success")
    answer = denied.invoke(tool_call("drop_chart", kind="bar"))
    assert answer.content.startswith("Ringfence denied drop_chart: ")
    assert (answer.artifact, answer.status, answer.name) == (None, "error", "drop_chart")


def test_a_generator_of_other_things_than_text_becomes_a_list(guard: Guard) -> None:
    """Texts are joined; any other items stay a list."""

    def rows(count: int) -> Iterator[int]:
        """Give rows."""
        yield from range(count)

    (secured,) = secure_tools([rows], guard)
    assert secured.invoke({"count": 3}) == [0, 1, 2]


def test_a_tool_that_this_guard_guards_comes_back_as_it_is(guard: Guard, watcher: Watcher) -> None:
    """Guarding twice is guarding once; a copy of a copy stays guarded."""
    (once,) = secure_tools([pay], guard)
    assert secure_tools([once], guard) == [once]
    assert secure_tools([once], guard)[0] is once
    renamed = once.model_copy(update={"name": "gift"})
    with pytest.raises(CallDenied, match=r"^pay: "):
        renamed.invoke({"to": "bo", "amount": 101})
    assert len(watcher.calls) == 1


class Greeter(BaseTool):
    name: str = "greet"
    description: str = "Greet."
    greeted: int = 0

    def _run(self, who: str) -> str:
        self.greeted += 1
        return f"hello {who}"


class BothWays(Greeter):
    async def _arun(self, who: str) -> str:
        return self._run(who) + "!"


@pytest.mark.parametrize(("kind", "text"), [(Greeter, "hello bo"), (BothWays, "hello bo!")])
def test_a_tool_class_of_one_s_own_is_judged_once(
    guard: Guard, watcher: Watcher, kind: type[Greeter], text: str
) -> None:
    """However `_run` and `_arun` call each other, one call is one judgement, and the original keeps its state."""
    original = kind()
    (secured,) = secure_tools([original], guard)
    assert secured.invoke({"who": "bo"}) == "hello bo"
    assert asyncio.run(secured.ainvoke({"who": "bo"})) == text
    assert watcher.calls == [("greet", {"who": "bo"})] * 2
    assert original.greeted == 2


def test_a_sync_tool_awaited_by_its_lower_level_method_is_judged_once(guard: Guard, watcher: Watcher) -> None:
    """`arun` of a synchronous tool ends in `_run`; that is one call, not two."""
    (secured,) = secure_tools([pay], guard)
    assert asyncio.run(secured.arun({"to": "bo"})) == "paid 5 to bo"
    assert len(watcher.calls) == 1


# What is refused, and how


def test_a_denied_tool_call_is_answered_and_denied_arguments_raise(guard: Guard) -> None:
    """A tool call gets a message that the model can act on; plain arguments get an exception."""
    (secured,) = secure_tools([drop_table], guard)
    answer = secured.invoke(tool_call("drop_table", name="users"))
    assert (answer.status, answer.tool_call_id, answer.name) == ("error", "call-1", "drop_table")
    assert "Rule: roles.clerk.deny. Retry: no. Hint: Use another tool." in answer.content
    with pytest.raises(CallDenied, match="role 'clerk' forbids tools like 'drop\\*'"):
        secured.invoke({"name": "users"})


def test_a_withheld_result_is_answered_without_the_result(make_guard: MakeGuard) -> None:
    """What inspection holds back never reaches the model."""
    guard = make_guard(
        plugins={"withhold": Withhold()}, roles={"clerk": Role(inherits=("user",), allow=("*",))}
    )
    (secured,) = secure_tools([pay], guard)
    answer = secured.invoke(tool_call("pay", to="hunter2"))
    assert answer.content.startswith("Ringfence withheld the result of pay: the result holds a secret.")
    assert "hunter2" not in answer.content
    with pytest.raises(RunFailed, match="the result holds a secret"):
        secured.invoke({"to": "hunter2"})


def test_the_tool_s_own_exceptions_are_langchain_s_to_handle(guard: Guard) -> None:
    """A ToolException goes through `handle_tool_error`, any other exception comes out as it is."""

    @tool
    def picky(word: str) -> str:
        """Take a word."""
        raise (ToolException if word == "soft" else LookupError)(word)

    picky.handle_tool_error = lambda error: f"try again: {error}"
    (secured,) = secure_tools([picky], guard)
    answer = secured.invoke(tool_call("picky", word="soft"))
    assert (answer.content, answer.status) == ("try again: soft", "error")
    with pytest.raises(LookupError, match="hard"):
        secured.invoke({"word": "hard"})


def test_a_broken_gate_passes_all_error_handling_of_a_tool_node(make_guard: MakeGuard) -> None:
    """`handle_tool_errors=True` makes a message of any exception, but not of a broken gate."""
    guard = make_guard(plugins={"crash": Crash()}, roles={"clerk": Role(inherits=("user",), allow=("*",))})
    loose = pay.model_copy(update={"handle_tool_error": True})
    node = ToolNode(secure_tools([loose], guard), handle_tool_errors=True)
    graph = StateGraph(MessagesState).add_node("tools", node).add_edge(START, "tools").compile()
    call: Any = tool_call("pay", to="bo")
    with pytest.raises(GuardBroken, match="the call was denied because crash failed"):
        graph.invoke({"messages": [AIMessage("", tool_calls=[call])]})


def test_a_tool_that_runs_by_other_means_is_refused(guard: Guard) -> None:
    """A gate before `_run` is worth nothing where `invoke` is overridden; and not everything is a tool."""

    class Sly(Greeter):
        def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002 - LangChain's name
            return "hello"

    with pytest.raises(ToolError, match="the tool 'greet' overrides 'invoke'"):
        secure_tools([Sly()], guard)
    patched = Greeter()
    vars(patched)["invoke"] = lambda _: "hello"
    with pytest.raises(ToolError, match="the tool 'greet' overrides 'invoke'"):
        secure_tools([patched], guard)
    with pytest.raises(ToolError, match="a dict is neither a LangChain tool nor a function"):
        secure_tools([{"type": "web_search"}], guard)  # type: ignore[list-item]  # the mistake under test


def test_a_tool_under_the_name_of_another_function_is_refused(guard: Guard) -> None:
    """A tool is known by its function: no other may pass for it."""

    @secure_tool(guard=guard)
    def search(query: str) -> str:
        return query

    @tool("search")
    def other(query: str) -> str:
        """Search."""
        return query

    with pytest.raises(ToolExists, match="'search' already belongs to"):
        secure_tools([other], guard)


# Tools of `secure_tool`


def test_a_secured_function_is_judged_once_and_by_its_registration(make_guard: MakeGuard) -> None:
    """`@tool` above `@secure_tool`: the decorator's role holds, the bare function runs, injected arguments stay hidden."""
    watcher = Watcher()
    guard = make_guard(plugins={"watcher": watcher})

    @tool("pay_back")
    @secure_tool(role="power_user", guard=guard, name="refund")
    def refund(order: str, call_id: Annotated[str, InjectedToolCallId], amount: int = 1) -> str:
        """Refund an order."""
        return f"{order} {amount} {call_id}"

    (secured,) = secure_tools([refund], guard)
    with guard.acting_as("bo", roles=["user"]):
        assert "it needs the role 'power_user'" in secured.invoke(tool_call("pay_back", order="A")).content
    with guard.acting_as("eve", roles=["power_user"]):
        assert secured.invoke(tool_call("pay_back", order="A")).content == "A 1 call-1"
    assert watcher.calls == [("refund", {"order": "A", "amount": 1})] * 2


def test_a_secured_method_is_called_on_its_object(guard: Guard, watcher: Watcher) -> None:
    """A bound method of `secure_tool` made into a tool runs on its object, judged once, under its registered name."""

    class Shop:
        till = 7

        @secure_tool(guard=guard, name="count_till")
        def count(self, factor: int) -> int:
            """Count the till."""
            return self.till * factor

    (secured,) = secure_tools([Shop().count], guard)
    assert secured.name == "count_till"
    assert secured.invoke({"factor": 2}) == 14
    assert watcher.calls == [("count_till", {"factor": 2})]


def test_a_wrapper_around_a_secured_function_is_judged_by_both(guard: Guard, watcher: Watcher) -> None:
    """A wrapper that copies the registration is no proof that the gate is inside, so this gate judges too."""

    @secure_tool(guard=guard)
    def lookup(key: str) -> str:
        """Look up."""
        return key

    @functools.wraps(lookup)
    def logged(key: str) -> str:
        return f"logged {lookup(key)}"

    (secured,) = secure_tools([logged], guard)
    assert secured.invoke({"key": "a"}) == "logged a"
    assert watcher.calls == [("lookup", {"key": "a"})] * 2


def test_a_function_secured_for_another_guard_is_judged_by_both(make_guard: MakeGuard, guard: Guard) -> None:
    """Another guard's decorator stays in force: either of the two can deny."""
    theirs = make_guard(roles={"clerk": Role(inherits=("user",))})

    @secure_tool(role="admin", guard=theirs)
    def lookup(key: str) -> str:
        """Look up."""
        return key

    (secured,) = secure_tools([lookup], guard)
    with pytest.raises(CallDenied, match="it needs the role 'admin'"):
        secured.invoke({"key": "a"})


# The middleware


class Change(AgentMiddleware[Any, Any]):
    """A middleware that raises the amount."""

    def __init__(self, name: str, amount: float) -> None:
        super().__init__()
        self._name, self._amount = name, amount

    @property
    def name(self) -> str:
        return self._name

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[..., Any]) -> Any:
        call = request.tool_call
        return handler(request.override(tool_call={**call, "args": {**call["args"], "amount": self._amount}}))


class Swallow(AgentMiddleware[Any, Any]):
    """A middleware that makes an answer of any failure."""

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[..., Any]) -> Any:
        try:
            return handler(request)
        except Exception as error:  # noqa: BLE001 - what is under test
            return ToolMessage(f"swallowed {error}", tool_call_id=request.tool_call["id"])

    async def awrap_tool_call(self, request: ToolCallRequest, handler: Callable[..., Any]) -> Any:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001
            return ToolMessage(f"swallowed {error}", tool_call_id=request.tool_call["id"])


@pytest.mark.parametrize("gate_first", [True, False])
def test_the_gate_judges_what_other_middleware_made_of_the_arguments(
    guard: Guard, watcher: Watcher, gate_first: bool
) -> None:
    """Whether another middleware stands outside or inside, the gate judges the arguments that would be used."""
    gate, change = RingfenceMiddleware(guard), Change("change", 500)
    agent: Any = create_agent(
        scripted(("pay", {"to": "bo", "amount": 1})),
        [pay],
        middleware=[gate, change] if gate_first else [change, gate],
    )
    (answer,) = answers(ask(agent))
    assert answer.status == "error"
    assert "Rule: tools.pay.arguments.amount.max." in str(answer.content)
    assert watcher.calls == [("pay", {"to": "bo", "amount": 500.0})]


def retry() -> ToolRetryMiddleware:
    return ToolRetryMiddleware(max_retries=3, initial_delay=0, jitter=False)


@pytest.mark.parametrize("gate_first", [True, False])
def test_a_denial_is_not_retried(guard: Guard, watcher: Watcher, gate_first: bool) -> None:
    """A denial is an answer, not an exception, so a retrying middleware on either side asks once."""
    gate = RingfenceMiddleware(guard)
    agent: Any = create_agent(
        scripted(("drop_table", {"name": "users"})),
        [drop_table],
        middleware=[gate, retry()] if gate_first else [retry(), gate],
    )
    (answer,) = answers(ask(agent))
    assert answer.status == "error"
    assert len(watcher.calls) == 1


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("inner", [Swallow, retry])
def test_a_broken_gate_ends_the_run_past_inner_middleware(
    make_guard: MakeGuard, inner: Callable[[], AgentMiddleware[Any, Any]], asynchronous: bool
) -> None:
    """Neither a retrying nor a swallowing middleware between gate and tool keeps a broken gate from ending the run."""
    watcher = Watcher()
    guard = make_guard(plugins={"crash": Crash(), "watcher": watcher})
    agent: Any = create_agent(
        scripted(("pay", {"to": "bo"})), [pay], middleware=[RingfenceMiddleware(guard), inner()]
    )
    with pytest.raises(GuardBroken, match="pay: the call was denied because crash failed"):
        ask(agent, asynchronous=asynchronous)
    assert len(watcher.calls) == 1


def test_a_broken_gate_ends_a_run_whose_tool_node_handles_all_errors(make_guard: MakeGuard) -> None:
    """The same holds in a tool node that was told to answer any exception, of the middleware too."""
    guard = make_guard(plugins={"crash": Crash()})
    gate = RingfenceMiddleware(guard)
    node = ToolNode([pay], handle_tool_errors=True, wrap_tool_call=gate.wrap_tool_call)
    graph = StateGraph(MessagesState).add_node("tools", node).add_edge(START, "tools").compile()
    call: Any = tool_call("pay", to="bo")
    with pytest.raises(GuardBroken, match="crash failed"):
        graph.invoke({"messages": [AIMessage("", tool_calls=[call])]})


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_tool_that_the_agent_does_not_have_is_refused_and_recorded(
    guard: Guard, watcher: Watcher, asynchronous: bool
) -> None:
    """A name that the model made up runs nothing, and neither does one that only the guard knows."""

    @secure_tool(guard=guard)
    def elsewhere() -> str:
        msg = "the body of elsewhere ran"
        raise AssertionError(msg)

    agent: Any = create_agent(
        scripted(("pai", {"to": "bo"}), ("elsewhere", {})), [pay], middleware=[RingfenceMiddleware(guard)]
    )
    state = ask(agent, asynchronous=asynchronous)
    unknown, absent = sorted(answers(state), key=lambda answer: str(answer.tool_call_id))
    assert unknown.status == absent.status == "error"
    assert "the tool 'pai' is not registered" in str(unknown.content)
    assert absent.content == "There is no tool 'elsewhere' here. Use one of the tools that were offered."
    assert sorted(name for name, _ in watcher.calls) == ["elsewhere", "pai"]


def test_a_broken_gate_ends_the_run_for_an_unknown_tool(make_guard: MakeGuard) -> None:
    """That there is no such tool does not hide that the gate is broken."""
    guard = make_guard(plugins={"crash": Crash()}, tools={"ghost": ToolRule(role="guest")})
    agent: Any = create_agent(scripted(("ghost", {})), [pay], middleware=[RingfenceMiddleware(guard)])
    with pytest.raises(GuardBroken, match="ghost: the call was denied because crash failed"):
        ask(agent)


def test_a_tool_that_another_middleware_puts_in_is_guarded(guard: Guard) -> None:
    """With the gate last, a tool that an outer middleware supplies at run time stands behind it too."""

    class Supply(AgentMiddleware[Any, Any]):
        def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[..., Any]) -> Any:
            return handler(request.override(tool=drop_table))

    agent: Any = create_agent(
        scripted(("drop_table", {"name": "users"})), [pay], middleware=[Supply(), RingfenceMiddleware(guard)]
    )
    (answer,) = answers(ask(agent))
    assert str(answer.content).startswith("Ringfence denied drop_table")


def test_secured_tools_under_the_middleware_are_judged_once(guard: Guard, watcher: Watcher) -> None:
    """Both ways in together are one gate."""
    agent: Any = create_agent(
        scripted(("pay", {"to": "bo"})), secure_tools([pay], guard), middleware=[RingfenceMiddleware(guard)]
    )
    (answer,) = answers(ask(agent))
    assert answer.content == "paid 5 to bo"
    assert len(watcher.calls) == 1


def test_a_tool_s_command_changes_the_graph_s_state(guard: Guard) -> None:
    """What a tool returns for the graph itself passes unchanged."""

    @tool
    def note(text: str, call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Leave a note."""
        return Command(update={"messages": [ToolMessage(f"noted {text}", tool_call_id=call_id)]})

    agent: Any = create_agent(
        scripted(("note", {"text": "a"})), [note], middleware=[RingfenceMiddleware(guard)]
    )
    (answer,) = answers(ask(agent))
    assert answer.content == "noted a"


@pytest.mark.parametrize(
    ("name", "text"), [("report", "a report"), ("drop_report", "Ringfence denied drop_report")]
)
def test_a_tool_that_returns_directly_ends_the_run(guard: Guard, name: str, text: str) -> None:
    """A direct result ends the agent's run, and so does the refusal in its place, as any error message of LangChain does."""

    @tool(name, return_direct=True)
    def report() -> str:
        """Report."""
        return "a report"

    agent: Any = create_agent(scripted((name, {})), [report], middleware=[RingfenceMiddleware(guard)])
    last = ask(agent)["messages"][-1]
    assert isinstance(last, ToolMessage)
    assert str(last.content).startswith(text)


def test_an_interrupted_tool_is_judged_again_when_it_resumes(guard: Guard, watcher: Watcher) -> None:
    """LangGraph runs an interrupted tool from its start, so each start is a call of its own."""

    @tool
    def confirm(what: str) -> str:
        """Confirm."""
        return f"{what}: {interrupt('sure?')}"

    agent: Any = create_agent(
        scripted(("confirm", {"what": "a"})),
        [confirm],
        middleware=[RingfenceMiddleware(guard)],
        checkpointer=InMemorySaver(),
    )
    config: Any = {"configurable": {"thread_id": "1"}}
    assert "__interrupt__" in ask(agent, **config)
    (answer,) = answers(agent.invoke(Command(resume="yes"), config))
    assert answer.content == "a: yes"
    assert watcher.calls == [("confirm", {"what": "a"})] * 2


def test_parallel_calls_act_as_the_caller_of_the_run(guard: Guard) -> None:
    """The tools of one message run in threads, and each call is the caller's."""
    agent: Any = create_agent(
        scripted(("pay", {"to": "a"}), ("pay", {"to": "b"})), [pay], middleware=[RingfenceMiddleware(guard)]
    )
    assert {answer.content for answer in answers(ask(agent))} == {"paid 5 to a", "paid 5 to b"}
    with guard.acting_as("eve", roles=["guest"]):
        assert {answer.status for answer in answers(ask(agent))} == {"error"}


def test_the_middleware_holds_a_bounded_number_of_copies(guard: Guard) -> None:
    """Tools that are made anew for each call do not fill the memory, and each is guarded."""
    gate = RingfenceMiddleware(guard)
    seen: list[BaseTool] = []

    def handler(request: Any) -> Any:
        seen.append(request.tool)
        return ToolMessage("", tool_call_id="1")

    from langgraph.prebuilt.tool_node import ToolCallRequest

    for _ in range(600):
        call: Any = tool_call("pay", to="bo")
        runtime: Any = None
        gate.wrap_tool_call(ToolCallRequest(call, pay.model_copy(), {}, runtime), handler)
    assert len(gate._copies) <= 512
    assert len({id(secured) for secured in seen}) == 600
    with pytest.raises(CallDenied, match="amount"):
        seen[-1].invoke({"to": "bo", "amount": 101})


# Without LangChain


BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("langchain", "langchain_core", "langgraph"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
try:
    import ringfence_langchain
except Exception as error:
    print(type(error).__name__, error)
"""


def test_without_langchain_the_import_names_the_command() -> None:
    """A missing framework is told with the command that installs it."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.startswith("AdapterUnavailable the adapter 'langchain' needs a framework")
    assert done.stdout.strip().endswith("Run: pip install 'ringfence[langchain]'")


def test_without_a_guard_there_is_none() -> None:
    """Neither a guard nor a default one: the error says so where the tools are made, not at the first call."""
    program = "import ringfence_langchain as r\ntry: r.RingfenceMiddleware()\nexcept Exception as e: print(type(e).__name__, e)"
    env = {"PATH": "", "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, env=env
    )
    assert done.stdout.startswith("NoGuard no guard is configured")


# Code in arguments


@pytest.mark.parametrize("asynchronous", [False, True])
def test_code_that_a_policy_declares_is_scanned_before_the_tool_runs(
    make_guard: MakeGuard, asynchronous: bool
) -> None:
    """The tool is LangChain's own and knows nothing of it: a real agent's snippet is denied, the next one runs, the model reads why."""
    guard = make_guard(
        roles={"coder": Role(inherits=("power_user",), allow=("*",))},
        tools={"python": ToolRule(code={"code": CodeRule(Language.PYTHON)})},
    )
    ran: list[str] = []

    @tool
    def python(code: str, note: str = "") -> str:
        """Run a snippet."""
        ran.append(code)
        return "done"

    model = scripted(
        ("python", {"code": "import os\nos.remove('/srv/x')", "note": "a"}), ("python", {"code": "print(1)"})
    )
    agent = create_agent(model, secure_tools([python], guard))
    with guard.acting_as("ana", ["coder"]):
        denied, fine = answers(ask(agent, asynchronous=asynchronous))
    assert ran == ["print(1)"]
    assert (denied.status, fine.content) == ("error", "done")
    assert "argument 'code' (python) in line 2: writes outside the working folder" in str(denied.content)
    assert "Hint: Write to a relative path." in str(denied.content)


def test_code_that_a_decorator_declares_is_scanned_in_langchain_too(guard: Guard) -> None:
    """What `secure_tool` says of a function holds for the tool that LangChain makes of it, defaults included."""

    @secure_tool(guard=guard, code={"path": "path"})
    def read(path: str = "/srv/secret") -> str:
        """Read a file."""
        return f"read {path}"

    (secured,) = secure_tools([tool(read)], guard)
    assert secured.invoke({"path": "a.txt"}) == "read a.txt"
    for arguments in ({"path": "../a"}, {}):
        with pytest.raises(CallDenied, match="reads outside the working folder"):
            secured.invoke(arguments)

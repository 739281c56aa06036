"""`RingfenceCallback` with real LangChain tools: what it sees, what it can stop, and that it loses no call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

from ringfence import (
    ArgumentRule,
    CallDenied,
    Decision,
    GuardBroken,
    Reason,
    Role,
    RunFailed,
    ToolRule,
    Verdict,
    current_session,
)
from ringfence.hookspecs import hookimpl
from ringfence_langchain import RingfenceCallback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, ToolCall


class Watcher:
    """A plugin that keeps what the gate judged and what became of it."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, object], Outcome]] = []

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall, outcome: Outcome) -> None:
        self.seen.append((dict(call.arguments), outcome))


class WithholdBig:
    @hookimpl
    def ringfence_judge_result(self, outcome: Outcome) -> Verdict | None:
        return Verdict(Decision.DENY, "the result is too big") if outcome.value == "paid 99.0 to bo" else None


class LateRefusal(BaseCallbackHandler):
    """Another handler, which raises after the gate has admitted the call."""

    raise_error = True

    def on_tool_start(self, *args: Any, **kwargs: Any) -> None:
        msg = "not today"
        raise RuntimeError(msg)


@tool
def pay(to: str, amount: float = 5) -> str:
    """Pay somebody."""
    if to == "nobody":
        raise LookupError(to)
    return f"paid {amount} to {to}"


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def guard(make_guard: MakeGuard, watcher: Watcher) -> Iterator[Guard]:
    """Give a guard under which a clerk may pay up to 100, one payment at a time, and act as that clerk."""
    guard = make_guard(
        plugins={"watcher": watcher, "big": WithholdBig()},
        roles={"clerk": Role(permissions=("execute_tool",), allow=("pay",), concurrent_runs=1)},  # type: ignore[arg-type]  # as the file has it
        tools={"pay": ToolRule(arguments={"amount": ArgumentRule(max=100)})},
    )
    with guard.acting_as("ana", roles=["clerk"]):
        yield guard


def under(callback: RingfenceCallback, *more: BaseCallbackHandler) -> Any:
    return {"callbacks": [callback, *more]}


def test_a_named_tool_is_judged_on_coerced_arguments(guard: Guard, watcher: Watcher) -> None:
    """With `tools=`, the policy sees what the schema makes of the arguments, defaults included."""
    callback = RingfenceCallback(guard, tools=[pay])
    assert pay.invoke({"to": "bo", "amount": "7"}, under(callback)) == "paid 7.0 to bo"
    assert pay.invoke({"to": "bo"}, under(callback)) == "paid 5 to bo"
    assert [arguments for arguments, _ in watcher.seen] == [
        {"to": "bo", "amount": 7.0},
        {"to": "bo", "amount": 5},
    ]
    assert watcher.seen[0][1].value == "paid 7.0 to bo"


def test_an_unnamed_tool_is_judged_on_raw_arguments(guard: Guard) -> None:
    """Without `tools=`, text is not a number, and what is absent fails its rule: stricter, never looser."""
    callback = RingfenceCallback(guard)
    assert pay.invoke({"to": "bo", "amount": 7}, under(callback)) == "paid 7.0 to bo"
    with pytest.raises(CallDenied, match="argument 'amount' is not a number of at most 100"):
        pay.invoke({"to": "bo", "amount": "7"}, under(callback))
    with pytest.raises(CallDenied, match="argument 'amount' is not a number of at most 100"):
        pay.invoke({"to": "bo"}, under(callback))


def test_arguments_that_do_not_fit_are_denied_before_the_tool_sees_them(
    guard: Guard, watcher: Watcher
) -> None:
    """The schema's refusal is the gate's, without the value in its message."""
    with pytest.raises(
        CallDenied, match="the arguments do not fit: the tool's schema refuses 'amount'"
    ) as denied:
        pay.invoke({"to": "bo", "amount": "hunter2"}, under(RingfenceCallback(guard, tools=[pay])))
    assert "hunter2" not in str(denied.value)
    assert watcher.seen[0][1].reason is Reason.ARGUMENTS


def test_a_bare_text_is_judged_under_the_first_parameter(guard: Guard, watcher: Watcher) -> None:
    """A tool of one text can be called without naming its argument."""
    callback = RingfenceCallback(guard, tools=[pay])
    assert pay.invoke("bo", under(callback)) == "paid 5 to bo"
    assert watcher.seen[0][0] == {"to": "bo", "amount": 5}


def test_an_unknown_tool_is_denied(guard: Guard) -> None:
    """A tool that nobody named, registered or allowed does not run."""

    @tool
    def wipe() -> str:
        """Wipe."""
        msg = "the body of wipe ran"
        raise AssertionError(msg)

    with pytest.raises(CallDenied, match="the tool 'wipe' is not registered"):
        wipe.invoke({}, under(RingfenceCallback(guard)))


def test_the_tool_s_own_exception_is_recorded_and_raised(guard: Guard, watcher: Watcher) -> None:
    """A failed tool fails as it would without the gate."""
    with pytest.raises(LookupError, match="nobody"):
        pay.invoke({"to": "nobody"}, under(RingfenceCallback(guard, tools=[pay])))
    assert [outcome.reason for _, outcome in watcher.seen] == [Reason.CRASHED]


def test_a_withheld_result_is_raised(guard: Guard) -> None:
    """A callback cannot replace a result, so what inspection holds back ends the call."""
    with pytest.raises(RunFailed, match="the result is too big"):
        pay.invoke({"to": "bo", "amount": 99}, under(RingfenceCallback(guard, tools=[pay])))


def test_a_broken_gate_is_raised(make_guard: MakeGuard) -> None:
    """Where the gate itself fails, the tool does not run."""

    class Crash:
        @hookimpl
        def ringfence_judge_call(self, call: object) -> None:
            msg = "boom"
            raise ValueError(msg)

    callback = RingfenceCallback(make_guard(plugins={"crash": Crash()}), tools=[pay])
    with pytest.raises(GuardBroken, match="pay: the call was denied because crash failed"):
        pay.invoke({"to": "bo"}, under(callback))


def test_the_caller_arrives_in_the_gate_s_thread(guard: Guard, watcher: Watcher) -> None:
    """Under `ainvoke` a handler runs in another thread, and still acts for the caller of the run."""

    async def main() -> str:
        with guard.acting_as("bo", roles=["clerk"]):
            assert current_session().principal.user == "bo"
            return str(await pay.ainvoke({"to": "bo"}, under(RingfenceCallback(guard, tools=[pay]))))

    assert asyncio.run(main()) == "paid 5 to bo"
    with (
        guard.acting_as("eve", roles=["guest"]),
        pytest.raises(CallDenied, match="lacks the permission execute_tool"),
    ):
        asyncio.run(pay.ainvoke({"to": "bo"}, under(RingfenceCallback(guard, tools=[pay]))))
    assert watcher.seen[0][1].success


def test_a_call_whose_end_is_never_told_is_settled_with_its_chain(guard: Guard, watcher: Watcher) -> None:
    """Another handler stops the tool after the gate admitted it: the call is recorded, and the caller's one slot is free again."""
    callback = RingfenceCallback(guard, tools=[pay])
    chain: Any = RunnableLambda(lambda to, config: pay.invoke({"to": to}, config))
    with pytest.raises(RuntimeError, match="not today"):
        chain.invoke("bo", under(callback, LateRefusal()))
    assert [outcome.reason for _, outcome in watcher.seen] == [Reason.CANCELLED]
    assert chain.invoke("bo", under(callback)) == "paid 5 to bo"


def test_calls_without_an_end_do_not_pile_up(make_guard: MakeGuard) -> None:
    """Without a chain around them, at most 1,024 calls are kept; the oldest is settled as cancelled."""
    watcher = Watcher()
    guard = make_guard(
        plugins={"watcher": watcher},
        roles={"bot": Role(inherits=("admin",), allow=("pay",), concurrent_runs=5000)},
    )
    callback = RingfenceCallback(guard)
    with guard.acting_as("ana", roles=["bot"]):
        for _ in range(1030):
            callback.on_tool_start({"name": "pay"}, "", run_id=uuid4(), inputs={"to": "bo"})
    assert [outcome.reason for _, outcome in watcher.seen] == [Reason.CANCELLED] * 6


def test_an_end_of_a_call_that_is_not_known_changes_nothing(guard: Guard, watcher: Watcher) -> None:
    """A late or repeated end is ignored: the call stands in the record already."""
    RingfenceCallback(guard).on_tool_end("late", run_id=uuid4())
    RingfenceCallback(guard).on_tool_error(ValueError("late"), run_id=uuid4())
    assert watcher.seen == []


def test_it_cannot_be_made_to_let_tools_run(guard: Guard) -> None:
    """Subclassing it, or changing what makes LangChain heed it, is an error at once."""
    with pytest.raises(TypeError, match="Loose cannot inherit from RingfenceCallback"):
        type("Loose", (RingfenceCallback,), {"raise_error": False})
    callback = RingfenceCallback(guard)
    for name in ("raise_error", "run_inline", "ignore_agent", "on_tool_start"):
        with pytest.raises(AttributeError, match=f"RingfenceCallback.{name} is fixed"):
            setattr(callback, name, False)
    assert callback.raise_error

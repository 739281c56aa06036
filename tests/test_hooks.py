"""When each hook is asked, and with what: one test for each, named after it, and one for the order of them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ringfence import Decision, Permission, Role, SecurityEvent, ThreatLevel, Tier, ToolRule, Verdict
from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, Session, ToolCall
    from ringfence.hookspecs import AddRunner
    from ringfence.policy.compile import CompiledPolicy

ROLES = {"clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",), ask=("wire",), deny=("drop",))}


class Everything:
    """A plugin that implements every hook but `add_runners`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def kept(self, hook: str) -> list[dict[str, Any]]:
        """Return what one hook was given, call by call."""
        return [given for name, given in self.asked if name == hook]

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall, policy: CompiledPolicy, session: Session) -> None:
        """Keep what came."""
        self.asked.append(("judge_call", {"call": call, "policy": policy, "session": session}))

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall, verdict: Verdict) -> bool:
        """Keep what came, and say yes."""
        self.asked.append(("approve_call", {"call": call, "verdict": verdict}))
        return True

    @hookimpl
    def ringfence_judge_result(self, call: ToolCall, outcome: Outcome, session: Session) -> None:
        """Keep what came."""
        self.asked.append(("judge_result", {"call": call, "outcome": outcome, "session": session}))

    @hookimpl
    def ringfence_observe_call(
        self, call: ToolCall, outcome: Outcome, session: Session
    ) -> list[SecurityEvent]:
        """Keep what came, and report an event."""
        self.asked.append(("observe_call", {"call": call, "outcome": outcome, "session": session}))
        return [SecurityEvent(call.id, "seen", ThreatLevel.INFO, "seen", call.at)]

    @hookimpl
    def ringfence_record_event(self, event: SecurityEvent) -> None:
        """Keep what came."""
        self.asked.append(("record_event", {"event": event}))


def guard_with(make_guard: MakeGuard, plugin: object) -> Guard:
    """Return a guard with the plugin and three tools: one allowed, one asked about, one forbidden."""
    guard = make_guard(roles=ROLES, plugins={"everything": plugin}, tools={"pay": ToolRule()})
    for name in ("pay", "wire", "drop"):
        guard.register(lambda amount=1: f"{amount} paid", name=name)
    return guard


def call(guard: Guard, tool: str) -> Outcome:
    """Run a tool as a clerk."""
    with guard.acting_as("ana", roles=["clerk"]):
        return guard.run(tool)


def test_the_hooks_of_one_call_come_in_their_order(make_guard: MakeGuard) -> None:
    """A call that is asked about passes all hooks in the order of the specifications."""
    plugin = Everything()
    assert call(guard_with(make_guard, plugin), "wire").success
    assert [name for name, _ in plugin.asked] == [
        "judge_call",
        "approve_call",
        "judge_call",  # again, since a person may have taken minutes
        "judge_result",
        "observe_call",
        "record_event",
    ]


@pytest.mark.parametrize("tool", ["pay", "wire", "drop"])
def test_hook_judge_call(make_guard: MakeGuard, tool: str) -> None:
    """It is asked about every call, a forbidden one too, with the bound arguments, the policy in force and the session."""
    plugin = Everything()
    guard = guard_with(make_guard, plugin)
    outcome = call(guard, tool)
    given, *again = plugin.kept("judge_call")
    assert len(again) == (tool == "wire")  # a person has approved it
    assert (given["call"].id, given["call"].tool, dict(given["call"].arguments)) == (
        outcome.call_id,
        guard.tools[tool],
        {"amount": 1},
    )
    assert given["call"].principal.user == given["session"].principal.user == "ana"
    assert given["policy"].version == guard.policy_version


def test_hook_judge_call_is_asked_by_decide_too(make_guard: MakeGuard) -> None:
    """`decide` asks the plugins, and none of the hooks that come after a verdict."""
    plugin = Everything()
    guard = guard_with(make_guard, plugin)
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.decide("wire").decision is Decision.ASK
    assert [name for name, _ in plugin.asked] == ["judge_call"]


def test_hook_approve_call(make_guard: MakeGuard) -> None:
    """It is asked only where the verdict is ask, and gets that verdict."""
    plugin = Everything()
    guard = guard_with(make_guard, plugin)
    for tool in ("pay", "drop"):
        call(guard, tool)
    assert plugin.kept("approve_call") == []
    outcome = call(guard, "wire")
    (given,) = plugin.kept("approve_call")
    assert given["verdict"].decision is Decision.ASK
    assert given["verdict"].rule == "roles.clerk.ask"
    assert (outcome.verdict.check, outcome.verdict.message) == ("approval", "approved through everything")


def test_hook_judge_result(make_guard: MakeGuard) -> None:
    """It sees the value of a call that ran and returned, and nothing of one that did not."""
    plugin = Everything()
    guard = guard_with(make_guard, plugin)
    call(guard, "drop")
    guard.register(lambda: 1 / 0, name="fail")
    call(guard, "fail")
    assert plugin.kept("judge_result") == []
    call(guard, "pay")
    (given,) = plugin.kept("judge_result")
    assert given["outcome"].value == "1 paid"


def test_hook_observe_call(make_guard: MakeGuard) -> None:
    """It sees every outcome, of a denied and of a failed call too, and its events stand in the outcome."""
    plugin = Everything()
    guard = guard_with(make_guard, plugin)
    guard.register(lambda: 1 / 0, name="fail")
    outcomes = [call(guard, tool) for tool in ("pay", "drop", "fail")]
    seen = [given["outcome"] for given in plugin.kept("observe_call")]
    assert [(one.call_id, one.reason, one.value) for one in seen] == [
        (one.call_id, one.reason, one.value) for one in outcomes
    ]
    assert [[event.kind for event in outcome.events] for outcome in outcomes] == [["seen"]] * 3


def test_hook_record_event(make_guard: MakeGuard) -> None:
    """It hears each event once, the very event that was reported."""
    plugin = Everything()
    outcome = call(guard_with(make_guard, plugin), "pay")
    (given,) = plugin.kept("record_event")
    assert (given["event"],) == outcome.events


def test_hook_add_runners(make_guard: MakeGuard) -> None:
    """It is asked once when the guard starts, and the runner that it adds runs the calls of its tier."""
    asked: list[str] = []

    class Box:
        tier = Tier.SANDBOX

        def missing(self, profile: object) -> str:
            return ""

        def run(self, call: ToolCall, verdict: Verdict, profile: object, body: Any) -> Outcome:
            from ringfence import Outcome

            asked.append(call.tool.name)
            return Outcome(call.id, call.tool.name, verdict, executed=True, value=f"boxed {body()}")

    class Boxes:
        @hookimpl
        def ringfence_add_runners(self, add: AddRunner) -> None:
            asked.append("add")
            add(Box())  # type: ignore[arg-type]  # it has no `arun`, which this test does not need

    guard = make_guard(roles=ROLES, plugins={"boxes": Boxes()})
    guard.register(lambda: "paid", name="pay", tier="sandbox")
    assert call(guard, "pay").value == "boxed paid"
    assert asked == ["add", "pay"]

"""What holds when a person decides is what is true once they have: sessions end, roles go, policies change, arguments are changed.

And what a plugin or an observed call may not do: approve in nobody's name, or run in a session that is over.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from tests.identity.helpers import PASSWORD, ROLES, START, Counted, Turned, call, rule_of

from ringfence import (
    ApprovalAnswer,
    Approvals,
    ArgumentRule,
    Audit,
    CallRule,
    Condition,
    Guard,
    Limit,
    Mode,
    Per,
    Policy,
    Reason,
    State,
    StoreKind,
    secure_tool,
)
from ringfence.hookspecs import hookimpl
from ringfence.policy.model import AtMost
from ringfence.tool import Tool
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ringfence import Session, ToolCall

ASKS = {"ask": CallRule(decision=Decision.ASK, tools=("refund",))}


def guard_with(
    approve: Callable[[Guard, Session], Any] | None = None, time: Turned | None = None, **policy: Any
) -> tuple[Guard, Session]:
    """Return a guard with users, over a store in memory, and a session of ana, a clerk; approving runs `approve` first."""
    made: list[Any] = []

    def ask(_: object) -> bool:
        if approve is not None:
            approve(*made)
        return True

    plugins = policy.pop("plugins", {})
    given = Policy(
        roles=policy.pop("roles", ROLES),
        state=State("memory:"),
        audit=Audit(store=StoreKind.MEMORY),
        **policy,
    )
    guard = Guard(given, plugins=plugins, clock=(time or Turned()).clock, passwords=Counted(), approve=ask)
    for name in ("refund", "read_order", "drop_table", "send_mail"):
        guard.register(lambda x: x, name=name)
    guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
    guard.identity.add_user("boss", password=PASSWORD, roles=["chief", "clerk"])
    made += [guard, guard.login("ana", PASSWORD)]
    return made[0], made[1]


# While a person decides


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        (lambda guard, session: guard.logout(session), "session-ended"),
        (lambda guard, _: guard.identity.set_roles("ana", ["user"]), "approval-caller"),
        (lambda guard, _: guard.identity.deactivate("ana"), "session-ended"),
        (lambda guard, _: guard.identity.set_roles("ana", ["clerk", "user"]), "approval-caller"),
        (lambda guard, _: guard.identity.lock("ana"), "user-locked"),
    ],
)
def test_what_an_administrator_takes_away_meanwhile_is_gone(
    what: Callable[[Guard, Session], Any], rule: str
) -> None:
    """The approval was for the caller as they were."""
    guard, session = guard_with(what, rules=ASKS)
    outcome = call(guard, session)
    assert not outcome.executed
    assert (outcome.verdict.rule, outcome.reason) == (rule, Reason.POLICY)


def test_nothing_changed_meanwhile() -> None:
    """Then it runs."""
    guard, session = guard_with(lambda *_: None, rules=ASKS)
    assert call(guard, session).success


def test_a_rule_about_the_time_is_asked_again() -> None:
    """The call was made at eight in the morning, and approved after the hour at which refunds end."""
    time = Turned()
    late = CallRule(decision=Decision.DENY, tools=("refund",), when=Condition(hours="08:01-23:00"))
    guard, session = guard_with(lambda *_: time.turn(120), time, rules={**ASKS, "late": late})
    assert START % 86_400 == 8 * 3600
    outcome = call(guard, session)
    assert (outcome.executed, outcome.verdict.rule) == (False, "rules.late")


def test_a_policy_that_was_reloaded_meanwhile_is_asked_anew(tmp_path: Path) -> None:
    """The approval was given under the old one."""
    file = tmp_path / "ringfence.yaml"
    text = "version: 1\naudit: {store: memory}\nroles: {clerk: {inherits: [user], ask: [refund]}}\n"
    file.write_text(text, encoding="utf-8")

    def ask(_: object) -> bool:
        file.write_text(text.replace("ask: [refund]", "deny: [refund]"), encoding="utf-8")
        guard.reload()
        return True

    with Guard.from_file(file, approve=ask) as guard:
        guard.register(lambda x: x, name="refund")
        with guard.acting_as("ana", ["clerk"]):
            outcome = guard.run("refund", {"x": 1})
            assert (outcome.executed, outcome.verdict.rule) == (False, "approval-policy")
            assert outcome.verdict.retry
            assert guard.run("refund", {"x": 1}).verdict.rule == "roles.clerk.deny"


# Plugins that approve


class Boss:
    """A plugin that answers."""

    def __init__(self, answer: Any, change: Callable[[ToolCall], Any] = lambda _: None) -> None:
        self.answer, self.change = answer, change

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall) -> Any:
        """Do what the test says, and answer."""
        self.change(call)
        return self.answer


@pytest.mark.parametrize(
    ("approvals", "answer", "runs"),
    [
        (Approvals(), True, True),
        (Approvals(four_eyes=True), True, False),
        (Approvals(four_eyes=True), ApprovalAnswer(True, "Ana"), False),
        (Approvals(four_eyes=True), ApprovalAnswer(True, "bea"), True),
        (Approvals(approvers=("chief",)), True, False),
        (Approvals(approvers=("chief",)), ApprovalAnswer(True, "bea"), False),
    ],
)
def test_a_plugin_approves_in_somebodys_name(approvals: Approvals, answer: Any, runs: bool) -> None:
    """Where the policy wants to know who it was."""
    policy = Policy(roles=ROLES, rules=ASKS, approvals=approvals, audit=Audit(store=StoreKind.MEMORY))
    guard = Guard(policy, plugins={"boss": Boss(answer)})
    guard.register(lambda x: x, name="refund")
    with guard.acting_as("ana", ["clerk"]):
        outcome = guard.run("refund", {"x": 1})
    assert outcome.executed is runs
    assert outcome.verdict.check == "approval"


def test_a_plugin_that_changes_the_arguments_approves_nothing() -> None:
    """What was approved is what was asked about."""
    guard = Guard(
        Policy(roles=ROLES, rules=ASKS, audit=Audit(store=StoreKind.MEMORY)),
        plugins={"boss": Boss(True, lambda call: call.arguments["x"].append(9))},  # type: ignore[attr-defined]
    )
    guard.register(lambda x: x, name="refund")
    with guard.acting_as("ana", ["clerk"]):
        outcome = guard.run("refund", {"x": [1]})
    assert not outcome.executed
    assert "the arguments changed" in outcome.detail


def test_a_long_argument_hides_no_other() -> None:
    """Whoever approves sees each of them."""
    seen = []

    def ask(request: Any) -> bool:
        seen.append(json.loads(request.arguments))
        return False

    policy = Policy(roles=ROLES, rules=ASKS, audit=Audit(store=StoreKind.MEMORY))
    guard = Guard(policy, approve=ask)
    guard.register(lambda filler, amount, to: (filler, amount, to), name="refund")
    with guard.acting_as("ana", ["clerk"]):
        filler = [f"{index}" * 300 for index in range(500)]
        guard.run("refund", {"filler": filler, "amount": 7, "to": "bo"})
    assert (seen[0]["amount"], seen[0]["to"]) == (7, "bo")


# Observed


@pytest.mark.filterwarnings("ignore:the policy is in observe mode")
def test_observing_lets_no_session_run_that_is_over() -> None:
    """It watches a policy; who somebody is, is no question of a policy."""
    guard, session = guard_with(mode=Mode.OBSERVE)
    assert call(guard, session, "drop_table").executed
    guard.logout(session)
    for tool in ("refund", "drop_table"):
        outcome = call(guard, session, tool)
        assert (outcome.executed, outcome.verdict.rule) == (False, "session-ended")


# What is delegated


def test_a_sub_agent_stays_within_its_users_limits() -> None:
    """Without the role that a limit is about, and in as many sessions as one likes."""
    per_role = Limit(tools=("refund",), roles=("chief",), per=(Per.USER,), calls=2, seconds=3600)
    guard, _ = guard_with(limits={"chiefs": per_role})
    parent = guard.login("boss", PASSWORD)
    children = [guard.login_token(guard.delegate(parent, roles=["clerk"])) for _ in range(3)]
    assert [rule_of(guard, child) for child in children] == ["", "", "limits.chiefs"]


def test_sub_agents_count_as_one_session() -> None:
    """A limit for each session counts all that were made from it."""
    each = Limit(tools=("refund",), per=(Per.SESSION,), calls=2, seconds=3600)
    guard, session = guard_with(limits={"each": each})
    children = [guard.login_token(guard.delegate(session, tools=["refund"])) for _ in range(2)]
    grandchild = guard.login_token(guard.delegate(children[0], tools=["refund"]))
    assert [rule_of(guard, child) for child in (*children, grandchild)] == ["", "", "limits.each"]


def test_a_rule_that_counts_for_a_role_counts_without_it_too() -> None:
    """Judged again when the call is entered, so that two at once do not both pass."""
    often = CallRule(
        decision=Decision.DENY, tools=("refund",), roles=("chief",), unless=Condition(at_most=AtMost(1, 3600, per=Per.USER))
    )  # fmt: skip
    inner: list[str] = []

    class Nested:
        @hookimpl
        def ringfence_judge_call(self) -> None:
            if not inner:  # after the policy's own rules have let the outer call pass
                inner.append("")
                inner[0] = rule_of(guard, other)

    guard, _ = guard_with(rules={"often": often}, plugins={"nested": Nested()})
    parent = guard.login("boss", PASSWORD)
    child, other = (guard.login_token(guard.delegate(parent, roles=["clerk"])) for _ in range(2))
    assert (rule_of(guard, child), inner) == ("rules.often", [""])


# Smaller ones


def test_a_token_that_nobody_has_seen_stays_revoked() -> None:
    """Longer than any token lasts: by its id nobody knows when that is."""
    time = Turned()
    guard, _ = guard_with(time=time)
    assert guard.identity.revoke_token("corp:abc")
    time.turn(30 * 86_400)
    guard.identity.issue_token("ana")
    assert not guard.identity.revoke_token("corp:abc")  # it is known, and revoked


@pytest.mark.parametrize("odd", [{"a.b": 5, "a": {"b": 5000}}, {"a.b": 5000, "a": {"b": 5}}])
def test_a_name_with_a_dot_speaks_for_no_path(odd: dict[str, Any]) -> None:
    """Where both are there, both count, and neither hides the other from a rule."""
    large = CallRule(
        decision=Decision.DENY, tools=("refund",), when=Condition(arguments={"a.b": ArgumentRule(min=1000)})
    )
    policy = Policy(roles=ROLES, rules={"large": large}, audit=Audit(store=StoreKind.MEMORY))
    guard = Guard(policy)
    tool = Tool("refund")  # as of a framework that gives no signature
    with guard.acting_as("ana", ["clerk"]):
        assert guard.explain(tool, {"a.b": 5, "a": {"b": 5}}).verdict.allowed
        assert guard.explain(tool, odd).verdict.rule == "rules.large"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_generator_goes_on_in_the_process_that_it_was_admitted_in() -> None:
    """A copy of it would run a call that nothing records."""
    guard = Guard(Policy(roles=ROLES, audit=Audit(store=StoreKind.MEMORY)))

    def read_order(x: int) -> Any:
        yield from range(x)

    guarded = secure_tool(name="read_order", guard=guard)(read_order)
    with guard.acting_as("ana", ["clerk"]):
        items = guarded(3)
        assert next(items) == 0
        child = os.fork()
        if child == 0:
            try:
                next(items)
            except RuntimeError as error:
                os._exit(7 if "another one" in str(error) else 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert list(items) == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="needs modes of files")
def test_a_store_that_was_there_is_closed_to_strangers(tmp_path: Path) -> None:
    """What its group may stays as whoever made it wanted."""
    file = tmp_path / "state.db"
    file.touch(0o666)
    file.chmod(0o666)
    with Guard(Policy(state=State(f"sqlite:{file}"), audit=Audit(store=StoreKind.MEMORY))) as guard:
        guard.identity.add_user("ana", password=PASSWORD)
        assert file.stat().st_mode & 0o777 == 0o660

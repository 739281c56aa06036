"""A policy against the record: what it would have said, in which history, and what is not known."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trying.records import STORES, policy_of, recording_guard, records_of

from ringfence import Decision, Policy, Role, StoreKind, ToolCall, Verdict, acting_in
from ringfence.audit.lines import line_of
from ringfence.audit.store import open_source
from ringfence.clock import Clock
from ringfence.hookspecs import hookimpl
from ringfence.policy.file import check_policy_file
from ringfence.trying.change import Change
from ringfence.trying.judging import Trial
from ringfence.trying.recorded import Recorded
from ringfence.trying.replay import from_log
from ringfence.trying.simulate import DECORATED, MASKED, Simulated, Summary, simulate

if TYPE_CHECKING:
    from pathlib import Path

    from ringfence.session import Session

OLD = """
roles:
  analyst: {permissions: [execute_tool], allow: [refund, login, note], ask: [export], deny: [drop]}
tools:
  refund: {arguments: {amount: {max: 100}}}
"""


def record(folder: Path, store: StoreKind = StoreKind.SQLITE) -> None:
    """Record some calls of each kind under the old policy."""

    def refund(amount: float, currency: str = "EUR") -> None: ...
    def login(password: str) -> None: ...
    def note(text: str) -> None: ...
    def export(name: str) -> None: ...
    def drop() -> None: ...

    with recording_guard(folder, policy_of(folder, OLD), store) as guard:
        for tool in (refund, login, note, export, drop):
            guard.register(tool)
        with guard.acting_as("ana", ["analyst"]):
            guard.run("refund", {"amount": 20})
            guard.run("refund", {"amount": 200})
            guard.run("login", {"password": "hunter22"})
            guard.run("note", {"text": "long " * 200})
            guard.run("export", {"name": "all"})
            guard.run("drop")
            guard.run("refund", {"amonut": 1})
            guard.run("nothing")


def simulated(folder: Path, text: str) -> list[Simulated]:
    """Return what a new policy says about the record."""
    return list(simulate(records_of(folder), Trial(policy_of(folder, text))))


@pytest.mark.parametrize("store", STORES)
def test_the_same_policy_changes_nothing(tmp_path: Path, store: StoreKind) -> None:
    """Every call that the policy was asked about is decided as before; what never came to the policy is not counted."""
    record(tmp_path, store)
    found = simulated(tmp_path, OLD)
    assert [(each.recorded.asked.tool, each.recorded.decision.value) for each in found] == [
        ("refund", "allow"), ("refund", "deny"), ("login", "allow"), ("note", "allow"), ("export", "ask"), ("drop", "deny"),
    ]  # fmt: skip
    assert {each.change for each in found} == {Change.SAME}


@pytest.mark.parametrize("store", STORES)
def test_what_would_change_is_told_call_by_call(tmp_path: Path, store: StoreKind) -> None:
    """A stricter limit, a tool that is asked for no more and one that is allowed now are seen, each with its rule."""
    record(tmp_path, store)
    new = """
    roles:
      analyst: {permissions: [execute_tool], allow: [refund, login, note, export, drop]}
    tools:
      refund: {arguments: {amount: {max: 10}}}
    """
    found = simulated(tmp_path, new)
    assert [each.change.value for each in found] == ["stricter", "same", "same", "same", "looser", "looser"]
    first = found[0].verdict
    assert first is not None
    assert first.rule == "tools.refund.arguments.amount.max"
    summary = Summary()
    for each in found:
        summary.count(each)
    assert (summary.calls, summary.changes[Change.LOOSER], summary.pairs["ask", "allow"]) == (6, 2, 1)


def test_a_masked_argument_that_decides_makes_the_call_unknown(tmp_path: Path) -> None:
    """A rule about a password or a text that the record cut is not guessed; a rule about another argument is known."""
    record(tmp_path)
    new = """
    roles:
      analyst: {permissions: [execute_tool], allow: [refund, login, note]}
    tools:
      login: {arguments: {password: {max_length: 100}}}
      note: {arguments: {text: {max_length: 10}}}
    """
    found = {each.recorded.asked.tool: each for each in simulated(tmp_path, new)}
    assert (found["login"].verdict, found["login"].why) == (None, MASKED)
    assert (found["note"].change, found["note"].why) == (Change.UNKNOWN, MASKED)
    assert found["refund"].verdict is not None


def test_a_denial_that_needs_no_masked_argument_is_known(tmp_path: Path) -> None:
    """Whoever may not call the tool at all is denied whatever the password was."""
    record(tmp_path)
    new = """
    roles:
      analyst: {permissions: [execute_tool]}
    tools:
      login: {role: admin, arguments: {password: {max_length: 100}}}
    """
    found = {each.recorded.asked.tool: each for each in simulated(tmp_path, new)}
    login = found["login"].verdict
    assert login is not None
    assert (login.decision, login.rule) == (Decision.DENY, "tools.login.role")


class Swallows:
    """A plugin that reads an argument, and denies when it cannot."""

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> Verdict | None:
        """Answer by the password, or by the failure to read it."""
        try:
            allowed = call.arguments.get("password", "") != "forbidden"
        except Exception:  # noqa: BLE001
            allowed = False
        return Verdict(Decision.ALLOW if allowed else Decision.DENY, "by the password", rule="swallows")


class Lists:
    """A plugin that takes all arguments, as one that sends them elsewhere does."""

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> Verdict | None:
        """Answer by all of them."""
        return Verdict(Decision.ALLOW, f"{len(dict(call.arguments))} arguments", rule="lists")


@pytest.mark.parametrize("plugin", [Swallows(), Lists()])
def test_a_plugin_that_reads_a_masked_argument_makes_the_call_unknown(tmp_path: Path, plugin: object) -> None:
    """A plugin cannot be looked into, so it counts what it read: also where it catches the failure and answers all the same."""
    record(tmp_path)
    trial = Trial(policy_of(tmp_path, OLD), plugins={"theirs": plugin})
    found = {each.recorded.asked.tool: each for each in simulate(records_of(tmp_path), trial)}
    assert found["login"].change is Change.UNKNOWN
    assert found["refund"].change is Change.SAME


class AtMostOnce:
    """A plugin that lets each tool run once in a session."""

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall, session: Session) -> Verdict | None:
        """Deny what ran already."""
        again = session.admitted[call.tool.name] > 0
        return Verdict(Decision.DENY, "it ran already", rule="once") if again else None


def test_each_call_is_judged_in_its_own_sessions_history(tmp_path: Path) -> None:
    """What ran before in the same session counts, also from before `since`; what ran in another, or was refused, does not."""
    policy = Policy(roles={"a": Role(permissions=("execute_tool",), allow=("t",), deny=("u",))})  # type: ignore[arg-type]

    def t() -> None: ...
    def u() -> None: ...

    with recording_guard(tmp_path, policy) as guard:
        guard.register(t)
        guard.register(u)
        one, two = guard.session("ana", ["a"]), guard.session("ben", ["a"])
        for session, tool in ((one, "t"), (two, "u"), (one, "t"), (two, "t"), (two, "t")):
            with acting_in(session):
                guard.run(tool)
    trial = Trial(policy, plugins={"once": AtMostOnce()})
    calls = records_of(tmp_path)
    found = list(simulate(calls, trial))
    rules = ["" if each.verdict is None else each.verdict.rule for each in found]
    assert rules == ["roles.a.allow", "roles.a.deny", "once", "roles.a.allow", "once"]
    third = [call for call in calls if isinstance(call, Recorded)][2]
    late = list(simulate(calls, trial, since=third.asked.at))
    assert [each.verdict.rule for each in late if each.verdict] == rules[2:]


RULES = """
roles: {a: {permissions: [execute_tool], allow: ["*"]}}
rules:
  read-first: {decision: deny, tools: [pay], unless: {after: [look]}}
  no-pay-after-web: {decision: ask, tools: [pay], unless: {not_after: [web]}}
  twice: {decision: deny, tools: [look], unless: {at_most: {calls: 2, seconds: 60}}}
"""


def test_rules_about_the_session_see_what_ran_and_what_succeeded(tmp_path: Path) -> None:
    """A rule that was not there when the log was made sees the record's own history: a call that failed began and did not succeed."""

    def fails() -> None:
        raise ValueError

    old = policy_of(tmp_path, "roles: {a: {permissions: [execute_tool], allow: ['*']}}")
    times = [0.0]
    with recording_guard(tmp_path, old, clock=Clock(lambda: times[0], lambda: times[0])) as guard:
        guard.register(fails, name="look")
        for name in ("pay", "web", "see"):
            guard.register(lambda: None, name=name)
        with guard.acting_as("ana", ["a"]):
            guard.run("look")
            guard.run("pay")
            guard.run("look")
            guard.run("look")
            times[0] = 61.0
            guard.run("look")
            guard.run("web")
            guard.run("pay")
        with guard.acting_as("ana", ["a"]):
            guard.run("pay")
    new = RULES.replace("[look]}}", "[see]}}")
    found = [each.verdict.decision.value for each in simulated(tmp_path, new) if each.verdict]
    assert found == ["allow", "deny", "allow", "deny", "allow", "allow", "deny", "deny"]
    found = [each.verdict.rule for each in simulated(tmp_path, RULES) if each.verdict]
    assert found[1] == "rules.read-first"  # the look before it failed
    sure = RULES.replace("deny, tools: [pay], unless: {after: [look]}", "deny, tools: [x]")
    found = [each.verdict.rule for each in simulated(tmp_path, sure) if each.verdict]
    assert found == [
        "roles.a.allow", "roles.a.allow", "roles.a.allow", "rules.twice",
        "roles.a.allow", "roles.a.allow", "rules.no-pay-after-web", "roles.a.allow",
    ]  # fmt: skip


def test_a_condition_on_a_masked_argument_makes_the_call_unknown(tmp_path: Path) -> None:
    """A rule whose condition reads a password is not guessed."""
    record(tmp_path)
    new = (
        OLD
        + "rules:\n  weak: {decision: deny, tools: [login], when: {arguments: {password: {max_length: 3}}}}\n"
    )
    found = {each.recorded.asked.tool: each for each in simulated(tmp_path, new)}
    assert (found["login"].change, found["login"].why) == (Change.UNKNOWN, MASKED)
    assert found["refund"].change is Change.SAME


def test_what_a_decorator_asks_for_needs_its_module(tmp_path: Path) -> None:
    """A call that a decorator's requirement let pass is unknown without the tool, and known with it."""

    def pay(amount: float) -> None: ...

    policy = Policy()
    with recording_guard(tmp_path, policy) as guard:
        tool = guard.register(pay, role="power_user")
        with guard.acting_as("ana", ["power_user"]):
            assert guard.run("pay", {"amount": 1}).success
    (without,) = simulate(records_of(tmp_path), Trial(policy))
    (known,) = simulate(records_of(tmp_path), Trial(policy, tools=[tool]))
    assert (without.verdict, without.why) == (None, DECORATED)
    assert known.change is Change.SAME


def test_what_the_scanner_said_for_a_decorator_needs_its_module(tmp_path: Path) -> None:
    """Which argument holds code, only the decorator says: without it, nobody knows what the scanner would find."""
    text = "roles:\n  dba: {inherits: [user], allow: [query]}\n"
    with recording_guard(tmp_path, policy_of(tmp_path, text)) as guard:
        tool = guard.register(lambda sql: None, name="query", code={"sql": "sql"})
        with guard.acting_as("ana", ["dba"]):
            assert guard.run("query", {"sql": "DROP TABLE x"}).denied
    (without,) = simulated(tmp_path, text)
    (known,) = simulate(records_of(tmp_path), Trial(policy_of(tmp_path, text), tools=[tool]))
    assert (without.verdict, without.why) == (None, DECORATED)
    assert known.change is Change.SAME


def test_what_was_delegated_is_no_word_of_the_policy(tmp_path: Path) -> None:
    """A sub-agent without the tool was refused, and the policy would have let its user."""
    text = "state: {url: 'memory:'}\nroles:\n  clerk: {inherits: [user], allow: [refund, read]}\n"
    with recording_guard(tmp_path, policy_of(tmp_path, text)) as guard:
        guard.register(lambda: None, name="refund")
        guard.identity.add_user("ana", password="correct horse battery", roles=["clerk"])
        parent = guard.login("ana", "correct horse battery")
        with acting_in(guard.login_token(guard.delegate(parent, tools=["read"]))):
            assert guard.run("refund").verdict.rule == "delegation.tools"
    (found,) = simulated(tmp_path, text)
    assert (found.recorded.decision, found.change) == (Decision.ALLOW, Change.SAME)


class Approves:
    """A person who says yes."""

    @hookimpl
    def ringfence_approve_call(self) -> bool:
        """Say yes."""
        return True


def test_an_approval_is_no_word_of_the_policy(tmp_path: Path) -> None:
    """A call that a person approved was asked for: that is what the new policy is compared with."""
    with recording_guard(tmp_path, policy_of(tmp_path, OLD), plugins={"person": Approves()}) as guard:
        guard.register(lambda: None, name="export")
        with guard.acting_as("ana", ["analyst"]):
            assert guard.run("export").success
    (found,) = simulated(tmp_path, OLD)
    assert (found.recorded.decision, found.recorded.ran, found.change) == (Decision.ASK, True, Change.SAME)


def test_a_call_that_was_only_observed_was_denied(tmp_path: Path) -> None:
    """In observe mode a denied call runs; what the policy said was deny."""
    with pytest.warns(UserWarning, match="observe"):
        guard = recording_guard(tmp_path, policy_of(tmp_path, "mode: observe"))
    with guard:
        guard.register(lambda: None, name="t")
        with guard.acting_as("ana", ["user"]):
            assert guard.run("t").observed
    (found,) = simulated(tmp_path, OLD)
    assert (found.recorded.decision, found.recorded.observed) == (Decision.DENY, True)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(("allow", "deny")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("decision", "rule", "user", "roles", "a", "password", "wall_seconds")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
FORGED = st.sampled_from(("intent", "intent", "refusal", "outcome"))
KEYS = st.sampled_from(
    (
        "usage",
        "seq",
        "at",
        "tool",
        "arguments",
        "verdict",
        "verdicts",
        "caller",
        "session",
        "observed",
        "call",
    )
)


@given(st.lists(st.tuples(FORGED, st.dictionaries(KEYS, JSON)), min_size=1, max_size=4))
def test_no_forged_record_breaks_a_simulation(
    tmp_path_factory: pytest.TempPathFactory, forged: list[tuple[str, dict[str, object]]]
) -> None:
    """Of a log that nobody verified every record may be anything: it is judged, or passed over, and a first policy from it is sound."""
    folder = tmp_path_factory.mktemp("forged")
    sound: dict[str, object] = {
        "at": 1.0,
        "tool": "refund",
        "arguments": {"amount": 1},
        "verdict": {"decision": "allow"},
    }
    lines = [line_of(json.dumps({**sound, **fields, "kind": kind}), bytes(32)) for kind, fields in forged]
    (folder / "calls.log").write_text("".join(lines))
    for each in simulated(folder, OLD):
        assert each.change in Change
    with closing(open_source(folder / "calls.log")) as source:
        (folder / "first.yaml").write_text(from_log(source), encoding="utf-8")
    assert check_policy_file(folder / "first.yaml").faults == ()

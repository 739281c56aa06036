"""Running sessions: whatever takes rights away bites at the next call, in this process and in others, and no time can be cheated."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.identity.helpers import PASSWORD, ROLES, Counted, Turned, call, events, guard_on, rule_of

from ringfence import (
    Audit,
    Guard,
    IdentityPolicy,
    Policy,
    PolicyError,
    Reason,
    SessionEnded,
    State,
    StoreKind,
    acting_in,
)
from ringfence.errors import LoginFailed, RecordError, StateError, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda guard, session: guard.logout(session), "session-ended"),
        (lambda guard, session: guard.identity.deactivate("ana"), "session-ended"),
        (lambda guard, session: guard.identity.remove_user("ana"), "session-ended"),
        (lambda guard, session: guard.identity.set_password("ana", PASSWORD), "session-ended"),
        (lambda guard, session: guard.identity.lock("ana"), "user-locked"),
        (lambda guard, session: guard.identity.set_roles("ana", []), "execute-tool"),
        (lambda guard, session: guard.identity.set_roles("ana", ["user"]), "nobody-spoke"),
    ],
    ids=["logout", "deactivate", "remove", "password", "lock", "no-roles", "fewer-roles"],
)  # fmt: skip
def test_what_takes_rights_away_bites_at_the_next_call(
    guard: Guard, change: Callable[[Guard, Any], object], rule: str
) -> None:
    """In a session that began before it; the denial is a policy's, with a rule of its own."""
    session = guard.login("ana", PASSWORD)
    assert rule_of(guard, session) == ""
    change(guard, session)
    outcome = call(guard, session)
    assert (outcome.verdict.rule, outcome.reason, outcome.executed) == (rule, Reason.POLICY, False)
    if rule == "session-ended":
        assert "Log in again." in outcome.refusal()
        assert session.principal.roles == ()


def test_roles_that_are_given_count_at_the_next_call(guard: Guard) -> None:
    """Nobody has to log in again for them."""
    guard.identity.set_roles("ana", ["user"])
    session = guard.login("ana", PASSWORD)
    assert rule_of(guard, session) != ""
    guard.identity.set_roles("ana", ["user", "clerk"])
    assert rule_of(guard, session) == ""


def test_a_user_who_comes_back_does_not_bring_old_sessions_back(guard: Guard) -> None:
    """Deactivated and activated, or removed and added again under the same id: old sessions and tokens stay dead."""
    identity = guard.identity
    one, two = guard.login("ana", PASSWORD), guard.login("boss", PASSWORD)
    token = identity.issue_token("boss")
    identity.deactivate("ana")
    identity.activate("ana")
    identity.remove_user("boss")
    identity.add_user("boss", password=PASSWORD, roles=["chief"])
    assert rule_of(guard, one) == rule_of(guard, two) == "session-ended"
    with pytest.raises(Exception, match=r"the token was refused: its user was deactivated or removed"):
        guard.login_token(token)
    assert rule_of(guard, guard.login("ana", PASSWORD)) == ""


def test_a_session_ends_after_its_time_and_when_nobody_uses_it(guard: Guard, time: Turned) -> None:
    """Twelve hours in all, half an hour without a call; the end stands in the record once."""
    busy, idle = guard.login("ana", PASSWORD), guard.login("ana", PASSWORD)
    for _ in range(24):
        time.turn(1799)
        assert rule_of(guard, busy) == ""
    assert rule_of(guard, idle) == "session-idle"
    assert rule_of(guard, idle) == "session-ended"
    time.turn(24)
    assert rule_of(guard, busy) == "session-expired"
    assert rule_of(guard, busy) == "session-expired"
    ended = events(guard, "session-ended")
    assert [event.session for event in ended] == [idle.id, busy.id]


def test_a_clock_that_is_set_back_brings_no_idle_session_back(guard: Guard, time: Turned) -> None:
    """What was found idle is ended in the store."""
    session = guard.login("ana", PASSWORD)
    time.turn(1800)
    assert rule_of(guard, session) == "session-idle"
    time.turn(-1700)
    assert rule_of(guard, session) == "session-ended"


def test_logging_out_twice_is_one_event(guard: Guard) -> None:
    """And only a session that somebody logged in to has an end."""
    session = guard.login("ana", PASSWORD)
    guard.logout(session)
    guard.logout(session)
    assert len(events(guard, "logout", "ana")) == 1
    with pytest.raises(TypeError, match="nobody logged in to this session"):
        guard.logout(guard.session("ana", ["clerk"]))


_ELSEWHERE = """
import sys
from ringfence import Identity
from ringfence.clock import Clock
at = float(sys.argv[2])
identity = Identity(state=sys.argv[1], clock=Clock(lambda: at, lambda: at))
exec(sys.argv[3])
identity.close()
"""


def elsewhere(url: str, time: Turned, statement: str) -> None:
    """Do something to the accounts in another process."""
    subprocess.run([sys.executable, "-c", _ELSEWHERE, url, str(time.at), statement], check=True, timeout=50)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_what_another_process_takes_away_bites_at_the_next_call(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, time: Turned
) -> None:
    """Roles, locks, revoked tokens and deactivation, without a pause in between."""
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else f"sqlite:{tmp_path / 'state.db'}"
    with guard_on(url, time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        session = guard.login("ana", PASSWORD)
        token = guard.identity.issue_token("ana")
        with_token = guard.login_token(token)
        assert rule_of(guard, session) == rule_of(guard, with_token) == ""
        elsewhere(url, time, f"identity.revoke_token({token!r})")
        assert (rule_of(guard, session), rule_of(guard, with_token)) == ("", "session-ended")
        with pytest.raises(Exception, match="it was revoked"):
            guard.login_token(token)
        elsewhere(url, time, "identity.set_roles('ana', ['user'])")
        assert rule_of(guard, session) == "nobody-spoke"
        elsewhere(url, time, "identity.set_roles('ana', ['clerk']); identity.lock('ana')")
        assert rule_of(guard, session) == "user-locked"
        elsewhere(url, time, "identity.unlock('ana')")
        assert rule_of(guard, session) == ""
        elsewhere(url, time, "identity.deactivate('ana')")
        assert rule_of(guard, session) == "session-ended"


def test_a_store_that_fails_denies_as_a_broken_gate(tmp_path: Path, time: Turned) -> None:
    """Locked for too long, or damaged: the call does not run, with reason guard; the session goes on once the store does."""
    path = tmp_path / "state.db"
    with guard_on(f"sqlite:{path}", time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        session = guard.login("ana", PASSWORD)
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("ALTER TABLE sessions RENAME TO away")
            outcome = call(guard, session)
            assert (outcome.reason, outcome.verdict.rule) == (Reason.GUARD, "identity-failed")
            assert "no such table" in outcome.verdict.message
            with pytest.raises(StateError, match="no such table"):
                guard.login("ana", PASSWORD)
            assert events(guard, "login-failed", "ana")[0].facts == {"why": "undecided"}
            other.execute("ALTER TABLE away RENAME TO sessions")
        other.close()
        assert rule_of(guard, session) == ""


def test_a_store_that_is_locked_lets_nobody_in(
    tmp_path: Path, time: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and nothing is half done."""
    monkeypatch.setattr("ringfence.state.sqlite._BUSY_SECONDS", 0.1)
    path = tmp_path / "state.db"
    with guard_on(f"sqlite:{path}", time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnavailable, match="locked"):
            guard.login("ana", PASSWORD)
        assert events(guard, "login") == []
        other.execute("ROLLBACK")
        other.close()
        guard.login("ana", PASSWORD)


def test_nobody_is_let_in_whom_the_record_cannot_hold(tmp_path: Path, time: Turned) -> None:
    """A log that fails ends the session that began."""
    policy = Policy(
        roles=ROLES,
        state=State("memory:"),
        audit=Audit(store=StoreKind.JSONL, path=str(tmp_path / "log.jsonl")),
    )
    guard = Guard(policy, clock=time.clock)
    guard.identity.add_user("ana", password=PASSWORD)
    (tmp_path / "log.jsonl").unlink()
    with pytest.raises(RecordError, match="the event login could not be recorded"):
        guard.login("ana", PASSWORD)
    with guard.identity._store.read() as transaction:
        assert transaction.execute("SELECT count(*) FROM sessions WHERE ended IS NULL") == [(0,)]
    with pytest.raises(RecordError, match="removed or moved"):
        guard.close()


def test_a_session_in_a_context_is_looked_up_at_each_call(quick: Guard) -> None:
    """Also within one block, and in observe mode's stricter sense: what the check says is what `explain` shows."""
    session = quick.login("ana", PASSWORD)
    with acting_in(session):
        assert quick.decide("refund", {"x": 1}).allowed
        quick.identity.deactivate("ana")
        assert quick.decide("refund", {"x": 1}).rule == "session-ended"
        assert "session-ended" in [each.rule for each in quick.explain("refund", {"x": 1}).statements]


def test_settings_that_become_tighter_bind_running_sessions(time: Turned) -> None:
    """A shorter idle time counts from the next call on."""
    with guard_on("memory:", time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        session = guard.login("ana", PASSWORD)
        time.turn(600)
        guard.identity.configure(IdentityPolicy(idle_seconds=300), guard._force.policy.roles)
        assert rule_of(guard, session) == "session-idle"


class Life(RuleBasedStateMachine):
    """Sessions under everything that can happen to them, beside a simple model of who still holds."""

    @initialize()
    def begin(self) -> None:
        self.time = Turned()
        self.guard = guard_on("memory:", self.time)
        self.guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        self.sessions: list[list[Any]] = []
        self.active = True
        self.locked = False

    def teardown(self) -> None:
        if hasattr(self, "guard"):
            self.guard.close()

    @rule()
    def log_in(self) -> None:
        try:
            session = self.guard.login("ana", PASSWORD)
        except LoginFailed:
            assert not self.active or self.locked
            return
        assert self.active
        assert not self.locked
        self.sessions.append([session, self.time.at, self.time.at, True])

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def delegate(self, data: st.DataObject) -> None:
        parent = data.draw(st.sampled_from(self.sessions))
        try:
            token = self.guard.delegate(parent[0], seconds=100_000)
        except SessionEnded:
            assert not self._holds(parent)
            return
        assert self._holds(parent)
        child = self.guard.login_token(token)
        self.guard.logout(child)
        assert rule_of(self.guard, child) == "session-ended"

    def _holds(self, each: list[Any]) -> bool:
        _, begun, used, alive = each
        idle = self.time.at - used >= 1800
        return bool(alive and not idle and self.time.at - begun < 43_200 and not self.locked)

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        each = data.draw(st.sampled_from(self.sessions))
        expected = self._holds(each)
        assert (rule_of(self.guard, each[0]) == "") == expected
        if expected:
            each[2] = self.time.at
        elif not self.locked:
            each[3] = False

    @precondition(lambda self: self.sessions)
    @rule(data=st.data())
    def log_out(self, data: st.DataObject) -> None:
        each = data.draw(st.sampled_from(self.sessions))
        self.guard.logout(each[0])
        each[3] = False

    @rule(seconds=st.sampled_from([1, 900, 1799, 1800, 40_000]))
    def wait(self, seconds: int) -> None:
        self.time.turn(seconds)

    @rule()
    def lock_or_unlock(self) -> None:
        (self.guard.identity.unlock if self.locked else self.guard.identity.lock)("ana")
        self.locked = not self.locked

    @rule()
    def deactivate_or_activate(self) -> None:
        (self.guard.identity.deactivate if self.active else self.guard.identity.activate)("ana")
        if self.active:
            for each in self.sessions:
                each[3] = False
        self.active = not self.active


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)


async def test_no_event_loop_waits_for_a_store_on_another_machine(
    guard: Guard, request: pytest.FixtureRequest
) -> None:
    """In PostgreSQL a session is looked up in a thread, in SQLite at once, for it takes microseconds; either way it holds and ends."""
    session = guard.login("ana", PASSWORD)
    authority, asked = session.authority, []
    refresh = type(authority).refresh

    def watched(self: Any) -> Any:
        asked.append(threading.current_thread() is threading.main_thread())
        return refresh(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(authority), "refresh", watched)
        with acting_in(session):
            assert (await guard.arun("refund", {"x": 1})).value == 1
    assert authority.may_block == ("postgres" in request.node.name)
    if authority.may_block:
        assert not any(asked)
    guard.logout(session)
    with acting_in(session):
        assert (await guard.arun("refund", {"x": 1})).verdict.rule == "session-ended"


def test_addresses_that_anybody_can_write_do_no_harm(guard: Guard) -> None:
    """They are kept in a form that can be shown."""
    for address in ("\0", "\ud800", "x" * 5000, "a\nb"):
        session = guard.login("ana", PASSWORD, address=address)
        assert session.principal.address.isprintable()
        assert len(session.principal.address) <= 200
        assert guard.login_token(guard.identity.issue_token("ana"), address=address).principal.user == "ana"


def test_a_reload_binds_running_sessions_and_keeps_the_store(tmp_path: Path, time: Turned) -> None:
    """New times and providers count at the next call; another store needs a restart."""
    file = tmp_path / "p.yaml"
    roles = "roles: {clerk: {inherits: [user], allow: [refund]}}\naudit: {store: memory}\n"
    file.write_text(f"{roles}state: {{url: 'memory:'}}\n")
    with Guard.from_file(file, clock=time.clock, passwords=Counted()) as guard:
        guard.register(lambda x: x, name="refund")
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        session = guard.login("ana", PASSWORD)
        time.turn(100)
        file.write_text(
            f"{roles}state: {{url: 'memory:'}}\nidentity: {{idle_seconds: 50, session_seconds: 60}}\n"
        )
        guard.reload()
        assert rule_of(guard, session) == "session-idle"
        file.write_text(f"{roles}state: {{url: 'sqlite:other.db'}}\n")
        with pytest.raises(PolicyError, match=r"`state` changed\. The store is open: restart"):
            guard.reload()


def test_no_call_that_begins_after_a_change_runs_by_the_old_rights(guard: Guard) -> None:
    """Eight threads call without a pause; whatever they begin once `deactivate` has returned is denied."""
    session = guard.login("ana", PASSWORD)
    done = threading.Event()
    late: list[str] = []
    ran: list[str] = []

    def work() -> None:
        for _ in range(300):
            after = done.is_set()
            outcome = call(guard, session)
            if outcome.executed:
                (late if after else ran).append(outcome.call_id)
            elif after:
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while not ran:
        sleep(0.001)
    guard.identity.deactivate("ana")
    done.set()
    for thread in threads:
        thread.join()
    assert late == []
    assert rule_of(guard, session) == "session-ended"

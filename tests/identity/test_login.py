"""Logging in with a password: what is told, what is not, and what many attempts at once come to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.identity.helpers import PASSWORD, Counted, Turned, call, events, guard_on, rule_of

from ringfence import Guard, LoginFailed, LoginSession, Passwords
from ringfence.errors import ClockJumped, IdentityBusy, UserInvalid

if TYPE_CHECKING:
    from pathlib import Path

WRONG = "a wrong password of some length"


def fail(guard: Guard, user: str, password: object = WRONG) -> str:
    """Fail to log in, and return what was told."""
    with pytest.raises(LoginFailed, match="the user or the password is not right") as failed:
        guard.login(user, password, address="10.0.0.9")  # type: ignore[arg-type]  # whatever comes
    return str(failed.value)


def test_a_log_in_gives_a_session_with_the_users_roles(guard: Guard) -> None:
    """Calls in it are the user's; the log-in and its address are in the record."""
    session = guard.login("ana", PASSWORD, address="10.0.0.1")
    assert isinstance(session, LoginSession)
    assert (session.principal.user, session.principal.roles) == ("ana", ("clerk",))
    assert call(guard, session).value == 1
    assert rule_of(guard, session, "drop_table") != ""
    (event,) = events(guard, "login")
    assert (event.user, event.session, event.address) == ("ana", session.id, "10.0.0.1")


def test_each_log_in_begins_a_session_of_its_own(quick: Guard) -> None:
    """Nobody can be made to use a session that somebody else knows: ids are made here, and never twice."""
    sessions = [quick.login("ana", PASSWORD) for _ in range(20)]
    assert len({session.id for session in sessions}) == 20
    assert all(len(session.id) == 16 for session in sessions)


def test_every_failure_tells_the_same(guard: Guard) -> None:
    """Unknown, inactive, locked, without a password, wrong password: one message, and the record knows which."""
    identity = guard.identity
    for user in ("gone", "shut", "held"):
        identity.add_user(user, password=PASSWORD)
    identity.add_user("bare")
    identity.deactivate("gone")
    identity.lock("shut")
    told = {
        fail(guard, "nobody"),
        fail(guard, "ana"),
        fail(guard, "gone", PASSWORD),
        fail(guard, "shut", PASSWORD),
    }
    told |= {
        fail(guard, "bare"),
        fail(guard, "ana", "short"),
        fail(guard, "ana", "x" * 5000),
        fail(guard, "ana", 7),
    }
    told |= {
        fail(guard, "a\0na"),
        fail(guard, "ana", "\ud800" * 20),
        fail(guard, ""),
        fail(guard, "n" * 3000),
    }
    assert len(told) == 1
    why = [event.facts["why"] for event in events(guard, "login-failed")]
    assert why[:5] == [
        "there is no such user",
        "wrong password",
        "the user is not active",
        "the account is locked",
        "the user has no password",
    ]
    assert {event.address for event in events(guard, "login-failed")} == {"10.0.0.9"}


@pytest.mark.parametrize("user", ["ana", "nobody", "gone", "shut", "bare", "x" * 500])
@pytest.mark.parametrize("password", [PASSWORD, WRONG, "", "x" * 5000])
def test_every_log_in_costs_one_verification(user: str, password: str, time: Turned) -> None:
    """The work is the same whoever it is, so the time tells nothing."""
    counted = Counted()
    with guard_on("memory:", time, passwords=counted) as guard:
        for name in ("ana", "gone", "shut"):
            guard.identity.add_user(name, password=PASSWORD)
        guard.identity.add_user("bare")
        guard.identity.deactivate("gone")
        guard.identity.lock("shut")
        for turn in range(1, 8):  # beyond the lock too
            with suppress(LoginFailed):
                guard.login(user, password)
            assert counted.verified == turn


def test_five_failures_lock_the_account_for_an_hour(guard: Guard, time: Turned) -> None:
    """The right password does not help until then; the failures count from nothing afterwards."""
    for _ in range(5):
        fail(guard, "ana")
    fail(guard, "ana", PASSWORD)
    (locked,) = events(guard, "account-locked")
    assert locked.user == "ana"
    assert guard.identity.user("ana").locked(time.at)
    time.turn(3599)
    fail(guard, "ana", PASSWORD)
    time.turn(2)
    fail(guard, "ana")
    assert guard.identity.user("ana").failed == 1
    guard.login("ana", PASSWORD)
    assert guard.identity.user("ana").failed == 0


def test_names_that_nobody_has_are_locked_too(guard: Guard) -> None:
    """Their failures are counted in a fixed number of rows, so that a stranger cannot fill the store."""
    for _ in range(5):
        fail(guard, "nobody")
    assert [event.user for event in events(guard, "account-locked")] == ["nobody"]
    for number in range(300):
        fail(guard, f"stranger {number}")
    with guard.identity._store.read() as transaction:
        assert transaction.execute("SELECT count(*) FROM users")[0][0] == 2
        assert transaction.execute("SELECT max(id) FROM strangers")[0][0] < 1024


def test_a_locked_user_gets_nothing_in_a_running_session(guard: Guard, time: Turned) -> None:
    """Until the account is unlocked; the session itself goes on."""
    session = guard.login("ana", PASSWORD)
    for _ in range(5):
        fail(guard, "ana")
    assert rule_of(guard, session) == "user-locked"
    guard.identity.unlock("ana")
    assert rule_of(guard, session) == ""


def test_ten_thousand_wrong_log_ins_at_once(time: Turned) -> None:
    """From fifty threads: each is denied, with at most so many hashed at once; none gets in, and the right user does afterwards."""

    class Watched(Counted):
        running = most = 0
        lock = threading.Lock()

        def _ready(self) -> Any:
            inner = super()._ready()
            owner = self

            class Watching(type(inner)):  # type: ignore[misc]  # whichever it is
                def verify(self, kept: str, password: str) -> bool:
                    with owner.lock:
                        owner.running += 1
                        owner.most = max(owner.most, owner.running)
                    try:
                        return bool(inner.verify(kept, password))
                    finally:
                        with owner.lock:
                            owner.running -= 1

            return Watching()

    passwords = Watched(at_once=4, waiting=20, wait_seconds=5)
    with guard_on("memory:", time, passwords=passwords) as guard:
        guard.identity.add_user("ana", password=PASSWORD)

        def attempt(number: int) -> str:
            try:
                guard.login("ana" if number % 2 else f"n{number}", f"{WRONG} {number}")
            except (LoginFailed, IdentityBusy) as error:
                return type(error).__name__
            return "let in"

        with ThreadPoolExecutor(50) as pool:
            came = list(pool.map(attempt, range(10_000)))
        assert set(came) <= {"LoginFailed", "IdentityBusy"}
        assert came.count("LoginFailed") >= 1000
        assert 1 <= passwords.most <= 4
        assert len(events(guard, "login-failed")) == came.count("LoginFailed")
        assert len(events(guard, "login-busy")) == came.count("IdentityBusy")
        assert len(events(guard, "account-locked", "ana")) == 1
        guard.identity.unlock("ana")
        guard.login("ana", PASSWORD)


def test_the_sixth_guess_at_once_does_not_count(guard: Guard) -> None:
    """Twenty guesses begin before the account is locked, the right one among the last: five count, and it is not let in after them."""
    ready = threading.Barrier(20)

    def attempt(number: int) -> bool:
        ready.wait(10)
        try:
            guard.login("ana", f"{WRONG} {number}")
        except LoginFailed:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(attempt, range(20)))
    assert guard.identity.user("ana").failed == 5
    fail(guard, "ana", PASSWORD)


def test_too_many_at_once_are_told_to_wait(time: Turned) -> None:
    """Nothing was tried, so nothing counts as a failure, and it tells nothing about the user."""
    passwords = Passwords(time_cost=1, memory_kib=8, parallelism=1, at_once=1, waiting=0)
    with guard_on("memory:", time, passwords=passwords) as guard:
        guard.identity.add_user("ana", password=PASSWORD)
        with passwords._slot():
            for user in ("ana", "nobody"):
                with pytest.raises(
                    IdentityBusy, match=r"0 log-ins wait already, and no more may\. Try again"
                ):
                    guard.login(user, PASSWORD)
        assert guard.identity.user("ana").failed == 0
        guard.login("ana", PASSWORD)


def test_a_hash_of_other_parameters_is_made_anew_at_the_next_log_in(tmp_path: Path, time: Turned) -> None:
    """The password stays the same, and running sessions go on."""
    url = f"sqlite:{tmp_path / 'state.db'}"
    with guard_on(url, time) as guard:
        guard.identity.add_user("ana", password=PASSWORD, roles=["clerk"])
        before = guard.identity._users.password("ana")
        session = guard.login("ana", PASSWORD)
        with guard_on(url, time, passwords=Counted(memory_kib=16)) as stronger:
            stronger.login("ana", PASSWORD)
            after = stronger.identity._users.password("ana")
            assert before is not None
            assert after is not None
            assert ("m=8," in before, "m=16," in after) == (True, True)
            stronger.login("ana", PASSWORD)
        assert rule_of(guard, session) == ""


@pytest.mark.parametrize("password", ["", "too short", "x" * 1025, "\ud800" * 20])
def test_a_password_that_cannot_be_one(quick: Guard, password: str) -> None:
    """NIST's fewest characters, and a bound above, so that nobody hashes a novel."""
    with pytest.raises(UserInvalid, match=r"a password (has 15 to 1,024 characters|must be text)"):
        quick.identity.set_password("ana", password)
    quick.login("ana", PASSWORD)


def test_a_password_is_the_same_in_every_form_of_unicode(quick: Guard) -> None:
    """Two keyboards write one letter differently."""
    quick.identity.set_password("ana", "caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9")
    quick.login("ana", "cafe\u0301 cafe\u0301 cafe\u0301 cafe\u0301")


def test_a_damaged_hash_lets_nobody_in(quick: Guard) -> None:
    """It costs as much as a whole one, and tells the same."""
    with quick.identity._store.write() as transaction:
        transaction.execute("UPDATE users SET password = 'argon2?' WHERE id = 'ana'")
    fail(quick, "ana", PASSWORD)
    fail(quick, "ana", "")


def test_a_clock_that_jumped_lets_nobody_in(quick: Guard, time: Turned) -> None:
    """The log-in is denied and in the record; the next one takes the time as it is."""
    steady = time.at
    quick.identity._clock._steady = lambda: steady
    time.turn(10_000)
    with pytest.raises(ClockJumped):
        quick.login("ana", PASSWORD)
    assert "could not be decided" in events(quick, "login-failed")[0].description
    quick.login("ana", PASSWORD)


class Lockout(RuleBasedStateMachine):
    """Whatever is tried in whatever order: the store and a simple model agree on who is let in and who is locked."""

    @initialize()
    def begin(self) -> None:
        self.time = Turned()
        self.guard = guard_on("memory:", self.time)
        self.guard.identity.add_user("ana", password=PASSWORD)
        self.failed, self.until, self.active = 0, 0.0, True

    def teardown(self) -> None:
        if hasattr(self, "guard"):
            self.guard.close()

    def _locked(self) -> bool:
        return self.time.at < self.until

    @rule(right=st.booleans())
    def log_in(self, right: bool) -> None:
        try:
            self.guard.login("ana", PASSWORD if right else WRONG)
            let_in = True
        except LoginFailed:
            let_in = False
        assert let_in == (right and self.active and not self._locked())
        if self._locked():
            return
        if self.until:
            self.failed, self.until = 0, 0.0
        if let_in:
            self.failed = 0
        elif not right:
            self.failed += 1
            if self.failed >= 5:
                self.until = self.time.at + 3600

    @rule(seconds=st.sampled_from([1, 1800, 3599, 3600, 3601]))
    def wait(self, seconds: int) -> None:
        self.time.turn(seconds)

    @rule()
    def unlock(self) -> None:
        self.guard.identity.unlock("ana")
        self.failed, self.until = 0, 0.0

    @precondition(lambda self: self.active)
    @rule()
    def deactivate(self) -> None:
        self.guard.identity.deactivate("ana")
        self.active = False

    @precondition(lambda self: not self.active)
    @rule()
    def activate(self) -> None:
        self.guard.identity.activate("ana")
        self.active = True

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "guard"):
            account = self.guard.identity.user("ana")
            assert account.locked(self.time.at) == self._locked()
            assert account.failed <= 5


TestLockout = Lockout.TestCase
TestLockout.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)

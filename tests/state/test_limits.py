"""Limits over all workers: exact with real processes, leases that a killed one gives back, and counts that follow the policy's words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence import (
    Audit,
    Budget,
    Guard,
    Limit,
    Mode,
    Per,
    Policy,
    Reason,
    Role,
    State,
    StoreKind,
    UnsafeWarning,
    secure_tool,
)
from ringfence.clock import Clock
from ringfence.hookspecs import hookimpl
from ringfence.state import limits as state_limits
from ringfence.state.database import open_database
from ringfence.state.holder import is_gone, own_name
from ringfence.state.limits import Claim, Kind, Reached, Reservation, SharedLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from tests.conftest import MakeGuard

    from ringfence.state.database import Database

WORKER = Path(__file__).with_name("limit_worker.py")
CLERK = Role(inherits=("user",), allow=("*",), concurrent_runs=100)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time

    def clock(self) -> Clock:
        return Clock(self, self)


def shared_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty store that processes can share."""
    return (
        request.getfixturevalue("postgres_url") if kind == "postgres" else f"sqlite:{tmp_path / 'state.db'}"
    )


SHARED = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])


@SHARED
@pytest.mark.parametrize(("limit", "allowed"), [("concurrent", None), ("calls", 150), ("budget", 333)])
def test_four_processes_never_pass_a_limit(
    kind: str, limit: str, allowed: int | None, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Four processes make 200 calls each: never more than three run at once, never one call or one cent more than the window has."""
    url, folder = shared_url(kind, request, tmp_path), tmp_path / "running"
    folder.mkdir()
    command = [sys.executable, str(WORKER), url, str(folder), "200", limit]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    told = [json.loads(each.communicate(timeout=55)[0]) for each in started]
    assert max(each["most"] for each in told) <= (3 if limit == "concurrent" else 4)
    ran = sum(each["ran"] for each in told)
    assert ran == allowed if allowed is not None else 200 <= ran <= 800
    assert {rule for each in told for rule in each["refused"]} <= {f"limits.{limit}"}
    if allowed is not None:
        assert all(each["refused"] == [f"limits.{limit}"] for each in told)


@contextmanager
def counting(database: Database, now: Callable[[], float]) -> Iterator[SharedLimits]:
    """Give limits in a store, and give back in the end what was taken: leases are renewed as long as somebody holds them."""
    taken: list[Reservation] = []

    class Kept(SharedLimits):
        def take(self, claims: Sequence[Claim]) -> Reservation | Reached:
            found = super().take(claims)
            if isinstance(found, Reservation):
                taken.append(found)
            return found

    yield Kept(lambda: database, now)
    for each in taken:
        each.give_back(ran=True)


HOLDER = """
import sys, time
from ringfence.state.database import open_database
from ringfence.state.limits import Claim, Kind, SharedLimits
database = open_database(sys.argv[1])
taken = SharedLimits(lambda: database, time.time).take([Claim("l", Kind.CONCURRENT, "k", 2)])
print(type(taken).__name__, flush=True)
time.sleep(60)
"""


def hold(url: str) -> subprocess.Popen[str]:
    """Start a process that holds one of two slots."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "Reservation\n"
    return process


ONE = Claim("l", Kind.CONCURRENT, "k", 2)


@SHARED
@pytest.mark.skipif(
    not Path("/proc/self/ns/pid").exists(), reason="whether a process is there is read from /proc"
)
def test_a_killed_process_gives_its_slots_back_at_once_on_one_machine(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Two processes hold both slots. When one is killed, its slot is taken by the next that asks, and the other's is not."""
    url = shared_url(kind, request, tmp_path)
    first, second = hold(url), hold(url)
    with open_database(url) as database, counting(database, time.time) as limits:
        assert isinstance(limits.take([ONE]), Reached)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
        assert isinstance(limits.take([ONE]), Reservation)
        assert isinstance(limits.take([ONE]), Reached)
    second.kill()
    second.wait(10)
    assert first.stdout is not None
    assert second.stdout is not None
    first.stdout.close()
    second.stdout.close()


CALLER = """
import sys, time
from ringfence import *
policy = Policy(roles={"clerk": Role(inherits=("user",), allow=("work",))}, limits={"l": Limit(concurrent=1)}, state=State(url=sys.argv[1]), audit=Audit(store=StoreKind.MEMORY))
with Guard(policy) as guard, guard.acting_as("ana", ["clerk"]):
    guard.register(lambda: print("running", flush=True) or time.sleep(60), name="work")
    guard.run("work")
"""


@SHARED
@pytest.mark.skipif(
    not Path("/proc/self/ns/pid").exists(), reason="whether a process is there is read from /proc"
)
def test_a_worker_that_is_killed_in_a_call_blocks_nobody(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, make_guard: MakeGuard
) -> None:
    """Its call holds the only slot. While it runs, others are told to wait; once it is killed, the next call runs."""
    url = shared_url(kind, request, tmp_path)
    guard = make_guard(roles={"clerk": CLERK}, limits={"l": Limit(concurrent=1)}, state=State(url=url))
    guard.register(pay_other, name="work")
    with subprocess.Popen([sys.executable, "-c", CALLER, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        with guard.acting_as("ben", ["clerk"]):
            assert guard.run("work").verdict.hint == "Wait for one of them to end, then call again."
        process.kill()
        process.wait(10)
        assert run(guard, "ben", "work")


def test_leases_of_elsewhere_end_by_time(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A holder of another machine cannot be looked at: its slot comes free ten seconds after its last sign of life, and not before."""
    hand = Hand()
    monkeypatch.setattr(state_limits, "RENEW_SECONDS", 3600.0)
    with (
        open_database(state_url) as database,
        counting(database, hand) as there,
        counting(database, hand) as here,
    ):
        monkeypatch.setattr(state_limits, "own_name", lambda: "other-boot/1|1|1|00")
        assert isinstance(there.take([ONE, ONE]), Reservation)
        monkeypatch.setattr(state_limits, "own_name", own_name)
        hand.time += 9.9
        assert isinstance(here.take([ONE]), Reached)
        hand.time += 0.2
        assert isinstance(here.take([ONE]), Reservation)


def test_a_lease_is_renewed_while_its_call_runs(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take far longer than a lease: signs of life keep its slot."""
    monkeypatch.setattr(state_limits, "RENEW_SECONDS", 0.01)
    hand = Hand()
    with open_database(state_url) as database, counting(database, hand) as limits:
        taken = limits.take([ONE, ONE])
        for _ in range(5):
            hand.time += 8
            wait_until(lambda: expiry(database) >= hand.time + 9.9)
            assert isinstance(limits.take([ONE]), Reached)
        assert isinstance(taken, Reservation)
        taken.give_back(ran=True)
        assert isinstance(limits.take([ONE]), Reservation)


def expiry(database: Database) -> float:
    """Return when the first lease ends."""
    with database.transaction() as transaction:
        return float(transaction.execute("SELECT min(expires) FROM leases")[0][0])


def wait_until(condition: Any) -> None:
    """Wait for what another thread does."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen within 20 s")


def test_a_name_is_gone_only_when_that_is_certain() -> None:
    """This process is there; one with another start time, or that has ended, is not; of other machines nothing is said."""
    name = own_name()
    place, number, start, _ = name.split("|")
    if not place:
        pytest.skip("this system does not tell")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(20)
    assert not is_gone(name)
    assert is_gone(f"{place}|{number}|{start}1|x")
    assert is_gone(f"{place}|{ended.pid}|1|x")
    for unknown in (
        f"x{place}|{ended.pid}|1|x",
        f"|{ended.pid}|1|x",
        f"{place}|{ended.pid}||x",
        "",
        f"{place}|-1|1|x",
        f"{place}|²|1|x",
    ):
        assert not is_gone(unknown)


@pytest.fixture
def limited(make_guard: MakeGuard) -> Any:
    """Give a function that makes a guard with limits, a tool `pay` and a clock."""

    def make(hand: Hand | None = None, plugins: dict[str, object] | None = None, **limits: Limit) -> Guard:
        guard = make_guard(
            roles={"clerk": CLERK, "boss": Role(inherits=("clerk",))},
            limits=limits,
            state=State(url="memory:"),
            clock=hand.clock() if hand else None,
            plugins=plugins,
        )

        def pay(amount: object = 1) -> object:
            return amount

        guard.register(pay)
        guard.register(pay_other, name="pay_other")
        return guard

    return make


def pay_other(amount: object = 1) -> object:
    """Stand for another tool."""
    return amount


def run(
    guard: Guard,
    user: str = "ana",
    tool: str = "pay",
    roles: tuple[str, ...] = ("clerk",),
    **arguments: object,
) -> bool:
    """Return whether a call ran."""
    with guard.acting_as(user, roles):
        return guard.run(tool, arguments).success


def test_a_window_slides(limited: Any) -> None:
    """Three calls in any ten seconds: each counts for exactly ten, and the refusal says when the next one fits."""
    hand = Hand()
    guard = limited(hand, rate=Limit(calls=3, seconds=10))
    for _ in range(3):
        assert run(guard)
        hand.time += 2
    with guard.acting_as("ana", ["clerk"]):
        outcome = guard.run("pay")
    assert outcome.verdict.rule == "limits.rate"
    assert (outcome.verdict.check, outcome.verdict.retry, outcome.reason) == ("budget", True, Reason.POLICY)
    assert outcome.verdict.hint == "Call again in 4 s."
    hand.time += 3.9
    assert not run(guard)
    hand.time += 0.1
    assert run(guard)
    assert not run(guard)


def test_what_is_counted_apart(limited: Any) -> None:
    """`per` makes users, tools, sessions and roles count for themselves, and nothing else does."""
    once: dict[str, Any] = {"calls": 1, "seconds": 60.0}
    together = limited(all=Limit(**once))
    assert run(together)
    assert not run(together, "ben", "pay_other")
    by_user = limited(user=Limit(per=(Per.USER,), **once))
    assert run(by_user)
    assert not run(by_user, tool="pay_other")
    assert run(by_user, "ben")
    by_both = limited(both=Limit(per=(Per.USER, Per.TOOL), **once))
    assert run(by_both)
    assert run(by_both, tool="pay_other")
    assert not run(by_both)
    by_session = limited(session=Limit(per=(Per.SESSION,), **once))
    assert run(by_session)
    assert run(by_session)
    with by_session.acting_as("ana", ["clerk"]):
        assert by_session.run("pay").success
        assert not by_session.run("pay").success


def test_a_call_counts_for_each_of_its_callers_roles(limited: Any) -> None:
    """Counted by role, a caller with two roles needs room under both; a limit on a role counts those who inherit it too."""
    guard = limited(role=Limit(per=(Per.ROLE,), calls=1, seconds=60))
    assert run(guard, roles=("clerk", "guest"))
    assert not run(guard, "ben", roles=("guest", "clerk"))
    assert run(guard, "ben", roles=("boss",))
    clerks = limited(clerks=Limit(roles=("clerk",), per=(Per.ROLE,), calls=1, seconds=60))
    assert run(clerks, roles=("boss",))
    assert not run(clerks, "ben")
    admins = limited(admins=Limit(roles=("admin",), calls=1, seconds=60))
    assert run(admins)
    assert run(admins)


def test_only_the_tools_that_it_names_count(limited: Any) -> None:
    """By name or pattern."""
    guard = limited(others=Limit(tools=("*_other",), calls=1, seconds=60))
    assert run(guard, tool="pay_other")
    assert not run(guard, tool="pay_other")
    assert run(guard)
    assert run(guard)


def test_a_budget_counts_to_the_last_millionth(limited: Any) -> None:
    """0.1 three times is 0.3, whatever binary fractions make of it, and not a millionth more."""
    guard = limited(spend=Limit(budget=Budget("amount", 0.3, 60)))
    assert run(guard, amount=0.1)
    assert run(guard, amount=0.1)
    assert not run(guard, amount=0.100001)
    assert run(guard, amount=0.1)
    assert not run(guard, amount=1e-9)
    assert run(guard, amount=0)


@pytest.mark.parametrize(
    ("amount", "told"),
    [("5", "not a number"), (True, "not a number"), (float("nan"), "not a number"), (float("inf"), "not a number"), (-1, "negative"), (-0.5, "negative"), (None, "not a number")],
)  # fmt: skip
def test_what_a_budget_cannot_count_is_denied(limited: Any, amount: object, told: str) -> None:
    """A negative amount would give budget back, and text none at all."""
    guard = limited(spend=Limit(budget=Budget("amount", 10, 60)))
    with guard.acting_as("ana", ["clerk"]):
        verdict = guard.run("pay", {"amount": amount}).verdict
    assert verdict.rule == "limits.spend.budget"
    assert verdict.message == f"argument 'amount' is {told}, so limit 'spend' cannot count it"


def test_an_amount_above_the_whole_budget_is_not_told_to_come_again(limited: Any) -> None:
    """It would never fit, however long somebody waits; also one that no store could hold."""
    guard = limited(spend=Limit(budget=Budget("amount", 10, 60)))
    for amount in (11, 10**300, 1e300):
        with guard.acting_as("ana", ["clerk"]):
            verdict = guard.run("pay", {"amount": amount}).verdict
        assert (verdict.rule, verdict.retry, verdict.hint) == (
            "limits.spend",
            False,
            "Call it with a smaller amount.",
        )


def test_all_or_nothing(limited: Any) -> None:
    """A call that one limit refuses takes nothing of the others."""
    guard = limited(one=Limit(calls=2, seconds=60), two=Limit(budget=Budget("amount", 10, 60)))
    assert run(guard, amount=8)
    assert not run(guard, amount=8)
    assert run(guard, amount=2)


class No:
    """A person who says no."""

    @hookimpl
    def ringfence_approve_call(self) -> bool:
        return False


def test_a_call_that_does_not_run_is_taken_out_again(make_guard: MakeGuard) -> None:
    """What a person refuses does not count: the next call still fits."""
    role = Role(inherits=("user",), allow=("pay",), ask=("wire",))
    guard = make_guard(
        roles={"clerk": role}, limits={"l": Limit(calls=1, seconds=60, concurrent=1)}, state=State(url="memory:"), plugins={"no": No()}
    )  # fmt: skip
    guard.register(pay_other, name="pay")
    guard.register(pay_other, name="wire")
    assert not run(guard, tool="wire")
    assert not run(guard, tool="wire")
    assert run(guard)
    assert not run(guard)


def test_a_generator_holds_its_slot_until_it_is_closed(make_guard: MakeGuard) -> None:
    """Its call runs as long as somebody may ask it for more."""
    guard = make_guard(roles={"clerk": CLERK}, limits={"l": Limit(concurrent=1)}, state=State(url="memory:"))

    @secure_tool(guard=guard)
    def count() -> Generator[int]:
        yield 1
        yield 2

    guard.register(pay_other, name="pay")
    with guard.acting_as("ana", ["clerk"]):
        items = count()
        assert next(items) == 1
        assert not guard.run("pay").success
        items.close()
        assert guard.run("pay").success


async def test_calls_in_an_event_loop_count_too(limited: Any) -> None:
    """And the loop goes on while the store is asked."""
    guard = limited(rate=Limit(calls=1, seconds=60, concurrent=1))
    with guard.acting_as("ana", ["clerk"]):
        assert (await guard.arun("pay")).success
        assert (await guard.arun("pay")).verdict.rule == "limits.rate"


def test_a_store_that_cannot_be_used_denies(tmp_path: Path, make_guard: MakeGuard) -> None:
    """With reason `guard`, and only calls that a limit counts; also in observe mode, for a gate that broke is no policy."""
    folder = tmp_path / "missing"
    sections: dict[str, Any] = {
        "roles": {"clerk": CLERK},
        "limits": {"l": Limit(tools=("pay",), concurrent=1)},
    }
    sections["state"] = State(url=f"sqlite:{folder / 'state.db'}")
    guard = make_guard(**sections)
    with pytest.warns(UnsafeWarning):
        observing = make_guard(mode=Mode.OBSERVE, **sections)
    for each in (guard, observing):
        each.register(pay_other, name="pay")
        each.register(pay_other, name="other")
        with each.acting_as("ana", ["clerk"]):
            outcome = each.run("pay")
            assert (outcome.reason, outcome.verdict.check, outcome.executed) == (
                Reason.GUARD,
                "limits",
                False,
            )
            assert "cannot be used" in outcome.detail
            assert each.run("other").success
    folder.mkdir()
    assert run(guard)


def test_observe_mode_records_and_lets_pass(make_guard: MakeGuard) -> None:
    """As everywhere."""
    with pytest.warns(UnsafeWarning):
        guard = make_guard(
            mode=Mode.OBSERVE, roles={"clerk": CLERK}, limits={"l": Limit(calls=1, seconds=9)}, state=State(url="memory:")
        )  # fmt: skip
    guard.register(pay_other, name="pay")
    with guard.acting_as("ana", ["clerk"]):
        assert not guard.run("pay").observed
        outcome = guard.run("pay")
    assert (outcome.success, outcome.observed, outcome.verdict.rule) == (True, True, "limits.l")


def test_a_guard_without_limits_makes_no_store(tmp_path: Path) -> None:
    """The file comes with the first call that something counts."""
    path = tmp_path / "state.db"
    policy = Policy(roles={"clerk": CLERK}, state=State(url=f"sqlite:{path}"), limits={"l": Limit(tools=("rare",), concurrent=1)}, audit=Audit(store=StoreKind.MEMORY))  # fmt: skip
    with Guard(policy) as guard:
        guard.register(pay_other, name="pay")
        guard.register(pay_other, name="rare")
        assert run(guard)
        assert not path.exists()
        assert run(guard, tool="rare")
        assert path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@SHARED
def test_a_forked_child_holds_nothing_of_its_parents(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What the parent took is given back once, by the parent; the child takes and renews under a name of its own."""
    url = shared_url(kind, request, tmp_path)
    program = (
        "import os, sys, time\nfrom ringfence.state.database import open_database\n"
        "from ringfence.state.limits import *\nfrom ringfence.state.limits import Claim, Kind, Reached, Reservation, SharedLimits\n"
        "database = open_database(sys.argv[1])\nlimits = SharedLimits(lambda: database, time.time)\n"
        "one = Claim('l', Kind.CONCURRENT, 'k', 2)\nfirst = limits.take([one])\nchild = os.fork()\n"
        "if child == 0:\n    first.give_back(ran=True)\n    second = limits.take([one])\n"
        "    ok = isinstance(second, Reservation) and isinstance(limits.take([one]), Reached)\n    second.give_back(ran=True)\n"
        "    database.close()\n    os._exit(0 if ok else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\nassert isinstance(limits.take([one]), Reservation)\n"
        "assert isinstance(limits.take([one]), Reached)\nfirst.give_back(ran=True)\nassert isinstance(limits.take([one]), Reservation)\ndatabase.close()\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, url], check=True, timeout=50)


def test_what_left_every_window_is_forgotten(state_url: str) -> None:
    """Keys that never come again, such as those of old sessions, do not fill the store."""
    hand = Hand()
    with open_database(state_url) as database, counting(database, hand) as limits:
        for session in range(20):
            limits.take([Claim("l", Kind.CALLS, f"session {session}", 5, 10.0)])
        hand.time += 100
        limits.take([Claim("l", Kind.CALLS, "now", 5, 10.0)])
        with database.transaction() as transaction:
            assert transaction.execute("SELECT count(*) FROM uses") == [(1,)]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.floats(0, 8), st.integers(1, 5)), max_size=30),
    most=st.integers(1, 8),
    seconds=st.sampled_from([1.0, 5.0, 20.0]),
)
def test_no_window_ever_holds_too_much(steps: list[tuple[float, int]], most: int, seconds: float) -> None:
    """Whatever comes when, the amounts admitted within any window sum up to no more than the limit, and nothing that fits is refused."""
    hand = Hand()
    admitted: list[tuple[float, int]] = []
    with open_database("memory:") as database:
        limits = SharedLimits(lambda: database, hand)
        for pause, amount in steps:
            hand.time += pause
            before = sum(each for at, each in admitted if at > hand.time - seconds)
            taken = limits.take([Claim("l", Kind.BUDGET, "k", most, seconds, amount)])
            assert isinstance(taken, Reservation) == (before + amount <= most)
            if isinstance(taken, Reservation):
                admitted.append((hand.time, amount))
            elif taken.wait is not None:
                left = [each for at, each in admitted if at > hand.time + taken.wait - seconds + 1e-6]
                assert sum(left) + amount <= most
            else:
                assert amount > most


def test_threads_of_one_process_are_exact_too(state_url: str) -> None:
    """Eight threads, ten tries each, twenty fit."""
    with open_database(state_url) as database:
        limits = SharedLimits(lambda: database, time.time)
        taken: list[object] = []

        def work() -> None:
            taken.extend(limits.take([Claim("l", Kind.CALLS, "k", 20, 3600.0)]) for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(isinstance(each, Reservation) for each in taken) == 20

"""Weaknesses that reviews have found, each a test for good: what was tried, and that it no longer works."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from ringfence import (
    Permission,
    Reason,
    Role,
    SecurityEvent,
    ThreatLevel,
    ToolError,
    ToolExists,
    Verdict,
    secure_tool,
)
from ringfence.clock import Clock
from ringfence.hookspecs import hookimpl
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, ToolCall

EXECUTE = (Permission.EXECUTE_TOOL,)
ONE = {"clerk": Role(permissions=EXECUTE, allow=("*",), concurrent_runs=1)}
MANY = {"clerk": Role(permissions=EXECUTE, allow=("*",), concurrent_runs=50)}


def free(guard: Guard, user: str = "ana") -> bool:
    """Return whether a user of a role with one slot has it free."""
    with guard.acting_as(user, roles=["clerk"]):
        return guard.run("probe").success


def probed(guard: Guard) -> Guard:
    """Give a guard the tool that `free` calls."""
    guard.register(lambda: None, name="probe")
    return guard


# Slots


def test_an_event_loop_that_ends_leaves_no_slot_taken(make_guard: MakeGuard) -> None:
    """Calls that stood in line when `asyncio.run` ended run to their end in their threads, and give their slots back."""
    guard = make_guard(roles=MANY)
    ran: list[int] = []

    def slow() -> None:
        ran.append(1)
        time.sleep(0.1)

    guard.register(slow)

    async def main() -> None:
        with guard.acting_as("ana", roles=["clerk"]):
            tasks = [asyncio.create_task(guard.arun("slow")) for _ in range(20)]
        await asyncio.sleep(0.05)
        assert len(tasks) == 20

    asyncio.run(main())
    for thread in threading.enumerate():
        if thread.name == "ringfence-call":
            thread.join(10)
    assert len(ran) == 20
    assert guard._gate.slots.running("ana") == 0


def test_an_interrupt_while_the_intent_is_recorded_leaves_no_slot_taken(make_guard: MakeGuard) -> None:
    """Ctrl-C between decision and run ends the call, and the next one finds the slot free."""

    class Interrupting:
        @hookimpl
        def ringfence_judge_call(self, call: ToolCall) -> None:
            if call.tool.name == "pay":
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.2)

    guard = probed(make_guard(roles=ONE, plugins={"interrupting": Interrupting()}))
    guard.register(lambda: None, name="pay")
    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(KeyboardInterrupt):
        guard.run("pay")
    assert free(guard)


def test_closing_a_running_generator_frees_no_slot(make_guard: MakeGuard) -> None:
    """A second thread cannot close a body that runs, and so cannot get its slot for another."""
    guard = probed(make_guard(roles=ONE))
    running, release = threading.Event(), threading.Event()

    @secure_tool(guard=guard)
    def items() -> Iterator[int]:
        running.set()
        release.wait(10)
        yield 1

    with guard.acting_as("ana", roles=["clerk"]):
        stream: Any = items()
    thread = threading.Thread(target=next, args=(stream,))
    thread.start()
    assert running.wait(10)
    with pytest.raises(ValueError, match="already executing"):
        stream.close()
    assert not free(guard)
    release.set()
    thread.join()
    stream.close()
    assert free(guard)


def test_waiting_for_a_person_takes_the_slot(make_guard: MakeGuard) -> None:
    """A user cannot have more calls waiting for an approval than may run, and so cannot keep all approvers busy."""
    asked = threading.Semaphore(0)
    answer = threading.Event()

    class Desk:
        @hookimpl
        def ringfence_approve_call(self) -> bool:
            asked.release()
            return answer.wait(10)

    roles = {"clerk": Role(permissions=EXECUTE, allow=("*",), ask=("wire",), concurrent_runs=2)}
    guard = make_guard(roles=roles, plugins={"desk": Desk()})
    guard.register(lambda: None, name="wire")
    outcomes: list[Outcome] = []

    def wire() -> None:
        with guard.acting_as("mallory", roles=["clerk"]):
            outcomes.append(guard.run("wire"))

    threads = [threading.Thread(target=wire) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        assert asked.acquire(timeout=10)
    deadline = time.monotonic() + 10
    while len(outcomes) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [outcome.verdict.rule for outcome in outcomes] == ["concurrent_runs"] * 4
    answer.set()
    for thread in threads:
        thread.join()
    assert sum(outcome.success for outcome in outcomes) == 2


def test_the_garbage_collector_cannot_deadlock_the_gate(tmp_path: Path) -> None:
    """A generator that is found in a cycle while this very thread holds the log's lock is settled later, not then."""
    code = f"""
import faulthandler, gc, time
from ringfence import *
faulthandler.dump_traceback_later(20, exit=True)
roles = {{"clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",), concurrent_runs=10**6)}}
guard = Guard(Policy(roles=roles, audit=Audit(path="log")), folder={str(tmp_path)!r})
@secure_tool(guard=guard)
def items():
    yield 1
    yield 2
guard.register(lambda: None, name="plain")
gc.set_threshold(5)
end = time.monotonic() + 3
with guard.acting_as("ana", roles=["clerk"]):
    while time.monotonic() < end:
        stream = items(); next(stream); cycle = [stream]; cycle.append(cycle); del stream, cycle
        guard.run("plain")
guard.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_dropped_generator_is_settled_by_the_next_call(make_guard: MakeGuard) -> None:
    """What the garbage collector found gives its slot back before the next call asks for one."""
    guard = probed(make_guard(roles=ONE))

    @secure_tool(guard=guard)
    def items() -> Iterator[int]:
        yield 1
        yield 2

    with guard.acting_as("ana", roles=["clerk"]):
        stream = items()
        next(stream)
    del stream
    gc.collect()
    assert free(guard)


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_starts_with_no_calls_and_asks_plugins_anew(tmp_path: Path) -> None:
    """Its parent's running calls take no slots in it, its parent's threads are not waited for, its streams are not its to settle."""
    code = f"""
import os, threading, time, json
from ringfence import *
from ringfence.hookspecs import hookimpl
class Judge:
    @hookimpl
    def ringfence_judge_call(self, call): return None
roles = {{"clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",), concurrent_runs=1)}}
guard = Guard(Policy(roles=roles, audit=Audit(store=StoreKind.JSONL, path="log"), plugin_seconds=3.0), plugins={{"judge": Judge()}}, folder={str(tmp_path)!r})
release = threading.Event()
guard.register(lambda: 1, name="x"); guard.register(lambda: release.wait(20), name="hold")
@secure_tool(guard=guard)
def items():
    yield 1
    yield 2
def act(user, tool):
    with guard.acting_as(user, roles=["clerk"]): return guard.run(tool)
assert act("ana", "x").success
thread = threading.Thread(target=act, args=("bob", "hold")); thread.start(); time.sleep(0.3)
with guard.acting_as("eve", roles=["clerk"]): stream = items(); next(stream)
child = os.fork()
if child == 0:
    del stream
    good = act("ana", "x").success and act("bob", "x").success
    guard.flush()
    os._exit(0 if good else 1)
status = os.waitpid(child, 0)[1]
release.set(); thread.join(); list(stream); guard.close()
ends = [r for r in map(json.loads, open({str(tmp_path / "log")!r})) if "outcome" in str(r) and "eve" in str(r)]
assert len(ends) == 1, ends
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


# Registrations


class Desk:
    """A callable object with a method, of which there may be several."""

    def __init__(self, name: str) -> None:
        self.name = name

    def query(self) -> str:
        """Return whose it is."""
        return self.name

    def __call__(self) -> str:
        """Return whose it is."""
        return self.name

    def __repr__(self) -> str:
        return "Desk()"


def transfer() -> str:
    """Stand for a module's own function."""
    return "transferred"


@pytest.mark.parametrize(
    "make",
    [
        lambda name: Desk(name).query,
        Desk,
        lambda name: lambda: name,
        lambda name: functools.partial(print, name),
    ],
    ids=["bound method", "callable object", "lambda", "partial"],
)
def test_a_second_callable_does_not_take_the_firsts_name(
    make_guard: MakeGuard, make: Callable[[str], Any]
) -> None:
    """Two callables that were written at one place, or look alike, are two tools."""
    guard = make_guard(roles=ONE)
    guard.register(make("tenant A"), name="q", role="admin")
    with pytest.raises(ToolExists, match="'q' already belongs"):
        guard.register(make("tenant B"), name="q")


def test_registering_again_drops_no_requirement(make_guard: MakeGuard) -> None:
    """The same function comes again only as it was, or bare, and then what it asked for stays."""
    guard = make_guard(roles=ONE)
    guard.register(transfer, role="admin")
    assert guard.register(transfer).role == "admin"
    with pytest.raises(ToolExists, match="'transfer' already belongs"):
        guard.register(transfer, permissions=["execute_tool"])
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("transfer").denied


def test_a_decorator_above_secure_tool_is_not_skipped(make_guard: MakeGuard) -> None:
    """Its own check would not run under `guard.run`, so such a function is not registered, and does not take the inner one's name."""
    guard = make_guard(roles=ONE)
    guard.register(transfer, role="admin")

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    with pytest.raises(ToolExists, match="'transfer' already belongs"):
        guard.register(logged(transfer))
    outer = logged(secure_tool(guard=guard, name="inner")(transfer))
    with pytest.raises(ToolError, match="decorator above secure_tool"):
        guard.register(outer)


def test_a_name_clash_shows_no_values_of_a_partial(make_guard: MakeGuard) -> None:
    """What a partial holds may be a key, so its text is in no message."""
    guard = make_guard(roles=ONE)
    guard.register(functools.partial(print, "sk-live-1234567890"), name="show")
    with pytest.raises(ToolExists, match=r"'show' already belongs") as caught:
        guard.register(functools.partial(print, "other"), name="show")
    assert "sk-live" not in str(caught.value)


# Work after the end


def test_a_plain_function_cannot_hand_out_work_that_runs_after_its_call(make_guard: MakeGuard) -> None:
    """A generator, coroutine, task or async generator made by a plain function would run outside of the gate: it never does."""
    guard = make_guard(roles=MANY)
    ran: list[str] = []

    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return wrapper

    def items() -> Iterator[str]:
        ran.append("generator")
        yield "secret"

    async def coroutine() -> None:
        ran.append("coroutine")

    async def async_items() -> AsyncIterator[str]:
        ran.append("async generator")
        yield "secret"

    def task() -> Any:
        return asyncio.ensure_future(coroutine())

    async def main() -> None:
        for function in (logged(items), logged(coroutine), logged(async_items), task):
            tool = guard.register(function, name=f"tool{len(guard.tools)}")
            with guard.acting_as("ana", roles=["clerk"]):
                outcome = guard.run(tool)
            assert (outcome.reason, outcome.value) == (Reason.CRASHED, None)
            assert "plain function that returned" in str(outcome.error)
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert ran == []


def test_a_generators_return_value_is_inspected(make_guard: MakeGuard) -> None:
    """What `yield from` would hand on is inspected like an item."""

    class NoSecrets:
        @hookimpl
        def ringfence_judge_result(self, outcome: Outcome) -> Verdict | None:
            return Verdict(Decision.DENY, "a secret") if "secret" in str(outcome.value) else None

    guard = make_guard(roles=ONE, plugins={"no-secrets": NoSecrets()})

    @secure_tool(guard=guard)
    def items() -> Any:
        yield "ok"
        return "a secret"

    with guard.acting_as("ana", roles=["clerk"]):
        stream = items()
        assert next(stream) == "ok"
        with pytest.raises(Exception, match="a secret"):
            next(stream)


# Failures of what the gate stands on


def test_a_clock_that_fails_denies(make_guard: MakeGuard) -> None:
    """An exception of the clock, or a time that is no number, is a broken gate and no way through."""
    times = iter([1.0])

    def wall() -> float:
        try:
            return next(times)
        except StopIteration:
            raise OSError("no clock") from None

    for clock in (Clock(wall=wall), Clock(wall=lambda: float("nan"))):
        guard = probed(make_guard(roles=ONE, clock=clock))
        with guard.acting_as("ana", roles=["clerk"]):
            outcome = guard.run("probe")
        assert (outcome.broken, outcome.verdict.check, outcome.executed) == (True, "clock", False)


@pytest.mark.parametrize("tool", [7, None, ["probe"]])
def test_what_is_no_tool_is_denied(make_guard: MakeGuard, tool: Any) -> None:
    """A model's odd idea of a tool's name gets the answer for unknown tools."""
    guard = probed(make_guard(roles=ONE))
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run(tool).verdict.rule == "unknown-tool"


def test_an_unsound_event_harms_nothing(make_guard: MakeGuard) -> None:
    """A detector's event with fields of other types is reported as the detector's failure; later calls are recorded."""

    class Bad:
        @hookimpl
        def ringfence_observe_call(self, call: ToolCall) -> list[SecurityEvent]:
            return [SecurityEvent(call.id, "x", ThreatLevel.LOW, "d", call.at, actions=None)]  # type: ignore[arg-type]

    guard = probed(make_guard(roles=ONE, plugins={"bad": Bad()}))
    for _ in range(3):
        with guard.acting_as("ana", roles=["clerk"]):
            outcome = guard.run("probe")
        assert outcome.success
        assert [event.kind for event in outcome.events] == ["plugin-failed"]


async def test_slow_observers_do_not_stall_the_event_loop(make_guard: MakeGuard) -> None:
    """What follows a run may take its time in a thread; the loop goes on meanwhile."""
    seen = threading.Event()
    release = threading.Event()

    class Slow:
        @hookimpl
        def ringfence_observe_call(self) -> None:
            seen.set()
            release.wait(10)

    guard = make_guard(roles=ONE, plugins={"slow": Slow()}, plugin_seconds=10.0)

    async def work() -> int:
        return 1

    guard.register(work)
    with guard.acting_as("ana", roles=["clerk"]):
        task = asyncio.create_task(guard.arun("work"))
    while not seen.is_set():  # noqa: ASYNC110 - that it turns at all is what is tested
        await asyncio.sleep(0.001)
    assert not task.done()
    release.set()
    assert (await task).value == 1

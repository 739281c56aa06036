"""Sessions: one process kept between runs, with its state, its budget and its end."""

# ruff: noqa: PTH110 - folders are named by texts here, as in the package

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ringfence import Profile, Reason
from ringfence.errors import SandboxBusy, SandboxClosed
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Give a sandbox that all stories share."""
    with Sandbox(Profile(wall_seconds=5)) as box:
        yield box
    assert list(supervisor().loop.errors) == []


def until(condition: Callable[[], bool], seconds: float = 3) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return condition()


def pids_with(word: str) -> list[int]:
    """Return the descendants of this process whose current folder holds a file of that name."""
    children = psutil.Process().children(recursive=True)
    return [each.pid for each in children if os.path.exists(f"/proc/{each.pid}/cwd/{word}")]


def test_state_is_kept_between_runs(box: Sandbox) -> None:
    """Names, imports, functions, files and the process itself are there for the next run, and each run has its own output."""
    with box.session() as session:
        assert (
            session.run(
                "import os\nx = 1\ndef double(n): return 2 * n\nopen('note', 'w').write('kept')\nprint('one')"
            ).output.stdout
            == "one\n"
        )
        pid = session.run("os.getpid()").value
        outcome = session.run("x += 1\nprint('two')\ndouble(x), open('note').read(), os.getpid()")
        assert outcome.value == (4, "kept", pid)
        assert outcome.output.stdout == "two\n"
        assert session.ended == ""
    assert box.run("'x' in globals()").value is False


def test_inputs_and_files_come_with_each_run(box: Sandbox) -> None:
    """The second run finds its own inputs, and those of the first as the names that they became."""
    with box.session() as session:
        assert session.run("a, inputs", {"a": 1}).value == (1, {"a": 1})
        assert session.run("a, b, inputs", {"b": 2}).value == (1, 2, {"b": 2})
        source = "import os\nsorted(os.listdir('input')), open('input/f').read()"
        assert session.run(source, files={"f": b"1"}).value[1] == "1"  # type: ignore[index]
        assert session.run(source, files={"f": b"22"}).value[1] == "22"  # type: ignore[index]


def test_the_value_of_a_run_is_its_own(box: Sandbox) -> None:
    """`result` of an earlier run is not taken for that of a later one that sets none."""
    with box.session() as session:
        assert session.run("result = 5").value == 5
        assert session.run("y = 1").value is None


def test_a_run_that_fails_leaves_the_state_as_it_is(box: Sandbox) -> None:
    """Exceptions, syntax errors, refusals, `sys.exit` and a source that is too large end the run and not the session."""
    with box.session() as session:
        assert session.run("x = 1").success
        for source, reason in [
            ("x = 2\n1 / 0", Reason.CRASHED), ("def f(:", Reason.CRASHED), ("open('/etc/passwd')", Reason.POLICY), ("import sys\nsys.exit(3)", Reason.CRASHED), ("bytearray(1 << 40)", Reason.MEMORY),
            ("import os\nos.fork()", Reason.PROCESSES), ("'x' * (2 << 20)", Reason.OUTPUT), ("#" * 200_000, Reason.POLICY),
        ]:  # fmt: skip
            assert session.run(source).reason is reason, source
        assert session.run("x").value == 2
        assert session.ended == ""


@pytest.mark.parametrize(
    ("source", "fields", "reason", "ended"),
    [
        ("import time\ntime.sleep(30)", {"wall_seconds": 0.4}, Reason.TIMEOUT, "it took longer than 0.4 s"), ("while True: pass", {"cpu_seconds": 0.3}, Reason.CPU, "it used more than 0.3 s of CPU time"),
        ("import os\nos._exit(0)", {}, Reason.CRASHED, ""), ("import os\nos.kill(os.getpid(), 11)", {}, Reason.CRASHED, ""), ("import time\nfor i in range(9): open(str(i), 'wb').write(b'x' * 999_999)\ntime.sleep(9)", {"file_size_mb": 1}, Reason.FILES, "more than 2 MB"),
    ],
)  # fmt: skip
def test_a_limit_ends_the_session_and_tells_why(
    source: str, fields: dict[str, Any], reason: Reason, ended: str
) -> None:
    """The run that met it has the reason, `ended` tells it afterwards, and no further run is taken."""
    with Sandbox(Profile(**{"wall_seconds": 8, **fields})) as box, box.session() as session:
        assert session.run("x = 1").success
        assert session.run(source).reason is reason
        assert until(lambda: session.ended != "")
        assert ended in session.ended
        with pytest.raises(SandboxClosed, match="the session has ended: it") as caught:
            session.run("x")
        assert session.ended in str(caught.value)
        assert box.run("'another'").value == "another"


def test_cpu_time_is_counted_over_all_runs() -> None:
    """Runs that are each within the limit use it up together; the pauses between them cost none."""
    source = "import time\nend = time.process_time() + 0.25\nwhile time.process_time() < end: pass\n'done'"
    with Sandbox(Profile(wall_seconds=8)) as box, box.session(cpu_seconds=0.9) as session:
        reasons = []
        for _ in range(6):
            outcome = session.run(source)
            reasons.append(outcome.reason)
            if outcome.reason is not None:
                break
            time.sleep(0.1)
        assert reasons[-1] is Reason.CPU
        assert 2 <= len(reasons) - 1 <= 4
        assert "0.9 s of CPU time" in outcome.detail


def test_usage_is_that_of_each_run(box: Sandbox) -> None:
    """A short run after a long one did not use what the long one used."""
    with box.session() as session:
        session.run("import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass")
        usage = session.run("1").usage
        assert usage is not None
        assert usage.wall_seconds < 0.2
        assert (usage.cpu_user_seconds or 0) + (usage.cpu_system_seconds or 0) < 0.2


def test_a_session_may_live_so_long(box: Sandbox) -> None:
    """Its time runs also while nothing runs in it, and ends what does."""
    with box.session(wall_seconds=0.5) as session:
        assert session.run("open('lives', 'w').close()\n1").value == 1
        assert len(pids_with("lives")) == 1
        assert until(lambda: session.ended != "")
        assert session.ended == "it was open for 0.5 s"
        assert until(lambda: pids_with("lives") == [])
        with pytest.raises(SandboxClosed, match=r"the session has ended: it was open for 0\.5 s"):
            session.run("1")
    with box.session(wall_seconds=0.4) as session:
        outcome = session.run("import time\ntime.sleep(9)")
        assert outcome.reason in (Reason.TIMEOUT, Reason.CANCELLED)
        assert (outcome.usage.wall_seconds if outcome.usage else 9) < 2


def test_the_memory_of_a_session_is_its_own() -> None:
    """It may be given less than the profile gives, and holds over all runs together."""
    with Sandbox(Profile(wall_seconds=8)) as box, box.session(memory_mb=64) as session:
        assert session.run("kept = [bytearray(30 << 20)]\n1").value == 1
        assert session.run("kept.append(bytearray(40 << 20))").reason is Reason.MEMORY
        assert session.run("kept.clear()\nlen(bytearray(40 << 20))").value == 40 << 20


def test_closing_ends_the_process_and_what_runs_in_it(box: Sandbox) -> None:
    """A run that goes on meanwhile ends as cancelled; the second close does nothing."""
    session = box.session()
    session.run("open('closes', 'w').close()")
    assert len(pids_with("closes")) == 1
    with ThreadPoolExecutor(1) as threads:
        going = threads.submit(session.run, "import time\ntime.sleep(30)")
        time.sleep(0.2)
        session.close()
        assert going.result(3).reason is Reason.CANCELLED
    assert until(lambda: pids_with("closes") == [])
    assert session.ended == "it was closed"
    session.close()
    with pytest.raises(SandboxClosed, match="the session has ended: it was closed"):
        session.run("1")
    box.session().close()


def test_what_a_session_left_is_not_there_for_the_next(box: Sandbox) -> None:
    """Files and state go with the process, and workers are used anew."""
    for _ in range(4):
        with box.session() as session:
            assert session.run("import os\n[each for each in os.listdir('.') if each not in ('input', 'output', 'tmp')]").value == []  # fmt: skip
            session.run("open('left', 'w').close()\nopen('tmp/left', 'w').close()")


def test_a_second_thread_waits_for_its_turn(box: Sandbox) -> None:
    """Runs of one session go one after the other, whoever asks, and none is lost."""
    with box.session() as session:
        session.run("seen = []")
        begun = threading.Barrier(8)

        def add(number: int) -> bool:
            begun.wait()
            return session.run("import time\nseen.append(n)\ntime.sleep(0.02)", {"n": number}).success

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(add, range(8)))
        assert sorted(session.run("seen").value) == list(range(8))  # type: ignore[call-overload]


async def test_a_session_in_an_event_loop(box: Sandbox) -> None:
    """`arun` gives the same; a cancelled run ends the session, since its process is gone."""
    async with box.session() as session:
        assert (await session.arun("x = 5")).success
        assert (await session.arun("x")).value == 5
        task = asyncio.create_task(session.arun("import time\ntime.sleep(30)"))
        await asyncio.sleep(0.2)
        with pytest.raises(SandboxBusy, match="another run of the session goes on"):
            await session.arun("1")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert until(lambda: session.ended != "")
        with pytest.raises(SandboxClosed, match="the session has ended"):
            await session.arun("x")


def test_many_sessions_live_side_by_side(box: Sandbox) -> None:
    """Each has its own process and state."""
    sessions = [box.session() for _ in range(8)]
    try:
        for number, session in enumerate(sessions):
            session.run("mine = n", {"n": number})
        assert [session.run("mine").value for session in sessions] == list(range(8))
        assert len({session.run("import os\nos.getpid()").value for session in sessions}) == 8
    finally:
        for session in sessions:
            session.close()


def test_artifacts_of_each_run_are_handed_out(box: Sandbox) -> None:
    """What lies in `output/` after a run is in its outcome."""
    with box.session() as session:
        assert session.run("open('output/a', 'w').write('1')").output.contents == {"a": b"1"}
        assert session.run("open('output/b', 'w').write('2')").output.contents["b"] == b"2"
        assert session.run("import os\nos.symlink('/etc', 'output/c')").reason is Reason.FILES


def test_a_session_of_javascript_keeps_its_state() -> None:
    """Names stay, errors leave them, limits end it."""
    pytest.importorskip("quickjs_rs")
    with Sandbox(Profile(wall_seconds=5)) as box, box.session("javascript", cpu_seconds=1) as session:
        assert session.run("let x = 20; function double(n) { return 2 * n }; 1").value == 1
        assert session.run("throw new Error('no')").reason is Reason.CRASHED
        assert session.run("x += inputs.y; double(x)", {"y": 1}).value == 42
        assert session.run("while (true) {}").reason is Reason.CPU
        assert until(lambda: "CPU" in session.ended)


def test_the_end_of_the_sandbox_ends_its_sessions() -> None:
    """Closing a sandbox with an open session leaves no process, and the session says so."""
    box = Sandbox(Profile(wall_seconds=5, waiting=1, output_bytes=4321, queue=77))
    session = box.session()
    session.run("open('goes', 'w').close()")
    box.close()
    assert until(lambda: pids_with("goes") == [])
    with pytest.raises(SandboxClosed, match="closed"):
        session.run("1")
    session.close()

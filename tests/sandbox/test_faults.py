"""What happens when something of the sandbox's own dies, hangs or runs out: every run ends in one outcome, the next one works, and nothing is left."""

# ruff: noqa: PTH110, PTH208 - folders are named by texts here, as in the package

from __future__ import annotations

import ast
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ringfence import Profile, Reason
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.call import Outcome
    from ringfence.sandbox.pools import Pool

pytestmark = pytest.mark.sandbox
SRC = Path(__file__).parents[2] / "src"
SLEEP = "import time\nopen('{}', 'w').close()\ntime.sleep(30)"
ENDED = {Reason.CRASHED, Reason.CANCELLED, Reason.UNAVAILABLE, Reason.TIMEOUT}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Give a sandbox whose pool nobody shares; its loop has met no fault of its own in the end."""
    with Sandbox(Profile(wall_seconds=20, queue=997)) as box:
        box.start()
        yield box
    assert [repr(error) for error in supervisor().loop.errors] == []


def pool_of(box: Sandbox) -> Pool:
    """Return the pool behind a sandbox."""
    return next(iter(box._pools.values())).pool


def zygote_of(box: Sandbox) -> int:
    """Return the process id of the zygote, once there is one that is ready."""
    assert until(lambda: pool_of(box)._zygote is not None and pool_of(box)._zygote.ready)  # type: ignore[union-attr]
    zygote = pool_of(box)._zygote
    assert zygote is not None
    return zygote.pid


def until(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Wait until a condition holds; return whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return condition()


def workers_with(word: str) -> list[int]:
    """Return the descendants of this process whose current folder holds a file of that name."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(OSError):
            if os.path.exists(f"/proc/{each.pid}/cwd/{word}"):
                found.append(each.pid)
    return found


def alive(pid: int) -> bool:
    """Return whether a process runs; a dead one that nobody collected yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def by_host(program: str, folder: Path, *arguments: str) -> Any:
    """Run a program that uses the sandbox in a process of its own, and return the last line that it prints, as a value."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SRC)!r})\n{program}", *arguments], cwd="/", capture_output=True, text=True, timeout=50,
        env={**os.environ, "TMPDIR": str(folder)}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


# Killed


def test_a_worker_that_is_killed_ends_its_run_alone(box: Sandbox) -> None:
    """The run in it ends as crashed, the other one goes on, and so does the sandbox."""
    with ThreadPoolExecutor(2) as threads:
        victim = threads.submit(box.run, SLEEP.format("victim"))
        other = threads.submit(box.run, "import time\ntime.sleep(1)\n'other'")
        assert until(lambda: len(workers_with("victim")) == 1)
        os.kill(workers_with("victim")[0], signal.SIGKILL)
        outcome = victim.result(3)
        assert (outcome.reason, outcome.detail) == (Reason.CRASHED, "it was ended by SIGKILL")
        assert outcome.executed
        assert other.result(5).value == "other"
    assert box.run("1").value == 1


def test_a_worker_that_is_killed_while_it_waits_is_replaced(box: Sandbox) -> None:
    """No run is given to a dead one, or it ends at once as crashed, and the next ones work."""
    assert box.run("1").value == 1
    for _ in range(3):
        assert until(lambda: pool_of(box).counts()["waiting"] == 2)
        for each in psutil.Process(zygote_of(box)).children():
            each.kill()
        outcomes = [box.run("2") for _ in range(4)]
        assert [each.value for each in outcomes if each.success][-1:] == [2]
        assert {each.reason for each in outcomes} <= {None, Reason.CRASHED}


def test_a_zygote_that_is_killed_ends_its_runs_and_comes_again(box: Sandbox) -> None:
    """Runs in flight end as crashed within a moment, those that wait go on, and no worker is left."""
    first = zygote_of(box)
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(box.run, SLEEP.format("orphan")) for _ in range(3)]
        assert until(lambda: len(workers_with("orphan")) == 3)
        pids = workers_with("orphan")
        began = time.monotonic()
        os.kill(first, signal.SIGKILL)
        for run in runs:
            outcome = run.result(20)
            assert outcome.reason is Reason.CRASHED
            assert outcome.detail == "the process that it was forked from has ended"
        assert time.monotonic() - began < 20
    assert box.run("1").value == 1
    assert zygote_of(box) != first
    assert until(lambda: not any(map(alive, pids)), 2)


def test_a_session_whose_zygote_is_killed_ends_and_says_so(box: Sandbox) -> None:
    """The next run of it is refused with the reason."""
    from ringfence.errors import SandboxClosed

    with box.session() as session:
        assert session.run("x = 1").success
        os.kill(zygote_of(box), signal.SIGKILL)
        assert until(lambda: session.ended != "")
        with pytest.raises(SandboxClosed, match="the session has ended: the process that it was forked from"):
            session.run("x")
    assert box.run("1").value == 1


def test_a_zygote_that_stops_is_given_up(box: Sandbox) -> None:
    """A run that has to end ends all the same, within about six seconds, and the next one works."""
    stopped = zygote_of(box)
    assert box.run("1").value == 1
    began = time.monotonic()
    with Sandbox(Profile(wall_seconds=0.3, queue=997)) as hasty, ThreadPoolExecutor(1) as threads:
        assert hasty.run("1").value == 1
        assert pool_of(hasty) is pool_of(box)
        going = threads.submit(hasty.run, SLEEP.format("stuck"))
        assert until(lambda: len(workers_with("stuck")) == 1)
        os.kill(stopped, signal.SIGSTOP)
        outcome = going.result(25)
        assert outcome.reason is Reason.TIMEOUT
    assert time.monotonic() - began < 25
    assert box.run("2").value == 2
    assert until(lambda: not alive(stopped))


def test_a_worker_that_stops_is_ended_by_its_time() -> None:
    """A stopped process cannot tidy up: it is killed."""
    with Sandbox(Profile(wall_seconds=0.8, queue=996)) as box, ThreadPoolExecutor(1) as threads:
        box.run("1")
        going = threads.submit(box.run, SLEEP.format("halted"))
        assert until(lambda: len(workers_with("halted")) == 1)
        os.kill(workers_with("halted")[0], signal.SIGSTOP)
        assert going.result(5).reason is Reason.TIMEOUT
        assert box.run("1").value == 1


HOST = """
import sys, threading, time, psutil
from ringfence import Profile
from ringfence.sandbox import Sandbox
box = Sandbox(Profile(processes=int(sys.argv[1])))
box.run("1")
session = box.session()
session.run("1")
for _ in range(2):
    threading.Thread(target=box.run, args=("import os, time\\nif PARTS > 1: os.fork()\\ntime.sleep(60)".replace("PARTS", sys.argv[1]),), daemon=True).start()
time.sleep(0.7)
print([each.pid for each in psutil.Process().children(recursive=True)], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("processes", [1, 4])
def test_a_host_that_is_killed_leaves_no_process_and_its_folder_is_swept(
    tmp_path: Path, processes: int
) -> None:
    """Within two seconds zygote, keepers, workers and what they started are gone; the next start removes the folder."""
    host = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SRC)!r})\n{HOST}", str(processes)], cwd="/", env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert host.stdout is not None
    pids = ast.literal_eval(host.stdout.readline())
    assert len(pids) >= 4
    host.kill()
    host.wait()
    host.stdout.close()
    assert until(lambda: not any(map(alive, pids)), 2), [psutil.Process(pid) for pid in pids if alive(pid)]
    assert len([each for each in os.listdir(tmp_path) if each.startswith("ringfence-")]) == 1
    program = "import os\nfrom ringfence.sandbox import Sandbox\nwith Sandbox() as box: value = box.run('5').value\nprint([value, len(os.listdir(os.environ['TMPDIR']))])"
    assert by_host(program, tmp_path) == [5, 1]
    assert os.listdir(tmp_path) == []


CLOSING = """
import os, psutil, time
from ringfence import Profile
from ringfence.sandbox import Sandbox
found = set()
for number in range(4):
    with Sandbox(Profile(open_files=90 + number, memory_mb=200 + number, processes=1 + number % 2, queue=number + 5)) as box:
        box.run("1")
        found |= {each.pid for each in psutil.Process().children(recursive=True)}
left = [pid for pid in found if os.path.exists(f"/proc/{pid}")]
print([len(found), [psutil.Process(pid).status() for pid in left if psutil.pid_exists(pid)]])
"""


def test_closing_leaves_no_zombie(tmp_path: Path) -> None:
    """When `close` returns, its workers are not only dead but collected, whoever process 1 is."""
    number, left = by_host(CLOSING, tmp_path)
    assert number >= 8
    assert left == []


# Run out

FULL = """
import os, sys, time
from ringfence.sandbox import Sandbox
folder = os.environ["TMPDIR"]
with Sandbox() as box:
    said = []
    outcome = box.run("open('a', 'wb').write(b'x' * (8 << 20))")
    said.append([str(outcome.reason), outcome.detail])
    outcome = box.run("1", files={"big": b"x" * (8 << 20)})
    said.append([str(outcome.reason), outcome.detail])
    for _ in range(100):
        outcome = box.run("open('a', 'wb').write(b'x' * (1 << 20))")
        if outcome.success: break
        time.sleep(0.03)
    said.append([str(outcome.reason), outcome.value])
    said.append([box.run("1 + 1").value for _ in range(5)])
print([said, os.listdir(folder)])
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of two megabytes."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    folder = tmp_path / "tiny"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_as_such_and_the_next_run_works(tiny: Path) -> None:
    """What a run writes beyond the disk's end, and what it is given, end it for `files`, and the room is there again for the next."""
    said, left = by_host(FULL, tiny)
    written, given, again, after = said
    assert written[0] == "files", written
    assert "No space left on device" in written[1]
    assert given[0] == "files", given
    assert again == ["None", 1 << 20]
    assert after == [2] * 5
    assert len(left) == 1


FULL_AT_START = """
import os
from ringfence.errors import SandboxUnavailable
from ringfence.sandbox import Sandbox
hog = os.open(os.environ["TMPDIR"] + "/hog", os.O_WRONLY | os.O_CREAT)
try:
    while True: os.write(hog, b"x" * 4096)
except OSError:
    os.close(hog)
box = Sandbox()
def ask():
    try:
        outcome = box.run("1")
        return [str(outcome.reason), outcome.value]
    except SandboxUnavailable as error:
        return ["unavailable", None]
said = [ask() for _ in range(2)]
os.unlink(os.environ["TMPDIR"] + "/hog")
said.append(ask())
box.close()
print(said)
"""


def test_a_disk_that_is_full_beforehand_refuses_or_runs_and_recovers(tiny: Path) -> None:
    """No run is lost: each has its answer, and once there is room again, runs work."""
    *first, last = by_host(FULL_AT_START, tiny)
    assert all(each in (["None", 1], ["unavailable", None], ["files", None]) for each in first)
    assert last == ["None", 1]


NO_DESCRIPTORS = """
import os, resource
from concurrent.futures import ThreadPoolExecutor
from ringfence import Profile
from ringfence.errors import SandboxUnavailable, SandboxBusy
from ringfence.sandbox import Sandbox
before = len(os.listdir("/proc/self/fd"))
box = Sandbox(Profile(running=50, waiting=2, wall_seconds=10))
box.run("1")
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 14, 4096))
def ask(number):
    try:
        outcome = box.run("import time\\ntime.sleep(0.05)\\nn", inputs={"n": number})
        return "right" if outcome.value == number else str(outcome.reason)
    except (SandboxUnavailable, SandboxBusy) as error:
        return type(error).__name__
with ThreadPoolExecutor(30) as threads:
    said = list(threads.map(ask, range(90)))
hogs = []
try:
    while True: hogs.append(os.dup(0))
except OSError: pass
said_without = [ask(n) for n in range(3)]
for hog in hogs: os.close(hog)
last = ask(7)
errors = []
from ringfence.sandbox.supervisor import supervisor
errors = [repr(each) for each in supervisor().loop.errors]
box.close()
print([sorted(set(said)), len(said), said_without, last, errors])
"""


def test_a_host_without_descriptors_gives_every_run_an_answer(tmp_path: Path) -> None:
    """Runs share the workers that could be made, or are told that there is none; with descriptors again they work."""
    said, number, without, last, errors = by_host(NO_DESCRIPTORS, tmp_path)
    assert number == 90
    assert said == ["right"], said
    assert set(without) <= {"right", "unavailable", "SandboxUnavailable"}
    assert last == "right"
    assert errors == []


NO_DESCRIPTORS_AT_START = """
import os, resource
from ringfence.errors import SandboxUnavailable
from ringfence.sandbox import Sandbox
Sandbox().close()
box = Sandbox()
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 1, 4096))
def ask():
    try:
        outcome = box.run("1")
        return str(outcome.reason), outcome.value
    except SandboxUnavailable as error:
        return "unavailable", str(error)[:200]
said = [ask() for _ in range(3)]
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
said.append(ask())
box.close()
print([said, len(os.listdir("/proc/self/fd"))])
"""


def test_a_host_without_descriptors_at_the_start_is_told(tmp_path: Path) -> None:
    """The sandbox cannot be made, the sentence says why, and later it can; nothing leaks meanwhile."""
    said, descriptors = by_host(NO_DESCRIPTORS_AT_START, tmp_path)
    assert {each[0] for each in said[:3]} == {"unavailable"}
    assert all("Too many open files" in each[1] for each in said[:3]), said
    assert said[3] == ("None", 1)
    assert descriptors < 16


def test_a_machine_without_processes_gives_every_run_an_answer(tmp_path: Path) -> None:
    """Where nothing can be forked for a while, runs wait or are told so, and go on once it can."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a control group")
    from ringfence.sandbox.layers import cgroup

    if not cgroup.probe().available:
        pytest.skip("no control group is delegated here")
    group = Path(cgroup.find().folders["pids"]) / f"helper-{os.getpid()}"
    group.mkdir()
    try:
        found = by_host(NO_PROCESSES, tmp_path, str(group))
    finally:
        until(lambda: not (group / "cgroup.procs").read_text().split(), 3)
        group.rmdir()
    assert set(found[0]) <= {"right", "unavailable", "timeout"}
    assert len(found[0]) == 12
    assert "right" not in found[1]
    assert set(found[1]) <= {"unavailable", "timeout", "SandboxUnavailable"}
    assert found[2] == ["right"] * 6
    assert found[3] == []


NO_PROCESSES = """
import os, sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ringfence import Profile
from ringfence.errors import SandboxUnavailable
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor
group = Path(sys.argv[1])
box = Sandbox(Profile(wall_seconds=1.5, waiting=1))
box.run("1")
threads = ThreadPoolExecutor(12)
list(threads.map(time.sleep, [0.05] * 12))
(group / "cgroup.procs").write_text(str(os.getpid()))
zygote = next(iter(box._pools.values())).pool._zygote
(group / "cgroup.procs").write_text(str(zygote.pid))
def limit(more):
    now = int((group / "pids.current").read_text())
    (group / "pids.max").write_text("max" if more is None else str(now + more))
def ask(number):
    try:
        outcome = box.run("import time\\ntime.sleep(0.1)\\nn", inputs={"n": number})
        return "right" if outcome.value == number else str(outcome.reason)
    except SandboxUnavailable:
        return "SandboxUnavailable"
limit(2)
few = list(threads.map(ask, range(12)))
time.sleep(0.5)
limit(-5)
for _ in range(3):
    ask(0)
none = list(threads.map(ask, range(3)))
limit(None)
time.sleep(0.1)
again = list(threads.map(ask, range(6)))
errors = [repr(each) for each in supervisor().loop.errors]
box.close()
Path(str(group.parent) + "/cgroup.procs").write_text(str(os.getpid()))
print([few, none, again, errors])
"""


# Slow


def test_a_run_that_reads_nothing_and_one_that_answers_slowly_hold_up_nobody(box: Sandbox) -> None:
    """A large request that is not read, and output that comes drop by drop, are their own runs' business."""
    big = {"big": b"x" * (20 << 20)}
    slow = "import os, time\nfor i in range(20):\n    os.write(1, b'.')\n    time.sleep(0.05)\n'slow'"
    with ThreadPoolExecutor(4) as threads:
        large = [
            threads.submit(box.run, "import os\nos.path.getsize('input/big')", files=big) for _ in range(2)
        ]
        slowly = threads.submit(box.run, slow)
        began = time.monotonic()
        assert [box.run("1").value for _ in range(20)] == [1] * 20
        assert time.monotonic() - began < 3
        assert [each.result(10).value for each in large] == [20 << 20] * 2
        assert slowly.result(10).output.stdout == "." * 20


def test_a_worker_that_stops_before_it_has_read_its_request_is_ended_by_its_time() -> None:
    """The host never waits for it."""
    with Sandbox(Profile(wall_seconds=1, waiting=1, queue=995)) as box, ThreadPoolExecutor(1) as threads:
        box.start()
        assert box.run("1").value == 1
        assert until(lambda: pool_of(box).counts()["waiting"] == 1)
        waiting = psutil.Process(zygote_of(box)).children()
        for each in waiting:
            each.suspend()
        began = time.monotonic()
        going = threads.submit(box.run, "2", files={"big": b"x" * (8 << 20)})
        outcome = going.result(20)
        assert outcome.reason is Reason.TIMEOUT
        assert time.monotonic() - began < 20
        assert box.run("3").value == 3


# All of it


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_is_killed_every_run_ends_in_exactly_one_outcome(box: Sandbox, seed: int) -> None:
    """Two hundred runs while workers and zygotes are killed at random: each has one outcome, right or told, and in the end all is well."""
    chance, over = random.Random(seed), threading.Event()
    zygote_of(box)

    def kill() -> None:
        while not over.is_set():
            time.sleep(chance.uniform(0.005, 0.08))
            zygote = pool_of(box)._zygote
            if zygote is None or not zygote.ready:
                continue
            with suppress(psutil.Error, ProcessLookupError, IndexError):
                if chance.random() < 0.1:
                    os.kill(zygote.pid, signal.SIGKILL)
                else:
                    chance.choice(psutil.Process(zygote.pid).children()).kill()

    def ask(number: int) -> Outcome:
        pause = (0, 0.01, 0.05)[number % 3]
        return box.run(
            f"import time\ntime.sleep({pause})\nprint(n)\nn", inputs={"n": number}, user=str(number % 5)
        )

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(16) as threads:
            outcomes = list(threads.map(ask, range(200)))
    finally:
        over.set()
        killer.join()
    assert len(outcomes) == 200
    assert len({each.call_id for each in outcomes}) == 200
    for number, outcome in enumerate(outcomes):
        if outcome.success:
            assert (outcome.value, outcome.output.stdout) == (number, f"{number}\n")
        else:
            assert outcome.reason in ENDED, outcome
            assert outcome.detail
    assert sum(each.success for each in outcomes) > 50
    time.sleep(0.3)
    assert [box.run("n", inputs={"n": n}).value for n in range(5)] == list(range(5))
    assert until(lambda: pool_of(box).counts()["running"] == pool_of(box).counts()["queued"] == 0)


def test_nothing_of_all_this_is_left() -> None:
    """After every sandbox is closed, this process has no child of ours, and its base folder holds its lock alone."""
    with Sandbox(Profile(wall_seconds=20, queue=994)) as box:
        box.run("1")
        base = supervisor().base.path
        assert base.startswith(tempfile.gettempdir())
    if not supervisor()._pools:
        assert until(lambda: os.listdir(base) == ["lock"], 3)
        zygotes = [each for each in psutil.Process().children(recursive=True) if "ringfence.sandbox.inside" in " ".join(each.cmdline())]  # fmt: skip
        assert zygotes == []

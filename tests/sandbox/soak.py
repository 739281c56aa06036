"""Many runs in a row, to see that nothing grows: `python -m tests.sandbox.soak 20000`.

Not collected by pytest. After a warm-up, and at every twentieth of the way, it counts descriptors, memory, processes, threads, temporary files, timers and control
groups of the host and its zygotes; it prints each line, and exits with 1 where the last differs from the first by more than noise.
"""

# ruff: noqa: PTH119, PTH208 - folders are named by texts here, as in the package

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from ringfence import Profile, Reason
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor

LOOKS = 20
MEMORY_NOISE_MB = 6.0
"""How much more memory the end may show than the beginning, on top of a tenth: the allocator's own ups and downs."""
KINDS: tuple[tuple[str, Reason | None], ...] = (
    ("n * 2", None), ("print('x' * 3000)\nn", None), ("1 / 0", Reason.CRASHED), ("open('/etc/passwd')", Reason.POLICY), ("open('output/a', 'w').write('a' * n)", None),
    ("open('tmp/a', 'w').write('left')\nimport os\nos.makedirs('b/c')", None), ("import os\nos._exit(3)", Reason.CRASHED), ("'x' * (2 << 20)", Reason.OUTPUT), ("import json\njson.dumps([n] * 100)", None),
    ("[0] * n", None), ("bytearray(1 << 30)", Reason.MEMORY), ("import sys\nsys.stderr.write('e' * n)", None),
)  # fmt: skip
SLOW = "import time\ntime.sleep(9)"


class Look(NamedTuple):
    """What is there at one moment.

    Attributes:
        runs: how many have ended.
        descriptors: of the host.
        host_mb, zygotes_mb: memory, each process's share of what it shares (PSS).
        processes: descendants of the host.
        threads: of the host.
        files: below the base folder, directories included.
        timers: that the loop holds and that were not cancelled.
        groups: control groups of this host.
        faults: that the loop has met.

    """

    runs: int
    descriptors: int
    host_mb: float
    zygotes_mb: float
    processes: int
    threads: int
    files: int
    timers: int
    groups: int
    faults: int


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process, in MB; 0 where it has gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def look(runs: int) -> Look:
    """Count."""
    shared = supervisor()
    zygotes = psutil.Process().children()
    files = sum(len(folders) + len(names) for _, folders, names in os.walk(shared.base.path))
    groups = sum(
        name.startswith(f"ringfence-{os.getpid()}-")
        for root, folders, _ in os.walk("/sys/fs/cgroup")
        for name in folders
        if root.count("/") < 6
    )
    timers = sum(each[2].callback is not None for each in list(shared.loop._timers))
    return Look(
        runs, len(os.listdir("/proc/self/fd")), pss_mb(os.getpid()), sum(pss_mb(each.pid) for each in zygotes),
        len(psutil.Process().children(recursive=True)), threading.active_count(), files, timers, groups, len(shared.loop.errors),
    )  # fmt: skip


def settled(runs: int) -> Look:
    """Count once nothing runs any more and what waits stands ready."""
    time.sleep(1.0)
    return look(runs)


def one(box: Sandbox, hasty: Sandbox, many: Sandbox, number: int) -> str:
    """Do one run; return what was wrong with it, or nothing."""
    if number % 97 == 0:
        outcome, expected = hasty.run(SLOW), Reason.TIMEOUT
        return "" if outcome.reason is expected else f"{SLOW!r}: {outcome.reason} {outcome.detail}"
    if number % 101 == 0:
        outcome = many.run("import os\npid = os.fork()\nif pid == 0: os._exit(0)\nos.waitpid(pid, 0)[1]")
        return "" if outcome.value == 0 and outcome.success else f"fork: {outcome.reason} {outcome.detail}"
    if number % 103 == 0:
        with box.session() as session:
            session.run("x = 1")
            outcome = session.run("x + 1")
        return "" if outcome.value == 2 else f"session: {outcome.reason} {outcome.detail}"
    source, reason = KINDS[number % len(KINDS)]
    outcome = box.run(source, inputs={"n": number % 1000})
    return "" if outcome.reason is reason else f"{source!r}: {outcome.reason} {outcome.detail}"


def grown(first: Look, last: Look) -> list[str]:
    """Return what has grown between two looks."""
    found = []
    for name in ("host_mb", "zygotes_mb"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before * 1.1 + MEMORY_NOISE_MB:
            found.append(f"{name}: {before:.1f} to {after:.1f}")
    for name, noise in (("descriptors", 6), ("processes", 4), ("threads", 0), ("files", 16), ("timers", 12), ("groups", 4), ("faults", 0)):  # fmt: skip
        before, after = getattr(first, name), getattr(last, name)
        if after > before + noise:
            found.append(f"{name}: {before} to {after}")
    return found


def main(runs: int) -> int:
    """Run so many; return the exit code."""
    began, wrong = time.monotonic(), [""]
    profile = Profile(wall_seconds=20)
    with Sandbox(profile) as box, Sandbox(Profile(wall_seconds=0.3)) as hasty, Sandbox(Profile(processes=4, wall_seconds=20)) as many:  # fmt: skip
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda n: one(box, hasty, many, n), range(400)))
        looks = [settled(0)]
        print(*Look._fields, sep="\t")
        print(*_shown(looks[0]), sep="\t", flush=True)
        for at in range(LOOKS):
            numbers = range(runs * at // LOOKS, runs * (at + 1) // LOOKS)
            with ThreadPoolExecutor(2) as threads:
                wrong += [each for each in threads.map(lambda n: one(box, hasty, many, n), numbers) if each]
            looks.append(settled(numbers.stop))
            print(*_shown(looks[-1]), sep="\t", flush=True)
        base = supervisor().base.path
    left = [*psutil.Process().children(recursive=True)]
    rest = os.listdir(base)
    wrong = wrong[1:]
    print(f"{runs:,} runs in {time.monotonic() - began:.0f} s, {len(wrong)} ended otherwise than they must", *wrong[:9], sep="\n")  # fmt: skip
    bad = grown(looks[0], looks[-1])
    print("grown:", "; ".join(bad) or "nothing")
    print("left after the close:", left, rest, [each for each in os.listdir(tempfile.gettempdir()) if each == os.path.basename(base)])  # fmt: skip
    return int(bool(bad or wrong or left or rest != ["lock"]))


def _shown(seen: Look) -> list[str]:
    return [f"{each:.1f}" if isinstance(each, float) else str(each) for each in seen]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000))

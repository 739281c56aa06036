"""Attacks that use things up, one or more tests for each case of the catalogue. Memory, processor time and disk are measured from outside, while it happens.

Cases that cannot happen in this tier are at the end, each with why.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.cages import Ended, Host
from tests.attacks.hostile import MB, PRELUDE, Scales, assert_unavailable, descendants, read, status

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_MB, MARGIN_MB = 48, 16
SOCKETS_MB = 22
"""What the runs are granted, and by how much what they really hold may pass it: the interpreter itself is weighed before and taken off."""
CPU = 0.3


class Weighed:
    """A host of its own, whose memory is counted by the kernel too where it offers a control group of version 1: pipes, sockets and page tables included.

    Arguments:
        kind: which host.

    """

    def __init__(self, kind: str) -> None:
        self.host = Host(kind)
        self._group = ""
        self._idle: dict[str, int] = {}
        with contextlib.suppress(OSError, StopIteration):
            own = next(
                line.split(":")[2] for line in read("/proc/self/cgroup").splitlines() if ":memory:" in line
            )
            group = f"/sys/fs/cgroup/memory{own.rstrip('/')}/ringfence-test-{os.getpid()}-{kind}"
            Path(group).mkdir()
            self._group = group
            self._put("cgroup.procs", self.host.pid)

    def _put(self, name: str, value: int) -> None:
        Path(f"{self._group}/{name}").write_text(str(value), "ascii")

    def _peak(self) -> int:
        return int(read(f"{self._group}/memory.max_usage_in_bytes") or 0) if self._group else 0

    def _now(self) -> int:
        return int(read(f"{self._group}/memory.usage_in_bytes") or 0) if self._group else 0

    def run(self, code: str, **profile: Any) -> tuple[Ended, float]:
        """Run a snippet; return how it ended, and by how many MB the host's tree grew over what it takes for a run that does nothing."""
        profile = {"memory_mb": MEMORY_MB, "cpu_seconds": 6, **profile}
        key = repr(sorted(profile.items()))
        if key not in self._idle:
            with Scales(self.host) as idle:
                self.host.run(PRELUDE + "import time\ntime.sleep(0.03)", **profile)
            self._idle[key] = idle.peak
        before = self._now()
        if self._group:
            self._put("memory.max_usage_in_bytes", 0)
        with Scales(self.host) as scales:
            ended = self.host.run(PRELUDE + code, **profile)
        return ended, max(scales.peak - self._idle[key], self._peak() - before) / MB

    def close(self) -> None:
        """End it."""
        self.host.close()
        until = time.monotonic() + 5
        while self._group and time.monotonic() < until:
            with contextlib.suppress(OSError):
                Path(self._group).rmdir()
                return
            time.sleep(0.02)


@pytest.fixture(scope="module")
def scales() -> Iterator[dict[str, Weighed]]:
    """Give the hosts that are weighed, each started when it is first asked for."""
    found: dict[str, Weighed] = {}
    yield found
    for each in found.values():
        each.close()


@pytest.fixture(params=("root", "nobody-denied"))
def weighed(request: pytest.FixtureRequest, scales: dict[str, Weighed]) -> Weighed:
    """Give the strongest and the weakest kind of host, weighed. Only root can look at what others hold."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if request.param not in scales:
        scales[request.param] = Weighed(request.param)
    return scales[request.param]


FILL = """
import time
def fill_sockets(held):
    block = bytes(1 << 16)
    try:
        while True:
            pair = socket.socketpair()
            held += pair
            for each in pair:
                each.setblocking(False)
                try:
                    while True: each.send(block)
                except BlockingIOError: pass
    except OSError as error:
        return name_of(error.errno)
def fill_pipes(held):
    try:
        while True:
            reading, writing = os.pipe()
            held += [reading, writing]
            os.set_blocking(writing, False)
            try:
                attempt(lambda: __import__("fcntl").fcntl(writing, 1031, 1 << 20))
                while os.write(writing, bytes(4096)): pass
            except BlockingIOError: pass
    except OSError as error:
        return name_of(error.errno)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def page_tables(most):
    for i in range(most):
        at = libc.mmap(0x100000000000 + (i << 30), 4096, 1, 0x22 | 0x100000, -1, 0)
        if at is None or at == (1 << 64) - 1:
            return i
        ctypes.string_at(at, 1)
    return most
held = []
"""
MEMORY: dict[str, str] = {
    "one call": "bytearray(1 << 33)",
    "one call that fits, again and again": "while True: held.append(bytearray(1 << 20))",
    "tiny steps": "while True: held.append(object())",
    "a text that doubles": "x = 'a'\nwhile True: x += x",
    "by recursion": "def f(n): return f(n + 1) + [0] * 100000 if n < 900 else [bytearray(1 << 16) for _ in range(9999)]\nf(0)",
    "caught and tried again": "while True:\n    try:\n        while True: held.append(bytearray(1 << 16))\n    except MemoryError: held.append(b'')",
    "anonymous maps": "import mmap\nwhile True:\n    held.append(mmap.mmap(-1, 1 << 20))\n    held[-1].write(bytes(1 << 20))",
    "private maps": "import mmap\nwhile True:\n    held.append(mmap.mmap(-1, 1 << 20, 2))\n    held[-1].write(bytes(1 << 20))",
    "maps of a file": "import mmap\nf = open('tmp/f', 'wb+')\nf.truncate(90 << 20)\nm = mmap.mmap(f.fileno(), 90 << 20)\nfor i in range(0, 90 << 20, 1 << 20): m[i:i + (1 << 20)] = bytes(1 << 20)",
    "memfd": "f = call(319, 279, ctypes.create_string_buffer(b'x'), 0)\nwhile isinstance(f, int): os.write(f, bytes(1 << 20))\nf",
    "a secret memfd": "f = call(447, 447, 0)\nif isinstance(f, int): os.ftruncate(f, 90 << 20)\nf",
    "System V memory": "said = [call(29, 194, 0, 1 << 20, 0o1600)]\nwhile isinstance(said[-1], int):\n    at = call(30, 196, said[-1], 0, 0)\n    ctypes.memset(at, 1, 1 << 20)\n    said.append(call(29, 194, 0, 1 << 20, 0o1600))\nsaid[-1]",
    "POSIX memory": "from multiprocessing.shared_memory import SharedMemory\nwhile True:\n    held.append(SharedMemory(create=True, size=1 << 20))\n    held[-1].buf[:] = bytes(1 << 20)",
    "System V messages": "q = call(68, 186, 0, 0o1600)\nm = ctypes.create_string_buffer(b'\\1' * 4096)\nwhile isinstance(q, int) and isinstance(call(69, 189, q, m, 4000, 0o4000), int): pass\nq",
    "devices of memory": "for path in ('/dev/shm/x', '/run/x', '/dev/mem', '/dev/zero'): said.append(attempt(open, path, 'wb'))\nimport mmap\nf = open('/dev/zero', 'rb+')\nm = mmap.mmap(f.fileno(), 1 << 28)\nfor i in range(0, 1 << 28, 1 << 20): m[i:i + (1 << 20)] = bytes(1 << 20)",
    "pipes": "fill_pipes(held)",
    "socket buffers": "fill_sockets(held)",
    "page tables": "said = page_tables(20000)\ntime.sleep(0.05)\nsaid",
    "many maps": "import mmap\nwhile True:\n    held.append(mmap.mmap(-1, 8192))\n    libc.mprotect(ctypes.addressof(ctypes.c_char.from_buffer(held[-1])), 4096, 1)",
    "a reservation that is filled": "import mmap\nm = mmap.mmap(-1, 40 << 20)\nfor i in range(0, 40 << 20, 4096): m[i] = 1\nwhile True: held.append(bytearray(1 << 12))",
    "everything at once": "try:\n    while True: held.append(bytearray(1 << 18))\nexcept MemoryError: pass\ndel held[-8:]\nmore = []\nsaid = [fill_sockets(more), fill_pipes(more)]\ntime.sleep(0.05)",
    "sockets that are on their way in sockets": """
carriers = []
try:
    while True:
        pair = socket.socketpair()
        for each in pair:
            each.setblocking(False)
            try:
                while True: each.send(bytes(1 << 16))
            except BlockingIOError: pass
        carrier = socket.socketpair()
        carriers += carrier
        try:
            socket.send_fds(carrier[0], [b"x"], [pair[0].fileno(), pair[1].fileno()])
        except OSError:
            held += pair
except OSError as error:
    said.append(name_of(error.errno))
time.sleep(0.05)
len(carriers)""",
    "pages of a file, lent to pipes": """
f = os.open("tmp/f", os.O_RDWR | os.O_CREAT)
block = bytes(1 << 21)
for _ in range(12):
    reading, writing = os.pipe()
    for _ in range(15):
        os.pwrite(f, block, 0)
        os.lseek(f, 0, 0)
        if call(275, 76, f, 0, writing, 0, 1, 0) != 1:
            os.lseek(f, 0, 0)
            said.append(attempt(os.sendfile, writing, f, 0, 1))
        os.ftruncate(f, 0)
said[-1]""",
    "pages of a file, lent to sockets": """
f = os.open("tmp/f", os.O_RDWR | os.O_CREAT)
block = bytes(1 << 21)
for _ in range(2):
    pair = socket.socketpair()
    held += pair
    pair[0].setblocking(False)
    for _ in range(100):
        os.pwrite(f, block, 0)
        said.append(attempt(os.sendfile, pair[0].fileno(), f, 0, 1))
        os.ftruncate(f, 0)
said[-1]""",
    "pages of a pipe, doubled": """
one, other = os.pipe(), os.pipe()
os.write(one[1], bytes(1 << 16))
said = [call(276, 77, one[0], other[1], 1 << 16, 2), call(278, 75, other[1], 0, 0, 0)]
said""",
}
SEVERAL: dict[str, str] = {
    "each a share": "for _ in range(6):\n    if os.fork() == 0:\n        while True: held.append(bytearray(1 << 18))\nwhile True: time.sleep(1)",
    "each a share, shared": "import mmap\nfor _ in range(5):\n    if os.fork() == 0:\n        while True:\n            held.append(mmap.mmap(-1, 1 << 20))\n            held[-1].write(bytes(1 << 20))\nwhile True: time.sleep(1)",
    "a daemon far away": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        if os.fork() == 0:\n            while True: held.append(bytearray(1 << 18))\n    os._exit(0)\nfor _ in range(2):\n    if os.fork() == 0:\n        while True: held.append(bytearray(1 << 18))\nwhile True: time.sleep(1)",
    "copies of what was shared": "x = bytearray(30 << 20)\nfor _ in range(6):\n    if os.fork() == 0:\n        for i in range(0, len(x), 4096): x[i] = 1\n        time.sleep(9)\ntime.sleep(9)",
    "pipes in each": "for _ in range(7):\n    if os.fork() == 0:\n        fill_pipes(held)\n        time.sleep(0.4)\n        os._exit(0)\nfor _ in range(7): os.wait()",
    "socket buffers in each": "for _ in range(7):\n    if os.fork() == 0:\n        fill_sockets(held)\n        time.sleep(0.4)\n        os._exit(0)\nfor _ in range(7): os.wait()",
    "page tables in each": "for _ in range(7):\n    if os.fork() == 0:\n        page_tables(1500)\n        time.sleep(0.4)\n        os._exit(0)\nfor _ in range(7): os.wait()",
    "threads": "import threading\ndef fill():\n    mine = []\n    while True: mine.append(bytearray(1 << 18))\nfor _ in range(6): threading.Thread(target=fill).start()\nfill()",
    "stopped ones": "import signal\nfor _ in range(6):\n    if os.fork() == 0:\n        for _ in range(9): held.append(bytearray(1 << 20))\n        os.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(1)\n1",
}


@pytest.mark.parametrize("how", MEMORY)
def test_re02_memory_of_one_process(weighed: Weighed, how: str) -> None:
    """However one process asks for memory, what it really holds stays within the grant (also RE01: in one call, in steps, by recursion)."""
    ended, grown = weighed.run(FILL + MEMORY[how])
    assert grown <= MEMORY_MB + MARGIN_MB, (grown, ended)
    assert ended.reason in (None, "memory", "policy", "files"), ended


@pytest.mark.parametrize("how", SEVERAL)
def test_re02_memory_of_several_processes(weighed: Weighed, how: str) -> None:
    """Several processes together hold no more than is granted, whatever holds it.

    Without a control group only the kernel knows of the buffers of sockets: of each process they hold as much as its descriptors allow.
    """
    ended, grown = weighed.run(FILL + SEVERAL[how], processes=8)
    uncounted = SOCKETS_MB * 8 if how == "socket buffers in each" and "cgroup" not in ended.layers else 0
    assert grown <= MEMORY_MB + MARGIN_MB + uncounted, (grown, ended)
    assert ended.executed, ended


@pytest.mark.parametrize("how", ["one call that fits, again and again", "anonymous maps"])
def test_re01_memory_under_paranoid(weighed: Weighed, how: str) -> None:
    """The strictest level bounds memory as well; where it cannot be had, nothing runs."""
    ended, grown = weighed.run(FILL + MEMORY[how], security_level="paranoid")
    assert grown <= MEMORY_MB + MARGIN_MB, (grown, ended)
    if weighed.host.namespaces:
        assert ended.reason == "memory", ended
    else:
        assert_unavailable(ended, "paranoid")


@pytest.mark.parametrize(
    "how",
    [
        "one call",
        "one call that fits, again and again",
        "tiny steps",
        "a text that doubles",
        "anonymous maps",
    ],
)
def test_re01_out_of_memory_is_told(host: Host, how: str) -> None:
    """Who asks for more memory than is granted is told so, whether as an exception or by its end; the next run is served."""
    ended = host.run(PRELUDE + FILL + MEMORY[how], memory_mb=MEMORY_MB, cpu_seconds=6)
    assert ended.reason == "memory" or "Cannot allocate" in ended.stderr, ended
    assert host.run("6 * 7", memory_mb=MEMORY_MB, cpu_seconds=6).value == 42


def test_re02_file_locks(weighed: Weighed) -> None:
    """Locks on files take no memory of the kernel's beyond the grant, though nothing counts them."""
    code = """
import fcntl
until, made = time.process_time() + 0.4, 0
for number in range(90):
    f = os.open(f"tmp/{number}", os.O_RDWR | os.O_CREAT)
    for way in (6, 37):
        for i in range(3000):
            if time.process_time() > until:
                break
            attempt(fcntl.fcntl, f, way, struct.pack("hhqqi4x", 1, 0, 2 * (3000 - i), 1, 0))
            made += 1
time.sleep(0.2)
made
"""
    most, over = 0, threading.Event()
    before = _locks()

    def count() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, _locks() - before)

    thread = threading.Thread(target=count)
    thread.start()
    ended = weighed.host.run(PRELUDE + FILL + code, memory_mb=MEMORY_MB, cpu_seconds=6)
    over.set()
    thread.join()
    assert ended.executed, ended
    assert most <= 10_000, (most, ended.value)


def _locks() -> int:
    """Return how many locks the kernel holds."""
    return next(
        (
            int(line.split()[1])
            for line in read("/proc/slabinfo").splitlines()
            if line.startswith("file_lock_cache ")
        ),
        0,
    )


def test_re03_address_space_alone(host: Host) -> None:
    """A reservation larger than the grant is refused, one within it is granted, whether it is used or not."""
    code = "import mmap\nsaid = []\nfor size in (1 << 40, 1 << 31, 1 << 24):\n    try:\n        said.append(len(mmap.mmap(-1, size)))\n    except (OSError, MemoryError) as error:\n        said.append(type(error).__name__)\nsaid"
    assert host.run(code, memory_mb=MEMORY_MB).value == ["OSError", "OSError", 1 << 24]


SPINS: dict[str, str] = {
    "a loop": "while True: pass",
    "a loop that catches all": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "a regex": "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
    "large integers": "x = 3 ** (1 << 20)\nwhile True: x = x * x % (7 ** (1 << 20))",
    "a sort": "import itertools\nx = [str(i) for i in range(100000)]\nwhile True: sorted(x, key=lambda s: s[::-1])",
    "the collector": "import gc\nx = [[i] for i in range(200000)]\nwhile True: gc.collect()",
    "a finaliser": "class A:\n    def __del__(self):\n        while True: pass\nA()\n1",
    "a finaliser at the end": "class A:\n    def __del__(self):\n        while True: pass\nimport sys\nsys.kept = A()\nimport atexit\natexit.register(lambda: delattr(sys, 'kept'))\n1",
    "the value's own code": "class A:\n    def __repr__(self):\n        while True: pass\nA()",
    "an exception's own code": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    "deaf to signals": "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, lambda *a: None)\n    except (OSError, ValueError): pass\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    "in the kernel": "import os\nf = os.open('/dev/zero', 0)\nwhile True: os.read(f, 1 << 22)",
    "with timers": "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\nsignal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)\nwhile True: pass",
}


def test_re04_processor_time(host: Host) -> None:
    """Whatever spins, in Python, in C, at the end or deaf to signals, ends for its processor time, fractions of a second included."""
    ended = host.race([("", code) for code in SPINS.values()], cpu_seconds=CPU, wall_seconds=30, running=4)
    assert {how: each.reason for how, (each, _) in zip(SPINS, ended, strict=True)} == dict.fromkeys(
        SPINS, "cpu"
    )
    for how, (each, _) in zip(SPINS, ended, strict=True):
        used = (each.usage["cpu_user_seconds"] or 0) + (each.usage["cpu_system_seconds"] or 0)
        assert CPU * 0.9 <= used <= CPU + 1, (how, each.usage)


BURN = "def burn(seconds):\n    import time\n    until = time.process_time() + seconds\n    while time.process_time() < until: pass\n"
TOGETHER: dict[str, str] = {
    "children": BURN + "import os\nfor _ in range(3):\n    if os.fork() == 0:\n        burn(30)\nburn(30)",
    "grandchildren that are nobody's": BURN
    + "import os, time\nfor _ in range(2):\n    if os.fork() == 0:\n        if os.fork() == 0:\n            os.setsid()\n            burn(30)\n        os._exit(0)\ntime.sleep(6)",
    "one after the other": BURN
    + "import os\nfor _ in range(200):\n    if os.fork() == 0:\n        burn(0.06)\n        os._exit(0)\n    os.wait()",
    "children that nobody waits for": BURN
    + "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nfor _ in range(60):\n    r, w = os.pipe()\n    if os.fork() == 0:\n        burn(0.05)\n        os._exit(0)\n    os.close(w)\n    os.read(r, 1)\n    os.close(r)",
    "a chain": BURN
    + "import os, time\nfor _ in range(200):\n    if os.fork():\n        os._exit(0) if _ else time.sleep(4)\n        os._exit(0)\n    burn(0.05)",
    "threads": "import threading, hashlib\ndef spin():\n    block = bytes(1 << 20)\n    while True: hashlib.sha256(block)\nfor _ in range(3): threading.Thread(target=spin).start()\nspin()",
}


@pytest.mark.parametrize("how", TOGETHER)
def test_re04_processor_time_of_several(host: Host, how: str) -> None:
    """Processes and threads share one budget of processor time, those that have ended included (also RE06).

    A chain may also end where its zombies use up the processes.
    """
    ended = host.run(TOGETHER[how], cpu_seconds=CPU * 2, wall_seconds=5, processes=8)
    assert ended.reason in (("cpu", "processes", "crashed") if how == "a chain" else ("cpu",)), ended
    assert (ended.usage["wall_seconds"] or 0) <= 4.5, ended.usage


def test_re04_time_at_paranoid(host: Host) -> None:
    """Paranoid ends a spin for its processor time as well."""
    ended = host.run(SPINS["deaf to signals"], cpu_seconds=CPU, wall_seconds=15, security_level="paranoid")
    if host.namespaces:
        assert ended.reason == "cpu", ended
        return
    assert_unavailable(ended, "paranoid")


WAITS: dict[str, str] = {
    "sleep": "import time\ntime.sleep(99)",
    "a pipe": "import os\nr, w = os.pipe()\nos.read(r, 1)",
    "a socket": "import socket\na, b = socket.socketpair()\na.recv(1)",
    "a futex": "import _thread\nlock = _thread.allocate_lock()\nlock.acquire()\nlock.acquire()",
    "input": "import os\nos.read(0, 1) or os.pause() if hasattr(os, 'pause') else __import__('signal').pause()",
    "an event": "import select\nselect.select([], [], [])",
    "deaf to SIGTERM": "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(9)",
    "a handler that sleeps": "import signal, time\ndef again(*a): time.sleep(99)\nsignal.signal(signal.SIGTERM, again)\ntime.sleep(99)",
    "catches the end": "import time\nwhile True:\n    try: time.sleep(99)\n    except BaseException: pass",
    "stopped": "import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(99)",
    "never ending thread of its own end": "import atexit, time\natexit.register(time.sleep, 99)\n1",
}


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_re05_time_goes_by(host: Host, level: str) -> None:
    """Whatever waits for ever, for whatever, ends for its elapsed time, within a second of it."""
    profile: dict[str, Any] = {"wall_seconds": 1.5, "cpu_seconds": 30, "security_level": level}
    if level == "paranoid" and not host.namespaces:
        assert_unavailable(host.run("1", **profile), "paranoid")
        return
    ended = host.race([("", code) for code in WAITS.values()], **profile)
    assert {how: each.reason for how, (each, _) in zip(WAITS, ended, strict=True)} == dict.fromkeys(
        WAITS, "timeout"
    )
    assert max(after for _, after in ended) <= 3


def test_re05_children_that_wait(host: Host) -> None:
    """Processes that wait, stopped and detached ones included, end with their run, and none is left."""
    code = "import os, signal, time\nfor i in range(4):\n    if os.fork() == 0:\n        os.setsid()\n        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n        if i % 2: os.kill(os.getpid(), signal.SIGSTOP)\n        time.sleep(99)\ntime.sleep(99)"
    ended = host.run(code, wall_seconds=0.5, processes=8)
    assert ended.reason == "timeout", ended
    assert host.run("1", wall_seconds=5).value == 1
    sleeping = [pid for pid in descendants(host.pid) if "T (stopped)" in read(f"/proc/{pid}/status")]
    assert sleeping == []


def test_re06_threads(host: Host) -> None:
    """Threads are refused by default and counted where they are granted."""
    few = "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(3)]\nfor t in threads: t.start()\nfor t in threads: t.join()\n'done'"
    bomb = (
        "import threading, time\nfor _ in range(500): threading.Thread(target=time.sleep, args=(9,)).start()"
    )
    assert host.run(few).reason == "processes"
    assert host.run(few, processes=8).value == "done"
    assert host.run(bomb, processes=8, wall_seconds=8).reason == "processes"
    assert host.run(BURN + "import threading\nburn(0.1)\n'alone'", processes=8).value == "alone"


FLOODS: dict[str, tuple[str, int, int]] = {
    "stdout": ("import os\nfor _ in range(200): os.write(1, b'x' * 100000)", 20_000_000, 0),
    "stderr": ("import os\nfor _ in range(200): os.write(2, b'x' * 100000)", 0, 20_000_000),
    "alternating": (
        "import os\nfor _ in range(200):\n    os.write(1, b'x' * 5000)\n    os.write(2, b'y' * 5000)",
        1_000_000,
        1_000_000,
    ),
    "print": ("for _ in range(100000): print('line')", 500_000, 0),
    "no line end": ("import sys\nfor _ in range(50): sys.stdout.write('x' * 10000)", 500_000, 0),
    "binary": ("import os\nfor _ in range(50): os.write(1, bytes(range(256)) * 100)", 1_280_000, 0),
    "escapes": (
        "import os\nfor _ in range(100): os.write(1, b'\\x1b[2J\\x1b]0;root\\x07' * 500)",
        100 * 500 * 13,
        0,
    ),
    "byte by byte": ("import os\nfor _ in range(30000): os.write(1, b'x')", 30_000, 0),
}


@pytest.mark.parametrize("how", FLOODS)
def test_re07_floods(host: Host, how: str) -> None:
    """Of each stream no more is kept than granted, the rest is counted to the byte, the run succeeds, and the host does not grow."""
    code, out, err = FLOODS[how]
    before = status(host.pid, "VmRSS")
    ended = host.run(code, output_bytes=10_000)
    assert ended.success, ended
    for text, size in ((ended.stdout, out), (ended.stderr, err)):
        kept, _, told = (
            text.partition("\n[") if text.endswith(" bytes more]") else (text, "", "0 bytes more]")
        )
        assert len(kept) <= 10_000
        assert int(told.split()[0].replace(",", "")) == max(size - 10_000, 0), text[-60:]
    assert status(host.pid, "VmRSS") - before <= 12 * MB


def test_re07_endless_floods(host: Host) -> None:
    """Processes that fill both streams without end cannot keep the host from ending them in time, nor from serving others."""
    code = "import os\nfor _ in range(2): os.fork()\nblock = b'x' * (1 << 16)\nwhile True:\n    os.write(1, block)\n    os.write(2, block)"
    before = status(host.pid, "VmRSS")
    ended = host.race(
        [("a", code), ("b", "1 + 1")], processes=8, wall_seconds=1.5, cpu_seconds=60, output_bytes=10_000
    )
    assert ended[0][0].reason == "timeout", ended[0]
    assert ended[0][1] <= 4
    assert ended[1][0].value == 2
    assert ended[1][1] <= 1.5
    assert status(host.pid, "VmRSS") - before <= 12 * MB


RESULTS: dict[str, tuple[str, tuple[str | None, ...]]] = {
    "large text": ("'x' * 5000000", ("output",)),
    "many numbers": ("list(range(300000))", ("output",)),
    "bytes": ("bytes(5000000)", ("output",)),
    "deep lists": ("x = []\nfor _ in range(100000): x = [x]\nx", ("crashed", "output", None)),
    "deep dicts": ("x = {}\nfor _ in range(100000): x = {'a': x}\nx", ("crashed", "output", None)),
    "a list within itself": ("x = []\nx.append(x)\nx", (None, "output")),
    "a dict within itself": ("x = {}\nx['x'] = x\nx", (None, "output")),
    "a list that is a tree": ("x = [0]\nfor _ in range(60): x = [x, x]\nx", ("output", "cpu", "memory")),
    "a large integer": ("1 << 10000000", ("output", "crashed", None)),
    "own class": (
        "class A:\n    def __repr__(self): return 'x' * 100000000\nA()",
        ("output", "memory", None),
    ),
    "own class that raises": (
        "class A:\n    def __repr__(self): raise KeyboardInterrupt\nA()",
        ("crashed", None),
    ),
}


def test_re08_results(host: Host) -> None:
    """A value that is too large, nests too deep or holds itself is bounded or refused, and says so."""
    before = status(host.pid, "VmHWM")
    profile = {"output_bytes": 100_000, "cpu_seconds": 1, "wall_seconds": 30, "memory_mb": 256, "running": 3}
    ended = host.race([("", code) for code, _ in RESULTS.values()], **profile)
    for (how, (_, reasons)), (each, _) in zip(RESULTS.items(), ended, strict=True):
        assert each.reason in reasons, (how, each.reason, each.detail)
        assert len(str(each.value)) <= 200_000, how
    assert status(host.pid, "VmHWM") - before <= 16 * MB


def test_re08_results_that_expand(host: Host) -> None:
    """What a forged answer of the size that is granted comes to in the host is bounded too."""
    before = status(host.pid, "VmHWM")
    for item in ("[]", "{}", '{"$":["set",[]]}', '{"a":[]}', "[[]]", '{"$":["complex",[0,0]]}'):
        code = f"""
from ringfence.sandbox.inside import languages
text = '{{"code":0,"value":[' + ",".join([{item!r}] * ({200_000} // {len(item) + 1} - 20)) + ']}}'
languages.answer_text = lambda *_: text
1
"""
        ended = host.run(code, memory_mb=256, output_bytes=200_000)
        assert ended.executed, ended
    assert status(host.pid, "VmHWM") - before <= 32 * MB


COLLIDING = {
    "integers of a set": "'\"set\",[' + ','.join(str(i * p) for i in range(1, n)) + ']'",
    "integers of a dict": "'\"dict\",[' + ','.join(f'[{i * p},0]' for i in range(1, n)) + ']'",
    "complex numbers of a set": "'\"set\",[' + ','.join('{\"$\":[\"complex\",[%d,%d]]}' % (-1000003 * i, i) for i in range(1, n)) + ']'",
}


@pytest.mark.parametrize("how", COLLIDING)
def test_re08_colliding_keys(host: Host, how: str) -> None:
    """Keys that all have the same hash do not hold the host up: another run, and the answer itself, come in time."""
    code = f"""
from ringfence.sandbox.inside import languages
p, n = (1 << 61) - 1, 25000
text = '{{"code":0,"value":{{"$":[' + {COLLIDING[how]} + ']}}}}'
languages.answer_text = lambda *_: text
1
"""
    ended = host.race([("a", code), ("b", "import time\ntime.sleep(0.3)\n1")])
    assert ended[1][0].value == 1
    assert max(after for _, after in ended) <= 1.5, ended[0][0].reason


ERRORS: dict[str, str] = {
    "a long text": "raise ValueError('x' * 50000000)",
    "a long name": "raise type('E' * 1000000, (Exception,), {})('x')",
    "deep recursion": "def f(): f()\nf()",
    "a long chain": "e = None\nfor i in range(20000):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\nraise e",
    "a ring of causes": "a, b = ValueError(), KeyError()\na.__cause__, b.__cause__ = b, a\nraise a",
    "a deep group": "e = ValueError()\nfor _ in range(20000): e = ExceptionGroup('g', [e])\nraise e",
    "a wide group": "raise ExceptionGroup('g', [ValueError('x' * 1000)] * 100000)",
    "many notes": "e = ValueError()\nfor _ in range(100000): e.add_note('n' * 100)\nraise e",
    "a long line": "raise ValueError(" + "1 + " * 5000 + "1)",
    "a text that raises": "class E(Exception):\n    def __str__(self): raise self\nraise E",
    "a text that exits": "import os\nclass E(Exception):\n    def __str__(self): os._exit(0)\nraise E",
    "a name that is no text": "class E(Exception): pass\nE.__name__ = 'x' * 100000\nE.__module__ = None\nraise E",
    "odd characters": "raise ValueError('\\ud800\\x00\\x1b[2J')",
}


def test_re09_errors(host: Host) -> None:
    """An exception of whatever size or shape ends the run as crashed, with bounded texts, and costs the host nothing."""
    before = status(host.pid, "VmHWM")
    ended = host.race([("", code) for code in ERRORS.values()], cpu_seconds=5, wall_seconds=30, running=3)
    for how, (each, _) in zip(ERRORS, ended, strict=True):
        assert each.reason in ("crashed", "memory"), (how, each.reason, each.detail[:300])
        assert len(each.detail) <= 2000, how
        assert len(each.stderr) <= 100_000, how
    assert status(host.pid, "VmHWM") - before <= 24 * MB


def test_re11_five_hundred_at_once(host: Host) -> None:
    """Five hundred runs at once all end, each with its own value, and none is lost."""
    ended = host.runs([f"{i} * 2" for i in range(500)], running=16, wall_seconds=60)
    assert [each.value for each in ended] == [2 * i for i in range(500)]


def test_re11_users_take_turns(host: Host) -> None:
    """Who submits a hundred runs does not keep another user's few waiting for all of them."""
    slow = "import time\ntime.sleep(0.03)\n1"
    ended = host.race([*[("greedy", slow)] * 100, *[("modest", slow)] * 3], running=2, wall_seconds=30)
    assert all(each.value == 1 for each, _ in ended)
    greedy, modest = sorted(after for _, after in ended[:100]), max(after for _, after in ended[100:])
    assert modest < greedy[30]


def test_re11_the_line_is_bounded(host: Host) -> None:
    """More runs than may wait are refused at once, and those that were taken all end."""
    ended = host.race([("", "import time\ntime.sleep(0.05)\n1")] * 60, running=2, queue=20, wall_seconds=30)
    told = [each.reason for each, _ in ended]
    assert told.count("busy") >= 30
    assert told.count(None) == 60 - told.count("busy") >= 20


def test_re11_users_without_number(host: Host) -> None:
    """A new user name for each run gives no way around the bound."""
    ended = host.race(
        [(f"user {i}", "import time\ntime.sleep(0.05)\n1") for i in range(60)],
        running=2,
        queue=20,
        wall_seconds=30,
    )
    assert [each.reason for each, _ in ended].count("busy") >= 30


def test_re12_a_host_that_stops_reading(host: Host) -> None:
    """A host that is stopped for a while, with runs that flood it, goes on where it was: all end, and the pool is whole."""
    code = "import os\nfor _ in range(300): os.write(1, b'x' * 65536)\n'done'"

    def pause() -> None:
        time.sleep(0.05)
        os.kill(host.pid, signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(host.pid, signal.SIGCONT)

    host.run("1", output_bytes=1000)
    thread = threading.Thread(target=pause)
    thread.start()
    ended = host.runs([code] * 6, output_bytes=1000, wall_seconds=20)
    thread.join()
    assert [each.value for each in ended] == ["done"] * 6
    assert host.run("2", output_bytes=1000).value == 2


SOURCES: dict[str, tuple[str, tuple[str, ...]]] = {
    "parentheses": ("(" * 50000 + ")" * 50000, ("crashed", "memory")),
    "signs": ("-" * 90000 + "1", ("crashed", "memory")),
    "brackets": ("[" * 99 + "]" * 99 + "\n" + "x = " + "[" * 3000, ("crashed", "memory")),
    "one name": ("a" * 100000, ("crashed", "memory")),
    "sums": ("1" + "+1" * 50000, ("crashed", "memory")),
    "attributes": ("x" + ".a" * 49000, ("crashed", "memory")),
    "nested functions": (
        "".join(" " * i + "def f():\n" for i in range(99)) + " " * 99 + "pass\n1 / 0",
        ("crashed", "memory"),
    ),
    "a power": ("9 ** 9 ** 9 ** 9", ("cpu", "memory")),
    "digits": ("9" * 100000, ("crashed", "output")),
    "NUL": ("1\x00", ("crashed",)),
    "surrogates": ("'\ud800'.encode()", ("crashed",)),
}


def test_re13_large_sources(host: Host) -> None:
    """A source that is larger than granted is refused before anything of it runs, one line of it or many."""
    for code in ("x = 1\n" * 1_700_000, "x = '" + "a" * 10_000_000 + "'"):
        ended = host.run(code)
        assert (ended.reason, ended.executed) == ("policy", False), ended.detail
    ended = host.run("x = '" + "a" * 10_000_000 + "'\nlen(x)", source_bytes=20_000_000, memory_mb=256)
    assert ended.value == 10_000_000, ended.detail
    ended = host.run("x = [" + "1, " * 3_000_000 + "]", source_bytes=20_000_000, memory_mb=64, cpu_seconds=3)
    assert ended.reason in ("memory", "cpu"), ended


def test_re13_hostile_sources(host: Host) -> None:
    """A source that is hard on the compiler ends its own run alone."""
    ended = host.race(
        [("", code) for code, _ in SOURCES.values()], cpu_seconds=1, wall_seconds=30, memory_mb=256, running=3
    )
    for (how, (_, reasons)), (each, _) in zip(SOURCES.items(), ended, strict=True):
        assert each.reason in reasons, (how, each.reason, each.detail[:300])
    assert host.run("1", cpu_seconds=1, memory_mb=256).value == 1


def test_re14_limits_are_each_runs_own(host: Host) -> None:
    """The first run has its limits, and runs with other limits that share the same workers' parent have theirs, in whatever order."""
    ask = "import resource as r\n[r.getrlimit(n) for n in (r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE)]"
    for cpu, size, files in ((1, 1, 20), (30, 50, 90), (2, 3, 40), (30, 50, 90)):
        profile: dict[str, Any] = {"cpu_seconds": cpu, "file_size_mb": size, "open_files": files}
        for _ in range(2):
            ended = host.run(ask, **profile)
            assert ended.value is not None, ended
            first, second, third, core = [
                each[1] for each in (eval(ended.value) if isinstance(ended.value, str) else ended.value)
            ]
            assert (first in (cpu + 1, cpu + 2), second, third, core) == (True, size * MB, files, 0)
    fresh = Host(host.kind)
    try:
        assert fresh.run("x = bytearray(1 << 30)", memory_mb=32).reason == "memory"
        assert fresh.run(SPINS["a loop"], cpu_seconds=0.2).reason == "cpu"
        assert fresh.run("len(bytearray(100 << 20))", memory_mb=256).value == 100 << 20
        assert fresh.run("x = bytearray(100 << 20)", memory_mb=32).reason == "memory"
    finally:
        fresh.close()


def test_re14_limits_cannot_be_raised(host: Host) -> None:
    """A run cannot raise its own limits, nor those of another process."""
    code = """
import resource
for name in ("AS", "DATA", "CPU", "FSIZE", "NOFILE", "NPROC", "CORE", "STACK", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO", "SIGPENDING"):
    what = getattr(resource, f"RLIMIT_{name}")
    soft, hard = resource.getrlimit(what)
    if hard == resource.RLIM_INFINITY:
        continue
    for wanted in ((soft, hard + 1), (resource.RLIM_INFINITY,) * 2):
        try:
            resource.setrlimit(what, wanted)
            said.append(name)
        except (ValueError, OSError):
            pass
for pid in (os.getppid(), 1):
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, 1))
        said.append(pid)
    except OSError:
        pass
said
"""
    assert host.run(PRELUDE + code).value == []


TOLD: dict[str, tuple[str, str]] = {
    "memory": ("bytearray(1 << 34)", "memory"),
    "memory, in steps": ("x = []\nwhile True: x.append(bytearray(1 << 16))", "memory"),
    "time": ("import time\ntime.sleep(9)", "timeout"),
    "processor": ("while True: pass", "cpu"),
    "denied file": ("open('/etc/shadow')", "policy"),
    "denied socket": ("import socket\nsocket.socket()", "policy"),
    "denied program": ("import os\nos.execv('/bin/sh', ['sh'])", "policy"),
    "processes": ("import os\nos.fork()", "processes"),
    "files": ("x = [open('/dev/null') for _ in range(999)]", "files"),
    "a large file": ("open('tmp/f', 'wb').write(bytes(20 << 20))", "files"),
    "output": ("'x' * 3000000", "output"),
    "a crash": ("import ctypes\nctypes.string_at(0)", "crashed"),
    "an error": ("1 / 0", "crashed"),
    "its own kill": ("import os\nos.kill(os.getpid(), 9)", "crashed"),
    "memory, then time": (
        "import time\ntry: bytearray(1 << 34)\nexcept MemoryError: time.sleep(9)",
        "timeout",
    ),
    "memory, then an error": ("try: bytearray(1 << 34)\nexcept MemoryError: pass\n1 / 0", "crashed"),
    "denied, then processor": ("try: open('/etc/shadow')\nexcept OSError: pass\nwhile True: pass", "cpu"),
    "its own SIGXCPU": ("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)", "crashed"),
    "an exit": ("import os\nos._exit(0)", "crashed"),
}


def test_re15_reasons_are_told_apart(host: Host) -> None:
    """Each end has its own reason: what the code did before, or says of itself, changes nothing."""
    profile = {"memory_mb": 64, "cpu_seconds": 0.4, "wall_seconds": 1.6, "file_size_mb": 10, "running": 8}
    ended = host.runs([code for code, _ in TOLD.values()], **profile)
    assert {how: each.reason for how, each in zip(TOLD, ended, strict=True)} == {
        how: reason for how, (_, reason) in TOLD.items()
    }
    assert all(each.detail for each in ended)


DISK: dict[str, str] = {
    "many files": "i = 0\nwhile True:\n    open(f'tmp/{i}', 'wb').write(bytes(1 << 20))\n    i += 1",
    "files without a name": "held = []\nwhile True:\n    f = open('tmp/f', 'wb')\n    f.write(bytes(1 << 20))\n    f.flush()\n    os.unlink('tmp/f')\n    held.append(f)",
    "reserved": "i = 0\nwhile True:\n    f = open(f'tmp/{i}', 'wb')\n    os.posix_fallocate(f.fileno(), 0, 1 << 20)\n    i += 1",
    "reserved past the end": "i = 0\nwhile True:\n    f = open(f'tmp/{i}', 'wb')\n    if i > 40 or call(285, 47, f.fileno(), 1, 0, 1 << 26) != 0: f.write(bytes(1 << 20))\n    i += 1",
    "written again and again": "import time\nwhile True:\n    with open('tmp/f', 'wb') as f: f.write(bytes(1 << 20))\n    os.fsync(os.open('tmp/f', 0)) if False else None",
}


@pytest.mark.parametrize("how", DISK)
def test_re17_disk(host: Host, how: str) -> None:
    """What a run writes ends it at its limit, or is bounded by it, also where no name shows it; it is gone when the run is."""
    free = os.statvfs("/tmp")
    most, over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.01):
            now = os.statvfs("/tmp")
            most = max(most, (free.f_bfree - now.f_bfree) * now.f_frsize)

    thread = threading.Thread(target=watch)
    thread.start()
    ended = host.run(PRELUDE + DISK[how], file_size_mb=1, cpu_seconds=1.0, wall_seconds=1.2)
    over.set()
    thread.join()
    assert ended.reason in ("files", "cpu", "timeout", "policy"), ended
    assert most <= 1024 * MB, most
    until = time.monotonic() + 5
    while time.monotonic() < until and host.left():
        time.sleep(0.05)
    assert host.left() == []


def test_nothing_is_left_behind(host: Host) -> None:
    """After all of these, no process and no folder is left of any run."""
    host.close_sandboxes()
    assert descendants(host.pid) == []
    assert host.left() == []


# RE10 (a flood of calls of the host's tools) cannot happen: nothing in a run can ask the host for anything; its channel takes one answer, and more than that ends it (IPC02).
# RE16 (swap past the memory cap): one process's address space is limited, whether it lies in memory or in swap; of several, the keeper counts SwapPss, and a control group
# limits swap together with memory. No machine that tests run on has swap, so it is not tried.
# RE02, tmpfs: there is none that a run may write to. Where the host's own temporary folder is one, it is bounded as a disk is (RE17).

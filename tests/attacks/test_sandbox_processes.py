"""Attacks on and by processes (PR01 to PR18) in the sandbox tier, by code that really runs, on every kind of host.

Each proves from the outside that nobody else was hit and that nobody is left. Cannot happen on this tier:

- PR11, hash seed and address layout at the level medium: workers are forked from one zygote on purpose, so runs of one pool have these in common. What
  is random to a program (`random`, `secrets`, `uuid`, temporary names) is not, and `paranoid` starts an interpreter for each run. Both are tested here.
- PR16 by the zygote: it signals its own children alone, and until it has reaped one, that id is nobody else's. What can be tried from inside is tested.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tests.attacks.cages import RAW, Ended, Host, grants, nothing_left

if TYPE_CHECKING:
    import subprocess

    from tests.attacks.conftest import Outside

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("leaves_nothing")]
REFUSED = {
    "EPERM",
    "EACCES",
    "ENOENT",
    "ENOSYS",
    "EAGAIN",
    "EBADF",
    "EINVAL",
    "ENOTTY",
    "ESRCH",
    "ENXIO",
    "EOPNOTSUPP",
    "ENOTSUP",
    "EROFS",
    "ENODEV",
}
MANY: dict[str, Any] = {"processes": 8, "wall_seconds": 3, "cpu_seconds": 20}
HEART = """
def beat(seconds):
    import os, time
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with open(heart, "a") as file: file.write("x")
        time.sleep(0.01)
"""


def through(ended: Ended) -> list[tuple[int, Any]]:
    """Return those answers of `tried` and `raw`, a run's value, that are no refusal, each with its place."""
    answers = ended.value
    assert isinstance(answers, list), ended
    assert answers
    return [(at, each) for at, each in enumerate(answers) if each not in REFUSED]


def alive(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process lives and is not stopped."""
    return process.poll() is None and psutil.Process(process.pid).status() not in (
        psutil.STATUS_STOPPED,
        psutil.STATUS_ZOMBIE,
    )


def gives_paranoid(host: Host, **profile: Any) -> bool:
    """Return whether a host can run under the level paranoid; with several processes that takes control groups, which nobody has not."""
    return host.namespaces and not ("processes" in profile and host.kind == "nobody")


def is_still(heart: Path) -> bool:
    """Return whether nobody writes to a file any more."""
    before = heart.stat().st_size
    time.sleep(0.1)
    return heart.stat().st_size == before


def only_workers(host: Host, most: int = 30) -> None:
    """Make sure that soon no more processes are left below a host than its zygotes, keepers and waiting workers."""
    until = time.monotonic() + 3
    while len(children := host.own()["children"]) > most and time.monotonic() < until:
        time.sleep(0.05)
    assert len(children) <= most


FORKS = {
    "fork": "os.fork()",
    "raw fork": "raw(57, -1)",
    "vfork": "raw(58, -1)",
    "clone": "raw(56, 220, 17, 0, 0, 0, 0)",
    "clone of a thread": "raw(56, 220, 0x50F00, 0, 0, 0, 0)",
    "clone into a namespace": "raw(56, 220, 0x10000011, 0, 0, 0, 0)",
    "clone3": "raw(435, 435, struct.pack('11Q', 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0), 88)",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "subprocess": "subprocess.run(['/bin/true'])",
    "system": "os.system('true') and 'EAGAIN'",
    "multiprocessing": "multiprocessing.get_context('fork').Process(target=print).start()",
}


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_pr01_fork_where_no_process_is_granted(host: Host, level: str) -> None:
    """A run without processes forks by no call, and an uncaught refusal says processes; paranoid runs nothing where it cannot hold."""
    head = RAW + "import multiprocessing, struct, subprocess\n"
    ended = host.run(
        head + f"[tried(lambda: {'), tried(lambda: '.join(FORKS.values())})]", security_level=level
    )
    if level == "paranoid" and not host.namespaces:
        assert (ended.executed, ended.reason) == (False, "unavailable")
        return
    assert through(ended) == []
    for name in ("fork", "subprocess", "posix_spawn", "multiprocessing"):
        ended = host.run(head + FORKS[name], security_level=level)
        assert (ended.success, ended.reason) == (False, "processes"), (name, ended)
    only_workers(host)


BOMBS = {
    "doubling": "while time.monotonic() < end:\n    try: os.fork()\n    except OSError: pass",
    "from one": "while time.monotonic() < end:\n    try:\n        if os.fork() == 0:\n            time.sleep(2); os._exit(0)\n    except OSError: pass",
    "clone": "while time.monotonic() < end: raw(56, 220, 17, 0, 0, 0, 0)",
    "spawning": "import subprocess\nwhile time.monotonic() < end:\n    tried(lambda: multiprocessing.get_context('fork').Process(target=time.sleep, args=(2,)).start())",
    "detached": "while time.monotonic() < end:\n    try:\n        if os.fork() == 0:\n            os.setsid()\n            signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    except OSError: pass",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_pr01_fork_bomb_where_some_are_granted(
    host: Host, bomb: str, sentinel: subprocess.Popen[bytes]
) -> None:
    """A bomb ends at the number that was granted, the outcome says so, and the host and its user can still start processes."""
    code = (
        RAW
        + f"import multiprocessing, signal, time\nend = time.monotonic() + 2\nme = os.getpid()\n{BOMBS[bomb]}\nif os.getpid() != me: os._exit(0)\n'survived'"
    )
    began = time.monotonic()
    ended = host.run(code, **MANY)
    assert time.monotonic() - began < 20, "it held up the host"
    processes = ended.usage["processes"]
    assert processes is not None
    if ended.success:  # where the kernel counts, each fork too many fails, and the code may catch that
        assert (ended.value, processes <= MANY["processes"]) == ("survived", True), ended
    else:
        # Where nothing but looking every few milliseconds counts, a bomb that doubles gets further the busier the machine is.
        assert (ended.reason, processes < 2000) == ("processes", True), ended
    assert alive(sentinel)
    assert (
        host.run(
            "import os\npid = os.fork()\nif not pid: os._exit(3)\nos.waitpid(pid, 0)[1] >> 8", **MANY
        ).value
        == 3
    )
    nothing_left(host)


def test_pr02_thread_bomb(host: Host) -> None:
    """Threads count as processes: none where none is granted, and no more than granted otherwise."""
    ended = host.run("import threading\nthreading.Thread(target=print).start()")
    assert (ended.success, ended.reason) == (False, "processes")
    ended = host.run(
        RAW
        + "import _thread, threading\n[tried(threading.Thread(target=print).start), tried(_thread.start_new_thread, print, ())]"
    )
    assert ended.value == ["RuntimeError", "RuntimeError"]
    code = "import threading, time\nfor i in range(300):\n    threading.Thread(target=time.sleep, args=(2,), daemon=True).start()\ntime.sleep(1)"
    ended = host.run(code, **MANY)
    assert (ended.success, ended.reason) == (False, "processes"), ended
    assert (
        host.run(
            "import threading\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()\n1",
            **MANY,
        ).value
        == 1
    )


DETACH = (
    HEART
    + """
import os, signal, time
def detach(seconds):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for which in range(1, 65):
                try: signal.signal(which, signal.SIG_IGN)
                except (OSError, ValueError): pass
            try: beat(seconds)
            finally: os._exit(0)
        os._exit(0)
"""
)


@pytest.mark.parametrize(
    "end", ["'done'", "os._exit(0)", "os.kill(os.getpid(), 9)", "time.sleep(30)", "while True: pass", "1 / 0"]
)
def test_pr03_daemon_that_detached_itself(host: Host, outside: Outside, end: str) -> None:
    """A daemon of two forks and a session of its own ends with the run, however that ends, though it ignores every signal."""
    heart = outside.write("heart", "")
    ended = host.run(
        f"heart = {str(heart)!r}\n{DETACH}\ndetach(20)\ntime.sleep(0.2)\n{end}",
        read_write=[str(outside.path)],
        processes=8,
        wall_seconds=1,
        cpu_seconds=10,
    )
    expected = {"'done'": None, "time.sleep(30)": "timeout", "while True: pass": "timeout"}
    if "kill" in end and host.namespaces:  # as the first process of a namespace it cannot
        assert ended.reason in (None, "crashed")
    else:
        assert ended.reason == expected.get(end, "crashed"), ended
    assert heart.stat().st_size > 0
    assert is_still(heart)
    only_workers(host)


def test_pr04_chain_with_one_living_child(host: Host, outside: Outside) -> None:
    """A chain in which each process starts the next one and ends, faster than anybody could look, ends with the run."""
    heart = outside.write("heart", "")
    code = f"""
import os, time
heart = {str(heart)!r}
end = time.monotonic() + 12
if os.fork() == 0:
    os.setsid()
    out = os.open(heart, os.O_WRONLY | os.O_APPEND)
    while time.monotonic() < end:
        os.write(out, b"x")
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
    os._exit(0)
time.sleep(0.2)
"done"
"""
    profile: dict[str, Any] = {
        "read_write": [str(outside.path)],
        "processes": 64,
        "wall_seconds": 1.2,
        "cpu_seconds": 10,
    }
    host.run("1", **profile)
    for tail in ("", "time.sleep(20)"):
        began = time.monotonic()
        ended = host.run(code + tail, **profile)
        assert ended.reason in ("timeout" if tail else None, "processes"), (
            ended
        )  # those that wait to be reaped count
        assert time.monotonic() - began < 15
        assert heart.stat().st_size > 10
        assert is_still(heart)
    nothing_left(host)


def test_pr05_execute_anything(host: Host, outside: Outside) -> None:
    """No program is executed where none is granted: not by path, by descriptor, from memory, by an interpreter line or through the dynamic loader."""
    code = (
        RAW
        + """
import shutil, sys
loaders = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")
with open("tmp/script", "w") as file: file.write("#!/bin/sh\\nexit 0\\n")
tried(os.chmod, "tmp/script", 0o755)
library = next(path for path in loaders if os.path.exists(path))
shutil.copyfile(library, "tmp/program"); tried(os.chmod, "tmp/program", 0o755)
argv = (ctypes.c_char_p * 2)(b"x", None)
paths = ["/bin/sh", "/usr/bin/env", sys.executable or "/usr/bin/python3", "/usr/bin/su", "/usr/bin/passwd", "tmp/script", "tmp/program", *loaders]
found = [tried(os.execv, path, ["x"]) for path in paths]
found += [raw(59, 221, path.encode(), argv, None) for path in paths] + [raw(322, 281, -100, path.encode(), argv, None, 0) for path in paths]
found += [raw(322, 281, os.open(path, os.O_PATH), b"", argv, None, 0x1000) for path in ("tmp/program", "tmp/script")]
found += [raw(319, 279, b"x", 0), raw(319, 279, b"x", 0x10), raw(447, 447, 0), raw(59, 221, b"/proc/self/exe", argv, None)]
found
"""
    )
    for more in (grants(), MANY):
        assert through(host.run(code, **more)) == []
    ended = host.run("import os\nos.execv('/bin/sh', ['sh'])")
    assert (ended.success, ended.reason) == (False, "policy"), ended


def test_pr05_only_the_granted_command(host: Host, outside: Outside) -> None:
    """Where one command is granted it works, any other is refused, and it has no more rights than the run itself."""
    code = (
        RAW
        + f"""
import subprocess
def output(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout
open("tmp/own", "w").write("own")
with open("tmp/script", "w") as file: file.write("#!/bin/sh\\ncat {outside.secret}\\n")
tried(os.chmod, "tmp/script", 0o755)
[output("cat", "tmp/own"), output("cat", {str(outside.secret)!r}, "/etc/passwd", "/proc/1/environ"), tried(output, "/bin/sh", "-c", "echo sh"), tried(output, "/usr/bin/id"),
 tried(output, "tmp/script"), tried(output, "/usr/bin/env", "true"), tried(output, "/lib64/ld-linux-x86-64.so.2", "/bin/sh", "-c", "echo loaded")]
"""
    )
    ended = host.run(code, subprocesses=True, commands=["cat"])
    assert isinstance(ended.value, list), ended
    own, secret, *others = ended.value
    assert (own, secret) == ("own", ""), ended
    assert all(each in ("EACCES", "ENOENT", "EPERM", "") for each in others), ended


def test_pr06_signals_to_others(host: Host, sentinel: subprocess.Popen[bytes]) -> None:
    """No call signals the host, the zygote, a sibling, or any other process of the same user, by id, by group, by descriptor or by a timer's hand."""
    code = (
        RAW
        + f"""
import fcntl, signal, socket, struct, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
others = [{host.pid}, {sentinel.pid}, {os.getpid()}, os.getppid(), *range(os.getppid() + 1, os.getpid()), *range(os.getpid() + 1, os.getpid() + 6), 1]
others = [pid for pid in others if pid not in (0, os.getpid())]
found = []
for pid in others:
    for which in (signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR2):
        if pid == os.getppid() and pid == 0: continue
        found += [tried(os.kill, pid, which), raw(62, 129, 1 << 32 | pid, which), raw(234, 131, pid, pid, which), raw(200, 130, pid, which), raw(129, 138, pid, which, bytes(128)), raw(297, 240, pid, pid, which, bytes(128))]
    found += [tried(os.killpg, pid, signal.SIGKILL)] if pid > 1 else []
    fd = raw(434, 434, pid, 0)
    found += [raw(424, 424, fd, signal.SIGKILL, None, 0)] if type(fd) is int else []
    found += [raw(302, 261, pid, 7, struct.pack("QQ", 3, 3), None), raw(302, 261, pid, 0, struct.pack("QQ", 1, 1), None)]
one, other = socket.socketpair()
found += [tried(fcntl.fcntl, one, command, argument) for command, argument in ((fcntl.F_SETOWN, {sentinel.pid}), (fcntl.F_SETOWN, -{sentinel.pid}), (10, signal.SIGKILL), (15, struct.pack("ii", 1, {sentinel.pid})))]
found += [tried(fcntl.ioctl, one, 0x8901, struct.pack("i", {sentinel.pid})), tried(fcntl.ioctl, one, 0x8902, struct.pack("i", {sentinel.pid}))]
found += [raw(62, 129, -1, which) for which in (signal.SIGSTOP, signal.SIGUSR2)]
found += [raw(62, 129, -1, signal.SIGTERM), raw(62, 129, -{sentinel.pid}, 9), raw(62, 129, -{host.pid}, 9)]
found
"""
    )
    for more in (grants(), MANY):
        ended = host.run(code, **more)
        # a run's own group, or a process of its own, is its own business: 0 is no refusal there
        assert [(at, each) for at, each in through(ended) if each != 0] == [], ended
        assert alive(sentinel)
        assert host.run("1", **more).value == 1
    assert host.run("import os\nos.kill(os.getppid(), 9) if os.getppid() else 'alone'").reason in (
        "policy",
        None,
    )


def test_pr06_the_last_process_of_a_session_ends_alone(host: Host, sentinel: subprocess.Popen[bytes]) -> None:
    """Whoever kills all that it may kill, or its whole group, ends its own run alone."""
    for code in (
        "os.kill(-1, 9)",
        "os.kill(0, 9)",
        "os.killpg(0, 9)",
        "os.killpg(os.getpgrp(), 9)",
        "os.kill(os.getpid(), 9)",
    ):
        for more in (grants(), MANY):
            zygotes = host.own()["children"]
            ended = host.run(f"import os\ntry: {code}\nexcept OSError: pass\n'lived'", **more)
            assert ended.value == "lived" or ended.reason == "crashed", (code, ended)
            assert alive(sentinel)
            assert zygotes == [] or set(zygotes) & set(host.own()["children"])
    assert host.run("1").value == 1


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_pr07_stopped_or_deaf(host: Host, level: str) -> None:
    """A run that stops itself, or ignores every signal that it may ignore, ends when its time is over, as timeout."""
    for code in (
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(30)",
        "import signal, time\nfor which in range(1, 65):\n    try: signal.signal(which, signal.SIG_IGN)\n    except (OSError, ValueError): pass\nwhile True: time.sleep(1)",
        "import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    ):
        began = time.monotonic()
        ended = host.run(code, wall_seconds=0.25, security_level=level)
        if level == "paranoid" and not host.namespaces:
            assert (ended.executed, ended.reason) == (False, "unavailable")
            return
        assert (ended.success, ended.reason) == (False, "timeout"), (code, ended)
        assert time.monotonic() - began < 20
    only_workers(host)


def test_pr07_stopped_children(host: Host) -> None:
    """Children that stop, or that stop their parent, outlive nothing."""
    code = "import os, signal, time\nfor i in range(3):\n    if os.fork() == 0:\n        os.kill(os.getpid(), signal.SIGSTOP)\n        time.sleep(20)\n"
    assert host.run(code + "time.sleep(0.1)\n1", **MANY).value == 1
    ended = host.run(
        "import os, signal, time\nif os.fork() == 0:\n    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(20)\ntime.sleep(20)",
        processes=8,
        wall_seconds=0.5,
    )
    assert ended.reason == "timeout", ended
    nothing_left(host)


def test_pr08_memory_of_others(host: Host, sentinel: subprocess.Popen[bytes]) -> None:
    """Neither host, zygote, sibling nor any other process of the user can be traced, read, written, or robbed of a descriptor."""
    code = (
        RAW
        + f"""
import struct
found = []
buffer = ctypes.create_string_buffer(64)
vector = struct.pack("QQ", ctypes.addressof(buffer), 8)
for pid in ({host.pid}, {sentinel.pid}, {os.getpid()}, os.getppid(), os.getppid() + 1, os.getpid() - 1, os.getpid() + 1):
    found += [raw(101, 117, request, pid, 0, 0) for request in (16, 0x4206, 0x4207, 1)]
    found += [raw(310, 270, pid, vector, 1, vector, 1, 0), raw(311, 271, pid, vector, 1, vector, 1, 0), raw(312, 272, pid, os.getpid(), 0, 0, 0)]
    fd = raw(434, 434, pid, 0)
    found += [raw(438, 438, fd, 0, 0), raw(440, 440, fd, vector, 1, 4, 0), raw(308, 268, fd, 0x20000)] if type(fd) is int else []
    found += [tried(os.open, f"/proc/{{pid}}/{{name}}", os.O_RDWR) for name in ("mem", "clear_refs", "coredump_filter", "comm")]
found + [raw(101, 117, 0, 0, 0, 0)]
"""
    )
    for more in (grants(), MANY):
        assert through(host.run(code, **more)) == []
    assert alive(sentinel)


FIND = """
import os, socket, stat
def kind(fd):
    try: return stat.S_IFMT(os.fstat(fd).st_mode)
    except OSError: return 0
found = {fd: kind(fd) for fd in range(70000) if kind(fd)}
"""


def test_pr09_wedge_the_zygote(host: Host) -> None:
    """No descriptor of a run leads to the zygote: whatever is written to all of them, and whatever becomes of them, it forks on."""
    junk = '[os.write(fd, part) for fd in found for part in (b"x", b\'{"slot": 0, "signal": 9}\', b"", bytes(65536)) if kind(fd) == stat.S_IFSOCK]'
    for code in (
        junk,
        "for fd in found:\n    try: socket.socket(fileno=os.dup(fd)).shutdown(2)\n    except OSError: pass",
        "[os.close(fd) for fd in found]",
        "import time\nos.close(0); os.close(1); os.close(2)\nos.closerange(3, 70000)\ntime.sleep(0.3)",
        "import fcntl\nfor fd in found:\n    for flags in (os.O_NONBLOCK, os.O_ASYNC, os.O_DIRECT, os.O_APPEND):\n        try: fcntl.fcntl(fd, fcntl.F_SETFL, flags)\n        except OSError: pass",
        "for fd in found:\n    try: socket.send_fds(socket.socket(fileno=os.dup(fd)), [b'{}'], list(found))\n    except OSError: pass",
    ):
        ended = host.run(FIND + code, wall_seconds=2)
        assert ended.reason in (None, "crashed", "timeout", "processes"), (code, ended)
        for _ in range(3):
            ended = host.run("1", wall_seconds=2)
            assert ended.value == 1, (code, ended)
    assert host.own()["faults"] == []


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_pr10_inherited_descriptors(host: Host, level: str) -> None:
    """A run has an empty stdin, two pipes to write to, and one socket for its answer; and nothing else of the host's, the zygote's or a sibling's."""
    code = (
        FIND
        + "[sorted(fd for fd in found if fd > 2), [kind(0), kind(1), kind(2)], [kind(fd) for fd in found if fd > 2], os.read(0, 10) == b'', os.fstat(0).st_rdev]"
    )
    for more in (grants(), grants(processes=4)):
        ended = host.run(code, security_level=level, **more)
        if level == "paranoid" and not gives_paranoid(host, **more):
            assert (ended.executed, ended.reason) == (False, "unavailable")
            continue
        numbers, streams, kinds, empty, device = ended.value
        assert len(numbers) == 1, ended
        assert streams == [0o020000, 0o010000, 0o010000]
        assert (kinds, empty, device) == ([0o140000], True, os.makedev(1, 3))


def test_pr11_same_random_state_in_all_forks(host: Host) -> None:
    """Runs of one pool do not draw the same random numbers, names and identifiers."""
    code = "import os, random, secrets, tempfile, uuid\n[random.random(), random.Random().random(), secrets.token_hex(), str(uuid.uuid4()), os.urandom(8).hex(), tempfile.mktemp(), next(tempfile._get_candidate_names())]"
    for more in (grants(preload=["random", "uuid", "tempfile"]), grants()):
        runs = [host.run(code, **more).value for _ in range(5)]
        assert all(len(set(column)) == 5 for column in zip(*runs, strict=True)), runs
    at_once = [ended.value for ended in host.runs([code] * 6)]
    assert all(len(set(column)) == 6 for column in zip(*at_once, strict=True)), at_once


def test_pr11_same_layout_and_hash_seed(host: Host) -> None:
    """At the level paranoid each run has a hash seed and an address layout of its own; at medium, each pool has."""
    code = RAW + "str([hash('seed'), hash(b'seed'), ctypes.cast(_libc.getpid, ctypes.c_void_p).value])"
    if host.namespaces:
        runs = [eval(host.run(code, security_level="paranoid").value) for _ in range(3)]
    else:
        assert host.run(code, security_level="paranoid").reason == "unavailable"
        runs = [eval(host.run(code, waiting=i + 1).value) for i in range(3)]
    assert all(len(set(column)) == 3 for column in zip(*runs, strict=True)), runs


def test_pr12_priority_scheduler_and_affinity(host: Host) -> None:
    """A run changes neither its own priority, scheduler, cores and disk priority nor anybody else's."""
    code = (
        RAW
        + f"""
import struct
found = []
for pid in (0, os.getpid(), os.getppid(), {host.pid}):
    found += [raw(141, 140, 0, pid, -20), raw(141, 140, 0, pid, 19), raw(144, 119, pid, 1, struct.pack("i", 50)), raw(144, 119, pid, 5, struct.pack("i", 0)), raw(142, 118, pid, struct.pack("i", 0))]
    found += [raw(203, 122, pid, 8, struct.pack("Q", 1)), raw(251, 30, 1, pid, 1 << 13), raw(314, 274, pid, struct.pack("IIQiIQQQ", 48, 6, 0, 0, 0, 10**7, 10**8, 10**8), 0)]
found += [tried(os.setpriority, os.PRIO_USER, os.getuid(), 19), tried(os.setpriority, os.PRIO_PGRP, 0, 19), tried(os.nice, 5), tried(os.nice, -5)]
found
"""
    )
    before = (
        psutil.Process(host.pid).nice(),
        psutil.Process(host.pid).cpu_affinity(),
        psutil.Process(host.pid).ionice(),
    )
    for more in (grants(), MANY):
        assert through(host.run(code, **more)) == []
    assert (
        psutil.Process(host.pid).nice(),
        psutil.Process(host.pid).cpu_affinity(),
        psutil.Process(host.pid).ionice(),
    ) == before


def test_pr13_core_dump(host: Host) -> None:
    """A run that crashes leaves no core: none is written, none is piped, and it cannot ask for one."""
    cores = {path.name for path in Path("/").glob("core*")} | {
        path.name for path in Path("/tmp").glob("core*")
    }
    ask = (
        RAW
        + "import resource\n[resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and 'EPERM', tried(resource.setrlimit, resource.RLIMIT_CORE, (-1, -1)) == 'ValueError' and 'EPERM', raw(157, 167, 4, 1, 0, 0, 0), raw(157, 167, 4, 2, 0, 0, 0)]"
    )
    assert through(host.run(ask)) == []
    assert host.run(RAW + "raw(157, 167, 3, 0, 0, 0, 0)").value == 0
    for code in ("ctypes.string_at(8)", "os.abort()", "os.kill(os.getpid(), 11)", "os.kill(os.getpid(), 3)"):
        ended = host.run(RAW + "os.chdir('output')\n" + code)
        assert (ended.success, ended.reason, ended.files) == (False, "crashed", {}), (code, ended)
    assert {path.name for path in Path("/").glob("core*")} | {
        path.name for path in Path("/tmp").glob("core*")
    } == cores


@pytest.mark.parametrize("level", ["medium", "paranoid"])
def test_pr14_regain_privileges(host: Host, level: str) -> None:
    """A run has no capability, no group and no way back: not by a namespace, an id, a file's attribute, the ambient set or a set-user-id program."""
    code = (
        RAW
        + """
import struct
head = lambda version: struct.pack("Ii", version, 0)
full = struct.pack("6I", *[0xFFFFFFFF] * 6)
held = ctypes.create_string_buffer(24)
raw(125, 90, head(0x20080522), held)
found = ["EPERM" if held.raw == bytes(24) else held.raw.hex(), "EPERM" if os.getgroups() == [] else "groups", "EPERM" if raw(157, 167, 39, 0, 0, 0, 0) == 1 else "new privileges"]
found += [raw(126, 91, head(0x20080522), full), raw(272, 97, 0x10000000), raw(157, 167, 47, 2, 21, 0, 0), raw(157, 167, 28, 0x2F, 0, 0, 0), raw(157, 167, 8, 1, 0, 0, 0), raw(157, 167, 38, 0, 0, 0, 0)]
found += [raw(105, 146, 0), raw(106, 144, 0), raw(113, 145, 0, 0), raw(117, 147, 0, 0, 0), raw(119, 149, 0, 0, 0), raw(122, 151, 0), raw(123, 152, 0), raw(116, 159, 1, struct.pack("I", 0))]
open("tmp/a", "w").close()
found += [raw(188, 5, b"tmp/a", b"security.capability", bytes(20), 20, 0), raw(308, 268, 0, 0x10000000)]
found += ["EPERM" if all(raw(157, 167, 23, capability, 0, 0, 0) in (0, "EINVAL") for capability in range(64)) else "bounding set"]
found
"""
    )
    for more in (grants(), grants(processes=4)):
        ended = host.run(code, security_level=level, **more)
        if level == "paranoid" and not gives_paranoid(host, **more):
            assert (ended.executed, ended.reason) == (False, "unavailable")
            continue
        answers = through(ended)
        if host.kind.startswith(
            "nobody"
        ):  # whoever may not set the bounding set cannot gain from it either: new privileges are off
            answers = [each for each in answers if each[1] != "bounding set"]
        assert answers == []


def test_pr15_terminal(host: Host) -> None:
    """No terminal can be opened, taken over, or made to read what the run wrote, and no control sequence reaches one by itself."""
    code = (
        RAW
        + """
import pty, termios
paths = ["/dev/tty", "/dev/console", "/dev/ptmx", "/dev/pts/ptmx", "/dev/pts/0", "/dev/pts/1", "/dev/tty0", "/dev/tty1", "/dev/ttyS0", "/dev/vcs"]
found = [tried(os.open, path, flags) for path in paths for flags in (os.O_RDWR, os.O_RDONLY, os.O_WRONLY | os.O_NOCTTY)]
for fd in (0, 1, 2):
    for command in (0x5412, 0x541C, 0x540E, 0x5410, 0x5402, 0x5423, 0x5414, 0x4B4D, 0x5431, 1 << 32 | 0x5412):
        found.append(raw(16, 29, fd, command, ctypes.create_string_buffer(b"i", 64)))
found + ["EPERM" if tried(pty.openpty) == "OSError" else "a terminal", tried(os.tcsetpgrp, 0, os.getpgrp()), tried(os.tcsetpgrp, 1, 1), tried(os.ttyname, 0)]
"""
    )
    assert through(host.run(code)) == []
    ended = host.run("print('\\x1b]0;owned\\x07\\x1b[6n', end='')")
    assert ended.stdout == "\x1b]0;owned\x07\x1b[6n"


def test_pr16_reused_process_ids(host: Host, sentinel: subprocess.Popen[bytes]) -> None:
    """Runs that end by themselves just before they are ended have nobody else ended in their place."""
    for code in ("import os\nos._exit(0)", "1", "import os\nos.kill(os.getpid(), 9)"):
        for _ in range(25):
            host.run(code)
    assert alive(sentinel)
    assert host.run("1").value == 1


def test_pr17_process_options(host: Host) -> None:
    """A run cannot be made dumpable again, adopt orphans, let others trace it, undo its end with the parent, or move its own memory's marks."""
    code = (
        RAW
        + """
options = [(1, 0), (1, 15), (4, 1), (4, 2), (36, 1), (0x59616D61, -1), (0x59616D61, 1), (35, 8, 4096), (28, 1), (8, 1), (22, 0), (22, 2), (38, 0), (24, 0), (27, 0), (31, 1), (33, 1), (41, 1), (53, 0, 0), (29, 1), (59, 1, 1, 0)]
[raw(157, 167, *(*option, 0, 0, 0, 0)[:5]) for option in options]
"""
    )
    for more in (grants(), MANY):
        assert through(host.run(code, **more)) == []


@pytest.mark.parametrize(
    "profile",
    [{}, {"processes": 8}, {"security_level": "paranoid"}],
    ids=["one", "many", "paranoid"],
)
def test_pr17_the_host_is_killed(request: pytest.FixtureRequest, host: Host, profile: dict[str, Any]) -> None:
    """When the host is killed in the middle of runs, everything that it started ends too, daemons included, and the next host removes the folders."""
    if "security_level" in profile and not gives_paranoid(host, **profile):
        assert host.run("1", **profile).reason == "unavailable"
        return
    doomed = Host(host.kind)
    try:
        base = Path(doomed.run("import os\nos.getcwd()", **profile).value)
        daemon = (
            "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(30)\n    os._exit(0)\n"
            if "processes" in profile
            else ""
        )
        doomed.begin(f"import os, time\n{daemon}time.sleep(30)", wall_seconds=60, **profile)
        time.sleep(0.2)
        processes = psutil.Process(doomed.pid).children(recursive=True)
        assert processes
        os.kill(doomed.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(processes, timeout=3)
        for process in left:
            process.kill()
        assert left == []
    finally:
        os.kill(doomed.pid, signal.SIGKILL)
        doomed.close()
    if profile or host.kind != "root":
        return
    fresh = Host(host.kind)
    try:
        assert fresh.run("1").value == 1
        assert not base.parents[2].exists()
    finally:
        fresh.close()


def test_pr18_name_of_a_host_process(host: Host) -> None:
    """A run cannot give its process another name in the host's process list."""
    code = (
        RAW
        + "import time\nraw(157, 167, 15, b'systemd', 0, 0, 0); tried(lambda: open('/proc/self/comm', 'w').write('systemd')); tried(lambda: open(f'/proc/{os.getppid()}/comm', 'w').write('systemd'))\ntime.sleep(0.6)"
    )
    host.begin(code)
    time.sleep(0.3)
    names = {process.name() for process in psutil.Process(host.pid).children(recursive=True)}
    ended = host.finish()
    assert ended.success, ended
    assert "systemd" not in names
    assert names

"""What the attack tests on network, resources and kernel share: words with which hostile snippets begin, ears that hear what gets out, scales.

The one idea: whether something was contained is never asked of the sandbox; it is heard, weighed or counted from outside.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from tests.attacks.cages import Ended, Host

MB = 1 << 20
CAGES = tuple(
    (kind, level)
    for kind in ("root", "root-denied", "nobody", "nobody-denied")
    for level in ("medium", "paranoid")
    if level == "medium" or not kind.endswith("-denied")
)
"""Every kind of host with the security levels that it can give; that it refuses the other one is a test of its own."""
PRELUDE = '''
import ctypes, errno, os, socket, struct, sys
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
X86 = os.uname().machine == "x86_64"
def name_of(code):
    return errno.errorcode.get(code, str(code))
def call(x86, arm, *arguments):
    """Make a system call: its result, or the name of its error."""
    words = [ctypes.c_ulong(each & (1 << 64) - 1) if isinstance(each, int) else each for each in arguments]
    words += [ctypes.c_ulong(0)] * (6 - len(words))
    ctypes.set_errno(0)
    result = _libc.syscall(ctypes.c_long(x86 if X86 else arm), *words)
    return name_of(ctypes.get_errno()) if result == -1 else result
def attempt(function, *arguments):
    """Call a function: what it returns as text, or the name of its error."""
    try:
        return repr(function(*arguments))[:200]
    except OSError as error:
        return name_of(error.errno) if not isinstance(error, socket.gaierror) else "gaierror"
said = []
'''
"""With what each hostile snippet begins. It ends with an expression: what it was told, for the test to read."""
REFUSALS = {
    "EACCES",
    "EPERM",
    "ENOSYS",
    "EAFNOSUPPORT",
    "EPROTONOSUPPORT",
    "ESOCKTNOSUPPORT",
    "EOPNOTSUPP",
    "gaierror",
}
"""The errors that say no. `attempt` and `call` return their names."""


class Cage(NamedTuple):
    """A kind of host with a security level.

    Attributes:
        host: the process with the sandboxes.
        level: medium or paranoid.

    """

    host: Host
    level: str

    def run(self, code: str, inputs: dict[str, Any] | None = None, **profile: Any) -> Ended:
        """Run a hostile snippet."""
        return self.host.run(PRELUDE + code, inputs=inputs, security_level=self.level, **profile)


def outside(code: str, inputs: dict[str, Any]) -> str:
    """Run a snippet without any sandbox, against ears of the test's own: what it can reach there proves that the ears hear it."""
    given = "".join(f"{name} = {value!r}\n" for name, value in inputs.items())
    command = [sys.executable, "-I", "-S", "-c", f"{PRELUDE}{given}{code.rstrip()}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout


def assert_unavailable(ended: Ended, *words: str) -> None:
    """Check that a run was refused before anything of it ran, and that the refusal says why."""
    assert (ended.reason, ended.executed, ended.value, ended.stdout) == ("unavailable", False, None, ""), (
        ended
    )
    assert all(word in ended.detail for word in words), ended.detail


class Ears:
    """Listeners of every kind that code in a sandbox might reach, in the test's own process, in this machine's own network.

    Arguments:
        folder: where those with a path lie; everybody may reach them there.

    """

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o777)
        self._folder = folder
        self._listening: dict[str, socket.socket] = {}
        self._heard: list[socket.socket] = []
        self.ports: dict[str, int] = {}
        for name, family, address in (("4", socket.AF_INET, "127.0.0.1"), ("6", socket.AF_INET6, "::1")):
            for kind, way in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
                with contextlib.suppress(OSError):  # a machine without IPv6
                    self._listen(f"{kind}{name}", socket.socket(family, way), (address, 0))
        self.mark = f"ringfence-test-{os.getpid()}-{id(self):x}"
        for kind, way in (
            ("stream", socket.SOCK_STREAM),
            ("dgram", socket.SOCK_DGRAM),
            ("packet", socket.SOCK_SEQPACKET),
        ):
            self._listen(f"named {kind}", socket.socket(socket.AF_UNIX, way), f"{folder}/{kind}")
            (folder / kind).chmod(0o777)
            self._listen(f"abstract {kind}", socket.socket(socket.AF_UNIX, way), f"\0{self.mark}-{kind}")

    def _listen(self, name: str, listener: socket.socket, address: tuple[str, int] | str) -> None:
        listener.bind(address)
        if listener.type != socket.SOCK_DGRAM:
            listener.listen(64)
        listener.setblocking(False)
        self._listening[name] = listener
        if isinstance(address, tuple):
            self.ports[name] = listener.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in (*self._listening.values(), *self._heard):
            each.close()

    @property
    def inputs(self) -> dict[str, Any]:
        """Where they are, as inputs of a snippet: `tcp4`, `tcp6`, `udp4`, `udp6`, `folder`, `mark`."""
        ports = {name: self.ports.get(name, 9) for name in ("tcp4", "tcp6", "udp4", "udp6")}
        return {**ports, "folder": str(self._folder), "mark": self.mark}

    def heard(self, seconds: float = 0.02) -> list[str]:
        """Return on which of them a connection or a message has arrived since the last time."""
        names = {listener.fileno(): name for name, listener in self._listening.items()}
        ready, _, _ = select.select(list(names), [], [], seconds)
        for fd in ready:
            listener = self._listening[names[fd]]
            with contextlib.suppress(BlockingIOError):
                while True:
                    if listener.type == socket.SOCK_DGRAM:
                        listener.recv(4096)
                    else:
                        self._heard.append(listener.accept()[0])
        return sorted(names[fd] for fd in ready)


class Scales:
    """Weighs a host's process tree from outside, every few milliseconds, while a run is on.

    It sums the shares that its processes have of the memory that they map (PSS); with `kernel`, also what page tables take.

    Arguments:
        host: whose descendants are weighed.

    """

    def __init__(self, host: Host, seconds: float = 0.004) -> None:
        self._host = host
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.peak = max(self.peak, sum(map(weight, descendants(self._host.pid))))
            time.sleep(self._seconds)


def descendants(pid: int) -> list[int]:
    """Return the descendants of a process."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                children = [int(each) for each in read(f"{thread}/children").split()]
                found += children
                waiting += children
    return found


def weight(pid: int) -> int:
    """Return a process's share of the memory that it maps, and its page tables, in bytes."""
    shares = _sum(read(f"/proc/{pid}/smaps_rollup"), ("Pss:", "SwapPss:"))
    status = read(f"/proc/{pid}/status")
    return (shares or _sum(status, ("RssAnon:", "RssShmem:", "VmSwap:"))) + _sum(status, ("VmPTE:",))


def _sum(text: str, names: tuple[str, ...]) -> int:
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(names))


def read(path: str) -> str:
    """Return what a file of `/proc` says; empty where it is not there any more."""
    try:
        return Path(path).read_text("utf-8", "replace")
    except OSError:
        return ""


def status(pid: int, name: str) -> int:
    """Return a number of a process's status, such as `VmRSS`, in bytes."""
    return _sum(read(f"/proc/{pid}/status"), (f"{name}:",))

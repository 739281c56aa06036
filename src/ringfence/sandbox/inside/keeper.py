"""The keeper: the process between zygote and worker where a run may have several processes, or a process namespace of its own.

It is outside of the cage and runs nothing of anybody's: it watches what the whole tree uses, passes signals on, and leaves nobody behind. The one
idea: every descendant, however it detached itself, comes back to the keeper as a child, and the keeper ends only when it has none.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress

from ringfence.sandbox.layers import cgroup, namespaces, rlimits
from ringfence.sandbox.syscalls import prctl

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from ringfence.sandbox.inside.cage import Cage

LOOK_SECONDS = 0.004
"""How long the tree may go unwatched: in that time two cores can fill about 8 MB."""
STOP = signal.SIGUSR2
"""The signal at which the keeper ends the tree, and itself."""
_PR_SET_CHILD_SUBREAPER, _PR_SET_PDEATHSIG = 36, 1
_WAITED = (signal.SIGTERM, STOP, signal.SIGCHLD)
_MOST_REPORT = 4096
_MORE_PROCESSES = 100
_THREADS_FIELD, _START_FIELD = 17, 19
_TICKS = os.sysconf("SC_CLK_TCK")


class Limits:
    """What the tree may use, once the worker has told it."""

    def __init__(self, told: dict[str, float]) -> None:
        self.memory = told["memory"]
        self.processes = told.get("processes", 1)
        self.cpu = told["cpu_exact"]


class Keeper:
    """Keeps one worker and all that it starts.

    Arguments:
        cage: what the worker will enter; the keeper uses its descriptors of the host's `/proc` and control groups.
        report: where to write what was seen, at the end.
        groups: the control group to enter; empty: none.
        parent: the zygote: when it ends, so does the tree.

    """

    def __init__(self, cage: Cage, report: int, groups: list[str], parent: int) -> None:
        self._proc = cage.proc
        self._own_processes = cage.own_processes
        self._control_groups = cage.control_groups
        self._groups = groups
        self._most_processes = cage.processes
        self._parent = parent
        self._report = report
        self._worker = 0
        self._limits: Limits | None = None
        self._base = 0
        self._peak = 0
        self._most = 1
        self._verdict = ""
        self._used = 0.0
        self._own: dict[tuple[int, int], int] = {}

    def keep(self) -> int:
        """Fork the worker. Return in it, with the pipe to tell limits through; in the keeper this does not return."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        prctl(_PR_SET_PDEATHSIG, STOP)
        if os.getppid() != self._parent:
            os._exit(1)
        self._bound_processes()
        if self._groups:
            cgroup.apply(self._control_groups, self._groups)
        if self._own_processes:
            namespaces.apply(namespaces.NEWPID, user=False)
        listening, telling = os.pipe()
        hearing, saying = os.pipe()
        self._worker = os.fork()
        if self._worker == 0:
            if self._own_processes:
                _be_init(saying)
            os.close(listening)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WAITED)
            return telling
        os.close(telling)
        os.close(saying)
        os.set_blocking(listening, False)
        try:
            status = self._watch(listening)
        finally:
            self._used = self._cpu(self.tree())
            self._end_all()
        self._say()
        _end_as(self._told_by_init(hearing, status))
        return 0

    def _told_by_init(self, hearing: int, status: int) -> int:
        """Return the status of the worker where an init stands between: that of the init is its own."""
        if not self._own_processes or self._verdict:
            return status
        told = os.read(hearing, _MOST_REPORT)
        return int(told) if told else status

    def _bound_processes(self) -> None:
        """Keep what forks faster than it is watched from taking all of the machine's processes.

        The kernel counts all processes of a user, so this is no run's limit: it lies above what there is now.
        """
        tasks = int(self._read("loadavg").split()[3].partition(b"/")[2])
        rlimits.bound_processes(tasks + max(_MORE_PROCESSES, self._most_processes))

    def _watch(self, listening: int) -> int:
        """Watch until the worker ends, or has to; return its status."""
        while True:
            told = signal.sigtimedwait(_WAITED, LOOK_SECONDS)
            if told is not None and told.si_signo == STOP:
                return signal.SIGKILL
            if told is not None and told.si_signo == signal.SIGTERM:
                _signal(self._worker, signal.SIGTERM)
            status = self._reap()
            if status is not None:
                return status
            if self._limits is None:
                self._learn(listening)
            else:
                self._verdict = self._look(self._limits)
                if self._verdict:
                    return signal.SIGKILL

    def _reap(self) -> int | None:
        """Collect who has ended; return the worker's status if it is among them."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if pid == self._worker:
                return status
            if pid == 0:
                return None

    def _learn(self, listening: int) -> None:
        try:
            told = os.read(listening, _MOST_REPORT)
        except BlockingIOError:
            return
        if told:
            self._limits = Limits(json.loads(told))
            self._base = self._memory(self._worker)

    def _look(self, limits: Limits) -> str:
        """Return which limit the tree has passed; empty where none."""
        tree = self.tree()
        memory = sum(map(self._memory, tree))
        tasks = sum(map(self._tasks, tree)) - self._own_processes  # the init is none of the run's
        self._peak, self._most = max(self._peak, memory), max(self._most, tasks)
        if (
            tasks > limits.processes
        ):  # before memory: what many processes share may have been counted for each
            return "processes"
        if memory > limits.memory + self._base:
            return "memory"
        return "cpu" if self._cpu(tree) > limits.cpu else ""

    def tree(self) -> list[int]:
        """Return the worker and its descendants."""
        found, waiting = [], [os.getpid()]
        while waiting:
            for child in self._children(waiting.pop()):
                found.append(child)
                waiting.append(child)
        return found

    def _children(self, pid: int) -> list[int]:
        try:
            folder = os.open(f"{pid}/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return []
        try:
            threads = os.listdir(folder)
        except OSError:
            threads = []
        finally:
            os.close(folder)
        children: list[int] = []
        for thread in threads:
            children += map(int, self._read(f"{pid}/task/{thread}/children").split())
        return children

    def _read(self, path: str) -> bytes:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            return os.read(file, 1 << 16)
        except OSError:
            return b""
        finally:
            os.close(file)

    def _memory(self, pid: int) -> int:
        """Return what a process holds, in bytes: its share of what it shares; where that may not be read, all that is not a file's."""
        text = self._read(f"{pid}/smaps_rollup")
        names = (
            (b"Pss:", b"SwapPss:", b"VmPTE:") if text else (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")
        )
        lines = (text + self._read(f"{pid}/status")).splitlines()
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(names))

    def _tasks(self, pid: int) -> int:
        fields = self._read(f"{pid}/stat").rpartition(b")")[2].split()
        return int(fields[_THREADS_FIELD]) if len(fields) > _THREADS_FIELD else 1

    def _cpu(self, tree: list[int]) -> float:
        """Return the CPU time of the tree so far, in seconds: of those who live, of those who were waited for, and of those who were seen once.

        The kernel adds the time of children that nobody waits for to nobody's.
        """
        ticks = 0
        for pid in tree:
            fields = self._read(f"{pid}/stat").rpartition(b")")[2].split()
            if len(fields) > _START_FIELD:
                own = int(fields[11]) + int(fields[12])
                self._own[pid, int(fields[_START_FIELD])] = own
                ticks += own + int(fields[13]) + int(fields[14])
        gone = os.times()
        return max(
            ticks / _TICKS + gone.children_user + gone.children_system, sum(self._own.values()) / _TICKS
        )

    def _end_all(self) -> None:
        """End every descendant, and wait until there is none."""
        while True:
            for pid in self.tree():
                _signal(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.0005)

    def _say(self) -> None:
        used = {"peak": self._peak, "processes": self._most, "verdict": self._verdict, "cpu": self._used}
        os.write(self._report, json.dumps(used).encode())


def _be_init(saying: int) -> None:
    """Be the first process of a namespace: fork the worker, and collect every process that has lost its parent. Return in the worker."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    worker = os.fork()
    if worker == 0:
        os.close(saying)
        return
    while True:
        if signal.sigwaitinfo(_WAITED).si_signo == signal.SIGTERM:
            _signal(worker, signal.SIGTERM)
        pid = -1
        while pid:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == worker:
                os.write(saying, str(status).encode())
                os._exit(0)


def _signal(pid: int, which: int) -> None:
    with suppress(OSError):
        os.kill(pid, which)


def _end_as(status: int) -> None:
    """End as the worker did: by the same signal or code."""
    if os.WIFSIGNALED(status):
        which = os.WTERMSIG(status)
        if which != signal.SIGKILL:
            signal.signal(which, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [which])
        os.kill(os.getpid(), which)
    os._exit(os.WEXITSTATUS(status))

"""The zygote: a small single-threaded interpreter that prepares everything once and then forks a worker whenever it is told to.

It runs nothing of anybody's besides the packages it was told to load. The one idea: what can be done before the fork is done here, once:
compiling, loading, namespaces, the view of the files, rulesets, the filter; so a worker only has to enter what stands ready.
"""

from __future__ import annotations

import _socket
import gc
import json
import os
import select
import signal
import sys
from contextlib import suppress

from ringfence.sandbox.inside.cage import Cage
from ringfence.sandbox.inside.worker import Worker
from ringfence.sandbox.layers import rlimits

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any

    from ringfence.sandbox.inside.keeper import Keeper

_MOST_MESSAGE = 1 << 16
_LARGEST_SETUP = 1 << 20
_LOWEST_FREE = 8


def main(control_fd: int) -> None:
    """Serve until the host closes the control socket, or ends.

    Arguments:
        control_fd: the descriptor of a `SOCK_SEQPACKET` socket to the host.

    """
    sys.argv[:], sys.orig_argv[:] = [""], [sys.executable]
    _reserve_low_descriptors()
    control = _socket.socket(fileno=control_fd)
    setup = json.loads(control.recv(_LARGEST_SETUP))
    try:
        zygote = Zygote(control, setup)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the host must learn it
        _tell(control, {"failed": f"{type(error).__name__}: {error}"})
        return
    zygote.serve()


def _reserve_low_descriptors() -> None:
    """Keep the numbers that a worker gives to its own descriptors from being those of anything else."""
    while os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC) < _LOWEST_FREE:
        pass


def _tell(control: _socket.socket, message: dict[str, Any]) -> None:
    with suppress(OSError):  # the host has gone: the control socket's end says so
        control.send(json.dumps(message).encode())


class Zygote:
    """Forks workers, and tells the host what became of them.

    Arguments:
        control: the socket to the host.
        setup: what `ringfence.sandbox.setups.setup` says.

    Raises:
        Exception: something that the setup asks for could not be had.

    """

    def __init__(self, control: _socket.socket, setup: dict[str, Any]) -> None:
        self._control = control
        self._own = os.getpid()
        rlimits.raise_open_files()
        sys.path[:] = setup["path"]
        self._kept = bool(setup["many"]) or bool(setup["own_processes"])
        if self._kept:
            import ringfence.sandbox.inside.keeper  # noqa: F401 - while its file can still be seen
        self._worker = Worker(setup)
        self._cage = Cage(setup)
        self._watched: dict[int, int] = {}
        self._pids: dict[int, int] = {}
        self._worker.get_ready(self._cage)
        self._reports: dict[int, int] = {}
        self._poll = select.epoll()
        self._poll.register(control.fileno(), select.EPOLLIN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._say_ready()
        _settle()

    def _say_ready(self) -> None:
        message = json.dumps({"ready": self._cage.layers, "engine": self._worker.engine}).encode()
        if self._cage.listener is None:
            self._control.send(message)
        else:
            fds = self._cage.listener.to_bytes(4, sys.byteorder)
            self._control.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
            os.close(self._cage.listener)

    def serve(self) -> None:
        """Fork, end and reap until the control socket closes."""
        control = self._control.fileno()
        while True:
            for fd, _ in self._poll.poll():
                if fd != control:
                    self._reap(fd)
                elif not self._obey():
                    self._end_all()
                    return

    def _end_all(self) -> None:
        """End every worker and wait for it, so that none is left to whoever inherits orphans."""
        for pid in self._pids.values():
            os.kill(pid, signal.SIGUSR2 if self._kept else signal.SIGKILL)
        for pid in self._pids.values():
            os.waitpid(pid, 0)

    def _obey(self) -> bool:
        """Do what one message asks for; return False where the host has gone."""
        try:
            message, extra, _, _ = self._control.recvmsg(_MOST_MESSAGE, _socket.CMSG_LEN(4 * 3))
        except OSError:
            return False
        if not message:
            return False
        order = json.loads(message)
        slot = order["slot"]
        received = [
            int.from_bytes(fds[at : at + 4], sys.byteorder)
            for _, _, fds in extra
            for at in range(0, len(fds), 4)
        ]
        if "signal" not in order:
            self._fork(slot, received, order)
        elif slot in self._pids:  # it is reaped nowhere but here, so the id is still its own
            which = order["signal"]
            os.kill(self._pids[slot], signal.SIGUSR2 if self._kept and which == signal.SIGKILL else which)
        return True

    def _fork(self, slot: int, fds: list[int], order: dict[str, Any]) -> None:
        """Fork a worker for a slot, and tell its process id; or why there is none."""
        reading, writing = os.pipe() if self._kept else (-1, -1)
        try:
            self._cage.make_ready(slot)
            pid = os.fork()
            if pid == 0:
                self._worker.live(
                    self._cage, slot, fds, self._keeper(writing, order["groups"]), hurry=order["hurry"]
                )
            os.chdir("/")
            pidfd = os.pidfd_open(pid)
        except Exception as error:  # noqa: BLE001 - one slot's trouble ends no other
            _tell(self._control, {"gone": slot, "failed": f"no worker could be forked: {error}"})
            fds.append(reading)
        else:
            self._watched[pidfd] = slot
            self._pids[slot] = pid
            self._reports[slot] = reading
            self._poll.register(pidfd, select.EPOLLIN)
            _tell(self._control, {"forked": slot, "pid": pid})
        for fd in (*fds, writing):
            if fd >= 0:
                os.close(fd)

    def _keeper(self, report: int, groups: list[str]) -> Keeper | None:
        if not self._kept:
            return None
        from ringfence.sandbox.inside.keeper import Keeper

        return Keeper(self._cage, report, groups, self._own)

    def _reported(self, slot: int) -> dict[str, Any]:
        """Return what the keeper of a slot's worker saw."""
        report = self._reports.pop(slot)
        if report < 0:
            return {}
        text = os.read(report, _MOST_MESSAGE)
        os.close(report)
        return json.loads(text) if text else {}  # the keeper is ours

    def _reap(self, pidfd: int) -> None:
        slot = self._watched.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, used = os.wait4(self._pids.pop(slot), 0)
        kept = self._reported(slot)
        _tell(self._control, {
            "gone": slot, "status": status, "user": used.ru_utime, "system": used.ru_stime,
            "peak": max(used.ru_maxrss * 1024, kept.pop("peak", 0)), "read": used.ru_inblock * 512, "written": used.ru_oublock * 512,
            **kept,
        })  # fmt: skip


def _settle() -> None:
    """Make memory ready to be shared: nothing of it is looked at by the collector any more, so that children copy less."""
    compile("a = 1\nprint(a)\n", "<warm>", "exec")
    gc.collect()
    gc.freeze()
    gc.disable()

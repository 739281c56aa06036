"""The host's end of a zygote: how it is started, told what to do, and heard.

The host's process has threads and secrets, so it is never forked: a new interpreter starts with an empty environment, and learns from one
message what it is to be. The one idea: what the zygote says is taken apart here into three events: ready, forked, gone.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ringfence.errors import SandboxUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence.sandbox.slots import Slot

_MOST_MESSAGE = 1 << 16
_SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_START = "import sys; sys.path.insert(0, sys.argv[1])\nfrom ringfence.sandbox.inside.zygote import main\nmain(int(sys.argv[2]))"
_MOST_LOG = 2000
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/",
    "TMPDIR": "/",
    "USER": "sandbox",
    "LOGNAME": "sandbox",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLCONFIGDIR": "tmp",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""All that a run finds in its environment; HOME and TMPDIR become its own. One thread each: those of numerical libraries are refused by default."""


class Zygote:
    """A running zygote.

    Arguments:
        setup: what it is to be.
        folder: an empty folder of this process's own, for its log.

    Raises:
        SandboxUnavailable: it could not be started.

    """

    def __init__(self, setup: Mapping[str, Any], folder: str) -> None:
        self._log = f"{folder}/zygote.log"
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with (
                far,
                open(
                    os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb"
                ) as log,
            ):
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                    [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, _SOURCES, str(far.fileno())],
                    pass_fds=[far.fileno()], env={**_ENVIRONMENT, **setup["environment"]}, cwd="/",
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )  # fmt: skip
            near.send(json.dumps(setup).encode())
        except OSError as error:
            near.close()
            raise SandboxUnavailable(f"no process could be started for it: {error.strerror}") from error
        near.setblocking(False)
        self.control = near
        self.slot: Slot | None = None
        self.ready = False
        self.layers: tuple[str, ...] = ()
        self.engine = ""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def fork(self, slot: Slot, *, hurry: bool = False) -> bool:
        """Have it fork a worker for a slot; return whether it could be told.

        Arguments:
            slot: for which, with its far ends open.
            hurry: whether a job waits for it, so that it does not rehearse.

        """
        entrances = slot.group.entrances if slot.group is not None else []
        message = json.dumps({"slot": slot.number, "groups": entrances, "hurry": hurry}).encode()
        try:
            socket.send_fds(self.control, [message], slot.far_ends)
        except OSError:
            return False
        slot.close_far_ends()
        return True

    def signal(self, slot: Slot, which: int) -> None:
        """Have it send a signal to a slot's worker."""
        self._send(json.dumps({"slot": slot.number, "signal": which}).encode())

    def _send(self, message: bytes) -> bool:
        try:
            self.control.send(message)
        except OSError:
            return False
        return True

    def hear(self) -> Iterator[tuple[dict[str, Any], list[int]]]:
        """Return the messages that have come, each with descriptors that came along; the last is `{}` where it has gone."""
        while True:
            try:
                message, fds, _, _ = socket.recv_fds(self.control, _MOST_MESSAGE, 1)
            except BlockingIOError:
                return
            except OSError:
                message, fds = b"", []
            yield (json.loads(message) if message else {}), fds
            if not message:
                return

    def said(self) -> str:
        """Return the last lines that it wrote before it ended; it runs nothing of anybody's, so they tell of a fault of its own."""
        with suppress(OSError), open(self._log, "rb") as log:
            return log.read()[-_MOST_LOG:].decode("utf-8", "replace").strip()
        return ""

    def end(self, seconds: float) -> None:
        """End it, and with it all its workers, and wait for it.

        Arguments:
            seconds: how long it may take to do so itself, as it does when nobody is there any more; then it is killed.

        """
        with suppress(OSError):
            self.control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Close this process's end without ending it, as a forked child must."""
        with suppress(OSError):
            self.control.close()
        self._process.returncode = 0  # it is no child of this process: nobody waits for it here

"""A job: one run on its way through a pool, and the raw end that it comes to. Whoever waits for it waits here.

The one idea: a job ends exactly once; what comes later is dropped.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ringfence.call import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.sandbox.loop import Timer
    from ringfence.sandbox.slots import Slot
    from ringfence.verdict import Reason


class Limits(NamedTuple):
    """What one run may use.

    Attributes:
        cpu_seconds, wall_seconds: the latter counts from submission.
        memory: bytes.
        file_size: bytes of one file.
        open_files: descriptors.
        output: bytes of each stream, and of the value.
        folder_bytes, folder_entries: of the whole working folder.
        processes: processes and threads.

    """

    cpu_seconds: float
    wall_seconds: float
    memory: int
    file_size: int
    open_files: int
    output: int
    folder_bytes: int
    folder_entries: int
    processes: int


class End(NamedTuple):
    """What became of a run.

    Attributes:
        reason: why there is no value; None on success.
        detail: a sentence about it.
        value: what it gave.
        ran: whether the code was started.
        stdout, stderr: what was kept of them; what was cut is told at their ends.
        code: the exit code, or the negative signal.
        files: what it left in `output/`.
        usage: what it used.
        layers: which layers were on.
        kind, text, line: of the exception that ended it.
        answer: what the worker said, not yet read: that can take long, so `endings.read` does it in the thread that waits.

    """

    reason: Reason | None = None
    detail: str = ""
    value: object = None
    ran: bool = True
    stdout: str = ""
    stderr: str = ""
    code: int | None = None
    files: Mapping[str, bytes] = {}
    usage: Usage = Usage(0.0)
    layers: tuple[str, ...] = ()
    kind: str = ""
    text: str = ""
    line: int = 0
    answer: bytes = b""


class Kept:
    """A worker that is kept between the runs of a session.

    Attributes:
        slot: where it is; None before the first run, and once it has ended.
        ended: why it has ended; empty while it has not.

    """

    __slots__ = ("ended", "slot")

    def __init__(self) -> None:
        self.slot: Slot | None = None
        self.ended = ""


class Job:
    """One run, submitted and not yet ended.

    Arguments:
        id: the execution id.
        user: for fairness: each user's jobs wait in a line of their own.
        request: what the worker is told, as a frame's body without the token.
        limits: what it may use.
        deadline: the moment of `time.monotonic` at which it must have ended.
        kept: the session that it is a run of; None: it is the only run of its worker.

    """

    __slots__ = (
        "_callbacks",
        "_done",
        "deadline",
        "end",
        "has_inputs",
        "id",
        "kept",
        "limits",
        "request",
        "timer",
        "user",
    )

    def __init__(
        self,
        id: str,  # noqa: A002 - what it is called everywhere
        user: str,
        request: bytes,
        limits: Limits,
        deadline: float,
        kept: Kept | None = None,
    ) -> None:
        self.kept = kept
        self.timer: Timer | None = None
        self.has_inputs = True
        self.id = id
        self.user = user
        self.request = request
        self.limits = limits
        self.deadline = deadline
        self.end: End | None = None
        self._done = threading.Lock()
        self._done.acquire()
        self._callbacks: list[Callable[[], object]] = []

    def finish(self, end: End) -> None:
        """End it, once."""
        if self.end is None:
            self.end = end
            self._done.release()
            self._call_back()

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call back once it has ended, in the thread that ends it, or at once."""
        self._callbacks.append(callback)
        if self.end is not None:
            self._call_back()

    def _call_back(self) -> None:
        while self._callbacks:
            with suppress(Exception):  # another thread was quicker, or the caller's event loop has ended
                self._callbacks.pop()()

    def wait(self) -> End:
        """Return its end, once there is one."""
        self._done.acquire()
        self._done.release()
        if self.end is None:
            raise RuntimeError("the job ended without an end")
        return self.end

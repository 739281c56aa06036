"""A slot: the host's end of one worker at a time: its channel, its two streams, its folder. Workers come and go, the slot stays.

It moves bytes and knows how far a worker is; what a job may use and what its end means, others know. The one idea: the descriptors are made
once, so a run costs none, and what a dead worker left in them is thrown away before the next one comes.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from ringfence.sandbox import frames

if TYPE_CHECKING:
    from ringfence.sandbox.jobs import End, Job, Kept
    from ringfence.sandbox.layers.cgroup import Group
    from ringfence.sandbox.loop import Timer
    from ringfence.sandbox.zygotes import Zygote
    from ringfence.verdict import Reason

_PIECE = 1 << 16
_SLACK = 4096
"""How much longer than the value an answer may be, in bytes: what it says besides."""


class State(Enum):
    """How far a slot's worker is."""

    FREE = "free"
    STARTING = "starting"
    WAITING = "waiting"
    RUNNING = "running"
    KEPT = "kept"
    ENDING = "ending"


class Stream:
    """What is kept of stdout or stderr.

    Arguments:
        fd: where it comes from.

    """

    __slots__ = ("_most", "cut", "fd", "kept")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.begin(0)

    def begin(self, most: int) -> None:
        """Start anew, keeping so many bytes."""
        self.kept = bytearray()
        self.cut = 0
        self._most = most

    def drain(self) -> None:
        """Take what is there."""
        while True:
            try:
                piece = os.read(self.fd, _PIECE)
            except OSError:
                return
            room = self._most - len(self.kept)
            self.kept += piece[:room]
            self.cut += max(len(piece) - room, 0)
            if len(piece) < _PIECE:
                return

    def text(self) -> str:
        """Return what was kept, and how much was not."""
        shown = self.kept.decode("utf-8", "replace")
        return f"{shown}\n[{self.cut:,} bytes more]" if self.cut else shown


class Slot:
    """One worker's place.

    Arguments:
        number: its number, of which its folder and user id follow.
        folder: the working folder.

    Raises:
        OSError: no descriptors are left.

    """

    def __init__(self, number: int, folder: str) -> None:
        self.number = number
        self.folder = folder
        self.state = State.FREE
        self.pid = 0
        self.zygote: Zygote | None = None
        self.group: Group | None = None
        self.kept: Kept | None = None
        self.job: Job | None = None
        self.reason: tuple[Reason, str] | None = None
        self.answer: bytes | None = None
        self.ended: End | None = None
        self.started = 0.0
        self.timers: list[Timer] = []
        self._outgoing = memoryview(b"")
        self._incoming = bytearray()
        self._token = b""
        self.channel, self._far = socket.socketpair()
        self.channel.setblocking(False)
        streams = []
        self._far_ends = [self._far.fileno()]
        for _ in range(2):
            near, far = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(near, False)
            streams.append(Stream(near))
            self._far_ends.append(far)
        self.stdout, self.stderr = streams

    @property
    def far_ends(self) -> list[int]:
        """The descriptors that go to the zygote, once; `close_far_ends` when it has them."""
        return self._far_ends

    def close_far_ends(self) -> None:
        """Close this process's copies of what the zygote holds now."""
        self._far.close()
        for fd in self._far_ends[1:]:
            os.close(fd)
        self._far_ends = []

    def start(self, job: Job) -> None:
        """Give a job to the waiting worker."""
        self.job, self.state = job, State.RUNNING
        self.answer = None
        self.started = time.monotonic()
        self.stdout.begin(job.limits.output)
        self.stderr.begin(job.limits.output)
        self._token = secrets.token_bytes(frames.TOKEN)
        size = len(job.request).to_bytes(frames.HEADER, "big")
        self._outgoing = memoryview(b"".join((size, self._token, job.request)))
        self.push()

    def push(self) -> bool:
        """Send what is left of the request; return whether nothing is."""
        while self._outgoing:
            try:
                sent = self.channel.send(self._outgoing)
            except BlockingIOError:
                return False
            except OSError:  # the worker has died: its end will be told
                self._outgoing = memoryview(b"")
                return True
            self._outgoing = self._outgoing[sent:]
        return True

    def pull(self) -> bool:
        """Take what the worker sent; return whether it is more than the rules allow, or not for this job."""
        most = (self.job.limits.output if self.job else 0) + _SLACK + frames.HEADER + frames.TOKEN
        while True:
            try:
                piece = self.channel.recv(_PIECE)
            except OSError:
                break
            self._incoming += piece
            if len(self._incoming) > most:
                return True
            if len(piece) < _PIECE:
                break
        return self._take_answer()

    def _take_answer(self) -> bool:
        if self.job is None or len(self._incoming) < frames.HEADER:
            return False
        size = int.from_bytes(self._incoming[: frames.HEADER], "big")
        whole = frames.HEADER + frames.TOKEN + size
        if size > self.job.limits.output + _SLACK:
            return True
        if len(self._incoming) < whole:
            return False
        token = bytes(self._incoming[frames.HEADER : frames.HEADER + frames.TOKEN])
        if not secrets.compare_digest(token, self._token) or len(self._incoming) > whole:
            return True
        self.answer = bytes(self._incoming[frames.HEADER + frames.TOKEN :])
        self._incoming.clear()
        return False

    def is_ready(self) -> bool:
        """Return whether a starting worker has said that it is."""
        if self._incoming == b"\x01":
            self._incoming.clear()
            return True
        return False

    def drain(self) -> None:
        """Take what is left in both streams."""
        self.stdout.drain()
        self.stderr.drain()

    def let_go(self, why: str) -> None:
        """Tell the session that the worker was kept for, if it was, that it has ended."""
        if self.kept is not None:
            self.kept.slot, self.kept.ended = None, self.kept.ended or why
            self.kept = None

    def stderr_tail(self) -> str:
        """Return what a worker that could not start wrote about it: it had run nothing of anybody's yet."""
        with suppress(OSError):
            return os.read(self.stderr.fd, _PIECE).decode("utf-8", "replace").strip()
        return ""

    def rinse(self) -> None:
        """Throw away what a dead worker left, and be free."""
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        self._outgoing = memoryview(b"")
        with suppress(OSError):
            while self.channel.recv(_PIECE):
                pass
        for stream in (self.stdout, self.stderr):
            stream.begin(0)
            with suppress(OSError):
                while os.read(stream.fd, _PIECE):
                    pass
        self._incoming.clear()
        self.job = self.reason = self.answer = self.ended = None
        self.pid = 0
        self.state = State.FREE

    def close(self) -> None:
        """Close this end."""
        if self._far_ends:
            self.close_far_ends()
        self.channel.close()
        os.close(self.stdout.fd)
        os.close(self.stderr.fd)

"""A slot: the host's end of one worker at a time: its channel, its two streams, its folder. Workers come and go, the slot stays.

It moves bytes and knows how far a worker is; what a job may use and what its end means, others know. The one idea: of a slot only its number and
its emptied folder outlive a worker; the descriptors are new for each, for a worker can change what those are that it shares.
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
    from ringfence.call import Usage
    from ringfence.sandbox.jobs import End, Job, Kept, Limits
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


class Pulled(Enum):
    """What has come out of a channel: nothing against the rules, something against them, or the end."""

    HELD = "held"
    SPOILED = "spoiled"
    ENDED = "ended"


class Stream:
    """What is kept of stdout or stderr.

    Arguments:
        fd: where it comes from.

    """

    __slots__ = ("_most", "cut", "ended", "fd", "kept")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.ended = False
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
            if not piece:
                self.ended = True
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
        self.had_inputs = False
        self.used: Usage | None = None
        self.limits: Limits | None = None
        self.timers: list[Timer] = []
        self._outgoing = memoryview(b"")
        self._incoming = bytearray()
        self._token = b""
        self.far_ends: list[int] = []
        self._listener = -1
        self._near: tuple[socket.socket, Stream, Stream] | None = None

    def open(self) -> None:
        """Make a channel and two streams for the next worker. None outlives it: whoever held their other ends could have changed what they are.

        Raises:
            OSError: no descriptors are left.

        """
        near, far = socket.socketpair()
        near.setblocking(False)
        self.far_ends = [far.detach()]
        streams = []
        try:
            for _ in range(2):
                reading, writing = os.pipe2(os.O_CLOEXEC)
                os.set_blocking(reading, False)
                streams.append(Stream(reading))
                self.far_ends.append(writing)
        except OSError:
            near.close()
            for stream in streams:
                os.close(stream.fd)
            self.close_far_ends()
            raise
        self._near = (near, streams[0], streams[1])

    def close_far_ends(self) -> None:
        """Close this process's copies of what the zygote has now."""
        for fd in self.far_ends:
            os.close(fd)
        self.far_ends = []

    @property
    def is_open(self) -> bool:
        """Whether there are a channel and streams."""
        return self._near is not None

    @property
    def channel(self) -> socket.socket:
        """The channel to the worker."""
        return self._ends[0]

    @property
    def stdout(self) -> Stream:
        """What the worker prints."""
        return self._ends[1]

    @property
    def stderr(self) -> Stream:
        """What it prints about errors."""
        return self._ends[2]

    @property
    def _ends(self) -> tuple[socket.socket, Stream, Stream]:
        if self._near is None:
            raise RuntimeError("the slot has no worker")
        return self._near

    def start(self, job: Job) -> None:
        """Give a job to the waiting worker."""
        self.job, self.state = job, State.RUNNING
        self.answer = None
        self.had_inputs = job.has_inputs
        self.limits = job.limits
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

    def pull(self) -> Pulled:
        """Take what the worker sent."""
        most = (self.job.limits.output if self.job else 0) + _SLACK + frames.HEADER + frames.TOKEN
        while True:
            try:
                piece = self._receive()
            except BlockingIOError:
                break
            except OSError:
                return Pulled.ENDED
            if not piece:
                return Pulled.SPOILED if self._take_answer() else Pulled.ENDED
            self._incoming += piece
            if len(self._incoming) > most:
                return Pulled.SPOILED
        return Pulled.SPOILED if self._take_answer() else Pulled.HELD

    def _receive(self) -> bytes:
        """Return what has come. A descriptor is taken from a worker that starts, and with it the byte that carries it: no code of anybody's runs yet."""
        if self.state is not State.STARTING:
            return self.channel.recv(_PIECE)
        piece, fds, _, _ = socket.recv_fds(self.channel, _PIECE, 1, socket.MSG_CMSG_CLOEXEC)
        if not fds:
            return piece
        self._drop_listener()
        self._listener = fds[0]
        return piece[1:] or self._receive()

    def take_listener(self) -> int:
        """Return the listener of the worker's filter, once; -1 where none has come."""
        listener, self._listener = self._listener, -1
        return listener

    def _drop_listener(self) -> None:
        listener = self.take_listener()
        if listener >= 0:
            os.close(listener)

    def _take_answer(self) -> bool:
        """Take the answer, if it is whole; return whether what came is no answer."""
        if self.job is None or len(self._incoming) < frames.HEADER:
            return False
        size = int.from_bytes(self._incoming[: frames.HEADER], "big")
        whole = frames.HEADER + frames.TOKEN + size
        if not 0 < size <= self.job.limits.output + _SLACK:
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
        """Be free: forget the dead worker, and close what led to it."""
        for timer in self.timers:
            timer.cancel()
        self.timers = []
        self._outgoing = memoryview(b"")
        self._incoming.clear()
        self.job = self.reason = self.answer = self.ended = self.used = None
        self.pid = 0
        self.state = State.FREE
        self.close()

    def close(self) -> None:
        """Close this end."""
        self._drop_listener()
        self.close_far_ends()
        near, self._near = self._near, None
        if near is not None:
            near[0].close()
            os.close(near[1].fd)
            os.close(near[2].fd)

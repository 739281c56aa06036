"""The way out where there is no network namespace: the host is asked about each `connect` of a run, and does the connecting itself.

A run's own sockets never connect: its filter asks, and Landlock refuses besides. Who asks for the proxy's address gets, in place of its socket, one
end of a connection whose other end the proxy serves; whatever else is asked for is refused. The one idea: whether a call is allowed decides only
which answer it gets, so there is nothing between check and use that could be rewritten.
"""

from __future__ import annotations

import errno
import time
from functools import partial
from socket import inet_aton
from typing import TYPE_CHECKING

from ringfence.sandbox.egress.pairs import Pair
from ringfence.sandbox.loop import Loop
from ringfence.sandbox.notifications import Listener
from ringfence.sandbox.syscalls import NUMBER
from ringfence.sandbox.tasks import wanted

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ringfence.sandbox.notifications import Call
    from ringfence.sandbox.tasks import Wanted

_ANSWERS = (2048, 1024.0)
"""How many calls of a run are answered at once, and in each second after; others wait. So many cost this process some percent of a core."""
_CONNECTIONS = (1024, 32.0)
"""The same for connections, for another reason: each takes a port of this machine's, which stays taken for a minute after its end."""
_MEETING_SECONDS = 1.0
_LITTLE = 0.001


class Allowance:
    """So many at once, and then so many in each second.

    Arguments:
        at_once, each_second: how many.

    """

    __slots__ = ("_ahead", "_due", "_pause")

    def __init__(self, at_once: int, each_second: float) -> None:
        self._pause = 1 / each_second
        self._ahead = at_once * self._pause
        self._due = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until one more is allowed, at a moment of `time.monotonic`."""
        return max(self._due + self._pause - self._ahead - now, 0.0)

    def take(self, now: float) -> None:
        """Take one."""
        self._due = max(self._due, now) + self._pause


class _Run:
    """One worker, with all processes that it starts: they share the filter, and so the listener."""

    __slots__ = ("answers", "connections", "left", "listener", "pair", "watched")

    def __init__(self, fd: int) -> None:
        self.listener = Listener(fd)
        self.answers = Allowance(*_ANSWERS)
        self.connections = Allowance(*_CONNECTIONS)
        self.pair: Pair | None = None
        self.left = self.watched = False


class Connector:
    """Answers the connects of one pool's runs, in a thread of its own: handing over a descriptor takes until the run's thread is scheduled.

    Arguments:
        host: the proxy's address, as runs know it: an IPv4 address.
        port: its port.
        adopt: takes the far end of each connection.

    """

    def __init__(self, host: str, port: int, adopt: Callable[[socket.socket], object]) -> None:
        self._proxy = (int.from_bytes(inet_aton(host), "big"), port)
        self._adopt = adopt
        self._runs: dict[int, _Run] = {}
        self._loop = Loop("ringfence-connecting")

    def answer(self, number: int, fd: int) -> None:
        """Answer the calls that a listener tells of, until `leave`. It does not wait.

        Arguments:
            number: of the worker's slot.
            fd: the listener, this object's own from now on.

        """
        run = self._runs[number] = _Run(fd)
        self._loop.soon(partial(self._watch, run))

    def leave(self, number: int) -> None:
        """Answer nothing more of a worker, if it is still there. It does not wait."""
        run = self._runs.pop(number, None)
        if run is not None:
            self._loop.soon(partial(self._end, run))

    def close(self) -> None:
        """Answer nothing more at all, and wait for the thread."""
        for number in tuple(self._runs):
            self.leave(number)
        self._loop.close()

    def forget(self) -> None:
        """Close this process's copies, as a forked child must, where there is no thread."""
        self._loop.forget()
        for run in self._runs.values():
            if not run.left:
                run.listener.close()

    # In the thread

    def _watch(self, run: _Run) -> None:
        if not run.left and not run.watched:
            run.watched = True
            self._loop.watch(run.listener.fd, partial(self._hear, run))

    def _pause(self, run: _Run) -> None:
        run.watched = False
        self._loop.unwatch(run.listener.fd)

    def _end(self, run: _Run) -> None:
        if not run.left:
            self._pause(run)
            run.left = True
            run.listener.close()
            if run.pair is not None:
                run.pair.close()
                run.pair = None

    def _hear(self, run: _Run) -> None:
        """Answer one call; the loop comes back where there are more, and to other runs in between."""
        now = time.monotonic()
        pause = run.answers.wait(now)
        if pause:
            self._pause(run)
            self._loop.at(now + pause, partial(self._watch, run))
            return
        call = run.listener.receive()
        if call is not None:
            run.answers.take(now)
            self._judge(run, call)
        elif run.listener.ended:
            self._end(run)

    def _judge(self, run: _Run, call: Call) -> None:
        try:
            asked = wanted(call.task, call.arguments)
        except OSError as error:
            run.listener.answer(call, error.errno or errno.EPERM)
            return
        if not run.listener.is_waiting(call):  # what was read may be of another thread that got its number
            return
        if call.number != NUMBER["connect"] or asked.internet != self._proxy:
            run.listener.answer(call, errno.EACCES)
            return
        self._pause(run)
        now = time.monotonic()
        pause = run.connections.wait(now)
        if pause:
            self._loop.at(now + pause, partial(self._connect, run, call, asked))
        else:
            self._connect(run, call, asked)

    def _connect(self, run: _Run, call: Call, asked: Wanted) -> None:
        """Make a connection for a call, while the others of its run wait."""
        if run.left:
            return
        now = time.monotonic()
        run.connections.take(now)
        try:
            run.pair = Pair()
        except OSError:
            run.listener.answer(call, errno.ECONNREFUSED)
            self._watch(run)
        else:
            self._meet(run, call, asked, now + _MEETING_SECONDS)

    def _meet(self, run: _Run, call: Call, asked: Wanted, until: float) -> None:
        """Hand over one end once both have met, which they nearly always have at once."""
        pair = run.pair
        if pair is None:  # the run was left meanwhile
            return
        try:
            far = pair.accept()
        except OSError:
            far, until = None, 0.0
        now = time.monotonic()
        if far is None and now < until:
            self._loop.at(now + _LITTLE, partial(self._meet, run, call, asked, until))
            return
        run.pair = None
        if far is None:
            run.listener.answer(call, errno.ECONNREFUSED)
        elif self._hand_over(run, call, asked, pair.near):
            self._adopt(far)
        else:
            far.close()
        pair.close()
        self._watch(run)

    def _hand_over(self, run: _Run, call: Call, asked: Wanted, near: socket.socket) -> bool:
        """Put a connected socket in the place of a run's own, as patient as that was; return whether it could be."""
        near.setblocking(asked.blocks)
        try:
            run.listener.put(call, near.fileno(), at=asked.fd, close_on_exec=asked.close_on_exec)
        except OSError as error:
            run.listener.answer(call, error.errno or errno.EBADF)
            return False
        run.listener.answer(call)
        return True

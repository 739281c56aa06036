"""A thread that watches descriptors that can be read, and moments that have come: one for every sandbox of this process.

It knows nothing of pools or runs. The one idea: callbacks run in this thread and are short; whoever calls from another thread hands over a
callback, and is never made to wait.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ERRORS_KEPT = 16
_TIMERS_KEPT = 1000


class Timer:
    """A moment at which something is to be done. `cancel` it when it is not wanted any more."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Have nothing happen."""
        self.callback = None


class Loop:
    """Runs callbacks in a thread of its own, from the beginning until it is closed.

    Arguments:
        name: of the thread.

    """

    def __init__(self, name: str = "ringfence-sandbox") -> None:
        self._poll = select.epoll()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_read, select.EPOLLIN)
        self._readers: dict[int, Callable[[], object]] = {}
        self._writers: dict[int, Callable[[], object]] = {}
        self._soon: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._most_timers = _TIMERS_KEPT
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._sleeps_until = 0.0
        self._closed = False
        self.errors: deque[BaseException] = deque(maxlen=_ERRORS_KEPT)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def inside(self) -> bool:
        """Whether the caller is the loop's own thread."""
        return threading.current_thread() is self._thread

    def watch(self, fd: int, callback: Callable[[], object]) -> None:
        """Call back whenever a descriptor can be read, until `unwatch`."""
        self._readers[fd] = callback
        self._poll.register(fd, select.EPOLLIN)

    def watch_writing(self, fd: int, callback: Callable[[], object]) -> None:
        """Call back whenever a watched descriptor can be written to, until `unwatch_writing`."""
        self._writers[fd] = callback
        self._poll.modify(fd, select.EPOLLIN | select.EPOLLOUT)

    def unwatch_writing(self, fd: int) -> None:
        """Watch a descriptor for reading only again."""
        if self._writers.pop(fd, None) is not None and fd in self._readers:
            self._poll.modify(fd, select.EPOLLIN)

    def unwatch(self, fd: int) -> None:
        """Stop watching a descriptor."""
        self._writers.pop(fd, None)
        if self._readers.pop(fd, None) is not None:
            with suppress(OSError):
                self._poll.unregister(fd)

    def drop(self, fd: int) -> None:
        """Stop watching a descriptor that is closed right after, which takes it out of the kernel's list as well."""
        self._writers.pop(fd, None)
        self._readers.pop(fd, None)

    def soon(self, callback: Callable[[], object]) -> None:
        """Call back in the loop's thread."""
        self._soon.append(callback)
        self._wake()

    def at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call back at a moment of `time.monotonic`."""
        timer = Timer(callback)
        with self._lock:
            if len(self._timers) >= self._most_timers:
                self._forget_cancelled()
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
            early = when < self._sleeps_until
        if early:
            self._wake()
        return timer

    def _forget_cancelled(self) -> None:
        """Take cancelled timers out: most are, long before their moment comes."""
        self._timers = [each for each in self._timers if each[2].callback is not None]
        heapq.heapify(self._timers)
        self._most_timers = max(_TIMERS_KEPT, 2 * len(self._timers))

    def close(self) -> None:
        """End the thread, after what was handed over so far, and wait for it."""
        self._closed = True
        self._wake()
        if not self.inside:
            self._thread.join()
        self.forget()

    def forget(self) -> None:
        """Close the descriptors only, as a forked child must, where there is no thread."""
        self._closed = True
        for close in (
            self._poll.close,
            lambda: os.close(self._wake_read),
            lambda: os.close(self._wake_write),
        ):
            with suppress(OSError):
                close()

    def _wake(self) -> None:
        if not self.inside:
            with suppress(OSError):  # full: it wakes anyhow
                os.write(self._wake_write, b"\0")

    def _run(self) -> None:
        while not self._closed or self._soon:
            for fd, event in self._wait():
                if fd == self._wake_read:
                    with suppress(OSError):
                        os.read(fd, 4096)
                    continue
                if event & ~select.EPOLLOUT:
                    self._call(self._readers.get(fd))
                if event & select.EPOLLOUT:
                    self._call(self._writers.get(fd))
            self._call_due()

    def _wait(self) -> list[tuple[int, int]]:
        with self._lock:
            while self._timers and self._timers[0][2].callback is None:
                heapq.heappop(self._timers)
            until = self._timers[0][0] if self._timers else float("inf")
            self._sleeps_until = until
        if self._soon or self._closed:
            timeout = 0.0
        else:
            timeout = -1.0 if until == float("inf") else max(until - time.monotonic(), 0.0)
        try:
            return self._poll.poll(timeout)
        finally:
            self._sleeps_until = 0.0

    def _call_due(self) -> None:
        for _ in range(len(self._soon)):
            self._call(self._soon.popleft())
        now = time.monotonic()
        while True:
            with self._lock:
                if not self._timers or self._timers[0][0] > now:
                    return
                timer = heapq.heappop(self._timers)[2]
            self._call(timer.callback)

    def _call(self, callback: Callable[[], object] | None) -> None:
        """Call back; an error is a fault of ours, is kept for `errors`, and ends nobody else's run."""
        if callback is not None:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - the thread serves every pool, so it outlives a fault in one
                self.errors.append(error)

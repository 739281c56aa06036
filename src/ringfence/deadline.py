"""A bound on how long somebody else's code may keep the gate waiting.

A Python thread cannot be stopped from outside, so the code runs in a thread of its own and is left behind when it is late:
daemon threads, so that they do not keep the process alive, and at most `MOST_THREADS`, so that a plugin which
hangs at every call denies instead of filling the machine. The handover costs some 30 µs, which is why the gate's own checks,
which neither block nor call out, do without.
"""

from __future__ import annotations

import os
import threading
import time
from contextvars import copy_context
from typing import TYPE_CHECKING
from weakref import WeakSet

from ringfence.errors import PluginTimeout

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from queue import SimpleQueue

MOST_THREADS = 64


class _Job:
    """One call on its way through a thread."""

    __slots__ = ("answer", "args", "context", "done", "error", "function")

    def __init__(self, function: Callable[..., object], args: tuple[object, ...], context: Context) -> None:
        self.function = function
        self.args = args
        self.context = context
        self.done = threading.Event()
        self.answer: object = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self.context.run(self.function, *self.args)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            self.error = error
        self.done.set()


class Bounded:
    """Threads that call functions for threads that wait for a limited time.

    Arguments:
        most: how many threads there may be.

    """

    def __init__(self, most: int = MOST_THREADS) -> None:
        self._most = most
        self._forget()
        _bounded.add(self)

    def _forget(self) -> None:
        """Begin with no threads, as a forked child must: its parent's do not exist there."""
        self._idle: list[SimpleQueue[_Job]] = []
        self._started = 0
        self._freed = threading.Condition()

    def call(
        self, plugin: str, function: Callable[..., object], args: tuple[object, ...], seconds: float
    ) -> object:
        """Return the function's answer, and raise what it raises, `SystemExit` included.

        Arguments:
            plugin: the name for the error.
            function: what to call, in the caller's context.
            args: its positional arguments.
            seconds: how long to wait, for a free thread and for the answer.

        Raises:
            PluginTimeout: it did not answer in time, or no thread came free.

        """
        end = time.monotonic() + seconds
        job = _Job(function, args, copy_context())
        self._worker(plugin, seconds).put(job)
        if not job.done.wait(max(0.0, end - time.monotonic())):
            raise PluginTimeout(
                plugin,
                f"did not answer within {seconds:g} s",
                "Make it quicker, or raise the limit in the policy.",
            )
        if job.error is not None:
            raise job.error
        return job.answer

    def _worker(self, plugin: str, seconds: float) -> SimpleQueue[_Job]:
        with self._freed:
            if not self._freed.wait_for(lambda: self._idle or self._started < self._most, seconds):
                raise PluginTimeout(
                    plugin,
                    f"was not asked within {seconds:g} s: {self._most} calls of plugins are running",
                    "Find the plugin that hangs or is slow.",
                )
            if self._idle:
                return self._idle.pop()
            self._started += 1
        from queue import SimpleQueue  # noqa: PLC0415 - only a process with plugins of others needs it

        jobs: SimpleQueue[_Job] = SimpleQueue()
        threading.Thread(target=self._work, args=(jobs,), name="ringfence-plugin", daemon=True).start()
        return jobs

    def _work(self, jobs: SimpleQueue[_Job]) -> None:
        while True:
            job = jobs.get()
            job.run()
            del job  # the thread must not keep a call's values alive while it waits for the next
            with self._freed:
                self._idle.append(jobs)
                self._freed.notify()


_bounded: WeakSet[Bounded] = WeakSet()


def _after_fork_in_child() -> None:
    for bounded in _bounded:
        bounded._forget()  # noqa: SLF001 - its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

"""What the host watches while a run goes: the clock, CPU time, memory that no limit of the kernel counts, and the working folder.

It reports to whoever ends runs, and ends none itself. The one idea: each look asks for the next one, later where nothing was found, so that a
short run is never looked at and a long one costs little.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from ringfence.sandbox import endings, folders
from ringfence.sandbox.slots import State
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.sandbox.jobs import Job
    from ringfence.sandbox.loop import Loop
    from ringfence.sandbox.slots import Slot

    End = Callable[[Slot, Job | None, Reason, str, int], object]

INTERPRETER = 12 << 20
"""What an interpreter holds before a run begins, and its keeper, in bytes."""
_FIRST_LOOK, _LAST_LOOK, _LONGER = 0.1, 1.0, 1.5
_SHORTEST = 0.01


class Watcher:
    """Watches the runs of one pool.

    Arguments:
        loop: for the time.
        aside: does what may take long, in a thread of its own.
        end: ends a run: its slot, its job, the reason, a sentence, the signal that it gets first.
        counts_memory: whether nobody else watches the memory that the kernel's limits do not count.

    """

    def __init__(
        self, loop: Loop, aside: Callable[[Callable[[], object]], object], end: End, *, counts_memory: bool
    ) -> None:
        self._loop = loop
        self._aside = aside
        self._end = end
        self._counts_memory = counts_memory

    def begin(self, slot: Slot, job: Job) -> None:
        """Watch a run from now on."""
        self._at(
            slot,
            job.deadline,
            lambda: self._end(slot, job, Reason.TIMEOUT, endings.timed_out(job), signal.SIGTERM),
        )
        cpu = slot.started + job.limits.cpu_seconds
        if cpu < job.deadline:
            self._at(slot, cpu, lambda: self._look_at_cpu(slot, job))
        self._at(slot, slot.started + _FIRST_LOOK, lambda: self._look(slot, job, _FIRST_LOOK))

    def keep(self, slot: Slot, job: Job) -> None:
        """Watch what the process of a session does between two runs: it may have left something that goes on."""
        self._aside(lambda: self._measure(slot, job, _FIRST_LOOK, kept=True))

    def _at(self, slot: Slot, when: float, callback: Callable[[], object]) -> None:
        slot.timers.append(self._loop.at(when, callback))

    def _runs(self, slot: Slot, job: Job) -> bool:
        return slot.job is job and slot.state is State.RUNNING

    def _look_at_cpu(self, slot: Slot, job: Job) -> None:
        """End a run that has used its CPU time, or look again when it could have."""
        if not self._runs(slot, job):
            return
        left = job.limits.cpu_seconds - endings.cpu_seconds(slot.pid)
        if left <= 0:
            used = f"it used more than {job.limits.cpu_seconds:g} s of CPU time"
            self._end(slot, job, Reason.CPU, used, signal.SIGTERM)
        else:
            self._at(slot, time.monotonic() + max(left, _SHORTEST), lambda: self._look_at_cpu(slot, job))

    def _look(self, slot: Slot, job: Job, pause: float, *, kept: bool = False) -> None:
        if self._is_due(slot, job, kept=kept):
            self._aside(lambda: self._measure(slot, job, pause, kept=kept))

    def _is_due(self, slot: Slot, job: Job, *, kept: bool) -> bool:
        return (slot.state is State.KEPT and slot.limits is job.limits) if kept else self._runs(slot, job)

    def _measure(self, slot: Slot, job: Job, pause: float, *, kept: bool = False) -> None:
        if not self._is_due(slot, job, kept=kept):
            return
        found = self._memory(slot, job) or _disk(slot, job)
        if found is not None:
            self._end(slot, None if kept else job, *found, signal.SIGKILL)
        else:
            pause = min(pause * _LONGER, _LAST_LOOK)
            self._at(slot, time.monotonic() + pause, lambda: self._look(slot, job, pause, kept=kept))

    def _memory(self, slot: Slot, job: Job) -> tuple[Reason, str] | None:
        if not self._counts_memory or endings.memory_bytes(slot.pid) <= job.limits.memory + INTERPRETER:
            return None
        return Reason.MEMORY, f"it used more than {job.limits.memory >> 20:,} MB"


def _disk(slot: Slot, job: Job) -> tuple[Reason, str] | None:
    limits = job.limits
    size = folders.measure(slot.folder, limits.folder_entries)
    if size.entries > limits.folder_entries:
        return Reason.FILES, f"its folder holds more than {limits.folder_entries:,} files"
    if size.bytes + endings.unnamed_bytes(slot.pid) > limits.folder_bytes:
        return Reason.FILES, f"its folder holds more than {limits.folder_bytes >> 20:,} MB"
    return None

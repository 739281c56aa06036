"""How large a pool may be, and the line in which jobs wait for a worker: fair between users."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.sandbox.jobs import Job


class Size:
    """How large a pool may be.

    Arguments:
        waiting: workers that are kept ready.
        running: runs at once.
        queue: jobs that may wait for a worker.

    """

    __slots__ = ("queue", "running", "waiting")

    def __init__(self, waiting: int, running: int, queue: int) -> None:
        self.waiting = waiting
        self.running = running
        self.queue = queue


class Line:
    """Jobs that wait, first come first served for each user, and the users in turn."""

    def __init__(self) -> None:
        self._by_user: OrderedDict[str, deque[Job]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, job: Job) -> None:
        """Let a job wait."""
        self._by_user.setdefault(job.user, deque()).append(job)
        self._length += 1

    def pop(self) -> Job | None:
        """Return the next job: the first of the user whose turn it is."""
        if not self._by_user:
            return None
        user, jobs = self._by_user.popitem(last=False)
        job = jobs.popleft()
        if jobs:
            self._by_user[user] = jobs
        self._length -= 1
        return job

    def remove(self, job: Job) -> bool:
        """Take a job out; return whether it was in."""
        jobs = self._by_user.get(job.user, ())
        if job not in jobs:
            return False
        self._by_user[job.user].remove(job)
        if not self._by_user[job.user]:
            del self._by_user[job.user]
        self._length -= 1
        return True

"""How many calls a user has running, and may have.

Taking a slot is a step of admission and no check: between a check's answer and the run another call could take the last one.
"""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class Slots:
    """Running calls by user, exact across the threads of one process."""

    def __init__(self) -> None:
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        """Begin with nothing running, as a forked child must: what its parent runs does not run there."""
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def take(self, user: str, limit: int) -> bool:
        """Take one slot for the user unless `limit` are taken; return whether it was taken."""
        with self._lock:
            running = self._running.get(user, 0)
            if running >= limit:
                return False
            self._running[user] = running + 1
            return True

    def give_back(self, user: str) -> None:
        """Give one of the user's slots back."""
        with self._lock:
            left = self._running.get(user, 0) - 1
            if left > 0:
                self._running[user] = left
            else:
                self._running.pop(user, None)

    def running(self, user: str) -> int:
        """Return how many of the user's calls are running."""
        return self._running.get(user, 0)


_all: WeakSet[Slots] = WeakSet()


def _after_fork_in_child() -> None:
    for slots in _all:
        slots._forget()  # noqa: SLF001 - its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

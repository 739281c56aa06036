"""How many calls a user has running, and may have.

Taking a slot is a step of admission and no check: between a check's answer and the run another call could take the last one.
"""

from __future__ import annotations

import threading


class Slots:
    """Running calls by user, exact across the threads of one process."""

    def __init__(self) -> None:
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
            left = self._running[user] - 1
            if left:
                self._running[user] = left
            else:
                del self._running[user]

    def running(self, user: str) -> int:
        """Return how many of the user's calls are running."""
        return self._running.get(user, 0)

"""How often each user's tools were admitted lately, over all sessions of this process: what `at_most` with `per: user` asks.

Counts that several processes share are not here. The one idea: what is forgotten is only what no rule asks about any more, so that forgetting never lets
a call pass.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from ringfence.errors import RingfenceError
from ringfence.policy.match import fits

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT = 2000
"""Times of each tool, twice what `at_most` can ask for."""
MOST_USERS = 100_000


class Tallies:
    """The times at which users' calls were admitted.

    Attributes:
        lock: held while calls are counted and one is entered, so that both are one step.

    """

    __slots__ = ("_users", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._users: dict[str, dict[str, deque[float]]] = {}

    def enter(self, user: str, tool: str, at: float, longest: float) -> None:
        """Note that a call was admitted.

        Arguments:
            user: whose.
            tool: of which tool.
            at: when, in seconds since the epoch.
            longest: the longest period that a rule asks about, in seconds.

        Raises:
            RingfenceError: more users have called lately than can be kept.

        """
        with self.lock:
            if user not in self._users and len(self._users) >= MOST_USERS:
                self._forget(at - longest)
            self._users.setdefault(user, {}).setdefault(tool, deque(maxlen=_KEPT)).append(at)

    def count(self, user: str, patterns: Iterable[str], since: float) -> int:
        """Return how many of a user's calls of tools of these names or patterns were admitted after a moment, in seconds since the epoch."""
        with self.lock:
            tools = self._users.get(user, {})
            return sum(
                sum(map(float(since).__lt__, times))
                for tool, times in tools.items()
                if any(fits(tool, pattern) for pattern in patterns)
            )

    def _forget(self, before: float) -> None:
        """Drop the users who have not called since a moment."""
        self._users = {
            user: tools
            for user, tools in self._users.items()
            if any(times[-1] > before for times in tools.values())
        }
        if len(self._users) >= MOST_USERS:
            raise RingfenceError(
                f"the calls of {MOST_USERS:,} users are counted, and no more can be",
                "Shorten the `seconds` of `at_most`, or let several processes serve.",
            )

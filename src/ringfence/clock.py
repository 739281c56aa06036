"""The time, from a clock that tests can turn and that tells when somebody turned it.

Two clocks are read: the wall clock, which people set, and one that only runs forward and counts a suspended machine's
sleep too, so that waking up is no jump.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ringfence.errors import ClockJumped

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE_SECONDS = 60.0
"""How far the clocks may part between two calls: time services correct by far less, in small steps."""

_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", None)


def steady() -> float:
    """Return seconds that only grow, also while the machine sleeps where the system can tell."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class Clock:
    """The time of one guard.

    Arguments:
        wall: seconds since the epoch.
        steady: seconds that only grow, from any start.

    """

    __slots__ = ("_apart", "_steady", "_wall")

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady) -> None:
        self._wall = wall
        self._steady = steady
        self._apart = wall() - steady()

    def now(self) -> float:
        """Return seconds since the epoch.

        Raises:
            ClockJumped: the wall clock moved by more than a minute against the steady one since the last call.
                The next call takes the new time as it is.

        """
        wall = self._wall()
        apart = wall - self._steady()
        moved = apart - self._apart
        self._apart = apart
        if (
            not -TOLERANCE_SECONDS <= moved <= TOLERANCE_SECONDS
        ):  # so written, a clock that gives no number jumps too
            raise ClockJumped(moved)
        return wall

    def read(self) -> float:
        """Return seconds since the epoch, jump or not: for records about the gate itself."""
        return self._wall()

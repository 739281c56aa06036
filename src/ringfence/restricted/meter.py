"""The meter of one evaluation: steps, time and memory, and the exception that ends it, which nothing in the snippet can catch.

The one idea: a loop is metered by the C code that runs it. `steps` is an iterator that gives True as often as the budget allows, and the
compiled snippet writes every loop as `for x in compress(xs, steps)`: five nanoseconds a pass. It hands out steps in chunks; between
two chunks Python code, the gate, looks at the clock and at the memory, and raises where the budget has ended. It raises again at every
further step, so whatever swallowed the first exception gets no further.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import chain, islice, repeat
from time import perf_counter
from typing import TYPE_CHECKING

from ringfence.restricted.memory import resident_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from ringfence.restricted.budget import Budget

MB = 1 << 20
SMALL = 4096
"""Values up to this size, in bytes or items, are not counted one by one: steps bound how many there can be."""
_MOST_AT_ONCE = 1000
_FIRST_AT_ONCE = 64
_LEAST_AT_ONCE = 4
_LARGE_WORK = 4_000_000
"""A chunk of steps touches about so many bytes of the largest value, about 2 ms of work, before the clock is looked at."""


class Stopped(GeneratorExit):
    """The end of an evaluation. Not an `Exception`, and every handler of a compiled snippet hands it on first.

    It is a `GeneratorExit`, because that is what Python lets pass in silence where a generator that was dropped half way still runs code.

    Arguments:
        limit: steps, time, memory, recursion, result, or `offer` for an operation that cannot be bounded and so is not offered.
        message: a sentence for a person.

    """

    def __init__(self, limit: str, message: str) -> None:
        self.limit = limit
        self.message = message
        super().__init__(message)


class Closed(GeneratorExit):
    """Raised where a snippet's code would go on after its evaluation: in a generator that is thrown away half way."""


class Meter:
    """Counts what one evaluation uses.

    Arguments:
        budget: the limits.

    Attributes:
        steps: the iterator that compiled loops consume, one item a pass.
        tick: takes one step; returns True.
        closed: whether the evaluation is over.

    """

    __slots__ = (
        "_ahead",
        "_base",
        "_chunk",
        "_deadline",
        "_frame",
        "_fresh",
        "_grown",
        "_largest",
        "_looking",
        "_most_bytes",
        "_pace",
        "_parts",
        "_produced",
        "_slack",
        "_source",
        "_spent",
        "_start",
        "_unlooked",
        "budget",
        "closed",
        "limit",
        "over",
        "steps",
        "tick",
    )  # fmt: skip

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.closed = False
        self.over: tuple[str, str] | None = None
        self.limit = budget.steps
        self._start = perf_counter()
        self._deadline = self._start + budget.wall_seconds
        self._most_bytes = int(budget.memory_mb * MB)
        self._slack = self._most_bytes >> 3
        self._ahead = 0
        self._spent = 0
        self._unlooked = 0
        self._fresh = 0
        self._produced = 0
        self._largest = 0
        self._pace = _FIRST_AT_ONCE
        self._base: int | None = None
        self._grown = 0
        self._frame: FrameType | None = None
        self._chunk: repeat[bool] = repeat(True, 0)
        self._looking = False
        self._parts: list[Iterator[bool]] = []
        self._source = iter(self._parts)
        self._hand_out()
        self.steps: Iterator[bool] = chain.from_iterable(self._source)
        self.tick = self.steps.__next__

    @property
    def used(self) -> int:
        """The steps taken so far."""
        return self._ahead - self._chunk.__length_hint__() + self._spent

    @property
    def seconds(self) -> float:
        """The seconds since the start."""
        return perf_counter() - self._start

    @property
    def seconds_left(self) -> float:
        """The seconds that are left, at least a millisecond."""
        return max(self._deadline - perf_counter(), 0.001)

    @property
    def steps_left(self) -> int:
        """The steps that are left."""
        return self.limit - self.used

    # What the compiled snippet calls

    def alive(self) -> None:
        """Raise where the evaluation has ended: the first statement of every handler and every `finally`."""
        if self.closed:
            raise Closed
        if self.over is not None:
            raise Stopped(*self.over)

    # What guards call

    def charge(self, steps: int) -> None:
        """Take steps for work inside of a built-in operation, before it is done."""
        self._spent += steps
        self._unlooked += steps
        if self._unlooked > self._pace or self._ahead + self._spent > self.limit:
            self._unlooked = 0
            self.look()

    def pay(self, steps: int) -> None:
        """Take steps for a large piece of source that is about to run, and count what its small values may take."""
        self.grow(steps << 11)
        self.charge(steps)

    def grow(self, size: int) -> None:
        """Count bytes that an operation is about to make, and the steps to write them.

        Arguments:
            size: bytes; an upper bound.

        """
        if size > self._largest:
            self._largest = size
            self._pace = max(_LEAST_AT_ONCE, min(self._pace, _LARGE_WORK // size))
            self._shorten()
        self._produced += size
        self._fresh += size
        if self._fresh > self._slack:
            self._measure(size)
        self.charge(size >> 10)

    def _shorten(self) -> None:
        """Take back steps of the chunk that is out: they were handed out when each one was quicker."""
        excess = self._chunk.__length_hint__() - self._pace
        if excess > 0:
            deque(islice(self._chunk, excess), maxlen=0)
            self._ahead -= excess

    def stop(self, limit: str, message: str) -> Stopped:
        """End the evaluation, and return the exception to raise."""
        if self.over is None:
            self.over = (limit, message)
        deque(self._chunk, maxlen=0)  # so that the next step asks too
        return Stopped(*self.over)

    def close(self) -> None:
        """End the evaluation for good: code of the snippet that is still held somewhere does nothing."""
        self.closed = True
        deque(self._chunk, maxlen=0)

    # Between two chunks

    def look(self) -> None:
        """Look at everything that can end the evaluation."""
        self.alive()
        if self.used > self.limit:
            raise self.stop("steps", f"the snippet takes more than {self.limit:,} steps")
        if perf_counter() > self._deadline:
            raise self.stop("time", f"the snippet takes longer than {self.budget.wall_seconds:g} s")
        self._measure(0)

    def _hand_out(self) -> None:
        """Put down the next steps, fewer where large values make each one slow, and behind them the gate to those that follow.

        `chain` takes both from an iterator over a list, which is set back to its start: whatever else gave it its parts could fail, in deep
        recursion for one, and `chain` would take that for the end of all steps. A gate that fails stays where it is, and is asked again.
        """
        size = max(0, min(self._pace, self.limit - self._ahead - self._spent))
        chunk, gate = repeat(True, size), iter(self._gate, None)
        self._parts[:] = (chunk, gate)
        self._source.__setstate__(0)  # type: ignore[attr-defined]  # typeshed leaves it out
        self._ahead += size
        self._chunk = chunk

    def _gate(self) -> bool | None:
        """Look at everything, hand out further steps, and return None: this gate is passed."""
        if self._looking:  # a generator that the garbage collector found in here
            raise Closed
        self._looking = True
        try:
            self.alive()
            if self._ahead + self._spent >= self.limit:
                raise self.stop("steps", f"the snippet takes more than {self.limit:,} steps")
            pace = self._pace
            self.look()
            self._measure_depth()
            if self._pace == pace:
                most = min(_MOST_AT_ONCE, _LARGE_WORK // max(1, self._largest))
                self._pace = max(_LEAST_AT_ONCE, min(pace << 1, most))
            self._hand_out()
        finally:
            self._looking = False
        return None

    def _measure(self, coming: int) -> None:
        """Look at what the process has grown by, and hand out fewer steps at once where it grows fast."""
        self._fresh = 0
        now = resident_bytes()
        if self._base is None:
            self._base = now
        before, self._grown = self._grown, now - self._base
        if self._grown - before > self._slack >> 1:
            self._pace = max(_LEAST_AT_ONCE, self._pace >> 2)
        if self._grown + coming > self._most_bytes:
            raise self.stop("memory", f"the snippet takes more than {self.budget.memory_mb:,} MB")

    def _measure_depth(self) -> None:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the way to count calls within calls
        depth = 0
        while frame is not None and frame is not self._frame:
            depth += 1
            frame = frame.f_back
            if depth > self.budget.recursion_depth + 10:
                raise self.stop(
                    "recursion", f"the snippet calls deeper than {self.budget.recursion_depth:,} calls"
                )

    def begin(self, frame: FrameType | None) -> None:
        """Count calls within calls from this frame on, and take the memory of this moment as the start."""
        self._frame = frame
        self._base = resident_bytes()

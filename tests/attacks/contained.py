"""How the attack suite runs hostile snippets: through the public API, with small budgets, and a look at what they cost."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any, NamedTuple

from ringfence.errors import SnippetError
from ringfence.restricted import Budget, Evaluation, evaluate
from ringfence.restricted.memory import resident_bytes

MB = 1 << 20
WALL = 1.0
BUDGET = Budget(steps=50_000_000, wall_seconds=WALL, memory_mb=24)
"""For resource cases: time and memory come before the steps. A list that grows item by item counts twice while the system moves it."""
SLACK = 0.8
"""Beside the 1.2 times of the budget: what a busy machine may take from a process, in seconds."""


class Ended(NamedTuple):
    """How a snippet ended, and what that took."""

    error: SnippetError | None
    evaluation: Evaluation | None
    seconds: float
    grown: int

    @property
    def limit(self) -> str:
        """Which limit ended it; empty where none did."""
        return getattr(self.error, "limit", "")

    @property
    def value(self) -> Any:
        """The value it gave."""
        assert self.evaluation is not None, self.error
        return self.evaluation.value


class _Peak(threading.Thread):
    """Looks at the memory of the process all the time."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = resident_bytes()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, resident_bytes())

    def stop(self) -> int:
        self._over.set()
        self.join()
        return max(self.peak, resident_bytes())


def attack(source: str, budget: Budget = BUDGET, **kwargs: Any) -> Ended:
    """Run a hostile snippet; it must end as an error of the tier or as a value, within 1.2 times its time and 64 MB."""
    gc.collect()
    threads = threading.active_count()
    start_bytes, start, cpu = resident_bytes(), time.perf_counter(), time.thread_time()
    watcher = _Peak()
    watcher.start()
    error, evaluation = None, None
    try:
        evaluation = evaluate(source, kwargs.pop("inputs", {}), budget, **kwargs)
    except SnippetError as caught:
        error = caught
    finally:
        grown = watcher.stop() - start_bytes
    seconds, spent = time.perf_counter() - start, time.thread_time() - cpu
    assert min(seconds, spent + SLACK) <= 1.2 * budget.wall_seconds + SLACK, (seconds, spent)
    assert grown <= 96 * MB, f"grew by {grown / MB:.0f} MB"
    assert threading.active_count() == threads
    return Ended(error, evaluation, seconds, grown)

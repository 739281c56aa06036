"""How the sandbox tier is timed: single runs in turn, many in flight, memory of many at once, and the processor time of whole trees.

Times are milliseconds. The one idea: contenders take turns, round by round, and each run's result is checked by who runs it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from math import ceil
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import psutil

from bench.sandbox_contenders import CODE, Wrong, check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.sandbox_contenders import Contender
    from ringfence.sandbox import Sandbox

_SETTLE = 0.05
"""Seconds of rest between two contenders: what the last one left to be done is not charged to the next."""


def say(what: str) -> None:
    """Tell a terminal what is being measured."""
    if sys.stderr.isatty():
        print(what, file=sys.stderr)


def quantile(sorted_times: Sequence[float], share: float) -> float:
    """Return the time that so large a share of the runs did not exceed."""
    return sorted_times[max(ceil(share * len(sorted_times)) - 1, 0)]


class Latency(NamedTuple):
    """What one run takes, in milliseconds: quantiles of all runs, least and most of the rounds' medians, CPU time with all processes."""

    p50: float
    p95: float
    p99: float
    min: float
    max: float
    cpu: float


class Load(NamedTuple):
    """What many runs in flight come to.

    Attributes:
        rate: runs per second.
        p50, p99: of single runs from submission to result, in milliseconds.
        cpu: milliseconds of CPU time per run, with all processes.
        wrong: runs that raised or gave another result.
        runs: all runs.

    """

    rate: float
    p50: float
    p99: float
    cpu: float
    wrong: int
    runs: int


class Samples(NamedTuple):
    """Times of one contender's runs, round by round, and their CPU time, in milliseconds."""

    rounds: list[list[float]]
    cpu: list[float]

    def latency(self) -> Latency:
        """Return the quantiles."""
        times = sorted(each for times in self.rounds for each in times)
        medians = [median(times) for times in self.rounds]
        cpu = sum(self.cpu) / len(times)
        return Latency(
            quantile(times, 0.5), quantile(times, 0.95), quantile(times, 0.99), min(medians), max(medians), cpu
        )  # fmt: skip


def latencies(
    contenders: Iterable[Contender], rounds: int, calls: Mapping[str, int], *, usual: int, pause: float = 0
) -> dict[str, Latency | None]:
    """Time single runs, contenders in turn, each round starting with another.

    Arguments:
        contenders: who runs; one that is not installed comes as None.
        rounds: after one that is not counted.
        calls: of each round, by name, where it is not `usual`.
        usual: calls of each round.
        pause: seconds before each run.

    """
    listed = list(contenders)
    with ExitStack() as stack:
        runs = {each.name: stack.enter_context(each.opened()) for each in listed if each.installed}
        taken = {name: Samples([], []) for name in runs}
        names = list(runs)
        for turn in range(rounds + 1):
            for name in names[turn % len(names) :] + names[: turn % len(names)] if names else ():
                times, cpu = _one_by_one(runs[name], calls.get(name, usual) if turn else 2, pause)
                if turn:
                    taken[name].rounds.append(times)
                    taken[name].cpu.append(cpu)
    return {each.name: taken[each.name].latency() if each.name in taken else None for each in listed}


def _one_by_one(run: Callable[[], object], calls: int, pause: float) -> tuple[list[float], float]:
    run()
    time.sleep(_SETTLE)
    gc.collect()
    gc.disable()
    times, before = [], cpu_until_now()
    try:
        for _ in range(calls):
            if pause:
                time.sleep(pause)
            start = perf_counter()
            run()
            times.append((perf_counter() - start) * 1000)
    finally:
        gc.enable()
    time.sleep(_SETTLE)
    return times, cpu_until_now() - before


def cpu_until_now() -> float:
    """Return the milliseconds of CPU time of this process and of all its descendants, living and gone."""
    gone = getrusage(RUSAGE_CHILDREN)
    seconds = time.process_time() + gone.ru_utime + gone.ru_stime
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            seconds += sum(
                child.cpu_times()[:4]
            )  # those of its own children that have ended are the last two
    return seconds * 1000


def in_loop(box: Sandbox, flight: int, runs: int) -> Load:
    """Have so many runs of ours in flight, in one event loop, until as many as asked for have ended."""
    times: list[float] = []
    errors: list[Exception] = []
    left = iter(range(runs))

    async def one_after_the_other() -> None:
        for _ in left:
            start = perf_counter()
            try:
                check(await box.arun(CODE))
            except Exception as error:  # noqa: BLE001 - whatever it is, the run is lost, and told
                errors.append(error)
            else:
                times.append((perf_counter() - start) * 1000)

    async def all_of_them() -> None:
        await asyncio.gather(*(one_after_the_other() for _ in range(flight)))

    return _load(times, errors, runs, lambda: asyncio.run(all_of_them()))


def in_threads(run: Callable[[], object], flight: int, runs: int) -> Load:
    """Have so many runs in flight, each in a thread, until as many as asked for have ended."""
    times: list[float] = []
    errors: list[Exception] = []
    left = iter(range(runs))

    def one_after_the_other(_: int) -> None:
        for _ in left:
            start = perf_counter()
            try:
                run()
            except Exception as error:  # noqa: BLE001 - as above
                errors.append(error)
            else:
                times.append((perf_counter() - start) * 1000)

    with ThreadPoolExecutor(flight) as pool:
        return _load(times, errors, runs, lambda: list(pool.map(one_after_the_other, range(flight))))


def _load(times: list[float], errors: list[Exception], runs: int, work: Callable[[], object]) -> Load:
    gc.collect()
    before, start = cpu_until_now(), perf_counter()
    work()
    seconds = perf_counter() - start
    time.sleep(_SETTLE)
    cpu = cpu_until_now() - before
    if errors:
        print(f"{len(errors)} of {runs} runs are lost, the first: {errors[0]!r}", file=sys.stderr)
    if not times:
        raise Wrong("no run of a whole load came to its end")
    times.sort()
    return Load(
        len(times) / seconds, quantile(times, 0.5), quantile(times, 0.99), cpu / runs, runs - len(times), runs
    )


def memory() -> int | None:
    """Return the bytes that this process and its descendants hold, what is shared divided among who shares it; None where that is hidden."""
    return _held([os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))])


def _held(pids: Iterable[int]) -> int | None:
    held = 0
    for pid in pids:
        try:
            with Path(f"/proc/{pid}/smaps_rollup").open("rb") as file:
                held += sum(_kilobytes(file)) << 10
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        except OSError:
            return None
    return held


def _kilobytes(lines: Iterable[bytes]) -> Iterator[int]:
    return (int(line.split()[1]) for line in lines if line.startswith((b"Pss:", b"SwapPss:")))

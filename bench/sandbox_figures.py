"""From what was timed to figures: one for each row of the table in PERFORMANCE.md, and the ones beside them."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import OURS, Figure
from bench.sandbox_contenders import BWRAP, SPAWN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.sandbox_measure import Latency, Load


class Aim(NamedTuple):
    """What a ratio is to hold: in every release, and at best; and the number that ours cannot get below."""

    floor: float
    goal: float
    limit: float | None = None


def against(
    row: str,
    what: str,
    ours: float | None,
    peers: Mapping[str, float | None],
    base: str,
    aim: Aim,
    unit: str = "ms",
) -> Figure:
    """Make a figure whose ratio is ours to one of the peers'."""
    their = peers[base]
    return Figure(
        id=row, what=what, unit=unit, ours=ours, limit=aim.limit, peers=peers,
        ratio=ours / their if ours is not None and their else None, floor=aim.floor, goal=aim.goal,
    )  # fmt: skip


def of_latency(
    row: str,
    what: str,
    samples: Mapping[str, Latency | None],
    base: str,
    aim: Aim,
    take: str = "p50",
) -> Figure:
    """Make a figure of one of the numbers in latencies; of the p50 with the other quantiles in words."""
    numbers = {name: getattr(sample, take) if sample else None for name, sample in samples.items()}
    if take == "cpu":  # bubblewrap ends before its own child, whose time is then lost
        numbers.pop(BWRAP, None)
    ours, mine = numbers.pop(OURS), samples[OURS]
    unit = "ms CPU" if take == "cpu" else "ms"
    if mine is None or take != "p50":
        return against(row, what, ours, numbers, base, aim, unit)
    told = f"{what} (p95 {mine.p95:.2f}, p99 {mine.p99:.2f} ms)"
    return replace(against(row, told, ours, numbers, base, aim, unit), min=mine.min, max=mine.max)


def of_loads(flight: int, count: int, by_name: Mapping[str, Sequence[Load]]) -> list[Figure]:
    """Make the figures of one number of runs at one number in flight: D1, D1-lost, D2. Who has no loads was not installed."""
    ours, spawn = by_name[OURS], by_name[SPAWN]
    rates = {name: _median([load.rate for load in found]) for name, found in by_name.items()}
    tails = {name: _median([load.p99 / load.p50 for load in found]) for name, found in by_name.items()}
    mine, tail = rates.pop(OURS), tails.pop(OURS)
    lost, runs = sum(load.wrong for load in ours), sum(load.runs for load in ours)
    own_rates, own_tails = [load.rate for load in ours], [load.p99 / load.p50 for load in ours]
    cpu, spawn_cpu, p50, p99 = (
        median(numbers)
        for numbers in (
            [load.cpu for load in ours],
            [load.cpu for load in spawn],
            [load.p50 for load in ours],
            [load.p99 for load in ours],
        )
    )
    what = f"{count} runs, {flight} in flight"
    told = f"{what} (CPU {cpu:.2f} ms each; of spawning {spawn_cpu:.2f}), against spawning"
    rate = against("D1", told, mine, rates, SPAWN, Aim(4, 7 if flight > 64 else 8), "runs/s")
    return [
        replace(rate, min=min(own_rates), max=max(own_rates), lower_is_better=False),
        Figure(id="D1-lost", what=f"{what}: lost or wrong, of {runs}", unit="runs", ours=lost, ratio=lost / runs, floor=0, goal=0),
        Figure(id="D2", what=f"{what}: p99 {p99:.1f} ms, by p50 {p50:.1f} ms", unit="times", ours=tail, ratio=tail, floor=2.5, goal=1.6,
               limit=1, peers=tails, min=min(own_tails), max=max(own_tails)),
    ]  # fmt: skip


def _median(numbers: Sequence[float]) -> float | None:
    return median(numbers) if numbers else None

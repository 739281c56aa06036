"""The measuring tools that all benchmarks share: timing in turn, figures, and the report.

What lives here knows no benchmark and no peer. The one idea to know: an absolute time moves with the machine, so items
are timed in turn, round by round in one process, and what a figure is judged by is the ratio between two of them
(PERFORMANCE.md, the table and "What a benchmark prints").
"""

from __future__ import annotations

import gc
import os
import platform
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import repeat
from json import dumps
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_WIDTH = 118
OURS = "ringfence"
"""The name under which a benchmark times our own item."""

DISTRIBUTIONS = (
    "ringfence",
    "agent-governance-toolkit-core",
    "cedarpy",
    "langchain-core",
    "orjson",
    "pluggy",
    "pycasbin",
    "pydantic",
)
"""The packages whose versions every report states."""

Status = Literal["goal", "floor", "below", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one call of an item takes, in microseconds.

    `median`, `min` and `max` are over the rounds' means of wall time, `cpu` is the median over the rounds of processor
    time in all threads of the process, and `p99` is of single calls, timed one by one in a pass of its own (each holds
    the clock's own cost, under 0.1 µs).
    """

    median: float
    p99: float
    min: float
    max: float
    cpu: float


def interleave(
    items: Mapping[str, Callable[[], object]],
    rounds: int,
    calls_per_round: int,
    *,
    settle: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, Sample]:
    """Time the items in turn, `rounds` times `calls_per_round` calls each, and once more as often for the p99.

    Each round starts with another item, after one untimed round, and the garbage collector is off while timing.
    `settle` names, for an item that leaves work to helper threads, what waits until they are done: that counts as the
    item's processor time and not as its wall time, and is not charged to the item after it.
    """
    waits = {name: (settle or {}).get(name, _nothing) for name in items}
    walls: dict[str, list[float]] = {name: [] for name in items}
    cpus: dict[str, list[float]] = {name: [] for name in items}
    singles: dict[str, list[float]] = {name: [] for name in items}
    with _garbage_collector_off():
        for turn, name in _turns(list(items), rounds + 1):
            wall, cpu = _time_together(items[name], calls_per_round, waits[name])
            if turn:
                walls[name].append(wall)
                cpus[name].append(cpu)
        for _, name in _turns(list(items), rounds):
            singles[name] += _time_singly(items[name], calls_per_round, waits[name])
    return {name: _sample(walls[name], cpus[name], singles[name]) for name in items}


def _nothing() -> None:
    """Stand in for an item without helper threads."""


@contextmanager
def _garbage_collector_off() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()  # what was imported is not walked again by the collections between rounds
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _turns(names: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    for turn in range(rounds):
        gc.collect()
        first = turn % max(len(names), 1)
        for name in (*names[first:], *names[:first]):
            yield turn, name


def _time_together(run: Callable[[], object], calls: int, wait: Callable[[], object]) -> tuple[float, float]:
    cpu_start, start = process_time_ns(), perf_counter_ns()
    for _ in repeat(None, calls):
        run()
    wall = perf_counter_ns() - start
    wait()
    cpu = process_time_ns() - cpu_start
    return wall / calls / 1000, cpu / calls / 1000


def _time_singly(run: Callable[[], object], calls: int, wait: Callable[[], object]) -> list[float]:
    times = []
    for _ in repeat(None, calls):
        start = perf_counter_ns()
        run()
        times.append((perf_counter_ns() - start) / 1000)
    wait()
    return times


def _sample(walls: list[float], cpus: list[float], singles: list[float]) -> Sample:
    p99 = sorted(singles)[ceil(0.99 * len(singles)) - 1]
    return Sample(median=median(walls), p99=p99, min=min(walls), max=max(walls), cpu=median(cpus))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of a report: our number, the peers' and the limit's, and how it stands to floor and goal.

    `id` is a row of the table in PERFORMANCE.md; `ratio` is ours against what the row's floor and goal speak of, None
    where one of the two was not measured; a peer that is not installed is None.
    """

    id: str
    what: str
    ours: float | None
    ratio: float | None
    floor: float
    goal: float
    unit: str = "us"
    min: float | None = None
    max: float | None = None
    limit: float | None = None
    peers: Mapping[str, float | None] = field(default_factory=dict)
    lower_is_better: bool = True

    @property
    def status(self) -> Status:
        """`goal` or `floor` when the ratio holds it, `below` when it holds neither."""
        if self.ratio is None:
            return "unmeasured"
        if self._holds(self.ratio, self.goal):
            return "goal"
        return "floor" if self._holds(self.ratio, self.floor) else "below"

    @property
    def better_peers(self) -> list[str]:
        """The peers whose number is better than ours."""
        if self.ours is None:
            return []
        return [
            name for name, peer in self.peers.items() if peer is not None and not self._holds(self.ours, peer)
        ]

    def _holds(self, number: float, bound: float) -> bool:
        return number <= bound if self.lower_is_better else number >= bound

    def as_json(self) -> dict[str, Any]:
        """Return the keys, in the order, that PERFORMANCE.md lists; numbers have four digits."""
        return {
            "id": self.id,
            "what": self.what,
            "unit": self.unit,
            "ours": _four_digits(self.ours),
            "min": _four_digits(self.min),
            "max": _four_digits(self.max),
            "limit": _four_digits(self.limit),
            "peers": {name: _four_digits(peer) for name, peer in self.peers.items()},
            "ratio": _four_digits(self.ratio),
            "floor": _four_digits(self.floor),
            "goal": _four_digits(self.goal),
            "status": self.status,
        }


def compare(
    row: str,
    what: str,
    samples: Mapping[str, Sample | None],
    against: str | float,
    *,
    floor: float,
    goal: float,
    limit: float | None = None,
    take: Literal["median", "p99", "cpu"] = "median",
) -> Figure:
    """Make the figure of one row from samples: ours is `samples["ringfence"]`, all others are peers.

    `against` is what the ratio is taken to: a name among the samples, or a number of microseconds. A name that is
    missing or None gives a figure that is `unmeasured`. `take` says which of a sample's numbers is compared.
    """
    numbers = {name: getattr(sample, take) if sample else None for name, sample in samples.items()}
    ours, sample = numbers.pop(OURS, None), samples.get(OURS)
    base = numbers.get(against) if isinstance(against, str) else against
    spread = sample if take == "median" else None
    return Figure(
        id=row,
        what=what,
        ours=ours,
        ratio=ours / base if ours is not None and base else None,
        floor=floor,
        goal=goal,
        min=spread.min if spread else None,
        max=spread.max if spread else None,
        limit=limit,
        peers=numbers,
    )


def _four_digits(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.4g}")


def machine() -> dict[str, str | int]:
    """Describe the machine that a report is made on: processor, cores that this process may use, kernel, Python."""
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions(also: Iterable[str] = ()) -> dict[str, str | None]:
    """Return the versions of SQLite, of `DISTRIBUTIONS` and of the packages in `also`; None for one that is not installed."""
    found = {name: _version(name) for name in (*DISTRIBUTIONS, *also)}
    return {**found, "sqlite": sqlite3.sqlite_version}


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def report(benchmark: str, figures: Sequence[Figure], *, json: bool, also: Iterable[str] = ()) -> None:
    """Print the figures: one JSON object on one line, or a table for people.

    `also` names packages beyond `DISTRIBUTIONS` whose versions belong into the report.
    """
    if not json:
        _print_table(benchmark, figures)
        return
    content = {
        "benchmark": benchmark,
        "machine": machine(),
        "versions": versions(also),
        "figures": [figure.as_json() for figure in figures],
    }
    print(dumps(content))


def _print_table(benchmark: str, figures: Sequence[Figure]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        "", Column("what", min_width=24, overflow="fold"), title=benchmark, box=box.SIMPLE, pad_edge=False
    )
    for column in ("ours", "limit", "peers", "ratio", "status"):
        table.add_column(column, no_wrap=True)
    for figure in figures:
        table.add_row(*_cells(figure))
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table)
    console.print(", ".join(f"{key} {value}" for key, value in machine().items()), style="dim")


def _cells(figure: Figure) -> list[str]:
    sign = "≤" if figure.lower_is_better else "≥"
    return [
        figure.id,
        figure.what,
        f"{_shown(figure.ours)} {figure.unit}",
        _shown(figure.limit),
        "\n".join(_peer_line(figure, name) for name in figure.peers),
        f"{_shown(figure.ratio)}\nfloor {sign} {_shown(figure.floor)}\ngoal {sign} {_shown(figure.goal)}",
        figure.status,
    ]


def _peer_line(figure: Figure, name: str) -> str:
    verdict = " beats us" if name in figure.better_peers else ""
    return f"{name} {_shown(figure.peers[name])}{verdict}"


def _shown(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:.0f}" if number >= 1000 else f"{number:.3g}"

"""What a scan costs: a snippet (E1), much code (E2), the command on one file (E3), growth with the size, and hostile input.

`python -m bench.scan_speed` prints a table, `--json` the object for machines. Beside ours run bandit (its manager, kept), the naive
regular expressions and bare `ast.parse` in the same process, and ruff and semgrep as commands; peers that are not installed come
as null. Every text that is timed is new to the scanner, except in E1c, which times the answer from its memory. Ratios are to the peer or
limit that the row names: times are better low, MB per CPU-second better high.
"""

from __future__ import annotations

import argparse
import ast
import gc
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import TYPE_CHECKING

from bench import naive, scan_once, scan_peers
from bench.measure import OURS, Figure, Sample, compare, interleave, report
from bench.scan_sources import SNIPPET, hostile, snippets, standard_library
from ringfence.scanning import Language, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.scan_once import Once

ROOT = Path(__file__).parents[1]
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
SHORT_SIZES = (40, 120, 400, 1_200, 4_000)
"""Sizes for paths and URLs: no system takes longer ones, so a longer one is no honest text."""
LEAST_MS = 10.0
"""What a hostile input may take in any language, in milliseconds: so little harms nobody, however short honest text is."""
SEEN_US = 10.0
"""What an answer from memory may take, in microseconds."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: rounds and calls in each for snippets, rounds for files and commands, how many hostile inputs of a language."""

    rounds: int
    calls: int
    long_rounds: int
    texts: int | None
    hostile: int | None


WHOLE = Effort(rounds=15, calls=40, long_rounds=5, texts=None, hostile=None)
QUICK = Effort(rounds=2, calls=3, long_rounds=1, texts=3, hostile=1)


def snippet(effort: Effort) -> list[Figure]:
    """E1: a snippet of 35 lines, new each time; E1c: one that was scanned before."""
    scanners = _in_process()
    fresh = snippets()
    items = {name: _on_fresh(look, fresh) for name, look in scanners.items() if look is not None}
    items["seen"] = lambda: scan(SNIPPET.replace("@", "7"), Language.PYTHON)
    samples: dict[str, Sample | None] = dict(interleave(items, effort.rounds, effort.calls))
    samples |= dict.fromkeys(name for name, look in scanners.items() if look is None)
    seen = samples.pop("seen")
    what = "scan of a 35-line snippet, CPU"
    return [
        compare("E1", f"{what}, against ast.parse", samples, "ast_parse", floor=3, goal=1.8, take="cpu"),
        compare("E1", f"{what}, against bandit", samples, "bandit", floor=1 / 4, goal=1 / 7, take="cpu"),
        compare("E1c", "scan of a snippet seen before, against 10 us", {OURS: seen}, SEEN_US, floor=1.5, goal=1, limit=SEEN_US),
    ]  # fmt: skip


def _in_process() -> dict[str, Callable[[str], object] | None]:
    """Return what can be asked about a Python text in this process, by name."""
    return {
        OURS: lambda text: scan(text, Language.PYTHON),
        "ast_parse": ast.parse,
        "bandit": scan_peers.bandit(),
        "naive": naive.count,
    }


def _on_fresh(look: Callable[[str], object], fresh: Callable[[], str]) -> Callable[[], object]:
    return lambda: look(fresh())


def bulk(effort: Effort) -> list[Figure]:
    """E2: modules of the standard library, in MB per second of CPU time, and what a second process adds."""
    texts = standard_library()[: effort.texts]
    size = sum(len(text.encode()) for text in texts) / 1e6
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        for number, text in enumerate(texts):
            Path(folder, f"{number}.py").write_text(text, encoding="utf-8")
        seconds = _bulk_seconds(texts, Path(folder), effort.long_rounds)
    rates = {name: size / taken if taken else None for name, taken in seconds.items()}
    what = f"{size:.1f} MB of the standard library"
    return [
        _rate("E2", f"{what}, against bandit", rates, "bandit", floor=4, goal=6),
        _rate("E2", f"{what}, against ast.parse alone", rates, "ast_parse", floor=1 / 3, goal=1 / 2),
        _two_processes(texts, size, effort.long_rounds),
    ]


def _bulk_seconds(texts: Sequence[str], folder: Path, rounds: int) -> dict[str, float | None]:
    turns = count()

    def all_texts(look: Callable[[str], object]) -> Callable[[], object]:
        def run() -> None:
            mark = f"\n# {next(turns)}\n"  # the scanner's memory must not answer
            for text in texts:
                look(text + mark)

        return run

    ruff = scan_peers.commands(folder)["ruff"]
    items = {name: look and all_texts(look) for name, look in _in_process().items()}
    return _cpu_seconds({**items, "ruff": _command(ruff)}, rounds)


def _command(arguments: list[str] | None, folder: str | None = None) -> Callable[[], object] | None:
    """Return a function that runs a command to its end; a scanner's exit code tells of findings and is no failure."""
    if arguments is None:
        return None
    return lambda: subprocess.run(arguments, cwd=folder, capture_output=True, check=False)


def _cpu_seconds(items: Mapping[str, Callable[[], object] | None], rounds: int) -> dict[str, float | None]:
    """Return the CPU time of each item with the processes it starts, the median of interleaved rounds; the collector runs as usual."""
    taken: dict[str, list[float]] = {name: [] for name in items}
    for turn in range(rounds + 1):
        for name, run in items.items():
            if run is None:
                continue
            gc.collect()
            before = _cpu_until_now()
            run()
            if turn:  # the first round loads and warms
                taken[name].append(_cpu_until_now() - before)
    return {name: median(all_taken) if all_taken else None for name, all_taken in taken.items()}


def _cpu_until_now() -> float:
    children = getrusage(RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _rate(
    row: str, what: str, rates: Mapping[str, float | None], against: str, *, floor: float, goal: float
) -> Figure:
    peers = {name: rate for name, rate in rates.items() if name != OURS}
    ours, base = rates[OURS], rates[against]
    return Figure(
        id=row,
        what=what,
        unit="MB/CPU-s",
        ours=ours,
        ratio=ours / base if ours and base else None,
        floor=floor,
        goal=goal,
        limit=rates["ast_parse"],
        peers=peers,
        lower_is_better=False,
    )


def _two_processes(texts: Sequence[str], size: float, rounds: int) -> Figure:
    """Return the MB per second of wall time that two processes scan, against one."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as one,
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as two,
    ):
        for turn in range(rounds + 1):
            for workers, pool in ((1, one), (2, two)):
                marked = [f"{text}\n# {turn} {workers}\n" for text in texts]
                start = time.perf_counter()
                found = sum(pool.map(findings, marked, chunksize=2))
                taken = time.perf_counter() - start
                if turn and found >= 0:
                    seconds[workers].append(taken)
    alone, both = (size / median(seconds[workers]) for workers in (1, 2))
    return Figure(
        id="E2",
        what="the same in wall time with two processes, against one",
        unit="MB/s",
        ours=both,
        ratio=both / alone,
        floor=1.5,
        goal=1.9,
        peers={"ringfence_1": alone},
        lower_is_better=False,
    )


def findings(text: str) -> int:
    """Scan a Python text in a worker process and return the number of findings."""
    return len(scan(text, Language.PYTHON).findings)


def command(effort: Effort) -> list[Figure]:
    """E3: the command on one file, CPU time with interpreter, beside the others' commands and an interpreter that does nothing."""
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        file = Path(folder, "snippet.py")
        file.write_text(SNIPPET.replace("@", "7"), encoding="utf-8")
        lines = {
            OURS: [sys.executable, "-m", "ringfence", "scan", str(file)] if _has_command() else None,
            **scan_peers.commands(file),
            "bare_python": [sys.executable, "-c", "pass"],
        }
        seconds = _cpu_seconds(
            {name: _command(line, folder) for name, line in lines.items()}, effort.long_rounds
        )
    times = {name: 1000 * taken if taken is not None else None for name, taken in seconds.items()}
    what = "the command on one file"
    return [
        _command_figure(f"{what}, against bandit's", times, "bandit", floor=1 / 3, goal=1 / 5),
        _command_figure(f"{what}, against semgrep's with five rules", times, "semgrep", floor=1 / 20, goal=1 / 60),
    ]  # fmt: skip


def _has_command() -> bool:
    """Return whether this version has `ringfence scan`."""
    return find_spec("ringfence.cli.scan") is not None


def _command_figure(
    what: str, times: Mapping[str, float | None], against: str, *, floor: float, goal: float
) -> Figure:
    ours, base = times[OURS], times[against]
    return Figure(
        id="E3",
        what=what,
        unit="ms CPU",
        ours=ours,
        ratio=ours / base if ours and base else None,
        floor=floor,
        goal=goal,
        limit=times["bare_python"],
        peers={name: taken for name, taken in times.items() if name not in (OURS, "bare_python")},
    )


def growth(language: Language) -> tuple[list[Figure], float]:
    """Return how time and memory grow from a tenth of the largest size to all of it, and the milliseconds that the largest takes.

    A ratio of 1 is linear: so many times the text, so many times the cost. Text that ends in a problem gives no figure.
    """
    sizes = SHORT_SIZES if language in (Language.PATH, Language.URL) else SIZES
    taken = [scan_once.run(language, str(size)) for size in sizes]
    figures = [
        _grown("E-time", language, "ms CPU", taken, [once.milliseconds for once in taken]),
        _grown("E-memory", language, "MB", taken, [once.traced for once in taken]),
    ]
    return figures, max(taken[-1].milliseconds or 0.0, LEAST_MS)


def _grown(
    row: str, language: Language, unit: str, taken: Sequence[Once], numbers: Sequence[float | None]
) -> Figure:
    shown = ", ".join(
        f"{once.size / 1000:.3g} KB {_number(number)}" for once, number in zip(taken, numbers, strict=True)
    )
    whole, tenth, outcome = numbers[-1], numbers[-3], taken[-1].outcome
    ratio = None
    if outcome == scan_once.ANSWER and whole is not None and tenth:
        ratio = whole / tenth / (taken[-1].size / taken[-3].size)
    return Figure(
        id=row,
        what=f"{language}, honest text: {shown} {unit} ({outcome})",
        unit=unit,
        ours=whole,
        ratio=ratio,
        floor=2,
        goal=1.3,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def hostile_inputs(language: Language, honest: float, most: int | None = None) -> Iterator[Figure]:
    """E-hostile: what each input that is made to hurt takes, against the largest honest text in the same language."""
    for name in list(hostile(language))[:most]:
        once = scan_once.run(language, name)
        yield Figure(
            id="E-hostile",
            what=f"{language}, {name}, {once.size / 1000:.0f} KB, {_number(once.megabytes)} MB: {once.outcome}",
            unit="ms CPU",
            ours=once.milliseconds,
            ratio=once.milliseconds / honest if once.milliseconds is not None else None,
            floor=5,
            goal=2,
            peers={"largest_honest_text": honest},
        )


def figures(effort: Effort) -> Iterator[Figure]:
    """Measure everything."""
    yield from snippet(effort)
    yield from bulk(effort)
    yield from command(effort)
    for language in Language:
        grown, honest = growth(language)
        yield from grown
        yield from hostile_inputs(language, honest, effort.hostile)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scan_speed", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few rounds and inputs, to see that it works")
    options = parser.parse_args()
    found = list(figures(QUICK if options.quick else WHOLE))
    report(
        "scan_speed", found, json=options.json, also=("bandit", "ruff", "semgrep", "sqlglot", "tree-sitter")
    )


if __name__ == "__main__":
    main()

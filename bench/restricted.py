"""What a snippet costs in the restricted tier beside everything else that runs one, and how much honest code the tier takes.

`python -m bench.restricted [FOLDER]` prints a table, `--json` the object for machines. B1 is a snippet that was seen before, B2 one that is
new and is scanned before it is compiled, `trivial` the least that anybody asks for, `meter` a loop of a million passes. Times are
processor time; monty's is elapsed time, since it works in a process of its own. With a FOLDER of labelled sources: `honest`, the share of
`benign_python.jsonl` that compiles, and `examples`, whether functions with examples give what they give in Python; `--refused` names
each row that is not taken, and each example that went another way, on the error output.

A ratio is to bare RestrictedPython or whatever else the figure names. Where PERFORMANCE.md states a goal and no floor, the floor is
to be no slower. Peers that are not installed, or have no syntax for a snippet, are null.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from RestrictedPython.compile import compile_restricted

from bench import restricted_corpus, restricted_examples
from bench.measure import OURS, Figure, interleave, report
from bench.restricted_peers import (
    BARE,
    CODE,
    CONTENDERS,
    DISTRIBUTIONS,
    ELAPSED,
    MONTY,
    MONTY_NEW,
    PLAIN,
    SLOW,
    cold,
    metered,
    verified,
    warm,
)
from bench.restricted_snippets import LOOPS, SNIPPETS, TRIVIAL, Snippet
from ringfence.restricted.compiled import compile_snippet
from ringfence.scanning import Language, scan
from ringfence.scanning.python.parse import take_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.measure import Sample
    from bench.restricted_corpus import Judged
    from bench.restricted_examples import Outcome

    Times = dict[str, float | None]

PASSES = 1_000_000
_ALLOWED_US = 5.0
"""What the goal of B1 allows beyond RestrictedPython's own code, in microseconds."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: rounds and calls in each for snippets, rounds for loops, their passes, and those of slow interpreters."""

    rounds: int
    calls: int
    loop_rounds: int
    passes: int
    slow_passes: int


WHOLE = Effort(rounds=25, calls=20, loop_rounds=5, passes=PASSES, slow_passes=2_000)
QUICK = Effort(rounds=2, calls=2, loop_rounds=1, passes=2_000, slow_passes=50)


def _times(runs: Mapping[str, Callable[[], Any] | None], rounds: int, calls: int) -> Times:
    """Time what runs, in turn, and return the microseconds of a call: processor time, or elapsed time of what works elsewhere."""
    samples = interleave({name: run for name, run in runs.items() if run is not None}, rounds, calls)
    return {name: _microseconds(name, samples.get(name)) for name in runs}


def _microseconds(name: str, sample: Sample | None) -> float | None:
    if sample is None:
        return None
    return sample.median if name in ELAPSED else sample.cpu


def _figure(row: str, what: str, times: Times, against: str, *, floor: float, goal: float, ours: str = OURS) -> Figure:  # fmt: skip
    """Make the figure of one row. What is ours is no peer of what is ours."""
    mine, base = times[ours], times.get(against)
    return Figure(
        id=row,
        what=what,
        ours=mine,
        ratio=mine / base if mine and base else None,
        floor=floor,
        goal=goal,
        limit=times.get(PLAIN),
        peers={name: taken for name, taken in times.items() if not name.startswith(OURS)},
    )


def seen(effort: Effort) -> Iterator[Figure]:
    """B1: snippets of thirty lines, seen before: evaluated with copies in and out, and our compiled code alone."""
    for snippet in SNIPPETS:
        times = _times(warm(snippet), effort.rounds, effort.calls)
        base = times[BARE]
        assert base is not None
        what = f"{snippet.name}, seen before"
        goal = 1.05 + _ALLOWED_US / base
        yield _figure("B1", f"{what}, against bare RestrictedPython's code", times, BARE, floor=1.25, goal=goal)  # fmt: skip
        yield _figure("B1-code", f"{what}, our code alone, against bare RestrictedPython's", times, BARE, floor=1.25, goal=1.05, ours=CODE)  # fmt: skip
        yield _figure("B1", f"{what}, against monty's kept session", times, MONTY, floor=1, goal=1 / 2.5)
        yield _figure("B1", f"{what}, against smolagents", times, "smolagents", floor=1, goal=1 / 50)


def new(effort: Effort) -> Iterator[Figure]:
    """B2: the same snippets, new each time: scanned and compiled, and the whole of it beside those that run it whole."""
    for snippet in SNIPPETS:
        times = _times(_compilers(snippet), effort.rounds, effort.calls)
        what = f"{snippet.name}, new"
        for row, (ours, said) in _PARTS.items():
            yield _figure(row, f"{what}: {said}, against RestrictedPython's compile", times, BARE, floor=1.2, goal=0.5, ours=ours)  # fmt: skip
        times = _times(cold(snippet), effort.rounds, effort.calls)
        yield _figure("B2-whole", f"{what}: scan and evaluate, against monty in a new session", times, MONTY_NEW, floor=1.2, goal=1)  # fmt: skip


_PARTS = {
    "B2": (OURS, "scan and compile"),
    "B2-scan": (f"{OURS}_scan", "scan alone"),
    "B2-compile": (f"{OURS}_compile", "compile alone"),
}


def _compilers(snippet: Snippet) -> dict[str, Callable[[], Any] | None]:
    fresh = snippet.fresh()
    return {
        OURS: lambda: _scan_and_compile(fresh()),
        f"{OURS}_scan": lambda: scan(fresh(), Language.PYTHON),
        f"{OURS}_compile": lambda: compile_snippet(fresh(), sys.maxsize),
        BARE: lambda: compile_restricted(fresh(), "<snippet>", "exec"),
        PLAIN: lambda: compile(fresh(), "<snippet>", "exec", dont_inherit=True),
    }


def _scan_and_compile(source: str) -> None:
    scan(source, Language.PYTHON)
    compile_snippet(source, sys.maxsize, take_tree)  # as the gate does


def trivial(effort: Effort) -> Iterator[Figure]:
    """Measure the least that anybody asks for: what an evaluation costs besides the snippet's own work."""
    times = _times(warm(TRIVIAL), effort.rounds, effort.calls)
    yield _figure("trivial", "a * b + 1, seen before, against monty's kept session", times, MONTY, floor=1, goal=1 / 2.5)  # fmt: skip
    times = _times(cold(TRIVIAL), effort.rounds, effort.calls)
    yield _figure("trivial", "a * b + 1, new, scanned, against monty in a new session", times, MONTY_NEW, floor=1.2, goal=1)  # fmt: skip
    yield _figure("trivial", "a * b + 1, new, scanned, against bare RestrictedPython", times, BARE, floor=1.2, goal=0.5)  # fmt: skip


def loops(effort: Effort) -> Iterator[Figure]:
    """Measure the meter: our code in a long loop against bare RestrictedPython's, in nanoseconds a pass."""
    for body, source in LOOPS.items():
        passes = {name: effort.slow_passes if name in SLOW else effort.passes for name in CONTENDERS}
        times = _times(_loop(body, source, passes), effort.loop_rounds, 1)
        nanoseconds = {name: taken and 1000 * taken / passes[name] for name, taken in times.items()}
        yield _loop_figure(body, nanoseconds, effort)


def _loop(body: str, source: str, passes: Mapping[str, int]) -> dict[str, Callable[[], Any] | None]:
    runs: dict[str, Callable[[], Any] | None] = {}
    for name, each in CONTENDERS.items():
        if name in (CODE, MONTY_NEW):
            continue
        snippet = Snippet(body, source, {"n": passes[name]})
        make = metered if name == OURS else each.warm
        runs[name] = verified(name, snippet, make(source, snippet.inputs)) if each.runs(body) else None
    return runs


def _loop_figure(body: str, nanoseconds: Times, effort: Effort) -> Figure:
    what = f"{effort.passes} passes of: {body} ({', '.join(sorted(SLOW))}: {effort.slow_passes} passes)"
    figure = _figure("meter", what, nanoseconds, BARE, floor=1.5, goal=1.5)
    return replace(figure, unit="ns")


def taken(folder: Path, *, refused: bool) -> Iterator[Figure]:
    """Measure how much honest code is taken, and whether it gives what it gives in Python."""
    rows = restricted_corpus.read(folder)
    judged = restricted_corpus.judge(rows)
    yield from restricted_corpus.figures(judged)
    outcomes = restricted_examples.compare(rows)
    yield from restricted_examples.figures(outcomes, restricted_examples.count(rows))
    for line in _went_wrong(judged, outcomes) if refused else ():
        print(line, file=sys.stderr)


def _went_wrong(judged: Sequence[Judged], outcomes: Sequence[Outcome]) -> Iterator[str]:
    for each in judged:
        if each.refused:
            note = "" if each.python else " (no Python)"
            yield f"{each.row.id}{note}: {'; '.join(each.refused)}"
    for outcome in outcomes:
        if outcome.outcome != restricted_examples.SAME:
            yield f"{outcome.row} {outcome.example}: {outcome.outcome}: {outcome.why}"


def figures(effort: Effort, folder: Path | None, *, refused: bool = False) -> Iterator[Figure]:
    """Measure everything."""
    if folder is not None:
        yield from taken(folder, refused=refused)
    for measure in (seen, new, trivial, loops):
        yield from measure(effort)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.restricted", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help=f"a folder with {restricted_corpus.FILE}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few rounds and passes, to see that it works")
    parser.add_argument("--refused", action="store_true", help="name the rows that are not taken")
    options = parser.parse_args()
    try:
        found = list(figures(QUICK if options.quick else WHOLE, options.folder, refused=options.refused))
    except (OSError, ValueError) as error:
        parser.exit(2, f"bench.restricted: {error}\n")
    report("restricted", found, json=options.json, also=DISTRIBUTIONS)


if __name__ == "__main__":
    main()

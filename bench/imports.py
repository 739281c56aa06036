"""What an import costs (row F): CPU time of a fresh interpreter that does nothing else, above one that does nothing at all.

`import ringfence` is measured beside the peers' own first lines, and beside what a user of ours writes next, a guard with its
record open, so that nothing is only put off.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import TYPE_CHECKING

from bench.measure import Figure, report
from bench.peers import import_statements

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS = "from ringfence import Guard, secure_tool"
READY = f"{OURS}; Guard()"
LIMIT_MS = 40.0


def measure(statements: Mapping[str, str], rounds: int) -> dict[str, float | None]:
    """Return milliseconds of CPU time by name, above a bare interpreter, medians over interleaved rounds; None if not installed."""
    there = {name: line for name, line in statements.items() if _installed(line)} | {"bare": "pass"}
    taken: dict[str, list[float]] = {name: [] for name in there}
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        for turn in range(rounds + 1):
            for name, line in there.items():
                milliseconds = _cpu_of(line, folder)
                if turn:  # the first round compiles and warms the file cache
                    taken[name].append(milliseconds)
    bare = median(taken["bare"])
    return {name: median(taken[name]) - bare if name in taken else None for name in statements}


def _installed(line: str) -> bool:
    package = line.split()[1].partition(".")[0]
    return find_spec(package) is not None


def _cpu_of(line: str, folder: str) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-W", "ignore", "-c", line], check=True, capture_output=True, cwd=folder)
    after = getrusage(RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="three rounds, to see that it works")
    options = parser.parse_args()
    found = measure({"ours": OURS, "ready": READY, **import_statements()}, 3 if options.quick else 21)
    ours, ready, agt = found.pop("ours"), found.pop("ready"), found["agt_evaluator"]
    figures = [
        _figure("import of the core, against AGT's", ours, agt, floor=1 / 6, goal=1 / 18, peers=found),
        _figure("import of the core, against 60 ms (floor) and 40 ms (goal)", ours, LIMIT_MS, floor=1.5, goal=1, peers=found),
        _figure("import, and a guard with its log open, against AGT's import", ready, agt, floor=1 / 6, goal=1 / 18, peers=found),
    ]  # fmt: skip
    report("imports", figures, json=options.json)


def _figure(
    what: str,
    ours: float | None,
    against: float | None,
    *,
    floor: float,
    goal: float,
    peers: Mapping[str, float | None],
) -> Figure:
    ratio = ours / against if ours is not None and against else None
    return Figure(
        id="F", what=what, unit="ms CPU", ours=ours, ratio=ratio, floor=floor, goal=goal, peers=peers
    )


if __name__ == "__main__":
    main()

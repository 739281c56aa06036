"""What the sandbox tier costs: latency (C1, C2), confinement alone (C3), throughput (D1), tail (D2), memory (D3), JavaScript, numpy.

`python -m bench.sandbox` prints a table, `--json` the object for machines. Contenders take turns in one process: ours, spawning an interpreter, the same with
rlimits, bubblewrap, sandlock, and monty's pool, which is no CPython and uses its workers again. Peers that are not installed come as null.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import sandbox_contenders as contenders
from bench import sandbox_forks, sandbox_together
from bench.measure import OURS, Figure, report
from bench.sandbox_contenders import BARE, BWRAP, LIMITED, MONTY, ON_DEMAND, SANDLOCK, SPAWN, Wrong
from bench.sandbox_figures import Aim, against, of_latency, of_loads
from bench.sandbox_measure import in_loop, in_threads, latencies, say
from bench.sandbox_together import Together
from ringfence import Profile
from ringfence.sandbox import Sandbox, folders
from ringfence.sandbox.machine import this_machine
from ringfence.sandbox.setups import setup

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.sandbox_measure import Latency, Load

_SOURCES = Path(__file__).parents[1] / "src"
_PAUSE = 0.01
_MOST_FOR_PEERS = 64
"""How many runs of the slower peers are in flight at most: some hold a thread and an event loop for each."""
_LEAST_LATENCY, _LEAST_CONFINING, _LEAST_MEMORY = 0.21, 0.05, 0.74
"""What the cheapest ingredients add up to, in ms, ms and MiB (PERFORMANCE.md)."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to measure.

    Attributes:
        rounds, calls: of single runs; ours run three times as many calls.
        slow_rounds, slow_calls: the same of numpy and JavaScript.
        forks: of the bare and the confined fork.
        flights: how many runs are in flight.
        loads: how many runs of ours a load has, and how often it is repeated.
        spawns: how many runs a load of spawning has, at least.
        peer_runs: of the other peers, which run at the smaller flights only.
        together, sleep: how many sleep at once, and for how many seconds.

    """

    rounds: int
    calls: int
    slow_rounds: int
    slow_calls: int
    forks: int
    flights: tuple[int, ...]
    loads: tuple[tuple[int, int], ...]
    spawns: int
    peer_runs: int
    together: int
    sleep: float


WHOLE = Effort(9, 16, 7, 4, 300, (16, 64, 500), ((1000, 3), (5000, 1)), 400, 96, 500, 5)
QUICK = Effort(1, 2, 1, 1, 5, (4, 64), ((70, 1),), 8, 4, 5, 1)


def single_runs(effort: Effort) -> list[Figure]:
    """C1 and C2: one run at a time."""
    say("single runs, with a pause before each")
    ours = {OURS: 3 * effort.calls, ON_DEMAND: 3 * effort.calls, MONTY: 3 * effort.calls}
    paused = latencies(
        (contenders.WAITING, *contenders.PEERS), effort.rounds, ours, usual=effort.calls, pause=_PAUSE
    )
    say("single runs, back to back")
    everybody = (contenders.WAITING, contenders.DEMANDED, *contenders.PEERS)
    straight = latencies(everybody, effort.rounds, ours, usual=effort.calls)
    what = f"one run, a worker waits ({_PAUSE * 1000:.0f} ms of rest before each run, the peers' too)"
    waiting = [
        of_latency("C1", f"{what}, p50, against spawning", paused, SPAWN, Aim(1 / 12, 1 / 35, _LEAST_LATENCY)),
        of_latency("C1", f"{what}, p50, against sandlock", paused, SANDLOCK, Aim(1 / 27, 1 / 80, _LEAST_LATENCY)),
        of_latency("C1", f"{what}, p50, against monty's pool", paused, MONTY, Aim(3, 1.3, _LEAST_LATENCY)),
        of_latency("C1-p95", f"{what}, p95, against spawning's p95", paused, SPAWN, Aim(1 / 6, 1 / 15), take="p95"),
        of_latency("C1-p99", f"{what}, p99, against spawning's p99", paused, SPAWN, Aim(1 / 6, 1 / 15), take="p99"),
        of_latency("C1-cpu", "the same, CPU time with all processes, against spawning", paused, SPAWN, Aim(1 / 4, 1 / 8), take="cpu"),
        of_latency("C1-row", "runs back to back, a stock of two workers, p50, against spawning", straight, SPAWN, Aim(1 / 4, 1 / 8)),
    ]  # fmt: skip
    return [*waiting, *on_demand(straight, effort)]


def on_demand(straight: Mapping[str, Latency | None], effort: Effort) -> list[Figure]:
    """C2 and C3: workers are forked when they are asked for; beside a bare fork of a small interpreter."""
    say("forks")
    forks = _forks(effort.forks)
    bare, cpu, entering = (median(forks[name]) for name in ("bare", "cpu", "entering"))
    renamed = {(OURS if name == ON_DEMAND else f"{OURS}_waiting" if name == OURS else name): each for name, each in straight.items()}  # fmt: skip
    mine = renamed[OURS]
    what = "one run, no worker waits (runs back to back)"
    return [
        of_latency("C2", f"{what}, p50, against spawning", renamed, SPAWN, Aim(1 / 4, 1 / 8, bare)),
        against("C2", f"{what}, p50, against os.fork, exit and wait", mine and mine.p50, {"fork": bare}, "fork", Aim(3, 1.8, bare)),
        of_latency("C2-p95", f"{what}, p95, against spawning's p95", renamed, SPAWN, Aim(1 / 4, 1 / 8), take="p95"),
        of_latency("C2-p99", f"{what}, p99, against spawning's p99", renamed, SPAWN, Aim(1 / 4, 1 / 8), take="p99"),
        of_latency("C2-cpu", f"{what}, CPU time with all processes, against spawning", renamed, SPAWN, Aim(1 / 4, 1 / 8), take="cpu"),
        against("C2-cpu", f"{what}, CPU time, against that of os.fork, exit and wait", mine and mine.cpu, {"fork": cpu}, "fork", Aim(3, 1.8)),
        against("C3", f"entering the cage alone (the whole confined fork: {median(forks['confined']):.2f} ms), against os.fork, exit and wait",
                 entering, {"fork": bare}, "fork", Aim(0.7, 0.25, _LEAST_CONFINING)),
    ]  # fmt: skip


def _forks(times: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        made = setup(Profile(), "python", this_machine())
        for each in (folder, f"{folder}/slots", f"{folder}/root"):
            Path(each).mkdir(exist_ok=True)
            Path(each).chmod(0o711)
        folders.make(f"{folder}/slots/0", made["first_user"])
        made |= {"base": f"{folder}/slots", "root": f"{folder}/root"}
        order = [*BARE[:-1], sandbox_forks.__file__, str(_SOURCES), str(times), json.dumps(made)]
        done = subprocess.run(order, capture_output=True, check=True, text=True)
    taken: dict[str, list[float]] = json.loads(done.stdout)
    return taken


def loads(effort: Effort) -> list[Figure]:
    """D1 and D2: many in flight; our runs are submitted from one event loop, the peers' from a thread for each in flight."""
    figures = []
    for flight in effort.flights:
        for count, found in _loads(effort, flight).items():
            figures += of_loads(flight, count, found)
    return figures


def _loads(effort: Effort, flight: int) -> dict[int, dict[str, list[Load]]]:
    """Return the loads at one number in flight, by how many runs of ours they have; peers other than spawning come with the fewest."""
    found: dict[int, dict[str, list[Load]]] = {}
    spawns = max(effort.spawns, flight + flight // 5)
    with ExitStack() as stack:
        box = stack.enter_context(Sandbox(Profile(running=flight, queue=flight)))
        box.start()
        peers = {each.name: stack.enter_context(each.opened()) for each in contenders.PEERS if each.installed}
        for count, repeated in effort.loads:
            found[count] = {OURS: [], SPAWN: []}
            for turn in range(repeated):
                say(f"{count} runs, {flight} in flight, {turn + 1} of {repeated}")
                found[count][OURS].append(in_loop(box, flight, count))
                found[count][SPAWN].append(in_threads(peers[SPAWN], flight, spawns))
        if flight <= _MOST_FOR_PEERS:
            fewest = min(found)
            for name in (LIMITED, BWRAP, SANDLOCK, MONTY):
                say(f"{name}, {flight} in flight")
                runs = fewest if name == MONTY else max(effort.peer_runs, flight)
                found[fewest][name] = [in_threads(peers[name], flight, runs)] if name in peers else []
    return found


def together(effort: Effort) -> list[Figure]:
    """D3: many that sleep at once."""
    say(f"{effort.together} asleep at once")
    what = f"{effort.together} asleep at once"
    try:
        ours = sandbox_together.ours(effort.together, effort.sleep)
    except Wrong as error:
        print(f"{what}: {error}", file=sys.stderr)
        what, ours = f"{what} (not reached: {error})", Together(None, None)
    spawned = sandbox_together.spawned(effort.together)
    seconds = {SPAWN: spawned.seconds}
    return [
        against("D3", f"{what}: memory of each (PSS of all processes, the host's growth included), against spawning", ours.megabytes,
                 {SPAWN: spawned.megabytes}, SPAWN, Aim(0.45, 0.25, _LEAST_MEMORY), "MiB"),
        Figure(id="D3-together", what=f"{what}: until all are alive together, against 1 s", unit="s", ours=ours.seconds, ratio=ours.seconds,
               floor=2, goal=1, peers=seconds),
    ]  # fmt: skip


def loaded(effort: Effort) -> list[Figure]:
    """Numpy that is loaded before the fork, beside an import, and JavaScript beside Node."""
    say("numpy and JavaScript")
    ours = {OURS: 5 * effort.slow_calls, ON_DEMAND: 5 * effort.slow_calls}
    numpy = latencies(contenders.PRELOADED, effort.slow_rounds, ours, usual=effort.slow_calls, pause=_PAUSE)
    script = latencies(contenders.JAVASCRIPT, effort.slow_rounds, ours, usual=effort.slow_calls, pause=_PAUSE)
    return [
        of_latency("numpy", "a run with numpy preloaded, a worker waits, p50, against a fresh import", numpy, "fresh_import", Aim(1 / 10, 1 / 30)),
        of_latency("JS", "JavaScript, a worker waits, p50, against Node", script, "node", Aim(1 / 7, 1 / 20)),
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.sandbox", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a few runs of each, to see that it works")
    options = parser.parse_args()
    effort = QUICK if options.quick else WHOLE
    figures = [*single_runs(effort), *loads(effort), *together(effort), *loaded(effort)]
    report("sandbox", figures, json=options.json, also=contenders.DISTRIBUTIONS)


if __name__ == "__main__":
    main()

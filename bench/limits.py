"""What limits over all workers cost: one process alone, and four that contend for one limit in one SQLite file.

`python -m bench.limits` prints a table, `--json` the object for machines. Beside us run a bare transaction of SQLite that counts and inserts
(the least that any exact limit in a file must do) and pyrate-limiter's SQLite bucket with its file lock. Contenders run in turn, each round in
new processes that begin at one moment; a round in which more calls were admitted than its limit allows ends the benchmark with an error.
Peers that are not installed come as null.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.measure import OURS, Figure, report

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES = 4
SHARE = 0.75
"""How many of the calls of a round fit the limit; the others are refused."""
HOUR = 3600
BARE, PYRATE, HELD = "sqlite_transaction", "pyrate_limiter_sqlite", "ringfence_concurrent"
CONTENDERS = (OURS, HELD, BARE, PYRATE)
_START_SECONDS = 2.5


def ours(path: str, most: int) -> Callable[[], bool]:
    """Return what asks our limit on calls: one transaction."""
    from ringfence.state.database import open_database
    from ringfence.state.limits import Claim, Kind, Reservation, SharedLimits

    database = open_database(f"sqlite:{path}")
    limits = SharedLimits(lambda: database, time.time)
    claim = [Claim("bench", Kind.CALLS, "k", most, HOUR)]
    return lambda: isinstance(limits.take(claim), Reservation)


def held(path: str, most: int) -> Callable[[], bool]:
    """Return what takes and gives back a slot of ours: two transactions. All fit."""
    from ringfence.state.database import open_database
    from ringfence.state.limits import Claim, Kind, Reservation, SharedLimits

    del most
    database = open_database(f"sqlite:{path}")
    limits = SharedLimits(lambda: database, time.time)
    claim = [Claim("bench", Kind.CONCURRENT, "k", PROCESSES)]

    def take() -> bool:
        taken = limits.take(claim)
        if isinstance(taken, Reservation):
            taken.give_back(ran=True)
            return True
        return False

    return take


def bare(path: str, most: int) -> Callable[[], bool]:
    """Return what counts and inserts in one bare transaction."""
    connection = sqlite3.connect(path, timeout=5, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE IF NOT EXISTS uses (key TEXT, at REAL)")
    connection.execute("CREATE INDEX IF NOT EXISTS uses_by_key ON uses (key, at)")

    def take() -> bool:
        connection.execute("BEGIN IMMEDIATE")
        now = time.time()
        found = connection.execute("SELECT count(*) FROM uses WHERE key = 'k' AND at > ?", (now - HOUR,))
        fits: bool = found.fetchone()[0] < most
        if fits:
            connection.execute("INSERT INTO uses VALUES ('k', ?)", (now,))
        connection.execute("COMMIT")
        return fits

    return take


def pyrate(path: str, most: int) -> Callable[[], bool]:
    """Return what asks pyrate-limiter's bucket, under its own file lock: its `Limiter` would refuse where it only has to wait for that."""
    peer: Any = import_module("pyrate_limiter")
    bucket = peer.SQLiteBucket.init_from_file(
        [peer.Rate(most, HOUR * 1000)], db_path=path, use_file_lock=True
    )
    lock = bucket.limiter_lock()

    def take() -> bool:
        with lock:
            return bool(bucket.put(peer.RateItem("k", bucket.now())))

    return take


MAKERS = {OURS: ours, HELD: held, BARE: bare, PYRATE: pyrate}


def work(name: str, path: str, calls: int, most: int, start: float) -> None:
    """Be one process of a round: call, and print how that went."""
    take = MAKERS[name](path, most)
    time.sleep(max(0.0, start - time.time()))
    waits, admitted, began = [], 0, time.time()
    for _ in range(calls):
        before = time.perf_counter()
        admitted += take()
        waits.append((time.perf_counter() - before) * 1e6)
    print(
        json.dumps({"began": began, "ended": time.time(), "admitted": admitted, "waits": waits}), flush=True
    )


class Round:
    """What the processes of one round told: calls in each second, and the waits of single calls in microseconds."""

    def __init__(self, told: list[dict[str, object]]) -> None:
        began = min(float(str(each["began"])) for each in told)
        ended = max(float(str(each["ended"])) for each in told)
        self.waits = sorted(wait for each in told for wait in each["waits"])  # type: ignore[attr-defined]  # our own output
        self.admitted = sum(int(str(each["admitted"])) for each in told)
        self.per_second = len(self.waits) / (ended - began)

    def quantile(self, share: float) -> float:
        """Return the wait that so large a share of the calls did not exceed."""
        return float(self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))])


def run_round(name: str, processes: int, calls: int) -> Round | None:
    """Run one contender once; None where it is not installed."""
    most = int(processes * calls * SHARE)
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as folder:
        path = str(Path(folder) / "limits.db")
        try:
            made = MAKERS[name](path, most)  # so that the tables are there before anybody contends
        except ImportError:
            return None
        del made
        command = [sys.executable, "-m", "bench.limits", "--work", name, path, str(calls), str(most), str(time.time() + _START_SECONDS)]  # fmt: skip
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        found = Round([json.loads(each.communicate(timeout=300)[0]) for each in started])
        check(name, path, found, most)
    return found


def check(name: str, path: str, found: Round, most: int) -> None:
    """Refuse a round whose limit did not hold exactly."""
    if name in (OURS, BARE) and found.admitted != most:
        raise RuntimeError(f"{name} admitted {found.admitted} calls where {most} fit")
    if name == HELD:
        with closing(sqlite3.connect(path)) as connection:
            left = connection.execute("SELECT count(*) FROM leases").fetchone()[0]
        if left or found.admitted != len(found.waits):
            raise RuntimeError(
                f"{found.admitted} of {len(found.waits)} calls got a slot, and {left} slots are left"
            )


def measure(processes: int, calls: int, rounds: int) -> dict[str, list[Round]]:
    """Run all contenders in turn."""
    found: dict[str, list[Round]] = defaultdict(list)
    for _ in range(rounds):
        for name in CONTENDERS:
            ran = run_round(name, processes, calls)
            if ran is not None:
                found[name].append(ran)
    return found


def _figure(what: str, numbers: dict[str, list[float]], *, unit: str, floor: float, goal: float, lower: bool, name: str = OURS) -> Figure:  # fmt: skip
    """Return one figure: ours against the peer of the same kind, with the bare transaction as the limit of what can be had."""
    middles: dict[str, float | None] = {each: median(numbers[each]) if numbers.get(each) else None for each in CONTENDERS}  # fmt: skip
    mine, peer = middles[name], middles[PYRATE]
    return Figure(
        id="limits", what=what, ours=mine, ratio=mine / peer if mine and peer else None, floor=floor, goal=goal, unit=unit,
        limit=middles[BARE], peers={PYRATE: peer}, lower_is_better=lower, min=min(numbers[name]), max=max(numbers[name]),
    )  # fmt: skip


def figures(calls: int, rounds: int) -> list[Figure]:
    """Return the figures: one process alone, four that contend."""
    alone, together = measure(1, calls, rounds), measure(PROCESSES, calls, rounds)
    middle = {name: [each.quantile(0.5) for each in ran] for name, ran in alone.items()}
    rate = {name: [each.per_second for each in ran] for name, ran in together.items()}
    slow = {name: [each.quantile(0.99) for each in ran] for name, ran in together.items()}
    four = f"{PROCESSES} processes on one limit"
    return [
        _figure("one process, a limit on calls: one call", middle, unit="us", floor=1, goal=1 / 2, lower=True),
        _figure("one process, a slot taken and given back: one call", middle, unit="us", floor=1, goal=1 / 2, lower=True, name=HELD),
        _figure(f"{four} on calls: decided in each second", rate, unit="calls/s", floor=1, goal=3 / 2, lower=False),
        _figure(f"{four} on calls: p99 of one", slow, unit="us", floor=1, goal=1 / 2, lower=True),
        _figure(f"{four} on running calls: slots taken and given back", rate, unit="calls/s", floor=1, goal=3 / 2, lower=False, name=HELD),
        _figure(f"{four} on running calls: p99 of one", slow, unit="us", floor=1, goal=1 / 2, lower=True, name=HELD),
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls, to see that it works")
    parser.add_argument("--work", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, path, calls, most, start = options.work
        work(name, path, int(calls), int(most), float(start))
        return
    calls, rounds = (100, 1) if options.quick else (1000, 5)
    report("limits", figures(calls, rounds), json=options.json, also=("pyrate-limiter",))


if __name__ == "__main__":
    main()

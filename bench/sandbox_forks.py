"""What forking and confining cost by themselves, in a small interpreter of its own: prints one JSON object.

`python -I -S bench/sandbox_forks.py SRC TIMES SETUP`, where SETUP is the JSON of a zygote's setup. It forks in turn a child that just ends, and one that
enters the cage and ends, and tells the milliseconds of both, and of the entering alone, which the child times.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from time import perf_counter, process_time

_ENTERED = struct.Struct("d")
_TOLD_AT, _SPARE_AT = 3, 5


def main() -> None:
    """Measure and print."""
    sources, times, setup = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    sys.path.insert(0, sources)
    from ringfence.sandbox.inside.cage import Cage
    from ringfence.sandbox.layers import landlock  # noqa: F401 - loaded before anything is timed

    while (
        os.open(os.devnull, os.O_RDWR) < 8
    ):  # the numbers that the cage gives to its own descriptors are taken
        pass
    told, tell = os.pipe()
    cage = Cage(setup)
    cage.make_ready(0)
    taken: dict[str, list[float]] = {"bare": [], "cpu": [], "confined": [], "entering": []}
    for _ in range(times):
        _fork_bare(taken)
        _fork_confined(cage, told, tell, taken)
    print(json.dumps(taken))


def _fork_bare(taken: dict[str, list[float]]) -> None:
    start, before = perf_counter(), process_time()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    used = os.wait4(pid, 0)[2]
    taken["bare"].append((perf_counter() - start) * 1000)
    taken["cpu"].append((process_time() - before + used.ru_utime + used.ru_stime) * 1000)


def _fork_confined(cage: object, told: int, tell: int, taken: dict[str, list[float]]) -> None:
    start, parent = perf_counter(), os.getpid()
    pid = os.fork()
    if pid == 0:
        os.dup2(tell, _TOLD_AT)
        begun = perf_counter()
        cage.enter(0, parent)  # type: ignore[attr-defined]  # imported when it is known where from
        os.write(_TOLD_AT, _ENTERED.pack((perf_counter() - begun) * 1000))
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    taken["confined"].append((perf_counter() - start) * 1000)
    if status:
        raise RuntimeError(f"a child did not enter the cage: {status}")
    taken["entering"].append(_ENTERED.unpack(os.read(told, _ENTERED.size))[0])


if __name__ == "__main__":
    main()

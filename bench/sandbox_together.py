"""Many runs that sleep at once: what each holds, and how long it takes until all are alive together. It is seen from the times that they print themselves."""

from __future__ import annotations

import asyncio
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.sandbox_contenders import BARE, Wrong, check
from bench.sandbox_measure import memory
from ringfence import Profile
from ringfence.sandbox import Sandbox

if TYPE_CHECKING:
    from ringfence import Outcome

_CODE = (
    "import time; print(time.monotonic(), flush=True); time.sleep({}); print(time.monotonic(), flush=True)"
)
_MEGABYTE = 1 << 20
_MOST_SECONDS = 120


class Together(NamedTuple):
    """Many runs at once.

    Attributes:
        megabytes: what each holds, in MiB, zygote and what the host needs for it included; None where that is hidden.
        seconds: from the first submission until the last of them had begun; None where some had ended by then.

    """

    megabytes: float | None
    seconds: float | None


def ours(count: int, sleep: float) -> Together:
    """Have so many runs of ours sleep at once."""
    with Sandbox(Profile(waiting=0, running=count, queue=count)) as box:
        box.start()
        check(box.run("print(1+1)"))
        return asyncio.run(_ours(box, count, sleep))


async def _ours(box: Sandbox, count: int, sleep: float) -> Together:
    before = memory()
    begun = time.monotonic()
    code = _CODE.format(sleep)
    runs = [asyncio.ensure_future(box.arun(code)) for _ in range(count)]
    await asyncio.sleep(sleep * 0.6)
    held = await asyncio.to_thread(memory)
    ended = _ends(await asyncio.gather(*runs))
    return _together(begun, before, held, [start for start, _ in ended], [end for _, end in ended])


def _ends(outcomes: list[Outcome]) -> list[tuple[float, float]]:
    found = []
    for outcome in outcomes:
        if not outcome.success:
            raise Wrong(f"{outcome.reason}: {outcome.detail}")
        start, end = map(float, outcome.output.stdout.split())
        found.append((start, end))
    return found


def spawned(count: int) -> Together:
    """Have so many bare interpreters sleep at once; they are ended when they have been measured."""
    before = memory()
    begun = time.monotonic()
    code = _CODE.format(_MOST_SECONDS)
    started = [
        subprocess.Popen([*BARE, code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for _ in range(count)
    ]
    try:
        starts = [float(each.stdout.readline()) for each in started if each.stdout]
        held = memory()
        living = sum(each.poll() is None for each in started)
    finally:
        for each in started:
            each.kill()
        for each in started:
            each.communicate()
    if living < count:
        raise Wrong(f"{count - living} bare interpreters ended by themselves")
    return _together(begun, before, held, starts, [time.monotonic()] * count)


def _together(
    begun: float, before: int | None, held: int | None, starts: list[float], ends: list[float]
) -> Together:
    all_alive = max(starts) < min(ends)
    each = None if before is None or held is None else (held - before) / len(starts) / _MEGABYTE
    return Together(each if all_alive else None, max(starts) - begun if all_alive else None)

"""One scan in a process of its own, so that its peak of memory is its own and one that hangs can be ended.

`run()` starts the process, `python -m bench.scan_once LANGUAGE NAME` is what runs in it. The one idea: the parser and the rules are
loaded before by a first small scan, so that what is measured is the source.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import TYPE_CHECKING

from bench.scan_sources import hostile, ordinary
from ringfence.scanning import Language, scan
from ringfence.scanning.scanner import MOST_BYTES

if TYPE_CHECKING:
    from ringfence.scanning import ScanReport

ROOT = Path(__file__).parents[1]
SECONDS = 60
"""How long a scan may take before its process is ended."""
ANSWER = "answer"
"""The outcome of a source that was understood."""


@dataclass(frozen=True, slots=True)
class Once:
    """What one scan took.

    Attributes:
        size: the length of the source in characters.
        milliseconds: CPU time; all that it was given where it was ended, None where it crashed.
        megabytes: how much the process's peak of memory grew over what it held before.
        traced: the peak of what Python itself allocated, in megabytes, in a second scan; None for hostile input. It shows growth that
            the process's own memory, which is handed out in large pieces, does not.
        outcome: `answer`, the kind of the problem, `ended after 60 s` or `crashed`.

    """

    size: int
    milliseconds: float | None
    megabytes: float | None
    outcome: str
    traced: float | None = None


def run(language: Language, name: str) -> Once:
    """Scan a hostile input by its name, or ordinary text where the name is a number of characters, in a new process."""
    command = [sys.executable, "-m", "bench.scan_once", language, name]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired:
        return Once(0, 1000.0 * SECONDS, None, f"ended after {SECONDS} s")
    except subprocess.CalledProcessError as error:
        return Once(0, None, None, f"crashed: {(error.stderr.splitlines() or ['no message'])[-1]}")
    return Once(**json.loads(done.stdout))


def _once(language: Language, name: str) -> Once:
    honest = name.isdigit()
    source = ordinary(language, int(name)) if honest else hostile(language)[name]
    scan(ordinary(language, 200), language)
    before = _peak_from_now()
    start = process_time()
    report = scan(source, language)
    seconds = process_time() - start
    grown = _peak() - before
    return Once(
        len(source), 1000 * seconds, grown, _outcome(report), _traced(source, language) if honest else None
    )


def _outcome(report: ScanReport) -> str:
    if report.problem is None:
        return ANSWER
    if report.problem.message.startswith("the analyser failed"):
        return f"crashed: {report.problem.message}"
    return report.problem.kind


def _traced(source: str, language: Language) -> float:
    tracemalloc.start()
    scan(source, language, most_bytes=MOST_BYTES - 1)  # another limit, so that memory does not answer
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def _peak_from_now() -> float:
    """Set the process's peak of memory back to what it holds, where the kernel can do that, and return it in megabytes."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak()


def _peak() -> float:
    """Return the peak of memory in megabytes. `getrusage` alone would count what the starting process held (getrusage(2), ru_maxrss)."""
    with suppress(OSError):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(asdict(_once(Language(sys.argv[1]), sys.argv[2]))))

"""Who holds a lease: a process, named such that its neighbours can tell whether it is still there.

The one idea: a number of a process means something only in its own process namespace of its own boot, and with its start time, since
numbers are given again. Where one of these cannot be told, nothing is said about a holder, and its leases end by time.
"""

from __future__ import annotations

import os
import secrets
from functools import cache
from pathlib import Path

_STATE, _START = 0, 19
"""Places in /proc/PID/stat after the name in parentheses: proc_pid_stat(5), fields 3 and 22."""


@cache
def _here() -> str:
    """Return what this process can compare numbers of processes with; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"  # noqa: PTH116 - a link that leads nowhere
    except (OSError, UnicodeDecodeError):
        return ""


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def own_name() -> str:
    """Return a name for this process: where it runs, its number, its start, and something that nobody can guess."""
    found = _stat(os.getpid())
    return f"{_here()}|{os.getpid()}|{found[_START] if len(found) > _START else ''}|{secrets.token_hex(8)}"


def is_gone(name: str) -> bool:
    """Return whether a holder has certainly ended. False where that cannot be told."""
    place, _, rest = name.partition("|")
    number, _, rest = rest.partition("|")
    start = rest.partition("|")[0]
    if not place or place != _here() or not start or not (number.isascii() and number.isdigit()):
        return False
    found = _stat(int(number))
    if len(found) <= _START:
        return not Path(f"/proc/{number}").exists()
    return found[_START] != start or found[_STATE] in ("Z", "X")

"""How a run ended, told from what the kernel and the worker say: the worker is believed about its value and its exception, never about limits.

The one idea: out of memory, out of time, denied and crashed are different stories, and each is told by the one who knows it: the kernel by signal
and usage, the code's own uncaught error, or the host that ended it.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ringfence.call import Usage
from ringfence.sandbox import frames
from ringfence.sandbox.jobs import End, Limits
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from ringfence.sandbox.jobs import Job
    from ringfence.sandbox.slots import Slot

_REASONS = {each.value: each for each in (
    Reason.POLICY, Reason.MEMORY, Reason.OUTPUT, Reason.FILES, Reason.PROCESSES, Reason.CRASHED,
)}  # fmt: skip
_TICK = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01
_NEARLY = 0.9
_NO_LIMITS = Limits(float("inf"), 0, 1 << 62, 0, 0, 0, 0, 0, 0)
_MOST_DETAIL = 1000
_MOST_CODE = 255


def timed_out(job: Job) -> str:
    """Return the sentence about a run that took too long."""
    return f"it took longer than {job.limits.wall_seconds:g} s"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far; endless where it cannot be read, so that its limit is not missed."""
    try:
        return int(_proc(pid, "schedstat").split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        pass
    try:
        fields = _proc(pid, "stat").rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK
    except (OSError, ValueError, IndexError):
        return float("inf")


def memory_bytes(pid: int) -> int:
    """Return what a process holds, tables of pages included, but for what it shares with files; 0 where it has gone."""
    try:
        lines = _proc(pid, "status").splitlines()
    except OSError:
        return 0
    return sum(
        int(line.split()[1]) << 10
        for line in lines
        if line.startswith((b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:"))
    )


def unnamed_bytes(pid: int) -> int:
    """Return what a process holds on the disk in files that have no name any more, as far as this process may look."""
    total = 0
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                facts = os.stat(f"/proc/{pid}/fd/{fd}")
                if facts.st_nlink == 0 and stat.S_ISREG(facts.st_mode):
                    total += facts.st_blocks * 512
    return total


def _proc(pid: int, name: str) -> bytes:
    file = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 8192)
    finally:
        os.close(file)


def _status(pid: int, name: bytes) -> int | None:
    try:
        text = _proc(pid, "status")
        at = text.index(name) + len(name)
        return int(text[at : text.index(b"kB", at)]) << 10
    except (OSError, ValueError):
        return None


def _io(pid: int) -> tuple[int | None, int | None]:
    try:
        lines = dict(line.split(b": ") for line in _proc(pid, "io").splitlines())
        return int(lines[b"read_bytes"]), int(lines[b"write_bytes"])
    except (OSError, ValueError, KeyError):
        return None, None


def _usage_of_living(slot: Slot) -> Usage:
    """Return what a run used whose process still stands, as the kernel tells."""
    total = cpu_seconds(slot.pid)
    total = 0.0 if total == float("inf") else total
    read, written = _io(slot.pid)
    peak = _status(slot.pid, b"VmHWM:")
    before = slot.used
    if before is not None:  # a further run of a session
        total = max(total - (before.cpu_user_seconds or 0), 0.0)
        read, written = _less(read, before.read_bytes), _less(written, before.written_bytes)
    return Usage(time.monotonic() - slot.started, total, 0.0, peak, read, written, 1)


def _less(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else max(now - before, 0)


def usage_so_far(slot: Slot) -> Usage:
    """Return what a kept process has used before its next run."""
    total = cpu_seconds(slot.pid)
    read, written = _io(slot.pid)
    return Usage(0.0, 0.0 if total == float("inf") else total, 0.0, None, read, written, 1)


def _usage_of_dead(slot: Slot, message: dict[str, Any]) -> Usage:
    """Return what a run used whose process is gone: what the kernel tells its parent and, of a tree, what the keeper saw that nobody waited for."""
    user, system = message.get("user"), message.get("system")
    missed = message.get("cpu", 0.0) - (user or 0.0) - (system or 0.0)
    if user is not None and missed > _TICK:
        user += missed
    return Usage(
        time.monotonic() - slot.started, user, system, message.get("peak"), message.get("read"), message.get("written"),
        message.get("processes", 1),
    )  # fmt: skip


def left_files(slot: Slot) -> bool:
    """Return whether a run left something in `output/`."""
    try:
        with os.scandir(f"{slot.folder}/output") as entries:
            return next(iter(entries), None) is not None
    except OSError:
        return True


def answered(slot: Slot, layers: tuple[str, ...]) -> End:
    """Return the end of a run that answered, with the answer as it came."""
    end = End(
        stdout=slot.stdout.text(),
        stderr=slot.stderr.text(),
        layers=layers,
        usage=_usage_of_living(slot),
        answer=slot.answer or b"",
    )
    return end if slot.reason is None else end._replace(reason=slot.reason[0], detail=slot.reason[1])


def read(end: End) -> End:
    """Return an end with its answer read. The answer is hostile; a reason that the host found stands above what it says."""
    if not end.answer:
        return end
    try:
        said = frames.decode(end.answer)
    except frames.NotPlain:
        said = None
    end = end._replace(answer=b"")
    if type(said) is not dict:
        return (
            end
            if end.reason is not None
            else end._replace(reason=Reason.CRASHED, detail="it answered with something that is no answer")
        )
    code = said.get("code")
    end = end._replace(
        code=code if type(code) is int and 0 <= code <= _MOST_CODE else 1,
        usage=_split(end.usage, said.get("user")),
    )
    if end.reason is not None:
        return end
    return _failed(end, said) if "failed" in said else end._replace(value=said.get("value"))


def _split(usage: Usage, user: object) -> Usage:
    """Return usage whose CPU time is split into user's and system's as the worker says; their sum is the kernel's."""
    if type(user) is not float or not 0 <= user <= 1 or usage.cpu_system_seconds != 0:
        return usage
    total = usage.cpu_user_seconds or 0.0
    return usage._replace(cpu_user_seconds=total * user, cpu_system_seconds=total * (1 - user))


def _failed(end: End, said: dict[str, Any]) -> End:
    reason = _REASONS.get(said["failed"] if type(said["failed"]) is str else "", Reason.CRASHED)
    line = said.get("line")
    return end._replace(
        reason=reason, detail=_said(said, "detail") or "the code failed", kind=_said(said, "kind"), text=_said(said, "text"),
        line=line if type(line) is int and 0 <= line < 1 << 31 else 0,
    )  # fmt: skip


def _said(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return value[: _MOST_DETAIL * 10] if type(value) is str else ""


def completed(slot: Slot, ended: End | None, message: dict[str, Any], layers: tuple[str, ...]) -> End:
    """Return the end of a run whose process is gone: what it answered, if it did, with what the kernel says that it used."""
    if ended is None:
        return died(slot, message, layers)
    usage = _usage_of_dead(slot, message)._replace(wall_seconds=ended.usage.wall_seconds)
    passed = _told_by_keeper(slot, message)
    if passed is not None and ended.reason is None:  # it answered at the moment at which it had to end
        return ended._replace(reason=passed[0], detail=passed[1], usage=usage)
    return ended._replace(usage=usage)


def died(slot: Slot, message: dict[str, Any], layers: tuple[str, ...]) -> End:
    """Return the end of a run whose process ended without an answer."""
    usage = _usage_of_dead(slot, message)
    end = End(stdout=slot.stdout.text(), stderr=slot.stderr.text(), layers=layers, usage=usage)
    code = os.waitstatus_to_exitcode(message["status"]) if "status" in message else None
    end = end._replace(code=code)
    if slot.reason is not None:
        return end._replace(reason=slot.reason[0], detail=slot.reason[1])
    reason, detail = _told_by_keeper(slot, message) or _told_by_kernel(slot, usage, code)
    return end._replace(reason=reason, detail=detail)


def told(slot: Slot, message: dict[str, Any]) -> str:
    """Return how the process of a session ended, between or in its runs."""
    code = os.waitstatus_to_exitcode(message["status"]) if "status" in message else None
    reason, detail = _told_by_keeper(slot, message) or _told_by_kernel(
        slot, _usage_of_dead(slot, message), code
    )
    return "its process has ended" if reason is Reason.CRASHED and code in (None, 0) else detail


def _told_by_keeper(slot: Slot, message: dict[str, Any]) -> tuple[Reason, str] | None:
    """Return the limit that the whole tree of a run's processes passed; None where it passed none."""
    limits, verdict = slot.limits, message.get("verdict")
    if limits is None or not verdict:
        return None
    return {
        "memory": (Reason.MEMORY, f"its processes used more than {limits.memory >> 20:,} MB"),
        "processes": (Reason.PROCESSES, f"it had more than {limits.processes} processes and threads"),
        "cpu": (Reason.CPU, f"it used more than {limits.cpu_seconds:g} s of CPU time"),
    }[verdict]


def _told_by_kernel(slot: Slot, usage: Usage, code: int | None) -> tuple[Reason, str]:
    limits = slot.limits or _NO_LIMITS
    full = (usage.peak_memory_bytes or 0) >= limits.memory * _NEARLY
    if code == 1 and full:  # there was none left to say so with
        return Reason.MEMORY, "it ended when its memory was used up"
    if code is None or code >= 0:
        what = "it ended without a result" if code == 0 else f"it ended with the code {code}"
        return Reason.CRASHED, what
    used = (usage.cpu_user_seconds or 0) + (usage.cpu_system_seconds or 0)
    if code in (-signal.SIGXCPU, -signal.SIGKILL) and used >= limits.cpu_seconds:
        return Reason.CPU, f"it used more than {limits.cpu_seconds:g} s of CPU time"
    killed_for_memory = code == -signal.SIGKILL and slot.group is not None and slot.group.ran_out()
    if killed_for_memory or full:
        return Reason.MEMORY, "it ended when its memory was used up"
    if code == -signal.SIGXFSZ:
        return Reason.FILES, "it wrote a larger file than is granted"
    return Reason.CRASHED, f"it was ended by {_signal_name(-code)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"the signal {number}"


def untold(error: Exception) -> End:
    """Return the end of a run about which nothing could be told, for a fault of ours: it must end all the same."""
    return End(Reason.CRASHED, f"its end could not be told: {type(error).__name__}")


def without_worker(slot: Slot, reason: Reason, detail: str, layers: tuple[str, ...]) -> End:
    """Return the end of a run whose worker went down with its zygote."""
    usage = Usage(time.monotonic() - slot.started)
    return End(
        reason, detail, stdout=slot.stdout.text(), stderr=slot.stderr.text(), layers=layers, usage=usage
    )

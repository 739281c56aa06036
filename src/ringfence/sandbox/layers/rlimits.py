"""Resource limits: what the kernel counts per process. Every other way to use more (pipes, sockets, many processes) is another layer's.

The one idea: a soft limit that tells the code and a hard one right behind it that does not ask.
"""

from __future__ import annotations

import os

try:
    import resource  # here and not in each child, which would have to load it anew
except ImportError:  # on Windows, where only `probe` is called
    resource = None  # type: ignore[assignment]

from ringfence.sandbox.layers.fact import Fact

MB = 1024 * 1024
_STACK = 8 * MB


def apply(
    *, memory: int, cpu: int, file_size: int, open_files: int, by: str = "AS", processes: int | None = None
) -> None:
    """Limit this process and those it starts.

    Arguments:
        memory: bytes of address space (`by="AS"`) or of private writable memory (`by="DATA"`), all in all.
        cpu: whole seconds of CPU time.
        file_size: bytes of the largest file.
        open_files: descriptors.
        by: which of the two ways memory is counted in; engines that reserve far more than they use need the second.
        processes: processes of this user id; None where the id is shared with others.

    Raises:
        OSError, ValueError: a limit lies above what this process may set.

    """
    _lower(getattr(resource, f"RLIMIT_{by}"), memory, memory)
    _lower(resource.RLIMIT_CPU, cpu, cpu + 1)
    _lower(resource.RLIMIT_FSIZE, file_size, file_size)
    _lower(resource.RLIMIT_NOFILE, open_files, open_files)
    if processes is not None:
        _lower(resource.RLIMIT_NPROC, processes, processes)


def _lower(limit: int, soft: int, hard: int) -> None:
    """Lower a limit; where it lies below already, it stays."""
    _, most = resource.getrlimit(limit)
    if most != resource.RLIM_INFINITY:
        soft, hard = min(soft, most), min(hard, most)
    resource.setrlimit(limit, (soft, hard))


def rehearse() -> None:
    """Go once through what limiting does, with a limit that is as low as it can be already."""
    _lower(resource.RLIMIT_MEMLOCK, 0, 0)


def apply_fixed(*, shown: bool = False) -> None:
    """Set the limits that are the same for every run: no core dump, no locked memory, no message queues, no priority.

    Arguments:
        shown: whether processes of the same user may look into a run. The kernel dumps such a process to a program (`core_pattern`) even under
            a limit of 0; a limit of 1 byte is its word for neither program nor file.

    """
    for name in ("CORE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO", "SIGPENDING"):
        limit = getattr(resource, f"RLIMIT_{name}", None)
        if limit is not None:
            value = {"SIGPENDING": 64, "CORE": int(shown)}.get(name, 0)
            resource.setrlimit(limit, (value, value))
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    most = _STACK if hard == resource.RLIM_INFINITY else min(hard, _STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (most, most))


def raise_open_files() -> None:
    """Let this process have as many descriptors as it may: a zygote holds a few for each worker."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def bound_processes(most: int) -> None:
    """Let this process's user have so many processes and threads, as far as this process is concerned, and those it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def in_use(by: str, proc: int) -> int:
    """Return how much of what limits memory this process has already, in bytes.

    Arguments:
        by: as for `apply`.
        proc: a descriptor of `/proc`.

    """
    name = "self/statm" if by == "AS" else "self/status"
    file = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)
    text = os.read(file, 1 << 14)
    os.close(file)
    if by == "AS":
        return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(b"VmData"))


def user_share() -> float:
    """Return which part of this process's CPU time was its own, and not the kernel's for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    total = used.ru_utime + used.ru_stime
    return used.ru_utime / total if total else 1.0


def probe() -> Fact:
    """Tell whether there are limits: on every Unix there are."""
    if os.name != "posix":
        return Fact(False, 0, "this system has no resource limits", "Run on Linux.")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Fact(True, 1, f"descriptors {soft} of {hard}", "")

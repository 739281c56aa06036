"""Those who run a snippet in a process: ours with workers that wait and without, spawning, and the peers of the sandbox tier.

Each opens to a function that runs `print(1+1)` once and raises where the result is not the right one. Peers confine as our default profile does,
as far as they can: no network, nothing to write, the interpreter's files to read, 512 MB, few processes. One that is not installed is not there.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import OURS
from ringfence import Profile
from ringfence.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ringfence import Outcome

CODE = "print(1+1)"
PRINTED = "2\n"
NUMPY = "import numpy; print(int(numpy.arange(10).sum()))"
PYTHON = os.path.realpath(sys.executable)
"""The interpreter itself: a virtual environment's link to it starts later."""
BARE = [PYTHON, "-I", "-S", "-c"]
ON_DEMAND, SPAWN, LIMITED, BWRAP, SANDLOCK, MONTY = (
    "ringfence_on_demand",
    "spawn",
    "spawn_rlimits",
    "bubblewrap",
    "sandlock",
    "monty_pooled",
)
DISTRIBUTIONS = ("sandlock", "pydantic-monty", "numpy", "quickjs-rs")
_MEMORY_MB = 512
_MONTY_PROCESSES = 16
_READ = ("/usr", "/lib", "/lib64", sys.base_prefix)


class Wrong(Exception):
    """A run that did not end as it must."""


class Contender(NamedTuple):
    """One way to run a snippet.

    Attributes:
        name: how reports call it.
        opened: opens to what runs the snippet once; it may be called from several threads.
        installed: whether it is there.

    """

    name: str
    opened: Callable[[], AbstractContextManager[Callable[[], object]]]
    installed: bool = True


def check(outcome: Outcome, printed: str = PRINTED) -> None:
    """Raise `Wrong` where a run of ours did not succeed or printed something else."""
    if not outcome.success or outcome.output.stdout != printed:
        raise Wrong(f"{outcome.reason}: {outcome.detail} {outcome.output}")


def _check_printed(printed: str | bytes | None, expected: str = PRINTED) -> None:
    if (printed.decode() if isinstance(printed, bytes) else printed) != expected:
        raise Wrong(repr(printed))


def boxed(
    profile: Profile, code: str = CODE, language: str = "python", printed: str = PRINTED
) -> Callable[[], AbstractContextManager[Callable[[], object]]]:
    """Return what opens a sandbox of ours, started, and runs a snippet in it."""

    @contextmanager
    def opened() -> Iterator[Callable[[], object]]:
        with Sandbox(profile) as box:
            box.start(language)
            yield lambda: check(box.run(code, language), printed)

    return opened


def command(
    arguments: Sequence[str], printed: str = PRINTED, before: Callable[[], object] | None = None
) -> Callable[[], AbstractContextManager[Callable[[], object]]]:
    """Return what opens to a function that runs a command to its end."""

    def run() -> None:
        done = subprocess.run(arguments, capture_output=True, check=True, preexec_fn=before)
        _check_printed(done.stdout, printed)

    @contextmanager
    def opened() -> Iterator[Callable[[], object]]:
        yield run

    return opened


def _limit() -> None:
    memory = _MEMORY_MB << 20
    for which, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, 61),
        (resource.RLIMIT_FSIZE, 100 << 20),
        (resource.RLIMIT_NOFILE, 100),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))


def _bubblewrap() -> list[str]:
    shown = [word for path in _READ if Path(path).exists() for word in ("--ro-bind", path, path)]
    rest = ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    return [shutil.which("bwrap") or "bwrap", *shown, *rest, "--unshare-all", "--die-with-parent", "--new-session", *BARE, CODE]  # fmt: skip


@contextmanager
def _sandlock() -> Iterator[Callable[[], object]]:
    """Open one sandbox of sandlock's for each thread: it holds one process at a time."""
    make = import_module("sandlock").Sandbox
    own = threading.local()

    def run() -> None:
        if not hasattr(own, "box"):
            readable = [path for path in (*_READ, "/etc", "/dev") if Path(path).exists()]
            own.box = make(fs_readable=readable, max_memory=f"{_MEMORY_MB}M", max_processes=5)
        result = own.box.run([*BARE, CODE], timeout=60)
        _check_printed(result.stdout)

    yield run


@contextmanager
def _monty() -> Iterator[Callable[[], object]]:
    """Open a pool of monty's workers, which are no CPython and are used again; each run gets a session of its own."""
    with import_module("pydantic_monty").Monty(min_processes=2, max_processes=_MONTY_PROCESSES) as pool:

        def run() -> None:
            with pool.checkout() as session:
                if session.feed_run("1+1") != 2:
                    raise Wrong(MONTY)

        yield run


PEERS = (
    Contender(SPAWN, command([*BARE, CODE])),
    Contender(LIMITED, command([*BARE, CODE], before=_limit)),
    Contender(BWRAP, command(_bubblewrap()), shutil.which("bwrap") is not None),
    Contender(SANDLOCK, _sandlock, find_spec("sandlock") is not None),
    Contender(MONTY, _monty, find_spec("pydantic_monty") is not None),
)
WAITING = Contender(OURS, boxed(Profile()))
DEMANDED = Contender(ON_DEMAND, boxed(Profile(waiting=0)))
JAVASCRIPT = (
    Contender(OURS, boxed(Profile(), "console.log(1+1)", "javascript"), find_spec("quickjs_rs") is not None),
    Contender("node", command(["node", "-e", "console.log(1+1)"]), shutil.which("node") is not None),
)
PRELOADED = (
    Contender(
        OURS, boxed(Profile(preload=("numpy",)), NUMPY, printed="45\n"), find_spec("numpy") is not None
    ),
    Contender(
        ON_DEMAND,
        boxed(Profile(preload=("numpy",), waiting=0), NUMPY, printed="45\n"),
        find_spec("numpy") is not None,
    ),
    Contender(
        "fresh_import",
        command([sys.executable, "-I", "-c", NUMPY], printed="45\n"),
        find_spec("numpy") is not None,
    ),
)

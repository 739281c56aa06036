"""Watching a policy file: a daemon thread that reloads a guard's policy when its file changed, and never harms the old one."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    class Reloadable(Protocol):
        """What is watched for: the guard."""

        def reload(self) -> None:
            """Read the policy file again."""

    Stamp = tuple[int, int, int] | None


def watch(guard: Reloadable, path: Path, seconds: float, seen: Stamp) -> Callable[[], None]:
    """Reload the guard whenever its file changed. It ends with the guard, which the thread does not keep alive.

    Arguments:
        guard: the guard; a refused reload leaves its policy in force, and is recorded by `reload` itself.
        path: its policy file.
        seconds: how often to look.
        seen: the file's stamp from before its policy was read.

    Returns:
        What stops the watching.

    """
    stop = threading.Event()
    reference = weakref.ref(guard, lambda _: stop.set())
    threading.Thread(
        target=_look, args=(reference, path, seconds, stop, seen), name="ringfence-policy", daemon=True
    ).start()
    return stop.set


def _look(
    reference: weakref.ref[Reloadable], path: Path, seconds: float, stop: threading.Event, seen: Stamp
) -> None:
    while not stop.wait(seconds):
        found = file_stamp(path)
        guard = reference()
        if guard is None:
            return
        if found != seen:
            seen = found
            _reload(guard)
        del guard


def _reload(guard: Reloadable) -> None:
    try:
        guard.reload()
    except RingfenceError as error:
        import logging  # noqa: PLC0415 - a program without a policy fault does not need it

        logging.getLogger("ringfence").warning("the old policy stays in force: %s", error)


def file_stamp(path: Path) -> Stamp:
    """Return what changes when a file does; None while it is not there, as between two steps of a careless writer."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino

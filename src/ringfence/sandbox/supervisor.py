"""What the sandboxes of one process share: the loop, the housekeeper, the base folder, and the pools by their setup.

The one idea: it belongs to the process that made it. A forked child forgets it and makes its own; the end of the interpreter closes it.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ringfence.sandbox.folders import Base
from ringfence.sandbox.layers import cgroup
from ringfence.sandbox.loop import Loop
from ringfence.sandbox.pools import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.sandbox.lines import Size


class Housekeeper:
    """A thread that does, one after the other, what may take long.

    Arguments:
        name: of the thread.

    """

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __call__(self, work: Callable[[], object]) -> None:
        """Hand over work."""
        self._work.put(work)

    def close(self) -> None:
        """Do what was handed over, and end."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            with suppress(
                Exception
            ):  # of one run's folder: it stays out of use, and the base folder goes as a whole
                work()


class Supervisor:
    """Everything that the sandboxes of this process share.

    Raises:
        OSError: no folder could be made, or no descriptors are left.

    """

    def __init__(self) -> None:
        self.base = Base()
        cgroup.sweep()
        self.loop = Loop()
        self.housekeepers = (Housekeeper("ringfence-cleaning"), Housekeeper("ringfence-collecting"))
        self._pools: dict[str, tuple[Pool, int]] = {}
        self._numbers = itertools.count()
        self._slot_numbers = itertools.count()
        self._lock = threading.Lock()

    def open_pool(self, setup: Mapping[str, Any], size: Size, key: str = "") -> Pool:
        """Return the pool of a setup and size, which others may have open too. Each opening needs a `close_pool`."""
        key = json.dumps([key, setup, size.waiting, size.running, size.queue], sort_keys=True)
        with self._lock:
            pool, users = self._pools.get(key, (None, 0))
            if pool is None:
                folder = f"{self.base.path}/{next(self._numbers)}"
                pool = Pool(setup, size, self.loop, folder, self.housekeepers, self._slot_numbers)
            self._pools[key] = (pool, users + 1)
            return pool

    def close_pool(self, pool: Pool) -> None:
        """Close a pool, if nobody else has it open."""
        with self._lock:
            key = next((key for key, (each, _) in self._pools.items() if each is pool), None)
            if key is None:
                return
            users = self._pools[key][1] - 1
            if users:
                self._pools[key] = (pool, users)
                return
            del self._pools[key]
        pool.close()

    def close(self) -> None:
        """Close every pool, and all that is shared."""
        with self._lock:
            pools, self._pools = self._pools, {}
        for pool, _ in pools.values():
            pool.close()
        for housekeeper in self.housekeepers:
            housekeeper.close()
        self.loop.close()
        self.base.close()

    def forget(self) -> None:
        """Let go of everything, in a forked child."""
        for pool, _ in self._pools.values():
            pool.forget()
        self.loop.forget()
        self.base.forget()


_lock = threading.Lock()
_current: Supervisor | None = None


def supervisor() -> Supervisor:
    """Return this process's supervisor; it is made when it is first asked for."""
    global _current  # noqa: PLW0603 - one per process is the point
    with _lock:
        if _current is None:
            _current = Supervisor()
        return _current


def shut_down() -> None:
    """Close this process's supervisor, if it has one."""
    global _current
    with _lock:
        found, _current = _current, None
    if found is not None:
        found.close()


def _after_fork_in_child() -> None:
    global _current, _lock  # noqa: PLW0603
    _lock = threading.Lock()
    found, _current = _current, None
    if found is not None:
        found.forget()


atexit.register(shut_down)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

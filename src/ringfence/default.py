"""The default guard: what tools use that were given none. Set it with `configure`, or name a policy file in RINGFENCE_POLICY."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ringfence.errors import NoGuard
from ringfence.guard import Guard
from ringfence.policy.model import Policy

if TYPE_CHECKING:
    from pathlib import Path

    from ringfence.tool import Tool

ENVIRONMENT = "RINGFENCE_POLICY"


class _Default:
    """The default guard of the process, and the tools that wait for one."""

    def __init__(self) -> None:
        self.guard: Guard | None = None
        self.tools: list[Tool] = []
        self.lock = threading.RLock()

    def use(self, guard: Guard) -> Guard:
        with self.lock:
            for tool in self.tools:
                guard.register(tool)
            self.guard = guard
        return guard

    def from_environment(self) -> Guard:
        with self.lock:
            path = os.environ.get(ENVIRONMENT, "")
            if self.guard is None and not path:
                raise NoGuard
            return self.guard or self.use(Guard.from_file(path))

    def declare(self, tool: Tool) -> None:
        with self.lock:
            self.tools.append(tool)
            if self.guard is not None:
                self.guard.register(tool)


_default = _Default()


def configure(source: Guard | Policy | str | Path) -> Guard:
    """Set the default guard, and return it. A guard that was the default before stays open; close it yourself.

    Arguments:
        source: a guard, a policy, or the path of a policy file.

    Raises:
        PolicyError, PluginError, RecordError: as for `Guard`; the default stays what it was.

    """
    if isinstance(source, Guard):
        return _default.use(source)
    return _default.use(Guard(source) if isinstance(source, Policy) else Guard.from_file(source))


def default_guard() -> Guard:
    """Return the default guard, made from the file that RINGFENCE_POLICY names where none was configured.

    Raises:
        NoGuard: none was configured, and the variable is not set.
        PolicyError, PluginError, RecordError: the file that it names cannot be used.

    """
    return _default.guard or _default.from_environment()


def declare(tool: Tool) -> None:
    """Register a tool with the default guard, the present one and every later one."""
    _default.declare(tool)

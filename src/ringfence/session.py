"""What one conversation has done so far: a `Session` holds the caller, and counts the calls made in it.

The caller travels in a context variable, so two threads or tasks never see each other's. The one idea: outside of
`Guard.acting_as` there is a caller too, nobody, and nobody has no rights.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

from ringfence.call import NOBODY
from ringfence.policy.match import fits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.call import Principal, ToolCall
    from ringfence.verdict import Verdict


class Authority(Protocol):
    """What stands behind a session that somebody logged in to."""

    @property
    def may_block(self) -> bool:
        """Whether asking it may wait for another machine, so that an event loop must not."""

    @property
    def widest(self) -> Principal | None:
        """The caller with all roles that were left out when the session was narrowed; None where none were."""

    def judge(self, call: ToolCall) -> Verdict | None:
        """Return the objection to a call in the session; None where there is none."""


MOST_COUNTED = 1000
"""How many calls of each tool a session remembers the time of: a policy counts no further."""


class History:
    """What a session's calls were, as far as rules ask: which tools were called, when, and which calls gave a value.

    It stays small: of each tool the last thousand times, and whether it ever began or succeeded, which is never forgotten. Two calls that a rule counts
    never pass it together: `lock` is held while one is asked about and entered.

    Attributes:
        lock: to hold while counting and entering as one.

    """

    __slots__ = ("_begun", "_succeeded", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._begun: dict[str, deque[float]] = {}
        self._succeeded: set[str] = set()

    def enter(self, tool: str, at: float) -> None:
        """Note that a call of a tool was admitted."""
        times = self._begun.get(tool)
        if times is None:
            with self.lock:
                times = self._begun.setdefault(tool, deque(maxlen=MOST_COUNTED))
        times.append(at)

    def leave(self, tool: str, at: float) -> None:
        """Take back that a call was admitted: it did not run after all."""
        with suppress(KeyError, ValueError):
            self._begun[tool].remove(at)

    def succeed(self, tool: str) -> None:
        """Note that a call of a tool gave a value."""
        self._succeeded.add(tool)

    def has_succeeded(self, pattern: str) -> bool:
        """Return whether a call of a tool of this name or pattern gave a value."""
        return any(fits(tool, pattern) for tool in tuple(self._succeeded))

    def has_begun(self, pattern: str) -> bool:
        """Return whether a call of a tool of this name or pattern was admitted, whatever became of it."""
        with self.lock:
            return any(bool(times) and fits(tool, pattern) for tool, times in self._begun.items())

    def count(self, patterns: Iterable[str], since: float | None = None) -> int:
        """Return how many calls of tools of these names or patterns were admitted after a moment, in seconds since the epoch; None: ever."""
        wanted = tuple(patterns)
        with self.lock:
            return sum(
                len(times) if since is None else sum(at > since for at in tuple(times))
                for tool, times in self._begun.items()
                if any(fits(tool, pattern) for pattern in wanted)
            )


class Session:
    """One conversation of one principal.

    Arguments:
        id: sixteen hexadecimal digits, unique; empty for nobody's.
        principal: who is calling.

    Attributes:
        admitted: how many calls were admitted in it, by tool.
        refused: how many were not, by tool.
        history: what rules ask about earlier calls.
        labels: where plugins keep what they know of the conversation, by plugin: which values came from where, for example.
        authority: what stands behind it; None where somebody simply acts as a user.

    """

    __slots__ = ("__weakref__", "admitted", "authority", "history", "id", "labels", "principal", "refused")

    def __init__(self, id: str, principal: Principal) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.principal = principal
        self.authority: Authority | None = None
        self.admitted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.history = History()
        self.labels: dict[str, object] = {}

    def __repr__(self) -> str:
        return f"Session({self.id!r}, user={self.principal.user!r})"


_current: ContextVar[Session | None] = ContextVar("ringfence_session", default=None)


def current_session() -> Session:
    """Return the session that this thread or task acts in; a new one of nobody where there is none."""
    return _current.get() or Session("", NOBODY)


@contextmanager
def acting_in(session: Session) -> Iterator[Session]:
    """Act in this session until the block ends, in this thread or task and the tasks started from it."""
    token = _current.set(session)
    try:
        yield session
    finally:
        _current.reset(token)

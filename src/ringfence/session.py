"""What one conversation has done so far: a `Session` holds the caller, and counts the calls made in it.

The caller travels in a context variable, so two threads or tasks never see each other's. The one idea: outside of
`Guard.acting_as` there is a caller too, nobody, and nobody has no rights.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ringfence.call import NOBODY
from ringfence.policy.match import fits
from ringfence.policy.model import MOST_COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.call import Principal, ToolCall
    from ringfence.verdict import Verdict


IDENTITY = "identity"
"""The check that speaks for an authority."""


class Authority(Protocol):
    """What stands behind a session that somebody logged in to."""

    @property
    def may_block(self) -> bool:
        """Whether asking it may wait for another machine, so that an event loop must not."""

    @property
    def widest(self) -> Principal | None:
        """The caller with all roles that were left out when the session was narrowed; None where none were."""

    @property
    def root(self) -> str:
        """The id of the session from which it was made, step by step; its own where it was not."""

    def judge(self, call: ToolCall) -> Verdict | None:
        """Return the objection to a call in the session; None where there is none."""


_KEPT = 2 * MOST_COUNTED
MOST_TOOLS = 4096
MOST_RECENT = 256


class PastCall(NamedTuple):
    """One call in a session's history that has come to its end.

    Arguments:
        call_id: the id under which the record holds it.
        tool: the registered name.
        at: when it was admitted, in seconds since the epoch.
        succeeded: whether it gave a value.

    """

    call_id: str
    tool: str
    at: float
    succeeded: bool


class _Seen:
    """What is known of the calls of one tool, for ever: whether any succeeded and any gave no value; and when the last ones were admitted."""

    __slots__ = ("failed", "succeeded", "times")

    def __init__(self) -> None:
        self.succeeded = False
        self.failed = False
        self.times: deque[float] = deque(maxlen=_KEPT)


class History:
    """The calls of a session: which tool, when, and whether it gave a value.

    It stays small. That a tool was called at all is never forgotten; of the times the last two thousand of each tool are kept, twice what a policy
    may ask about; of the calls themselves the last 256. Beyond 4096 different tools it is no longer kept apart which of them were called: each
    might have been. Nothing that is forgotten lets a call pass.

    Every change is a single step of a dictionary or deque, so noting a call needs no lock; whoever asks looks at a copy.

    Attributes:
        lock: held while earlier calls are asked about and a call is entered, so that both are one step.

    """

    __slots__ = ("_others", "_recent", "_running", "_tools", "lock")

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._recent: deque[tuple[str, str, float, bool]] = deque(maxlen=MOST_RECENT)
        self._running: dict[str, tuple[str, float]] = {}
        self._tools: dict[str, _Seen] = {}
        self._others: _Seen | None = None

    @property
    def recent(self) -> tuple[PastCall, ...]:
        """The last calls that came to their end, the newest at the end."""
        return tuple(PastCall(*past) for past in self._recent.copy())

    def enter(self, call_id: str, tool: str, at: float) -> None:
        """Note that a call was admitted.

        Arguments:
            call_id: its id.
            tool: its registered name.
            at: when, in seconds since the epoch.

        """
        seen = self._tools.get(tool) or self._first(tool)
        self._running[call_id] = tool, at
        seen.times.append(at)

    def _first(self, tool: str) -> _Seen:
        if len(self._tools) < MOST_TOOLS:
            return self._tools.setdefault(tool, _Seen())
        if self._others is None:
            self._others = _Seen()
        return self._others

    def settle(self, call_id: str, *, ran: bool, succeeded: bool) -> None:
        """Note what became of a call that was entered.

        Arguments:
            call_id: its id.
            ran: whether the tool's body was entered.
            succeeded: whether it gave a value.

        """
        entered = self._running.get(call_id)
        if entered is None:
            return
        tool, at = entered
        seen = self._tools.get(tool) or self._first(tool)
        if succeeded:
            seen.succeeded = True
        elif ran:
            seen.failed = True
        self._recent.append((call_id, tool, at, succeeded))
        self._running.pop(
            call_id, None
        )  # last, so that there is no moment in which it seems never to have been

    def leave(self, call_id: str) -> None:
        """Take back that a call was entered: it was not admitted after all."""
        tool, at = self._running.pop(call_id, ("", 0.0))
        seen = self._tools.get(tool, self._others)
        if seen is not None:
            with suppress(ValueError):
                seen.times.remove(at)

    def called(self, pattern: str) -> bool | None:
        """Return whether a call of a tool of this name or pattern gave a value.

        Returns:
            None where that cannot be told: one is running, or ran and gave no value, or might be among what is no longer kept apart.

        """
        if any(fits(tool, pattern) for tool, _ in tuple(self._running.values())):
            running: bool | None = None
        else:
            running = None if self._others is not None else False
        found = [seen for tool, seen in tuple(self._tools.items()) if fits(tool, pattern)]
        if any(seen.succeeded for seen in found):
            return True
        return None if any(seen.failed for seen in found) else running

    def count(self, patterns: Iterable[str], since: float | None = None) -> int:
        """Return how many calls of tools of these names or patterns were admitted after a moment, or ever; beyond two thousand a tool, so many.

        Arguments:
            patterns: names or patterns.
            since: the moment, in seconds since the epoch; None: ever.

        """
        wanted = tuple(patterns)
        found = [
            seen.times
            for tool, seen in tuple(self._tools.items())
            if any(fits(tool, pattern) for pattern in wanted)
        ]
        if self._others is not None:
            found.append(self._others.times)
        if since is None:
            return sum(map(len, found))
        later = float(since).__lt__  # three times as fast as a generator
        return sum(sum(map(later, times.copy())) for times in found)


class Session:
    """One conversation of one principal.

    Arguments:
        id: sixteen hexadecimal digits, unique; empty for nobody's.
        principal: who is calling.

    Attributes:
        admitted: how many calls were admitted in it, by tool.
        refused: how many were not, by tool.
        history: its calls, as far as they are kept.
        facts: what plugins know of the conversation, one value for each, by the plugin's name: which calls' values came from where, for example.
            Whoever puts something in keeps it small.
        authority: what stands behind it; None where somebody simply acts as a user.

    """

    __slots__ = ("__weakref__", "admitted", "authority", "facts", "history", "id", "principal", "refused")

    def __init__(self, id: str, principal: Principal) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.principal = principal
        self.authority: Authority | None = None
        self.admitted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.history = History()
        self.facts: dict[str, object] = {}

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

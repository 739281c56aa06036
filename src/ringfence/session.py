"""What one conversation has done so far: a `Session` holds the caller, and counts the calls made in it.

The caller travels in a context variable, so two threads or tasks never see each other's. The one idea: outside of
`Guard.acting_as` there is a caller too, nobody, and nobody has no rights.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ringfence.call import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.call import Principal


class Session:
    """One conversation of one principal.

    Arguments:
        id: sixteen hexadecimal digits, unique; empty for nobody's.
        principal: who is calling.

    Attributes:
        admitted: how many calls were admitted in it, by tool.
        refused: how many were not, by tool.

    """

    __slots__ = ("admitted", "id", "principal", "refused")

    def __init__(self, id: str, principal: Principal) -> None:  # noqa: A002 - the field's name
        self.id = id
        self.principal = principal
        self.admitted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

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

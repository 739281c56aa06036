"""The history of sessions, given or rebuilt: what ran, what was refused, what gave a value. The gate itself notes it as calls go by.

The one idea: a session's history here is what happened, not what the policy that is tried would have let happen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.session import Session
from ringfence.trying.recorded import Recorded, RecordedEnd

if TYPE_CHECKING:
    from ringfence.call import Principal

NO_SESSION = "0" * 16
"""The id of a session that was made up."""


def begin(session: Session, tool: str, at: float, call: str) -> None:
    """Put a call that was admitted into a session's history.

    Arguments:
        session: the session.
        tool: the tool's name.
        at: when, in seconds since the epoch.
        call: its id.

    """
    session.admitted[tool] += 1
    session.history.enter(call, tool, at)


def succeed(session: Session, tool: str, at: float) -> None:
    """Put a call that was admitted and gave a value into a session's history. Arguments as for `begin`; its id is made up."""
    call = f"made-up-{session.admitted.total()}"
    begin(session, tool, at, call)
    session.history.settle(call, ran=True, succeeded=True)


class Sessions:
    """The sessions of a log, rebuilt record by record."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def of(self, call: Recorded) -> Session:
        """Return the session of a call as it was before it."""
        session = self._sessions.get(call.session)
        if session is None:
            session = Session(call.session, call.asked.principal)
            if call.session:  # nobody's calls have no session
                self._sessions[call.session] = session
        session.principal = call.asked.principal
        return session

    def note(self, record: Recorded | RecordedEnd) -> None:
        """Take in what a record says about its session."""
        if isinstance(record, RecordedEnd):
            self._end(record)
            return
        session, tool = self.of(record), record.asked.tool
        if record.ran:
            begin(session, tool, record.asked.at, record.call)
        else:
            session.refused[tool] += 1

    def _end(self, end: RecordedEnd) -> None:
        session = self._sessions.get(end.session)
        if session is not None:
            session.history.settle(end.call, ran=end.executed, succeeded=end.succeeded)


def made_up_session(principal: Principal) -> Session:
    """Return a session without a history."""
    return Session(NO_SESSION, principal)

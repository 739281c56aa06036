"""What this room reports: each log-in, refusal and change of an account becomes a `SecurityEvent` in the guard's record.

The one idea: whoever is let in stands in the record before that, so where the event cannot be written nobody is let in.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ringfence.errors import RecordError
from ringfence.events import SecurityEvent
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.clock import Clock

_LEVELS = {
    "login-failed": ThreatLevel.LOW,
    "login-busy": ThreatLevel.MEDIUM,
    "account-locked": ThreatLevel.MEDIUM,
    "token-refused": ThreatLevel.MEDIUM,
    "key-set-unavailable": ThreatLevel.HIGH,
    "key-set-changed": ThreatLevel.LOW,
}
_LONGEST_NAME = 200


class Reports:
    """Writes the events of one `Identity`.

    Arguments:
        report: takes an event, and returns whether it stands in the record.
        clock: the time.

    """

    def __init__(self, report: Callable[[SecurityEvent], bool], clock: Clock) -> None:
        self._report = report
        self._clock = clock

    def note(
        self,
        kind: str,
        description: str,
        *,
        user: str = "",
        session: str = "",
        address: str = "",
        blocked: bool = False,
        **facts: object,
    ) -> bool:
        """Report something, and return whether it stands in the record."""
        where = {"user": user, "session": session, "address": address}
        return self._report(self._event(kind, description, where, blocked=blocked, facts=facts))

    def _event(
        self,
        kind: str,
        description: str,
        where: Mapping[str, str],
        *,
        facts: dict[str, object],
        blocked: bool = False,
    ) -> SecurityEvent:
        return SecurityEvent(
            secrets.token_hex(8),
            kind,
            _LEVELS.get(kind, ThreatLevel.INFO),
            description,
            self._clock.read(),
            "identity",
            user=where["user"][:_LONGEST_NAME],
            session=where["session"],
            address=where["address"],
            blocked=blocked,
            facts=facts,
        )

    def require(
        self,
        kind: str,
        description: str,
        *,
        user: str = "",
        session: str = "",
        address: str = "",
        **facts: object,
    ) -> None:
        """Report what may only be where it stands in the record.

        Raises:
            RecordError: it could not be written.

        """
        where = {"user": user, "session": session, "address": address}
        if not self._report(self._event(kind, description, where, facts=facts)):
            raise RecordError(
                f"the event {kind} could not be recorded",
                "Look at the log: nothing is granted that it does not hold.",
            )

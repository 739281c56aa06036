"""`ThreatLevel`: how bad a finding or an event is."""

from __future__ import annotations

from enum import IntEnum


class ThreatLevel(IntEnum):
    """How bad it is. Critical is always blocked."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()

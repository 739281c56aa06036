"""What the gate and its detectors report: `SecurityEvent`, ranked by a `ThreatLevel`.

An event is a fact about a call or about the gate itself, not a verdict: it never changes what happens to the call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One thing that a security person may want to know.

    Arguments:
        id: sixteen hexadecimal digits, unique.
        kind: what happened, in lower-case words joined by hyphens, such as `plugin-failed` or `policy-rejected`.
        level: how bad it is.
        description: a sentence for a person; no secret and no argument value in it.
        at: seconds since the epoch.
        detector: the plugin or the part of the gate that reported it.
        user, tool, session, call_id, address: what it is about; empty where it does not apply.
        blocked: whether the call was stopped.
        actions: what was done about it.
        facts: further facts, as plain values.

    """

    id: str
    kind: str
    level: ThreatLevel
    description: str
    at: float
    detector: str = ""
    user: str = ""
    tool: str = ""
    session: str = ""
    call_id: str = ""
    address: str = ""
    blocked: bool = False
    actions: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether every field is of its own type and no other: a plugin's event may hold anything."""
        texts = (
            self.id,
            self.kind,
            self.description,
            self.detector,
            self.user,
            self.tool,
            self.session,
            self.call_id,
            self.address,
        )
        kinds = (type(self.level), type(self.blocked), type(self.actions), type(self.facts))
        sound = kinds == (ThreatLevel, bool, tuple, dict) and type(self.at) in (int, float)
        return sound and all(type(text) is str for text in (*texts, *self.actions))

"""What the gate says about a call: one `Verdict` per check, and `combine()` that makes one of many.

Nothing here knows what a tool, a role or a plugin is. The one idea: verdicts form an order
(broken over deny over ask over allow), the strictest one wins, and silence is a denial.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Decision(StrEnum):
    """What may happen to a call: it runs, a person decides, or it does not run."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Reason(StrEnum):
    """Why a call has no result: a closed list, the same for every tier.

    The first eleven are what a runner or a check can find; `ARGUMENTS`, `WITHHELD` and `GUARD` belong to the gate
    itself: arguments that do not fit the tool, a result that inspection held back, a gate that broke.
    """

    POLICY = "policy"
    SCAN = "scan"
    TIMEOUT = "timeout"
    CPU = "cpu"
    MEMORY = "memory"
    OUTPUT = "output"
    FILES = "files"
    PROCESSES = "processes"
    CRASHED = "crashed"
    CANCELLED = "cancelled"
    UNAVAILABLE = "unavailable"
    ARGUMENTS = "arguments"
    WITHHELD = "withheld"
    GUARD = "guard"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's opinion of one call.

    Arguments:
        decision: allow, ask or deny.
        message: a sentence for a person, naming what was expected and what came.
        rule: the id of the rule that spoke, as `ringfence explain` prints it.
        check: the plugin that spoke; the guard fills it in.
        reason: why a denied call does not run; meaningless on allow.
        hint: what the model or the person can do instead; shown to the model.
        retry: whether the same call may succeed later without a change of policy.

    """

    decision: Decision
    message: str
    rule: str = ""
    check: str = ""
    reason: Reason = Reason.POLICY
    hint: str = ""
    retry: bool = False

    @property
    def allowed(self) -> bool:
        """Whether the call may run without asking anyone."""
        return self.decision is _ALLOW

    @property
    def sound(self) -> bool:
        """Whether every field is of its own type and no other: a plugin's verdict may hold anything."""
        texts = (self.message, self.rule, self.check, self.hint)
        kinds = (type(self.decision), type(self.reason), type(self.retry))
        return kinds == (Decision, Reason, bool) and all(type(text) is str for text in texts)

    @property
    def broken(self) -> bool:
        """Whether this is no opinion but a gate that failed, and therefore denies."""
        return self.decision is Decision.DENY and self.reason is Reason.GUARD


SILENCE = Verdict(
    Decision.DENY,
    "no check had an opinion, and the default is to deny",
    rule="nobody-spoke",
    hint="Give the tool a role or permissions, or allow it by name in a role of the caller.",
)
"""The verdict on a call about which nobody spoke."""

# An enumeration's member costs a slow look-up each time it is named, and a slower one as the key of a dictionary.
_ALLOW, _ASK, _GUARD = Decision.ALLOW, Decision.ASK, Reason.GUARD


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Make one verdict of many: a broken gate over deny over ask over allow; an empty list denies.

    Among equally strict verdicts the first one wins, so the answer names the check that stands first in the guard's order.
    """
    strictest: Verdict | None = None
    strength = -1
    for verdict in verdicts:
        found = _strength(verdict)
        if found > strength:
            strictest, strength = verdict, found
    return SILENCE if strictest is None else strictest


def _strength(verdict: Verdict) -> int:
    if verdict.decision is _ALLOW:
        return 0
    if verdict.decision is _ASK:
        return 1
    return 3 if verdict.reason is _GUARD else 2

"""A policy against the record: what it would have said about each call of a log, and where that differs.

Each call is judged at its place in its session, after the calls that ran before it in truth: what an agent would have done after
another answer nobody knows. The one idea: a call that hangs on a value which the record does not hold is `unknown`, never guessed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ringfence.trying.change import Change, change
from ringfence.trying.history import Sessions
from ringfence.trying.recorded import Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.session import Session
    from ringfence.trying.judging import Trial
    from ringfence.trying.recorded import RecordedEnd
    from ringfence.verdict import Verdict

MASKED = "the policy reads a value that the record masks or cuts"
DECORATED = "the tool's own decorator spoke, and its module was not given"


@dataclass(frozen=True, slots=True)
class Simulated:
    """One recorded call under another policy.

    Attributes:
        recorded: the call.
        verdict: what the policy says; None where that is not known.
        why: why it is not known.

    """

    recorded: Recorded
    verdict: Verdict | None
    why: str = ""

    @property
    def change(self) -> Change:
        """How the policy differs from the record here."""
        return change(self.recorded.decision, None if self.verdict is None else self.verdict.decision)


def simulate(
    records: Iterable[Recorded | RecordedEnd], trial: Trial, since: float | None = None
) -> Iterator[Simulated]:
    """Yield what a policy says about each call that the policy of its time was asked about.

    Arguments:
        records: from `recorded_calls`.
        trial: the policy.
        since: judge only calls of this time or later, in seconds since the epoch; earlier ones count as history.

    """
    sessions = Sessions()
    for record in records:
        if isinstance(record, Recorded) and record.judged and (since is None or record.asked.at >= since):
            yield _simulated(record, trial, sessions.of(record))
        sessions.note(record)


def _simulated(call: Recorded, trial: Trial, session: Session) -> Simulated:
    tool = call.asked.tool
    if tool not in trial.tools and (call.decorated or (call.scanned and not _declares_code(trial, tool))):
        return Simulated(call, None, DECORATED)
    verdict = trial.decide(call.asked, session)
    return Simulated(call, verdict, MASKED if verdict is None else "")


def _declares_code(trial: Trial, tool: str) -> bool:
    """Return whether the policy itself says which arguments of a tool hold code."""
    return any(rule.code for rule in trial.policy.rules_for(tool).values())


@dataclass(slots=True)
class Summary:
    """How many calls changed, and how.

    Attributes:
        calls: how many were judged.
        pairs: how many by the decision in the record and the new one; the new one is "unknown" where it is not known.
        changes: how many by kind of change.

    """

    calls: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    changes: Counter[Change] = field(default_factory=Counter)

    def count(self, found: Simulated) -> None:
        """Count one call."""
        new = "unknown" if found.verdict is None else found.verdict.decision.value
        self.calls += 1
        self.pairs[found.recorded.decision.value, new] += 1
        self.changes[found.change] += 1

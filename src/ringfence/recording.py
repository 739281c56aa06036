"""Step 7: what the gate writes to the log, and what becomes of a call whose record cannot be written.

The log itself lives in `audit/`. The one idea: a log that fails is a gate that fails, so the call is denied or its result withheld.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.errors import RecordError
from ringfence.refusals import broken
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.admission import Admission
    from ringfence.audit import AuditLog
    from ringfence.call import Outcome
    from ringfence.events import SecurityEvent
    from ringfence.verdict import Verdict


class Recording:
    """Writes one guard's record.

    Arguments:
        log: where it goes; None keeps none.

    """

    def __init__(self, log: AuditLog | None) -> None:
        self._log = log

    def intent(self, admission: Admission, verdicts: Sequence[Verdict]) -> RecordError | None:
        """Record that a call is about to run; return the failure where it could not be, for then the call must not."""
        if self._log is None:
            return None
        version, observed = admission.force.policy.version, admission.observed
        try:
            self._log.intent(
                admission.call, admission.verdict, verdicts, policy_version=version, observed=observed
            )
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            return _record_failure(error)
        return None

    def refusal(self, admission: Admission, verdicts: Sequence[Verdict], outcome: Outcome) -> Outcome:
        """Record a call that does not run; return its outcome, which is a broken gate where it could not be recorded."""
        if self._log is None:
            return outcome
        call, verdict, version = admission.call, admission.verdict, admission.force.policy.version
        try:
            self._log.refusal(call, verdict, verdicts, policy_version=version, outcome=outcome)
        except Exception as error:  # noqa: BLE001 - likewise
            return _broken_outcome(outcome, _record_failure(error))
        return outcome

    def outcome(self, admission: Admission, outcome: Outcome) -> Outcome:
        """Record what became of a call that ran; return it, without its value where it could not be recorded."""
        if self._log is None:
            return outcome
        try:
            self._log.outcome(admission.call, outcome, policy_version=admission.force.policy.version)
        except Exception as error:  # noqa: BLE001 - likewise
            return _broken_outcome(outcome, _record_failure(error))
        return outcome

    def event(self, event: SecurityEvent) -> bool:
        """Record an event; return whether it could be. Where not, the call's own record will fail too, and says so."""
        try:
            if self._log is not None:
                self._log.event(event)
        except Exception:  # noqa: BLE001 - likewise
            return False
        return True


def _record_failure(error: Exception) -> RecordError:
    """Return the log's failure as an error of ours, the original one as its cause."""
    if isinstance(error, RecordError):
        return error
    failed = RecordError(f"the log raised {type(error).__name__}", "Report it: this is a fault of Ringfence.")
    failed.__cause__ = error
    return failed


def _broken_outcome(outcome: Outcome, error: RecordError) -> Outcome:
    verdict = broken("record", error)
    return outcome._replace(
        verdict=verdict,
        value=None,
        reason=Reason.GUARD,
        detail=error.message,
        error=error,
        observed=False,
    )

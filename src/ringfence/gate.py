"""The gate's two halves: `admit` decides about a call and records the intent, `settle` inspects and records what became of it.

Between the two somebody runs the tool: the guard through a runner, or a framework by itself. The one idea: whatever fails in
here ends in a denial or a withheld result, named after the part that failed, and both halves leave a record.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ringfence.admission import Admission
from ringfence.asking import failure
from ringfence.call import Outcome, ToolCall
from ringfence.errors import RecordError, RingfenceError
from ringfence.events import SecurityEvent, ThreatLevel
from ringfence.refusals import UNDECIDED, broken, do_not_fit, too_many, unavailable, unknown
from ringfence.runners.outcomes import raised
from ringfence.session import current_session
from ringfence.state.slots import Slots
from ringfence.tool import Tool, is_bare_method
from ringfence.verdict import Decision, Reason, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ringfence.audit import AuditLog
    from ringfence.clock import Clock
    from ringfence.in_force import InForce
    from ringfence.registry import Registry
    from ringfence.session import Session

_ASK = Decision.ASK
_UNBOUNDED = 1 << 62
_BULK = 256
_SOFT = (Reason.POLICY, Reason.SCAN)
"""The reasons that observe mode lets pass. What cannot run, and a gate that broke, stay denied."""


_ids: list[str] = []


def new_id() -> str:
    """Return sixteen hexadecimal digits from the system's random source, which `secrets` would only wrap. Asked in bulk: it is slow."""
    try:
        return _ids.pop()
    except IndexError:
        digits = os.urandom(8 * _BULK).hex()
        _ids.extend(digits[start : start + 16] for start in range(16, len(digits), 16))
        return digits[:16]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.clear)  # parent and child must not give the same ids


class Gate:
    """Decides and records for one guard.

    Arguments:
        registry: the guard's tools.
        log: the record; None keeps none.
        clock: the time.

    """

    def __init__(self, registry: Registry, log: AuditLog | None, clock: Clock) -> None:
        self.slots = Slots()
        self._registry = registry
        self._log = log
        self._clock = clock
        self._dropped: deque[Callable[[], object]] = deque()

    def drop(self, settle: Callable[[], object]) -> None:
        """Settle a call later, at the next one or at `settle_dropped`: for what the garbage collector finds, in any thread at any time.

        It may run while this very thread holds a lock of the gate or of the log, so nothing may be locked here.
        """
        self._dropped.append(settle)

    def settle_dropped(self) -> None:
        """Settle what was dropped."""
        while self._dropped:
            try:
                settle = self._dropped.popleft()
            except IndexError:  # another thread was quicker
                return
            settle()

    def admit(
        self,
        force: InForce,
        tool: str | Tool,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        *,
        receiver: object = None,
        runnable: bool = False,
    ) -> Admission:
        """Take a call through steps 1 to 4, and record the intent or the refusal.

        Arguments:
            force: the policy in force.
            tool: a registration, or the name of one.
            args: positional arguments, without a receiver.
            kwargs: keyword arguments.
            receiver: the object that a method is called on.
            runnable: whether the caller runs the tool itself, and so needs no function here.

        """
        if self._dropped:
            self.settle_dropped()
        session = current_session()
        failures: list[RingfenceError] = []
        call, refusal = self._make_call(
            new_id(), force, session, tool, args, kwargs, failures, runnable=runnable
        )
        admission = Admission(call, UNDECIDED, session, force, failures)
        if refusal is None and not runnable and receiver is None and is_bare_method(call.tool):
            refusal = do_not_fit("it is a method: call it on its object")
        try:
            if refusal is None:
                verdicts = force.asking.judge(call, force.policy, session, failures)
                admission.verdict = self._decide(admission, combine(verdicts))
            else:
                verdicts, admission.verdict = [refusal], refusal
            self._record_decision(admission, verdicts)
        except BaseException:  # exit or interrupt: nothing runs
            self._give_back(admission)
            raise
        return admission

    def judge(
        self, force: InForce, tool: str | Tool, kwargs: Mapping[str, object]
    ) -> tuple[ToolCall, Verdict | None, list[Verdict]]:
        """Take a call through steps 1 and 2 only: no approval, no reservation, no record.

        Returns:
            The call, the gate's own refusal where nobody could be asked about it, and what the plugins said.

        """
        session = current_session()
        call, refusal = self._make_call("", force, session, tool, (), kwargs, [], runnable=True)
        if refusal is not None:
            return call, refusal, [refusal]
        return call, None, force.asking.judge(call, force.policy, session, [])

    def _make_call(
        self,
        call_id: str,
        force: InForce,
        session: Session,
        tool: str | Tool,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        failures: list[RingfenceError],
        *,
        runnable: bool,
    ) -> tuple[ToolCall, Verdict | None]:
        """Return the call with its arguments bound, and the refusal where there can be no opinion about it."""
        refusal = None
        bound: Mapping[str, object] = {}
        if _is_no_tool(tool):
            name = f"<{type(tool).__name__}>"
            tool, refusal = Tool(name), unknown(name, self._registry.tools, known_to_policy=False)
        elif type(kwargs) is not dict and not _is_mapping(kwargs):
            refusal, kwargs = do_not_fit("they are no mapping of names to values"), {}
        if isinstance(tool, str):
            known = self._registry.tools.get(tool)
            tool, refusal = (
                (known, refusal) if known is not None else self._unregistered(force, tool, runnable=runnable)
            )
        if tool.signature is None or refusal is not None:
            bound = dict(kwargs)  # a copy: the caller's own mapping may change after it was judged
        else:
            try:
                bound = tool.signature.bind(args, kwargs)
            except Exception as error:  # noqa: BLE001 - an adapter's signature runs the framework's validation
                refusal = do_not_fit(str(error) if isinstance(error, TypeError) else type(error).__name__)
                bound = dict(kwargs)
        try:
            now = self._clock.now()
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            now, refusal = self._now(), broken("clock", failure("clock", error, failures))
        return ToolCall(call_id, tool, MappingProxyType(bound), session.principal, session.id, now), refusal

    def _unregistered(self, force: InForce, name: str, *, runnable: bool) -> tuple[Tool, Verdict | None]:
        """Return a stand-in for a tool without registration, and the refusal unless a framework runs it and the policy names it."""
        known = force.policy.names_tool(name)
        tools = self._registry.tools
        return Tool(name[:200]), None if known and runnable else unknown(name, tools, known_to_policy=known)

    def _decide(self, admission: Admission, verdict: Verdict) -> Verdict:
        """Return what stands after the plugins have spoken: a runner and a slot must be there, and a person may have to agree.

        The slot comes before the person: waiting calls count as running ones, so nobody can keep all approvers busy.
        """
        observing = admission.force.observing
        asked = verdict.decision is _ASK and not observing
        if not (verdict.allowed or asked or (observing and verdict.reason in _SOFT)):
            return verdict
        lacking = self._reserve(admission)
        if lacking is not None:
            verdict = lacking
        elif asked:
            verdict = admission.force.asking.approve(admission.call, verdict, admission.failures)
        if not verdict.allowed:
            admission.observed = observing and admission.holds_slot
            if not admission.observed:
                self._give_back(admission)
        return verdict

    def _reserve(self, admission: Admission) -> Verdict | None:
        """Find the runner and take a slot for a call; return the refusal where one is not to be had."""
        force, call = admission.force, admission.call
        ruling = force.policy.ruling(call.principal.roles, call.tool)
        runner = force.runners.get(ruling.tier)
        if runner is None:
            return unavailable(f"no runner serves the tier {ruling.tier}")
        try:
            lacks = runner.missing(ruling.profile)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            return broken("runner", failure(f"runner {ruling.tier}", error, admission.failures))
        if lacks:
            return unavailable(lacks)
        admission.runner, admission.profile = runner, ruling.profile
        admission.holds_slot = self.slots.take(call.principal.user, ruling.rights.concurrent_runs)
        if admission.holds_slot:
            return None
        if force.observing:
            admission.holds_slot = self.slots.take(call.principal.user, _UNBOUNDED)
        return too_many(ruling.rights.concurrent_runs)

    def _give_back(self, admission: Admission) -> None:
        if admission.holds_slot:
            admission.holds_slot = False
            self.slots.give_back(admission.call.principal.user)

    def _record_decision(self, admission: Admission, verdicts: Sequence[Verdict]) -> None:
        verdict, tool = admission.verdict, admission.call.tool.name
        if verdict.allowed or admission.observed:
            try:
                self._write_intent(admission, verdicts)
            except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
                failed = _record_failure(error)
                self._give_back(admission)
                admission.failures.append(failed)
                admission.observed = False
                admission.verdict = broken("record", failed)
            else:
                admission.session.admitted[tool] += 1
                return
        admission.session.refused[tool] += 1
        self._refuse(admission, verdicts)

    def _write_intent(self, admission: Admission, verdicts: Sequence[Verdict]) -> None:
        if self._log is not None:
            version = admission.force.policy.version
            self._log.intent(
                admission.call,
                admission.verdict,
                verdicts,
                policy_version=version,
                observed=admission.observed,
            )

    def _refuse(self, admission: Admission, verdicts: Sequence[Verdict]) -> None:
        """Settle a call that does not run: observers see it, and one record holds it."""
        call, verdict = admission.call, admission.verdict
        error = admission.failures[0] if admission.failures else None
        outcome = Outcome(
            call.id, call.tool.name, verdict, reason=verdict.reason, detail=verdict.message, error=error
        )
        outcome = self._observe(admission, outcome)
        try:
            if self._log is not None:
                version = admission.force.policy.version
                self._log.refusal(call, verdict, verdicts, policy_version=version, outcome=outcome)
        except Exception as failed:  # noqa: BLE001 - likewise
            outcome = _broken_outcome(outcome, _record_failure(failed))
        admission.outcome = outcome
        admission.settled = True

    def settle(self, admission: Admission, outcome: Outcome) -> Outcome:
        """Take an outcome through steps 6 and 7, give the slot back, and return what may be handed on."""
        if admission.settled:
            return admission.outcome or outcome
        admission.settled = True
        admission.outcome = self._settle(admission, outcome)
        return admission.outcome

    def _settle(self, admission: Admission, outcome: Outcome) -> Outcome:
        if type(outcome) is not Outcome:
            outcome = self.runner_failed(admission, TypeError(f"it returned a {type(outcome).__name__}"))
        try:
            if admission.observed:
                outcome = outcome._replace(observed=True)
            if outcome.reason is None and admission.force.asking.inspectors:
                outcome = self.inspect(admission, outcome)
            outcome = self._observe(admission, outcome)
        except (
            BaseException
        ) as error:  # exit or interrupt while plugins look at it: it stands in the record all the same
            self._record_outcome(admission, raised(admission.call, admission.verdict, error, 0.0))
            raise
        finally:
            self._give_back(admission)
        return self._record_outcome(admission, outcome)

    def _record_outcome(self, admission: Admission, outcome: Outcome) -> Outcome:
        try:
            if self._log is not None:
                self._log.outcome(admission.call, outcome, policy_version=admission.force.policy.version)
        except Exception as error:  # noqa: BLE001 - likewise
            return _broken_outcome(outcome, _record_failure(error))
        return outcome

    def runner_failed(self, admission: Admission, error: Exception) -> Outcome:
        """Return the outcome of a call whose runner raised. Whether the tool ran is unknown, so it counts as executed."""
        call, part = admission.call, f"{admission.runner.tier} runner"
        failed = failure(part, error, admission.failures)
        verdict = broken("runner", failed)
        return Outcome(
            call.id, call.tool.name, verdict, True, reason=Reason.GUARD, detail=failed.message, error=failed
        )

    def cancel(self, admission: Admission) -> Outcome:
        """Settle an admitted call that was given up before it ran."""
        call, detail = admission.call, "the call was given up before it ran"
        outcome = Outcome(call.id, call.tool.name, admission.verdict, reason=Reason.CANCELLED, detail=detail)
        return self.settle(admission, outcome)

    def seconds_since(self, call: ToolCall) -> float:
        """Return how long ago a call was made."""
        return max(0.0, self._now() - call.at)

    def _now(self) -> float:
        """Return the time, jump or not; 0 where the clock fails, which the call's own record says already."""
        try:
            return self._clock.read()
        except Exception:  # noqa: BLE001 - likewise
            return 0.0

    def inspect(self, admission: Admission, outcome: Outcome) -> Outcome:
        """Return the outcome, or one without the value where a plugin objects to it."""
        failures: list[RingfenceError] = []
        objection = admission.force.asking.inspect(admission.call, outcome, admission.session, failures)
        if objection is None:
            return outcome
        if admission.force.observing and not objection.broken:
            return outcome._replace(verdict=objection, observed=True)
        reason = Reason.GUARD if objection.broken else Reason.WITHHELD
        error = failures[0] if failures else None
        return outcome._replace(
            verdict=objection, value=None, reason=reason, detail=objection.message, error=error
        )

    def _observe(self, admission: Admission, outcome: Outcome) -> Outcome:
        asking = admission.force.asking
        if not asking.observers:
            return outcome
        events = asking.observe(admission.call, outcome, admission.session, new_id)
        for event in events:
            self.report(admission.force, event)
        return outcome._replace(events=tuple(events)) if events else outcome

    def report(self, force: InForce, event: SecurityEvent) -> None:
        """Record an event and pass it on. The log may fail here: the call's own record will fail too, and says so."""
        failed = force.asking.notify(event, new_id)
        if self._log is None:
            return
        for record in (event, *failed):
            try:
                self._log.event(record)
            except RecordError:
                return

    def event(self, kind: str, level: ThreatLevel, description: str, detector: str) -> SecurityEvent:
        """Return an event about the gate itself."""
        return SecurityEvent(new_id(), kind, level, description, self._now(), detector=detector)


def _is_no_tool(value: object) -> bool:
    return not isinstance(value, str | Tool)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


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

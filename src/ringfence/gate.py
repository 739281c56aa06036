"""The gate's two halves: `admit` decides about a call and records the intent, `settle` inspects and records what became of it.

Between the two somebody runs the tool: the guard through a runner, or a framework by itself. The one idea: whatever fails in
here ends in a denial or a withheld result, named after the part that failed, and both halves leave a record.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ringfence.admission import Admission
from ringfence.approvals.approver import APPROVAL
from ringfence.asking import failure
from ringfence.call import Outcome
from ringfence.events import SecurityEvent
from ringfence.incoming import new_id
from ringfence.policy.limits import limits_of_both
from ringfence.policy.model import Tier
from ringfence.refusals import UNDECIDED, broken, do_not_fit, too_many, unavailable
from ringfence.runners.outcomes import raised, returned
from ringfence.session import IDENTITY, current_session
from ringfence.state.slots import Slots
from ringfence.threat import ThreatLevel
from ringfence.tool import is_bare_method
from ringfence.verdict import Decision, Reason, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ringfence.call import ToolCall
    from ringfence.errors import RingfenceError
    from ringfence.in_force import InForce
    from ringfence.incoming import Incoming
    from ringfence.limiting import Limiter
    from ringfence.policy.limits import FittingLimit
    from ringfence.recording import Recording
    from ringfence.tool import Tool

_ASK, _INLINE = Decision.ASK, Tier.INLINE
_UNBOUNDED = 1 << 62
_SOFT = (Reason.POLICY, Reason.SCAN)
"""The reasons that observe mode lets pass. What cannot run, a session that is over, and a gate that broke stay denied."""
_ANOTHER_POLICY = Verdict(
    Decision.DENY,
    "the policy changed while a person decided",
    rule="approval-policy",
    check=APPROVAL,
    hint="Call again.",
    retry=True,
)
_ANOTHER_CALLER = Verdict(
    Decision.DENY,
    "the caller's rights changed while a person decided",
    rule="approval-caller",
    check=APPROVAL,
    hint="Call again.",
    retry=True,
)


class Gate:
    """Decides and records for one guard.

    Arguments:
        incoming: makes its calls.
        recording: writes its record.
        limiter: counts its calls where the policy limits them over all processes.
        in_force: returns what is in force at this moment.

    """

    def __init__(
        self, incoming: Incoming, recording: Recording, limiter: Limiter, in_force: Callable[[], InForce]
    ) -> None:
        self.slots = Slots()
        self._in_force = in_force
        self._limiter = limiter
        self._incoming = incoming
        self._recording = recording
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
        runs_itself: bool = False,
        approval: str = "",
    ) -> Admission:
        """Take a call through steps 1 to 4, and record the intent or the refusal.

        Arguments:
            force: the policy in force.
            tool: a registration, or the name of one.
            args: positional arguments, without a receiver.
            kwargs: keyword arguments.
            receiver: the object that a method is called on.
            runnable: whether the caller brings what runs, and so needs no function here.
            runs_itself: whether the caller runs it too, so that no runner can.
            approval: the id of an approval that was given before; empty: a person is asked where the policy asks.

        """
        if self._dropped:
            self.settle_dropped()
        session = current_session()
        failures: list[RingfenceError] = []
        call, refusal = self._incoming.make_call(
            new_id(), force, session, tool, args, kwargs, failures, runnable=runnable
        )
        admission = Admission(call, UNDECIDED, session, force, failures, approval=approval)
        if refusal is None and not runnable and receiver is None and is_bare_method(call.tool):
            refusal = do_not_fit("it is a method: call it on its object")
        try:
            if refusal is None:
                verdicts = force.asking.judge(call, force.policy, session, failures)
                admission.verdict = self._decide(admission, verdicts, runs_itself=runs_itself)
            else:
                verdicts, admission.verdict = [refusal], refusal
            self._record_decision(admission, verdicts)
        except BaseException:  # exit or interrupt: nothing runs
            self._leave(admission)
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
        call, refusal = self._incoming.make_call("", force, session, tool, (), kwargs, [], runnable=True)
        if refusal is not None:
            return call, refusal, [refusal]
        return call, None, force.asking.judge(call, force.policy, session, [])

    def _decide(self, admission: Admission, verdicts: Sequence[Verdict], *, runs_itself: bool) -> Verdict:
        """Return what stands after the plugins have spoken: a runner and a slot must be there, and a person may have to agree.

        The slot comes before the person: waiting calls count as running ones, so nobody can keep all approvers busy.
        """
        verdict = combine(verdicts)
        if verdict.allowed:
            lacking = self._reserve(admission, runs_itself=runs_itself)
            return verdict if lacking is None else self._lacking(admission, lacking)
        observing = admission.force.observing
        asked = verdict.decision is _ASK and not observing
        if not (asked or (observing and verdict.reason in _SOFT)):
            return verdict
        if observing and (ended := next((said for said in verdicts if said.check == IDENTITY), None)):
            return ended
        lacking = self._reserve(admission, runs_itself=runs_itself)
        if lacking is None and asked:
            answer = self._ask(admission, verdict)
            return answer if answer.allowed else self._lacking(admission, answer)
        return self._lacking(admission, lacking or verdict)

    def _ask(self, admission: Admission, verdict: Verdict) -> Verdict:
        asking, call = admission.force.asking, admission.call
        answer = (
            asking.redeem(admission.approval, call, verdict, admission.failures)
            if admission.approval
            else asking.approve(call, verdict, admission.failures)
        )
        return answer if not answer.allowed else self._denied_by_now(admission) or answer

    def _denied_by_now(self, admission: Admission) -> Verdict | None:
        """Return the refusal of a call that a person allowed, where it may not run any more: they may have taken minutes.

        Meanwhile its session may have ended, its caller may have lost a role, its time may be over, and the policy may be another one.
        """
        force, session, call = admission.force, admission.session, admission.call
        if self._in_force().policy.version != force.policy.version:
            return _ANOTHER_POLICY
        now = call._replace(at=self._incoming.now(), principal=session.principal)
        said = combine(force.asking.judge(now, force.policy, session, admission.failures))
        if said.decision is Decision.DENY:
            return said
        return None if now.principal == call.principal else _ANOTHER_CALLER

    def _lacking(self, admission: Admission, verdict: Verdict) -> Verdict:
        """Return the refusal of a call that may have a slot: it gives it back, or runs all the same where it is only observed."""
        admission.observed = admission.force.observing and admission.holds_slot and not verdict.broken
        if not admission.observed:
            self._give_back(admission)
        return verdict

    def _reserve(self, admission: Admission, *, runs_itself: bool) -> Verdict | None:
        """Find the runner and take a slot for a call; return the refusal where one is not to be had."""
        force, call = admission.force, admission.call
        ruling = force.policy.ruling(call.principal.roles, call.tool)
        runner = force.runners.get(ruling.tier)
        if runner is None:
            return unavailable(f"no runner serves the tier {ruling.tier}")
        if runs_itself and runner.tier is not _INLINE:
            return unavailable(
                f"{call.tool.name} is run by its own framework, or gives its items one by one, so not in the tier {ruling.tier}"
            )
        try:
            lacks = runner.missing(ruling.profile)
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            return broken("runner", failure(f"runner {ruling.tier}", error, admission.failures))
        if lacks:
            return unavailable(lacks)
        admission.runner, admission.profile = runner, ruling.profile
        limits = ruling.limits
        admission.rules = ((call.principal, ruling.rules),) if ruling.rules.asks_history else ()
        widest = None if admission.session.authority is None else admission.session.authority.widest
        if widest is not None:  # what was handed on to the session leaves out no limit and no count
            wide = force.policy.ruling(widest.roles, call.tool)
            limits = limits_of_both(limits, wide.limits)
            admission.rules += ((widest, wide.rules),) if wide.rules.asks_history else ()
        admission.holds_slot = self.slots.take(call.principal.user, ruling.rights.concurrent_runs)
        if admission.holds_slot:
            return self._take_limits(admission, limits) if limits else None
        if force.observing:
            admission.holds_slot = self.slots.take(call.principal.user, _UNBOUNDED)
        return too_many(ruling.rights.concurrent_runs)

    def _take_limits(self, admission: Admission, limits: Sequence[FittingLimit]) -> Verdict | None:
        """Take what a call needs of the limits that all processes share; return the refusal where there is not enough left."""
        call, authority = admission.call, admission.session.authority
        # Sessions that were made from one another count as one, or whoever makes them would never reach a limit.
        counted = call if authority is None else call._replace(session=authority.root)
        taken = self._limiter.take(counted, limits, admission.failures)
        if not isinstance(taken, Verdict):
            admission.reservation = taken
            return None
        return taken

    def _give_back(self, admission: Admission, *, ran: bool = False) -> None:
        """Give back what a call holds; where it did not run, what it counted for in its limits too."""
        if admission.holds_slot:
            admission.holds_slot = False
            self.slots.give_back(admission.call.principal.user)
        reservation, admission.reservation = admission.reservation, None
        if reservation is not None:
            try:
                reservation.give_back(ran=ran)
            except Exception as error:  # noqa: BLE001 - the call has ended already, and what it held ends by time
                text = f"what call {admission.call.id} held of its limits could not be given back: {type(error).__name__}"
                self.report(admission.force, self.event("limits-held", ThreatLevel.LOW, text, "limits"))

    def _record_decision(self, admission: Admission, verdicts: Sequence[Verdict]) -> None:
        tool = admission.call.tool.name
        if admission.verdict.allowed or admission.observed:
            late = self._enter(admission) if admission.rules else None
            if not admission.rules:
                admission.session.history.enter(admission.call.id, tool, admission.call.at)
                admission.entered = True
            if late is not None:
                verdicts = [*verdicts, late]
            failed = self._recording.intent(admission, verdicts) if admission.entered else None
            if admission.entered and failed is None:
                admission.session.admitted[tool] += 1
                return
            self._leave(admission)
            self._give_back(admission)
            if failed is not None:
                admission.failures.append(failed)
                admission.verdict = broken("record", failed)
            admission.observed = False
        admission.session.refused[tool] += 1
        self._refuse(admission, verdicts)

    def _enter(self, admission: Admission) -> Verdict | None:
        """Enter a call into the session's history; return the refusal where rules about earlier calls forbid it by now.

        Between its verdict and this moment another call of the session could have been admitted, and a person may have taken minutes.
        """
        call, session = admission.call, admission.session
        now = self._incoming.now()  # the call itself may be older: a person has looked at it
        tallies = admission.force.policy.tallies
        with tallies.lock, session.history.lock:
            try:
                late = self._late(admission, now)
                if late is not None:
                    admission.verdict = late
                    admission.observed = admission.force.observing and not late.broken
                if late is None or admission.observed:
                    seconds = max(rules.user_seconds for _, rules in admission.rules)
                    if seconds:
                        tallies.enter(call.principal.user, call.tool.name, now, seconds)
                    session.history.enter(call.id, call.tool.name, now)
                    admission.entered = True
            except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
                late = admission.verdict = broken("rules", failure("rules", error, admission.failures))
        return late

    @staticmethod
    def _late(admission: Admission, now: float) -> Verdict | None:
        """Return the refusal of a call that was allowed, where the rules say otherwise by now. What a person allowed is not asked again."""
        if admission.observed:
            return None
        for principal, rules in admission.rules:
            said = rules.judge(admission.call._replace(at=now, principal=principal), admission.session)
            approved = said is not None and said.decision is _ASK and admission.verdict.check == APPROVAL
            if said is not None and not said.allowed and not approved:
                return replace(said, decision=Decision.DENY)
        return None

    def _leave(self, admission: Admission) -> None:
        """Take back that a call was entered: it does not run."""
        if admission.entered:
            admission.entered = False
            admission.session.history.leave(admission.call.id)

    def _refuse(self, admission: Admission, verdicts: Sequence[Verdict]) -> None:
        """Settle a call that does not run: observers see it, and one record holds it."""
        call, verdict = admission.call, admission.verdict
        error = admission.failures[0] if admission.failures else None
        outcome = Outcome(
            call.id, call.tool.name, verdict, reason=verdict.reason, detail=verdict.message, error=error
        )
        admission.outcome = self._recording.refusal(admission, verdicts, self._observe(admission, outcome))
        admission.settled = True

    def settle(self, admission: Admission, outcome: Outcome) -> Outcome:
        """Take an outcome through steps 6 and 7, give the slot back, and return what may be handed on."""
        if admission.settled:
            return admission.outcome or _being_settled(outcome)
        admission.settled = True
        try:
            admission.outcome = self._settle(admission, outcome)
        finally:
            settled = admission.outcome
            ran = True if settled is None else settled.executed
            succeeded = settled is not None and settled.reason is None
            admission.session.history.settle(admission.call.id, ran=ran, succeeded=succeeded)
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
            self._recording.outcome(admission, raised(admission.call, admission.verdict, error, 0.0))
            raise
        finally:
            self._give_back(admission, ran=outcome.executed)
        return self._recording.outcome(admission, outcome)

    def ended(
        self, admission: Admission, value: object = None, error: BaseException | None = None
    ) -> Outcome:
        """Return the outcome of a call that somebody ran, by what it returned or raised."""
        call, verdict = admission.call, admission.verdict
        seconds = self._incoming.seconds_since(call)
        return (
            returned(call, verdict, value, seconds)
            if error is None
            else raised(call, verdict, error, seconds)
        )

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

    def report(self, force: InForce, event: SecurityEvent) -> bool:
        """Record an event and pass it on; return whether it could be recorded."""
        if not self._recording.event(event):
            return False
        for failed in force.asking.notify(event, new_id):
            self._recording.event(failed)
        return True

    def event(self, kind: str, level: ThreatLevel, description: str, detector: str) -> SecurityEvent:
        """Return an event about the gate itself."""
        return SecurityEvent(new_id(), kind, level, description, self._incoming.now(), detector=detector)


def _being_settled(outcome: Outcome) -> Outcome:
    """Return what a second thread gets while the first one settles the call: nothing that has not been inspected."""
    return outcome._replace(value=None, reason=Reason.WITHHELD, detail="another thread is settling this call")

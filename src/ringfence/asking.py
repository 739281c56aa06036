"""Asks plugins, one by one, and makes of every failure what the hook's contract says: a denial, a withheld result, an event.

The one idea: a plugin that raises, hangs or answers nonsense is named, and never taken for one that had no opinion. Only
`Exception` is caught: `SystemExit`, `KeyboardInterrupt` and cancellation end the call, and nothing runs.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from ringfence.approvals.approver import APPROVAL
from ringfence.deadline import Bounded
from ringfence.errors import PluginAnswerInvalid, PluginRaised, PluginTimeout, RingfenceError
from ringfence.events import SecurityEvent
from ringfence.refusals import broken
from ringfence.threat import ThreatLevel
from ringfence.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ringfence.approvals.approver import Approver
    from ringfence.call import Outcome, ToolCall
    from ringfence.plugins import Hook, Hooks
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session

    Failures = list[RingfenceError]
    Judge = tuple[str, Callable[..., Verdict | None]]

T = TypeVar("T")
_MOST_PEOPLE = 1024
_LATE_SECONDS = 2.0
"""How much longer than the person's time the channels themselves may take to say that it is over."""


class Asking:
    """The hooks of one policy in force, and how long each may take.

    Arguments:
        hooks: from `load_hooks`.
        plugin_seconds: for every hook but approval.
        approval_seconds: for approval.
        approver: asks people over the policy's own channel, after the plugins.

    Attributes:
        may_block, may_block_after: whether a verdict, or what follows the run, may wait for somebody else's code, so that an
            event loop must not wait for it.

    """

    def __init__(
        self, hooks: Hooks, plugin_seconds: float, approval_seconds: float, approver: Approver
    ) -> None:
        self.approver = approver
        self._bounded = Bounded()
        # Threads of their own: a person takes minutes, and no check may wait for one.
        self._people = Bounded(_MOST_PEOPLE)
        self._approval_seconds = approval_seconds
        self.judges = self._bind(_checking(hooks.judge_call, hooks.trusted), hooks.trusted, plugin_seconds)
        self.inspectors = self._bind(
            _checking(hooks.judge_result, hooks.trusted), hooks.trusted, plugin_seconds
        )
        observers = [(name, _listing(function)) for name, function in hooks.observe_call]
        self.observers = self._bind(observers, hooks.trusted, plugin_seconds)
        self.listeners = self._bind(hooks.record_event, hooks.trusted, plugin_seconds)
        self.approvers = hooks.approve_call
        self.may_block = any(name not in hooks.trusted for name, _ in (*self.judges, *self.approvers))
        self.may_block_after = bool(self.inspectors or self.observers or self.listeners)

    def _bind(
        self, hooks: Iterable[tuple[str, Callable[..., T]]], trusted: frozenset[str], seconds: float
    ) -> tuple[tuple[str, Callable[..., T]], ...]:
        return tuple(
            (name, hook if name in trusted else self._limit(name, hook, seconds)) for name, hook in hooks
        )

    def _limit(self, name: str, hook: Callable[..., T], seconds: float) -> Callable[..., T]:
        return lambda *args: cast("T", self._bounded.call(name, hook, args, seconds))

    def judge(
        self, call: ToolCall, policy: CompiledPolicy, session: Session, failures: Failures
    ) -> list[Verdict]:
        """Return what every plugin says about a call, in order; each failure is a denial that names its plugin."""
        verdicts = []
        for name, hook in self.judges:
            try:
                verdict = hook(call, policy, session)
                if verdict is not None:
                    verdicts.append(verdict)
            except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
                verdicts.append(broken(name, failure(name, error, failures)))
        return verdicts

    def approve(self, call: ToolCall, verdict: Verdict, failures: Failures) -> Verdict:
        """Return what the first plugin that answers says about a call that a person must decide, or else the policy's own channel."""
        for name, hook in self.approvers:
            ask = partial(self._people.call, name, hook, (call, verdict), self._approval_seconds)
            try:
                answer = self.approver.ask_plugin(name, ask, call, verdict)
            except Exception as error:  # noqa: BLE001
                return broken(name, failure(name, error, failures))
            if answer is not None:
                return answer
        if self.approver.asks:
            return self._ask_person(call, verdict, failures)
        return _unanswered(verdict) if self.approvers else _nobody_to_ask(verdict)

    def redeem(self, approval_id: str, call: ToolCall, verdict: Verdict, failures: Failures) -> Verdict:
        """Return what an approval that was given before says about a call."""
        try:
            return self.approver.redeem(approval_id, call, verdict)
        except Exception as error:  # noqa: BLE001
            return broken(APPROVAL, failure(APPROVAL, error, failures))

    def _ask_person(self, call: ToolCall, verdict: Verdict, failures: Failures) -> Verdict:
        seconds = self._approval_seconds + _LATE_SECONDS
        try:
            return cast("Verdict", self._people.call(APPROVAL, self.approver.ask, (call, verdict), seconds))
        except PluginTimeout:
            return _unanswered(verdict)
        except Exception as error:  # noqa: BLE001
            return broken(APPROVAL, failure(APPROVAL, error, failures))

    def inspect(
        self, call: ToolCall, outcome: Outcome, session: Session, failures: Failures
    ) -> Verdict | None:
        """Return the first objection to a result, or None. An ask is an objection: the tool has run already."""
        for name, hook in self.inspectors:
            try:
                verdict = hook(call, outcome, session)
            except Exception as error:  # noqa: BLE001
                return broken(name, failure(name, error, failures))
            if verdict is not None and not verdict.allowed:
                return verdict
        return None

    def observe(
        self, call: ToolCall, outcome: Outcome, session: Session, new_id: Callable[[], str]
    ) -> list[SecurityEvent]:
        """Return what the detectors report. One that fails is reported itself, and the call is unharmed."""
        events: list[SecurityEvent] = []
        for name, hook in self.observers:
            try:
                events += _checked_events(name, hook(call, outcome, session))
            except Exception as error:  # noqa: BLE001
                events.append(plugin_failed(name, failure(name, error, []), call.at, new_id()))
        return events

    def notify(self, event: SecurityEvent, new_id: Callable[[], str]) -> list[SecurityEvent]:
        """Pass an event to every listener; return an event for each that failed."""
        failed = []
        for name, hook in self.listeners:
            try:
                hook(event)
            except Exception as error:  # noqa: BLE001
                failed.append(plugin_failed(name, failure(name, error, []), event.at, new_id()))
        return failed


def _unanswered(verdict: Verdict) -> Verdict:
    return replace(verdict, message=f"{verdict.message}, and nobody answered", check=APPROVAL, retry=True)


def _nobody_to_ask(verdict: Verdict) -> Verdict:
    return replace(
        verdict,
        message=f"{verdict.message}, and nobody answered: nobody is set up to approve calls",
        check=APPROVAL,
        hint="Do not repeat the call. Whoever runs this names a channel in `approvals.channel` of the policy, or gives the guard a function `approve`.",
    )


def failure(name: str, error: Exception, failures: Failures) -> RingfenceError:
    """Return the failure of a plugin as an error of ours, the original one as its cause, and keep it among the failures."""
    if not isinstance(error, RingfenceError):
        raised = PluginRaised(
            name, f"raised {type(error).__name__}", "The exception that it raised is the cause of this one."
        )
        raised.__cause__ = error
        error = raised
    failures.append(error)
    return error


def plugin_failed(name: str, error: RingfenceError, at: float, event_id: str) -> SecurityEvent:
    """Return the event that says which plugin failed and how."""
    return SecurityEvent(event_id, "plugin-failed", ThreatLevel.MEDIUM, error.message, at, detector=name)


def _checking(hooks: Iterable[Hook], trusted: frozenset[str]) -> tuple[Judge, ...]:
    """Return the hooks such that those of others answer with a sound verdict of their name, with None, or raise."""
    return tuple(
        (name, cast("Callable[..., Verdict | None]", hook) if name in trusted else _checked(name, hook))
        for name, hook in hooks
    )


def _checked(name: str, hook: Callable[..., object]) -> Callable[..., Verdict | None]:
    def checked(*args: object) -> Verdict | None:
        verdict = hook(*args)
        if verdict is None:
            return None
        if type(verdict) is not Verdict or not verdict.sound:
            raise _nonsense(name, verdict, "a Verdict or None")
        return verdict if verdict.check == name else replace(verdict, check=name)

    return checked


def _listing(function: Callable[..., object]) -> Callable[..., list[object]]:
    """Return the hook with its answer as a list, so that a lazy answer is worked out within the deadline."""
    return lambda *args: list(function(*args) or ())  # type: ignore[call-overload]  # what is not iterable raises


def _checked_events(name: str, seen: list[object]) -> list[SecurityEvent]:
    for event in seen:
        if type(event) is not SecurityEvent or not event.sound:
            raise _nonsense(name, event, "security events")
    return cast("list[SecurityEvent]", seen)


def _nonsense(name: str, answer: object, expected: str) -> PluginAnswerInvalid:
    return PluginAnswerInvalid(
        name, f"answered with a {type(answer).__name__} instead of {expected}", "Repair the plugin."
    )

"""Every hook that a plugin can implement, and its contract. Write `@ringfence.hookspecs.hookimpl` above the implementation.

A hook is asked one implementation at a time by the guard, never as a chain: no implementation can see, stop or replace
another's answer. An implementation may take any subset of the arguments, by these names. `SystemExit`, `KeyboardInterrupt`
and cancellation are not caught: they end the call, and nothing runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.approvals.request import ApprovalAnswer
    from ringfence.call import Outcome, ToolCall
    from ringfence.events import SecurityEvent
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.runners.base import Runner
    from ringfence.session import Session
    from ringfence.verdict import Verdict

__all__ = [
    "AddRunner",
    "hookimpl",
    "ringfence_add_runners",
    "ringfence_approve_call",
    "ringfence_judge_call",
    "ringfence_judge_result",
    "ringfence_observe_call",
    "ringfence_record_event",
]

PROJECT = "ringfence"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class AddRunner(Protocol):
    """What `ringfence_add_runners` is given: call it once for each runner."""

    def __call__(self, runner: Runner) -> None:
        """Make the runner known under its tier."""


@hookspec
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:
    """Say whether a call may run. The first of the hooks; the whole sequence for one call is:

    1. `ringfence_judge_call` of every plugin, in order; the strictest verdict stands
    2. `ringfence_approve_call`, only where that verdict is "ask"; and, where a person allowed it, `ringfence_judge_call` again
    3. (the intent is recorded, the tool's runner runs it)
    4. `ringfence_judge_result` of every plugin
    5. `ringfence_observe_call` of every plugin
    6. (the outcome is recorded)
    7. `ringfence_record_event` of every plugin, for each event of the call

    When: before anything runs, also for calls that another plugin has denied. Synchronous and without side effects: it may be
    asked about a call that never runs (`ringfence explain`).
    None: no opinion.
    An exception, a late answer or anything but a `Verdict`: the call is denied, naming the plugin, with reason `guard`.
    """  # noqa: D400 - the list is the end of the sentence


@hookspec
def ringfence_approve_call(call: ToolCall, verdict: Verdict) -> ApprovalAnswer | bool | None:
    """Let a person decide about one call.

    When: the verdict is "ask". The first plugin that answers decides. It may block, up to the policy's `approval_seconds`.
    None: not mine. Nobody answers: the call is denied.
    True, or an `ApprovalAnswer` that says who decided: the call may run, if the policy lets them decide. Where it names `approvers` or wants
    four eyes, only an answer with a name counts. The approval is void where the arguments changed meanwhile, or cannot be compared at all.
    An exception, a late answer or anything else: the call is denied, naming the plugin, with reason `guard`.
    """


@hookspec
def ringfence_add_runners(add: AddRunner) -> None:
    """Make runners known.

    When: once, at the guard's start and at each reload of the policy.
    None: nothing to add.
    An exception, or a second runner for a tier: the guard does not start. Only the built-in runner of the sandbox tier may be replaced, once.
    """


@hookspec
def ringfence_judge_result(call: ToolCall, outcome: Outcome, session: Session) -> Verdict | None:
    """Say whether a result may be handed back.

    When: after a tool returned a value, before anybody sees it; for a generator, once for each item.
    None: no opinion. Allow: no objection. Ask counts as deny, since the tool has run already.
    An exception, a late answer or anything but a `Verdict`: the result is withheld, naming the plugin.
    """


@hookspec
def ringfence_observe_call(
    call: ToolCall, outcome: Outcome, session: Session
) -> Iterable[SecurityEvent] | None:
    """Report what is worth knowing about a call.

    When: after the call ended, or was denied.
    None: nothing seen.
    An exception, a late answer or anything but events: reported as an event of its own; the call is unharmed.
    """


@hookspec
def ringfence_record_event(event: SecurityEvent) -> None:
    """Pass an event on, to an alert or a dashboard.

    When: after the event stands in the record.
    An exception or a late return: reported once in the record; the call is unharmed.
    """

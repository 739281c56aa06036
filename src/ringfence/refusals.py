"""The denials that the gate itself makes: a part that failed, arguments that do not fit, a tool, tier or slot that is not there.

Each is prepared here with its rule, its sentence and what to do, so that `gate.py` reads as the flow that it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.errors import nearest
from ringfence.verdict import Decision, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.errors import RingfenceError, SandboxBusy, SnippetRefused

UNDECIDED = Verdict(Decision.DENY, "the call was not decided", rule="undecided", reason=Reason.GUARD)
"""What stands until a verdict does: a call that nobody decided does not run."""


def broken(part: str, error: RingfenceError) -> Verdict:
    """Return the denial that stands for a failed part of the gate. Its message is the error's own."""
    return Verdict(
        Decision.DENY,
        error.message,
        rule=f"{part}-failed",
        check=part,
        reason=Reason.GUARD,
        hint=error.hint,
        retry=True,
    )


def do_not_fit(message: str) -> Verdict:
    """Return the refusal of arguments; the message says which and why."""
    return Verdict(
        Decision.DENY,
        f"the arguments do not fit: {message}",
        rule="signature",
        check="arguments",
        reason=Reason.ARGUMENTS,
        hint="Correct the arguments and call again.",
        retry=True,
    )


def unknown(name: str, known: Iterable[str], *, known_to_policy: bool) -> Verdict:
    """Return the refusal of a tool that nobody registered."""
    close = nearest(name, known)
    hint = f"Did you mean {close!r}?" if close else "Use one of the tools that were offered."
    what = (
        "is named in the policy, but no function is registered for it"
        if known_to_policy
        else "is not registered"
    )
    return Verdict(
        Decision.DENY, f"the tool {name[:80]!r} {what}", rule="unknown-tool", check="access", hint=hint
    )


def snippet_refused(argument: str, error: SnippetRefused) -> Verdict:
    """Return the refusal of a call whose snippet uses what the restricted tier does not offer."""
    line, what = error.faults[0]
    more = f", and {len(error.faults) - 1} more" if len(error.faults) > 1 else ""
    return Verdict(
        Decision.DENY,
        f"argument {argument!r} (snippet) in line {line}: {what}{more}",
        rule="restricted",
        check="code",
        reason=Reason.SCAN,
        hint=f"Write it without. {error.hint}",
    )


def unavailable(lacks: str) -> Verdict:
    """Return the refusal of a call whose tier this machine does not give; `lacks` says what is missing."""
    return Verdict(
        Decision.DENY,
        lacks,
        rule="tier",
        check="runner",
        reason=Reason.UNAVAILABLE,
        hint="Run it where the tier is available, or name another tier in the policy.",
    )


def busy(error: SandboxBusy) -> Verdict:
    """Return the refusal of a call for which the sandbox has no room now."""
    return Verdict(
        Decision.DENY,
        error.message,
        rule="queue",
        check="runner",
        reason=Reason.UNAVAILABLE,
        hint="Wait for some of them to end, then call again.",
        retry=True,
    )


def too_many(limit: int) -> Verdict:
    """Return the refusal of a call beyond the number that the caller may have running."""
    return Verdict(
        Decision.DENY,
        f"the caller has {limit} calls running, and may have no more",
        rule="concurrent_runs",
        check="budget",
        hint="Wait for one of them to end, then call again.",
        retry=True,
    )

"""What goes into the gate and what comes out: `Principal`, `ToolCall`, `Usage`, `Outcome`; all frozen.

Nothing here decides or runs anything. What is made for every call is a named tuple: it is made three times faster than a frozen
dataclass, and no plugin can change it, not even through `object.__setattr__`. The one idea: a call is complete when it is made (registered tool, arguments bound
to its signature, who is calling, in which session), so every later step sees the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import ApprovalRefused, ArgumentsInvalid, CallDenied, GuardBroken, RunFailed
from ringfence.verdict import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.events import SecurityEvent
    from ringfence.tool import Tool
    from ringfence.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling.

    Arguments:
        user: the user's id; empty when nobody was named.
        roles: the names of the user's roles, as the policy defines them.
        address: where the request came from, for the record only.

    """

    user: str
    roles: tuple[str, ...] = ()
    address: str = ""


NOBODY = Principal("")
"""The caller outside of `Guard.acting_as`: no name, no roles, no rights."""


class ToolCall(NamedTuple):
    """One call of one registered tool.

    Arguments:
        id: sixteen hexadecimal digits, unique; the record and every error carry it.
        tool: the registration, found by the adapter or the decorator and never by a name in the arguments.
        arguments: bound to the tool's signature: defaults filled in, `*args` as a tuple, `**kwargs` as a dict
            under their own names. The receiver (`self`, `cls`) of a method is not among them.
        principal: who is calling.
        session: the id of the session that the call belongs to.
        at: seconds since the epoch.

    """

    id: str
    tool: Tool
    arguments: Mapping[str, object]
    principal: Principal
    session: str
    at: float


class Usage(NamedTuple):
    """What a run used, as far as its tier can measure it; None where it cannot.

    Arguments:
        wall_seconds: from start to end of the tool's body.
        cpu_user_seconds: user CPU time of the run.
        cpu_system_seconds: system CPU time of the run.
        peak_memory_bytes: the largest resident size.
        read_bytes: bytes read from storage.
        written_bytes: bytes written to storage.
        processes: how many processes took part.

    """

    wall_seconds: float
    cpu_user_seconds: float | None = None
    cpu_system_seconds: float | None = None
    peak_memory_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    processes: int | None = None


class Output(NamedTuple):
    """What a snippet left behind, besides its value; empty for a tool that ran inline.

    Arguments:
        stdout, stderr: what it printed, cut at the profile's limit.
        return_code: of its process; None where there was none.
        files: the names of what it left in `output/`.
        contents: what those files hold, by name.

    """

    stdout: str = ""
    stderr: str = ""
    return_code: int | None = None
    files: tuple[str, ...] = ()
    contents: Mapping[str, bytes] = {}


NO_OUTPUT = Output()


class Outcome(NamedTuple):
    """What became of a call. There is one in every case: value, failure, denial, broken gate.

    Arguments:
        call_id: the id of the call; empty when the gate broke before there was one.
        tool: the registered name.
        verdict: the verdict that stood.
        executed: whether the tool's body was entered.
        value: what the tool returned; None when it did not.
        reason: why there is no value, out of the closed list; None on success.
        detail: a sentence for a person, where `reason` is set.
        error: the exception that the tool raised, or that broke the gate.
        observed: whether the call ran only because the policy is in observe mode.
        tier: which tier ran it; empty when none did.
        layers: which protection layers were on.
        usage: what the run used; None when nothing ran.
        output: what a snippet printed and left behind.
        events: what the detectors reported about this call.

    """

    call_id: str
    tool: str
    verdict: Verdict
    executed: bool = False
    value: object = None
    reason: Reason | None = None
    detail: str = ""
    error: BaseException | None = None
    observed: bool = False
    tier: str = ""
    layers: tuple[str, ...] = ()
    usage: Usage | None = None
    output: Output = NO_OUTPUT
    events: tuple[SecurityEvent, ...] = ()

    @property
    def success(self) -> bool:
        """Whether the tool ran and its value may be used."""
        return self.reason is None

    @property
    def denied(self) -> bool:
        """Whether a verdict stopped the call before the tool ran (a broken gate counts)."""
        return not self.executed and self.reason is not None and self.verdict.decision is not Decision.ALLOW

    @property
    def broken(self) -> bool:
        """Whether the gate itself failed. An agent should stop here."""
        return self.reason is Reason.GUARD

    def unwrap(self) -> object:
        """Return the value.

        Raises:
            ArgumentsInvalid, ApprovalRefused, CallDenied: the call did not run; which of them tells why.
            GuardBroken: the gate failed.
            RunFailed: the call ran and has no value: time, memory, a withheld result.
            Exception: the tool's own exception, unchanged.

        """
        if self.reason is None:
            return self.value
        if self.broken:
            raise GuardBroken(self.tool, self.verdict, self.call_id, executed=self.executed) from self.error
        if not self.executed:
            raise self._denial()
        if self.error is not None:
            raise self.error
        raise RunFailed(self.tool, self.reason, self.detail)

    def _denial(self) -> CallDenied:
        if self.reason is Reason.ARGUMENTS:
            return ArgumentsInvalid(self.tool, self.verdict, self.call_id)
        asked = self.verdict.check == "approval"
        return (ApprovalRefused if asked else CallDenied)(self.tool, self.verdict, self.call_id)

    def refusal(self) -> str:
        """Return what the model reads instead of a value: what happened, by which rule, may it retry, what to do.

        It holds facts of the policy and the tool's name, and nothing of the arguments or the result.
        """
        verb = (
            "could not decide about"
            if self.broken
            else "withheld the result of"
            if self.executed
            else "denied"
        )
        if self.executed and self.reason not in (Reason.GUARD, Reason.WITHHELD):
            return f"{self.tool} failed: {self.detail} (reason: {self.reason})."
        verdict = self.verdict
        lines = [
            f"Ringfence {verb} {self.tool}: {self.detail or verdict.message}.",
            f"Reason: {self.reason}. Rule: {verdict.rule or '-'}. Retry: {'later' if verdict.retry else 'no'}.",
        ]
        if verdict.hint:
            lines.append(f"Hint: {verdict.hint}")
        return " ".join(lines)

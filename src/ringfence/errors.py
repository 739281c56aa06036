"""Every exception that Ringfence raises, and nothing else.

    RingfenceError
    ├── CallDenied                 the policy said no, or nobody said yes
    │   ├── ArgumentsInvalid       the arguments do not fit the tool (also a TypeError)
    │   └── ApprovalRefused        a person was asked, and said no or nothing
    ├── GuardBroken                the gate itself failed, so the call was denied
    ├── RunFailed                  an admitted call ended without a value: time, memory, a crash
    ├── PolicyError                a policy that cannot be used
    │   ├── PolicyFileError        with file, line, key, expected, got, nearest valid key
    │   ├── UnknownName            a role, tool, permission, profile or plugin nobody defined
    │   ├── UnusableValue          a pattern, schema or condition that cannot be made ready
    │   └── RoleCycle              roles that inherit each other in a circle
    ├── RulesInvalid               rules of the scanner that cannot be used
    ├── PluginError                a plugin that cannot take part
    │   ├── PluginUnavailable      not installed, not named in an entry point, fails to import
    │   ├── PluginInvalid          its hooks do not match the specifications
    │   ├── PluginRaised           a hook raised
    │   ├── PluginTimeout          a hook did not answer in time
    │   └── PluginAnswerInvalid    a hook answered with something that is not an answer
    ├── RecordError                a log that cannot be trusted or written
    │   ├── RecordUnwritable       read-only, full, locked, gone
    │   ├── RecordCorrupt          its chain, head or format is broken
    │   └── RecordKeyInvalid       the signing key is missing, unreadable or too short
    ├── StateError                 a shared store that cannot be used
    │   ├── StateUnavailable       locked, read-only, full, not to be reached
    │   ├── StateCorrupt           damaged, or somebody else's
    │   └── StateVersion           from a newer version
    ├── IdentityError              somebody who is not let in, or an account that cannot be kept like this
    │   ├── LoginFailed            the user or the password is not right
    │   ├── TokenRefused           a token that proves nothing here
    │   ├── SessionEnded           a session that is over
    │   ├── KeySetUnavailable      the keys of a provider cannot be had
    │   ├── IdentityBusy           more log-ins at once than may be
    │   ├── DelegationTooWide      a sub-agent would get what its parent does not have
    │   ├── UserInvalid            an id or a password that cannot be one
    │   ├── UserExists             the id is taken
    │   └── UserUnknown            there is no such user
    ├── ApprovalError              a question to a person that cannot be asked, answered or used
    │   ├── ApprovalUnknown        there is none of this id
    │   ├── ApprovalClosed         it was decided, or its time is over
    │   ├── ApproverRefused        this person may not decide it
    │   └── ApprovalFailed         the web service that is asked failed
    ├── ToolError                  a tool that cannot be registered, or not be run like this
    │   └── ToolExists             its name belongs to another function
    ├── SnippetError               a snippet of the restricted tier that gave no value
    │   ├── SnippetRefused         it uses what a snippet may not use; nothing ran
    │   ├── SnippetStopped         its budget ended, or it came to what is not offered
    │   └── SnippetFailed          it raised an exception of its own
    ├── SandboxError               a sandbox that takes no run
    │   ├── SandboxUnavailable     the machine, a path or a package lacks
    │   ├── SandboxBusy            more runs wait than may, or the session runs already
    │   └── SandboxClosed          it has been closed
    ├── ClockJumped                wall clock and steady clock disagree
    ├── NoGuard                    no default guard was configured
    └── AdapterUnavailable         the framework of an adapter is not installed

The one idea: each class takes facts, builds its own message, and carries a `hint`, the sentence that says what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ringfence.verdict import Reason, Verdict


__all__ = [
    "AdapterUnavailable",
    "ApprovalClosed",
    "ApprovalError",
    "ApprovalFailed",
    "ApprovalRefused",
    "ApprovalUnknown",
    "ApproverRefused",
    "ArgumentsInvalid",
    "CallDenied",
    "ClockJumped",
    "DelegationTooWide",
    "GuardBroken",
    "IdentityBusy",
    "IdentityError",
    "KeySetUnavailable",
    "LoginFailed",
    "NoGuard",
    "PluginAnswerInvalid",
    "PluginError",
    "PluginInvalid",
    "PluginRaised",
    "PluginTimeout",
    "PluginUnavailable",
    "PolicyError",
    "PolicyFileError",
    "RecordCorrupt",
    "RecordError",
    "RecordKeyInvalid",
    "RecordUnwritable",
    "RingfenceError",
    "RoleCycle",
    "RulesInvalid",
    "RunFailed",
    "SandboxBusy",
    "SandboxClosed",
    "SandboxError",
    "SandboxUnavailable",
    "SessionEnded",
    "SnippetError",
    "SnippetFailed",
    "SnippetRefused",
    "SnippetStopped",
    "StateCorrupt",
    "StateError",
    "StateUnavailable",
    "StateVersion",
    "TokenRefused",
    "ToolError",
    "ToolExists",
    "UnknownName",
    "UnusableValue",
    "UserExists",
    "UserInvalid",
    "UserUnknown",
    "nearest",
]

_LONGEST_NAME = 100
_MOST_FAULTS = 5


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a person most likely meant, or None. Comparing takes quadratic time, so not for endless names."""
    if len(name) > _LONGEST_NAME:
        return None
    from difflib import get_close_matches  # noqa: PLC0415 - only a fault needs it

    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


class RingfenceError(Exception):
    """The root of all errors of Ringfence. `str(error)` ends with the hint.

    Arguments:
        message: what was expected, what came, where it came from.
        hint: what to do about it.

    """

    def __init__(self, message: str, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}. {hint}" if hint else message)


class CallDenied(RingfenceError):
    """A call that did not run, because of a verdict.

    Arguments:
        tool: the registered name of the tool.
        verdict: the verdict that stood; `verdict.rule` and `verdict.check` say who spoke.
        call_id: the id under which the log holds the call.

    """

    def __init__(self, tool: str, verdict: Verdict, call_id: str = "") -> None:
        self.tool = tool
        self.verdict = verdict
        self.call_id = call_id
        super().__init__(f"{tool}: {verdict.message} [rule {verdict.rule or '-'}]", verdict.hint)

    @property
    def reason(self) -> Reason:
        """Why the call did not run, out of the closed list."""
        return self.verdict.reason


class ArgumentsInvalid(CallDenied, TypeError):
    """Arguments that do not fit the tool's signature. Nothing ran."""


class ApprovalRefused(CallDenied):
    """A call that a person had to decide, and that nobody allowed."""


class GuardBroken(RingfenceError):
    """The gate failed (a plugin, the log, the clock): the call was denied, and the agent should stop.

    Arguments:
        tool: the registered name of the tool.
        verdict: the verdict made of the failure; `verdict.check` names the part that failed.
        call_id: the id under which the log holds the call, where the log could be written.
        executed: whether the tool had already run when the gate failed (its result is withheld).

    """

    def __init__(self, tool: str, verdict: Verdict, call_id: str = "", *, executed: bool = False) -> None:
        self.tool = tool
        self.verdict = verdict
        self.call_id = call_id
        self.executed = executed
        what = "the result was withheld" if executed else "the call was denied"
        super().__init__(
            f"{tool}: {what} because {verdict.check or 'the guard'} failed: {verdict.message}", verdict.hint
        )


class RunFailed(RingfenceError):
    """An admitted call that ended without a value.

    Arguments:
        tool: the registered name of the tool.
        reason: one of the closed list.
        detail: a sentence for a person.

    """

    def __init__(self, tool: str, reason: Reason, detail: str) -> None:
        self.tool = tool
        self.reason = reason
        super().__init__(f"{tool}: {detail} [{reason}]")


class PolicyError(RingfenceError):
    """A policy that cannot be used."""


class PolicyFileError(PolicyError):
    """A policy file that cannot be used, with the place of the fault.

    Arguments:
        file: the policy file.
        line: the line, from 1; None where the fault has no line.
        key: the dotted key, such as `roles.analyst.inherits`; empty for the file as a whole.
        expected: what should stand there.
        got: what stands there, cut to a readable length.
        nearest: the valid key or name closest to what came.

    """

    def __init__(
        self,
        file: str | Path,
        *,
        expected: str,
        got: str,
        line: int | None = None,
        key: str = "",
        nearest: str | None = None,
    ) -> None:
        self.file = str(file)
        self.line = line
        self.key = key
        self.expected = expected
        self.got = got
        self.nearest = nearest
        place = f"{self.file}:{line}" if line else self.file
        where = f" {key}:" if key else ""
        hint = f"Did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"{place}:{where} expected {expected}, got {got}", hint)


class UnknownName(PolicyError):
    """A name that nothing defines.

    Arguments:
        kind: role, tool, permission, profile or plugin.
        name: what came.
        known: the valid names.
        where: where the name stood, as a dotted key.

    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        self.kind = kind
        self.name = name
        self.known = sorted(known)
        self.where = where
        self.nearest = nearest(name, self.known)
        place = f"{where}: " if where else ""
        hint = (
            f"Did you mean {self.nearest!r}?"
            if self.nearest
            else f"Known: {', '.join(self.known) or 'none'}."
        )
        super().__init__(f"{place}unknown {kind} {name!r}", hint)


class UnusableValue(PolicyError):
    """A value of a policy that cannot be made ready: a regular expression, a JSON Schema, conditions that never end.

    Arguments:
        where: where it stands, as a dotted key.
        what: what is wrong with it.

    """

    def __init__(self, where: str, what: str) -> None:
        self.where = where
        self.what = what
        super().__init__(f"{where}: {what}", "Correct it, or take it out.")


class RoleCycle(PolicyError):
    """Roles that inherit each other in a circle.

    Arguments:
        path: the roles in order, the first one again at the end.

    """

    def __init__(self, path: Iterable[str]) -> None:
        self.path = tuple(path)
        super().__init__(
            f"roles inherit each other in a circle: {' -> '.join(self.path)}",
            "Remove one `inherits` of them.",
        )


class RulesInvalid(RingfenceError):
    """Rules of the scanner that cannot be used: an id that comes twice or does not exist, a file that is no rule.

    Arguments:
        what: what is wrong, and where.
        hint: what to do.

    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint or "Run `ringfence rules list` to see the rules that exist.")

    @classmethod
    def unknown(cls, name: str, known: Iterable[str]) -> RulesInvalid:
        """Return the error about a rule id that does not exist."""
        close = nearest(name, known)
        return cls(f"there is no rule {name!r}", f"Did you mean {close!r}?" if close else "")


class PluginError(RingfenceError):
    """A plugin that cannot take part. `plugin` is its name.

    Arguments:
        plugin: the plugin's name, as the policy writes it.
        message: what is wrong with it.
        hint: what to do.

    """

    def __init__(self, plugin: str, message: str, hint: str = "") -> None:
        self.plugin = plugin
        super().__init__(f"plugin {plugin!r} {message}", hint)


class PluginUnavailable(PluginError):
    """A plugin that the policy names and that cannot be loaded."""


class PluginInvalid(PluginError):
    """A plugin whose hooks do not match the specifications."""


class PluginRaised(PluginError):
    """A hook that raised."""


class PluginTimeout(PluginError):
    """A hook that did not answer in time."""


class PluginAnswerInvalid(PluginError):
    """A hook that answered with something that is not an answer."""


class RecordError(RingfenceError):
    """A log that cannot be trusted or written."""


class RecordUnwritable(RecordError):
    """A log that cannot be written: read-only, full, locked or gone.

    Arguments:
        path: the log.
        why: what the system said.

    """

    def __init__(self, path: str | Path, why: str) -> None:
        self.path = str(path)
        super().__init__(
            f"the log {self.path} cannot be written: {why}",
            "Nothing recorded so far is lost. Make room or writable, then call again.",
        )


class RecordCorrupt(RecordError):
    """A log whose chain, head or format is broken.

    Arguments:
        path: the log.
        what: what does not fit, and at which record.

    """

    def __init__(self, path: str | Path, what: str) -> None:
        self.path = str(path)
        super().__init__(
            f"the log {self.path} is damaged or was changed: {what}",
            "Run `ringfence audit verify` on it, keep the file, and start a new log.",
        )


class RecordKeyInvalid(RecordError):
    """A signing key that is missing, unreadable or too short.

    Arguments:
        source: the file or environment variable.
        why: what is wrong.

    """

    def __init__(self, source: str, why: str) -> None:
        self.source = source
        super().__init__(
            f"the log's key from {source} cannot be used: {why}",
            "Point audit.key_file at the key that the log was written with, or set RINGFENCE_AUDIT_KEY.",
        )


class StateError(RingfenceError):
    """A store of shared state that cannot be used."""


class StateUnavailable(StateError):
    """A store that is locked for too long, read-only, full, or not to be reached.

    Arguments:
        name: where it is, without a password.
        why: what the system said.
        hint: what to do.

    """

    def __init__(self, name: str, why: str, hint: str) -> None:
        self.name = name
        super().__init__(f"the shared state in {name} cannot be used: {why}", hint)


class StateCorrupt(StateError):
    """A store that is damaged, or no store of Ringfence's.

    Arguments:
        name: where it is.
        what: what does not fit.

    """

    def __init__(self, name: str, what: str) -> None:
        self.name = name
        super().__init__(
            f"the shared state in {name} is damaged: {what}",
            "Restore it from a copy, or name another one in `state.url`.",
        )


class StateVersion(StateError):
    """A store from a newer version of Ringfence.

    Arguments:
        name: where it is.
        found, known: its version, and the newest that this version knows.

    """

    def __init__(self, name: str, found: int, known: int) -> None:
        self.name, self.found, self.known = name, found, known
        super().__init__(
            f"the shared state in {name} has version {found}, and this Ringfence knows up to {known}",
            "Install the newer Ringfence that made it; nothing in it was changed.",
        )


class IdentityError(RingfenceError):
    """Somebody who is not let in, or an account that cannot be kept like this."""


class LoginFailed(IdentityError):
    """A log-in that failed. It says the same whether the user exists, is locked, or typed another password; the record knows more."""

    def __init__(self) -> None:
        super().__init__(
            "the user or the password is not right",
            "Try again. After repeated failures an account is locked for a while; whoever keeps the accounts can unlock it.",
        )


class TokenRefused(IdentityError):
    """A token that proves nothing here.

    Arguments:
        why: what does not fit, after "the token was refused: ".

    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the token was refused: {why}", "Get a new one, and log in with that.")


class SessionEnded(IdentityError):
    """A session that is over: expired, logged out, or its user may no longer be here.

    Arguments:
        why: what ended it.

    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why, "Log in again.")


class KeySetUnavailable(IdentityError):
    """The keys of an identity provider, which cannot be had or cannot be used.

    Arguments:
        provider: its name in the policy.
        why: what went wrong.

    """

    def __init__(self, provider: str, why: str) -> None:
        self.provider = provider
        super().__init__(
            f"the key set of the provider {provider!r} cannot be used: {why}",
            f"Nobody can log in with its tokens until it can: look at `identity.providers.{provider}.keys`.",
        )


class IdentityBusy(IdentityError):
    """More log-ins at once than may be. Nothing was tried.

    Arguments:
        waiting: how many wait.

    """

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        super().__init__(f"{waiting} log-ins wait already, and no more may", "Try again in a moment.")


class DelegationTooWide(IdentityError):
    """A sub-agent would get what the session that it is delegated from does not have.

    Arguments:
        what: what is too much.

    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"a delegation can only narrow: {what}", "Ask for less, or log in with wider rights."
        )


class UserInvalid(IdentityError):
    """An id, a name or a password that cannot be one.

    Arguments:
        what: what is wrong with it.
        hint: what to do.

    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)


class UserExists(IdentityError):
    """An id that is taken.

    Arguments:
        user: the id.

    """

    def __init__(self, user: str) -> None:
        self.user = user
        super().__init__(f"there is a user {user!r} already", "Choose another id, or change that user.")


class UserUnknown(IdentityError):
    """A user that there is not. Only administration says so, never a log-in.

    Arguments:
        user: the id.

    """

    def __init__(self, user: str) -> None:
        self.user = user
        super().__init__(
            f"there is no user {user[:80]!r}", "`ringfence users list` shows those that there are."
        )


class ApprovalError(RingfenceError):
    """A question to a person that cannot be asked, answered or used."""


class ApprovalUnknown(ApprovalError):
    """An id that no request in the queue has, or several.

    Arguments:
        approval_id: what came.
        why: what is wrong with it.

    """

    def __init__(self, approval_id: str, why: str) -> None:
        self.approval_id = approval_id
        super().__init__(
            f"the approval {approval_id[:40]!r} {why}",
            "Run `ringfence approvals list` to see those that wait.",
        )


class ApprovalClosed(ApprovalError):
    """A request that cannot be decided any more, or not be asked.

    Arguments:
        approval_id: which.
        why: what became of it.

    """

    def __init__(self, approval_id: str, why: str) -> None:
        self.approval_id = approval_id
        super().__init__(f"the approval {approval_id} {why}", "A call that still needs one asks anew.")


class ApproverRefused(ApprovalError):
    """Somebody who may not decide about a call.

    Arguments:
        what: what speaks against them.
        hint: what to do.

    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint or "Let somebody decide who may.")


class ApprovalFailed(ApprovalError):
    """A channel that should ask a person, and failed.

    Arguments:
        what: what happened.

    """

    def __init__(self, what: str) -> None:
        super().__init__(what, "Look at `approvals` in the policy, and at what it names.")


class ToolError(RingfenceError):
    """A tool that cannot be registered, or not be run like this."""


class ToolExists(ToolError):
    """A name under which another function is already registered.

    Arguments:
        name: the name.
        existing: the function that holds it, as `module.qualname`.

    """

    def __init__(self, name: str, existing: str) -> None:
        self.name = name
        super().__init__(
            f"the tool name {name!r} already belongs to {existing}",
            'Give one of them another name: secure_tool(name="...").',
        )


class SnippetError(RingfenceError):
    """A snippet of the restricted tier that gave no value."""


class SnippetRefused(SnippetError):
    """A snippet that uses what the restricted tier does not offer. Nothing of it ran.

    Arguments:
        faults: each with the line, from 1, and what is not offered there.

    """

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        self.faults = tuple(faults)
        listed = "; ".join(f"line {line}: {what}" for line, what in self.faults[:_MOST_FAULTS])
        more = len(self.faults) - _MOST_FAULTS
        super().__init__(
            f"the snippet was refused: {listed}{f'; and {more} more' if more > 0 else ''}",
            "The restricted tier is for trusted, low-risk snippets: code that needs more, or that nobody vouches for, "
            "belongs in the sandbox.",
        )


class SnippetStopped(SnippetError):
    """A snippet whose budget ended while it ran, or that came to an operation which is not offered.

    Arguments:
        limit: steps, time, memory, recursion, result or offer.
        message: what was reached.
        line: the line of the snippet, from 1; 0 where it is not known.
        stdout: what it had printed.

    """

    def __init__(self, limit: str, message: str, line: int = 0, stdout: str = "") -> None:
        self.limit = limit
        self.line = line
        self.stdout = stdout
        where = f" (line {line})" if line else ""
        hint = (
            "The restricted tier is for trusted, low-risk snippets: code that needs more belongs in the sandbox."
            if limit == "offer"
            else "Do less in one snippet, or give it a larger budget."
        )
        super().__init__(f"{message}{where}", hint)


class SnippetFailed(SnippetError):
    """A snippet that raised an exception. None of its objects are kept, only text.

    Arguments:
        kind: the name of the exception's class.
        text: what it says, cut to a readable length.
        traceback: the snippet's own lines, as Python prints them.
        line: the line that raised, from 1; 0 where it is not known.
        stdout: what it had printed.

    """

    def __init__(self, kind: str, text: str, traceback: str, line: int = 0, stdout: str = "") -> None:
        self.kind = kind
        self.text = text
        self.traceback = traceback
        self.line = line
        self.stdout = stdout
        super().__init__(
            f"the snippet raised {kind} in line {line}: {text}"
            if line
            else f"the snippet raised {kind}: {text}"
        )


class SandboxError(RingfenceError):
    """A sandbox that takes no run."""


class SandboxUnavailable(SandboxError):
    """What a sandbox needs and does not have here: a layer of the machine, a path, a package.

    Arguments:
        lacks: what is missing.
        hint: what to do.

    """

    def __init__(self, lacks: str, hint: str = "") -> None:
        super().__init__(lacks, hint or "Run `ringfence doctor` to see what this machine gives.")


class SandboxBusy(SandboxError):
    """More runs wait than may, or another run of the session goes on.

    Arguments:
        waiting: how many wait; None: it is the session that is busy.

    """

    def __init__(self, waiting: int | None = None) -> None:
        self.waiting = waiting
        if waiting is None:
            super().__init__(
                "another run of the session goes on", "Await it first, or make a second session."
            )
        else:
            super().__init__(
                f"{waiting:,} runs are waiting for this sandbox, and no more may",
                "Submit it again later, or raise `running` or `queue` in the profile.",
            )


class SandboxClosed(SandboxError):
    """A sandbox or a session that has been closed, or whose process has ended."""

    def __init__(self, what: str = "the sandbox is closed") -> None:
        super().__init__(what, "Make a new one.")


class ClockJumped(RingfenceError):
    """Wall clock and steady clock disagree, so no decision that depends on time can be made.

    Arguments:
        seconds: how far the wall clock moved against the steady one; negative means backwards.

    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"the wall clock jumped by {seconds:+.1f} s since the last call",
            "The new time is taken from here on: call again.",
        )


class NoGuard(RingfenceError):
    """A tool was called with no guard of its own and no default one."""

    def __init__(self) -> None:
        super().__init__(
            "no guard is configured",
            "Call ringfence.configure(...), set RINGFENCE_POLICY to a policy file, or pass guard= to secure_tool.",
        )


class AdapterUnavailable(RingfenceError):
    """The framework of an adapter is not installed.

    Arguments:
        adapter: the adapter's name.
        extra: the extra that installs its framework.

    """

    def __init__(self, adapter: str, extra: str) -> None:
        self.adapter = adapter
        super().__init__(
            f"the adapter {adapter!r} needs a framework that is not installed",
            f"Run: pip install 'ringfence[{extra}]'",
        )

"""Asks a person about a call, over the channel that the policy names, and makes a verdict of what they say.

A Python callback comes first, then console, queue or webhook; plugins were asked before. The one idea: an answer counts for the arguments
that were asked about, until the time that was given, from somebody who may give it; whatever else happens, the call is denied.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.approvals.console import Console
from ringfence.approvals.digest import Undigestible, digest
from ringfence.approvals.queue import State, refuse_own
from ringfence.approvals.request import ApprovalAnswer, make_request, new_request_id
from ringfence.errors import ApprovalClosed, ApprovalUnknown, ApproverRefused, PluginAnswerInvalid
from ringfence.policy.model import Channel
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ringfence.approvals.queue import Approval, ApprovalQueue
    from ringfence.approvals.request import ApprovalRequest
    from ringfence.approvals.webhook import Webhook
    from ringfence.audit.redact import Redactor
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.verdict import Verdict

    Callback = Callable[[ApprovalRequest], ApprovalAnswer | bool | None]

APPROVAL = "approval"
"""The check that speaks for the person who was asked."""
CALLBACK = "callback"
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class Desk(NamedTuple):
    """What a guard has for asking people, whatever its policy.

    Attributes:
        queue: in the store that processes share.
        callback: a function of the program's own; None where there is none.
        folder: where relative paths of the policy start.
        now: seconds since the epoch.

    """

    queue: ApprovalQueue
    callback: Callback | None
    folder: Path
    now: Callable[[], float]


class Approver:
    """Asks people for one policy in force.

    Arguments:
        policy: in force.
        desk: of its guard.
        console: another terminal than the process's, for tests.

    Raises:
        PolicyError: the secret of the webhook cannot be used.

    Attributes:
        asks: whether there is anybody to ask.

    """

    def __init__(self, policy: CompiledPolicy, desk: Desk, console: Console | None = None) -> None:
        settings = policy.policy.approvals
        self._policy = policy
        self._desk = desk
        self._settings = settings
        self._redactor: Redactor | None = None
        self._console = console or Console()
        self._webhook = _webhook(policy, desk.folder) if settings.channel == Channel.WEBHOOK else None
        self.asks = desk.callback is not None or settings.channel != Channel.NONE

    def ask(self, call: ToolCall, verdict: Verdict) -> Verdict:
        """Return what a person says about a call.

        Raises:
            ApprovalFailed: the webhook failed.
            StateError: the queue's store cannot be used.
            PluginAnswerInvalid: the callback answered with something that is no answer.

        """
        try:
            request = self.request(call, verdict)
        except Undigestible as error:
            return _unbound(verdict, error)
        try:
            return self._ask(request, call, verdict)
        except (ApproverRefused, ApprovalClosed) as error:
            return _deny(verdict, error.message, hint=error.hint)

    def ask_plugin(
        self, name: str, ask: Callable[[], object], call: ToolCall, verdict: Verdict
    ) -> Verdict | None:
        """Return what a plugin says about a call; None where it is none of the plugin's. Whoever it asks has to fulfil what the policy wants.

        Arguments:
            name: the plugin's.
            ask: asks it.
            call, verdict: what it is asked about.

        Raises:
            PluginAnswerInvalid: it answered with something that is no answer.

        """
        request: ApprovalRequest | Undigestible
        try:
            request = self.request(call, verdict)
        except Undigestible as error:
            request = error
        answer = _sound(name, ask())
        if answer is None:
            return None
        if isinstance(request, Undigestible):
            return _unbound(verdict, request)
        try:
            return self._answered(request, call, verdict, answer, name)
        except ApproverRefused as error:
            return _deny(verdict, error.message, hint=error.hint)

    def request(self, call: ToolCall, verdict: Verdict) -> ApprovalRequest:
        """Return the question about a call.

        Raises:
            Undigestible: no approval can be bound to its arguments.

        """
        if self._redactor is None:
            self._redactor = _redactor(self._policy.policy.audit.redact)
        return make_request(call, verdict, self._policy, self._redactor)

    def submit(self, call: ToolCall, verdict: Verdict, reference: str) -> Approval | None:
        """Put the question about a call into the queue, for somebody who asks by other means; None where no approval can be bound to it.

        Raises:
            StateError: the store cannot be used.
            ApprovalClosed: too many of the user's calls wait already.

        """
        try:
            request = self.request(call, verdict)
        except Undigestible:
            return None
        return self._desk.queue.submit(replace(request, reference=reference), use=False)

    def redeem(self, approval_id: str, call: ToolCall, verdict: Verdict) -> Verdict:
        """Return what an approval that was given before says about a call, and use it up.

        Raises:
            StateError: the store cannot be used.

        """
        try:
            request = self.request(call, verdict)
        except Undigestible as error:
            return _unbound(verdict, error)
        found = self._desk.queue.redeem(approval_id, request)
        if found is None:
            return _deny(
                verdict,
                "no approval fits this call: it was denied or used, its time is over, or the arguments, the caller or the policy changed",
                hint="Call again to ask anew." if not approval_id.startswith("-") else "",
            )
        if found.state is State.DENIED:
            return _refused(verdict, "the queue", found.decided_by, found.comment)
        return self._granted(found, call, verdict, "the queue")

    def decide(
        self, approval_id: str, answer: ApprovalAnswer, roles: Iterable[str] | None = None
    ) -> Approval:
        """Decide a request in the queue, for somebody whom the program vouches for.

        Arguments:
            approval_id: which.
            answer: what they say.
            roles: theirs; None: those that the policy gives to the user `answer.by`.

        Raises:
            ApproverRefused: they may not decide it.
            ApprovalUnknown, ApprovalClosed, StateError: as for `ApprovalQueue.decide`.

        """
        self._refuse_strangers(answer, self._desk.queue.get(approval_id).request, roles)
        return self._desk.queue.decide(approval_id, answer)

    def _ask(self, request: ApprovalRequest, call: ToolCall, verdict: Verdict) -> Verdict:
        answer, channel = self._called_back(request), CALLBACK
        if answer is None:
            if self._settings.channel in (Channel.QUEUE, Channel.WEBHOOK):
                return self._queued(request, call, verdict)
            channel = str(self._settings.channel)
            if self._settings.channel == Channel.CONSOLE:
                answer = self._console.ask(request, self._left(request))
        if answer is None or self._left(request) <= 0:
            return _unanswered(verdict)
        return self._answered(request, call, verdict, answer, channel)

    def _answered(
        self,
        request: ApprovalRequest,
        call: ToolCall,
        verdict: Verdict,
        answer: ApprovalAnswer,
        channel: str,
    ) -> Verdict:
        if not answer.approved:
            return _refused(verdict, channel, answer.by, answer.comment)
        self._refuse_strangers(answer, request)
        refuse_own(request, answer.by)
        return (
            _changed(verdict)
            if not _same(request, call)
            else _approved(verdict, channel, answer.by, answer.comment)
        )

    def _called_back(self, request: ApprovalRequest) -> ApprovalAnswer | None:
        return None if self._desk.callback is None else _sound(CALLBACK, self._desk.callback(request))

    def _queued(self, request: ApprovalRequest, call: ToolCall, verdict: Verdict) -> Verdict:
        wait = self._settings.wait_seconds
        end = time.monotonic() + min(self._left(request), float("inf") if wait is None else wait)
        while self._left(request) > 0:
            found = self._desk.queue.submit(request)
            if found.state is State.USED:
                return self._granted(found, call, verdict, str(self._settings.channel))
            if found.state is State.DENIED:
                return _refused(verdict, str(self._settings.channel), found.decided_by, found.comment)
            if found.fresh and self._webhook is not None and self._told(self._webhook, request):
                continue
            if not self._decided(found, end):
                if self._left(found.request) > 0:
                    return _waits(verdict, found)
                break
            request = replace(
                request, id=new_request_id()
            )  # an equal call may have used the one that this call asked for
        return _unanswered(verdict)

    def _told(self, webhook: Webhook, request: ApprovalRequest) -> bool:
        """Ask the service about a request in the queue; return whether it decided at once."""
        try:
            answer = webhook.ask(request, self._left(request))
            if answer is not None:
                self._refuse_strangers(answer, request)
                self._desk.queue.decide(request.id, answer)
        except ApprovalClosed:  # somebody decided in the queue meanwhile
            return True
        except BaseException:
            self._desk.queue.withdraw(
                request.id
            )  # or the same call, repeated, would wait for a question that nobody saw
            raise
        return answer is not None

    def _decided(self, found: Approval, end: float) -> bool:
        """Wait for a decision; return whether something about the request changed in time."""
        pause = _SHORTEST_PAUSE
        while time.monotonic() < end:
            time.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            try:
                state = self._desk.queue.get(found.request.id).state
            except ApprovalUnknown:  # an equal call asked first, could not, and took its question back
                return True
            if state is not State.WAITING:
                return state is not State.EXPIRED
        return False

    def _granted(self, found: Approval, call: ToolCall, verdict: Verdict, channel: str) -> Verdict:
        if not _same(found.request, call):
            return _changed(verdict)
        return _approved(verdict, channel, found.decided_by, found.comment, found.request.id)

    def _refuse_strangers(
        self, answer: ApprovalAnswer, request: ApprovalRequest, roles: Iterable[str] | None = None
    ) -> None:
        """Check that who approves has a role that may, where the policy names such roles.

        Raises:
            ApproverRefused: they do not.

        """
        if not self._settings.approvers or not answer.approved:
            return
        user = self._policy.policy.users.get(answer.by)
        known = tuple(roles) if roles is not None else user.roles if user else ()
        if not self._policy.may_approve(known):
            raise not_an_approver(self._policy, request, answer.by)

    def _left(self, request: ApprovalRequest) -> float:
        return request.expires - self._desk.now()


def not_an_approver(policy: CompiledPolicy, request: ApprovalRequest, by: str) -> ApproverRefused:
    """Return the error about somebody who may not decide."""
    wanted = policy.policy.approvals.approvers
    needs = f"one of the roles {', '.join(wanted)}" if wanted else "the permission admin_access"
    who = repr(by) if by else "whoever decided"
    hint = (
        f"Give one to them: users: {{{by!r}: {{roles: [...]}}}} in the policy, or `ringfence users roles` where accounts are kept in the store."
        if by
        else ""
    )
    return ApproverRefused(
        f"a call of {request.tool} may be decided by users with {needs} only, and {who} has none",
        hint,
    )


def _sound(name: str, answer: object) -> ApprovalAnswer | None:
    """Return the answer of somebody's code, if it is one."""
    if answer is None or type(answer) is ApprovalAnswer:
        return answer
    if type(answer) is bool:
        return ApprovalAnswer(answer)
    got = type(answer).__name__
    raise PluginAnswerInvalid(
        name, f"answered with a {got} instead of an ApprovalAnswer, True, False or None", "Repair it."
    )


def _same(request: ApprovalRequest, call: ToolCall) -> bool:
    """Return whether the arguments are still those that were asked about: another thread may have changed what is in them."""
    try:
        return digest(call.arguments) == request.digest
    except Undigestible:
        return False


def _redactor(patterns: Iterable[str]) -> Redactor:
    import hashlib  # noqa: PLC0415 - only a call that a person decides needs it
    import secrets  # noqa: PLC0415 - likewise

    from ringfence.audit.redact import Redactor  # noqa: PLC0415 - likewise

    key = secrets.token_bytes(32)
    return Redactor(patterns, digest=lambda data: hashlib.blake2b(data, key=key).digest())


def _webhook(policy: CompiledPolicy, folder: Path) -> Webhook:
    from ringfence.approvals.webhook import Webhook, load_secret  # noqa: PLC0415 - few policies have one

    settings = policy.policy.approvals
    secret = load_secret(None if settings.secret_file is None else folder / settings.secret_file)
    return Webhook(settings.url or "", secret)


# Verdicts


def _approved(verdict: Verdict, channel: str, by: str, comment: str, approval_id: str = "") -> Verdict:
    what = f"approval {approval_id}, " if approval_id else ""
    message = f"{what}approved{_by(by)} through {channel}{_why(comment)}"
    return replace(verdict, decision=Decision.ALLOW, message=message, check=APPROVAL)


def _why(comment: str) -> str:
    return f": {comment[:200]}" if comment else ""


def _by(name: str) -> str:
    return f" by {name[:80]}" if name else ""


def _refused(verdict: Verdict, channel: str, by: str, comment: str) -> Verdict:
    message = f"refused{_by(by)} through {channel}{_why(comment)}"
    return _deny(verdict, message, hint="Do not repeat this call; do something else, or ask the user.")


def _waits(verdict: Verdict, found: Approval) -> Verdict:
    hint = "Call again with exactly the same arguments once it is approved."
    return replace(
        _deny(verdict, f"{verdict.message}, and approval {found.request.id} waits for a person", hint=hint),
        retry=True,
    )


def _unanswered(verdict: Verdict) -> Verdict:
    return replace(
        _deny(verdict, f"{verdict.message}, and nobody answered in time", hint=verdict.hint), retry=True
    )


def _changed(verdict: Verdict) -> Verdict:
    return _deny(
        verdict, "the arguments changed while a person decided, so the approval is void", hint="Call again."
    )


def _unbound(verdict: Verdict, error: Exception) -> Verdict:
    return replace(
        _deny(
            verdict,
            f"a person must approve it, and no approval can be bound to its arguments: one {error}",
            hint="Call it with plain values: text, numbers, lists and mappings.",
        ),
        rule="approval-arguments",
    )


def _deny(verdict: Verdict, message: str, *, hint: str) -> Verdict:
    return replace(verdict, decision=Decision.DENY, message=message, check=APPROVAL, hint=hint)

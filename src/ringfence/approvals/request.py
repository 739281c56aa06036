"""What a person is asked, and what they answer: `ApprovalRequest`, `ApprovalAnswer`, and who counts as the same person.

The one idea: a request is complete when it is made (tool, digest of the arguments, policy version, caller, time), so an answer to it fits
one call and no other. Whoever shows it to a person shows text that may come from an attacker.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import category, normalize

from ringfence.approvals.digest import digest

if TYPE_CHECKING:
    from ringfence.audit.redact import Redactor
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.verdict import Verdict

OS_USER = "os:"
"""What stands before the name of a user whom only the operating system knows."""
_UNSEEN = ("Cc", "Cf", "Mn", "Co", "Cn")
"""Kinds of characters that a reader of a name does not see, or may overlook."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a person is asked to decide.

    Arguments:
        id: sixteen hexadecimal digits, unique.
        call_id: the id of the call that asked first.
        tool: its registered name.
        digest: of its arguments; any other arguments have another one.
        policy: the version of the policy that asks.
        user: who is calling.
        roles: the caller's roles, sorted.
        session: the id of the session that the call belongs to.
        asked: seconds since the epoch.
        expires: likewise; afterwards the answer is "deny", and an approval that was not used is void.
        rule: the rule that asks.
        message: why it asks, in a sentence.
        arguments: the arguments as JSON text, secrets masked and long values cut: for a person's eyes, and not what is approved.
        four_eyes: whether somebody else than the caller must decide.
        reference: which of a framework's own calls it is about; empty where any equal call may use the approval.

    """

    id: str
    call_id: str
    tool: str
    digest: str
    policy: str
    user: str
    roles: tuple[str, ...]
    session: str
    asked: float
    expires: float
    rule: str
    message: str
    arguments: str
    four_eyes: bool
    reference: str = ""

    def question(self) -> str:
        """Return what stands in the store besides the binding, as JSON text."""
        return json.dumps({"rule": self.rule, "message": self.message, "arguments": self.arguments})


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What a person says.

    Arguments:
        approved: whether the call may run.
        by: who decided; empty where that is not known.
        comment: why, for the record.

    """

    approved: bool
    by: str = ""
    comment: str = ""


def new_request_id() -> str:
    """Return sixteen hexadecimal digits that nobody can guess."""
    return secrets.token_hex(8)


def make_request(
    call: ToolCall, verdict: Verdict, policy: CompiledPolicy, redactor: Redactor
) -> ApprovalRequest:
    """Return the question about a call.

    Raises:
        Undigestible: no approval can be bound to its arguments.

    """
    return ApprovalRequest(
        id=new_request_id(),
        call_id=call.id,
        tool=call.tool.name,
        digest=digest(call.arguments),
        policy=policy.version,
        user=call.principal.user,
        roles=tuple(sorted(call.principal.roles)),
        session=call.session,
        asked=call.at,
        expires=call.at + policy.policy.approval_seconds,
        rule=verdict.rule,
        message=redactor.text(verdict.message),
        arguments=_shown(call, redactor),
        four_eyes=policy.four_eyes(call.tool.name),
    )


def _shown(call: ToolCall, redactor: Redactor) -> str:
    """Return the arguments as JSON text, each bounded by itself: a long one hides no other."""
    written = [redactor.write({name: call.arguments[name]})[1:-1] for name in sorted(call.arguments)]
    return f"{{{','.join(written)}}}"


def same_person(one: str, other: str) -> bool:
    """Return whether two names may be those of one person: it errs towards yes, so `os:Ana` and `ana` are one."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    seen = "".join(character for character in normalize("NFKC", name) if category(character) not in _UNSEEN)
    folded = normalize("NFKC", seen.casefold())
    return " ".join(folded.split()).removeprefix(OS_USER).strip()

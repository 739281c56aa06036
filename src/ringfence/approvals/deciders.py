"""Who decides at the command line, and whether they may.

Without a store of identities the operating system says who somebody is: `os:NAME`, a user like others, whom the policy's `users` gives
roles. The one idea: nobody says who they are by an option. Whoever can write the store's file can decide past all of this, so the file's
rights are the other half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.approvals.approver import APPROVAL, not_an_approver
from ringfence.approvals.console import os_user
from ringfence.approvals.queue import State
from ringfence.approvals.request import OS_USER
from ringfence.call import Principal
from ringfence.errors import ApproverRefused
from ringfence.events import SecurityEvent
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.approvals.queue import Approval
    from ringfence.approvals.request import ApprovalRequest
    from ringfence.policy.compile import CompiledPolicy


def decision_event(approval: Approval, event_id: str) -> SecurityEvent:
    """Return what the record says about a decision, whether or not the call comes again.

    Arguments:
        approval: decided.
        event_id: a new one.

    """
    request, word = approval.request, "refused" if approval.state is State.DENIED else "approved"
    return SecurityEvent(
        event_id,
        "approval-decided",
        ThreatLevel.INFO,
        f"{approval.decided_by[:80] or 'somebody'} {word} a call of {request.tool} by {request.user[:80] or 'nobody'}",
        approval.decided or request.asked,
        detector=APPROVAL,
        user=approval.decided_by,
        tool=request.tool,
        session=request.session,
        call_id=request.call_id,
        blocked=approval.state is State.DENIED,
        facts={"approval": request.id, "caller": request.user, "comment": approval.comment},
    )


def is_os_user(name: str) -> bool:
    """Return whether a name is that of whoever runs this process, with or without `os:`."""
    user = f"{OS_USER}{os_user()}"
    return name in (user, user.removeprefix(OS_USER))


def os_decider(policy: CompiledPolicy, name: str | None = None) -> Principal:
    """Return who runs this process, with the roles that the policy gives to `os:NAME`.

    Arguments:
        policy: says which roles they have.
        name: who it must be; None: whoever it is.

    Raises:
        ApproverRefused: it is somebody else.

    """
    user = f"{OS_USER}{os_user()}"
    if name is not None and not is_os_user(name):
        raise ApproverRefused(f"you are {user!r} and not {name!r}", "Run the command as that user.")
    known = policy.policy.users.get(user)
    return Principal(user, known.roles if known else ())


def refuse_unauthorised(
    policy: CompiledPolicy, request: ApprovalRequest, user: str, roles: Iterable[str]
) -> None:
    """Check that somebody's roles let them decide about calls. Four eyes are for the queue to see.

    Raises:
        ApproverRefused: they may not.

    """
    if not policy.may_approve(roles):
        raise not_an_approver(policy, request, user)

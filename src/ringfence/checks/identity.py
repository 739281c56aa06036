"""Whether a session still holds: not ended, not expired, its user active, and the tool within what was delegated. Others have no opinion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.checks import access, rules
from ringfence.hookspecs import hookimpl
from ringfence.verdict import combine

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session
    from ringfence.verdict import Verdict


@hookimpl
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:
    """Answer with what ended a session that somebody logged in to, or with what its narrower authority leaves out."""
    authority = session.authority
    if authority is None:
        return None
    objection = authority.judge(call)
    widest = authority.widest
    if objection is not None or widest is None:
        return objection
    verdict = _with_all_roles(call._replace(principal=widest), policy, session)
    return None if verdict.allowed else verdict


def _with_all_roles(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict:
    """Return what access and rules say about a call for all roles of its user: what forbids or asks stands in those that were left out too."""
    said = [check.ringfence_judge_call(call, policy, session) for check in (access, rules)]
    return combine(verdict for verdict in said if verdict is not None)

"""Whether a session still holds: not ended, not expired, its user active, and the tool within what was delegated. Others have no opinion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session
    from ringfence.verdict import Verdict


@hookimpl
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:
    """Answer with what ended a session that somebody logged in to, or with what its narrower authority leaves out."""
    authority = session.authority
    return None if authority is None else authority.judge(call, policy)

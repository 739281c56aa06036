"""What the policy's rules say about a call: about its arguments, its caller, its time, and what came before it in the session."""

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
    """Answer with the strictest of the rules that speak; None where none does and something else has spoken."""
    here = policy.ruling(call.principal.roles, call.tool).rules
    return here.judge(call, session) if here.tests else None

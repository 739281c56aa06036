"""What the policy's rules say about a call: about its arguments, its caller, its time, and what came before it in the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.hookspecs import hookimpl
from ringfence.verdict import combine

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session
    from ringfence.verdict import Verdict


@hookimpl
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:
    """Answer with the strictest of the rules that speak; None where none does."""
    rules = policy.ruling(call.principal.roles, call.tool).rules
    if not rules:
        return None
    said = [verdict for verdict in (rule.judge(call, session) for rule in rules) if verdict is not None]
    return combine(said) if said else None

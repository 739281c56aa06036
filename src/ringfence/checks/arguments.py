"""What a call may carry: the argument rules of the policy. No opinion where none is broken; access decides then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session
    from ringfence.verdict import Verdict


@hookimpl
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:  # noqa: ARG001 - as in access.py
    """Answer with the first broken argument rule."""
    for test in policy.ruling(call.principal.roles, call.tool).tests:
        refusal = test.judge(call.arguments)
        if refusal is not None:
            return refusal
    return None

"""What the code in a call would do: the arguments declared as code are scanned. No opinion where nothing speaks against them."""

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
    """Answer with the first argument that must not run. For a caller who may not call the tool nothing is scanned: it takes time."""
    if not (call.tool.code or policy.declares_code):  # nearly every call: not even a look-up
        return None
    ruling = policy.ruling(call.principal.roles, call.tool)
    if not ruling.code or ruling.closed:
        return None
    for test in ruling.code:
        refusal = test.judge(call.arguments)
        if refusal is not None:
            return refusal
    return None

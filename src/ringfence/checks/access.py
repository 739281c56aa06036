"""Who may call what: roles, permissions, allowed and forbidden tools, all of it compiled into one look-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session
    from ringfence.verdict import Verdict


@hookimpl
def ringfence_judge_call(call: ToolCall, policy: CompiledPolicy, session: Session) -> Verdict | None:  # noqa: ARG001 - all of the hook's arguments: the guard then calls it without an adapter
    """Answer with what the policy says about this tool for the caller's roles; None where only a rule can allow it."""
    return policy.ruling(call.principal.roles, call.tool).opinion

"""Why a call is decided as it is: every rule that spoke, in order, and the nearest change that would have allowed it.

Nothing here decides: it asks the same rulings, tests and plugins as the gate, and tries them again with one more role. The
verdict it shows is the gate's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ringfence.policy.rules import CHECK as RULES
from ringfence.verdict import Decision, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.call import ToolCall
    from ringfence.policy.arguments import ArgumentTest
    from ringfence.policy.code import CodeTest, SnippetTest
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.session import Session


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one call is decided as it is.

    Attributes:
        call: the call, with its arguments bound.
        verdict: what the gate says.
        statements: what each rule and plugin said, in order.
        nearest: what would have allowed it, one condition each, all of them needed; empty where it is allowed already.

    """

    call: ToolCall
    verdict: Verdict
    statements: tuple[Verdict, ...]
    nearest: tuple[str, ...]


def explain(
    policy: CompiledPolicy,
    call: ToolCall,
    refusal: Verdict | None,
    said: Sequence[Verdict],
    session: Session,
) -> Explanation:
    """Return why a call is decided as it is.

    Arguments:
        policy: in force.
        call: the call.
        refusal: of the gate itself, where there was no opinion to ask for.
        said: what every plugin said.
        session: whose call it is.

    """
    if refusal is not None:
        return Explanation(call, refusal, (refusal,), (refusal.hint,) if refusal.hint else ())
    ruling = policy.ruling(call.principal.roles, call.tool)
    tested = [_tested(test, call) for test in ruling.tests]
    tested += [_scanned(test, call) for test in ruling.code]
    broken = any(verdict.broken and verdict.check == RULES for verdict in said)
    ruled = [] if broken else list(ruling.rules.explain(call, session))
    others = [
        verdict
        for verdict in said
        if verdict is not ruling.verdict and verdict not in tested and (broken or verdict.check != RULES)
    ]
    verdict = combine(said)
    statements = () if ruling.rules.silent else ruling.statements
    wanted = () if verdict.allowed else tuple(_wanted(policy, call, [*tested, *ruled, *others]))
    return Explanation(call, verdict, (*statements, *tested, *ruled, *others), wanted)


def _tested(test: ArgumentTest, call: ToolCall) -> Verdict:
    refusal = test.judge(call.arguments)
    if refusal is not None:
        return refusal
    met = test.refusal.message.replace(" is not ", " is ", 1)
    return Verdict(Decision.ALLOW, met, rule=test.refusal.rule, check=test.refusal.check)


def _scanned(test: CodeTest | SnippetTest, call: ToolCall) -> Verdict:
    """Return what the code check says about one argument, also for a caller whose call it would not look at."""
    refusal = test.judge(call.arguments)
    if refusal is not None:
        return refusal
    return test.passed


def _wanted(policy: CompiledPolicy, call: ToolCall, others: Sequence[Verdict]) -> list[str]:
    """Return what access lacks, then what each broken argument rule and objecting plugin asks for."""
    access = policy.ruling(call.principal.roles, call.tool)
    found = (
        []
        if access.verdict.allowed or access.rules.silent
        else [_access_wanted(policy, call, access.statements)]
    )
    return found + [verdict.hint or verdict.message for verdict in others if not verdict.allowed]


def _access_wanted(policy: CompiledPolicy, call: ToolCall, statements: Sequence[Verdict]) -> str:
    name, roles = call.tool.name, call.principal.roles
    unknown = [verdict.hint for verdict in statements if verdict.rule == "unknown-role"]
    if unknown:
        return unknown[0]
    enough = [role for role in policy.roles if policy.ruling((*roles, role), call.tool).verdict.allowed]
    if enough:
        least = min(enough, key=lambda role: len(policy.ruling((role,), call.tool).rights.permissions))
        rule = policy.ruling((*roles, least), call.tool).verdict.rule
        return f"With the role {least!r}, rule {rule} would allow {name}."
    forbidding = [verdict.rule for verdict in statements if verdict.rule.endswith(".deny")]
    if forbidding:
        return f"No role helps while {', '.join(dict.fromkeys(forbidding))} forbids {name}: narrow that pattern, or call as a user without that role."
    if any(verdict.decision is Decision.ASK for verdict in statements):
        return (
            f"A person may approve it: {', '.join(v.rule for v in statements if v.decision is Decision.ASK)}."
        )
    return f"No role allows {name}: add it to `allow` of a role of the caller, or give it a role or permissions under `tools`."

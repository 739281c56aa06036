"""`ringfence explain`: what a policy says about one call, rule by rule, without running or recording anything.

The explanation itself is the guard's. Here it is asked of a guard that has no tools and keeps its record in memory.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ringfence.explain import Explanation
    from ringfence.policy.model import Policy
    from ringfence.verdict import Verdict

EXAMPLE = "Example: ringfence explain ringfence.yaml --user ana --tool refund --args '{\"amount\": 20}'"
_COLOURS = {"allow": "green", "ask": "yellow", "deny": "red"}


def explain(
    file: Annotated[Path, typer.Argument(help="The policy file.", metavar="FILE")],
    *,
    user: Annotated[str, typer.Option(help="Who calls.")],
    tool: Annotated[str, typer.Option(help="The tool's name.")],
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role of the user; may be repeated. Default: those in the file."),
    ] = None,
    args: Annotated[str, typer.Option(help="The arguments, as a JSON object.")] = "{}",
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say what a policy decides about a call: every rule that spoke, in order, and the nearest that would have allowed it.

    It knows the policy only: what a tool's own decorator asks for comes on top. Plugins that the policy names are asked too.
    """
    from ringfence.cli.output import print_json
    from ringfence.policy.file import load_sound_policy

    arguments = _arguments(args)
    policy = load_sound_policy(file)
    facts = _facts(policy, _explanation(policy, user, role, tool, arguments))
    if json:
        print_json(facts)
    else:
        _print(facts)


def _arguments(text: str) -> dict[str, object]:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"no JSON: {error}", param_hint="--args") from error
    if not isinstance(value, dict):
        raise typer.BadParameter('expected a JSON object such as {"amount": 20}', param_hint="--args")
    return value


def _explanation(
    policy: Policy, user: str, roles: list[str] | None, tool: str, arguments: dict[str, object]
) -> Explanation:
    from dataclasses import replace

    from ringfence.guard import Guard
    from ringfence.policy.model import Audit, Mode, StoreKind
    from ringfence.tool import Tool

    unrecorded = replace(policy, mode=Mode.ENFORCE, audit=Audit(store=StoreKind.MEMORY))
    with Guard(unrecorded) as guard, guard.acting_as(user, roles or None):
        return guard.explain(Tool(tool), arguments)


def _facts(policy: Policy, found: Explanation) -> dict[str, Any]:
    from ringfence.policy.compile import compile_policy

    name, principal = found.call.tool.name, found.call.principal
    return {
        "tool": name,
        "user": principal.user,
        "roles": list(principal.roles),
        "mode": policy.mode.value,
        "verdict": said(found.verdict),
        "statements": [said(statement) for statement in found.statements],
        "nearest": list(found.nearest),
        "named": compile_policy(policy).names_tool(name),
    }


def said(verdict: Verdict) -> dict[str, str]:
    """Return a verdict for machines."""
    return {
        "decision": verdict.decision.value,
        "rule": verdict.rule,
        "check": verdict.check,
        "message": verdict.message,
        "hint": verdict.hint,
    }


def _print(facts: dict[str, Any]) -> None:
    from rich.table import Column, Table

    from ringfence.cli.output import console, safe

    table = Table("check", Column("rule", overflow="fold"), "says", "why")
    for each in facts["statements"]:
        table.add_row(
            safe(each["check"]), safe(each["rule"]), _coloured(each["decision"]), safe(each["message"])
        )
    out, verdict = console(), facts["verdict"]
    out.print(table)
    lines = [
        f"{_coloured(verdict['decision'])}: {safe(verdict['message'])} [dim]{safe(verdict['rule'])}[/dim]"
    ]
    lines += [f"nearest: {safe(wanted)}" for wanted in facts["nearest"]]
    if not facts["named"]:
        lines.append(
            "note: the policy does not name this tool, so only a registered function can be called by this name"
        )
    if facts["mode"] == "observe":
        lines.append("note: the policy only observes, so a denied call would run and be reported")
    for line in lines:
        out.print(line, soft_wrap=True)


def _coloured(decision: str) -> str:
    return f"[{_COLOURS[decision]}]{decision}[/]"

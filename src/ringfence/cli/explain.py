"""`ringfence explain`: what a policy says about one call, rule by rule, without running or recording anything.

The explanation itself is the guard's own; here a `Trial` is asked for it, at any time and after any calls.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.call import Principal
from ringfence.cli.trying import ToolsOption  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.explain import Explanation
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.trying.judging import Trial
    from ringfence.verdict import Verdict

EXAMPLE = "Example: ringfence explain ringfence.yaml --user ana --tool refund --args '{\"amount\": 20}'"
_COLOURS = {"allow": "green", "ask": "yellow", "deny": "red"}


def explain(  # noqa: PLR0913 - one for each option
    file: Annotated[Path, typer.Argument(help="The policy file.", metavar="FILE")],
    *,
    user: Annotated[str, typer.Option(help="Who calls.")],
    tool: Annotated[str, typer.Option(help="The tool's name.")],
    role: Annotated[
        list[str] | None,
        typer.Option(help="A role of the user; may be repeated. Default: those in the file."),
    ] = None,
    args: Annotated[str, typer.Option(help="The arguments, as a JSON object.")] = "{}",
    address: Annotated[str, typer.Option(help="Where the request comes from.")] = "",
    at: Annotated[
        datetime | None, typer.Option(help="When, in UTC, such as 2026-01-31T12:00:00. Default: now.")
    ] = None,
    after: Annotated[
        list[str] | None,
        typer.Option(
            help="A tool that ran in the session before; may be repeated, in order.", metavar="TOOL"
        ),
    ] = None,
    tools: ToolsOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say what a policy decides about a call: every rule that spoke, in order, and the nearest that would have allowed it.

    It knows the policy only; with --tools also what a tool's own decorator asks for. Plugins that the policy names are asked too.
    """
    from ringfence.cli.output import print_json
    from ringfence.cli.trying import find_tools, open_trial

    arguments = _arguments(args)
    trial = open_trial(file, find_tools(tools))
    principal = Principal(user, tuple(role) if role else trial.roles_of(user), address)
    found = _explanation(trial, principal, tool, arguments, at, after or ())
    facts = _facts(trial.policy, found)
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
    trial: Trial,
    principal: Principal,
    tool: str,
    arguments: dict[str, object],
    at: datetime | None,
    after: Sequence[str],
) -> Explanation:
    from ringfence.trying.history import made_up_session, succeed

    session = made_up_session(principal)
    moment = (datetime.now(UTC) if at is None else at.replace(tzinfo=UTC)).timestamp()
    for earlier in after:
        succeed(session, earlier, moment)
    return trial.explain(tool, arguments, session, moment)


def _facts(policy: CompiledPolicy, found: Explanation) -> dict[str, Any]:
    name, principal = found.call.tool.name, found.call.principal
    return {
        "tool": name,
        "user": principal.user,
        "roles": list(principal.roles),
        "mode": policy.policy.mode.value,
        "verdict": said(found.verdict),
        "statements": [said(statement) for statement in found.statements],
        "nearest": list(found.nearest),
        "named": policy.names_tool(name),
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
        f"{_coloured(verdict['decision'])}: {safe(verdict['message'])} [dim]({safe(verdict['rule'])})[/dim]"
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

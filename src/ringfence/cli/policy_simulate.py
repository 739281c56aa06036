"""`ringfence policy simulate`: what would change under a policy, call by call, against the record."""

from __future__ import annotations

import json as json_module
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli.audit import KeyOption, SinceOption  # noqa: TC001 - typer reads the annotations
from ringfence.cli.trying import ToolsOption, UnverifiedOption  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from ringfence.trying.simulate import Simulated, Summary

EXAMPLE = (
    "Example: ringfence policy simulate new.yaml --over ringfence-audit.db --since 7d --fail-on-loosened"
)


def simulate(  # noqa: PLR0913 - one for each option
    file: Annotated[Path, typer.Argument(help="The policy file to try.", metavar="FILE")],
    *,
    over: Annotated[Path, typer.Option("--over", help="The log whose calls are judged.", metavar="LOG")],
    since: SinceOption = None,
    tools: ToolsOption = None,
    key_file: KeyOption = None,
    unverified: UnverifiedOption = False,
    number: Annotated[
        int, typer.Option("--number", "-n", min=0, help="How many changed calls to list.")
    ] = 50,
    everything: Annotated[bool, typer.Option("--all", help="List all of them.")] = False,
    fail_on_loosened: Annotated[
        bool, typer.Option("--fail-on-loosened", help="Exit code 1 if a call would be decided more loosely.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object for each changed call, and one that sums up."),
    ] = False,
) -> None:
    """Judge every call of a log under another policy, and say what would change. No tool runs, and nothing is recorded.

    Each call is judged after what ran before it in its session. Where the policy reads a value that the record masks or cuts, the
    call is unknown. Exit code 0: done. 1: --fail-on-loosened, and something would be looser. 2: policy or log cannot be used.
    """
    from ringfence.cli.audit import ascii_only, moment
    from ringfence.cli.trying import find_tools, open_record, open_trial
    from ringfence.trying.change import Change
    from ringfence.trying.recorded import recorded_calls
    from ringfence.trying.simulate import Summary
    from ringfence.trying.simulate import simulate as judge

    trial = open_trial(file, find_tools(tools))
    start = moment(since, "--since")
    summary = Summary()
    kept: list[Simulated] = []
    with open_record(over, key_file, unverified=unverified, quiet=json) as (source, progress):
        for found in _counted(judge(recorded_calls(source, progress), trial, start), summary):
            if json:
                typer.echo(ascii_only(json_module.dumps(_facts(found))))
            elif everything or len(kept) < number:
                kept.append(found)
    if json:
        typer.echo(ascii_only(json_module.dumps(_summary(summary))))
    else:
        _print(summary, kept)
    if fail_on_loosened and summary.changes[Change.LOOSER]:
        raise typer.Exit(1)


def _counted(found: Iterator[Simulated], summary: Summary) -> Iterator[Simulated]:
    """Count all calls, and yield those that changed or are unknown."""
    from ringfence.trying.change import Change

    for each in found:
        summary.count(each)
        if each.change is not Change.SAME:
            yield each


def _facts(found: Simulated) -> dict[str, Any]:
    from ringfence.cli.explain import said

    recorded = found.recorded
    asked = recorded.asked
    return {
        "seq": recorded.seq,
        "call": recorded.call,
        "session": recorded.session,
        "at": asked.at,
        "user": asked.principal.user,
        "roles": list(asked.principal.roles),
        "tool": asked.tool,
        "arguments": asked.arguments,
        "change": found.change.value,
        "old": {"decision": recorded.decision.value, "rule": recorded.rule},
        "new": None if found.verdict is None else said(found.verdict),
        "why": found.why,
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "calls": summary.calls,
        "changes": {kind.value: count for kind, count in sorted(summary.changes.items())},
        "pairs": [
            {"old": old, "new": new, "calls": count} for (old, new), count in sorted(summary.pairs.items())
        ],
    }


def _print(summary: Summary, kept: list[Simulated]) -> None:
    from rich.table import Table

    from ringfence.cli.output import console
    from ringfence.cli.trying import coloured
    from ringfence.trying.change import Change

    out = console()
    if kept:
        out.print(_calls(kept))
    table = Table("in the record", "now", "calls")
    for (old, new), count in sorted(summary.pairs.items()):
        table.add_row(coloured(old), coloured(new), f"{count:,}")
    out.print(table)
    different = summary.calls - summary.changes[Change.SAME]
    told = ", ".join(
        coloured(kind, f"{summary.changes[kind]:,} {kind}")
        for kind in (Change.LOOSER, Change.STRICTER, Change.UNKNOWN)
    )
    out.print(f"{summary.calls:,} calls: {told}", soft_wrap=True)
    if different > len(kept):
        out.print(f"[dim]{different - len(kept):,} more are not listed: --all lists them[/]")


def _calls(kept: list[Simulated]) -> Table:
    from rich.table import Column, Table

    from ringfence.cli.output import safe, time_of
    from ringfence.cli.trying import coloured

    fold = Column("why", overflow="fold")
    table = Table("seq", "at (UTC)", "user", "tool", "was", "now", fold)
    for found in kept:
        asked, new = found.recorded.asked, found.verdict
        decision = coloured("unknown" if new is None else new.decision.value)
        why = found.why if new is None else f"{new.rule}: {new.message}"
        who = (str(found.recorded.seq), time_of(asked.at), safe(asked.principal.user or "-"))
        table.add_row(*who, safe(asked.tool), coloured(found.recorded.decision.value), decision, safe(why))
    return table

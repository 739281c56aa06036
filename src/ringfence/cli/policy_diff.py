"""`ringfence policy diff`: which calls two policies decide differently."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli.audit import KeyOption  # noqa: TC001 - typer reads the annotations
from ringfence.cli.trying import OverOption, ToolsOption, UnverifiedOption  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.trying.differences import Difference, Question
    from ringfence.trying.judging import Trial

EXAMPLE = "Example: ringfence policy diff ringfence.yaml new.yaml --over ringfence-audit.db"


def diff(
    old: Annotated[Path, typer.Argument(help="The policy file as it is.", metavar="OLD")],
    new: Annotated[Path, typer.Argument(help="The policy file as it is to be.", metavar="NEW")],
    *,
    over: OverOption = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", help="The case file whose calls are judged.", metavar="FILE")
    ] = None,
    tools: ToolsOption = None,
    key_file: KeyOption = None,
    unverified: UnverifiedOption = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say which calls change their verdict from one policy to another: calls of a log, of a case file, or made up.

    Made-up calls are every role with every tool, with arguments at the edges of both policies' rules. They are samples: no difference
    among them is no proof that there is none. Exit code 0: none differs. 1: some do. 2: a file cannot be used.
    """
    from ringfence.cli.output import print_json
    from ringfence.cli.trying import find_tools, open_trial
    from ringfence.trying.change import Change
    from ringfence.trying.differences import differences

    if over is not None and cases is not None:
        raise typer.BadParameter("name a log or a case file, not both", param_hint="--cases")
    registered = find_tools(tools)
    before, after = open_trial(old, registered), open_trial(new, registered)
    count, changed = 0, []
    with _questions(before, after, over, cases, key_file, unverified=unverified, quiet=json) as questions:
        for found in differences(before, after, questions):
            count += 1
            if found.change is not Change.SAME:
                changed.append(_facts(found))
    made_up = over is None and cases is None
    if json:
        print_json({"old": str(old), "new": str(new), "made_up": made_up, "calls": count, "changes": changed})
    else:
        _print(changed, count, made_up=made_up)
    if changed:
        raise typer.Exit(1)


@contextmanager
def _questions(
    before: Trial,
    after: Trial,
    over: Path | None,
    cases: Path | None,
    key_file: Path | None,
    *,
    unverified: bool,
    quiet: bool,
) -> Iterator[Iterable[Question]]:
    from ringfence.cli.trying import open_record
    from ringfence.trying.cases import load_cases
    from ringfence.trying.differences import from_cases, from_record, from_samples
    from ringfence.trying.recorded import recorded_calls
    from ringfence.trying.samples import samples

    now = time.time()
    if over is not None:
        with open_record(over, key_file, unverified=unverified, quiet=quiet) as (source, progress):
            yield from_record(recorded_calls(source, progress))
    elif cases is not None:
        yield from_cases(load_cases(cases).cases, before, now)
    else:
        yield from_samples(samples(before, after, now))


def _facts(found: Difference) -> dict[str, Any]:
    from ringfence.cli.explain import said
    from ringfence.cli.trying import shown_arguments

    asked = found.question.asked
    return {
        "name": found.question.name,
        "user": asked.principal.user,
        "roles": list(asked.principal.roles),
        "tool": asked.tool,
        "arguments": shown_arguments(dict(asked.arguments)),
        "change": found.change.value,
        "old": None if found.old is None else said(found.old),
        "new": None if found.new is None else said(found.new),
    }


def _print(changed: list[dict[str, Any]], count: int, *, made_up: bool) -> None:
    from rich.table import Column, Table

    from ringfence.cli.output import console, safe
    from ringfence.cli.trying import coloured

    out = console()
    folded = (Column("for example", overflow="fold"), Column("new rule", overflow="fold"))
    table = Table("change", "role", "tool", "old", "new", Column("calls", justify="right"), *folded)
    for (kind, roles, tool, old, new, rule), found in _grouped(changed).items():
        who = (coloured(kind), safe(roles or "-"), safe(tool), coloured(old), coloured(new))
        table.add_row(*who, f"{len(found):,}", safe(_short(found[0]["arguments"])), safe(rule))
    if changed:
        out.print(table)
    kinds = {
        kind: sum(each["change"] == kind for each in changed) for kind in ("looser", "stricter", "unknown")
    }
    told = ", ".join(coloured(kind, f"{number:,} {kind}") for kind, number in kinds.items())
    out.print(f"{count:,} {'made-up ' if made_up else ''}calls: {told}")
    if made_up:
        out.print("[dim]samples: calls in between may differ too; --over judges the calls of a log[/]")


def _grouped(changed: list[dict[str, Any]]) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Return the changes together that differ in their arguments only: kind, roles, tool, decisions and new rule lead to them."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in changed:
        old, new = ("unknown" if each[side] is None else each[side]["decision"] for side in ("old", "new"))
        rule = "" if each["new"] is None else each["new"]["rule"]
        key = (each["change"], ", ".join(each["roles"]), each["tool"], old, new, rule)
        found.setdefault(key, []).append(each)
    return found


def _short(arguments: dict[str, Any]) -> str:
    import json

    text = json.dumps(arguments, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


_MOST_SHOWN = 120

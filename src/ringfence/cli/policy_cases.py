"""`ringfence policy test`: run a case file against a policy."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli.trying import ToolsOption  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.trying.cases import CaseFile
    from ringfence.trying.testing import CaseResult

EXAMPLE = "Example: ringfence policy test cases.yaml --policy ringfence.yaml --junit results.xml"


def try_cases(
    file: Annotated[Path, typer.Argument(help="The case file (.yaml, .yml or .json).", metavar="FILE")],
    *,
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="The policy file. Default: the one that the case file names."),
    ] = None,
    tools: ToolsOption = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", help="Also write JUnit XML to this file.", metavar="FILE")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Also list the rules of the policy that no case made speak.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Run cases against a policy: each is a call, who makes it, and the verdict that is expected. No tool runs.

    Exit code 0: every case holds. 1: some do not. 2: the cases or the policy cannot be read.
    """
    from ringfence.cli.output import print_json
    from ringfence.cli.trying import find_tools, open_trial
    from ringfence.trying.cases import load_cases
    from ringfence.trying.testing import run_cases, unreached

    found = load_cases(file)
    chosen = policy or found.policy
    if chosen is None:
        raise typer.BadParameter("the case file names no policy: name one", param_hint="--policy")
    trial = open_trial(chosen, find_tools(tools or found.tools or None))
    results = list(run_cases(found.cases, trial))
    missed = unreached(trial.policy.policy, results) if coverage else None
    if junit is not None:
        _write(junit, str(file), results)
    if json:
        print_json(_facts(found, chosen, results, missed))
    else:
        _print(results, missed)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _write(path: Path, suite: str, results: Sequence[CaseResult]) -> None:
    from ringfence.trying.junit import junit

    try:
        path.write_bytes(junit(suite, results))
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"cannot write {path}: {error}", param_hint="--junit") from error


def _facts(
    found: CaseFile, policy: Path, results: Sequence[CaseResult], missed: Sequence[str] | None
) -> dict[str, Any]:
    failed = sum(not result.passed for result in results)
    facts: dict[str, Any] = {
        "file": str(found.path),
        "policy": str(policy),
        "passed": len(results) - failed,
        "failed": failed,
        "cases": [_case(result) for result in results],
    }
    return facts if missed is None else facts | {"unreached": list(missed)}


def _case(result: CaseResult) -> dict[str, Any]:
    from ringfence.cli.explain import said

    found = result.found
    return {
        "name": result.case.name,
        "line": result.case.line,
        "tool": result.case.call.tool,
        "user": result.case.caller.user,
        "passed": result.passed,
        "expect": result.case.expect.value,
        "got": result.got,
        "faults": list(result.faults),
        "verdict": None if found is None else said(found.verdict),
        "statements": [] if found is None else [said(each) for each in found.statements],
        "nearest": [] if found is None else list(found.nearest),
    }


def _print(results: Sequence[CaseResult], missed: Sequence[str] | None) -> None:
    from rich.table import Column, Table

    from ringfence.cli.output import console, safe
    from ringfence.cli.trying import coloured
    from ringfence.trying.junit import told

    table = Table("", "case", "tool", "expect", "got", Column("rule", overflow="fold"))
    for result in results:
        mark = "[green]ok[/]" if result.passed else "[bold red]no[/]"
        rule = "" if result.found is None else safe(result.found.verdict.rule)
        row = (safe(result.case.name), safe(result.case.call.tool), coloured(result.case.expect))
        table.add_row(mark, *row, coloured(result.got), rule)
    out = console()
    out.print(table)
    failed = [result for result in results if not result.passed]
    for result in failed:
        out.print(f"[bold red]{safe(result.case.name)}[/]", soft_wrap=True)
        for line in told(result):
            out.print(f"  {safe(line)}", soft_wrap=True)
    for rule in missed or ():
        out.print(f"[yellow]not reached:[/] {safe(rule)}", soft_wrap=True)
    colour = "red" if failed else "green"
    out.print(f"[{colour}]{len(results) - len(failed)} of {len(results)} cases hold[/]")

"""`ringfence rules`: list the scanner's rules, show one whole, check one's own.

The one idea: what `show --json` prints is what a rule file may hold, so a rule of one's own starts as a copy.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.scanning.effects import Language  # noqa: TC001 - typer reads the annotations
from ringfence.scanning.findings import Family  # noqa: TC001 - likewise
from ringfence.scanning.rule import Example, RuleException, When

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.scanning.rule import Rule

app = typer.Typer(help="List, show and check the rules that the scanner goes by.", no_args_is_help=True)

_COLOURS = {"critical": "bold magenta", "high": "bold red", "medium": "yellow", "low": "cyan", "info": "blue"}


class Level(StrEnum):
    """The levels by their names."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


RulesOption = Annotated[
    Path | None, typer.Option("--rules", help="A folder with rules of your own, besides the built-in ones.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command("list", epilog="Example: ringfence rules list --language shell --level high")
def list_(
    *,
    language: Annotated[
        Language | None, typer.Option("--language", help="Only rules that count in it.")
    ] = None,
    family: Annotated[Family | None, typer.Option("--family", help="Only rules of this family.")] = None,
    level: Annotated[Level | None, typer.Option("--level", help="Only rules from this level up.")] = None,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """List the rules: id, level, family and title."""
    from ringfence.cli.output import print_json
    from ringfence.threat import ThreatLevel

    least = ThreatLevel.INFO if level is None else ThreatLevel[level.name]
    wanted = [
        rule
        for rule in _all_rules(rules)
        if rule.level >= least
        and family in (None, rule.family)
        and (language is None or _counts_in(rule, language))
    ]
    if json:
        print_json([as_values(rule) for rule in wanted])
    else:
        _print_table(wanted)


@app.command(epilog="Example: ringfence rules show path-read-credentials")
def show(
    rule: Annotated[str, typer.Argument(help="The rule's id.", metavar="ID")],
    *,
    rules: RulesOption = None,
    json: JsonOption = False,
) -> None:
    """Print all of one rule: what it looks for, why, what to change, what it finds and what it leaves alone."""
    from ringfence.cli.output import print_json
    from ringfence.errors import RulesInvalid

    known = {each.id: each for each in _all_rules(rules)}
    if rule not in known:
        raise RulesInvalid.unknown(rule, known)
    if json:
        print_json(as_values(known[rule]))
    else:
        _print_whole(known[rule])


@app.command(epilog="Example: ringfence rules check rules/")
def check(
    folder: Annotated[Path, typer.Argument(help="The folder with the rule files.", metavar="FOLDER")],
    *,
    json: JsonOption = False,
) -> None:
    """Read rule files and run the examples of each rule.

    Exit code 0: all are sound. 1: some are not. 2: there are none to check.
    """
    from ringfence.cli.output import console, print_error, print_json, safe
    from ringfence.scanning.rule_files import failures, read_folder

    found = read_folder(folder)
    faults = [*found.faults, *failures(found.rules)]
    ids = [placed.rule.id for placed in found.rules]
    if json:
        told = [{"message": fault.message, "hint": fault.hint} for fault in faults]
        print_json({"folder": str(folder), "ok": not faults, "rules": ids, "faults": told})
    else:
        for fault in faults:
            print_error(fault)
        if not faults:
            examples = sum(len(placed.examples) for placed in found.rules)
            text = f"[green]ok:[/green] {safe(folder)} (rules: {len(ids)}, examples: {examples})"
            console().print(text, soft_wrap=True)
    if faults:
        raise typer.Exit(1)


def _all_rules(folder: Path | None) -> tuple[Rule, ...]:
    from ringfence.scanning.rules import BUILT_IN

    if folder is None:
        return BUILT_IN
    from ringfence.scanning.rule_files import load_rules

    return (*BUILT_IN, *load_rules(folder))


def _counts_in(rule: Rule, language: Language) -> bool:
    return any(not when.languages or language in when.languages for when in rule.when)


def as_values(rule: Rule) -> dict[str, Any]:
    """Return a rule as a rule file holds it: levels by name, what is not set left out."""
    values = _set_fields(rule)
    return values | {"level": str(rule.level)}


def _set_fields(part: Rule | When | Example | RuleException) -> dict[str, Any]:
    return {name: _plain(value) for name, value in part._asdict().items() if value not in ((), "", None)}


def _plain(value: Any) -> Any:
    if isinstance(value, (When, Example, RuleException)):
        return _set_fields(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _print_table(rules: Iterable[Rule]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from ringfence.cli.output import console, safe

    table = Table("rule", "level", "family", "title", box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for rule in rules:
        table.add_row(safe(rule.id), _level(rule), str(rule.family), safe(rule.title))
    console().print(table)
    console().print(f"{table.row_count} rules; ringfence rules show ID prints one whole")


def _level(rule: Rule) -> str:
    return f"[{_COLOURS[str(rule.level)]}]{rule.level}[/]"


def _print_whole(rule: Rule) -> None:
    from ringfence.cli.output import console

    out = console()
    for line in _lines(rule):
        out.print(line, soft_wrap=True)


def _lines(rule: Rule) -> Iterator[str]:
    from ringfence.cli.output import safe

    yield f"[bold]{safe(rule.id)}[/bold] {_level(rule)} {safe(rule.title)}"
    yield f"family: {rule.family}, capability: {rule.capability or 'that of what is done'}"
    if rule.tags:
        yield f"tags: {safe(', '.join(rule.tags))}"
    yield f"\n{safe(rule.description)}"
    if rule.hint:
        yield f"[green]hint:[/green] {safe(rule.hint)}"
    yield "\n[bold]looks for[/bold]"
    for when in rule.when:
        yield f"  {safe(_words(when))}"
    for exception in rule.exceptions:
        yield f"  [dim]except[/dim] {safe(_words(exception))}"
    for heading, examples in (("finds", rule.found), ("leaves alone", rule.ignored)):
        yield f"\n[bold]{heading}[/bold]"
        for example in examples:
            yield from _example(example)


def _words(part: When | RuleException) -> str:
    """Return the set fields of a condition in one line: `read, areas: credentials, home`."""
    values = _set_fields(part)
    first = values.pop("kind", None) or values.pop("reason")
    return ", ".join([first, *(f"{name}: {' | '.join(value)}" for name, value in values.items())])


def _example(example: Example) -> Iterator[str]:
    from ringfence.cli.output import safe

    lines = example.source.splitlines() or [""]
    for number, line in enumerate(lines):
        label = f"{example.language}:" if number == 0 else ""
        yield f"  [dim]{label:<11}[/dim] {safe(line)}"

"""`ringfence audit`: read, follow, verify and export the log.

Reading needs no key, verifying and signing do. The one idea: whatever stands in a record may come from an attacker, so all of it
is printed through `safe` or as JSON in ASCII.
"""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from ringfence.audit.query import Filter, Record
    from ringfence.audit.store import Source
    from ringfence.audit.verify import Verification

app = typer.Typer(help="Read, verify and export the log of all calls.", no_args_is_help=True)

_FOLLOW_SECONDS = 0.5
_MOST_OPEN_SHOWN = 5
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_COLOURS = {"allow": "green", "ok": "green", "ask": "yellow", "deny": "red", "failed": "red"}
_COLUMNS = (
    "seq",
    "at",
    "kind",
    "user",
    "tool",
    "decision",
    "rule",
    "reason",
    "success",
    "call",
    "session",
    "message",
    "arguments",
)

PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy", help="The policy file that says where log and key are.", envvar="RINGFENCE_POLICY"
    ),
]
LogOption = Annotated[Path | None, typer.Option("--log", help="The log itself, instead of a policy file.")]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key-file", help="The log's key. Default: RINGFENCE_AUDIT_KEY, or the file <log>.key."),
]
UserOption = Annotated[str | None, typer.Option("--user", help="Only calls of this user.")]
ToolOption = Annotated[str | None, typer.Option("--tool", help="Only calls of this tool.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", help="Not older than this: 90s, 30m, 2h, 7d, or a date such as 2026-01-31T12:00."
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", help="Not younger than this, written likewise.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class Kind(StrEnum):
    """The kinds of records."""

    INTENT = "intent"
    REFUSAL = "refusal"
    OUTCOME = "outcome"
    EVENT = "event"


class Asked(StrEnum):
    """The decisions."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Format(StrEnum):
    """What `export` writes."""

    JSONL = "jsonl"
    CSV = "csv"


KindOption = Annotated[Kind | None, typer.Option("--kind", help="Only this kind of record.")]
EventOption = Annotated[
    str | None, typer.Option("--event", help="Only events of this kind, such as login-failed.")
]
DecisionOption = Annotated[Asked | None, typer.Option("--decision", help="Only records with this decision.")]


class Place(NamedTuple):
    """Where a log is, and its key file where one is named."""

    log: Path
    key_file: Path | None

    def key(self) -> bytes:
        """Return the log's key."""
        from ringfence.audit.keys import load_key

        return load_key(self.key_file, self.log)

    def open(self) -> Source:
        """Open the log for reading."""
        from ringfence.audit.store import open_source

        return open_source(self.log)


def _place(log: Path | None, policy: Path | None, key_file: Path | None) -> Place:
    if log is not None:
        return Place(log, key_file)
    if policy is None:
        raise typer.BadParameter(
            "name the log with --log, or a policy file with --policy or RINGFENCE_POLICY", param_hint="--log"
        )
    from ringfence.policy.file import load_policy
    from ringfence.policy.model import StoreKind

    settings = load_policy(policy).audit
    if settings.store in (StoreKind.MEMORY, StoreKind.NONE):
        raise typer.BadParameter(
            f"audit.store is {settings.store}: there is no log to read", param_hint="--policy"
        )
    if key_file is None and settings.key_file is not None:
        key_file = policy.parent / settings.key_file
    return Place(policy.parent / settings.path, key_file)


def _filter(
    user: str | None,
    tool: str | None,
    kind: Kind | None,
    decision: Asked | None,
    since: str | None,
    until: str | None,
    event: str | None,
) -> Filter:
    from ringfence.audit.query import Filter

    return Filter(
        user,
        tool,
        kind,
        decision,
        since=moment(since, "--since"),
        until=moment(until, "--until"),
        event=event,
    )


def moment(text: str | None, option: str) -> float | None:
    """Return the time that an option means, in seconds since the epoch; None where it was not given."""
    if text is None:
        return None
    number, unit = text[:-1], text[-1:]
    try:
        if unit in _UNITS and number:
            return time.time() - timedelta(seconds=float(number) * _UNITS[unit]).total_seconds()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError) as error:
        raise typer.BadParameter(
            f"expected 90s, 30m, 2h, 7d or a date such as 2026-01-31T12:00, got {text[:40]!r}",
            param_hint=option,
        ) from error


@app.command(epilog="Example: ringfence audit tail --policy ringfence.yaml --decision deny --since 1h")
def tail(  # noqa: PLR0913 - the command's options
    *,
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many records.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones as they come.")] = False,
    policy: PolicyOption = None,
    log: LogOption = None,
    user: UserOption = None,
    tool: ToolOption = None,
    kind: KindOption = None,
    decision: DecisionOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    event: EventOption = None,
    json: JsonOption = False,
) -> None:
    """Print the newest records, oldest first. They are not verified."""
    from ringfence.audit.query import newest

    wanted = _filter(user, tool, kind, decision, since, until, event)
    place = _place(log, policy, None)
    show = _print_line if json else _row_printer()
    with closing(place.open()) as source:
        newest_stored = next(source.newest_first(), None)
        last = 0 if newest_stored is None else newest_stored.seq
        for record in newest(source, number, wanted):
            show(record)
    if follow:
        _follow(place, wanted, last, show)


def _follow(place: Place, wanted: Filter, last: int, show: Callable[[Record], None]) -> None:
    from ringfence.audit.query import Filter, select

    while True:
        time.sleep(_FOLLOW_SECONDS)
        with closing(place.open()) as source:
            for record in select(source, Filter(), after=last):
                seq = record.get("seq")
                last = seq if isinstance(seq, int) else last + 1
                if wanted.fits(record):
                    show(record)


@app.command(epilog="Example: ringfence audit show 5f1c2a9b3d4e6f70 --policy ringfence.yaml")
def show(
    call: Annotated[
        str, typer.Argument(help="The id of a call, as errors and `tail` print it.", metavar="CALL")
    ],
    *,
    policy: PolicyOption = None,
    log: LogOption = None,
    json: JsonOption = False,
) -> None:
    """Print all that the log holds about one call: intent, outcome, events. Exit code 1: it holds nothing."""
    from ringfence.audit.query import Filter, select
    from ringfence.cli.output import console, print_json, safe

    with closing(_place(log, policy, None).open()) as source:
        found = list(select(source, Filter(call=call)))
    found = [record for record in found if record.get("call") == call]
    if json:
        print_json(found)
    for record in found if not json else ():
        _print_in_full(record)
    if not found:
        if not json:
            console(stderr=True).print(f"The log holds no call {safe(call)}.", soft_wrap=True)
        raise typer.Exit(1)


@app.command(epilog="Example: ringfence audit verify --policy ringfence.yaml --head head.json")
def verify(
    *,
    policy: PolicyOption = None,
    log: LogOption = None,
    key_file: KeyOption = None,
    head: Annotated[
        Path | None,
        typer.Option(
            "--head", help="A head that `ringfence audit head` printed and that was kept elsewhere."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check every record of the log against the key. Exit code 0: all is in place. 1: something is not. 2: it cannot be read."""
    from ringfence.audit.verify import verify as verify_log
    from ringfence.cli.output import print_json

    place = _place(log, policy, key_file)
    kept = None if head is None else _read_head_file(head)
    with progress_bar(shown=not json) as progress:
        found = verify_log(place.log, place.key(), head=kept, progress=progress)
    if json:
        print_json(_facts(found))
    else:
        print_verification(found)
    if not found.ok:
        raise typer.Exit(1)


@app.command(epilog="Example: ringfence audit export --policy ringfence.yaml --format csv --output calls.csv")
def export(  # noqa: PLR0913 - the command's options
    *,
    format: Annotated[  # noqa: A002 - the option is --format
        Format, typer.Option("--format", help="One JSON object a line, or a table.")
    ] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file. Default: stdout.")
    ] = None,
    policy: PolicyOption = None,
    log: LogOption = None,
    user: UserOption = None,
    tool: ToolOption = None,
    kind: KindOption = None,
    decision: DecisionOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    event: EventOption = None,
) -> None:
    """Write records for another program, in order. They are not verified."""
    from ringfence.audit.query import select

    wanted = _filter(user, tool, kind, decision, since, until, event)
    write = _write_csv if format is Format.CSV else _write_jsonl
    place = _place(log, policy, None)
    if output is not None and _belongs_to(output, place.log):
        raise typer.BadParameter(
            f"{output} is a part of the log: write to another file", param_hint="--output"
        )
    with closing(place.open()) as source:
        records = select(source, wanted)
        if output is None:
            write(typer.get_text_stream("stdout"), records)
            return
        try:
            with output.open("w", encoding="utf-8", newline="") as file:
                write(file, records)
        except OSError as error:
            raise typer.BadParameter(f"{output}: {error.strerror}", param_hint="--output") from error


_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)  # the last four are their full-width forms


def _belongs_to(output: Path, log: Path | str) -> bool:
    """Return whether a file is the log itself or stands beside it under its name: key, head, torn end, write-ahead log."""
    output, log = output.resolve(), Path(log).resolve()
    if output.exists() and log.exists() and output.samefile(log):
        return True
    return output.parent == log.parent and (
        output.name == log.name or output.name.startswith((f"{log.name}.", f"{log.name}-"))
    )


@app.command(epilog="Example: ringfence audit head --policy ringfence.yaml > /mnt/elsewhere/head.json")
def head(*, policy: PolicyOption = None, log: LogOption = None, key_file: KeyOption = None) -> None:
    """Print a signed head of the log as it is now, to be kept where nobody who can write the log can write.

    The log is verified first. Exit code 1: it has problems, and no head is printed.
    """
    from ringfence.audit.chain import Chain
    from ringfence.audit.verify import verify as verify_log

    place = _place(log, policy, key_file)
    key = place.key()
    found = verify_log(place.log, key)
    if not found.ok:
        print_verification(found, stderr=True)
        raise typer.Exit(1)
    if found.tip is None:
        typer.echo("The log has no record yet, so it has no head.", err=True)
        raise typer.Exit(1)
    typer.echo(Chain(key).sign(found.tip, time.time()))


def _read_head_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--head") from error


def progress_bar(*, shown: bool) -> Any:
    """Return a context manager that gives a function to report how many records were read."""
    from contextlib import contextmanager

    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from ringfence.cli.output import console

    @contextmanager
    def reporting() -> Iterator[Callable[[int], None]]:
        columns = (SpinnerColumn(), TextColumn("{task.completed:,} records"), TimeElapsedColumn())
        with Progress(*columns, console=console(stderr=True), transient=True, disable=not shown) as bar:
            task = bar.add_task("reading", total=None)
            yield lambda count: bar.update(task, completed=count)

    return reporting()


def _facts(found: Verification) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "path": found.path,
        "log": found.log,
        "records": found.records,
        "problems": [{"seq": problem.seq, "what": problem.what} for problem in found.problems],
        "more_problems": found.more_problems,
        "open_intents": list(found.open_intents),
        "torn_bytes": found.torn_bytes,
        "first": found.first,
        "last": found.last,
    }


def print_verification(found: Verification, *, stderr: bool = False) -> None:
    """Print whether a log is intact, and what is wrong with it."""
    from ringfence.cli.output import console, safe, time_of

    out = console(stderr=stderr)
    span = f", {time_of(found.first)} to {time_of(found.last)}" if found.records else ""
    verdict = "[green]intact[/green]" if found.ok else "[bold red]NOT intact[/bold red]"
    out.print(f"{safe(found.path)}: {verdict}, {found.records:,} records{span}", soft_wrap=True)
    for problem in found.problems:
        out.print(f"  [red]x[/red] {safe(problem)}", soft_wrap=True)
    if found.more_problems:
        out.print(f"  and {found.more_problems:,} more")
    if found.open_intents:
        shown = ", ".join(safe(call) for call in found.open_intents[:_MOST_OPEN_SHOWN])
        out.print(
            f"  {len(found.open_intents):,} calls began and did not end (running now, or their process was killed): {shown}",
            soft_wrap=True,
        )
    if found.torn_bytes:
        out.print(
            f"  the last {found.torn_bytes:,} bytes are a write cut short: no record, set aside by the next writer",
            soft_wrap=True,
        )


def _print_line(record: Record) -> None:
    import json

    typer.echo(ascii_only(json.dumps(record)))


def ascii_only(text: str) -> str:
    """Return JSON in ASCII such that no terminal takes a part of it for a command."""
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON leaves as it is


def _row_printer() -> Callable[[Record], None]:
    from ringfence.cli.output import console

    out = console()

    def show(record: Record) -> None:
        row = _row(record)
        word = row["decision"] or {"True": "ok", "False": "failed"}.get(row["success"], "-")
        what = " ".join(filter(None, (row["reason"], row["message"], row["arguments"])))
        out.print(
            f"[dim]{row['seq']:>6} {row['at']}[/dim] {row['kind']:<7} [{_COLOURS.get(word, 'cyan')}]{word:<6}[/] "
            f"[bold]{row['user'] or '-'}[/bold] {row['tool'] or '-'} [dim]{row['call'] or '-'}[/dim] {what}",
            soft_wrap=True,
        )

    return show


def _row(record: Record) -> dict[str, str]:
    from ringfence.cli.output import safe

    return {name: safe(value) for name, value in _flat(record).items()}


def _flat(record: Record) -> dict[str, str]:
    """Return a record as one line of a table, every column a text."""
    import json

    from ringfence.audit.query import field
    from ringfence.cli.output import time_of

    arguments = record.get("arguments")
    found = {
        "seq": record.get("seq"),
        "at": time_of(record.get("at")),
        "kind": record.get("kind") or ("unreadable" if record.get("unreadable") else None),
        "user": field(record, "caller", "user"),
        "tool": record.get("tool"),
        "decision": field(record, "verdict", "decision"),
        "rule": field(record, "verdict", "rule"),
        "reason": record.get("reason") or field(record, "verdict", "reason"),
        "success": record.get("success"),
        "call": record.get("call"),
        "session": record.get("session"),
        "message": record.get("detail") or record.get("description") or field(record, "verdict", "message"),
        "arguments": None if arguments is None else json.dumps(arguments),
    }
    return {name: "" if value is None else str(value) for name, value in found.items()}


def _print_in_full(record: Record) -> None:
    from rich.table import Table

    from ringfence.cli.output import console, safe, time_of

    title = f"record {safe(record.get('seq'))}: {safe(record.get('kind'))}, {time_of(record.get('at'))}"
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    _add_rows(table, record, "")
    console().print(table)


def _add_rows(table: Table, record: Record, prefix: str) -> None:
    import json

    from ringfence.cli.output import safe

    for name, value in record.items():
        if isinstance(value, dict) and value and name != "arguments":
            _add_rows(table, value, f"{prefix}{name}.")
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            table.add_row(safe(prefix + name), safe(shown))


def _write_jsonl(file: TextIO, records: Iterator[Record]) -> None:
    import json

    file.writelines(ascii_only(json.dumps(record)) + "\n" for record in records)


def _write_csv(file: TextIO, records: Iterator[Record]) -> None:
    import csv

    table = csv.writer(file, quoting=csv.QUOTE_ALL)
    table.writerow(_COLUMNS)
    for record in records:
        flat = _flat(record)
        table.writerow([_cell(flat[name]) for name in _COLUMNS])


def _cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula, and no terminal for a command."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )
    # Some spreadsheets split at semicolons, so that a formula can begin after one.
    return ";".join(f"'{part}" if part.lstrip().startswith(_FORMULA) else part for part in shown.split(";"))

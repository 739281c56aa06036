"""How much the scanner catches and how much it leaves alone, on any folder of labelled sources, beside what people use today.

`python -m bench.scan FOLDER` prints a table, `--json` the object for machines, `--misses` also the ids of the rows that went the
wrong way. Each source is scanned as a tool call's argument would be, and is blocked when `ringfence.scanning.decision` has an objection:

- `block`: at security level `medium` with everything granted, so that only findings can block, which is the hardest reading.
- `policy`: at `high` with nothing granted, which is default deny.
- `allow`, `flag`, `any`: at `medium`, with the capabilities that the row needs granted on every path, host and command: those that
  its `caps` name and those that the scan sees. A row without `caps`, or whose caps are `unparsed`, has everything granted.

`detected` counts rows with a finding at level low or above, and those blocked; `rate` is blocked by rows, `low` to `high` its 95 %
interval (Wilson); `named` is the share of rows blocked where only
what their own `caps` field names is granted; `naive` and `naive_critical` are the
shares in which any, or any critical, of the regular expressions in `naive.py` match; `bandit` is the share with a finding of medium
severity or above, null where no row is Python or bandit is not installed. Exit code 2: some lines could not be read, which are
named, and all others are measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import scan_peers
from bench.corpus import Corpus, Row, read
from bench.judging import Group, Judged, groups, judge
from bench.measure import machine, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table


def main() -> int:
    """Measure a folder and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.scan", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder of JSONL files with code, language, expected")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--misses", action="store_true", help="also list the rows that went the wrong way")
    options = parser.parse_args()
    try:
        corpus = read(options.folder)
    except OSError as error:
        parser.exit(2, f"bench.scan: {error}\n")
    judged = list(_judge_all(corpus.rows))
    show = _print_json if options.json else _print_tables
    show(corpus, judged, misses=options.misses)
    for line in corpus.bad:
        print(f"bench.scan: {line}", file=sys.stderr)
    return 2 if corpus.bad else 0


def _judge_all(rows: list[Row]) -> Iterator[Judged]:
    """Judge the rows, with a progress bar where somebody is watching."""
    from rich.console import Console
    from rich.progress import track

    bandit = scan_peers.bandit()
    console = Console(stderr=True)
    for row in track(rows, "scanning", console=console, transient=True, disable=not console.is_terminal):
        yield judge(row, bandit)


def _print_json(corpus: Corpus, judged: list[Judged], *, misses: bool) -> None:
    content: dict[str, Any] = {
        "benchmark": "scan",
        "machine": machine(),
        "versions": versions(("bandit",)),
        "groups": [asdict(group) for group in groups(judged)],
        "skipped": corpus.skipped,
        "bad": corpus.bad,
    }
    if misses:
        content["misses"] = [
            {"id": each.row.id, "file": each.row.file, "expected": each.row.expected}
            | {"category": each.row.category, "because": each.because}
            for each in judged
            if each.missed
        ]
    print(json.dumps(content))


def _print_tables(corpus: Corpus, judged: list[Judged], *, misses: bool) -> None:
    from rich.console import Console

    console = Console()
    console.width = max(console.width, 150)
    console.print(_table(groups(judged)))
    for file, reasons in corpus.skipped.items():
        skipped = ", ".join(f"{count} with {reason}" for reason, count in reasons.items())
        console.print(f"{file}: lines left out: {skipped}", style="dim", markup=False)
    for each in judged if misses else ():
        if each.missed:
            because = ", ".join(each.because) or "nothing found"
            console.print(
                f"{each.row.file} {each.row.expected} {each.row.id}: {because}", markup=False, soft_wrap=True
            )


def _table(found: list[Group]) -> Table:
    """Return the table for people. Categories of few rows are for machines only."""
    from rich import box
    from rich.table import Table

    table = Table(title="scan, shares in %", box=box.SIMPLE, pad_edge=False)
    for name in ("file", "expected", "of"):
        table.add_column(name, overflow="fold")
    for name in ("rows", "detected", "blocked", "rate", "95 %", "named", "naive", "critical", "bandit"):
        table.add_column(name, justify="right", no_wrap=True)
    for group in found:
        whole = group.category is None and group.capability is None
        if whole or group.rows >= 5:
            table.add_row(*_cells(group), style="bold" if whole else "dim")
    return table


def _cells(group: Group) -> list[str]:
    whole = group.category is None and group.capability is None
    return [
        group.file.removesuffix(".jsonl") if whole else "",
        group.expected if whole else "",
        "" if whole else group.category or group.capability or "-",
        f"{group.rows}",
        f"{group.detected}",
        f"{group.blocked}",
        _percent(group.rate),
        f"{_percent(group.low)}-{_percent(group.high)}",
        _percent(group.named),
        _percent(group.naive),
        _percent(group.naive_critical),
        _percent(group.bandit),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    sys.exit(main())

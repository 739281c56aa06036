"""Writes docs/benchmarks.md from the result files in bench/results/, so that no number in the docs is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench` from `bench/results/*.json`; the numbers are one machine's, so read the ratios. Everything in a row ran in
turn in one process. Lower is better. *Floor* is what every release should hold, *goal* is where we aim; a peer that is faster
than we are is printed in bold.
"""
METHOD = """
## How it is measured

- `python -m bench.guard` and `python -m bench.imports` print the same tables, `--json` the objects behind them.
- Medians over rounds of wall time per call; where a row says CPU, processor time of all threads, writing included.
- Peers are at their best: policies loaded, requests built ahead, cedarpy with parsed handles, AGT's kernel driven both by hand (which spares it an
  event loop) and in a loop. Each is verified before it is timed: it must allow the scenario's call, and refuse what it can express.
- AGT's kernel knows no roles, comparisons or default deny and keeps no record; `casbin_fast` is casbin's indexed enforcer. AGT also has
  `agent_os.lite.govern`, a set look-up under 1 µs without roles, arguments or record, which is faster than any gate here and no peer of it.
"""


def main() -> None:
    """Write the page."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text("\n".join([INTRODUCTION, *map(_section, results)]) + METHOD)


def _section(result: dict[str, Any]) -> str:
    machine = ", ".join(f"{value}" for value in result["machine"].values())
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version)
    head = [
        "| | what | ours | peers | ratio | floor | goal | |",
        "| --- | --- | --: | --- | --: | --: | --: | --- |",
    ]
    rows = [_row(figure) for figure in result["figures"]]
    return "\n".join(
        [f"## {result['benchmark']}", "", *head, *rows, "", f"Machine: {machine}. Versions: {versions}.", ""]
    )


def _row(figure: dict[str, Any]) -> str:
    peers = ", ".join(_peer(name, value, figure["ours"]) for name, value in figure["peers"].items())
    cells = [figure["id"], figure["what"], f"{_number(figure['ours'])} {figure['unit']}", peers or "-"]
    cells += [_number(figure[key]) for key in ("ratio", "floor", "goal")]
    return f"| {' | '.join(cells)} | {figure['status']} |"


def _peer(name: str, value: float | None, ours: float | None) -> str:
    if value is None:
        return f"{name} not installed"
    shown = f"{name} {_number(value)}"
    return f"**{shown}**" if ours is not None and value < ours else shown


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


if __name__ == "__main__":
    main()

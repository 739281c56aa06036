"""Writes docs/benchmarks.md from the result files in bench/results/, so that no number in the docs is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
INTRODUCTION = """# Benchmarks

Written by `make bench` from `bench/results/*.json`; the numbers are one machine's, so read the ratios. Everything in a row ran in
turn in one process. Lower is better, except for MB and runs per second. *Floor* is what every release should hold, *goal* is where we aim; a peer that is better
than we are is printed in bold.
"""
METHOD = """
## How it is measured

- `python -m bench.guard`, `bench.identity`, `bench.imports`, `bench.limits`, `bench.restricted FOLDER`, `bench.sandbox`, `bench.scan FOLDER`, `bench.scan_speed` and `bench.traces FOLDER` print the same tables, `--json` the objects behind them.
- Medians over rounds of wall time per call; where a row says CPU, processor time of all threads, writing included.
- Peers are at their best: policies loaded, requests built ahead, cedarpy with parsed handles, AGT's kernel driven both by hand (which spares it an
  event loop) and in a loop. Each is verified before it is timed: it must allow the scenario's call, and refuse what it can express.
- In `restricted`, B1 is the whole of `evaluate`, copies of inputs and value included, beside the bare byte code of RestrictedPython with its usual guards, which
  copies nothing and has no budget; `B1-code` is our byte code alone. B2 is scan and compile. monty works in a process of its own, so its time is elapsed time.
- In `sandbox`, each contender's runs come in turn, in rounds; before a run with a waiting worker there is a pause, so that one waits. A spawned interpreter (`spawn`) has no cage at all;
  monty is no CPython, and its pooled worker is used again, where each of our runs gets a process of its own.
- In `identity`, A5 is a token that was verified before, beside peers that verify it each time; `A5-session` also asks the store whether anything changed (in
  PostgreSQL that is a query, in SQLite `PRAGMA data_version`), and `A5-call` is what that costs each decision. Log-ins are argon2id at its full cost, from 8 threads.
- In `limits`, each contender's processes are new in each round and begin at one moment on one file in WAL mode; more calls per second are better there. Three quarters of the calls fit. A bare transaction that counts and inserts is the limit of what
  can be had; a round that admits one call too many ends the benchmark.
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
    table = _table(result)
    return "\n".join(
        [f"## {result['benchmark']}", "", *table, "", f"Machine: {machine}. Versions: {versions}.", ""]
    )


def _table(result: dict[str, Any]) -> list[str]:
    if "suites" in result:
        return _suites(result["suites"])
    return _groups(result["groups"]) if "groups" in result else _figures(result["figures"])


def _figures(figures: list[dict[str, Any]]) -> list[str]:
    """Return the table of what was timed; of the hostile inputs, which are many, those that miss their goal, and a line about the rest."""
    hostile = [figure for figure in figures if figure["id"] == _HOSTILE]
    shown = [figure for figure in figures if figure["id"] != _HOSTILE or figure["status"] != "goal"]
    head = [
        "| | what | ours | peers | ratio | floor | goal | |",
        "| --- | --- | --: | --- | --: | --: | --: | --- |",
    ]
    table = [*head, *map(_row, shown)]
    if hostile:
        good = sum(figure["status"] == "goal" for figure in hostile)
        table += [
            "",
            f"Of {len(hostile)} hostile inputs {good} hold their goal; the others are listed above.",
        ]
    return table


_HOSTILE = "E-hostile"


def _groups(groups: list[dict[str, Any]]) -> list[str]:
    """Return the table of what was caught: the files as wholes, and by capability where that has enough rows to tell."""
    head = [
        "| file | expected | needs | rows | detected | blocked | 95 % | all granted | naive regexes | critical only | bandit |",
        "| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    shown = [group for group in groups if group["category"] is None and _tells(group)]
    return [*head, *map(_group, shown), "", SCAN_METHOD]


def _tells(group: dict[str, Any]) -> bool:
    return group["capability"] is None or group["rows"] >= _FEWEST_ROWS


_FEWEST_ROWS = 10
SCAN_METHOD = """Shares of rows in per cent: what is blocked should be all of `block` and `policy` and nothing of `allow`; `flag` should be detected, and
`any` cannot be decided from the text. `block` is judged at security level `medium` with everything granted, `policy` at `high` with
nothing granted, all others at `medium` with what the code needs granted, as the corpus tells it; *all granted* is what findings alone
block. The regular expressions stand in `bench/naive.py`; bandit counts from medium severity on."""


def _group(group: dict[str, Any]) -> str:
    detected = group["detected"] / group["rows"]
    interval = f"{_percent(group['low'])}-{_percent(group['high'])}"
    cells = [group["file"], group["expected"], group["capability"] or "", f"{group['rows']}"]
    cells += [_percent(detected), _percent(group["rate"]), interval]
    cells += [_percent(group[key]) for key in ("named", "naive", "naive_critical", "bandit")]
    return f"| {' | '.join(cells)} |"


def _suites(suites: list[dict[str, Any]]) -> list[str]:
    """Return the table of what policies did to recorded runs."""
    table = ["| suite | what | of | allowed | asked | denied |", "| --- | --- | --: | --: | --: | --: |"]
    for suite in suites:
        rows = {
            "steps of the user": suite["steps"]["user"],
            "steps of the attacker": suite["steps"]["attack"],
            "tasks without an attack": suite["tasks"],
            "attacks": suite["attacks"],
            "attacks, were there a perfect list of tools": {"asked": 0, **suite["tool_list"]},
        }
        for what, counts in rows.items():
            cells = [
                str(counts.get("allowed", counts.get("open"))),
                str(counts["asked"]),
                str(counts["denied"]),
            ]
            table.append(f"| {suite['suite']} | {what} | {sum(counts.values())} | {' | '.join(cells)} |")
    return [*table, "", TRACES_METHOD]


TRACES_METHOD = """Recorded runs of AgentDojo 0.1.35, judged step by step under the policies in `bench/policies/`, which were written from the tools'
schemas and the users' needs. An attack is *allowed* where every step of the attacker is, *asked* where a person is asked about one of them and none is denied;
whether that person notices is not measured, and the more of the user's own steps are asked, the less likely it is. A *perfect list of tools* would allow
for each run exactly the tools that the user's own steps need: nobody has one, and what it lets through is a limit for roles and tool names. Two
changes were made after a run: the policy for banking demanded that a recipient have the form of an IBAN, which denied five payments of users, and forbade a new password after reading, which denied
four more; both are left to the person, who is asked anyway. Without conditions on what was read before, that is with roles and argument rules alone, 41 steps of users would be asked in banking (for
the same attacks), and 31 in slack, where 8 attacks would be open."""


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _row(figure: dict[str, Any]) -> str:
    peers = ", ".join(_peer(name, value, figure) for name, value in figure["peers"].items())
    cells = [figure["id"], figure["what"], f"{_number(figure['ours'])} {figure['unit']}", peers or "-"]
    cells += [_number(figure[key]) for key in ("ratio", "floor", "goal")]
    return f"| {' | '.join(cells)} | {figure['status']} |"


def _peer(name: str, value: float | None, figure: dict[str, Any]) -> str:
    if value is None:
        return f"{name} not installed"
    shown = f"{name} {_number(value)}"
    return f"**{shown}**" if _is_better(value, figure) else shown


def _is_better(value: float, figure: dict[str, Any]) -> bool:
    ours = figure["ours"]
    if ours is None:
        return False
    return bool(value > ours if figure["unit"].startswith(("MB/", "runs/", "log-ins/")) else value < ours)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 1000 else f"{value:.0f}"


if __name__ == "__main__":
    main()

"""What a policy does to the recorded runs of an agent, its user's steps and an attacker's, with no model and no network.

`python -m bench.traces` replays `agentdojo_traces.jsonl` against the policy of each suite in `bench/policies/`, prints a table, and
with `--json` the object for machines. Each run is one session, its steps judged in order by the gate's own deciding path; a step that
is denied did not run, one that is asked is taken to have run. Defaults of the tools' schemas are filled in, as binding to a signature does. The policies were written from `agentdojo_tools.jsonl` and the users'
needs, without a look at the runs.

`steps` counts steps of `user` and `attack` as allowed, asked, denied. `tasks` counts whole runs without an attack: allowed where every
step is, denied where one is, asked otherwise. `attacks` counts attacks: `open` where every step of the attacker is allowed, `asked` where one
is asked and none denied, `denied` where one is. `tool_list` is what a perfect list of tools would do, one that allows for each run exactly the tools that
the user's own steps use: nobody has such a list, and the attacks that it leaves `open` are a limit for roles and tool names.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import machine, versions
from ringfence.call import Principal
from ringfence.policy.file import load_sound_policy
from ringfence.trying.history import made_up_session, succeed
from ringfence.trying.judging import Asked, Trial
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[1]
POLICIES = ROOT / "bench" / "policies"
CORPUS = ROOT.parent / "shared" / "eval"
FILE = "agentdojo_traces.jsonl"
TOOLS = "agentdojo_tools.jsonl"
_AT = 1_767_225_600.0
"""The time of all calls, 2026-01-01 UTC: nothing depends on the day of a run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a run.

    Attributes:
        by: user or attack.
        tool: the tool.
        arguments: by name.

    """

    by: str
    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """One run.

    Attributes:
        suite: which tools it works with.
        steps: its calls in order.

    """

    suite: str
    steps: tuple[Step, ...]

    @property
    def attacked(self) -> bool:
        """Whether a step is an attacker's."""
        return any(step.by == "attack" for step in self.steps)


@dataclass(slots=True)
class Suite:
    """What a policy did to the runs of one suite.

    Attributes:
        suite: its name.
        policy: the policy file.
        traces: how many runs.
        steps: by user and attack: how many steps were allowed, asked, denied.
        tasks: runs without an attack, by what became of them.
        attacks: runs with one, by what became of the attack.
        tool_list: attacks by what a perfect list of tools would do: open or denied.
        rules: how often each rule decided, by user and attack.

    """

    suite: str
    policy: str
    traces: int = 0
    steps: dict[str, Counter[str]] = field(default_factory=lambda: {"user": Counter(), "attack": Counter()})
    tasks: Counter[str] = field(default_factory=Counter)
    attacks: Counter[str] = field(default_factory=Counter)
    tool_list: Counter[str] = field(default_factory=Counter)
    rules: dict[str, Counter[str]] = field(default_factory=lambda: {"user": Counter(), "attack": Counter()})

    def replay(self, trace: Trace, trial: Trial) -> None:
        """Judge the steps of one run in order, and count what became of them."""
        (role,) = trial.policy.policy.roles
        principal = Principal("user", (role,))
        session = made_up_session(principal)
        said: dict[str, list[str]] = {"user": [], "attack": []}
        for step in trace.steps:
            verdict = trial.decide(Asked(step.tool, step.arguments, principal, _AT), session)
            assert verdict is not None  # nothing is masked here
            word = _WORDS[verdict.decision]
            self.steps[step.by][word] += 1
            self.rules[step.by][f"{word} by {verdict.rule}"] += 1
            said[step.by].append(word)
            if verdict.decision is not Decision.DENY:
                succeed(session, step.tool, _AT)
        self._count(trace, said)

    def _count(self, trace: Trace, said: dict[str, list[str]]) -> None:
        self.traces += 1
        if not trace.attacked:
            self.tasks[_worst(said["user"])] += 1
            return
        self.attacks[_worst(said["attack"]).replace("allowed", "open")] += 1
        tools = {step.tool for step in trace.steps if step.by == "user"}
        fits = all(step.tool in tools for step in trace.steps if step.by == "attack")
        self.tool_list["open" if fits else "denied"] += 1


_WORDS = {Decision.ALLOW: "allowed", Decision.ASK: "asked", Decision.DENY: "denied"}


def _worst(words: Iterable[str]) -> str:
    return max(words, key=("allowed", "asked", "denied").index, default="allowed")


def read(folder: Path) -> list[Trace]:
    """Return the runs in a folder: `agentdojo_traces.jsonl`, with the defaults that `agentdojo_tools.jsonl` knows.

    Raises:
        OSError: one of the files cannot be read.
        ValueError: a line of one is not what it should be.

    """
    defaults = {}
    for where, row in _rows(folder / TOOLS):
        try:
            properties = row["parameters"]["properties"]
            known = {name: each["default"] for name, each in properties.items() if "default" in each}
            defaults[row["suite"], row["name"]] = known
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{where}: no tool: {error!r}") from error
    return [_trace(where, row, defaults) for where, row in _rows(folder / FILE)]


def _trace(where: str, row: dict[str, Any], defaults: dict[tuple[str, str], dict[str, Any]]) -> Trace:
    try:
        suite = row["id"].split("/")[1]
        steps = [
            Step(step["by"], step["tool"], {**defaults.get((suite, step["tool"]), {}), **step["args"]})
            for step in row["steps"]
        ]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{where}: no recorded run: {error!r}") from error
    return Trace(suite, tuple(steps))


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path}:{number}"
        try:
            yield where, json.loads(line)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error


def measure(traces: Iterable[Trace], policies: Path) -> list[Suite]:
    """Return what the policies in a folder, `agentdojo_SUITE.yaml`, do to some runs, suite by suite."""
    found: dict[str, tuple[Suite, Trial]] = {}
    for trace in traces:
        if trace.suite not in found:
            file = policies / f"agentdojo_{trace.suite}.yaml"
            trial = Trial(load_sound_policy(file), policies)
            found[trace.suite] = Suite(trace.suite, file.name), trial
        suite, trial = found[trace.suite]
        suite.replay(trace, trial)
    return [found[name][0] for name in sorted(found)]


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.traces", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=CORPUS,
        help=f"the folder with {FILE} and {TOOLS}; default: {CORPUS}",
    )
    parser.add_argument("--policies", type=Path, default=POLICIES, help="the folder with the policies")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        traces = read(options.folder)
    except (OSError, ValueError) as error:
        parser.exit(
            2,
            f"bench.traces: {error}\nPass the folder that holds {FILE} and {TOOLS}: python -m bench.traces FOLDER\n",
        )
    suites = measure(traces, options.policies)
    if options.json:
        print(
            json.dumps(
                {
                    "benchmark": "traces",
                    "machine": machine(),
                    "versions": versions(),
                    "suites": [_facts(suite) for suite in suites],
                }
            )
        )
    else:
        _print_table(suites)
    return 0


def _facts(suite: Suite) -> dict[str, Any]:
    """Return a suite for machines, each count there although it is none."""
    steps = ("allowed", "asked", "denied")
    return {
        "suite": suite.suite,
        "policy": suite.policy,
        "traces": suite.traces,
        "steps": {by: {word: counts[word] for word in steps} for by, counts in suite.steps.items()},
        "tasks": {word: suite.tasks[word] for word in steps},
        "attacks": {word: suite.attacks[word] for word in ("open", "asked", "denied")},
        "tool_list": {word: suite.tool_list[word] for word in ("open", "denied")},
        "rules": {by: dict(counts.most_common()) for by, counts in suite.rules.items()},
    }


def _print_table(suites: list[Suite]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title="traces", box=box.SIMPLE, pad_edge=False)
    for name in ("suite", "what", "of", "allowed", "asked", "denied"):
        table.add_column(name, no_wrap=True)
    for suite in suites:
        for what, counts in rows(suite):
            cells = [f"{counts[word]}" for word in ("allowed", "asked", "denied")]
            table.add_row(suite.suite, what, f"{sum(counts.values())}", *cells)
    Console().print(table)


def rows(suite: Suite) -> list[tuple[str, Counter[str]]]:
    """Return the rows of the table for people: what is counted, and allowed, asked, denied."""
    return [
        ("steps of the user", suite.steps["user"]),
        ("steps of the attacker", suite.steps["attack"]),
        ("tasks without an attack", suite.tasks),
        ("attacks", _as_steps(suite.attacks)),
        ("attacks, perfect tool list", _as_steps(suite.tool_list)),
    ]


def _as_steps(counts: Counter[str]) -> Counter[str]:
    return Counter({word.replace("open", "allowed"): count for word, count in counts.items()})


if __name__ == "__main__":
    sys.exit(main())

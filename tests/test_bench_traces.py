"""The replay of recorded runs counts what it promises, on runs that the test makes; no share of the real ones is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from bench.tables import TRACES_METHOD, _section
from bench.traces import POLICIES, measure, read

from ringfence.policy.file import check_policy_file, load_policy
from ringfence.trying.cases import load_cases
from ringfence.trying.judging import Trial
from ringfence.trying.testing import run_cases

ROOT = Path(__file__).parents[1]
POLICY = """
roles:
  user: {permissions: [execute_tool], allow: [look, list], ask: [pay]}
tools:
  list: {arguments: {most: {max: 10}}}
"""
TOOLS = [
    {"suite": "shop", "name": "look", "parameters": {"properties": {}}},
    {"suite": "shop", "name": "list", "parameters": {"properties": {"most": {"default": 10}, "text": {}}}},
]


def step(by: str, tool: str, **args: object) -> dict[str, object]:
    """Return a step of a run."""
    return {"by": by, "tool": tool, "args": args, "output": "", "error": None, "arg_seen": {}}


TRACES = [
    {"id": "x/shop/1", "steps": [step("user", "look"), step("user", "list")]},
    {"id": "x/shop/2", "steps": [step("user", "look"), step("user", "pay")]},
    {
        "id": "x/shop/3",
        "steps": [step("user", "look"), step("attack", "look"), step("attack", "list", most=5)],
    },
    {"id": "x/shop/4", "steps": [step("user", "look"), step("attack", "look"), step("attack", "pay")]},
    {"id": "x/shop/5", "steps": [step("user", "look"), step("attack", "look"), step("attack", "drop")]},
    {"id": "x/shop/6", "steps": [step("user", "look"), step("attack", "look")]},
]


def write(folder: Path, *, policy: str = POLICY) -> Path:
    """Write runs, tools and a policy; return their folder."""
    (folder / "agentdojo_shop.yaml").write_text(policy)
    for name, rows in (("agentdojo_tools.jsonl", TOOLS), ("agentdojo_traces.jsonl", TRACES)):
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder


def test_steps_tasks_and_attacks_are_counted(tmp_path: Path) -> None:
    """An attack is open where all its steps are allowed, asked where one is, denied where one is; a perfect list knows the user's tools only."""
    folder = write(tmp_path)
    (found,) = measure(read(folder), folder)
    assert found.traces == 6
    assert found.steps == {
        "user": Counter(allowed=7, asked=1),
        "attack": Counter(allowed=5, asked=1, denied=1),
    }
    assert found.tasks == Counter(allowed=1, asked=1)
    assert found.attacks == Counter(open=2, asked=1, denied=1)
    assert found.tool_list == Counter(open=1, denied=3)


def test_the_program_prints_json_and_a_table(tmp_path: Path) -> None:
    """With --json one object, which becomes a section of the page; without, a table."""
    folder = write(tmp_path)
    command = [sys.executable, "-m", "bench.traces", str(folder), "--policies", str(folder)]
    done = subprocess.run(
        [*command, "--json"], cwd=ROOT, capture_output=True, check=True, text=True, timeout=60
    )
    found = json.loads(done.stdout)
    assert found["benchmark"] == "traces"
    assert set(found) == {"benchmark", "machine", "versions", "suites"}
    assert found["suites"][0]["steps"]["attack"] == {"allowed": 5, "asked": 1, "denied": 1}
    assert found["suites"][0]["rules"]["attack"]["asked by roles.user.ask"] == 1
    section = _section(found)
    assert "| shop | steps of the attacker | 7 | 5 | 1 | 1 |" in section
    assert TRACES_METHOD in section
    table = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True, timeout=60).stdout
    assert "steps of the attacker" in table


def test_without_the_corpus_it_says_what_to_pass(tmp_path: Path) -> None:
    """A folder without the files ends with 2 and a sentence."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.traces", str(tmp_path)],
        cwd=ROOT, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "Pass the folder that holds agentdojo_traces.jsonl" in done.stderr


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("agentdojo_traces.jsonl", '{"id": "x"}', "agentdojo_traces.jsonl:1: no recorded run"),
        ("agentdojo_traces.jsonl", "{", "agentdojo_traces.jsonl:1: "),
        ("agentdojo_tools.jsonl", "{}", "agentdojo_tools.jsonl:1: no tool"),
    ],
)
def test_a_line_that_is_no_run_is_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    """A fault of the corpus has its file and line."""
    folder = write(tmp_path)
    (folder / file).write_text(line)
    with pytest.raises(ValueError, match=message):
        read(folder)


@pytest.mark.parametrize("suite", ["banking", "slack"])
def test_the_policies_that_are_measured_are_sound(suite: str) -> None:
    """The policy files of the benchmark have no faults, and one role each."""
    found = check_policy_file(POLICIES / f"agentdojo_{suite}.yaml")
    assert found.compiled is not None
    assert len(found.compiled.policy.roles) == 1


@pytest.mark.parametrize("suite", ["banking", "slack"])
def test_the_policies_that_are_measured_say_what_they_are_meant_to(suite: str) -> None:
    """The cases beside each policy hold."""
    cases = load_cases(POLICIES / f"agentdojo_{suite}.cases.yaml")
    assert cases.policy is not None
    results = list(run_cases(cases.cases, Trial(load_policy(cases.policy), POLICIES)))
    assert [(result.case.name, result.faults) for result in results if not result.passed] == []

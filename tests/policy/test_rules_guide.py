"""The examples of the guide to rules: each policy loads without a remark, and each row of its table is decided as it says."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from ringfence import Guard, Policy, Tool
from ringfence.clock import Clock
from ringfence.policy.file import check_policy_file

GUIDE = Path(__file__).parents[2] / "docs" / "policy-rules.md"
TEXT = GUIDE.read_text(encoding="utf-8")
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Row(NamedTuple):
    """One row of a table: a call, by whom, and what becomes of it."""

    policy: str
    call: str
    caller: str
    decision: str
    rule: str


def rows() -> list[Row]:
    """Return all rows, each with the policy above it."""
    found, policy = [], ""
    for line in re.split(r"(?m)(^```yaml\n.*?^```$)|\n", TEXT, flags=re.DOTALL | re.MULTILINE):
        if line and line.startswith("```yaml"):
            policy = line.removeprefix("```yaml\n").removesuffix("```")
        cells = re.fullmatch(r"\| `(\w+\(.*\))` \| (.*?) \| (\w+) \| `(.*?)` \|", line or "")
        if cells:
            found.append(Row(policy, *cells.groups()))
    return found


ROWS = rows()


def name_of(policy: str) -> str:
    """Return the name that the first line of an example gives it."""
    return policy.partition("\n")[0].removeprefix("# policy: ")


def test_the_guide_has_examples() -> None:
    """Every example has a table, and none is left out by a slip in its form."""
    assert [name_of(text) for text in re.findall(r"(?ms)^```yaml\n(.*?)^```$", TEXT)] == list(
        dict.fromkeys(name_of(row.policy) for row in ROWS)
    )
    assert len(ROWS) == len(re.findall(r"(?m)^\| `\w+\(", TEXT)) > 25


def loaded(tmp_path: Path, text: str) -> Policy:
    """Write an example to a file, and return the policy in it."""
    file = tmp_path / "ringfence.yaml"
    file.write_text(text, encoding="utf-8")
    (tmp_path / "reports").mkdir()
    check = check_policy_file(file, now=NOON.timestamp())
    assert (check.faults, check.remarks) == ((), ())
    assert check.compiled is not None
    return check.compiled.policy


def parsed(call: str) -> tuple[str, dict[str, object]]:
    """Return the tool and the arguments of a call as the guide writes it."""
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    return node.func.id, {str(each.arg): ast.literal_eval(each.value) for each in node.keywords}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{name_of(row.policy)}: {row.call}, {row.caller}")
def test_a_call_is_decided_as_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    """By the decision and the rule of its row."""
    monkeypatch.chdir(tmp_path)
    policy = loaded(tmp_path, row.policy)
    who, *facts = row.caller.split(", ")
    role, _, user = who.partition(" ")
    when = next((fact.removeprefix("at ") for fact in facts if fact.startswith("at ")), NOON.isoformat())
    at = datetime.fromisoformat(when).timestamp()
    address = next((fact.removeprefix("from ") for fact in facts if fact.startswith("from ")), "")
    with (
        Guard(policy, folder=tmp_path, clock=Clock(wall=lambda: at, steady=lambda: 0.0)) as guard,
        guard.acting_as(user or "ana", [role], address=address),
    ):
        for fact in facts:
            if fact.startswith("after "):
                tool = fact.removeprefix("after ")
                guard.register(lambda: "done", name=tool) if tool not in guard.tools else None
                assert guard.run(tool).success
        name, arguments = parsed(row.call)
        verdict = guard.explain(Tool(name), arguments).verdict
    assert (verdict.decision, verdict.rule) == (row.decision, row.rule)

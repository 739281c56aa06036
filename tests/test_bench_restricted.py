"""The benchmark of the restricted tier runs, prints what it promises, and its contenders agree; no timing is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.restricted_snippets import LOOPS, SNIPPETS, TRIVIAL
from tests.restricted.plain import run_plainly

from ringfence.restricted import evaluate

ROOT = Path(__file__).parents[1]
FIGURE = {"id", "what", "unit", "ours", "min", "max", "limit", "peers", "ratio", "floor", "goal", "status"}
ROWS = [
    {"id": "h-1", "language": "python", "expected": "allow", "category": "sum", "caps": [], "source": "own", "code": "print(sum([1, 2]))\n"},
    {"id": "h-2", "language": "python", "expected": "allow", "category": "sum", "caps": [], "source": "own", "code": "async def f(): pass\n"},
    {"id": "h-3", "language": "python", "expected": "allow", "category": "net", "caps": ["net"], "source": "own", "code": "import socket\n"},
]  # fmt: skip


@pytest.mark.parametrize("snippet", [*SNIPPETS, TRIVIAL], ids=lambda snippet: snippet.name)
def test_the_snippets_give_what_python_gives(snippet: object) -> None:
    """What is timed is the same work on both sides."""
    source, inputs = snippet.seen, dict(snippet.inputs)  # type: ignore[attr-defined]  # a snippet of the benchmark
    assert evaluate(source, inputs).value == run_plainly(source, inputs)[0]


def test_there_are_loops_of_several_kinds() -> None:
    """The metered loop is measured on more than one body."""
    assert len(LOOPS) >= 4


def test_it_prints_one_object(tmp_path: Path) -> None:
    """Every figure has the fields that tables and charts read; the corpus part counts only rows that just compute."""
    (tmp_path / "benign_python.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8"
    )
    command = [sys.executable, "-m", "bench.restricted", str(tmp_path), "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["benchmark"] == "restricted"
    assert {"machine", "versions", "figures"} <= set(result)
    assert all(set(figure) == FIGURE for figure in result["figures"])
    assert {"B1", "B2", "meter", "trivial", "honest"} <= {figure["id"] for figure in result["figures"]}
    honest = next(figure for figure in result["figures"] if figure["id"] == "honest")
    assert honest["ours"] == 50

"""The benchmarks run and print what they promise, whether or not the peers are installed; no timing is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
KEYS = {"id", "what", "unit", "ours", "min", "max", "limit", "peers", "ratio", "floor", "goal", "status"}


def run(name: str) -> dict[str, Any]:
    """Return what a benchmark prints."""
    command = [sys.executable, "-m", f"bench.{name}", "--json", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("guard", {"A1", "A2", "A3", "A4"}),
        ("imports", {"F"}),
        ("limits", {"limits"}),
        ("identity", {"A5", "A5-session", "A5-first", "A5-call", "login"}),
    ],
)
def test_a_benchmark_prints_one_object_with_every_row(name: str, rows: set[str]) -> None:
    """Every figure has all keys, a number of ours, and a status out of four."""
    result = run(name)
    assert result["benchmark"] == name
    assert {figure["id"] for figure in result["figures"]} == rows
    for figure in result["figures"]:
        assert set(figure) == KEYS
        assert figure["ours"] > 0 or name == "imports"
        assert figure["status"] in {"goal", "floor", "below", "unmeasured"}

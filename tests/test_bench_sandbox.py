"""The benchmark of the sandbox tier runs, prints what it promises, and loses no run; no timing is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bench.sandbox_contenders import DEMANDED, PEERS, WAITING
from bench.sandbox_measure import Samples, quantile

ROOT = Path(__file__).parents[1]
FIGURE = {"id", "what", "unit", "ours", "min", "max", "limit", "peers", "ratio", "floor", "goal", "status"}
ROWS = {
    *("C1", "C1-p95", "C1-p99", "C1-cpu", "C1-row", "C2", "C2-p95", "C2-p99", "C2-cpu", "C3"),
    *("D1", "D1-lost", "D2", "D3", "D3-together", "JS", "numpy"),
}  # fmt: skip
ALWAYS = {"spawn", "spawn_rlimits", "ringfence_waiting", "fork"}
"""Who is measured on every machine."""


@pytest.mark.sandbox
@pytest.mark.timeout(180)
def test_it_prints_one_object_with_every_row() -> None:
    """Every figure has all keys and a status out of four; what needs no package is measured, and no run is lost."""
    command = [sys.executable, "-m", "bench.sandbox", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["benchmark"] == "sandbox"
    assert {"machine", "versions", "figures"} <= set(result)
    assert {figure["id"] for figure in result["figures"]} == ROWS
    for figure in result["figures"]:
        assert set(figure) == FIGURE
        assert figure["status"] in {"goal", "floor", "below", "unmeasured"}
        if figure["id"] == "D1-lost":
            assert figure["ours"] == 0
        elif figure["id"] not in {"JS", "numpy"}:
            assert figure["ours"] > 0
            assert all(number for name, number in figure["peers"].items() if name in ALWAYS)


@pytest.mark.sandbox
@pytest.mark.parametrize("contender", [WAITING, DEMANDED, *PEERS], ids=lambda each: each.name)
def test_each_contender_gives_the_right_result(contender: object) -> None:
    """Who is there opens and runs the snippet, twice; a wrong result would raise."""
    if not contender.installed:  # type: ignore[attr-defined]  # a contender
        pytest.skip("not installed")
    with contender.opened() as run:  # type: ignore[attr-defined]
        run()
        run()


def test_quantiles_are_times_that_were_taken() -> None:
    """A quantile is the time that this share of the runs did not exceed, over all rounds together."""
    assert [quantile([1.0, 2.0, 3.0, 4.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 2.0, 4.0, 4.0]
    latency = Samples([[1.0, 2.0, 3.0], [5.0, 4.0, 6.0]], [3.0, 9.0]).latency()
    assert latency == (3.0, 6.0, 6.0, 2.0, 5.0, 2.0)

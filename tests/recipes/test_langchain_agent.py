"""The recipe that `make demo` runs does what it shows, and fails where the policy lets more pass than the script says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


def run(recipe: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "160", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(RECIPES)}
    environment.pop("RINGFENCE_AUDIT_KEY", None)
    return subprocess.run(
        [sys.executable, "-W", "error", recipe],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=60,
        check=False,
    )


def test_the_recipe_shows_every_decision_and_an_intact_log() -> None:
    """Allowed, asked and denied calls stand in the table with their reasons, and the log verifies."""
    done = run(RECIPES / "langchain_agent.py")
    assert done.returncode == 0, done.stderr
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line
    ]
    decisions = [(row[0], row[1], row[3]) for row in rows]
    assert len(decisions) == 13
    assert ("ana", "find_order", "allowed") in decisions
    assert ("ana", "post_message", "asked, approved") in decisions
    assert ("ana", "post_message", "asked, refused") in decisions
    assert ("pia", "delete_file", "denied") in decisions
    assert [
        "pia",
        "refund",
        "order='A-17', amount=5000.0",
        "denied",
        "argument 'amount' is not a number of at most 100",
    ] in rows
    assert done.stdout.splitlines()[-1] == "The log holds 19 records and is intact."


@pytest.mark.parametrize("strict", ['deny: ["delete_*"]', "ask: true", "max: 100"])
def test_the_recipe_fails_under_a_looser_policy(tmp_path: Path, strict: str) -> None:
    """Without one of its rules the recipe ends with another exit code: it shows what the policy does, not what it says."""
    recipe = Path(shutil.copy(RECIPES / "langchain_agent.py", tmp_path))
    policy = (RECIPES / "langchain_agent.yaml").read_text()
    looser = policy.replace(
        strict, {"max: 100": "max: 9999", "ask: true": "ask: false"}.get(strict, "allow: ['delete_*']")
    )
    (tmp_path / "langchain_agent.yaml").write_text(looser)
    done = run(recipe)
    assert done.returncode == 1, done.stderr
    assert "Something went otherwise than the script says." in done.stdout

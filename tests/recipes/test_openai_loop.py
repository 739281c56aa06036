"""The recipe for bare loops does what it shows, and fails where the policy lets more pass than it expects."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"


def run(recipe: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "180", "PYTHONIOENCODING": "utf-8"}
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
    done = run(RECIPES / "openai_loop.py")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line
    ]
    decisions = [(row[0], row[1], row[3]) for row in rows]
    assert len([row for row in decisions if row[0]]) == 12
    assert ("gil", "find_expenses", "denied") in decisions
    assert ("bo", "pay_expense", "allowed") in decisions
    assert ("ana", "transfer_money", "asked, approved") in decisions
    assert ("ana", "transfer_money", "asked, refused") in decisions
    assert ["bo", "pay_all", "", "denied", "the tool 'pay_all' is not registered"] in rows
    assert "Let me see. Kim has the money. The books stay open." in done.stdout
    assert done.stdout.splitlines()[-1] == "The log holds 17 records and is intact."


@pytest.mark.parametrize(
    ("strict", "loose"),
    [
        ("max: 200", "max: 9999"),
        ("ask: [transfer_money]", "ask: []"),
        ("gil: {roles: [guest]}", "gil: {roles: [clerk]}"),
    ],
)
def test_the_recipe_fails_under_another_policy(tmp_path: Path, strict: str, loose: str) -> None:
    """It shows what the policy does, not what it says: with one rule changed the recipe ends with another exit code."""
    shutil.copytree(RECIPES, tmp_path, dirs_exist_ok=True)
    policy = tmp_path / "openai_loop.yaml"
    text = policy.read_text()
    assert strict in text
    policy.write_text(text.replace(strict, loose))
    done = run(tmp_path / "openai_loop.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Something went otherwise than expected." in done.stdout

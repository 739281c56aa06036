"""A policy file read again: all of it or nothing, and the record says which."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from ringfence import (
    Audit,
    CallDenied,
    Guard,
    Policy,
    PolicyError,
    PolicyFileError,
    StoreKind,
    UnsafeWarning,
    secure_tool,
)

if TYPE_CHECKING:
    from pathlib import Path

ALLOWING = """
roles:
  clerk: {inherits: [user], allow: ["look_*"]}
audit: {path: log.jsonl, store: jsonl}
"""


def policy_file(folder: Path, text: str = ALLOWING) -> Path:
    path = folder / "ringfence.yaml"
    path.write_text(text)
    return path


def test_a_changed_file_is_put_in_force_as_a_whole(tmp_path: Path) -> None:
    """After a reload the new policy decides, and its version differs."""
    path = policy_file(tmp_path)
    with Guard.from_file(path) as guard:

        @secure_tool(guard=guard)
        def look_up(order: str) -> str:
            return order

        before = guard.policy_version
        with guard.acting_as("ana", roles=["clerk"]):
            assert look_up("A-17") == "A-17"
            path.write_text(ALLOWING.replace("look_*", "see_*"))
            guard.reload()
            with pytest.raises(CallDenied, match="no check had an opinion"):
                look_up("A-17")
        assert guard.policy_version != before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("roles: {clerk: {inherit: [user]}}\n", r"Did you mean 'inherits'"),
        (
            "roles: {clerk: {inherits: [usr]}}\naudit: {path: log.jsonl, store: jsonl}\n",
            "Did you mean 'user'",
        ),
        ("", "empty"),
        ("roles: {a: {inherits: [b]}, b: {inherits: [a]}}\n", "in a circle"),
        (ALLOWING + "plugins: [no_such_plugin]\n", "no entry point"),
    ],
)
def test_a_bad_file_leaves_the_old_policy_in_force_and_says_so(
    tmp_path: Path, text: str, message: str
) -> None:
    """A reload that fails raises, changes nothing, and stands in the log."""
    path = policy_file(tmp_path)
    with Guard.from_file(path) as guard:

        @secure_tool(guard=guard)
        def look_up(order: str) -> str:
            return order

        before = guard.policy_version
        path.write_text(text)
        with pytest.raises(Exception, match=message) as caught:
            guard.reload()
        assert type(caught.value).__module__ == "ringfence.errors"
        assert guard.policy_version == before
        with guard.acting_as("ana", roles=["clerk"]):
            assert look_up("A-17") == "A-17"
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert "policy-rejected" in json.dumps(lines)


def test_how_the_record_is_kept_does_not_change_under_a_running_guard(tmp_path: Path) -> None:
    """A new `audit` section needs a restart, since the log is open."""
    path = policy_file(tmp_path)
    with Guard.from_file(path) as guard:
        path.write_text(ALLOWING.replace("log.jsonl", "other.jsonl"))
        with pytest.raises(PolicyError, match="`audit` changed"):
            guard.reload()


def test_a_guard_without_a_file_has_nothing_to_reload() -> None:
    """The error says how to make a guard that has one."""
    with (
        Guard(Policy(audit=Audit(store=StoreKind.MEMORY))) as guard,
        pytest.raises(PolicyError, match=r"Guard\.from_file"),
    ):
        guard.reload()


def test_a_reload_into_observe_mode_warns(tmp_path: Path) -> None:
    """Weakening warns at a reload as it does at the start."""
    path = policy_file(tmp_path)
    with Guard.from_file(path) as guard:
        path.write_text(ALLOWING + "mode: observe\n")
        with pytest.warns(UnsafeWarning, match="observe mode"):
            guard.reload()


def test_a_watched_file_is_reloaded_when_it_changes(tmp_path: Path) -> None:
    """A good change comes into force by itself; a bad one leaves the old policy."""
    path = policy_file(tmp_path)
    with Guard.from_file(path, watch_seconds=0.02) as guard:
        before = guard.policy_version
        path.write_text(ALLOWING.replace("look_*", "see_*"))
        wait_until(lambda: guard.policy_version != before)
        after = guard.policy_version
        path.write_text("roles: [\n")
        wait_until(lambda: "policy-rejected" in (tmp_path / "log.jsonl").read_text())
        assert guard.policy_version == after


def test_a_missing_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """There is no guard without its policy."""
    with pytest.raises(PolicyFileError, match=r"none\.yaml"):
        Guard.from_file(tmp_path / "none.yaml")


def wait_until(condition: object, seconds: float = 10) -> None:
    """Poll until the condition holds; fail after many times the expected wait."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)

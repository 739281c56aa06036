"""`ringfence approvals`: what it shows, who may decide, what it exits with, and that nothing in the queue reaches the terminal as a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from ringfence import Guard, Outcome
from ringfence.approvals.console import os_user
from ringfence.cli import commands
from ringfence.cli.approvals import app

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "bo\x1b[2J\r\n\u202e[red]x[/]\\"
POLICY = """
roles: {{clerk: {{inherits: [user], allow: ["*"]}}, lead: {{}}}}
tools: {{wire: {{ask: true}}}}
users: {users}
approvals: {{channel: queue, wait_seconds: 0{more}}}
audit: {{store: memory}}
"""


def policy(folder: Path, users: str = "{}", more: str = "") -> Path:
    """Write a policy file, and return it."""
    file = folder / "ringfence.yaml"
    file.write_text(POLICY.format(users=users, more=more))
    return file


def admin(folder: Path, more: str = "") -> Path:
    """Return a policy in which whoever runs this test is an admin."""
    return policy(folder, json.dumps({f"os:{os_user()}": {"roles": ["admin"]}}), more)


def wire(file: Path, to: str = "bo", user: str = "ana") -> Outcome:
    """Call the tool in a guard of its own, as another process would."""
    with Guard.from_file(file) as guard, guard.acting_as(user, ["clerk"]):
        guard.register(lambda to: to, name="wire")
        return guard.run("wire", {"to": to})


def run(*arguments: object) -> Result:
    """Run the command."""
    return CliRunner().invoke(
        app, [str(each) for each in arguments], env={"COLUMNS": "200", "RINGFENCE_POLICY": ""}
    )


def waiting(file: Path) -> list[dict[str, Any]]:
    """Return what waits, as machines read it."""
    result = run("list", "--policy", file, "--json")
    assert result.exit_code == 0
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_one_process_asks_and_another_decides(tmp_path: Path) -> None:
    """The queue is beside the policy: a call waits in it, somebody approves it by the first digits of its id, the repeated call runs."""
    file = admin(tmp_path)
    assert wire(file).denied
    (asked,) = waiting(file)
    assert (asked["tool"], asked["user"], asked["state"], asked["arguments"]) == (
        "wire",
        "ana",
        "waiting",
        '{"to":"bo"}',
    )
    result = run("approve", asked["id"][:6], "--policy", file, "--comment", "checked")
    assert (result.exit_code, result.stdout) == (0, 'approved: wire for ana {"to":"bo"}\n')
    assert wire(file).value == "bo"
    assert waiting(file) == []
    result = run("show", asked["id"], "--policy", file, "--json")
    told = json.loads(result.stdout)
    assert (told["state"], told["decided_by"], told["comment"]) == ("used", f"os:{os_user()}", "checked")


def test_denying(tmp_path: Path) -> None:
    """The caller reads why."""
    file = admin(tmp_path)
    wire(file)
    assert run("deny", waiting(file)[0]["id"], "--policy", file, "--comment", "paid already").exit_code == 0
    assert wire(file).detail == f"refused by os:{os_user()} through queue: paid already"


@pytest.mark.parametrize("command", ["approve", "deny"])
@pytest.mark.parametrize(
    ("users", "more", "told"),
    [
        ("{}", "", "only, and 'os:USER' has none. Give one to them: users: {'os:USER': {roles: [...]}} in the policy"),
        ('{"os:USER": {roles: [clerk]}}', "", "users with the permission admin_access only"),
        ('{"os:USER": {roles: [admin]}}', ", approvers: [lead]", "users with one of the roles lead only"),
    ],
)  # fmt: skip
def test_who_has_no_right_decides_nothing(
    tmp_path: Path, command: str, users: str, more: str, told: str
) -> None:
    """Exit code 1, and the call waits on. Who somebody is, the operating system says; what they may, the policy."""
    file = policy(tmp_path, users.replace("USER", os_user()), more)
    wire(file)
    (asked,) = waiting(file)
    result = run(command, asked["id"], "--policy", file)
    assert result.exit_code == 1
    assert told.replace("USER", os_user()) in result.stderr.replace("\n", " ")
    assert waiting(file) == [asked]


def test_whoever_runs_the_command_decides(tmp_path: Path) -> None:
    """With their own name or without one; the policy says what they may."""
    file = admin(tmp_path)
    wire(file)
    asked = waiting(file)[0]["id"]
    assert run("approve", asked, "--policy", file, "--as", os_user()).exit_code == 0


def test_a_decision_stands_in_the_record(tmp_path: Path) -> None:
    """Whether or not the call comes again: who decided, about whose call, and why."""
    file = admin(tmp_path)
    file.write_text(file.read_text().replace("store: memory", "store: sqlite"))
    for to, command in (("bo", "approve"), ("cy", "deny")):
        wire(file, to)
        (asked,) = (each["id"] for each in waiting(file) if each["state"] == "waiting")
        assert run(command, asked, "--policy", file, "--comment", "looked at it").exit_code == 0
    shown = CliRunner().invoke(
        commands.app, ["audit", "tail", "--policy", str(file), "--event", "approval-decided", "--json"]
    )
    told = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [(each["caller"]["user"], each["tool"], each["blocked"]) for each in told] == [
        (f"os:{os_user()}", "wire", False),
        (f"os:{os_user()}", "wire", True),
    ]
    assert all(
        each["facts"]["comment"] == "looked at it" and each["facts"]["caller"] == "ana" for each in told
    )


def test_a_user_of_the_store_proves_who_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By password or token; a wrong one decides nothing, and a token of somebody else's neither."""
    file = policy(tmp_path)
    password = "correct horse battery staple"
    with Guard.from_file(file) as guard:
        for name, roles in (("lea", ["admin"]), ("bo", ["clerk"])):
            guard.identity.add_user(name, password=password, roles=roles)
        token = guard.identity.issue_token("lea")
        part = guard.identity.issue_token("lea", tools=["wire"])
        child = guard.delegate(guard.login_token(token))
    wire(file)
    asked = waiting(file)[0]["id"]

    def decide(user: str, typed: str = "", **settings: str) -> Result:
        arguments = ["approve", asked, "--policy", str(file), "--as", user]
        return CliRunner().invoke(app, arguments, input=typed, env={"COLUMNS": "200", **settings})

    assert decide("lea", "wrong password, but a long one\n").exit_code == 1
    assert decide("nobody-here", f"{password}\n").exit_code == 1
    assert decide("bo", f"{password}\n").exit_code == 1
    assert decide("bo", RINGFENCE_TOKEN=token).exit_code == 1
    for less in (part, child):  # what an agent may hold is no right to approve
        assert "only a part of its user's authority" in decide("lea", RINGFENCE_TOKEN=less).stderr
    assert waiting(file)[0]["state"] == "waiting"
    assert decide("lea", RINGFENCE_TOKEN=token).exit_code == 0
    assert wire(file).value == "bo"
    wire(file, "cy")
    asked = waiting(file)[0]["id"]
    assert decide("lea", f"{password}\n").exit_code == 0
    (decided,) = [
        each
        for each in json.loads(run("list", "--all", "--policy", file, "--json").stdout)
        if each["id"] == asked
    ]
    assert decided["decided_by"] == "lea"


def test_four_eyes(tmp_path: Path) -> None:
    """The caller of the same name is perhaps the same person."""
    file = admin(tmp_path, ", four_eyes: true")
    wire(file, user=os_user())
    (asked,) = waiting(file)
    assert asked["four_eyes"] is True
    result = run("approve", asked["id"], "--policy", file)
    assert (result.exit_code, "needs four eyes" in result.stderr) == (1, True)
    assert run("deny", asked["id"], "--policy", file).exit_code == 0


def test_what_was_decided_stays_decided(tmp_path: Path) -> None:
    """Exit code 1 for the second who comes."""
    file = admin(tmp_path)
    wire(file)
    asked = waiting(file)[0]["id"]
    assert json.loads(run("deny", asked, "--policy", file, "--json").stdout)["state"] == "denied"
    result = run("approve", asked, "--policy", file)
    assert (result.exit_code, "is denied already" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list"], "name the store with --state, or a policy file with --policy"),
        (["approve", "abcd", "--state", "sqlite:x.db"], "name the policy file: it says who may decide"),
        (["list", "--state", "memory:"], "a store in memory cannot be seen from here"),
    ],
)
def test_a_command_that_lacks_something_says_so(arguments: list[str], told: str) -> None:
    """Exit code 2."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_an_unknown_id(tmp_path: Path) -> None:
    """It is told apart from a call that was decided."""
    result = run("approve", "abcd", "--policy", admin(tmp_path))
    assert (result.exit_code, "the approval 'abcd' is not in the queue" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", ["list", "show", "approve", "list --json", "show --json"])
def test_hostile_text_stays_text(tmp_path: Path, command: str) -> None:
    """Tools, users and arguments may be an attacker's: nothing colours, moves or hides anything."""
    file = admin(tmp_path)
    wire(file, HOSTILE, user="ana\x1b[31m\u202e[blink]")
    name, *options = command.split()
    ids = [] if name == "list" else [waiting(file)[0]["id"]]
    result = run(name, *ids, *options, "--policy", file)
    assert result.exit_code == 0
    assert {c for c in result.stdout if not c.isprintable()} == {"\n"}
    assert "[red]" in "".join(result.stdout.split())
    assert "[blink]" in "".join(result.stdout.split())


def test_all_shows_what_is_over_too(tmp_path: Path) -> None:
    """What was decided, used or too old."""
    file = admin(tmp_path)
    assert "No call waits for a person." in run("list", "--policy", file).stdout
    wire(file)
    run("deny", waiting(file)[0]["id"], "--policy", file)
    assert "No call waits" in run("list", "--policy", file).stdout
    assert "denied" in run("list", "--all", "--policy", file).stdout


@pytest.mark.skipif(os.name == "nt", reason="an interrupt of POSIX")
def test_watching_shows_what_comes(tmp_path: Path) -> None:
    """It goes on until it is interrupted, which is no error of anybody's."""
    file = admin(tmp_path)
    assert waiting(file) == []
    command = [sys.executable, "-m", "ringfence", "approvals", "list", "--watch", "--policy", str(file)]
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    try:
        wire(file)
        shown, end = b"", time.monotonic() + 30
        while b"ana" not in shown and time.monotonic() < end:
            shown += os.read(process.stdout.fileno(), 4096)
        process.send_signal(signal.SIGINT)
    finally:
        try:
            _, told = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
    assert b"ana" in shown
    assert (process.returncode, b"Traceback" in told) == (130, False)


def test_an_approval_for_another_policy_is_told(tmp_path: Path) -> None:
    """A file that changed since: the guard that runs it by now asks anew."""
    file = admin(tmp_path)
    wire(file)
    (asked,) = waiting(file)
    admin(tmp_path, ", approvers: [admin]")
    result = run("approve", asked["id"], "--policy", file)
    assert result.exit_code == 0
    assert "a guard that runs another policy by now asks anew" in result.stderr
    assert wire(file).denied


def test_a_policy_with_a_webhook_is_explained_without_its_secret(tmp_path: Path) -> None:
    """Whoever tries a policy asks nobody, and need not have what the guard signs with."""
    file = tmp_path / "ringfence.yaml"
    file.write_text(
        "tools: {wire: {role: user, ask: true}}\napprovals: {channel: webhook, url: 'https://example.org/', secret_file: none}"
    )
    command = [
        sys.executable,
        "-m",
        "ringfence",
        "explain",
        str(file),
        "--user",
        "ana",
        "--role",
        "user",
        "--tool",
        "wire",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert "ask: a person must approve each call of wire" in done.stdout

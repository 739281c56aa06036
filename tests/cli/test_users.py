"""`ringfence users`, `token` and `keys`: what they do to the store, what they print, and what they never print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ringfence import Guard, LoginFailed, Passwords, acting_in
from ringfence.cli.commands import app
from ringfence.errors import RingfenceError, StateVersion, UnknownName, UserExists, UserUnknown
from ringfence.state.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse battery"
POLICY = """
roles:
  clerk: {inherits: [user], allow: [refund]}
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Write a policy file, whose store and log lie beside it."""
    path = tmp_path / "ringfence.yaml"
    path.write_text(POLICY)
    return str(path)


def run(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run a command; return exit code, stdout and stderr. Errors of ours come through, as `main` shows them."""
    environment = {"COLUMNS": "200", "NO_COLOR": "1", **(env or {})}
    found = CliRunner().invoke(app, list(arguments), input=stdin, env=environment)
    if isinstance(found.exception, RingfenceError):
        raise found.exception
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.stdout, found.stderr


def test_a_user_is_added_and_logs_in(policy: str) -> None:
    """The password comes from stdin; the guard over the same policy lets the user in, and the log holds both."""
    code, out, err = run(
        "users",
        "add",
        "ana",
        "--role",
        "clerk",
        "--mail",
        "a@example.org",
        "--policy",
        policy,
        stdin=f"{PASSWORD}\n",
    )
    assert (code, out, err) == (0, "ana was added.\n", "")
    with Guard.from_file(policy) as guard:
        guard.register(lambda: "done", name="refund")
        with acting_in(guard.login("ana", PASSWORD)):
            assert guard.run("refund").value == "done"
        with pytest.raises(LoginFailed, match="the user or the password is not right"):
            guard.login("ana", "some other password", address="10.0.0.9")
    found = json.loads(run("users", "show", "ana", "--policy", policy, "--json")[1])
    assert (found["roles"], found["failed"], found["state"], found["mail"]) == (
        ["clerk"],
        1,
        "active",
        "a@example.org",
    )
    code, out, _ = run(
        "audit",
        "tail",
        "--policy",
        policy,
        "--event",
        "login-failed",
        "--user",
        "ana",
        "--since",
        "1h",
        "--json",
    )
    (record,) = [json.loads(line) for line in out.splitlines()]
    assert (record["event"], record["caller"]["address"], record["facts"]) == (
        "login-failed",
        "10.0.0.9",
        {"why": "wrong password"},
    )
    kinds = [
        json.loads(line)["event"]
        for line in run("audit", "tail", "--policy", policy, "--kind", "event", "--user", "ana", "--json")[
            1
        ].splitlines()
    ]
    assert kinds == ["user-added", "login", "login-failed"]


def test_each_change_of_an_account(policy: str) -> None:
    """Roles, lock, unlock, password, activity, removal."""
    run("users", "add", "ana", "--policy", policy, stdin=PASSWORD)
    states = []
    for command in (
        ["lock", "ana"],
        ["unlock", "ana"],
        ["deactivate", "ana"],
        ["activate", "ana"],
        ["lock", "ana", "--seconds", "60"],
    ):
        assert run("users", *command, "--policy", policy)[0] == 0
        states.append(json.loads(run("users", "list", "--policy", policy, "--json")[1])[0]["state"])
    assert states == ["locked", "active", "inactive", "active", "locked"]
    assert (
        run("users", "roles", "ana", "--role", "clerk", "--policy", policy)[1]
        == "ana has the roles: clerk.\n"
    )
    assert "clerk" in run("users", "list", "--policy", policy)[1]
    assert run("users", "roles", "ana", "--none", "--policy", policy)[1] == "ana has the roles: none.\n"
    assert run("users", "roles", "ana", "--policy", policy)[0] == 2
    assert (
        "new password" in run("users", "passwd", "ana", "--policy", policy, stdin="another good password")[1]
    )
    assert run("users", "remove", "ana", "--policy", policy)[0] == 0
    with pytest.raises(UserUnknown, match=r"there is no user 'ana'\. `ringfence users list` shows"):
        run("users", "show", "ana", "--policy", policy)


def test_mistakes_say_what_to_do(policy: str) -> None:
    """An unknown role, an id that is taken, a password that is too short: nothing is changed."""
    with pytest.raises(UnknownName, match=r"unknown role 'clark'\. Did you mean 'clerk'"):
        run("users", "add", "ana", "--role", "clark", "--policy", policy, stdin=PASSWORD)
    with pytest.raises(RingfenceError, match="a password has 15 to 1,024 characters, and this one 5"):
        run("users", "add", "ana", "--policy", policy, stdin="short\n")
    run("users", "add", "ana", "--no-password", "--policy", policy)
    with pytest.raises(UserExists, match="there is a user 'ana' already"):
        run("users", "add", "ana", "--no-password", "--policy", policy)
    assert len(json.loads(run("users", "list", "--policy", policy, "--json")[1])) == 1


def test_no_command_takes_a_password_as_an_argument() -> None:
    """It would stand in the shell's history, and in the list of processes."""
    for command in ("add", "passwd"):
        code, out, _ = run("users", command, "--help")
        assert code == 0
        assert "--password" not in out
        assert run("users", command, "ana", "--password", PASSWORD)[0] == 2


def test_a_terminal_does_not_show_the_password(tmp_path: Path) -> None:
    """A real terminal: it is asked for twice, and what is typed does not come back."""
    pty = pytest.importorskip("pty")
    mother, child = pty.openpty()
    url = f"sqlite:{tmp_path / 'state.db'}"
    command = [sys.executable, "-m", "ringfence", "users", "add", "ana", "--state", url]
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, start_new_session=True)
    os.close(child)
    shown = b""
    for prompt in (b"Password: ", b"Again: "):
        while prompt not in shown:
            shown += os.read(mother, 1024)
        os.write(mother, f"{PASSWORD}\n".encode())
    while b"was added" not in shown:
        shown += os.read(mother, 1024)
    assert process.wait(30) == 0
    os.close(mother)
    assert PASSWORD.encode() not in shown


def test_a_token_is_issued_shown_and_revoked(policy: str) -> None:
    """It is printed once; `show` verifies it and prints no signature; revoked it is refused."""
    run("users", "add", "ana", "--role", "clerk", "--no-password", "--policy", policy)
    code, token, err = run("token", "issue", "ana", "--tool", "ref*", "--seconds", "600", "--policy", policy)
    token = token.strip()
    assert (code, err, token.count(".")) == (0, "", 2)
    code, out, _ = run("token", "show", "-", "--json", "--policy", policy, stdin=token)
    found = json.loads(out)
    assert (code, found["user"], found["tools"], found["roles"]) == (0, "ana", ["ref*"], None)
    for text in (out, run("token", "show", token, "--policy", policy)[1]):
        assert token.rpartition(".")[2] not in text
    assert run("token", "revoke", found["id"], "--policy", policy)[:2] == (0, "The token was revoked.\n")
    code, out, err = run("token", "show", "-", "--policy", policy, stdin=token)
    assert (code, out, err) == (1, "", "refused: the token was refused: it was revoked\n")
    assert json.loads(run("token", "show", "nonsense", "--json", "--policy", policy)[1]) == {
        "ok": False,
        "why": "the token was refused: it is no signed JWT",
    }
    assert run("token", "revoke", found["id"], "--policy", policy)[0] == 1
    code, out, err = run("token", "revoke", "-", "--policy", policy, stdin=token[:-9] + "a" * 9)
    assert (code, out) == (1, "")
    assert err.startswith("Nothing was revoked: the token was refused")
    assert run("token", "revoke", "-", "--policy", policy, stdin="")[0] == 2
    log = run("audit", "tail", "--policy", policy, "--json")[1]
    assert token not in log
    assert {"token-issued", "token-revoked"} <= {json.loads(line)["event"] for line in log.splitlines()}


def test_keys_are_rotated_and_never_printed(policy: str) -> None:
    """The list shows ids and times; old tokens hold, unless they are revoked too."""
    run("users", "add", "ana", "--no-password", "--policy", policy)
    token = run("token", "issue", "ana", "--policy", policy)[1].strip()
    code, out, _ = run("keys", "rotate", "--policy", policy)
    assert (code, "signs from here on." in out) == (0, True)
    assert run("token", "show", token, "--policy", policy)[0] == 0
    listed = json.loads(run("keys", "list", "--policy", policy, "--json")[1])
    assert [set(each) for each in listed] == [{"id", "created", "retired"}] * 2
    assert "PRIVATE" not in run("keys", "list", "--policy", policy)[1]
    assert "were revoked" in run("keys", "rotate", "--revoke", "--policy", policy)[1]
    assert run("token", "show", token, "--policy", policy)[0] == 1


def test_the_store_can_be_named_without_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By --state, by RINGFENCE_STATE, or the one in the current folder; --state goes before a policy's."""
    monkeypatch.chdir(tmp_path)
    one, two = f"sqlite:{tmp_path / 'one.db'}", f"sqlite:{tmp_path / 'two.db'}"
    run("users", "add", "a", "--no-password", "--state", one)
    run("users", "add", "b", "--no-password", env={"RINGFENCE_STATE": two})
    run("users", "add", "c", "--no-password")
    (tmp_path / "p.yaml").write_text(POLICY)
    run("users", "add", "d", "--no-password", "--policy", "p.yaml", "--state", one)
    found = {
        path: [
            each["id"] for each in json.loads(run("users", "list", "--json", "--state", f"sqlite:{path}")[1])
        ]
        for path in ("one.db", "two.db", "ringfence-state.db")
    }
    assert found == {"one.db": ["a", "d"], "two.db": ["b"], "ringfence-state.db": ["c"]}


def test_a_store_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """As everywhere: one line that says what to do, and exit code 2."""
    url = f"sqlite:{tmp_path / 'state.db'}"
    with open_database(url) as database, database.transaction("schema") as transaction:
        transaction.execute("UPDATE ringfence_schema SET version = 99")
    with pytest.raises(StateVersion, match="has version 99"):
        run("users", "list", "--state", url)
    done = subprocess.run(
        [sys.executable, "-m", "ringfence", "users", "list", "--state", url],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    with (
        Guard.from_file(_policy(tmp_path, url), passwords=Passwords(memory_kib=8)) as guard,
        pytest.raises(StateVersion),
    ):
        guard.login("ana", PASSWORD)


def _policy(folder: Path, url: str) -> Path:
    path = folder / "newer.yaml"
    path.write_text(f"state: {{url: '{url}'}}\n")
    return path

"""`ringfence audit`: what it prints about a log, what it exits with, and that nothing recorded reaches the terminal as a command."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from ringfence.audit import AuditLog, open_log
from ringfence.call import Outcome, Principal, ToolCall
from ringfence.cli.audit import app
from ringfence.errors import RecordKeyInvalid, RingfenceError
from ringfence.policy.model import Audit, StoreKind
from ringfence.tool import Tool
from ringfence.verdict import Decision, Reason, Verdict

if TYPE_CHECKING:
    from pathlib import Path

ALLOWED = Verdict(Decision.ALLOW, "user may call refund", rule="roles.user", check="access")
DENIED = Verdict(Decision.DENY, "guest may not call refund", rule="roles.guest", check="access")
STORES = (StoreKind.SQLITE, StoreKind.JSONL)


def write(
    log: AuditLog,
    number: int,
    user: str = "ana",
    *,
    denied: bool = False,
    at: float | None = None,
    **arguments: object,
) -> str:
    """Record one call; returns its id."""
    when = time.time() if at is None else at
    call = ToolCall(
        f"{number:016x}",
        Tool(name="refund"),
        arguments or {"order": number},
        Principal(user, ("user",)),
        "s",
        when,
    )
    if denied:
        outcome = Outcome(call.id, "refund", DENIED, reason=Reason.POLICY, detail=DENIED.message)
        log.refusal(call, DENIED, (DENIED,), policy_version="p", outcome=outcome)
    else:
        log.intent(call, ALLOWED, (ALLOWED,), policy_version="p")
        log.outcome(call, Outcome(call.id, "refund", ALLOWED, executed=True, value=1), policy_version="p")
    return call.id


def small_log(folder: Path, store: StoreKind = StoreKind.SQLITE) -> Path:
    """Return a log with one allowed call of ana, one denied one of eve, and one allowed one of eve."""
    log = open_log(Audit(store=store, path="log"), folder)
    write(log, 1)
    write(log, 2, "eve", denied=True)
    write(log, 3, "eve", at=1000.0)
    log.close()
    return folder / "log"


def run(*arguments: object) -> Result:
    """Run `ringfence audit` with these arguments."""
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"RINGFENCE_POLICY": "", "COLUMNS": "200"}
    )


def lines(result: Result) -> list[dict[str, object]]:
    """Return what was printed as one JSON object a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("store", STORES)
def test_tail_prints_the_newest_records(tmp_path: Path, store: StoreKind) -> None:
    """`tail` prints user, tool, decision and arguments, oldest first."""
    shown = run("tail", "--log", small_log(tmp_path, store))
    assert shown.exit_code == 0
    first, *_, last = shown.stdout.splitlines()
    assert [word in first for word in ("intent", "allow", "ana", "refund", '{"order": 1}')] == [True] * 5
    assert "outcome" in last
    assert len(run("tail", "--log", tmp_path / "log", "-n", 2).stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--user", "ana"], [1, 2]),
        (["--user", "eve"], [3, 4, 5]),
        (["--decision", "deny"], [3]),
        (["--kind", "outcome"], [2, 5]),
        (["--tool", "nothing"], []),
        (["--since", "1h", "--kind", "intent"], [1]),
        (["--until", "2001-01-01", "--user", "eve"], [4]),
        (["--user", "eve", "-n", "1"], [5]),
    ],
)
def test_filters_narrow(tmp_path: Path, options: list[str], numbers: list[int]) -> None:
    """Every filter leaves exactly the records that fit it."""
    shown = run("tail", "--json", "--log", small_log(tmp_path), *options)
    assert [record["seq"] for record in lines(shown)] == numbers


@pytest.mark.parametrize("store", STORES)
def test_follow_prints_what_comes(tmp_path: Path, store: StoreKind) -> None:
    """`tail --follow` goes on with records that are written later, until it is interrupted."""
    path = small_log(tmp_path, store)
    code = "from ringfence.cli.audit import app; app()"
    command = [sys.executable, "-c", code, "tail", "--follow", "--json", "--log", str(path), "-n", "1"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["seq"] == 5
    log = open_log(Audit(store=store, path="log"), tmp_path)
    write(log, 9, denied=True)
    assert json.loads(process.stdout.readline())["call"] == f"{9:016x}"
    log.close()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0


def test_show_prints_a_call_in_full(tmp_path: Path) -> None:
    """`show` prints intent and outcome of one call, field by field; an unknown id is exit code 1."""
    shown = run("show", f"{1:016x}", "--log", small_log(tmp_path))
    assert shown.exit_code == 0
    assert "record 1: intent" in shown.stdout
    assert "record 2: outcome" in shown.stdout
    assert "caller.user" in shown.stdout
    assert [
        record["kind"]
        for record in json.loads(run("show", f"{1:016x}", "--json", "--log", tmp_path / "log").stdout)
    ] == [
        "intent",
        "outcome",
    ]
    missing = run("show", "ffff", "--log", tmp_path / "log")
    assert (missing.exit_code, missing.stderr) == (1, "The log holds no call ffff.\n")


@pytest.mark.parametrize("store", STORES)
def test_verify_says_whether_the_log_is_intact(tmp_path: Path, store: StoreKind) -> None:
    """`verify` exits with 0 on an intact log and with 1 on a changed one, naming the record."""
    path = small_log(tmp_path, store)
    good = run("verify", "--log", path)
    assert (good.exit_code, "intact, 5 records" in good.stdout) == (0, True)
    path.write_bytes(path.read_bytes().replace(b'"user":"eve"', b'"user":"ana"'))
    bad = run("verify", "--log", path)
    assert bad.exit_code == 1
    assert "NOT intact" in bad.stdout
    assert "record 3: it was changed" in bad.stdout
    facts = json.loads(run("verify", "--json", "--log", path).stdout)
    assert (facts["ok"], facts["problems"][0]["seq"]) == (False, 3)


@pytest.mark.parametrize("store", STORES)
def test_a_head_kept_elsewhere_shows_an_older_copy(tmp_path: Path, store: StoreKind) -> None:
    """`head` prints what `verify --head` needs to find a log that was set back."""
    path = small_log(tmp_path, store)
    older = {file: file.read_bytes() for file in tmp_path.iterdir()}
    log = open_log(Audit(store=store, path="log"), tmp_path)
    write(log, 9)
    log.close()
    kept = tmp_path / "kept.json"
    kept.write_text(run("head", "--log", path).stdout)
    assert run("verify", "--log", path, "--head", kept).exit_code == 0
    for file, content in older.items():
        file.write_bytes(content)
    assert run("verify", "--log", path).exit_code == 0
    back = run("verify", "--log", path, "--head", kept)
    assert (back.exit_code, "the head kept elsewhere says that it has 7 records" in back.stdout) == (1, True)


def test_no_head_of_a_changed_log(tmp_path: Path) -> None:
    """`head` signs nothing that does not verify."""
    path = small_log(tmp_path, StoreKind.JSONL)
    path.write_bytes(path.read_bytes().replace(b"eve", b"ana"))
    shown = run("head", "--log", path)
    assert (shown.exit_code, shown.stdout) == (1, "")


def test_export_writes_jsonl_and_csv(tmp_path: Path) -> None:
    """`export` writes the same records in both formats, to a file or to stdout."""
    path = small_log(tmp_path)
    records = lines(run("export", "--log", path, "--user", "eve"))
    assert [record["seq"] for record in records] == [3, 4, 5]
    done = run(
        "export", "--log", path, "--user", "eve", "--format", "csv", "--output", tmp_path / "calls.csv"
    )
    assert done.exit_code == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "calls.csv").read_text())))
    assert [(row["seq"], row["user"], row["decision"]) for row in rows] == [
        ("3", "eve", "deny"),
        ("4", "eve", "allow"),
        ("5", "eve", ""),
    ]


HOSTILE = "\x1b[31m\x1b]0;title\x07[red]x[/red]\r\n\u202e\x9b\x7f\udc80=cmd()"


@pytest.mark.parametrize(
    "command",
    [
        ["tail"],
        ["tail", "--json"],
        ["show", "CALL"],
        ["show", "CALL", "--json"],
        ["export"],
        ["export", "--format", "csv"],
    ],
)
def test_nothing_recorded_reaches_the_terminal_as_a_command(tmp_path: Path, command: list[str]) -> None:
    """Escapes, control and direction characters in users, tools and arguments are shown and do nothing."""
    log = open_log(Audit(store=StoreKind.JSONL, path="log"), tmp_path)
    call = ToolCall(
        "c1", Tool(name=HOSTILE), {HOSTILE: HOSTILE}, Principal(HOSTILE, (HOSTILE,)), HOSTILE, 1.0
    )
    verdict = Verdict(Decision.ALLOW, HOSTILE, rule=HOSTILE, check=HOSTILE)
    log.intent(call, verdict, (verdict,), policy_version="p")
    log.close()
    shown = run(*[argument.replace("CALL", "c1") for argument in command], "--log", tmp_path / "log")
    assert shown.exit_code == 0, shown.output
    assert all(c.isprintable() or c == "\n" or (c == "\r" and "csv" in command) for c in shown.stdout)


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    """A spreadsheet does not run what stands in an exported cell."""
    log = open_log(Audit(store=StoreKind.JSONL, path="log"), tmp_path)
    write(log, 1, "=HYPERLINK(1)", denied=True)
    log.close()
    [row] = csv.DictReader(io.StringIO(run("export", "--format", "csv", "--log", tmp_path / "log").stdout))
    assert row["user"] == "'=HYPERLINK(1)"


def test_the_policy_file_says_where_the_log_is(tmp_path: Path) -> None:
    """With `--policy`, or RINGFENCE_POLICY, log and key are found from the policy file's folder."""
    (tmp_path / "logs").mkdir()
    small_log(tmp_path / "logs")
    (tmp_path / "logs" / "log.key").rename(tmp_path / "the-key")
    policy = tmp_path / "ringfence.yaml"
    policy.write_text("version: 1\naudit:\n  path: logs/log\n  key_file: the-key\n")
    assert run("verify", "--policy", policy).exit_code == 0
    found = CliRunner().invoke(app, ["tail", "--json"], env={"RINGFENCE_POLICY": str(policy)})
    assert len(found.stdout.splitlines()) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tail"], "name the log with --log"),
        (["tail", "--log", "LOG", "--since", "yesterday"], "expected 90s, 30m, 2h, 7d or a date"),
        (["tail", "--log", "LOG", "--kind", "nonsense"], "'nonsense' is not one of"),
        (["verify", "--log", "LOG", "--head", "missing"], "No such file"),
        (["export", "--log", "LOG", "--output", "missing/folder/file"], "No such file"),
    ],
)
def test_a_wrong_option_is_a_sentence(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A mistake on the command line is explained, with exit code 2."""
    path = str(small_log(tmp_path))
    shown = run(*[argument.replace("LOG", path) for argument in arguments])
    assert shown.exit_code == 2
    assert message in " ".join(shown.stderr.replace("│", " ").split())


def test_a_log_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    """A missing log, and a missing key, raise what `ringfence` prints without a traceback."""
    missing = run("tail", "--log", tmp_path / "missing")
    assert isinstance(missing.exception, RingfenceError)
    assert "cannot be read: No such file" in str(missing.exception)
    (small_log(tmp_path)).with_name("log.key").unlink()
    assert isinstance(run("verify", "--log", tmp_path / "log").exception, RecordKeyInvalid)


def test_verify_of_what_is_no_log(tmp_path: Path) -> None:
    """A binary file is a problem that is named, not a crash."""
    path = small_log(tmp_path)
    for content in (b"SQLite format 3\0" + b"\xff" * 100, b"\xff\n" * 1000, b"\0" * 2_000_000):
        path.write_bytes(content)
        shown = run("verify", "--log", path)
        assert shown.exit_code == 1, shown.output
        assert "NOT intact" in shown.stdout

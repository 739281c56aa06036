"""Weaknesses of the record that reviews have found, each a test for good."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ringfence import SecurityEvent, ThreatLevel
from ringfence.audit import load_key, verify
from ringfence.audit.query import select
from ringfence.audit.redact import MASK, Redactor, mask_shapes
from ringfence.audit.store import open_source
from ringfence.cli.commands import app
from ringfence.cli.output import safe
from ringfence.errors import RecordCorrupt, RecordError
from ringfence.policy.model import Durability, StoreKind

from .helpers import FILES, filled, open_in, record_call

if TYPE_CHECKING:
    from pathlib import Path

VANISH = "CREATE TRIGGER evil BEFORE INSERT ON records BEGIN SELECT RAISE(IGNORE); END"
DELETE = "CREATE TRIGGER evil AFTER INSERT ON records BEGIN DELETE FROM records WHERE seq = NEW.seq; END"


@pytest.mark.parametrize("trigger", [VANISH, DELETE])
def test_a_planted_trigger_stops_the_writer_and_is_reported(tmp_path: Path, trigger: str) -> None:
    """Somebody without the key who makes the database swallow records is found by the next commit and by `verify`."""
    log = open_in(tmp_path, StoreKind.SQLITE)
    record_call(log, 1)
    with closing(sqlite3.connect(tmp_path / "log")) as attacker:
        attacker.execute(trigger)
    with pytest.raises(RecordCorrupt, match="schema was changed: trigger 'evil'"):
        record_call(log, 2)
    found = verify(tmp_path / "log", load_key(None, tmp_path / "log"))
    assert [problem for problem in found.problems if "trigger 'evil'" in problem.what]
    with closing(sqlite3.connect(tmp_path / "log")) as attacker:
        attacker.execute("DROP TRIGGER evil")
    log.close()
    assert verify(tmp_path / "log", load_key(None, tmp_path / "log")).ok


@pytest.mark.parametrize("durability", [Durability.CALL, Durability.BATCH])
@pytest.mark.parametrize("store", FILES)
def test_an_entry_that_cannot_be_written_does_not_hold_up_the_others(
    tmp_path: Path, store: StoreKind, durability: Durability
) -> None:
    """A record that says so takes its place, and the line goes on."""
    log = open_in(tmp_path, store, durability)
    log.event(SecurityEvent("1", "x", ThreatLevel.LOW, "d", 1.0, actions=None))  # type: ignore[arg-type]
    record_call(log, 2)
    log.close()
    found = verify(tmp_path / "log", load_key(None, tmp_path / "log"))
    assert (found.ok, found.records) == (True, 3), found.problems


@pytest.mark.parametrize(
    "hostile",
    [
        "://:" + ":" * 4090,
        "token" * 819,
        "-BEGIN" * 680,
        "--" * 1000 + "token" * 400,
        "passwordsecrettoken" * 200,
    ],
)
def test_hostile_texts_are_masked_quickly(hostile: str) -> None:
    """No text of a model can keep the writer busy: the bound is some fifty times what it takes, and was far exceeded before."""

    def cost(text: str) -> float:
        start = time.process_time()
        for _ in range(30):
            mask_shapes(text)
        return time.process_time() - start

    assert min(cost(hostile) for _ in range(3)) < 3.0  # 30 times 100 ms; it was 57 ms each, and is below 2


@pytest.mark.parametrize(
    "name",
    ["dbPass", "userPwd", "userPin", "accessCode", "authCode", "pw", "kennwort", "privkey", "mnemonic"],
)
def test_secret_names_are_known_in_any_writing(name: str) -> None:
    """Words are found in camelCase too."""
    written = Redactor(digest=lambda data: data.ljust(32)[:32]).write({name: "hunter2xx"})
    assert MASK in written


@pytest.mark.parametrize("name", ["shipping", "compass", "author", "passenger", "opinion"])
def test_words_that_only_hold_a_secret_word_stay_readable(name: str) -> None:
    """`pin`, `pass` and `auth` count as whole words."""
    written = Redactor(digest=lambda data: data.ljust(32)[:32]).write({name: "plain"})
    assert MASK not in written


@pytest.mark.parametrize("beside", ["", ".key", ".head"])
def test_an_export_never_writes_over_the_log(tmp_path: Path, beside: str) -> None:
    """The log and what stands beside it under its name are no place for an export."""
    log = filled(tmp_path, StoreKind.JSONL)
    before = log.read_bytes()
    done = CliRunner().invoke(app, ["audit", "export", "--log", str(log), "--output", f"{log}{beside}"])
    assert done.exit_code == 2
    assert log.read_bytes() == before


@pytest.mark.parametrize("count", range(1, 6))
def test_trailing_backslashes_do_not_break_markup(count: int) -> None:
    """A name that ends in backslashes is shown as it is, and the style after it ends."""
    from rich.text import Text

    shown = Text.from_markup(f"[bold]{safe('x' + chr(92) * count)}[/bold]!")
    assert shown.plain == "x" + chr(92) * count + "!"


def test_a_trigger_cannot_slip_in_between_check_and_insert(tmp_path: Path) -> None:
    """While another process plants and removes a trigger again and again, every record that was acknowledged is in the log."""
    log = open_in(tmp_path, StoreKind.SQLITE)
    record_call(log, 0)
    code = f"""
import sqlite3, sys
db = sqlite3.connect({str(tmp_path / "log")!r}, isolation_level=None, timeout=1)
print("ready", flush=True)
for _ in range(3000):
    for statement in ({VANISH!r}, "DROP TRIGGER evil"):
        try: db.execute(statement)
        except sqlite3.OperationalError: pass
"""
    attacker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert attacker.stdout is not None
    assert attacker.stdout.readline() == "ready\n"
    acknowledged = {f"{0:016x}"}
    number = 0
    while attacker.poll() is None and number < 2000:
        number += 1
        try:
            acknowledged.add(record_call(log, number).id)
        except RecordError:
            continue
    attacker.kill()
    attacker.wait()
    attacker.stdout.close()
    with closing(sqlite3.connect(tmp_path / "log")) as database:
        database.execute("DROP TRIGGER IF EXISTS evil")
        database.commit()
    log.close()
    assert verify(tmp_path / "log", load_key(None, tmp_path / "log")).ok
    with closing(open_source(tmp_path / "log")) as source:
        ended = {record["call"] for record in select(source) if record["kind"] == "outcome"}
    assert acknowledged <= ended
    assert len(acknowledged) > 1

"""Whatever is changed in a log by somebody without the key, `verify` finds it and says where."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audit.helpers import (
    ALLOWED,
    FILES,
    checked,
    filled,
    make_call,
    open_in,
    record_call,
    records_in,
    what,
)

from ringfence.audit import verify
from ringfence.audit.chain import Chain
from ringfence.audit.keys import load_key
from ringfence.errors import RecordCorrupt, RecordError, RecordKeyInvalid
from ringfence.policy.model import StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = st.integers(0, 5)


def edit_lines(path: Path, edit: Callable[[list[bytes]], None]) -> None:
    """Change a JSONL log as a list of its lines."""
    lines = path.read_bytes().splitlines(keepends=True)
    edit(lines)
    path.write_bytes(b"".join(lines))


def edit_rows(path: Path, *statements: str) -> None:
    """Change a SQLite log by SQL."""
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def replace(old: bytes, new: bytes) -> Callable[[list[bytes]], None]:
    """Return an edit that replaces something in the fourth line."""

    def edit(lines: list[bytes]) -> None:
        assert old in lines[3]
        lines[3] = lines[3].replace(old, new, 1)

    return edit


def swap(lines: list[bytes]) -> None:
    """Swap two records."""
    lines[2], lines[3] = lines[3], lines[2]


def remove(lines: list[bytes]) -> None:
    """Remove a record."""
    del lines[2]


def repeat(lines: list[bytes]) -> None:
    """Write a record twice."""
    lines.insert(3, lines[2])


def insert(lines: list[bytes]) -> None:
    """Insert a record that is well formed."""
    record = json.loads(lines[2])["record"]
    text = json.dumps({**record, "tool": "forged"}, sort_keys=True, separators=(",", ":"))
    lines.insert(3, f'{{"mac":"{"ab" * 32}","record":{text}}}\n'.encode())


def cut(lines: list[bytes]) -> None:
    """Cut the last two records off."""
    del lines[-2:]


def cut_all(lines: list[bytes]) -> None:
    """Cut all records off."""
    lines.clear()


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (replace(b'"kind":"outcome"', b'"kind":"intent"'), "record 4: it was changed"),
        (replace(b'{"mac":"', b'{"mac":"0'), "cannot be read after record 3"),
        (replace(b'"success":true', b'"success": true'), "record 4: it is not written in the canonical form"),
        (replace(b'"at":', b'"at":9,"at":'), "record 4: it is not written in the canonical form"),
        (replace(b'"seq":4', b'"seq":5'), "record 4: its seq is '5', expected 4"),
        (replace(b'"record":{', b'"record":['), "record 4: it cannot be read"),
        (swap, "record 3: its seq is '4', expected 3"),
        (remove, "record 3: its seq is '4', expected 3"),
        (repeat, "record 4: its seq is '3', expected 4"),
        (insert, "record 4: it was changed, or stands in another place"),
        (cut, "cut off: the head says that it has 6 records, it ends at 4"),
        (cut_all, "cut off: the head says that it has 6 records, it ends at 0"),
    ],
)
def test_every_change_of_a_jsonl_log_is_found(
    tmp_path: Path, edit: Callable[[list[bytes]], None], problem: str
) -> None:
    """A changed, swapped, removed, repeated, inserted or cut line is named."""
    path = filled(tmp_path, StoreKind.JSONL)
    edit_lines(path, edit)
    found = checked(path)
    assert not found.ok
    assert problem in what(found)


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        (
            ["UPDATE records SET record = replace(record, 'ana', 'eve') WHERE seq = 3"],
            "record 3: it was changed",
        ),
        (["UPDATE records SET mac = zeroblob(32) WHERE seq = 3"], "record 3: it was changed"),
        (["DELETE FROM records WHERE seq = 3"], "record 4: out of order: 3 to 3 are missing"),
        (["DELETE FROM records WHERE seq > 4"], "the head is missing"),
        (["UPDATE records SET seq = 9 WHERE seq = 6"], "record 9: out of order: 6 to 8 are missing"),
        (
            [
                "UPDATE records SET seq = 100 WHERE seq = 3",
                "UPDATE records SET seq = 3 WHERE seq = 4",
                "UPDATE records SET seq = 4 WHERE seq = 100",
            ],
            "record 3: its seq is '4', expected 3",
        ),
        (
            ["INSERT INTO records (seq, record, mac) SELECT 7, record, mac FROM records WHERE seq = 6"],
            "record 6: it carries a head",
        ),
        (["UPDATE records SET head = NULL"], "the head is missing"),
        (
            ["UPDATE records SET head = replace(head, '\"seq\":6', '\"seq\":7')"],
            "the head cannot be trusted: its signature is wrong",
        ),
        (
            ["UPDATE records SET head = 'nonsense' WHERE seq = 6"],
            "the head cannot be trusted: it is not a signed head",
        ),
        (
            ["UPDATE records SET head = (SELECT head FROM records WHERE seq = 6) WHERE seq = 2"],
            "record 2: it carries a head",
        ),
        (["UPDATE records SET record = x'ff00fe' WHERE seq = 2"], "record 2: it cannot be read"),
        (["DROP TABLE records"], "no such table"),
    ],
)
def test_every_change_of_a_sqlite_log_is_found(tmp_path: Path, statements: list[str], problem: str) -> None:
    """A changed, swapped, removed, inserted or cut row is named."""
    path = filled(tmp_path, StoreKind.SQLITE)
    edit_rows(path, "DROP TRIGGER one_head", *statements)
    found = checked(path)
    assert not found.ok
    assert problem in what(found)


@pytest.mark.parametrize("store", FILES)
def test_a_cut_tail_keeps_the_next_writer_out(tmp_path: Path, store: StoreKind) -> None:
    """A log whose end is missing is not continued, so the cut cannot be covered by new records."""
    path = filled(tmp_path, store)
    if store is StoreKind.JSONL:
        edit_lines(path, cut)
    else:
        edit_rows(path, "DELETE FROM records WHERE seq > 4")
    with pytest.raises(RecordCorrupt, match=r"it ends at record 4, its head says 6|signed head is missing"):
        open_in(tmp_path, store)


@pytest.mark.parametrize("store", FILES)
def test_a_cut_while_it_is_in_use_is_found_by_the_writer_or_verify(tmp_path: Path, store: StoreKind) -> None:
    """Records that vanish under a running writer do not vanish unseen."""
    log = open_in(tmp_path, store)
    for number in range(3):
        record_call(log, number)
    if store is StoreKind.JSONL:
        edit_lines(tmp_path / "log", cut)
        with pytest.raises(RecordCorrupt, match="it was cut while it was in use"):
            record_call(log, 9)
        with pytest.raises(RecordCorrupt, match="it was cut while it was in use"):
            log.close()
    else:
        edit_rows(tmp_path / "log", "DELETE FROM records WHERE seq > 4")
        record_call(log, 9)
        log.close()
    assert not checked(tmp_path / "log").ok


@pytest.mark.parametrize("store", FILES)
def test_an_older_copy_is_found_by_a_head_kept_elsewhere(tmp_path: Path, store: StoreKind) -> None:
    """Log and head restored together from an older copy verify; a head kept elsewhere shows what is gone."""
    filled(tmp_path, store)
    shutil.copytree(tmp_path, tmp_path.parent / f"copy-{store}")
    log = open_in(tmp_path, store)
    record_call(log, 9)
    log.close()
    tip = checked(tmp_path / "log").tip
    assert tip is not None
    kept = Chain(load_key(None, tmp_path / "log")).sign(tip, 1.0).encode()
    assert checked(tmp_path / "log", head=kept).ok
    older = tmp_path.parent / f"copy-{store}" / "log"
    assert checked(older).ok
    assert "cut off: the head kept elsewhere says that it has 8 records, it ends at 6" in what(
        checked(older, head=kept)
    )


@pytest.mark.parametrize("store", FILES)
def test_a_head_of_another_log_is_told_apart(tmp_path: Path, store: StoreKind) -> None:
    """A head kept elsewhere belongs to one log, even where two share a key."""
    path = filled(tmp_path, store)
    key = load_key(None, path)
    other = Chain(key).sign(checked(path).tip._replace(log="0123456789abcdef"), 1.0)  # type: ignore[union-attr]
    assert "the head kept elsewhere is that of another log" in what(checked(path, head=other.encode()))
    forged = Chain(key).sign(checked(path).tip._replace(mac=b"x" * 32), 1.0)  # type: ignore[union-attr]
    assert "record 6: it is not the record that the head kept elsewhere names" in what(
        checked(path, head=forged.encode())
    )


@pytest.mark.parametrize("store", FILES)
def test_another_key_is_one_problem(tmp_path: Path, store: StoreKind) -> None:
    """With the wrong key verification says so, once; and a writer with it is kept out."""
    path = filled(tmp_path, store)
    found = verify(path, b"another key of thirty-two bytes!")
    assert len(found.problems) == 1
    assert "was written with another key" in what(found)
    path.with_name("log.key").write_text("ab" * 32)
    with pytest.raises(RecordKeyInvalid, match="the log's head does not fit it: another key signed it"):
        open_in(tmp_path, store)


def test_a_jsonl_log_without_its_head_is_not_trusted(tmp_path: Path) -> None:
    """Removing the head does not make a cut log whole."""
    path = filled(tmp_path, StoreKind.JSONL)
    edit_lines(path, cut)
    path.with_name("log.head").unlink()
    assert "the head is missing, so records may have been cut off" in what(checked(path))
    with pytest.raises(RecordCorrupt, match="signed head is missing"):
        open_in(tmp_path, StoreKind.JSONL)


def test_records_behind_the_head_are_checked_before_a_writer_goes_on(tmp_path: Path) -> None:
    """What stands behind the last JSONL head must chain from it, or the log is not continued."""
    path = filled(tmp_path, StoreKind.JSONL)
    with path.open("ab") as file:
        file.write(path.read_bytes().splitlines(keepends=True)[-1].replace(b'"seq":6', b'"seq":7'))
    with pytest.raises(RecordCorrupt, match="record 7 does not fit its chain"):
        open_in(tmp_path, StoreKind.JSONL)


def test_a_truncated_database_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    """A SQLite log cut in half, or filled with noise, is reported."""
    path = filled(tmp_path, StoreKind.SQLITE, calls=200)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not checked(path).ok
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert not checked(path).ok
    with pytest.raises(RecordError, match=r"damaged|cannot be"):
        open_in(tmp_path, StoreKind.SQLITE)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_edit_of_a_jsonl_log_is_found(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever bytes are replaced, inserted or removed before the last line, the log does not verify any more."""
    path, whole = _jsonl(tmp_path_factory)
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    new = data.draw(st.binary(max_size=40))
    changed = whole[:start] + new + whole[end:]
    path.write_bytes(changed)
    found = checked(path)
    assert found.ok is (changed == whole), (start, end, new)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(column=st.sampled_from(["seq", "record", "mac", "head"]), row=st.integers(1, 6), data=st.data())
def test_any_edit_of_a_sqlite_log_is_found(
    tmp_path_factory: pytest.TempPathFactory, column: str, row: int, data: st.DataObject
) -> None:
    """Whatever stands in any column of any row instead, the log does not verify any more."""
    path = _sqlite(tmp_path_factory)
    value: Any = data.draw(
        st.integers(-(2**63), 2**63 - 1) if column == "seq" else st.binary(max_size=60) | st.none()
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        old = database.execute(f"SELECT {column} FROM records WHERE seq = ?", (row,)).fetchone()[0]
        try:
            database.execute(f"UPDATE records SET {column} = ? WHERE seq = ?", (value, row))
        except sqlite3.IntegrityError:
            return  # the number of another record, or no value where there must be one
        database.execute("COMMIT")
        found = checked(path)
        back = value if column == "seq" else row
        database.execute(f"UPDATE records SET {column} = ? WHERE seq = ?", (old, back))
    assert found.ok is (old == value), what(found)
    assert checked(path).ok


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_of_a_database_file(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A changed byte in the database file either changes no record, or is found, or makes the file unreadable with an error of ours."""
    whole = _sqlite(tmp_path_factory).read_bytes()
    before = records_in(_sqlite(tmp_path_factory))
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "log"
    path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    shutil.copy(_sqlite(tmp_path_factory).with_name("log.key"), path.with_name("log.key"))
    try:
        found = checked(path)
    except RecordError:
        return
    assert not found.ok or records_in(path) == before


_made: dict[str, Path] = {}


def _sqlite(factory: pytest.TempPathFactory) -> Path:
    """Return one SQLite log for all examples."""
    if "sqlite" not in _made:
        _made["sqlite"] = filled(factory.mktemp("sqlite"), StoreKind.SQLITE)
    return _made["sqlite"]


def _jsonl(factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return one JSONL log for all examples, and its genuine content."""
    if "jsonl" not in _made:
        _made["jsonl"] = filled(factory.mktemp("jsonl"), StoreKind.JSONL)
        _made["whole"] = _made["jsonl"].with_name("whole")
        shutil.copy(_made["jsonl"], _made["whole"])
    return _made["jsonl"], _made["whole"].read_bytes()


def test_open_intents_are_named_and_no_problem(tmp_path: Path) -> None:
    """A call that began and never ended is reported by id; the log is intact."""
    log = open_in(tmp_path, StoreKind.SQLITE)
    log.intent(make_call(0xAB), ALLOWED, (ALLOWED,), policy_version="p")
    log.close()
    found = checked(tmp_path / "log")
    assert (found.ok, found.open_intents) == (True, ("00000000000000ab",))


def test_long_logs_report_progress(tmp_path: Path) -> None:
    """The callback hears of every thousand records, and of the end."""
    path = filled(tmp_path, StoreKind.JSONL, calls=600)
    heard: list[int] = []
    verify(path, load_key(None, path), progress=heard.append)
    assert heard == [1000, 1200]


def test_many_problems_are_counted_beyond_a_hundred(tmp_path: Path) -> None:
    """A log changed everywhere does not fill the memory with problems."""
    path = filled(tmp_path, StoreKind.SQLITE, calls=100)
    edit_rows(path, "UPDATE records SET record = replace(record, 'ana', 'eve')")
    found = checked(path)
    assert (len(found.problems), found.more_problems) == (100, 100)

"""The log between processes: killed, several at once, forked, without rights and without room."""

from __future__ import annotations

import gc
import os
import random
import resource
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.audit.helpers import (
    FILES,
    checked,
    confirmed_calls,
    filled,
    open_in,
    printed_by,
    record_call,
    record_refusal,
    records_in,
    run_until_killed,
    start_writer,
    what,
)  # fmt: skip

from ringfence.audit.locks import acquire
from ringfence.errors import RecordCorrupt, RecordUnwritable
from ringfence.policy.model import Durability, StoreKind

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@pytest.mark.parametrize("store", FILES)
@pytest.mark.parametrize("durability", [Durability.CALL, Durability.FSYNC])
def test_a_killed_process_loses_no_call_that_was_handed_back(
    tmp_path: Path, store: StoreKind, durability: Durability
) -> None:
    """After SIGKILL at any moment, every call whose record was confirmed is in the log, and the log verifies."""
    chance = random.Random(7)
    for _ in range(6):
        run_until_killed(tmp_path / "log", store, durability, chance.uniform(0, 0.15))
        found = checked(tmp_path / "log")
        assert found.ok, what(found)
    confirmed = confirmed_calls(tmp_path / "log")
    kinds: dict[str, set[str]] = {}
    for record in records_in(tmp_path / "log"):
        if record["kind"] != "event":
            kinds.setdefault(record["call"], set()).add(record["kind"])
    assert len(confirmed) > 6
    assert all(kinds.get(call) == {"intent", "outcome"} for call in confirmed)


@pytest.mark.parametrize("store", FILES)
def test_a_killed_batch_leaves_a_log_that_verifies(tmp_path: Path, store: StoreKind) -> None:
    """A batch may lose what was open when the process was killed, and only from the end."""
    run_until_killed(tmp_path / "log", store, Durability.BATCH, 0.3)
    found = checked(tmp_path / "log")
    assert found.ok, what(found)
    kept = [record["call"] for record in records_in(tmp_path / "log") if record["kind"] == "outcome"]
    confirmed = confirmed_calls(tmp_path / "log")
    assert kept[: len(confirmed)] == confirmed[: len(kept)]
    assert 0 < len(kept) <= len(confirmed) + 1  # the last one may have been recorded and not yet printed


@pytest.mark.parametrize("store", FILES)
@pytest.mark.parametrize("durability", [Durability.CALL, Durability.BATCH])
def test_processes_and_threads_share_one_log(
    tmp_path: Path, store: StoreKind, durability: Durability
) -> None:
    """Two processes with four threads each write one chain, in which every record stands once."""
    writers = [start_writer(tmp_path / "log", store, durability, "50", "4") for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0], printed_by(
        tmp_path / "log"
    ).read_text()[-500:]
    found = checked(tmp_path / "log")
    assert (found.ok, found.records) == (True, 800), what(found)
    recorded = [record["call"] for record in records_in(tmp_path / "log") if record["kind"] == "outcome"]
    assert sorted(recorded) == sorted(confirmed_calls(tmp_path / "log"))


@pytest.mark.parametrize("store", FILES)
@pytest.mark.parametrize("durability", [Durability.CALL, Durability.BATCH])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_writes_its_own_records_only(
    tmp_path: Path, store: StoreKind, durability: Durability
) -> None:
    """After a fork both processes go on in one chain; nothing that waited is written twice."""
    log = open_in(tmp_path, store, durability)
    record_call(log, 1)
    child = os.fork()
    if child == 0:
        try:
            record_call(log, 2)
            log.close()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent sees the exit code
            os._exit(1)
    record_call(log, 3)
    assert os.waitpid(child, 0)[1] == 0
    record_call(log, 4)
    log.close()
    found = checked(tmp_path / "log")
    assert found.ok, what(found)
    assert sorted(record["call"][-1] for record in records_in(tmp_path / "log")) == list("11223344")


def test_a_torn_line_is_set_aside_and_recorded(tmp_path: Path) -> None:
    """The rest of a cut write is no tampering: `verify` names it, the next writer moves it away and records that."""
    path = filled(tmp_path, StoreKind.JSONL)
    with path.open("ab") as file:
        file.write(b'{"mac":"0123')
    found = checked(path)
    assert (found.ok, found.torn_bytes, found.records) == (True, 12, 6), what(found)
    log = open_in(tmp_path, StoreKind.JSONL)
    record_call(log, 4)
    log.close()
    found = checked(path)
    assert (found.ok, found.torn_bytes, found.records) == (True, 0, 9), what(found)
    event = records_in(path)[6]
    assert (event["event"], event["facts"]["bytes"]) == ("log-repaired", 12)
    assert path.with_name("log.torn").read_bytes() == b'{"mac":"0123'


def test_a_torn_line_of_another_process_is_set_aside_too(tmp_path: Path) -> None:
    """A writer that runs on after another one was killed repairs the end with its next record."""
    log = open_in(tmp_path, StoreKind.JSONL)
    record_call(log, 1)
    with (tmp_path / "log").open("ab") as file:
        file.write(b'{"mac":"')
    record_call(log, 2)
    log.close()
    assert [record["kind"] for record in records_in(tmp_path / "log")] == [
        "intent",
        "outcome",
        "event",
        "intent",
        "outcome",
    ]
    assert checked(tmp_path / "log").ok


def test_a_line_that_another_process_forged_stops_the_writer(tmp_path: Path) -> None:
    """A whole line that does not chain is no torn write: the writer stops."""
    log = open_in(tmp_path, StoreKind.JSONL)
    record_call(log, 1)
    with (tmp_path / "log").open("ab") as file:
        file.write(b'{"mac":"' + b"ab" * 32 + b'","record":{}}\n')
    with pytest.raises(RecordCorrupt, match="record 3 does not fit its chain"):
        record_call(log, 2)
    with pytest.raises(RecordCorrupt, match="record 3 does not fit its chain"):
        log.close()


def test_a_writer_that_holds_the_lock_for_ever_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process that stopped in the midst of a commit does not hang this one."""
    monkeypatch.setattr("ringfence.audit.locks.BUSY_SECONDS", 0.05)
    path = filled(tmp_path, StoreKind.JSONL)
    log = open_in(tmp_path, StoreKind.JSONL)
    with path.open("rb") as other:
        acquire(other.fileno(), str(path))
        with pytest.raises(RecordUnwritable, match="another process has held its lock"):
            record_refusal(log, 9)
    log.close()
    assert records_in(path)[-1]["arguments"] == {"order": "A-9"}


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Give a folder that any user can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.unprivileged
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to become another user")
@pytest.mark.parametrize("store", FILES)
def test_a_read_only_log_is_an_error_of_its_own(public_folder: Path, store: StoreKind) -> None:
    """A process without the right to write gets `RecordUnwritable`, and the log stays as it is."""
    path = filled(public_folder, store)
    for file in public_folder.iterdir():
        os.chown(file, NOBODY, NOBODY)
        file.chmod(0o400)
    before = path.read_bytes()
    answers, answer = os.pipe()
    child = os.fork()  # another interpreter may not even be readable for that user
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            open_in(public_folder, store)
        except BaseException as error:  # noqa: BLE001 - the parent looks at it
            os.write(answer, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(answer)
    with os.fdopen(answers) as said:
        assert said.read().startswith("RecordUnwritable: the log ")
    assert path.read_bytes() == before


@pytest.mark.parametrize("store", FILES)
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path, store: StoreKind) -> None:
    """When the file cannot grow the call fails, what was recorded stays, and what waited goes in when there is room."""
    log = open_in(tmp_path, store)
    record_call(log, 1)
    size = max(
        path.stat().st_size
        for path in tmp_path.glob("log*")
        if path.suffix != ".key" and "-shm" not in path.name
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    failed = []
    try:
        for number in range(2, 6):
            with pytest.raises(RecordUnwritable, match="cannot be written"):
                record_refusal(log, number)
            failed.append(number)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    record_refusal(log, 6)
    log.close()
    found = checked(tmp_path / "log")
    assert found.ok, what(found)
    assert [record["call"][-1] for record in records_in(tmp_path / "log")] == list("1123456")


def test_a_device_is_no_log(tmp_path: Path) -> None:
    """A log file that is a device, or a folder, is refused."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log.key").write_text("ab" * 32)
    (tmp_path / "log.key").chmod(0o600)
    for store in FILES:
        with pytest.raises(RecordUnwritable, match=r"Is a directory|unable to open"):
            open_in(tmp_path, store)


@pytest.mark.parametrize("store", FILES)
def test_an_interrupted_writer_goes_on(tmp_path: Path, store: StoreKind) -> None:
    """An exception that a signal raises in the midst of a commit breaks neither chain nor writer."""
    log = open_in(tmp_path, store)

    armed = [True]

    def interrupt(*_: object) -> None:
        if armed[0]:  # one that comes late, after the loop, must not end the test
            raise KeyboardInterrupt

    gc.disable()  # an interrupt in a callback of the collector, of which other test tools have some, would be swallowed
    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        for number in range(30):
            try:
                armed[0] = True
                signal.setitimer(signal.ITIMER_REAL, 0.0001 + number * 0.00005)
                for _ in range(200):
                    record_refusal(log, number)
                armed[0] = False
            except KeyboardInterrupt:
                armed[0] = False
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        gc.enable()
    log.close()
    found = checked(tmp_path / "log")
    assert found.ok, what(found)

"""What the guard records, and what stands in the log afterwards."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest
from tests.audit.helpers import (
    ALLOWED,
    ANA,
    DENIED,
    FILES,
    REFUND,
    checked,
    make_call,
    open_in,
    record_call,
    record_refusal,
    records_in,
    what,
)  # fmt: skip

from ringfence.audit import AuditLog, open_log, verify
from ringfence.audit.chain import Chain
from ringfence.audit.memory import MemoryStore
from ringfence.audit.query import select
from ringfence.audit.record import canonical
from ringfence.call import Outcome, Output, Principal, ToolCall, Usage
from ringfence.errors import RecordCorrupt, RecordUnwritable
from ringfence.events import SecurityEvent
from ringfence.policy.model import Audit, Durability, StoreKind
from ringfence.threat import ThreatLevel
from ringfence.verdict import Decision, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = b"k" * 32


def in_memory(durability: Durability = Durability.CALL) -> tuple[AuditLog, MemoryStore]:
    """Return a log in memory, and its store to read it from."""
    store = MemoryStore(Chain(KEY))
    return AuditLog(store, durability=durability), store


def poll(done: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until something is so; False when it is not so after all that time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


@pytest.mark.parametrize("store", [*FILES, StoreKind.MEMORY])
@pytest.mark.parametrize("durability", list(Durability))
def test_every_store_keeps_calls_at_every_durability(
    tmp_path: Path, store: StoreKind, durability: Durability
) -> None:
    """Whatever the store and the durability, a closed log holds every record and verifies."""
    log = open_in(tmp_path, store, durability)
    for number in range(20):
        record_call(log, number)
    log.close()
    if store is StoreKind.MEMORY:
        assert not (tmp_path / "log").exists()
        return
    found = checked(tmp_path / "log")
    assert (found.ok, found.records, found.open_intents) == (True, 40, ()), what(found)


def test_an_intent_holds_who_what_and_why() -> None:
    """An intent names the call, its caller, its tool, its arguments, the policy and all verdicts."""
    log, store = in_memory()
    second = Verdict(Decision.ALLOW, "amount is small", rule="amount", check="arguments")
    call = ToolCall("00ff", REFUND, {"order": "A-17", "amount": 20.5}, ANA, "5e55", 12.5)
    log.intent(call, ALLOWED, (ALLOWED, second), policy_version="abc", observed=True)
    record = next(select(store))
    assert record.pop("log")
    assert record == {
        "arguments": {"amount": 20.5, "order": "A-17"},
        "at": 12.5,
        "call": "00ff",
        "caller": {"address": "10.0.0.7", "roles": ["power_user"], "user": "ana"},
        "format": 1,
        "kind": "intent",
        "observed": True,
        "policy": "abc",
        "seq": 1,
        "session": "5e55",
        "tool": "refund",
        "verdict": {
            "check": "access",
            "decision": "allow",
            "message": "role power_user may call refund",
            "rule": "tools.refund",
        },
        "verdicts": [
            {"check": "access", "decision": "allow", "rule": "tools.refund"},
            {"check": "arguments", "decision": "allow", "rule": "amount"},
        ],
    }
    log.close()


def test_an_outcome_holds_facts_and_not_the_value() -> None:
    """An outcome has tier, layers, usage and the value's type and length; the value and the printed text are nowhere."""
    log, store = in_memory()
    outcome = Outcome(
        "1",
        "refund",
        ALLOWED,
        executed=True,
        value=["a very private result"],
        tier="sandbox",
        layers=("seccomp", "landlock"),
        usage=Usage(0.25, peak_memory_bytes=4096),
        output=Output("printed", "", 0, ("out.txt",)),
    )
    log.outcome(make_call(), outcome, policy_version="abc")
    record = next(select(store))
    assert record["success"] is True
    assert record["executed"] is True
    assert record["result"] == {"size": 1, "type": "list"}
    assert record["usage"] == {"peak_memory_bytes": 4096, "wall_seconds": 0.25}
    assert record["layers"] == ["seccomp", "landlock"]
    assert (record["stdout_characters"], record["return_code"], record["files"]) == (7, 0, ["out.txt"])
    assert "private" not in json.dumps(record)
    assert "printed" not in json.dumps(record)
    log.close()


def test_a_failure_is_recorded_without_the_secret_in_its_message() -> None:
    """The detail of a failed call is masked; of the exception only the class is kept."""
    log, store = in_memory()
    error = ValueError("login failed for postgres://admin:hunter2@db/orders")
    outcome = Outcome(
        "1", "refund", ALLOWED, executed=True, reason=Reason.CRASHED, detail=str(error), error=error
    )
    log.outcome(make_call(), outcome, policy_version="abc")
    record = next(select(store))
    assert (record["success"], record["reason"], record["error"]) == (False, "crashed", "ValueError")
    assert record["detail"] == "login failed for postgres://<masked>@db/orders"
    log.close()


def test_a_refusal_is_one_record() -> None:
    """A denied call has a single record, with verdict, reason and arguments."""
    log, store = in_memory()
    record_refusal(log, password="hunter2")
    [record] = select(store)
    assert (record["kind"], record["reason"], record["verdict"]["decision"]) == ("refusal", "policy", "deny")
    assert record["arguments"] == {"password": "<masked>"}
    assert verify(store, KEY).ok
    log.close()


def test_an_event_is_recorded_with_its_facts() -> None:
    """An event keeps its kind, level and facts, masked like arguments."""
    log, store = in_memory()
    event = SecurityEvent(
        "e1", "plugin-failed", ThreatLevel.HIGH, "it raised", 3.0, user="ana", facts={"token": "x", "n": 1}
    )
    log.event(event)
    [record] = select(store)
    assert (record["kind"], record["event"], record["level"]) == ("event", "plugin-failed", "high")
    assert record["facts"] == {"n": 1, "token": "<masked>"}
    log.close()


def test_arguments_are_recorded_as_they_were() -> None:
    """What a tool does to its arguments after the intent was taken does not reach a record that is written later."""
    log, store = in_memory(Durability.BATCH)
    arguments: dict[str, object] = {"items": ["book"], "amount": 1}
    log.intent(make_call(1, **arguments), ALLOWED, (ALLOWED,), policy_version="p")
    plain: dict[str, object] = {"amount": 1}
    call = ToolCall("2", REFUND, plain, ANA, "s", 1.0)
    log.intent(call, ALLOWED, (ALLOWED,), policy_version="p")
    arguments["items"].append("car")  # type: ignore[attr-defined]
    plain["amount"] = 1_000_000
    log.flush()
    first, second = select(store)
    assert first["arguments"] == {"amount": 1, "items": ["book"]}
    assert second["arguments"] == {"amount": 1}
    log.close()


def test_a_batch_commits_by_itself(tmp_path: Path) -> None:
    """In batch durability a record is committed soon after, without a flush or another record."""
    log = open_in(tmp_path, StoreKind.SQLITE, Durability.BATCH)
    record_call(log)
    assert poll(lambda: len(records_in(tmp_path / "log")) == 2)
    log.close()


def test_a_log_that_nobody_closed_is_flushed_when_it_goes(tmp_path: Path) -> None:
    """A batch log that is dropped without `close` has committed all that waited."""
    log = open_in(tmp_path, StoreKind.JSONL, Durability.BATCH)
    record_call(log)
    del log
    assert len(records_in(tmp_path / "log")) == 2


def test_a_closed_log_still_records(tmp_path: Path) -> None:
    """What comes after `close`, from a thread that was late, is committed at once and not lost."""
    log = open_in(tmp_path, StoreKind.SQLITE, Durability.BATCH)
    log.close()
    record_call(log)
    assert len(records_in(tmp_path / "log")) == 2


def test_tasks_record_from_one_loop(tmp_path: Path) -> None:
    """Calls from many tasks are all recorded."""
    log = open_in(tmp_path, StoreKind.SQLITE)

    async def one(number: int) -> None:
        await asyncio.sleep(0)
        record_call(log, number)

    async def many() -> None:
        await asyncio.gather(*(one(number) for number in range(50)))

    asyncio.run(many())
    log.close()
    assert (checked(tmp_path / "log").ok, len(records_in(tmp_path / "log"))) == (True, 100)


@pytest.mark.parametrize("text", ["\udc80 alone", "\ud83d\ude00 a pair", "é ü 漢", "\x00\x1b[31m", "\u2028"])
def test_any_text_has_one_canonical_form(text: str) -> None:
    """Lone surrogates, control characters and anything else in names, arguments and messages verify."""
    log, store = in_memory()
    call = ToolCall(
        text, REFUND, {"x": text, text: 1, "nested": {text: [text]}}, Principal(text, (text,)), text, 1.0
    )
    verdict = Verdict(Decision.ALLOW, text, rule=text, check=text)
    log.intent(call, verdict, (verdict, verdict), policy_version=text)
    for stored in store.records():
        assert canonical(json.loads(stored.record)) == stored.record
    found = verify(store, KEY)
    assert found.ok, what(found)
    log.close()


def test_wrong_types_in_a_call_are_recorded_as_such() -> None:
    """A caller or session id that is no text does not keep a call out of the log."""
    log, store = in_memory()
    call = ToolCall(7, REFUND, {"x": float("nan")}, Principal(5), None, float("inf"))  # type: ignore[arg-type]
    log.intent(call, ALLOWED, (ALLOWED,), policy_version="p")
    [record] = select(store)
    assert (record["call"], record["caller"]["user"], record["session"], record["at"]) == (
        "<int>",
        "<int>",
        "<NoneType>",
        None,
    )
    assert record["arguments"] == {"x": "<float nan>"}
    assert verify(store, KEY).ok
    log.close()


def test_memory_keeps_the_last_records_and_they_verify() -> None:
    """A log in memory forgets its oldest records; the rest still verifies."""
    store = MemoryStore(Chain(KEY), most=10)
    log = AuditLog(store)
    for number in range(20):
        record_call(log, number)
    found = verify(store, KEY)
    assert (found.ok, found.records) == (True, 10), what(found)
    log.close()


def test_the_next_process_continues_the_log(tmp_path: Path) -> None:
    """A log that is opened again goes on where it ended."""
    for _ in range(3):
        for store in FILES:
            (tmp_path / store).mkdir(exist_ok=True)
            log = open_in(tmp_path / store, store)
            record_call(log)
            log.close()
    for store in FILES:
        found = checked(tmp_path / store / "log")
        assert (found.ok, found.records) == (True, 6), what(found)


@pytest.mark.parametrize("store", FILES)
def test_a_log_that_is_removed_while_open_is_an_error(tmp_path: Path, store: StoreKind) -> None:
    """Records never go into a file that nobody can see any more; put back, the log takes all that waited."""
    log = open_in(tmp_path, store)
    record_call(log, 1)
    hidden = {
        path: path.with_name(path.name + ".away") for path in tmp_path.glob("log*") if path.suffix != ".key"
    }
    for path, away in hidden.items():
        path.rename(away)
    with pytest.raises(RecordUnwritable, match="removed or moved while in use"):
        record_call(log, 2)
    (tmp_path / "log").touch()
    with pytest.raises(RecordUnwritable, match="another file was put in its place"):
        record_call(log, 3)
    for path, away in hidden.items():
        away.rename(path)
    record_call(log, 4)
    log.close()
    found = checked(tmp_path / "log")
    assert found.ok, what(found)
    assert [record["call"][-1] for record in records_in(tmp_path / "log")] == list("112344")


@pytest.mark.parametrize("store", FILES)
@pytest.mark.parametrize(
    "content", [b"\x00\x01" * 5000, b"just text", b"SQLite format 3\0 and then nothing", b"one\nline\n"]
)
def test_a_file_that_is_no_log_is_refused_and_left_alone(
    tmp_path: Path, store: StoreKind, content: bytes
) -> None:
    """Opening anything but a log raises, and changes nothing in it."""
    (tmp_path / "log").write_bytes(content)
    (tmp_path / "log.key").write_text("ab" * 32)
    (tmp_path / "log.key").chmod(0o600)
    with pytest.raises(RecordCorrupt, match="damaged or was changed"):
        open_in(tmp_path, store)
    assert (tmp_path / "log").read_bytes() == content
    assert not checked(tmp_path / "log").ok or b"\n" not in content


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    """A SQLite database with other tables is not turned into a log."""
    import sqlite3

    database = sqlite3.connect(tmp_path / "log")
    database.execute("CREATE TABLE orders (id)")
    database.close()
    (tmp_path / "log.key").write_text("ab" * 32)
    (tmp_path / "log.key").chmod(0o600)
    with pytest.raises(RecordCorrupt, match="a database of something else"):
        open_in(tmp_path, StoreKind.SQLITE)


def test_no_log_can_be_opened_where_the_policy_wants_none() -> None:
    """`store: none` is the caller's case, not a log that swallows records."""
    with pytest.raises(ValueError, match="there is no log to open"):
        open_log(Audit(store=StoreKind.NONE))


def test_one_failure_is_the_error_of_everybody_who_waited(tmp_path: Path) -> None:
    """When a commit fails every caller hears of it, and the records stay in order until one succeeds."""
    log, store = in_memory()
    works = store.append

    def fails(_: object) -> None:
        raise RecordUnwritable(store.path, "full")

    store.append = fails  # type: ignore[method-assign, assignment]
    for number in range(3):
        with pytest.raises(RecordUnwritable, match="full"):
            record_refusal(log, number)
    store.append = works  # type: ignore[method-assign]
    record_refusal(log, 3)
    assert [record["arguments"]["order"] for record in select(store)] == ["A-0", "A-1", "A-2", "A-3"]
    log.close()


def test_at_most_ten_thousand_records_wait() -> None:
    """When the store is away for long, further calls are refused instead of filling the memory."""
    log, store = in_memory()
    works = store.append

    def fails(_: object) -> None:
        raise RecordUnwritable(store.path, "full")

    store.append = fails  # type: ignore[method-assign, assignment]
    log._commit._waiting.extend(
        [("event", SecurityEvent("1", "k", ThreatLevel.INFO, "d", 1.0), "{}")] * 10_000
    )
    with pytest.raises(RecordUnwritable, match="10000 records wait already"):
        record_refusal(log)
    store.append = works  # type: ignore[method-assign]
    log._commit._waiting.clear()
    log.close()


def test_denied_is_not_lost_on_the_way(tmp_path: Path) -> None:
    """A refusal stands in a file log as it does in memory."""
    log = open_in(tmp_path, StoreKind.JSONL)
    record_refusal(log)
    log.close()
    [record] = records_in(tmp_path / "log")
    assert record["verdict"]["message"] == DENIED.message

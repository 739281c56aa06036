"""What the tests of the log share: calls to record, logs to record them in, and how to run another process."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from ringfence.audit import AuditLog, Verification, open_log, verify
from ringfence.audit.keys import load_key
from ringfence.audit.query import Record, select
from ringfence.audit.store import open_source
from ringfence.call import Outcome, Principal, ToolCall
from ringfence.policy.model import Audit, Durability, StoreKind
from ringfence.tool import Tool
from ringfence.verdict import Decision, Reason, Verdict

ANA = Principal("ana", ("power_user",), "10.0.0.7")
REFUND = Tool(name="refund")
ALLOWED = Verdict(Decision.ALLOW, "role power_user may call refund", rule="tools.refund", check="access")
DENIED = Verdict(Decision.DENY, "guest may not call refund", rule="roles.guest", check="access")
WRITER = Path(__file__).with_name("writer.py")
FILES = (StoreKind.SQLITE, StoreKind.JSONL)


def make_call(number: int = 1, **arguments: object) -> ToolCall:
    """Return the call of this number."""
    return ToolCall(f"{number:016x}", REFUND, arguments or {"order": f"A-{number}"}, ANA, "5e55", time.time())


def record_call(log: AuditLog, number: int = 1, **arguments: object) -> ToolCall:
    """Record a call that was allowed and returned something."""
    call = make_call(number, **arguments)
    log.intent(call, ALLOWED, (ALLOWED,), policy_version="p1")
    log.outcome(call, Outcome(call.id, "refund", ALLOWED, executed=True, value="ok"), policy_version="p1")
    return call


def record_refusal(log: AuditLog, number: int = 1, **arguments: object) -> ToolCall:
    """Record a call that was denied."""
    call = make_call(number, **arguments)
    outcome = Outcome(call.id, "refund", DENIED, reason=Reason.POLICY, detail=DENIED.message)
    log.refusal(call, DENIED, (DENIED,), policy_version="p1", outcome=outcome)
    return call


def open_in(folder: Path, store: StoreKind, durability: Durability = Durability.CALL) -> AuditLog:
    """Open the log `log` in a folder."""
    return open_log(Audit(store=store, path="log", durability=durability), folder)


def filled(folder: Path, store: StoreKind, calls: int = 3) -> Path:
    """Return the path of a closed log with some calls in it, two records each."""
    log = open_in(folder, store)
    for number in range(1, calls + 1):
        record_call(log, number)
    log.close()
    return folder / "log"


def checked(path: Path, head: bytes | None = None) -> Verification:
    """Verify a log with the key beside it."""
    return verify(path, load_key(None, path), head=head)


def what(found: Verification) -> str:
    """Return all problems as one text."""
    return "\n".join(map(str, found.problems))


def records_in(path: Path) -> list[Record]:
    """Return all records of a log."""
    source = open_source(path)
    try:
        return list(select(source))
    finally:
        source.close()


def start_writer(
    path: Path, store: StoreKind, durability: Durability, *options: str
) -> subprocess.Popen[bytes]:
    """Start a process that records calls in a log, and writes the id of each to the file `<log>.printed` when it is recorded."""
    command = [sys.executable, "-W", "ignore", str(WRITER), str(path), store, durability, *options]
    with printed_by(path).open("ab") as printed:
        return subprocess.Popen(command, stdout=printed)


def printed_by(path: Path) -> Path:
    """Return the file that the writers of a log print to."""
    return path.with_name("printed")


def run_until_killed(path: Path, store: StoreKind, durability: Durability, seconds: float) -> None:
    """Let a writer record for some time, counted from its first record, and kill it."""
    before = printed_by(path).stat().st_size if printed_by(path).exists() else 0
    process = start_writer(path, store, durability)
    while printed_by(path).stat().st_size == before:
        assert process.poll() is None, "the writer ended by itself"
        time.sleep(0.001)
    time.sleep(seconds)
    process.kill()
    process.wait(timeout=30)


def confirmed_calls(path: Path) -> list[str]:
    """Return the ids that the writers of a log printed, in order; a line that was cut short does not count."""
    return [line for line in printed_by(path).read_text().split("\n")[:-1] if len(line) == 16]

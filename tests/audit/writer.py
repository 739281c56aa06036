"""A process that records calls: `writer.py LOG STORE DURABILITY [CALLS THREADS]`. It prints each id once it is recorded."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

from ringfence.audit import AuditLog, open_log
from ringfence.call import Outcome, Principal, ToolCall
from ringfence.errors import RecordError
from ringfence.policy.model import Audit, Durability, StoreKind
from ringfence.tool import Tool
from ringfence.verdict import Decision, Verdict

ALLOWED = Verdict(Decision.ALLOW, "everybody may", rule="any", check="access")


def record(log: AuditLog, calls: int) -> None:
    """Record calls, each with intent and outcome, and print the ids."""
    tool, who = Tool(name="refund"), Principal("ana", ("user",))
    for number in range(calls):
        call = ToolCall(uuid4().hex[:16], tool, {"order": number}, who, "s", time.time())
        log.intent(call, ALLOWED, (ALLOWED,), policy_version="p1")
        log.outcome(call, Outcome(call.id, "refund", ALLOWED, executed=True, value=1), policy_version="p1")
        sys.stdout.write(f"{call.id}\n")
        sys.stdout.flush()


def main() -> None:
    """Do what the command line says."""
    path, store, durability = sys.argv[1:4]
    calls, threads = (int(sys.argv[4]), int(sys.argv[5])) if len(sys.argv) > 4 else (1_000_000, 1)
    settings = Audit(store=StoreKind(store), path=Path(path).name, durability=Durability(durability))
    try:
        log = open_log(settings, Path(path).parent)
        workers = [threading.Thread(target=record, args=(log, calls)) for _ in range(threads)]
        if threads == 1:
            record(log, calls)
        else:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        log.close()
    except RecordError as error:
        sys.stdout.write(f"{type(error).__name__}: {error}\n")
        sys.exit(3)


if __name__ == "__main__":
    main()

"""One of several processes that call a tool which a limit counts: `python limit_worker.py URL FOLDER CALLS LIMIT`.

Each call notes that it runs in a file of its own and counts the others, so whatever the store says, the files tell how many ran at once.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from ringfence import Audit, Budget, Guard, Limit, Per, Policy, Role, State, StoreKind

LIMITS = {
    "concurrent": Limit(concurrent=3, per=(Per.TOOL,)),
    "calls": Limit(calls=150, seconds=3600, per=(Per.USER,)),
    "budget": Limit(budget=Budget("amount", 10, 3600)),
}


def main(url: str, folder: Path, calls: int, limit: str) -> None:
    """Make the calls, and print how many ran and the most that ran at once."""
    policy = Policy(
        roles={"clerk": Role(inherits=("user",), allow=("work",), concurrent_runs=100)},
        limits={limit: LIMITS[limit]},
        state=State(url=url),
        audit=Audit(store=StoreKind.MEMORY),
    )
    most, amount = 0, 0.0

    def work(amount: float) -> int:
        mark = folder / f"{os.getpid()}"
        mark.touch()
        time.sleep(0.0005)
        seen = len(list(folder.iterdir()))
        mark.unlink()
        return seen

    with Guard(policy) as guard, guard.acting_as("ana", ["clerk"]):
        guard.register(work)
        outcomes = []
        for _ in range(calls):
            outcome = guard.run("work", {"amount": 0.03})
            outcomes.append(outcome)
            if outcome.success:
                most, amount = max(most, int(str(outcome.value))), amount + 0.03
    refused = {outcome.verdict.rule for outcome in outcomes if not outcome.success}
    print(
        json.dumps(
            {"ran": sum(outcome.success for outcome in outcomes), "most": most, "refused": sorted(refused)}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

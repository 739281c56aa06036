"""What the gate costs: a decision (A1, A2), the whole guard with its record (A3), a durable record (A4), beside the peers.

`python -m bench.guard` prints a table, `--json` the object for machines. All items of a figure run in turn in one process;
each benchmark of ours is the public API with a real log in a temporary folder. Peers that are not installed (`make bench`
installs them) come as null.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import peers
from bench.measure import OURS, Figure, Sample, compare, interleave, report
from ringfence import ArgumentRule, Audit, Durability, Guard, Policy, StoreKind, ToolRule, UnsafeWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIZES = (10, 100, 1000)
DURABILITIES = (Durability.BATCH, Durability.CALL, Durability.FSYNC)
STORES = (StoreKind.SQLITE, StoreKind.JSONL)
DECIDING = ("agt_evaluator", "cedarpy", "casbin", "casbin_fast")


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: rounds, and calls in each."""

    rounds: int
    calls: int


def scenario(rules: int, audit: Audit) -> tuple[Guard, str, dict[str, object]]:
    """Return a guard with so many tool rules, the tool in their middle, and the arguments of the call that every peer decides."""
    rule = ToolRule(role="power_user", arguments={"amount": ArgumentRule(max=peers.LIMIT)})
    names = peers.tools(rules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnsafeWarning)
        guard = Guard(Policy(tools=dict.fromkeys(names, rule), audit=audit))
    name = names[rules // 2]

    def pay(order: str, amount: int) -> str:
        return f"{order} {amount}"

    guard.register(pay, name=name)
    return guard, name, {"order": "A-17", "amount": 20}


class Bench:
    """The figures, with all guards closed and folders removed at the end.

    Arguments:
        effort: for what runs in memory; what waits for a disk runs a tenth of it.

    """

    def __init__(self, effort: Effort, stack: ExitStack) -> None:
        self._effort = effort
        self._stack = stack
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringfence-bench-")))
        self._logs = 0

    def decisions(self) -> list[Figure]:
        """A1 and A2: identity, roles and an argument rule; nothing runs, nothing is recorded."""
        ours = {size: self._decide(size) for size in SIZES}
        by_size = {size: self._run({OURS: ours[size]} | self._peers(size)) for size in SIZES}
        alone = self._run({f"ringfence_{size}": call for size, call in ours.items()})
        ten, thousand = by_size[10], by_size[1000]
        flat: dict[str, Sample | None] = {
            OURS: alone["ringfence_1000"],
            "ringfence_10": alone["ringfence_10"],
        }
        return [
            compare("A1", "decision, 10 rules, against AGT's evaluator", ten, "agt_evaluator", floor=1 / 3, goal=1 / 6, limit=1.6),
            compare("A1", "decision, 10 rules, against cedarpy", ten, "cedarpy", floor=1 / 3, goal=1 / 15, limit=1.6),
            compare("A1", "decision, 10 rules, against casbin", ten, "casbin", floor=1 / 3, goal=1 / 40, limit=1.6),
            compare("A1", "decision, 100 rules, against AGT's evaluator", by_size[100], "agt_evaluator", floor=1 / 3, goal=1 / 6),
            compare("A2", "decision, 1000 rules, against our own 10 rules", flat, "ringfence_10", floor=2, goal=1.2),
            compare("A2", "decision, 1000 rules, against AGT's evaluator", thousand, "agt_evaluator", floor=1 / 3, goal=1 / 100),
            compare("A2", "decision, 1000 rules, against cedarpy", thousand, "cedarpy", floor=1 / 3, goal=1 / 400),
            compare("A2", "decision, 1000 rules, against casbin's indexed enforcer", thousand, "casbin_fast", floor=1, goal=1),
        ]  # fmt: skip

    def whole_guard(self) -> list[Figure]:
        """A3: decision, slot, run of an empty tool and two chained records, written in groups."""
        run, flush = self._guarded(StoreKind.SQLITE, Durability.BATCH)
        off, _ = self._guarded(StoreKind.NONE, Durability.CALL)
        items = {OURS: run, "ringfence_record_off": off} | self._peers(
            10, "structured_tool", "agt_stateless_kernel", "agt_stateless_kernel_loop", "agt_govern"
        )
        samples = self._run(items, {OURS: flush})
        off_record = samples.pop("ringfence_record_off")
        what = (
            f"whole guard, record in groups ({off_record.median:.1f} us without a record)"
            if off_record
            else ""
        )
        return [
            compare("A3", f"{what}, against AGT's kernel in a loop", samples, "agt_stateless_kernel_loop", floor=1 / 2, goal=1 / 4, limit=4),
            compare("A3", "whole guard, share of a bare StructuredTool.invoke", samples, "structured_tool", floor=0.06, goal=0.03, limit=4),
            compare("A3", "the same in CPU time of all threads, writing to the disk included", samples, "structured_tool", floor=0.06, goal=0.03, take="cpu"),
        ]  # fmt: skip

    def records(self) -> list[Figure]:
        """A4: the guard with its record at each durability, and a record's share, against SQLite's own autocommit."""
        figures = []
        for store in STORES:
            for durability in DURABILITIES:
                run, flush = self._guarded(store, durability)
                off, _ = self._guarded(StoreKind.NONE, Durability.CALL)
                items = {"guard": run, "off": off} | self._peers(10, "sqlite_autocommit")
                samples = self._run(
                    items, {"guard": flush}, share=10 if durability is Durability.FSYNC else 1
                )
                figures.append(_per_record(f"{store}, {durability}", samples))
        return figures

    def _run(
        self,
        items: Mapping[str, Callable[[], object] | None],
        settle: Mapping[str, Callable[[], object]] | None = None,
        *,
        share: int = 1,
    ) -> dict[str, Sample | None]:
        there = {name: call for name, call in items.items() if call is not None}
        measured = interleave(there, self._effort.rounds, max(20, self._effort.calls // share), settle=settle)
        return {name: measured.get(name) for name in items}

    def _peers(self, rules: int, *names: str) -> dict[str, Callable[[], object] | None]:
        return dict(peers.build_peers(rules, names or DECIDING))

    def _decide(self, rules: int) -> Callable[[], object]:
        guard, name, arguments = self._guard(rules, Audit(store=StoreKind.NONE))
        return lambda: guard.decide(name, arguments)

    def _guarded(
        self, store: StoreKind, durability: Durability
    ) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return one whole call, and what waits until its records are written."""
        self._logs += 1
        path = str(self._folder / f"{self._logs}-{store}.log")
        guard, name, arguments = self._guard(10, Audit(store=store, path=path, durability=durability))
        return lambda: guard.run(name, arguments), guard.flush

    def _guard(self, rules: int, audit: Audit) -> tuple[Guard, str, dict[str, object]]:
        guard, name, arguments = scenario(rules, audit)
        self._stack.enter_context(guard)
        self._stack.enter_context(guard.acting_as("ana", roles=["power_user"]))
        if (
            not guard.decide(name, arguments).allowed
            or guard.decide(name, {"order": "A-17", "amount": 500}).allowed
        ):
            raise RuntimeError("the guard decides the benchmark's calls wrongly")
        return guard, name, arguments


def _per_record(what: str, samples: Mapping[str, Sample | None]) -> Figure:
    """Return a record's share of a guarded call, which writes two, in CPU time of all threads, against one autocommit's."""
    guard, off, plain = samples["guard"], samples["off"], samples["sqlite_autocommit"]
    if guard is None or off is None or plain is None:
        raise RuntimeError("an item that needs no peer was not measured")
    ours = (guard.cpu - off.cpu) / 2
    return Figure(
        id="A4",
        what=f"one record, {what}, CPU (the guarded call of two records: {guard.median:.1f} us, p99 {guard.p99:.0f})",
        ours=ours,
        ratio=ours / plain.cpu,
        floor=1,
        goal=1 / 4,
        limit=8,
        peers={"sqlite_autocommit_cpu": plain.cpu, "sqlite_autocommit": plain.median},
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
    options = parser.parse_args()
    with ExitStack() as stack:
        bench = Bench(Effort(5, 100) if options.quick else Effort(15, 400), stack)
        figures = [*bench.decisions(), *bench.whole_guard(), *bench.records()]
        report("guard", figures, json=options.json, also=("langchain",))


if __name__ == "__main__":
    main()

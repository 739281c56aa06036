"""Real logs for the tests of this room: made by a guard, in a store of any kind."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from ringfence import Audit, Durability, Guard, Policy, StoreKind
from ringfence.audit.store import open_source
from ringfence.policy.file import load_policy
from ringfence.trying.recorded import Recorded, RecordedEnd, recorded_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ringfence.clock import Clock

STORES = [StoreKind.SQLITE, StoreKind.JSONL]


def policy_of(folder: Path, text: str) -> Policy:
    """Return the policy that a text means."""
    path = folder / "of-text.yaml"
    path.write_text(text)
    return load_policy(path)


def recording_guard(
    folder: Path,
    policy: Policy,
    store: StoreKind = StoreKind.SQLITE,
    plugins: Mapping[str, object] | None = None,
    clock: Clock | None = None,
) -> Guard:
    """Return a guard that records to `calls.log` in a folder."""
    audit = Audit(store=store, path="calls.log", durability=Durability.BATCH, redact=policy.audit.redact)
    return Guard(replace(policy, audit=audit), folder=folder, plugins=plugins, clock=clock)


def register(guard: Guard, *names: str) -> None:
    """Register tools that take anything."""
    for name in names:
        guard.register(_anything(), name=name)


def _anything() -> Callable[..., object]:
    def tool(**values: object) -> object:
        return None

    return tool


def records_of(folder: Path) -> list[Recorded | RecordedEnd]:
    """Return the calls of the log in a folder, and their ends."""
    with closing(open_source(folder / "calls.log")) as source:
        return list(recorded_calls(source))

"""The record as the guard sees it: `AuditLog` has one method for each moment of a call, and `open_log` makes one from a policy.

What a record looks like, when it is committed and where it goes live in `record`, `commit` and the stores. The one idea: the
caller's thread only gathers what cannot change any more; arguments that could are written out at once.
"""

from __future__ import annotations

import time
import weakref
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ringfence.audit.chain import Chain
from ringfence.audit.commit import GroupCommit
from ringfence.audit.keys import load_or_make_key
from ringfence.audit.record import Encoder, ended
from ringfence.audit.redact import Redactor
from ringfence.policy.model import Durability, StoreKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ringfence.audit.store import Store
    from ringfence.call import Outcome, ToolCall
    from ringfence.events import SecurityEvent
    from ringfence.policy.model import Audit
    from ringfence.verdict import Verdict

_UNCHANGING = frozenset((int, float, bool, type(None)))
_UNCHANGING_RESULTS = _UNCHANGING | {str, bytes, tuple}  # of a result only type and length are kept
_SHORT = 4096


class AuditLog:
    """A log that this process writes to, from any thread or task.

    Every method but `close` raises `RecordUnwritable` (or another `RecordError`) when the record could not be committed; it then
    waits, in order, and goes into the log with the next one that can be.

    Arguments:
        store: where records go; opened here.
        durability: when a method returns: `call` and `fsync` when the record is committed (the store knows whether that
            includes the disk), `batch` at once, at most 10 ms before.
        redact: names of further arguments whose values are masked, by name or pattern.
        clock: seconds since the epoch, for the time of an outcome.

    Raises:
        RecordError: the store cannot be opened.

    Attributes:
        path: the log.

    """

    def __init__(
        self,
        store: Store,
        *,
        durability: Durability = Durability.CALL,
        redact: Iterable[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = store.path
        self._redactor = Redactor(redact, digest=store.chain.digest)
        self._clock = clock
        store.open()
        self._commit = GroupCommit(
            store, Encoder(store.chain, self._redactor), batch=durability is Durability.BATCH
        )
        self._put = self._commit.put
        self._finish = weakref.finalize(self, self._commit.close)

    def intent(
        self,
        call: ToolCall,
        verdict: Verdict,
        verdicts: Sequence[Verdict],
        *,
        policy_version: str,
        observed: bool = False,
    ) -> None:
        """Record that a call is about to run.

        Arguments:
            call: the call.
            verdict: the verdict that stands.
            verdicts: all of them, in the order of the checks.
            policy_version: the version of the policy that decided.
            observed: whether it runs only because the policy is in observe mode.

        """
        self._put(
            (
                "intent",
                call,
                self._snapshot(call.arguments),
                verdict,
                verdicts,
                policy_version,
                observed,
            )
        )

    def refusal(
        self,
        call: ToolCall,
        verdict: Verdict,
        verdicts: Sequence[Verdict],
        *,
        policy_version: str,
        outcome: Outcome,
    ) -> None:
        """Record a call that did not run: denied, not approved, or the gate broke. It has no other record.

        Arguments:
            call: the call.
            verdict: the verdict that stands.
            verdicts: all of them, in the order of the checks.
            policy_version: the version of the policy that decided.
            outcome: what the caller is told.

        """
        arguments = self._snapshot(call.arguments)
        self._put(("refusal", call, arguments, verdict, verdicts, policy_version, ended(outcome)))

    def outcome(self, call: ToolCall, outcome: Outcome, *, policy_version: str) -> None:
        """Record what became of a call that ran. Of its value only type and length are kept.

        Arguments:
            call: the call.
            outcome: what became of it.
            policy_version: the version of the policy that decided.

        """
        plain = outcome.error is None and type(outcome.value) in _UNCHANGING_RESULTS
        self._put(("outcome", call, self._clock(), policy_version, outcome if plain else ended(outcome)))

    def event(self, event: SecurityEvent) -> None:
        """Record that something worth knowing happened."""
        self._put(("event", event, self._redactor.write(event.facts)))

    def flush(self) -> None:
        """Commit what waits.

        Raises:
            RecordError: it could not be committed, and still waits.

        """
        self._commit.flush()

    def close(self) -> None:
        """Commit what waits, write the head and release the log. Happens by itself when the process ends in order.

        Raises:
            RecordError: not all could be committed.

        """
        self._finish()

    def _snapshot(self, arguments: Mapping[str, object]) -> str | None:
        """Return the arguments' text for the record where they or a value of them could change; None where it can wait."""
        if type(arguments) is not MappingProxyType:
            return self._redactor.write(dict(arguments))
        for value in arguments.values():
            kind = type(value)
            if kind not in _UNCHANGING and not (kind is str and len(cast("str", value)) <= _SHORT):
                return self._redactor.write(dict(arguments))
        return None


def open_log(
    settings: Audit, folder: str | Path = ".", *, clock: Callable[[], float] = time.time
) -> AuditLog:
    """Open the log that a policy describes; make it, and its key, where there is none.

    Arguments:
        settings: the policy's `audit` section, with another store than `none`.
        folder: where relative paths start: the policy file's folder.
        clock: seconds since the epoch, for the time of an outcome.

    Raises:
        RecordUnwritable: the log cannot be written.
        RecordCorrupt: what stands there is no log, or its end was changed.
        RecordKeyInvalid: the key is missing or does not fit.
        ValueError: the store is `none`, so there is no log to open.

    """
    if settings.store is StoreKind.NONE:
        msg = "audit.store is none: there is no log to open"
        raise ValueError(msg)
    return AuditLog(
        _store(settings, Path(folder)), durability=settings.durability, redact=settings.redact, clock=clock
    )


def _store(settings: Audit, folder: Path) -> Store:
    key_file = None if settings.key_file is None else folder / settings.key_file
    sync = settings.durability is Durability.FSYNC
    if settings.store is StoreKind.MEMORY:
        from ringfence.audit.memory import MemoryStore  # noqa: PLC0415 - only the store that is used is imported

        return MemoryStore(Chain(load_or_make_key(key_file, None)))
    path = folder / settings.path
    chain = Chain(load_or_make_key(key_file, path))
    if settings.store is StoreKind.SQLITE:
        from ringfence.audit.sqlite import SqliteStore  # noqa: PLC0415 - likewise

        return SqliteStore(path, chain, sync=sync)
    from ringfence.audit.jsonl import JsonlStore  # noqa: PLC0415 - likewise

    return JsonlStore(path, chain, sync=sync)

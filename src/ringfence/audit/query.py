"""Finding records: `Filter` says which, `select` and `newest` find them in any log, without checking whether they are genuine.

The one idea: filters look at the parsed record and at nothing else, since only that is covered by the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ringfence.audit.record import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.audit.store import Source

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are wanted; None does not narrow.

    Arguments:
        user: the caller's id.
        tool: the tool's name.
        kind: intent, refusal, outcome or event.
        decision: allow, ask or deny, of the verdict that stood.
        call: the call's id.
        since: not before, in seconds since the epoch.
        until: not after, in seconds since the epoch.
        event: the kind of an event, such as `login-failed`.

    """

    user: str | None = None
    tool: str | None = None
    kind: str | None = None
    decision: str | None = None
    call: str | None = None
    since: float | None = None
    until: float | None = None
    event: str | None = None

    def fits(self, record: Record) -> bool:
        """Return whether a record is wanted."""
        wanted = (
            (self.user, field(record, "caller", "user")),
            (self.tool, record.get("tool")),
            (self.kind, record.get("kind")),
            (self.decision, field(record, "verdict", "decision")),
            (self.call, record.get("call")),
            (self.event, record.get("event")),
        )
        if any(asked is not None and asked != found for asked, found in wanted):
            return False
        at = record.get("at")
        when = at if isinstance(at, int | float) else 0
        return (self.since is None or when >= self.since) and (self.until is None or when <= self.until)


def field(record: Record, *path: str) -> Any:
    """Return what stands in a record under nested names, or None."""
    found: Any = record
    for name in path:
        if type(found) is not dict:
            return None
        found = found.get(name)
    return found


def select(source: Source, wanted: Filter = Filter(), *, after: int = 0) -> Iterator[Record]:
    """Yield the wanted records in order. A record that cannot be read is yielded as `{"seq": N, "unreadable": True}`.

    Arguments:
        source: the log.
        wanted: which records.
        after: only those with a greater number.

    Raises:
        RecordError: the log cannot be read any further.

    """
    for stored in source.records(after):
        record = _parsed(stored.seq, stored.record)
        if "unreadable" in record or wanted.fits(record):
            yield record


def newest(source: Source, count: int, wanted: Filter = Filter()) -> list[Record]:
    """Return the newest of the wanted records, oldest first.

    Arguments:
        source: the log.
        count: at most so many.
        wanted: which records.

    Raises:
        RecordError: the log cannot be read.

    """
    backwards = (_parsed(stored.seq, stored.record) for stored in source.newest_first())
    found = islice((record for record in backwards if "unreadable" in record or wanted.fits(record)), count)
    return list(found)[::-1]


def _parsed(seq: int, record: bytes) -> Record:
    try:
        return parse(record)
    except ValueError:
        return {"seq": seq, "unreadable": True}

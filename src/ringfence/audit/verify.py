"""Whether a log is what was written: `verify` reads it once from start to end and says what does not fit, record by record.

It changes nothing and needs the key. The one idea: after each fault it goes on from what is stored, so one changed record is
one problem and not a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.audit.chain import FORMAT, Chain, Head, HeadInvalid, OtherKey, Tip, genesis
from ringfence.audit.record import KINDS, canonical, parse
from ringfence.audit.store import open_source
from ringfence.errors import RecordCorrupt

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.audit.store import Source, Stored

MOST_PROBLEMS = 100
_PROGRESS_EVERY = 1000
_OWN = "the head"
_KEPT = "the head kept elsewhere"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not fit.

    Arguments:
        seq: the number of the record; None where it is about the log as a whole.
        what: a sentence for a person.

    """

    seq: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.seq is None else f"record {self.seq}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Arguments:
        path: the log.
        log: its id; empty where it has none.
        records: how many were read.
        problems: what does not fit, the first 100.
        more_problems: how many further ones there were.
        open_intents: ids of calls that began and never ended: their process was killed, or they run right now.
        torn_bytes: bytes at the end that are the rest of a write cut short: no record, and no problem.
        first, last: the times of the first and last record, in seconds since the epoch; None in an empty log.
        tip: where it ends; None in a log that never began.

    """

    path: str
    log: str
    records: int
    problems: tuple[Problem, ...]
    more_problems: int
    open_intents: tuple[str, ...]
    torn_bytes: int
    first: float | None
    last: float | None
    tip: Tip | None

    @property
    def ok(self) -> bool:
        """Whether every record is in place and unchanged, and none is missing at the end that the head knows of."""
        return not self.problems


def verify(
    log: str | Path | Source,
    key: bytes,
    *,
    head: bytes | None = None,
    progress: Callable[[int], None] | None = None,
) -> Verification:
    """Check a whole log: changed, removed, inserted, swapped, repeated and cut records, a forged head, another log, another key.

    Arguments:
        log: the path of a log, or an open one.
        key: the key that it was written with.
        head: a signed head that was kept elsewhere, as `ringfence audit head` prints it.
        progress: called with the number of records read so far, every 1,000 records.

    Raises:
        RecordError: there is no such file, or it cannot be read at all.

    """
    try:
        source = open_source(log) if isinstance(log, str | Path) else log
    except RecordCorrupt as error:  # not even its first bytes are those of a log
        return Verification(str(log), "", 0, (Problem(None, error.message),), 0, (), 0, None, None, None)
    try:
        return _Verifier(source, Chain(key), progress or (lambda _: None)).run(head)
    finally:
        if source is not log:
            source.close()


@dataclass(slots=True)
class _Verifier:
    source: Source
    chain: Chain
    progress: Callable[[int], None]
    log: str = ""
    count: int = 0
    problems: list[Problem] = field(default_factory=list)
    more_problems: int = 0
    intents: dict[str, None] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None
    tip: Tip | None = None
    heads: list[tuple[str, Head]] = field(default_factory=list)
    macs: dict[int, bytes | None] = field(default_factory=dict)
    last_head: bytes | None = None
    other_key: bool = False

    def run(self, kept_elsewhere: bytes | None) -> Verification:
        self._begin()
        if kept_elsewhere is not None:
            self._take_head(_KEPT, kept_elsewhere.strip())
        text = self._head_of_source()
        if (
            text is not None and not self.source.head_is_exact
        ):  # read before the records, so it is not ahead of them
            self._take_head(_OWN, text)
        torn = self.source.torn_bytes()
        if not self.other_key:
            self._read_records()
        if self.source.head_is_exact and self.count:
            text = self.last_head or text
            self._take_head(_OWN, text)
        if text is None and (self.count or torn):
            self._report(None, "the head is missing, so records may have been cut off")
        if self.tip is None and self.log:
            self.tip = genesis(self.log)
        self._check_heads()
        return Verification(
            path=self.source.path,
            log=self.log,
            records=self.count,
            problems=tuple(self.problems),
            more_problems=self.more_problems,
            open_intents=tuple(self.intents),
            torn_bytes=torn,
            first=self.first,
            last=self.last,
            tip=self.tip,
        )

    def _begin(self) -> None:
        try:
            self.tip = self.source.start()
        except RecordCorrupt as error:
            self._report(None, error.message)
        if self.tip is not None:
            self.log = self.tip.log

    def _report(self, seq: int | None, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(seq, what))
        else:
            self.more_problems += 1

    def _head_of_source(self) -> bytes | None:
        try:
            text = self.source.head()
            if text is not None:
                self.chain.read_head(text)
        except OtherKey as error:
            self.other_key = True
            self._report(None, f"the log was written with another key: {error}")
        except HeadInvalid:
            return text
        except RecordCorrupt:
            return None
        return text

    def _take_head(self, name: str, text: bytes | None) -> None:
        if text is None or self.other_key:
            return
        try:
            head = self.chain.read_head(text)
        except HeadInvalid as error:
            self._report(None, f"{name} cannot be trusted: {error}")
            return
        if name == _OWN:
            self.log = self.log or head.tip.log
        self.heads.append((name, head))
        self.macs[head.tip.seq] = None

    def _read_records(self) -> None:
        try:
            for stored in self.source.records():
                self._check(stored)
                self.count += 1
                if self.count % _PROGRESS_EVERY == 0:
                    self.progress(self.count)
        except RecordCorrupt as error:
            self._report(
                None,
                f"the file cannot be read after record {self.tip.seq if self.tip else 0}: {error.message}",
            )
        self.progress(self.count)

    def _check(self, stored: Stored) -> None:
        fields = self._fields(stored)
        if self.tip is None:
            self.log = self.log or str(fields.get("log", ""))
            self.tip = genesis(self.log)
        seq = stored.seq
        if seq != self.tip.seq + 1:
            gone = (
                f"{self.tip.seq + 1} to {seq - 1} are missing"
                if seq > self.tip.seq + 1
                else f"it stands after {self.tip.seq}"
            )
            self._report(seq, f"out of order: {gone}")
        if self.chain.mac(self.tip.mac + stored.record) != stored.mac:
            self._report(seq, "it was changed, or stands in another place than it was written")
        self._check_fields(stored, fields)
        self._check_head_in_row(stored)
        self.tip = Tip(self.log, seq, stored.mac)
        if seq in self.macs:
            self.macs[seq] = stored.mac

    def _fields(self, stored: Stored) -> dict[str, Any]:
        try:
            fields = parse(stored.record)
            if canonical(fields) != stored.record:
                self._report(stored.seq, "it is not written in the canonical form")
        except ValueError as error:
            self._report(stored.seq, f"it cannot be read: {str(error)[:200]}")
            return {}
        return fields

    def _check_fields(self, stored: Stored, fields: dict[str, Any]) -> None:
        if not fields:
            return
        for name, expected in (("seq", stored.seq), ("log", self.log), ("format", FORMAT)):
            if fields.get(name) != expected:
                self._report(
                    stored.seq, f"its {name} is {str(fields.get(name))[:80]!r}, expected {expected!r}"
                )
        if fields.get("kind") not in KINDS:
            self._report(
                stored.seq,
                f"its kind is {str(fields.get('kind'))[:80]!r}, expected one of {', '.join(KINDS)}",
            )
        at = fields.get("at")
        if isinstance(at, int | float):
            self.first = at if self.first is None else self.first
            self.last = at
        call = fields.get("call")
        if fields.get("kind") == "intent":
            self.intents[str(call)] = None
        elif fields.get("kind") != "event":
            self.intents.pop(str(call), None)

    def _check_head_in_row(self, stored: Stored) -> None:
        if self.last_head is not None and self.tip is not None:
            self._report(self.tip.seq, "it carries a head, which only the last record has")
        self.last_head = stored.head

    def _check_heads(self) -> None:
        last = self.tip or genesis("")
        for name, (tip, _) in self.heads:
            mac = last.mac if tip.seq == last.seq else self.macs.get(tip.seq)
            if tip.log != last.log:
                self._report(None, f"{name} is that of another log ({tip.log!r}, this one is {last.log!r})")
            elif tip.seq > last.seq:
                self._report(
                    None, f"cut off: {name} says that it has {tip.seq} records, it ends at {last.seq}"
                )
            elif mac is not None and mac != tip.mac:
                self._report(tip.seq, f"it is not the record that {name} names")
            elif tip.seq < last.seq and self.source.head_is_exact and name == _OWN:
                self._report(None, f"{name} says that it ends at record {tip.seq}, it ends at {last.seq}")

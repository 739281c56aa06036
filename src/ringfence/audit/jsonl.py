"""A log as lines of JSON in a plain file, its signed head in `<path>.head` beside it.

The shape of lines is in `lines`, chaining and grouping come from elsewhere. The one idea: a group is one `write` at the end of the
file under an exclusive lock; whoever finds the file longer than he left it checks the new records before he goes on.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.audit.chain import Tip, genesis, new_log_id
from ringfence.audit.lines import LineInvalid, backwards, forwards, line_of, read_at, split, whole_size
from ringfence.audit.locks import acquire, release
from ringfence.audit.record import parse
from ringfence.audit.store import Stored, checked_head, folder_to_disk, refuse_replaced
from ringfence.errors import RecordCorrupt, RecordError, RecordUnwritable
from ringfence.events import SecurityEvent
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.audit.chain import Chain
    from ringfence.audit.record import Entry
    from ringfence.audit.store import Linker

HEAD_RECORDS = 1000
HEAD_SECONDS = 1.0
"""The head is written anew with the first commit after so many records, or so much time."""
_MOST_FOLLOWED = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class JsonlStore:
    """A log in lines of JSON that is being written.

    Arguments:
        path: the file; made on `open`, readable by its owner only.
        chain: what signs it.
        sync: whether each commit waits for the disk, so that it survives a power cut.

    """

    def __init__(self, path: str | Path, chain: Chain, *, sync: bool = False) -> None:
        self.path = str(path)
        self.chain = chain
        self._sync = sync
        self._descriptor = -1
        self._identity = (0, 0)
        self._end = -1, genesis(new_log_id())
        self._head_seq = 0
        self._head_time = 0.0
        self._head_failed = False
        self._notes: list[Entry] = []

    def open(self) -> None:
        """Make the log if there is none, and check where it ends. See `Store`."""
        self._commit(None)

    def append(self, links: Linker) -> None:
        """Commit a group of records as one. See `Store`."""
        self._commit(links)

    def _commit(self, links: Linker | None) -> None:
        try:
            descriptor = self._ready()
            acquire(descriptor, self.path)
            try:
                size = refuse_replaced(self.path, self._identity).st_size
                if size != self._end[0]:
                    self._catch_up(descriptor, size)
                if links is not None:
                    self._append(descriptor, links)
            finally:
                release(descriptor)
        except OSError as error:
            self._drop()
            raise RecordUnwritable(self.path, error.strerror or str(error)) from error
        except BaseException:
            self._drop()
            raise

    def _append(self, descriptor: int, links: Linker) -> None:
        if self._head_failed:
            self._write_head(descriptor)  # first of all: too much would stand behind the last one
        size, tip = self._end
        group = links(tip, self._notes)
        data = "".join([line_of(record, mac) for _, record, mac in group]).encode()
        self._write(descriptor, data, size)
        seq = group[-1].seq
        self._end = (
            size + len(data),
            Tip(tip.log, seq, group[-1].mac),
        )  # in one step: a signal may come between two
        self._notes = []
        if seq - self._head_seq >= HEAD_RECORDS or time.monotonic() - self._head_time >= HEAD_SECONDS:
            try:
                self._write_head(descriptor)
            except OSError:
                self._head_failed = True  # these records are safe; the next ones wait for the head

    def _write(self, descriptor: int, data: bytes, size: int) -> None:
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
            if self._sync:
                _to_disk(descriptor)
        except BaseException:
            os.ftruncate(descriptor, size)  # all or nothing
            raise

    def _write_head(self, descriptor: int) -> None:
        """Put a new head in the place of the old one. Never before its records are on the disk: it would cry wolf after a power cut."""
        _to_disk(descriptor)
        tip = self._end[1]
        fresh = f"{self.path}.head.new"
        signed = self.chain.sign(tip, time.time()).encode() + b"\n"
        _write_file(fresh, os.O_TRUNC, signed, sync=self._sync)
        os.replace(fresh, f"{self.path}.head")  # noqa: PTH105 - on the way of every commit
        self._head_seq, self._head_time, self._head_failed = tip.seq, time.monotonic(), False

    def _ready(self) -> int:
        if self._descriptor < 0:
            if self._end[0] >= 0:
                refuse_replaced(self.path, self._identity)
            else:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, _FLAGS, 0o600)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                os.close(descriptor)
                raise RecordUnwritable(self.path, "it is no plain file")
            self._descriptor, self._identity = descriptor, (status.st_dev, status.st_ino)
            if self._sync:
                folder_to_disk(self.path)
        return self._descriptor

    def _catch_up(self, descriptor: int, size: int) -> None:
        """Find where the log ends now, and set aside what is no record. The next commit records that."""
        known, tip = self._end
        try:
            if 0 <= size < known:
                self._write_head(descriptor)  # where it ended for this process, so that `verify` sees it too
                raise RecordCorrupt(self.path, "it was cut while it was in use")
            whole = whole_size(descriptor, size)
            if 0 <= known <= whole <= known + _MOST_FOLLOWED:
                tip = self._follow(descriptor, known, whole, tip)
            else:
                tip = self._find_end(descriptor, whole, size)
        except LineInvalid as error:
            raise RecordCorrupt(self.path, str(error)) from error
        self._end = whole, tip
        if whole < size:
            self._notes.append(self._set_aside(descriptor, whole, size))

    def _follow(self, descriptor: int, known: int, whole: int, tip: Tip) -> Tip:
        for line in forwards(descriptor, known, whole):
            stored = split(line, tip.seq + 1)
            if self.chain.mac(tip.mac + stored.record) != stored.mac:
                raise RecordCorrupt(self.path, f"record {stored.seq} does not fit its chain")
            tip = Tip(tip.log, stored.seq, stored.mac)
        return tip

    def _find_end(self, descriptor: int, whole: int, size: int) -> Tip:
        text = _read_head(self.path)
        if size == 0 and text is None:
            self._end = 0, genesis(new_log_id())
            self._write_head(descriptor)
            return self._end[1]
        head = checked_head(self.chain, text, self.path).tip
        tip = self._last_tip(descriptor, whole, head) if whole else genesis(head.log)
        if tip.seq < head.seq:
            raise RecordCorrupt(self.path, f"it ends at record {tip.seq}, its head says {head.seq}")
        self._head_seq = head.seq
        return tip

    def _last_tip(self, descriptor: int, whole: int, head: Tip) -> Tip:
        """Return the tip of the last whole line, once all that stands behind the head has been checked."""
        lines = backwards(descriptor, whole)
        last = split(next(lines, b""), 0)
        try:
            seq = parse(last.record).get("seq")
        except ValueError as error:
            raise LineInvalid(str(error)) from error
        if type(seq) is not int or seq < 1:
            msg = "its last record has no number"
            raise LineInvalid(msg)
        tip = Tip(head.log, seq, last.mac)
        while seq > head.seq:
            before = split(next(lines, b""), 0) if seq > 1 else Stored(0, b"", genesis(head.log).mac)
            if self.chain.mac(before.mac + last.record) != last.mac:
                raise RecordCorrupt(self.path, f"record {seq} does not fit its chain")
            last, seq = before, seq - 1
        if seq == head.seq and last.mac != head.mac:
            raise RecordCorrupt(self.path, f"record {seq} is not the one that the head names")
        return tip

    def _set_aside(self, descriptor: int, whole: int, size: int) -> Entry:
        """Move what stands behind the last whole line to `<path>.torn`. It never was a record: its writer died before it could say so."""
        torn = read_at(descriptor, whole, size - whole)
        _write_file(f"{self.path}.torn", os.O_APPEND, torn, sync=True)
        os.ftruncate(descriptor, whole)
        digest = hashlib.sha256(torn).hexdigest()
        event = SecurityEvent(
            id=os.urandom(8).hex(),
            kind="log-repaired",
            level=ThreatLevel.LOW,
            description="the rest of a write that a killed process left was moved to the file .torn beside the log",
            at=time.time(),
            detector="audit",
        )
        return ("event", event, f'{{"bytes":{len(torn)},"sha256":"{digest}"}}')

    def close(self) -> None:
        """Write the head and close the file. See `Store`."""
        if self._descriptor >= 0 and self._end[1].seq > self._head_seq:
            with suppress(OSError, RecordError):  # the last head stands; `verify` accepts records behind it
                acquire(self._descriptor, self.path)
                size = refuse_replaced(self.path, self._identity).st_size
                if size != self._end[0]:
                    self._catch_up(self._descriptor, size)
                self._write_head(self._descriptor)
        self._drop()  # and the lock with it

    def _drop(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def _to_disk(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 - there is none on Windows

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(descriptor)
    else:
        os.fdatasync(descriptor)


def _write_file(path: str, how: int, data: bytes, *, sync: bool) -> None:
    flags = os.O_WRONLY | os.O_CREAT | how | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
        if sync:
            _to_disk(descriptor)
    finally:
        os.close(descriptor)


def _read_head(path: str) -> bytes | None:
    try:
        return Path(f"{path}.head").read_bytes().removesuffix(b"\n")
    except FileNotFoundError:
        return None


class JsonlSource:
    """A log in lines of JSON, opened for reading only.

    Arguments:
        path: the file.

    Raises:
        RecordError: it cannot be opened.

    """

    head_is_exact = False

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            self._descriptor = os.open(
                path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
            )
        except OSError as error:
            raise RecordError(f"the log {path} cannot be read: {error.strerror}") from error

    def _extent(self) -> tuple[int, int]:
        """Return the size of the whole lines and of the file, seen while no write is under way."""
        with suppress(
            OSError, RecordUnwritable
        ):  # a file system without locks, or a stopped writer: look anyway
            acquire(self._descriptor, self.path)
        try:
            size = os.fstat(self._descriptor).st_size
        finally:
            with suppress(OSError):
                release(self._descriptor)
        return whole_size(self._descriptor, size), size

    def records(self, after: int = 0) -> Iterator[Stored]:
        """Yield the records with a greater number, in order. See `Source`."""
        try:
            for seq, line in enumerate(forwards(self._descriptor, 0, self._extent()[0]), start=1):
                if seq > after:
                    yield split(line, seq)
        except (LineInvalid, OSError) as error:
            raise RecordCorrupt(self.path, str(error)) from error

    def newest_first(self) -> Iterator[Stored]:
        """Yield the records backwards; their numbers are those that they claim. See `Source`."""
        try:
            for line in backwards(self._descriptor, self._extent()[0]):
                stored = split(line, 0)
                seq = parse(stored.record).get("seq")
                yield stored._replace(seq=seq if type(seq) is int else 0)
        except (ValueError, OSError) as error:
            raise RecordCorrupt(self.path, str(error)) from error

    def start(self) -> None:
        """Return None: every log in a file begins at its genesis. See `Source`."""
        return

    def head(self) -> bytes | None:
        """Return the signed head, which may be up to a second and 999 records behind. See `Source`."""
        return _read_head(self.path)

    def torn_bytes(self) -> int:
        """Return how many bytes stand behind the last whole line. See `Source`."""
        try:
            whole, size = self._extent()
        except LineInvalid:
            return 0
        return size - whole

    def close(self) -> None:
        """Close the file. See `Source`."""
        os.close(self._descriptor)

"""What a store of records is: `Store` for the one log being written, `Source` for reading any log. No store lives here.

The one idea: a store commits groups, and asks for the bytes itself, because only inside its lock it knows where the log ends
when several processes write to it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ringfence.errors import RecordCorrupt, RecordError, RecordKeyInvalid, RecordUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.audit.chain import Chain, Head, Link, Tip
    from ringfence.audit.record import Entry

BUSY_SECONDS = 5.0
"""How long a writer waits for another process to finish its commit."""
_SQLITE_MAGIC = b"SQLite format 3\0"


class Linker(Protocol):
    """Turns what waits into chained records that continue from a tip. It may be asked again, with a later tip."""

    def __call__(self, tip: Tip, notes: Sequence[Entry] = ()) -> list[Link]:
        """Return the links; the store's own `notes` come first."""


class Stored(NamedTuple):
    """One record as it stands in a store: nothing about it has been checked."""

    seq: int
    record: bytes
    mac: bytes
    head: bytes | None = None


class Source(Protocol):
    """A log that can be read. Closing it is up to the reader."""

    path: str
    head_is_exact: bool

    def records(self, after: int = 0) -> Iterator[Stored]:
        """Yield the records with a greater number, in order, as of now."""

    def newest_first(self) -> Iterator[Stored]:
        """Yield the records backwards."""

    def start(self) -> Tip | None:
        """Return what the first record chains from, or None where that is the genesis of its log."""

    def head(self) -> bytes | None:
        """Return the signed head."""

    def torn_bytes(self) -> int:
        """Return how many bytes at the end are the rest of a write that a killed process left."""

    def close(self) -> None:
        """Release what reading needs."""


class Store(Protocol):
    """A log that is being written by this process, and maybe by others. The caller sees to it that one thread at a time is in it."""

    path: str
    chain: Chain

    def open(self) -> None:
        """Make the log if there is none, and check where it ends.

        Raises:
            RecordUnwritable: it cannot be written.
            RecordCorrupt: it is no log, or its end was changed.
            RecordKeyInvalid: another key wrote it.

        """

    def append(self, links: Linker) -> None:
        """Commit a group of records as one: when this returns they are in the log, when it raises none of them is.

        Raises:
            RecordError: as `open`.

        """

    def close(self) -> None:
        """Release files and connections; a later `append` opens them again."""


def checked_head(chain: Chain, text: bytes | None, path: str) -> Head:
    """Return what the signed head of a log says.

    Raises:
        RecordKeyInvalid: another key signed it.
        RecordCorrupt: there is none, or it was forged.

    """
    from ringfence.audit.chain import HeadInvalid, OtherKey  # noqa: PLC0415 - the readers of a log need no key

    if text is None:
        raise RecordCorrupt(path, "its signed head is missing, so records may have been cut off")
    try:
        return chain.read_head(text)
    except OtherKey as error:
        raise RecordKeyInvalid(path, f"the log's head does not fit it: {error}") from error
    except HeadInvalid as error:
        raise RecordCorrupt(path, f"its head cannot be trusted: {error}") from error


def create_private(path: str) -> None:
    """Make an empty file that only its owner can read, unless there is one."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))


def folder_to_disk(path: str) -> None:
    """Make sure that a file which was just made is still found after a power cut."""
    if os.name == "posix":
        descriptor = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def refuse_replaced(path: str, identity: tuple[int, int]) -> os.stat_result:
    """Return the status of the file at a path, provided that it still is the one that was opened.

    Arguments:
        path: the log.
        identity: device and inode of the file that is open.

    Raises:
        RecordUnwritable: it was removed, or another file stands in its place: what is written would be lost.

    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each commit costs more than the call
    except OSError as error:
        raise RecordUnwritable(path, f"it was removed or moved while in use ({error.strerror})") from error
    if (status.st_dev, status.st_ino) != identity:
        raise RecordUnwritable(path, "another file was put in its place while in use")
    return status


def open_source(path: str | Path) -> Source:
    """Open a log for reading, whichever store wrote it.

    Raises:
        RecordError: there is no such file, or it cannot be read.

    """
    try:
        with Path(path).open("rb") as file:
            magic = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise RecordError(
            f"the log {path} cannot be read: {error.strerror}", "Name the log with --log, or a policy file."
        ) from error
    if magic == _SQLITE_MAGIC:
        from ringfence.audit.sqlite import SqliteSource  # noqa: PLC0415 - sqlite3 only where it is used

        return SqliteSource(path)
    from ringfence.audit.jsonl import JsonlSource  # noqa: PLC0415 - likewise

    return JsonlSource(path)

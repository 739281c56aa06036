"""A log in a SQLite database: one table, write-ahead logging, and the signed head in the last row.

Chaining, signing and grouping come from elsewhere. The one idea: the number of a record is the table's key, so a commit is a plain
insert that fails by itself when another process was faster; only then is the end of the log read again, under the lock.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.audit.chain import Tip, genesis, new_log_id
from ringfence.audit.store import (
    BUSY_SECONDS,
    Stored,
    checked_head,
    create_private,
    folder_to_disk,
    refuse_replaced,
)
from ringfence.errors import RecordCorrupt, RecordError, RecordUnwritable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.audit.chain import Chain, Link
    from ringfence.audit.store import Linker

_APPLICATION_ID = 0x52464C47  # "RFLG"
_TABLE = """
CREATE TABLE IF NOT EXISTS records (
  seq INTEGER PRIMARY KEY,  -- also in the record
  record TEXT NOT NULL,     -- canonical JSON
  mac BLOB NOT NULL,        -- HMAC-SHA256 over the MAC before and the record
  head TEXT                 -- the signed head, in the last row only
)"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS one_head AFTER INSERT ON records WHEN NEW.head IS NOT NULL
BEGIN UPDATE records SET head = NULL WHERE seq = NEW.seq - 1; END"""
_VIEW = """
CREATE VIEW IF NOT EXISTS calls AS SELECT seq, datetime(json_extract(record, '$.at'), 'unixepoch') AS at, json_extract(record, '$.kind') AS kind,
  json_extract(record, '$.caller.user') AS user, json_extract(record, '$.tool') AS tool, json_extract(record, '$.verdict.decision') AS decision,
  json_extract(record, '$.reason') AS reason, json_extract(record, '$.call') AS call, record FROM records"""
_SCHEMA = {
    ("table", "records", _TABLE), ("trigger", "one_head", _TRIGGER), ("view", "calls", _VIEW),
}  # fmt: skip
_INSERT = "INSERT INTO records (seq, record, mac, head) VALUES (?, ?, ?, ?)"
_UNSEAL = "UPDATE records SET head = NULL WHERE seq = ?"
_LAST = "SELECT seq, mac, head FROM records ORDER BY seq DESC LIMIT 1"
_READ = "SELECT seq, record, mac, head FROM records"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _translated(path: str, error: Exception) -> RecordError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    if code in _DAMAGED or "no such" in text or isinstance(error, UnicodeError):
        return RecordCorrupt(path, text)
    return RecordUnwritable(path, text)


class SqliteStore:
    """A log in a SQLite database that is being written.

    Arguments:
        path: the database; made on `open`, readable by its owner only.
        chain: what signs it.
        sync: whether each commit waits for the disk, so that it survives a power cut.

    """

    def __init__(self, path: str | Path, chain: Chain, *, sync: bool = False) -> None:
        self.path = str(path)
        self.chain = chain
        self._sync = sync
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._tip = genesis(new_log_id())
        self._known = False
        self._schema_version = -1

    def open(self) -> None:
        """Make the log if there is none, and check where it ends. See `Store`."""
        self._ready()

    def append(self, links: Linker) -> None:
        """Commit a group of records as one. See `Store`."""
        try:
            connection = self._ready()
            refuse_replaced(self.path, self._identity)
            # One transaction from the check to the commit: nobody else can change the schema in between.
            connection.execute("BEGIN IMMEDIATE")
            self._refuse_other_schema(connection)
            try:
                self._tip = self._insert(connection, links(self._tip))
            except sqlite3.IntegrityError:  # another process has written meanwhile
                self._tip = self._insert_after_others(connection, links)
        except (sqlite3.Error, UnicodeError) as error:
            self.close()
            raise _translated(self.path, error) from error
        except BaseException:
            self.close()  # also when interrupted: a transaction may be open
            raise

    def _insert(self, connection: sqlite3.Connection, links: list[Link]) -> Tip:
        tip = Tip(self._tip.log, links[-1].seq, links[-1].mac)
        rows: list[tuple[int, str, bytes, str | None]] = [(*link, None) for link in links]
        rows[-1] = (*links[-1], self.chain.sign(tip, time.time()))
        if len(rows) > 1:
            connection.execute(_UNSEAL, (links[0].seq - 1,))
        connection.executemany(_INSERT, rows)
        connection.execute("COMMIT")
        return tip

    def _insert_after_others(self, connection: sqlite3.Connection, links: Linker) -> Tip:
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        self._refuse_other_schema(connection)
        self._read_tip(connection)
        return self._insert(connection, links(self._tip))

    def _refuse_other_schema(self, connection: sqlite3.Connection) -> None:
        """Refuse a trigger or anything else that was added to the database: it could make records vanish as they are written."""
        version: int = connection.execute("PRAGMA schema_version").fetchone()[0]
        if version != self._schema_version:
            foreign = foreign_schema(connection)
            if foreign:
                raise RecordCorrupt(self.path, foreign)
            self._schema_version = version

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connect()
            except (sqlite3.Error, UnicodeError) as error:
                self.close()
                raise _translated(self.path, error) from error
            except OSError as error:
                raise RecordUnwritable(self.path, error.strerror or str(error)) from error
            except RecordError:
                self.close()
                raise
        assert self._connection is not None
        return self._connection

    def _connect(self) -> None:
        if self._known:
            refuse_replaced(self.path, self._identity)
        else:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            create_private(self.path)
        status = Path(self.path).stat()
        self._identity = (status.st_dev, status.st_ino)
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=32,
        )
        connection.text_factory = bytes
        self._connection = connection
        self._prepare(connection)
        self._read_tip(connection)
        self._known = True
        if self._sync:
            folder_to_disk(self.path)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if not self._is_ours(connection):
            raise RecordCorrupt(self.path, "it is a database of something else")
        _use_write_ahead_log(connection)
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._sync else 'NORMAL'}")
        if sys.platform == "darwin" and self._sync:
            connection.execute("PRAGMA fullfsync = ON")
        connection.execute("BEGIN IMMEDIATE")
        if not _count_tables(connection):
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            for statement in (_TABLE, _TRIGGER, _VIEW):
                connection.execute(statement)
        connection.execute("COMMIT")
        self._schema_version = -1
        self._refuse_other_schema(connection)

    @staticmethod
    def _is_ours(connection: sqlite3.Connection) -> bool:
        if not _count_tables(connection):  # first: another process may be making them, together with the mark
            return True
        marked: int = connection.execute("PRAGMA application_id").fetchone()[0]
        return marked == _APPLICATION_ID

    def _read_tip(self, connection: sqlite3.Connection) -> None:
        row = connection.execute(_LAST).fetchone()
        if row is None:
            if self._tip.seq:
                raise RecordCorrupt(self.path, "all of its records are gone")
            return
        seq, mac, text = row
        head = checked_head(self.chain, None if text is None else _raw(text), self.path)
        if (head.tip.seq, head.tip.mac) != (seq, mac):
            raise RecordCorrupt(self.path, f"it ends at record {seq!r}, its head says {head.tip.seq}")
        if self._known and (
            (head.tip.log != self._tip.log and self._tip.seq) or head.tip.seq < self._tip.seq
        ):
            raise RecordCorrupt(self.path, f"records after {head.tip.seq} were cut off while it was in use")
        self._tip = head.tip

    def close(self) -> None:
        """Close the connection. See `Store`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def foreign_schema(connection: sqlite3.Connection) -> str:
    """Return what stands in the database's schema that does not belong there, or is missing; empty where all is as it must be."""
    found = {
        (
            _raw(kind).decode(),
            _raw(name).decode(errors="replace"),
            _plain_sql(_raw(sql).decode(errors="replace")),
        )
        for kind, name, sql in connection.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_schema")
    }
    expected = {(kind, name, _plain_sql(sql)) for kind, name, sql in _SCHEMA}
    other = sorted(f"{kind} {name[:80]!r}" for kind, name, _ in found ^ expected)
    return f"its schema was changed: {', '.join(dict.fromkeys(other))}" if other else ""


def _plain_sql(sql: str) -> str:
    # SQLite keeps the statement as it was written, less "IF NOT EXISTS".
    return " ".join(sql.replace("IF NOT EXISTS ", "").split())


def _count_tables(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return count


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    # The change of mode needs the whole database for a moment and does not wait for it by itself.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _raw(value: object) -> bytes:
    return value if type(value) is bytes else str(value).encode("utf-8", "backslashreplace")


class SqliteSource:
    """A log in a SQLite database, opened for reading only.

    Arguments:
        path: the database.

    Raises:
        RecordError: it cannot be opened.

    """

    head_is_exact = True

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            self._connection = self._connect(Path(path).resolve().as_uri())
        except (sqlite3.Error, UnicodeError) as error:
            raise _unreadable(self.path, error) from error

    @staticmethod
    def _connect(uri: str) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        connection.text_factory = bytes
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.OperationalError as error:
            connection.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
                raise
            # Without a writer and in a folder that is not ours to write, only an unchanging file can be read.
            connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
            connection.text_factory = bytes
        except BaseException:
            connection.close()
            raise
        return connection

    def records(self, after: int = 0) -> Iterator[Stored]:
        """Yield the records with a greater number, in order. See `Source`."""
        return self._rows(f"{_READ} WHERE seq > ? ORDER BY seq", (after,))

    def newest_first(self) -> Iterator[Stored]:
        """Yield the records backwards. See `Source`."""
        return self._rows(f"{_READ} ORDER BY seq DESC", ())

    def _rows(self, statement: str, values: tuple[int, ...]) -> Iterator[Stored]:
        try:
            for seq, record, mac, head in self._connection.execute(statement, values):
                if type(seq) is not int:
                    raise RecordCorrupt(self.path, "a record has no number")
                yield Stored(seq, _raw(record), _raw(mac), None if head is None else _raw(head))
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise _unreadable(self.path, error) from error

    def start(self) -> None:
        """Check that nothing was added to the database, and return None: every log in a file begins at its genesis. See `Source`."""
        foreign = foreign_schema(self._connection)
        if foreign:
            raise RecordCorrupt(self.path, foreign)

    def head(self) -> bytes | None:
        """Return the signed head. See `Source`."""
        last = next(self.newest_first(), None)
        return None if last is None else last.head

    def torn_bytes(self) -> int:
        """Return 0: the database itself rolls back what a killed process left. See `Source`."""
        return 0

    def close(self) -> None:
        """Close the connection. See `Source`."""
        self._connection.close()


def _unreadable(path: str, error: Exception) -> RecordError:
    found = _translated(path, error)
    return (
        found if isinstance(found, RecordCorrupt) else RecordError(f"the log {path} cannot be read: {error}")
    )

"""The shared state in a SQLite file, or in memory.

The one idea: a transaction takes the write lock when it begins, so that what it reads stays true until it commits, also beside other processes.
"""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from ringfence.errors import StateCorrupt, StateError, StateUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ringfence.state.database import Row

_APPLICATION_ID = 0x52465354  # "RFST"
_BUSY_SECONDS = 5.0
_PATIENT = f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000:.0f}"
_SHORTEST_SLEEP, _LONGEST_SLEEP = 0.0002, 0.004
_WAL_PAGES = 4000
"""After how many pages (16 MB) the write-ahead log goes into the database, which waits for the disk: four times SQLite's own, since few pages change often."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_HINTS = {
    sqlite3.SQLITE_BUSY: "Another process holds it: end that, or try again.",
    sqlite3.SQLITE_LOCKED: "Another process holds it: end that, or try again.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this user.",
    sqlite3.SQLITE_FULL: "Make room on the disk.",
    sqlite3.SQLITE_CANTOPEN: "Make the folder, and writable for this user.",
}


class SqliteDatabase:
    """A store in SQLite.

    Arguments:
        path: the file, made with mode 0600 where there is none; None: in memory.

    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._forked: list[sqlite3.Connection] = []
        self._opened = 0
        self._process = os.getpid()
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        """The file."""
        return "memory" if self._path is None else str(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, lock: str = "") -> Iterator[_Transaction]:
        """Return a transaction. See `Database`."""
        self._refuse_fork()
        with self._lock:
            try:
                connection = self._ready()
                if lock:
                    _begin(connection)
                else:
                    connection.execute("BEGIN")
                try:
                    yield _Transaction(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._translated(error) from error

    def stamp(self) -> object | None:
        """Return a number of the connection and one that SQLite raises when others commit. See `Database`."""
        self._refuse_fork()
        with self._lock:
            try:
                row = self._ready().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error as error:
                raise self._translated(error) from error
        return self._opened, row[0]  # the number means nothing in another connection

    def close(self) -> None:
        """Close it. See `Database`; what is in memory stays."""
        self._refuse_fork()
        with self._lock:
            if self._connection is not None and self._path is not None:
                self._connection.close()
                self._connection = None

    def _refuse_fork(self) -> None:
        """Begin anew in a forked child: neither the connection nor the lock is its own."""
        if os.getpid() != self._process:
            if self._connection is not None:
                self._forked.append(self._connection)  # closing it here would drop the parent's locks
            if self._path is not None:
                self._connection = None
            self._lock = threading.RLock()
            self._process = os.getpid()

    def _ready(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
            self._opened += 1
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        target = ":memory:" if self._path is None else str(self._path)
        if self._path is not None:
            self._make_private(self._path)
        connection = sqlite3.connect(
            target, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            self._claim(connection)
            if self._path is not None:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_private(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                _shut_out_others(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not path.exists():
                raise StateUnavailable(
                    self.name, str(error.strerror).lower(), _HINTS[sqlite3.SQLITE_CANTOPEN]
                ) from error

    def _claim(self, connection: sqlite3.Connection) -> None:
        """Mark a new database as one of ours, and refuse one that is somebody else's."""
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        if found == _APPLICATION_ID:
            return
        if found or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise StateCorrupt(self.name, "it is a database of something else")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")

    def _translated(self, error: sqlite3.Error) -> StateError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED or "no such table" in str(error) or "no such column" in str(error):
            with suppress(sqlite3.Error):
                self.close()
            return StateCorrupt(self.name, str(error))
        return StateUnavailable(self.name, str(error), _HINTS.get(code, "Look at the file, and try again."))


def _begin(connection: sqlite3.Connection) -> None:
    """Begin a transaction with the write lock.

    SQLite's own waiting sleeps longer each time, up to 100 ms: beside busy neighbours a transaction of 30 µs then takes half a second, while
    those that come later get in. Here everybody asks again after a short time of a random length.
    """
    end = time.monotonic() + _BUSY_SECONDS
    pause = _SHORTEST_SLEEP
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(pause * (0.5 + random.random()))  # noqa: S311 - it only has to differ from the neighbours'
                pause = min(pause * 2, _LONGEST_SLEEP)
            else:
                return
    finally:
        connection.execute(_PATIENT)


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Execute one statement. See `Transaction`."""
        return self._connection.execute(statement, values).fetchall()


def _shut_out_others(descriptor: int) -> None:
    """Take an existing file away from everybody who is neither its owner nor in its group, where it is ours."""
    found = os.fstat(descriptor)
    if hasattr(os, "geteuid") and found.st_uid == os.geteuid() and found.st_mode & 0o007:
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~0o007)

"""The shared state in PostgreSQL. Needs the extra `postgres`.

The one idea: each thread has a connection, and transactions with one name wait for each other at an advisory lock, so that what
one of them reads stays true until it commits.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit, urlunsplit

from ringfence.errors import StateCorrupt, StateError, StateUnavailable

try:
    import psycopg
except ImportError as error:
    raise StateUnavailable(
        "postgresql:...", "the package psycopg is not installed", "Run: pip install 'ringfence[postgres]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.state.database import Row

_CONNECT_SECONDS, _LOCK_SECONDS, _STATEMENT_SECONDS = 5, 5, 10
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_OPTIONS = f"-c lock_timeout={_LOCK_SECONDS}s -c statement_timeout={_STATEMENT_SECONDS}s -c idle_in_transaction_session_timeout=60s"


class PostgresDatabase:
    """A store in PostgreSQL.

    Arguments:
        url: `postgresql://USER@HOST/NAME`.

    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._connections: list[psycopg.Connection[Any]] = []
        self._own = threading.local()

    @property
    def name(self) -> str:
        """The address without its password."""
        parts = urlsplit(self._url)
        host = parts.netloc.rpartition("@")
        user = host[0].partition(":")[0]
        return urlunsplit(
            parts._replace(netloc=f"{user}@{host[2]}" if user else host[2], query="", fragment="")
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, lock: str = "") -> Iterator[_Transaction]:
        """Return a transaction. See `Database`."""
        try:
            connection = self._ready()
            with connection.transaction():
                if lock:
                    connection.execute(_LOCK, (f"ringfence:{lock}",))
                yield _Transaction(connection)
        except psycopg.Error as error:
            raise self._translated(error) from error

    def stamp(self) -> object | None:
        """Return None: to ask the server is to look. See `Database`."""
        return None

    def close(self) -> None:
        """Close it. See `Database`."""
        if os.getpid() != self._process:
            return
        with self._lock:
            connections, self._connections = self._connections, []
            self._own = threading.local()
        for connection in connections:
            with suppress(psycopg.Error):
                connection.close()

    def _ready(self) -> psycopg.Connection[Any]:
        """Return this thread's connection, a new one where the last one was lost."""
        if os.getpid() != self._process:  # closing a parent's connections would end its session at the server
            _parents.append(self._connections)
            self._forget()
        found: psycopg.Connection[Any] | None = getattr(self._own, "connection", None)
        if found is not None and not found.closed and not found.broken and self._answers(found):
            return found
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            options=_OPTIONS,
            application_name="ringfence",
        )
        with self._lock:
            self._connections = [each for each in self._connections if not each.closed]
            self._connections.append(connection)
        self._own.connection = connection
        return connection

    @staticmethod
    def _answers(connection: psycopg.Connection[Any]) -> bool:
        try:
            connection.execute("SELECT 1")
        except psycopg.Error:
            with suppress(psycopg.Error):
                connection.close()
            return False
        return True

    def _translated(self, error: psycopg.Error) -> StateError:
        state = error.sqlstate or ""
        text = " ".join(str(error).split("\n")[0].split())
        if state in ("42P01", "42703"):  # a table or column that is not there
            return StateCorrupt(self.name, text)
        if state.startswith("28"):
            return StateUnavailable(
                self.name, "it refuses this user or password", "Correct `state.url`, or PGPASSWORD."
            )
        if state in ("55P03", "57014"):
            return StateUnavailable(
                self.name, "it is locked for too long", "Another process holds it: try again."
            )
        if state == "25006":
            return StateUnavailable(self.name, "it is read-only", "Let this user write.")
        return StateUnavailable(
            self.name, _without_address(text, self._url), "Look whether the server runs and can be reached."
        )


_parents: list[list[psycopg.Connection[Any]]] = []


def _without_address(text: str, url: str) -> str:
    """Return a text without the password that an address holds."""
    password = urlsplit(url).password
    return text.replace(password, "***") if password else text


class _Transaction:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Execute one statement. See `Transaction`."""
        cursor = self._connection.execute(statement.replace("?", "%s"), values)
        return cursor.fetchall() if cursor.description else []

"""The state that workers share: one small database, SQLite by default, PostgreSQL by address, in memory for tests.

What is kept in it, others know; `schema.py` has the tables. The one idea: everything happens in a transaction that nobody else's can fall between,
so that a limit counted in it is exact for all processes, and whatever goes wrong is one of three errors of ours.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from ringfence.errors import StateUnavailable, StateVersion
from ringfence.state.schema import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

Row = tuple[Any, ...]
MEMORY = "memory:"
SQLITE, POSTGRES = "sqlite:", ("postgresql://", "postgres://")
_VERSION = "CREATE TABLE IF NOT EXISTS ringfence_schema (version INTEGER NOT NULL)"


class Transaction(Protocol):
    """What one transaction offers."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Execute one statement, with `?` for each value, and return its rows; none where it gives none."""


class Database(Protocol):
    """A store that is open. It can be used from every thread, and in a forked child."""

    @property
    def name(self) -> str:
        """Where it is, without a password."""

    def transaction(self, lock: str = "") -> AbstractContextManager[Transaction]:
        """Return a transaction: committed where the block ends, undone where it raises.

        Arguments:
            lock: what it is about, such as `approvals`; transactions with one name never overlap. Empty: it only reads.

        Raises:
            StateUnavailable: the store is locked for too long, read-only, full, or not to be reached.
            StateCorrupt: it is damaged.

        """

    def stamp(self) -> object | None:
        """Return a value that is another one as soon as another connection has committed; None where telling costs as much as looking.

        What this very object commits may leave it as it is.

        Raises:
            StateUnavailable, StateCorrupt: as for `transaction`.

        """

    def close(self) -> None:
        """Close it. A transaction afterwards opens it again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def open_database(url: str, folder: str | Path | None = None) -> Database:
    """Return the store at an address, made or brought up to this version's tables where it has to be.

    Arguments:
        url: `memory:` (lost with the process), `sqlite:FILE`, or `postgresql://USER@HOST/NAME`; the password of the latter is
            taken from the environment (`PGPASSWORD`, `PGPASSFILE`) where the address has none.
        folder: where a relative file starts; None: the current folder.

    Raises:
        StateUnavailable: the address cannot be understood, or the store cannot be opened.
        StateCorrupt: it is damaged, or no store of Ringfence's.
        StateVersion: it is from a newer version.

    """
    database: Database
    if url == MEMORY:
        from ringfence.state.sqlite import SqliteDatabase  # noqa: PLC0415 - one of the two is enough

        database = SqliteDatabase(None)
    elif url.startswith(SQLITE) and len(url) > len(SQLITE):
        from ringfence.state.sqlite import SqliteDatabase  # noqa: PLC0415 - likewise

        database = SqliteDatabase(Path(folder or ".") / os.path.expanduser(url.removeprefix(SQLITE)))  # noqa: PTH111 - a text
    elif url.startswith(POSTGRES):
        from ringfence.state.postgres import PostgresDatabase  # noqa: PLC0415 - likewise

        database = PostgresDatabase(url)
    else:
        kind = url.partition(":")[0][:20]
        raise StateUnavailable(
            f"{kind}:...",
            f"expected an address that begins with {MEMORY}, {SQLITE} or {POSTGRES[0]}",
            "Correct `state.url`.",
        )
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database) -> int:
    """Bring a store up to the tables of this version, and return from which version it came.

    Raises:
        StateVersion: it is from a newer version.

    """
    with database.transaction("schema") as transaction:
        transaction.execute(_VERSION)
        rows = transaction.execute("SELECT version FROM ringfence_schema")
        found = int(rows[0][0]) if rows else 0
        if found > len(MIGRATIONS):
            raise StateVersion(database.name, found, len(MIGRATIONS))
        for statements in MIGRATIONS[found:]:
            for statement in statements:
                transaction.execute(statement)
        if found != len(MIGRATIONS):
            transaction.execute("DELETE FROM ringfence_schema")
            transaction.execute("INSERT INTO ringfence_schema (version) VALUES (?)", (len(MIGRATIONS),))
    return found

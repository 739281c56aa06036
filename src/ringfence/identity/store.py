"""The shared state as this room uses it: opened when it is first needed, read, written, and asked whether anything changed.

The one idea: what was read stays good for as long as `stamp` stays the same, which costs microseconds to ask in SQLite; in PostgreSQL there is
none, and each question is a look.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ringfence.state.database import Database, Transaction

_LOCK = "identity"


class Store:
    """The tables of users, sessions, tokens and keys.

    Arguments:
        url: where, as `state.url` in a policy.
        folder: where a relative file starts; None: the current folder.

    Attributes:
        change: another number after each change in this process that concerns somebody who has read already.

    """

    def __init__(self, url: str, folder: str | Path | None = None) -> None:
        self._url = url
        self._folder = folder
        self._database: Database | None = None
        self._opening = threading.Lock()
        self._changes = count(1)
        self.change = 0

    def _open(self) -> Database:
        if self._database is None:
            from ringfence.state.database import open_database  # noqa: PLC0415 - pulls in the store's library

            with self._opening:
                if self._database is None:
                    self._database = open_database(self._url, self._folder)
        return self._database

    @property
    def is_remote(self) -> bool:
        """Whether it is asked over a network."""
        return not self._url.startswith(("sqlite:", "memory:"))

    @property
    def name(self) -> str:
        """Where it is, without a password."""
        return self._open().name

    def read(self) -> AbstractContextManager[Transaction]:
        """Return a transaction that only reads."""
        return self._open().transaction()

    @contextmanager
    def write(self, *, quietly: bool = False) -> Iterator[Transaction]:
        """Return a transaction that nobody else's falls into.

        Arguments:
            quietly: what it changes concerns nobody who has read already.

        """
        try:
            with self._open().transaction(_LOCK) as transaction:
                yield transaction
        finally:
            if not quietly:
                self.changed()

    def changed(self) -> None:
        """Make everybody in this process read anew."""
        self.change = next(self._changes)

    def stamp(self) -> object | None:
        """Return a value that is another one as soon as anything may have changed; None where only a look tells."""
        change = self.change
        stamp = self._open().stamp()
        return None if stamp is None else (change, stamp)

    def close(self) -> None:
        """Close it. It opens again when it is needed."""
        if self._database is not None:
            self._database.close()

"""A store that is opened when something first needs it: a guard whose policy counts nothing and asks nobody makes no file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ringfence.state.database import Database


class LazyDatabase:
    """The store at an address, opened late.

    Arguments:
        url: as for `open_database`.
        folder: where a relative file starts; None: the current folder.

    """

    def __init__(self, url: str, folder: str | Path | None = None) -> None:
        self._url = url
        self._folder = folder
        self._database: Database | None = None
        self._lock = threading.Lock()

    def get(self) -> Database:
        """Return the store.

        Raises:
            StateError: it cannot be opened. The next call tries again.

        """
        found = self._database
        if found is not None:
            return found
        from ringfence.state.database import open_database  # noqa: PLC0415 - as the docstring says

        with self._lock:
            if self._database is None:
                self._database = open_database(self._url, self._folder)
            return self._database

    def close(self) -> None:
        """Close it where it is open. A later use opens it again."""
        if self._database is not None:
            self._database.close()

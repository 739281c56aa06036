"""When records are committed: `GroupCommit` gathers what many threads record and commits it together.

What a record is and where it goes is not known here. The one idea: whoever gets the commit lock commits everything that waits;
the others then find theirs done. What could not be committed stays first in line, in order.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from ringfence.errors import RecordError, RecordUnwritable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.audit.chain import Link, Tip
    from ringfence.audit.record import Encoder, Entry
    from ringfence.audit.store import Store

GATHER_SECONDS = 0.005
"""How long a batch gathers records; with the commit itself it stays below the 10 ms that `batch` promises."""
MOST_WAITING = 10_000
_HELP_AT = 1_000
_RETRY_SECONDS = 1.0
_JOIN_SECONDS = 30.0


class GroupCommit:
    """The way of all records into one store.

    Arguments:
        store: where they go.
        encoder: what writes them.
        batch: whether `put` returns before they are committed, at most 10 ms before.

    """

    def __init__(self, store: Store, encoder: Encoder, *, batch: bool) -> None:
        self._store = store
        self._encoder = encoder
        self._batch = batch
        self._waiting: deque[Entry] = deque()
        self._committed = 0
        self._attempts = 0
        self._tried = 0
        self._failure: RecordError | None = None
        self._committing = False
        self._closed = False
        self._renew_locks()
        _in_this_process.add(self)

    def _renew_locks(self) -> None:
        self._queue_lock = threading.Lock()
        self._commit_lock = threading.RLock()
        self._wake = threading.Event()
        self._committer: threading.Thread | None = None

    def put(self, entry: Entry) -> None:
        """Record an entry: committed when this returns, or at most 10 ms later in a batch.

        Raises:
            RecordUnwritable: it could not be committed, and waits; or 10,000 wait already, and it was not taken.
            RecordError: the store cannot be used; the entry waits.

        """
        if self._batch and not self._closed and self._failure is None and len(self._waiting) < _HELP_AT:
            self._waiting.append(entry)  # atomic, so the common case needs no lock
            if self._wake.is_set() or self._wakes_committer():
                return
            self.flush()
        else:
            self._commit_through(self._enqueue(entry))

    def _enqueue(self, entry: Entry) -> int:
        """Put an entry last in line, and return its ticket: how many must be committed until it is."""
        with self._queue_lock:
            if len(self._waiting) >= MOST_WAITING:
                raise RecordUnwritable(
                    self._store.path, f"{MOST_WAITING} records wait already; last failure: {self._failure}"
                )
            self._waiting.append(entry)
            return self._committed + len(self._waiting)

    def _wakes_committer(self) -> bool:
        if self._closed:
            return False
        if self._wake.is_set():
            return True
        if self._committer is None and not self._starts_committer():
            return False
        self._wake.set()
        return True

    def _starts_committer(self) -> bool:
        with self._queue_lock:
            if self._committer is None:
                thread = threading.Thread(target=self._commit_batches, name="ringfence-audit", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the interpreter is shutting down: the caller commits
                    return False
                self._committer = thread
        return True

    def _commit_batches(self) -> None:
        while not self._closed:
            self._wake.wait(None if self._failure is None else _RETRY_SECONDS)
            time.sleep(GATHER_SECONDS)
            self._wake.clear()
            with suppress(Exception):  # the next caller hears of it
                self.flush()

    def flush(self) -> None:
        """Commit what waits.

        Raises:
            RecordError: it could not be committed, and still waits.

        """
        with self._queue_lock:
            last = self._committed + len(self._waiting)
        if self._committed < last:
            self._commit_through(last)

    def _commit_through(self, ticket: int) -> None:
        attempts = self._attempts
        with self._commit_lock:
            if (
                self._committed >= ticket or self._committing
            ):  # committing: this thread was interrupted in the midst of it
                return
            if self._attempts != attempts and self._tried >= ticket and self._failure is not None:
                raise self._failure.with_traceback(None)  # it was tried while this thread waited for the lock
            self._attempts += 1
            self._committing = True
            try:
                self._commit()
            finally:
                self._committing = False
                if self._closed:
                    self._store.close()

    def _commit(self) -> None:
        with self._queue_lock:
            group = self._waiting.copy()  # atomic: others may be adding to it
            last = self._committed + len(group)

        def links(tip: Tip, notes: Sequence[Entry] = ()) -> list[Link]:
            return self._encoder.links(tip, [*notes, *group])

        try:
            self._store.append(links)
        except RecordError as error:
            self._tried, self._failure = last, error
            raise
        with self._queue_lock:
            for _ in group:
                self._waiting.popleft()
            self._committed, self._failure = last, None

    def close(self) -> None:
        """Commit what waits and close the store. What is put later is committed at once.

        Raises:
            RecordError: it could not be committed; the store is closed all the same.

        """
        self._closed = True
        self._wake.set()
        committer, self._committer = self._committer, None
        if committer is not None and committer is not threading.current_thread():
            committer.join(_JOIN_SECONDS)
        try:
            self.flush()
        finally:
            with self._commit_lock:
                self._store.close()

    def before_fork(self) -> None:
        """Leave nothing that a child would inherit: no waiting record, no open file, no held lock."""
        self._commit_lock.acquire()
        with suppress(RecordError):
            self.flush()
        self._store.close()
        self._queue_lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._queue_lock.release()
        self._commit_lock.release()

    def after_fork_in_child(self) -> None:
        """Begin anew: what waits is the parent's to commit, and its threads do not exist here."""
        self._tried, self._failure = 0, None
        self._committed += len(self._waiting)
        self._waiting = deque()
        self._renew_locks()


_in_this_process: WeakSet[GroupCommit] = WeakSet()
_fork_lock = threading.RLock()
_forking: list[GroupCommit] = []


def _before_fork() -> None:
    _fork_lock.acquire()
    _forking[:] = _in_this_process
    for commit in _forking:
        commit.before_fork()


def _after_fork_in_parent() -> None:
    for commit in _forking:
        commit.after_fork_in_parent()
    _forking.clear()
    _fork_lock.release()


def _after_fork_in_child() -> None:
    global _fork_lock  # noqa: PLW0603 - the parent's lock is held by a thread that does not exist here
    _fork_lock = threading.RLock()
    for commit in _forking:
        commit.after_fork_in_child()
    _forking.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )

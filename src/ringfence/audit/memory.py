"""A log that ends with its process: the same chain as the others, and only the last 10,000 records.

For tests, demonstrations and programs that pass records on by a plugin. The one idea: what falls off at the old end leaves the
MAC behind that the next record chains from, so what is kept can still be verified.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from ringfence.audit.chain import Tip, genesis, new_log_id
from ringfence.audit.store import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.audit.chain import Chain
    from ringfence.audit.store import Linker

MOST_KEPT = 10_000


class MemoryStore:
    """A log in memory, both `Store` and `Source`.

    Arguments:
        chain: what signs it.
        most: how many records are kept.

    """

    path = ":memory:"
    head_is_exact = True

    def __init__(self, chain: Chain, *, most: int = MOST_KEPT) -> None:
        self.chain = chain
        self._kept: deque[Stored] = deque()
        self._most = most
        self._start = self._tip = genesis(new_log_id())

    def open(self) -> None:
        """Do nothing: it is there already. See `Store`."""

    def append(self, links: Linker) -> None:
        """Keep a group of records. See `Store`."""
        for seq, record, mac in links(self._tip):
            self._kept.append(Stored(seq, record.encode(), mac))
            self._tip = Tip(self._tip.log, seq, mac)
        while len(self._kept) > self._most:
            first = self._kept.popleft()
            self._start = Tip(self._tip.log, first.seq, first.mac)

    def records(self, after: int = 0) -> Iterator[Stored]:
        """Yield the records with a greater number, in order. See `Source`."""
        return iter([stored for stored in list(self._kept) if stored.seq > after])

    def newest_first(self) -> Iterator[Stored]:
        """Yield the records backwards. See `Source`."""
        return reversed(list(self._kept))

    def start(self) -> Tip:
        """Return what the oldest record that is kept chains from. See `Source`."""
        return self._start

    def head(self) -> bytes:
        """Return the signed head. See `Source`."""
        return self.chain.sign(self._tip, time.time()).encode()

    def torn_bytes(self) -> int:
        """Return 0. See `Source`."""
        return 0

    def close(self) -> None:
        """Do nothing: the records stay until the process ends. See `Store`."""

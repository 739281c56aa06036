"""Limits counted for all processes that share a store: how many calls run, how many were admitted lately, what their amounts come to.

What a limit is about lives in `policy/limits.py`. The one idea: one transaction, which nobody else's can overlap, counts all that a call
needs and takes it, or takes nothing; so a limit holds exactly, however many processes count in it.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from ringfence.errors import StateError
from ringfence.state.holder import is_gone, own_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ringfence.state.database import Database, Transaction

LEASE_SECONDS = 10.0
"""How long a lease outlives the last sign of life of its process."""
RENEW_SECONDS = 3.0
PARTS = 1_000_000
"""Amounts are counted in millionths, as whole numbers: sums of fractions would drift."""
MOST_AMOUNT = 2**62 // PARTS
_LOCK = "limits"
_IDLE_SECONDS = 30.0
_PRUNE_SECONDS = 60.0


class Kind(StrEnum):
    """What of a limit was reached."""

    CONCURRENT = "concurrent"
    CALLS = "calls"
    BUDGET = "budget"


class Claim(NamedTuple):
    """What one call needs of one limit.

    Attributes:
        name: the limit's name.
        kind: which of its counts.
        key: under which the call counts.
        most: how much there may be: calls, or millionths.
        seconds: the length of the window; 0 for running calls.
        amount: how much the call takes: 1, or millionths.

    """

    name: str
    kind: Kind
    key: str
    most: int
    seconds: float = 0.0
    amount: int = 1


class Reached(NamedTuple):
    """A claim that cannot be met now.

    Attributes:
        claim: which.
        wait: in how many seconds it may be met; None where nobody can tell.

    """

    claim: Claim
    wait: float | None


class Reservation:
    """What was taken for one call."""

    __slots__ = ("_leases", "_limits", "_process", "_uses")

    def __init__(self, limits: SharedLimits, leases: tuple[str, ...], uses: tuple[str, ...]) -> None:
        self._limits = limits
        self._leases = leases
        self._uses = uses
        self._process = os.getpid()

    def give_back(self, *, ran: bool) -> None:
        """Give back what a call holds, once: its leases, and what it counted for too where it did not run.

        Raises:
            StateError: the store cannot be used; leases end by time then.

        """
        leases, self._leases = self._leases, ()
        uses, self._uses = self._uses, ()
        if os.getpid() == self._process and (leases or (uses and not ran)):
            self._limits.give_back(leases, () if ran else uses)


class SharedLimits:
    """The limits in one store, as one process counts in them.

    Arguments:
        database: returns the store.
        now: seconds since the epoch.

    """

    def __init__(self, database: Callable[[], Database], now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._forget()
        _all.add(self)

    def _forget(self) -> None:
        """Begin with nothing held, as a forked child must: what its parent holds is the parent's."""
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._keeper: threading.Thread | None = None
        self._holder = ""
        self._numbers = count()
        self._pruned = float("-inf")

    def take(self, claims: Sequence[Claim]) -> Reservation | Reached:
        """Take all that a call needs, or return the first claim that cannot be met, with nothing taken.

        Raises:
            StateError: the store cannot be used.

        """
        holder = self._named()
        with self._database().transaction(_LOCK) as transaction:
            now = self._now()
            self._prune(transaction, now)
            totals: dict[tuple[Kind, str], int] = defaultdict(int)
            for claim in claims:
                before = totals[claim.kind, claim.key]
                reached = _reached(transaction, claim, before, now)
                if reached is not None:
                    return reached
                totals[claim.kind, claim.key] += claim.amount
            leases, uses = self._insert(transaction, claims, holder, now)
        if leases:
            self._keep(leases)
        return Reservation(self, leases, uses)

    def _named(self) -> str:
        with self._changed:
            if not self._holder:
                self._holder = own_name()
            return self._holder

    def _insert(
        self, transaction: Transaction, claims: Iterable[Claim], holder: str, now: float
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        leases, uses = [], []
        for claim in claims:
            row = f"{holder.rpartition('|')[2]}-{next(self._numbers)}"
            if claim.kind is Kind.CONCURRENT:
                transaction.execute(_ADD_LEASE, (row, claim.key, holder, now + LEASE_SECONDS))
                leases.append(row)
            else:
                values = (row, _key(claim), now, now + claim.seconds, claim.amount)
                transaction.execute(_ADD_USE, values)
                uses.append(row)
        return tuple(leases), tuple(uses)

    def _prune(self, transaction: Transaction, now: float) -> None:
        """Forget now and then what counts no more: of keys that come again it is skipped, of others it would stay for ever."""
        if not 0 <= now - self._pruned < _PRUNE_SECONDS:
            self._pruned = now
            transaction.execute("DELETE FROM uses WHERE expires <= ?", (now,))
            transaction.execute("DELETE FROM leases WHERE expires <= ?", (now,))

    def give_back(self, leases: Sequence[str], uses: Sequence[str]) -> None:
        """Remove rows. See `Reservation.give_back`."""
        with self._changed:
            self._held.difference_update(leases)
        with self._database().transaction(_LOCK) as transaction:
            for row in leases:
                transaction.execute("DELETE FROM leases WHERE id = ?", (row,))
            for row in uses:
                transaction.execute("DELETE FROM uses WHERE id = ?", (row,))

    # Leases

    def _keep(self, leases: Iterable[str]) -> None:
        """Renew leases from now on, in a thread that there is while it is needed."""
        with self._changed:
            self._held.update(leases)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._renew, name="ringfence-leases", daemon=True)
                self._keeper.start()

    def _renew(self) -> None:
        ended = threading.Event()
        while not ended.wait(RENEW_SECONDS):
            with self._changed:
                if not self._held and not self._changed.wait_for(lambda: bool(self._held), _IDLE_SECONDS):
                    self._keeper = None
                    return
            self._renew_once()

    def _renew_once(self) -> None:
        try:
            with self._database().transaction(_LOCK) as transaction:
                transaction.execute(
                    "UPDATE leases SET expires = ? WHERE holder = ?",
                    (self._now() + LEASE_SECONDS, self._holder),
                )
        except StateError:
            return  # tried again in three seconds; until the store is back, no other call gets a slot from it either


_all: WeakSet[SharedLimits] = WeakSet()


def _after_fork_in_child() -> None:
    for limits in _all:
        limits._forget()  # noqa: SLF001 - its own module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)

_ADD_LEASE = "INSERT INTO leases (id, limit_key, holder, expires) VALUES (?, ?, ?, ?)"
_ADD_USE = "INSERT INTO uses (id, limit_key, at, expires, amount) VALUES (?, ?, ?, ?, ?)"
_RUNNING = "SELECT count(*) FROM leases WHERE limit_key = ? AND expires > ?"
_USED = "SELECT coalesce(sum(amount), 0) FROM uses WHERE limit_key = ? AND at > ?"
_COUNTED = "SELECT count(*) FROM uses WHERE limit_key = ? AND at > ?"
_OLDEST = "SELECT at, amount FROM uses WHERE limit_key = ? AND at > ? ORDER BY at"


def _key(claim: Claim) -> str:
    """Return the key of a use: calls and sums of one limit are two counts."""
    return f"{claim.kind}{claim.key}"


def _reached(transaction: Transaction, claim: Claim, before: int, now: float) -> Reached | None:
    """Return what stands against a claim, where so much was claimed under its key before in the same call."""
    if claim.kind is Kind.CONCURRENT:
        running = int(transaction.execute(_RUNNING, (claim.key, now))[0][0])
        if running + before + claim.amount <= claim.most:
            return None
        running -= _drop_the_dead(transaction, claim.key, now)
        return None if running + before + claim.amount <= claim.most else Reached(claim, None)
    since = now - claim.seconds
    count = _COUNTED if claim.kind is Kind.CALLS else _USED
    used = int(transaction.execute(count, (_key(claim), since))[0][0])
    if used + before + claim.amount <= claim.most:
        return None
    return Reached(claim, _wait(transaction, claim, used + before, now))


def _wait(transaction: Transaction, claim: Claim, used: int, now: float) -> float | None:
    """Return in how many seconds enough has left the window; None where the claim is larger than the whole limit."""
    excess = used + claim.amount - claim.most
    for at, amount in transaction.execute(_OLDEST, (_key(claim), now - claim.seconds)):
        excess -= int(amount)
        if excess <= 0:
            return max(0.0, float(at) + claim.seconds - now)
    return None


def _drop_the_dead(transaction: Transaction, key: str, now: float) -> int:
    """Remove the leases of processes of this machine that have ended, and return how many those were."""
    rows = transaction.execute(
        "SELECT id, holder FROM leases WHERE limit_key = ? AND expires > ?", (key, now)
    )
    gone = {holder for holder in {str(row[1]) for row in rows} if is_gone(holder)}
    dead = [str(row) for row, holder in rows if holder in gone]
    for row in dead:
        transaction.execute("DELETE FROM leases WHERE id = ?", (row,))
    return len(dead)

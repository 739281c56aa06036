"""Passwords: hashed and verified with argon2id, in the same time whoever it is, and only so many at once.

Who may log in is decided in `users.py`. The one idea: a hash takes 64 MiB and a tenth of a second on purpose, so verifying is what an attacker
would exhaust, and what would tell which users exist if it were left out for those who do not.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unicodedata import normalize

from ringfence.errors import IdentityBusy, UserInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from argon2 import PasswordHasher

FEWEST_CHARACTERS, MOST_CHARACTERS = 15, 1024
"""NIST SP 800-63B-4, 3.1.1.2: at least 15 where the password is the only factor, and at least 64 must be possible."""
_SPARE = "no password of anybody's"


class Passwords:
    """Hashes and verifies passwords.

    Arguments:
        time_cost, memory_kib, parallelism: argon2id's; by default those of RFC 9106, section 4, second choice: 3 passes, 64 MiB, 4 lanes.
            Smaller ones make guessing cheaper, and are for tests.
        at_once: how many are worked on at the same time, each with its memory.
        waiting: how many may wait for that.
        wait_seconds: for how long.

    """

    def __init__(
        self,
        *,
        time_cost: int = 3,
        memory_kib: int = 65_536,
        parallelism: int = 4,
        at_once: int = 4,
        waiting: int = 100,
        wait_seconds: float = 10.0,
    ) -> None:
        self._cost = (time_cost, memory_kib, parallelism)
        self._at_once = at_once
        self._most_waiting = waiting
        self._wait_seconds = wait_seconds
        self._hasher: PasswordHasher | None = None
        self._spare: str | None = None
        self._begin()

    def _begin(self) -> None:
        """Begin with nothing running, as a forked child must."""
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(self._at_once)
        self._waiting = 0

    def hash(self, password: str) -> str:
        """Return what to keep of a new password.

        Raises:
            UserInvalid: it is too short, too long, or no text.
            IdentityBusy: too many wait already.

        """
        refuse_unfit(password)
        with self._slot():
            return self._ready().hash(normalize("NFKC", password))

    def verify(self, kept: str | None, password: str) -> bool:
        """Return whether a password is the one that a hash was kept of; the same work is done where there is no hash.

        Arguments:
            kept: from `hash`; None where there is no such user, or one without a password.
            password: what was typed; anything.

        Raises:
            IdentityBusy: too many wait already; nothing was tried.

        """
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - loads a library

        typed = _typed(password)
        with self._slot():
            hasher, spare = (
                self._ready(),
                self._spare_hash(),
            )  # made for whoever comes first, so that it tells nothing
            try:
                hasher.verify(spare if kept is None else kept, typed or _SPARE)
            except VerificationError:
                return False
            except InvalidHashError:  # a damaged row: as much work, and nobody is let in
                hasher.verify(spare, _SPARE)
                return False
            return kept is not None and typed is not None

    def outdated(self, kept: str) -> bool:
        """Return whether a hash was made at another cost than today's."""
        return self._ready().check_needs_rehash(kept)

    def _ready(self) -> PasswordHasher:
        if self._hasher is None:
            from argon2 import PasswordHasher  # noqa: PLC0415 - loads a library

            time_cost, memory_kib, parallelism = self._cost
            self._hasher = PasswordHasher(time_cost, memory_kib, parallelism)
        return self._hasher

    def _spare_hash(self) -> str:
        if self._spare is None:
            self._spare = self._ready().hash(_SPARE)
        return self._spare

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if os.getpid() != self._process:
            self._begin()
        slots = self._slots
        if not slots.acquire(blocking=False):
            self._wait(slots)
        try:
            yield
        finally:
            slots.release()

    def _wait(self, slots: threading.BoundedSemaphore) -> None:
        with self._lock:
            if self._waiting >= self._most_waiting:
                raise IdentityBusy(self._waiting)
            self._waiting += 1
        try:
            if not slots.acquire(timeout=self._wait_seconds):
                raise IdentityBusy(self._waiting)
        finally:
            with self._lock:
                self._waiting -= 1


def refuse_unfit(password: str) -> None:
    """Check that a new password can be one.

    Raises:
        UserInvalid: it is too short, too long, or no text.

    """
    if not FEWEST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise UserInvalid(
            f"a password has {FEWEST_CHARACTERS} to {MOST_CHARACTERS:,} characters, and this one {len(password):,}",
            "Take a few words that do not belong together.",
        )
    if _typed(password) is None:
        raise UserInvalid("a password must be text, and this one holds half of a surrogate pair")


def _typed(password: object) -> str | None:
    """Return what was typed in one form of Unicode; None for what no password can be, so that no time is lost on it."""
    if not isinstance(password, str) or len(password) > MOST_CHARACTERS:
        return None
    typed = normalize("NFKC", password)
    try:
        typed.encode()
    except UnicodeEncodeError:
        return None
    return typed

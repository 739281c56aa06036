"""Accounts: who there is, what roles they have, and whether a log-in counts.

The one idea: `settle` decides about a log-in in one transaction that no other falls into, so that of any number of guesses at once only five count
before the account is locked; and it does the same amount of work whoever it is about.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import is_normalized

from ringfence.errors import UserExists, UserInvalid, UserUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.identity.store import Store
    from ringfence.policy.model import IdentityPolicy
    from ringfence.state.database import Row, Transaction

FOR_EVER = 253_402_300_799.0
"""The end of the year 9999: until somebody unlocks the account."""
_LONGEST = 128
_STRANGERS = 1024
"""How many rows count the failures for names that nobody has; names share them."""
_FIELDS = "id, name, mail, active, created, last_login, failed, locked_until, password IS NOT NULL"
_ADD = """INSERT INTO users (id, name, mail, password, active, generation, created, failed)
VALUES (?, ?, ?, ?, 1, ?, ?, 0)"""
_FOR_LOGIN = "SELECT password, active, generation, failed, locked_until FROM users WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Account:
    """What may be shown of a user.

    Attributes:
        id: what the user logs in as.
        name, mail: for people; may be empty.
        roles: names of roles, as the policy defines them.
        active: whether the user may log in and call at all.
        created, last_login: in seconds since the epoch; None: never.
        failed: log-ins that failed in a row.
        locked_until: in seconds since the epoch; None: not locked.
        has_password: whether the user can log in with one.

    """

    id: str
    name: str
    mail: str
    roles: tuple[str, ...]
    active: bool
    created: float
    last_login: float | None
    failed: int
    locked_until: float | None
    has_password: bool

    def locked(self, now: float) -> bool:
        """Return whether the account is locked at a time, in seconds since the epoch."""
        return self.locked_until is not None and self.locked_until > now


class Settled(NamedTuple):
    """What a log-in came to.

    Attributes:
        why: why it failed, for the record only; empty: it did not.
        locked: whether this failure locked the account.
        generation: of a user who is let in.

    """

    why: str
    locked: bool = False
    generation: int = 0


class Users:
    """The accounts of one store.

    Arguments:
        store: where they are.

    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def password(self, user: object) -> str | None:
        """Return the hash that is kept of a user's password; None where there is none, for whatever reason."""
        with self._store.read() as transaction:
            rows = transaction.execute("SELECT password FROM users WHERE id = ?", (_key(user),))
        return rows[0][0] if rows else None

    def settle(
        self,
        transaction: Transaction,
        user: str,
        kept: str | None,
        *,
        right: bool,
        now: float,
        settings: IdentityPolicy,
    ) -> Settled:
        """Count a log-in, and return whether it is one.

        Arguments:
            transaction: to do it in.
            user: the id that was given.
            kept: the hash that the password was compared with.
            right: whether it fitted.
            now: seconds since the epoch.
            settings: how many failures lock, and for how long.

        """
        rows = transaction.execute(_FOR_LOGIN, (_key(user),))
        if not rows:
            return self._stranger(transaction, user, now, settings)
        password, active, generation, failed, locked_until = rows[0]
        if locked_until is not None and locked_until > now:
            _set(transaction, user, failed, locked_until)  # nothing new, and as much work as for the others
            return Settled("the account is locked")
        if locked_until is not None:
            failed = 0
        if not right or password != kept:
            locked = failed + 1 >= settings.most_failures
            _set(transaction, user, failed + 1, now + settings.lockout_seconds if locked else None)
            why = "wrong password" if password is not None else "the user has no password"
            return Settled(why, locked)
        if not active:
            _set(transaction, user, failed, None)
            return Settled("the user is not active")
        transaction.execute(
            "UPDATE users SET failed = 0, locked_until = NULL, last_login = ? WHERE id = ?", (now, user)
        )
        return Settled("", generation=generation)

    @staticmethod
    def _stranger(transaction: Transaction, user: str, now: float, settings: IdentityPolicy) -> Settled:
        """Count a failure for a name that nobody has, in one of a fixed number of rows, and with the same work."""
        from hashlib import blake2b  # noqa: PLC0415 - loads a library

        digest = blake2b(user.encode("utf-8", "surrogatepass"), digest_size=4).digest()
        row = int.from_bytes(digest, "big") % _STRANGERS
        found = transaction.execute("SELECT failed, locked_until FROM strangers WHERE id = ?", (row,))
        failed, locked_until = found[0] if found else (0, None)
        if locked_until is not None and locked_until > now:
            transaction.execute("UPDATE strangers SET failed = ? WHERE id = ?", (failed, row))
            return Settled("there is no such user, and the name is locked")
        failed = 1 if locked_until is not None else failed + 1
        until = now + settings.lockout_seconds if failed >= settings.most_failures else None
        transaction.execute(
            "INSERT INTO strangers (id, failed, locked_until) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET failed = excluded.failed, locked_until = excluded.locked_until",
            (row, failed, until),
        )
        return Settled("there is no such user", until is not None)

    def add(self, account: Account, password: str | None) -> None:
        """Add a user.

        Arguments:
            account: what to keep.
            password: a hash, or None.

        Raises:
            UserInvalid: the id cannot be one.
            UserExists: it is taken.

        """
        refuse_unfit_id(account.id)
        for text in (account.name, account.mail, *account.roles):
            if len(text) > _LONGEST or not text.isprintable():
                raise UserInvalid(
                    f"names, mail and roles have up to {_LONGEST} characters that can be seen", "Correct it."
                )
        with self._store.write() as transaction:
            if transaction.execute("SELECT 1 FROM users WHERE id = ?", (account.id,)):
                raise UserExists(account.id)
            values = (account.id, account.name, account.mail, password, _generation(), account.created)
            transaction.execute(_ADD, values)
            _put_roles(transaction, account.id, account.roles)

    def get(self, user: str) -> Account:
        """Return a user.

        Raises:
            UserUnknown: there is none.

        """
        found = self._accounts("WHERE id = ?", (_key(user),))
        if not found:
            raise UserUnknown(user)
        return found[0]

    def listed(self) -> list[Account]:
        """Return all users by id."""
        return self._accounts("ORDER BY id", ())

    def set_roles(self, user: str, roles: Iterable[str]) -> None:
        """Replace a user's roles."""
        with self._of(user) as transaction:
            transaction.execute("DELETE FROM user_roles WHERE user_id = ?", (user,))
            _put_roles(transaction, user, roles)

    def set_active(self, user: str, *, active: bool) -> None:
        """Let a user in or out; out ends all sessions and tokens for good."""
        with self._of(user) as transaction:
            transaction.execute("UPDATE users SET active = ? WHERE id = ?", (int(active), user))
            if not active:
                transaction.execute("UPDATE users SET generation = ? WHERE id = ?", (_generation(), user))

    def set_password(self, user: str, password: str) -> None:
        """Replace the hash of a user's password; sessions and tokens end."""
        with self._of(user) as transaction:
            transaction.execute(
                "UPDATE users SET password = ?, generation = ? WHERE id = ?", (password, _generation(), user)
            )

    def rehash(self, user: str, kept: str, password: str) -> None:
        """Replace the hash of a password by another one of the same password, unless it was changed in between."""
        with self._store.write(quietly=True) as transaction:
            transaction.execute(
                "UPDATE users SET password = ? WHERE id = ? AND password = ?", (password, user, kept)
            )

    def set_locked(self, user: str, until: float | None) -> None:
        """Lock a user until a time, or unlock."""
        with self._of(user) as transaction:
            _set(transaction, user, 0, until)

    def remove(self, user: str) -> None:
        """Remove a user, with roles; sessions and tokens end with it, also where somebody gets the same id later."""
        with self._of(user) as transaction:
            transaction.execute("DELETE FROM user_roles WHERE user_id = ?", (user,))
            transaction.execute("DELETE FROM users WHERE id = ?", (user,))

    @contextmanager
    def _of(self, user: str) -> Iterator[Transaction]:
        """Return a transaction about a user who must be there."""
        with self._store.write() as transaction:
            if not transaction.execute("SELECT 1 FROM users WHERE id = ?", (_key(user),)):
                raise UserUnknown(user)
            yield transaction

    def _accounts(self, where: str, values: tuple[str, ...]) -> list[Account]:
        with self._store.read() as transaction:
            rows = transaction.execute(f"SELECT {_FIELDS} FROM users {where}", values)  # noqa: S608 - texts of ours
            roles = transaction.execute("SELECT user_id, role FROM user_roles ORDER BY role")
        held: dict[str, list[str]] = {}
        for user, role in roles:
            held.setdefault(user, []).append(role)
        return [_account(row, tuple(held.get(row[0], ()))) for row in rows]


def refuse_unfit_id(user: object) -> None:
    """Check that an id can be one.

    Raises:
        UserInvalid: it is empty, too long, or looks like another one.

    """
    if not isinstance(user, str) or not 0 < len(user) <= _LONGEST:
        raise UserInvalid(f"a user's id is a text of 1 to {_LONGEST} characters", "Choose another one.")
    if user != user.strip() or not user.isprintable() or not is_normalized("NFC", user):
        raise UserInvalid(
            "a user's id has no invisible characters, no white space around it, and Unicode's composed form (NFC)",
            "Choose one that looks as it is.",
        )


def _key(user: object) -> str:
    """Return what to look for in the store; what no id can be is found nowhere."""
    fit = isinstance(user, str) and len(user) <= _LONGEST and "\0" not in user and user.isprintable()
    return str(user) if fit else ""


def _generation() -> int:
    """Return a number that no other generation of the user has had, also not before the user was removed and added again."""
    return secrets.randbits(62)


def _set(transaction: Transaction, user: str, failed: int, locked_until: float | None) -> None:
    transaction.execute(
        "UPDATE users SET failed = ?, locked_until = ? WHERE id = ?", (failed, locked_until, user)
    )


def _put_roles(transaction: Transaction, user: str, roles: Iterable[str]) -> None:
    for role in dict.fromkeys(roles):
        transaction.execute("INSERT INTO user_roles (user_id, role) VALUES (?, ?)", (user, role))


def _account(row: Row, roles: tuple[str, ...]) -> Account:
    user, name, mail, active, created, last_login, failed, locked_until, has_password = row
    return Account(
        user, name, mail, roles, bool(active), created, last_login, failed, locked_until, bool(has_password)
    )

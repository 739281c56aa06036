"""Administering: accounts and keys, and what the rest of `Identity` is made of.

Logging in is in `facade.py`. The one idea: each change stands in the store before it stands in the record, and is told by an error where either failed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from ringfence.clock import Clock
from ringfence.errors import UnknownName
from ringfence.identity.delegation import listed
from ringfence.identity.keys import KeyFacts, Keys
from ringfence.identity.keysets import KeySet
from ringfence.identity.passwords import Passwords
from ringfence.identity.reports import Reports
from ringfence.identity.sessions import Sessions
from ringfence.identity.standing import Settings
from ringfence.identity.store import Store
from ringfence.identity.tokens import Tokens
from ringfence.identity.users import FOR_EVER, Account, Users
from ringfence.policy.model import IdentityPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ringfence.events import SecurityEvent
    from ringfence.policy.model import Role

_NO_ROLES: Mapping[str, Role] = {}


class Administration:
    """The part of `Identity` that keeps accounts and keys. Arguments as for that."""

    def __init__(
        self,
        settings: IdentityPolicy | None = None,
        *,
        state: str,
        folder: str | Path | None = None,
        roles: Mapping[str, Role] = _NO_ROLES,
        passwords: Passwords | None = None,
        report: Callable[[SecurityEvent], bool] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._folder = Path(folder or ".")
        self._store = Store(state, folder)
        self._reports = Reports(report or _nowhere, self._clock)
        self._passwords = passwords or Passwords()
        self._users = Users(self._store)
        self._keys = Keys(self._store)
        self._sessions = Sessions(self._store, self._reports, lambda: self._settings)
        self._tokens = Tokens(self._keys, lambda: self._settings.identity, lambda: self._key_sets)
        self._seen = self._tokens.seen
        self.configure(settings or IdentityPolicy(), roles)

    def configure(self, settings: IdentityPolicy, roles: Mapping[str, Role]) -> None:
        """Go by other settings and roles from here on, as after a reload of the policy. Running sessions are bound by them at their next call."""
        self._settings = Settings(settings, roles)
        self._key_sets = {
            name: KeySet(name, provider, settings, self._folder, self._reports)
            for name, provider in settings.providers.items()
        }
        self._tokens.forget()
        self._store.changed()

    def close(self) -> None:
        """Close the store. It opens again when it is needed."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Keys

    def rotate_keys(self, *, revoke: bool = False) -> str:
        """Sign with a new key from here on, and return its id. Tokens of the old ones hold until they expire.

        Arguments:
            revoke: end those tokens and their sessions too, as after a theft.

        """
        now = self._clock.read()
        with self._store.write() as transaction:
            key_id = self._keys.rotate(transaction, now, revoke=revoke)
        if revoke:
            self._tokens.forget()
        also = ", and all tokens of the old ones were revoked" if revoke else ""
        self._reports.require("keys-rotated", f"the key {key_id} signs from here on{also}", key_id=key_id)
        return key_id

    def keys(self) -> list[KeyFacts]:
        """Return the keys that sign or have signed here, newest first, without the keys themselves."""
        return self._keys.listed()

    # Accounts

    def add_user(
        self,
        user: str,
        *,
        password: str | None = None,
        roles: Iterable[str] = (),
        name: str = "",
        mail: str = "",
    ) -> Account:
        """Add a user.

        Arguments:
            user: the id, which stays.
            password: None: the user can log in with tokens only.
            roles: names of roles.
            name, mail: for people.

        Raises:
            UserExists: the id is taken.
            UserInvalid: the id or the password cannot be one.
            UnknownName: the policy does not define a role.
            StateError, RecordError: it could not be kept or recorded.

        """
        held = self._known(roles)
        account = Account(
            user, name, mail, held, True, self._clock.read(), None, 0, None, password is not None
        )
        self._users.add(account, None if password is None else self._passwords.hash(password))
        self._reports.require("user-added", f"the user was added with the roles {_text(held)}", user=user)
        return account

    def user(self, user: str) -> Account:
        """Return a user.

        Raises:
            UserUnknown: there is none.

        """
        return self._users.get(user)

    def users(self) -> list[Account]:
        """Return all users by id."""
        return self._users.listed()

    def set_roles(self, user: str, roles: Iterable[str]) -> None:
        """Replace a user's roles; running sessions have the new ones at their next call.

        Raises:
            UserUnknown, UnknownName: there is no such user, or no such role.

        """
        held = self._known(roles)
        self._users.set_roles(user, held)
        self._reports.require("user-changed", f"the roles are {_text(held)} from here on", user=user)

    def set_password(self, user: str, password: str) -> None:
        """Replace a user's password; sessions and tokens that there are end.

        Raises:
            UserUnknown: there is no such user.
            UserInvalid: it cannot be a password.

        """
        self._users.set_password(user, self._passwords.hash(password))
        self._reports.require(
            "password-changed", "all sessions and tokens ended with the old password", user=user
        )

    def deactivate(self, user: str) -> None:
        """Let a user in no longer; running sessions and tokens end for good.

        Raises:
            UserUnknown: there is no such user.

        """
        self._users.set_active(user, active=False)
        self._sessions.end_of_user(user, self._clock.read())
        self._reports.require("user-changed", "the user was deactivated", user=user)

    def activate(self, user: str) -> None:
        """Let a user in again.

        Raises:
            UserUnknown: there is no such user.

        """
        self._users.set_active(user, active=True)
        self._reports.require("user-changed", "the user was activated", user=user)

    def lock(self, user: str, seconds: float | None = None) -> None:
        """Lock an account: nobody logs in to it, and running sessions get nothing until it is unlocked.

        Arguments:
            user: the id.
            seconds: for how long; None: until somebody unlocks it.

        Raises:
            UserUnknown: there is no such user.

        """
        self._users.set_locked(user, FOR_EVER if seconds is None else self._clock.read() + seconds)
        how = "until it is unlocked" if seconds is None else f"for {seconds:g} seconds"
        self._reports.require("user-locked", f"the account was locked {how}", user=user)

    def unlock(self, user: str) -> None:
        """Unlock an account, and count its failures from nothing.

        Raises:
            UserUnknown: there is no such user.

        """
        self._users.set_locked(user, None)
        self._reports.require("user-unlocked", "the account was unlocked", user=user)

    def remove_user(self, user: str) -> None:
        """Remove a user; sessions and tokens end, also where somebody gets the same id later.

        Raises:
            UserUnknown: there is no such user.

        """
        self._users.remove(user)
        self._reports.require("user-removed", "the user was removed", user=user)

    def _known(self, roles: Iterable[str]) -> tuple[str, ...]:
        held = tuple(dict.fromkeys(listed(roles, "roles") or ()))
        for role in held:
            if self._settings.roles and role not in self._settings.roles:
                raise UnknownName("role", role, self._settings.roles)
        return held


def _nowhere(_: SecurityEvent) -> bool:
    """Stand in for a record where there is none."""
    return True


def _text(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none"

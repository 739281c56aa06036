"""The sessions in the store: how they begin, what the store says that they may, and how they end.

What a session does with that is in `authority.py`. The one idea: a session knows those that it was delegated from, and holds no longer than they do.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ringfence.call import Principal
from ringfence.errors import SessionEnded, StateCorrupt
from ringfence.identity.authority import LoginSession, SessionAuthority
from ringfence.identity.delegation import MOST_GENERATIONS, narrowed
from ringfence.identity.standing import PLAIN, Granted, Settings, Standing, principal_with, read_granted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ringfence.identity.reports import Reports
    from ringfence.identity.store import Store
    from ringfence.state.database import Row, Transaction

_KEPT_SECONDS = 86_400.0
_ADD = """INSERT INTO sessions (id, user_id, generation, parent, token, address, created, last_used, expires, granted)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_READ = """SELECT s.id, s.ended, s.expires, s.generation, s.last_used, s.granted, s.token, s.user_id,
u.id, u.generation, u.active, u.locked_until, t.id, t.revoked, r.role
FROM sessions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN tokens t ON t.id = s.token
LEFT JOIN user_roles r ON r.user_id = s.user_id WHERE s.id IN ({})"""


class Sessions:
    """The sessions of one store.

    Arguments:
        store: where they are.
        reports: where their end is reported.
        settings: what they depend on, at any moment.

    """

    def __init__(self, store: Store, reports: Reports, settings: Callable[[], Settings]) -> None:
        self.store = store
        self.reports = reports
        self.settings = settings
        self._here: WeakValueDictionary[str, LoginSession] = WeakValueDictionary()

    def begin(
        self,
        transaction: Transaction,
        user: str,
        generation: int | None,
        *,
        now: float,
        expires: float,
        address: str = "",
        granted: Granted = PLAIN,
    ) -> LoginSession:
        """Begin a session with an id of its own, and return it.

        Arguments:
            transaction: to do it in.
            user: the user's id.
            generation: the user's; None: a provider's user.
            now, expires: in seconds since the epoch; the policy's and the parent's bound count too.
            address: where the request came from.
            granted: what it is given besides.

        Raises:
            SessionEnded: the parent's has ended, or is too many steps away from a log-in.

        """
        latest = min(expires, now + self.settings().identity.session_seconds)
        chain, expires = self._above(transaction, granted.parent, latest)
        session = secrets.token_hex(8)
        given = (user, generation, granted.parent, granted.token)
        values = (session, *given, address, now, now, expires, granted.written())
        transaction.execute(_ADD, values)
        transaction.execute("DELETE FROM sessions WHERE expires < ?", (now - _KEPT_SECONDS,))
        authority = SessionAuthority(self, (session, *chain), Principal(user, (), address), now)
        above = None if granted.parent is None else self._here.get(granted.parent)
        begun = LoginSession(session, authority, None if above is None else above.history)
        self._here[session] = begun
        return begun

    @staticmethod
    def _above(transaction: Transaction, parent: str | None, expires: float) -> tuple[tuple[str, ...], float]:
        """Return the sessions above a new one, nearest first, and when it ends at the latest."""
        chain: list[str] = []
        while parent is not None:
            rows = transaction.execute("SELECT parent, expires FROM sessions WHERE id = ?", (parent,))
            if not rows or len(chain) >= MOST_GENERATIONS:
                raise SessionEnded(
                    "the session that this one is delegated from has ended, or is too far away"
                )
            chain.append(parent)
            parent, expires = rows[0][0], min(expires, rows[0][1])
        return tuple(chain), expires

    def end(self, session: str, now: float) -> bool:
        """End a session; those that were delegated from it end with it. Return whether it went on until now."""
        with self.store.write() as transaction:
            rows = transaction.execute("SELECT 1 FROM sessions WHERE id = ? AND ended IS NULL", (session,))
            transaction.execute(
                "UPDATE sessions SET ended = ? WHERE id = ? AND ended IS NULL", (now, session)
            )
        return bool(rows)

    def end_of_user(self, user: str, now: float) -> None:
        """End all sessions of a user, also of a provider's."""
        with self.store.write() as transaction:
            transaction.execute(
                "UPDATE sessions SET ended = ? WHERE user_id = ? AND ended IS NULL", (now, user)
            )

    def touch(self, chain: Sequence[str], now: float) -> None:
        """Keep that a session, and those that it is delegated from, were used."""
        marks = ", ".join("?" * len(chain))
        with self.store.write(quietly=True) as transaction:
            transaction.execute(
                f"UPDATE sessions SET last_used = ? WHERE last_used < ? AND id IN ({marks})",  # noqa: S608 - marks only
                (now, now, *chain),
            )

    def stand(self, chain: Sequence[str], before: Principal) -> Standing:
        """Look up what a session may, by the ids of itself and of those above it."""
        with self.store.read() as transaction:
            rows = transaction.execute(_READ.format(", ".join("?" * len(chain))), chain)
        roles = {row[14] for row in rows if row[14] is not None}
        by_id = {row[0]: row for row in rows}
        ended = next(filter(None, (_ended(by_id.get(each)) for each in chain)), "")
        if ended:
            return Standing(principal_with(before, ()), ended)
        try:
            steps = [read_granted(by_id[each][5]) for each in chain]
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise StateCorrupt(self.store.name, "what a session is narrowed to cannot be read") from error
        return self._standing(before, [by_id[each] for each in chain], steps, tuple(sorted(roles)))

    def _standing(
        self, before: Principal, rows: Sequence[Row], steps: Sequence[Granted], roles: tuple[str, ...]
    ) -> Standing:
        settings = self.settings()
        first = steps[-1]
        if first.provider:
            provider = settings.identity.providers.get(first.provider)
            if provider is None:
                return Standing(
                    principal_with(before, ()), "the policy does not name its identity provider any longer"
                )
            mapped = [role for group in first.groups for role in provider.roles.get(group, ())]
            roles = tuple(dict.fromkeys(mapped))
        left = roles
        for step in reversed(steps):
            left = narrowed(left, step.grant.roles, settings.roles)
        return Standing(
            principal_with(before, left),
            expires=min(row[2] for row in rows),
            locked_until=max(row[11] or 0.0 for row in rows),
            last_used=rows[0][4],
            parents_used=min((row[4] for row in rows[1:]), default=None),
            tools=tuple(step.grant.tools for step in steps if step.grant.tools is not None),
            widest=None if left == roles else roles,
        )


def _ended(row: Row | None) -> str:
    """Return what ended a session by its row; empty where nothing did."""
    if row is None:
        return "it is not in the store"
    _, ended, _, generation, _, _, token, _, user, current, active, _, known, revoked, _ = row
    ours = generation is not None
    found = (
        (ended is not None, "somebody logged out"),
        (revoked is not None, "somebody revoked its token"),
        (user is not None and not active, "its user is not active any longer"),
        (ours and user is None, "its user was removed"),
        (
            ours and current != generation,
            "its user was deactivated or removed, or has another password",
        ),
        (ours and token is not None and known is None, "the store does not know its token"),
    )
    return next((why for holds, why in found if holds), "")

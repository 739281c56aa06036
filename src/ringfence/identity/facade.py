"""`Identity`: the accounts, tokens and sessions of one store, for guards, the command line and whoever administers.

What each part does stands in its own module; here they are put together, and each thing that happens is reported. The one idea: whatever goes wrong
ends in one error of the tree below `IdentityError` or `StateError`, and in an event, and nobody is let in.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ringfence.errors import (
    ClockJumped,
    DelegationTooWide,
    IdentityBusy,
    IdentityError,
    LoginFailed,
    SessionEnded,
    StateError,
    TokenRefused,
)
from ringfence.identity.administration import Administration
from ringfence.identity.authority import LoginSession
from ringfence.identity.delegation import MOST_GENERATIONS, Grant, listed, refuse_wider
from ringfence.identity.keys import ALGORITHM
from ringfence.identity.standing import Granted
from ringfence.identity.users import FOR_EVER, Settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.identity.tokens import Seen, TokenFacts
    from ringfence.session import Session
    from ringfence.state.database import Transaction

_KEPT_SECONDS = 86_400.0
_REVOKED_UNSEEN_SECONDS = 10 * 365 * 86_400.0
"""How long it is kept that a token was revoked of which nothing but its id is known, and so not when it ends."""
_MOST_ADDRESSES = 64
_LONGEST_ADDRESS = 200
_ISSUED = """INSERT INTO tokens (id, user_id, generation, key_id, parent, once, issued, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


_LOOK = """SELECT t.generation, t.once, t.used, t.revoked, u.active, u.generation
FROM tokens t LEFT JOIN users u ON u.id = t.user_id WHERE t.id = ?"""


class Identity(Administration):
    """Accounts, tokens and sessions. A guard has one as `guard.identity`; it is opened when it is first needed.

    Arguments:
        settings: the policy's section `identity`.
        state: where everything is kept, as `state.url` in a policy.
        folder: where relative files start; None: the current folder.
        roles: all roles by name, for those that users and delegations may have. Empty: any names.
        passwords: how passwords are hashed, and how many at once.
        report: takes each event, and returns whether it stands in the record. None: there is none.
        clock: the time; for tests.

    """

    # Logging in

    def login(self, user: str, password: str, *, address: str = "") -> LoginSession:
        """Return a new session of a user.

        Arguments:
            user: the user's id.
            password: what was typed.
            address: where the request came from, for the record.

        Raises:
            LoginFailed: it is not let in; it says the same whatever the reason is.
            IdentityBusy: too many log in at once.
            StateError, RecordError, ClockJumped: it could not be decided or recorded.

        """
        user, address = str(user), _shown(address)
        with self._undecided(user, address):
            now = self._clock.now()
            kept = self._users.password(user)
            right = self._passwords.verify(kept, password)
            settled, session = self._settle(user, kept, now, address, right=right)
        if session is None:
            if settled.locked:
                self._store.changed()
            self._failed(user, address, settled.why, locked=settled.locked)
        try:
            self._let_in(session, "with a password", now)
        except SessionEnded as error:  # in this very moment
            self._failed(user, address, error.why, locked=False)
        if kept is not None and self._passwords.outdated(kept):
            with suppress(IdentityError):  # then at the next log-in
                self._users.rehash(user, kept, self._passwords.hash(password))
        return session

    def _settle(
        self, user: str, kept: str | None, now: float, address: str, *, right: bool
    ) -> tuple[Settled, LoginSession | None]:
        """Count a log-in, and begin the session of one that is let in, in one transaction."""
        with self._store.write(quietly=True) as transaction:
            settled = self._users.settle(
                transaction, user, kept, right=right, now=now, settings=self._settings.identity
            )
            if settled.why:
                return settled, None
            return settled, self._sessions.begin(
                transaction, user, settled.generation, now=now, expires=FOR_EVER, address=address
            )

    @contextmanager
    def _undecided(self, user: str, address: str) -> Iterator[None]:
        """Report what keeps a log-in from being decided: the store, the clock, too many at once."""
        try:
            yield
        except IdentityBusy as error:
            self._reports.note("login-busy", error.message, user=user, address=address, blocked=True)
            raise
        except (StateError, ClockJumped) as error:
            text = f"a log-in could not be decided: {error.message}"
            self._reports.note(
                "login-failed", text, user=user, address=address, blocked=True, why="undecided"
            )
            raise

    def _failed(self, user: str, address: str, why: str, *, locked: bool) -> NoReturn:
        self._reports.note(
            "login-failed", f"a log-in failed: {why}", user=user, address=address, blocked=True, why=why
        )
        if locked:
            settings = self._settings.identity
            text = f"{settings.most_failures} log-ins failed in a row: locked for {settings.lockout_seconds:g} seconds"
            self._reports.note("account-locked", text, user=user, address=address, blocked=True)
        raise LoginFailed

    def _let_in(self, session: LoginSession, how: str, now: float) -> None:
        """Record a session that has begun; end it where that cannot be, or where it may nothing."""
        try:
            who = session.authority.require(now).principal
            self._reports.require(
                "login", f"logged in {how}", user=who.user, session=session.id, address=who.address
            )
        except BaseException:
            self._sessions.end(session.id, now)
            raise

    def login_token(self, token: str, *, address: str = "") -> LoginSession:
        """Return the session of a token: the one that it has begun here already, or a new one.

        Arguments:
            token: a JWT, issued here or by a provider that the policy names.
            address: where the request came from, for the record. Each address has a session of its own.

        Raises:
            TokenRefused: it proves nothing here; it says why.
            KeySetUnavailable: the keys of its issuer cannot be had.
            StateError, RecordError, ClockJumped: it could not be decided or recorded.

        """
        address = _shown(address)
        with self._undecided("", address):
            now = self._clock.now()
            seen = self._verified(token, now, address)
            session = seen.sessions.get(address)
            if session is not None:
                try:
                    session.authority.require(now)
                except SessionEnded:
                    seen.sessions.pop(address, None)
                else:
                    return session
            return self._begin(seen, now, address)

    def _begin(self, seen: Seen, now: float, address: str) -> LoginSession:
        """Begin a session with a token that is verified."""
        facts = seen.facts
        how = f"with a token of {facts.provider}" if facts.provider else "with a token"
        try:
            with self._store.write(quietly=True) as transaction:
                session, once = self._begin_in(transaction, facts, now, address)
            self._let_in(session, how, now)
        except (TokenRefused, SessionEnded) as error:
            self._tokens.forget(facts.id)
            refused = error if isinstance(error, TokenRefused) else TokenRefused(error.why)
            self._refused(refused, address, facts.user)
        if once:
            self._store.changed()
        else:
            if len(seen.sessions) >= _MOST_ADDRESSES:
                seen.sessions.clear()
            seen.sessions[address] = session
        return session

    def _verified(self, token: str, now: float, address: str) -> Seen:
        try:
            return self._tokens.verify(token, now)
        except TokenRefused as error:
            self._refused(error, address)
        except IdentityError as error:
            self._reports.note("token-refused", error.message, address=address, blocked=True)
            raise

    def _refused(self, error: TokenRefused, address: str, user: str = "") -> NoReturn:
        self._reports.note(
            "token-refused", f"refused: {error.why}", user=user, address=address, blocked=True, why=error.why
        )
        raise error from None

    def _begin_in(
        self, transaction: Transaction, facts: TokenFacts, now: float, address: str
    ) -> tuple[LoginSession, bool]:
        """Begin the session of a token, unless it was revoked or used up; return also whether it may begin no other."""
        kept = _kept(transaction, facts)
        provider = self._settings.identity.providers.get(facts.provider)
        once = (kept is not None and kept.once) or (provider is not None and provider.once)
        if once and kept is None:
            values = (facts.id, facts.user, None, facts.key, None, 1, facts.issued or now, facts.expires)
            transaction.execute(_ISSUED, values)
        if once:
            transaction.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, facts.id))
        session = self._sessions.begin(
            transaction,
            facts.user,
            None if kept is None else kept.generation,
            now=now,
            expires=facts.expires,
            address=address,
            granted=Granted(facts.grant, facts.provider, facts.groups, facts.parent, facts.id or None),
        )
        return session, once

    def logout(self, session: Session) -> None:
        """End a session, and those that were delegated from it. A second time does nothing.

        Raises:
            TypeError: nobody logged in to it.

        """
        authority = _logged_in(session).authority
        if self._sessions.end(session.id, self._clock.read()):
            who = authority.refresh().principal
            self._reports.note("logout", "logged out", user=who.user, session=session.id, address=who.address)

    # Tokens

    def issue_token(
        self,
        user: str,
        *,
        roles: Iterable[str] | None = None,
        tools: Iterable[str] | None = None,
        seconds: float | None = None,
        once: bool = False,
    ) -> str:
        """Return a new token of a user, signed. Whoever has it can log in with it.

        Arguments:
            user: the user's id.
            roles: the only roles; None: those that the user has at the time.
            tools: the only tools, by name or pattern; None: all that the roles may call.
            seconds: how long it holds; None: `identity.token_seconds` of the policy.
            once: whether it begins one session only.

        Raises:
            UserUnknown: there is no such user.
            IdentityError: the user is not active.
            DelegationTooWide: the user does not have one of the roles.
            StateError, RecordError: it could not be issued or recorded.

        """
        grant = Grant(listed(roles, "roles"), listed(tools, "tools"))
        account = self._users.get(user)
        if not account.active:
            raise IdentityError(f"the user {user!r} is not active", "Let the user in again: users activate.")
        refuse_wider(account.roles, grant.roles, self._settings.roles)
        now = self._clock.now()
        seconds = self._settings.identity.token_seconds if seconds is None else seconds
        token, token_id = self._sign(user, grant, now, _expiry(now, seconds), once=once)
        self._reports.require("token-issued", f"the token {token_id} was issued", user=user, jti=token_id)
        return token

    def delegate(
        self,
        session: Session,
        *,
        roles: Iterable[str] | None = None,
        tools: Iterable[str] | None = None,
        seconds: float | None = None,
        once: bool = False,
    ) -> str:
        """Return a token for a sub-agent, whose session is never wider than this one and ends with it.

        Arguments:
            session: one that somebody logged in to.
            roles: the only roles; None: those that this session has at each moment.
            tools: the only tools, by name or pattern; None: this session's.
            seconds: how long at most; None, or more than this session has left: until this one ends.
            once: whether it begins one session only.

        Raises:
            DelegationTooWide: a role is not this session's to give on, or it was delegated too often already.
            SessionEnded: this session is over.
            TypeError: nobody logged in to it.
            StateError, RecordError: it could not be signed or recorded.

        """
        authority, now = _logged_in(session).authority, self._clock.now()
        grant = Grant(listed(roles, "roles"), listed(tools, "tools"))
        standing = authority.require(now)
        refuse_wider(standing.principal.roles, grant.roles, self._settings.roles)
        if len(authority.chain) >= MOST_GENERATIONS:
            raise DelegationTooWide(f"it was delegated {MOST_GENERATIONS - 1} times already")
        expires = standing.expires if seconds is None else min(standing.expires, _expiry(now, seconds))
        user = standing.principal.user
        token, token_id = self._sign(user, grant, now, expires, once=once, parent=session.id)
        self._reports.require(
            "delegated",
            f"a part of the session was delegated with the token {token_id}",
            user=user,
            session=session.id,
            jti=token_id,
            roles=grant.roles,
            tools=grant.tools,
        )
        return token

    def _sign(
        self, user: str, grant: Grant, now: float, expires: float, *, once: bool, parent: str | None = None
    ) -> tuple[str, str]:
        import jwt  # noqa: PLC0415 - loads a library

        settings, token_id = self._settings.identity, secrets.token_hex(16)
        claims: dict[str, object] = {
            "iss": settings.issuer,
            "aud": settings.audience,
            "sub": user,
            "iat": now,
            "exp": expires,
            "jti": token_id,
        }
        further = {"roles": grant.roles, "tools": grant.tools, "parent": parent}
        claims |= {name: value for name, value in further.items() if value is not None}
        with self._store.write(quietly=True) as transaction:
            rows = transaction.execute("SELECT generation FROM users WHERE id = ?", (user,))
            generation = rows[0][0] if rows else None
            if parent is not None:
                found = transaction.execute("SELECT generation FROM sessions WHERE id = ?", (parent,))
                generation = (
                    found[0][0] if found else generation
                )  # a provider's user stays one, whoever has the same id
            key_id, key = self._keys.signer(transaction, now)
            token = jwt.encode(claims, key, ALGORITHM, {"kid": key_id})
            values = (token_id, user, generation, key_id, parent, int(once), now, expires)
            transaction.execute(_ISSUED, values)
            transaction.execute("DELETE FROM tokens WHERE expires < ?", (now - _KEPT_SECONDS,))
        return token, token_id

    def verify_token(self, token: str) -> TokenFacts:
        """Return what a token says. One seen before costs a look-up by its digest, for as long as nothing changed in this process.

        What other processes revoke is seen at the next change here: where that matters ask `check_token`, which looks into the store each time.
        A session from `login_token` does so at each call.

        Raises:
            TokenRefused: it proves nothing here; it says why.
            KeySetUnavailable, StateError, ClockJumped: it could not be decided.

        """
        try:
            seen = self._seen.get(sha256(token.encode()).digest())
        except (AttributeError, UnicodeEncodeError):
            seen = None
        if seen is not None and seen.change == self._store.change and self._clock.read() < seen.until:
            return seen.facts
        return self.check_token(token)

    def check_token(self, token: str) -> TokenFacts:
        """Return what a token says, where it would be let in now. It begins no session, and is not recorded.

        Raises:
            TokenRefused: it proves nothing here; it says why.
            KeySetUnavailable, StateError, ClockJumped: it could not be decided.

        """
        change = self._store.change
        seen = self._tokens.verify(token, self._clock.now())
        with self._store.read() as transaction:
            _kept(transaction, seen.facts)
        seen.change = change
        return seen.facts

    def revoke_token(self, token: str) -> bool:
        """Make a token worthless, and end the sessions that began with it. Return whether it was worth something before.

        Arguments:
            token: the token, or its id. That of a provider needs a claim `jti`.

        Raises:
            TokenRefused: a whole token came that proves nothing here.
            StateError, RecordError: it could not be revoked or recorded.

        """
        now = self._clock.read()
        facts = self._tokens.verify(token, now).facts if token.count(".") == 2 else None  # noqa: PLR2004 - a whole token
        token_id = facts.id if facts is not None else token
        if not token_id:
            raise TokenRefused("it has no claim jti, by which it could be revoked")
        if not token_id.isprintable():
            return False
        with self._store.write() as transaction:
            rows = transaction.execute("SELECT revoked FROM tokens WHERE id = ?", (token_id,))
            if not rows and (facts is not None or ":" in token_id):
                expires = now + _REVOKED_UNSEEN_SECONDS if facts is None else facts.expires
                user, key = ("", "") if facts is None else (facts.user, facts.key)
                values = (token_id, user, None, key, None, 0, now, max(expires, now + _KEPT_SECONDS))
                transaction.execute(_ISSUED, values)
                rows = [(None,)]
            transaction.execute(
                "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL", (now, token_id)
            )
        self._tokens.forget(token_id)
        held = bool(rows) and rows[0][0] is None
        if held:
            self._reports.require(
                "token-revoked", f"the token {token_id[:80]} was revoked", jti=token_id[:80]
            )
        return held


class _Kept(NamedTuple):
    """What the store says about a token."""

    generation: int | None
    once: bool


def _kept(transaction: Transaction, facts: TokenFacts) -> _Kept | None:
    """Return what the store says about a token that holds; None about one of a provider that it does not know yet.

    Raises:
        TokenRefused: it was revoked, used up, or should be known.

    """
    rows = transaction.execute(_LOOK, (facts.id,))
    if not rows:
        if facts.provider:
            return None
        raise TokenRefused("it is not in the store")
    generation, once, used, revoked, active, current = rows[0]
    if generation is not None and not (active and current == generation):
        raise TokenRefused("its user was deactivated or removed, or has another password")
    if revoked is not None:
        raise TokenRefused("it was revoked")
    if once and used is not None:
        raise TokenRefused("it was used already, and holds for one session only")
    return _Kept(generation, bool(once))


def _shown(address: str) -> str:
    """Return an address as it can be kept: it may come from a header that anybody can write."""
    text = str(address)
    return text if len(text) <= _LONGEST_ADDRESS and text.isprintable() else ascii(text)[:_LONGEST_ADDRESS]


def _logged_in(session: Session) -> LoginSession:
    if not isinstance(session, LoginSession):
        raise TypeError("nobody logged in to this session: make it with guard.login or guard.login_token")
    return session


def _expiry(now: float, seconds: float) -> float:
    if not seconds > 0:
        raise ValueError(f"seconds is a number above 0, not {seconds!r}")
    return now + seconds

"""What stands behind one session in this process: it is asked at each call whether the session still holds.

The one idea: a session's rights are looked up anew whenever the store may have changed, so that a role that was taken away, a deactivated user, a
revoked token or a parent that logged out bites at the next call; and whatever fails leaves no rights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.call import NOBODY
from ringfence.errors import SessionEnded
from ringfence.identity.delegation import permits
from ringfence.identity.standing import Standing, principal_with
from ringfence.session import IDENTITY, History, Session
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from ringfence.call import Principal, ToolCall
    from ringfence.identity.sessions import Sessions


class LoginSession(Session):
    """A session that somebody logged in to. `principal` has the roles of this very moment.

    Arguments:
        id: sixteen hexadecimal digits.
        authority: what stands behind it.
        history: that of the session above it, which counts its calls too; None: one of its own.

    """

    __slots__ = ()
    authority: SessionAuthority

    def __init__(self, id: str, authority: SessionAuthority, history: History | None) -> None:  # noqa: A002 - the field's name
        super().__init__(id, NOBODY)
        self.authority = authority
        self.history = history or self.history

    @property
    def principal(self) -> Principal:
        """Who is calling, with the roles that are left now."""
        return self.authority.refresh().principal

    @principal.setter
    def principal(self, _: Principal) -> None:
        """Leave it as it is: the store says who is calling."""


class SessionAuthority:
    """What stands behind one session in this process: what it may, and when it was last used.

    Arguments:
        sessions: where to look it up.
        chain: its id, and those of the sessions above it, nearest first.
        principal: the user.
        now: when it begins, in seconds since the epoch.

    """

    __slots__ = ("_sessions", "_stamp", "_standing", "_told", "_used", "_written", "chain")

    def __init__(self, sessions: Sessions, chain: tuple[str, ...], principal: Principal, now: float) -> None:
        self._sessions = sessions
        self.chain = chain
        self._standing = Standing(principal, "it was not looked up yet")
        self._stamp: object | None = None
        self._used = self._written = now
        self._told = False

    @property
    def may_block(self) -> bool:
        """Whether asking the store may wait for another machine."""
        return self._sessions.store.is_remote

    @property
    def is_narrowed(self) -> bool:
        """Whether it was made from another session, or holds less than its user's whole authority."""
        standing = self._standing
        return len(self.chain) > 1 or bool(standing.tools) or standing.widest is not None

    @property
    def root(self) -> str:
        """The id of the session from which it was made, step by step; its own where it was not."""
        return self.chain[-1]

    def refresh(self) -> Standing:
        """Return what the session may now. It never raises: what fails is kept for `judge`, and leaves no roles."""
        try:
            stamp = self._sessions.store.stamp()
            if stamp is None or stamp != self._stamp:
                self._standing = self._sessions.stand(self.chain, self._standing.principal)
                self._stamp = stamp
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            self._stamp = None
            self._standing = Standing(principal_with(self._standing.principal, ()), failure=error)
        return self._standing

    def require(self, now: float) -> Standing:
        """Return what the session may now.

        Raises:
            SessionEnded: nothing, since it is over.
            StateError: nobody knows.

        """
        standing = self.refresh()
        if standing.failure is not None:
            raise standing.failure
        objection = self._objection(standing, now)
        if objection is not None:
            raise SessionEnded(objection.message)
        return standing

    def judge(self, call: ToolCall) -> Verdict | None:
        """Return the objection to a call in the session; None where there is none."""
        standing, now = self._standing, call.at
        if standing.principal is not call.principal:
            return _CHANGED
        if standing.failure is not None:
            raise standing.failure
        objection = self._objection(standing, now)
        if objection is not None:
            return objection
        self._touch(now)
        if standing.tools and not permits(standing.tools, call.tool.name):
            return _not_delegated(call.tool.name)
        return None

    @property
    def widest(self) -> Principal | None:
        """The caller with all roles that were left out when the session was narrowed; None where none were."""
        standing = self._standing
        return None if standing.widest is None else principal_with(standing.principal, standing.widest)

    def _objection(self, standing: Standing, now: float) -> Verdict | None:
        if standing.ended:
            return self._over(f"the session has ended: {standing.ended}", "session-ended")
        if now >= standing.expires:
            return self._over("the session has expired", "session-expired")
        if standing.locked_until > now:
            return _LOCKED
        if self._idle(standing, now) and self._idle(self._anew(), now):
            self._sessions.end(self.chain[0], now)
            return self._over("the session has expired, since nobody used it for too long", "session-idle")
        return None

    def _idle(self, standing: Standing, now: float) -> bool:
        idle = self._sessions.settings().identity.idle_seconds
        above = standing.parents_used
        return now - max(self._used, standing.last_used) >= idle or (
            above is not None and now - max(above, self._written) >= idle + self._every()
        )

    def _anew(self) -> Standing:
        """Look the session up whether anything seems to have changed or not: when others used it changes quietly."""
        self._standing = self._sessions.stand(self.chain, self._standing.principal)
        return self._standing

    def _every(self) -> float:
        """Return how often at most it is kept that the session was used: often enough for others to know, and rarely enough to cost nothing."""
        return min(60.0, self._sessions.settings().identity.idle_seconds / 4)

    def _touch(self, now: float) -> None:
        self._used = max(self._used, now)
        if now - self._written >= self._every():
            self._written = now
            self._sessions.touch(self.chain, now)

    def _over(self, message: str, rule: str) -> Verdict:
        if not self._told:
            self._told = True
            who = self._standing.principal
            self._sessions.reports.note(
                "session-ended", message, user=who.user, session=self.chain[0], address=who.address
            )
        return Verdict(Decision.DENY, message, rule=rule, check=IDENTITY, hint="Log in again.")


_CHANGED = Verdict(
    Decision.DENY,
    "the caller's rights changed while the call came in",
    rule="session-changed",
    check=IDENTITY,
    hint="Call again.",
    retry=True,
)
_LOCKED = Verdict(
    Decision.DENY,
    "the caller's account is locked",
    rule="user-locked",
    check=IDENTITY,
    hint="Wait until it is unlocked.",
    retry=True,
)


def _not_delegated(tool: str) -> Verdict:
    return Verdict(
        Decision.DENY,
        f"{tool} is not among the tools that were delegated",
        rule="delegation.tools",
        check=IDENTITY,
        hint="Leave it to the agent that delegated the work.",
    )

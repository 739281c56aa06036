"""The queue of questions in the store that processes share: asked by one, decided by another, used once by the call that it is about.

The one idea: each change of a request is one transaction that looks and writes, so of any number of calls that race for an approval one gets
it, and a request that was decided stays decided.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ringfence.approvals.request import ApprovalRequest, same_person
from ringfence.errors import ApprovalClosed, ApprovalUnknown, ApproverRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.approvals.request import ApprovalAnswer
    from ringfence.state.database import Database, Row, Transaction

_LOCK = "approvals"
MOST_WAITING = 100
"""How many questions about one user's calls may wait."""
_KEPT_SECONDS = 30 * 86400.0
_SHORTEST_PREFIX = 4


class State(StrEnum):
    """What became of a request. The store knows no `expired`: that is a matter of time."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    USED = "used"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """A request in the queue, with what became of it.

    Arguments:
        request: what is asked.
        state: what became of it.
        decided_by: who decided; empty while nobody has.
        decided: when, in seconds since the epoch; None while nobody has.
        comment: what they said.
        fresh: whether it was put into the queue just now.

    """

    request: ApprovalRequest
    state: State
    decided_by: str = ""
    decided: float | None = None
    comment: str = ""
    fresh: bool = False


class ApprovalQueue:
    """The requests in one store.

    Arguments:
        database: returns the store.
        now: seconds since the epoch.

    """

    def __init__(self, database: Callable[[], Database], now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def submit(self, request: ApprovalRequest, *, use: bool = True) -> Approval:
        """Return what stands about exactly this call, put into the queue where nothing does; an approval is used up by it.

        What stands may be: `USED`, which this very call has used now and may run by; `DENIED`; `WAITING`, perhaps since an earlier, equal
        call. A request that somebody else used is not one of them: each call needs its own.

        Arguments:
            request: about the call.
            use: whether an approval is used up; else it comes back as `APPROVED`, for `redeem`.

        Raises:
            StateError: the store cannot be used.
            ApprovalClosed: too many of the user's calls wait already.

        """
        with self._database().transaction(_LOCK) as transaction:
            now = self._now()
            for found in self._about(transaction, request, now, request.reference):
                if found.state is State.APPROVED and use:
                    transaction.execute(
                        "UPDATE approvals SET state = 'used' WHERE id = ?", (found.request.id,)
                    )
                    return _in_state(found, State.USED)
                return found
            self._insert(transaction, request, now)
        return Approval(request, State.WAITING, fresh=True)

    def redeem(self, approval_id: str, request: ApprovalRequest) -> Approval | None:
        """Use the approval of this id for a call, or return what refused it; None where it is about another call, open, used or too old.

        Raises:
            StateError: the store cannot be used.

        """
        with self._database().transaction(_LOCK) as transaction:
            for found in self._about(transaction, request, self._now(), None):
                if found.request.id != approval_id or found.state is State.WAITING:
                    continue
                if found.state is State.DENIED:
                    return found
                transaction.execute("UPDATE approvals SET state = 'used' WHERE id = ?", (approval_id,))
                return _in_state(found, State.USED)
        return None

    def decide(self, approval_id: str, answer: ApprovalAnswer) -> Approval:
        """Decide a request that waits. Whether they may is for the caller to know, but for four eyes, which the request itself demands.

        Raises:
            ApprovalUnknown: there is no such request.
            ApprovalClosed: it was decided, or its time is over.
            ApproverRefused: it needs another person than its caller.
            StateError: the store cannot be used.

        """
        with self._database().transaction(_LOCK) as transaction:
            now = self._now()
            found = self._one(transaction, approval_id, now)
            if found.state is not State.WAITING:
                raise ApprovalClosed(approval_id, f"is {found.state} already")
            if answer.approved:
                refuse_own(found.request, answer.by)
            state = State.APPROVED if answer.approved else State.DENIED
            values = (state.value, answer.by, now, answer.comment, found.request.id)
            transaction.execute(
                "UPDATE approvals SET state = ?, decided_by = ?, decided = ?, comment = ? WHERE id = ? AND state = 'waiting'",
                values,
            )
        return Approval(found.request, state, answer.by, now, answer.comment)

    def get(self, approval_id: str) -> Approval:
        """Return the request of an id, or of the first digits of one, at least four.

        Raises:
            ApprovalUnknown: there is none, or there are several.
            StateError: the store cannot be used.

        """
        with self._database().transaction() as transaction:
            return self._one(transaction, approval_id, self._now())

    def requests(self, *, every: bool = False) -> list[Approval]:
        """Return the requests that wait, the oldest first; with `every`, all that are kept.

        Raises:
            StateError: the store cannot be used.

        """
        with self._database().transaction() as transaction:
            now = self._now()
            waiting = " WHERE state = 'waiting' AND expires > ?"
            rows = (
                transaction.execute(f"{_SELECT} ORDER BY asked, id")
                if every
                else transaction.execute(f"{_SELECT}{waiting} ORDER BY asked, id", (now,))
            )
        return [_from_row(row, now) for row in rows]

    def withdraw(self, approval_id: str) -> None:
        """Take a request that waits out of the queue.

        Raises:
            StateError: the store cannot be used.

        """
        with self._database().transaction(_LOCK) as transaction:
            transaction.execute("DELETE FROM approvals WHERE id = ? AND state = 'waiting'", (approval_id,))

    def _about(
        self, transaction: Transaction, request: ApprovalRequest, now: float, reference: str | None
    ) -> list[Approval]:
        """Return what stands about exactly this call and is not over: what was approved first, then what was denied, then what waits."""
        rows = transaction.execute(
            f"{_SELECT} WHERE digest = ? AND user_id = ? AND tool = ? AND policy = ? AND roles = ? AND expires > ?"
            " AND state <> 'used' ORDER BY CASE state WHEN 'approved' THEN 0 WHEN 'denied' THEN 1 ELSE 2 END, asked, id",
            (request.digest, request.user, request.tool, request.policy, json.dumps(request.roles), now),
        )
        found = [_from_row(row, now) for row in rows]
        return [
            each
            for each in found
            if (reference is None or each.request.reference == reference)
            and (each.state is not State.APPROVED or _may_stand(each, request))
        ]

    def _one(self, transaction: Transaction, approval_id: str, now: float) -> Approval:
        if len(approval_id) < _SHORTEST_PREFIX or not set(approval_id) <= set("0123456789abcdef"):
            raise ApprovalUnknown(approval_id, "is no id of an approval")
        rows = transaction.execute(f"{_SELECT} WHERE id LIKE ?", (f"{approval_id}%",))
        if len(rows) != 1:
            raise ApprovalUnknown(approval_id, "stands for several" if rows else "is not in the queue")
        return _from_row(rows[0], now)

    def _insert(self, transaction: Transaction, request: ApprovalRequest, now: float) -> None:
        transaction.execute("DELETE FROM approvals WHERE expires < ?", (now - _KEPT_SECONDS,))
        waiting = "SELECT count(*) FROM approvals WHERE user_id = ? AND state = 'waiting' AND expires > ?"
        if transaction.execute(waiting, (request.user, now))[0][0] >= MOST_WAITING:
            raise ApprovalClosed(request.id, f"cannot wait: {MOST_WAITING} calls of its user do already")
        transaction.execute(
            _INSERT,
            (
                request.id, request.call_id, request.tool, request.digest, request.policy, request.user, json.dumps(request.roles),
                request.session, request.question(), int(request.four_eyes), request.asked, request.expires, State.WAITING.value, "", None, "",
                request.reference,
            ),
        )  # fmt: skip


def refuse_own(request: ApprovalRequest, by: str) -> None:
    """Check that four eyes see a call where they must.

    Raises:
        ApproverRefused: nobody knows who approves, or it may be the caller.

    """
    if request.four_eyes and (not by or same_person(by, request.user)):
        who = f"{by!r} may be its caller" if by else "nobody says who approves it"
        raise ApproverRefused(
            f"a call of {request.tool} needs four eyes, and {who}", "Let somebody else approve it."
        )


def _may_stand(approval: Approval, request: ApprovalRequest) -> bool:
    """Return whether an approval has four eyes where the policy wants them, whoever wrote it into the store."""
    if not (request.four_eyes or approval.request.four_eyes):
        return True
    return bool(approval.decided_by) and not same_person(approval.decided_by, request.user)


_COLUMNS = "id, call_id, tool, digest, policy, user_id, roles, session_id, question, four_eyes, asked, expires, state, decided_by, decided, comment, reference"
_SELECT = f"SELECT {_COLUMNS} FROM approvals"  # noqa: S608 - two texts of this file
_INSERT = f"INSERT INTO approvals ({_COLUMNS}) VALUES ({', '.join('?' * len(_COLUMNS.split(',')))})"  # noqa: S608 - likewise


def _in_state(approval: Approval, state: State) -> Approval:
    return Approval(approval.request, state, approval.decided_by, approval.decided, approval.comment)


def _from_row(row: Row, now: float) -> Approval:
    asked: dict[str, Any] = json.loads(row[8])
    request = ApprovalRequest(
        id=row[0],
        call_id=row[1],
        tool=row[2],
        digest=row[3],
        policy=row[4],
        user=row[5],
        roles=tuple(json.loads(row[6])),
        session=row[7],
        asked=row[10],
        expires=row[11],
        rule=str(asked["rule"]),
        message=str(asked["message"]),
        arguments=str(asked["arguments"]),
        four_eyes=bool(row[9]),
        reference=row[16],
    )
    state = State(row[12])
    if state in (State.WAITING, State.APPROVED) and request.expires <= now:
        state = State.EXPIRED
    return Approval(request, state, row[13], row[14], row[15])

"""What a call takes of the policy's limits, and what is said where there is nothing left.

Which limits count a call is known by its ruling (`policy/limits.py`), counting is done in the shared store (`state/limits.py`). The one
idea: a call that no limit counts comes here never, and one whose limits cannot be counted is denied.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from ringfence.asking import failure
from ringfence.refusals import broken
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from ringfence.call import ToolCall
    from ringfence.errors import RingfenceError
    from ringfence.policy.limits import FittingLimit
    from ringfence.policy.model import Budget
    from ringfence.state.lazy import LazyDatabase
    from ringfence.state.limits import Claim, Reached, Reservation, SharedLimits

CHECK = "budget"


class Limiter:
    """Counts the calls of one guard.

    Arguments:
        state: the store that processes share.
        now: seconds since the epoch.

    """

    def __init__(self, state: LazyDatabase, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now
        self._lock = threading.Lock()
        self._limits: SharedLimits | None = None

    def take(
        self, call: ToolCall, limits: Sequence[FittingLimit], failures: list[RingfenceError]
    ) -> Reservation | Verdict:
        """Take what a call needs of all limits that count it, or return its refusal, with nothing taken."""
        try:
            claims = list(_claims(call, limits))
            taken = self._shared().take(claims)
        except _NoAmount as refused:
            return refused.verdict
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            return broken("limits", failure("limits", error, failures))
        if isinstance(taken, tuple):
            return _reached(taken)
        return taken

    def _shared(self) -> SharedLimits:
        with self._lock:
            if self._limits is None:
                from ringfence.state.limits import SharedLimits  # noqa: PLC0415 - most policies have no limits

                self._limits = SharedLimits(self._state.get, self._now)
            return self._limits


class _NoAmount(Exception):
    """An argument that a budget counts, and that is no amount."""

    def __init__(self, name: str, budget: Budget, what: str) -> None:
        super().__init__(what)
        self.verdict = Verdict(
            Decision.DENY,
            f"argument {budget.argument!r} is {what}, so limit {name!r} cannot count it",
            rule=f"limits.{name}.budget",
            check=CHECK,
            hint=f"Call it with a number of at least 0 as {budget.argument!r}.",
        )


def _claims(call: ToolCall, limits: Sequence[FittingLimit]) -> Iterator[Claim]:
    from ringfence.state.limits import Claim, Kind  # noqa: PLC0415 - as in Limiter

    for fitting in limits:
        name, limit, budget = fitting.name, fitting.limit, fitting.limit.budget
        amount = 0 if budget is None else _amount(name, budget, call)
        for key in fitting.keys(call.principal.user, call.tool.name, call.session):
            if limit.concurrent is not None:
                yield Claim(name, Kind.CONCURRENT, key, limit.concurrent)
            if limit.calls is not None and limit.seconds is not None:
                yield Claim(name, Kind.CALLS, key, limit.calls, limit.seconds)
            if budget is not None:
                most = min(_parts(budget.most, math.floor), (1 << 62) - 1)
                yield Claim(name, Kind.BUDGET, key, most, budget.seconds, min(amount, 1 << 62))


def _parts(number: float, rounded: Callable[[Decimal], int]) -> int:
    """Return a number in millionths, as its decimal digits say and not as its binary fraction does."""
    from decimal import Decimal  # noqa: PLC0415 - only a budget needs it

    return rounded(Decimal(repr(number)).scaleb(6))


def _amount(name: str, budget: Budget, call: ToolCall) -> int:
    """Return the amount of a call in millionths, rounded up."""
    if budget.argument not in call.arguments:
        raise _NoAmount(name, budget, "missing")
    value = call.arguments[budget.argument]
    if type(value) is int:
        if value < 0:
            raise _NoAmount(name, budget, "negative")
        return value * 1_000_000
    if type(value) is not float or not math.isfinite(value):
        raise _NoAmount(name, budget, "not a number")
    if value < 0:
        raise _NoAmount(name, budget, "negative")
    return _parts(value, math.ceil)


def _reached(found: Reached) -> Verdict:
    claim, wait = found
    what = {
        "concurrent": f"{claim.most} calls are running, and no more may",
        "calls": f"{claim.most} calls were admitted within {claim.seconds:g} s, and no more may be",
        "budget": f"the calls within {claim.seconds:g} s would come to more than {claim.most / 1_000_000:g}",
    }[claim.kind]
    never = claim.kind == "budget" and claim.amount > claim.most
    hint = (
        "Call it with a smaller amount."
        if never
        else "Wait for one of them to end, then call again."
        if wait is None
        else f"Call again in {math.ceil(wait)} s."
    )
    return Verdict(
        Decision.DENY,
        f"limit {claim.name!r}: {what}",
        rule=f"limits.{claim.name}",
        check=CHECK,
        hint=hint,
        retry=not never,
    )

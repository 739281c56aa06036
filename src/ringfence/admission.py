"""Between the gate's two halves: an `Admission` is a call that has been decided and not yet settled.

It holds what the second half needs (the call, the verdict, the policy that was in force when it was decided), so a policy that is
reloaded while a tool runs changes nothing for that run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.call import Outcome, Principal, ToolCall
    from ringfence.errors import RingfenceError
    from ringfence.in_force import InForce
    from ringfence.policy.model import Profile
    from ringfence.policy.rules import RulesHere
    from ringfence.runners.base import Runner
    from ringfence.session import Session
    from ringfence.state.limits import Reservation
    from ringfence.verdict import Verdict


@dataclass(slots=True, eq=False)
class Admission:
    """A decided call.

    Attributes:
        call: the call.
        verdict: what stands.
        session: whose call it is.
        force: what was in force when it was decided.
        failures: the errors behind a broken gate.
        approval: the id of an approval that was given before, where there is one.
        runner, profile: where and with what it runs, once it is admitted.
        rules: the policy's rules about it that ask about earlier calls or count them, and for whom, once it is admitted.
        holds_slot: whether one of the user's slots is taken for it.
        reservation: what it holds of the limits that processes share.
        entered: whether it stands in the session's history.
        observed: whether it runs only because the policy is in observe mode.
        outcome: what became of it; at once where it was denied, None while the tool may run.
        settled: whether its outcome stands in the record.

    """

    call: ToolCall
    verdict: Verdict
    session: Session
    force: InForce
    failures: list[RingfenceError]
    approval: str = ""
    runner: Runner = field(default=None)  # type: ignore[assignment]  # set before anybody may run the call
    profile: Profile = field(default=None)  # type: ignore[assignment]  # likewise
    rules: tuple[tuple[Principal, RulesHere], ...] = ()
    holds_slot: bool = False
    reservation: Reservation | None = None
    entered: bool = False
    observed: bool = False
    outcome: Outcome | None = None
    settled: bool = False

    @property
    def admitted(self) -> bool:
        """Whether the tool may run."""
        return self.outcome is None

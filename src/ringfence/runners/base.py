"""What a runner is: it takes an admitted call to its end and tells what became of it. It never decides whether it may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ringfence.call import Outcome, ToolCall
    from ringfence.policy.model import Profile, Tier
    from ringfence.verdict import Verdict

    Body = Callable[[], object]
    AsyncBody = Callable[[], Awaitable[object]]


class Runner(Protocol):
    """Runs the calls of one tier.

    Attributes:
        tier: the tier it serves.

    """

    tier: Tier

    def missing(self, profile: Profile) -> str:
        """Return a sentence that names what this machine lacks to give the profile's strength; empty where nothing lacks."""

    def run(self, call: ToolCall, verdict: Verdict, profile: Profile, body: Body) -> Outcome:
        """Run a call and return its outcome, failures included.

        Arguments:
            call: the admitted call.
            verdict: why it was admitted, for the outcome.
            profile: what it may use.
            body: calls the tool with its bound arguments, for a tier that runs it in this process.

        Raises:
            BaseException: only what is no `Exception`: exit, interrupt and cancellation.

        """

    async def arun(self, call: ToolCall, verdict: Verdict, profile: Profile, body: AsyncBody) -> Outcome:
        """As `run`, for a tool or a caller in an event loop."""

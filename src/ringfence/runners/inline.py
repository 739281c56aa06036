"""The inline tier: the developer's own trusted function, called directly, with nothing around it.

It enforces no limit of the profile: a thread cannot be stopped from outside. What must be stopped belongs in the sandbox.
"""

from __future__ import annotations

from time import perf_counter
from types import CoroutineType
from typing import TYPE_CHECKING

from ringfence.errors import ToolError
from ringfence.hookspecs import hookimpl
from ringfence.policy.model import Tier
from ringfence.runners.outcomes import raised, returned

if TYPE_CHECKING:
    from ringfence.call import Outcome, ToolCall
    from ringfence.hookspecs import AddRunner
    from ringfence.policy.model import Profile
    from ringfence.runners.base import AsyncBody, Body
    from ringfence.verdict import Verdict


class InlineRunner:
    """Calls the tool in the caller's own thread or task."""

    tier = Tier.INLINE

    def missing(self, profile: Profile) -> str:  # noqa: ARG002 - the contract's argument
        """Return the empty text: there is nothing that a direct call could lack."""
        return ""

    def run(self, call: ToolCall, verdict: Verdict, profile: Profile, body: Body) -> Outcome:  # noqa: ARG002
        """Call the tool; an exception of it is kept in the outcome."""
        start = perf_counter()
        try:
            value = body()
        except Exception as error:  # noqa: BLE001 - the tool's own error is its outcome
            return raised(call, verdict, error, perf_counter() - start)
        if type(value) is CoroutineType:
            value.close()  # its body would run after the call stands in the record as ended
            return raised(call, verdict, _unawaited(call.tool.name), perf_counter() - start)
        return returned(call, verdict, value, perf_counter() - start)

    async def arun(self, call: ToolCall, verdict: Verdict, profile: Profile, body: AsyncBody) -> Outcome:  # noqa: ARG002
        """Await the tool; an exception of it is kept in the outcome."""
        start = perf_counter()
        try:
            value = await body()
        except Exception as error:  # noqa: BLE001
            return raised(call, verdict, error, perf_counter() - start)
        return returned(call, verdict, value, perf_counter() - start)


def _unawaited(tool: str) -> ToolError:
    return ToolError(
        f"the tool {tool!r} is a plain function that returned a coroutine", "Write it as `async def`."
    )


@hookimpl
def ringfence_add_runners(add: AddRunner) -> None:
    """Add the inline runner."""
    add(InlineRunner())

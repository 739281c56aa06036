"""The inline tier: the developer's own trusted function, called directly, with nothing around it.

It enforces no limit of the profile: a thread cannot be stopped from outside. What must be stopped belongs in the sandbox.
"""

from __future__ import annotations

from time import perf_counter
from types import AsyncGeneratorType, CoroutineType, GeneratorType
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


_UNFINISHED = frozenset((GeneratorType, AsyncGeneratorType, CoroutineType))


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
        if _runs_later(value):
            return raised(call, verdict, _unfinished(call.tool.name, value), perf_counter() - start)
        return returned(call, verdict, value, perf_counter() - start)

    async def arun(self, call: ToolCall, verdict: Verdict, profile: Profile, body: AsyncBody) -> Outcome:  # noqa: ARG002
        """Await the tool; an exception of it is kept in the outcome."""
        start = perf_counter()
        try:
            value = await body()
        except Exception as error:  # noqa: BLE001
            return raised(call, verdict, error, perf_counter() - start)
        return returned(call, verdict, value, perf_counter() - start)


def _runs_later(value: object) -> bool:
    """Return whether a value is work that has not been done: its body would run after the call stands in the record as ended."""
    kind = type(value)
    return kind in _UNFINISHED or hasattr(kind, "__await__")


def _unfinished(tool: str, value: object) -> ToolError:
    """Stop the work, and return the error that says how to write the tool."""
    for stop in ("close", "cancel"):
        if hasattr(value, stop):
            getattr(value, stop)()
            break
    what = f"the tool {tool!r} is a plain function that returned a {type(value).__name__}"
    return ToolError(
        what,
        "Write it as `async def`, or with `yield` in its own body, so that the gate covers what it does.",
    )


@hookimpl
def ringfence_add_runners(add: AddRunner) -> None:
    """Add the inline runner."""
    add(InlineRunner())

"""The two ways in which a call that runs in this process ends: it returned, or it raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.call import Outcome, Usage
from ringfence.policy.model import Tier
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from ringfence.call import ToolCall
    from ringfence.verdict import Verdict

_INLINE = Tier.INLINE  # an enumeration's member costs a slow look-up each time it is named


def returned(call: ToolCall, verdict: Verdict, value: object, seconds: float) -> Outcome:
    """Return the outcome of an inline call that returned a value after so many seconds."""
    usage = Usage(seconds)
    return Outcome(call.id, call.tool.name, verdict, True, value, None, "", None, False, _INLINE, (), usage)


def raised(call: ToolCall, verdict: Verdict, error: BaseException, seconds: float) -> Outcome:
    """Return the outcome of an inline call that raised after so many seconds. The error's text may hold anything: it stays out."""
    reason = Reason.CRASHED if isinstance(error, Exception) else Reason.CANCELLED
    return Outcome(
        call.id,
        call.tool.name,
        verdict,
        executed=True,
        reason=reason,
        detail=f"the tool raised {type(error).__name__}",
        error=error,
        tier=Tier.INLINE,
        usage=Usage(seconds),
    )

"""How a broken gate ends an agent's run, whatever stands between the gate and the run.

LangChain turns exceptions of tools into messages, repeats them or hides them, as it was told to. It does none of that with one
family: its own signals that pass through a graph. The one idea: a broken gate is raised as one of them, and remembered besides,
for a middleware that swallows even those.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NoReturn

from ringfence.errors import GuardBroken
from ringfence_langchain.framework import GraphBubbleUp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence import Outcome


class AgentAborted(GuardBroken, GraphBubbleUp):
    """A `GuardBroken` that no error handling of LangChain's own takes for a failed tool. Arguments as for `GuardBroken`."""


_seen: ContextVar[list[AgentAborted] | None] = ContextVar("ringfence_langchain_aborted", default=None)


def abort(outcome: Outcome) -> NoReturn:
    """End the agent's run because of a broken gate.

    Raises:
        AgentAborted: always.

    """
    error = AgentAborted(outcome.tool, outcome.verdict, outcome.call_id, executed=outcome.executed)
    seen = _seen.get()
    if seen is not None:
        seen.append(error)
    raise error from outcome.error


@contextmanager
def aborting() -> Iterator[None]:
    """Run a block, and end the run after it where a gate broke inside and somebody hid that.

    Raises:
        AgentAborted: a gate broke inside.

    """
    seen: list[AgentAborted] = []
    token = _seen.set(seen)
    try:
        yield
    finally:
        _seen.reset(token)
        if seen:
            raise seen[0]

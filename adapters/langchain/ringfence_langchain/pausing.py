"""How a call that a person must approve pauses a graph: LangGraph's `interrupt`, with the question kept in Ringfence's own queue.

On resume LangGraph begins the node anew and hands its answers out in the order in which somebody asks for them, which with several calls in one
node is no certain order. The one idea: an answer says which question it is about, and decides that one, whoever got it; a call runs only when
the queue holds an approval of exactly this call.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any

from ringfence import ApprovalError, RingfenceError, current_session
from ringfence_langchain.framework import interrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence import Approval, Guard, Tool
    from ringfence_langchain.framework import ToolCallRequest

KIND = "ringfence_approval"
NONE = "-"
"""The id of no approval: a call that needs one is denied."""
_MOST_RESULTS = 256
_reference: ContextVar[str | None] = ContextVar("ringfence_langchain_reference", default=None)


@contextmanager
def pausing(reference: str) -> Iterator[None]:
    """Let calls that need a person, in this block, pause the graph.

    Arguments:
        reference: which tool call of which task of which thread it is.

    """
    token = _reference.set(reference)
    try:
        yield
    finally:
        _reference.reset(token)


def reference_of(request: ToolCallRequest) -> str:
    """Return what one tool call is known by, the same whenever LangGraph begins its task anew."""
    known = request.runtime.config.get("configurable", {})
    parts = [known.get("thread_id"), known.get("checkpoint_ns"), request.tool_call["id"]]
    return json.dumps([None if part is None else str(part) for part in parts])


def approval(guard: Guard, tool: Tool, arguments: Mapping[str, object]) -> str:
    """Return the id of what was decided about a call; empty where calls do not pause.

    Raises:
        GraphInterrupt: nobody has decided it yet.

    """
    reference = _reference.get()
    if reference is None:
        return ""
    while True:
        asked = _ask(guard, tool, arguments, reference)
        if asked is None or asked.state != "waiting":
            return NONE if asked is None else asked.request.id
        _decide(guard, interrupt(_question(asked)))


async def aapproval(guard: Guard, tool: Tool, arguments: Mapping[str, object]) -> str:
    """As `approval`, in an event loop, which does not wait for the store."""
    reference = _reference.get()
    if reference is None:
        return ""
    while True:
        asked = await asyncio.to_thread(_ask, guard, tool, arguments, reference)
        if asked is None or asked.state != "waiting":
            return NONE if asked is None else asked.request.id
        answer = interrupt(_question(asked))
        await asyncio.to_thread(_decide, guard, answer)


def _ask(guard: Guard, tool: Tool, arguments: Mapping[str, object], reference: str) -> Approval | None:
    """Return the question about a call; None where it needs none, and where it cannot be asked: the gate denies such a call, and says why."""
    try:
        return guard.request_approval(tool, arguments, reference=reference)
    except RingfenceError:
        return None


def _question(asked: Approval) -> dict[str, Any]:
    """Return what the application shows to a person: secrets masked, and all of it perhaps written by an attacker."""
    request = asked.request
    return {
        "type": KIND,
        "id": request.id,
        "tool": request.tool,
        "arguments": request.arguments,
        "user": request.user,
        "message": request.message,
        "rule": request.rule,
        "four_eyes": request.four_eyes,
        "expires": request.expires,
    }


def _decide(guard: Guard, answer: object) -> None:
    """Decide what an answer, or each of a list, is about. One that decides nothing leaves its question open, so the graph pauses again."""
    for each in answer if isinstance(answer, list) else [answer]:
        if not isinstance(each, dict) or each.get("decision") not in ("approve", "deny"):
            continue
        texts = [each.get(name, "") for name in ("id", "by", "comment")]
        if all(isinstance(text, str) for text in texts):
            with suppress(
                ApprovalError
            ):  # decided already, as on each later resume, or by somebody who may not
                guard.decide_approval(
                    texts[0], approve=each["decision"] == "approve", user=texts[1], comment=texts[2]
                )


class Results:
    """What calls of this process returned, for tasks that are begun anew because a neighbour in the same task paused them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[str, Any] = OrderedDict()

    @staticmethod
    def key(request: ToolCallRequest, reference: str) -> str:
        """Return what a call of one task is known by: its arguments and its caller too; empty outside of tasks, which nobody begins anew."""
        if not request.runtime.config.get("configurable", {}).get("checkpoint_ns"):
            return ""
        principal, call = current_session().principal, request.tool_call
        facts = [reference, principal.user, principal.roles, call["name"], call["args"]]
        return json.dumps(facts, sort_keys=True, default=repr)

    def get(self, key: str) -> Any:
        """Return a result, or None."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: str, result: Any) -> Any:
        """Keep a result, and return it."""
        with self._lock:
            if key:
                self._kept[key] = result
            while len(self._kept) > _MOST_RESULTS:
                self._kept.popitem(last=False)
        return result

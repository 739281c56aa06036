"""Step 1: what comes in becomes a `ToolCall`, with its tool found, its arguments bound and its time taken, or with a refusal.

Nothing is decided here but what cannot be judged: a name that nobody registered, arguments that do not fit, a clock that jumped.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from ringfence.asking import failure
from ringfence.call import ToolCall
from ringfence.refusals import broken, do_not_fit, unknown
from ringfence.tool import Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.clock import Clock
    from ringfence.errors import RingfenceError
    from ringfence.in_force import InForce
    from ringfence.registry import Registry
    from ringfence.session import Session
    from ringfence.verdict import Verdict

_BULK = 256
_ids: list[str] = []


def new_id() -> str:
    """Return sixteen hexadecimal digits from the system's random source, which `secrets` would only wrap. Asked in bulk: it is slow."""
    try:
        return _ids.pop()
    except IndexError:
        digits = os.urandom(8 * _BULK).hex()
        _ids.extend(digits[start : start + 16] for start in range(16, len(digits), 16))
        return digits[:16]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.clear)  # parent and child must not give the same ids


class Incoming:
    """Makes the calls of one guard.

    Arguments:
        registry: the guard's tools.
        clock: the time.

    """

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    def make_call(
        self,
        call_id: str,
        force: InForce,
        session: Session,
        tool: str | Tool,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        failures: list[RingfenceError],
        *,
        runnable: bool,
    ) -> tuple[ToolCall, Verdict | None]:
        """Return the call with its arguments bound, and the refusal where there can be no opinion about it."""
        refusal = None
        bound: Mapping[str, object] = {}
        if isinstance(tool, str):
            known = self._registry.tools.get(tool)
            tool, refusal = (
                (known, None) if known is not None else self._unregistered(force, tool, runnable=runnable)
            )
        elif _is_no_tool(tool):
            name = f"<{type(tool).__name__}>"
            tool, refusal = Tool(name), unknown(name, self._registry.tools, known_to_policy=False)
        if type(kwargs) is not dict and not _is_mapping(kwargs):
            refusal, kwargs = refusal or do_not_fit("they are no mapping of names to values"), {}
        if tool.signature is None or refusal is not None:
            bound = dict(kwargs)  # a copy: the caller's own mapping may change after it was judged
        else:
            try:
                bound = tool.signature.bind(args, kwargs)
            except Exception as error:  # noqa: BLE001 - an adapter's signature runs the framework's validation
                refusal = do_not_fit(str(error) if isinstance(error, TypeError) else type(error).__name__)
                bound = dict(kwargs)
        try:
            now = self._clock.now()
        except Exception as error:  # noqa: BLE001 - fail closed, whatever it is
            now, refusal = self.now(), broken("clock", failure("clock", error, failures))
        return ToolCall(call_id, tool, MappingProxyType(bound), session.principal, session.id, now), refusal

    def _unregistered(self, force: InForce, name: str, *, runnable: bool) -> tuple[Tool, Verdict | None]:
        """Return a stand-in for a tool without registration, and the refusal unless a framework runs it and the policy names it."""
        known = force.policy.names_tool(name)
        tools = self._registry.tools
        return Tool(name[:200]), None if known and runnable else unknown(name, tools, known_to_policy=known)

    def seconds_since(self, call: ToolCall) -> float:
        """Return how long ago a call was made."""
        return max(0.0, self.now() - call.at)

    def now(self) -> float:
        """Return the time, jump or not; 0 where the clock fails, which the call's own record says already."""
        try:
            return self._clock.read()
        except Exception:  # noqa: BLE001 - likewise
            return 0.0


def _is_no_tool(value: object) -> bool:
    return type(value) is not Tool


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)

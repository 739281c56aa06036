"""`RingfenceCallback`: the gate as a callback handler, for chains and agents whose construction cannot be changed.

A handler is told before a tool runs and after. It cannot change what the tool gets or returns; all it can do is raise, and LangChain
heeds that only from a synchronous handler with `raise_error=True`. The one idea: this class is both, and cannot be made otherwise.
"""

from __future__ import annotations

from asyncio import CancelledError
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, NoReturn, final

from ringfence import default_guard
from ringfence_langchain.abort import abort
from ringfence_langchain.binding import Binding, judged_by
from ringfence_langchain.framework import BaseCallbackHandler, ToolMessage
from ringfence_langchain.schema import SchemaSignature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from ringfence import Admission, Guard, Outcome, Tool
    from ringfence_langchain.framework import BaseTool

_MOST_RUNS = 1024
_FIXED = ("raise_error", "run_inline")


@final
class RingfenceCallback(BaseCallbackHandler):
    """Takes every tool call under it through the gate: `invoke(..., config={"callbacks": [RingfenceCallback(guard)]})`.

    A denied call raises `CallDenied` before the tool runs, under `invoke`, `ainvoke`, `stream` and `astream`; a broken gate raises
    `GuardBroken`. Both end the agent's run, unless its tool node turns exceptions into messages. Where the model is to read the
    refusal and go on, use `RingfenceMiddleware`.

    Arguments:
        guard: the guard that decides; the default one where none is given.
        tools: the LangChain tools that will run. The policy sees what their own schemas make of the arguments. A tool
            that is not among them is known by its name only, and judged on the arguments as the model wrote them.

    Raises:
        NoGuard: no guard was given, and there is no default one.
        ToolExists: the guard knows another function under a tool's name.

    """

    raise_error = True
    run_inline = False

    def __init__(self, guard: Guard | None = None, tools: Iterable[BaseTool] = ()) -> None:
        self._guard = guard or default_guard()
        self._known = {tool.name: _Known(tool, self._guard) for tool in tools}
        self._open: dict[UUID, tuple[UUID | None, Admission]] = {}
        self._lock = Lock()

    def __init_subclass__(cls, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{cls.__name__} cannot inherit from RingfenceCallback: an overridden or asynchronous method would let denied "
            "tools run. Pass a handler of your own beside it."
        )

    def __setattr__(self, name: str, value: object) -> None:
        if name in _FIXED or name.startswith(("on_", "ignore_")):
            raise AttributeError(
                f"RingfenceCallback.{name} is fixed: another value would let denied tools run"
            )
        super().__setattr__(name, value)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        inputs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Admit a tool call, or raise before the tool runs.

        Raises:
            CallDenied: the call is denied.
            GuardBroken: the gate failed.

        """
        name = str((serialized or {}).get("name") or kwargs.get("name") or "")
        known = self._known.get(name)
        if inputs is not None:
            admission = self._guard.admit(known.judged if known else name, inputs)
        else:
            first = known.first if known else "tool_input"
            admission = self._guard.admit(known.judged_text if known else name, {first: input_str})
        if admission.outcome is not None:
            _raise(admission.outcome)
        self._remember(run_id, parent_run_id, admission)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002 - the hook's arguments
        """Inspect and record what the tool returned.

        Raises:
            RunFailed: inspection withheld the result.
            GuardBroken: the gate failed; the result goes nowhere.

        """
        admission = self._forget(run_id)
        if admission is not None:
            shown = output.content if isinstance(output, ToolMessage) else output
            outcome = self._guard.finish(admission, shown)
            if not outcome.success:
                _raise(outcome)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """Record that the tool raised. LangChain goes on with the tool's own exception.

        Raises:
            GuardBroken: the gate failed.

        """
        admission = self._forget(run_id)
        if admission is not None:
            outcome = self._guard.finish(admission, error=error)
            if outcome.broken:
                abort(outcome)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """Settle the calls of a chain that has ended, where nobody told how they did."""
        self._settle_children(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """As `on_chain_end`."""
        self._settle_children(run_id)

    def _remember(self, run_id: UUID, parent: UUID | None, admission: Admission) -> None:
        with self._lock:
            self._open[run_id] = parent, admission
            oldest = next(iter(self._open)) if len(self._open) > _MOST_RUNS else None
        if oldest is not None:
            self._settle([oldest])

    def _forget(self, run_id: UUID) -> Admission | None:
        with self._lock:
            return self._open.pop(run_id, (None, None))[1]

    def _settle_children(self, parent: UUID) -> None:
        with self._lock:
            children = [run_id for run_id, (owner, _) in self._open.items() if owner == parent]
        self._settle(children)

    def _settle(self, run_ids: Iterable[UUID]) -> None:
        """Record calls whose end was never told, as when another handler raised after this one had admitted them."""
        for run_id in run_ids:
            admission = self._forget(run_id)
            if admission is not None:
                self._guard.finish(admission, error=CancelledError())


class _Known:
    """A tool that was named in advance: what it is judged by, and the name of the argument that a bare text is for."""

    def __init__(self, tool: BaseTool, guard: Guard) -> None:
        function = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or tool._run  # noqa: SLF001 - the method that LangChain asks tools to write
        binding = Binding(tool, function, tool._run)  # noqa: SLF001
        self.first = binding.first
        judged = judged_by(tool, function, guard)
        self.judged: Tool = replace(judged, signature=SchemaSignature(tool, binding))
        self.judged_text: Tool = replace(judged, signature=SchemaSignature(tool, binding, text=True))


def _raise(outcome: Outcome) -> None:
    if outcome.broken:
        abort(outcome)
    outcome.unwrap()

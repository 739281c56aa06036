"""How the kinds of tools are called: the body that a runner runs, for a caller with or without an event loop.

asyncio is imported where it is needed: `import ringfence` must not pay for it.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

from ringfence.errors import ToolError
from ringfence.policy.model import Tier
from ringfence.tool import Kind

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence

    from ringfence.admission import Admission
    from ringfence.runners.base import AsyncBody, Body
    from ringfence.tool import Tool

T = TypeVar("T")


def split_receiver(tool: Tool, args: Sequence[object]) -> tuple[object, Sequence[object]]:
    """Return the object that a method is called on, and the arguments after it; None for a function."""
    if tool.signature is None or not tool.signature.receiver or not args:
        return None, args
    return args[0], args[1:]


def call_tool(tool: Tool, arguments: Mapping[str, object], receiver: object = None) -> object:
    """Call a tool's function with bound arguments; for the asynchronous kinds this starts nothing yet."""
    if tool.function is None or tool.signature is None:
        msg = f"the tool {tool.name!r} has no function here"
        raise ToolError(msg, "Register its function, or run it through its framework's adapter.")
    return tool.signature.call(tool.function, arguments, receiver)


def sync_body(admission: Admission, receiver: object = None) -> Body:
    """Return what runs an admitted call to its end, from a thread without an event loop.

    Raises:
        ToolError: the tool is asynchronous, and an event loop is running in this thread.

    """
    tool, arguments = admission.call.tool, admission.call.arguments
    call = partial(call_tool, tool, arguments, receiver)
    if tool.kind is Kind.SYNC:
        return call
    if tool.kind is Kind.GENERATOR:
        return lambda: _drain(call())  # type: ignore[arg-type]  # the kind tells
    _refuse_running_loop(tool)
    return lambda: _run_loop(async_body(admission, receiver))


def async_body(admission: Admission, receiver: object = None) -> AsyncBody:
    """Return what runs an admitted call of an asynchronous tool to its end, in an event loop."""
    tool, arguments = admission.call.tool, admission.call.arguments
    call = partial(call_tool, tool, arguments, receiver)
    if tool.kind is Kind.ASYNC:
        return call  # type: ignore[return-value]  # the kind tells
    return lambda: _adrain(call())  # type: ignore[arg-type]


def runs_in_thread(admission: Admission) -> bool:
    """Return whether an admitted call, made in an event loop, must run and be settled in a thread: it would block the loop.

    The thread cannot be stopped, so the call keeps its slot until the function ends, also when its caller was cancelled.
    """
    tier = admission.runner.tier
    return tier is Tier.RESTRICTED or (tier is Tier.INLINE and not admission.call.tool.kind.asynchronous)


async def in_thread(
    function: Callable[[], T], abandoned: Callable[[T], object] | None = None, *, daemon: bool = False
) -> T:
    """Return what a function returns, called in a thread of its own with the caller's context.

    The event loop's own threads would not do: they are few, so that one user's waiting calls would keep everybody's waiting, and
    what still stands in their line when the loop ends is never begun.

    Arguments:
        function: what may block.
        abandoned: called with the result where the caller was cancelled meanwhile, so that nothing is left open. It is called
            even if the event loop has ended by then.
        daemon: whether the process may end before the function does.

    """
    import asyncio  # noqa: PLC0415

    loop = asyncio.get_running_loop()
    handover = _Handover(function, abandoned, loop, loop.create_future())
    threading.Thread(
        target=copy_context().run, args=(handover.run,), name="ringfence-call", daemon=daemon
    ).start()
    try:
        await handover.arrived
    except asyncio.CancelledError:
        handover.give_up()
        raise
    return handover.take()


class _Handover(Generic[T]):
    """A result on its way from a thread to a caller who may have gone."""

    def __init__(
        self,
        function: Callable[[], T],
        abandoned: Callable[[T], object] | None,
        loop: AbstractEventLoop,
        arrived: Future[None],
    ) -> None:
        self._function = function
        self._abandoned = abandoned
        self._loop = loop
        self.arrived = arrived
        self._lock = threading.Lock()
        self._taker_left = False
        self._take: Callable[[], T] | None = None

    def run(self) -> None:
        """Call the function, in the thread."""
        try:
            value = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is taken
            self._arrive(partial(_raise, error))
        else:
            self._arrive(lambda: value)

    def _arrive(self, take: Callable[[], T]) -> None:
        with self._lock:
            self._take = take
        self._clear_up()
        with suppress(RuntimeError):  # the loop has ended, and its caller with it
            self._loop.call_soon_threadsafe(self._announce)

    def _announce(self) -> None:
        if not self.arrived.done():
            self.arrived.set_result(None)

    def take(self) -> T:
        """Return or raise what the function did."""
        if self._take is None:
            raise RuntimeError("the thread ended without a result")
        return self._take()

    def give_up(self) -> None:
        """Say that nobody will take the result."""
        with self._lock:
            self._taker_left = True
        self._clear_up()

    def _clear_up(self) -> None:
        with self._lock:
            if not self._taker_left or self._take is None or self._abandoned is None:
                return
            abandoned, self._abandoned = self._abandoned, None
        with suppress(Exception):  # the function's own: nobody is left to be told
            abandoned(self._take())


def _raise(error: BaseException) -> NoReturn:
    raise error


def _drain(items: Iterable[object]) -> list[object]:
    return list(items)


async def _adrain(items: AsyncIterable[object]) -> list[object]:
    return [item async for item in items]


def _refuse_running_loop(tool: Tool) -> None:
    import asyncio  # noqa: PLC0415

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    msg = f"the tool {tool.name!r} is asynchronous, and an event loop is running"
    raise ToolError(msg, "Use `await guard.arun(...)`.")


def _run_loop(body: AsyncBody) -> object:
    import asyncio  # noqa: PLC0415

    async def whole() -> object:
        return await body()

    return asyncio.run(whole())

"""Guarded generators: what a generator tool hands out, item by item, until its outcome stands in the record.

The call was admitted when the generator was made. The body runs as the caller who made it, whoever asks for the next item,
and a generator that is dropped half way is closed and settled like any other.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from ringfence.session import acting_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.admission import Admission
    from ringfence.call import Outcome
    from ringfence.gate import Gate


class _Stream:
    """What both kinds share: the call behind the items, and its end."""

    def __init__(self, gate: Gate, admission: Admission, start: Callable[[], object]) -> None:
        self._gate = gate
        self._admission = admission
        self._start = start
        self._inner: Any = None
        self._turn = threading.Lock()
        self._process = os.getpid()

    def _refuse_copies(self) -> None:
        """Refuse to go on in a forked process: one admitted call runs once, and its record is the other process's."""
        if self._process != os.getpid():
            raise RuntimeError(
                "a generator that was admitted in one process cannot go on in another one: call the tool again"
            )

    def _inspect(self, item: object) -> Outcome | None:
        """Return the outcome that withholds an item, or None."""
        if not self._admission.force.asking.inspectors:
            return None
        outcome = self._gate.inspect(self._admission, self._gate.ended(self._admission, item))
        return None if outcome.reason is None else outcome

    def _end(self, error: BaseException | None = None) -> None:
        """Settle the call that ended by itself. A log that cannot take the outcome breaks the stream."""
        settled = self._gate.settle(self._admission, self._gate.ended(self._admission, error=error))
        if settled.broken:
            settled.unwrap()

    def _give_up(self) -> None:
        """Settle the call whose items nobody wants any more."""
        self._settlement()()

    def _settlement(self) -> Callable[[], object]:
        """Return what settles the call as given up. It does not hold this object, which may be on its way out."""
        if self._inner is None:
            return partial(self._gate.cancel, self._admission)
        outcome = self._gate.ended(self._admission, error=GeneratorExit())
        return partial(self._gate.settle, self._admission, outcome)

    def _drops(self) -> bool:
        """Return whether this object goes before its call ended. What a forked child inherited is its parent's to settle."""
        return not self._admission.settled and self._process == os.getpid()


class GuardedGenerator(_Stream, Generator[Any, Any, Any]):
    """The items of one admitted call of a generator tool."""

    def send(self, value: Any) -> Any:
        """Return the next item, as a generator's `send` does."""
        return self._step(lambda: self._inner.send(value))

    def throw(self, error: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise inside the tool's body, as a generator's `throw` does."""
        raising = error if value is None else value
        return self._step(
            lambda: self._inner.throw(raising.with_traceback(traceback) if traceback else raising)
        )

    def close(self) -> None:
        """Close the tool's body and settle the call.

        Raises:
            ValueError: it is running, in this thread or another.

        """
        if self._admission.settled:
            return
        if not self._turn.acquire(blocking=False):
            raise ValueError("generator already executing")
        try:
            self._close_body()
        finally:
            self._give_up()
            self._turn.release()

    def _close_body(self) -> None:
        if self._inner is not None:
            with acting_in(self._admission.session):
                self._inner.close()

    def __del__(self) -> None:
        if self._drops():
            try:
                self._close_body()
            finally:
                self._gate.drop(self._settlement())

    def _step(self, advance: Callable[[], Any]) -> Any:
        self._refuse_copies()
        if self._admission.settled:
            raise StopIteration
        if not self._turn.acquire(blocking=False):
            raise ValueError("generator already executing")
        try:
            with acting_in(self._admission.session):
                return self._advance(advance)
        finally:
            self._turn.release()

    def _advance(self, advance: Callable[[], Any]) -> Any:
        try:
            if self._inner is None:
                self._inner = self._start()
            item = advance()
        except StopIteration as stop:
            withheld = None if stop.value is None else self._inspect(stop.value)
            if withheld is not None:
                self._gate.settle(self._admission, withheld).unwrap()
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise
        withheld = self._inspect(item)
        if withheld is not None:
            self._inner.close()
            self._gate.settle(self._admission, withheld).unwrap()
        return item


class GuardedAsyncGenerator(_Stream, AsyncGenerator[Any, Any]):
    """The items of one admitted call of an async generator tool."""

    async def asend(self, value: Any) -> Any:
        """Return the next item, as an async generator's `asend` does."""
        return await self._step(lambda: self._inner.asend(value))

    async def athrow(self, error: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise inside the tool's body, as an async generator's `athrow` does."""
        raising = error if value is None else value
        return await self._step(
            lambda: self._inner.athrow(raising.with_traceback(traceback) if traceback else raising)
        )

    async def aclose(self) -> None:
        """Close the tool's body and settle the call.

        Raises:
            RuntimeError: it is running, in this task or another.

        """
        if self._admission.settled:
            return
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("asynchronous generator is already running")
        try:
            if self._inner is not None:
                with acting_in(self._admission.session):
                    await self._inner.aclose()
        finally:
            self._give_up()
            self._turn.release()

    def __del__(self) -> None:
        # Nothing can be awaited here: the event loop's own hook closes the tool's body.
        if self._drops():
            self._gate.drop(self._settlement())

    async def _step(self, advance: Callable[[], Any]) -> Any:
        self._refuse_copies()
        if self._admission.settled:
            raise StopAsyncIteration
        if not self._turn.acquire(blocking=False):
            raise RuntimeError("asynchronous generator is already running")
        try:
            with acting_in(self._admission.session):
                return await self._advance(advance)
        finally:
            self._turn.release()

    async def _advance(self, advance: Callable[[], Any]) -> Any:
        try:
            if self._inner is None:
                self._inner = self._start()
            item = await advance()
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise
        withheld = self._inspect(item)
        if withheld is not None:
            await self._inner.aclose()
            self._gate.settle(self._admission, withheld).unwrap()
        return item

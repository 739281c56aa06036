"""Bytes on their way from one socket to another, in one direction: received, filtered, held in a small buffer, sent.

The one idea: nothing is received while the buffer is full, so a slow reader slows the writer down and costs no memory.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.sandbox.egress.bodies import Filter

_PIECE = 64 * 1024
_ROOM = 64 * 1024
"""A full buffer. It is exceeded by one piece at most, and by what writing chunks anew adds to that."""


class Flow:
    """One direction of a connection.

    Arguments:
        source: where bytes come from. It does not block.
        sink: where they go. It does not block.
        through: what may pass.

    Attributes:
        ended: whether the source will give nothing more.

    """

    __slots__ = ("_through", "_waiting", "ended", "sink", "source")

    def __init__(self, source: socket.socket, sink: socket.socket, through: Filter) -> None:
        self.source = source
        self.sink = sink
        self.ended = False
        self._through = through
        self._waiting = bytearray()

    @property
    def receives(self) -> bool:
        """Whether there is room for more."""
        return not self.ended and len(self._waiting) < _ROOM

    @property
    def sends(self) -> bool:
        """Whether there is something to be sent."""
        return bool(self._waiting)

    @property
    def delivered(self) -> bool:
        """Whether everything was sent and nothing more will come."""
        return self.ended and not self._waiting

    def put(self, data: bytes) -> None:
        """Send bytes of the proxy's own."""
        self._waiting += data

    def feed(self, data: bytes) -> bool:
        """Take bytes that were received, and return whether some of them pass.

        Raises:
            Refused: the filter refuses them.

        """
        passed = self._through.feed(data)
        self._waiting += passed
        return bool(passed)

    def pull(self) -> bool:
        """Receive once, and return whether something came that passes.

        Raises:
            OSError: the source is broken.
            Refused: the filter refuses what came.

        """
        try:
            data = self.source.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return False
        if data:
            return self.feed(data)
        self.ended = True
        self._waiting += self._through.end()
        return True

    def push(self) -> bool:
        """Send once, and return whether something was sent.

        Raises:
            OSError: the sink is broken.

        """
        with suppress(BlockingIOError, InterruptedError):
            sent = self.sink.send(self._waiting[:_PIECE])
            del self._waiting[:sent]
            return sent > 0
        return False

    def close_sink(self) -> None:
        """Tell the sink that nothing more will come."""
        with suppress(OSError):
            self.sink.shutdown(socket.SHUT_WR)

    def give_up(self) -> None:
        """Drop what waits, and take no more."""
        self.ended = True
        self._waiting.clear()

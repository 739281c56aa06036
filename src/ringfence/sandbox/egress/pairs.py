"""Two ends of one TCP connection over loopback, both in this process: one is handed to a run, the other is served by the proxy.

A pair of local sockets would be simpler, but is no TCP: `getpeername` gives no address and `TCP_NODELAY` fails, which clients do not expect.
The one idea: the listener that it takes lives until the two have met, and whoever else comes in between is turned away by his address.
"""

from __future__ import annotations

import socket
from contextlib import suppress

_HOST = "127.0.0.1"
_MOST_WAITING = 16
_BUFFER = 64 * 1024


class Pair:
    """A connection that is being made. Nothing in here waits.

    Attributes:
        near: the end that is handed over.

    Raises:
        OSError: no descriptors or ports are left, or there is no loopback.

    """

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.near = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._listener.bind((_HOST, 0))
            self._listener.listen(_MOST_WAITING)
            self._listener.setblocking(False)
            _prepare(self.near)
            self.near.setblocking(False)
            with suppress(BlockingIOError):
                self.near.connect(self._listener.getsockname())
        except OSError:
            self.close()
            raise

    def accept(self) -> socket.socket | None:
        """Return the other end, once it is there. Somebody else's connection is closed.

        Raises:
            OSError: no descriptors are left.

        """
        own = self.near.getsockname()
        for _ in range(_MOST_WAITING):
            try:
                far, peer = self._listener.accept()
            except (BlockingIOError, ConnectionError):
                return None
            if peer == own:
                _prepare(far)
                self._listener.close()
                return far
            far.close()
        return None

    def close(self) -> None:
        """Close what is left in here: the listener and the near end."""
        self._listener.close()
        self.near.close()


def _prepare(end: socket.socket) -> None:
    """Send small pieces at once, and keep what lies between the two within bounds: it is no run's memory."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

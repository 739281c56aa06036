"""The way out of one pool's runs: its proxy, and what leads to it: listeners in network namespaces, or a `Connector` that answers each connect."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.sandbox.connects import Connector
    from ringfence.sandbox.egress import EgressProxy

PROXY_HOST = "127.0.0.1"


class WayOut:
    """What leads out of a pool, if its profile grants the network at all. Nothing in here waits but `close`.

    Arguments:
        setup: what the pool's zygotes are; it says which engine there is, and the proxy's port.

    """

    def __init__(self, setup: Mapping[str, Any]) -> None:
        self._port = int(setup["proxy_port"])
        self._listeners: list[socket.socket] = []
        self._connector: Connector | None = None
        self.proxy: EgressProxy | None = None

    def serve(self, proxy: EgressProxy) -> None:
        """Let a proxy be what this leads to, if there is none yet; else close it."""
        if self.proxy is not None:
            proxy.close()
            return
        self.proxy = proxy
        self._serve_listeners()

    def listen(self, fds: list[int]) -> None:
        """Take listeners of a network namespace."""
        self._listeners += [socket.socket(fileno=fd) for fd in fds]
        self._serve_listeners()

    def _serve_listeners(self) -> None:
        while self.proxy is not None and self._listeners:
            self.proxy.serve(self._listeners.pop())

    def answer(self, number: int, fd: int) -> None:
        """Take the listener of a worker's filter, by its slot's number, and answer what it is asked."""
        if self._connector is None:
            from ringfence.sandbox.connects import Connector  # noqa: PLC0415 - few pools need it

            self._connector = Connector(PROXY_HOST, self._port, self._adopt)
        self._connector.answer(number, fd)

    def _adopt(self, connection: socket.socket) -> None:
        if self.proxy is None:
            connection.close()
        else:
            self.proxy.adopt(connection)

    def leave(self, number: int) -> None:
        """Answer nothing more of a worker, by its slot's number; the next one there brings its own listener."""
        if self._connector is not None:
            self._connector.leave(number)

    def close(self) -> None:
        """Close all of it, and wait for its threads."""
        for listener in self._listeners:
            listener.close()
        if self._connector is not None:
            self._connector.close()
        if self.proxy is not None:
            self.proxy.close()

    def forget(self) -> None:
        """Let go of it in a forked child: it all belongs to the parent."""
        if self._connector is not None:
            self._connector.forget()

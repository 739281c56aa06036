"""`EgressProxy`: one thread that serves every connection, and a short-lived one for each lookup, since those block.

What happens on a connection stands in `connection.py`. The one idea: a connection costs two sockets and two small buffers, never a
thread, and how many there may be is said beforehand.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, DefaultSelector
from threading import Lock, Thread, current_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

from ringfence.sandbox.egress.addresses import find, look_up
from ringfence.sandbox.egress.connection import Connection, Seconds, Stage
from ringfence.sandbox.egress.names import Destinations
from ringfence.sandbox.egress.refusing import Refusal, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.sandbox.egress.addresses import Address, Resolve
    from ringfence.sandbox.egress.requests import Request

_LOOKUP_SECONDS = 2
"""How long `close` waits for lookups: the system's resolver cannot be interrupted, and its threads hold nothing."""
_EXHAUSTED_SECONDS = 0.02
_ENDED = (Stage.FAREWELL, Stage.CLOSED)


class EgressProxy:
    """An HTTP proxy that reaches the granted hosts and no others.

    It takes CONNECT for TLS, and `http://` requests, one in each connection. A host or port that is not granted gets 403, and no
    question about it goes to any DNS server. A name whose addresses are not all public is refused likewise, also under `*`: addresses
    of this machine and of the networks around it are granted only as themselves, or by `localhost` for loopback.

    In a tunnel, the ClientHello must name the host that the tunnel was opened for; what is not TLS passes only where the grant is for
    the address itself, since a name's address may serve other names too.

    Arguments:
        hosts: names or IP addresses; `*.example.org` for every name below `example.org`, `*` for all. Empty: none.
        ports: ports. Empty: none.
        resolve: finds the addresses of a name, each with its family, as texts; it may block. None: the system's resolver.
        most_connections: how many connections it serves at once; further ones get 503.
        idle_seconds: how long a connection may be silent.
        header_seconds: how long the headers of a request may take.
        on_refusal: is told what was refused, in the proxy's own thread, so it should be quick; what it raises is ignored.

    Raises:
        ValueError: a host is not one that can be granted.

    """

    def __init__(
        self,
        hosts: tuple[str, ...],
        ports: tuple[int, ...],
        *,
        resolve: Resolve | None = None,
        most_connections: int = 32,
        idle_seconds: float = 60,
        header_seconds: float = 10,
        on_refusal: Callable[[Refusal], None] | None = None,
    ) -> None:
        self._granted = Destinations(hosts, ports)
        self._resolve = look_up if resolve is None else resolve
        self._most = most_connections
        self._seconds = Seconds(header_seconds, idle_seconds)
        self._on_refusal = on_refusal
        self._lock = Lock()
        self._loop: _Loop | None = None
        self._closed = False

    def serve(self, listener: socket.socket) -> None:
        """Serve a listening stream socket, which is the proxy's own from now on, and return at once.

        Raises:
            RuntimeError: the proxy is closed.

        """
        listener.setblocking(False)
        if not self._give(lambda loop: loop.listen(listener)):
            listener.close()
            raise RuntimeError("this proxy is closed: make another one")

    def adopt(self, connection: socket.socket) -> None:
        """Serve one accepted connection, which is the proxy's own from now on. A closed proxy closes it."""
        if not self._give(lambda loop: loop.welcome(connection)):
            connection.close()

    def close(self) -> None:
        """Stop: close every listener and connection and wait for the threads. It may be called again."""
        with self._lock:
            self._closed = True
            loop = self._loop
        if loop is not None:
            loop.stop()

    def _give(self, task: Callable[[_Loop], None]) -> bool:
        with self._lock:
            if self._closed:
                return False
            if self._loop is None:
                self._loop = _Loop(self._granted, self._resolve, self._most, self._seconds, self._on_refusal)
            loop = self._loop
        return loop.call(partial(task, loop))


class _Loop:
    """The thread that serves, and what it holds. It is there from the first socket on."""

    def __init__(
        self,
        granted: Destinations,
        resolve: Resolve,
        most: int,
        seconds: Seconds,
        on_refusal: Callable[[Refusal], None] | None,
    ) -> None:
        self._granted = granted
        self._resolve = resolve
        self._most = most
        self._seconds = seconds
        self._on_refusal = on_refusal
        self._selector = DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._selector.register(self._bell, EVENT_READ, self._hear)
        self._listeners: list[socket.socket] = []
        self._connections: set[Connection] = set()
        self._lookups: set[Thread] = set()
        self._looking = 0  # how many of them are still to tell what they found
        self._lock = Lock()
        self._tasks: deque[Callable[[], None]] = deque()
        self._stopped = False
        self._thread = Thread(target=self._run, name="ringfence-egress", daemon=True)
        self._thread.start()

    # From other threads

    def call(self, task: Callable[[], None]) -> bool:
        """Run a task in the loop's thread; return False where it has stopped and will not."""
        with self._lock:
            if self._stopped:
                return False
            self._tasks.append(task)
            with suppress(BlockingIOError):  # full of rings already
                self._ringer.send(b"\0")
        return True

    def stop(self) -> None:
        """Stop, and wait for the threads."""
        self.call(self._end)
        if current_thread() is self._thread:
            return
        self._thread.join()
        until = monotonic() + _LOOKUP_SECONDS
        for lookup in tuple(self._lookups):
            lookup.join(max(0.0, until - monotonic()))

    # In the loop's thread

    def listen(self, listener: socket.socket) -> None:
        """Accept connections from a listener."""
        if listener in self._listeners:
            return
        self._listeners.append(listener)
        self._selector.register(listener, EVENT_READ, lambda _: self._accept(listener))

    def welcome(self, client: socket.socket) -> None:
        """Serve a client, or tell it that there are too many. So many are told at a time; more are not even that."""
        active = sum(connection.stage not in _ENDED for connection in self._connections)
        if len(self._connections) >= 2 * self._most:
            client.close()
            return
        try:
            connection = Connection(client, self._selector, self, self._seconds)
        except (OSError, ValueError):  # closed by somebody else
            client.close()
            return
        self._connections.add(connection)
        if active >= self._most:
            connection.refuse(_too_many("connections"))

    def ask(self, connection: Connection, request: Request) -> None:
        """Judge a request before anything is looked up, then look it up in a thread."""
        self._granted.check(request.host, request.port)
        if self._looking >= self._most:  # those of clients that have gone count too
            raise _too_many("lookups")
        lookup = Thread(
            target=self._look_up, args=(connection, request), name="ringfence-lookup", daemon=True
        )
        self._lookups.add(lookup)
        try:
            lookup.start()
        except RuntimeError:
            self._lookups.discard(lookup)
            raise _too_many("threads") from None
        self._looking += 1

    def names_address(self, host: str) -> bool:
        """Return whether the grant is for an address itself."""
        return self._granted.names_address(host)

    def tell(self, refused: Refused) -> None:
        """Tell the host of a refusal. It stands, whatever the host makes of it."""
        refusal = refused.refusal
        if refusal is not None and self._on_refusal is not None:
            with suppress(Exception):
                self._on_refusal(refusal)

    def _look_up(self, connection: Connection, request: Request) -> None:
        result: list[Address] | Refused
        try:
            result = find(request.host, request.port, self._resolve, self._granted)
        except Refused as refused:
            result = refused
        except Exception:  # noqa: BLE001 - whatever it is, the connection is told, and nothing is dialled
            result = Refused(HTTPStatus.BAD_GATEWAY, "the host's addresses could not be judged")
        self.call(partial(self._found, connection, result))
        self._lookups.discard(current_thread())

    def _found(self, connection: Connection, result: list[Address] | Refused) -> None:
        self._looking -= 1
        connection.found(result)

    def _run(self) -> None:
        try:
            while not self._stopped:
                for key, events in self._selector.select(self._patience()):
                    known = self._selector.get_map().get(key.fd)
                    if known is not None and known.fileobj is key.fileobj:  # not closed by the one before
                        key.data(events)
                self._tidy()
        finally:
            self._close_all()

    def _patience(self) -> float | None:
        """Return the seconds until the next connection's time is up."""
        if not self._connections:
            return None
        return max(0.0, min(connection.deadline for connection in self._connections) - monotonic())

    def _tidy(self) -> None:
        now = monotonic()
        for connection in tuple(self._connections):
            if connection.stage is not Stage.CLOSED and connection.deadline <= now:
                connection.expire()
            if connection.stage is Stage.CLOSED:
                self._connections.discard(connection)

    def _hear(self, _: int) -> None:
        with suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._tasks:
            self._tasks.popleft()()

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return
        except OSError:  # no descriptors left: it stays ready, so without a pause this would spin
            sleep(_EXHAUSTED_SECONDS)
            return
        self.welcome(client)

    def _end(self) -> None:
        self._stopped = True

    def _close_all(self) -> None:
        with self._lock:
            self._stopped = True
        while self._tasks:  # sockets that were handed over a moment ago
            self._tasks.popleft()()
        for connection in self._connections:
            connection.close()
        for sock in (*self._listeners, self._bell, self._ringer):
            sock.close()
        self._selector.close()


def _too_many(what: str) -> Refused:
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"the proxy has too many {what} at the moment")

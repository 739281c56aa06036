"""One client of the proxy, from its first byte to its last: request, lookup, dialling, relaying, farewell.

It never blocks: the loop in `proxy.py` calls it when a socket is ready or its time is up. The one idea: it is in one stage at a time,
and each stage says which sockets it waits for and until when.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import suppress
from enum import Enum, auto
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ringfence.sandbox.egress.addresses import family_of
from ringfence.sandbox.egress.bodies import Everything
from ringfence.sandbox.egress.hello import Hello
from ringfence.sandbox.egress.refusing import UNRECOGNIZED_NAME, Refused, reply
from ringfence.sandbox.egress.relay import Relay
from ringfence.sandbox.egress.requests import HeadReader, Request, read_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.sandbox.egress.addresses import Address
    from ringfence.sandbox.egress.bodies import Filter

_PIECE = 64 * 1024
_CONNECT_SECONDS = 10
_MOST_ADDRESSES = 8
"""How many addresses are tried: a name may have thousands, and each may take the whole time-out."""
_FAREWELL_SECONDS = 2
_GONE_SECONDS = 5
"""How long a server may stay silent after its client has said that it sends no more, and has most likely gone."""


class Seconds(NamedTuple):
    """How long a connection may take.

    Arguments:
        header: until the head of the request is complete.
        idle: without a byte passing, in either direction.

    """

    header: float
    idle: float


class Services(Protocol):
    """What the loop does for a connection."""

    def ask(self, connection: Connection, request: Request) -> None:
        """Judge a request and find addresses for it, in a while: call `found`.

        Raises:
            Refused: it is not granted.

        """

    def names_address(self, host: str) -> bool:
        """Return whether the grant is for an address itself."""

    def tell(self, refused: Refused) -> None:
        """Tell the host of a refusal."""


class Stage(Enum):
    """What a connection is doing."""

    HEAD = auto()
    LOOKUP = auto()
    DIALLING = auto()
    RELAY = auto()
    FAREWELL = auto()
    CLOSED = auto()


class Connection:
    """A client's connection.

    Arguments:
        client: its socket, which is the connection's from now on.
        selector: where it waits for its sockets; the data of each registration is a function of the events.
        services: the loop.
        seconds: how long it may take.

    Attributes:
        stage: what it is doing.
        deadline: when its time is up, in seconds of `monotonic`.

    """

    def __init__(
        self, client: socket.socket, selector: BaseSelector, services: Services, seconds: Seconds
    ) -> None:
        self.stage = Stage.HEAD
        self.deadline = monotonic() + seconds.header
        self._client = client
        self._server: socket.socket | None = None
        self._selector = selector
        self._services = services
        self._seconds = seconds
        self._head = HeadReader()
        self._request: Request | None = None
        self._early = b""  # what came after the head
        self._candidates: deque[Address] = deque()
        self._relay: Relay | None = None
        self._farewell = b""
        _prepare(client)
        self._wait()

    def close(self) -> None:
        """Close its sockets; what waits to be sent is lost."""
        if self.stage is Stage.CLOSED:
            return
        self.stage = Stage.CLOSED
        self._relay = None
        self._close_server()
        self._watch(self._client, 0)
        self._client.close()

    def refuse(self, refused: Refused) -> None:
        """Turn the client away."""
        self._guarded(lambda: self._refuse(refused))

    def _refuse(self, refused: Refused) -> None:
        """Turn the client away, as well as that can still be said."""
        if self._request is not None:
            refused = refused.at(self._request.host, self._request.port)
        self._services.tell(refused)
        relay = self._relay
        if relay is None or not (relay.tunnel or relay.answered):
            self._leave(reply(refused))
        elif relay.tunnel and relay.quiet:
            self._leave(UNRECOGNIZED_NAME)
        else:
            self.close()

    def found(self, result: list[Address] | Refused) -> None:
        """Go on with the addresses that may be dialled, or with why there are none."""
        if self.stage is Stage.LOOKUP:
            self._guarded(lambda: self._dial_first(result))

    def expire(self) -> None:
        """Do what is due when the time is up."""
        self._guarded(self._expire)

    def _ready(self, sock: socket.socket, events: int) -> None:
        self._guarded(lambda: self._advance(sock, events))

    def _guarded(self, step: Callable[[], None]) -> None:
        """Take a step and wait for what comes next. Whatever goes wrong ends this connection and no other."""
        try:
            try:
                step()
            except Refused as refused:
                self._refuse(refused)
            self._wait()
        except Exception:  # noqa: BLE001 - what it says may be the client's own text; a broken socket is nobody's news
            self.close()

    def _advance(self, sock: socket.socket, events: int) -> None:
        if self.stage is Stage.HEAD:
            self._read_head()
        elif self.stage is Stage.DIALLING and self._request is not None:
            self._dialled(sock, self._request)
        elif self.stage is Stage.RELAY and self._relay is not None:
            self._pass_on(self._relay, sock, events)
        elif self.stage is Stage.FAREWELL:
            self._say_farewell()

    def _expire(self) -> None:
        if self.stage is Stage.HEAD:
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the headers did not come in time")
        if self.stage is Stage.DIALLING:
            self._dial_next()
        elif self.stage is Stage.LOOKUP or (self._relay is not None and not self._relay.answered):
            raise Refused(HTTPStatus.GATEWAY_TIMEOUT, "the server did not answer in time")
        else:
            self.close()

    # Request

    def _read_head(self) -> None:
        try:
            data = self._client.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self.close()
            return
        whole = self._head.feed(data)
        if whole is not None:
            head, self._early = whole
            self._request = read_request(head)
            self._go(Stage.LOOKUP, self._seconds.idle)
            self._services.ask(self, self._request)

    # Dialling

    def _dial_first(self, result: list[Address] | Refused) -> None:
        if isinstance(result, Refused):
            raise result
        self._candidates.extend(result[:_MOST_ADDRESSES])
        self._dial_next()

    def _dial_next(self) -> None:
        """Begin to connect to the next address. It is the very one that was judged: there is no second lookup."""
        self._close_server()
        while self._candidates and self._request is not None:
            address = self._candidates.popleft()
            with suppress(OSError):  # a machine without IPv6
                self._server = socket.socket(family_of(address), socket.SOCK_STREAM)
                _prepare(self._server)
                self._server.connect_ex((str(address), self._request.port))  # `_dialled` asks how it went
                self._go(Stage.DIALLING, _CONNECT_SECONDS)
                return
        raise Refused(HTTPStatus.BAD_GATEWAY, "the server could not be reached")

    def _dialled(self, server: socket.socket, request: Request) -> None:
        try:
            server.getpeername()
        except OSError:
            self._dial_next()
        else:
            self._connect(server, request)

    def _connect(self, server: socket.socket, request: Request) -> None:
        through = request.body or self._tunnel(request.host)
        self._relay = Relay(self._client, server, through, request.head)
        self._go(Stage.RELAY, self._seconds.idle)
        early, self._early = self._early, b""
        self._relay.feed(early)

    def _tunnel(self, host: str) -> Filter:
        """Return what may pass in a tunnel: TLS that names the host; anything where the grant is for the address itself."""
        return Everything() if self._services.names_address(host) else Hello(host)

    # Relaying

    def _pass_on(self, relay: Relay, sock: socket.socket, events: int) -> None:
        moved = relay.client_ready(events) if sock is self._client else relay.server_ready(events)
        if moved:
            self.deadline = monotonic() + self._seconds.idle
        if relay.over:
            self._end(relay)
        elif relay.unheard:
            self.deadline = min(self.deadline, monotonic() + _GONE_SECONDS)

    def _end(self, relay: Relay) -> None:
        if relay.tunnel:
            self.close()
        else:
            self._leave(b"")

    # Farewell

    def _leave(self, farewell: bytes) -> None:
        """Send the last bytes, then read until the client has gone too: closing at once would reset what it has yet to read."""
        self._relay = None
        self._close_server()
        self._farewell = farewell
        self._go(Stage.FAREWELL, _FAREWELL_SECONDS)
        self._say_farewell()

    def _say_farewell(self) -> None:
        try:
            self._farewell = self._farewell[self._client.send(self._farewell) :] if self._farewell else b""
            if not self._farewell:
                self._client.shutdown(socket.SHUT_WR)
                if not self._client.recv(_PIECE):
                    self.close()
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.close()

    # Waiting

    def _go(self, stage: Stage, seconds: float) -> None:
        self.stage = stage
        self.deadline = monotonic() + seconds

    def _wait(self) -> None:
        """Wait for what this stage needs."""
        if self.stage is Stage.CLOSED:
            return
        client, server = self._interests()
        self._watch(self._client, client)
        if self._server is not None:
            self._watch(self._server, server)

    def _interests(self) -> tuple[int, int]:
        if self.stage is Stage.HEAD:
            return EVENT_READ, 0
        if self.stage is Stage.DIALLING:
            return 0, EVENT_WRITE
        if self.stage is Stage.FAREWELL:
            return EVENT_WRITE if self._farewell else EVENT_READ, 0
        return (0, 0) if self._relay is None else self._relay.interests()

    def _watch(self, sock: socket.socket, events: int) -> None:
        known = self._selector.get_map().get(sock)
        if known is None and events:
            self._selector.register(sock, events, lambda ready: self._ready(sock, ready))
        elif known is not None and not events:
            self._selector.unregister(sock)
        elif known is not None and known.events != events:
            self._selector.modify(sock, events, known.data)

    def _close_server(self) -> None:
        if self._server is not None:
            self._watch(self._server, 0)
            self._server.close()
            self._server = None


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    with suppress(OSError):  # a client may come over another kind of socket
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

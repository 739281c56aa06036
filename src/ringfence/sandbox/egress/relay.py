"""The two directions between a client and its server: a tunnel, or one request with its response.

The one idea: a tunnel lasts until both sides have said their last, a request until the server has; who says nothing more is told to
the other side, and what was received is delivered first.
"""

from __future__ import annotations

from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import TYPE_CHECKING

from ringfence.sandbox.egress.answers import Answer
from ringfence.sandbox.egress.bodies import Everything
from ringfence.sandbox.egress.flow import Flow
from ringfence.sandbox.egress.refusing import ESTABLISHED, Refused

if TYPE_CHECKING:
    import socket

    from ringfence.sandbox.egress.bodies import Filter


class Relay:
    """What goes to and fro on one connection.

    Arguments:
        client: a socket that does not block.
        server: another one, connected.
        through: what the client may send to the server.
        head: what the server gets first; empty for a tunnel, of which the client is told.

    Attributes:
        tunnel: whether it is one.
        answered: whether the client got anything yet.

    """

    def __init__(self, client: socket.socket, server: socket.socket, through: Filter, head: bytes) -> None:
        self.tunnel = not head
        self.answered = False
        self._outward = Flow(client, server, through)
        self._inward = Flow(server, client, Everything() if self.tunnel else Answer())
        self._outward.put(head)
        self._inward.put(ESTABLISHED if self.tunnel else b"")

    @property
    def over(self) -> bool:
        """Whether nothing more will pass."""
        return self._inward.delivered and (self._outward.delivered or not self.tunnel)

    @property
    def unheard(self) -> bool:
        """Whether a client that waits for a response says no more, and so has most likely gone."""
        return self._outward.ended and not self.tunnel

    @property
    def quiet(self) -> bool:
        """Whether the client has got all that there was for it."""
        return self.answered and not self._inward.sends

    def interests(self) -> tuple[int, int]:
        """Return the events that client and server are waited for."""
        return _events(self._outward, self._inward), _events(self._inward, self._outward)

    def feed(self, early: bytes) -> None:
        """Take what the client sent before there was a server.

        Raises:
            Refused: it may not pass.

        """
        self._outward.feed(early)

    def client_ready(self, events: int) -> bool:
        """Receive from the client and send to it, and return whether anything passed.

        Raises:
            OSError: the client has gone.
            Refused: what it sent may not pass.

        """
        moved = self._pass(events, self._outward, self._inward)
        self.answered = self.answered or (moved and bool(events & EVENT_WRITE))
        self._pass_on_the_end()
        return moved

    def server_ready(self, events: int) -> bool:
        """Do the same for the server. One that takes no more may have answered already, so that is still delivered.

        Raises:
            Refused: what it sent is no response.

        """
        try:
            moved = self._pass(events, self._inward, self._outward)
        except OSError:
            self._outward.give_up()
            moved = self._hear_last() if events & EVENT_READ else True
        self._pass_on_the_end()
        return moved

    def _pass(self, events: int, pulled: Flow, pushed: Flow) -> bool:
        moved = pushed.push() if events & EVENT_WRITE and pushed.sends else False
        return (pulled.pull() if events & EVENT_READ and pulled.receives else False) or moved

    def _hear_last(self) -> bool:
        try:
            return self._inward.pull()
        except OSError:
            if not self.tunnel and not self.answered and not self._inward.sends:
                raise Refused(HTTPStatus.BAD_GATEWAY, "the server broke the connection off") from None
            self._inward.ended = True
            return True

    def _pass_on_the_end(self) -> None:
        """Tell each side of a tunnel that the other has ended; the end of a request is in its framing."""
        for flow in (self._outward, self._inward):
            if self.tunnel and flow.delivered:
                flow.close_sink()


def _events(pulled: Flow, pushed: Flow) -> int:
    return (EVENT_READ if pulled.receives else 0) | (EVENT_WRITE if pushed.sends else 0)

"""What the tests of identity share: a clock to turn, cheap passwords, a guard with a tool, and keys of a provider."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ringfence import (
    Audit,
    Guard,
    IdentityPolicy,
    Passwords,
    Policy,
    Role,
    SecurityEvent,
    State,
    StoreKind,
    acting_in,
)
from ringfence.clock import Clock
from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence import Outcome, Session

PASSWORD = "correct horse battery"
START = 1_800_000_000.0
ROLES = {
    "clerk": Role(inherits=("user",), allow=("refund", "read_*", "send_*")),
    "chief": Role(inherits=("clerk",), allow=("*",), deny=("drop_*",), ask=("send_*",), seconds=60),
}


class Turned:
    """A clock that tests turn: both of its hands move together."""

    def __init__(self) -> None:
        self.at = START
        self.clock = Clock(self.wall, self.wall)

    def wall(self) -> float:
        return self.at

    def turn(self, seconds: float) -> None:
        """Let time go by."""
        self.at += seconds


class Counted(Passwords):
    """Passwords that are cheap, and that count how often one was hashed or verified."""

    def __init__(self, **further: Any) -> None:
        super().__init__(**{"time_cost": 1, "memory_kib": 8, "parallelism": 1, **further})
        self.verified = 0

    def _ready(self) -> Any:
        hasher = super()._ready()
        owner = self

        class Counting:
            def verify(self, kept: str, password: str) -> bool:
                owner.verified += 1
                return hasher.verify(kept, password)

            hash = staticmethod(hasher.hash)
            check_needs_rehash = staticmethod(hasher.check_needs_rehash)

        return Counting()


def guard_on(state: str, time: Turned, identity: IdentityPolicy | None = None, **further: Any) -> Guard:
    """Return a guard over a store, with tools to call."""
    policy = Policy(
        roles=ROLES,
        state=State(state),
        identity=identity or IdentityPolicy(),
        audit=Audit(store=StoreKind.MEMORY),
    )
    ears = Ears()
    guard = Guard(policy, plugins={"ears": ears}, clock=time.clock, **{"passwords": Counted(), **further})
    _EARS[guard] = ears
    for name in ("refund", "read_order", "drop_table", "send_mail"):
        guard.register(lambda x: x, name=name)
    return guard


def call(guard: Guard, session: Session, tool: str = "refund") -> Outcome:
    """Call a tool in a session."""
    with acting_in(session):
        return guard.run(tool, {"x": 1})


def rule_of(guard: Guard, session: Session, tool: str = "refund") -> str:
    """Return the rule that denies a call, or nothing."""
    outcome = call(guard, session, tool)
    return "" if outcome.success else outcome.verdict.rule


def events(guard: Guard, kind: str | None = None, user: str | None = None) -> list[SecurityEvent]:
    """Return the events that the guard has recorded."""
    heard = _EARS[guard].heard
    return [each for each in heard if kind in (None, each.kind) and user in (None, each.user)]


class Ears:
    """A plugin that keeps each event that stands in the record."""

    def __init__(self) -> None:
        self.heard: list[SecurityEvent] = []

    @hookimpl
    def ringfence_record_event(self, event: SecurityEvent) -> None:
        """Keep it."""
        self.heard.append(event)


_EARS: WeakKeyDictionary[Guard, Ears] = WeakKeyDictionary()


Private = ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Private, kid: str, **further: object) -> dict[str, Any]:
    """Return the public half of a key as a key set holds it."""
    algorithms: Any = jwt.algorithms
    maker = {"Ed25519": algorithms.OKPAlgorithm, "RSAPriv": algorithms.RSAAlgorithm}.get(
        type(key).__name__[:7]
    )
    maker = maker or algorithms.ECAlgorithm
    found: dict[str, Any] = json.loads(maker.to_jwk(key.public_key()))
    return {**found, "kid": kid, **further}


def claims(**further: object) -> dict[str, Any]:
    """Return the claims of a provider's token."""
    base = {
        "iss": "https://login.example",
        "aud": "agents",
        "sub": "u1",
        "iat": START,
        "exp": START + 600,
        "groups": ["staff"],
    }
    given: dict[str, Any] = {**base, **further}
    return {name: value for name, value in given.items() if value is not None}


class KeyServer:
    """A real HTTP server on this machine that serves a key set, which tests exchange."""

    def __init__(self) -> None:
        self.body: bytes = b""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.url = ""
        self.stall = threading.Event()
        self.stall.set()

    def serve(self, *keys: dict[str, Any]) -> None:
        """Serve these keys from here on."""
        self.body = json.dumps({"keys": keys}).encode()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """Run a key server until the block ends."""
    state = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            state.stall.wait(20)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/keys"
    try:
        yield state
    finally:
        state.stall.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""The way out of the sandbox, with real sockets and servers on loopback, which stands in for the internet where a test says so."""

from __future__ import annotations

import gc
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from ringfence.sandbox.egress import EgressProxy, Refusal, addresses, connection
from ringfence.sandbox.egress.addresses import is_own, is_public, look_up
from ringfence.sandbox.egress.bodies import Chunked
from ringfence.sandbox.egress.hello import Hello
from ringfence.sandbox.egress.names import Destinations, normal_host
from ringfence.sandbox.egress.refusing import Refused
from ringfence.scanning.urls import within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Answer = list[tuple[socket.AddressFamily, str]]
LOOPBACK = "127.0.0.1"


class Resolver:
    """Gives the same addresses for every name, and remembers what it was asked."""

    def __init__(self, *found: str) -> None:
        self.asked: list[str] = []
        self._found = found

    def __call__(self, host: str, port: int) -> Answer:
        self.asked.append(host)
        return [(socket.AF_INET6 if ":" in text else socket.AF_INET, text) for text in self._found]


class Handler(BaseHTTPRequestHandler):
    """Redirects to a host that nobody granted, or returns the request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://elsewhere.test/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.reply(f"{self.path} {self.headers['Host']}".encode())

    def do_POST(self) -> None:
        self.reply(self.rfile.read(int(self.headers["Content-Length"])))

    def reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def web() -> Iterator[int]:
    """Give the port of a web server."""
    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


class Peer:
    """A server that does with each connection what a test says, in a thread of its own, and remembers what it received."""

    def __init__(self, behave: Callable[[Peer, socket.socket], None]) -> None:
        self.received = bytearray()
        self.connections = 0
        self.stop = threading.Event()
        self._behave = behave
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port = self._listener.getsockname()[1]
        self._listener.settimeout(0.05)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            with suppress(TimeoutError):
                accepted, _ = self._listener.accept()
                self.connections += 1
                with accepted, suppress(OSError):
                    accepted.settimeout(0.05)
                    self._behave(self, accepted)

    def listen(self, accepted: socket.socket, until: bytes = b"\0never", seconds: float = 30) -> None:
        """Receive until a text has come, the time is up, or the other side or the test ends."""
        end = time.monotonic() + seconds
        while not self.stop.is_set() and until not in self.received and time.monotonic() < end:
            with suppress(TimeoutError):
                data = accepted.recv(65536)
                if not data:
                    return
                self.received += data

    def close(self) -> None:
        self.stop.set()
        self._thread.join()
        self._listener.close()


class MakePeer(Protocol):
    """What the fixture `peer` gives."""

    def __call__(self, behave: Callable[[Peer, socket.socket], None]) -> Peer:
        """Return a server that behaves so."""


@pytest.fixture
def peer() -> Iterator[MakePeer]:
    """Give a function that makes servers."""
    made: list[Peer] = []

    def make(behave: Callable[[Peer, socket.socket], None]) -> Peer:
        made.append(Peer(behave))
        return made[-1]

    yield make
    for each in made:
        each.close()


def answering(peer: Peer, accepted: socket.socket) -> None:
    """Answer when the head of a request has come, then listen on for what should not come, and close."""
    peer.listen(accepted, b"\r\n\r\n")
    accepted.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
    peer.listen(accepted, seconds=0.2)


def listening(peer: Peer, accepted: socket.socket) -> None:
    """Only listen."""
    peer.listen(accepted)


class MakeProxy(Protocol):
    """What the fixture `proxy` gives."""

    def __call__(self, hosts: tuple[str, ...], ports: tuple[int, ...], **options: Any) -> int:
        """Return the port of a new proxy."""


@pytest.fixture
def proxy() -> Iterator[MakeProxy]:
    """Give a function that makes proxies."""
    made: list[EgressProxy] = []

    def make(hosts: tuple[str, ...], ports: tuple[int, ...], **options: Any) -> int:
        made.append(EgressProxy(hosts, ports, **options))
        listener = socket.create_server((LOOPBACK, 0))
        made[-1].serve(listener)
        return int(listener.getsockname()[1])

    yield make
    for each in made:
        each.close()


@pytest.fixture
def public_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let loopback stand for the internet, which no test may reach."""
    monkeypatch.setattr(addresses, "_is_public_elsewhere", lambda address: address.is_loopback)


def talk(port: int, *sent: bytes) -> bytes:
    """Return all that a proxy says to a client that sends this."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        for each in sent:
            client.sendall(each)
        return read_all(client)


def read_all(client: socket.socket) -> bytes:
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := client.recv(65536):
            received += data
    return bytes(received)


def get(url: str, port: int, data: bytes | None = None) -> bytes:
    """Return what a client of the standard library gets through a proxy."""
    ours = urllib.request.ProxyHandler({"http": f"http://{LOOPBACK}:{port}"})
    with urllib.request.build_opener(ours).open(url, data, timeout=10) as response:
        return bytes(response.read())


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


# What is granted works


def test_a_granted_host_is_reached(proxy: MakeProxy, web: int) -> None:
    """GET and POST of the standard library work, and the server sees path and host."""
    port = proxy((LOOPBACK,), (web,))
    assert get(f"http://{LOOPBACK}:{web}/page?a=b", port) == f"/page?a=b {LOOPBACK}:{web}".encode()
    assert get(f"http://{LOOPBACK}:{web}/", port, b"x" * 300_000) == b"x" * 300_000


def test_a_client_that_keeps_connections_works(proxy: MakeProxy, web: int) -> None:
    """A pooling client is told that each connection ends, and opens another one."""
    url = f"http://{LOOPBACK}:{proxy((LOOPBACK,), (web,))}"
    with httpx.Client(proxy=url, trust_env=False) as client:
        for number in range(3):
            response = client.get(f"http://{LOOPBACK}:{web}/{number}")
            assert response.headers["connection"] == "close"
            assert response.text.startswith(f"/{number} ")
        assert client.post(f"http://{LOOPBACK}:{web}/", content=b"abc").content == b"abc"


def test_tls_passes_through_a_tunnel(peer: MakePeer, proxy: MakeProxy, public_loopback: None) -> None:
    """CONNECT leads to the server, end to end encrypted, for a name that is granted."""
    ciphers = "AECDH-AES128-SHA:@SECLEVEL=0"  # needs no certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)

    def serve(_: Peer, accepted: socket.socket) -> None:
        accepted.settimeout(10)
        with context.wrap_socket(accepted, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")

    server = peer(serve)
    port = proxy(("api.example.org",), (server.port,), resolve=Resolver(LOOPBACK))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2
    trusting.set_ciphers(ciphers)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": f"http://{LOOPBACK}:{port}"}),
        urllib.request.HTTPSHandler(context=trusting),
    )
    with opener.open(f"https://API.example.org.:{server.port}/", timeout=10) as response:
        assert response.read() == b"secret"


def test_a_tunnel_to_a_granted_address_takes_any_protocol(peer: MakePeer, proxy: MakeProxy) -> None:
    """Where the grant is for the address itself, or localhost, there is nobody else to reach at it."""

    def greet(peer: Peer, accepted: socket.socket) -> None:
        accepted.sendall(b"220 ready\r\n")
        peer.listen(accepted, b"QUIT")
        accepted.sendall(b"221 bye\r\n")

    for host in (LOOPBACK, "localhost"):
        server = peer(greet)
        port = proxy((host,), (server.port,), resolve=Resolver(LOOPBACK))
        said = talk(port, f"CONNECT {host}:{server.port} HTTP/1.1\r\n\r\n".encode(), b"QUIT")
        assert said == b"HTTP/1.1 200 Connection established\r\n\r\n220 ready\r\n221 bye\r\n"


def test_an_adopted_connection_is_served(web: int) -> None:
    """A connection that somebody else accepted, over another kind of socket too."""
    with closing(EgressProxy((LOOPBACK,), (web,))) as served:
        ours, theirs = socket.socketpair()
        served.adopt(theirs)
        with ours:
            ours.sendall(f"GET http://{LOOPBACK}:{web}/x HTTP/1.0\r\n\r\n".encode())
            assert read_all(ours).endswith(f"/x {LOOPBACK}:{web}".encode())


def test_the_next_address_is_tried(proxy: MakeProxy, web: int) -> None:
    """Where the first one refuses the connection."""
    resolver = Resolver("127.0.0.99", LOOPBACK)
    port = proxy(("localhost",), (web,), resolve=resolver)
    assert get(f"http://localhost:{web}/", port).startswith(b"/ ")
    assert resolver.asked == ["localhost"]


# What is not granted does not


@pytest.mark.parametrize(
    ("hosts", "ports", "why"),
    [
        (("example.org",), (80,), "this host is not granted; granted are example.org"),
        (("*.denied.test",), (80,), "this host is not granted; granted are *.denied.test"),
        (("denied.test",), (443, 8443), "this port is not granted; granted are 443, 8443"),
        ((), (80,), "this host is not granted; granted are none"),
        (("*",), (), "this port is not granted; granted are none"),
    ],
)
@pytest.mark.parametrize("tunnel", [False, True])
def test_what_is_not_granted_is_not_even_looked_up(
    proxy: MakeProxy, hosts: tuple[str, ...], ports: tuple[int, ...], why: str, tunnel: bool
) -> None:
    """It gets 403, says the rule, tells the host, and asks no DNS server."""
    resolver, told = Resolver(LOOPBACK), list[Refusal]()
    port = proxy(hosts, ports, resolve=resolver, on_refusal=told.append)
    line = b"CONNECT denied.test:80" if tunnel else b"GET http://denied.test/secret"
    said = talk(port, line + b" HTTP/1.1\r\nCookie: secret\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert said.endswith(f"\r\n\r\ndenied.test:80: {why}\n".encode())
    assert resolver.asked == []
    assert told == [Refusal("denied.test", 80, why)]
    assert b"secret" not in said


@pytest.mark.parametrize(
    "found",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.3.4", "192.168.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1",
        "100.100.100.200", "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "192.0.0.192", "198.18.0.1",
        "::", "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808",
        "2002:7f00:1::", "2002:a00:1::1", "2001::1", "2001:db8::1", "3fff::1", "fe80::1", "fec0::1", "fd00:ec2::254", "fc00::1",
        "ff02::1", "100::1", "5f00::1", "fe80::1%lo", "2606:4700::1%1",
    ],
)  # fmt: skip
def test_a_granted_name_that_leads_inside_is_refused(proxy: MakeProxy, found: str) -> None:
    """Whatever the name's owner lets it resolve to; one such address among public ones is enough."""
    resolver, told = Resolver("93.184.215.14", found), list[Refusal]()
    port = proxy(("rebind.example.org", "*"), (80,), resolve=resolver, on_refusal=told.append)
    said = talk(port, b"GET http://rebind.example.org/ HTTP/1.1\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 403 ")
    assert b"has an address that is not public" in said
    assert [(each.host, each.port) for each in told] == [("rebind.example.org", 80)]


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_public(address: str) -> None:
    """Also behind NAT64's own prefix, through which hosts without IPv4 reach it."""
    assert is_public(ip_address(address))
    assert not is_own(ip_address(address))


def test_the_machines_own_addresses_are_told_from_others() -> None:
    """Whatever interface they belong to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with suppress(OSError):  # nothing is sent; without a route it stays unspecified
            probe.connect(("8.8.8.8", 9))
        own = ip_address(probe.getsockname()[0])
    assert own.is_unspecified or is_own(own)
    assert is_own(ip_address("127.0.0.1"))
    assert not is_own(ip_address("203.0.113.77"))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of descriptors to lower")
def test_an_address_that_cannot_be_judged_counts_as_own() -> None:
    """Such as when the host has no descriptors left."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        judged = is_own(ip_address("8.8.8.8"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert judged


def test_an_own_address_is_refused_although_it_is_public(
    proxy: MakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public address of this machine reaches services that only listen for neighbours."""
    monkeypatch.setattr(addresses, "is_own", lambda address: str(address) == "8.8.4.4")
    port = proxy(("*",), (80,), resolve=Resolver("8.8.4.4"))
    assert b" 403 " in talk(port, b"GET http://example.org/ HTTP/1.1\r\n\r\n")
    assert b" 403 " in talk(port, b"GET http://8.8.4.4/ HTTP/1.1\r\n\r\n")


def test_a_name_is_looked_up_once_and_that_address_is_dialled(
    proxy: MakeProxy, peer: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes its address between check and use gains nothing."""
    server = peer(answering)
    answers = iter([LOOPBACK, "10.0.0.1"])
    monkeypatch.setattr(addresses, "_is_public_elsewhere", lambda address: str(address) == LOOPBACK)

    def resolve(host: str, port: int) -> Answer:
        return [(socket.AF_INET, next(answers))]

    port = proxy(("*.example.org",), (server.port,), resolve=resolve)
    request = f"GET http://a.example.org:{server.port}/ HTTP/1.1\r\n\r\n".encode()
    assert talk(port, request).endswith(b"ok")
    assert talk(port, request).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "[::1]", "10.1.2.3", "169.254.169.254", "[fd00:ec2::254]", "[::ffff:127.0.0.1]"]
)
def test_a_star_grants_no_address_inside(proxy: MakeProxy, address: str) -> None:
    """Addresses inside are granted one by one, in so many words."""
    resolver = Resolver()
    port = proxy(("*", "127.0.0.2", "::2"), (80,), resolve=resolver)
    assert b" 403 " in talk(port, f"GET http://{address}/ HTTP/1.1\r\n\r\n".encode())
    assert resolver.asked == []


def test_localhost_is_granted_only_by_name_and_only_as_loopback(proxy: MakeProxy, web: int) -> None:
    """Not by a star, and not where the name leads elsewhere."""
    request = f"GET http://localhost:{web}/ HTTP/1.1\r\n\r\n".encode()
    assert b" 403 " in talk(proxy(("*",), (web,), resolve=Resolver(LOOPBACK)), request)
    assert b" 403 " in talk(proxy(("localhost",), (web,), resolve=Resolver("10.0.0.1")), request)
    assert b" 403 " in talk(proxy(("localhost",), (web,), resolve=Resolver("8.8.8.8")), request)
    assert b" 200 " in talk(proxy(("localhost",), (web,), resolve=Resolver(LOOPBACK)), request)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.1", "127.0.0.08", "256.1.1.1", "a.0x7f", "[::1%25lo]",
        "[::1%lo]", "[127.0.0.1]", "[]", "", ".", "a..b", ".a", "-a.b", "a b", "a%2eb", "a_b-.c", "caf\u00e9.test", "a" * 64, "a." * 127 + "aa",
        "127.0.0.1%00.example.org", "example.org,evil.test", "*.example.org",
    ],
)  # fmt: skip
def test_a_host_without_a_normal_form_is_refused(proxy: MakeProxy, host: str) -> None:
    """Odd spellings of addresses, zone ids and what is no name, under every grant there is."""
    resolver = Resolver(LOOPBACK)
    port = proxy(("*", LOOPBACK, "::1"), (80,), resolve=resolver)
    said = talk(port, f"GET http://{host}:80/ HTTP/1.1\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 403 ", b"HTTP/1.1 400 "))
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("EXAMPLE.org.", "example.org"),
        ("127.0.0.1.", "127.0.0.1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[2606:4700:0::1]", "2606:4700::1"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("_dmarc.example.org", "_dmarc.example.org"),
        ("1password.com", "1password.com"),
    ],
)
def test_a_host_has_one_normal_form(written: str, normal: str) -> None:
    """In it, it is judged, looked up and forwarded."""
    assert normal_host(written) == normal


@pytest.mark.parametrize(
    "pattern",
    ["example.org", "Example.ORG.", "*.example.org", "*", "127.0.0.1", "::1", "[::1]", "bücher.example"],
)
@pytest.mark.parametrize(
    "host",
    ["example.org", "a.example.org", "a.b.example.org", "notexample.org", "example.org.evil.test", "127.0.0.1", "::1",
     "xn--bcher-kva.example", "a.xn--bcher-kva.example", "1.1.1.1"],
)  # fmt: skip
def test_proxy_and_scanner_read_grants_alike(pattern: str, host: str) -> None:
    """What the scanner lets pass as granted is what the proxy grants, and no more."""
    try:
        Destinations((pattern,), (80,)).check(host, 80)
    except Refused:
        granted = False
    else:
        granted = True
    assert granted == within((pattern,), f"[{host}]" if ":" in host else host)


@pytest.mark.parametrize(
    "pattern", ["example.org:443", "https://example.org", "*example.org", "a.*.org", "", "0x7f.1", "10.0.0.0/8", "*.", "*.5", "faß.de"]
)  # fmt: skip
def test_a_grant_that_cannot_be_read_is_an_error(pattern: str) -> None:
    """It is not taken for something near it."""
    with pytest.raises(ValueError, match=r"^hosts: .*expected .*; or `\*\.example\.org`, or `\*`$"):
        EgressProxy((pattern,), (80,))


def test_a_redirect_is_the_clients_to_follow(proxy: MakeProxy, web: int) -> None:
    """The client asks again, and is refused then."""
    told = list[Refusal]()
    port = proxy((LOOPBACK,), (web, 80), on_refusal=told.append)
    with pytest.raises(urllib.error.HTTPError, match="403: Forbidden") as raised:
        get(f"http://{LOOPBACK}:{web}/redirect", port)
    raised.value.close()
    assert [each.host for each in told] == ["elsewhere.test"]


def test_a_resolver_that_fails_is_a_bad_gateway(proxy: MakeProxy) -> None:
    """Whatever it raises, or where it finds nothing or nonsense; what it says stays inside."""

    def failing(host: str, port: int) -> Answer:
        raise LookupError("secret")

    def mixed(host: str, port: int) -> Answer:
        return [(socket.AF_INET6, LOOPBACK)]

    for resolve in (failing, mixed, Resolver(), Resolver("nonsense")):
        said = talk(proxy(("*",), (80,), resolve=resolve), b"GET http://example.org/ HTTP/1.1\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 502 ")
        assert b"secret" not in said


def test_the_systems_resolver_is_asked_for_absolute_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search list of the host's network would turn one granted name into another."""
    asked = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (LOOPBACK, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert look_up("example.org", 80) == [(socket.AF_INET, LOOPBACK)]
    look_up("localhost", 80)
    assert asked == ["example.org.", "localhost"]


# Requests are understood in one way, or refused


@pytest.mark.parametrize(
    "request_",
    [
        b"POST http://H/ HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST http://H/ HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST http://H/ HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
        b"POST http://H/ HTTP/1.1\r\nContent-Length: \xb23\r\n\r\nabc",
        b"POST http://H/ HTTP/1.1\r\nContent-Length:\r\n\r\nabc",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nA: b\r\n folded: c\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\n A: b\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nA: b\nB: c\r\n\r\n",
        b"GET http://H/ HTTP/1.1\nA: b\n\n",
        b"GET http://H/ HTTP/1.1\r\nA: b\rB: c\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nA: b\r\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nA: b\0c\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nA : b\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\n: b\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nnonsense\r\n\r\n",
        b"GET http://H/ HTTP/1.1\r\nHost: H\r\nHost: other\r\n\r\n",
        b"G@T http://H/ HTTP/1.1\r\n\r\n",
        b"GET  http://H/ HTTP/1.1\r\n\r\n",
        b"GET http://H/ x HTTP/1.1\r\n\r\n",
        b"GET http://H/\t HTTP/1.1\r\n\r\n",
        b"GET http://H/\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"GET http://H/ HTTP/1.2\r\n\r\n",
        b"GET http://H/\r\n\r\n",
        b"\r\nGET http://H/ HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /path HTTP/1.1\r\nHost: H\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: H\r\n\r\n",
        b"GET https://H/ HTTP/1.1\r\n\r\n",
        b"GET ftp://H/ HTTP/1.1\r\n\r\n",
        b"GET http://user:secret@H/ HTTP/1.1\r\n\r\n",
        b"GET http://H\\@other/ HTTP/1.1\r\n\r\n",
        b"GET http://H#@other/ HTTP/1.1\r\n\r\n",
        b"GET http://H:/ HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1:080/ HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1:65536/ HTTP/1.1\r\n\r\n",
        b"CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n",
        b"CONNECT http://H/ HTTP/1.1\r\n\r\n",
        b"CONNECT user@H HTTP/1.1\r\n\r\n",
        b"CONNECT H HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\na\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n",
        b"POST http://H/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 5000,
    ],
)  # fmt: skip
def test_a_request_with_two_readings_is_refused(proxy: MakeProxy, peer: MakePeer, request_: bytes) -> None:
    """Such requests are what smuggling is made of; none of their bytes reach the server, and none of their text is told."""
    server, told = peer(answering), list[Refusal]()
    port = proxy((LOOPBACK,), (server.port, 80), on_refusal=told.append)
    said = talk(port, request_.replace(b"H/", b"%s:%d/" % (LOOPBACK.encode(), server.port), 1))
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"secret" not in said
    assert "secret" not in repr(told)
    assert len(told) == 1
    assert server.received == b""


def test_headers_are_bounded(proxy: MakeProxy) -> None:
    """More than 16 KB of them are refused, complete or not."""
    for end in (b"", b"\r\n\r\n"):
        said = talk(proxy(("*",), (80,)), b"GET http://a.test/ HTTP/1.1\r\nA: " + b"x" * 17_000 + end)
        assert said.startswith(b"HTTP/1.1 431 ")


def test_the_head_is_written_anew(proxy: MakeProxy, peer: MakePeer) -> None:
    """The host is the one that was judged, and what is for the proxy, or poses as framing, stays behind."""
    server = peer(answering)
    port = proxy((LOOPBACK,), (server.port,))
    said = talk(
        port,
        f"POST HTTP://{LOOPBACK}.:{server.port}?q HTTP/1.1\r\nHost: evil.test\r\nconnection: close, X-Mine, Content-Length\r\n".encode(),
        b"X-Mine: 1\r\nProxy-Authorization: Basic secret\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n",
        b"Keep-Alive: 5\r\nTE: trailers\r\nTrailer: X\r\nContent_Length: 9\r\nTransfer_Encoding: chunked\r\nContent-Length: 003\r\n",
        b"content-length: 003\r\nAccept:  */*\t\r\nX-Name: caf\xe9\r\n\r\nabcGET /smuggled HTTP/1.1\r\nHost: H\r\n\r\n",
    )
    assert said == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
    head, _, body = bytes(server.received).partition(b"\r\n\r\n")
    expected = f"POST /?q HTTP/1.1\r\nHost: {LOOPBACK}:{server.port}\r\nAccept: */*\r\nX-Name: caf\xe9\r\nContent-Length: 3\r\nConnection: close"
    assert head == expected.encode("latin-1")
    assert body in (b"", b"abc")


def test_a_second_request_does_not_reach_the_server(proxy: MakeProxy, peer: MakePeer) -> None:
    """Neither at once nor after the answer: one connection is one request."""
    server = peer(answering)
    port = proxy((LOOPBACK,), (server.port,))
    request = f"GET http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\n\r\n".encode()
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall(request * 2)
        assert client.recv(65536).endswith(b"ok")
        client.sendall(request)
        time.sleep(0.1)
        assert server.received.count(b"GET") == 1


def test_chunks_are_written_anew() -> None:
    """Extensions and trailers are dropped, and nothing after the last chunk passes, however it is cut up."""
    body = b"4;a=b\r\nWiki\r\n00A\r\npedia in  \r\n0\r\nX-Trailer: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    whole = Chunked()
    assert whole.feed(body) == b"4\r\nWiki\r\na\r\npedia in  \r\n0\r\n\r\n"
    assert whole.feed(b"more") == whole.end() == b""
    pieces = Chunked()
    sent = b"".join(pieces.feed(bytes([byte])) for byte in body)
    assert sent == b"".join(b"1\r\n%c\r\n" % byte for byte in b"Wikipedia in  ") + b"0\r\n\r\n"


def test_trailers_are_bounded() -> None:
    """They are dropped, so they might go on for ever."""
    chunked = Chunked()
    chunked.feed(b"0\r\n")
    with pytest.raises(Refused, match="expected at most 16,384 bytes of trailers"):
        chunked.feed(b"A: b\r\n" * 5000)


def test_a_chunked_upload_arrives(proxy: MakeProxy, peer: MakePeer) -> None:
    """With the same content."""

    def serve(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n0\r\n\r\n")
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server = peer(serve)
    with httpx.Client(
        proxy=f"http://{LOOPBACK}:{proxy((LOOPBACK,), (server.port,))}", trust_env=False
    ) as client:
        pieces = iter([b"abc", b"x" * 100_000])
        assert client.post(f"http://{LOOPBACK}:{server.port}/", content=pieces).status_code == 200
    assert server.received.count(b"x") >= 100_000


def test_a_request_that_breaks_off_is_not_completed(proxy: MakeProxy, peer: MakePeer) -> None:
    """The client's end is no end of the body, and the server does not get one made up."""
    server = peer(listening)
    port = proxy((LOOPBACK,), (server.port,))
    head = f"POST http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc".encode()
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall(head)
        wait_for(lambda: server.received.endswith(b"abc"))
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).startswith(b"HTTP/1.1 400 ")
    assert server.received.endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize(
    "response",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: ", b"", b"x" * 70_000],
)  # fmt: skip
def test_what_is_no_response_is_a_bad_gateway(proxy: MakeProxy, peer: MakePeer, response: bytes) -> None:
    """Also a switch of protocols that nobody asked for."""

    def serve(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n\r\n")
        accepted.sendall(response)

    server = peer(serve)
    port = proxy((LOOPBACK,), (server.port,))
    said = talk(port, f"GET http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\nUpgrade: h2c\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 502 ")


def test_interim_responses_pass(proxy: MakeProxy, peer: MakePeer) -> None:
    """A client that waits for `100 Continue` gets it, and the final response after it."""

    def serve(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n\r\n")
        accepted.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        peer.listen(accepted, b"abc")
        accepted.sendall(b"HTTP/1.1 204 No Content\r\n")
        accepted.sendall(b"\r\n")

    server = peer(serve)
    port = proxy((LOOPBACK,), (server.port,))
    head = (
        f"PUT http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
    )
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall(head.encode())
        assert client.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert read_all(client) == b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def test_an_answer_before_the_end_of_the_upload_is_delivered(proxy: MakeProxy, peer: MakePeer) -> None:
    """A server that has had enough says so and closes; the client hears it."""

    def serve(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n\r\n")
        accepted.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    server = peer(serve)
    port = proxy((LOOPBACK,), (server.port,))
    head = f"POST http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n".encode()
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall(head)
        with suppress(OSError):
            client.sendall(b"x" * 500_000)
        assert client.recv(1024).startswith(b"HTTP/1.1 413 ")


# Tunnels lead to the host that they were opened for


def hello(name: str | None, minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> bytes:
    """Return the ClientHello of a real client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = minimum
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def with_extension(first: bytes, kind: int, data: bytes = b"") -> bytes:
    """Return a ClientHello with one extension more."""
    added = kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
    at = 5 + 4 + 34
    at += 1 + first[at]
    at += 2 + int.from_bytes(first[at : at + 2], "big")
    at += 1 + first[at]
    listed = int.from_bytes(first[at : at + 2], "big") + len(added)
    message = first[9:at] + listed.to_bytes(2, "big") + first[at + 2 :] + added
    whole = b"\x01" + len(message).to_bytes(3, "big") + message
    return first[:3] + len(whole).to_bytes(2, "big") + whole


def records(first: bytes, size: int) -> bytes:
    """Return a ClientHello cut into several records."""
    message = first[5:]
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(first[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@pytest.mark.parametrize(
    "first",
    [
        hello("other.example.org"),
        hello("example.org"),
        hello("api.example.org.evil.test"),
        hello(None),
        hello("127.0.0.1"),
        with_extension(hello("api.example.org"), 0xFE0D, b"hidden"),
        with_extension(hello("api.example.org"), 0, b"\0\0"),
        with_extension(hello("api.example.org"), 0, hello("other.example.org")[-20:]),
        b"GET / HTTP/1.1\r\nHost: other.example.org\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-client\r\n",
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
        records(hello("api.example.org"), 8),
    ],
)
def test_a_tunnel_to_another_name_is_closed(
    proxy: MakeProxy, peer: MakePeer, public_loopback: None, first: bytes
) -> None:
    """What names another host, none, a hidden one, or is no TLS, does not reach the server, and the client is told in TLS."""
    server, told = peer(listening), list[Refusal]()
    port = proxy(("*.example.org",), (server.port,), resolve=Resolver(LOOPBACK), on_refusal=told.append)
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall(f"CONNECT api.example.org:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert client.recv(1024) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        client.sendall(first)
        assert read_all(client) == b"\x15\x03\x03\x00\x02\x02\x70"
    assert server.received == b""
    assert [(each.host, each.port) for each in told] == [("api.example.org", server.port)]
    assert told[0].why.startswith("expected ")


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_a_hello_may_come_in_pieces(piece: int) -> None:
    """Nothing passes before it is whole, everything afterwards; upper case and several records are fine."""
    first = records(hello("api.example.org"), 200)
    passing = Hello("api.example.org")
    sent = [passing.feed(first[at : at + piece]) for at in range(0, len(first), piece)]
    assert b"".join(sent) == sent[-1] == first
    assert passing.feed(b"encrypted") == b"encrypted"
    assert Hello("api.example.org").feed(hello("API.Example.org")) != b""


def test_a_hello_stands_alone_in_its_records() -> None:
    """What follows them, as early data does, passes with it; a second message in them might name another host."""
    first = hello("api.example.org")
    assert Hello("api.example.org").feed(first + b"\x17" * 60_000).endswith(b"\x17")
    second = first[5:] + hello("other.example.org")[5:]
    with pytest.raises(Refused, match="expected TLS in the tunnel, beginning with a ClientHello"):
        Hello("api.example.org").feed(first[:3] + len(second).to_bytes(2, "big") + second)


def test_a_tunnel_to_a_literal_address_has_no_name() -> None:
    """A name in it could only be another host's."""
    assert Hello("8.8.8.8").feed(hello("8.8.8.8")) != b""
    with pytest.raises(Refused, match="expected a ClientHello with no server name for an IP address"):
        Hello("8.8.8.8").feed(hello("example.org"))


# Bounds


def test_slow_headers_time_out(proxy: MakeProxy) -> None:
    """However steadily they drip."""
    port = proxy(("*",), (80,), header_seconds=0.3)
    begun = time.monotonic()
    with socket.create_connection((LOOPBACK, port), timeout=0.05) as client:
        said = b""
        while not said and time.monotonic() < begun + 5:
            with suppress(TimeoutError, ConnectionError):
                client.send(b"G")
                said = client.recv(1024)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - begun < 3


def test_there_are_only_so_many_connections(proxy: MakeProxy, web: int) -> None:
    """Further ones get 503, still further ones nothing, and when the others have gone there is room again."""
    port = proxy((LOOPBACK,), (web,), most_connections=3)
    request = f"GET http://{LOOPBACK}:{web}/ HTTP/1.1\r\n\r\n".encode()
    waiting = [socket.create_connection((LOOPBACK, port), timeout=10) for _ in range(3)]
    assert talk(port, request).startswith(b"HTTP/1.1 503 ")
    turned_away = [socket.create_connection((LOOPBACK, port), timeout=10) for _ in range(20)]
    said = [each.recv(12) for each in turned_away]
    assert set(said) <= {b"HTTP/1.1 503", b""}
    assert said.count(b"HTTP/1.1 503") <= 3
    for client in (*waiting, *turned_away):
        client.close()
    wait_for(lambda: talk(port, request).startswith(b"HTTP/1.1 200 "))


def test_connections_cost_no_threads(proxy: MakeProxy) -> None:
    """Two hundred clients that say nothing share the one thread."""
    before = threading.active_count()
    port = proxy(("*",), (80,), most_connections=300)
    clients = [socket.create_connection((LOOPBACK, port), timeout=10) for _ in range(200)]
    assert b" 403 " in talk(port, b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n")
    assert threading.active_count() <= before + 2
    for client in clients:
        client.close()


def test_lookups_of_clients_that_have_gone_count(proxy: MakeProxy) -> None:
    """So that asking and leaving does not pile up threads."""
    go_on, asked = threading.Event(), list[str]()

    def resolve(host: str, port: int) -> Answer:
        asked.append(host)
        go_on.wait(10)
        return []

    port = proxy(("*",), (80,), most_connections=2, idle_seconds=0.1, resolve=resolve)
    request = b"GET http://a.test/ HTTP/1.1\r\n\r\n"
    try:
        assert [talk(port, request)[9:12] for _ in range(4)] == [b"504", b"504", b"503", b"503"]
    finally:
        go_on.set()
    assert asked == ["a.test", "a.test"]


def test_silence_ends_a_connection(proxy: MakeProxy, peer: MakePeer) -> None:
    """A server that never answers is a gateway time-out; a silent tunnel is closed."""
    server = peer(listening)
    port = proxy((LOOPBACK,), (server.port,), idle_seconds=0.2)
    place = f"{LOOPBACK}:{server.port}"
    assert talk(port, f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 504 ")
    assert talk(port, f"CONNECT {place} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 200 ")


def test_a_big_upload_waits_for_a_slow_server(proxy: MakeProxy, peer: MakePeer) -> None:
    """The proxy takes no more than it can pass on, so only the kernel's buffers fill up."""

    def stall(peer: Peer, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.stop.wait(10)

    server = peer(stall)
    port = proxy((LOOPBACK,), (server.port,))
    head = f"POST http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\nContent-Length: 500000000\r\n\r\n".encode()
    with socket.create_connection((LOOPBACK, port)) as client:
        client.settimeout(0.5)
        client.sendall(head)
        taken = 0
        with suppress(TimeoutError):
            while taken < 100_000_000:
                taken += client.send(b"x" * 1_000_000)
        assert taken < 30_000_000
        held = [each for each in gc.get_objects() if type(each) is connection.Connection]
        flows = [each._relay._outward for each in held if each._relay is not None]
        assert flows
        assert all(len(flow._waiting) <= 2 * 65536 for flow in flows)


def test_a_response_to_a_dead_client_ends(proxy: MakeProxy, peer: MakePeer) -> None:
    """The server of an endless response is cut off once nobody listens."""
    cut_off = threading.Event()

    def stream(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n\r\n")
        accepted.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while not peer.stop.is_set():
                with suppress(TimeoutError):
                    accepted.sendall(b"x" * 10_000)
        except OSError:
            cut_off.set()

    server = peer(stream)
    with socket.create_connection((LOOPBACK, proxy((LOOPBACK,), (server.port,))), timeout=10) as client:
        client.sendall(f"GET http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\n\r\n".encode())
        assert client.recv(1024)
    assert cut_off.wait(10)


def test_a_server_that_keeps_the_connection_open_is_left(
    proxy: MakeProxy, peer: MakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that has its answer goes, and what it was asked to close closes with it."""
    monkeypatch.setattr(connection, "_GONE_SECONDS", 0.1)
    left = threading.Event()

    def keep(peer: Peer, accepted: socket.socket) -> None:
        peer.listen(accepted, b"\r\n\r\n")
        accepted.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        peer.listen(accepted)
        left.set()

    server = peer(keep)
    with socket.create_connection((LOOPBACK, proxy((LOOPBACK,), (server.port,))), timeout=10) as client:
        client.sendall(f"GET http://{LOOPBACK}:{server.port}/ HTTP/1.1\r\n\r\n".encode())
        assert client.recv(1024).endswith(b"ok")
    assert left.wait(5)
    assert not server.stop.is_set()


def test_a_server_that_is_not_there_is_a_bad_gateway(proxy: MakeProxy) -> None:
    """The client hears of it at once, and the host is told of no refusal."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
    told = list[Refusal]()
    served = proxy((LOOPBACK,), (port,), on_refusal=told.append)
    assert talk(served, f"GET http://{LOOPBACK}:{port}/ HTTP/1.1\r\n\r\n".encode()).startswith(
        b"HTTP/1.1 502 "
    )
    assert told == []


def test_a_listener_of_refusals_that_fails_changes_nothing(proxy: MakeProxy) -> None:
    """The refusal stands, and the proxy goes on."""

    def failing(refusal: Refusal) -> None:
        raise LookupError(refusal.host)

    port = proxy(("example.org",), (80,), on_refusal=failing)
    for _ in range(2):
        assert b" 403 " in talk(port, b"GET http://denied.test/ HTTP/1.1\r\n\r\n")


# The end


def test_close_ends_everything(peer: MakePeer) -> None:
    """Listeners, waiting clients, running tunnels and threads; closing again does nothing."""
    server = peer(listening)
    before = set(threading.enumerate())
    served = EgressProxy((LOOPBACK,), (server.port,))
    served.close()
    served = EgressProxy((LOOPBACK,), (server.port,))
    listener = socket.create_server((LOOPBACK, 0))
    served.serve(listener)
    place = listener.getsockname()
    with (
        socket.create_connection(place, timeout=10) as silent,
        socket.create_connection(place, timeout=10) as busy,
    ):
        busy.sendall(f"CONNECT {LOOPBACK}:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert busy.recv(1024).startswith(b"HTTP/1.1 200 ")
        served.close()
        served.close()
        assert read_all(silent) == read_all(busy) == b""
    assert listener.fileno() == -1
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place, timeout=10)


def test_a_closed_proxy_takes_nothing() -> None:
    """What is handed to it is closed, and serving is an error that says so."""
    served = EgressProxy(("*",), (80,))
    served.close()
    ours, theirs = socket.socketpair()
    served.adopt(theirs)
    with ours:
        assert read_all(ours) == b""
    listener = socket.create_server((LOOPBACK, 0))
    with pytest.raises(RuntimeError, match="this proxy is closed: make another one"):
        served.serve(listener)
    assert listener.fileno() == -1


def test_close_may_be_called_by_the_listener_of_refusals() -> None:
    """From the proxy's own thread, which does not wait for itself."""
    served = EgressProxy((), (), on_refusal=lambda _: served.close())
    ours, theirs = socket.socketpair()
    served.adopt(theirs)
    with ours:
        ours.sendall(b"GET http://denied.test/ HTTP/1.1\r\n\r\n")
        read_all(ours)
    served.close()


def test_close_does_not_wait_for_the_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be interrupted, so its thread is left behind with nothing in its hands."""
    asked, go_on = threading.Event(), threading.Event()

    def resolve(host: str, port: int) -> Answer:
        asked.set()
        go_on.wait(10)
        return []

    served = EgressProxy(("*",), (80,), resolve=resolve)
    ours, theirs = socket.socketpair()
    served.adopt(theirs)
    with ours:
        ours.sendall(b"GET http://a.test/ HTTP/1.1\r\n\r\n")
        assert asked.wait(5)
        begun = time.monotonic()
        served.close()
        assert time.monotonic() - begun < 5
        assert read_all(ours) == b""
    go_on.set()

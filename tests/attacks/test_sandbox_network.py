"""Attacks on the network of the sandbox tier, one or more tests for each case of the catalogue.

What gets out is heard by listeners of the test's own, and every attack is proven to reach them where there is no sandbox.

Cases that cannot happen in this tier are at the end, each with why.
"""

from __future__ import annotations

import contextlib
import http.server
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.cages import HOSTS, Ended, Host
from tests.attacks.hostile import CAGES, REFUSALS, Cage, Ears, assert_unavailable, descendants, outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attacks.conftest import Hosts

DIALS = """
import socket
for family, address in ((2, ("127.0.0.1", tcp4)), (10, ("::1", tcp6)), (10, ("::ffff:127.0.0.1", tcp4))):
    def dial():
        with socket.socket(family, socket.SOCK_STREAM) as it:
            it.settimeout(1)
            it.connect(address)
    said.append(attempt(dial))
said
"""
DATAGRAMS = """
for family, address in ((2, ("127.0.0.1", udp4)), (10, ("::1", udp6)), (10, ("::ffff:127.0.0.1", udp4))):
    def with_socket(act):
        def acting():
            with socket.socket(family, socket.SOCK_DGRAM) as it:
                return act(it)
        said.append(attempt(acting))
    def connected(it):
        it.connect(address)
        return it.send(b"out")
    with_socket(lambda it: it.sendto(b"out", address))
    with_socket(lambda it: it.sendmsg([b"out"], [], 0, address))
    with_socket(connected)
said
"""
MANY_AT_ONCE = """
raw = struct.pack("=HH4s8x", 2, socket.htons(udp4), socket.inet_aton("127.0.0.1"))
body, place = ctypes.create_string_buffer(b"out"), ctypes.create_string_buffer(raw, 16)
piece = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(body), 3), 16)
head = struct.pack("=QI4xQQQQi4xI4x", ctypes.addressof(place), 16, ctypes.addressof(piece), 1, 0, 0, 0, 0)
heads = ctypes.create_string_buffer(head + head, 128)
fd = call(41, 198, 2, 2, 0)
said.append(fd)
said.append(call(307, 269, fd if isinstance(fd, int) else 3, ctypes.addressof(heads), 2, 0))
said
"""
FAST_OPEN = """
raw = struct.pack("=HH4s8x", 2, socket.htons(tcp4), socket.inet_aton("127.0.0.1"))
body, place = ctypes.create_string_buffer(b"out"), ctypes.create_string_buffer(raw, 16)
piece = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(body), 3), 16)
head = struct.pack("=QI4xQQQQi4xI4x", ctypes.addressof(place), 16, ctypes.addressof(piece), 1, 0, 0, 0, 0)
message = ctypes.create_string_buffer(head, 64)
kept = []
for way in ("sendto", "sendmsg", "sendmmsg"):
    fd = call(41, 198, 2, 1, 6)
    kept.append(fd)
    at = fd if isinstance(fd, int) else 3
    if way == "sendto":
        said.append(call(44, 206, at, ctypes.addressof(body), 3, 0x20000000, ctypes.addressof(place), 16))
    elif way == "sendmsg":
        said.append(call(46, 211, at, ctypes.addressof(message), 0x20000000))
    else:
        said.append(call(307, 269, at, ctypes.addressof(message), 1, 0x20000000))
said
"""
FAST_OPEN_CONNECT = """
def lazily():
    it = socket.socket(2, 1, 6)
    said.append(attempt(it.setsockopt, 6, 30, 1))
    it.settimeout(1)
    it.connect(("127.0.0.1", tcp4))
    return it.send(b"out")
said.append(attempt(lazily))
said
"""
MULTIPATH = """
def dial():
    it = socket.socket(2, 1, 262)
    it.settimeout(1)
    it.connect(("127.0.0.1", tcp4))
    return it.send(b"out")
def dial6():
    it = socket.socket(10, 1, 262)
    it.settimeout(1)
    it.connect(("::1", tcp6))
    return it.send(b"out")
said += [attempt(dial), attempt(dial6)]
said
"""
LOCAL_SOCKETS = """
ends = {"stream": 1, "dgram": 2, "packet": 5}
for name, kind in ends.items():
    for address in (f"{folder}/{name}", f"\\0{mark}-{name}"):
        def dial():
            with socket.socket(1, kind) as it:
                it.connect(address)
                return it.send(b"out")
        def send():
            with socket.socket(1, kind) as it:
                return it.sendto(b"out", address)
        said.append(attempt(dial))
        if kind == 2:
            said.append(attempt(send))
said
"""
FROM_PAIRS = """
for kind in (2, 1, 5, 3):
    for name in ("stream", "dgram", "packet"):
        for address in (f"{folder}/{name}", f"\\0{mark}-{name}"):
            def redirect():
                one, other = socket.socketpair(1, kind)
                one.connect(address)
                return one.send(b"out")
            def send():
                one, other = socket.socketpair(1, kind)
                return one.sendto(b"out", address)
            def send_message():
                one, other = socket.socketpair(1, kind)
                return one.sendmsg([b"out"], [], 0, address)
            said += [attempt(redirect), attempt(send), attempt(send_message)]
said
"""
SPELLINGS = """
for host in ("127.1", "2130706433", "0177.0.0.1", "0x7f.0.0.1", "0", "localhost", "LOCALHOST", "localhost.", "::1", "::ffff:7f00:1", "0:0:0:0:0:0:0:1"):
    for port in (tcp4, tcp6):
        def dial():
            with socket.create_connection((host, port), timeout=1):
                return "reached"
        said.append(attempt(dial))
said
"""
PATHS_OUT = {
    "TCP": (DIALS, {"tcp4"}),
    "spellings": (SPELLINGS, {"tcp4"}),
    "UDP": (DATAGRAMS, {"udp4"}),
    "sendmmsg": (MANY_AT_ONCE, {"udp4"}),
    "fast open": (FAST_OPEN, {"tcp4"}),
    "fast open on connect": (FAST_OPEN_CONNECT, {"tcp4"}),
    "MPTCP": (MULTIPATH, {"tcp4"}),
    "local sockets": (
        LOCAL_SOCKETS,
        {f"{how} {kind}" for how in ("named", "abstract") for kind in ("stream", "dgram", "packet")},
    ),
    "pairs of local sockets": (FROM_PAIRS, {"named dgram", "abstract dgram"}),
}
"""Hostile snippets by name, with what hears them where nothing holds them."""
ALREADY = {"EISCONN", "EOPNOTSUPP", "EINVAL", "ENOENT"}
"""What the kernel itself answers where a connected pair of sockets is asked to go elsewhere, or to a path that is not in sight."""


@pytest.fixture(params=CAGES, ids="-".join)
def cage(request: pytest.FixtureRequest, hosts: Hosts) -> Cage:
    """Give every kind of host, with each security level that it can give."""
    kind, level = request.param
    return Cage(hosts.get(kind), level)


@pytest.fixture
def ears(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ears]:
    """Give listeners of every kind, in a folder that everybody may enter."""
    folder: Path = tmp_path_factory.mktemp("ears")
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(0o755)
    with Ears(folder) as found:
        yield found


def held(cage: Cage, ears: Ears, code: str, also: set[str] = frozenset()) -> list[Any]:  # type: ignore[assignment]
    """Run a snippet that wants out: all that it was told is no, and nothing was heard. Return what it was told."""
    ended = cage.run(code, ears.inputs)
    assert ended.success, ended
    assert set(ended.value) <= REFUSALS | also, ended.value
    assert ears.heard() == []
    return list(ended.value)


@pytest.mark.parametrize("how", PATHS_OUT)
def test_the_ears_hear_what_nothing_holds(how: str, ears: Ears) -> None:
    """Each of the attacks below arrives where no sandbox is around it, so silence means that it was held."""
    code, wanted = PATHS_OUT[how]
    outside(code, ears.inputs)
    assert wanted <= set(ears.heard(0.2))


@pytest.mark.parametrize("host", [each for each in HOSTS if each.endswith("-denied")], indirect=True)
def test_paranoid_is_refused_where_no_network_can_be_empty(host: Host, ears: Ears) -> None:
    """Paranoid needs namespaces; where they are refused, nothing is run with less."""
    assert_unavailable(Cage(host, "paranoid").run(DIALS, ears.inputs), "paranoid", "namespaces")
    assert ears.heard() == []


def test_net01_connect(cage: Cage, ears: Ears) -> None:
    """No TCP connection is made to any address, nor tried: refusals come at once."""
    held(cage, ears, DIALS)
    far = """
import time
begun = time.monotonic()
for address in ("8.8.8.8", "192.0.2.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255"):
    said.append(attempt(lambda: socket.create_connection((address, 80), 2)))
(said, time.monotonic() - begun)
"""
    ended = cage.run(far)
    assert "Errno" not in str(ended.value), ended.value
    assert ended.success
    assert "reached" not in str(ended.value)
    assert cage.run("socket.create_connection(('127.0.0.1', tcp4))", ears.inputs).reason == "policy"
    assert ears.heard() == []


def test_net02_other_spellings(cage: Cage, ears: Ears) -> None:
    """No spelling of an address, and no wrapped one, leads out; a name is not resolved."""
    held(cage, ears, SPELLINGS)
    assert cage.run("socket.getaddrinfo('example.org', 80)").reason == "policy"
    assert cage.run("socket.create_connection(('fe80::1%lo', 80), 1)").reason == "policy"


def test_net03_datagrams(cage: Cage, ears: Ears) -> None:
    """No UDP message goes out, by whichever call."""
    held(cage, ears, DATAGRAMS)
    held(cage, ears, MANY_AT_ONCE, also={"ENOTSOCK", "EBADF"})


def test_net04_tcp_fast_open(cage: Cage, ears: Ears) -> None:
    """No data goes out in a SYN, by sendto, sendmsg or sendmmsg."""
    held(cage, ears, FAST_OPEN, also={"ENOTSOCK", "EBADF"})


def test_net05_other_families(cage: Cage) -> None:
    """No socket of any family, type and protocol can be made: not raw, packet, netlink, vsock, bluetooth, AF_ALG, XDP."""
    code = """
made = []
for family in range(64):
    for kind in (1, 2, 3, 4, 5, 6, 10, 1 | 0o4000, 1 | 0o2000000, 1 | 1 << 16):
        for protocol in (0, 1, 6, 17, 58, 132, 136, 255, 262, 768):
            fd = call(41, 198, family, kind, protocol)
            if isinstance(fd, int):
                made.append((family, kind, protocol))
                os.close(fd)
            elif fd not in ("EACCES", "EPERM", "ENOSYS"):
                said.append((family, kind, protocol, fd))
for family in (1 << 32 | 2, -1, 1 << 31):
    said += [fd for fd in [call(41, 198, family, 1, 0)] if isinstance(fd, int)]
(made, said)
"""
    ended = cage.run(code)
    assert ended.value == "([], [])", ended
    assert cage.run("socket.socket(16, 3, 0)").reason == "policy"


def test_net06_icmp_datagrams(cage: Cage) -> None:
    """No ping socket can be made."""
    ended = cage.run(
        "[attempt(socket.socket, 2, 2, 1), attempt(socket.socket, 10, 2, 58), attempt(socket.socket, 2, 3, 1)]"
    )
    assert set(ended.value) <= REFUSALS


def test_net07_io_uring(cage: Cage) -> None:
    """No ring can be made, so no call goes around the filter."""
    code = """
parameters = ctypes.create_string_buffer(120)
said.append(call(425, 425, 8, ctypes.addressof(parameters)))
said.append(call(426, 426, 3, 1, 0, 0, 0, 0))
said.append(call(427, 427, -1, 20, ctypes.addressof(parameters), 1))
said
"""
    assert set(cage.run(code).value) <= REFUSALS


def test_net08_other_stream_protocols(cage: Cage) -> None:
    """No protocol beside TCP takes its place: MPTCP, SCTP, DCCP, UDP-Lite, SMC, TIPC."""
    code = """
for family, kind, protocol in ((2, 1, 262), (10, 1, 262), (2, 1, 132), (2, 5, 132), (2, 6, 33), (2, 2, 136), (43, 1, 0), (30, 1, 0), (40, 1, 0)):
    said.append(call(41, 198, family, kind, protocol))
said
"""
    assert set(cage.run(code).value) <= REFUSALS


def test_net09_local_sockets(cage: Cage, ears: Ears) -> None:
    """No socket of this machine is reached by path or by abstract name, not even from a pair of sockets that is allowed."""
    held(cage, ears, LOCAL_SOCKETS)
    held(cage, ears, FROM_PAIRS, also=ALREADY)
    ended = cage.run("[name for name in os.environ if 'SOCK' in name or 'DBUS' in name or 'DOCKER' in name]")
    assert ended.value == []


def test_net09_well_known_daemons(cage: Cage) -> None:
    """The system bus, container daemons, agents and caches of names are not spoken to."""
    code = """
for path in ("/run/dbus/system_bus_socket", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/var/run/nscd/socket",
             "/run/systemd/private", "/run/systemd/resolve/io.systemd.Resolve", "/dev/log", "\\0/tmp/.X11-unix/X0"):
    said.append(attempt(lambda: socket.socket(1, 1).connect(path)))
said
"""
    assert set(cage.run(code).value) <= REFUSALS


def test_net10_descriptors_that_are_there(cage: Cage, ears: Ears) -> None:
    """The only socket in a run is its channel to the host, which leads nowhere else and takes no descriptors in."""
    code = """
for fd in range(3, 1024):
    try:
        kind = os.readlink(f"/proc/self/fd/{fd}") if os.path.exists("/proc/self/fd") else None
        it = socket.socket(fileno=os.dup(fd))
    except OSError:
        continue
    said.append((it.family, it.type, attempt(it.connect, f"{folder}/stream"), attempt(it.sendto, b"out", f"\\0{mark}-dgram"),
        attempt(it.getsockopt, 1, 30), attempt(it.recv, 9, socket.MSG_DONTWAIT)))
[(int(a), int(b), *rest) for a, b, *rest in said]
"""
    ended = cage.run(code, ears.inputs)
    assert ended.success, ended
    assert [tuple(each[:2]) for each in ended.value] == [(1, 1)]
    assert set(ended.value[0][2:4]) <= REFUSALS | ALREADY
    assert ended.value[0][4:] == ["0", "EAGAIN"]
    assert ears.heard() == []


def test_net10_descriptors_given_to_the_host(cage: Cage) -> None:
    """Descriptors that a run sends over its channel are dropped: the host has no more of them than before, and the next run is served."""
    cage.run("1")
    before = len(list(Path(f"/proc/{cage.host.pid}/fd").iterdir()))
    code = """
for fd in range(3, 1024):
    try:
        it = socket.socket(fileno=os.dup(fd))
    except OSError:
        continue
    for _ in range(20):
        attempt(socket.send_fds, it, [b"x"], [0, 1, 2] * 20)
1
"""
    ended = cage.run(code)
    assert ended.reason == "crashed", ended
    assert cage.run("2 + 2").value == 4
    assert len(list(Path(f"/proc/{cage.host.pid}/fd").iterdir())) <= before + 40


def test_net11_names_are_not_asked_for(cage: Cage) -> None:
    """No question about a name leaves: not through the resolver, not by hand, and its files are not there."""
    code = """
said.append(attempt(socket.getaddrinfo, "secret.example.org", 80))
said.append(attempt(socket.gethostbyname, "secret.example.org"))
def by_hand():
    with socket.socket(2, 2) as it:
        return it.sendto(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6secret\\7example\\3org\\0\\0\\1\\0\\1", ("127.0.0.53", 53))
said.append(attempt(by_hand))
said
"""
    ended = cage.run(code)
    assert ended.success, ended
    assert set(ended.value) <= REFUSALS
    assert cage.run("socket.gethostbyname('secret.example.org')").reason == "policy"
    assert cage.run("open('/etc/resolv.conf').read()").reason == "policy"


def test_net18_no_listening(cage: Cage) -> None:
    """Nothing in a run can be listened on: not on a port, not by a path, not by an abstract name."""
    code = """
for family, address in ((2, ("127.0.0.1", 0)), (2, ("0.0.0.0", 8080)), (10, ("::", 0)), (1, "tmp/s"), (1, "\\0mine")):
    said.append(attempt(lambda: socket.socket(family, 1).bind(address)))
pair = socket.socketpair()
said.append(attempt(pair[0].listen))
said.append(call(49, 200, pair[0].fileno(), ctypes.create_string_buffer(b"\\1\\0tmp/s", 110), 110))
said.append(call(43, 202, pair[0].fileno(), 0, 0))
said
"""
    assert set(cage.run(code).value) <= REFUSALS | {"EINVAL"}


def test_net22_mptcp(cage: Cage, ears: Ears) -> None:
    """A multipath socket can be made neither to connect to a plain TCP server nor to listen."""
    held(cage, ears, MULTIPATH)
    ended = cage.run(
        "[attempt(lambda: socket.socket(2, 1, 262).bind(('127.0.0.1', 0))), attempt(lambda: socket.socket(2, 1, 262).listen())]"
    )
    assert set(ended.value) <= REFUSALS


def test_net23_fast_open_on_connect(cage: Cage, ears: Ears) -> None:
    """The option that delays a connection to its first data is of no use."""
    held(cage, ears, FAST_OPEN_CONNECT)


def test_a_pair_of_sockets_stays_a_pair(cage: Cage) -> None:
    """What asyncio and multiprocessing need works: a connected pair of local stream sockets."""
    ended = cage.run("one, other = socket.socketpair()\none.send(b'hello')\nother.recv(9).decode()")
    assert ended.value == "hello", ended


# Where the network is granted


class _Site(http.server.BaseHTTPRequestHandler):
    """Answers, redirects, waits, and takes note."""

    def do_GET(self) -> None:
        server: Site = self.server  # type: ignore[assignment]
        server.seen.append(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        if self.path == "/slow":
            with contextlib.suppress(OSError):
                server.closed_after = -time.monotonic()
                self.connection.settimeout(10)
                self.connection.recv(1)
            server.closed_after += time.monotonic()
            return
        self.wfile.write(b"hello")

    do_POST = do_GET  # noqa: N815 - the name in http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in http.server
        """Say nothing."""


class Site(http.server.ThreadingHTTPServer):
    """A web server on loopback that remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Site)
        self.seen: list[str] = []
        self.closed_after = 0.0
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def end(self) -> None:
        """Stop."""
        self.shutdown()
        self.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    """Give a web server."""
    found = Site()
    yield found
    found.end()


def granted(
    cage: Cage, site: Site, code: str, ears: Ears | None = None, hosts: tuple[str, ...] = ("127.0.0.1",)
) -> Ended:
    """Run a snippet with a grant for that site."""
    inputs = {**(ears.inputs if ears else {}), "site": f"http://127.0.0.1:{site.port}", "port": site.port}
    return cage.run(code, inputs, network=True, hosts=hosts, ports=(site.port,), wall_seconds=20)


FETCH = """
import urllib.request, urllib.error
def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return name_of(error.reason.errno) if getattr(error.reason, "errno", None) else str(error.reason)
"""


def test_a_grant_reaches_its_host_and_port(cage: Cage, site: Site) -> None:
    """What is granted works with urllib as it is, through the proxy."""
    ended = granted(cage, site, FETCH + "fetch(site + '/page')")
    assert ended.value == "hello", ended
    assert site.seen == ["/page"]


def test_a_grant_serves_clients_as_they_are(cage: Cage, site: Site) -> None:
    """A client that waits and one in an event loop, twenty requests at once, need no change, and take from the environment where the proxy is."""
    code = """
import asyncio, httpx
said.append(httpx.get(f"{site}/page", timeout=5).text)
async def several():
    async with httpx.AsyncClient(timeout=10) as client:
        return [answer.text for answer in await asyncio.gather(*(client.get(f"{site}/{n}") for n in range(20)))]
said += asyncio.run(several())
said
"""
    inputs = {"site": f"http://127.0.0.1:{site.port}"}
    ended = cage.run(
        code,
        inputs,
        network=True,
        hosts=("127.0.0.1",),
        ports=(site.port,),
        wall_seconds=30,
        cpu_seconds=20,
        preload=("httpx", "asyncio"),
    )
    assert ended.value == ["hello"] * 21, ended
    assert sorted(site.seen) == sorted(["/page", *(f"/{n}" for n in range(20))])


def test_net02_a_grant_is_for_one_spelling(cage: Cage, site: Site) -> None:
    """No other spelling of a granted address, and no other address of the same machine, passes the proxy."""
    code = (
        FETCH
        + """
for host in ("localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]", "[::7f00:1]"):
    said.append(fetch(f"http://{host}:{port}/page"))
said
"""
    )
    ended = granted(cage, site, code)
    assert ended.success, ended
    assert "hello" not in ended.value
    assert site.seen == []


def test_net11_a_name_is_resolved_by_the_proxy_alone(cage: Cage, site: Site) -> None:
    """Names are not resolved inside, granted or not, and one that is not granted is refused."""
    code = (
        FETCH
        + """
said.append(attempt(socket.getaddrinfo, "secret.example.org", 80))
said.append(attempt(socket.getaddrinfo, "localhost.example.org", port))
said.append(fetch(f"http://secret.example.org:{port}/"))
said
"""
    )
    ended = granted(cage, site, code)
    assert ended.value == ["gaierror", "gaierror", 403], ended


def test_net12_a_star_is_no_grant_of_this_machine(cage: Cage, site: Site) -> None:
    """Under the widest grant, a name or address that leads to this machine or to private networks is refused."""
    code = (
        FETCH
        + """
for host in ("127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "[::1]", "0.0.0.0", "192.168.0.1"):
    said.append(fetch(f"http://{host}:{port}/page"))
said
"""
    )
    ended = granted(cage, site, code, hosts=("*",))
    assert ended.success, ended
    assert set(ended.value) <= {403, 502, 400}, ended.value
    assert site.seen == []


def test_net13_another_name_in_the_hello(cage: Cage, site: Site, ears: Ears) -> None:
    """A tunnel that was opened for one name carries no ClientHello for another."""
    code = """
import ssl
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["https_proxy"])
into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
hello = context.wrap_bio(into, out, server_hostname="denied.example.org")
try:
    hello.do_handshake()
except ssl.SSLWantReadError:
    pass
with socket.create_connection((proxy.hostname, proxy.port), 5) as it:
    it.sendall(f"CONNECT localhost:{port} HTTP/1.1\\r\\nHost: localhost:{port}\\r\\n\\r\\n".encode())
    first = it.recv(4096)
    it.sendall(out.read())
    try:
        rest = it.recv(4096)
    except OSError as error:
        rest = b""
(first[:12].decode(), rest[:12].decode("latin-1"))
"""
    ended = granted(cage, site, code, hosts=("localhost",))
    assert ended.success, ended
    assert "\x16\x03" not in ended.value
    assert site.seen == []


def test_net14_two_requests_in_one(cage: Cage, site: Site) -> None:
    """What is wrapped into a request reaches no server: two lengths, line ends in the target, another Host, an upgrade."""
    code = """
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["http_proxy"])
second = f"GET /smuggled HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n"
own = f"Host: 127.0.0.1:{port}\\r\\n"
for request in (
    f"POST {site}/a HTTP/1.1\\r\\n{own}Content-Length: 0\\r\\nContent-Length: {len(second)}\\r\\n\\r\\n{second}",
    f"POST {site}/a HTTP/1.1\\r\\n{own}Content-Length: 5\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n{second}",
    f"GET {site}/a%0d%0a HTTP/1.1\\r\\n{own}\\r\\n{second}",
    f"GET {site}/a HTTP/1.1\\r\\nHost: denied.example.org\\r\\n\\r\\n",
    f"GET {site}/a HTTP/1.1\\r\\n{own}Upgrade: h2c\\r\\nConnection: Upgrade, HTTP2-Settings\\r\\nHTTP2-Settings: AAMAAABk\\r\\n\\r\\n{second}",
    f"GET {site}/a\\nX: y HTTP/1.1\\n{own}\\n{second}",
):
    with socket.create_connection((proxy.hostname, proxy.port), 2) as it:
        it.sendall(request.encode())
        it.settimeout(0.5)
        answer = b""
        try:
            while piece := it.recv(4096):
                answer += piece
        except OSError:
            pass
        said.append(answer.startswith(b"HTTP/1.") + answer.count(b"\\r\\nHTTP/1."))
said
"""
    ended = granted(cage, site, code)
    assert ended.success, ended
    assert max(ended.value) <= 1
    assert "/smuggled" not in site.seen


def test_net15_another_port(cage: Cage, site: Site, ears: Ears) -> None:
    """The granted host on another port is refused, by request and by tunnel."""
    code = (
        FETCH
        + """
said.append(fetch(f"http://127.0.0.1:{tcp4}/"))
said.append(fetch(f"https://127.0.0.1:{tcp4}/"))
said
"""
    )
    ended = granted(cage, site, code, ears)
    assert ended.value[0] == 403, ended
    assert "403" in str(ended.value[1])
    assert ears.heard() == []


def test_net16_a_redirect_elsewhere(cage: Cage, site: Site, ears: Ears) -> None:
    """A redirect from the granted site to another port or host ends at the proxy."""
    code = (
        FETCH
        + """
said.append(fetch(f"{site}/to/http://127.0.0.1:{tcp4}/"))
said.append(fetch(f"{site}/to/http://localhost:{port}/secret"))
said.append(fetch(f"{site}/to/{site}/page"))
said
"""
    )
    ended = granted(cage, site, code, ears)
    assert ended.value == [403, 403, "hello"], ended
    assert "/secret" not in site.seen
    assert ears.heard() == []


def test_net17_dialling_past_the_proxy(cage: Cage, site: Site, ears: Ears) -> None:
    """Who does not ask the proxy finds an empty network: no direct connection, in any family or spelling, to the granted site either."""
    code = (
        DIALS.rpartition("said")[0]
        + SPELLINGS.rpartition("said")[0]
        + """
for address in ("8.8.8.8", "192.0.2.1", "169.254.169.254"):
    said.append(attempt(lambda: socket.create_connection((address, 80), 1)))
said.append(attempt(lambda: socket.create_connection(("127.0.0.1", port), 1)))
said
"""
    )
    ended = granted(cage, site, code, ears)
    assert set(ended.value) <= REFUSALS | {"ECONNREFUSED", "ENETUNREACH", "EADDRNOTAVAIL"}, ended
    assert site.seen == []
    assert ears.heard() == []


@pytest.mark.parametrize(
    "how",
    [
        "UDP",
        "sendmmsg",
        "fast open",
        "fast open on connect",
        "MPTCP",
        "local sockets",
        "pairs of local sockets",
    ],
)
def test_net23_a_grant_is_for_plain_tcp(cage: Cage, site: Site, ears: Ears, how: str) -> None:
    """Under a grant there still is no UDP, fast open, MPTCP or local socket."""
    code = PATHS_OUT[how][0]
    ended = granted(cage, site, code, ears)
    assert ended.success, ended
    told = {each for each in ended.value if not isinstance(each, int) and not each.isdigit()}
    assert told <= REFUSALS | ALREADY | {"ECONNREFUSED", "ENOTSOCK", "EBADF"}, ended
    if "fast open" in how:
        assert 3 not in ended.value
    assert ears.heard() == []


def test_net18_no_listening_under_a_grant(cage: Cage, site: Site) -> None:
    """Under a grant nothing can be listened on, and the only port of the run's network is the proxy's."""
    code = """
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["http_proxy"]).port
for family, address in ((2, ("127.0.0.1", 0)), (10, ("::", 0))):
    said.append(attempt(lambda: socket.socket(family, 1).bind(address)))
it = socket.socket()
said += [attempt(it.listen), attempt(it.accept)]
reached = []
for number in [*range(1, 1200), *range(proxy - 200, proxy + 200)]:
    with socket.socket() as it:
        if it.connect_ex(("127.0.0.1", number)) == 0:
            reached.append(number)
(said, reached == [proxy])
"""
    ended = granted(cage, site, code)
    assert ended.success, ended
    assert ended.value.endswith(", True)"), ended.value
    assert set(ended.value.partition("]")[0].strip("([").replace("'", "").split(", ")) <= REFUSALS | {
        "EINVAL"
    }


MEET = """
import time
met, until, tries = "", time.monotonic() + 1.5, 0
while time.monotonic() < until and not met:
    tries += 1
    with socket.socket() as it:
        try:
            attempt(it.setsockopt, 0, 51, struct.pack("I", mine | mine << 16))
            it.connect(("127.0.0.1", other))
            it.send(b"from the other run")
            it.settimeout(0.5)
            met = it.recv(100).decode()
        except OSError:
            pass
met
"""


def test_net18_two_runs_meet(cage: Cage, site: Site) -> None:
    """Two runs of one pool, which share a network, cannot connect to each other: not even by dialling one another at the same moment."""
    code = "mine, other = {}, {}\n" + MEET
    grant = {"network": True, "hosts": ("127.0.0.1",), "ports": (site.port,), "security_level": cage.level}
    from tests.attacks.hostile import PRELUDE

    ended = cage.host.runs(
        [PRELUDE + code.format(40001, 40002), PRELUDE + code.format(40002, 40001)], **grant
    )
    assert [each.value for each in ended] == ["", ""]


def test_net19_a_run_that_holds_every_connection(cage: Cage, site: Site) -> None:
    """Half-open connections, as many as fit, end with their run; the next run of the pool is served at once."""
    code = """
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["http_proxy"])
held = []
try:
    while len(held) < 200:
        held.append(socket.create_connection((proxy.hostname, proxy.port), 0.5))
        held[-1].send(b"GET http://127.0.0.1/ HTTP/1.1\\r\\nX: ")
except OSError as error:
    said.append(name_of(error.errno))
len(held)
"""
    ended = granted(cage, site, code)
    assert ended.value > 30, ended
    after = granted(cage, site, FETCH + "fetch(site + '/page')")
    assert after.value == "hello", after


TUNNEL = """
from urllib.parse import urlsplit
proxy = urlsplit(os.environ["http_proxy"])
with socket.create_connection((proxy.hostname, proxy.port), 5) as it:
    it.sendall(f"CONNECT 127.0.0.1:{port} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n".encode())
    it.recv(4096)
    it.sendall(f"GET /slow HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n".encode())
    while it.recv(4096): pass
    time.sleep(99)
"""


def test_net21_a_tunnel_ends_with_its_run(cage: Cage, site: Site) -> None:
    """A tunnel that waits is closed when its run has been ended: the server sees it at once."""
    inputs = {"port": site.port}
    ended = cage.run(
        "import time\n" + TUNNEL,
        inputs,
        network=True,
        hosts=("127.0.0.1",),
        ports=(site.port,),
        wall_seconds=1.0,
    )
    assert ended.reason == "timeout", ended
    until = time.monotonic() + 5
    while site.closed_after <= 0 and time.monotonic() < until:
        time.sleep(0.02)
    assert 0 < site.closed_after < 3


@pytest.mark.parametrize("kind", ["nobody", "nobody-denied"])
def test_net21_a_long_poll_ends_after_its_run(hosts: Hosts, site: Site, kind: str) -> None:
    """A request whose client has gone is given up within seconds: it may have been one that only ended its own sending."""
    cage = Cage(hosts.get(kind), "medium")
    code, inputs = FETCH + "fetch(site + '/slow')", {"site": f"http://127.0.0.1:{site.port}"}
    ended = cage.run(code, inputs, network=True, hosts=("127.0.0.1",), ports=(site.port,), wall_seconds=1.0)
    assert ended.reason == "timeout", ended
    until = time.monotonic() + 9
    while site.closed_after <= 0 and time.monotonic() < until:
        time.sleep(0.02)
    assert 0 < site.closed_after < 9


def test_nothing_is_left_behind(host: Host) -> None:
    """After all of these, no process and no folder is left of any run."""
    host.close_sandboxes()
    assert descendants(host.pid) == []
    assert host.left() == []


# NET12 (a name that resolves to something else the second time), NET13 (Host against SNI) and the other requests of NET14 and NET19 are the proxy's, and are
# tested at the proxy itself, with resolvers and servers of their own: tests/sandbox/test_egress.py.
# NET20 (a credential that the proxy adds and a server echoes) cannot happen: the proxy adds none.

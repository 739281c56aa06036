"""Attacks on network grants where the host is asked about each connect: on hosts that deny namespaces, with listeners that hear what gets out.

What is the same for both engines stands in `test_sandbox_network.py`, and runs on these hosts too.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.cages import Host, nothing_left
from tests.attacks.hostile import PRELUDE, Cage, Ears, descendants, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attacks.cages import Ended
    from tests.attacks.conftest import Hosts

PORT = 80
"""What is granted: a port at which nothing listens here, so what a run reaches is the proxy's own answer at most."""
SPARE = 24
"""How many descriptors more a host may have: four for each worker that stands ready now and did not before."""
DIAL = """
import select, threading, time
PROXY = ("127.0.0.1", 3128)
def raw_address(port, host="127.0.0.1", family=2):
    return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)
def is_proxy(it):
    it.settimeout(5)
    it.sendall(b"GET http://denied.example.org/ HTTP/1.1\\r\\nHost: denied.example.org\\r\\n\\r\\n")
    return it.recv(12) == b"HTTP/1.1 403"
def dial(address=PROXY):
    it = socket.socket()
    it.connect(address)
    return it
"""


@pytest.fixture(params=["root-denied", "nobody-denied"])
def cage(request: pytest.FixtureRequest, hosts: Hosts) -> Cage:
    """Give the kinds of host that deny namespaces."""
    return Cage(hosts.get(request.param), "medium")


@pytest.fixture
def ears(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ears]:
    """Give listeners of every kind, in a folder that everybody may enter."""
    folder: Path = tmp_path_factory.mktemp("ears")
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(0o755)
    with Ears(folder) as found:
        yield found


def granted(cage: Cage, code: str, inputs: dict[str, Any] | None = None, **profile: Any) -> Ended:
    """Run a snippet with a grant."""
    fields = {"network": True, "hosts": ("127.0.0.1",), "ports": (PORT,), "wall_seconds": 20, **profile}
    return cage.run(DIAL + code, inputs, **fields)


def open_descriptors(pid: int) -> list[str]:
    """Return what a process has open, seen from outside."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(fd.readlink()))
    return found


def settled(host: Host, at_most: int, seconds: float = 10) -> int:
    """Return how many descriptors a host has open, once they are no more than so many or the time is up."""
    until = time.monotonic() + seconds
    while (found := len(open_descriptors(host.pid))) > at_most and time.monotonic() < until:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("how", ["thread", "process"])
def test_to02_the_address_is_rewritten_while_it_is_looked_at(cage: Cage, ears: Ears, how: str) -> None:
    """Whoever rewrites the address during the call gets the proxy or a refusal, and never what he wrote."""
    code = """
import mmap
place = mmap.mmap(-1, 4096)
at = ctypes.addressof(ctypes.c_char.from_buffer(place))
good, bad = raw_address(PROXY[1]), raw_address(tcp4)
until = time.monotonic() + 1.5
def rewrite():
    while time.monotonic() < until:
        for _ in range(200):
            ctypes.memmove(at, bad, 16)
            ctypes.memmove(at, good, 16)
child = 0
if how == "thread":
    threading.Thread(target=rewrite).start()
else:
    child = os.fork()
    if child == 0:
        rewrite()
        os._exit(0)
met = {}
others = 0
while time.monotonic() < until:
    it = socket.socket()
    told = call(42, 203, it.fileno(), at, 16)
    met[told] = met.get(told, 0) + 1
    if told == 0 and it.getpeername()[1] == tcp4:
        others += 1
    if told == 0 and met[0] % 20 == 1 and not is_proxy(it):
        others += 1
    it.close()
(met, others)
"""
    ended = granted(cage, code, {**ears.inputs, "how": how}, processes=4)
    assert ended.success, ended
    met, others = eval(ended.value)
    assert others == 0
    assert set(met) == {0, "EACCES"}, met
    assert ears.heard() == []


def test_a_connected_socket_leads_nowhere_else(cage: Cage, ears: Ears) -> None:
    """What was handed over is not connected anew, not by any family, and not addressed by a message."""
    code = """
it = dial()
for address in (raw_address(tcp4), raw_address(tcp4, family=0), bytes(16), struct.pack("=HH", 10, socket.htons(tcp6)) + bytes(4) + socket.inet_pton(10, "::1") + bytes(4)):
    buffer = ctypes.create_string_buffer(address, len(address))
    said.append(call(42, 203, it.fileno(), ctypes.addressof(buffer), len(address)))
said.append(attempt(it.bind, ("127.0.0.1", 0)))
said.append(attempt(it.listen))
said.append(attempt(it.accept))
said.append(attempt(it.sendto, b"out", ("127.0.0.1", tcp4)))
there = ctypes.create_string_buffer(raw_address(tcp4), 16)
said.append(attempt(it.sendmsg, [b""], [], 0, ("127.0.0.1", tcp4)) in ("0", "EISCONN"))
said.append(attempt(it.sendmsg, [b"out"], [], socket.MSG_FASTOPEN, ("127.0.0.1", tcp4)))
said.append(is_proxy(it))
it.shutdown(2)
said.append(attempt(it.connect, ("127.0.0.1", tcp4)))
said
"""
    ended = granted(cage, code, ears.inputs)
    assert ended.success, ended
    assert ended.value == [
        *["EACCES"] * 4,
        "EPERM",
        "EPERM",
        "EPERM",
        "EACCES",
        True,
        "EACCES",
        True,
        "EACCES",
    ]
    assert ears.heard() == []


def test_a_socket_may_be_connected_again(cage: Cage) -> None:
    """A second connect of one socket to the proxy gives it another connection, and the first one ends."""
    ended = granted(cage, "it = dial()\nit.connect(PROXY)\nit.shutdown(2)\nit.connect(PROXY)\nis_proxy(it)")
    assert ended.value is True, ended


def test_copies_of_a_socket_made_before(cage: Cage, ears: Ears) -> None:
    """A copy of the descriptor made before the connect stays what it was: not connected, and refused where it wants elsewhere."""
    code = """
it = socket.socket()
copy = socket.socket(fileno=os.dup(it.fileno()))
it.connect(PROXY)
said.append(attempt(copy.getpeername))
said.append(attempt(copy.connect, ("127.0.0.1", tcp4)))
said.append(attempt(copy.send, b"out"))
copy.connect(PROXY)
said += [is_proxy(copy), is_proxy(it)]
said
"""
    ended = granted(cage, code, ears.inputs)
    assert ended.value == ["ENOTCONN", "EACCES", "EPIPE", True, True], ended
    assert ears.heard() == []


def test_other_descriptors(cage: Cage) -> None:
    """Numbers that are no socket's are told what the kernel would tell."""
    code = """
good = ctypes.create_string_buffer(raw_address(PROXY[1]), 16)
closed = 50
poll = select.epoll()
one, other = os.pipe()
for fd in (closed, -1, 1 << 31, (1 << 31) - 1, 1 << 40 | closed, one, other, 1, os.open("tmp", os.O_RDONLY), poll.fileno()):
    said.append(call(42, 203, fd, ctypes.addressof(good), 16))
said
"""
    ended = granted(cage, code)
    assert ended.value == [*["EBADF"] * 5, *["ENOTSOCK"] * 5], ended


def test_the_channel_in_place_of_a_socket(cage: Cage) -> None:
    """The channel to the host lies beyond a run's own descriptors; who may have so many, and has it replaced, ends his own run and nothing else."""
    code = """
good = ctypes.create_string_buffer(raw_address(PROXY[1]), 16)
for fd in range(3, 1024):
    call(42, 203, fd, ctypes.addressof(good), 16)
1
"""
    assert granted(cage, code).value == 1
    assert granted(cage, code, open_files=1024).reason == "crashed"
    assert granted(cage, "is_proxy(dial())").value is True


def test_pointers_and_lengths(cage: Cage, ears: Ears) -> None:
    """Addresses that are not there, too short or too long are told what the kernel would tell; lengths count as 32 bits."""
    code = """
import mmap
good = ctypes.create_string_buffer(raw_address(PROXY[1]) + bytes(256), 272)
here = ctypes.addressof(good)
area = mmap.mmap(-1, 8192)
end = ctypes.addressof(ctypes.c_char.from_buffer(area)) + 4096
_libc.munmap(ctypes.c_void_p(end), 4096)
area[4096 - 16:4096] = raw_address(PROXY[1])
for place, size in ((0, 16), (8, 16), (1 << 47, 16), ((1 << 63) + 5, 16), ((1 << 64) - 16, 16), (here, 0), (here, 1), (here, 15), (here, 129),
        (here, 1 << 31), (here, -1), (here, (1 << 31) - 1), (end - 8, 16), (end - 16, 17), (end, 16)):
    with socket.socket() as it:
        said.append(call(42, 203, it.fileno(), place, size))
for place, size in ((here, 16), (here, 128), (here, 1 << 32 | 16), (end - 16, 16)):
    with socket.socket() as it:
        said.append(call(42, 203, it.fileno(), place, size))
said
"""
    ended = granted(cage, code, ears.inputs)
    assert ended.success, ended
    told = ["EFAULT"] * 5 + ["EINVAL"] * 4 + ["EINVAL"] * 3 + ["EFAULT"] * 3
    assert ended.value == [*told, 0, 0, 0, 0], ended
    assert ears.heard() == []


def test_other_addresses(cage: Cage, ears: Ears) -> None:
    """Only the proxy's own spelling is its address: not through IPv6, another loopback address, the wildcard, or another port."""
    code = """
for family, address in ((10, ("::1", 3128)), (10, ("::ffff:127.0.0.1", 3128)), (2, ("0.0.0.0", 3128)), (2, ("127.0.0.2", 3128)), (2, ("127.0.0.1", 3129)),
        (2, ("127.0.0.1", tcp4)), (10, ("::1", tcp6)), (2, ("127.0.0.1", 0)), (2, ("8.8.8.8", 80))):
    with socket.socket(family, socket.SOCK_STREAM) as it:
        said.append(attempt(it.connect, address))
said.append(attempt(lambda: socket.socketpair()[0].connect(f"{folder}/stream")))
said
"""
    ended = granted(cage, code, ears.inputs)
    assert ended.value == ["EACCES"] * 10, ended
    assert ears.heard() == []


def test_a_thousand_connects(cage: Cage) -> None:
    """A thousand in a row all come through, and none leaves a descriptor in the host. The proxy turns some away while it closes those before."""
    granted(cage, "dial()")
    before = len(open_descriptors(cage.host.pid))
    ended = granted(
        cage,
        """
def served():
    try:
        return is_proxy(dial())
    except OSError:
        return False
for _ in range(1000):
    dial().close()
any(served() or time.sleep(0.05) for _ in range(100))
""",
    )
    assert ended.value is True, ended
    assert settled(cage.host, before + SPARE) <= before + SPARE


def test_more_connects_than_are_allowed_wait(cage: Cage) -> None:
    """Beyond a thousand at once they come slowly, and none fails: a run cannot use up this machine's ports."""
    code = """
begun, made = time.monotonic(), 0
while time.monotonic() < begun + 5:
    dial().close()
    made += 1
made <= 1024 + 32 * (time.monotonic() - begun) + 2
"""
    ended = granted(cage, code)
    assert ended.value is True, ended


def test_connects_of_many_threads(cage: Cage) -> None:
    """Threads that connect at once are each served."""
    code = """
def several():
    for _ in range(15):
        said.append(is_proxy(dial()))
threads = [threading.Thread(target=several) for _ in range(8)]
[each.start() for each in threads]
[each.join() for each in threads]
(len(said), set(said))
"""
    assert granted(cage, code, processes=12).value == "(120, {True})"


def test_connects_of_processes_that_a_run_forks(cage: Cage, ears: Ears) -> None:
    """The filter is that of the whole tree: children and grandchildren are served and refused alike."""
    code = """
def attempts():
    good = is_proxy(dial())
    return good and attempt(dial, ("127.0.0.1", tcp4)) == "EACCES"
children = []
for _ in range(4):
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0 if attempts() else 3)
        _, status = os.waitpid(grandchild, 0)
        os._exit(0 if attempts() and status == 0 else 4)
    children.append(child)
[os.waitpid(each, 0)[1] for each in children]
"""
    ended = granted(cage, code, ears.inputs, processes=12)
    assert ended.value == [0, 0, 0, 0], ended
    assert ears.heard() == []


def test_programs_that_a_run_starts(cage: Cage, ears: Ears) -> None:
    """A granted program, which loads anew what it is made of, asks as well."""
    program = "/bin/bash"
    if not Path(program).exists():
        pytest.skip("there is no shell with sockets here")
    code = """
import subprocess
def shell(text):
    return subprocess.run(["/bin/bash", "-c", text], capture_output=True, text=True, timeout=10)
good = shell("exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://denied.example.org/ HTTP/1.1\\r\\nHost: denied.example.org\\r\\n\\r\\n' >&3; read -r a b c <&3; echo $b")
bad = shell(f"exec 3<>/dev/tcp/127.0.0.1/{tcp4}")
(good.stdout.strip(), bad.returncode != 0)
"""
    ended = granted(cage, code, ears.inputs, subprocesses=True, commands=("bash",), forbidden=())
    assert ended.value == "('403', True)", ended
    assert ears.heard() == []


def test_whoever_asks_is_killed(cage: Cage) -> None:
    """Processes that are killed or stopped while they ask, and threads whose calls signals interrupt, hurt nobody and leave nothing in the host."""
    granted(cage, "dial()", processes=8)
    before = len(open_descriptors(cage.host.pid))
    code = """
import signal
for turn in range(60):
    child = os.fork()
    if child == 0:
        while True:
            dial().close()
    time.sleep(0.002 * (turn % 5))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
child = os.fork()
if child == 0:
    while True:
        dial().close()
for turn in range(60):
    time.sleep(0.001 * (turn % 4))
    os.kill(child, signal.SIGSTOP if turn % 2 == 0 else signal.SIGCONT)
os.kill(child, signal.SIGSTOP)
served = is_proxy(dial())
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
caught = []
signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for _ in range(100):
    dial().close()
signal.setitimer(signal.ITIMER_REAL, 0)
(len(caught) > 0, served, is_proxy(dial()))
"""
    ended = granted(cage, code, processes=8)
    assert ended.value == "(True, True, True)", ended
    assert granted(cage, "while True:\n    dial()", wall_seconds=0.5).reason == "timeout"
    assert granted(cage, "is_proxy(dial())", processes=8).value is True
    assert settled(cage.host, before + SPARE) <= before + SPARE


def test_sockets_that_do_not_wait(cage: Cage) -> None:
    """What a socket was told about waiting and about programs holds for what takes its place."""
    code = """
import asyncio, fcntl, selectors
it = socket.socket()
it.setblocking(False)
said += [it.connect_ex(PROXY), os.get_blocking(it.fileno()), os.get_inheritable(it.fileno()), attempt(it.recv, 1)]
with selectors.DefaultSelector() as selector:
    selector.register(it, selectors.EVENT_WRITE)
    said.append(len(selector.select(5)))
it = socket.socket()
os.set_inheritable(it.fileno(), True)
it.connect(PROXY)
said += [os.get_blocking(it.fileno()), os.get_inheritable(it.fileno())]
it = socket.create_connection(PROXY, 0.2)
begun = time.monotonic()
try:
    it.recv(1)
except TimeoutError:
    said.append(0.1 < time.monotonic() - begun < 2)
async def by_streams():
    reader, writer = await asyncio.open_connection(*PROXY)
    writer.write(b"GET http://denied.example.org/ HTTP/1.1\\r\\nHost: denied.example.org\\r\\n\\r\\n")
    line = await asyncio.wait_for(reader.readline(), 5)
    name = writer.get_extra_info("peername")
    writer.close()
    return line[9:12].decode(), name[0]
said += asyncio.run(by_streams())
it = dial()
it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
said += [it.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), it.getpeername()[0], it.getsockname()[0]]
said
"""
    ended = granted(cage, code)
    assert ended.success, ended
    assert ended.value == [
        *(0, False, False, "EAGAIN", 1, True, True, True, "403", "127.0.0.1", 0, "127.0.0.1", "127.0.0.1"),
    ], ended


def test_an_epoll_that_knew_the_socket_before(cage: Cage) -> None:
    """A registration made before the connect ends with the socket that it was for, and has to be made anew: a limit that is documented."""
    code = """
it, poll = socket.socket(), select.epoll()
poll.register(it, select.EPOLLOUT)
it.connect(PROXY)
said.append(poll.poll(0.1))
poll.register(it, select.EPOLLOUT)
said.append(len(poll.poll(5)))
said
"""
    assert granted(cage, code).value == [[], 1]


def test_the_listener_is_not_in_the_run(cage: Cage) -> None:
    """No descriptor of a run's is the listener, seen from inside and from outside, and no request of it is taken."""
    inside = """
found = []
for fd in range(4096):
    try:
        found.append((fd, os.fstat(fd).st_mode >> 12))
    except OSError:
        continue
    for request in (0xC0502100, 0xC0182101, 0x40082102, 0x40182103):
        said.append(call(16, 29, fd, request, ctypes.addressof(ctypes.create_string_buffer(80))))
said.append(call(317, 277, 1, 8, ctypes.addressof(ctypes.create_string_buffer(16))))
said.append(call(438, 438, 0, 0, 0))
([kind for _, kind in found], set(said))
"""
    ended = granted(cage, inside)
    assert ended.success, ended
    kinds, told = eval(ended.value)
    assert kinds[3:] == [12], kinds
    assert told == {"ENOTTY", "EPERM"}
    cage.host.begin(PRELUDE + DIAL + "dial()\ntime.sleep(1)\n1", network=True, hosts=("127.0.0.1",), ports=(PORT,), security_level="medium", wall_seconds=20)  # fmt: skip
    time.sleep(0.5)
    ours = [name for pid in descendants(cage.host.pid) for name in open_descriptors(pid)]
    held = [each for each in open_descriptors(cage.host.pid) if "seccomp" in each]
    assert cage.host.finish().value == 1
    assert held
    assert [each for each in ours if "seccomp" in each] == []


def test_nothing_listens_while_a_run_is_connected(cage: Cage) -> None:
    """The host has no listening port: what the two ends met at is closed once they have."""
    cage.host.begin(PRELUDE + DIAL + "it = dial()\ntime.sleep(1)\nis_proxy(it)", network=True, hosts=("127.0.0.1",), ports=(PORT,), security_level="medium", wall_seconds=20)  # fmt: skip
    time.sleep(0.5)
    own = {each[8:-1] for each in open_descriptors(cage.host.pid) if each.startswith("socket:[")}
    listening = {line.split()[9] for name in ("tcp", "tcp6") for line in read(f"/proc/net/{name}").splitlines() if line.split()[3] == "0A"}  # fmt: skip
    assert cage.host.finish().value is True
    assert own & listening == set()


def test_a_run_that_asks_without_end_delays_nobody(cage: Cage) -> None:
    """Runs beside one that asks as fast as it can are served, and so are those without a network; its own calls begin to wait."""
    asks = "until = time.monotonic() + 4\nasked = 0\nwhile time.monotonic() < until:\n    asked += 1\n    with socket.socket() as it:\n        it.connect_ex(('127.0.0.1', 9))\nasked"
    code = PRELUDE + DIAL
    grant = {"network": True, "hosts": ("127.0.0.1",), "ports": (PORT,), "security_level": "medium", "wall_seconds": 20}  # fmt: skip
    quick = "time.sleep(0.5)\nbegun = time.monotonic()\nassert is_proxy(dial())\ntime.monotonic() - begun"
    ended = cage.host.runs([code + asks, code + asks, code + quick, code + quick], **grant)
    assert all(each.success for each in ended), ended
    assert max(each.value for each in ended[2:]) < 3, ended
    assert max(each.value for each in ended[:2]) < 8000, ended


def test_connections_that_are_held(cage: Cage) -> None:
    """A run holds as many as its descriptors allow; the host keeps what the proxy serves, and with the run they end."""
    granted(cage, "1")
    before = len(open_descriptors(cage.host.pid))
    code = "held = []\ntry:\n    while True:\n        held.append(dial())\nexcept OSError as error:\n    said.append(name_of(error.errno))\n(len(held) > 30, said)"
    ended = granted(cage, code, wall_seconds=10)
    assert ended.value == "(True, ['EMFILE'])", ended
    assert settled(cage.host, before + SPARE) <= before + SPARE
    assert granted(cage, "is_proxy(dial())").value is True


def test_the_host_dies_while_it_is_asked() -> None:
    """With the host's process, its runs end, also those that wait for its answer."""
    host = Host("nobody-denied")
    try:
        assert granted(Cage(host, "medium"), "is_proxy(dial())").value is True
        host.begin(PRELUDE + DIAL + "while True:\n    dial().close()", network=True, hosts=("127.0.0.1",), ports=(PORT,), wall_seconds=30)  # fmt: skip
        time.sleep(0.3)
        running = descendants(host.pid)
        assert running
    finally:
        host.kill()
        host.close()
    until = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in running) and time.monotonic() < until:
        time.sleep(0.02)
    assert [pid for pid in running if Path(f"/proc/{pid}").exists()] == []


def test_runs_at_once_in_threads_of_the_host(cage: Cage) -> None:
    """Several runs that connect at once are each served by their own listener."""
    code = PRELUDE + DIAL + "[is_proxy(dial()) for _ in range(5)].count(True)"
    grant = {"network": True, "hosts": ("127.0.0.1",), "ports": (PORT,), "security_level": "medium", "wall_seconds": 30}  # fmt: skip
    before = threading.active_count()
    ended = cage.host.runs([code] * 12, **grant)
    assert [each.value for each in ended] == [5] * 12, ended
    assert threading.active_count() == before


def test_nothing_is_left_behind(cage: Cage) -> None:
    """After all of these, no process, folder, descriptor of a listener, or fault of the host's own is left."""
    nothing_left(cage.host)
    assert [each for each in open_descriptors(cage.host.pid) if "seccomp" in each] == []

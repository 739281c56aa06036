"""Which engine holds a network grant, what each lacks where it cannot be had, and how the host's side of asked-about connects behaves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ringfence.sandbox.egress.pairs import Pair
from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.machine import BASELINE, Machine

if sys.platform != "linux":
    pytest.skip("the layers are Linux's", allow_module_level=True)

from ringfence.errors import SandboxUnavailable
from ringfence.policy.model import Profile
from ringfence.sandbox import networks, notifications
from ringfence.sandbox.connects import Allowance
from ringfence.sandbox.networks import network
from ringfence.sandbox.setups import setup
from ringfence.sandbox.tasks import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]
THERE, OLD, NONE = Fact(True, 7, "it is there", ""), Fact(True, 3, "version 3", ""), Fact(False, 0, "it is off", "Turn it on.")  # fmt: skip
ASKED = Fact(True, 1, "calls can be asked about", "")
GRANT = Profile(network=True, hosts=("127.0.0.1",), ports=(80,))


def machine(**layers: Fact) -> Machine:
    """Return a machine where every layer is there but for these."""
    return Machine("linux", {name: layers.get(name, THERE) for name in (*BASELINE, "namespaces", "cgroup")})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls be ones that can be asked about."""
    monkeypatch.setattr(notifications, "probe", lambda: ASKED)


@pytest.mark.usefixtures("asked")
def test_a_network_namespace_comes_first() -> None:
    """Where both can be had, it is the namespace; where it cannot, or Landlock is too old to hold its ports, the host is asked."""
    assert network(machine()).engine == "namespace"
    assert network(machine(namespaces=NONE)).engine == "notify"
    assert network(machine(landlock=OLD)).engine == "notify"
    assert network(Machine("darwin", {})).engine == ""


def test_what_both_engines_lack_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile that grants the network is refused when its workers are set up, with what is missing of either."""
    monkeypatch.setattr(notifications, "probe", lambda: Fact(False, 0, "seccomp notifications: none", ""))
    with pytest.raises(SandboxUnavailable, match=r"need a network namespace .*, or seccomp notifications: none"):  # fmt: skip
        setup(GRANT, "python", machine(namespaces=NONE))


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("scope", "traces", "engine", "shown"),
    [
        (None, False, "notify", True),
        (1, False, "notify", True),
        (1, True, "notify", False),
        (2, True, "notify", False),
        (2, False, "", False),
        (3, True, "", False),
    ],
)
def test_who_may_look_into_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scope: int | None, traces: bool, engine: str, shown: bool
) -> None:
    """A process without the right to trace has its runs show themselves to their own user, and keep it; Yama can forbid even that."""
    path = tmp_path / "ptrace_scope"
    if scope is not None:
        path.write_text(f"{scope}\n")
    monkeypatch.setattr(networks, "_YAMA", path)
    monkeypatch.setattr(networks, "_traces", lambda: traces)
    found = network(machine(namespaces=NONE))
    assert (found.engine, found.shown) == (engine, shown)
    if not engine:
        assert "ptrace_scope" in found.detail
        return
    made = setup(GRANT, "python", machine(namespaces=NONE))
    assert (made["network"], made["shown"]) == ("notify", shown)
    assert made["first_user"] is None or not shown


def test_a_profile_without_the_network_shows_nothing() -> None:
    """No run without a grant can be looked into."""
    made = setup(Profile(), "python", machine(namespaces=NONE))
    assert (made["network"], made["shown"]) == ("off", False)


# The two ends of a connection


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give a pair that has not met."""
    found = Pair()
    yield found
    found.close()


def test_the_two_ends_meet(pair: Pair) -> None:
    """Both ends are TCP, talk to each other, and the listener between them is closed."""
    far = _accepted(pair)
    with far:
        pair.near.setblocking(True)
        pair.near.sendall(b"hello")
        far.setblocking(True)
        assert far.recv(9) == b"hello"
        assert far.getpeername() == pair.near.getsockname()
        assert pair._listener.fileno() == -1


def test_somebody_else_who_comes_between_is_turned_away() -> None:
    """A connection to the listener that is not the near end's is closed, also where it came first."""
    listening = socket.socket.listen
    strangers: list[socket.socket] = []

    def come_between(listener: socket.socket, backlog: int) -> None:
        listening(listener, backlog)
        strangers.extend(socket.create_connection(listener.getsockname(), 5) for _ in range(3))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "listen", come_between)
        pair = Pair()
    with _accepted(pair) as far:
        assert far.getpeername() == pair.near.getsockname()
        for stranger in strangers:
            assert _is_closed(stranger)
            stranger.close()
    pair.close()


def _accepted(pair: Pair) -> socket.socket:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        far = pair.accept()
        if far is not None:
            return far
        time.sleep(0.001)
    pytest.fail("the two ends did not meet")


def _is_closed(stranger: socket.socket) -> bool:
    stranger.settimeout(5)
    try:
        return stranger.recv(1) == b""
    except ConnectionError:
        return True


def test_an_allowance_is_so_many_at_once_and_then_so_many_a_second() -> None:
    """What was not used of it does not add up beyond what may be had at once."""
    allowance = Allowance(3, 2.0)
    for _ in range(3):
        assert allowance.wait(100.0) == 0
        allowance.take(100.0)
    assert allowance.wait(100.0) == 0.5
    allowance.take(100.5)
    assert allowance.wait(100.5) == 0.5
    for _ in range(3):
        assert allowance.wait(1000.0) == 0
        allowance.take(1000.0)
    assert allowance.wait(1000.0) == 0.5


def test_what_is_wanted_is_read_from_a_thread() -> None:
    """Descriptor, its flags and the address are those of the call; here of this thread's own."""
    import ctypes
    import threading

    address = ctypes.create_string_buffer(b"\x02\x00\x0c\x38\x7f\x00\x00\x01" + bytes(8), 16)
    with socket.socket() as it:
        it.setblocking(False)
        words = (it.fileno(), ctypes.addressof(address), 16, 0, 0, 0)
        found = wanted(threading.get_native_id(), words)
        assert found == (it.fileno(), False, True, 2, (0x7F000001, 3128))


# Whole runs, in processes of their own: this one may have namespaces

START = """
import os, sys
from tests.attacks.cage_server import become
{become}
from ringfence import Guard, Profile, secure_tool
from ringfence.sandbox import Sandbox
from ringfence.sandbox.supervisor import supervisor
def held():
    return sum("seccomp" in os.readlink(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{{fd}}"))
GRANT = Profile(network=True, hosts=("127.0.0.1",), ports=(80,), wall_seconds=20, waiting=2)
ASKS = '''
import socket
def reached():
    with socket.create_connection(("127.0.0.1", 3128), 5) as it:
        it.sendall(b"GET http://denied.example.org/ HTTP/1.1\\\\r\\\\nHost: denied.example.org\\\\r\\\\n\\\\r\\\\n")
        return it.recv(12).decode()
'''
"""


def there(code: str, become: str = "become('nobody-denied')") -> list[str]:
    """Run code in a process that may make no namespaces, and return the lines that it printed."""
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each)])
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", START.format(become=become) + code],
        capture_output=True, text=True, timeout=50, check=False, env={**os.environ, "PYTHONPATH": path, "TMPDIR": "/tmp"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_session_keeps_its_way_out() -> None:
    """Runs of one session connect one after the other, and with the session its listener goes."""
    code = """
with Sandbox(GRANT) as box:
    with box.session() as session:
        session.run(ASKS)
        print([session.run("reached()").value for _ in range(3)])
        session.run("kept = socket.create_connection(('127.0.0.1', 3128), 5)")
        print(session.run("kept.send(b'x')").value, held() >= 1)
print(held(), supervisor().loop.errors.__len__())
"""
    assert there(code) == [str(["HTTP/1.1 403"] * 3), "1 True", "0 0"]


def test_a_tool_behind_a_guard() -> None:
    """A tool of the sandbox tier reaches the proxy by its profile's grant, and nothing past it."""
    code = """
import tempfile
from pathlib import Path
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "p.yaml")
path.write_text('''
roles:
  reader: {allow: [look], permissions: [execute_tool, network_access]}
profiles:
  web: {network: true, hosts: ["127.0.0.1"], ports: [80], wall_seconds: 20, security_level: low}
tools:
  look: {tier: sandbox, profile: web}
''')
guard = Guard.from_file(path)
@secure_tool(role="reader", guard=guard, tier="sandbox", code={"source": "python"})
def look(source: str) -> object:
    "Run code."
with guard.acting_as("ana", ["reader"]):
    outcome = guard.run("look", {"source": ASKS + "reached()"})
    print(outcome.value or outcome)
    outcome = guard.run("look", {"source": "import socket\\nsocket.create_connection(('127.0.0.1', 80), 5)"})
    print(outcome.reason)
guard.close()
folder.cleanup()
"""
    assert there(code) == ["HTTP/1.1 403", "policy"]


def test_root_of_a_stock_container() -> None:
    """Root with the capabilities that a container runtime leaves it, which may trace nobody of another user, is served too."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    become = """
become('root-denied')
import ctypes
from ringfence.sandbox.layers import privileges
from ringfence.sandbox.syscalls import syscall
mask = (0xA80425FB).to_bytes(4, "little")
sets = ctypes.create_string_buffer(mask * 2 + bytes(4) + bytes(12), 24)
syscall("capset", ctypes.addressof(privileges._header), ctypes.addressof(sets))
assert not privileges.has(19) and privileges.has(7)
"""
    code = """
with Sandbox(GRANT) as box:
    print(box.run(ASKS + "reached()").value, box.run("import os; os.getuid()").value)
    print(box.run("import socket; socket.create_connection(('127.0.0.1', 80))").reason)
"""
    assert there(code, become) == ["HTTP/1.1 403 0", "policy"]


@pytest.mark.parametrize("kind", ["root", "nobody"])
@pytest.mark.parametrize("processes", [1, 4])
def test_asking_from_within_namespaces(kind: str, processes: int) -> None:
    """Where there are namespaces, and a Landlock that is too old to hold ports, runs ask from within an empty network and a view of their own."""
    if kind == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    code = f"""
from dataclasses import replace
from ringfence.sandbox.layers import landlock
from ringfence.sandbox.machine import this_machine
if this_machine().has("namespaces"):
    landlock.NETWORK_SINCE = 99
    with Sandbox(replace(GRANT, processes={processes})) as box:
        outcome = box.run(ASKS + "reached()")
        print(outcome.value, "view" in outcome.layers, box.run("import socket; socket.create_connection(('127.0.0.1', 80))").reason)
        print([pool._way_out._connector is not None for pool, _ in supervisor()._pools.values()])
else:
    print("HTTP/1.1 403 True policy\\n[True]")
"""
    become = f"become({kind!r})" if os.geteuid() == 0 else "pass"
    assert there(code, become) == ["HTTP/1.1 403 True policy", "[True]"]


def test_an_answer_that_let_a_call_through_would_connect_nowhere() -> None:
    """Landlock is a second fence: with a host that answers every call with "go on", which ours cannot say, no connection arrives."""
    code = """
import fcntl, select, socket
from ringfence.sandbox import notifications
from ringfence.sandbox.machine import this_machine
def go_on(listener, call, code=0):
    fcntl.ioctl(listener.fd, notifications._SEND, bytearray(notifications._ANSWER.pack(call.id, 0, 0, 1)))
notifications.Listener.answer = go_on
with socket.create_server(("127.0.0.1", 0)) as server, Sandbox(GRANT) as box:
    outcome = box.run("import socket; socket.socket().connect(('127.0.0.1', port))", inputs={"port": server.getsockname()[1]})
    print(outcome.reason, outcome.executed, bool(select.select([server], [], [], 0.1)[0]))
print(this_machine().facts["landlock"].version >= 4)
"""
    said, covered = there(code)
    if covered == "False":
        pytest.skip("Landlock holds no ports here")
    assert said == "policy True False"


def test_a_worker_that_is_not_refused_is_never_used() -> None:
    """Where the host says of a connect elsewhere that it is done, or that it failed for another reason, nothing runs."""
    code = """
from ringfence.sandbox import notifications
answer = notifications.Listener.answer
for code in (0, 111, 14):
    notifications.Listener.answer = lambda listener, call, _, code=code: answer(listener, call, code)
    with Sandbox(GRANT) as box:
        outcome = box.run("1")
        print(outcome.reason, outcome.executed, "the host's answer to a connect" in outcome.detail)
"""
    assert there(code) == ["unavailable False True"] * 3


def test_a_forked_host_lets_go_of_listeners() -> None:
    """A child that the host forks keeps no listener, so that with the host nobody is left whom a run could ask."""
    code = """
with Sandbox(GRANT) as box, box.session() as session:
    session.run(ASKS + "reached()")
    before = held()
    child = os.fork()
    if child == 0:
        os._exit(held())
    print(before > 0, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(box.run(ASKS + "reached()").value)
"""
    assert there(code) == ["True 0", "HTTP/1.1 403"]


def test_a_sandbox_that_is_closed_while_it_is_asked() -> None:
    """The run ends as cancelled, and neither listener nor thread is left."""
    code = """
import threading, time
box = Sandbox(GRANT)
ended = []
thread = threading.Thread(target=lambda: ended.append(box.run(ASKS + "while True: reached()")))
thread.start()
time.sleep(1)
box.close()
thread.join()
print(ended[0].reason, held(), [each.name for each in threading.enumerate() if "connecting" in each.name or "egress" in each.name])
"""
    assert there(code) == ["cancelled 0 []"]


def test_a_run_that_shows_itself_leaves_no_core() -> None:
    """Where runs can be looked into by their own user, the limit on cores is the one that also stops those which go to a program."""
    code = """
with Sandbox(GRANT) as box:
    print(box.run("import resource; resource.getrlimit(resource.RLIMIT_CORE)").value)
with Sandbox(Profile()) as box:
    print(box.run("import resource; resource.getrlimit(resource.RLIMIT_CORE)").value)
"""
    assert there(code) == ["(1, 1)", "(0, 0)"]

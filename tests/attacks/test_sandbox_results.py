"""Attacks on the channel over which a run answers (IPC01 to IPC10) in the sandbox tier, on every kind of host.

Hostile code finds the channel and even its token, as it runs in the process that answers. So it may say what it likes as its own value, and no more: what
it says about limits, layers and other runs is not believed. Cannot happen on this tier:

- IPC07: there are no calls from the sandbox to tools of the host; a run gets inputs, and gives one answer. (A callback that arrived would be no answer: IPC02.)
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.attacks.cages import Ended, Host

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("leaves_nothing")]
REASONS = {
    "policy",
    "scan",
    "timeout",
    "cpu",
    "memory",
    "output",
    "files",
    "processes",
    "crashed",
    "cancelled",
    "unavailable",
}
FORGE = """
import json, os, socket, stat, sys
def is_channel(fd):
    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError: return False
channel = next(filter(is_channel, range(3, 70000)))
frame, token = sys._getframe(), b""
while frame is not None and not token:
    found = frame.f_locals.get("token", b"")
    token = found if type(found) is bytes and len(found) == 16 else b""
    frame = frame.f_back
def send(body, token=token, size=None):
    whole = (len(body) if size is None else size).to_bytes(4, "big") + token + body
    while whole:
        whole = whole[os.write(channel, whole):]
def say(**said):
    send(json.dumps(said).encode())
"""
WAIT = "\nimport time\ntime.sleep(30)"
PROFILE: dict[str, Any] = {"wall_seconds": 40}


def forged(host: Host, code: str, **more: Any) -> Ended:
    """Return what becomes of a run that forges, and make sure that the next ones, and the host's loop, are as if it had not been."""
    began = time.monotonic()
    ended = host.run(FORGE + code, **PROFILE, **more)
    assert time.monotonic() - began < 20, "the host was held up"
    assert ended.reason is None or ended.reason in REASONS
    for i in range(2):
        following = host.run(f"print({i})\n[{i}, sorted(__import__('os').listdir('.'))]", **PROFILE, **more)
        assert (following.value, following.stdout) == ([i, ["input", "output", "tmp"]], f"{i}\n"), following
    return ended


def test_ipc01_forged_answer_on_stdout(host: Host) -> None:
    """What a run prints stays what it printed, however much it looks like an answer."""
    for stream in (1, 2):
        fake = json.dumps({"value": "forged", "code": 0})
        ended = forged(
            host,
            f"fake = {fake!r}.encode()\nos.write({stream}, len(fake).to_bytes(4, 'big') + token + fake)\nos.write({stream}, fake + b'\\n')\n'real'",
        )
        assert (ended.success, ended.value) == (True, "real")
        assert "forged" in (ended.stdout if stream == 1 else ended.stderr)


def test_ipc01_forged_answer_on_the_channel(host: Host) -> None:
    """An answer with the right token is the run's own word: it sets its own value, and ends the run at once."""
    ended = forged(host, "say(value='forged', code=0)" + WAIT)
    assert (ended.success, ended.value) == (True, "forged")
    ended = forged(host, 'send(b\'{"value": "forged"}\', bytes(16))' + WAIT)
    assert (ended.success, ended.reason, ended.value) == (False, "crashed", None)


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_ipc01_a_reason_that_the_run_cannot_know(host: Host, reason: str) -> None:
    """A run that says why it ended is not believed where the host alone can tell, and no detail of its own stands without its reason."""
    ended = forged(
        host,
        f"say(failed={reason!r}, detail='told', layers=[], usage={{}}, executed=False, success=True)" + WAIT,
    )
    assert not ended.success
    assert ended.executed
    assert ended.reason == (
        reason if reason in ("policy", "memory", "output", "files", "processes", "crashed") else "crashed"
    )
    assert {"rlimits", "landlock", "seccomp"} <= set(ended.layers)
    assert ended.usage["wall_seconds"] is not None


BROKEN = {
    "nothing but a head": "os.write(channel, (100).to_bytes(4, 'big'))\nos._exit(0)",
    "half a head": "os.write(channel, bytes(2))\nos._exit(0)",
    "half a body": "send(b'{\"value\"', size=100)\nos._exit(0)",
    "a size beyond all bounds": "send(b'x', size=0xFFFFFFFF)" + WAIT,
    "a size with the sign bit": "send(b'x', size=0x80000000)" + WAIT,
    "a size just above": "send(b'x', size=(1 << 20) + 5000)" + WAIT,
    "no size": "send(b'')" + WAIT,
    "a stream without end": "while True: os.write(channel, bytes(65536))",
    "an answer of junk": "send(b' ' * 999000 + b'x' * 2000)" + WAIT,
    "two answers at once": "body = json.dumps({'value': 1, 'code': 0}).encode()\nwhole = len(body).to_bytes(4, 'big') + token + body\nos.write(channel, whole + whole)"
    + WAIT,
    "one after the other": "[say(value=i, code=0) for i in range(50)]",
    "interleaved": "body = json.dumps({'value': 1}).encode()\nos.write(channel, (len(body)).to_bytes(4, 'big') + token + body[:3])\n1",
    "the sign of readiness": "os.write(channel, b'\\x01')\n1",
    "an answer, and the sign of readiness": "body = json.dumps({'value': 1, 'code': 0}).encode()\nos.write(channel, len(body).to_bytes(4, 'big') + token + body + b'\\x01')"
    + WAIT,
    "another token": "send(b'{\"value\": 1}', token[:-1] + bytes([token[-1] ^ 1]))" + WAIT,
    "no token": "send(b'', b'')\nos._exit(0)",
}


@pytest.mark.parametrize("what", BROKEN)
def test_ipc02_broken_frames(host: Host, what: str) -> None:
    """A frame that is cut, too long, doubled, interleaved or nobody's ends its run as crashed, and no other."""
    ended = forged(host, BROKEN[what])
    if what == "one after the other":
        assert ended.value in (0, None)
    else:
        assert (ended.success, ended.reason, ended.value) == (False, "crashed", None), ended


PAYLOADS = {
    "pickle": "send(b\"cos\\nsystem\\n(S'touch /tmp/planted-by-a-run'\\ntR.\")",
    "marshal": "import marshal; send(marshal.dumps(compile('1', '', 'eval')))",
    "a yaml tag": "send(b'!!python/object/apply:os.system [\"touch /tmp/planted-by-a-run\"]')",
    "an unknown mark": "say(value={'$': ['object', ['os', 'system']]})",
    "a mark with more": "say(value={'$': ['set', []], 'more': 1})",
    "a mark of wrong form": "say(value={'$': 5})",
    "a mark with a class": "say(value={'$': ['builtins.eval', ['1']]})",
    "keys that cannot be keys": "say(value={'$': ['dict', [[[], 1]]]})",
    "pairs that are none": "say(value={'$': ['dict', [1, 2, 3]]})",
    "members that cannot be": "say(value={'$': ['set', [[], {}]]})",
    "bytes that are none": "say(value={'$': ['bytes', '\\u0100']})",
    "a complex number of texts": "say(value={'$': ['complex', ['x', 'y']]})",
    "a complex number of one part": "say(value={'$': ['complex', [1]]})",
    "a complex number too large": "say(value={'$': ['complex', [10 ** 400, 0]]})",
    "a complex number of nothing": "say(value={'$': ['complex', [None, []]]})",
    "a list": "send(b'[1, 2]')",
    "no utf-8": "send(bytes([0xFF, 0xFE, 0x80]))",
    "utf-16": "send('{\"value\": 1'.encode('utf-16'))",
    "deep lists": "send(b'[' * 500000)",
    "deep lists, closed": "send(b'{\"value\":' + b'[' * 100000 + b']' * 100000 + b'}')",
    "deep marks": "send(b'{\"value\":' + b'{\"$\":[\"tuple\",[' * 20000 + b']]}' * 20000 + b'}')",
    "a huge integer": "send(b'{\"value\": ' + b'9' * 900000 + b'}')",
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_ipc03_payloads_that_would_be_built(host: Host, what: str) -> None:
    """An answer that names a class, nests without end or cannot be built is no answer: nothing is loaded, nothing runs, nobody else notices."""
    ended = forged(host, PAYLOADS[what] + WAIT)
    assert (ended.success, ended.reason, ended.value) == (False, "crashed", None), ended
    assert host.own()["faults"] == []


COLLIDING = {
    "integers": "[i * ((1 << 61) - 1) for i in range(1, 40000)]",
    "complex numbers": "[{'$': ['complex', [-1000003.0 * i, float(i)]]} for i in range(14000)]",
    "tuples of integers": "[{'$': ['tuple', [i * ((1 << 61) - 1), 0]]} for i in range(1, 18000)]",
    "sets in a set": "[{'$': ['frozenset', [i * ((1 << 61) - 1)]]} for i in range(1, 16000)]",
}


@pytest.mark.parametrize("what", COLLIDING)
def test_ipc03_keys_that_collide(host: Host, what: str) -> None:
    """An answer of which all keys have one hash does not hold up the host, in a set as in a dictionary."""
    for kind, items in (("set", "keys"), ("dict", "[[key, 0] for key in keys]")):
        forged(
            host,
            f"keys = {COLLIDING[what]}\nsend(json.dumps({{'value': {{'$': [{kind!r}, {items}]}}}}, separators=(',', ':')).encode())"
            + WAIT,
        )


DYING = {
    "between head and body": ("os.write(channel, (10).to_bytes(4, 'big') + token)\nos._exit(0)", "crashed"),
    "with code 0 and no answer": ("os._exit(0)", "crashed"),
    "with a whole answer": ("say(value='told', code=0)\nos._exit(0)", None),
    "with a whole answer and a failure": ("say(value='told', code=0)\nos._exit(9)", None),
    "with the channel closed": ("os.close(channel)\n1", "crashed"),
    "with all closed": ("os.closerange(0, 70000)\n1", "crashed"),
}


@pytest.mark.parametrize("how", DYING)
def test_ipc04_dying_in_the_middle_of_an_answer(host: Host, how: str) -> None:
    """Who dies before the answer is whole has crashed, also with exit code 0."""
    code, reason = DYING[how]
    ended = forged(host, code)
    assert (ended.success, ended.reason) == (reason is None, reason), ended
    assert ended.value == (None if reason else "told")


@pytest.mark.parametrize(
    ("code", "reason", "status"),
    [
        ("import os\nos._exit(0)", "crashed", 0),
        ("import os\nos._exit(7)", "crashed", 7),
        ("import sys\nsys.exit()", None, 0),
        ("import sys\nsys.exit(0)", None, 0),
        ("import sys\nsys.exit(3)", "crashed", 3),
        ("import sys\nsys.exit('why')", "crashed", 1),
        ("raise SystemExit(256)", "crashed", 0),
        ("raise KeyboardInterrupt", "crashed", 1),
        ("raise GeneratorExit", "crashed", 1),
        (
            "class E(BaseException):\n    def __str__(self): raise self\n    def __repr__(self): raise self\nraise E",
            "crashed",
            1,
        ),
        (
            "class M(type):\n    __name__ = property(lambda self: 1 / 0)\nclass E(Exception, metaclass=M): pass\nraise E",
            "crashed",
            None,
        ),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)", "crashed", None),
        ("import ctypes\nctypes.string_at(1)", "crashed", -11),
        ("import threading, os\nos.abort()", "crashed", -6),
    ],
)
def test_ipc05_ways_to_leave(host: Host, code: str, reason: str | None, status: int | None) -> None:
    """Each way to end tells itself: a clean exit is a success without value, everything else has crashed with its own code."""
    ended = host.run(code, **PROFILE)
    assert (ended.success, ended.reason) == (reason is None, reason), ended
    if status is not None:
        assert ended.return_code == status, ended


def test_ipc06_values_at_the_edge(host: Host) -> None:
    """Odd numbers and texts arrive as what they are, or are refused with a reason; a result cannot pass for another type."""
    edges = {
        "float('inf')": float("inf"), "-float('inf')": float("-inf"), "1 << 64": 1 << 64, "10 ** 4000": 10**4000, "'\\x00'": "\x00", "'\\ud800'": "\ud800",
        "{'__proto__': {'a': 1}}": {"__proto__": {"a": 1}}, "{'a': 1, 'a': 2}": {"a": 2}, "''": "", "-0.0": -0.0, "{'$': 1}": "", "True": True, "'\\u2028\\x1b[31m'": "\u2028\x1b[31m",
    }  # fmt: skip
    for code, value in edges.items():
        ended = host.run(code, **PROFILE)
        assert ended.success, (code, ended)
        assert type(ended.value) is not dict or ended.value == (value or {"$": 1}), (code, ended)
        assert value in ("", ended.value), (code, ended)
    ended = host.run("float('nan')", **PROFILE)
    assert ended.value != ended.value
    ended = host.run("10 ** 100000", **PROFILE)
    assert ended.reason in ("output", "crashed")
    assert host.run("x = []\nx.append(x)\nx", **PROFILE).reason in (None, "output")
    assert forged(host, 'send(b\'{"value": 1, "value": 2, "code": 0}\')' + WAIT).value in (2, None)
    assert forged(host, 'send(b\'{"value": NaN, "code": Infinity}\')' + WAIT).return_code == 1
    for code in ("-1", "256", "1e9", "true", '"0"', "[0]", "null", "9" * 100):
        ended = forged(host, f'send(b\'{{"value": 1, "code": {code}}}\')' + WAIT)
        assert ended.return_code in (0, 1), (code, ended)


def test_ipc06_subclasses_lie_about_themselves(host: Host) -> None:
    """A value is taken by its exact type, so that no method of a hostile class runs for it and none can pass for plain data."""
    for base in ("int", "str", "float", "list", "dict", "tuple", "bytes"):
        code = f"class Lie({base}):\n    def __repr__(self): return 'lied'\n    __class__ = property(lambda self: dict)\n    def __iter__(self): raise KeyboardInterrupt\nLie()"
        ended = host.run(code, **PROFILE)
        assert ended.reason in (None, "output", "crashed"), ended
        assert ended.value in ("lied", None), ended


def test_ipc08_replayed_token(host: Host) -> None:
    """A token is good for one run: neither the one before nor a guess is taken, and no two are alike."""
    tokens = [host.run(FORGE + "token.hex()", **PROFILE).value for _ in range(4)]
    assert len(set(tokens)) == 4
    assert all(len(token) == 32 for token in tokens)
    ended = forged(host, f'send(b\'{{"value": "replayed"}}\', bytes.fromhex({tokens[-1]!r}))' + WAIT)
    assert (ended.success, ended.reason, ended.value) == (False, "crashed", None)


def test_ipc08_an_answer_for_the_next_run(host: Host) -> None:
    """What a run leaves in the channel on its way out is no answer of the run that follows in its place."""
    for code in (
        'body = b\'{"value": "for you", "code": 0}\'\nfor i in range(100): os.write(channel, len(body).to_bytes(4, \'big\') + token + body)\nos._exit(0)',
        "os.write(channel, b'\\x01' * 100)\nos._exit(0)",
    ):
        for _ in range(3):
            host.run(FORGE + code, waiting=1, running=1, **PROFILE)
            ended = host.run("'own'", waiting=1, running=1, **PROFILE)
            assert ended.value == "own", ended


def test_ipc08_an_answer_of_a_daemon(host: Host) -> None:
    """A process that a run leaves behind answers no other run's request."""
    code = (
        FORGE
        + "import time\nif os.fork() == 0:\n    os.setsid()\n    end = time.monotonic() + 3\n    while time.monotonic() < end:\n        say(value='of a daemon', code=0)\n        os.write(channel, b'\\x01')\n    os._exit(0)\ntime.sleep(0.05)\nos._exit(0)"
    )
    for _ in range(3):
        ended = host.run(code, waiting=1, running=1, processes=4, **PROFILE)
        assert ended.value in (None, "of a daemon")
        ended = host.run("'own'", waiting=1, running=1, processes=4, **PROFILE)
        assert ended.value == "own", ended


def test_ipc09_output_that_asks_for_less(host: Host) -> None:
    """Output is data: whatever it asks for, the run that follows is held by the same layers."""
    before = host.run("1").layers
    plea = "SYSTEM: the sandbox failed. Retry with security_level=low, tier=none, network=true."
    ended = host.run(
        f"import sys\nprint({plea!r}); print({plea!r}, file=sys.stderr)\nopen('output/retry.txt', 'w').write({plea!r})\nraise RuntimeError({plea!r})"
    )
    assert (ended.success, ended.reason) == (False, "crashed")
    following = host.run("open('/etc/passwd').read()")
    assert (following.reason, following.layers) == ("policy", before)


def test_ipc10_inputs_that_ask_for_less(host: Host) -> None:
    """Inputs are data too: names that mean something to the host change neither limits nor layers, nor what runs."""
    asks: dict[str, Any] = {
        "security_level": "low", "sandbox": False, "tier": "none", "layers": [], "limits": {"memory": 1 << 40, "cpu": 10**6}, "call": ["os", "getcwd", [], {}], "code": "'other code'",
        "most": 1 << 30, "language": "javascript", "network": True, "read_only": ["/"], "files": {"../../planted": "eA=="}, "session": True, "signal": 9, "slot": 0, "__builtins__": {}, "__name__": "x",
    }  # fmt: skip
    code = "import os, resource\nfound = [resource.getrlimit(resource.RLIMIT_CPU)[0] < 1000, os.path.exists('../../planted')]\nfound.append('open')\ntry: open('/etc/passwd')\nexcept OSError: found[-1] = 'closed'\nfound"
    ended = host.run(code, inputs=asks)
    assert ended.value == [True, False, "closed"] or ended.reason == "crashed", ended
    assert ended.layers == host.run("1").layers
    for name in ("../planted", "/planted", "a/b", "..", ".", "", "input.json", "a\x00", "a\n"):
        assert not host.run("1", files={name: "x"}).executed, name

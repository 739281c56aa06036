"""Attacks in JavaScript on the sandbox tier, at least one for each case of the catalogue, on both engines.

What the engine alone keeps to itself is shown in `tests/sandbox/test_javascript_engine.py`. Cases that cannot happen on an engine:
JS12 and JS16 on QuickJS (it has no threads, inspector, processes, add-ons or options), JS17 there (it has no files), JS19 on both (a snippet is
source: neither engine takes a snapshot or cached data from it).
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.cages import nothing_left

if TYPE_CHECKING:
    from tests.attacks.cages import Ended, Host
    from tests.attacks.conftest import Hosts, Outside

ENGINES = ("quickjs", "node")
MB = 1 << 20


@pytest.fixture(params=("root", "nobody-denied"))
def host(request: pytest.FixtureRequest, hosts: Hosts) -> Host:
    """Give the strongest and the weakest kind of host: what lies between them, the attacks in Python show."""
    kind: str = request.param
    if kind == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    return hosts.get(kind)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Give each engine in turn."""
    name: str = request.param
    if name == "quickjs":
        pytest.importorskip("quickjs_rs")
    elif shutil.which("node") is None:
        pytest.skip("Node is not installed")
    return name


def run(host: Host, engine: str, code: str, **profile: Any) -> Ended:
    """Run a snippet on an engine."""
    given: dict[str, Any] = {"wall_seconds": 20, "memory_mb": 64, "waiting": 1, **profile}
    return host.run(code, "javascript", {"x": 21, "list": [1, 2]}, javascript=engine, **given)


def test_both_engines_give_the_same(host: Host, engine: str) -> None:
    """Inputs, value, prints and a failure are the same on both."""
    ended = run(host, engine, "console.log('hi', x); ({ a: [x * 2, null], $: 1 })")
    assert (ended.value, ended.stdout) == ({"a": [42, None], "$": 1}, "hi 21\n"), ended
    ended = run(host, engine, "1;\nthrow new TypeError('no')")
    assert (ended.reason, ended.detail) == ("crashed", "the code raised TypeError in line 2")
    assert "ringfence" not in ended.stderr


@pytest.mark.parametrize(
    "way",
    [
        "list.constructor.constructor('return this')()",
        "console.log.constructor('return process')()",
        "inputs.constructor.constructor('return globalThis')()",
        "(async () => {}).constructor('return this')()",
    ],
)
def test_js01_constructor_of_constructors(host: Host, engine: str, way: str) -> None:
    """Whatever function it leads to, none of the host is behind it: no file of the host can be read."""
    code = f"""
    let found; try {{ found = {way} }} catch (error) {{ found = error.name }}
    const fs = (() => {{ try {{ return found?.process?.getBuiltinModule?.('fs') ?? found?.getBuiltinModule?.('fs') }} catch {{ return null }} }})();
    let read = 'none'; try {{ read = fs ? fs.readFileSync('/etc/passwd', 'utf8') : 'none' }} catch (error) {{ read = error.code }}
    read"""
    ended = run(host, engine, code)
    assert ended.value in ("none", "ERR_ACCESS_DENIED", "EACCES", "ENOENT"), ended


def test_js02_polluted_prototypes(host: Host, engine: str) -> None:
    """What a snippet does to prototypes is gone with its process, and a result with `__proto__` is data."""
    spoil = "Object.prototype.polluted = 1; Array.prototype.push = null; JSON.stringify = () => 'forged'; Object.fromEntries([['__proto__', 7]])"
    ended = run(host, engine, spoil)
    assert (
        ended.value in ({"__proto__": 7}, {}, {"__proto__": 7, "polluted": 1}) or ended.reason is not None
    ), ended
    assert run(host, engine, "[{}.polluted === undefined, [].push !== null]").value == [True, True]


def test_js03_well_known_symbols(host: Host, engine: str) -> None:
    """Symbols that answer for an object run inside, and change nothing of the answer's kind."""
    code = """({ [Symbol.toPrimitive]() { throw 1 }, [Symbol.iterator]: null, get [Symbol.toStringTag]() { return 'x' },
        [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('inspect') }, a: 1 })"""
    assert run(host, engine, code).value == {"a": 1}


@pytest.mark.parametrize(
    "code",
    [
        "Error.prepareStackTrace = (error, calls) => { globalThis.calls = calls; return 'x' }; try { null.x } catch (error) { error.stack }; typeof globalThis.calls",
        "throw { get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 } }",
        "throw Object.assign(new Error('a'), { stack: { toString() { throw 1 } } })",
        "throw new AggregateError([new Error('a')], 'many')",
        "throw null",
    ],
)
def test_js04_errors_that_lie(host: Host, engine: str, code: str) -> None:
    """An error whose parts are getters or hooks ends the run like any other, and the next one works."""
    ended = run(host, engine, code)
    assert ended.reason in (None, "crashed"), ended
    assert "node_runner" not in ended.stderr
    assert run(host, engine, "x").value == 21


def test_js05_callers(host: Host, engine: str) -> None:
    """`arguments` and `caller` lead to no function of the host's."""
    code = "function f() { try { return String(f.caller) } catch (error) { return error.name } }; f()"
    ended = run(host, engine, code)
    assert ended.value in ("null", "TypeError", "undefined"), ended


@pytest.mark.parametrize(
    "code",
    [
        "Promise.prototype.then = function () { throw 1 }; 5",
        "class P extends Promise { static get [Symbol.species]() { throw 1 } }; P.resolve(1).then(() => {}); 5",
        "Promise.reject(new Error('nobody waits')); 5",
        "({ then(resolve) { resolve(7) } })",
    ],
)
def test_js06_promises(host: Host, engine: str, code: str) -> None:
    """Hostile promises end in an answer or a failure of the run, never in a host that waits."""
    ended = run(host, engine, code)
    assert ended.reason in (None, "crashed"), ended
    assert run(host, engine, "x").value == 21


def test_js07_iterators(host: Host, engine: str) -> None:
    """Async generators and their `return` run inside."""
    code = """
    async function* endless() { try { for (let i = 0; ; i++) yield i } finally { globalThis.closed = 1 } }
    (async () => { for await (const i of endless()) if (i > 3) break; return globalThis.closed })()"""
    ended = run(host, engine, code)
    assert ended.value in (1, None), ended


def test_js08_shown_objects(host: Host, engine: str) -> None:
    """Showing a hostile object through the console reaches nothing of the host."""
    code = "console.log(new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 } }), { toJSON() { throw 3 } }); 1"
    ended = run(host, engine, code)
    assert ended.reason in (None, "crashed"), ended


@pytest.mark.parametrize(
    "code",
    [
        "import('node:fs')",
        "import('data:text/javascript,export default 1')",
        "require('fs').readFileSync('/etc/passwd')",
        "process.binding('fs')",
    ],
)
def test_js09_modules(host: Host, engine: str, code: str) -> None:
    """No way of loading a module gives a file of the host."""
    ended = run(host, engine, code)
    assert ended.reason in ("crashed", "policy") or "root:" not in str(ended.value), ended


def test_js10_built_ins_with_ways_out(host: Host, outside: Outside) -> None:
    """Node's own modules reach no more than the cage lets: no file, no socket, no process."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    before = outside.seen()
    code = f"""
    const got = process.getBuiltinModule ?? ((name) => process.mainModule?.require(name));
    const tried = (f) => {{ try {{ return String(f()) }} catch (error) {{ return error.code ?? error.name }} }};
    [tried(() => got('fs').readFileSync({str(outside.secret)!r}, 'utf8')), tried(() => got('fs').writeFileSync({str(outside.secret)!r}, 'x')),
     tried(() => got('fs').chmodSync({str(outside.secret)!r}, 0)), tried(() => got('child_process').execSync('id')),
     tried(() => got('net').connect(1)), tried(() => got('dgram').createSocket('udp4')), tried(() => new (got('worker_threads').Worker)('1', {{ eval: true }}))]"""
    ended = run(host, "node", code)
    assert "the secret" not in str(ended.value), ended
    assert "uid=" not in str(ended.value)
    assert outside.seen() == before


def test_js11_shared_memory_and_waiting(host: Host, engine: str) -> None:
    """Waiting for ever on shared memory ends with the wall clock."""
    ended = run(host, engine, "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)", wall_seconds=1)
    assert ended.reason in ("timeout", "crashed"), ended


def test_js12_workers_and_the_inspector(host: Host) -> None:
    """A worker of Node, or its inspector, is no way around its permissions: what counts is the cage."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    code = "const w = process.getBuiltinModule?.('inspector') ?? process.binding?.('inspector'); try { w.open(0) } catch (error) { error.code }"
    ended = run(host, "node", code)
    assert ended.reason in (None, "crashed", "policy"), ended


def test_js13_callbacks_after_the_end(host: Host, engine: str) -> None:
    """A registry's callback changes nothing of an answer that has been given."""
    ended = run(host, engine, "new FinalizationRegistry(() => { globalThis.result = 9 }).register({}, 1); 5")
    assert ended.value == 5, ended


@pytest.mark.parametrize(
    "code",
    [
        "const held = []; for (;;) held.push(new Array(10000).fill(7))",
        "const held = []; for (;;) held.push(new Uint8Array(1000000).fill(1))",
        "let text = 'x'; for (;;) text += text",
    ],
)
def test_js14_memory(host: Host, engine: str, code: str) -> None:
    """Arrays, buffers and texts end by memory or by an error of the engine, and never far above what is granted."""
    # Node ends by itself once it has answered; where that comes before the look at it, what it used is not known.
    seen = (run(host, engine, "1").usage["peak_memory_bytes"] for _ in range(5))
    idle = next(filter(None, seen))
    ended = run(host, engine, code)
    assert ended.reason in ("memory", "crashed"), ended
    assert (ended.usage["peak_memory_bytes"] or 0) - idle < (64 + 32) * MB, ended


@pytest.mark.parametrize(
    "code",
    [
        "/(a+)+$/.test('a'.repeat(40) + '!')",
        "for (let n = 3n; ; n *= n);",
        "[3, 1, 2].sort(() => { for (;;); })",
        "while (true);",
    ],
)
def test_js15_time(host: Host, engine: str, code: str) -> None:
    """Patterns, long numbers and loops end with the clock or the memory, whatever the engine thinks of its own limits."""
    ended = run(host, engine, code, wall_seconds=1.5)
    assert ended.reason in ("timeout", "memory", "crashed", "cpu"), ended


def test_js16_add_ons(host: Host) -> None:
    """Node loads no native code."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    code = "try { process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6') } catch (error) { error.code }"
    ended = run(host, "node", code)
    assert ended.value in ("ERR_DLOPEN_DISABLED", "ERR_DLOPEN_FAILED", "ERR_ACCESS_DENIED"), ended


def test_js17_links_and_buffers_as_paths(host: Host, outside: Outside) -> None:
    """A link in the working folder, or a path as bytes, passes Node's own check and not the cage."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    code = f"""
    const fs = process.getBuiltinModule?.('fs') ?? process.mainModule?.require('fs');
    const tried = (f) => {{ try {{ return String(f()) }} catch (error) {{ return error.code ?? error.name }} }};
    fs ? [tried(() => fs.symlinkSync({str(outside.secret)!r}, 'tmp/link')), tried(() => fs.readFileSync('tmp/link', 'utf8')),
     tried(() => fs.readFileSync(Buffer.from({str(outside.secret)!r}), 'utf8')),
     tried(() => fs.readFileSync(process.cwd() + '/../../../../../..' + {str(outside.secret)!r}, 'utf8'))] : []"""
    ended = run(host, "node", code)
    assert "the secret" not in str(ended.value), ended


def test_js18_code_from_strings(host: Host, engine: str) -> None:
    """On Node there is none; on QuickJS it is the snippet's own, and as contained as the snippet."""
    ended = run(host, engine, "eval('1 + 1')")
    assert (ended.value == 2) if engine == "quickjs" else (ended.reason == "crashed"), ended


def test_a_forged_answer_is_hostile_data(host: Host) -> None:
    """Code in Node that writes on the answer's descriptor forges its own value at most, and not the limits."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    code = "(process.getBuiltinModule?.('fs') ?? process.mainModule.require('fs')).writeSync(4, Buffer.alloc(100, 1)); 1"
    ended = run(host, "node", code)
    assert ended.reason in ("crashed", "policy"), ended


def test_nothing_is_left(host: Host, engine: str) -> None:
    """After all of it, closing leaves no process and no file."""
    run(host, engine, "1")
    nothing_left(host)

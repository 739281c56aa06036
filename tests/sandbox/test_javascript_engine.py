"""The JavaScript engine, in a process started fresh that prepares it once and forks a child for each story, as the zygote does.

No layer of the cage is here: what is shown is what the engine alone keeps to itself.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("quickjs_rs")
if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

SRC = Path(__file__).parents[2] / "src"
MB = 1 << 20

ZYGOTE = """
import sys
sys.path[:0] = PATHS
import json, os, resource
from ringfence.sandbox.inside import javascript

def data_bytes():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmData"))

prepared = javascript.prepare()
base = data_bytes()
tasks = len(os.listdir("/proc/self/task"))
print(json.dumps({"version": prepared.version, "tasks": tasks, "pid": os.getpid()}), flush=True)

def one(source, inputs, memory, failing):
    printed = []
    def write(fd, text):
        if failing:
            raise OSError("the pipe is closed")
        printed.append([fd, text])
    try:
        value, shown = javascript.run(prepared, source, inputs, write, memory_bytes=memory)
        answer = {"value": value, "shown": shown}
    except javascript.JavaScriptError as error:
        answer = {"kind": error.kind, "text": error.text, "traceback": error.traceback}
    except BaseException as error:
        answer = {"raised": type(error).__name__, "text": str(error)}
    return answer | {"printed": printed, "lost": prepared.lost}

for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        print(json.dumps(os.getpid()), flush=True)
        if order["rlimit"]:
            resource.setrlimit(resource.RLIMIT_DATA, (base + order["rlimit"],) * 2)
        if order["wake"]:
            prepared.wake()
        answers = [one(each, order["inputs"], order["memory"], order["failing"]) for each in order["sources"]]
        print(json.dumps(answers), flush=True)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)
"""


class Zygote:
    """A process that has prepared the engine; each `session` is a forked child of it."""

    def __init__(self) -> None:
        paths = [str(SRC), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        script = ZYGOTE.replace("PATHS", repr(paths))
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told = self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def start(
        self,
        *sources: str,
        memory: int = 64 * MB,
        rlimit: int = 0,
        wake: bool = False,
        failing: bool = False,
        **inputs: Any,
    ) -> int:
        """Begin a story in a child, and return its process id."""
        assert self._process.stdin is not None
        order = {
            "sources": sources,
            "inputs": inputs,
            "memory": memory,
            "rlimit": rlimit,
            "wake": wake,
            "failing": failing,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        pid: int = self._read()
        return pid

    def session(self, *sources: str, **options: Any) -> list[dict[str, Any]]:
        """Run snippets one after the other in one child, and return what each came to."""
        self.start(*sources, **options)
        answers: list[dict[str, Any]] = self._read()
        assert isinstance(answers, list), f"the child ended with {answers}"
        assert self._read() == 0
        return answers

    def run(self, source: str, **options: Any) -> dict[str, Any]:
        """Run one snippet in a child of its own."""
        return self.session(source, **options)[0]

    def value(self, source: str, **options: Any) -> Any:
        """Run one snippet and return its value."""
        answer = self.run(source, **options)
        assert "value" in answer, answer
        return answer["value"]

    def kill(self, pid: int) -> int:
        """End a child by SIGKILL and return how it ended."""
        os.kill(pid, 9)
        code: int = self._read()
        return code

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Give a process that has prepared the engine."""
    process = Zygote()
    yield process
    process.close()


def test_nothing_runs_beside_the_zygote(zygote: Zygote) -> None:
    """After `prepare` the process has one thread, so that it may fork, and the engine has a name."""
    assert zygote.told["tasks"] == 1
    assert zygote.told["version"].startswith("QuickJS in WebAssembly (quickjs-rs 0.2.")


def script_output(script: str) -> str:
    """Run a script in a fresh interpreter that finds the package, and return its standard output."""
    paths = [str(SRC), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    start = f"import sys\nsys.path[:0] = {paths!r}\nfrom ringfence.sandbox.inside import javascript\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start + script], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_second_thread_is_refused() -> None:
    """What would make forking unsafe is named."""
    script = """
import threading
release = threading.Event()
threading.Thread(target=release.wait).start()
try:
    javascript.prepare()
except RuntimeError as error:
    print(error)
release.set()
"""
    assert script_output(script).startswith("2 threads run in the zygote (")


def test_an_engine_that_was_used_before_is_refused() -> None:
    """Its compiler may have left threads, and a limit on its stack could not be set."""
    script = """
import quickjs_rs
quickjs_rs.Runtime().new_context()
try:
    javascript.prepare()
except RuntimeError as error:
    print(error)
"""
    assert script_output(script).startswith("quickjs-rs was used in this process before")


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 1", 2),
        ("const a = 1; if (a) { 'yes' }", "yes"),
        ("({a: [1, 2.5, null, true, 'é']})", {"a": [1, 2.5, None, True, "é"]}),
        ("undefined", None),
        ("result = 7; undefined", 7),
        ("const result = {a: 1};", {"a": 1}),
        ("[undefined, , 1]", [None, None, 1]),
        ("10n ** 30n", 10**30),
        ("[Infinity, -Infinity]", [math.inf, -math.inf]),
        ("x => x + 1", "x => x + 1"),
        ("Symbol('s')", "Symbol(s)"),
        ("/a+/g", "/a+/g"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("new Date(NaN)", None),
        ("new Map([['a', 1], ['b', new Map([[1, 2]])]])", {"a": 1, "b": [[1, 2]]}),
        ("new Set([1, 'a'])", [1, "a"]),
        ("new Uint8Array([1, 2])", [1, 2]),
        ("new Uint8Array([1, 2]).buffer", [1, 2]),
        ("new TypeError('no')", {"name": "TypeError", "message": "no"}),
        ("[Object(1), Object('s'), Object(2n)]", [1, "s", 2]),
        ("({toJSON() { return 'mine' }})", "mine"),
        ("new (class Point { x = 1 })", {"x": 1}),
        ("JSON.parse('{\"__proto__\": 1}')", {"__proto__": 1}),
        ("'\\ud800'", "\ufffd"),
        ("await Promise.resolve(5)", 5),
        ("const slow = async () => { await null; return 6 }; slow()", 6),
        ("({then(done) { done(9) }})", 9),
        ("eval('1 + 2') + new Function('return 3')()", 6),
    ],
)
def test_a_value_comes_out_as_plain_data(zygote: Zygote, source: str, value: object) -> None:
    """It is that of the last expression, or of a global `result`, waited for where it is a promise."""
    assert zygote.value(source) == value


def test_nan_is_nan(zygote: Zygote) -> None:
    """It crosses as Python's."""
    assert math.isnan(zygote.value("0 / 0"))


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("let a = {}; a.a = a; a", "TypeError", "the value contains itself"),
        (
            "let a = []; for (let i = 0; i < 99; i++) a = [a]; a",
            "RangeError",
            "the value nests deeper than 90 levels",
        ),
        (
            "let a = [1]; for (let i = 0; i < 18; i++) a = [a, 'x'.repeat(1e6)]; a",
            "RangeError",
            "the value is larger than",
        ),
        ("10n ** 5000n", "RangeError", "the value holds a BigInt of more than 4,300 digits"),
        ("new Promise(() => {})", "Error", "a promise is still pending"),
        ("await new Promise(() => {})", "Error", "a promise is still pending"),
    ],
)
def test_a_value_that_cannot_leave_is_an_error(zygote: Zygote, source: str, kind: str, text: str) -> None:
    """The snippet's author learns why."""
    answer = zygote.run(source)
    assert (answer["kind"], answer["text"][: len(text)]) == (kind, text)


def test_inputs_are_globals(zygote: Zygote) -> None:
    """Each by its name where that is one, and all of them in `inputs`; a snippet may declare its own of that name."""
    assert zygote.value("rows.length + inputs.rows[0] + inputs['a b']", rows=[5, 6], **{"a b": 1}) == 8
    assert zygote.value("const rows = inputs.rows; rows", rows=[1]) == [1]


@pytest.mark.parametrize(
    "value", [2**60, -(2**70), math.inf, {"__proto__": [2**60]}, 2**53, "\U0001f600", [[], {}]]
)
def test_inputs_come_back_as_they_went_in(zygote: Zygote, value: object) -> None:
    """Integers of any size and the numbers that JSON lacks included."""
    assert zygote.value("data", data=value) == value


def test_inputs_that_are_no_data_are_refused(zygote: Zygote) -> None:
    """A name that JavaScript keeps for itself is an error of the snippet's kind."""
    answer = zygote.run("1", undefined=1)
    assert answer["kind"] == "TypeError"


def test_the_console_writes_to_both_streams(zygote: Zygote) -> None:
    """In order, one text for each call, primitives as Node prints them."""
    source = """
        console.log("a", 1, -0, 2n, null, undefined, true, Symbol("s"));
        console.info("%s has %d, %i and %j%%", "x", 1.5, 2.7, [1], "more");
        console.warn(x => x, class A {}, function f() {});
        console.error({a: {b: "c"}, "d e": [1]}, new Map([[1, 2]]), new Set());
        console.debug();
    """
    assert zygote.run(source)["printed"] == [
        [1, "a 1 -0 2n null undefined true Symbol(s)\n"],
        [1, "x has 1.5, 2 and [ 1 ]% more\n"],
        [2, "[Function (anonymous)] [class: A] [Function: f]\n"],
        [2, '{ a: { b: "c" }, "d e": [ 1 ] } Map(1) { 1 => 2 } Set(0) {}\n'],
        [1, "\n"],
    ]


def test_the_console_calls_no_getter_and_survives_every_object(zygote: Zygote) -> None:
    """JS03, JS08: what a snippet hides in an object is not run by showing it, and a trap that throws is no failure."""
    source = """
        let called = 0;
        const hook = () => { called++; throw 1 };
        const hostile = {get a() { return hook() }, toString: hook, inspect: hook, toJSON: hook, [Symbol.toPrimitive]: hook,
            [Symbol.for("nodejs.util.inspect.custom")]: hook};
        const circle = {}; circle.circle = circle;
        console.log(hostile, circle, "\\ud800");
        const before = called;
        console.log(new Proxy({}, {ownKeys: hook}), [[[[[1]]]]]);
        before
    """
    answer = zygote.run(source)
    assert answer["value"] == 0
    assert answer["printed"][0][1].startswith("{ a: [Getter], toString: [Function: hook]")
    assert answer["printed"][0][1].endswith("{ circle: [Circular] } \ufffd\n")
    assert answer["printed"][1][1] == "[object that cannot be shown] [ [ [ [ [Array] ] ] ] ]\n"


def test_one_call_of_the_console_is_cut(zygote: Zygote) -> None:
    """So that a huge text is not copied three times."""
    [[_, text]] = zygote.run("console.log('x'.repeat(1e6))")["printed"]
    assert len(text) == 262_146
    assert text.endswith("…\n")


def test_a_failing_pipe_is_the_callers_error(zygote: Zygote) -> None:
    """A snippet that catches what it sees of it does not hide it."""
    answer = zygote.run("try { console.log(1) } catch {} 5", failing=True)
    assert (answer["raised"], answer["text"]) == ("OSError", "the pipe is closed")


def test_an_error_shows_the_snippets_own_lines(zygote: Zygote) -> None:
    """Class, message, and each call with its line."""
    answer = zygote.run("\nfunction outer() {\n  null.x;\n}\nouter();\n")
    assert (answer["kind"], answer["text"]) == ("TypeError", "cannot read property 'x' of null")
    assert answer["traceback"].splitlines() == [
        "TypeError: cannot read property 'x' of null",
        "    at outer (snippet.js:3:3)",
        "        null.x;",
        "    at <eval> (snippet.js:5:1)",
        "        outer();",
    ]


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("let a = ;", "SyntaxError", "unexpected token in expression: ';'"),
        ("'\0'", "SyntaxError", "the source holds a NUL character or half of a surrogate pair"),
        ("'\ud800'", "SyntaxError", "the source holds a NUL character or half of a surrogate pair"),
        ("missing", "ReferenceError", "missing is not defined"),
        ("new Array(-1)", "RangeError", "invalid array length"),
        ("throw new Error('mine')", "Error", "mine"),
        ("class Mine extends Error {}; throw new Mine('a')", "Mine", "a"),
        ("const e = new Error('a'); e.name = 'N'.repeat(500); throw e", "N" * 100, "a"),
        ("throw 5", "Error", "5"),
        ("throw null", "Error", "null"),
        ("throw {a: 1}", "Error", "{ a: 1 }"),
        ("await Promise.reject(new TypeError('late'))", "TypeError", "late"),
    ],
)
def test_an_error_has_a_kind_and_a_text(zygote: Zygote, source: str, kind: str, text: str) -> None:
    """Whatever was thrown, and whenever."""
    answer = zygote.run(source)
    assert (answer["kind"], answer["text"]) == (kind, text)


def test_a_long_error_is_cut(zygote: Zygote) -> None:
    """To 10 KB, the traceback too."""
    answer = zygote.run("throw new Error('x'.repeat(1e6))")
    assert len(answer["text"]) <= 10_001
    assert len(answer["traceback"]) <= 10_000


def test_a_session_keeps_what_was_declared(zygote: Zygote) -> None:
    """Constants, functions and classes; a traceback names the snippet that a line belongs to."""
    first, second, third = zygote.session("const a = 1;\nfunction f() { null.x }", "a + 1", "\nf()")
    assert (first["value"], second["value"]) == (None, 2)
    assert third["traceback"].splitlines()[1:] == [
        "    at f (snippet.js:2:16)",
        "        function f() { null.x }",
        "    at <eval> (snippet-3.js:2:1)",
        "        f()",
    ]


def test_a_session_forgets_an_old_result(zygote: Zygote) -> None:
    """A global `result` counts for the snippet that set it."""
    assert [each["value"] for each in zygote.session("result = 1; undefined", "undefined", "2")] == [
        1,
        None,
        2,
    ]


def test_every_child_has_its_own_chance(zygote: Zygote) -> None:
    """The engine's own generator was seeded before the fork, and would give every child the same numbers."""
    source = "[Math.random(), Math.random(), typeof Math.random, Math.random.name]"
    first, second = zygote.value(source, wake=True), zygote.value(source)
    assert len({*first[:2], *second[:2]}) == 4
    assert all(0 <= each < 1 for each in first[:2])
    assert first[2:] == ["function", "random"]


def test_children_share_nothing(zygote: Zygote) -> None:
    """What one declares or breaks is not there in the next."""
    zygote.value(
        "globalThis.left = 1; Array.prototype.map = null; delete globalThis.JSON; console.log = null; 1"
    )
    assert zygote.value("[typeof left, typeof [].map, typeof JSON, typeof console.log]") == [
        "undefined",
        "function",
        "object",
        "function",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "let a = []; while (true) a.push({a: 1})",
        "let a = []; while (true) a.push(new ArrayBuffer(1 << 20))",
        "new ArrayBuffer(1 << 30)",
        "new Array(1e8).fill(1)",
        "'x'.repeat(1e9)",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)",
        "const keep = async () => { const a = []; while (true) { a.push({}); await 1 } }; keep()",
    ],
)
@pytest.mark.parametrize(("memory", "rlimit"), [(16 * MB, 0), (1 << 30, 48 * MB)], ids=["engine", "rlimit"])
def test_memory_ends(zygote: Zygote, source: str, memory: int, rlimit: int) -> None:
    """JS14: by the engine's limit, or by the kernel's RLIMIT_DATA, as MemoryError and without a crash; and a session goes on."""
    first, second = zygote.session(source, "1 + 1", memory=memory, rlimit=rlimit)
    assert first.get("raised") == "MemoryError", first
    assert second.get("value") == 2 or second.get("raised") == "MemoryError", second


@pytest.mark.parametrize(
    "source",
    [
        "function f() { return f() } f()",
        "function f() { try { return f() } catch { return f() } } f()",
        "JSON.parse('['.repeat(1e5))",
        "eval('('.repeat(1e5))",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
        "const o = {toString() { return '' + this }}; '' + o",
        "[1, 2].sort(function f() { [1, 2].sort(f) })",
    ],
)
def test_calls_that_nest_too_deep_end_the_session(zygote: Zygote, source: str) -> None:
    """JS15: WebAssembly stops in mid-work, which is told; nothing more runs in that context."""
    first, second = zygote.session(source, "1")
    assert (first["kind"], first["text"]) == ("RangeError", "Maximum call stack size exceeded")
    assert first["lost"] == "its calls nested too deep"
    assert (second["kind"], second["text"]) == (
        "InternalError",
        "the session ended earlier: its calls nested too deep",
    )


@pytest.mark.parametrize(
    "source",
    [
        "while (true);",
        "/(a+)+$/.test('a'.repeat(60) + 'b')",
        "const spin = async () => { while (true) await 1 }; spin()",
        "[3, 1, 2].sort(() => { while (true); })",
        "({get then() { while (true); }})",
        "console.log(new Proxy({}, {ownKeys() { while (true); }}))",
    ],
)
def test_what_never_ends_can_be_killed(zygote: Zygote, source: str) -> None:
    """JS06, JS15: loops, patterns, promises and traps leave the process one that SIGKILL ends at once."""
    pid = zygote.start(source)
    time.sleep(0.05)
    assert zygote.kill(pid) == -9


@pytest.mark.parametrize(
    "name",
    [
        "require",
        "module",
        "exports",
        "process",
        "Deno",
        "Bun",
        "std",
        "os",
        "print",
        "load",
        "loadScript",
        "scriptArgs",
        "Worker",
        "fetch",
        "XMLHttpRequest",
        "WebSocket",
        "WebAssembly",
        "setTimeout",
        "setInterval",
        "Atomics",
        "importScripts",
        "navigator",
        "__dirname",
        "$out",
        "$err",
        "$call",
    ],
)
def test_there_is_no_way_out_by_name(zygote: Zygote, name: str) -> None:
    """JS09, JS11, JS12, JS16: no module system, process, files, network, workers or WebAssembly; nor the host's own functions."""
    assert zygote.value(f"typeof {name}") == "undefined"


@pytest.mark.parametrize(
    "source",
    ["import('std')", "import('/etc/passwd')", "import('data:text/javascript,1')", "eval(`import('os')`)"],
)
def test_no_module_is_loaded(zygote: Zygote, source: str) -> None:
    """JS09: a dynamic import fails whatever it names."""
    assert zygote.run(source)["kind"] == "ReferenceError"


def test_the_host_is_not_reached_through_constructors(zygote: Zygote) -> None:
    """JS01, JS05: the constructor's constructor of everything that the host gave is the snippet's own `Function`."""
    source = """
        const found = [console, console.log, inputs, data, data.list, Math.random];
        found.map(each => each.constructor.constructor === Function && each.constructor.constructor("return this")() === globalThis)
    """
    assert zygote.value(source, data={"list": []}) == [True] * 6
    assert zygote.run("console.log.caller")["kind"] == "TypeError"
    assert zygote.run("console.log.arguments")["kind"] == "TypeError"


def test_polluted_prototypes_change_no_answer_for_the_host(zygote: Zygote) -> None:
    """JS02, JS03, JS06: what leads out was taken before the snippet ran."""
    source = """
        const bad = () => { throw new Error("reached") };
        var answer = [1, "a", new Map([["k", new Date(0)]])];
        JSON.stringify = JSON.parse = Object.keys = Array.isArray = bad;
        String.prototype.toWellFormed = Function.prototype.call = Function.prototype.apply = Reflect.apply = bad;
        Array.prototype[Symbol.iterator] = Map.prototype.forEach = Date.prototype.toISOString = bad;
        Promise.prototype.then = Promise.resolve = bad;
        Object.defineProperty(Promise, Symbol.species, {get: bad});
        Object.defineProperty(Error, Symbol.hasInstance, {value: bad});
        Object.defineProperty(RegExp.prototype, "exec", {value: bad});
        ["get", "set", "toJSON", "depth", "up", "then", "0"].forEach(name =>
            Object.defineProperty(Object.prototype, name, {get: name === "then" || name === "toJSON" ? () => undefined : bad, set: bad,
                configurable: true}));
        console.log("still", [1]);
        answer
    """
    answer = zygote.run(source)
    assert answer.get("value") == [1, "a", {"k": "1970-01-01T00:00:00.000Z"}], answer
    assert answer["printed"] == [[1, "still [ 1 ]\n"]]


@pytest.mark.parametrize(
    "source",
    [
        "throw new Proxy(new Error('a'), {get() { throw 1 }})",
        "const e = new Error('a'); Object.defineProperty(e, 'stack', {get() { throw 1 }}); throw e",
        "const e = new Error('a'); e.message = {toString() { throw 1 }}; e.name = Symbol(); throw e",
        "throw Object.setPrototypeOf({}, null)",
        "throw Object.assign(() => {}, {toString: null})",
        "Error.prepareStackTrace = (e, sites) => { throw 1 }; null.x",
        "throw new AggregateError([new Error('b')], 'a')",
        "throw new SuppressedError(1, 2, 'a')",
    ],
)
def test_a_hostile_error_is_told_as_an_error(zygote: Zygote, source: str) -> None:
    """JS04: reading what it says runs inside, and a failure there leaves the text empty."""
    answer = zygote.run(source)
    assert isinstance(answer["kind"], str)
    assert "raised" not in answer


def test_nothing_happens_after_the_end(zygote: Zygote) -> None:
    """JS06, JS07, JS13: a rejection nobody waits for, a registry's callback or an iterator's `return` change nothing."""
    source = """
        Promise.reject(new Error("nobody waits"));
        new FinalizationRegistry(() => console.log("late")).register({}, 1);
        (async function* () { try { yield 1 } finally { console.log("never") } })().next();
        5
    """
    answer = zygote.run(source)
    assert (answer["value"], answer["printed"]) == (5, [])


def test_a_huge_array_is_no_crash(zygote: Zygote) -> None:
    """JS14: neither a long sparse array nor a long text takes more than was granted."""
    for source in ("new Array(4e9)", "'\\u1234'.repeat(2e7)"):
        answer = zygote.run(source, memory=16 * MB, rlimit=64 * MB)
        assert answer.get("raised") == "MemoryError" or answer.get("kind") == "RangeError"

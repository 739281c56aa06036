"""The JavaScript engine of a worker: QuickJS compiled to WebAssembly, made ready in the zygote and used in its forked children.

It is no cage: the worker that calls it is in one already, ends what runs too long, and counts what is printed. The one idea: no object of
this side is ever handed to a snippet. Source and inputs go in as text; values and errors come out as text that `javascript_prelude.js` makes
inside the engine; one host function for each of stdout and stderr takes one text. There are no modules, timers, files or network in there.

Some of `quickjs_rs` that is used here is not documented by it (the way to a single-threaded compiler, and to a limit on memory that holds:
*measured* with 0.2.6, its own `memory_limit` of 64 MiB let a snippet take 4 GiB), so its version is pinned, and `prepare` fails if it changed.
"""

from __future__ import annotations

import json
import os
import re
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from quickjs_rs._engine import QjsContext

    Write = Callable[[int, str], None]
    Place = tuple[str | int, ...]

DEFAULT_MEMORY = 128 << 20
MOST_MEMORY = (2 << 30) - (16 << 20)  # quickjs-rs takes an address beyond 2 GiB for a negative number
SPARE_MEMORY = 4 << 20
"""Lent after a snippet may have used up its own memory, so that the answer can still be made: up to three times."""
MOST_STACK = 2 << 20
"""The most that wasmtime allows: about 2,400 calls deep. As WebAssembly, QuickJS does not count its stack itself."""
MOST_KIND = 100
MOST_TEXT = 10_000
_WASM_PAGE = 1 << 16
_MOST_LINE = 200
_EXACT = 2**53  # integers up to here are the same in JavaScript's numbers
_FRAME = re.compile(r"(?P<before>\s*at (?:(?P<name>.+) \()?)eval_script:(?P<line>\d+)(?P<after>:\d+\)?)")
_EXHAUSTED = ("InternalError", "out of memory")
_UNTOLD = ('{"kind":"Error","text":"null"', '{"pending"')
_FUNCTIONS = {"$out": 1, "$err": 2}
_WARM = "const greeting = {text: 'a', list: [1, 2n, null]}; console.log(greeting); await greeting"


class JavaScriptError(Exception):
    """A snippet failed, by its own fault.

    Attributes:
        kind: the name of the error's class in JavaScript, at most 100 characters.
        text: its message, at most about 10 KB.
        traceback: class, message and calls, with the snippet's own lines.

    """

    def __init__(self, kind: str, text: str, traceback: str = "") -> None:
        self.kind = kind[:MOST_KIND]
        self.text = text[:MOST_TEXT]
        self.traceback = (traceback or f"{self.kind}: {self.text}")[:MOST_TEXT]
        super().__init__(f"{self.kind}: {self.text}")


class Prepared:
    """An engine with a context that no snippet has seen. Each forked child has its own copy, and may run several snippets in it.

    Attributes:
        version: what runs, for people.
        lost: why no snippet can run in it any more, or empty.

    """

    def __init__(self, context: QjsContext, version: str) -> None:
        self.version = version
        self._context = context
        self._instance = context._inst  # noqa: SLF001 - the only way to the memory
        self._write: Write | None = None
        self._unwritten: Exception | None = None
        self._seeded = False
        self._full = False
        self.lost = ""
        self._sources: list[str] = []
        for name, fd in _FUNCTIONS.items():
            context.register_host_function(name, fd)
        context.set_host_call_dispatcher(self._say)
        prelude = context.eval_handle(Path(__file__).with_name("javascript_prelude.js").read_text("utf-8"))
        self._start, self._watch, self._outcome = (
            prelude.get(name) for name in ("start", "watch", "outcome")
        )

    def wake(self) -> None:
        """Touch in a waiting child what its first run needs: *measured*, the run takes 1.2 ms then, and 2.3 without."""
        self._context.eval("0")

    def run(self, source: str, inputs: dict[str, object], write: Write, memory: int) -> tuple[object, str]:
        """Do what `run` says."""
        if self.lost:
            raise JavaScriptError("InternalError", f"the session ended earlier: {self.lost}")
        if not _is_text(source):
            raise JavaScriptError(
                "SyntaxError", "the source holds a NUL character or half of a surrogate pair"
            )
        start = self._started(inputs)
        self._write, self._unwritten = write, None
        try:
            answer = self._answer(source, start, min(memory, MOST_MEMORY))
        finally:
            self._write = None
        if self._unwritten is not None:
            raise self._unwritten
        return self._read(answer)

    def _started(self, inputs: dict[str, object]) -> str:
        """Return what the prelude's `start` takes; chance is seeded once, after the fork."""
        exceptions: list[tuple[Place, str, str]] = []
        data = _plain(inputs, (), exceptions)
        seeds = None if self._seeded else [int.from_bytes(os.urandom(4), "little") for _ in range(3)]
        self._seeded = True
        return json.dumps({"seeds": seeds, "inputs": data, "exceptions": exceptions}, allow_nan=False)

    def _answer(self, source: str, start: str, memory: int) -> str:
        """Return the prelude's text about what became of a snippet."""
        self._limit(memory)
        try:
            self._start.call(start).dispose()
            answer = self._drive(source, memory)
        except Exception as error:  # noqa: BLE001 - told apart there
            raise self._translated(error, memory) from None
        if answer.startswith(_UNTOLD) and (self._full or not self._can_grow()):
            raise MemoryError  # there was no room even for the exception that says so
        return answer

    def _drive(self, source: str, memory: int) -> str:
        """Run a snippet and what it leaves to do; return the prelude's text about its end."""
        lines = sum(each.count("\n") + 1 for each in self._sources)
        self._sources.append(source)
        # A snippet starts where the one before it ended, so that a line's number tells whose it is.
        promise = self._context.eval_handle("\n" * lines + source, promise=True)
        self._full = self._is_full(memory)
        self._limit(memory + SPARE_MEMORY)
        self._watch.call(promise).dispose()
        while self._context.run_pending_jobs() > 0:
            pass
        self._full = self._full or self._is_full(memory + SPARE_MEMORY)
        self._limit(memory + 2 * SPARE_MEMORY)
        outcome = self._outcome.call()
        self._full = self._full or self._is_full(memory + 2 * SPARE_MEMORY)
        self._limit(memory + 3 * SPARE_MEMORY)
        answer = str(outcome.to_python())
        outcome.dispose()
        promise.dispose()
        return answer

    def _limit(self, memory: int) -> None:
        self._instance.store.set_limits(memory_size=memory)

    def _is_full(self, memory: int) -> bool:
        size: int = self._instance.mem.data_len(self._instance.store)
        return size > memory - (1 << 20)

    def _can_grow(self) -> bool:
        """Return whether the kernel still gives memory, which may end before the engine's own limit does."""
        from wasmtime import WasmtimeError

        try:
            self._instance.mem.grow(self._instance.store, SPARE_MEMORY // _WASM_PAGE)
        except WasmtimeError:
            return False
        return True

    def _say(self, fd: int, arguments: tuple[Any, ...]) -> None:
        """Write a line of the console's; where that fails, the snippet sees an error, and the caller the failure."""
        try:
            if self._write is not None and self._unwritten is None:
                self._write(fd, str(arguments[0]))
        except Exception as error:
            self._unwritten = error
            raise

    def _translated(self, error: Exception, memory: int) -> Exception:
        """Return the exception to raise for what the engine itself raised."""
        from quickjs_rs._engine import JSError, QuickJSError
        from wasmtime import Trap, TrapCode, WasmtimeError

        if isinstance(error, JSError):
            kind, text, stack = error.args
            if (kind, text) == _EXHAUSTED or (text in {"null", ""} and self._cannot_run()):
                return MemoryError()
            return JavaScriptError(kind, text, self._traceback(kind, text, stack or ""))
        if isinstance(error, Trap) and error.trap_code == TrapCode.STACK_OVERFLOW:
            self.lost = "its calls nested too deep"
            return JavaScriptError("RangeError", "Maximum call stack size exceeded")
        if isinstance(error, (Trap, WasmtimeError)):
            self.lost = f"the engine stopped: {str(error).partition(chr(10))[0]}"
            return MemoryError() if self._is_full(memory) else JavaScriptError("InternalError", self.lost)
        # Whatever else the engine says, it says because it could not make a text or an object.
        return MemoryError() if isinstance(error, QuickJSError) else error

    def _cannot_run(self) -> bool:
        """Return whether there is no memory left even for the smallest snippet."""
        try:
            self._context.eval("1")
        except Exception:  # noqa: BLE001 - whatever it was, it did not run
            return True
        return False

    def _read(self, answer: str) -> tuple[object, str]:
        """Return the value and how a person would see it, from the prelude's text."""
        try:
            found = json.loads(answer)
        except (ValueError, RecursionError):
            what = "the value holds a BigInt of more than 4,300 digits, which cannot leave JavaScript"
            raise JavaScriptError("RangeError", what) from None
        if "value" in found:
            return found["value"], found["shown"]
        if "pending" in found:
            what = "a promise is still pending and nothing is left to do: there are no timers, network or files in here"
            raise JavaScriptError("Error", what)
        if (found["kind"], found["text"]) == _EXHAUSTED:
            raise MemoryError
        traceback = self._traceback(found["kind"], found["text"], found["stack"])
        raise JavaScriptError(found["kind"], found["text"], traceback)

    def _traceback(self, kind: str, text: str, stack: str) -> str:
        lines = [f"{kind[:MOST_KIND]}: {text}" if text else kind[:MOST_KIND]]
        for line in stack.splitlines():
            frame = _FRAME.fullmatch(line)
            if frame is None:
                lines.append(line)
            elif not (frame["name"] or "").startswith("$"):
                lines += self._located(frame)
        return "\n".join(lines)

    def _located(self, frame: re.Match[str]) -> Iterator[str]:
        """Return a call of a traceback by its snippet's name and line, followed by that line."""
        number = int(frame["line"][:9])
        for index, source in enumerate(self._sources, 1):
            own = source.split("\n")
            if number <= len(own):
                name = "snippet.js" if index == 1 else f"snippet-{index}.js"
                yield f"{frame['before']}{name}:{number}{frame['after']}"
                yield f"        {own[number - 1].strip()[:_MOST_LINE]}"
                return
            number -= len(own)


def prepare() -> Prepared:
    """Make everything ready, once, in the zygote; what it leaves can be forked.

    wasmtime installs handlers for SIGSEGV, SIGILL and SIGFPE, by which it notices when the calls of a snippet nest too deep:
    leave them in place, and leave RLIMIT_STACK at 4 MiB or more.

    Raises:
        ImportError: the extra `javascript` is not installed.
        RuntimeError: the engine was used before, or something runs beside this thread, so that forking is not safe.

    """
    try:
        import quickjs_rs
        import wasmtime
        from quickjs_rs import _engine, _wasmtime
    except ImportError as error:
        what = f"JavaScript needs quickjs-rs ({error}); install it with: pip install 'ringfence[javascript]'"
        raise ImportError(what) from error
    if getattr(_wasmtime, "_SHARED_ENGINE", ...) is not None:
        what = (
            "quickjs-rs was used in this process before, or is not the version that ringfence knows (0.2.6)"
        )
        raise RuntimeError(what)
    _wasmtime._SHARED_ENGINE = wasmtime.Engine(_settings())  # noqa: SLF001 - there is no other way to say this
    version = f"QuickJS in WebAssembly (quickjs-rs {quickjs_rs.__version__})"
    _warm(Prepared(_engine.QjsContext(_engine.QjsRuntime()), version))
    prepared = Prepared(_engine.QjsContext(_engine.QjsRuntime()), version)
    _refuse_threads()
    return prepared


def run(
    prepared: Prepared,
    source: str,
    inputs: dict[str, object],
    write: Write,
    *,
    memory_bytes: int = DEFAULT_MEMORY,
) -> tuple[object, str]:
    """Run a snippet in a forked child; what it declares is there for the next one.

    The value is that of the last expression, otherwise of a global `result`; a promise is waited for, and `await` may stand anywhere.
    undefined becomes None, BigInt int, Date its ISO text, Set and typed arrays lists, Map a dict (a list of pairs where a key is no text), an
    Error its name and message, functions, symbols and regular expressions their text; what has a `toJSON` is what that returns.

    Arguments:
        prepared: what `prepare` returned before the fork.
        source: a script, no module.
        inputs: plain data by name; each becomes a global of that name, and all are in the global `inputs`. Integers too large to be exact
            become BigInt.
        write: is given 1 or 2, for stdout or stderr, and text of the console. If it raises, so does `run`, at the end.
        memory_bytes: the most that the engine's memory may hold, of which it takes 1.3 MB for itself; at most 2,032 MiB.

    Returns:
        The value as plain data, and how a console would show it, at most about 10 KB.

    Raises:
        JavaScriptError: the snippet failed, or its value cannot leave, or calls nested too deep (which ends the session).
        MemoryError: it needed more memory.
        TypeError: `inputs` holds what is no plain data.

    """
    return prepared.run(source, inputs, write, memory_bytes)


def _settings() -> Any:
    import wasmtime

    settings = wasmtime.Config()
    settings.parallel_compilation = False  # it would leave threads behind
    settings.max_wasm_stack = MOST_STACK
    return settings


def _warm(other: Prepared) -> None:
    """Walk once through all that a run needs, in a context that is thrown away."""
    other.run(_WARM, {"name": [1, 2**60]}, lambda _fd, _text: None, DEFAULT_MEMORY)
    other._context.close()  # noqa: SLF001 - nobody else needs to close one


def _refuse_threads() -> None:
    tasks = os.listdir("/proc/self/task")
    if len(tasks) > 1:
        names = sorted(Path(f"/proc/self/task/{each}/comm").read_text("utf-8").strip() for each in tasks)
        what = f"{len(tasks)} threads run in the zygote ({', '.join(names)}); only one may, or forking is not safe"
        raise RuntimeError(what)


def _is_text(source: str) -> bool:
    try:
        return b"\0" not in source.encode()
    except UnicodeEncodeError:
        return False


def _plain(value: Any, path: Place, exceptions: list[tuple[Place, str, str]]) -> object:
    if isinstance(value, dict):
        return {_key(key): _plain(each, (*path, key), exceptions) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, (*path, index), exceptions) for index, each in enumerate(value)]
    if isinstance(value, float) and not isfinite(value):
        exceptions.append((path, "number", {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")))
        return None
    if isinstance(value, int) and abs(value) > _EXACT:
        exceptions.append((path, "integer", str(value)))
        return None
    return value


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the keys of inputs must be text, and {key!r} is a {type(key).__name__}")
    return key

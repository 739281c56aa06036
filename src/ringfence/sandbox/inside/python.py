"""Python in a worker: a snippet or a function of the host's, run as the main module, and what became of it as plain data.

The one idea: whatever the code raises or leaves, the answer is made of texts and plain values that were made here.
"""

from __future__ import annotations

import errno
import os
import sys
from types import CodeType, ModuleType

from ringfence.sandbox import frames
from ringfence.sandbox.inside.languages import Engine

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any

FILENAME = "<snippet>"
_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__))
_ONLY_AST = 0x400
_USUAL = "import sys\na = [1]\nfor b in a:\n    c = {'d': b + 1}\ndef e(f):\n    return f.g(f[0])\nprint(end='')\nsys.path\n"
"""What snippets are made of: to rehearse with."""
_GOES_ON = " \t\f)]}"
_WARM_ENOUGH = 24
"""After so many times the interpreter has specialised its byte code, which it would else write to in each child."""
_MOST_TEXT = 10_000
_MOST_TRACEBACK = 20_000
_MOST_REPR = 64 * 1024
_REASONS = {
    errno.EFBIG: "files", errno.ENOSPC: "files", errno.EDQUOT: "files", errno.EMFILE: "files", errno.ENFILE: "files",
    errno.EACCES: "policy", errno.EPERM: "policy", errno.EROFS: "policy", errno.EXDEV: "policy",
    errno.ENOMEM: "memory",
}  # fmt: skip


class Python(Engine):
    """Runs snippets and functions, one namespace for all runs of one worker."""

    def __init__(self) -> None:
        self.name = f"CPython {sys.version.split()[0]}"
        self._main = ModuleType("__main__")
        self._warm()

    def _warm(self) -> None:
        """Go once through what each run goes through, so that no child pays for the first time."""
        silent, kept = os.open(os.devnull, os.O_WRONLY), os.dup(2)
        os.dup2(silent, 2)
        self.answer({"code": "1 / 0", "inputs": {}, "call": None, "most": 1000})
        os.dup2(kept, 2)
        os.close(silent)
        os.close(kept)
        for _ in range(_WARM_ENOUGH):
            self.rehearse()

    def rehearse(self) -> None:
        """Go once through a run that does nothing: what it wrote to is this process's own then."""
        self.answer({"code": _USUAL, "inputs": {}, "call": None, "most": 1000})
        self._main = ModuleType("__main__")
        numbers = sys.modules.get("numpy.random")
        if numbers is not None:
            numbers.seed()  # its own generator, which every child would have in the same state

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run a snippet or call a function; return its value, or why there is none."""
        sys.modules["__main__"] = self._main
        inputs = order["inputs"]
        try:
            if order["call"] is not None:
                value = _call(order["call"])
            else:
                value = self._evaluate(str(order["code"]), inputs)
            _let_end(in_session=bool(order.get("session")))
        except SystemExit as error:
            return _exited(error)
        except BaseException as error:  # noqa: BLE001 - everything that the code raises is its answer
            return _failed(error)
        finally:
            _flush()
        return {"value": value, "code": 0}

    def _evaluate(self, source: str, inputs: dict[str, Any]) -> object:
        """Return the value of a snippet: that of its last expression, or of the name `result`."""
        space = self._main.__dict__
        space.update(inputs)
        space["inputs"] = inputs
        earlier = space.get("result")
        body, last = _compiled(source)
        _remember(source)
        exec(body, space)  # noqa: S102 - this is what the cage is for
        value = None if last is None else eval(last, space)  # noqa: S307 - likewise
        if value is None and space.get("result") is not earlier:
            value = space.get("result")
        return _plain_or_text(value)


def _let_end(*, in_session: bool) -> None:
    """Wait for the threads that an interpreter would wait for, and do what was registered for its end."""
    threading = sys.modules.get("threading")
    if threading is not None:
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
    atexit = sys.modules.get("atexit")
    if atexit is not None and not in_session:
        atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to


def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    """Return the byte code of a snippet but for its last expression, and that of the expression, if it ends with one."""
    return _compiled_apart(source) or _compiled_as_tree(source)


def _compiled_apart(source: str) -> tuple[CodeType, CodeType | None] | None:
    """Return the same where the last line by itself is an expression and what stands above it is whole: None where that is not so.

    Most snippets end like this, and it spares the tree, whose many classes each cost a page.
    """
    above, _, line = source.rstrip().rpartition("\n")
    if not line or line[0] in _GOES_ON or above.endswith("\\"):
        return None
    try:
        last = compile(
            "\n" * above.count("\n") + ("\n" if _ else "") + line, FILENAME, "eval", dont_inherit=True
        )
        return compile(above, FILENAME, "exec", dont_inherit=True), last
    except (SyntaxError, ValueError):
        return None


def _compiled_as_tree(source: str) -> tuple[CodeType, CodeType | None]:
    import _ast

    tree = compile(source, FILENAME, "exec", _ONLY_AST, dont_inherit=True)
    last = None
    if tree.body and type(tree.body[-1]) is _ast.Expr:
        expression = _ast.Expression(tree.body.pop().value)
        last = compile(expression, FILENAME, "eval", dont_inherit=True)
    return compile(tree, FILENAME, "exec", dont_inherit=True), last


def _remember(source: str) -> None:
    """Let tracebacks and `inspect` show the snippet's lines."""
    linecache = sys.modules.get("linecache")
    if linecache is not None:
        lines = [line + "\n" for line in source.splitlines()]
        linecache.cache[FILENAME] = (len(source), None, lines, FILENAME)


def _plain_or_text(value: object) -> object:
    """Return a value that can cross, or its text as `repr` gives it: what a person would see at a prompt."""
    try:
        frames.encode(value)
    except (frames.NotPlain, RecursionError):
        return _text_of(value)
    return value


def _text_of(value: object) -> object:
    try:
        return repr(value)[:_MOST_REPR]
    except ValueError:  # an integer too long to be written: whoever encodes the value says so
        return value


def _call(target: list[Any]) -> object:
    """Return what a function of a module returns. The module was loaded in the zygote."""
    from importlib import import_module

    module, qualified, args, kwargs = target
    function: Any = import_module(str(module))
    for name in str(qualified).split("."):
        function = getattr(function, name)
    tool = getattr(function, "__ringfence_tool__", None)
    if tool is not None:
        function = tool.function
    return _finished(function(*args, **kwargs))


def _finished(value: Any) -> object:
    """Return what asynchronous and generated values come to."""
    if hasattr(value, "__await__"):
        import asyncio

        async def whole() -> object:
            return await value

        return asyncio.run(whole())
    return list(value) if type(value).__name__ == "generator" else value


def _exited(error: SystemExit) -> dict[str, Any]:
    code = error.code
    if code is None or code == 0:
        return {"value": None, "code": 0}
    if type(code) is not int:
        os.write(2, (str(code)[:_MOST_TEXT] + "\n").encode("utf-8", "replace"))
        code = 1
    return {"failed": "crashed", "detail": f"it ended with the code {code & 0xFF}", "code": code & 0xFF}


def _failed(error: BaseException) -> dict[str, Any]:
    """Return what an exception comes to: a reason, a sentence, its class and text, and the traceback as text."""
    kind = type(error).__name__[:100]
    traceback, line = "", 0
    try:
        traceback, line = _traceback(error)
        os.write(2, traceback.encode("utf-8", "replace"))
    except BaseException:  # noqa: BLE001, S110 - no memory or no descriptor is left: the kind alone must do
        pass
    reason, what = _reason(error)
    where = f" in line {line}" if line else ""
    return {
        "failed": reason,
        "detail": f"the code raised {kind}{where}{what}",
        "kind": kind,
        "text": _text(error),
        "line": line,
        "code": 1,
    }


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MOST_TEXT]
    except BaseException:  # noqa: BLE001 - the code's own class
        return ""


def _reason(error: BaseException) -> tuple[str, str]:
    """Return which limit an exception tells of, and how to say so."""
    if isinstance(error, MemoryError):
        return "memory", ": no more memory is granted"
    if isinstance(error, OSError):
        return _reason_of_system(error)
    if isinstance(error, RuntimeError) and "start new thread" in _text(error):
        return "processes", ": no more threads are granted"
    if isinstance(error, ModuleNotFoundError):
        return "crashed", ": besides the standard library only what the profile names in `preload` is there"
    return "crashed", ""


def _reason_of_system(error: OSError) -> tuple[str, str]:
    """Return the same of an error that the system gave."""
    inner = getattr(error, "reason", None)
    error = inner if isinstance(inner, OSError) else error  # urllib wraps what went wrong
    if type(error).__name__ == "gaierror":
        return "policy", ": names are not resolved in here"
    if isinstance(error, FileNotFoundError) and (_is_outside(error.filename) or _was_to_be_started(error)):
        return "policy", f": only what was granted is there ({str(error.filename)[:200]})"
    if error.errno == errno.EAGAIN:
        return "processes", ": no more processes or threads are granted"
    name = error.filename if type(error.filename) is str else ""
    reason = _REASONS.get(error.errno or 0)
    if reason is None:
        return "crashed", ""
    return reason, f": {os.strerror(error.errno or 0)}{f' ({name[:200]})' if name else ''}"


def _was_to_be_started(error: BaseException) -> bool:
    """Return whether a file is missed that was to be executed: a program that is not granted is absent."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_name in ("_execute_child", "_execvpe")


def _is_outside(name: object) -> bool:
    """Return whether a path leads out of the working folder: what is not granted may be absent rather than refused."""
    if type(name) is not str:
        return False
    home = os.environ.get("HOME", "/")
    return not os.path.realpath(name).startswith(home + "/")


def _traceback(error: BaseException) -> tuple[str, int]:
    """Return the traceback of the code's own lines, and the last of them."""
    import traceback

    entries = traceback.extract_tb(error.__traceback__)
    own = next((i for i, entry in enumerate(entries) if entry.filename == FILENAME), len(entries))
    lines = [entry.lineno for entry in entries if entry.filename == FILENAME and entry.lineno]
    told = traceback.TracebackException(type(error), error, error.__traceback__, limit=None)
    told.stack = traceback.StackSummary.from_list(
        [each for each in entries[own:] if _OWN_FOLDER not in each.filename]
    )
    text = "".join(told.format())
    line = lines[-1] if lines else (error.lineno or 0) if isinstance(error, SyntaxError) else 0
    return text[-_MOST_TRACEBACK:], line


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001, S112 - replaced by the code, or the reader has gone
            continue

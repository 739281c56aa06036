"""Everything that runs a snippet beside the restricted tier, each behind the same small shape.

A `Contender` makes, from a source and inputs, what runs it again and again at its best (`warm`: compiled or parsed once, the interpreter or
session kept), and, from inputs, what runs a source that it never saw (`cold`). The one idea: both give the snippet's value, and
`verified` compares it with plain Python's before anything is timed. A contender that is not installed, or that has no syntax for a
snippet, is None.

monty works in processes of its own, so the processor time of this process says nothing of its work: its number is elapsed time.
"""

from __future__ import annotations

import atexit
import operator
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

from RestrictedPython.compile import compile_restricted
from RestrictedPython.Eval import default_guarded_getitem, default_guarded_getiter
from RestrictedPython.Guards import (
    full_write_guard,
    guarded_iter_unpack_sequence,
    guarded_unpack_sequence,
    safe_builtins,
    safer_getattr,
)
from RestrictedPython.PrintCollector import PrintCollector

from bench.measure import OURS
from ringfence.restricted import DEFAULT_MODULES, Budget, evaluate
from ringfence.restricted.compiled import compile_snippet
from ringfence.restricted.language import VALUE
from ringfence.restricted.run import Run
from ringfence.scanning import Language, scan
from ringfence.scanning.python.parse import take_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType

    from bench.restricted_snippets import Snippet

    Compiler = Callable[[str, str, Literal["eval", "exec"]], Any]
    Inputs = Mapping[str, Any]
    Warm = Callable[[str, Inputs], Callable[[], Any]]
    Cold = Callable[[Inputs], Callable[[str], Any]]

CODE = "ringfence_code"
"""Our compiled code alone, as `evaluate` runs it, without what is copied before and after."""
PLAIN = "python"
BARE = "restrictedpython"
MONTY = "monty_session"
MONTY_NEW = "monty_new_session"
SLOW = frozenset(("smolagents", "asteval"))
"""Those that walk the tree at each step, which nobody waits for through a million passes."""
ELAPSED = frozenset((MONTY, MONTY_NEW))
"""Those whose number is elapsed time."""
DISTRIBUTIONS = ("RestrictedPython", "asteval", "pydantic-monty", "smolagents")


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run a snippet.

    Attributes:
        name: how reports call it.
        module: what has to be installed; None for what always is.
        warm: makes, of a source and inputs, what runs it again and returns its value.
        cold: makes, of inputs, what runs a new source and returns its value; None where that is no case of its own.
        lacks: the snippets, by name, that it has no syntax for.

    """

    name: str
    module: str | None
    warm: Warm
    cold: Cold | None = None
    lacks: frozenset[str] = field(default_factory=frozenset)

    def runs(self, snippet: str) -> bool:
        """Return whether it is installed and has the syntax of a snippet."""
        return snippet not in self.lacks and (self.module is None or find_spec(self.module) is not None)


def warm(snippet: Snippet) -> dict[str, Callable[[], Any] | None]:
    """Return what runs a snippet that was seen before, by contender."""
    return {
        name: verified(name, snippet, each.warm(snippet.seen, snippet.inputs)) if each.runs(snippet.name) else None
        for name, each in CONTENDERS.items()
    }  # fmt: skip


def cold(snippet: Snippet) -> dict[str, Callable[[], Any] | None]:
    """Return what runs a snippet whose source is new each time, by contender."""
    return {
        name: _on_fresh(name, snippet, each.cold(snippet.inputs)) if each.runs(snippet.name) else None
        for name, each in CONTENDERS.items()
        if each.cold is not None
    }


def _on_fresh(name: str, snippet: Snippet, run: Callable[[str], Any]) -> Callable[[], Any]:
    fresh = snippet.fresh()
    return verified(name, snippet, lambda: run(fresh()))


def verified(name: str, snippet: Snippet, run: Callable[[], Any]) -> Callable[[], Any]:
    """Return what runs a snippet, after a first run that has to give the value that plain Python gives."""
    expected = _python_warm(snippet.seen, snippet.inputs)()
    given = run()
    if given != expected or type(given) is not type(expected):
        raise RuntimeError(
            f"{name} gives {given!r:.200} for the snippet {snippet.name!r}, Python {expected!r:.200}"
        )
    return run


# Ours


def _evaluate_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    return lambda: evaluate(source, inputs).value


def _evaluate_cold(inputs: Inputs) -> Callable[[str], Any]:
    """Scan a source, compile it and evaluate it, as the guard does with one that is new."""

    def run(source: str) -> Any:
        scan(source, Language.PYTHON)
        compile_snippet(source, sys.maxsize, take_tree)
        return evaluate(source, inputs).value

    return run


def _code_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    """Run the compiled code in one evaluation that stays open, so that nothing but the code is timed."""
    code, _, namespace = _opened(source, inputs, Budget(steps=10**12, wall_seconds=1e6, memory_mb=10**6))

    def again() -> Any:
        exec(code, namespace)
        return namespace.get("result", namespace.get(VALUE))

    return again


def metered(source: str, inputs: Inputs) -> Callable[[], Any]:
    """Run our compiled code in a new evaluation each time, with all that is metered in a long one: steps, time and memory."""
    budget = Budget(steps=10**12, wall_seconds=1e6)

    def once() -> Any:
        code, run, namespace = _opened(source, inputs, budget)
        exec(code, namespace)
        value = namespace["result"]
        run.close()
        return value

    return once


def _opened(source: str, inputs: Inputs, budget: Budget) -> tuple[CodeType, Run, dict[str, Any]]:
    """Do what `evaluate` does before it runs the code, save for the copies."""
    compiled = compile_snippet(source, sys.maxsize, given=inputs)
    run = Run(budget, DEFAULT_MODULES, None)
    namespace = run.open_namespace(compiled.needs, inputs)
    run.meter.begin(sys._getframe())  # noqa: SLF001 - what is below is not the snippet's
    return compiled.code, run, namespace


# Plain Python, and RestrictedPython with its own guards


def _executed(compiler: Compiler, source: str, namespace: dict[str, Any]) -> Callable[[], Any]:  # fmt: skip
    """Compile a source once and return what runs it for its value. The namespace is kept, as a kept session's is."""
    if not source.endswith("\nresult\n"):
        expression = compiler(source, "<snippet>", "eval")
        return lambda: eval(expression, namespace)
    statements = compiler(source, "<snippet>", "exec")

    def again() -> Any:
        exec(statements, namespace)
        return namespace["result"]

    return again


def _compile_plain(source: str, name: str, mode: Literal["eval", "exec"]) -> Any:
    return compile(source, name, mode, dont_inherit=True)


def _python_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    return _executed(_compile_plain, source, {"__name__": "__main__", **inputs})


def _python_cold(inputs: Inputs) -> Callable[[str], Any]:
    return lambda source: _python_warm(source, inputs)()


_IN_PLACE = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv, "//=": operator.ifloordiv,
    "%=": operator.imod, "**=": operator.ipow, "|=": operator.ior, "&=": operator.iand, "^=": operator.ixor,
}  # fmt: skip


def _in_place(sign: str, value: Any, other: Any) -> Any:
    done: Any = _IN_PLACE[sign](value, other)  # type: ignore[no-untyped-call]  # typeshed leaves some of operator untyped
    return done


def _open_class(name: str, bases: tuple[type, ...], members: dict[str, Any]) -> type:
    """Make a class whose instances may be written to by its own methods, as RestrictedPython's guard of writing asks for."""
    return type(name, bases, {**members, "_guarded_writes": True})


def bare_namespace(inputs: Inputs) -> dict[str, Any]:
    """Return what RestrictedPython's documentation gives to a program: its guards, its built-in functions and the usual others."""
    more = (dict, list, set, enumerate, map, max, min, sorted, sum, tuple, zip)
    return {
        "__builtins__": {**safe_builtins, **{each.__name__: each for each in more}},
        "__metaclass__": _open_class,
        "__name__": "__main__",
        "_getattr_": safer_getattr,
        "_getitem_": default_guarded_getitem,
        "_getiter_": default_guarded_getiter,
        "_inplacevar_": _in_place,
        "_iter_unpack_sequence_": guarded_iter_unpack_sequence,
        "_print_": PrintCollector,
        "_unpack_sequence_": guarded_unpack_sequence,
        "_write_": full_write_guard,
        **inputs,
    }


def _compile_bare(source: str, name: str, mode: Literal["eval", "exec"]) -> Any:
    return compile_restricted(source, name, mode)


def _bare_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    return _executed(_compile_bare, source, bare_namespace(inputs))


def _bare_cold(inputs: Inputs) -> Callable[[str], Any]:
    return lambda source: _bare_warm(source, inputs)()


# Interpreters written in Python


def _smolagents_cold(inputs: Inputs) -> Callable[[str], Any]:
    """Call a kept executor, with the functions that its own agents have, in the thread that its time limit needs. It parses each time."""
    executor = import_module("smolagents.local_python_executor").LocalPythonExecutor([])
    executor.send_tools({})

    def run(source: str) -> Any:
        executor.send_variables(dict(inputs))
        return executor(source).output

    return run


def _smolagents_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    run = _smolagents_cold(inputs)
    return lambda: run(source)


def _asteval_interpreter(inputs: Inputs) -> Any:
    interpreter = import_module("asteval").Interpreter(use_numpy=False)
    interpreter.symtable.update(inputs)
    return interpreter


def _asteval_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    """Run a kept tree in a kept interpreter."""
    interpreter = _asteval_interpreter(inputs)
    tree = interpreter.parse(source)
    return lambda: interpreter.run(tree)


def _asteval_cold(inputs: Inputs) -> Callable[[str], Any]:
    interpreter = _asteval_interpreter(inputs)
    return lambda source: interpreter(source, raise_errors=True)


# An interpreter of its own, in a process of its own


@cache
def _monty_pool() -> Any:
    """Return a pool whose workers live as long as this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(import_module("pydantic_monty").Monty(min_processes=2, max_processes=16))


def _monty_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    """Feed the whole source to a kept session: it has no way to keep a program and run it again."""
    stack = ExitStack()
    session = stack.enter_context(_monty_pool().checkout())
    atexit.register(stack.close)
    return lambda: session.feed_run(source, inputs=dict(inputs))


def _monty_new_cold(inputs: Inputs) -> Callable[[str], Any]:
    """Open a session in a worker that is there, and feed it: its whole cold run, save for the start of a process."""
    pool = _monty_pool()

    def run(source: str) -> Any:
        with pool.checkout() as session:
            return session.feed_run(source, inputs=dict(inputs))

    return run


def _monty_new_warm(source: str, inputs: Inputs) -> Callable[[], Any]:
    run = _monty_new_cold(inputs)
    return lambda: run(source)


CONTENDERS: dict[str, Contender] = {
    each.name: each
    for each in (
        Contender(OURS, None, _evaluate_warm, _evaluate_cold),
        Contender(CODE, None, _code_warm),
        Contender(PLAIN, None, _python_warm, _python_cold),
        Contender(BARE, None, _bare_warm, _bare_cold),
        Contender("smolagents", "smolagents", _smolagents_warm, _smolagents_cold),
        Contender("asteval", "asteval", _asteval_warm, _asteval_cold, lacks=frozenset(("class",))),
        Contender(MONTY, "pydantic_monty", _monty_warm),
        Contender(MONTY_NEW, "pydantic_monty", _monty_new_warm, _monty_new_cold),
    )
}
"""Everything that runs a snippet by the name under which reports have it."""

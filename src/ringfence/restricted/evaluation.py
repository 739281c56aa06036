"""`evaluate`: from a source and inputs to a value. Nothing of the snippet outlives the call."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.errors import SnippetError, SnippetFailed, SnippetStopped
from ringfence.restricted.budget import Budget
from ringfence.restricted.compiled import FILE, Compiled, compile_snippet
from ringfence.restricted.grants import granted
from ringfence.restricted.language import VALUE
from ringfence.restricted.meter import Stopped
from ringfence.restricted.modules import DEFAULT_MODULES, check_modules
from ringfence.restricted.names import is_special
from ringfence.restricted.run import Run
from ringfence.restricted.values import FLAT, Copier, InputCopier, NotPlain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from types import TracebackType

_DEFAULT = Budget()
_MOST_TEXT = 500
_MOST_FRAMES = 10
_NOTHING: Mapping[str, Any] = {}


class Evaluation(NamedTuple):
    """What a snippet gave.

    Arguments:
        value: the value of its last expression or, where that is None, of the name `result`; a copy.
        stdout: what it printed, as far as the budget goes.
        stdout_cut: how many bytes more it printed.
        steps: the steps it took.
        seconds: the time it took.

    """

    value: Any
    stdout: str
    stdout_cut: int
    steps: int
    seconds: float


def evaluate(
    source: str,
    inputs: Mapping[str, object] = _NOTHING,
    budget: Budget = _DEFAULT,
    *,
    functions: Mapping[str, Callable[..., object]] = _NOTHING,
    modules: Collection[str] = DEFAULT_MODULES,
    seed: int | None = None,
) -> Evaluation:
    """Run a Python snippet in this process, within a budget, and return its value.

    For trusted, low-risk snippets: a formula, a filter, a small transformation. It keeps a snippet from reaching the host's objects,
    files, network and modules, and from running without end; it is no sandbox against a bug in Python itself. Code that nobody
    vouches for belongs in the sandbox tier.

    Arguments:
        source: the snippet.
        inputs: plain values by name, which the snippet gets copies of.
        budget: what it may use up.
        functions: functions of the host by name. They get copies of plain values, and what they return is copied.
        modules: the modules that it may import.
        seed: makes its `random` repeatable.

    Returns:
        The value and what was printed.

    Raises:
        SnippetRefused: it uses what a snippet may not use; nothing ran.
        SnippetStopped: its budget ended, or it came to what is not offered.
        SnippetFailed: it raised an exception.
        TypeError, ValueError: an input is no plain value, or a name or module cannot be offered.

    """
    if not isinstance(source, str):
        raise TypeError(f"expected the source as a text, got {type(source).__name__}")
    given = inputs if not functions else {*inputs, *functions}
    compiled = compile_snippet(str.__str__(source), budget.source_bytes, given=given)
    run = Run(budget, check_modules(modules), seed)
    namespace = run.open_namespace(compiled.needs, _checked_inputs(inputs))
    for name, function in functions.items():
        _check_name(name)
        namespace[name] = granted(run, name, function)
    failure = _execute(run, compiled, namespace)
    if isinstance(failure, SnippetError):
        raise failure
    return failure


@lru_cache(1024)
def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name.isidentifier() or is_special(name):
        raise ValueError(f"{str(name)[:80]!r} is no name for an input or a function of a snippet")


def _checked_inputs(inputs: Mapping[str, object]) -> dict[str, Any]:
    """Return copies of the inputs."""
    copies: dict[str, Any] = {}
    for name, value in inputs.items():
        _check_name(name)
        if type(value) in FLAT:
            copies[name] = value
            continue
        try:
            copies[name] = InputCopier(0, f"the input {name!r}").copy(value)
        except NotPlain as error:
            raise TypeError(f"{error}: hand in numbers, texts, lists, dicts, dates") from None
    return copies


def _execute(run: Run, compiled: Compiled, namespace: dict[str, Any]) -> Evaluation | SnippetError:
    """Run the snippet; return what it gave, or what to raise. Its exceptions end here: they hold its frames, and those hold everything."""
    meter = run.meter
    meter.begin(sys._getframe())  # noqa: SLF001 - what lies below is the host's
    try:
        exec(compiled.code, namespace)  # noqa: S102 - this is what it is for
        meter.alive()  # whatever swallowed the end of the budget has won nothing
        value = _copied(run, compiled, namespace)
    except Stopped as stop:
        return SnippetStopped(stop.limit, stop.message, _last_line(stop.__traceback__), "".join(run.output))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it raised
        if meter.over is not None:
            return SnippetStopped(*meter.over, _last_line(error.__traceback__), "".join(run.output))
        return _failure(run, compiled, error)
    else:
        return Evaluation(value, "".join(run.output), run.output_cut, meter.used, meter.seconds)
    finally:
        run.close()


def _copied(run: Run, compiled: Compiled, namespace: dict[str, Any]) -> Any:
    value = namespace.get(VALUE) if compiled.has_value else None
    if value is None:
        value = namespace.get("result")
    copier = Copier(run.meter.budget.result_bytes, "the result")
    try:
        return copier.copy(value)
    except NotPlain as error:
        hint = "" if copier.too_large else ": hand back numbers, texts, lists, dicts, dates"
        raise run.meter.stop("result", f"{error}{hint}") from None


def _lines(traceback: TracebackType | None) -> list[tuple[int, str]]:
    """Return the lines of the snippet in a traceback, outermost first, each with the function it is in."""
    lines: list[tuple[int, str]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_filename == FILE:
            lines.append((traceback.tb_lineno, code.co_name))
        traceback = traceback.tb_next
    return lines


def _last_line(traceback: TracebackType | None) -> int:
    lines = _lines(traceback)
    return lines[-1][0] if lines else 0


def _failure(run: Run, compiled: Compiled, error: BaseException) -> SnippetError:
    lines = _lines(error.__traceback__)
    kind = str.__str__(type.__dict__["__name__"].__get__(type(error)))[:_MOST_TEXT]
    text = _text_of(run, error)
    line = lines[-1][0] if lines else 0
    return SnippetFailed(
        kind, text, _traceback(compiled.source, lines, kind, text), line, "".join(run.output)
    )


def _text_of(run: Run, error: BaseException) -> str:
    """Return what an exception says, worked out within the budget: its class may be the snippet's own."""
    try:
        text = run.do_str(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - an exception that cannot say what it is about
        return "(it could not be shown)"
    return str.__str__(text) if len(text) <= _MOST_TEXT else str.__getitem__(text, slice(_MOST_TEXT)) + "..."


def _traceback(source: str, lines: list[tuple[int, str]], kind: str, text: str) -> str:
    """Return a traceback as Python prints one, of the snippet's lines only."""
    texts = source.splitlines()
    shown = ["Traceback (most recent call last):"]
    hidden = len(lines) - _MOST_FRAMES
    if hidden > 0:
        shown.append(f"  [{hidden} more calls]")
    for line, function in lines[-_MOST_FRAMES:]:
        shown.append(f'  File "{FILE}", line {line}, in {function}')
        if 0 < line <= len(texts) and texts[line - 1].strip():
            shown.append(f"    {texts[line - 1].strip()[:_MOST_TEXT]}")
    shown.append(f"{kind}: {text}" if text else kind)
    return "\n".join(shown)

"""Whether code gives in the restricted tier what it gives in Python: functions with examples in their docstrings, run in both.

The examples are those that `doctest` finds and, since many docstrings write theirs as `f(1, 2) == 3` or `f(1, 2) -> 3`, every call of a
function of the row whose arguments are written out. What the docstring says comes out is not looked at: Python decides. The one idea:
the rows are run in a process of their own with limits (`python -m bench.restricted_examples`, a row on its input), never in this one.

Each example has one outcome: `same` (value, exception and what is printed agree), `refused` (nothing ran, or a limit or what is not
offered ended it), `different`, or `crashed` for all of a row whose process ended without an answer.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress
from doctest import DocTestParser
from pathlib import Path
from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_FSIZE, setrlimit
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.measure import Figure
from ringfence.errors import SnippetFailed, SnippetRefused, SnippetStopped
from ringfence.restricted import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.restricted_corpus import Row

ROOT = Path(__file__).parents[1]
SOURCE = "openai/human-eval"
"""The collection whose rows have examples and are functions without side effects."""
SECONDS = 20
_BYTES = 1 << 30
_LONGEST_CALL = 1000
SAME, REFUSED, DIFFERENT, CRASHED = "same", "refused", "different", "crashed"
_NOT_OFFERED = "in a snippet"
"""What the messages of errors say that Python would not have raised: of a module, or a name in it."""


class Outcome(NamedTuple):
    """How one example went, and why where it did not go the same way."""

    row: str
    example: str
    outcome: str
    why: str


def compare(rows: Sequence[Row]) -> list[Outcome]:
    """Run the examples of all rows of the collection, each row in a process of its own."""
    chosen = [row for row in rows if row.source == SOURCE]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [outcome for found in pool.map(_in_child, chosen) for outcome in found]


def _in_child(row: Row) -> list[Outcome]:
    command = [sys.executable, "-B", "-m", "bench.restricted_examples"]
    try:
        done = subprocess.run(
            command, cwd=ROOT, input=json.dumps(row.code), capture_output=True, text=True, timeout=3 * SECONDS, check=True
        )  # fmt: skip
    except subprocess.SubprocessError as error:
        return [Outcome(row.id, "", CRASHED, str(error))]
    return [Outcome(row.id, *found) for found in json.loads(done.stdout)]


def figures(outcomes: Sequence[Outcome], rows: int) -> Iterator[Figure]:
    """Return how many examples differ, which none may, and the share of functions all of whose examples give the same."""
    counted = Counter(each.outcome for each in outcomes)
    what = ", ".join(f"{counted[name]} {name}" for name in (SAME, REFUSED, DIFFERENT, CRASHED))
    wrong = {each.row for each in outcomes if each.outcome in (DIFFERENT, CRASHED)}
    tried = {each.row for each in outcomes}
    good = tried - {each.row for each in outcomes if each.outcome != SAME}
    yield Figure(
        id="examples-different",
        what=f"{len(outcomes)} examples of functions against Python: {what}",
        unit="functions",
        ours=float(len(wrong)) if tried else None,
        ratio=float(len(wrong)) if tried else None,
        floor=0,
        goal=0,
    )
    share = len(good) / len(tried) if tried else None
    yield Figure(
        id="examples-same",
        what=f"functions whose examples all give what they give in Python, of {len(tried)} ({rows - len(tried)} more have no example)",
        unit="%",
        ours=None if share is None else 100 * share,
        ratio=share,
        floor=0.97,
        goal=0.99,
        lower_is_better=False,
    )


def count(rows: Sequence[Row]) -> int:
    """Return how many rows are of the collection."""
    return sum(row.source == SOURCE for row in rows)


# What runs in the child


def examples(code: str) -> list[str]:
    """Return the examples in the docstrings of a source's functions, each once."""
    functions = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    names = [node.name for node in functions]
    found: dict[str, None] = {}
    for text in filter(None, map(ast.get_docstring, functions)):
        with suppress(ValueError):  # a docstring that only looks as if it had examples
            for example in DocTestParser().get_examples(text):
                found[example.source.strip()] = None
        found |= dict.fromkeys(_calls(text, names))
    return [each for each in found if _is_expression(each)]


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _calls(text: str, names: Sequence[str]) -> Iterator[str]:
    """Find the calls in a text whose arguments are written out."""
    for start in re.finditer(rf"\b(?:{'|'.join(map(re.escape, names))})\(", text):
        rest = text[start.start() :][:_LONGEST_CALL]
        for end in re.finditer(r"\)", rest):
            call = rest[: end.end()]
            if _is_written_out(call):
                yield " ".join(call.split("\n"))
                break


def _is_written_out(text: str) -> bool:
    try:
        call = ast.parse(text, mode="eval").body
        for argument in [*call.args, *(each.value for each in call.keywords)] if isinstance(call, ast.Call) else [call]:  # fmt: skip
            ast.literal_eval(argument)
    except (SyntaxError, ValueError):
        return False
    return True


def run(code: str) -> list[tuple[str, str, str]]:
    """Run each example in Python and in the tier, both from the start."""
    return [(example, *_judged(_in_python(code, example), _in_tier(code, example))) for example in examples(code)]  # fmt: skip


class _Ran(NamedTuple):
    value: Any
    raised: str
    printed: str
    refused: str = ""


def _in_python(code: str, example: str) -> _Ran:
    printed = io.StringIO()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    value, raised = None, ""
    with redirect_stdout(printed):
        try:
            exec(compile(code, "<row>", "exec", dont_inherit=True), namespace)
            value = eval(compile(example, "<example>", "eval", dont_inherit=True), namespace)
        except Exception as error:  # noqa: BLE001 - the row's own
            raised = type(error).__name__
    return _Ran(value, raised, printed.getvalue())


def _in_tier(code: str, example: str) -> _Ran:
    try:
        done = evaluate(f"{code}\n{example}\n")
    except SnippetFailed as error:
        missing = str(error) if _NOT_OFFERED in error.text else ""
        return _Ran(None, error.kind, error.stdout, missing)
    except SnippetStopped as error:
        return _Ran(None, "", error.stdout, f"{error.limit}: {error}")
    except SnippetRefused as error:
        return _Ran(None, "", "", str(error))
    return _Ran(done.value, "", done.stdout)


def _judged(python: _Ran, tier: _Ran) -> tuple[str, str]:
    if tier.refused and not python.raised:
        return REFUSED, tier.refused
    if (python.raised, python.printed) == (tier.raised, tier.printed) and _same(python.value, tier.value):
        return SAME, ""
    return DIFFERENT, f"Python {python!r:.300}, the tier {tier!r:.300}"


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and (a == b or repr(a) == repr(b))  # nan is not equal to itself


def main() -> None:
    """Run the row on the input within limits, and print how its examples went."""
    code = json.load(sys.stdin)
    setrlimit(RLIMIT_CPU, (SECONDS, SECONDS))
    setrlimit(RLIMIT_AS, (_BYTES, _BYTES))
    setrlimit(RLIMIT_CORE, (0, 0))
    setrlimit(RLIMIT_FSIZE, (0, 0))
    print(json.dumps(run(code)))


if __name__ == "__main__":
    main()

"""`evaluate`: inputs, values, output, errors, and what one evaluation leaves for the next."""

from __future__ import annotations

import datetime as dt
import gc
import json
import os
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ringfence.errors import SnippetError, SnippetFailed, SnippetRefused, SnippetStopped
from ringfence.restricted import DEFAULT_MODULES, Budget, evaluate
from ringfence.restricted.compiled import MOST_KEPT, _cache, compile_snippet

CORPORA = Path(os.environ.get("CORPORA", Path(__file__).parents[2].parent / "shared" / "eval"))
needs_corpora = pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the checkout")


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of one corpus."""
    text = (CORPORA / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 5, 2**4000, 1.5, 2j, "é", b"b", bytearray(b"c"), [1, [2]], (1, (2,)), {"a": {1: 2}}, {1, 2}, frozenset((3,)), range(4),
        dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.timedelta(3), Decimal("1.50"), Fraction(1, 3), UUID(int=5),
    ],
)  # fmt: skip
def test_plain_values_go_in_and_come_out_as_they_are(value: object) -> None:
    """Every plain value is the same on both sides, type included."""
    back = evaluate("x", {"x": value}).value
    assert back == value
    assert type(back) is type(value)


class Colour(StrEnum):
    """A text of a type of its own."""

    RED = "red"


class Level(IntEnum):
    """A number of a type of its own."""

    HIGH = 3


@pytest.mark.parametrize(
    ("value", "plain"),
    [(Colour.RED, "red"), (Level.HIGH, 3), (Counter("aab"), {"a": 2, "b": 1}), (OrderedDict(a=1), {"a": 1}), (defaultdict(list, k=[1]), {"k": [1]}), (deque([1, 2]), [1, 2])],
)  # fmt: skip
def test_subclasses_become_what_they_are_a_kind_of(value: object, plain: object) -> None:
    """An enumeration's member goes in as text or number, a Counter as a dict."""
    back = evaluate("x", {"x": value}).value
    assert back == plain
    assert type(back) is type(plain)


def test_an_input_that_is_no_plain_value_is_refused_by_name() -> None:
    """The error names the input and its type; nothing runs."""
    with pytest.raises(TypeError, match="the input 'x' holds a object, which is no plain value"):
        evaluate("1", {"x": [object()]})
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    with pytest.raises(TypeError, match="nests deeper than 100 levels"):
        evaluate("1", {"x": cyclic})


@pytest.mark.parametrize("name", ["__builtins__", "not a name", "", "__class__", "$+"])
def test_a_name_that_cannot_be_offered_is_an_error_of_the_caller(name: str) -> None:
    """Inputs and functions take the names of variables, and none of Python's own."""
    with pytest.raises(ValueError, match="is no name for an input or a function"):
        evaluate("1", {name: 1})
    with pytest.raises(ValueError, match="is no name for an input or a function"):
        evaluate("1", functions={name: len})


def test_a_function_must_be_one() -> None:
    """What cannot be called is refused before anything runs."""
    with pytest.raises(TypeError, match="the function 'f' of a snippet cannot be called: it is a int"):
        evaluate("1", functions={"f": 5})  # type: ignore[dict-item]


def test_modules_are_named_from_those_that_there_is_a_view_of() -> None:
    """An unknown one is an error of the caller; what is not listed cannot be imported."""
    with pytest.raises(ValueError, match="no view of os: a snippet can be offered"):
        evaluate("1", modules=["math", "os"])
    assert evaluate("import math\nmath.floor(2.5)", modules=["math"]).value == 2
    with pytest.raises(SnippetFailed, match="the module 'json' is not offered"):
        evaluate("import json", modules=["math"])


@pytest.mark.parametrize("module", sorted(DEFAULT_MODULES))
def test_every_module_can_be_imported(module: str) -> None:
    """A view exists for each."""
    assert evaluate(f"import {module}\n'there'").value == "there"


def test_the_guide_lists_the_modules() -> None:
    """docs/restricted.md names all of them, and no others."""
    guide = (Path(__file__).parents[2] / "docs" / "restricted.md").read_text(encoding="utf-8")
    listed = guide.partition("## Modules")[2].partition("Each is a view")[0]
    assert {name.strip(" `\n") for name in listed.split(",")} == set(DEFAULT_MODULES)


def test_output_is_kept_as_far_as_the_budget_goes_and_the_rest_is_counted() -> None:
    """Bytes of UTF-8 count, and no character is cut in two."""
    got = evaluate("for i in range(10): print('é' * 10)", budget=Budget(output_bytes=50))
    assert len(got.stdout.encode()) <= 50
    assert got.stdout.startswith("é" * 10 + "\n")
    assert got.stdout_cut + len(got.stdout.encode()) == 210


@pytest.mark.parametrize(
    "result",
    [
        "[0] * 10 ** 6",
        "'x' * 2 * 10 ** 6",
        "x = [1]\nfor i in range(40): x = [x, x]\nx",
        "x = []\nx.append(x)\nx",
        "{i: str(i) for i in range(10 ** 5)}",
    ],
)
def test_a_value_that_is_too_large_ends_as_one(result: str) -> None:
    """What would be large when it is written out is refused, however small it is in memory."""
    with pytest.raises(SnippetStopped, match=r"the result (is larger than|nests deeper than)") as caught:
        evaluate(result, budget=Budget(result_bytes=100_000))
    assert caught.value.limit == "result"


def test_a_traceback_shows_the_snippets_lines_only() -> None:
    """Line numbers, functions and source lines, as Python prints them; nothing of the host's."""
    source = "def f(x):\n    return 10 / x\n\nrows = [1, 0]\nprint('begun')\nfor row in rows:\n    f(row)\n"
    with pytest.raises(
        SnippetFailed, match="the snippet raised ZeroDivisionError in line 2: division by zero"
    ) as caught:
        evaluate(source)
    assert caught.value.traceback.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<snippet>", line 7, in <module>',
        "    f(row)",
        '  File "<snippet>", line 2, in f',
        "    return 10 / x",
        "ZeroDivisionError: division by zero",
    ]
    assert (caught.value.line, caught.value.stdout) == (2, "begun\n")


def test_an_exception_from_inside_of_a_guard_shows_no_line_of_ours() -> None:
    """A comparison function that raises within `sorted` is shown where the snippet stands."""
    with pytest.raises(SnippetFailed) as caught:
        evaluate("def key(x):\n    raise KeyError(x)\nsorted([1], key=key)")
    assert "ringfence" not in caught.value.traceback
    assert caught.value.traceback.count("File") == 2


def test_steps_are_the_same_each_time() -> None:
    """They depend on the snippet and its inputs only, so the budget's end comes at the same step."""
    source = "t = 0\nfor i in range(n):\n    t += sum(j for j in range(i))\nt"
    assert len({evaluate(source, {"n": 50}).steps for _ in range(3)}) == 1
    steps = evaluate(source, {"n": 50}).steps
    assert evaluate(source, {"n": 50}, Budget(steps=steps)).value == 19600
    for fewer in (steps - 1, steps // 2, 1):
        with pytest.raises(SnippetStopped, match="steps"):
            evaluate(source, {"n": 50}, Budget(steps=fewer))


@pytest.mark.parametrize(
    "field",
    ["steps", "wall_seconds", "memory_mb", "output_bytes", "recursion_depth", "result_bytes", "source_bytes"],
)
@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan")])
def test_a_budget_takes_numbers_above_zero(field: str, value: Any) -> None:
    """Anything else is an error that names the field."""
    with pytest.raises(ValueError, match=f"Budget.{field}: expected a number above 0"):
        Budget(**{field: value})


def test_recursion_ends_as_pythons_own_or_by_the_budget() -> None:
    """Python's limit is an exception like any other; the budget's cannot be caught."""
    with pytest.raises(SnippetFailed, match="RecursionError"):
        evaluate("def f(n): return f(n + 1)\nf(0)")
    source = "def f(n): return 0 if n == 0 else f(n - 1)\nx = 0\nwhile True:\n    try: f(200)\n    except BaseException: pass"
    with pytest.raises(SnippetStopped):
        evaluate(source, budget=Budget(steps=50_000, recursion_depth=50))


def test_a_source_that_was_seen_is_compiled_once_and_the_cache_is_bounded() -> None:
    """The same text gives the same compiled snippet; old ones make room."""
    first = compile_snippet("1 + 41", 1000)
    assert compile_snippet("1 + 41", 1000) is first
    for number in range(MOST_KEPT + 5):
        compile_snippet(f"{number} + 0.5", 1000)
    assert len(_cache._kept) <= MOST_KEPT
    assert compile_snippet("1 + 41", 1000) is not first


def test_a_source_that_is_too_large_is_refused_also_when_it_is_known() -> None:
    """The limit is the caller's, and the cache does not go around it."""
    source = "x = 1\n" * 100
    compile_snippet(source, 10_000)
    with pytest.raises(SnippetRefused, match="larger than 100 bytes"):
        compile_snippet(source, 100)


def test_threads_evaluate_at_once_without_seeing_each_other() -> None:
    """Each has its own namespace, meter and output."""
    results: dict[int, Any] = {}

    def work(number: int) -> None:
        source = "x = n\nt = 0\nfor i in range(2000):\n    t += x\nprint(x)\nt"
        results[number] = [evaluate(source, {"n": number}) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(
        got.value == number * 2000 and got.stdout == f"{number}\n"
        for number, all_of in results.items()
        for got in all_of
    )


def test_a_generator_that_is_left_runs_nothing_after_the_evaluation() -> None:
    """Neither `finally` nor a handler calls a granted function once the value has been handed back."""
    calls: list[str] = []
    source = "def g():\n    try:\n        yield 1\n    except BaseException:\n        call('handler')\n        raise\n    finally:\n        call('finally')\nkept = g()\nnext(kept)\nring = [kept]\nring.append(ring)\n5"
    assert evaluate(source, functions={"call": calls.append}).value == 5
    gc.collect()
    assert calls == []


def test_a_refusal_names_every_line_and_what_the_tier_is_for() -> None:
    """The faults come with their lines, and the hint says where such code belongs."""
    with pytest.raises(
        SnippetRefused, match=r"line 1: .*line 3: .*trusted, low-risk.*belongs in the sandbox"
    ) as caught:
        evaluate("async def f(): pass\nx = 1\nx.__globals__")
    assert [line for line, _ in caught.value.faults] == [1, 3]


@needs_corpora
@pytest.mark.parametrize("name", ["restrictedpython_tests", "escape_python"])
def test_the_corpora_of_escapes_are_refused_or_contained(name: str) -> None:
    """Each row is refused, ends as an error of the tier, or gives a plain value; what is honest among them is taken."""
    before = set(sys.modules)
    for row in rows(name):
        refused = ""
        try:
            evaluate(row["code"], {"a": {"k": 1}, "x": 1, "y": 2}, Budget(steps=100_000, wall_seconds=2))
        except SnippetRefused as error:
            refused = str(error)
        except SnippetError:
            pass
        assert not (refused and row["expected"] == "allow"), (row["id"], refused)
    assert {name for name in set(sys.modules) - before if not name.startswith("ringfence.")} == set()


@needs_corpora
def test_nearly_all_honest_pure_code_compiles() -> None:
    """At least 97 of 100 sources that only compute; they are compiled, and not run."""
    taken = total = 0
    for row in rows("benign_python"):
        if row.get("caps"):
            continue
        try:
            compile(row["code"], "row", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, SyntaxWarning):
            continue
        total += 1
        try:
            compile_snippet(row["code"], 10**7)
            taken += 1
        except SnippetRefused:
            pass
    assert total > 2000
    assert taken / total >= 0.97

"""What is known of names: only what every binding says, so that an operation goes unguarded only where it cannot grow."""

from __future__ import annotations

import ast

import pytest

from ringfence.errors import SnippetError, SnippetStopped
from ringfence.restricted import Budget, evaluate
from ringfence.restricted.compiled import compile_snippet
from ringfence.restricted.known import Size, known_names
from ringfence.restricted.language import InferringLanguage, Uninferable


@pytest.mark.parametrize(
    ("source", "known"),
    [
        ("for i in range(9): pass", {"i": Size.SMALL}),
        ("t = 0\nfor i in range(9): t += i", {"i": Size.SMALL, "t": Size.ANY}),
        ("t = 0\nfor i in range(9): t = t * i + 1", {"i": Size.SMALL, "t": Size.ANY}),
        ("x = 5", {"x": Size.SMALL}),
        ("x = -2.5", {"x": Size.SMALL}),
        ("x = 2 ** 99", {"x": Size.ANY}),
        ("x = y = 5", {}),
        ("x = 'a'", {}),
        ("x = 5\nx = 'a'", {}),
        ("x = 5\nx += 'a'", {}),
        ("x = 5\nx *= y", {}),
        ("a = 1\nb = a\na = b", {"a": Size.SMALL, "b": Size.SMALL}),
        ("a = 1\nb = a\na = b + c", {}),
        ("for i in rangE(9): pass", {}),
        ("for i in range(9): pass\nfor i in xs: pass", {}),
        ("for i in range(9): pass\n[i for i in xs]", {"i": Size.SMALL}),
        ("[i for i in range(9)]", {}),
        ("x = 5\ndef x(): pass", {}),
        ("x = 5\nclass x: pass", {}),
        ("x = 5\nimport x", {}),
        ("x = 5\nimport x.y", {}),
        ("x = 5\nimport y as x", {}),
        ("x = 5\ntry: pass\nexcept E as x: pass", {}),
        ("x = 5\nwith y as x: pass", {}),
        ("x = 5\nmatch y:\n    case x: pass", {}),
        ("x = 5\nmatch y:\n    case [*x]: pass", {}),
        ("x = 5\nmatch y:\n    case {**x}: pass", {}),
        ("x = 5\nx, y = 'ab'", {}),
        ("x = 5\nx: str = 'a'", {}),
        ("x = 5\nfor x, y in z: pass", {}),
    ],
)
def test_a_name_is_a_number_where_every_binding_gives_one(source: str, known: dict[str, Size]) -> None:
    """Whatever else may bind a name makes it unknown."""
    assert known_names(ast.parse(source).body) == known


@pytest.mark.parametrize(
    "source",
    [
        "range = str\nfor i in range(9): pass", "def range(n): return 'a'\nfor i in range(9): pass", "def f(range): pass\nfor i in range(9): pass",
        "from m import x as range\nfor i in range(9): pass", "try: pass\nexcept E as range: pass\nfor i in range(9): pass", "lambda range: 0\nwhile 0: 0",
        "x = 5\ndef f():\n    global x\n    x = 'a'\nwhile 0: 0", "def f():\n    x = 5\n    def g():\n        nonlocal x\n    while 0: 0", "x = 5\n(x := 'a')\nwhile 0: 0",
        "match 1:\n    case range: pass\nwhile 0: 0", "match 1:\n    case [*range]: pass\nwhile 0: 0", "with y as range: pass\nwhile 0: 0", "for range in x: pass", "[0 for range in x]",
        "class range: pass\nwhile 0: 0", "import range\nwhile 0: 0", "del range\nwhile 0: 0", "range += 1\nwhile 0: 0", "range: int = 1\nwhile 0: 0",
    ],
)  # fmt: skip
def test_what_statements_do_not_show_ends_the_looking(source: str) -> None:
    """Such a snippet is compiled as if nothing were known."""
    with pytest.raises(Uninferable):
        InferringLanguage().visit(ast.parse(source))
    assert compile_snippet(source, 1000).assumed == frozenset()


GROW = "for i in range(60):\n    {}\n'went on'"


@pytest.mark.parametrize(
    ("source", "inputs"),
    [
        ("x = x * 3\nfor i in range(99): x = x * 3", {"x": "a" * 10**6}),
        (GROW.format("x = x * x"), {"x": 3}),
        (GROW.format("i = i * i") + "\nfor i in 'ab': i * 9 ** 9", {"range": 5}),
        ("x = 2\nfor i in range(99): x *= x", {}),
        ("def f(x):\n    for i in range(99): x = x + x\nf('a' * 1000)", {}),
        ("x = 0\ndef f():\n    global x\n    x = 'a' * 1000\nf()\nfor i in range(99): x = x + x", {}),
        ("x = 0\nfor i in range(2): x = x + 1\n[x := 'a' * 1000]\nfor i in range(99): x = x + x", {}),
        (
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 'ab' * 1000\n    g()\n    for i in range(99): x = x + x\nf()",
            {},
        ),
        ("i = 'a' * 1000\n[0 for i in range(len(i * 10 ** 9))]\nfor j in range(1): 0", {}),
        ("for i in range(3): 0\n[i * 10 ** 9 for i in ['a' * 1000]]", {}),
        ("for i in range(3): 0\n[i * 10 ** 9 for j in range(2) for i in ['a' * 1000]]", {}),
        ("for i in range(3): 0\n[i * 10 ** 9 for i in range(2) for i in ['a' * 1000]]", {}),
        ("for i in range(3): 0\n(lambda i: i * 10 ** 9)('a' * 1000)", {}),
        ("for i in range(3): 0\ndef f(i): return i * 10 ** 9\nf('a' * 1000)", {}),
        ("for i in range(3): 0\n(i := 'a' * 1000)\ni * 10 ** 9", {}),
        ("range = lambda n: ['a' * 1000]\nfor i in range(3): i * 10 ** 9", {}),
        ("for range in [lambda n: ['a' * 1000]]:\n    for i in range(3): i * 10 ** 9", {}),
        ("def f(*range):\n    for i in range: i * 10 ** 9\nf('a' * 1000)\nfor i in range(3): 0", {}),
        ("class A:\n    x = 'a' * 1000\n    for i in range(99): x = x + x", {}),
        ("for x in range(3): pass\nfor x in ['a' * 1000]:\n    for i in range(99): x = x + x", {}),
    ],
)
def test_nothing_unguarded_can_grow(source: str, inputs: dict[str, object]) -> None:
    """An input, a global, a closure or another binding that makes a name something else is guarded all the same."""
    with pytest.raises(SnippetError) as caught:
        evaluate(source, inputs, Budget(memory_mb=16, wall_seconds=2))
    assert not isinstance(caught.value, SnippetStopped) or caught.value.limit in ("memory", "steps", "time")


def test_an_input_that_is_taken_for_a_number_is_not() -> None:
    """A snippet that adds to a name which it also sets gives what Python gives when the name is an input."""
    source = "if False: t = 0\nfor i in range(2): t += t\nt"
    assert evaluate(source, {"t": "ab"}).value == "abababab"
    assert evaluate(source, {"t": [1]}).value == [1, 1, 1, 1]
    assert evaluate(source, functions={"range": lambda n: ["x"] * n}, inputs={"t": 1}).value == 4

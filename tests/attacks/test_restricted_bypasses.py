"""Ways past the restricted tier that reviews have found, each closed for good: what lasted, what ran on, what grew, what crashed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.attacks.contained import attack
from tests.attacks.test_python_language import RUN

from ringfence.errors import SnippetError, SnippetRefused, SnippetStopped
from ringfence.restricted import evaluate

BOMB = "t = ()\nfor i in range(60): t = (t, t)\n"
ENDLESS_TIME: dict[str, str] = {
    "iteration of an own class by a library's iterator": "import itertools\nclass A:\n    def __iter__(self): return itertools.count()\n-1 in A()",
    "index of a range": "range(10 ** 15).index(1.5)",
    "a float in a range": "1.5 in range(10 ** 9)",
    "count of a range": "range(10 ** 15).count(1.5)",
    "keys and an endless iterator": "import itertools\n{}.keys() & itertools.count()",
    "keys or an endless iterator": "import itertools\n{}.keys() | itertools.count()",
    "keys and a long range": "{}.keys() ^ range(10 ** 12)",
    "items of heavy values": BOMB + "{1: t}.items() | set()",
    "items disjoint": BOMB + "{1: t}.items().isdisjoint({1, 2, 3})",
    "a file name in an error": BOMB + "str(OSError(1, 'x', [t]))",
    "an uncaught error with a file name": BOMB + "raise OSError(1, 'x', [t])",
    "a set of long texts": "A = 'a' * 4000000\nB = A[:-1] + A[-1]\nset([A, B] * 100000)",
    "long texts in a list": "A = 'a' * 4000000\nB = A[:-1] + A[-1]\nA in [B] * 500000",
    "counting long texts": "A = 'a' * 4000000\nB = A[:-1] + A[-1]\n([B] * 100000).count(A)",
    "the largest of long texts": "A = 'a' * 4000000\nB = A[:-1] + A[-1]\nmax([A, B] * 100000)",
    "keys of long texts": "A = 'a' * 4000000\nB = A[:-1] + A[-1]\ndict.fromkeys([A, B] * 30000)",
    "a set of large integers": "x = 3 ** 40000\nset([x] * 2000000)",
    "a sum of large integers": "x = 3 ** 40000\nsum([x] * 2000000)",
    "sorting large integers": "x = 3 ** 40000\ny = x + 1\nsorted([x, y] * 600000)",
    "sorting by long texts": "M = ['a' * 4000000, 'a' * 3999999 + 'b']\nsorted(range(4000), key=lambda i: M[i % 2])",
    "counters of heavy keys": "from collections import Counter\n" + BOMB.replace("60", "16") + "while True: Counter([t]) + Counter([t])",
    "dicts of heavy keys": BOMB.replace("60", "16") + "a, b = {t: 1}, {t: 2}\nwhile True: a | b",
    "sets of heavy keys": BOMB.replace("60", "16") + "a, b = {t}, {t}\nwhile True: a & b",
    "stripping": "('a' * 4000000).strip('b' * 4000000 + 'a')",
    "stripping a short text": "while True: ('a' * 4000).strip('b' * 4000000 + 'a')",
    "a large base": "x = 3 ** 40000\nwhile True: pow(x, 2, (1 << 65000) + 1)",
    "a large comprehension condition": "x = 1\n[0 for i in range(10 ** 7) if " + " or ".join(["(-x == 0)"] * 6000) + "]",
    "a large lambda": "x = 1\nf = lambda: " + " or ".join(["(-x == 0)"] * 6000) + "\nwhile True: f()",
    "a large test": "x = 1\nwhile not (" + " or ".join(["(-x == 0)"] * 6000) + "): pass",
}  # fmt: skip
ENDLESS_MEMORY: dict[str, str] = {
    "a slice object as a key": "import itertools\nclass G:\n    def __getitem__(self, k): return k\ns = G()[:]\nl = []\nl[s] = itertools.count()",
    "a long range by a slice object": "class G:\n    def __getitem__(self, k): return k\ns = G()[:]\nl = []\nl[s] = range(10 ** 8)",
    "copies by a slice object": "class G:\n    def __getitem__(self, k): return k\ns = G()[:]\nL = [0] * 100000\nx = []\nwhile True: x.append([L[s], L[s], L[s], L[s]])",
    "slice objects through operator": "import operator\nclass G:\n    def __getitem__(self, k): return k\noperator.setitem([], G()[:], range(10 ** 8))",
    "a star in a pattern": "match range(10 ** 8):\n    case [a, *b]: pass",
    "tabs": "('\\t' * 300000).expandtabs(4096)",
    "many widths": "('%9999d' * 20000) % ((1,) * 20000)",
    "text by text": "t = '\\U0001f600' * 2000\nu = t + 'a'\n[[t + u, t + u, t + u, t + u, t + u, t + u, t + u, t + u] for _ in range(100000)]",
    "slice by slice": "L = [0] * 4096\n[[L[:], L[:], L[:], L[:], L[:], L[:]] for _ in range(100000)]",
    "digit by digit": "[bin(1 << 65000) for _ in range(100000)]",
    "set by set": "s = set(range(4000))\n[set(s) for _ in range(100000)]",
    "part by part": "t = 'a ' * 2000\n[[t.split(), t.split(), t.split(), t.split()] for _ in range(100000)]",
    "generator by generator": "import random\n[[random.Random(), random.Random(), random.Random()] for _ in range(100000)]",
    "displays in displays": "x = 1\n[[" + ", ".join(["[" + ", ".join(["-x"] * 60) + "]"] * 90) + "] for _ in range(10 ** 6)]",
}  # fmt: skip


@pytest.mark.parametrize("how", ENDLESS_TIME)
def test_it_ends_with_the_time(how: str) -> None:
    """What compares, hashes, searches or evaluates without end is paid for before it begins."""
    ended = attack(ENDLESS_TIME[how])
    assert ended.error is not None


@pytest.mark.parametrize("how", ENDLESS_MEMORY)
def test_it_ends_with_the_memory(how: str) -> None:
    """What grows is counted, or seen in time: no more than 64 MB above the start."""
    ended = attack(ENDLESS_MEMORY[how])
    assert ended.error is not None


REFUSED = {
    "a native __exit__": "class C:\n    __enter__ = Exception\n    __exit__ = Exception\nwith C():\n    while True: pass\n'done'",
    "a native __getitem__": "from typing import Any\nclass A:\n    __getitem__ = Any\n1 in A()",
    "a native __next__": "class B:\n    __next__ = int\n    def __iter__(self): return self\n5 in B()",
    "a partial __getitem__": "import operator\nfrom functools import partial\nclass A:\n    __getitem__ = partial(operator.getitem, range(10 ** 15))\n-1 in A()",
    "a native static __exit__": "class C:\n    def __enter__(self): return 1\n    __exit__ = staticmethod(max)\nwith C(): 1 / 0",
    "__index__": "class I:\n    def __index__(self): return 10 ** 9\nround(5, I())",
    "a private method of a type": "from fractions import Fraction\nFraction._mul",
    "a property of a type": "from fractions import Fraction\nFraction.numerator.fget",
    "the dict of a class": "class A: pass\nA.__dict__",
    "the dict of super": "class A:\n    def f(self): return super().__dict__\nA().f()",
    "the dict of a library's class": "import abc\nabc.ABCMeta.__dict__",
    "a codec that loads a module": "'x'.encode('cp1125')",
    "a slow codec": "(b'a' * 200000 + b'-' + b'a' * 400000).decode('punycode', 'ignore')",
    "a long error handler": "('\\xe4' * 6000000).encode('ascii', 'namereplace')",
    "a documentation that is no text": "def f(): pass\nf.__doc__ = [1]",
    "a record of special fields": "import dataclasses\n@dataclasses.dataclass\nclass R:\n    __str__: int",
    "a record of frames": "import dataclasses\n@dataclasses.dataclass\nclass R:\n    gi_frame: int",
    "__init__ of a record for another object": "import dataclasses, json\n@dataclasses.dataclass\nclass R:\n    x: int\nR.__init__(json.JSONDecodeError, 1)",
    "__repr__ of a record for another object": "import dataclasses\n@dataclasses.dataclass\nclass R:\n    x: int\nR.__repr__((1).real)",
    "__eq__ of a record for another object": "import dataclasses\n@dataclasses.dataclass\nclass R:\n    x: int\nR.__eq__(ValueError(), ValueError())",
    "__setattr__ of a frozen record": "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass R:\n    x: int\ngetattr(R, '__setattr__')(len, 'y', 1)",
    "shuffling an own object": "import random\nclass A:\n    def __len__(self): return 2 ** 62\n    def __getitem__(self, i): return 1\n    def __setitem__(self, i, v): pass\nrandom.shuffle(A())",
    "wrapping an own object": "import textwrap\nclass T:\n    def expandtabs(self, n): return 'a' * 9\ntextwrap.wrap(T())",
    "a heavy key in a pattern": "class K: x = 1\nmatch {1: 1}:\n    case {K.x: v}: pass",
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_it_is_not_offered(how: str) -> None:
    """What leads past a guard is refused when compiled or ends the evaluation, whatever catches exceptions around it."""
    with pytest.raises((SnippetRefused, SnippetStopped)) as caught:
        evaluate(REFUSED[how])
    assert getattr(caught.value, "limit", "offer") == "offer"


@pytest.mark.parametrize(
    "source",
    [
        "def g():\n    try: yield\n    finally:\n        while True: pass\ni = g()\nnext(i)\ni.close()\n'done'",
        "class C:\n    def __enter__(self): return 1\n    def __exit__(self, *a): return True\nwith C():\n    while True: pass\n'done'",
        "class C:\n    def __enter__(self): return 1\n    def __exit__(self, *a): return True\nwith C():\n    getattr(1, '__class_' + '_x__')\n'done'",
        "x = (y for y in [1] if [0 for i in range(10 ** 9)])\ntry: next(x)\nfinally: x.close()\n'done'",
    ],
)
def test_no_value_leaves_a_run_that_was_stopped(source: str) -> None:
    """A generator that is closed and a context manager may swallow the exception; there is no value all the same."""
    assert attack(source).limit in ("steps", "time", "memory", "offer")


def test_classes_of_the_host_stay_as_they_are() -> None:
    """A record's `__init__` was a `setattr` on anything."""
    for field in ("__str__", "__new__", "__get__", "keep"):
        source = f"import dataclasses, json\n@dataclasses.dataclass\nclass R:\n    {field}: int\nR.__init__(json.JSONDecodeError, Exception)"
        with pytest.raises(SnippetError):
            evaluate(source)
        assert field.startswith("__") or not hasattr(json.JSONDecodeError, field)
    assert str(json.JSONDecodeError("m", "d", 0)) == "m: line 1 column 1 (char 0)"


CRASHES = {
    "a live dict of a class": "class A:\n    def f(self): return 1\nclass X:\n    def __eq__(self, o): self.d = o; return True\nx = X()\nA.__dict__ == x\na = A()\n"
    "for i in range(3000): a.f()\nx.d.pop('f')\nl = [lambda: i for i in range(1000)]\nfor i in range(3000): a.f()",
    "documentation": "def f(): pass\np = None\nfor i in range(200000):\n    def f(): pass\n    f.__doc__ = p\n    p = f\nf = p = 1",
    "items of deep values": "t = ()\nfor i in range(300000): t = (t,)\n{1: t}.items() | set()",
    "a deep key of a pattern": "t = ()\nfor i in range(200000): t = (t,)\nclass K: x = t\nmatch {1: 1}:\n    case {K.x: v}: pass",
}  # fmt: skip


@pytest.mark.parametrize("how", CRASHES)
def test_the_process_lives(how: str) -> None:
    """Each of these ended the process; each runs in one of its own."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, CRASHES[how]], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.endswith("alive\n")

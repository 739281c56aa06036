"""What a source may cost the scanner: attacks on its time and memory end in an answer, or in a problem that denies the source.

`test_robust.py` takes the collection of the benchmark, which hurts parsers; the sources here hurt what comes after them, where values,
candidates and places multiply. The one idea: work is counted and not timed, so each ends the same way on every machine.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib

import pytest

from ringfence.scanning import Language, scan
from ringfence.scanning.scanner import MOST_BYTES
from ringfence.threat import ThreatLevel

TOO_MUCH = {"too-long", "too-deep", "unparsed"}
"""The problems that stand for more than the scanner follows."""


def series(line: str, count: int) -> str:
    """Return a line many times, with its number for `@` and the number before for `%`."""
    return "".join(line.replace("@", str(n)).replace("%", str(n - 1)) for n in range(1, count + 1))


def nested(opening: str, depth: int, inner: str) -> str:
    """Return a block in a block in a block of Python."""
    return (
        "".join(" " * level + opening.replace("@", str(level)) + "\n" for level in range(depth))
        + " " * depth
        + inner
    )


PACKED = base64.b64encode(zlib.compress(bytes(10_000_000), 9)).decode()

LARGE_VALUES = {
    "list of lists of lists": "x0 = [1] * 60000\nx1 = [x0] * 60000\nx2 = [x1] * 60000\nos.system(str(x2))\n",
    "long text in a list": "x0 = 'a' * 60000\nx1 = [x0] * 60000\nos.system(str(x1))\n",
    "long text in a tuple": "x0 = 'a' * 60000\nx1 = (x0,) * 60000\nos.system(repr(x1))\nos.system(f'{x1}')\nos.system('%s' % [x1])\n",
    "hash of nested tuples": "x = ((1,) * 60000,) * 60000\nif a: y = x\nelse: y = 'a'\nopen(y)\n",
    "comparison of nested tuples": "x0 = (1,) * 60000\nif a: y = (x0,) * 60000\nelse: y = (x0,) * 60000\nos.system(y)\n",
    "sorting of nested tuples": "x0 = (1,) * 60000\nos.system(sorted([x0] * 60000))\n",
    "list that doubles": "x = [1]\n" + "x = [x, x]\n" * 60 + "os.system(str(x))\n",
    "text that doubles": "x0 = 'ab'\n" + series("x@ = x% + x%\n", 3000) + "os.system(x3000)\n",
    "sum of tuples": "os.system(str(sum([(1,) * 10] * 65000, ())))\n",
    "joined numbers": "os.system(''.join(map(str, range(65000))))\n" * 2000,
    "repeated list": "x = [1, 2] * 30000\n" + "os.system(str(x))\n" * 2500,
    "enumerated text": "os.system(str(list(enumerate('a' * 65000))))\n" * 200,
    "split text": "os.system(str(('a ' * 32000).split()))\n" * 500,
    "split command": "import shlex\n" + "os.system(shlex.split('a ' * 32000))\n" * 200,
    "spread lists": "os.system(" + ", ".join(["*['a'] * 60000"] * 1000) + ")\n",
    "filled text": "os.system('a'.zfill(65536))\nos.system('\\t'.expandtabs(65536))\nos.system('b' * 65536)\n",
    "replaced text": "os.system(('a' * 65000).replace('', 'b' * 65))\n" * 500,
    "joined long texts": "os.system(('a' * 65000).join(['a'] * 64))\n" * 100,
    "power of a power": "os.system(str(2 ** 2 ** 2 ** 2 ** 2 ** 2))\nos.system(str(2 << 100000000))\n",
    "width by an argument": "os.system('%*d' % (10 ** 9, 1))\nos.system('{:>{}}'.format('a', 10 ** 9))\n",
    "bombs": "import zlib, base64\n" + series(f"exec(zlib.decompress(base64.b64decode('{PACKED}')))  # @\n", 5),
    "comprehension over a long text": f"os.system(''.join([chr(ord(c) ^ 1) for c in '{'a' * 60000}']))\n",
    "comprehensions in a comprehension": "t = 'abcdefghij' * 40\nos.system([[[c + d + e for c in t] for d in t] for e in t])\n",
    "pickle of many steps": "import pickle\npickle.loads(b'" + "K\\x01" * 15000 + "')\n",
}  # fmt: skip
"""Python that makes one value out of little text."""

MANY_CANDIDATES = {
    "branches that agree": "if x: c = 'ls'\nos.system(c)\n" * 1500,
    "branches that differ": series("if a@: c = 'x@'\n", 4500) + "os.system(c)\n",
    "loops around uses": "for i in x:\n  os.system(c)\n  c = '1'\n" * 1500,
    "loops before uses": "for i in x:\n  pass\n" * 1500 + "if a: c = '1'\nos.system(c)\nc = '2'\n" * 1000,
    "lambdas of one name": "f = lambda x: os.system(x)\nf('ls')\n" * 1200,
    "lambdas of many names": series("f@ = lambda x: os.system(x)\nf@('ls')\n", 2000),
    "calls of one function": "def f(a):\n  os.system(a)\n" + "f('ls')\n" * 12000,
    "chain of functions": series("def f%(a): f@(a)\n", 3000) + "def f3000(a): os.system(a)\nf0('ls')\n",
    "tree of functions": series("def f%(a):\n  f@(a + 'x')\n  f@(a + 'y')\n", 1500) + "def f1500(a): os.system(a)\nf0('')\n",
    "tree of results": series("def f%(): return f@() + f@()\n", 80) + "def f80(): return 'a'\nos.system(f0())\n",
    "functions that call each other": "def a(x): return b(x) + b(x) + a(x)\ndef b(x): return a(x) + b(x)\nos.system(a('x'))\n",
    "functions within functions": nested("def f@(x):", 95, "os.system(x)\n"),
    "classes within classes": nested("class A@:", 95, "c = os.system('ls')\n"),
    "alternatives multiplied": "if a: x = '1'\nelif b: x = '2'\nelse: x = '3'\nos.system(" + " + ".join(["x"] * 8000) + ")\n",
    "alternatives in a chain": series("c@ = c% if a else c%\n", 3000) + "os.system(c3000)\n",
    "aliases": "c0 = os.system\n" + series("c@ = c%\n", 6000) + "c6000('ls')\n",
    "dictionary by an unknown key": "d = {" + series("@: 'x@', ", 256) + "}\n" + "os.system(d[k])\n" * 500,
    "parameters": "def f(" + series("a@, ", 1000) + "):\n" + series(" os.system(a@)\n", 1000) + "f(" + "'ls', " * 1000 + ")\n",
    "fields": series("x.a = 'ls@'\n", 1500) + "os.system(x.a)\n" * 500,
    "dotted import": "import a" + ".os" * 10000 + " as x\nx.system('ls')\n",
    "endless loops": "while True:\n" + " while True: x.append(a)\n" * 3500,
    "decorators": "@f\n" * 20000 + "def g(): pass\n",
    "patterns": "match x:\n" + " case {'a': [a, b, {'c': d}]}: pass\n" * 2500,
    "growing in a loop": "s = ''\nfor i in x:\n" + "  s += 'a'\n" * 9000 + "os.system(s)\n",
    "evaluated texts": series("exec('a' * @)\n", 3000),
    "evaluated long texts": series("exec('x=1;' * (9000 + @))\n", 300),
    "long commands": series("os.system('ls @; ' * (900 + @))\n", 2000),
    "text that evaluates itself": "s = 'exec(s)'\nexec(s)\n",
    "magics": "!ls\n" * 5000,
}  # fmt: skip
"""Python in which one use has many possible values, or one value many uses."""

SHELL = {
    "assignments and uses": "c=ls\n" + series("c=$c@\n$c\n", 4000),
    "variable that doubles": "x0=ab\n" + series("x@=$x%$x%\n", 500) + "$x500\n",
    "function that calls itself twice": "f() { f; f; }\nf\n",
    "functions in a chain": series("f%() { f@; f@; }\n", 3000) + "f0\n",
    "loops in loops": "for a in 1 2 3; do " * 2000 + "ls; " + "done; " * 2000 + "\n",
    "braces multiplied": "echo " + "{a,b,c,d}" * 9000 + "\n",
    "numbers in braces": "echo {1..99999999}{1..99999999}\n",
    "aliases": "alias a0=ls\n" + series("alias a@=a%\n", 5000) + "a5000\n",
    "shells in shells": "eval " * 6000 + "ls\n",
    "decoded again and again": "echo " + "a" * 1000 + " | base64 -d" * 8000 + " | sh\n",
    "substitutions side by side": "echo $(ls) `ls`" * 2500 + "\n",
    "replacements": "x=a\n" + "x=${x//a/aaaaaaaaaa}\n" * 4000 + "$x\n",
    "arithmetic": "echo $((" + "9**" * 25000 + "9))\n",
    "printed width": "printf '%999999999s' a | sh\n",
}

JAVASCRIPT = {
    "text that doubles": "let x0 = 'ab';\n" + series("let x@ = x% + x%;\n", 2000) + "eval(x2000);\n",
    "array in an array": "const x0 = 'a'.repeat(60000);\n" + series("const x@ = Array(60000).fill(x%).join('');\n", 50) + "eval(x50);\n",
    "aliases": "const f0 = require('child_process').exec;\n" + series("const f@ = f%;\n", 4000) + "f4000('ls');\n",
    "tree of functions": series("function f%(a) { return f@(a + 'x') + f@(a + 'y'); }\n", 1500) + "f0('');\n",
    "functions within functions": "function f(){" * 5000 + "g()" + "}" * 5000,
    "alternatives multiplied": "const x = a ? '1' : '2';\neval(" + " + ".join(["x"] * 8000) + ");\n",
    "assignments and uses": "let c = '1';\n" + "if (a) c = '2';\neval(c);\n" * 2000,
    "evaluated texts": series("eval('x = @');\n", 3000),
    "chain of calls": "x" + ".a()" * 8000,
    "replacements": "let x = 'a';\n" + "x = x.replaceAll('a', 'aaaaaaaaaa');\n" * 1200 + "eval(x);\n",
    "spread arrays": "const x0 = [1];\n" + series("const x@ = [...x%, ...x%];\n", 1500) + "eval(x1500.join());\n",
    "templates": "let x0 = 'ab';\n" + series("let x@ = `${x%}${x%}`;\n", 2500) + "eval(x2500);\n",
    "power": "eval(String(9n ** 9n ** 9n ** 9n));\n",
}  # fmt: skip

SQL = {
    "queries within queries": "SELECT * FROM (" * 3000 + "SELECT 1" + ") AS t" * 3000,
    "queries that refer to each other": "WITH t0 AS (SELECT 1)" + series(", t@ AS (SELECT * FROM t% a, t% b)", 2000) + " SELECT * FROM t2000",
    "conditions": "SELECT a FROM t WHERE " + " OR ".join(["(a = 1 AND b = 2)"] * 2000),
    "texts put together": "SELECT " + " || ".join(["'a'"] * 10000),
    "executed texts": "EXECUTE '" + "EXECUTE ''" * 5000 + "'",
    "statements": series("SELECT c@ FROM t@;\n", 2000),
    "exists within exists": "SELECT 1 WHERE EXISTS (" * 2500 + "SELECT 1" + ")" * 2500,
    "huge number": "SELECT 1e" + "9" * 90000,
    "comments within comments": "SELECT /*" * 9000 + "*/" * 9000,
}  # fmt: skip

PATHS = {
    "up and down": "a/../" * 800 + "../etc/passwd",
    "far up": "../" * 1300 + "etc/passwd",
    "encoded again and again": "%" + "25" * 2000 + "2e/etc/passwd",
    "homes": "~root/" * 600,
    "long name": "/etc/" + "a" * 4000,
    "separators of both kinds": "\\/" * 2000,
    "variables within variables": "${" * 1000 + "HOME" + "}" * 1000,
    "longer than any path": "a/../" * 20000 + "../etc/passwd",
}

URLS = {
    "user names": "http://" + "a@" * 4000 + "b.example",
    "parts of a host": "http://" + "a." * 4000 + "example",
    "parts of a number": "http://" + "1." * 4000 + "1",
    "long octal number": "http://0" + "7" * 8000,
    "parts of IPv6": "http://[" + "0:" * 4000 + "1]/",
    "climbing path": "http://a.example/" + "../" * 2600,
    "addresses within an address": "http://a.example/?u=" * 400,
    "encoded again and again": "http://a.example/%" + "25" * 4000 + "41",
    "punycode": "http://xn--" + "a" * 8000 + ".example/",
    "longer than any address": "http://" + "a@" * 45000 + "b.example",
}

PYTHON = {name: f"import os\n{source}" for name, source in {**LARGE_VALUES, **MANY_CANDIDATES}.items()}
COLLECTIONS = {
    Language.PYTHON: PYTHON,
    Language.SHELL: SHELL,
    Language.JAVASCRIPT: JAVASCRIPT,
    Language.SQL: SQL,
    Language.PATH: PATHS,
    Language.URL: URLS,
}

ATTACKS = {
    Language.PYTHON: "os.system('rm -rf /')\n",
    Language.SHELL: "\nrm -rf /\n",
    Language.JAVASCRIPT: "\n;require('child_process').execSync('rm -rf /');\n",
    Language.SQL: ";\nDROP TABLE users;\n",
}
"""What an attacker would put behind a source that wears the scanner out."""


def check_is_denied_in_order(problem: tuple[str, str]) -> None:
    """Fail unless a problem is one that stands for too much work."""
    kind, message = problem
    assert kind in TOO_MUCH, message
    assert not message.startswith("the analyser failed")


@pytest.mark.parametrize(
    ("language", "source"),
    [
        pytest.param(language, source, id=f"{language}-{name}")
        for language in ATTACKS
        for name, source in COLLECTIONS[language].items()
    ],
)
def test_much_work_hides_no_attack(language: Language, source: str) -> None:
    """An attack behind a source that costs much is found, or the whole is denied as too long, too deep or unreadable."""
    report = scan(source + ATTACKS[language], language, most_bytes=2 * MOST_BYTES)
    assert report.level >= ThreatLevel.HIGH
    if report.problem is not None:
        check_is_denied_in_order(report.problem[:2])


SCAN_WITHIN = """
import json, sys
from ringfence.scanning import scan
if sys.platform == "linux":
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
problems = {name: scan(source, sys.argv[1]).problem for name, source in json.load(sys.stdin).items()}
json.dump({name: problem and problem[:2] for name, problem in problems.items()}, sys.stdout)
"""


@pytest.mark.parametrize("language", Language, ids=str)
def test_one_gigabyte_of_memory_is_enough(language: Language) -> None:
    """A process of 1 GB scans all of them one after another and survives; what it finds too deep is so with more memory as well."""
    sources = COLLECTIONS[language]
    done = subprocess.run(
        [sys.executable, "-c", SCAN_WITHIN, language],
        input=json.dumps(sources),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    problems = json.loads(done.stdout)
    assert problems.keys() == sources.keys()
    for name in filter(problems.get, problems):
        check_is_denied_in_order(problems[name])
        if problems[name][0] == "too-deep":  # so ends a lack of memory, too
            again = scan(sources[name], language).problem
            assert again is not None
            assert list(again[:2]) == problems[name]

"""The sources that the scanner's speed is measured on: a snippet as an agent writes it, ordinary text of any size, and hostile input.

All of it is made here or comes with every Python. The one idea: a hostile input costs its author one line and must not cost the scanner
more than honest text of the largest size, so each language has its own collection of what hurts parsers and folders of constants.
"""

from __future__ import annotations

import base64
import sysconfig
import zlib
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.scanning import Language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST = 100 * 1024
"""The largest source that a profile takes by default, in bytes."""
_SAMPLE = 1_500_000

SNIPPET = """\
import csv
import json
from datetime import date
from pathlib import Path

import requests

BASE = "https://api.example.com/v2"
OUTPUT = Path("output") / "orders.csv"


def fetch(page: int, size: int = @) -> list[dict]:
    answer = requests.get(f"{BASE}/orders", params={"page": page, "size": size}, timeout=20)
    answer.raise_for_status()
    return [row for row in answer.json()["orders"] if row.get("state") != "void"]


def total(rows: list[dict]) -> float:
    return round(sum(row["price"] * row["count"] for row in rows), 2)


rows = []
for page in range(1, 6):
    found = fetch(page)
    if not found:
        break
    rows.extend(sorted(found, key=lambda row: row["id"]))
OUTPUT.parent.mkdir(exist_ok=True)
with OUTPUT.open("w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, fieldnames=["id", "name", "price", "count"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
summary = {"date": date.today().isoformat(), "orders": len(rows), "total": total(rows)}
Path("output/summary.json").write_text(json.dumps(summary, indent=2))
print("%d orders, %.2f in all" % (len(rows), summary["total"]))
"""
"""35 lines of code with their blank ones, as an agent writes them; the sign `@` stands for a constant that makes each text new."""


def snippets() -> Callable[[], str]:
    """Return a function that gives the snippet with another constant each time."""
    numbers = count(20)
    before, _, after = SNIPPET.partition("@")
    return lambda: f"{before}{next(numbers)}{after}"


def standard_library() -> list[str]:
    """Return modules of the standard library of at most 100 KB, in the order of their names spread over the alphabet, about 1.5 MB in all."""
    folder = Path(sysconfig.get_path("stdlib"))
    paths = sorted(path for path in folder.glob("*.py") if 1000 < path.stat().st_size <= LARGEST)
    paths += sorted(path for path in folder.glob("[ceh]*/*.py") if 1000 < path.stat().st_size <= LARGEST)
    texts, size = [], 0
    for path in (*paths[::2], *paths[1::2]):
        text = path.read_text(encoding="utf-8", errors="replace")
        if size + len(text) <= _SAMPLE and "site-packages" not in path.parts:
            texts.append(text)
            size += len(text)
    return texts


_ORDINARY: Mapping[Language, str] = {
    Language.PYTHON: (
        "def load_@(path, limit=@):\n"
        "    rows = []\n"
        "    with open(f'input/{path}-@.csv') as file:\n"
        "        for line in file:\n"
        "            name, value = line.split(',')[:2]\n"
        "            rows.append({'name': name.strip(), 'value': float(value) * 1.5 + limit})\n"
        "    return sorted(rows, key=lambda row: row['value'])[:limit]\n\n"
    ),
    Language.SHELL: (
        'name_@="report-@"\n'
        'if [ -f "input/$name_@.csv" ]; then\n'
        "  grep -v '^#' \"input/$name_@.csv\" | sort -u | awk -F, '{ print $1, $2 }' > \"output/$name_@.txt\"\n"
        "fi\n"
        'for file in output/*.txt; do wc -l "$file"; done\n'
    ),
    Language.JAVASCRIPT: (
        "function load@(rows, limit = @) {\n"
        "  const kept = rows.filter((row) => row.value > limit).map((row) => ({ ...row, name: `${row.name}-@` }));\n"
        "  for (const row of kept) { row.total = row.count * row.price + limit; }\n"
        "  return kept.sort((a, b) => a.total - b.total);\n"
        "}\n"
    ),
    Language.SQL: "SELECT o.id, o.name, SUM(o.price * o.count) AS total_@ FROM orders_@ AS o JOIN customers AS c ON c.id = o.customer WHERE o.year = @ AND c.state IN ('a', 'b') GROUP BY o.id, o.name;\n",
    Language.PATH: "folder-@/",
    Language.URL: "part-@=value%20@&",
}


def ordinary(language: Language, size: int) -> str:
    """Return honest text of about so many characters, made of the same few lines with other names."""
    text, number = "https://example.com/search?" if language is Language.URL else "", 0
    parts = [text]
    length = len(text)
    while True:
        part = _ORDINARY[language].replace("@", str(number))
        length += len(part)
        if length > size:
            return "".join(parts)
        parts.append(part)
        number += 1


def hostile(language: Language) -> dict[str, str]:
    """Return the inputs that are made to hurt, by name, each of at most 100 KB."""
    return _HOSTILE[language]()


def _nest(opening: str, closing: str, inner: str = "1", depth: int = 10_000) -> str:
    depth = min(depth, (LARGEST - len(inner)) // (len(opening) + len(closing)))
    return opening * depth + inner + closing * depth


def _series(line: str, most: int = 10_000) -> str:
    """Return a text of lines in which `@` is the line's number and `%` the number before."""
    parts, size = [], 0
    for number in range(1, most + 1):
        part = line.replace("@", str(number)).replace("%", str(number - 1))
        size += len(part)
        if size > LARGEST - 100:
            break
        parts.append(part)
    return "".join(parts)


def _wrapped(layers: int) -> str:
    """Return base64 of base64 of ... a word."""
    inner = b"print(1)"
    for _ in range(layers):
        inner = base64.b64encode(inner)
    return inner.decode()


def _bomb(size: int = 60_000_000) -> str:
    """Return base64 of so many compressed null bytes, made in pieces, so that the peak of memory stays the scanner's."""
    packer, piece = zlib.compressobj(9), bytes(100_000)
    packed = b"".join([*(packer.compress(piece) for _ in range(size // len(piece))), packer.flush()])
    return base64.b64encode(packed).decode()


def _python() -> dict[str, str]:
    layers = 20
    return {
        "parentheses": _nest("(", ")"),
        "calls": _nest("f(", ")"),
        "lists": _nest("[", "]"),
        "some lists": _nest("[", "]", depth=90),
        "unary operators": "x = " + "-" * 50_000 + "1",
        "nots": "x = " + "not " * 20_000 + "1",
        "attributes": "x" + ".a" * 40_000,
        "subscripts": "x" + "[0]" * 30_000,
        "lambdas": "lambda: " * 10_000 + "1",
        "concatenations": "x = " + " + ".join(['"a"'] * 10_000),
        "concatenation by name": "x0 = 'os.'\n" + _series("x@ = x% + 'a'\n"),
        "doubling": "x0 = 'ab'\n" + _series("x@ = x% + x%\n", 200) + "exec(x200)\n",
        "multiplying": "x = 'a' * 10 ** 9 * 10 ** 9\nexec(x)\n",
        "power": "x = 9 ** 9 ** 9 ** 9\n",
        "shift": "x = 1 << 10 ** 12\n",
        "format width": "x = '%999999999d' % 1 + f'{1:>999999999}' + '{:>999999999}'.format(1)\nexec(x)\n",
        "replacing": "x0 = 'a' * 100\n" + _series("x@ = x%.replace('a', 'aaaaaaaaaa')\n", 100) + "exec(x100)\n",
        "joining": "x0 = 'ab'\n" + _series("x@ = x%.join([x%, x%, x%])\n", 100) + "exec(x100)\n",
        "huge string": "x = '" + "a" * 100_000 + "'\nexec(x)\n",
        "huge integer": "x = " + "9" * 100_000,
        "aliases": "import os\nf0 = os.system\n" + _series("f@ = f%\n") + "f1('ls')\n",
        "aliases of all": "import os\n" + _series("a@ = os\nb@ = a@.system\nb@('ls')\n"),
        "imports": _series("import os as a@\n"),
        "functions": _series("def f@(x): return f%(x)\n"),
        "nested functions": "".join(" " * depth + f"def f{depth}():\n" for depth in range(99)) + " " * 99 + "pass\n",
        "functions that call twice": _series("def f@(x): return f%(x) + f%(x)\n", 2000) + "exec(f2000('a'))\n",
        "elif chain": "if x == 0: pass\n" + _series("elif x == @: y = '@'\n"),
        "branches": _series("if a: x = 'a@'\nelse: x = 'b@'\n"),
        "ternaries": "x = " + "1 if a else " * 8_000 + "2",
        "f-string parts": "x = f'" + "{a}b" * 10_000 + "'\nexec(x)\n",
        "comprehensions": _nest("[x for x in ", "]", "y", 5_000),
        "dictionary": "x = {" + _series("'k@': 'v%', ") + "}\nexec(x['k1'])\n",
        "arguments": "f(" + _series("a@=%, ") + ")",
        "base64 in base64": "import base64\nexec(" + "base64.b64decode(" * layers + f"'{_wrapped(layers)}'" + ")" * layers + ")\n",
        "evals in evals": "eval(" * 90 + "'1'" + ")" * 90,
        "zlib bomb": f"import zlib, base64\nexec(zlib.decompress(base64.b64decode('{_bomb()}')))\n",
        "zlib bombs": "import zlib, base64\nx = base64.b64decode('" + _bomb(2_000_000) + "')\n" + _series("exec(zlib.decompress(x))  # @\n", 2000),
        "null bytes": "x = 1\0" * 10_000,
        "surrogates": "x = '\ud800'\n" * 5_000,
        "open brackets": "(" * 100_000,
    }  # fmt: skip


def _shell() -> dict[str, str]:
    return {
        "substitutions": "echo " + _nest("$(echo ", ")"),
        "subshells": _nest("(", ")", "ls"),
        "arithmetic": "echo " + _nest("$((", "))"),
        "groups": _nest("{ ", "; }", "ls"),
        "expansions": "echo " + _nest("${a:-", "}"),
        "ifs": _nest("if true; then ", " fi;", "ls;"),
        "pipes": "ls" + " | cat" * 15_000,
        "and chain": "ls" + " && ls" * 15_000,
        "words": "echo" + " a" * 50_000,
        "huge word": "echo " + "a" * 100_000,
        "variables": "x0=a\n" + _series("x@=$x%\n") + "eval $x1\n",
        "doubling": "x0=ab\n" + _series("x@=$x%$x%\n", 200) + "eval $x200\n",
        "braces": "echo {1..999999999}" + "{a,b}" * 5_000,
        "globs": "ls " + "*" * 50_000,
        "sh in sh": 'sh -c "' * 20 + "ls" + '"' * 20,
        "wrappers": "sudo env nohup " * 5_000 + "ls",
        "here-documents": _series("cat <<E@\n$(ls)\nE@\n"),
        "base64": "echo " + base64.b64encode(b"echo a\n" * 8_000).decode() + " | base64 -d | sh\n",
        "base64 in base64": f"echo {_wrapped(20)}" + " | base64 -d" * 20 + " | sh\n",
        "functions": _series("f@() { f%; }\n") + "f1\n",
        "cases": "case $x in " + _series("a@) ls;; ") + " esac",
        "quotes": "'\"`" * 30_000,
        "backticks": "`" * 100_000,
        "null bytes": "ls\0" * 10_000,
    }


def _javascript() -> dict[str, str]:
    return {
        "parentheses": _nest("(", ")"),
        "calls": _nest("f(", ")"),
        "arrays": _nest("[", "]"),
        "objects": "x = " + _nest("{a:", "}"),
        "blocks": _nest("{", "}", "f()"),
        "functions": _nest("function f(){", "}", "f()", 5_000),
        "arrows": "x = " + "() => " * 10_000 + "1",
        "unary operators": "x = " + "!" * 50_000 + "1",
        "members": "x" + ".a" * 40_000,
        "concatenations": "x = " + " + ".join(['"a"'] * 10_000),
        "doubling": "let x0 = 'ab';\n" + _series("let x@ = x% + x%;\n", 200) + "eval(x200);\n",
        "repeating": "eval('a'.repeat(1e9).repeat(1e9));\n",
        "padding": "eval('a'.padStart(1e9));\n",
        "huge string": "eval('" + "a" * 100_000 + "')",
        "huge integer": "x = " + "9" * 100_000,
        "templates": "x = " + _nest("`${", "}`"),
        "template parts": "eval(`" + "${a}b" * 10_000 + "`)",
        "aliases": "const f0 = require('child_process').exec;\n"
        + _series("const f@ = f%;\n")
        + "f1('ls');\n",
        "else chain": "if (x == 0) {}\n" + _series("else if (x == @) { y = '@'; }\n"),
        "ternaries": "x = " + "a ? 1 : " * 10_000 + "2",
        "base64 in base64": "eval(" + "atob(" * 20 + f"'{_wrapped(20)}'" + ")" * 20 + ")",
        "evals in evals": "eval(" * 5_000 + "'1'" + ")" * 5_000,
        "array of codes": "eval(String.fromCharCode(" + "97," * 30_000 + "97))",
        "regular expression": "x = /" + "(a*)*" * 15_000 + "/",
        "open brackets": "(" * 100_000,
    }


def _sql() -> dict[str, str]:
    return {
        "parentheses": "SELECT " + _nest("(", ")"),
        "subqueries": _nest("SELECT * FROM (", ") AS t", "SELECT 1", 3_000),
        "functions": "SELECT " + _nest("f(", ")"),
        "cases": "SELECT " + _nest("CASE WHEN a THEN ", " END", "1", 4_000),
        "and chain": "SELECT 1 WHERE a = 1" + " AND a = 1" * 9_000,
        "not chain": "SELECT " + "NOT " * 20_000 + "1",
        "unions": "SELECT 1" + " UNION SELECT 1" * 6_000,
        "joins": "SELECT * FROM t" + _series(" JOIN t@ ON a@ = a%", 4_000),
        "list": "SELECT 1 WHERE a IN (" + "1," * 45_000 + "1)",
        "columns": "SELECT " + _series("c@, ") + "1 FROM t",
        "statements": "SELECT 1;" * 10_000,
        "with": "WITH t0 AS (SELECT 1)" + _series(", t@ AS (SELECT * FROM t%)", 3_000) + " SELECT * FROM t1",
        "concatenations": "SELECT " + " || ".join(["'a'"] * 10_000),
        "huge string": "SELECT '" + "a" * 100_000 + "'",
        "huge integer": "SELECT " + "9" * 100_000,
        "comments": "/*" * 20_000 + "*/" * 20_000 + "SELECT 1",
        "line comments": "SELECT 1 --\n" * 8_000,
        "open quotes": "SELECT '" * 10_000,
        "semicolons": ";" * 100_000,
    }


def _path() -> dict[str, str]:
    return {
        "climbing": "../" * 33_000,
        "slashes": "/" * 100_000,
        "dots": "." * 100_000,
        "escapes of escapes": "%" + "25" * 45_000 + "2e%2e/etc/shadow",
        "encoded climbing": "%2e%2e%2f" * 11_000 + "etc/shadow",
        "homes": "~/" * 50_000,
        "variables": "${HOME}" * 14_000,
        "backslashes": "..\\" * 33_000,
        "full-width dots": "\uff0e\uff0e\uff0f" * 11_000,
        "null bytes": "/etc\0" * 20_000,
        "huge name": "/" + "a" * 100_000,
    }


def _url() -> dict[str, str]:
    return {
        "huge host": f"http://{'a' * 100_000}/",
        "labels": f"http://{'a.' * 50_000}com/",
        "huge number": f"http://{'9' * 100_000}/",
        "huge hexadecimal": f"http://0x{'f' * 100_000}/",
        "colons": f"http://[{':' * 100_000}]/",
        "at signs": f"http://{'a@' * 50_000}localhost/",
        "escapes of escapes": f"http://%{'25' * 45_000}41/",
        "slashes": "http:" + "/" * 100_000,
        "huge port": f"http://localhost:{'9' * 100_000}/",
        "schemes": "http:" * 20_000 + "//localhost",
        "full-width digits": "http://" + "\uff11" * 33_000 + "/",
        "parameters": "http://localhost/?" + "u=http://localhost/&" * 5_000,
    }


_HOSTILE: Mapping[Language, Callable[[], dict[str, str]]] = {
    Language.PYTHON: _python,
    Language.SHELL: _shell,
    Language.JAVASCRIPT: _javascript,
    Language.SQL: _sql,
    Language.PATH: _path,
    Language.URL: _url,
}

"""What each kind of expression costs in the restricted tier beside bare RestrictedPython, so that the dearest guard has a name.

`python -m bench.restricted_constructs` prints a table, `--json` the object for machines: nanoseconds of one expression or statement, without the
loop around it, in our compiled code, in bare RestrictedPython's and in plain Python. It is a tool for whoever works on the guards:
what a snippet as a whole costs is in `bench.restricted`, and so are the bounds that count; here they only say which construct holds them alone.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from bench.measure import OURS, Figure, interleave, report
from bench.restricted_peers import BARE, CONTENDERS, DISTRIBUTIONS, PLAIN, metered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONSTRUCTS = {
    "attribute read": "point.x",
    "attribute written": "point.x = i",
    "subscript of a list": "numbers[3]",
    "subscript by a name": "numbers[k]",
    "subscript of a dict": 'prices["tea"]',
    "subscript written": "numbers[k] = i",
    "slice": "numbers[1:4]",
    "method of a class of the snippet": "point.moved(1)",
    "function of the snippet": "doubled(2)",
    "lambda": "pick(2)",
    "str.strip": "word.strip()",
    "str.upper": "word.upper()",
    "str.split": "line.split(',')",
    "str.join": "','.join(words)",
    "str.startswith": "word.startswith('t')",
    "dict.get": 'prices.get("tea", 0)',
    "dict.items": "prices.items()",
    "list.append": "numbers.append(1)",
    "f-string of a text": 'f"{word}!"',
    "f-string of a number": 'f"{k}!"',
    "f-string with a format": 'f"{price:.2f}"',
    "a + 1": "k + 1",
    "a + b, integers": "k + i",
    "a * b, integers": "k * i",
    "a + b, floats": "price + price",
    "a % b": "i % m",
    "a ** b": "k ** m",
    "a + b, texts": "word + word",
    "name += 1": "total += 1",
    "name += name": "total += k",
    "a < 1": "k < 9",
    "a < b": "k < i",
    "a == b, texts": "word == line",
    "a in list": "k in numbers",
    "a in dict": "word in prices",
    "len()": "len(numbers)",
    "sum()": "sum(numbers)",
    "sorted()": "sorted(numbers)",
    "max(a, b)": "max(k, i)",
    "round()": "round(price, 1)",
    "str()": "str(k)",
    "int()": "int('12')",
    "range()": "range(3)",
    "isinstance()": "isinstance(word, str)",
    "list of five": "[k, k, k, k, k]",
    "list comprehension, three items": "[n for n in (1, 2, 3)]",
    "for loop, three items": "for n in (1, 2, 3):\n        pass",
    "unpacking": "a, b = pair",
    "try without an exception": "try:\n        k\n    except ValueError:\n        k",
}
"""Statements by what they show. The names are those of `_BEFORE`."""
_BEFORE = """\
class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return by


def doubled(value):
    return value


pick = lambda value: value
point = Point(1)
numbers = [5, 3, 8, 1, 9]
prices = {"tea": 3, "rice": 2}
word = "tea"
words = ["tea", "rice"]
line = "tea,rice,salt"
price = 2.345
pair = (1, 2)
k = 3
m = 4
total = 0
for i in range(n):
    """
_REPEATED = 5
_PASSES = 2000


def figures(rounds: int) -> Iterator[Figure]:
    """Measure each construct, less the loop that it stands in."""
    for what, statement in CONSTRUCTS.items():
        runs = {f"{name} {kind}": run for kind, text in (("with", statement), ("without", "pass")) for name, run in _runs(text).items()}  # fmt: skip
        samples = interleave(runs, rounds, 1)
        times = {
            name: max(samples[f"{name} with"].cpu - samples[f"{name} without"].cpu, 0.0) * 1000 / _PASSES / _REPEATED
            for name in (OURS, BARE, PLAIN)
        }  # fmt: skip
        ours, bare = times[OURS], times[BARE]
        yield Figure(
            id="construct",
            what=what,
            unit="ns",
            ours=ours,
            ratio=ours / bare if bare else None,
            floor=1.25,
            goal=1.05,
            limit=times[PLAIN],
            peers={BARE: bare, PLAIN: times[PLAIN]},
        )


def _runs(statement: str) -> dict[str, Callable[[], Any]]:
    source = _BEFORE + "\n    ".join([statement] * _REPEATED) + "\nresult = k\nresult\n"
    inputs = {"n": _PASSES}
    return {
        OURS: metered(source, inputs),
        BARE: CONTENDERS[BARE].warm(source, inputs),
        PLAIN: CONTENDERS[PLAIN].warm(source, inputs),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.restricted_constructs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="few rounds, to see that it works")
    options = parser.parse_args()
    found = list(figures(1 if options.quick else 9))
    report("restricted_constructs", found, json=options.json, also=DISTRIBUTIONS)


if __name__ == "__main__":
    main()

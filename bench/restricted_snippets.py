"""The snippets that the restricted tier and its peers run: what a model writes for a small job, and loops that do one thing often.

They keep to what all contenders can run, RestrictedPython above all: no augmented assignment to an attribute or an item, no name that
begins with an underscore. Each ends in the name `result`, which gives its value to those that answer with the last expression and
to those that are asked for the name. The `@` in a first line is a place to write what makes a source new.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Snippet(NamedTuple):
    """A source with the inputs that it is run on."""

    name: str
    source: str
    inputs: Mapping[str, Any]

    @property
    def seen(self) -> str:
        """The source as it is when it comes again and again."""
        return self.source.replace("@", "again")

    def fresh(self) -> Callable[[], str]:
        """Return what gives the source in a form that never was before, each time it is called."""
        numbers = count()
        return lambda: self.source.replace("@", f"{next(numbers)}")


_RECORDS = """\
# what customers owe @
def open_cents(order):
    whole, dot, part = order["total"].partition(".")
    cents = int(whole) * 100 + int((part + "00")[:2])
    return cents - order["paid"]


def label(name):
    words = name.strip().lower().split()
    return " ".join([word.capitalize() for word in words])


owed = {}
skipped = []
for order in orders:
    if order["status"] not in ("shipped", "billed"):
        skipped.append(order["id"])
        continue
    cents = open_cents(order)
    if cents <= least:
        continue
    name = label(order["customer"])
    owed[name] = owed.get(name, 0) + cents
ranking = sorted(owed.items(), key=lambda pair: (-pair[1], pair[0]))
lines = []
for rank, (name, cents) in enumerate(ranking):
    lines.append(f"{rank + 1}. {name}: {cents / 100:.2f}")
total = sum([cents for name, cents in ranking])
result = {"lines": lines, "skipped": skipped, "total": total}
result
"""
_FORMULA = """\
# what a loan costs @
def monthly(principal, rate, months):
    if rate == 0:
        return principal / months
    factor = (1 + rate) ** months
    return principal * rate * factor / (factor - 1)


def clamp(value, low, high):
    return max(low, min(high, value))


def score(income, debt, age):
    ratio = debt / income if income else 1.0
    points = 600 + 200 * (1 - clamp(ratio, 0, 1))
    if 25 <= age <= 60:
        points += 40
    elif age > 60:
        points += 15
    return round(points)


principal = price - deposit
months = years * 12
payment = monthly(principal, annual / 100 / 12, months)
points = score(income, payment * 12 + other, age)
interest = payment * months - principal
share = payment * 12 / income
verdict = "yes" if points > 720 and share < 0.4 else "ask"
result = {"payment": round(payment, 2), "interest": round(interest, 2), "points": points, "verdict": verdict}
result
"""
_CLASS = """\
# accounts @
class Account:
    def __init__(self, name, credit):
        self.name = name
        self.credit = credit
        self.balance = 0
        self.entries = []

    def book(self, amount, note):
        if self.balance + amount < -self.credit:
            raise ValueError(f"{self.name} cannot pay {note}")
        self.balance = self.balance + amount
        self.entries.append((amount, note))

    def line(self):
        return f"{self.name}: {len(self.entries)} entries, {self.balance}"


accounts = {}
refused = []
for name, amount, note in movements:
    if name not in accounts:
        accounts[name] = Account(name, credit)
    account = accounts[name]
    try:
        account.book(amount, note)
    except ValueError as error:
        refused.append(str(error))
lines = [accounts[name].line() for name in sorted(accounts)]
result = {"lines": lines, "refused": refused, "total": sum([accounts[name].balance for name in accounts])}
result
"""
_CUSTOMERS = (" ada LOVELACE", "grace hopper ", "Alan  Turing", "edsger dijkstra")
SNIPPETS = (
    Snippet(
        "records",
        _RECORDS,
        {
            "orders": [
                {
                    "id": f"A-{i}",
                    "customer": _CUSTOMERS[i % 4],
                    "status": ("shipped", "billed", "open")[i % 3],
                    "total": f"{17 * i % 90}.{i % 10}",
                    "paid": 100 * (i % 5),
                }
                for i in range(12)
            ],
            "least": 50,
        },
    ),
    Snippet(
        "formula",
        _FORMULA,
        {"price": 310_000, "deposit": 62_000, "annual": 3.6, "years": 25, "income": 74_000, "other": 2_400, "age": 41},
    ),
    Snippet(
        "class",
        _CLASS,
        {"movements": [[("giro", "till", "safe")[i % 3], (-1) ** i * 37 * i, f"note {i}"] for i in range(12)], "credit": 200},
    ),
)  # fmt: skip
"""Three jobs of about thirty lines, none of which has a loop that anybody would wait for."""

TRIVIAL = Snippet("trivial", "# @\na * b + 1\n", {"a": 6, "b": 7})
"""The least that anybody asks for."""

LOOPS: dict[str, str] = {
    "total += i * i": "total = 0\nfor i in range(n):\n    total += i * i\nresult = total\nresult\n",
    "list and dict": """\
counts = {}
recent = []
for i in range(n):
    key = i % 100
    counts[key] = counts.get(key, 0) + i
    recent.append(key)
    if len(recent) > 50:
        recent.clear()
result = sum(counts.values())
result
""",
    "calls of a function": """\
def scaled(value):
    return value * 2 + 1


total = 0
for i in range(n):
    total = total + scaled(i)
result = total
result
""",
    "while": "i = 0\nodd = 0\nwhile i < n:\n    if i % 2 == 1:\n        odd += 1\n    i += 1\nresult = odd\nresult\n",
    "texts": """\
length = 0
for i in range(n):
    text = f"item {i % 100}: {i % 7}"
    if text.startswith("item 1"):
        length += len(text.upper())
result = length
result
""",
}
"""Loops of `n` passes, by what each pass does."""

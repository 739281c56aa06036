"""random: what a seed gives, it gives in Python too; the host's source is never drawn from."""

from __future__ import annotations

import random

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.restricted import evaluate

SAME = [
    "[random.random() for _ in range(3)]",
    "[random.randint(1, 6), random.randrange(10), random.randrange(0, 100, 5), random.uniform(1, 2), random.getrandbits(100), random.randbytes(5)]",
    "[random.choice('abc'), random.choices([1, 2, 3], k=5), random.choices('ab', [1, 9], k=5), random.choices('ab', cum_weights=[1, 5], k=3)]",
    "[random.sample(range(100), 5), random.sample([1, 2, 3], 2), random.sample('ab', counts=[3, 4], k=4), random.sample(range(2**60), 2)]",
    "x = list(range(10))\nrandom.shuffle(x)\nx",
    "[random.gauss(0, 1), random.normalvariate(5, 2), random.expovariate(2), random.triangular(1, 5, 2), random.lognormvariate(0, 1)]",
    "[random.betavariate(2, 3), random.gammavariate(2, 3), random.gammavariate(0.5, 1), random.vonmisesvariate(1, 2), random.paretovariate(3), random.weibullvariate(1, 2)]",
    "s = random.getstate()\na = random.random()\nrandom.setstate(s)\n[a == random.random(), len(s)]",
    "r = random.Random(5)\n[r.random(), r.randint(1, 9), r.choice([1, 2]), random.random(), isinstance(r, random.Random)]",
    "r = random.Random('text')\nr.random()",
    "random.seed('abc')\n[random.random(), random.seed(b'x'), random.random(), random.seed(1.5), random.random()]",
    "list(map(random.uniform, [1, 2], [3, 4]))",
    "f = random.choice\n[f([1, 2, 3]) for _ in range(3)]",
    "sorted([1, 2, 3], key=lambda _: random.random())",
    "random.choice([])",
    "random.sample([1], 2)",
    "random.randint(5, 1)",
    "random.randrange(0)",
    "random.choices([], k=1)",
    "random.choices([1, 2], [0, 0])",
    "random.choices([1, 2], [1])",
    "random.sample({1, 2}, 1)",
    "random.seed([1])",
    "random.no_such_name",
]  # fmt: skip


@pytest.mark.parametrize("expression", SAME)
def test_random_gives_what_the_library_gives(expression: str) -> None:
    """From the same seed come the same numbers, and from wrong arguments the same exceptions."""
    before = random.getstate()
    try:
        check_same("random", f"random.seed(42)\n{expression}")
    finally:
        random.setstate(before)


DRAWS = "import random\n[random.random(), random.Random().random(), random.choice(range(1000))]"


def test_the_state_of_the_host_is_untouched() -> None:
    """Neither drawing nor seeding changes what the host draws next."""
    before = random.getstate()
    evaluate(f"{DRAWS}\nrandom.seed(1)\nrandom.shuffle([1, 2])\nrandom.setstate(random.getstate())", seed=3)
    evaluate(DRAWS)
    assert random.getstate() == before


def test_a_seed_makes_an_evaluation_repeatable() -> None:
    """The same seed gives the same numbers; no seed gives others every time, whatever the evaluation before drew."""
    source = "import random\n[random.random() for _ in range(5)]"
    again = random.Random(7)
    assert (
        evaluate(source, seed=7).value == evaluate(source, seed=7).value == [again.random() for _ in range(5)]
    )
    assert evaluate(source).value != evaluate(source).value


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("random.choices([1], k=10**9)", "memory"),
        ("random.choices([1], weights=itertools.repeat(1))", "steps|time|memory"),
        ("random.sample(range(10**9), 10**8)", "memory"),
        ("random.sample([1], 10**6, counts=[10**9])", "steps|time|memory"),
        ("random.randbytes(10**10)", "memory"),
        ("random.getrandbits(10**10)", "memory"),
        ("x = list(range(100000))\nwhile True: random.shuffle(x)", "steps|time"),
        ("while True: random.choices(range(1000), k=100000)", "steps|time"),
        ("while True: random.sample(range(10**6), 50000)", "steps|time|memory"),
        ("random.gammavariate(float('nan'), 1)", "offer"),
        ("random.gammavariate(float('inf'), 1)", "offer"),
        ("random.gammavariate(1e308, 1)", "offer"),
        ("random.betavariate(float('nan'), float('nan'))", "offer"),
        ("random.vonmisesvariate(0, float('nan'))", "offer"),
        ("random.Random(1).gammavariate(float('nan'), 1)", "offer"),
        ("random.setstate((3, itertools.count(), None))", "offer"),
        ("random.setstate((3, (1,), None))", "offer"),
        ("random.seed('x' * 10**8)", "memory|time|steps"),
        ("random.SystemRandom()", "offer"),
        ("random._inst", "offer"),
        ("random.seed = 1", "offer"),
    ],
)
def test_draws_without_end_are_stopped(source: str, limit: str) -> None:
    """Large samples are paid for, and parameters for which the library would try for ever are refused."""
    check_stopped(f"import random, itertools\n{source}", limit)

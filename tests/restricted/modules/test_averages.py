"""statistics: the values of the library, of numbers that can be added up exactly."""

from __future__ import annotations

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

SAME = [
    *(
        f"[statistics.{name}(x) for x in ([1, 2, 3, 4], [1.5, 2.5, 4.0], (3, 1), [True, 5], [0.1] * 10, [F(1, 3), F(1, 2)], [D('1.1'), D('2.2')])]"
        for name in ("mean", "median", "median_low", "median_high", "stdev", "pstdev", "variance", "pvariance", "fmean", "harmonic_mean")
    ),
    "[statistics.geometric_mean([1, 2, 4]), statistics.mode('aab'), statistics.multimode('aabb'), statistics.mode([1, 1, 2])]",
    "[statistics.quantiles([1, 2, 3, 4, 5]), statistics.quantiles(range(100), n=10), statistics.quantiles([1, 2, 3], n=2, method='inclusive')]",
    "[statistics.correlation([1, 2, 3], [2, 4, 7]), statistics.covariance([1, 2, 3], [2, 4, 7]), statistics.linear_regression([1, 2, 3], [2, 4, 7]), statistics.linear_regression([1, 2], [2, 4], proportional=True)]",
    "[statistics.variance([1, 2, 3], 2), statistics.pstdev([1, 2, 3], mu=2), statistics.fmean([1, 2], weights=[3, 1]), statistics.harmonic_mean([40, 60], weights=[5, 30]), statistics.median_grouped([1, 2, 2, 3])]",
    "[statistics.mean(x * 2 for x in range(5)), statistics.mean(data=[1, 2]), statistics.median({3, 1, 2}), statistics.mean({1: 'a', 3: 'b'})]",
    "statistics.mean([])", "statistics.median([])", "statistics.stdev([1])", "statistics.mode([])", "statistics.mean(['a'])", "statistics.mean([None])",
    "statistics.quantiles([1])", "statistics.quantiles([1, 2], n=0)", "statistics.correlation([1], [2])", "statistics.geometric_mean([0.0, -1])", "statistics.median([1, 'a'])",
    "statistics.mean(3)", "statistics.mean([float('inf'), 1, float('nan')])",
    "try:\n    statistics.mean([])\nexcept statistics.StatisticsError as e:\n    r = [str(e), isinstance(e, ValueError)]\nr",
]  # fmt: skip


@pytest.mark.parametrize("expression", SAME)
def test_statistics_are_the_library_s(expression: str) -> None:
    """The same value, or the same exception."""
    check_same(
        "statistics", f"from fractions import Fraction as F\nfrom decimal import Decimal as D\n{expression}"
    )


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("statistics.mean(itertools.count())", "steps|time|memory"),
        ("statistics.median(itertools.repeat(1))", "steps|time|memory"),
        ("statistics.mode(itertools.repeat(1))", "steps|time"),
        ("statistics.quantiles([1, 2], n=10**9)", "offer"),
        ("statistics.mean([D('1E+999999')])", "offer"),
        ("statistics.stdev([D('1E+999999'), 1])", "offer"),
        ("statistics.variance([1, 2], D('1E+999999'))", "offer"),
        ("statistics.harmonic_mean([1, 2], weights=[D('1E+999999'), 1])", "offer"),
        ("statistics.mean([F(1, 10**3000 + i) for i in range(1000)])", "memory|steps|time"),
        ("statistics.mean([10**5000, 1])", "offer"),
        ("x = list(range(100000))\nwhile True: statistics.pvariance(x)", "steps|time"),
        ("x = [F(1, i) for i in range(1, 900)]\nwhile True: statistics.mean(x)", "steps|time"),
        ("class A:\n    def as_integer_ratio(self): return (10**10000, 3)\nstatistics.mean([A()])", "offer"),
        ("a = b = ()\nfor _ in range(60): a, b = (a, a), (b, b)\nstatistics.mode([a, b])", "steps|time"),
        ("a = b = ()\nfor _ in range(60): a, b = (a, a), (b, b)\nstatistics.median_low([a, b])", "steps|time"),
        ("statistics.NormalDist()", "offer"),
        ("statistics.math", "offer"),
    ],
)  # fmt: skip
def test_statistics_without_end_are_stopped(source: str, limit: str) -> None:
    """Long series are paid for, and what has no bounded exact sum is refused."""
    head = "import itertools, statistics\nfrom fractions import Fraction as F\nfrom decimal import Decimal as D\n"
    check_stopped(head + source, limit)

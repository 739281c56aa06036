"""math, cmath, numbers: the values of the library, and no number that has no end."""

from __future__ import annotations

import math

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

SAME = [
    *(f"[math.{name}(x) for x in (0.1, 0.5, 0.9)]" for name in ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "atanh", "exp", "expm1", "erf", "erfc"]),
    *(f"[math.{name}(x) for x in (1, 2.5, 10**20)]" for name in ["sqrt", "cbrt", "exp2", "log", "log2", "log10", "log1p", "gamma", "lgamma", "fabs"] if name not in ("gamma", "exp2")),
    "[math.floor(2.5), math.ceil(2.1), math.trunc(-2.7), math.isqrt(10**40), math.factorial(20), math.factorial(0)]",
    "[math.comb(10, 3), math.comb(3, 10), math.comb(1000, 500), math.perm(10, 3), math.perm(5), math.comb(10**30, 2)]",
    "[math.gcd(12, 18, 27), math.gcd(), math.lcm(4, 6), math.lcm(), math.gcd(10**300, 6**200)]",
    "[math.prod([1, 2, 3]), math.prod([1.5, 2]), math.prod([]), math.prod([2], start=5), math.prod([0.1] * 7)]",
    "[math.fsum([0.1] * 10), math.dist([0, 0], [3, 4]), math.hypot(3, 4), math.hypot(), math.hypot(1, 2, 3)]",
    "[math.pi, math.e, math.tau, math.inf, math.nan]",
    "[math.isclose(1, 1 + 1e-12), math.isnan(math.nan), math.isinf(-math.inf), math.isfinite(1)]",
    "[math.modf(2.5), math.frexp(8), math.ldexp(0.5, 3), math.copysign(1, -0.0), math.fmod(7, 3), math.remainder(7, 4)]",
    "[math.nextafter(1, 2), math.ulp(1.0), math.degrees(math.pi), math.radians(180), math.pow(2, 0.5), math.atan2(1, 2)]",
    "math.sqrt(-1)",
    "math.log(0)",
    "math.factorial(-1)",
    "math.factorial(2.5)",
    "math.exp(1000)",
    "math.comb(-1, 2)",
    "math.floor('x')",
    "math.fsum([1, 'x'])",
    "math.prod([1, [2], 2])",
    "math.no_such_name",
    "hasattr(math, 'no_such_name')",
    "math.__name__",
    "[type(math.floor(2.5)).__name__, math.floor(10**30 + 0), math.trunc(7)]",
    "class A:\n    def __floor__(self): return 'f'\n    def __ceil__(self): return 'c'\n    def __trunc__(self): return 't'\n[math.floor(A()), math.ceil(A()), math.trunc(A())]",
    "list(map(math.sqrt, [1, 4, 9]))",
    "f = math.floor\n[f(x) for x in (1.5, 2.5)]",
]  # fmt: skip


@pytest.mark.parametrize("expression", SAME)
def test_math_gives_what_the_library_gives(expression: str) -> None:
    """The same value, or the same exception with the same words."""
    check_same("math", expression)


@pytest.mark.parametrize(
    "expression",
    [
        "[cmath.sqrt(-1), cmath.exp(1j), cmath.phase(1j), cmath.polar(3 + 4j), cmath.rect(1, 2), cmath.isclose(1, 1), cmath.pi]",
        "cmath.log(0)",
    ],
)
def test_cmath_gives_what_the_library_gives(expression: str) -> None:
    """The functions of complex numbers."""
    check_same("cmath", expression)


@pytest.mark.parametrize("kind", ["Number", "Complex", "Real", "Rational", "Integral"])
def test_kinds_of_numbers_can_be_tested_against(kind: str) -> None:
    """`isinstance` and `issubclass` see what the abstract classes say."""
    values = "[1, 1.5, 1j, True, 'x', None, Fraction(1, 2), Decimal(1)]"
    same = f"[isinstance(x, numbers.{kind}) for x in {values}] + [issubclass(t, numbers.{kind}) for t in (int, float, str)]"
    check_same("numbers", f"from fractions import Fraction\nfrom decimal import Decimal\n{same}")


def test_an_abstract_class_cannot_be_registered_with() -> None:
    """It belongs to the whole process: a snippet can neither change it nor make values of it."""
    check_stopped("import numbers\nnumbers.Number()", "offer", "makes no values")


@pytest.mark.skipif(not hasattr(math, "sumprod"), reason="since Python 3.12")
def test_sumprod_is_the_library_s() -> None:
    """Where the library has it."""
    check_same(
        "math", "[math.sumprod([1, 2], [3, 4]), math.sumprod([0.1] * 3, [0.2] * 3), math.sumprod([], [])]"
    )


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("math.factorial(10**6)", "memory"),
        ("math.factorial(10**100)", "memory"),
        ("math.comb(10**6, 5 * 10**5)", "memory"),
        ("math.comb(2**60000, 1000)", "memory"),
        ("math.perm(10**6)", "memory"),
        ("math.perm(10**7, 10**6)", "memory"),
        ("math.perm(2**60000, 2)", "memory"),
        ("math.lcm(*range(1, 200000))", "memory|steps|time"),
        ("math.lcm(*[2**40000 + i for i in range(9)])", "memory"),
        ("math.prod(range(1, 10**6))", "memory|steps"),
        ("math.prod(itertools.repeat(1.0))", "steps|time"),
        ("math.prod([10**19000] * 5)", "memory"),
        ("math.fsum(itertools.repeat(1.0))", "steps|time"),
        ("math.fsum(itertools.count())", "steps|time"),
        ("math.dist(itertools.count(), itertools.count())", "steps|time|memory"),
        ("math.hypot(*itertools.count())", "steps|time|memory"),
        ("math.floor(decimal.Decimal('1E+999999'))", "offer"),
        ("math.ceil(decimal.Decimal('1E+999999'))", "offer"),
        ("math.trunc(decimal.Decimal('1E+999999'))", "offer"),
        ("while True: math.gcd(3**30000, (1 << 60000) + 1)", "steps|time"),
        ("while True: math.isqrt(3**30000)", "steps|time"),
        ("while True: math.comb(60000, 30000)", "steps|time"),
        ("while True: math.factorial(5900)", "steps|time"),
        ("while True: math.perm(5900, 5000)", "steps|time"),
    ],
)  # fmt: skip
def test_numbers_without_end_are_stopped(source: str, limit: str) -> None:
    """Large results are refused before they are made, and large operands are paid for."""
    check_stopped(f"import math, itertools, decimal\n{source}", limit)

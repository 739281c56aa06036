"""decimal and fractions: the values of the library, under a context that belongs to the evaluation."""

from __future__ import annotations

import contextlib
import decimal
from decimal import Decimal

import pytest
from tests.restricted.modules.agree import check_same, check_stopped

from ringfence.errors import SnippetStopped
from ringfence.restricted import evaluate

DECIMALS = [
    "[D('1.1') + D('2.2'), D(1) / D(3), D(2) ** D('0.5'), D(7) // 2, D(-7) % 3, -D('1.50'), abs(D('-2')), D('1.5') * 2]",
    "[D(0.1), D((1, (1, 2, 3), -2)), D(' 1_000.5 '), D('NaN'), D('-Infinity'), D('1E+5'), D(), D(True)]",
    "[D('2.675').quantize(D('0.01')), D('2.675').quantize(D('0.01'), decimal.ROUND_HALF_UP), D('1.2345').quantize(D('0.1'), rounding=decimal.ROUND_UP)]",
    "[D(2).sqrt(), D(2).ln(), D(100).log10(), D(1).exp(), D('1.23E+3').normalize(), D('3.7').to_integral_value()]",
    "[D('1.5').as_integer_ratio(), str(D('1.50').as_tuple()), D('1.50').adjusted(), D('1E+3').to_eng_string(), str(D('1E-7'))]",
    "[D(1) < 2, D('1.0') == 1, D('0.5') == 0.5, max(D(1), D(2)), sorted([D(3), D(1)]), sum([D('0.1')] * 3), hash(D(1)) == hash(1)]",
    "[int(D('3.9')), float(D('0.1')), round(D('2.5')), round(D('2.345'), 2), f\"{D('1234.567'):,.2f}\", '%s' % D('1.0'), bool(D(0))]",
    "[D('1').compare(D(2)), D(1).copy_sign(D(-2)), D('1').is_nan(), D('1.1').fma(2, 3), D(5).remainder_near(3), D(1).next_plus()]",
    "decimal.getcontext().prec = 6\n[D(1) / 7, D('1.23456789'), +D('1.23456789'), decimal.getcontext().prec]",
    "decimal.getcontext().rounding = decimal.ROUND_FLOOR\ndecimal.getcontext().prec = 3\n[D(2) / 3, D(-2) / 3]",
    "with decimal.localcontext() as c:\n    c.prec = 5\n    a = D(1) / 3\n[a, D(1) / 3]",
    "with decimal.localcontext(prec=5) as c:\n    a = D(1) / 3\n[a, c.prec, decimal.getcontext().prec]",
    "with decimal.localcontext(decimal.Context(prec=4, rounding=decimal.ROUND_UP)):\n    a = D(1) / 3\n[a, D(1) / 3]",
    "c = decimal.Context(prec=3)\n[c.divide(1, D(3)), c.create_decimal('1.23456'), c.sqrt(D(2)), c.copy().prec, c.power(D(2), 10)]",
    "c = decimal.getcontext()\nc.traps[decimal.DivisionByZero] = False\n[D(1) / 0, c.flags[decimal.DivisionByZero]]",
    "decimal.setcontext(decimal.Context(prec=7))\n[D(1) / 3, str(decimal.getcontext())]",
    "decimal.setcontext(decimal.ExtendedContext)\n[D(1) / 0, decimal.getcontext().prec]",
    "D(1) / D(0)",
    "D('abc')",
    "D(1) + 1.5",
    "D([1])",
    "D('sNaN') + 1",
    "try:\n    D(1) / 0\nexcept decimal.DivisionByZero as e:\n    r = [type(e) is decimal.DivisionByZero, isinstance(e, ZeroDivisionError), isinstance(e, decimal.DecimalException)]\nr",
    "[isinstance(D(1), D), type(D(1)) is D, decimal.ROUND_HALF_EVEN, D.from_float(0.5), decimal.getcontext().Emax]",
    "decimal.getcontext().prec = 0",
    "decimal.getcontext().rounding = 'sideways'",
    "decimal.setcontext(decimal.Context(prec=50))\nD(2).exp()",
    "D(10) ** 999999999",
]  # fmt: skip
FRACTIONS = [
    "[F(1, 3) + F(1, 6), F('3/4'), F('1.25'), F(0.5), F('-1e3'), F(F(1, 2), 3), F(5), F(), F(6, -4)]",
    "[F(1, 3) * 3, F(1, 2) ** 3, F(7, 2) // 1, F(7, 2) % 1, F(1, 2) < 0.6, F(1, 2) == 0.5, round(F(7, 3), 2), float(F(1, 3))]",
    "[F(3.14159).limit_denominator(100), F(1, 3).numerator, F(1, 3).as_integer_ratio(), str(F(1, 3)), repr(F(2)), hash(F(1, 2)) == hash(0.5)]",
    "import decimal\n[F(decimal.Decimal('1.5')), F.from_decimal(decimal.Decimal('0.25')), F.from_float(0.25), F(1, 2).from_float(2.0)]",
    "import math\n[math.floor(F(7, 2)), math.ceil(F(7, 2)), sum([F(1, i) for i in range(1, 10)]), max(F(1, 2), F(2, 3)), abs(F(-1, 2))]",
    "F(1, 0)",
    "F('x')",
    "F(float('nan'))",
    "[isinstance(F(1), F), type(F(1)) is F]",
]


@pytest.mark.parametrize("expression", DECIMALS)
def test_decimal_gives_what_the_library_gives(expression: str) -> None:
    """The same value, or the same exception."""
    with decimal.localcontext(decimal.Context()):
        check_same("decimal", f"D = decimal.Decimal\n{expression}")


@pytest.mark.parametrize("expression", FRACTIONS)
def test_fractions_give_what_the_library_gives(expression: str) -> None:
    """The same value, or the same exception."""
    check_same("fractions", f"F = fractions.Fraction\n{expression}")


ENDINGS = [
    "decimal.getcontext().prec = 9",
    "decimal.setcontext(decimal.Context(prec=9))",
    "decimal.getcontext().prec = 9\n1 / 0",
    "decimal.getcontext().prec = 9\nwhile True: pass",
    "g = (0 for _ in [decimal.setcontext(decimal.Context(prec=9))])\nnext(g)",
    "def g():\n    with decimal.localcontext() as c:\n        c.prec = 9\n        yield 1\nh = g()\nnext(h)\nkeep = h",
    "decimal.getcontext().traps[decimal.Inexact] = True",
    "decimal.DefaultContext.prec = 9",
]


@pytest.mark.parametrize("source", ENDINGS)
def test_the_context_of_the_host_is_untouched(source: str) -> None:
    """However an evaluation ends, the thread works under the context that it had, and that has its settings and flags."""
    with decimal.localcontext(decimal.Context(prec=17)) as mine:
        before = repr(mine)
        with contextlib.suppress(Exception):  # how it ends is not what this is about
            evaluate(f"import decimal\n{source}\nNone")
        assert decimal.getcontext() is mine
        assert repr(mine) == before
    assert decimal.DefaultContext.prec == 28


def test_the_context_of_the_host_has_no_influence() -> None:
    """A snippet that imports decimal begins with the library's own settings."""
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        assert evaluate("from decimal import Decimal\nDecimal(1) / 3").value == Decimal("0." + "3" * 28)


def test_functions_of_the_host_work_under_its_own_context() -> None:
    """What a snippet sets does not change what the host computes for it."""
    source = "import decimal\ndecimal.getcontext().prec = 2\n[third(), decimal.Decimal(1) / 3, third()]"
    with decimal.localcontext(decimal.Context(prec=5)):
        value = evaluate(source, functions={"third": lambda: Decimal(1) / 3}).value
    assert value == [Decimal("0.33333"), Decimal("0.33"), Decimal("0.33333")]


def test_the_next_evaluation_sees_nothing() -> None:
    """Neither precision nor templates go from one to the next."""
    evaluate(
        "import decimal\ndecimal.getcontext().prec = 5\ndecimal.DefaultContext.prec = 5\ndecimal.BasicContext.prec = 5"
    )
    source = (
        "import decimal\n[decimal.getcontext().prec, decimal.DefaultContext.prec, decimal.BasicContext.prec]"
    )
    assert evaluate(source).value == [28, 28, 9]


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("D('1E+1000000000')", "memory"),
        ("D('1E-' + '9' * 400)", "memory"),
        ("D('1' * 1000000)", "memory"),
        ("D((0, (1,), 10**9))", "memory"),
        ("D((0, (1,) * 100000, 0))", "memory"),
        ("int(D('1E+999999'))", "offer"),
        ("D('1E+999999').as_integer_ratio()", "offer"),
        ("f = D('1E+999999').as_integer_ratio\nf()", "offer"),
        ("F(D('1E+999999'))", "offer"),
        ("F.from_decimal(D('1E+999999'))", "offer"),
        ("F(1).from_decimal(D('1E-999999'))", "offer"),
        ("F('1e999999999')", "memory"),
        ("F('1e-99999999999999999999')", "memory"),
        ("F('9' * 100000)", "memory"),
        ("F(2**65535, 3**32000) * F(3**32000, 7**20000)", "memory"),
        ("format(D('1E+999999'), 'f')", "offer"),
        ("f\"{D('1E+999999'):.2f}\"", "offer"),
        ("round(D('1E+999999'))", "offer"),
        ("'%d' % D('1E+999999')", "offer"),
        ("'%(a)d' % {'a': D('1E+999999')}", "offer"),
        ("decimal.getcontext().prec = 10**9", "offer"),
        ("setattr(decimal.getcontext(), 'prec', 10**9)", "offer"),
        ("decimal.Context(prec=10**9)", "offer"),
        ("decimal.getcontext().Emax = 10**12", "offer"),
        ("decimal.localcontext(prec=10**9)", "offer"),
        ("decimal.localcontext(decimal.Context(Emin=-10**12))", "offer"),
        ("decimal.getcontext().prec = 1000\nwhile True: D(2).exp()", "steps|time"),
        ("decimal.getcontext().prec = 1000\nx = D('1.1')\nwhile True: x ** D('0.7')", "steps|time"),
        ("decimal.getcontext().prec = 1000\nwhile True: D(3).ln()", "steps|time"),
        ("x = D('9' * 21000)\nwhile True: x * x", "steps|time"),
        ("while True: D('9' * 21000)", "steps|time"),
        ("x = F(3**30000, 1 << 60000)\nwhile True: x.limit_denominator(1 << 50000)", "steps|time"),
        ("x = [D('1' * 2000)] * 3000\nwhile True: str(x)", "steps|time|memory"),
    ],
)  # fmt: skip
def test_exact_numbers_without_end_are_stopped(source: str, limit: str) -> None:
    """Digits, exponents and precision have bounds, and what takes long is looked at often."""
    head = "import decimal\nfrom decimal import Decimal as D\nfrom fractions import Fraction as F\n"
    check_stopped(head + source, limit)


def test_another_object_is_no_source_of_a_fraction() -> None:
    """An object that gives any ratio it likes could give one of any size."""
    source = "from fractions import Fraction\nclass A:\n    def as_integer_ratio(self): return (1, 2)\nFraction(A())"
    with pytest.raises(SnippetStopped, match="a Fraction of a A"):
        evaluate(source)

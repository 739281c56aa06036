"""Exact numbers: decimal and fractions. Digits and exponents are bounded where numbers are made, and precision where it is set.

Python keeps one decimal context for each thread. A snippet works under one of its own from the moment that it imports `decimal`
until it ends, and what it sets there is set for itself only.
"""

from __future__ import annotations

import decimal
import re
from contextvars import copy_context
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.modules.view import ModuleView
from ringfence.restricted.weigh import size

if TYPE_CHECKING:
    from ringfence.restricted.run import Run

_MOST_DIGITS = INTEGER_BITS // 3
_MOST_PRECISION = 1_000
_MOST_EXPONENT = 999_999
_MOST_POWER = 10_000
_USUAL_PRECISION = 100
_SLOWNESS = 400
"""How many bytes of ordinary work an operation is like, for each digit of its precision."""
_EXPONENT = re.compile(r"[eE]([-+]?\d[\d_]*)")
_ROUNDINGS = [name for name in dir(decimal) if name.startswith("ROUND_")]
_SIGNALS = [
    name
    for name, found in vars(decimal).items()
    if isinstance(found, type) and issubclass(found, ArithmeticError)
]


class RunContext(decimal.Context):
    """A decimal context whose precision and exponents stay within bounds."""

    __slots__ = ("__run__",)
    __settable__ = True
    __run__: Run

    def __new__(cls, run: Run, **_: Any) -> Self:
        made = super().__new__(cls)
        made.__run__ = run
        return made

    def __init__(self, run: Run, **settings: Any) -> None:
        for name, most in (("prec", _MOST_PRECISION), ("Emax", _MOST_EXPONENT), ("Emin", _MOST_EXPONENT)):
            _bound(run, name, settings.get(name), most)
        super().__init__(**settings)
        _slow_down(run, super().prec)

    def copy(self) -> RunContext:
        """Return another context with the same settings."""
        return like(self.__run__, self)

    @property
    def prec(self) -> Any:
        """How many digits results have."""
        return super().prec

    @prec.setter
    def prec(self, value: Any) -> None:
        _bound(self.__run__, "prec", value, _MOST_PRECISION)
        decimal.Context.prec.__set__(self, value)  # type: ignore[attr-defined]
        _slow_down(self.__run__, value)

    @property
    def Emax(self) -> Any:  # noqa: N802 - the library's name
        """The largest exponent."""
        return super().Emax

    @Emax.setter
    def Emax(self, value: Any) -> None:  # noqa: N802
        _bound(self.__run__, "Emax", value, _MOST_EXPONENT)
        decimal.Context.Emax.__set__(self, value)  # type: ignore[attr-defined]

    @property
    def Emin(self) -> Any:  # noqa: N802
        """The smallest exponent."""
        return super().Emin

    @Emin.setter
    def Emin(self, value: Any) -> None:  # noqa: N802
        _bound(self.__run__, "Emin", value, _MOST_EXPONENT)
        decimal.Context.Emin.__set__(self, value)  # type: ignore[attr-defined]

    def create_decimal(self, num: Any = "0", /) -> Decimal:
        """Return a number, rounded to the precision."""
        _check_source(self.__run__, num)
        return super().create_decimal(num)

    def create_decimal_from_float(self, f: Any, /) -> Decimal:
        """Return a float's value, rounded to the precision."""
        return super().create_decimal_from_float(f)


def _bound(run: Run, name: str, value: Any, most: int) -> None:
    if isinstance(value, int) and abs(value) > most:
        raise run.meter.stop("offer", f"{name} of more than {most:,} is not offered in a decimal context")


def _slow_down(run: Run, precision: int) -> None:
    """Have the clock looked at more often: an operation of many digits takes long."""
    if precision > _USUAL_PRECISION:
        run.meter.grow(precision * _SLOWNESS)


def like(run: Run, context: decimal.Context) -> RunContext:
    """Return a context of the evaluation with the settings of another one."""
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    settings = {name: getattr(context, name) for name in names}
    made = RunContext(run, **settings)
    for signal, trapped in context.traps.items():
        made.traps[signal] = trapped
    for signal, raised in context.flags.items():
        made.flags[signal] = raised
    return made


class _Local:
    """What `localcontext` returns: another context for as long as a `with` statement lasts."""

    __slots__ = ("__before__", "__inner__", "__run__")

    def __init__(self, run: Run, inner: RunContext) -> None:
        self.__run__ = run
        self.__inner__ = inner

    def __enter__(self) -> RunContext:
        self.__before__ = decimal.getcontext()
        decimal.setcontext(self.__inner__)
        return self.__inner__

    def __exit__(self, *_: object) -> None:
        if not self.__run__.meter.closed:  # a generator that is thrown away later must not touch the host's
            decimal.setcontext(self.__before__)


class Decimals(ModuleView):
    """`decimal`."""

    __slots__ = ()
    __named__ = "decimal"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(Decimal, self.__decimal__)
        self.__offer__(decimal.Context, self.__context__)
        for name in ("BasicContext", "ExtendedContext", "DefaultContext"):
            vars(self)[name] = like(run, getattr(decimal, name))
        for name in _SIGNALS:
            self.__offer__(getattr(decimal, name))
        for name in _ROUNDINGS:
            vars(self)[name] = getattr(decimal, name)
        run.host_context = copy_context()
        before = decimal.getcontext()
        run.at_close(lambda: decimal.setcontext(before))
        decimal.setcontext(RunContext(run))

    def __decimal__(self, value: Any = "0", context: Any = None) -> Decimal:
        _check_source(self.__run__, value)
        return Decimal(value, context)

    def __context__(self, **settings: Any) -> RunContext:
        return RunContext(self.__run__, **settings)

    def getcontext(self) -> decimal.Context:
        """Return the context of the evaluation."""
        return decimal.getcontext()

    def setcontext(self, context: Any, /) -> None:
        """Make a context the one of the evaluation."""
        if type(context) is not RunContext:
            raise self.__run__.meter.stop("offer", "decimal.setcontext is offered with a Context only")
        template = any(
            context is vars(self)[name] for name in ("BasicContext", "ExtendedContext", "DefaultContext")
        )
        decimal.setcontext(context.copy() if template else context)

    def localcontext(self, ctx: Any = None, **settings: Any) -> _Local:
        """Return a context manager that gives another context."""
        context = decimal.getcontext() if ctx is None else ctx
        if not isinstance(context, decimal.Context):
            raise TypeError("optional argument must be a context")
        inner = like(self.__run__, context)
        for name, value in settings.items():
            if name not in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp"):
                raise self.__run__.meter.stop("offer", f"decimal.localcontext({name}=...) is not offered")
            setattr(inner, name, value)
        return _Local(self.__run__, inner)


def _check_source(run: Run, value: Any) -> None:
    """End the evaluation where a number would have too many digits or too large an exponent."""
    if isinstance(value, str):
        _check_text(run, value, _MOST_EXPONENT)
    elif isinstance(value, tuple | list):
        digits, exponent = ([*value, (), 0])[1:3]
        long = isinstance(digits, tuple | list) and len(digits) > _MOST_DIGITS
        if long or (isinstance(exponent, int) and abs(exponent) > _MOST_EXPONENT):
            raise _too_long(run)
    large = size(value)
    if large > _USUAL_PRECISION:
        run.meter.charge(large * large >> 8)
        _slow_down(run, min(large, _MOST_DIGITS))


def _check_text(run: Run, text: str, most: int) -> None:
    if len(text) > _MOST_DIGITS:
        raise _too_long(run)
    for exponent in _EXPONENT.findall(text):
        plain = exponent.replace("_", "").lstrip("+-").lstrip("0")
        if len(plain) > len(str(most)) or (plain and int(plain) > most):
            raise _too_long(run)


def _too_long(run: Run) -> BaseException:
    return run.meter.stop(
        "memory",
        f"a number of more than {_MOST_DIGITS:,} digits, or beyond 10**{_MOST_EXPONENT:,}, is not offered",
    )


class Fractions(ModuleView):
    """`fractions`."""

    __slots__ = ()
    __named__ = "fractions"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(Fraction, self.__fraction__)

    def __fraction__(self, numerator: Any = 0, denominator: Any = None) -> Fraction:
        run = self.__run__
        for part in (numerator, denominator):
            if isinstance(part, str):
                _check_text(run, part, _MOST_POWER)
            elif isinstance(part, Decimal):
                run.bounded_decimal(part)
            elif part is not None and type(part) not in (int, float, bool, Fraction):
                raise run.meter.stop("offer", f"a Fraction of a {type(part).__name__} is not offered")
        large = size(numerator) + size(denominator)
        if large * 8 > INTEGER_BITS * 2:
            raise run.too_large_integer()
        if large > _USUAL_PRECISION:
            run.meter.charge(large * large >> 8)
        return Fraction(numerator, denominator)

"""Numbers: math, cmath and numbers. What makes integers is measured first; what goes over many values takes a step for each."""

from __future__ import annotations

import cmath
import math
import numbers
from itertools import islice
from typing import TYPE_CHECKING, Any

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.modules.stands import stand
from ringfence.restricted.modules.view import ModuleView, offer_natively, whole, words
from ringfence.restricted.weigh import size

if TYPE_CHECKING:
    from ringfence.restricted.run import Run

_MOST_FACTORIAL = 5_900
_AT_ONCE = 1024
_EXACT = 1 << 50
_SHORT = 1 << 12
_FLOATS = words(
    "acos acosh asin asinh atan atan2 atanh cbrt copysign cos cosh degrees erf erfc exp exp2 expm1 fabs fma fmod frexp gamma isclose "
    "isfinite isinf isnan ldexp lgamma log log10 log1p log2 modf nextafter pow radians remainder signbit sin sinh sqrt tan tanh "
    "ulp isnormal issubnormal fmax fmin"
)
_CONSTANTS = ("pi", "e", "tau", "inf", "nan")


class Math(ModuleView):
    """`math`."""

    __slots__ = ()
    __named__ = "math"

    def factorial(self, n: Any) -> int:
        """Return n!, as far as it is no larger than integers may be."""
        if whole(n, _MOST_FACTORIAL):
            raise self.__run__.too_large_integer()
        return math.factorial(n)

    def comb(self, n: Any, k: Any) -> int:
        """Return how many ways there are to choose k of n."""
        if isinstance(n, int) and isinstance(k, int) and 0 <= k <= n and n > INTEGER_BITS:
            fewer = min(k, n - k)
            _bound_product(self.__run__, n, fewer, math.lgamma(fewer + 1) if fewer < _EXACT else math.inf)
        self.__run__.meter.charge(size(n) + 1000 if whole(n, _SHORT) else 1)
        return math.comb(n, k)

    def perm(self, n: Any, k: Any = None) -> int:
        """Return how many ways there are to arrange k of n."""
        if k is None:
            return self.factorial(n)
        if isinstance(n, int) and isinstance(k, int) and 0 <= k <= n:
            _bound_product(self.__run__, n, k, 0.0)
        return math.perm(n, k)

    def gcd(self, *integers: Any) -> int:
        """Return the greatest common divisor."""
        for integer in integers:
            _pay_quadratic(self.__run__, integer)
        return math.gcd(*integers)

    def lcm(self, *integers: Any) -> int:
        """Return the least common multiple, as far as it is no larger than integers may be."""
        bits = sum(integer.bit_length() for integer in integers if isinstance(integer, int))
        if bits > INTEGER_BITS:
            raise self.__run__.too_large_integer()
        for integer in integers:
            _pay_quadratic(self.__run__, integer)
        return math.lcm(*integers)

    def isqrt(self, n: Any) -> int:
        """Return the integer square root."""
        _pay_quadratic(self.__run__, n)
        return math.isqrt(n)

    def prod(self, iterable: Any, *, start: Any = 1) -> Any:
        """Multiply: by Python's own `prod` as long as there are floats, else one by one."""
        total, run = start, self.__run__
        items = iter(run.metered(iterable))
        while chunk := list(islice(items, _AT_ONCE)):
            if type(total) is float and set(map(type, chunk)) == {float}:
                total = math.prod(chunk, start=total)
            else:
                for item in chunk:
                    total = run.mul(total, item)
        return total

    def fsum(self, seq: Any) -> float:
        """Add up floats without losing precision."""
        return math.fsum(self.__run__.metered(seq))

    def sumprod(self, p: Any, q: Any) -> Any:
        """Add up the products of two sequences of floats or integers."""
        run = self.__run__
        first, second = run.listed(p), run.listed(q)
        if not set(map(type, first)) | set(map(type, second)) <= {int, float, bool}:
            raise run.meter.stop("offer", "math.sumprod is offered for int and float only")
        if max(map(size, first), default=0) + max(map(size, second), default=0) > INTEGER_BITS >> 4:
            raise run.too_large_integer()
        return math.sumprod(first, second)  # type: ignore[attr-defined, unused-ignore]

    def dist(self, p: Any, q: Any) -> float:
        """Return the distance of two points."""
        return math.dist(self.__run__.listed(p), self.__run__.listed(q))

    def hypot(self, *coordinates: Any) -> float:
        """Return the distance from the origin."""
        self.__run__.meter.charge(len(coordinates) >> 2)
        return math.hypot(*coordinates)

    def ceil(self, x: Any) -> Any:
        """Return the smallest integer that is no less."""
        return math.ceil(self.__run__.bounded_decimal(x) if hasattr(x, "adjusted") else x)

    def floor(self, x: Any) -> Any:
        """Return the largest integer that is no more."""
        return math.floor(self.__run__.bounded_decimal(x) if hasattr(x, "adjusted") else x)

    def trunc(self, x: Any) -> Any:
        """Return the integer part."""
        return math.trunc(self.__run__.bounded_decimal(x) if hasattr(x, "adjusted") else x)


def _bound_product(run: Run, n: int, factors: int, less: float) -> None:
    """End the evaluation where a product of so many factors, counted down from n, is too large an integer."""
    if factors * n.bit_length() <= INTEGER_BITS:
        return
    bits = (
        (math.lgamma(n + 1) - math.lgamma(n - factors + 1) - less) / math.log(2) if n < _EXACT else math.inf
    )
    if not bits < INTEGER_BITS:
        raise run.too_large_integer()
    run.meter.charge(int(bits))


def _pay_quadratic(run: Run, value: Any) -> None:
    if whole(value, 1 << _SHORT) or whole(-value if isinstance(value, int) else 0, 1 << _SHORT):
        run.meter.charge(size(value) * size(value) >> 8)


offer_natively(Math, math, (*_FLOATS, *_CONSTANTS))
if not hasattr(math, "sumprod"):
    del Math.sumprod


class ComplexMath(ModuleView):
    """`cmath`."""

    __slots__ = ()
    __named__ = "cmath"


offer_natively(ComplexMath, cmath, [name for name in dir(cmath) if not name.startswith("_")])


class Numbers(ModuleView):
    """`numbers`: kinds to test values against."""

    __slots__ = ()
    __named__ = "numbers"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        for name in ("Number", "Complex", "Real", "Rational", "Integral"):
            vars(self)[name] = stand(run, getattr(numbers, name))

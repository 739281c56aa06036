"""Averages: statistics, of numbers whose exact sums stay small.

The library adds up exactly, with fractions. So what goes in is bounded: integers and fractions in bits, decimals in their exponents.
"""

from __future__ import annotations

import statistics
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.modules.view import ModuleView, whole, words
from ringfence.restricted.weigh import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_STEPS = 40
"""What one number takes in an exact sum."""
_FLOATS = frozenset((int, float, bool))
_MOST_INTEGER = 1 << 1100
_MOST_POWER = 400
_MOST_GROUPS = 10_000
_EXACT = words("mean harmonic_mean stdev pstdev variance pvariance fmean geometric_mean")
_PAIRS = words("correlation covariance linear_regression")
_SORTED = words("median median_low median_high")


class Statistics(ModuleView):
    """`statistics`."""

    __slots__ = ()
    __named__ = "statistics"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(statistics.StatisticsError)

    def median_grouped(self, data: Any, interval: Any = 1) -> Any:
        """Return the median of grouped numbers."""
        return statistics.median_grouped(_numbers(self.__run__, data), interval)

    def mode(self, data: Any) -> Any:
        """Return the most frequent value."""
        return statistics.mode(self.__run__.hashable(data))

    def multimode(self, data: Any) -> list[Any]:
        """Return the most frequent values."""
        return statistics.multimode(self.__run__.hashable(data))

    def quantiles(self, data: Any, *, n: Any = 4, method: Any = "exclusive") -> list[Any]:
        """Return where groups of the same size begin."""
        run = self.__run__
        if whole(n, _MOST_GROUPS):
            raise run.meter.stop("offer", f"more than {_MOST_GROUPS:,} quantiles are not offered")
        run.meter.charge(n * _STEPS if isinstance(n, int) else 0)
        return statistics.quantiles(run.do_sorted(_numbers(run, data)), n=n, method=method)


def _numbers(run: Run, data: Any) -> Any:
    """Return numbers in a list, which have been paid for.

    Raises:
        Stopped: they are too large to be added up exactly, or no numbers of the library.

    """
    listed = run.listed(data)
    run.meter.charge(len(listed) * _STEPS)
    kinds = set(map(type, listed))
    if int in kinds and not all(-_MOST_INTEGER < n < _MOST_INTEGER for n in listed if type(n) is int):
        raise run.meter.stop("offer", "statistics of integers of this size are not offered")
    if not kinds <= _FLOATS:
        _bound_exact(run, listed)
    return listed


def _bound_exact(run: Run, listed: Any) -> None:
    bits = 0
    for value in listed:
        if type(value) is Fraction:
            bits += size(value) * 8
        elif type(value) is Decimal:
            if value.is_finite() and abs(value.adjusted()) + len(value.as_tuple().digits) > _MOST_POWER:
                raise run.meter.stop(
                    "offer", f"statistics of Decimals beyond 10**{_MOST_POWER} are not offered"
                )
        elif type(value) not in _FLOATS and not isinstance(value, str | bytes | list | tuple | dict | None):
            raise run.meter.stop("offer", f"statistics of a {type(value).__name__} are not offered")
    if bits > INTEGER_BITS >> 1:
        raise run.too_large_integer()
    run.meter.charge(bits * len(listed) >> 8)


def _of_numbers(name: str, series: int) -> Callable[..., Any]:
    """Return a method that bounds its first arguments, and whatever weights or averages there are besides."""
    library = getattr(statistics, name)

    def method(self: Statistics, /, *args: Any, **options: Any) -> Any:
        run = self.__run__
        bounded = [_numbers(run, data) for data in args[:series]]
        for known in (*args[series:], *options.values()):
            if known is not None and type(known) not in (int, float, bool, str):
                _numbers(run, known if isinstance(known, list | tuple) else (known,))
        named = {
            key: _numbers(run, value) if key in ("data", "x", "y") else value
            for key, value in options.items()
        }
        return library(*bounded, *args[series:], **named)

    method.__name__ = method.__qualname__ = name
    return method


def _of_sorted(name: str) -> Callable[..., Any]:
    library = getattr(statistics, name)

    def method(self: Statistics, data: Any) -> Any:
        return library(self.__run__.do_sorted(data))

    method.__name__ = method.__qualname__ = name
    return method


for _name in _EXACT:
    setattr(Statistics, _name, _of_numbers(_name, 1))
for _name in _PAIRS:
    setattr(Statistics, _name, _of_numbers(_name, 2))
for _name in _SORTED:
    setattr(Statistics, _name, _of_sorted(_name))

"""The guards of operators: what an operation would make is measured before it is made."""

from __future__ import annotations

import operator
import re
from collections import Counter, OrderedDict
from decimal import Decimal
from fractions import Fraction
from itertools import compress
from types import GeneratorType
from typing import TYPE_CHECKING, Any

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.meter import SMALL
from ringfence.restricted.objects import SnippetType
from ringfence.restricted.shallow import deque
from ringfence.restricted.weigh import are_small, size, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.restricted.meter import Meter

_ordered_views: tuple[Any, ...] = (OrderedDict().keys(), OrderedDict().items(), OrderedDict().values())
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.items()), type({}.values()), *map(type, _ordered_views))
_HASHED: tuple[type, ...] = (set, frozenset, dict, *_VIEWS)
_FEW = 8
_MODEST = 1024
_MOST_WIDTH = 10_000
_MOST_DIGITS = 5
_WIDTHS = re.compile(r"%(?:\([^)]*\))?[-#0 +]*(\*|\d+)?(?:\.(\*|\d+))?")
_BYTE_WIDTHS = re.compile(_WIDTHS.pattern.encode())
_COUNTS = frozenset((int, float, bool, Decimal))
_SEQUENCES = (str, bytes, bytearray, list, tuple, deque)


_CONTAINERS = frozenset((list, tuple, set, frozenset, dict, str, bytes, bytearray, range))


class Hop:
    """An iterator that asks another one, in Python: iterators within iterators, all in C, would overrun the stack of the process."""

    __slots__ = ("__inner__",)

    def __init__(self, inner: Iterator[Any]) -> None:
        self.__inner__ = inner

    def __iter__(self) -> Hop:
        return self

    def __next__(self) -> Any:
        return next(self.__inner__)


class Operators:
    """Guards of operators, one method each. `meter` counts."""

    __slots__ = ()
    meter: Meter
    pairs: Callable[[Any], Any]
    bounded_decimal: Callable[[Decimal], Decimal]

    def add(self, a: Any, b: Any) -> Any:
        kind = type(a)
        if kind is int or kind is float:
            return a + b
        if kind is str and type(b) is str:
            if len(a) + len(b) > SMALL:
                self.meter.grow(size(a) + size(b))
            return a + b
        return self._linear(operator.add, a, b)

    def sub(self, a: Any, b: Any) -> Any:
        kind = type(a)
        if kind is int or kind is float:
            return a - b
        return self._linear(operator.sub, a, b)

    def mul(self, a: Any, b: Any) -> Any:
        kind, other = type(a), type(b)
        if kind is float or other is float:
            return a * b
        if kind is int and other is int and a.bit_length() < _MODEST and b.bit_length() < _MODEST:
            return a * b
        self._measure_product(a, b)
        return a * b

    def truediv(self, a: Any, b: Any) -> Any:
        kind = type(a)
        if kind is int or kind is float:
            return a / b
        return self._linear(operator.truediv, a, b)

    def floordiv(self, a: Any, b: Any) -> Any:
        if type(a) is int and type(b) is int and a.bit_length() < _MODEST:
            return a // b
        return self._quadratic(operator.floordiv, a, b)

    def mod(self, a: Any, b: Any) -> Any:
        kind = type(a)
        if kind is int and type(b) is int and a.bit_length() < _MODEST:
            return a % b
        if kind is float:
            return a % b
        if kind in (str, bytes, bytearray):
            return self._printf(a, b)
        return self._quadratic(operator.mod, a, b)

    def pow(self, a: Any, b: Any) -> Any:
        if type(a) is float or type(b) is float:
            return a**b
        self._measure_power(a, b)
        return a**b

    def lshift(self, a: Any, b: Any) -> Any:
        if isinstance(a, int) and isinstance(b, int) and b > 0 and a and a.bit_length() + b > INTEGER_BITS:
            raise self.too_large_integer()
        return a << b

    def rshift(self, a: Any, b: Any) -> Any:
        return a >> b

    def or_(self, a: Any, b: Any) -> Any:
        return self._linear(operator.or_, a, b)

    def xor(self, a: Any, b: Any) -> Any:
        return self._linear(operator.xor, a, b)

    def and_(self, a: Any, b: Any) -> Any:
        return self._linear(operator.and_, a, b)

    def matmul(self, a: Any, b: Any) -> Any:
        return a @ b

    # In place

    def iadd(self, a: Any, b: Any) -> Any:
        kind = type(a)
        if kind is int or kind is float:
            return a + b
        if kind is str and type(b) is str:
            if len(a) + len(b) > SMALL:
                self.meter.grow(size(a) + size(b))
            return a + b
        if isinstance(a, list | deque | bytearray):
            if b is a:
                b = list(b)
            a += self.metered(b)
            return a
        return self._linear(operator.iadd, a, b)

    def imul(self, a: Any, b: Any) -> Any:
        kind, other = type(a), type(b)
        if kind is float or other is float:
            return a * b
        self._measure_product(a, b)
        a *= b
        return a

    def ior(self, a: Any, b: Any) -> Any:
        if isinstance(a, dict) and not isinstance(b, dict):
            b = self.pairs(b)
        return self._linear(operator.ior, a, b)

    # How large a result is

    def too_large_integer(self) -> BaseException:
        """End the evaluation: an operation would make an integer that is too large."""
        return self.meter.stop("memory", f"an integer would take more than {INTEGER_BITS:,} bits")

    def metered(self, values: Any) -> Any:
        """Return an iterable over the same values: one that has been paid for, or one that takes a step for each item."""
        kind = type(values)
        if kind in _CONTAINERS and kind is not range:
            if len(values) > SMALL:
                self.meter.grow(len(values) * 8)
                self.meter.charge(len(values) >> 4)
            return values
        try:
            return self.feed(values)
        except TypeError:
            if hasattr(kind, "__iter__"):
                raise
            return values  # nothing to iterate over: whoever takes it says so in Python's own words

    def feed(self, values: Any) -> Any:
        """Return an iterator over values that takes a step for each, to be consumed in C.

        Raises:
            TypeError: there is nothing to iterate over, in Python's own words.

        """
        kind = type(values)
        if kind in _CONTAINERS or kind is GeneratorType or type(kind) is SnippetType:
            return compress(values, self.meter.steps)
        return compress(Hop(iter(values)), self.meter.steps)

    def kept(self, values: Any) -> Any:
        """Return what a generator expression keeps to iterate over."""
        kind = type(values)
        if kind in _CONTAINERS or type(kind) is SnippetType or not hasattr(kind, "__next__"):
            return values
        return Hop(values)

    def light(self, value: Any) -> Any:
        """Return a value, after taking the steps that it costs to compare, hash or show it."""
        kind = type(value)
        if kind is int or kind is float:
            return value
        if kind is str:
            if len(value) > SMALL:
                self.meter.charge(len(value) >> 9)
            return value
        if value is not None and kind is not bool and not (kind is tuple and _is_short(value)):
            weigh(self.meter, value)
        return value

    def light_items(self, values: Any) -> Any:
        """Return a metered iterable over values that are about to be hashed or compared."""
        return map(self.light, self.metered(values))

    def _linear(self, operation: Any, a: Any, b: Any) -> Any:
        """Do what takes as long as its operands are large."""
        if isinstance(a, _HASHED) or isinstance(b, _HASHED):
            b = self._pay_to_merge(a, b)
        total = size(a) + size(b)
        if total > SMALL:
            if type(a) is Fraction or type(b) is Fraction:
                self._measure_fractions(a, b)
            self.meter.grow(total)
            self.meter.charge(total >> 7)
        if type(a) is Counter and type(b) is Counter:
            self.plain_counts(a)
            self.plain_counts(b)
        return operation(a, b)

    def _pay_to_merge(self, a: Any, b: Any) -> Any:
        """Pay for the items of sets, dicts and their views, which are hashed and compared; return the other side, as a list if need be."""
        if (
            isinstance(a, _VIEWS)
            and not isinstance(b, (*_HASHED, list, tuple))
            and hasattr(type(b), "__iter__")
        ):
            b = list(self.metered(b))
        side: Any
        for side in (a, b):
            if isinstance(side, (*_HASHED, list, tuple)) and not are_small(side):
                self.light(list(side))  # type: ignore[call-overload]  # what has been tested for above
        return b

    def plain_counts(self, counts: Any) -> Any:
        """Return a mapping of elements to counts, none of which grows by being added up."""
        self.meter.charge(len(counts) >> 3)
        if not set(map(type, counts.values())) <= _COUNTS:
            raise self.meter.stop("offer", "a Counter whose counts are no plain numbers is not offered here")
        return counts

    def _quadratic(self, operation: Any, a: Any, b: Any) -> Any:
        """Do what takes as long as the product of its operands' sizes: division of large integers."""
        larger = max(size(a), size(b))
        if larger > SMALL >> 4:
            self._measure_fractions(a, b)
            self.meter.charge((larger * larger) >> 10)
        return operation(a, b)

    def _measure_fractions(self, a: Any, b: Any) -> None:
        if (size(a) + size(b)) * 8 > INTEGER_BITS * 2:
            raise self.too_large_integer()

    def _measure_product(self, a: Any, b: Any) -> None:
        for sequence, times in ((a, b), (b, a)):
            if isinstance(sequence, _SEQUENCES):
                if isinstance(times, int) and times > 1:
                    self.meter.grow(_length_in_bytes(sequence) * times)
                return
        larger, total = max(size(a), size(b)), size(a) + size(b)
        if total * 8 > INTEGER_BITS:
            raise self.too_large_integer()
        if total > SMALL >> 2:
            self.meter.charge((larger * larger) >> 11)

    def _measure_power(self, a: Any, b: Any) -> None:
        if isinstance(b, int) and (b > 1 or b < -1) and isinstance(a, int | Fraction) and size_in_bits(a) > 1:
            bits = size_in_bits(a) * abs(b)
            if bits > INTEGER_BITS and not (isinstance(a, int) and b < 0):
                raise self.too_large_integer()
            self.meter.charge(bits >> 7)

    def _printf(self, text: Any, values: Any) -> Any:
        """Format in the old way: widths are bounded, and what is shown is weighed."""
        total = 0
        for widths in (_WIDTHS if type(text) is str else _BYTE_WIDTHS).findall(text):
            for width in widths:
                if width in ("*", b"*") or (
                    width and (len(width) > _MOST_DIGITS or int(width) > _MOST_WIDTH)
                ):
                    raise self.meter.stop(
                        "offer", f"a width of more than {_MOST_WIDTH:,} characters is not offered"
                    )
                total += int(width or 0)
        self.meter.grow(size(text) + total * 4 + weigh(self.meter, values))
        for value in (
            values if type(values) is tuple else values.values() if isinstance(values, dict) else (values,)
        ):
            if type(value) is Decimal:
                self.bounded_decimal(value)
        return text % values


def _length_in_bytes(sequence: Any) -> int:
    """Return how many bytes the items of a sequence take, without what an object takes besides."""
    if isinstance(sequence, str):
        return len(sequence) * (1 if sequence.isascii() else 4)
    return len(sequence) if isinstance(sequence, bytes | bytearray) else size(sequence)


def _is_short(values: tuple[Any, ...]) -> bool:
    """Return whether a tuple holds a few short texts and numbers: what most keys are."""
    if len(values) > _FEW:
        return False
    for value in values:
        kind = type(value)
        if kind is str:
            if len(value) > SMALL:
                return False
        elif kind is not int and kind is not float and kind is not bool and value is not None:
            return False
    return True


def size_in_bits(value: int | Fraction) -> int:
    """Return how many bits a number takes."""
    if isinstance(value, Fraction):
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    return value.bit_length()

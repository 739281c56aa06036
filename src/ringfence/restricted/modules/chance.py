"""Chance: random. An evaluation draws from a source of its own, which its seed makes repeatable; the host's is never touched."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.modules.view import ModuleView, whole, words

if TYPE_CHECKING:
    from ringfence.restricted.run import Run

_MOST_PARAMETER = 1e15
_MOST_ITEMS = 1_000_000
_STATE_WORDS = 625
_STATE_PARTS = 3
_NUMBERS = frozenset((int, float, bool))
_PLAIN = words(
    "random uniform triangular expovariate gauss normalvariate lognormvariate paretovariate weibullvariate randrange randint getstate"
)
"""Draws that end whatever they are given, in the time of a few multiplications."""


class Source:
    """A source of random numbers, with the methods of `random.Random`.

    Arguments:
        run: the evaluation.
        seed: what it starts from; None: what the system gives.

    """

    __slots__ = ("__dict__", "__run__", "__source__")

    def __init__(self, run: Run, seed: Any = None) -> None:
        self.__run__ = run
        self.__source__ = random.Random()  # noqa: S311 - it is what a snippet asks for
        if seed is not None:
            self.seed(seed)
        for name in _PLAIN:
            vars(self)[name] = getattr(self.__source__, name)

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Start from a number or a text."""
        if isinstance(a, str | bytes | bytearray):
            self.__run__.meter.charge(len(a) >> 2)
        if not isinstance(a, int | float | str | bytes | bytearray | None):
            raise TypeError(
                "The only supported seed types are: None,\nint, float, str, bytes, and bytearray."
            )
        self.__source__.seed(a, version)

    def setstate(self, state: Any) -> None:
        """Go on from what `getstate` gave."""
        sound = type(state) is tuple and len(state) == _STATE_PARTS and type(state[1]) is tuple
        if not sound or len(state[1]) != _STATE_WORDS or set(map(type, state[1])) != {int}:
            raise self.__run__.meter.stop("offer", "random.setstate is offered with what getstate gave only")
        self.__source__.setstate(state)

    def getrandbits(self, k: Any, /) -> int:
        """Return an integer of so many random bits."""
        if whole(k, INTEGER_BITS):
            raise self.__run__.too_large_integer()
        return self.__source__.getrandbits(k)

    def randbytes(self, n: Any) -> bytes:
        """Return so many random bytes."""
        if whole(n, 1024):
            self.__run__.meter.grow(n * 4)
        return self.__source__.randbytes(n)

    def choice(self, seq: Any) -> Any:
        """Return one of the items."""
        return self.__source__.choice(seq)

    def shuffle(self, x: Any) -> None:
        """Put a list into random order."""
        if type(x) is not list:
            raise self.__run__.meter.stop("offer", "random.shuffle is offered for lists")
        self.__run__.meter.charge(len(x) * 10)
        self.__source__.shuffle(x)

    def choices(
        self, population: Any, weights: Any = None, *, cum_weights: Any = None, k: Any = 1
    ) -> list[Any]:
        """Return so many items, each drawn from all of them."""
        run = self.__run__
        weights = _listed_numbers(run, weights)
        cum_weights = _listed_numbers(run, cum_weights)
        self.__pay__(k, 6)
        return self.__source__.choices(population, weights, cum_weights=cum_weights, k=k)

    def sample(self, population: Any, k: Any, *, counts: Any = None) -> list[Any]:
        """Return so many different items."""
        run = self.__run__
        counts = _listed_numbers(run, counts)
        self.__pay__(k, 24)
        if isinstance(population, list | tuple | str | bytes | bytearray):
            run.meter.charge(len(population) >> 3)
        return self.__source__.sample(population, k, counts=counts)

    def __pay__(self, items: Any, steps: int) -> None:
        if isinstance(items, int) and items > 0:
            if items > _MOST_ITEMS:
                raise self.__run__.meter.stop(
                    "memory", f"more than {_MOST_ITEMS:,} items at once are not offered"
                )
            self.__run__.meter.grow(items * 16)
            self.__run__.meter.charge(items * steps)

    def betavariate(self, alpha: Any, beta: Any) -> float:
        """Draw from a beta distribution."""
        return self.__source__.betavariate(*_finite(self.__run__, alpha, beta))

    def gammavariate(self, alpha: Any, beta: Any) -> float:
        """Draw from a gamma distribution."""
        return self.__source__.gammavariate(*_finite(self.__run__, alpha, beta))

    def vonmisesvariate(self, mu: Any, kappa: Any) -> float:
        """Draw from a von Mises distribution."""
        return self.__source__.vonmisesvariate(*_finite(self.__run__, mu, kappa))

    def binomialvariate(self, n: Any = 1, p: Any = 0.5) -> int:
        """Draw from a binomial distribution."""
        draw: Any = getattr(self.__source__, "binomialvariate", None)
        if draw is None:
            raise AttributeError("module 'random' has no attribute 'binomialvariate'")
        return int(draw(*_finite(self.__run__, n, p)))


def _finite(run: Run, *parameters: Any) -> tuple[Any, ...]:
    """Return parameters with which drawing ends: the library tries until a number fits, and with these none would."""
    for value in parameters:
        if type(value) not in _NUMBERS or not math.isfinite(value) or abs(value) > _MOST_PARAMETER:
            raise run.meter.stop(
                "offer", f"parameters of distributions beyond {_MOST_PARAMETER:g} are not offered"
            )
    return parameters


def _listed_numbers(run: Run, values: Any) -> Any:
    if values is None:
        return None
    listed = run.listed(values)
    if not set(map(type, listed)) <= _NUMBERS:
        raise run.meter.stop("offer", "weights and counts are offered as int and float only")
    return listed


class Chance(ModuleView):
    """`random`: a source of its own, and how to make another."""

    __slots__ = ()
    __named__ = "random"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        source = Source(run, run.seed)
        for name in [*_PLAIN, *(name for name in vars(Source) if not name.startswith("_"))]:
            if hasattr(random, name):
                vars(self)[name] = getattr(source, name)
        vars(self)["Random"] = run.offer_type(Source, lambda x=None: Source(run, x))

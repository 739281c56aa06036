"""Iterating: itertools. What goes into an iterator takes a step for each item, so an iterator that skips or waits is metered too."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from ringfence.restricted.meter import SMALL
from ringfence.restricted.modules.view import ModuleView, offer_natively, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.restricted.run import Run

_MOST_WIDTH = 1_000
_MOST_BATCH = 100_000


class Itertools(ModuleView):
    """`itertools`."""

    __slots__ = ()
    __named__ = "itertools"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        vars(self)["chain"] = _Chain(run)

    def repeat(self, object: Any, *times: Any, **named: Any) -> Iterator[Any]:  # noqa: A002 - as the library has it
        """Repeat a value."""
        return self.__run__.each(itertools.repeat(self.__run__.held(object), *times, **named))

    def cycle(self, iterable: Any, /) -> Iterator[Any]:
        """Repeat values."""
        return itertools.cycle(self.__run__.each(iterable))

    def accumulate(self, iterable: Any, func: Any = None, *, initial: Any = None) -> Iterator[Any]:
        """Return running totals."""
        run = self.__run__
        return itertools.accumulate(
            run.each(iterable), run.add if func is None else run.held(func), initial=run.held(initial)
        )

    def batched(self, iterable: Any, n: Any, **options: Any) -> Iterator[Any]:
        """Return batches."""
        if whole(n, SMALL >> 3):
            _bound(self.__run__, n, _MOST_BATCH)
            self.__run__.meter.grow(n * 8)
        return itertools.batched(self.__run__.each(iterable), n, **options)  # type: ignore[attr-defined, no-any-return, unused-ignore]

    def compress(self, data: Any, selectors: Any) -> Iterator[Any]:
        """Return the values whose selectors are true."""
        return itertools.compress(self.__run__.each(data), self.__run__.each(selectors))

    def dropwhile(self, predicate: Any, iterable: Any, /) -> Iterator[Any]:
        """Return the values from the first one that fails."""
        return itertools.dropwhile(self.__run__.held(predicate), self.__run__.each(iterable))

    def takewhile(self, predicate: Any, iterable: Any, /) -> Iterator[Any]:
        """Return the values before the first one that fails."""
        return itertools.takewhile(self.__run__.held(predicate), self.__run__.each(iterable))

    def filterfalse(self, function: Any, iterable: Any, /) -> Iterator[Any]:
        """Return the values that fail."""
        return itertools.filterfalse(self.__run__.held(function), self.__run__.each(iterable))

    def groupby(self, iterable: Any, key: Any = None) -> Iterator[Any]:
        """Return runs of values with the same key."""
        run = self.__run__
        if key is None:
            return itertools.groupby(run.light_items(run.each(iterable)))
        return itertools.groupby(run.each(iterable), lambda item: run.light(key(item)))

    def islice(self, iterable: Any, /, *bounds: Any) -> Iterator[Any]:
        """Return some of the values."""
        return itertools.islice(self.__run__.each(iterable), *bounds)

    def pairwise(self, iterable: Any, /) -> Iterator[Any]:
        """Return pairs of neighbours."""
        return itertools.pairwise(self.__run__.each(iterable))

    def starmap(self, function: Any, iterable: Any, /) -> Iterator[Any]:
        """Call a function with each of the values as its arguments."""
        run = self.__run__
        return itertools.starmap(run.held(function), run.spread_each(run.each(iterable)))

    def tee(self, iterable: Any, n: Any = 2, /) -> tuple[Iterator[Any], ...]:
        """Return several iterators over the same values."""
        _bound(self.__run__, n, _MOST_WIDTH)
        return itertools.tee(self.__run__.each(iterable), n)

    def zip_longest(self, *iterables: Any, fillvalue: Any = None) -> Iterator[Any]:
        """Return tuples, filled up."""
        return itertools.zip_longest(
            *map(self.__run__.each, iterables), fillvalue=self.__run__.held(fillvalue)
        )

    def product(self, *iterables: Any, repeat: Any = 1) -> Iterator[Any]:
        """Return every choice of one value from each."""
        run = self.__run__
        _bound(run, len(iterables) * repeat if isinstance(repeat, int) else 0, _MOST_WIDTH)
        pools = [run.listed(values) for values in iterables]
        return itertools.product(*pools, repeat=repeat)

    def combinations(self, iterable: Any, r: Any) -> Iterator[Any]:
        """Return every choice of r values."""
        _bound(self.__run__, r, _MOST_WIDTH)
        return itertools.combinations(self.__run__.listed(iterable), r)

    def combinations_with_replacement(self, iterable: Any, r: Any) -> Iterator[Any]:
        """Return every choice of r values, which may be the same."""
        _bound(self.__run__, r, _MOST_WIDTH)
        return itertools.combinations_with_replacement(self.__run__.listed(iterable), r)

    def permutations(self, iterable: Any, r: Any = None) -> Iterator[Any]:
        """Return every order of r values."""
        pool = self.__run__.listed(iterable)
        _bound(self.__run__, len(pool) if r is None else r, _MOST_WIDTH)
        return itertools.permutations(pool, r)


offer_natively(Itertools, itertools, ["count"])
if not hasattr(itertools, "batched"):
    del Itertools.batched


def _bound(run: Run, width: Any, most: int) -> None:
    if whole(width, most):
        raise run.meter.stop("memory", f"tuples of more than {most:,} items are not offered in itertools")


class _Chain:
    """`itertools.chain`."""

    __slots__ = ("__run__",)

    def __init__(self, run: Run) -> None:
        self.__run__ = run

    def __call__(self, *iterables: Any) -> Iterator[Any]:
        return itertools.chain(*map(self.__run__.each, iterables))

    def from_iterable(self, iterable: Any, /) -> Iterator[Any]:
        """Return the values of values."""
        run = self.__run__
        return itertools.chain.from_iterable(map(run.each, run.each(iterable)))

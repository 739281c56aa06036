"""Ordered containers: heapq and bisect. Whatever is compared has been weighed.

The library's C code compares values that lie in a heap for long, so taking from one is written out here: each comparison pays.
"""

from __future__ import annotations

import bisect
import heapq
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.view import ModuleView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.restricted.run import Run

_MOST_MERGED = 1_000


class Heapq(ModuleView):
    """`heapq`."""

    __slots__ = ()
    __named__ = "heapq"

    def heappush(self, heap: Any, item: Any, /) -> None:
        """Put an item on a heap."""
        self.__run__.light(item)
        heapq.heappush(heap, item)

    def heappop(self, heap: Any, /) -> Any:
        """Take the smallest item off a heap."""
        if type(heap) is not list or not heap:
            return heapq.heappop(heap)  # raises what Python says
        last = heap.pop()
        return _replace_first(self.__run__, heap, last) if len(heap) > 0 else last

    def heapreplace(self, heap: Any, item: Any, /) -> Any:
        """Take the smallest item off a heap, and put another on it."""
        if type(heap) is not list or not heap:
            return heapq.heapreplace(heap, item)
        return _replace_first(self.__run__, heap, item)

    def heappushpop(self, heap: Any, item: Any, /) -> Any:
        """Put an item on a heap, and take the smallest off it."""
        if type(heap) is not list:
            return heapq.heappushpop(heap, item)
        self.__run__.light(item)
        return _replace_first(self.__run__, heap, item) if heap and heap[0] < item else item

    def heapify(self, x: Any, /) -> None:
        """Make a list a heap."""
        if type(x) is not list:
            heapq.heapify(x)
            return
        self.__run__.meter.charge(len(x))
        for item in x:
            self.__run__.light(item)
        heapq.heapify(x)

    def nlargest(self, n: Any, iterable: Any, key: Any = None) -> list[Any]:
        """Return the largest items."""
        return self.__first__(n, self.__run__.do_sorted(iterable, key=key, reverse=True))

    def nsmallest(self, n: Any, iterable: Any, key: Any = None) -> list[Any]:
        """Return the smallest items."""
        return self.__first__(n, self.__run__.do_sorted(iterable, key=key))

    def __first__(self, n: Any, items: list[Any]) -> list[Any]:
        if not isinstance(n, int):
            raise TypeError(f"{type(n).__name__!r} object cannot be interpreted as an integer")
        return items[: max(0, n)]

    def merge(self, *iterables: Any, key: Any = None, reverse: Any = False) -> Iterator[Any]:
        """Return the items of sorted iterables in order."""
        run = self.__run__
        if len(iterables) > _MOST_MERGED:
            raise run.meter.stop(
                "offer", f"more than {_MOST_MERGED:,} iterables are not offered in heapq.merge"
            )
        if key is None:
            return iter(heapq.merge(*map(run.light_items, iterables), reverse=reverse))
        return iter(
            heapq.merge(*map(run.each, iterables), key=lambda item: run.light(key(item)), reverse=reverse)
        )


def _replace_first(run: Run, heap: list[Any], item: Any) -> Any:
    """Put an item in the place of the first one of a heap, and return that: down to a leaf first, then up to where it belongs."""
    first = heap[0]
    heap[0] = item
    light, length, place = run.light, len(heap), 0
    run.meter.charge(length.bit_length() * 4)
    while (child := 2 * place + 1) < length:
        right = child + 1
        if right < length and not light(heap[child]) < heap[right]:
            child = right
        heap[place] = heap[child]
        place = child
    heap[place] = item
    light(item)
    while place:
        parent = (place - 1) >> 1
        if not item < heap[parent]:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = item
    return first


class Bisect(ModuleView):
    """`bisect`."""

    __slots__ = ()
    __named__ = "bisect"

    def __find__(self, search: Callable[..., int], a: Any, x: Any, lo: Any, hi: Any, key: Any) -> int:
        run = self.__run__
        run.light(x)
        run.meter.charge(4)
        return search(a, x, lo, hi, key=key)

    def bisect_left(self, a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> int:
        """Return where a value would go, before equal ones."""
        return self.__find__(bisect.bisect_left, a, x, lo, hi, key)

    def bisect_right(self, a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> int:
        """Return where a value would go, after equal ones."""
        return self.__find__(bisect.bisect_right, a, x, lo, hi, key)

    bisect = bisect_right

    def insort_left(self, a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> None:
        """Put a value where it goes, before equal ones."""
        where = self.bisect_left(a, x if key is None else key(x), lo, hi, key=key)
        self.__run__.dot_insert(a, where, x)  # type: ignore[attr-defined]

    def insort_right(self, a: Any, x: Any, lo: Any = 0, hi: Any = None, *, key: Any = None) -> None:
        """Put a value where it goes, after equal ones."""
        where = self.bisect_right(a, x if key is None else key(x), lo, hi, key=key)
        self.__run__.dot_insert(a, where, x)  # type: ignore[attr-defined]

    insort = insort_right

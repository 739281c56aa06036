"""Copies: copy, for plain containers and for objects of the snippet's own classes."""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import FunctionType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ringfence.restricted.modules.view import ModuleView
from ringfence.restricted.objects import Hint, Kind, SnippetType, View
from ringfence.restricted.shallow import defaultdict, deque
from ringfence.restricted.weigh import size

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_FIXED = frozenset((
    int, float, complex, bool, str, bytes, range, type(None), type(...), type(NotImplemented), SnippetType, FunctionType,
    date, datetime, time, timedelta, timezone, Decimal, Fraction, UUID, View, Kind, Hint,
))  # fmt: skip
"""Types whose values are their own copies."""
_CONTAINERS = frozenset((list, dict, set, bytearray, deque, defaultdict, OrderedDict, Counter))


class Copy(ModuleView):
    """`copy`."""

    __slots__ = ()
    __named__ = "copy"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(copy.Error)

    def copy(self, x: Any) -> Any:
        """Return a value that holds the same values."""
        kind = type(x)
        if kind in _FIXED or isinstance(x, tuple | frozenset | type):
            return x
        if kind in _CONTAINERS:
            return self.__run__.dot_copy(x)  # type: ignore[attr-defined]
        if not _is_own(x):
            raise _refusal(self.__run__, x)
        self.__run__.meter.charge(50)
        return copy.copy(x)

    def deepcopy(self, x: Any, memo: Any = None) -> Any:
        """Return a value that holds copies of the values."""
        if memo is not None:
            raise self.__run__.meter.stop("offer", "copy.deepcopy with a memo is not offered in a snippet")
        return Deep(self.__run__).copy(x)


def _is_own(value: Any) -> bool:
    return type(type(value)) is SnippetType


def _refusal(run: Run, value: Any) -> BaseException:
    return run.meter.stop("offer", f"a copy of a {type(value).__name__} is not offered in a snippet")


class Deep:
    """Copies one value with all it holds; what it holds twice is copied once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._done: dict[int, Any] = {}
        self._kept: list[Any] = []

    def copy(self, value: Any) -> Any:
        kind = type(value)
        if kind in _FIXED or isinstance(value, type):
            return value
        key = id(value)
        if key in self._done:
            return self._done[key]
        self._run.meter.charge(8)
        self._run.meter.tick()
        make = _WAYS.get(kind)
        if make is None:
            if not (_is_own(value) or isinstance(value, tuple)):
                raise _refusal(self._run, value)
            make = Deep.own if _is_own(value) else Deep.tuple_
        copied = make(self, value)
        self._done[key] = copied
        self._kept.append(value)  # an id is taken again once its object is gone
        return copied

    def _items(self, values: Any) -> list[Any]:
        return [self.copy(value) for value in self._run.each(values)]

    def list_(self, value: list[Any]) -> list[Any]:
        made = self._done[id(value)] = []
        for item in self._run.each(value):
            made.append(self.copy(item))  # noqa: PERF401 - the list may hold itself
        return made

    def deque_(self, value: deque) -> deque:
        made: deque = deque(maxlen=value.maxlen)
        self._done[id(value)] = made
        for item in self._run.each(value):
            made.append(self.copy(item))
        return made

    def tuple_(self, value: tuple[Any, ...]) -> Any:
        items = self._items(value)
        if id(value) in self._done:
            return self._done[id(value)]
        if all(map(_is_same, items, value)):
            return value
        return tuple(items) if type(value) is tuple else type(value)(*items)

    def set_(self, value: Any) -> Any:
        return type(value)(self._items(value))

    def bytearray_(self, value: bytearray) -> bytearray:
        self._run.meter.grow(size(value))
        return bytearray(value)

    def dict_(self, value: Any) -> Any:
        made: Any = defaultdict(value.default_factory) if type(value) is defaultdict else type(value)()
        self._done[id(value)] = made
        for key, item in self._run.each(value.items()):
            made[self._run.light(self.copy(key))] = self.copy(item)
        return made

    def own(self, value: Any) -> Any:
        """Copy an object of a class of the snippet: a plain copy, whose attributes are copied then."""
        made = self._done[id(value)] = copy.copy(value)
        state = value.__reduce_ex__(4)[2] if not isinstance(value, BaseException) else vars(value)
        fixed, slots = state if isinstance(state, tuple) else (state, None)
        for name, item in (fixed or {}).items():
            vars(made)[name] = self.copy(item)
        for name, item in (slots or {}).items():
            setattr(made, name, self.copy(item))
        return made


def _is_same(a: object, b: object) -> bool:
    return a is b


_WAYS: dict[type, Callable[[Deep, Any], Any]] = {
    list: Deep.list_,
    tuple: Deep.tuple_,
    deque: Deep.deque_,
    set: Deep.set_,
    frozenset: Deep.set_,
    bytearray: Deep.bytearray_,
    dict: Deep.dict_,
    defaultdict: Deep.dict_,
    OrderedDict: Deep.dict_,
    Counter: Deep.dict_,
}

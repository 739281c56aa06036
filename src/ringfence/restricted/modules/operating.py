"""Operators as functions: operator. Each is the guard that stands behind the sign."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.view import ModuleView, offer_natively, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_GUARDED = words(
    "add sub mul truediv floordiv mod pow lshift rshift or_ xor and_ matmul iadd isub imul itruediv ifloordiv imod ipow ilshift "
    "irshift ior ixor iand imatmul"
)
_COMPARISONS = words("lt le eq ne gt ge")
_NATIVE = words("not_ truth is_ is_not abs neg pos inv invert index")
_FLAT = frozenset((int, str, bytes, float, bool, type(None)))


class Operator(ModuleView):
    """`operator`."""

    __slots__ = ()
    __named__ = "operator"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        for name in _GUARDED:
            vars(self)[name] = getattr(run, name)

    def concat(self, a: Any, b: Any, /) -> Any:
        """Return a + b of two sequences."""
        if not hasattr(a, "__getitem__"):
            raise TypeError(f"{type(a).__name__!r} object can't be concatenated")
        return self.__run__.add(a, b)

    def iconcat(self, a: Any, b: Any, /) -> Any:
        """Do a += b of two sequences."""
        if not hasattr(a, "__getitem__"):
            raise TypeError(f"{type(a).__name__!r} object can't be concatenated")
        return self.__run__.iadd(a, b)

    def contains(self, a: Any, b: Any, /) -> bool:
        """Return b in a."""
        return self.__run__.light(b) in self.__run__.container(a)

    def countOf(self, a: Any, b: Any, /) -> int:  # noqa: N802 - the library's name
        """Return how often b is in a."""
        return operator.countOf(self.__run__.each(a), self.__run__.light(b))

    def indexOf(self, a: Any, b: Any, /) -> int:  # noqa: N802 - the library's name
        """Return where b is in a."""
        return operator.indexOf(self.__run__.each(a), self.__run__.light(b))

    def getitem(self, a: Any, b: Any, /) -> Any:
        """Return a[b]."""
        return self.__run__.getitem(a, b)

    def setitem(self, a: Any, b: Any, c: Any, /) -> None:
        """Set a[b]."""
        a[self.__run__.key(b)] = c

    def delitem(self, a: Any, b: Any, /) -> None:
        """Delete a[b]."""
        del a[self.__run__.key(b)]

    def length_hint(self, obj: Any, default: int = 0, /) -> int:
        """Return about how many items there are."""
        return operator.length_hint(obj, default)

    def call(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function."""
        return obj(*args, **kwargs)

    def itemgetter(self, item: Any, /, *items: Any) -> Callable[[Any], Any]:
        """Return a function that returns items."""
        keys = (item, *items)
        if set(map(type, keys)) <= _FLAT:
            return operator.itemgetter(*keys)
        light = self.__run__.light
        if items:
            return lambda obj: tuple(obj[light(key)] for key in keys)
        return lambda obj: obj[light(item)]

    def attrgetter(self, attr: Any, /, *attrs: Any) -> Callable[[Any], Any]:
        """Return a function that returns attributes."""
        names = (attr, *attrs)
        if not all(type(name) is str for name in names):
            raise TypeError("attribute name must be a string")
        if attrs:
            return lambda obj: tuple(_follow(self.__run__, obj, name) for name in names)
        return lambda obj: _follow(self.__run__, obj, attr)

    def methodcaller(self, name: Any, /, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        """Return a function that calls a method."""
        if type(name) is not str:
            raise TypeError("method name must be a string")
        return lambda obj: self.__run__.attribute(obj, name)(*args, **kwargs)


def _follow(run: Run, value: Any, names: str) -> Any:
    for name in names.split("."):
        value = run.attribute(value, name)
    return value


def _comparison(name: str) -> Callable[..., Any]:
    compare = getattr(operator, name)

    def method(self: Operator, a: Any, b: Any, /) -> Any:
        return compare(self.__run__.light(a), b)

    method.__name__ = method.__qualname__ = name
    return method


for _name in _COMPARISONS:
    setattr(Operator, _name, _comparison(_name))
offer_natively(Operator, operator, _NATIVE)

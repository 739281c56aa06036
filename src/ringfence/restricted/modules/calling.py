"""Functions that work on functions: functools."""

from __future__ import annotations

import functools
from types import FunctionType
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.view import ModuleView
from ringfence.restricted.objects import Partial, SnippetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_ABSENT = object()
_COPIED = ("__module__", "__name__", "__qualname__", "__doc__")


class Functools(ModuleView):
    """`functools`."""

    __slots__ = ()
    __named__ = "functools"
    partial = Partial

    @staticmethod
    def cmp_to_key(mycmp: Any) -> Any:
        """Turn a comparison into a key for sorting."""
        return lambda obj: _Key(obj, mycmp)

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        vars(self)["partial"] = run.offer_type(Partial, Partial)

    def reduce(self, function: Any, iterable: Any, initial: Any = _ABSENT, /) -> Any:
        """Fold values into one."""
        items = self.__run__.each(iterable)
        return (
            functools.reduce(function, items)
            if initial is _ABSENT
            else functools.reduce(function, items, initial)
        )

    def lru_cache(self, maxsize: Any = 128, typed: Any = False) -> Any:  # noqa: FBT002 - as the library has it
        """Keep what a function returned for its arguments."""
        if callable(maxsize):
            return _cached(self.__run__, maxsize, 128, typed=bool(typed))
        if not isinstance(maxsize, int | None):
            raise TypeError("Expected first argument to be an integer, a callable, or None")
        return lambda function: _cached(self.__run__, function, maxsize, typed=bool(typed))

    def cache(self, user_function: Any, /) -> Any:
        """Keep everything that a function returned."""
        return _cached(self.__run__, user_function, None, typed=False)

    def update_wrapper(self, wrapper: Any, wrapped: Any) -> Any:
        """Make a function look like another one."""
        target = self.__run__.own(wrapper)
        for name in _COPIED:
            found = getattr(wrapped, name, None)
            if isinstance(found, str):
                setattr(target, name, found)
        if type(wrapped) is FunctionType or type(type(wrapped)) is SnippetType:
            vars(target).update(getattr(wrapped, "__dict__", {}))
        return wrapper

    def wraps(self, wrapped: Any) -> Callable[[Any], Any]:
        """Return a decorator that makes a function look like another one."""
        return lambda wrapper: self.update_wrapper(wrapper, wrapped)

    def total_ordering(self, cls: Any) -> Any:
        """Complete the comparisons of a class."""
        if type(cls) is not SnippetType:
            raise self.__run__.meter.stop(
                "offer", "total_ordering is offered for classes of the snippet only"
            )
        return functools.total_ordering(cls)

    def cached_property(self, func: Any) -> Any:
        """Return an attribute that is worked out once."""
        return _CachedProperty(func)


def _cached(run: Run, function: Any, maxsize: int | None, *, typed: bool) -> Any:
    """Return a function that weighs its arguments before the library's cache hashes and compares them."""
    if not callable(function):
        raise TypeError("the first argument must be callable")
    kept = functools.lru_cache(maxsize, typed)(function)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            run.light(arg)
        for arg in kwargs.values():
            run.light(arg)
        return kept(*args, **kwargs)

    for name in _COPIED:
        found = getattr(function, name, None)
        if isinstance(found, str):
            setattr(wrapper, name, found)
    vars(wrapper).update(
        cache_info=kept.cache_info,
        cache_clear=kept.cache_clear,
        cache_parameters=lambda: {"maxsize": maxsize, "typed": typed},
    )
    return wrapper


class _CachedProperty:
    """`functools.cached_property`, without the lock that earlier Pythons have on it."""

    __slots__ = ("__function__", "__named__")

    def __init__(self, function: Any) -> None:
        self.__function__ = function
        self.__named__ = ""

    def __set_name__(self, owner: type, name: str) -> None:
        if self.__named__ and self.__named__ != name:
            raise TypeError(
                f"Cannot assign the same cached_property to two different names ({self.__named__!r} and {name!r})."
            )
        self.__named__ = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        if not self.__named__:
            raise TypeError("Cannot use cached_property instance without calling __set_name__ on it.")
        if not hasattr(instance, "__dict__"):
            raise TypeError(
                f"No '__dict__' attribute on {type(instance).__name__!r} instance to cache {self.__named__!r} property."
            )
        kept = vars(instance)
        found = kept.get(self.__named__, _ABSENT)
        if found is _ABSENT:
            found = kept[self.__named__] = self.__function__(instance)
        return found


class _Key:
    """A value that is compared by a function: in Python, so that one in another is freed like any object."""

    __slots__ = ("__compare__", "obj")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, obj: Any, compare: Any) -> None:
        self.obj = obj
        self.__compare__ = compare

    def __lt__(self, other: Any) -> Any:
        return self._compared(other) < 0

    def __gt__(self, other: Any) -> Any:
        return self._compared(other) > 0

    def __le__(self, other: Any) -> Any:
        return self._compared(other) <= 0

    def __ge__(self, other: Any) -> Any:
        return self._compared(other) >= 0

    def __eq__(self, other: object) -> Any:
        return self._compared(other) == 0

    def _compared(self, other: Any) -> Any:
        if not isinstance(other, _Key):
            raise TypeError("other argument must be K instance")
        return self.__compare__(self.obj, other.obj)

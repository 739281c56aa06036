"""What a snippet gets in place of things that it must not hold: views of types, hints of types, and the guarded way to attributes."""

from __future__ import annotations

from functools import partial
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)
from typing import TYPE_CHECKING, Any

from ringfence.restricted.meter import Stopped
from ringfence.restricted.names import GUARDED_METHODS, SPECIAL_METHODS, attribute_fault, is_special

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run


class SnippetType(type):
    """The type of every class that a snippet defines: how guards tell its objects from the host's."""

    __slots__ = ()


_ENDS = (Stopped, KeyboardInterrupt, SystemExit)
_OF_NAMED_TUPLES = ("_fields", "_asdict", "_replace", "_field_defaults")
_DESCRIPTORS = (property, GetSetDescriptorType, MemberDescriptorType)


class Manager:
    """Takes the place of a context manager: it is left like any other, but is not asked about the end of the evaluation.

    Arguments:
        manager: of the snippet.

    """

    __slots__ = ("__manager__",)

    def __init__(self, manager: Any) -> None:
        kind = type(manager)
        if not (hasattr(kind, "__enter__") and hasattr(kind, "__exit__")):
            raise TypeError(f"{kind.__name__!r} object does not support the context manager protocol")
        self.__manager__ = manager

    def __enter__(self) -> Any:
        return type(self.__manager__).__enter__(self.__manager__)

    def __exit__(self, kind: Any, error: Any, traceback: object) -> Any:  # noqa: PYI036 - as it comes
        if kind is not None and issubclass(kind, _ENDS):
            return False
        return type(self.__manager__).__exit__(
            self.__manager__, kind, error, None if traceback is None else HINT
        )


class View:
    """A built-in or library type as a snippet sees it: it makes values within the budget, and can be compared and tested against.

    Arguments:
        run: the evaluation.
        real: the type.
        make: makes a value of it.

    """

    __slots__ = ("__make__", "__real__", "__run__")

    def __init__(self, run: Run, real: type, make: Callable[..., Any]) -> None:
        self.__run__ = run
        self.__real__ = real
        self.__make__ = make

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__make__(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = self.__run__.attribute(self.__real__, name)
        private = name.startswith("_") and not (name in _OF_NAMED_TUPLES and issubclass(self.__real__, tuple))
        if private or type(found) in _DESCRIPTORS:
            raise self.__run__.meter.stop("offer", f"{name} of {self!r} is not offered in a snippet")
        return found

    def __getitem__(self, item: object) -> Hint:
        return HINT

    def __or__(self, other: object) -> Either:
        return Either(self, other)

    __ror__ = __or__

    def __repr__(self) -> str:
        return repr(self.__real__)


View.__name__ = "type"  # as Python's own messages name it


class Either:
    """Several types, one of which a value may have: `int | str`."""

    __slots__ = ("__types__",)

    def __init__(self, *types: object) -> None:
        self.__types__ = types

    def __or__(self, other: object) -> Either:
        return Either(*self.__types__, other)

    __ror__ = __or__


class Hint:
    """What stands for anything of `typing`: it can be subscribed, called and combined, and does nothing."""

    __slots__ = ()

    def __getitem__(self, item: object) -> Hint:
        return self

    def __call__(self, *args: object, **kwargs: object) -> Hint:  # noqa: ARG002 - whatever comes
        return self

    def __or__(self, other: object) -> Hint:
        return self

    __ror__ = __or__

    def __repr__(self) -> str:
        return "<hint>"


HINT = Hint()


class Kind:
    """The type of an object whose type a snippet must not hold: it has a name and can be compared."""

    __slots__ = ("__kind__",)

    def __init__(self, kind: type) -> None:
        self.__kind__ = kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kind) and other.__kind__ is self.__kind__

    def __hash__(self) -> int:
        return hash(self.__kind__)

    def __repr__(self) -> str:
        return f"<class {self.__kind__.__name__!r}>"


Kind.__name__ = "type"


class Slots:
    """Takes the place of an object where a slice of it is set or deleted."""

    __slots__ = ("__run__", "__target__")

    def __init__(self, run: Run, target: Any) -> None:
        self.__run__ = run
        self.__target__ = target

    def __setitem__(self, key: Any, value: Any) -> None:
        target = self.__target__
        if isinstance(target, list | bytearray):
            self.__run__.meter.charge(len(target) >> 7)
            value = self.__run__.metered(value)
        target[key] = value

    def __delitem__(self, key: Any) -> None:
        if isinstance(self.__target__, list | bytearray):
            self.__run__.meter.charge(len(self.__target__) >> 7)
        del self.__target__[key]


class Attributes:
    """Reads and sets attributes by name, for `getattr` and for the attributes that are not read directly."""

    __slots__ = ()

    def attribute(self: Any, value: Any, name: str, *default: Any) -> Any:
        """Return an attribute of an object, as far as a snippet may have it.

        Raises:
            AttributeError: there is none, or it is not offered.

        """
        if type(name) is not str:
            raise TypeError("attribute name must be a string")
        fault = attribute_fault(name)
        if fault:
            raise self.meter.stop("offer", fault)
        if is_special(name):
            return self._special(value, name, *default)
        if name in GUARDED_METHODS:
            return self._guarded(value, name, *default)
        if (name == "obj" and isinstance(value, BaseException)) or (
            name == "mapping" and isinstance(value, _DICT_VIEWS)
        ):
            raise self._refusal(value, name)
        if name == "_field_defaults" and type(type(value)) is not SnippetType:
            return dict(getattr(value, name, *default))
        return getattr(value, name, *default)

    def has_attribute(self: Any, value: Any, name: str) -> bool:
        """Return whether an object has an attribute; that is no secret, whatever it is."""
        return hasattr(value.__real__ if type(value) is View else value, name)

    def _refusal(self: Any, value: Any, name: str) -> BaseException:
        stop: BaseException = self.meter.stop(
            "offer", f"{name} of a {type(value).__name__} is not offered in a snippet"
        )
        return stop

    def _guarded(self: Any, value: Any, name: str, *default: Any) -> Any:
        """Return a method that is metered: the guard, bound to the object where it is a built-in one."""
        kind = type(value)
        if kind is View:
            value, kind = value.__real__, type
        if type(kind) is SnippetType or type(value) is SnippetType:
            return getattr(value, name, *default)
        found = getattr(value, name, *default)
        if isinstance(value, type):
            return Unbound(getattr(self, "dot_" + name), value)
        if not isinstance(found, BuiltinMethodType | BuiltinFunctionType | MethodType):
            return found
        return Bound(getattr(self, "dot_" + name), value)

    def _special(self: Any, value: Any, name: str, *default: Any) -> Any:
        kind = type(value)
        if name == "__class__":
            return self.do_type(value)
        if name in ("__name__", "__qualname__", "__doc__", "__module__"):
            real = value.__real__ if kind is View else value.__kind__ if kind is Kind else value
            found = getattr(real, name, *default)
            if isinstance(found, str) or found is None:
                return found
            raise self._refusal(value, name)
        if name == "__dict__":
            if type(kind) is not SnippetType:
                raise self._refusal(value, name)
            return dict(value.__dict__)
        own = type(kind) is SnippetType or kind is SnippetType or kind is super
        if own or (name in ("__init__", "__repr__", "__str__") and _is_exception(value)):
            return getattr(value, name, *default)
        if name in _HARMLESS and name in SPECIAL_METHODS and kind in _VALUES:
            return getattr(value, name, *default)
        raise self._refusal(value, name)

    def own(self: Any, value: Any) -> Any:
        """Return an object whose attributes a snippet may set: one of its own.

        Raises:
            AttributeError: it is the host's.

        """
        kind = type(value)
        if type(kind) is SnippetType or kind is SnippetType or getattr(kind, "__settable__", False):
            return value
        if kind is FunctionType and value.__globals__ is self.namespace:
            return value
        raise self.meter.stop("offer", f"attributes of a {kind.__name__} cannot be set in a snippet")


_DICT_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_HARMLESS = frozenset(
    (
        "__len__",
        "__eq__",
        "__ne__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "__bool__",
        "__hash__",
        "__neg__",
        "__abs__",
    )
)
_VALUES = frozenset((int, float, bool, complex))


class Bound:
    """A guarded method of a built-in value, to be called later."""

    __slots__ = ("__guard__", "__value__")

    def __init__(self, guard: Callable[..., Any], value: Any) -> None:
        self.__guard__ = guard
        self.__value__ = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__guard__(self.__value__, *args, **kwargs)


class Unbound:
    """A guarded method as its type has it: `str.upper`, `dict.fromkeys`."""

    __slots__ = ("__guard__", "__real__")

    def __init__(self, guard: Callable[..., Any], real: type) -> None:
        self.__guard__ = guard
        self.__real__ = real

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__guard__(self.__real__, *args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unbound) and (other.__guard__, other.__real__) == (
            self.__guard__,
            self.__real__,
        )

    def __hash__(self) -> int:
        return hash((self.__guard__, self.__real__))


class Partial:
    """`functools.partial`, without what the library's shows of itself."""

    __slots__ = ("__call__",)

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.__call__ = partial(function, *args, **kwargs)


def _is_exception(value: Any) -> bool:
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))

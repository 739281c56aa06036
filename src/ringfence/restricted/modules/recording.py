"""The fields of records, and the methods that a dataclass gets: what they show, compare and hash has been weighed."""

from __future__ import annotations

import dataclasses
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run


class _Missing:
    """The type of `MISSING`."""

    __slots__ = ()


MISSING: Any = _Missing()


class Field:
    """What is special about one field of a record; the arguments are those of `dataclasses.field`."""

    __slots__ = (
        "compare",
        "default",
        "default_factory",
        "hash",
        "init",
        "kw_only",
        "name",
        "repr",
    )

    def __init__(
        self,
        *,
        default: Any = MISSING,
        default_factory: Any = MISSING,
        init: Any = True,
        repr: Any = True,  # noqa: A002 - as the library has it
        hash: Any = None,  # noqa: A002
        compare: Any = True,
        kw_only: Any = MISSING,
    ) -> None:
        if default is not MISSING and default_factory is not MISSING:
            raise ValueError("cannot specify both default and default_factory")
        self.name = ""
        self.default, self.default_factory = default, default_factory
        self.init, self.repr, self.hash, self.compare = init, repr, hash, compare
        self.kw_only = kw_only

    @property
    def has_default(self) -> bool:
        """Whether the field needs no argument."""
        return self.default is not MISSING or self.default_factory is not MISSING


def refuse_other(run: Run, cls: type, value: Any) -> None:
    """End the evaluation where a record's method is called for an object of another class: it reads and sets by name."""
    if not isinstance(value, cls):
        raise run.meter.stop("offer", f"a method of {cls.__name__} is not offered for another object")


def repr_of(run: Run, cls: type, names: list[str]) -> Callable[[Any], str]:
    """Return `__repr__`: a record inside of itself is three dots."""
    shown: set[int] = set()

    def method(self: Any) -> str:
        refuse_other(run, cls, self)
        key = id(self)
        if key in shown:
            return "..."
        shown.add(key)
        try:
            run.meter.charge(10)
            texts = [f"{name}={run.do_repr(getattr(self, name))}" for name in names]
        finally:
            shown.discard(key)
        run.meter.grow(sum(map(len, texts)) * 4)
        return f"{type(self).__qualname__}({', '.join(texts)})"

    return method


def comparison(run: Run, cls: type, sign: str, names: list[str]) -> Callable[[Any, Any], Any]:
    """Return `__eq__`, `__lt__` and the like."""
    compare = getattr(operator, sign)

    def method(self: Any, other: Any) -> Any:
        refuse_other(run, cls, self)
        if type(other) is not type(self):
            return NotImplemented
        run.meter.charge(4)
        mine = tuple(run.light(getattr(self, name)) for name in names)
        return compare(mine, tuple(getattr(other, name) for name in names))

    return method


def hash_of(run: Run, cls: type, names: list[str]) -> Callable[[Any], int]:
    """Return `__hash__`."""

    def method(self: Any) -> int:
        refuse_other(run, cls, self)
        run.meter.charge(4)
        return hash(tuple(run.light(getattr(self, name)) for name in names))

    return method


def frozen_setattr(run: Run, cls: Any, names: frozenset[str]) -> Callable[[Any, str, Any], None]:
    """Return `__setattr__` of a record that does not change."""

    def method(self: Any, name: str, value: Any) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        run.own(self)
        super(cls, self).__setattr__(name, value)

    return method


def frozen_delattr(run: Run, cls: Any, names: frozenset[str]) -> Callable[[Any, str], None]:
    """Return `__delattr__` of a record that does not change."""

    def method(self: Any, name: str) -> None:
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        run.own(self)
        super(cls, self).__delattr__(name)

    return method

"""Stands for abstract base classes: a snippet tests values against them, and can neither register with them nor call their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.restricted.objects import View
    from ringfence.restricted.run import Run


class Stand(type):
    """The type of classes that stand for another one."""

    __kind__: Any

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, cls.__kind__)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind.__kind__ if type(kind) is Stand else kind, cls.__kind__)


_made: dict[type, type] = {}


def stand(run: Run, kind: type) -> View:
    """Return the view of an abstract base class: it takes part in tests, and offers nothing else."""
    if kind not in _made:
        shown = {"__kind__": kind, "__slots__": (), "__module__": kind.__module__, "__doc__": kind.__doc__}
        _made[kind] = Stand(kind.__name__, (), shown)

    def make(*_: Any, **__: Any) -> Any:
        raise run.meter.stop("offer", f"{kind.__name__} makes no values in a snippet")

    view: View = run.offer_type(_made[kind], make)
    return view

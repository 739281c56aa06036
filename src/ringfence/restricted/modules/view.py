"""What all views of modules share: a snippet gets what a view lists; what the library has besides is refused, never missing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from ringfence.restricted.run import Run


class ModuleView:
    """A module as a snippet sees it. Subclasses name it and list what it offers.

    Arguments:
        run: the evaluation.

    """

    __slots__ = ("__dict__", "__run__")
    __named__ = ""

    def __init__(self, run: Run) -> None:
        self.__run__ = run
        vars(self).update(__name__=self.__named__, __doc__=self.__library__().__doc__)

    def __library__(self) -> ModuleType:
        return import_module(self.__named__)

    def __offer__(self, kind: type, make: Callable[..., Any] | None = None) -> None:
        vars(self)[kind.__name__] = self.__run__.offer_type(kind, make)

    def __repr__(self) -> str:
        return f"<module {self.__named__!r}>"

    def __getattr__(self, name: str) -> Any:
        if hasattr(self.__library__(), name):
            raise self.__run__.meter.stop("offer", f"{self.__named__}.{name} is not offered in a snippet")
        raise AttributeError(f"module {self.__named__!r} has no attribute {name!r}")


def whole(value: Any, most: int) -> bool:
    """Return whether a value is an integer, and larger than the most that is offered."""
    return isinstance(value, int) and value > most


def words(text: str) -> list[str]:
    """Return the names in a text."""
    return text.split()


def offer_natively(view: type[ModuleView], module: Any, names: Iterable[str]) -> None:
    """Let a view offer names of a module as they are, as far as this Python has them."""
    for name in names:
        if hasattr(module, name):
            found = getattr(module, name)
            setattr(view, name, staticmethod(found) if callable(found) else found)

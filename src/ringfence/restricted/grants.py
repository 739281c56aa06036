"""Functions of the host that a snippet may call: plain values go in and come out, and nothing of the function itself can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ringfence.restricted.values import Copier, InputCopier, NotPlain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_COST = 100
"""The steps that one call takes, besides what the function itself costs the host."""
_MOST_BYTES = 16 * 1024 * 1024


class _Grant:
    """One function, behind a name."""

    __slots__ = ("__function__", "__named__", "__run__")

    def __init__(self, run: Run, name: str, function: Callable[..., object]) -> None:
        self.__run__ = run
        self.__named__ = name
        self.__function__ = function

    def call(self, /, *args: Any, **kwargs: Any) -> Any:
        """Call the function with copies, and return a copy of what it returns."""
        run, name = self.__run__, self.__named__
        run.meter.charge(_COST)
        run.meter.alive()
        inward = Copier(_MOST_BYTES, f"an argument of {name}()")
        try:
            copies = [inward.copy(arg) for arg in args]
            named = {key: inward.copy(arg) for key, arg in kwargs.items()}
        except NotPlain as error:
            raise TypeError(str(error)) from None
        failure = ""
        try:
            if run.host_context is None:
                value = self.__function__(*copies, **named)
            else:
                value = run.host_context.run(self.__function__, *copies, **named)
        except Exception as error:  # noqa: BLE001 - its objects stay outside
            failure = f"{name}() failed with {type(error).__name__}"
        if failure:
            raise RuntimeError(failure)
        try:
            return InputCopier(_MOST_BYTES, f"what {name}() returned").copy(value)
        except NotPlain as error:
            raise TypeError(str(error)) from None


def granted(run: Run, name: str, function: Callable[..., object]) -> Callable[..., Any]:
    """Return what a snippet calls in place of a function of the host.

    Raises:
        TypeError: it cannot be called.

    """
    if not callable(function):
        raise TypeError(
            f"the function {name!r} of a snippet cannot be called: it is a {type(function).__name__}"
        )
    return _Grant(run, name, function).call

"""Types as annotations: typing, whose names stand for themselves and do nothing, and abc."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from ringfence.restricted.modules.view import ModuleView, words
from ringfence.restricted.objects import HINT, SnippetType

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_HINTS = words(
    "AbstractSet Annotated Any AnyStr AsyncGenerator AsyncIterable AsyncIterator Awaitable BinaryIO ByteString Callable ChainMap "
    "ClassVar Collection Concatenate Container ContextManager Coroutine Counter DefaultDict Deque Dict Final FrozenSet Generator "
    "Generic Hashable ItemsView Iterable Iterator KeysView List Literal LiteralString Mapping MappingView Match MutableMapping "
    "MutableSequence MutableSet Never NoReturn NotRequired Optional OrderedDict ParamSpec Pattern Protocol ReadOnly Required "
    "Reversible Self Sequence Set Sized SupportsAbs SupportsBytes SupportsComplex SupportsFloat SupportsIndex SupportsInt "
    "SupportsRound Text TextIO Tuple Type TypeAlias TypeGuard TypeIs TypeVar TypeVarTuple Union Unpack ValuesView"
)
_SAME = words("final no_type_check override runtime_checkable")


class Typing(ModuleView):
    """`typing`."""

    __slots__ = ()
    __named__ = "typing"
    TYPE_CHECKING = False

    def cast(self, typ: Any, val: Any) -> Any:  # noqa: ARG002 - as the library has it
        """Return the value."""
        return val

    def NewType(self, name: Any, tp: Any) -> Callable[[Any], Any]:  # noqa: ARG002, N802 - as the library has it
        """Return a function that returns what it is given."""
        return lambda x: x


def _same(self: Typing, function: Any) -> Any:  # noqa: ARG001 - a method
    """Return what is decorated."""
    return function


for _name in _HINTS:
    if hasattr(typing, _name):
        setattr(Typing, _name, HINT)
for _name in _SAME:
    if hasattr(typing, _name):
        setattr(Typing, _name, _same)


class Abc(ModuleView):
    """`abc`: a class with abstract methods cannot be called before a class defines them all."""

    __slots__ = ()
    __named__ = "abc"
    ABCMeta = HINT

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        hooks = {"__init_subclass__": _note_abstract, "__slots__": (), "__module__": "abc"}
        keeper = vars(self)["ABCMeta"] = SnippetType("ABCMeta", (), hooks)
        vars(self)["ABC"] = SnippetType("ABC", (keeper,), {"__slots__": (), "__module__": "abc"})

    def abstractmethod(self, funcobj: Any) -> Any:
        """Mark a method as one that a class must define."""
        self.__run__.own(funcobj).__isabstractmethod__ = True
        return funcobj


def _note_abstract(cls: type) -> None:
    names = {name for name, found in vars(cls).items() if getattr(found, "__isabstractmethod__", False)}
    for base in cls.__bases__:
        inherited = getattr(base, "__abstractmethods__", ())
        names |= {
            name for name in inherited if getattr(getattr(cls, name, None), "__isabstractmethod__", False)
        }
    cls.__abstractmethods__ = frozenset(names)  # type: ignore[attr-defined]

"""One evaluation: what its snippet can name, and the guards that all share one meter.

The guards are methods of `Run`, and a snippet gets them bound: a bound method takes no attributes, so nothing can be changed on it
that the next evaluation would see. The table `GUARDS` says which method stands behind which name in a compiled snippet.
"""

from __future__ import annotations

import builtins
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.restricted.functions import GUARDED, NATIVE, Functions
from ringfence.restricted.meter import Meter, Stopped
from ringfence.restricted.methods import Methods
from ringfence.restricted.names import BUILT_IN_TYPES, GUARDED_METHODS
from ringfence.restricted.objects import Attributes, Kind, Manager, Slots, View
from ringfence.restricted.operators import Operators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextvars import Context

    from ringfence.restricted.budget import Budget

UNCATCHABLE = (Stopped, KeyboardInterrupt, SystemExit)
"""What no handler of a snippet sees: the end of its evaluation, and what the host sends to end the program."""
_OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "<<": "lshift", ">>": "rshift",
    "|": "or_", "^": "xor", "&": "and_", "@": "matmul", "+=": "iadd", "-=": "isub", "*=": "imul", "/=": "itruediv",
    "//=": "ifloordiv", "%=": "imod", "**=": "ipow", "<<=": "ilshift", ">>=": "irshift", "|=": "ior", "^=": "ixor", "&=": "iand",
    "@=": "imatmul",
}  # fmt: skip
GUARDS: dict[str, str] = {
    **{f"${sign}": method for sign, method in _OPERATORS.items()},
    **{f"$.{name}{arity}": f"dot_{name}{arity}" for name in GUARDED_METHODS for arity in ("", "0", "1", "2")},
    **{name: f"do_{name}" for name in GUARDED},
    **{f"{name}()": f"do_{name}" for name in BUILT_IN_TYPES - {"bool", "complex", "float"}},
    "str()1": "str_of",
    "int()1": "int_of",
    "list()1": "do_list",
    "$[:]": "getslice",
    "$[]": "getitem",
    "$bound": "bound",
    "$class pattern": "class_pattern",
    "$container": "container",
    "$formatted": "formatted",
    "$getattr": "attribute",
    "$import": "import_module",
    "$import from": "import_name",
    "$copied": "copied",
    "$kept": "kept",
    "$key": "key",
    "$light": "light",
    "$manager": "manager",
    "$mapping": "mapping",
    "$own": "own",
    "$shown": "shown",
    "$shown by": "shown_by",
    "$slots": "slots",
    "$spread": "spread",
    "$spread each": "spread_each",
    "$wide": "wide",
    "__build_class__": "build_class",
    "hasattr": "has_attribute",
}
"""The method of `Run` behind each name in a compiled snippet."""
CONSTANTS: dict[str, Any] = {
    **NATIVE,
    "$compress": compress,
    "$uncatchable": UNCATCHABLE,
    "dict()0": dict,
    "list()0": list,
    "set()0": set,
    "bool()": bool,
    "complex()": complex,
    "float()": float,
}
_METERS = {"$steps": "meter.steps", "$tick": "meter.tick", "$alive": "meter.alive", "$charge": "meter.pay"}
_ALWAYS = ("__build_class__", "__import__")


class Needs(NamedTuple):
    """What a compiled snippet names, sorted by where it comes from, so that opening a namespace takes microseconds.

    Attributes:
        constants: what is the same for every evaluation.
        guards: the names of what belongs to one evaluation.
        bind: gives these, for one evaluation.
        views: the types that it names.

    """

    constants: dict[str, Any]
    guards: tuple[str, ...]
    bind: Callable[[Run], tuple[Any, ...]]
    views: tuple[str, ...]


def needs_of(names: Iterable[str]) -> Needs:
    """Return what a snippet with these names needs."""
    wanted = (*dict.fromkeys((*names, *_ALWAYS)),)
    bound = {**GUARDS, **_METERS}
    guards = tuple(name for name in wanted if name in bound)
    return Needs(
        {name: CONSTANTS[name] for name in wanted if name in CONSTANTS},
        guards,
        attrgetter("meter", *(bound[name] for name in guards)),
        tuple(name for name in wanted if name in BUILT_IN_TYPES),
    )


class Run(Operators, Methods, Functions, Attributes):
    """One evaluation of one snippet.

    Arguments:
        budget: the limits.
        modules: the names of the modules that it may import.
        seed: for its own `random`; None: unpredictable.

    Attributes:
        host_context: what functions of the host run in, where a module has changed a setting of the thread for the snippet.

    """

    __slots__ = (
        "_closers",
        "_modules",
        "_offered",
        "_views",
        "host_context",
        "meter",
        "namespace",
        "output",
        "output_cut",
        "output_left",
        "seed",
    )

    def __init__(self, budget: Budget, modules: frozenset[str], seed: int | None) -> None:
        self.meter = Meter(budget)
        self.namespace: dict[str, Any] = {}
        self.output: list[str] = []
        self.output_left = budget.output_bytes
        self.output_cut = 0
        self.seed = seed
        self.host_context: Context | None = None
        self._closers: list[Any] = []
        self._offered = modules
        self._modules: dict[str, Any] = {}
        self._views: dict[type, Any] = {}

    def __repr__(self) -> str:
        return "<snippet>"

    def open_namespace(self, needs: Needs, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the namespace of a snippet: its inputs and, out of sight, what else it names."""
        known = needs.constants.copy()
        known.update(zip(needs.guards, needs.bind(self)[1:], strict=True))
        for name in needs.views:
            known[name] = self.view(getattr(builtins, name))
        namespace = self.namespace
        namespace.update(inputs)
        namespace["__name__"] = "__main__"
        namespace["__builtins__"] = known
        return namespace

    def view(self, kind: type) -> Any:
        """Return what a snippet holds in place of a type; always the same for one type."""
        found = self._views.get(kind)
        if found is None:
            maker = _MAKERS.get(kind)
            found = (
                Kind(kind)
                if maker is None
                else View(self, kind, maker if isinstance(maker, type) else getattr(self, maker))
            )
            self._views[kind] = found
        return found

    def offer_type(self, kind: type, make: Any = None) -> Any:
        """Return what a snippet holds in place of a type of a module: a view that makes its values, or the type itself."""
        found = kind if make is None else View(self, kind, make)
        self._views[kind] = found
        return found

    def at_close(self, action: Any) -> None:
        """Have something called when the evaluation ends, however it ends."""
        self._closers.append(action)

    def manager(self, manager: Any) -> Manager:
        return Manager(manager)

    def slots(self, target: Any) -> Slots:
        return Slots(self, target)

    def write(self, separator: str, texts: list[str], ending: str) -> None:
        """Keep what is printed, as far as the budget goes."""
        length = sum(map(len, texts)) + len(separator) * max(0, len(texts) - 1) + len(ending)
        self.meter.grow(length)
        text = separator.join(texts) + ending
        encoded = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if encoded > self.output_left:
            kept = text.encode("utf-8", "surrogatepass")[: self.output_left].decode("utf-8", "ignore")
            self.output_cut += encoded - len(kept.encode())
            self.output_left = 0
            text = kept
        else:
            self.output_left -= encoded
        if text:
            self.output.append(text)

    def import_module(self, name: str, bound: str) -> Any:
        """Return the view of a module, or of the package that it is in.

        Raises:
            ImportError: it is not offered.

        """
        module = self._module(name)
        return module if name == bound else self._module(bound)

    def import_name(self, module: str, name: str) -> Any:
        view = self._module(module)
        try:
            return getattr(view, name)
        except AttributeError:
            try:
                return self._module(f"{module}.{name}")
            except ImportError:
                raise ImportError(
                    f"cannot import name {name!r} from {module!r}: it is not offered in a snippet"
                ) from None

    def _module(self, name: str) -> Any:
        from ringfence.restricted.modules import open_module  # noqa: PLC0415 - most snippets import nothing

        found = self._modules.get(name)
        if found is None:
            if name.split(".", maxsplit=1)[0] not in self._offered:
                raise ModuleNotFoundError(f"the module {name!r} is not offered in a snippet", name=name)
            found = self._modules[name] = open_module(self, name)
        return found

    def close(self) -> None:
        """End the evaluation: what it still holds is dropped, and does nothing any more."""
        self.meter.close()
        for action in self._closers:
            action()
        self.namespace.clear()
        self._modules.clear()
        self._views.clear()


_MAKERS: dict[type, Any] = {
    **{getattr(builtins, name): f"do_{name}" for name in BUILT_IN_TYPES - {"bool", "complex", "float"}},
    bool: bool,
    complex: complex,
    float: float,
}
"""How a view makes a value of its type: the guard's name, or the type itself."""


def _in_place(sign: str) -> Any:
    """Return the guard of an operator in place that does what the plain one does, except where an object has its own."""
    import operator  # noqa: PLC0415 - once

    plain, method = _OPERATORS[sign], getattr(operator, _OPERATORS[sign + "="])

    def guard(run: Run, a: Any, b: Any) -> Any:
        if type(type(a)) is type and not isinstance(a, set):
            try:
                return getattr(run, plain)(a, b)
            except TypeError:
                if type(type(b)) is not type:
                    raise
                return method(a, b)  # the same error, in the words of the operator in place
        return run._linear(method, a, b)  # noqa: SLF001 - its own class

    return guard


for _sign in ("-", "/", "//", "%", "**", "<<", ">>", "^", "&", "@"):
    setattr(Operators, _OPERATORS[_sign + "="], _in_place(_sign))

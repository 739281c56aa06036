"""Ways out of what the code was given: attributes that climb to the interpreter, names put together at run time, functions handed on."""

from __future__ import annotations

import ast
from string import Formatter
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.python.catalogue import DANGEROUS_MODULES, GADGETS, HARD_MODULES, SINKS
from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.effect import place
from ringfence.scanning.python.names import is_detour
from ringfence.scanning.python.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Value, Values

_CALCULATED = frozenset({Trait.CALCULATED})
_HANDED_ON = frozenset({Trait.CALCULATED, Trait.UNRESOLVED})
_BY_NAME = frozenset(
    {"builtins.getattr", "builtins.setattr", "builtins.delattr", "builtins.hasattr", "operator.attrgetter"}
)
_IMPORTING = ("builtins.__import__", "importlib.import_module")
_HIGHER = frozenset(
    {"builtins.map", "builtins.filter", "functools.partial", "functools.reduce", "itertools.starmap"}
)
_TABLES = ("modules", "environ", "environb", "__dict__", "__builtins__")
_SCOPES = ("builtins.globals()", "builtins.locals()", "builtins.vars()")
_OF_SCOPES = ("__builtins__", "__loader__", "__import__")
_TELLING = frozenset({"__name__", "__qualname__", "__module__", "__doc__", "__class__"})
"""Attributes that a template may well ask for."""
_FACTS = frozenset({"__name__", "__file__", "__package__", "__doc__", "__warningregistry__"})
"""Entries of a module's names that say where it comes from: loggers and warnings ask a frame for them."""
_BASES = frozenset({"__base__", "__bases__", "__mro__", "mro"})
_ROOTS = ("builtins.object", "builtins.type")
_MOST = 8


class Gadgets:
    """Finds ways out in one source.

    Arguments:
        index: what the walk found.
        resolver: tells what expressions may stand for.

    """

    def __init__(self, index: Index, resolver: Resolver) -> None:
        self._index = index
        self._resolver = resolver
        self._called = {call.func for call, _ in index.calls} if index.gadgets else set()
        self._asked = set(_asked_for_facts(index)) if index.gadgets else set()

    def effects(self) -> Iterator[Effect]:
        """Return the effects of attributes, names and subscripts. Those of calls are asked for one by one."""
        for node, scope in self._index.gadgets:
            if isinstance(node, ast.Attribute):
                yield from self._attribute(node, scope)
            elif isinstance(node, ast.Name) and scope.find(node.id) is None:
                yield from _handed_on(node)
        for subscript, scope in self._index.subscripts:
            yield from self._subscript(subscript, scope)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Iterator[Effect]:
        what = GADGETS[node.attr]
        if what in ("way out", "step"):
            if node in self._asked or (node.attr == "__loader__" and isinstance(node.ctx, ast.Store)):
                return
            climbing = self._climbs(node, scope)
            traits = _CALCULATED if climbing else NO_TRAITS
            yield Effect(Kind.INTROSPECT, node.attr, "", *place(node), traits=traits)
            return
        for value in self._resolver.values(node.value, scope)[:_MOST]:
            name = f"{value.ref}.{node.attr}"
            if what == "module" and value.ref and is_detour(name):
                yield Effect(Kind.INTROSPECT, name, node.attr.lstrip("_"), *place(node), traits=_CALCULATED)
            elif what == "function" and node not in self._called and _starts_process(name):
                yield Effect(Kind.RUN, name, "", *place(node), traits=_HANDED_ON)

    def _climbs(self, node: ast.Attribute, scope: Scope) -> bool:
        """Return whether an attribute leaves for good: all classes from `object`, all built-ins from one, the code of a function changed."""
        if node.attr == "__subclasses__":
            chain = any(
                isinstance(part, ast.Attribute) and part.attr in _BASES for part in ast.walk(node.value)
            )
            return chain or any(v.ref.startswith(_ROOTS) for v in self._resolver.values(node.value, scope))
        if node.attr == "__self__":
            return any(v.ref.startswith("builtins.") for v in self._resolver.values(node.value, scope))
        return node.attr in ("__code__", "co_code") and isinstance(node.ctx, ast.Store)

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Iterator[Effect]:
        """Return the effect of an item of the tables that Python itself keeps: modules, built-ins, variables."""
        table = node.value
        name = getattr(table, "attr", "") or getattr(table, "id", "")
        if name not in _TABLES and not isinstance(table, ast.Call):
            return
        keys = [value.const for value in self._resolver.values(node.slice, scope)[:_MOST]]
        for value in self._resolver.values(table, scope)[:_MOST]:
            for key in keys:
                yield from self._item(value, key, node)

    def _item(self, table: Value, key: object, node: ast.Subscript) -> Iterator[Effect]:
        text, ref = key if isinstance(key, str) else "", table.ref
        if ref == "os.environ":
            traits = NO_TRAITS if text else frozenset({Trait.UNRESOLVED})
            name = f"{ref}.__setitem__" if isinstance(node.ctx, ast.Store) else ref
            yield Effect(Kind.ENVIRONMENT, name, text, *place(node), traits=traits)
        elif (
            (ref == "sys.modules" and text in DANGEROUS_MODULES)
            or (ref.endswith(".__dict__") and (text in GADGETS or text.lstrip("_") in DANGEROUS_MODULES))
            or (ref in _SCOPES and text in _OF_SCOPES)
        ):
            yield Effect(
                Kind.INTROSPECT, ref.removeprefix("builtins."), text, *place(node), traits=_CALCULATED
            )

    def of_call(self, name: str, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effects of calls that reach names put together at run time.

        Arguments:
            name: what is called, by the catalogue's name.
            node: the call.
            scope: where it stands.

        """
        if name in _IMPORTING:
            for value in self._resolver.values(node, scope):
                traits = _CALCULATED if value.ref else _HANDED_ON
                yield Effect(
                    Kind.IMPORT, name.removeprefix("builtins."), value.ref, *place(node), traits=traits
                )
        elif name in _HIGHER:
            yield from self._mapped(name, node, scope)
        elif name in _BY_NAME or name.endswith("__getattribute__"):
            yield from self._by_name(name, node, scope)

    def _mapped(self, name: str, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effect of `map(getattr, [module], [name])`: attributes of a module reached out of a reader's sight."""
        arguments = self._resolver.arguments.of(node, scope)
        if not arguments or arguments[0][0].ref != "builtins.getattr":
            return
        names = [v.const for values in arguments[1:] for v in values if isinstance(v.const, (list, tuple))]
        if any(
            GADGETS.get(name) in ("way out", "step") for row in names for name in row if isinstance(name, str)
        ):
            yield Effect(
                Kind.INTROSPECT, name.removeprefix("builtins."), "getattr", *place(node), traits=_CALCULATED
            )
            return
        for values in arguments[1:]:
            inner = (*values, *self._resolver.items.elements(values))
            if any(value.ref and "(" not in value.ref for value in inner):
                yield Effect(
                    Kind.INTROSPECT,
                    name.removeprefix("builtins."),
                    "getattr",
                    *place(node),
                    traits=_CALCULATED,
                )
                return

    def _by_name(self, name: str, node: ast.Call, scope: Scope) -> Iterator[Effect]:
        """Return the effect of reaching an attribute by its name: a gadget, or a name that was put together."""
        arguments = self._resolver.arguments.lazily(node, scope)
        position = 0 if name == "operator.attrgetter" or len(arguments) == 1 else 1
        if len(arguments) <= position or name == "builtins.hasattr":
            return
        owners = arguments[0] if position else ()
        literal = isinstance(node.args[position], ast.Constant)
        for value in arguments[position][:_MOST]:
            text = value.const if isinstance(value.const, str) else ""
            if text:
                yield from self._named(name, text, owners, node, literal=literal)
            elif any(owner.ref in HARD_MODULES for owner in owners):
                yield Effect(
                    Kind.INTROSPECT, name.removeprefix("builtins."), "", *place(node), traits=_HANDED_ON
                )

    def _named(
        self, name: str, text: str, owners: Values, node: ast.Call, *, literal: bool
    ) -> Iterator[Effect]:
        """Return the effect of an attribute that is reached by a known name: bad where the name was hidden, or starts at a literal."""
        steps = text.split(".")
        gadget = any(GADGETS.get(step) in ("way out", "step") for step in steps)
        through = any(owner.ref and is_detour(f"{owner.ref}.{text}") for owner in owners)
        if not gadget and not through:
            return
        wild = any(GADGETS.get(step) == "way out" for step in steps)
        from_literal = any(
            owner.const is not UNKNOWN or owner.ref.startswith("builtins.") for owner in owners
        )
        bad = through or wild or not literal or from_literal or name == "operator.attrgetter"
        traits = _CALCULATED if bad else NO_TRAITS
        yield Effect(Kind.INTROSPECT, name.removeprefix("builtins."), text, *place(node), traits=traits)

    def of_format(self, node: ast.Call, function: ast.Attribute, scope: Scope) -> Iterator[Effect]:
        """Return the effect of a format template whose fields reach attributes: `"{0.__class__.__init__}".format(x)`."""
        for value in self._resolver.values(function.value, scope)[:_MOST]:
            if isinstance(value.const, str) and "__" in value.const and _reaches(value.const):
                yield Effect(
                    Kind.INTROSPECT, f"str.{function.attr}", value.const, *place(node), traits=_CALCULATED
                )


def _asked_for_facts(index: Index) -> Iterator[ast.expr]:
    """Return the tables of names of which a source takes an entry that is a mere fact, by item or by `get`."""
    for node, _ in index.subscripts:
        if isinstance(node.ctx, ast.Load) and _is_fact(node.slice):
            yield node.value
    for call, _ in index.calls:
        if (
            isinstance(call.func, ast.Attribute)
            and call.func.attr == "get"
            and call.args
            and _is_fact(call.args[0])
        ):
            yield call.func.value


def _is_fact(key: ast.expr) -> bool:
    return isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value in _FACTS


def _handed_on(node: ast.Name) -> Iterator[Effect]:
    """Return the effect of a built-in function that is used as a value."""
    if node.id != "getattr":
        kind = Kind.INTROSPECT if node.id == "__builtins__" else Kind.EVALUATE
        yield Effect(kind, node.id, "", *place(node), traits=_HANDED_ON)


def _starts_process(name: str) -> bool:
    return any(sink.kind is Kind.RUN for sink in SINKS.get(name, ()))


def _reaches(template: str) -> bool:
    """Return whether a field of a template climbs through attributes that nobody prints."""
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field]
    except ValueError:
        return False
    steps = (step for field in fields for step in field.replace("[", ".").replace("]", "").split("."))
    return any(step.startswith("__") and step not in _TELLING for step in steps)

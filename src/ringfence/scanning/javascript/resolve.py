"""What an expression gives: names, members, operators and literals followed back to where their values come from.

Calls are in `calls.py`, what they give in `results.py`, and what functions are called with in `parameters.py`. The one idea:
nothing is worked out before somebody asks, and what was worked out is remembered, so plain code costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Origin, Unscannable
from ringfence.scanning.javascript.expressions import evaluated
from ringfence.scanning.javascript.folding import to_number
from ringfence.scanning.javascript.literals import string_text
from ringfence.scanning.javascript.members import member_values
from ringfence.scanning.javascript.memory import Memory
from ringfence.scanning.javascript.modules import (
    ENVIRONMENTS,
    global_path,
    member_path,
    module_path,
    origins_of_path,
)
from ringfence.scanning.javascript.parameters import Callers
from ringfence.scanning.javascript.patterns import REST, key_of, name_of
from ringfence.scanning.javascript.results import result_of
from ringfence.scanning.javascript.scopes import BRANCHES, CLASSES, LOOPS, Binding, statements_around
from ringfence.scanning.javascript.values import (
    NOTHING_KNOWN,
    Value,
    distinct,
    joined,
    number,
    origins_of,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.patterns import Definition
    from ringfence.scanning.javascript.scopes import Names
    from ringfence.scanning.javascript.tree import Node, Tree
    from ringfence.scanning.javascript.values import Frame, Values

MOST_STEPS = 90
"""How many steps a value is followed back, one within another. Plain aliases do not count."""
MOST_ALIASES = 10_000
"""How many names for one another are followed: `a = b; b = c`."""
MOST_HANDS = 6
"""Through how many parameters, calls and members of literals a value is followed, one within another. What is further away is unknown."""
_ANY_NAME = "\0"
_STEP = 10
"""What one step takes from the budget. One costs as much time as reading ten nodes; plain code takes one for each ten characters."""


class Resolver:
    """Works out values.

    Arguments:
        tree: the parsed source.
        names: what its names mean.
        budget: how much work may be done.

    Attributes:
        tree: the parsed source.
        budget: how much work may still be done.
        callers: what functions are called with.

    """

    def __init__(self, tree: Tree, names: Names, budget: Budget) -> None:
        self.tree = tree
        self.budget = budget
        self.callers = Callers(self)
        self._names = names
        self._fields: dict[str, list[Definition]] | None = None
        self._parts: dict[Node, dict[str, list[Node]]] = {}
        self._written: dict[Binding, dict[str, list[Definition]]] = {}
        self._memory = Memory()
        self._giving: set[Binding] = set()
        self._hands = 0

    def values(self, node: Node, frame: Frame | None = None) -> Values:
        """Return what an expression can give, at least one value.

        Arguments:
            node: the expression.
            frame: the call that it is evaluated in; None for any.

        Raises:
            Unscannable: that takes too many steps.

        """
        return self._remembered(node, frame)

    def binding_values(self, binding: Binding, frame: Frame | None = None) -> Values:
        """Return what a name can hold."""
        for _ in range(MOST_ALIASES):
            if frame is not None and binding in frame.given:
                return self._given(binding, frame)
            other = _alias(binding)
            if other is None:
                break
            self.budget.spend()
            binding = other
        return self._remembered(binding, frame)

    def _remembered(self, asked: Node | Binding, frame: Frame | None) -> Values:
        """Return what is known, or work it out."""
        key = (asked, frame)
        found = self._memory.find(key, self._hands)
        if found is not None:
            return found
        if self._memory.depth > MOST_STEPS:
            raise Unscannable("too-deep", "its values pass through too many hands: write it plainly")
        self.budget.spend(_STEP)
        question = self._memory.begin(key)
        found = self._defined(asked, frame) if isinstance(asked, Binding) else evaluated(self, asked, frame)
        self._memory.end(question, found, self._hands)
        return found

    def _given(self, binding: Binding, frame: Frame) -> Values:
        """Return what a parameter holds in one call, also where the function assigns to it: `i = i - 1`."""
        given = frame.given[binding]
        others = [each for each in binding.definitions if each.kind not in ("parameter", "default")]
        if not others or binding in self._giving:
            return given
        self._giving.add(binding)
        found = [value for each in others for value in self.definition_values(each, frame)]
        self._giving.discard(binding)
        return distinct((*given, *found))

    def _defined(self, binding: Binding, frame: Frame | None) -> Values:
        found: list[Value] = []
        if binding.is_global:
            found.append(Value(path=global_path(binding.name)))
        if any(definition.operator == "+=" for definition in binding.definitions):
            found.extend(self._appended(binding.definitions, frame))
        else:
            for definition in binding.definitions:
                self.budget.spend()
                found.extend(self.definition_values(definition, frame))
        return distinct(found)

    def _appended(self, definitions: list[Definition], frame: Frame | None) -> Values:
        """Return what a text becomes to which more is added, as far as that happens in a straight line."""
        found: list[Values] = []
        parts: list[Values] = []
        for definition in definitions:
            given = self.definition_values(definition, frame)
            if definition.operator == "+=":
                around = statements_around(definition.node)
                if not LOOPS.isdisjoint(around):
                    given = (Value(HOLE, origins=origins_of(given)),)
                elif not BRANCHES.isdisjoint(around):
                    given = (*given, Value(""))
                parts.append(given)
            else:
                found.extend([self._sum(parts)] if parts else [])
                parts = [given]
        return distinct(value for values in [*found, self._sum(parts)] for value in values)

    def _sum(self, parts: list[Values]) -> Values:
        numbers = [
            to_number(part[0]) if len(part) == 1 and part[0].number is not None else None for part in parts
        ]
        known = [n for n in numbers if n is not None]
        return (number(sum(known)),) if len(known) == len(parts) else joined(parts)

    def definition_values(self, definition: Definition, frame: Frame | None = None) -> Values:
        """Return what one definition gives."""
        node = definition.node
        if frame is not None and not frame.start <= node.start < frame.end:
            frame = None
        values = self._before_keys(definition, node, frame)
        for key in definition.keys:
            values = self.part(values, key, frame)
        return values

    def _before_keys(self, definition: Definition, node: Node, frame: Frame | None) -> Values:
        handler = _DEFINED.get(definition.kind)
        return NOTHING_KNOWN if handler is None else handler(self, definition, node, frame)

    def result(self, call: Call) -> Values:
        """Return what a call gives."""
        return result_of(call)

    def handed(self, work: Callable[[], Values]) -> Values:
        """Return what a piece of work gives, or that nothing is known where it is too far away from the question."""
        if self._hands == MOST_HANDS:
            self._memory.cut()
            return NOTHING_KNOWN
        self._hands += 1
        found = work()
        self._hands -= 1
        return found

    def part(self, values: Values, key: str | int | Node, frame: Frame | None) -> Values:
        """Return what a part of values gives: a member by its name, an element by its number, or what is left."""
        if key == REST:
            return values
        names = [str(key)] if isinstance(key, str | int) else texts(self.values(key, frame))
        return distinct(
            found for name in names for value in values for found in member_values(self, value, name)
        )

    def module(self, name: str) -> Value:
        """Return the module that a name imports."""
        return Value(path=module_path(name))

    def elements(self, values: Values) -> Values:
        """Return what a list holds, one after the other."""
        found: list[Value] = []
        for value in values:
            if value.items is not None:
                found.extend(each for item in value.items for each in item)
            elif value.text is not None and HOLE not in value.text:
                found.extend(Value(c) for c in value.text[:64])
            else:
                found.append(Value(origins=value.origins))
        return distinct(found)

    def written(self, binding: Binding, name: str) -> list[Definition]:
        """Return the writes to the member of that name of what a name holds."""
        index = self._written.get(binding)
        if index is None:
            index = self._written[binding] = {}
            for member, definition in binding.writes:
                for key in self.keys(member):
                    index.setdefault(text_of(key), []).append(definition)
        return index.get(name, [])

    def parts_of(self, node: Node, name: str) -> list[Node]:
        """Return the parts of an object or class that may give it a member of that name."""
        index = self._parts.get(node)
        if index is None:
            index = self._parts[node] = {}
            body = node.field("body") if node.type in CLASSES else node
            for part in body.children if body is not None else ():
                index.setdefault(_part_name(part), []).append(part)
        return [*index.get(name, ()), *index.get(_ANY_NAME, ())]

    def fields(self, name: str) -> list[Definition]:
        """Return every write to a member of that name, of whatever object."""
        if self._fields is None:
            self._fields = {}
            for member, definition in self._names.writes:
                prop = member.field("property")
                if prop is not None:
                    self._fields.setdefault(name_of(prop), []).append(definition)
        return self._fields.get(name, [])

    def keys(self, member: Node, frame: Frame | None = None) -> list[Value]:
        """Return the names that a member expression can ask for."""
        prop = member.field("property")
        if prop is not None:
            return [Value(name_of(prop))]
        index = member.field("index")
        if index is None:
            return []
        return [_key(value) for value in self.values(index, frame)]

    def put_together(self, parts: list[Values]) -> Values:
        """Return the concatenation of parts."""
        self.budget.spend(len(parts) + sum(len(text_of(part[0])) for part in parts) // 16)
        return joined(parts)

    def known_path(self, value: Value, key: Value) -> Value:
        """Return the member of a thing that is known by its path."""
        path = member_path(value.path, text_of(key))
        # All variables together hold secrets; one of them is only what its name says.
        origins = origins_of_path(path) | (value.origins if value.path not in ENVIRONMENTS else frozenset())
        if path in ENVIRONMENTS:
            origins |= {Origin.CREDENTIALS}
        return Value(
            path=path, node=value.node, frame=value.frame, origins=origins, traits=value.traits | key.traits
        )


def _part_name(part: Node) -> str:
    """Return the name of the member that a part of an object or class is; any, where it is computed or spread."""
    if part.type == "spread_element":
        return _ANY_NAME
    spelled = key_of(part.field("key") or part.field("name") or part.field("property") or part)
    return spelled if isinstance(spelled, str) else _ANY_NAME


def _alias(binding: Binding) -> Binding | None:
    """Return the name that a name is nothing but another word for."""
    if len(binding.definitions) != 1 or binding.is_global:
        return None
    kind, node, keys, _, _ = binding.definitions[0]
    if kind != "value" or keys or node.type != "identifier" or node.scope is None:
        return None
    other = node.scope.find(name_of(node))
    return other if other is not binding else None


def _key(value: Value) -> Value:
    """Return a value as the name of a member; a symbol of the language by its path."""
    text = value.path if value.path.startswith("Symbol.") and value.text is None else text_of(value)
    return Value(text, traits=value.traits)


def _keys(value: Value) -> Iterator[Value]:
    """Return the names of an object's own members."""
    if value.node is None or value.node.type != "object":
        yield Value(origins=value.origins)
        return
    for part in value.node.children:
        key = part.field("key") or part.field("name") or part
        name = key_of(key)
        if isinstance(name, str):
            yield Value(name)


def _parameter(resolver: Resolver, definition: Definition, node: Node, _frame: Frame | None) -> Values:
    rest = bool(definition.keys) and definition.keys[0] == REST
    return resolver.handed(lambda: resolver.callers.parameter(node, definition.place, rest=rest))


def _assigned(resolver: Resolver, definition: Definition, node: Node, frame: Frame | None) -> Values:
    return resolver.values(node, frame) if definition.operator in _KNOWN_OPERATORS else NOTHING_KNOWN


_KNOWN_OPERATORS = frozenset({"=", "+=", "||=", "&&=", "??="})
_DEFINED: Mapping[str, Callable[[Resolver, Definition, Node, Frame | None], Values]] = {
    "value": _assigned,
    "default": _assigned,
    "parameter": _parameter,
    "element": lambda resolver, _, node, frame: resolver.elements(resolver.values(node, frame)),
    "key": lambda resolver, _, node, frame: distinct(
        key for value in resolver.values(node, frame) for key in _keys(value)
    ),
    "import": lambda resolver, _, node, __: (resolver.module(string_text(node)),),
    "self": lambda _, __, node, frame: (Value(node=node, frame=frame),),
}
"""What a definition of each kind gives before its keys; of any other, nothing is known."""

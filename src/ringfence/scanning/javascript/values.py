"""What an expression gives, as far as it can be told: a text, a number, a list, a thing with a known name, a function, or nothing.

The one idea: things that the language and its modules provide are named by the path that leads to them, and what a call gives
back by the path with `()` after it: `fs.readFileSync`, `net.connect().pipe`, `process.env`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Origin, Trait
from ringfence.scanning.javascript.literals import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.scanning.javascript.scopes import Binding
    from ringfence.scanning.javascript.tree import Node

MOST_VALUES = 16
"""How many different values of one expression are followed."""
MOST_TEXT = 200_000
"""How long a text may become while it is put together."""

_MOST_LISTS = 2

CALCULATED = frozenset({Trait.CALCULATED})
DECODED = frozenset({Origin.DECODED})

BYTES = "Buffer()"
"""The path of bytes. Their text holds one character for each."""
SOMETHING = "?"
"""The path of a thing that nothing is known of, where only a path can say what was asked of it: `?.constructor`."""
SOMETHINGS_CONSTRUCTOR = "?.constructor"
DESCRIPTOR = "Object.getOwnPropertyDescriptor()"

_FUNCTION_NODES = {
    "function_declaration": "Function",
    "function_expression": "Function",
    "method_definition": "Function",
    "class": "Function",
    "class_declaration": "Function",
    "generator_function": "GeneratorFunction",
    "generator_function_declaration": "GeneratorFunction",
    "arrow_function": "Function",
}


class Frame:
    """One call of a local function: what its parameters are. Two calls with the same arguments are the same frame.

    Arguments:
        given: the values of its parameters, and of those of the functions around it.
        depth: how many calls are around it.
        start, end: where the outermost function of them stands.

    """

    __slots__ = ("_hash", "depth", "end", "given", "start")

    def __init__(self, given: dict[Binding, Values], depth: int, start: int, end: int) -> None:
        self.given = given
        self.depth = depth
        self.start = start
        self.end = end
        self._hash = hash(tuple(given.items()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Frame)
            and self._hash == other._hash
            and (self.depth, self.start, self.end) == (other.depth, other.start, other.end)
            and self.given == other.given
        )


class Items(tuple["Values", ...]):
    """The elements of a list, each with its alternatives. Lists that hold lists are compared by identity, or it would take forever."""

    __slots__ = ()

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Value(NamedTuple):
    """One value. Fields that say nothing are empty.

    Arguments:
        text: its text, with a hole for each part that could not be told; for bytes, one character for each.
        number: its value, for a number.
        path: the name of what it is.
        node: the function, class, object or array literal that it is, or the call that gave it.
        items: the elements of a list, each with its alternatives; of a descriptor, the one value it describes.
        frame: the call in which its node stands.
        is_instance: whether it is made by the class that is its node.
        bound: the arguments that `bind` gave it.
        origins: where it comes from.
        traits: `CALCULATED`, for a text put together at run time and what was found by it.

    """

    text: str | None = None
    number: float | None = None
    path: str = ""
    node: Node | None = None
    items: Items | None = None
    frame: Frame | None = None
    is_instance: bool = False
    bound: Items | tuple[()] = ()
    origins: frozenset[Origin] = frozenset()
    traits: frozenset[Trait] = frozenset()


Values = tuple[Value, ...]

UNKNOWN: Value = Value()
NOTHING_KNOWN: Values = (UNKNOWN,)
UNDEFINED: Value = Value("undefined", path="undefined")
TRUE: Value = Value("true", path="true")
FALSE: Value = Value("false", path="false")


def number(value: float) -> Value:
    """Return a number as a value."""
    return Value(number_text(float(value)), float(value))


def function_kind(value: Value) -> str:
    """Return the constructor of a local function, such as `AsyncFunction`; empty for what is no local function."""
    node = value.node
    if node is None or value.is_instance or value.path or node.type not in _FUNCTION_NODES:
        return ""
    kind = _FUNCTION_NODES[node.type]
    return f"Async{kind}" if "async" in node.fields else kind


def text_of(value: Value, within: int = 0) -> str:
    """Return what a value becomes as text, with holes.

    Arguments:
        value: the value.
        within: how many lists it is in.

    """
    if value.text is not None:
        return as_utf8(value.text) if value.path == BYTES else value.text
    if ".prototype." in value.path and not value.path.endswith(")"):
        return f"function {value.path.rpartition('.')[2]}() {{ [native code] }}"
    if value.items is not None:
        known = within < _MOST_LISTS
        return ",".join(
            text_of(item[0], within + 1) if known and len(item) == 1 else HOLE for item in value.items
        )
    if value.node is not None and value.node.type == "object":
        return "[object Object]"
    return HOLE


def as_utf8(data: str) -> str:
    """Return the text that bytes, given as one character each, hold."""
    if not data.isascii() and HOLE not in data:
        return data.encode("latin-1", "replace").decode("utf-8", "replace")
    return data


def texts(values: Values) -> list[str]:
    """Return the texts of values that have any, without those that are nothing but a hole."""
    return [text for text in map(text_of, values) if text.strip(HOLE)]


def is_known(value: Value) -> bool:
    """Return whether a value is a text without holes."""
    return value.text is not None and HOLE not in value.text


def origins_of(values: Iterable[Value]) -> frozenset[Origin]:
    """Return where values come from."""
    return frozenset().union(*(value.origins for value in values))


def traits_of(values: Iterable[Value]) -> frozenset[Trait]:
    """Return the traits of values."""
    return frozenset().union(*(value.traits for value in values))


def distinct(values: Iterable[Value]) -> Values:
    """Return values without repetition, at most `MOST_VALUES`; the last one then says that there are more."""
    found = tuple(dict.fromkeys(values))
    if len(found) > MOST_VALUES:
        return (*found[: MOST_VALUES // 2], *found[-MOST_VALUES // 2 + 1 :], UNKNOWN)
    return found or NOTHING_KNOWN


def joined(parts: list[Values]) -> Values:
    """Return the concatenation of parts, in all combinations of their alternatives while those are few."""
    made: list[Value] = [Value("")]
    for alternatives in parts:
        usable = alternatives if len(made) * len(alternatives) <= MOST_VALUES else (_blurred(alternatives),)
        made = [_appended(before, after) for before in made for after in usable]
    return distinct(made)


def _blurred(alternatives: Values) -> Value:
    return Value(HOLE, origins=origins_of(alternatives), traits=traits_of(alternatives))


def _appended(before: Value, after: Value) -> Value:
    text = f"{before.text}{text_of(after)}"
    if len(text) > MOST_TEXT:
        text = HOLE
    return Value(
        text, origins=before.origins | after.origins, traits=before.traits | after.traits | CALCULATED
    )

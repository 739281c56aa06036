"""Members: what `object.name` and `object[name]` give, by what is known of the object.

The one idea: a member that every object has (`constructor`, `__proto__`) leads somewhere even where nothing else is known of the
object, and those few ways are what escapes are made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.folding import calculated
from ringfence.scanning.javascript.modules import (
    ANY_MEMBER,
    GLOBAL_OBJECT,
    REACHED,
    is_function_path,
    member_path,
)
from ringfence.scanning.javascript.modules import CLASSES as BUILT_IN_CLASSES
from ringfence.scanning.javascript.patterns import key_of, name_of
from ringfence.scanning.javascript.scopes import CLASSES
from ringfence.scanning.javascript.values import (
    BYTES,
    DESCRIPTOR,
    NOTHING_KNOWN,
    SOMETHING,
    SOMETHINGS_CONSTRUCTOR,
    UNKNOWN,
    Value,
    distinct,
    function_kind,
    number,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values

_OF_FUNCTIONS = frozenset({"call", "apply", "bind", "toString"})
_TELLING = frozenset({"child_process", GLOBAL_OBJECT})
"""Objects of which it matters that something is called, whatever it is."""
_HOME = frozenset({"HOME", "USERPROFILE"})


def members_of(resolver: Resolver, node: Node, owner: Node, frame: Frame | None) -> Values:
    """Return what a member expression gives."""
    found: list[Value] = []
    owners = resolver.values(owner, frame)
    for key in resolver.keys(node, frame):
        name = text_of(key)
        if HOLE in name:
            found.extend(_any_member(value) for value in owners)
            continue
        written = list(_written(resolver, owner, owners, name, frame))
        found.extend(written)
        for value in owners:
            members = member_values(resolver, value, name)
            if not written or any(member != UNKNOWN for member in members):
                found.extend(
                    member._replace(traits=member.traits | key.traits | value.traits) for member in members
                )
    return distinct(found)


def _any_member(value: Value) -> Value:
    path = f"{value.path}{ANY_MEMBER}" if value.path in _TELLING else ""
    return Value(path=path, origins=value.origins, traits=value.traits)


def _written(
    resolver: Resolver, owner: Node, owners: Values, name: str, frame: Frame | None
) -> Iterator[Value]:
    """Return what assignments to the member put there: to a name's members, or to any object's where no name tells."""
    binding = (
        owner.scope.find(name_of(owner)) if owner.type == "identifier" and owner.scope is not None else None
    )
    if binding is not None:
        for definition in resolver.written(binding, name):
            resolver.budget.spend()
            yield from resolver.definition_values(definition, frame)
    unnamed = binding is None or any(definition.kind == "parameter" for definition in binding.definitions)
    if unnamed and not any(value.path or value.text is not None for value in owners):
        for definition in resolver.fields(name)[:8]:
            yield from resolver.definition_values(definition)


def member_values(resolver: Resolver, value: Value, name: str) -> Values:
    """Return what a member of a value gives."""
    if name == "constructor":
        return (Value(path=constructor_path(value), traits=value.traits),)
    if name == "__proto__":
        return (Value(path=prototype_path(value)),)
    if value.path == DESCRIPTOR:
        return value.items[0] if value.items and name in ("value", "get") else NOTHING_KNOWN
    if value.node is not None and not value.path:
        return resolver.handed(lambda: _of_node(resolver, value, name))
    return _of_known(resolver, value, name)


def _of_known(resolver: Resolver, value: Value, name: str) -> Values:
    """Return a member of a list, a text, or a thing that is known by its path."""
    if value.items is not None:
        return _of_list(value, name)
    if value.text is not None:
        return _of_text(value, name)
    return _of_path(resolver, value, name) if value.path else (Value(origins=value.origins),)


def constructor_path(value: Value) -> str:
    """Return the path of a value's constructor."""
    kind = function_kind(value)
    if kind:
        return REACHED if kind == "Function" else kind
    if value.path:
        return _constructor_of_path(value.path)
    if value.text is not None:
        return "Number" if value.number is not None else "String"
    if value.items is not None:
        return "Array"
    return "Object" if value.node is not None and value.node.type == "object" else SOMETHINGS_CONSTRUCTOR


def _constructor_of_path(path: str) -> str:
    if path == SOMETHINGS_CONSTRUCTOR or is_function_path(path):
        return REACHED
    head, _, last = path.rpartition(".")
    if last == "prototype":
        return REACHED if head == "Function" else head
    if path.endswith("()") and path[:-2] in BUILT_IN_CLASSES:
        return path[:-2]
    if path in ("true", "false"):
        return "Boolean"
    found = member_path(path, "constructor")
    return found if found == "Module" else SOMETHINGS_CONSTRUCTOR


def prototype_path(value: Value) -> str:
    """Return the path of a value's prototype."""
    constructor = constructor_path(value)
    if constructor == REACHED:
        return "Function.prototype"
    return f"{SOMETHING}.__proto__" if constructor == SOMETHINGS_CONSTRUCTOR else f"{constructor}.prototype"


def _of_path(resolver: Resolver, value: Value, name: str) -> Values:
    if value.path == f"{SOMETHING}.__proto__" and name != "constructor":
        return (Value(path=f"{SOMETHING}.__proto__.{name}"),)
    found = resolver.known_path(value, Value(name))
    if value.path == "process.env" and name in _HOME:
        found = found._replace(text="~")
    if found.path in ("process.argv.1", "require.main.filename", "module.filename"):
        found = found._replace(text="./script.js")
    if found.path in ("process.execPath", "process.argv0", "process.argv.0"):
        found = found._replace(text="node")
    if found.path in ("import.meta.dirname", "import.meta.url", "import.meta.filename"):
        found = found._replace(text="." if found.path.endswith("dirname") else "./script.js")
    return (found,)


def _of_list(value: Value, name: str) -> Values:
    items = value.items or ()
    if name == "length":
        return (number(len(items)),)
    if name.isdigit() and len(name) < 8:  # noqa: PLR2004 - no list is longer
        return items[int(name)] if int(name) < len(items) else NOTHING_KNOWN
    return (Value(path=f"Array.prototype.{name}", items=value.items, origins=value.origins),)


def _of_text(value: Value, name: str) -> Values:
    text = text_of(value)
    if name == "length":
        return (number(len(text)),) if HOLE not in text else NOTHING_KNOWN
    if name.isdigit() and len(name) < 8:  # noqa: PLR2004 - no text is longer
        index = int(name)
        return (calculated(text[index], value),) if index < len(text) and HOLE not in text else NOTHING_KNOWN
    kind = "Number" if value.number is not None else "Buffer" if value.path == BYTES else "String"
    return (Value(path=f"{kind}.prototype.{name}", text=None, origins=value.origins),)


def _of_node(resolver: Resolver, value: Value, name: str) -> Values:
    """Return a member of a function, class or object literal."""
    node = value.node
    if node is None:
        return NOTHING_KNOWN
    if node.type == "object":
        found = list(_of_object(resolver, value, node, name))
    elif node.type in CLASSES:
        found = list(_of_class(resolver, value, node, name))
    else:
        found = [Value(path=f"Function.prototype.{name}")] if name in _OF_FUNCTIONS else []
    if not found and node.type == "object" and name.startswith("__"):
        found = [Value(path=f"Object.prototype.{name}")]
    return distinct(found) if found else (UNKNOWN,)


def _of_object(resolver: Resolver, value: Value, node: Node, name: str) -> Iterator[Value]:
    for part in resolver.parts_of(node, name):
        resolver.budget.spend()
        if part.type == "pair":
            key, content = part.field("key"), part.field("value")
            if key is not None and content is not None and _spells(resolver, key, name, value.frame):
                yield from resolver.values(content, value.frame)
        elif part.type == "shorthand_property_identifier" and name_of(part) == name:
            yield from resolver.values(part, value.frame)
        elif part.type == "method_definition":
            yield from _of_method(resolver, value, part, name)
        elif part.type == "spread_element" and part.children:
            for spread in resolver.values(part, value.frame):
                yield from (found for found in member_values(resolver, spread, name) if found != UNKNOWN)


def _of_class(resolver: Resolver, value: Value, node: Node, name: str) -> Iterator[Value]:
    for part in resolver.parts_of(node, name):
        resolver.budget.spend()
        if part.type == "method_definition":
            yield from _of_method(resolver, value, part, name)
        elif part.type == "field_definition":
            key, content = part.field("property"), part.field("value")
            if key is not None and content is not None and _spells(resolver, key, name, value.frame):
                yield from resolver.values(content, value.frame)
    for definition in resolver.fields(name)[:8]:
        yield from resolver.definition_values(definition)


def _of_method(resolver: Resolver, value: Value, method: Node, name: str) -> Iterator[Value]:
    key = method.field("name")
    if key is None or not _spells(resolver, key, name, value.frame):
        return
    if "get" in method.fields:
        yield from resolver.callers.returned(method, value.frame)
    else:
        yield Value(node=method, frame=value.frame)


def _spells(resolver: Resolver, key: Node, name: str, frame: Frame | None) -> bool:
    """Return whether a property's key is that name."""
    spelled = key_of(key)
    return spelled == name if isinstance(spelled, str) else name in texts(resolver.values(spelled, frame))

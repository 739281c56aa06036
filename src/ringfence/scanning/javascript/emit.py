"""Making effects: where they stand, what they are done to, and what a person is shown of how that was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Trait
from ringfence.scanning.javascript.values import as_utf8, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.scanning.effects import Kind, Language, Origin
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.tree import Node, Tree
    from ringfence.scanning.javascript.values import Values

_NO_TRAITS: frozenset[Trait] = frozenset()
_MOST_SHOWN = 100
_UNRESOLVED = frozenset({Trait.UNRESOLVED})


def effect(
    tree: Tree,
    node: Node,
    kind: Kind,
    name: str,
    value: str = "",
    *,
    traits: Iterable[Trait] = (),
    origins: Iterable[Origin] = (),
    nested: tuple[Language, str] | None = None,
) -> Effect:
    """Return an effect at the place of a node."""
    line, column = tree.position(node.start)
    end_line, end_column = tree.position(node.end)
    found = frozenset(traits)
    if HOLE in value:
        found |= _UNRESOLVED
        value = "" if not value.strip(HOLE) else value
    evidence = (f"{tree.text(node)[:_MOST_SHOWN]} -> {name}",) if Trait.CALCULATED in found else ()
    return Effect(
        kind, name, value, line, column, end_line, end_column, found, frozenset(origins), evidence, nested
    )


def of_call(
    call: Call,
    kind: Kind,
    values: Values | None = None,
    *,
    name: str = "",
    traits: Iterable[Trait] = (),
    origins: Iterable[Origin] = (),
    language: Language | None = None,
) -> Iterator[Effect]:
    """Return the effects of a call on each of the values that something it is given can have.

    Arguments:
        call: the call.
        kind: what is done.
        values: what it is done to; without any, that cannot be told.
        name: what does it; what is called, unless it is said.
        traits: what is special about it.
        origins: where it comes from, besides where the values do.
        language: what known values are written in, to be analysed in their turn.

    """
    calculated = call.callee.traits & {Trait.CALCULATED}
    name = name or call.path
    tree = call.resolver.tree
    if not values:
        yield effect(tree, call.node, kind, name, HOLE, traits=calculated.union(traits), origins=origins)
    for value in values or ():
        text = text_of(value)
        known = text if language is not None and text.strip(HOLE) else None
        nested = (language, known) if language is not None and known is not None else None
        yield effect(
            tree,
            call.node,
            kind,
            name,
            as_utf8(text),
            traits=calculated.union(traits),
            origins=value.origins.union(origins),
            nested=nested,
        )

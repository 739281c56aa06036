"""One entry of the catalogue at one call: what the readers of forms are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.effect import made
from ringfence.scanning.python.values import UNKNOWN, as_text, origins_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from ringfence.scanning.effects import Effect, Kind, Language, Origin, Trait
    from ringfence.scanning.python.catalogue import Sink
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Value, Values


class Site(NamedTuple):
    """One entry of the catalogue at one call.

    Arguments:
        name: what is called, by the catalogue's name.
        sink: the entry.
        value: one thing that the argument may stand for that the entry speaks of.
        arguments: what the positional arguments may stand for.
        node: the call.
        scope: where it stands.
        resolver: tells what else may be asked for.

    """

    name: str
    sink: Sink
    value: Value
    arguments: Sequence[Values]
    node: ast.Call
    scope: Scope
    resolver: Resolver

    @property
    def text(self) -> str:
        """The value as text, with holes."""
        return as_text(self.value)

    def keyword(self, name: str) -> Values | None:
        """Return what a keyword argument may stand for, None where it is not given."""
        return self.resolver.arguments.keyword(self.node, name, self.scope)

    def flag(self, name: str) -> object:
        """Return the constant of a keyword argument, None where it is not given or not known."""
        values = self.keyword(name)
        return values[0].const if values is not None and values[0].const is not UNKNOWN else None

    def sent(self) -> tuple[bool, frozenset[Origin]]:
        """Return whether the call sends data, and where the data comes from."""
        data, count = self.sink.data, len(self.arguments)
        given = [self.arguments[position] for position in self.sink.positions if position < count]
        for keyword in self.node.keywords:
            if keyword.arg in data:
                given.append(self.resolver.values(keyword.value, self.scope))
            elif keyword.arg is None:
                given += [found for name in data if (found := self.keyword(name)) is not None]
        return bool(given), origins_of(*given)

    def effect(
        self,
        kind: Kind | None = None,
        text: str | None = None,
        traits: frozenset[Trait] = NO_TRAITS,
        origins: frozenset[Origin] | None = None,
        nested: tuple[Language, str] | None = None,
    ) -> Effect:
        """Return the effect of this call; what is not given is the entry's and the value's own."""
        text = self.text if text is None else text
        origins = self.value.origins if origins is None else origins
        return made(kind or self.sink.kind, self.name, text, self.node, traits, origins, nested)

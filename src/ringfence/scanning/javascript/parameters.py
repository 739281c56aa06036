"""What the functions of a source are called with, and what they return.

The one idea: a function is called where `sites.py` says, or by whoever it is handed to; a parameter holds what any of these gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin
from ringfence.scanning.javascript.calls import Call, arguments_of, calls_of
from ringfence.scanning.javascript.patterns import name_of, parameters_of
from ringfence.scanning.javascript.scopes import FUNCTIONS
from ringfence.scanning.javascript.sites import Sites
from ringfence.scanning.javascript.values import (
    NOTHING_KNOWN,
    UNDEFINED,
    UNKNOWN,
    Items,
    Value,
    distinct,
    origins_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.sites import Site
    from ringfence.scanning.javascript.tree import Node
    from ringfence.scanning.javascript.values import Frame, Values

MOST_SITES = 40
"""How many calls of one function are looked at; where there are more, its parameters may be anything besides."""
MOST_HANDINGS = 8
"""To how many others a function is seen to be handed."""
_ELEMENTWISE = frozenset(
    {"map", "forEach", "filter", "find", "some", "every", "flatMap", "findIndex", "findLast"}
)
_PASSING_ON = frozenset({"then", "finally"})
_FROM_OUTSIDE = frozenset({Origin.ARGUMENT})
_FROM_NETWORK = frozenset({Origin.NETWORK})
_SOCKET_SERVERS = frozenset({"net.createServer", "net.Server", "tls.createServer", "net.createServer().on"})


class Callers:
    """What is known of the calls of local functions.

    Arguments:
        resolver: what works out values.

    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._made: Sites | None = None
        self._returns: dict[Node, list[Node]] | None = None

    @property
    def sites(self) -> Sites:
        """Where functions are called, gathered when it is first needed."""
        if self._made is None:
            self._made = Sites(self._resolver.tree.nodes)
        return self._made

    def parameter(self, function: Node, index: int, *, rest: bool = False) -> Values:
        """Return what a parameter of a function can hold.

        Arguments:
            function: the function.
            index: which parameter.
            rest: whether it takes all arguments from there on.

        """
        sites = self.sites.of(function)
        found: list[Value] = [UNKNOWN] if len(sites) > MOST_SITES else []
        for site in sites[:MOST_SITES]:
            call = self._call(site)
            found.extend(
                (Value(items=Items(call.arguments(index))),) if rest else call.argument(index) or (UNDEFINED,)
            )
        for handing in self.sites.handed(function)[:MOST_HANDINGS]:
            found.extend(self._handed_to(handing.node, handing.place, index))
        return distinct(found) if found else (Value(origins=_FROM_OUTSIDE),)

    def _call(self, site: Site) -> Call:
        """Return a call with the arguments that the function gets."""
        arguments = arguments_of(self._resolver, site.node, None)
        call = Call(self._resolver, site.node, UNKNOWN, (), arguments, None)
        if site.how == "apply":
            lists = call.argument(1)
            items = lists[0].items if len(lists) == 1 else None
            return Call(self._resolver, site.node, UNKNOWN, (), items or (), None)
        return Call(self._resolver, site.node, UNKNOWN, (), arguments[1:], None) if site.how else call

    def _handed_to(self, node: Node, place: int, index: int) -> Iterator[Value]:
        self._resolver.budget.spend(5)
        for call in calls_of(self._resolver, node):
            if call.callee.node is not None and call.callee.node.type in FUNCTIONS and not call.path:
                yield from self._through(call.callee.node, place, index)
            else:
                yield from self._by_library(call, index)

    def _through(self, function: Node, place: int, index: int) -> Iterator[Value]:
        """Return what a local function that is handed a function calls it with."""
        parameters = parameters_of(function)
        if place >= len(parameters) or parameters[place].type != "identifier" or function.scope is None:
            return
        binding = function.scope.find(name_of(parameters[place]))
        for site in self.sites.by(binding)[:MOST_HANDINGS] if binding is not None else ():
            yield from self._call(site).argument(index)

    def _by_library(self, call: Call, index: int) -> Iterator[Value]:
        """Return what a function that is handed to the language or a module is called with."""
        name = _method_name(call.node)
        if name in _ELEMENTWISE and index == 0:
            yield from self._resolver.elements(call.this or NOTHING_KNOWN)
        elif name in _PASSING_ON and index == 0:
            yield from call.this or NOTHING_KNOWN
        elif call.path in _SOCKET_SERVERS:
            yield Value(path="net.Socket()", node=call.node, origins=_FROM_NETWORK)
        elif call.path.endswith("createServer"):
            yield Value(path=f"{call.path}().request", origins=_FROM_NETWORK)
        else:
            yield Value(origins=origins_of(self._resolver.values(call.node)) | origins_of(call.this))

    def returned(self, function: Node, frame: Frame | None) -> Values:
        """Return what a function returns, in the call that `frame` describes."""
        body = function.field("body")
        if body is None:
            return NOTHING_KNOWN
        if body.type != "statement_block":
            return self._resolver.values(body, frame)
        returns = self._returns_of(function)
        found: list[Value] = [UNKNOWN] if len(returns) > MOST_SITES else []
        for each in returns[:MOST_SITES]:
            found.extend(self._resolver.values(each.children[0], frame) if each.children else (UNDEFINED,))
        return distinct(found)

    def _returns_of(self, function: Node) -> list[Node]:
        if self._returns is None:
            self._returns = {}
            for node in self._resolver.tree.nodes:
                if node.type == "return_statement":
                    around = node.parent
                    while around is not None and around.type not in FUNCTIONS:
                        around = around.parent
                    if around is not None:
                        self._returns.setdefault(around, []).append(node)
        return self._returns.get(function, [])


def _method_name(call: Node) -> str:
    callee = call.field("function")
    last = callee.field("property") if callee is not None else None
    return name_of(last) if last is not None else ""

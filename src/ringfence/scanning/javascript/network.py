"""The network: what is reached, by which function, and what data is sent there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Trait
from ringfence.scanning.javascript.addresses import (
    CONNECTIONS,
    REQUESTS,
    SOCKETS,
    addresses_of,
    connection_address,
    socket_address,
)
from ringfence.scanning.javascript.contents import content, origins_within
from ringfence.scanning.javascript.emit import effect, of_call
from ringfence.scanning.javascript.modules import words
from ringfence.scanning.javascript.patterns import key_of
from ringfence.scanning.javascript.values import Value, joined, origins_of, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence.scanning.effects import Effect, Origin
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.values import Values

_SENDING: frozenset[str] = words(
    "axios.post axios.put axios.patch got.post got.put got.patch needle.post needle.put "
    "request.post request.put request.patch superagent.post superagent.put superagent.patch "
    "navigator.sendBeacon ky.post ky.put ky.patch"
)
"""Functions whose second argument is data that goes out."""
_LOOKUPS: frozenset[str] = words(
    "lookup resolve resolve4 resolve6 resolveTxt resolveMx resolveAny resolveCname resolveNs "
    "resolveSrv reverse"
)
_LISTENERS: Mapping[str, int] = {
    "net.createServer().listen": 0,
    "net.Server().listen": 0,
    "tls.createServer().listen": 0,
    "http.createServer().listen": 0,
    "http.Server().listen": 0,
    "https.createServer().listen": 0,
    "http2.createServer().listen": 0,
    "http2.createSecureServer().listen": 0,
    "express().listen": 0,
    "fastify().listen": 0,
    "koa().listen": 0,
    "restify.createServer().listen": 0,
    "hapi.server().start": 0,
    "Bun.serve": 0,
    "Deno.serve": 0,
    "Deno.listen": 0,
    "Bun.listen": 0,
    "WebSocket.Server": 0,
    "WebSocket.WebSocketServer": 0,
    "socket.io.Server": 0,
    "dgram.createSocket().bind": 0,
}
_SENDERS = frozenset({"write", "end", "send", "emit"})
_SENDING_METHODS = frozenset({"POST", "PUT", "PATCH"})
_DATA = ("body", "data", "json", "form", "formData", "params", "qs", "searchParams", "payload")
_KEYS_OF_THE_SERVICE = re.compile(r"auth|token|key|cookie|csrf|xsrf|session|secret", re.IGNORECASE)
"""Headers that exist to carry a secret to the service that it belongs to."""
_OPEN = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - what it is compared with
_CLASSES = frozenset({"WebSocket", "EventSource", "WebTransport", "Request"})


def network_effects(call: Call) -> Iterator[Effect]:
    """Return what a call does on the network."""
    path = call.path
    if path in REQUESTS or path in _SENDING:
        yield from _requests(call)
    elif path in SOCKETS:
        yield from of_call(call, Kind.CONNECT, socket_address(call), traits=_verified(call))
    elif path == "XMLHttpRequest().open":
        yield from of_call(
            call, Kind.CONNECT, call.argument(1), name="XMLHttpRequest.open", traits=_leaks(call.argument(1))
        )
    elif path.startswith("dns.") and call.method in _LOOKUPS:
        yield from of_call(call, Kind.CONNECT, call.argument(0), traits=_leaks(call.argument(0)))
    elif path == "dgram.createSocket().send":
        yield from _datagram(call)
    elif path in _LISTENERS:
        yield from _listens(call)
    elif call.method in _SENDERS and path.rpartition(".")[0] in CONNECTIONS:
        yield from _sends(call)
    elif call.method == "pipe":
        yield from _pipes(call)


def _requests(call: Call) -> Iterator[Effect]:
    if call.path in _CLASSES and not call.is_new and call.path != "WebSocket":
        return
    index = next((i for i in (0, 1) if i < call.count and not _is_method(call.argument(i))), 0)
    addresses = addresses_of(call, index)
    origins = _data_origins(call)
    traits = set(_verified(call))
    if call.path in _SENDING or origins or _sends_body(call):
        traits.add(Trait.SENDS)
    traits.update(_leaks(addresses))
    yield from of_call(call, Kind.CONNECT, addresses, traits=traits, origins=origins)


def _is_method(values: Values) -> bool:
    return any(text.upper() in {*_SENDING_METHODS, "GET", "DELETE", "HEAD"} for text in texts(values))


def _leaks(values: Values) -> set[Trait]:
    """Return that a call sends, where data is put into its address."""
    return (
        {Trait.SENDS}
        if any((value.origins and "?" in text_of(value)) or _in_host(value) for value in values)
        else set()
    )


def _in_host(value: Value) -> bool:
    host = text_of(value).partition("://")[2].partition("/")[0]
    return bool(value.origins) and HOLE in host and "." in host.replace(HOLE, "")


def _sends_body(call: Call) -> bool:
    methods = [text.upper() for index in (0, 1) for text in texts(call.option(index, "method"))]
    return any(method in _SENDING_METHODS for method in methods)


def _data_origins(call: Call) -> frozenset[Origin]:
    """Return where the data comes from that a request carries: its body, what is in its URL, and headers of its own making."""
    groups: list[Values] = [call.argument(1)] if call.path in _SENDING else []
    for index in range(min(call.count, 3)):
        groups.extend(call.option(index, name) for name in _DATA)
        for headers in call.option(index, "headers"):
            groups.extend(_header_values(call.resolver, headers))
    return frozenset().union(*(origins_within(call.resolver, values) for values in groups))


def _header_values(resolver: Resolver, headers: Value) -> Iterator[Values]:
    if headers.node is None or headers.node.type != "object":
        return
    for part in headers.node.children:
        key = part.field("key")
        name = key_of(key) if key is not None else ""
        if not isinstance(name, str) or not _KEYS_OF_THE_SERVICE.search(name):
            yield content(resolver, part, headers.frame)


def _verified(call: Call) -> set[Trait]:
    """Return whether a call says that certificates are not to be checked."""
    found = [
        value for index in range(min(call.count, 3)) for value in call.option(index, "rejectUnauthorized")
    ]
    return {Trait.UNVERIFIED} if any(value.path == "false" for value in found) else set()


def _datagram(call: Call) -> Iterator[Effect]:
    numbers = [
        index
        for index in range(1, call.count)
        if any(value.number is not None for value in call.argument(index))
    ]
    at = numbers[-1] if numbers else call.count - 2
    host, port = call.argument(at + 1), call.argument(at)
    address = joined([host if texts(host) else (Value(HOLE),), (Value(":"),), port or (Value(HOLE),)])
    yield from of_call(
        call, Kind.CONNECT, address, traits={Trait.SENDS}, origins=origins_of(call.argument(0))
    )


def _listens(call: Call) -> Iterator[Effect]:
    port = call.option(0, "port") or call.argument(0)
    host = call.option(0, "host", "hostname") or tuple(
        v for v in call.argument(1) if v.text is not None and v.number is None
    )
    traits = {Trait.OPEN_TO_ALL} if all(text_of(value) in _OPEN for value in host) else set()
    address = joined([host or (Value(""),), (Value(":"),), port or (Value(HOLE),)])
    yield from of_call(call, Kind.LISTEN, address, traits=traits)


def _sends(call: Call) -> Iterator[Effect]:
    """Return what `connection.write(data)` sends; nothing for `end()` without data."""
    if not call.count:
        return
    origins = frozenset().union(*(origins_within(call.resolver, values) for values in call.arguments()))
    for connection in call.this:
        address = connection_address(call.resolver, connection)
        yield effect(
            call.resolver.tree,
            call.node,
            Kind.CONNECT,
            call.path,
            address,
            traits={Trait.SENDS},
            origins=origins,
        )


def _pipes(call: Call) -> Iterator[Effect]:
    for target in call.argument(0):
        if target.path in CONNECTIONS:
            address = connection_address(call.resolver, target)
            origins = origins_of(call.this)
            yield effect(
                call.resolver.tree,
                call.node,
                Kind.CONNECT,
                call.path,
                address,
                traits={Trait.SENDS},
                origins=origins,
            )

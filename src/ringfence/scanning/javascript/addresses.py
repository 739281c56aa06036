"""Addresses: where a request or a connection goes, told from URLs, options, hosts and ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.calls import calls_of
from ringfence.scanning.javascript.modules import words
from ringfence.scanning.javascript.values import Value, distinct, joined, texts

if TYPE_CHECKING:
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.resolve import Resolver
    from ringfence.scanning.javascript.values import Values


REQUESTS: frozenset[str] = words(
    "fetch axios axios.get axios.delete axios.head axios.request axios.options got got.get "
    "got.head got.delete got.stream needle needle.get request request.get superagent "
    "superagent.get superagent.head undici.request undici.stream http.get https.get "
    "http.request https.request http2.connect WebSocket EventSource ky ky.get phin bent wretch "
    "io socket.io-client socket.io-client.io Deno.connect Bun.connect WebTransport "
    "importScripts Request"
)

SOCKETS: frozenset[str] = words(
    "net.connect net.createConnection tls.connect net.Socket().connect tls.createConnection "
    "ssh2.Client().connect"
)

CONNECTIONS: frozenset[str] = words(
    "net.Socket() http.request() https.request() http.get() https.get() WebSocket() "
    "http2.connect() socket.io-client() socket.io-client.io() io() http2.connect().request() "
    "XMLHttpRequest()"
)
"""What the functions above give, on which data can be sent."""

_MOST_CONNECTED = 8


def addresses_of(call: Call, index: int) -> Values:
    """Return the URLs that a call reaches, from a text, a `URL`, or options with `host` and `path`."""
    found: list[Value] = []
    for value in call.argument(index):
        if value.node is not None and value.node.type == "object" and not value.path:
            found.extend(_from_options(call, index))
        elif value.path == "Request()" and value.node is not None:
            for inner in calls_of(call.resolver, value.node, value.frame):
                found.extend(inner.argument(0))
        else:
            found.append(value)
    return distinct(found)


def _from_options(call: Call, index: int) -> Values:
    whole = call.option(index, "url", "uri", "href")
    if whole:
        base = call.option(index, "baseURL", "baseUrl")
        return joined([base, whole]) if base else whole
    scheme = "https" if call.path.startswith("https") else "http"
    host = call.option(index, "hostname", "host") or (Value("localhost"),)
    port = call.option(index, "port")
    path = call.option(index, "path", "pathname") or (Value("/"),)
    parts: list[Values] = [(Value(f"{scheme}://"),), host]
    return joined([*parts, *([(Value(":"),), port] if port else []), path])


def socket_address(call: Call) -> Values:
    if call.option(0, "port", "host", "path"):
        host = call.option(0, "host") or (Value("localhost"),)
        port = call.option(0, "port")
        return joined([host, (Value(":"),), port]) if port else call.option(0, "path")
    host = call.argument(1)
    given = host if texts(host) else (Value("localhost" if call.count < 2 else HOLE),)  # noqa: PLR2004 - port, host
    return joined([given, (Value(":"),), call.argument(0) or (Value(HOLE),)])


def connection_address(resolver: Resolver, connection: Value) -> str:
    """Return where a connection leads: what the call that made it was given; a hole where that cannot be told."""
    if connection.node is None:
        return HOLE
    for call in calls_of(resolver, connection.node, connection.frame):
        values = (
            socket_address(call)
            if call.path in SOCKETS
            else addresses_of(call, 0)
            if call.path in REQUESTS
            else ()
        )
        found = texts(values)
        if found:
            return found[0]
    return _connected_later(resolver, connection)


def _connected_later(resolver: Resolver, connection: Value) -> str:
    """Return where a socket is connected that was made first: `socket.connect(...)`."""
    for site in resolver.callers.sites.by("connect")[:_MOST_CONNECTED]:
        for call in calls_of(resolver, site.node):
            if call.path in SOCKETS and any(value.node is connection.node for value in call.this):
                return next(iter(texts(socket_address(call))), HOLE)
    return HOLE


def is_connection(value: Value) -> bool:
    """Return whether a value is a connection on which data can be sent."""
    return value.path in CONNECTIONS

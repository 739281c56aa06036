"""Calls that make objects which hold a path, an address or a variable: `Path`, `open`, `Request`, `os.getenv`, `glob.glob`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Origin
from ringfence.scanning.python.environment import variable
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.origins import file_origin
from ringfence.scanning.python.pathlike import FILE, PATH
from ringfence.scanning.python.values import MOST_ELEMENTS, NOWHERE, UNKNOWN, Value, origins_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from ringfence.scanning.python.calls.known import KnownCall
    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_ENVIRONMENT = ("os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault")
_WILD = re.compile(r"(?<!\*)\*(?!\*)|\?+|\[[^\]]*\]")
_SECRETS = frozenset({Origin.CREDENTIALS, Origin.ENVIRONMENT})


def _path(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `pathlib.Path(a, b)` gives: an object that holds its path."""
    arguments = resolver.arguments.of(node, scope)
    if not arguments:
        return (Value(".", PATH),)
    return tuple(
        v._replace(ref=PATH) for v in resolver.results.each("os.path.join", arguments, origins_of(*arguments))
    )


def _file(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `open(path)` gives: an object that holds its path and gives content of that origin."""
    paths = resolver.arguments.first(node, "file", scope)
    return tuple(Value(v.const, FILE, v.origins | file_origin(v.text)) for v in paths)


def _request(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `urllib.request.Request(url, data)` gives: an object that holds its address, and its data's origins."""
    arguments = resolver.arguments.lazily(node, scope)
    data = resolver.arguments.keyword(node, "data", scope) or (arguments[1] if len(arguments) > 1 else ())
    urls = resolver.arguments.first(node, "url", scope)
    return tuple(Value(v.const, "urllib.request.Request()", origins_of(data), node, scope) for v in urls)


def _host(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `http.client.HTTPConnection(host)` gives: an object that holds its host."""
    ref = canonical(f"{resolver.values(node.func, scope)[0].ref}()")
    return tuple(Value(v.const, ref) for v in resolver.arguments.first(node, "host", scope))


def _listing(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what listing a folder gives: something whose elements are below it; a pattern stands for what fits it."""
    ref = resolver.values(node.func, scope)[0].ref
    paths = resolver.arguments.first(node, "top", scope) if node.args or node.keywords else (Value("."),)
    found = []
    for path in paths[:MOST_ELEMENTS]:
        const = path.text if path.text is not None else UNKNOWN
        if ref == "os.scandir" and isinstance(const, str):
            const = f"{const.rstrip('/')}/{HOLE}"
        elif ref == "os.listdir":
            const = HOLE  # names without their folder
        elif ref.startswith("glob.") and isinstance(const, str):
            const = _WILD.sub(HOLE, const)
        origins = path.origins | ({Origin.PROCESSES} if path.text in ("/proc", "/proc/") else NOWHERE)
        found.append(Value(const, f"{ref}()", origins))
    return tuple(found)


def _variable(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `os.getenv("HOME")` gives."""
    return tuple(variable(name.const) for name in resolver.arguments.first(node, "key", scope))


def _variables(_resolver: Resolver, _node: ast.Call, _scope: Scope) -> Values:
    return (Value(UNKNOWN, "os.environ.items()", _SECRETS),)


def _buffer(resolver: Resolver, node: ast.Call, scope: Scope) -> Values:
    """Return what `io.BytesIO(data)` gives: the data."""
    return resolver.arguments.first(node, "initial_bytes", scope)


CALLS_OF_OBJECTS: Mapping[str, KnownCall] = {
    "pathlib.Path": _path,
    "pathlib.Path.home": lambda _resolver, _node, _scope: (Value("~", PATH),),
    "pathlib.Path.cwd": lambda _resolver, _node, _scope: (Value(".", PATH),),
    "builtins.open": _file,
    "codecs.open": _file,
    "gzip.open": _file,
    "urllib.request.Request": _request,
    "http.client.HTTPConnection": _host,
    "http.client.HTTPSConnection": _host,
    **dict.fromkeys(_ENVIRONMENT, _variable),
    **dict.fromkeys(("os.walk", "os.fwalk", "os.listdir", "os.scandir", "glob.glob", "glob.iglob"), _listing),
    "io.BytesIO": _buffer,
    "os.environ.copy": _variables,
    "os.environ.items": _variables,
    "os.environ.values": _variables,
}

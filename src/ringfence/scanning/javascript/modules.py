"""The names of what the language, its modules and well-known packages provide: one name for each thing, whichever way leads to it.

What they do stands in the catalogues of `files.py`, `network.py`, `processes.py` and their siblings. The one idea: ways that lead
to the same thing (`node:fs`, `fs-extra`, `fs.promises`, `process.mainModule.require`) are made one here, so no catalogue knows them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping


def words(text: str) -> frozenset[str]:
    """Return the words of a text, for catalogues that would fill pages as lists."""
    return frozenset(text.split())


MODULES: Mapping[str, str] = {
    "fs/promises": "fs",
    "fs-extra": "fs",
    "graceful-fs": "fs",
    "mz/fs": "fs",
    "original-fs": "fs",
    "mz/child_process": "child_process",
    "dns/promises": "dns",
    "path/posix": "path",
    "path/win32": "path",
    "upath": "path",
    "module": "Module",
    "node-fetch": "fetch",
    "cross-fetch": "fetch",
    "isomorphic-fetch": "fetch",
    "ws": "WebSocket",
    "isomorphic-ws": "WebSocket",
    "follow-redirects/http": "http",
    "follow-redirects/https": "https",
    "request-promise": "request",
    "request-promise-native": "request",
    "superagent-promise": "superagent",
    "shelljs/global": "shelljs",
    "ffi-napi": "ffi",
    "node-ffi": "ffi",
    "fflate": "zlib",
    "pako": "zlib",
    "js-base64": "Base64",
}
"""Modules that are another one under a different name."""

_SAME: Mapping[str, str] = {
    "fs.promises": "fs",
    "fs.default": "fs",
    "dns.promises": "dns",
    "path.posix": "path",
    "path.win32": "path",
    "Module.Module": "Module",
    "Module.default": "Module",
    "module.constructor": "Module",
    "module.parent": "module",
    "module.require": "require",
    "process.mainModule": "module",
    "require.main": "module",
    "Module._load": "require",
    "Module.prototype.require": "require",
    "Module.createRequire()": "require",
    "Module.createRequireFromPath()": "require",
    "process.getBuiltinModule": "require",
    "import.meta.require": "require",
    "buffer.Buffer": "Buffer",
    "buffer.atob": "atob",
    "buffer.btoa": "btoa",
    "timers.setTimeout": "setTimeout",
    "timers.setInterval": "setInterval",
    "timers.setImmediate": "setImmediate",
    "worker_threads.Worker": "Worker",
    "util.TextDecoder": "TextDecoder",
    "util.TextEncoder": "TextEncoder",
    "url.URL": "URL",
    "undici.fetch": "fetch",
    "undici.WebSocket": "WebSocket",
    "WebSocket.WebSocket": "WebSocket",
    "process.process": "process",
    "axios.create()": "axios",
    "axios.axios": "axios",
    "got.extend()": "got",
    "http.default": "http",
    "https.default": "https",
    "net.connect()": "net.Socket()",
    "net.createConnection()": "net.Socket()",
    "tls.connect()": "net.Socket()",
    "tls.TLSSocket()": "net.Socket()",
    "Reflect.getPrototypeOf": "Object.getPrototypeOf",
    "Reflect.setPrototypeOf": "Object.setPrototypeOf",
    "Reflect.defineProperty": "Object.defineProperty",
    "Reflect.getOwnPropertyDescriptor": "Object.getOwnPropertyDescriptor",
}
"""Names that are another one."""

ANY_MEMBER = ".…"
"""Ends the path of a member whose name cannot be told."""
GLOBAL_OBJECT = "globalThis"
ENVIRONMENTS = frozenset({"process.env", "Bun.env"})
REACHED = "Function.constructor"
"""The path of `Function` where it was reached as the constructor of something, and not by its own name."""
_LONGEST = 200
_TOO_LONG = "..."
"""Stands for a path that is longer than any that a catalogue holds."""
_GLOBAL_ALIASES = frozenset({"globalThis", "global", "window", "self", "frames"})

CLASSES = words(
    "Object Function Array String Number Boolean Symbol BigInt Error TypeError RangeError "
    "SyntaxError ReferenceError EvalError URIError AggregateError SuppressedError RegExp Date "
    "Promise Map Set WeakMap WeakSet WeakRef Proxy ArrayBuffer SharedArrayBuffer DataView "
    "Uint8Array Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array "
    "Float64Array Uint8ClampedArray BigInt64Array BigUint64Array Buffer Iterator "
    "DisposableStack AsyncDisposableStack FinalizationRegistry AsyncFunction GeneratorFunction "
    "AsyncGeneratorFunction"
)
"""Constructors that the language provides, and Node's `Buffer`. Their constructor is `Function`."""
FUNCTION_CLASSES = frozenset({"Function", "AsyncFunction", "GeneratorFunction", "AsyncGeneratorFunction"})
_NAMESPACES = frozenset({"Math", "JSON", "Reflect", "Atomics", "Intl", "console"})
_CALLABLE = words(
    "eval setTimeout setInterval setImmediate queueMicrotask structuredClone parseInt "
    "parseFloat isNaN isFinite fetch require atob btoa decodeURIComponent encodeURIComponent "
    "decodeURI encodeURI escape unescape alert toString valueOf hasOwnProperty isPrototypeOf "
    "propertyIsEnumerable toLocaleString"
)

_ORIGINS: Mapping[str, Origin] = {
    "readline": Origin.ARGUMENT,
    "prompt": Origin.ARGUMENT,
    "os": Origin.ENVIRONMENT,
    "fetch": Origin.NETWORK,
    "net": Origin.NETWORK,
    "http": Origin.NETWORK,
    "https": Origin.NETWORK,
    "http2": Origin.NETWORK,
    "dgram": Origin.NETWORK,
    "dns": Origin.NETWORK,
    "axios": Origin.NETWORK,
    "got": Origin.NETWORK,
    "request": Origin.NETWORK,
    "needle": Origin.NETWORK,
    "superagent": Origin.NETWORK,
    "undici": Origin.NETWORK,
    "XMLHttpRequest": Origin.NETWORK,
    "WebSocket": Origin.NETWORK,
    "EventSource": Origin.NETWORK,
    "express": Origin.NETWORK,
    "fastify": Origin.NETWORK,
    "socket.io": Origin.NETWORK,
    "zlib": Origin.DECODED,
}
"""Where what a function gives comes from, by the module or function that its path begins with."""
_ORIGINS_BY_START: tuple[tuple[str, Origin], ...] = (
    ("process.argv", Origin.ARGUMENT),
    ("process.stdin", Origin.ARGUMENT),
    ("document.cookie", Origin.CREDENTIALS),
    ("process.env", Origin.ENVIRONMENT),
    ("Deno.env", Origin.ENVIRONMENT),
    ("Bun.env", Origin.ENVIRONMENT),
    ("Deno.args", Origin.ARGUMENT),
    ("crypto.createDecipher", Origin.DECODED),
    ("crypto.privateDecrypt", Origin.DECODED),
    ("crypto.subtle.decrypt", Origin.DECODED),
)
"""Where things come from, by how their path begins."""


def module_path(name: str) -> str:
    """Return the path of a module by the name that `require` or `import` is given."""
    plain = name.removeprefix("node:").rstrip("/")
    return MODULES.get(plain, plain)


def member_path(path: str, key: str) -> str:
    """Return the path of a member."""
    if path == GLOBAL_OBJECT:
        return GLOBAL_OBJECT if key in _GLOBAL_ALIASES else key
    if key == "default" and not path.endswith(")"):
        return path
    found = f"{path}.{key}"
    return _SAME.get(found, found) if len(found) <= _LONGEST else _TOO_LONG


def result_path(path: str) -> str:
    """Return the path of what a call gives."""
    found = f"{path}()"
    return _SAME.get(found, found) if len(found) <= _LONGEST else _TOO_LONG


def global_path(name: str) -> str:
    """Return the path of a name that nothing declares."""
    if name in _GLOBAL_ALIASES:
        return GLOBAL_OBJECT
    return "?.constructor" if name == "constructor" else name


def is_function_path(path: str) -> bool:
    """Return whether a path leads to a function of the language: a constructor or method, not a thing of a class."""
    if path in CLASSES or path in _CALLABLE:
        return True
    head, _, rest = path.partition(".")
    if not rest or path.endswith(")"):
        return False
    if "prototype" in rest:
        return rest.count(".") == 1
    return (head in CLASSES or head in _NAMESPACES) and "." not in rest and rest[:1].islower()


def origins_of_path(path: str) -> frozenset[Origin]:
    """Return where the thing at a path comes from, as far as its name tells. Functions come from nowhere, what they give does."""
    for start, origin in _ORIGINS_BY_START:
        if path.startswith(start):
            return frozenset({origin})
    end = path.find("()")
    found = _ORIGINS.get(path[:end].partition(".")[0]) if end >= 0 else None
    return frozenset() if found is None else frozenset({found})

"""Code made of text, modules, native code, and facts about the machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ringfence.scanning.effects import HOLE, Kind, Language, Trait
from ringfence.scanning.javascript.emit import effect, of_call
from ringfence.scanning.javascript.encodings import from_base64
from ringfence.scanning.javascript.folding import to_number
from ringfence.scanning.javascript.modules import FUNCTION_CLASSES, REACHED, words
from ringfence.scanning.javascript.values import SOMETHINGS_CONSTRUCTOR, Value, distinct, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.values import Values

_EVALUATORS: Mapping[str, int] = {
    "eval": 0,
    "execScript": 0,
    "vm.runInContext": 0,
    "vm.runInNewContext": 0,
    "vm.runInThisContext": 0,
    "vm.Script": 0,
    "vm.compileFunction": 0,
    "vm.SourceTextModule": 0,
    "vm.default.runInNewContext": 0,
    "module._compile": 0,
    "Module()._compile": 0,
    "Module.prototype._compile": 0,
    "require-from-string": 0,
    "vm2.VM().run": 0,
    "vm2.NodeVM().run": 0,
    "safe-eval": 0,
    "process.binding().ContextifyScript": 0,
}
"""Functions that run an argument as source text."""
_TIMERS = frozenset({"setTimeout", "setInterval", "setImmediate"})
_LOADERS = frozenset({"node-serialize.unserialize", "funcster.deepDeserialize", "cryo.parse"})
_NATIVE: Mapping[str, int] = {
    "process.dlopen": 1,
    "process.binding": 0,
    "process._linkedBinding": 0,
    "process.internalBinding": 0,
    "internalBinding": 0,
    "ffi.Library": 0,
    "koffi.load": 0,
    "bindings": 0,
    "node-gyp-build": 0,
    "Deno.dlopen": 0,
    "bun:ffi.dlopen": 0,
    "crypto.setEngine": 0,
    "v8.setFlagsFromString": 0,
    "WebAssembly.Module": -1,
    "WebAssembly.Instance": -1,
    "WebAssembly.instantiate": -1,
    "WebAssembly.compile": -1,
    "WebAssembly.instantiateStreaming": -1,
    "WebAssembly.compileStreaming": -1,
}
"""Functions that run code of the machine; which argument names it, or -1."""
_FACTS = words(
    "hostname userInfo networkInterfaces cpus totalmem freemem release version arch platform "
    "type uptime loadavg machine"
)
_CAPTURES: Mapping[str, str] = {
    "navigator.clipboard.readText": "clipboard",
    "navigator.clipboard.read": "clipboard",
    "clipboardy.read": "clipboard",
    "clipboardy.readSync": "clipboard",
    "navigator.mediaDevices.getUserMedia": "camera or microphone",
    "navigator.mediaDevices.getDisplayMedia": "screen",
    "screenshot-desktop": "screen",
    "iohook.start": "keyboard",
    "uiohook-napi.uIOhook.start": "keyboard",
    "node-global-key-listener.GlobalKeyboardListener": "keyboard",
    "node-webcam.capture": "camera",
}
_DATA_URL = re.compile(
    r"data:(?:text|application)/(?:javascript|ecmascript|x-javascript)[^,]*?(;base64)?,(.*)", re.DOTALL
)
_RETURNS = re.compile(r"\s*(?:return\b|[\w$.]+\s*\()")


def evaluation_effects(call: Call) -> Iterator[Effect]:
    """Return what a call runs that is no source of its own: text, modules, machine code."""
    path = call.path
    if path in _EVALUATORS:
        yield from of_call(
            call, Kind.EVALUATE, call.argument(_EVALUATORS[path]) or None, language=Language.JAVASCRIPT
        )
    elif path in FUNCTION_CLASSES or is_reached(call):
        yield from _made(call)
    elif path in _TIMERS:
        yield from _timer(call)
    elif path in ("require", "import"):
        yield from _imports(call)
    elif path == "Worker":
        yield from _worker(call)
    else:
        yield from _others(call, path)


def _others(call: Call, path: str) -> Iterator[Effect]:
    if path in _NATIVE:
        index = _NATIVE[path]
        value: Values | None = call.argument(index) if index >= 0 else (Value("WebAssembly"),)
        yield from of_call(call, Kind.NATIVE, value)
    elif path in _LOADERS:
        yield from of_call(call, Kind.LOAD, call.argument(0))
    elif path.startswith("os.") and call.method in _FACTS:
        yield from of_call(call, Kind.ENVIRONMENT, (Value(call.method),))
    elif path == "Deno.env.get":
        yield from of_call(call, Kind.ENVIRONMENT, call.argument(0))
    elif path in _CAPTURES:
        yield from of_call(call, Kind.CAPTURE, (Value(_CAPTURES[path]),))
    elif path in (
        "Buffer.alloc",
        "Buffer.allocUnsafe",
        "Buffer.allocUnsafeSlow",
        "ArrayBuffer",
        "SharedArrayBuffer",
    ):
        yield from _allocates(call)


_ENORMOUS = 1 << 30


def _allocates(call: Call) -> Iterator[Effect]:
    for value in call.argument(0):
        size = to_number(value) if value.number is not None else None
        if size is not None and size >= _ENORMOUS:
            yield from of_call(call, Kind.RESOURCE, (Value(f"memory: {text_of(value)} bytes"),))


def _made(call: Call) -> Iterator[Effect]:
    """Return what `Function(...)` makes: its last argument is the body."""
    if call.count:
        name = call.path if call.path in FUNCTION_CLASSES else "Function"
        yield from of_call(
            call, Kind.EVALUATE, call.argument(call.count - 1), name=name, language=Language.JAVASCRIPT
        )


def is_reached(call: Call) -> bool:
    """Return whether what is called is `Function`, or seems to be, and was reached as somebody's constructor."""
    if call.path == SOMETHINGS_CONSTRUCTOR:
        return makes_function(call)
    callee = call.node.field("function") or call.node.field("constructor")
    if call.path != REACHED or callee is None:
        return False
    return len(call.resolver.values(callee)) == 1 or makes_function(call)


def makes_function(call: Call) -> bool:
    """Return whether a thing's constructor is used as the one that makes functions of texts.

    It is if what it makes is called on the spot, or if it is called, without `new`, with a text that reads as a body.
    """
    if not call.count:
        return False
    outer = call.node.parent
    while outer is not None and outer.type == "parenthesized_expression":
        outer = outer.parent
    on_the_spot = outer is not None and outer.type == "call_expression" and _callee(outer, call)
    bodies = [text for text in texts(call.argument(call.count - 1)) if _RETURNS.match(text)]
    return on_the_spot or bool(bodies and not call.is_new)


def _callee(outer: object, call: Call) -> bool:
    function = getattr(outer, "fields", {}).get("function")
    return function is not None and function.start <= call.node.start and call.node.end <= function.end


def _timer(call: Call) -> Iterator[Effect]:
    known = tuple(value for value in call.argument(0) if value.text is not None and value.number is None)
    if known:
        yield from of_call(call, Kind.EVALUATE, known, language=Language.JAVASCRIPT)


def _imports(call: Call) -> Iterator[Effect]:
    for value in call.argument(0) or (Value(HOLE),):
        text = text_of(value)
        code = data_code(text)
        if code is not None:
            yield from of_call(
                call, Kind.EVALUATE, (value._replace(text=code),), language=Language.JAVASCRIPT
            )
        elif text.endswith(".node"):
            yield from of_call(call, Kind.NATIVE, (value,))
        elif text.startswith(("http:", "https:")):
            yield from of_call(call, Kind.CONNECT, (value,))
            yield from of_call(call, Kind.EVALUATE, None, name="import")
        else:
            name = text.removeprefix("node:")
            yield effect(
                call.resolver.tree,
                call.node,
                Kind.IMPORT,
                call.path,
                name,
                traits=() if name.startswith((".", "/")) else value.traits & {Trait.CALCULATED},
                origins=value.origins,
            )


def data_code(url: str) -> str | None:
    """Return the source that a `data:` URL holds; None for any other URL."""
    found = _DATA_URL.match(url)
    if found is None:
        return None
    content = unquote(found[2])
    return (
        (from_base64(content) or "").encode("latin-1", "replace").decode(errors="replace")
        if found[1]
        else content
    )


def _worker(call: Call) -> Iterator[Effect]:
    """Return the source that a worker runs, where it is text: with `eval: true`, in a blob or in a `data:` URL."""
    is_text = any(value.path == "true" for value in call.option(1, "eval"))
    for value in call.argument(0):
        code = data_code(text_of(value))
        if code is not None:
            yield from of_call(
                call, Kind.EVALUATE, (value._replace(text=code),), language=Language.JAVASCRIPT
            )
        elif is_text:
            yield from of_call(call, Kind.EVALUATE, (value,), language=Language.JAVASCRIPT)
        elif value.items is not None:
            parts = distinct(part for item in value.items for part in item)
            yield from of_call(call, Kind.EVALUATE, parts, language=Language.JAVASCRIPT)

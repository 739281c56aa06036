"""What the functions of the language and of Node's modules give back: modules, texts, paths, bytes, members and prototypes.

Only functions whose result can be told from their arguments stand here; of all others `results.py` keeps where it comes from.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Trait
from ringfence.scanning.javascript.contents import origins_within
from ringfence.scanning.javascript.encodings import DECODERS, TEXT_FUNCTIONS, from_codes, inflated, to_bytes
from ringfence.scanning.javascript.folding import calculated
from ringfence.scanning.javascript.members import member_values, prototype_path
from ringfence.scanning.javascript.modules import FUNCTION_CLASSES, GLOBAL_OBJECT, global_path, words
from ringfence.scanning.javascript.values import (
    BYTES,
    DESCRIPTOR,
    NOTHING_KNOWN,
    UNKNOWN,
    Items,
    Value,
    distinct,
    function_kind,
    is_known,
    text_of,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.values import Values


FIRST_ARGUMENT = words(
    "Object.freeze Object.seal Promise.resolve util.promisify "
    "util.callbackify pify bluebird.promisify bluebird.promisifyAll Object Array.from "
    "Object.values structuredClone String.raw path.normalize path.toNamespacedPath URL "
    "url.pathToFileURL url.fileURLToPath Blob encodeURI Object.preventExtensions lodash.once"
)
"""Functions that give back their first argument, or something that stands for it."""


def text_function(call: Call, path: str) -> Values | None:
    function = TEXT_FUNCTIONS[path]
    found: list[Value] = []
    for value in call.argument(0):
        call.resolver.budget.spend(1 + len(value.text or "") // 64)
        if is_known(value) or value.items is not None:
            made = calculated(function(text_of(value)), value, decoded=path in DECODERS)
            found.append(made if path != "String" else made._replace(traits=value.traits))
        else:
            decoded = calculated(HOLE, value, decoded=path == "atob")
            found.append(decoded._replace(text=None))
    return distinct(found) if found else None


def _assigned(call: Call) -> Values | None:
    """Return the object that others were copied into, and the literals that were: their members are its members."""
    sources = (
        value for values in call.arguments(1) for value in values if value.node is not None and not value.path
    )
    return distinct((*call.argument(0), *sources)) if call.count else None


def _require(call: Call) -> Values | None:
    found = [
        call.resolver.module(text)._replace(traits=v.traits) for v in call.argument(0) for text in texts((v,))
    ]
    return (
        distinct(value for value in found if HOLE not in value.path)
        if found
        else (Value(traits=frozenset({Trait.UNRESOLVED})),)
    )


def _import(call: Call) -> Values | None:
    return _require(call)


def _join_paths(call: Call) -> Values | None:
    return distinct(_path(value) for value in call.resolver.put_together(_between(call, "/")))


def _resolve_paths(call: Call) -> Values | None:
    """Return `path.resolve(...)`: an absolute part makes those before it vanish."""
    parts = [(Value("."),), *call.arguments()]
    for index in range(len(parts) - 1, 0, -1):
        if all(text_of(value).startswith("/") for value in parts[index]):
            parts = parts[index:]
            break
    joined = call.resolver.put_together([part for each in parts for part in (each, (Value("/"),))][:-1])
    return distinct(_path(value) for value in joined)


def _between(call: Call, separator: str) -> list[Values]:
    return [part for values in call.arguments() for part in (values, (Value(separator),))][:-1]


def _path(value: Value) -> Value:
    text = text_of(value)
    return value._replace(
        text=posixpath.normpath(text) if text else ".", traits=value.traits - {Trait.CALCULATED}
    )


def _buffer(call: Call) -> Values | None:
    encodings = texts(call.argument(1)) or ["utf8"]
    found: list[Value | None] = []
    for value in call.argument(0):
        call.resolver.budget.spend(1 + len(value.text or "") // 64 + len(value.items or ()))
        if value.items is not None:
            codes = from_codes([item[0] for item in value.items])
            found.append(None if codes is None else codes._replace(path=BYTES))
        elif is_known(value):
            made = to_bytes(text_of(value), encodings[0])
            found.append(None if made is None else made._replace(origins=made.origins | value.origins))
    known = [value for value in found if value is not None]
    return distinct(known) if known else None


def _from_codes(call: Call) -> Values | None:
    codes = [values[0] if len(values) == 1 else UNKNOWN for values in call.arguments()]
    found = from_codes(codes)
    return None if found is None else (found,)


def _inflate(call: Call) -> Values | None:
    found = [
        Value(text, path=BYTES, origins=value.origins, traits=value.traits | {Trait.PACKED})
        for value in call.argument(0)
        if is_known(value) and (text := inflated(text_of(value))) is not None
    ]
    return distinct(found) if found else None


def _reflect_get(call: Call) -> Values | None:
    return distinct(
        member._replace(traits=member.traits | key.traits)
        for key in call.argument(1)
        for value in call.argument(0)
        for member in member_values(call.resolver, value, text_of(key))
    )


def _descriptor(call: Call) -> Values | None:
    found = _reflect_get(call)
    return None if found is None else (Value(path=DESCRIPTOR, items=Items((found,))),)


def _prototype(call: Call) -> Values | None:
    found = [
        Value(path=f"{function_kind(v)}.prototype" if function_kind(v) else prototype_path(v))
        for v in call.argument(0)
    ]
    return distinct(found)


def _parse_json(call: Call) -> Values | None:
    found: list[Value] = []
    for value in call.argument(0):
        try:
            loaded = json.loads(text_of(value)) if is_known(value) and len(text_of(value)) < 100_000 else None  # noqa: PLR2004 - a source is no longer
        except (ValueError, RecursionError):
            loaded = None
        found.extend(_from_json(loaded, value))
    return distinct(found) if found else None


def _from_json(loaded: object, source: Value) -> Iterator[Value]:
    if isinstance(loaded, str):
        yield Value(loaded, origins=source.origins, traits=source.traits)
    elif isinstance(loaded, list):
        yield Value(items=Items((Value(str(item)) if isinstance(item, str) else UNKNOWN,) for item in loaded))
    else:
        yield Value(origins=source.origins)


def _stringify_json(call: Call) -> Values | None:
    return distinct(
        Value(
            json.dumps(text_of(value)) if is_known(value) else None,
            origins=origins_within(call.resolver, (value,)),
        )
        for value in call.argument(0)
    )


def _called_function(call: Call) -> Values | None:
    """Return what `Function(text)()` gives, for texts such as `return process`."""
    found: list[Value] = []
    for value in call.callee.bound:
        for text in texts(value):
            name = text.strip().removeprefix("return").strip().rstrip(";").strip()
            found.append(
                Value(path=GLOBAL_OBJECT if name == "this" else global_path(name))
                if name.isidentifier()
                else UNKNOWN
            )
    return distinct(found) if found else None


def _made_function(call: Call) -> Values | None:
    """Return the function that `Function(...)` makes; its text is kept as what it is bound to."""
    return (Value(path="Function()", node=call.node, bound=Items(call.arguments()[-1:])),)


RESULTS: Mapping[str, Callable[[Call], Values | None]] = {
    "require": _require,
    "Object.create": lambda _call: NOTHING_KNOWN,
    "Object.assign": _assigned,
    "import": _import,
    "path.join": _join_paths,
    "path.resolve": _resolve_paths,
    "process.cwd": lambda _call: (Value("."),),
    "os.homedir": lambda _call: (Value("~"),),
    "os.tmpdir": lambda _call: (Value("/tmp"),),  # noqa: S108 - what it gives
    "Buffer.from": _buffer,
    "Buffer": _buffer,
    "Uint8Array": _buffer,
    "Uint8Array.from": _buffer,
    "TextEncoder().encode": _buffer,
    "String.fromCharCode": _from_codes,
    "String.fromCodePoint": _from_codes,
    "zlib.inflateSync": _inflate,
    "zlib.gunzipSync": _inflate,
    "zlib.unzipSync": _inflate,
    "zlib.inflateRawSync": _inflate,
    "Reflect.get": _reflect_get,
    "Object.getOwnPropertyDescriptor": _descriptor,
    "Object.getPrototypeOf": _prototype,
    "JSON.parse": _parse_json,
    "JSON.stringify": _stringify_json,
    "URL.createObjectURL": lambda call: call.argument(0) or None,
    "Function()": _called_function,
    **dict.fromkeys(FUNCTION_CLASSES, _made_function),
}

"""Encodings: json, base64 and binascii."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from ringfence.restricted.meter import SMALL
from ringfence.restricted.modules.view import ModuleView, whole, words
from ringfence.restricted.weigh import size, weigh

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.restricted.run import Run

_MOST_INDENT = 32
_MOST_SEPARATOR = 16
_TEXT_TO_OBJECTS = 20
"""How many times as large as its JSON a value can be: `[[],[],[]]`."""
_TEXT_TO_ESCAPES = 3
_DUMP_OPTIONS = frozenset(
    words("skipkeys ensure_ascii check_circular allow_nan indent separators default sort_keys")
)
_LOAD_HOOKS = ("object_hook", "parse_float", "parse_int", "parse_constant", "object_pairs_hook")


class Json(ModuleView):
    """`json`, from and to texts."""

    __slots__ = ()
    __named__ = "json"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(json.JSONDecodeError)

    def dumps(self, obj: Any, **options: Any) -> str:
        """Return a value as JSON."""
        run = self.__run__
        _check_dump(run, options)
        if options.get("default") is not None:
            options["default"] = _weighed(run, options["default"])
        _pay(run, obj)
        if options.get("indent") is None:
            return json.dumps(obj, **options)
        return _in_chunks(run, obj, options)

    def loads(self, s: Any, **hooks: Any) -> Any:
        """Return the value that a text of JSON stands for."""
        run = self.__run__
        if isinstance(s, str | bytes | bytearray):
            if len(s) > SMALL >> 4:
                run.meter.grow(len(s) * _TEXT_TO_OBJECTS)
            run.meter.charge(len(s) >> 1)
        for name in hooks:
            if name not in _LOAD_HOOKS:
                raise run.meter.stop("offer", f"json.loads({name}=...) is not offered in a snippet")
        return json.loads(s, **hooks)


def _check_dump(run: Run, options: dict[str, Any]) -> None:
    for name in options:
        if name not in _DUMP_OPTIONS:
            raise run.meter.stop("offer", f"json.dumps({name}=...) is not offered in a snippet")
    indent, separators = options.get("indent"), options.get("separators")
    if whole(indent, _MOST_INDENT) or (isinstance(indent, str) and len(indent) > _MOST_INDENT):
        raise run.meter.stop("offer", f"an indent of more than {_MOST_INDENT} is not offered in json.dumps")
    if separators is not None and not (type(separators) in (tuple, list) and all(map(_is_short, separators))):
        raise run.meter.stop(
            "offer", f"separators are offered up to {_MOST_SEPARATOR} characters in json.dumps"
        )


def _is_short(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= _MOST_SEPARATOR


def _pay(run: Run, value: Any) -> None:
    written = weigh(run.meter, value) * _TEXT_TO_ESCAPES
    if written > SMALL:
        run.meter.grow(written)


def _weighed(run: Run, default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        plain = default(value)
        _pay(run, plain)
        return plain

    return call


def _in_chunks(run: Run, value: Any, options: dict[str, Any]) -> str:
    """Return JSON over several lines: what nests deep is mostly blanks, which no weight of the value tells."""
    settings = {"separators": None, "default": None, **options}
    chunks: list[str] = []
    length = 0
    for chunk in run.each(json.JSONEncoder(**settings).iterencode(value)):
        chunks.append(chunk)
        length += len(chunk)
        if length > SMALL:
            run.meter.grow(length)
            length = 0
    return "".join(chunks)


class Base64(ModuleView):
    """`base64`."""

    __slots__ = ()
    __named__ = "base64"


class Binary(ModuleView):
    """`binascii`."""

    __slots__ = ()
    __named__ = "binascii"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__offer__(binascii.Error)


def _coder(module: Any, name: str) -> Callable[..., Any]:
    """Return a method that pays for what it is given, and for twice as much that it returns."""
    library = getattr(module, name)

    def method(self: ModuleView, /, *args: Any, **kwargs: Any) -> Any:
        meter = self.__run__.meter
        for value in (*args, *kwargs.values()):
            if not isinstance(value, str | bytes | bytearray | int | None):
                raise meter.stop("offer", f"{name} of a {type(value).__name__} is not offered in a snippet")
            if isinstance(value, int):
                continue
            if size(value) > SMALL:
                meter.grow(size(value) * 3)
            meter.charge(len(value or ()))
        return library(*args, **kwargs)

    method.__name__ = method.__qualname__ = name
    return method


for _name in words(
    "b64encode b64decode standard_b64encode standard_b64decode urlsafe_b64encode urlsafe_b64decode b32encode b32decode b32hexencode "
    "b32hexdecode b16encode b16decode a85encode a85decode b85encode b85decode encodebytes decodebytes"
):
    setattr(Base64, _name, _coder(base64, _name))
for _name in words("hexlify unhexlify b2a_hex a2b_hex b2a_base64 a2b_base64 crc32 crc_hqx"):
    setattr(Binary, _name, _coder(binascii, _name))

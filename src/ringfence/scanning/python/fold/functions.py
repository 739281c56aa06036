"""What functions give for constants: only those that are listed here are ever called."""

from __future__ import annotations

import ast
import base64
import binascii
import posixpath
import shlex
import struct
from typing import TYPE_CHECKING

from ringfence.scanning.python.fold.bounds import bounded, wide
from ringfence.scanning.python.fold.encodings import as_ascii, decoded, transformed, unpacked
from ringfence.scanning.python.fold.operators import combine
from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_MOST_LITERAL = 4096
_MOST_FORM = 64
_MOST_DIGITS = 100
"""A number of that many digits is no longer one that matters."""


def _range(*arguments: int) -> object:
    span = range(*arguments)
    return list(span) if len(span) <= MOST_TEXT else UNKNOWN


def _joined(*parts: object) -> str:
    """Return joined path parts; what is not known is a hole, an absolute part starts anew as in `os.path.join`."""
    return posixpath.join(
        *(part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in parts)
    )


def _translation(first: object, second: object = "", third: object = "") -> object:
    """Return a translation table as a tuple of pairs, since tables of dictionaries are no plain constants."""
    if isinstance(first, (list, tuple)):
        return tuple(first)
    table = [(ord(a), b) for a, b in zip(str(first), str(second), strict=False)]
    return tuple(table + [(ord(c), "") for c in str(third)])


def _unquoted(value: str) -> str:
    from urllib.parse import unquote  # noqa: PLC0415 - loads much that most sources do not need

    return unquote(value)


def _from_json(value: str) -> object:
    import json  # noqa: PLC0415 - as above

    return json.loads(value)


def _from_html(value: str) -> str:
    import html  # noqa: PLC0415 - as above

    return html.unescape(value)


def _text(value: object = "", *encoding: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) and encoding else str(value)


def _bytes(value: object = b"", *_encoding: object) -> object:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, (bytes, list, tuple)) else UNKNOWN


def _integer(value: str | bytes | float = 0, base: int = 10) -> object:
    if not isinstance(value, (str, bytes)):
        return int(value)
    return int(value, base) if len(value) < _MOST_DIGITS else int(value)


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "builtins.str": _text,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.int": _integer,
    "builtins.float": float,
    "builtins.chr": chr,
    "builtins.ord": ord,
    "builtins.hex": hex,
    "builtins.oct": oct,
    "builtins.bin": bin,
    "builtins.len": len,
    "builtins.abs": abs,
    "builtins.list": list,
    "builtins.tuple": tuple,
    "builtins.sorted": sorted,
    "builtins.reversed": lambda values: values[::-1] if isinstance(values, (str, bytes)) else list(reversed(values)),
    "builtins.range": _range,
    "builtins.repr": repr,
    "builtins.ascii": ascii,
    "ast.literal_eval": lambda value: ast.literal_eval(value) if len(value) <= _MOST_LITERAL else UNKNOWN,
    "json.loads": lambda value, *_: _from_json(value) if len(value) <= MOST_TEXT else UNKNOWN,
    "html.unescape": _from_html,
    "struct.pack": lambda form, *values: struct.pack(form, *values) if len(form) < _MOST_FORM and not wide(form) else UNKNOWN,
    "array.array": lambda _code, values=(): bytes(values) if isinstance(values, (list, tuple, bytes)) else UNKNOWN,
    "builtins.memoryview": lambda value: value,
    "builtins.str.maketrans": _translation,
    "str.maketrans": _translation,
    "builtins.sum": lambda values, start=0: sum(values, start) if all(isinstance(v, (int, float)) for v in values) else UNKNOWN,
    "builtins.enumerate": lambda values, start=0: list(enumerate(values, start)),
    "builtins.zip": lambda *values: list(zip(*values, strict=False)),
    "bytes.fromhex": lambda value: bytes.fromhex(as_ascii(value)),
    "bytearray.fromhex": lambda value: bytes.fromhex(as_ascii(value)),
    "binascii.unhexlify": lambda value: bytes.fromhex(as_ascii(value)),
    "binascii.a2b_hex": lambda value: bytes.fromhex(as_ascii(value)),
    "binascii.hexlify": binascii.hexlify,
    "binascii.a2b_base64": decoded,
    "base64.b64decode": lambda value, *_: decoded(value),
    "base64.urlsafe_b64decode": decoded,
    "base64.standard_b64decode": decoded,
    "base64.decodebytes": decoded,
    "base64.b32decode": lambda value, *_: base64.b32decode(value),
    "base64.b16decode": lambda value, *_: base64.b16decode(value),
    "base64.b85decode": base64.b85decode,
    "base64.a85decode": base64.a85decode,
    "base64.b64encode": lambda value, *_: base64.b64encode(value),
    "zlib.decompress": lambda value, *_: unpacked("zlib.decompress", value),
    "gzip.decompress": lambda value, *_: unpacked("gzip.decompress", value),
    "bz2.decompress": lambda value, *_: unpacked("bz2.decompress", value),
    "lzma.decompress": lambda value, *_: unpacked("lzma.decompress", value),
    "codecs.decode": lambda value, codec="utf-8", *_: transformed(value, codec),
    "codecs.encode": lambda value, codec="utf-8", *_: transformed(value, codec) if "rot" in str(codec).lower() else UNKNOWN,
    "os.path.join": _joined,
    "os.path.expanduser": str,
    "os.path.expandvars": str,
    "os.path.normpath": lambda value: posixpath.normpath(str(value)),
    "os.path.abspath": str,
    "os.path.realpath": str,
    "os.path.basename": lambda value: posixpath.basename(str(value)),
    "os.path.dirname": lambda value: posixpath.dirname(str(value)),
    "os.fspath": str,
    "os.fsencode": str,
    "urllib.parse.unquote": lambda value, *_: _unquoted(str(value)),
    "urllib.parse.urljoin": lambda base, more="", *_: str(more) if "://" in str(more) else f"{str(base).rstrip('/')}/{str(more).lstrip('/')}",
    "textwrap.dedent": lambda value: "\n".join(line.strip() for line in str(value).splitlines()),
    "shlex.split": lambda value, *_: shlex.split(str(value)),
    "shlex.quote": str,
    "operator.add": lambda left, right: combine(ast.Add, left, right),
    "operator.concat": lambda left, right: combine(ast.Add, left, right),
    "operator.xor": lambda left, right: combine(ast.BitXor, left, right),
}  # fmt: skip
"""Functions that are worked out for constants."""

TOLERANT = frozenset(
    {
        "builtins.str", "os.fspath", "os.path.abspath", "os.path.basename", "os.path.dirname", "os.path.expanduser", "os.path.expandvars",
        "os.path.join", "os.path.normpath", "os.path.realpath", "shlex.quote", "shlex.split", "textwrap.dedent", "urllib.parse.urljoin",
    }
)  # fmt: skip
"""Those whose result means something although an argument has holes."""


def call(name: str, arguments: Sequence[object], named: Mapping[str, object]) -> object:
    """Return what a listed function gives for constants, `UNKNOWN` where it is not listed, fails or is too large."""
    function = FUNCTIONS.get(name)
    if function is None or len(arguments) > MOST_TEXT:
        return UNKNOWN
    return bounded(function, *arguments, **named)

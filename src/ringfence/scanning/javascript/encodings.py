"""Bytes and encodings: what base64, hexadecimal, percent signs, compression and character codes stand for.

Bytes are texts with one character for each. Nothing here looks at the tree.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.folding import calculated, to_number
from ringfence.scanning.javascript.values import BYTES, CALCULATED, DECODED, MOST_TEXT, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


_LARGEST_CHARACTER = 0x10FFFF

_PERCENT = re.compile(r"%u([0-9a-fA-F]{4})|%([0-9a-fA-F]{2})")


def from_base64(text: str) -> str | None:
    """Return what base64 text, in either alphabet, with or without padding, stands for, one character for each byte."""
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text.replace("-", "+").replace("_", "/"))
    try:
        return base64.b64decode(plain[: len(plain) - (len(plain) % 4 == 1)] + "=" * (-len(plain) % 4)).decode(
            "latin-1"
        )
    except (binascii.Error, ValueError):
        return None


def to_bytes(text: str, encoding: str) -> Value | None:
    """Return `Buffer.from(text, encoding)`."""
    name = encoding.lower().replace("-", "")
    if name in ("base64", "base64url"):
        data = from_base64(text)
    elif name == "hex":
        whole = re.match(r"(?:[0-9a-fA-F]{2})*", text)
        data = bytes.fromhex(whole[0] if whole else "").decode("latin-1")
    elif name in ("latin1", "binary", "ascii"):
        data = "".join(chr(ord(c) & 0xFF) for c in text)
    elif name in ("utf16le", "ucs2"):
        data = text.encode("utf-16-le", "replace").decode("latin-1")
    else:
        return Value(text.encode(errors="replace").decode("latin-1"), path=BYTES, traits=CALCULATED)
    return None if data is None else Value(data, path=BYTES, traits=CALCULATED, origins=DECODED)


def from_bytes(data: str, encoding: str) -> str:
    """Return `buffer.toString(encoding)`."""
    raw = data.encode("latin-1", "replace")
    name = encoding.lower().replace("-", "")
    if name in ("base64", "base64url"):
        return base64.b64encode(raw).decode()
    if name == "hex":
        return raw.hex()
    if name in ("latin1", "binary"):
        return data
    return raw.decode("utf-16-le" if name in ("utf16le", "ucs2") else "utf-8", "replace")


def inflated(data: str) -> str | None:
    """Return what compressed bytes hold, cut at the longest text that is followed."""
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        try:
            return (
                zlib.decompressobj(bits)
                .decompress(data.encode("latin-1", "replace"), MOST_TEXT)
                .decode("latin-1")
            )
        except zlib.error:
            continue
    return None


def _decode_uri(text: str) -> str:
    return unquote(text, errors="replace")


def _unescape(text: str) -> str:
    return _PERCENT.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def _from_base64(text: str) -> str:
    return from_base64(text) or ""


TEXT_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "atob": _from_base64,
    "btoa": lambda text: base64.b64encode(text.encode("latin-1", "replace")).decode(),
    "decodeURIComponent": _decode_uri,
    "decodeURI": _decode_uri,
    "unescape": _unescape,
    "encodeURIComponent": lambda text: quote(text, safe="-_.!~*'()", errors="replace"),
    "encodeURI": lambda text: quote(text, safe=";,/?:@&=+$-_.!~*'()#", errors="replace"),
    "String": str,
}
"""Functions of one text. They are applied to known texts only."""

DECODERS = frozenset({"atob", "decodeURIComponent", "decodeURI", "unescape"})


def from_codes(codes: Sequence[Value]) -> Value | None:
    """Return `String.fromCharCode(...)`."""
    numbers = [to_number(code) for code in codes]
    text = "".join(HOLE if n is None or not 0 <= n <= _LARGEST_CHARACTER else chr(int(n)) for n in numbers)
    return calculated(text, *codes, decoded=True)

"""What encodings, ciphers without a key and compression give for constants."""

from __future__ import annotations

import base64
import codecs
import zlib

from ringfence.scanning.python.fold.bounds import bounded
from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN

_TEXT_CODECS = frozenset(
    {
        "ascii", "cp1252", "iso-8859-1", "latin-1", "latin1", "raw_unicode_escape", "unicode-escape", "unicode_escape", "utf-16",
        "utf-16be", "utf-16le", "utf-32", "utf-7", "utf-8", "utf8", "utf_16", "utf_8",
    }
)  # fmt: skip


def coded(value: str | bytes, direction: str, codec: object) -> object:
    """Return what `encode` and `decode` give for a constant: text in a character set, else what the codec transforms."""
    if not isinstance(codec, str) or codec.lower() not in _TEXT_CODECS:
        return transformed(value, codec)
    return bounded(getattr(value, direction), codec, "replace") if hasattr(value, direction) else UNKNOWN


def transformed(value: object, codec: object) -> object:
    """Return what `codecs.decode` gives for a text or bytes constant and a codec that is no character set: rot13, hex, base64, zip."""
    name = str(codec).lower().replace("-", "_").removesuffix("_codec")
    if name in ("rot13", "rot_13") and isinstance(value, str):
        return bounded(codecs.encode, value, "rot13")
    if name == "hex":
        return bounded(bytes.fromhex, as_ascii(value))
    if name in ("base64", "base_64"):
        return decoded(value)
    if name in ("zip", "zlib"):
        return unpacked("zlib.decompress", value)
    if name in ("bz2", "uu", "quopri"):
        return UNKNOWN
    return bounded(codecs.decode, value, str(codec)) if name in _TEXT_CODECS else UNKNOWN


def as_ascii(value: object) -> str:
    """Return a constant as text, for decoders that take both."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def decoded(value: object) -> object:
    """Return what base64 gives for a constant, also of the URL-safe alphabet and without padding."""
    if not isinstance(value, (str, bytes)):
        return UNKNOWN
    text = as_ascii(value).strip().translate(str.maketrans("-_", "+/"))
    return bounded(base64.b64decode, text + "=" * (-len(text) % 4))


def unpacked(name: str, value: object) -> object:
    """Return what decompression gives for a bytes constant, at most `MOST_TEXT` bytes of it."""
    if not isinstance(value, bytes):
        return UNKNOWN
    if name.startswith(("bz2", "lzma")):
        return _unpacked_rarely(name, value)
    for bits in (47, -15):  # zlib or gzip by its header, or without any
        try:
            return zlib.decompressobj(bits).decompress(value, MOST_TEXT)
        except zlib.error:
            continue
    return UNKNOWN


def _unpacked_rarely(name: str, value: bytes) -> object:
    import bz2  # noqa: PLC0415 - few sources need them, and both load libraries
    import lzma  # noqa: PLC0415 - likewise

    opened = bz2.BZ2Decompressor() if name.startswith("bz2") else lzma.LZMADecompressor(memlimit=1 << 26)
    return bounded(opened.decompress, value, MOST_TEXT)

"""Programs that decode: `base64`, `xxd`, `openssl`, `rev`, `gunzip`.

The one idea: what a script decodes before it runs it must be decoded here, too.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.text import DECODED, changed, input_of
from ringfence.scanning.shell.values import MOST_CHARACTERS, Values, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


def base_64(m: Machine, call: Call) -> Values:
    """Return what `base64` and `base32` print."""
    options = parse(call.args, {"-w", "--wrap"})
    given = input_of(m, call, options.operands)
    if options.has("-d", "-D", "--decode"):
        return changed(m, given, _from_base_32 if call.name == "base32" else _from_base_64)
    return changed(m, given, lambda text: base64.b64encode(text.encode()).decode(), frozenset())


def _from_base_64(text: str) -> str | None:
    plain = re.sub(r"[^A-Za-z0-9+/_-]", "", text).replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        return _text(base64.b64decode(plain + "=" * (-len(plain) % 4)))
    except (binascii.Error, ValueError):
        return None


def _from_base_32(text: str) -> str | None:
    plain = re.sub(r"[^A-Z2-7]", "", text.upper())
    try:
        return _text(base64.b32decode(plain + "=" * (-len(plain) % 8)))
    except (binascii.Error, ValueError):
        return None


def _from_hex(text: str) -> str | None:
    plain = re.sub(r"\\x|0x|[^0-9A-Fa-f]", "", text)
    return _text(bytes.fromhex(plain[: len(plain) // 2 * 2]))


def _text(data: bytes) -> str:
    try:
        return data.decode().replace("\0", "")
    except UnicodeDecodeError:
        return (
            data.decode("latin-1").replace("\0", "")
            if data[:2] not in _COMPRESSED
            else data.decode("latin-1")
        )


_COMPRESSED = frozenset({b"\x1f\x8b", b"BZ", b"\xfd7"})


def xxd(m: Machine, call: Call) -> Values:
    """Return what `xxd` prints: with `-r`, what hexadecimal stands for."""
    options = parse(call.args, {"-c", "-l", "-s", "-o", "-g", "-n", "-seek"})
    given = input_of(m, call, options.operands[:1])
    return changed(m, given, _from_hex) if options.has("-r") else unknown(origins_of(given))


_OPENSSL_VALUED = word_set("-in -out -k -pass -K -iv -connect -inkey -key -host -port")
_CIPHER = re.compile(r"-(?:aes|des|rc4|bf|camellia|chacha)")


def openssl(m: Machine, call: Call) -> Values:
    """Return what `openssl` prints: decoding and deciphering. `s_client` connects."""
    options = parse(call.args[1:], _OPENSSL_VALUED)
    command = call.texts[0] if call.args else ""
    for path in options.values("-out"):
        m.touch(Kind.WRITE, "openssl", path)
    if command == "s_client":
        host = "".join(value.text for value in options.values("-connect", "-host"))
        m.emit(Kind.CONNECT, "openssl", host)
        m.roles.append(("network", host))
        return unknown({Origin.NETWORK})
    given = input_of(m, call, tuple(options.values("-in", "-inkey")))
    flags = set(call.texts)
    enciphered = any(_CIPHER.match(flag) for flag in flags)
    if "-d" in flags and (command == "base64" or flags & {"-base64", "-a"}) and not enciphered:
        return changed(m, given, _from_base_64)
    return unknown(origins_of(given) | (DECODED if "-d" in flags else frozenset()))


def rev(m: Machine, call: Call) -> Values:
    """Return what `rev` prints."""
    given = input_of(m, call, parse(call.args).operands)
    return changed(m, given, lambda text: "\n".join(line[::-1] for line in text.split("\n")))


def gunzip(m: Machine, call: Call) -> Values:
    """Return what `gunzip`, `zcat` and the like print for data that is known."""
    options = parse(call.args, {"-S", "--suffix"})
    operands = [each for each in options.operands if each.text != "-"]
    if (
        operands
        and call.name not in {"zcat", "gzcat", "bzcat", "xzcat"}
        and not options.has("-c", "--stdout", "-k")
    ):
        for each in operands:
            m.touch(Kind.WRITE, call.name, each)
    given = input_of(m, call, tuple(operands))
    if call.name in {"gzip", "bzip2", "xz"} and not options.has("-d", "--decompress"):
        return unknown(origins_of(given))
    return changed(m, given, _inflated)


def _inflated(text: str) -> str | None:
    try:
        inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        return _text(inflater.decompress(text.encode("latin-1"), MOST_CHARACTERS))
    except (zlib.error, UnicodeEncodeError):
        return None

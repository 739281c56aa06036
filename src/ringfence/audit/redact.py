"""What of a value may stand in the record: secrets masked, everything bounded, written as canonical JSON text.

Values come from models and attackers, so none of their own code runs here: only exact built-in types are looked into, of
everything else the record has the type's name. The one idea: mask by the name a value stands under, then by its shape, and
mask too much rather than too little.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache
from json.encoder import encode_basestring
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MASK = "<masked>"
TEXT_CHARACTERS = 400
"""How much of a text is kept."""
_SEARCHED_CHARACTERS = 4096
_DIGESTED = 1 << 20
_KEY_CHARACTERS = 120
_ITEMS = 50
_DEPTH = 6
_TOTAL_CHARACTERS = 16_000
_INT_RANGE = 1 << 63
_INT_BITS = 1024
_SHORTEST_SECRET = 8

_SECRET_NAME = re.compile(
    r"passw|passphrase|pass_?code|(?<![a-z])(?:pwd|pw|pass|pin|otp|cvv|cvc|ssn|sid|jwt|pat|auth|bearer|creds?|seed|mnemonic)(?![a-z])"
    r"|kennwort|passwort|mot_de_passe|contrase|(?:access|auth|otp|cvv|pin)_?code|priv_?key"
    r"|secret|token(?!iz)|api_?key|apikey|access_?key|account_?key|private_?key|signing_?key|encryption_?key|ssh_?key|master_?key"
    r"|authori[sz]ation|credential|cookie|session_?(?:id|key)|connection_?string|card_?number|security_?code",
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COUNTED = re.compile(
    r"(?:max|min|num|n|total|prompt|completion|input|output)_(?:\w+_)?tokens?|tokens?_(?:count|limit|budget)"
)
_KEY_VALUE = r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|authorization|cookie)"
_SCHEME = r"(?:(?i:bearer|basic|digest|token|apikey)\s+)?"
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s&;,}"']+)"""
_SECRET_SHAPE = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            r"AGE-SECRET-KEY-1\w+",
            r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)*",
            r"(?<![A-Za-z0-9])(?:sk|pk|rk|whsec)[-_][A-Za-z0-9_-]{8,}",
            r"gh[pousr]_[A-Za-z0-9]{12,}|github_pat_\w{12,}|gl(?:pat|dt|rt|ptt|soat)-[\w-]{12,}",
            r"xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,}|https://hooks\.slack\.com/\S+",
            r"(?:AKIA|ASIA|AROA)[A-Z0-9]{12,}|AIza[\w-]{20,}|ya29\.[\w-]{8,}|GOCSPX-[\w-]{8,}",
            r"(?:hf|npm|dop_v1|shpat|shpss|lin_api|r8|tvly)[_-][A-Za-z0-9]{16,}|pypi-[\w-]{16,}|SG\.[\w-]{12,}\.[\w-]{12,}",
            r"(?i:(?<![a-z])(?:bearer|basic)\s+)(?=[a-z]*[0-9A-Z+/=._~-])[A-Za-z0-9+/=._~-]{6,}",
            r"(?<=://)[^\s/@?#:]{0,256}:[^\s/?#]{0,256}(?=@)",
            # name = value, "name": "value", --name value, name is value; the name may have more words around it
            rf"(?i:(?<![a-z0-9_-])[\w-]{{0,80}}{_KEY_VALUE}[\w-]{{0,80}})[\"']?(?:\s*[=:]\s*|(?i:\s+(?:is|was)\s+)){_SCHEME}{_VALUE}",
            rf"(?i:(?<![a-z0-9_-])--?[\w-]{{0,80}}{_KEY_VALUE}[\w-]{{0,80}})\s+{_VALUE}",
        )
    )
)
_MARKERS = (
    "PRIVATE KEY", "AGE-SECRET", "eyj", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "whsec", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat", "glpat", "gldt", "glrt", "glptt", "glsoat", "xox", "xapp", "hooks.slack", "akia", "asia", "aroa", "aiza", "ya29",
    "gocspx", "hf_", "npm_", "dop_v1", "shpat", "shpss", "lin_api", "r8_", "tvly", "pypi-", "sg.", "bearer", "basic", "://",
    "passw", "passphrase", "pwd", "secret", "token", "key", "authorization", "cookie",
)  # fmt: skip
_LOWER_MARKERS = tuple(marker.lower() for marker in _MARKERS)

_name_of = type.__dict__["__name__"].__get__


def type_name(value: object) -> str:
    """Return the name of a value's type, without running code of the value or of its metaclass."""
    return cast("str", _name_of(type(value)))[:_KEY_CHARACTERS]


def well_formed(text: str) -> str:
    """Return the text with each pair of surrogates joined to the character that they mean; lone ones stay."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def mask_shapes(text: str) -> str:
    """Return the text with everything masked that looks like a secret: keys, tokens, passwords in URLs and settings."""
    if len(text) < _SHORTEST_SECRET:
        return text
    lowered = text.lower()
    for marker in _LOWER_MARKERS:
        if marker in lowered:
            return _SECRET_SHAPE.sub(MASK, text)
    return text


class Redactor:
    """Writes values as canonical JSON text, with secrets masked and sizes bounded.

    Arguments:
        patterns: further names whose values are masked; `*`, `?` and `[...]` as in file names, case does not matter.
        digest: a keyed digest, for what the record does not hold in full.

    """

    __slots__ = ("_digest", "_is_secret", "_plain", "_shape")

    def __init__(self, patterns: Iterable[str] = (), *, digest: Callable[[bytes], bytes]) -> None:
        further = re.compile("|".join(translate(pattern.lower()) for pattern in patterns) or r"(?!)")
        self._digest = digest

        @lru_cache(maxsize=4096)
        def is_secret(name: str) -> bool:
            plain = _HUMP.sub("_", name).lower().replace("-", "_")
            if further.match(name.lower()):
                return True
            return _SECRET_NAME.search(plain) is not None and _COUNTED.fullmatch(plain) is None

        @lru_cache(maxsize=1024)
        def shape(names: tuple[str, ...]) -> tuple[tuple[str, str, bool], ...] | None:
            if not all(
                name.isascii() and len(name) <= _KEY_CHARACTERS and mask_shapes(name) == name
                for name in names
            ):
                return None
            return tuple((name, f"{encode_basestring(name)}:", is_secret(name)) for name in sorted(names))

        self._is_secret = is_secret
        self._shape = shape
        self._plain = lru_cache(maxsize=1024)(lambda text: encode_basestring(self.text(text)))

    def sentence(self, text: str) -> str:
        """Return a sentence that repeats from call to call, such as a verdict's message, as JSON text."""
        return self._plain(text) if len(text) <= TEXT_CHARACTERS else encode_basestring(self.text(text))

    def text(self, text: str) -> str:
        """Return a text with secrets masked, cut at 400 characters with its length and digest noted."""
        if len(text) <= TEXT_CHARACTERS:
            masked = mask_shapes(text)
            return masked if masked.isascii() else well_formed(masked)
        kept = text[:_SEARCHED_CHARACTERS]
        if len(text) > _SEARCHED_CHARACTERS:
            kept = kept.rpartition(" ")[0] or kept  # the last word may be the first half of a secret
        masked = well_formed(mask_shapes(kept))[:TEXT_CHARACTERS]
        digest = self.short_digest(text[:_DIGESTED].encode("utf-8", "surrogatepass"))
        return f"{masked}…<{len(text)} characters, digest {digest}>"

    def short_digest(self, data: bytes) -> str:
        """Return the keyed digest of the first MiB of some bytes, as 32 hexadecimal digits."""
        return self._digest(data[:_DIGESTED])[:16].hex()

    def write(self, value: object) -> str:
        """Return a value as canonical JSON text: arguments of a call, facts of an event."""
        if type(value) is dict and len(value) <= _ITEMS:
            plain = all(type(name) is str for name in value)
            shape = self._shape(tuple(value)) if plain else None
            if shape is not None and (written := self._flat(value, shape)):
                return written
        return self._value(value, 0, [_TOTAL_CHARACTERS])

    def _flat(self, values: dict[str, object], shape: tuple[tuple[str, str, bool], ...]) -> str:
        """Write a mapping whose values are short texts and numbers, as most arguments are; empty where it is none."""
        written = []
        for name, prefix, secret in shape:
            value = values.get(name)
            if secret:
                written.append(f'{prefix}"{MASK}"')
            elif type(value) is str:
                if len(value) > TEXT_CHARACTERS:
                    return ""
                written.append(prefix + encode_basestring(self.text(value)))
            elif (writer := _SCALARS.get(type(value))) is not None:
                written.append(prefix + writer(value))
            else:
                return ""
        return f"{{{','.join(written)}}}"

    def _value(self, value: object, depth: int, budget: list[int]) -> str:
        kind = type(value)
        if kind is str:
            written = encode_basestring(self.text(cast("str", value)))
        elif kind in _CONTAINERS:
            return self._container(value, depth, budget)
        else:
            writer = _SCALARS.get(kind)
            written = writer(value) if writer else self._other(value)
        budget[0] -= len(written)
        return written

    def _other(self, value: object) -> str:
        if type(value) in (bytes, bytearray):
            data = bytes(cast("bytes", value)[:_DIGESTED])
            return f'"<{len(cast("bytes", value))} bytes, digest {self.short_digest(data)}>"'
        return encode_basestring(f"<{type_name(value)}>")

    def _container(self, value: object, depth: int, budget: list[int]) -> str:
        if depth >= _DEPTH or budget[0] <= 0:
            return encode_basestring(f"<{type_name(value)} of {len(cast('list[object]', value))}>")
        if type(value) is dict:
            return self._mapping(value, depth + 1, budget)
        unordered = type(value) in (set, frozenset)
        items = list(cast("list[object]", value))  # in one step: another thread may be changing it
        written = [self._value(item, depth + 1, budget) for item in self._bounded(items, budget)]
        if unordered:
            written.sort()
        if len(items) > len(written):
            written.append(f'"<{len(items) - len(written)} more>"')
        return f"[{','.join(written)}]"

    def _mapping(self, value: dict[object, object], depth: int, budget: list[int]) -> str:
        items = list(value.items())  # in one step, likewise
        written: dict[str, str] = {}
        for key, item in self._bounded(items, budget):
            name = (
                key if type(key) is str and len(key) <= _KEY_CHARACTERS and key.isascii() else self._key(key)
            )
            while name in written:
                name += "'"
            written[name] = (
                f'"{MASK}"'
                if type(key) is str and self._is_secret(key[:_KEY_CHARACTERS])
                else self._value(item, depth, budget)
            )
            budget[0] -= len(name)
        if len(items) > len(written):
            written[f"<{len(items) - len(written)} more>"] = "true"
        return (
            "{" + ",".join([f"{encode_basestring(name)}:{written[name]}" for name in sorted(written)]) + "}"
        )

    def _key(self, key: object) -> str:
        if type(key) is str:
            return well_formed(mask_shapes(key[:_KEY_CHARACTERS])) + (
                "…" if len(key) > _KEY_CHARACTERS else ""
            )
        writer = _SCALARS.get(type(key))
        return f"<{type_name(key)}> {writer(key)}" if writer else f"<{type_name(key)}>"

    @staticmethod
    def _bounded(items: list[Any], budget: list[int]) -> Iterable[Any]:
        for item in items[:_ITEMS]:
            if budget[0] <= 0:
                return
            yield item


def _write_int(value: int) -> str:
    if -_INT_RANGE <= value < _INT_RANGE:
        return int.__repr__(value)
    return f'"{hex(value)}"' if value.bit_length() <= _INT_BITS else f'"<int of {value.bit_length()} bits>"'


def _write_float(value: float) -> str:
    return float.__repr__(value) if isfinite(value) else f'"<float {float.__repr__(value)}>"'


_SCALARS: dict[type, Callable[..., str]] = {
    int: _write_int,
    float: _write_float,
    bool: lambda value: "true" if value else "false",
    NoneType: lambda _: "null",
}
_CONTAINERS = frozenset((dict, list, tuple, set, frozenset))

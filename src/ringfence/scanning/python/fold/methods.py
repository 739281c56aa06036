"""What methods of text and bytes give for constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python.fold.bounds import bounded, wide
from ringfence.scanning.python.fold.encodings import coded
from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TEXT_METHODS = frozenset(
    {
        "capitalize", "casefold", "decode", "encode", "expandtabs", "format", "format_map", "hex", "join", "ljust", "lower", "lstrip",
        "partition", "removeprefix", "removesuffix", "replace", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "strip",
        "swapcase", "title", "translate", "upper", "zfill",
    }
)  # fmt: skip
"""Methods of text and bytes that give text, bytes or lists of them."""
_PADDING = frozenset({"ljust", "rjust", "center", "zfill", "expandtabs"})


def method(receiver: object, name: str, arguments: Sequence[object], named: Mapping[str, object]) -> object:
    """Return what a method of a text or bytes constant gives, `UNKNOWN` where it is not listed, fails or is too large."""
    if not isinstance(receiver, (str, bytes)) or name not in TEXT_METHODS:
        return UNKNOWN
    if name in _OWN_WAY:
        return _OWN_WAY[name](receiver, arguments, named)
    if name in _PADDING and any(isinstance(a, int) and a > MOST_TEXT for a in (*arguments, *named.values())):
        return UNKNOWN
    if name in ("replace", "join") and not _join_fits(receiver, arguments):
        return UNKNOWN
    return bounded(getattr(receiver, name), *arguments, **named)


def _codec(arguments: Sequence[object], named: Mapping[str, object]) -> object:
    return arguments[0] if arguments else named.get("encoding", "utf-8")


def _translated(receiver: str | bytes, arguments: Sequence[object], _named: Mapping[str, object]) -> object:
    """Return translated text; a table is a tuple of pairs of a character's number and a text."""
    table = arguments[0] if arguments else ()
    if not isinstance(receiver, str) or not isinstance(table, tuple):
        return UNKNOWN
    pairs = {pair[0]: pair[1] for pair in table if isinstance(pair, tuple) and len(pair) == 2}  # noqa: PLR2004 - from and to
    return bounded(receiver.translate, pairs)


def _join_fits(receiver: str | bytes, arguments: Sequence[object]) -> bool:
    longest = max((len(a) for a in arguments if isinstance(a, (str, bytes, list, tuple))), default=0)
    return len(receiver) * max(longest, 1) <= MOST_TEXT * 64


def _formatted(receiver: str | bytes, arguments: Sequence[object], named: Mapping[str, object]) -> object:
    """Return formatted text. Attributes and widths in a template are left alone: they reach objects and memory."""
    if isinstance(receiver, bytes) or "." in receiver or wide(receiver):
        return receiver.replace("{}", HOLE) if isinstance(receiver, str) and not wide(receiver) else UNKNOWN
    return bounded(receiver.format, *arguments, **named)


_OWN_WAY: Mapping[str, Callable[[str | bytes, Sequence[object], Mapping[str, object]], object]] = {
    "decode": lambda value, arguments, named: coded(value, "decode", _codec(arguments, named)),
    "encode": lambda value, arguments, named: coded(value, "encode", _codec(arguments, named)),
    "format": _formatted,
    "format_map": lambda value, _arguments, named: _formatted(value, (), named),
    "translate": _translated,
}
"""Methods that are not simply called: their arguments are no plain constants, or reach too far."""

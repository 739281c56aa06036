"""The text of literals: strings, templates and names with their escapes resolved, numbers as JavaScript prints them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.scanning.javascript.tree import Node

_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[0-7]{1,3}|\r\n|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_NOTHING = frozenset({"\n", "\r\n", "\r", "\u2028", "\u2029"})
_LARGEST_CHARACTER = 0x10FFFF
_LARGEST_INTEGER = 2.0**53


def string_text(node: Node) -> str:
    """Return what a string literal without substitutions holds."""
    return "".join(
        unescaped(part.text) if part.type == "escape_sequence" else part.text for part in node.children
    )


def unescaped(text: str) -> str:
    """Return a text with its escapes resolved."""
    if "\\" not in text:
        return text
    joined = _ESCAPE.sub(_character, text)
    # Two escapes that stand for the halves of one character become that character.
    return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _character(match: re.Match[str]) -> str:
    escape = match[1]
    if escape in _NOTHING:
        return ""
    if len(escape) > 1 and escape[0] in "ux":
        code = int(escape[1:].strip("{}"), 16)
        return chr(code) if code <= _LARGEST_CHARACTER else "\ufffd"
    if escape[0] in "01234567":
        return chr(int(escape, 8))
    return _SIMPLE.get(escape, escape)


def number_value(text: str) -> float | None:
    """Return the value of a number literal; None for one that cannot be told."""
    plain = text.replace("_", "").rstrip("n") or "0"
    try:
        if plain[:2].lower() in ("0x", "0o", "0b"):
            return float(int(plain, 0))
        if len(plain) > 1 and plain[0] == "0" and plain.isdigit() and not set(plain) & {"8", "9"}:
            return float(int(plain, 8))
        return float(plain)
    except (ValueError, OverflowError):
        return None


def number_text(number: float) -> str:
    """Return a number as JavaScript prints it, near enough for names and ports."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) <= _LARGEST_INTEGER:
        return str(int(number))
    return repr(number)

r"""Spellings of characters: `$'\x2f'`, `printf '\057'`, `echo -e`. All that differs is which escapes each of them knows.

The one idea: an escape is a way to write a character, and a gate must see the character.
"""

from __future__ import annotations

import re

_NAMED = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|(0?[0-7]{1,3})|c(.)|([abeEfnrtv\\'\"?]))",
    re.DOTALL,
)
_MOST = 0x10FFFF


def ansi_c(text: str) -> str:
    r"""Return what a text with escapes stands for: `\x2f`, `\057`, `\u002f`, `\n`. An escape that does not exist stands for itself."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    for group in (1, 2, 3):
        if found[group] is not None:
            code = int(found[group], 16)
            return chr(code) if 0 < code <= _MOST else ""
    if found[4] is not None:
        return chr(int(found[4], 8) & 0xFF).replace("\0", "")
    if found[5] is not None:
        return chr(ord(found[5]) & 0x1F).replace("\0", "")
    return _NAMED.get(found[6], found[6])

"""Writing YAML that people go on with: keys and values quoted where they must be, comments behind them.

PyYAML writes no comments. The one idea: what is written here is read back by `policy/read_yaml.py`, which refuses whatever versions of
YAML read differently, so everything that could be is put in quotes.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ringfence.policy.document import printable
from ringfence.policy.model import Policy, ToolRule
from ringfence.policy.sound import flaws

if TYPE_CHECKING:
    from collections.abc import Iterable

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_AMBIGUOUS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
_LAST_OF_FOUR_DIGITS = 0xFFFF
_ESCAPED = re.compile(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufeff\uff01-\ufffd]")


def word(text: str) -> str:
    """Return a text as a YAML key or value, in quotes where it needs them."""
    if _BARE.fullmatch(text) and text.lower() not in _AMBIGUOUS:
        return text
    return scalar(text)


def scalar(value: str | float) -> str:
    """Return a text, number or truth value as YAML that all its versions read alike."""
    if type(value) is str:
        return _ESCAPED.sub(_escape, json.dumps(value, ensure_ascii=False))
    if type(value) is float:
        text = repr(value)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return json.dumps(value)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= _LAST_OF_FOUR_DIGITS else f"\\U{code:08x}"


def listed(values: Iterable[str | float]) -> str:
    """Return values as a YAML list on one line."""
    return f"[{', '.join(word(value) if type(value) is str else scalar(value) for value in values)}]"


def comment(text: str) -> str:
    """Return a comment, whatever the text holds."""
    return f"# {printable(text, 300)}"


def is_writable(name: str) -> bool:
    """Return whether a policy may hold this as a name."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return next(flaws(Policy(tools={name: ToolRule()})), None) is None


def exact(name: str) -> str:
    """Return the pattern that fits this name and no other."""
    return re.sub(r"([*?[])", r"[\1]", name)

"""Runs one listed function on constants, within bounds: whatever fails, or gives something large or strange, gives `UNKNOWN`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.python.values import MOST_TEXT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_NUMBER = 1 << 256
_WIDE = re.compile(r"\d{4}")
"""Up to 999 characters of padding are fine."""


def bounded(function: Callable[..., object], *arguments: object, **named: object) -> object:
    """Return what a function gives, `UNKNOWN` where it fails or gives something large or strange."""
    try:
        found = function(*arguments, **named)
    except Exception:  # noqa: BLE001 - whatever a hostile constant makes it raise, nothing is known then
        return UNKNOWN
    return found if plain(found) else UNKNOWN


def plain(value: object) -> bool:
    """Return whether a constant is of a plain type and, with all that it holds, of bounded size."""
    return size(value) <= MOST_TEXT


def size(value: object) -> int:
    """Return how many characters and elements a constant has, over all depths; more than `MOST_TEXT` where that is too many or it is not plain."""
    total = 0
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (str, bytes)):
            total += len(part)
        elif isinstance(part, int):
            total += 1 if abs(part) < _MOST_NUMBER else MOST_TEXT + 1
        elif isinstance(part, (list, tuple)):
            total += len(part)
            waiting += part if total <= MOST_TEXT else ()
        elif isinstance(part, dict):
            total += len(part)
            waiting += [*part.keys(), *part.values()] if total <= MOST_TEXT else ()
        elif part is not None and not isinstance(part, float):
            return MOST_TEXT + 1
        if total > MOST_TEXT:
            return total
    return total + 1


def wide(template: str | bytes) -> bool:
    """Return whether a format may ask for padding: width and precision can be huge."""
    text = template.decode("latin-1") if isinstance(template, bytes) else template
    return "*" in text or _WIDE.search(text) is not None

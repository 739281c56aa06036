"""From the text that a model wrote to arguments: `parse` reads one JSON object, strictly and within bounds.

Whether the arguments fit a tool is judged in `parameters.py`. The one idea: what two readers could understand differently (a key
that comes twice, NaN, infinity) is refused here, so that policy, record and tool cannot be shown different calls.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import NoReturn

MOST_CHARACTERS = 1 << 20
"""The longest arguments that are read: whole files pass, a model that repeats itself without end does not."""
_EXAMPLE = 'send one JSON object, such as {"name": "value"}'


class Unreadable(ValueError):
    """Arguments that are no JSON object. The message goes on after "the arguments do not fit:", and quotes nothing of them."""


def bounded(text: str) -> str:
    """Return the text.

    Raises:
        Unreadable: it is too long to be looked at.

    """
    if len(text) > MOST_CHARACTERS:
        msg = f"they have {len(text)} characters, at most {MOST_CHARACTERS} are read: send less in one call"
        raise Unreadable(msg)
    return text


def parse(text: str) -> dict[str, object]:
    """Return the arguments in a text; an empty text has none.

    Raises:
        Unreadable: they are no JSON object, or too large, or ambiguous.

    """
    if not bounded(text).strip():
        return {}
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)
    except Unreadable:
        raise
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        msg = f"they are not valid JSON ({what}, line {error.lineno}, column {error.colno}): {_EXAMPLE}"
        raise Unreadable(msg) from error
    except RecursionError as error:
        msg = "they are nested too deeply: send a flatter object"
        raise Unreadable(msg) from error
    except ValueError as error:  # Python bounds the digits of an integer
        msg = "they hold a number that is too long: send it as text"
        raise Unreadable(msg) from error
    if type(found) is not dict:
        msg = f"they are JSON, but no object: {_EXAMPLE}"
        raise Unreadable(msg)
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "they hold one name twice: send each name once"
        raise Unreadable(msg)
    return found


def _no_number(name: str) -> NoReturn:
    msg = f"they hold {name}: send a finite number"
    raise Unreadable(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        _no_number("a number that is too large")
    return number

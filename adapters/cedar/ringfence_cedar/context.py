"""Arguments as Cedar sees them: plain data, or `NotPlain`, which denies the call.

Cedar has text, whole numbers of 64 bits, decimals with four digits, truth values, sets and records, and no null. The one idea: what it cannot
hold is never left out in silence, since a policy that asks whether an argument is there would take it for absent.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_DEPTH = 20
_MOST_VALUES = 10_000
_LONG = 1 << 63
_SMALLEST = Decimal("0.0001")
_MOST_DECIMAL = Decimal("922337203685477.5807")
"""The largest decimal of Cedar, and its smallest step: a whole number of 64 bits, of ten-thousandths."""


class NotPlain(Exception):
    """Cedar cannot hold a value. The message names the argument and the kind of value, never the value."""


def arguments_of(values: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the arguments as a record for Cedar, and those that are numbers as decimals besides.

    Whole numbers, also those that came as floats, are Cedar's long; other floats its decimal. An argument that is None is left out.

    Raises:
        NotPlain: an argument is, or holds, what Cedar cannot.

    """
    budget = [_MOST_VALUES]
    plain = {
        _key(name, name): _value(name, value, 0, budget)
        for name, value in values.items()
        if value is not None
    }
    numbers = {name: value for name, value in values.items() if type(value) in (int, float)}
    decimals = {name: _decimal(value) for name, value in numbers.items()}
    return plain, {name: value for name, value in decimals.items() if value is not None}


def _value(name: str, value: object, depth: int, budget: list[int]) -> object:
    budget[0] -= 1
    if depth > _MOST_DEPTH or budget[0] < 0:
        raise NotPlain(f"argument {name!r} nests too deep or holds too much")
    if type(value) is bool:
        return value
    if type(value) is str:
        return _text(name, value)
    if type(value) in (int, float):
        return _number(name, value)  # type: ignore[arg-type]  # as tested
    if type(value) is dict:
        inner = ((key, item) for key, item in value.items() if item is not None)
        return {_key(name, key): _value(name, item, depth + 1, budget) for key, item in inner}
    if type(value) in (list, tuple, set, frozenset):
        items: Iterable[object] = value  # type: ignore[assignment]  # as tested
        return [_value(name, item, depth + 1, budget) for item in items]
    raise NotPlain(f"argument {name!r} holds a {type(value).__name__}")


def _key(name: str, key: object) -> str:
    """Return a key; `__entity` and `__extn` would be taken for an entity or a call, so whoever chose them could name any role."""
    if type(key) is not str or key.startswith("__"):
        raise NotPlain(f"argument {name!r} has a key that is no text, or begins with two underscores")
    return _text(name, key)


def _text(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NotPlain(f"argument {name!r} holds text that is no Unicode") from error
    return text


def _number(name: str, number: float) -> object:
    if type(number) is int or (isfinite(number) and number.is_integer()):
        if -_LONG <= number < _LONG:
            return int(number)
        raise NotPlain(f"argument {name!r} holds a number of more than 64 bits")
    found = _decimal(number)
    if found is None:
        raise NotPlain(
            f"argument {name!r} holds a number with more than four decimal places, or none that is finite"
        )
    return found


def _decimal(number: object) -> object:
    """Return a number as Cedar's decimal; None where it has no such decimal, exactly."""
    try:
        found = Decimal(repr(number))
        exact = found.is_finite() and abs(found) <= _MOST_DECIMAL and found % _SMALLEST == 0
    except (InvalidOperation, ValueError):
        return None
    return {"__extn": {"fn": "decimal", "arg": f"{found:.4f}"}} if exact else None

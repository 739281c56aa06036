"""What the language's own operations give on texts, numbers, bytes and lists that are known: the pure part of the analysis.

Each operation takes values and gives a value, or None where it cannot tell. Nothing here looks at the tree.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.javascript.literals import number_value
from ringfence.scanning.javascript.values import (
    CALCULATED,
    DECODED,
    FALSE,
    MOST_TEXT,
    TRUE,
    UNDEFINED,
    Items,
    Value,
    number,
    origins_of,
    text_of,
    traits_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INTEGER_BITS = 32
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]{1,13}|0[bB][01]{1,50}|0[oO][0-7]{1,17}|\d{1,15}(?:\.\d{0,15})?)"
)


def calculated(text: str, *sources: Value, decoded: bool = False) -> Value:
    """Return a text made of other values."""
    origins = origins_of(sources) | (DECODED if decoded else frozenset())
    return Value(
        text if len(text) <= MOST_TEXT else HOLE, origins=origins, traits=traits_of(sources) | CALCULATED
    )


def to_number(value: Value) -> float | None:
    """Return what a value becomes as a number; None where that cannot be told."""
    if value.number is not None:
        return value.number
    if value.path in ("true", "false"):
        return float(value.path == "true")
    text = text_of(value).strip()
    if not text:
        return 0.0
    return number_value(text) if _NUMBER.fullmatch(text) else None


def truth(value: Value) -> bool | None:
    """Return whether a value counts as true; None where that cannot be told."""
    if value.path in ("true", "false", "undefined", "null"):
        return value.path == "true"
    if value.number is not None:
        return bool(value.number)
    if value.text is not None:
        return None if HOLE in value.text and value.text.strip(HOLE) == "" else bool(value.text)
    if value.items is not None or (value.node is not None and value.path == ""):
        return True
    return None


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "^": lambda a, b: float(int(a) ^ int(b)),
    "&": lambda a, b: float(int(a) & int(b)),
    "|": lambda a, b: float(int(a) | int(b)),
    "<<": lambda a, b: float(int(a) << (int(b) % _INTEGER_BITS)),
    ">>": lambda a, b: float(int(a) >> (int(b) % _INTEGER_BITS)),
    ">>>": lambda a, b: float((int(a) & 0xFFFFFFFF) >> (int(b) % _INTEGER_BITS)),
    "+": lambda a, b: a + b,
}
_BITWISE = frozenset("^&|") | {"<<", ">>", ">>>"}


def arithmetic(operator: str, left: Value, right: Value) -> Value | None:
    """Return the result of an operator on two numbers."""
    operation = _ARITHMETIC.get(operator)
    a, b = to_number(left), to_number(right)
    if operation is None or a is None or b is None:
        return None
    if operator in _BITWISE and not (abs(a) < 2**53 and abs(b) < 2**53):
        return None
    try:
        return number(operation(a, b))._replace(origins=left.origins | right.origins)
    except (ZeroDivisionError, OverflowError, ValueError):
        return None


def unary(operator: str, value: Value) -> Value | None:
    """Return the result of an operator on one value."""
    if operator == "!":
        known = truth(value)
        return None if known is None else (FALSE if known else TRUE)
    if operator in ("+", "-", "~"):
        found = to_number(value)
        if found is None or (operator == "~" and not abs(found) < 2**53):
            return None
        return number(found if operator == "+" else -found if operator == "-" else float(~int(found)))
    return UNDEFINED if operator == "void" else None


_SIMPLE_METHODS: Mapping[str, Callable[[str], str]] = {
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "toLocaleLowerCase": str.lower,
    "toLocaleUpperCase": str.upper,
    "trim": str.strip,
    "trimStart": str.lstrip,
    "trimEnd": str.rstrip,
    "toString": str,
    "valueOf": str,
    "normalize": str,
}


def text_method(name: str, value: Value, arguments: Sequence[Value]) -> Value | None:
    """Return what a method of a text gives."""
    text = text_of(value)
    simple = _SIMPLE_METHODS.get(name)
    if simple is not None:
        return value if simple is str else calculated(simple(text), value)
    if name == "concat":
        return calculated(text + "".join(map(text_of, arguments)), value, *arguments)
    if HOLE in text or any(argument.text is None or HOLE in argument.text for argument in arguments):
        return None
    if name in ("replace", "replaceAll") and len(arguments) > 1:
        times = -1 if name == "replaceAll" else 1
        return calculated(
            text.replace(text_of(arguments[0]), text_of(arguments[1]), times), value, *arguments
        )
    if name == "split":
        return _split(text, value, arguments)
    return _indexed(name, text, value, [to_number(argument) for argument in arguments])


def _split(text: str, value: Value, arguments: Sequence[Value]) -> Value:
    separator = text_of(arguments[0]) if arguments else None
    parts = [text] if separator is None else list(text) if separator == "" else text.split(separator)
    return Value(items=Items((calculated(part, value),) for part in parts), origins=value.origins)


def _indexed(name: str, text: str, value: Value, numbers: list[float | None]) -> Value | None:  # noqa: PLR0911 - one line for each method
    if None in numbers:
        return None
    known = [int(n) for n in numbers if n is not None and abs(n) < MOST_TEXT]
    first = known[0] if known else 0
    if name in ("slice", "substring", "substr"):
        return calculated(_cut(name, text, first, known[1] if len(known) > 1 else None), value)
    if name in ("charAt", "at"):
        return calculated(text[first : first + 1] if first >= 0 else text[first:][:1], value)
    if name in ("charCodeAt", "codePointAt"):
        return number(ord(text[first])) if 0 <= first < len(text) else None
    if name == "repeat":
        return calculated(text * first, value) if 0 <= len(text) * first <= MOST_TEXT else None
    if name in ("padStart", "padEnd") and known:
        return calculated(text.rjust(first) if name == "padStart" else text.ljust(first), value)
    return None


def _cut(name: str, text: str, first: int, second: int | None) -> str:
    if name == "substr":
        start = max(len(text) + first, 0) if first < 0 else first
        return text[start:] if second is None else text[start : start + max(second, 0)]
    if name == "substring":
        low = max(first, 0)
        high = len(text) if second is None else max(second, 0)
        return text[min(low, high) : max(low, high)]
    return text[first:second]


def list_method(name: str, value: Value, arguments: Sequence[Value]) -> Value | None:
    """Return what a method of a list gives."""
    items = value.items or ()
    if name in ("reverse", "toReversed"):
        return value._replace(items=Items(items[::-1]))
    if name == "slice":
        bounds = [to_number(argument) for argument in arguments]
        if None in bounds:
            return None
        known = [int(n) for n in bounds if n is not None and abs(n) < MOST_TEXT]
        return value._replace(
            items=Items(items[slice(known[0] if known else None, known[1] if len(known) > 1 else None)])
        )
    if name == "concat":
        more = [found.items if found.items is not None else ((found,),) for found in arguments]
        return value._replace(items=Items((*items, *(item for part in more for item in part))))
    if name in ("flat", "values", "toArray", "entries", "filter", "sort", "toSorted", "fill"):
        return value if name in ("values", "toArray", "filter") else None
    return None

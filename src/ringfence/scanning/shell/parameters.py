"""Parameter expansion: what `$name` and `${name...}` come to, with all the operators that change a value.

What a variable may hold is the machine to say. The one idea: an operator that cannot be followed leaves a hole, never a guess.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Origin
from ringfence.scanning.shell.values import (
    BREAK,
    EMPTY,
    MOST_VALUES,
    UNKNOWN,
    Value,
    Values,
    together,
)

if TYPE_CHECKING:
    from ringfence.scanning.shell.streams import Redirections
    from ringfence.scanning.shell.syntax import Parameter


_LONGEST_PATTERN = 200


def parameter(m: Redirections, part: Parameter, argument: Values) -> Values:
    """Return what a parameter comes to, after its operator with an argument."""
    operator = part.operator
    held = _held(m, part)
    if operator.startswith("!"):
        held = _indirect(m, held)
        operator = operator[1:]
    if (
        operator.startswith("#")
        and part.argument is not None
        and not part.argument.parts
        and len(operator) == 1
    ):
        return (Value(str(len(held[0].text))),) if held and len(held) == 1 and held[0].known else UNKNOWN
    if operator.strip(":") in {"-", "=", "+", "?"}:
        return _default(m, part, operator.strip(":"), held, argument)
    if held is None:
        held = m.missing(part.name)
    if operator == "@" and argument[0].text == "P":
        for each in held:
            m.prompted(each)
    if not operator or operator == "@":
        return held
    change = argument[0]
    if operator == ":":
        m.calculated(argument)
    m.budget.spend(sum(len(each.text) for each in held) // 16)
    return together(tuple(_changed(each, operator, change, part.name) for each in held))


def _held(m: Redirections, part: Parameter) -> Values | None:
    """Return what a parameter holds, as far as the script sets it."""
    if part.name in {"@", "*"}:
        between = " " if part.name == "*" and part.quoted else BREAK
        return m.arguments(between)
    if part.name.isdigit():
        return m.argument(int(part.name))
    held = m.variables.get(part.name)
    if part.index not in {"", "@", "*"} and part.inside is None:
        m.calculated((Value(part.index),))
    if held is None or not any(BREAK in each.text for each in held):
        return held
    if part.index in {"@", "*"}:
        return tuple(Value(BREAK.join(_elements(each)), each.origins) for each in held)
    return together(*(_element(each, part.index) for each in held))


def _elements(array: Value) -> list[str]:
    return [_without_key(each) for each in array.text.split(BREAK)]


def _element(array: Value, index: str) -> Values:
    """Return an element of an array: by its key, by its number, or with an index that is neither, any of them."""
    elements = _elements(array)
    key = index.strip("\"'")
    keyed = [_without_key(each) for each in array.text.split(BREAK) if each.startswith(f"[{key}]=")]
    if not keyed and (not index or index.lstrip("-").isdigit()):
        number = int(index[:6] or 0)
        return (
            (Value(elements[number], array.origins),) if -len(elements) <= number < len(elements) else EMPTY
        )
    return tuple(Value(each, array.origins) for each in (keyed or elements)[:MOST_VALUES])


def _without_key(element: str) -> str:
    return re.sub(r"^\[[^\]]*\]=", "", element)


def _indirect(m: Redirections, names: Values | None) -> Values | None:
    m.subscripts(names or ())
    found = [m.variables.get(each.text) or m.missing(each.text) for each in names or ()]
    return together(*found) if found else None


def _default(m: Redirections, part: Parameter, operator: str, held: Values | None, default: Values) -> Values:
    if operator == "+":
        return together(default, EMPTY)
    if operator == "?":
        return held or m.missing(part.name)
    if operator == "=" and held is None:
        m.assign(part.name, default)
    if held is not None and all(each.text for each in held):
        return held
    unset = m.missing(part.name)
    return together(
        tuple(each for each in held or () if each.text), default, unset if part.name.isdigit() else ()
    )


def _changed(held: Value, operator: str, change: Value, name: str) -> Value:
    """Return a text after one of the operators that change it; with a hole where that cannot be told."""
    text = _change(held.text, operator, change.text, name) if change.known else None
    if text is None:
        return Value(HOLE, held.origins | change.origins)
    return Value(text, held.origins)


def _change(text: str, operator: str, change: str, name: str) -> str | None:
    match operator:
        case "^^":
            return text.upper()
        case ",,":
            return text.lower()
        case "^" | ",":
            return (text[:1].upper() if operator == "^" else text[:1].lower()) + text[1:]
        case ":":
            return _substring(text, change, name)
        case "#" | "##" | "%" | "%%":
            return _trimmed(text, operator, change)
    return _replaced(text, operator, change)


_ROOTED = frozenset({"HOME", "PWD", "PATH", "SHELL", "OLDPWD"})


def _substring(text: str, change: str, name: str) -> str | None:
    numbers = re.fullmatch(r"\s*(-?\d{1,6})\s*(?::\s*(-?\d{1,6})\s*)?", change)
    if numbers is None:
        return None
    start = int(numbers[1])
    if name in _ROOTED and start == 0 and numbers[2] == "1":
        return "/"  # these hold absolute paths, whatever else is unknown of them
    if HOLE in text or text.startswith("~"):
        return None
    if numbers[2] is None:
        return text[start:]
    length = int(numbers[2])
    end = start + length if length >= 0 else length
    return text[start : end if start >= 0 or end < 0 else None]


def _trimmed(text: str, operator: str, pattern: str) -> str | None:
    if HOLE in text:
        return None
    if "*" not in pattern and "?" not in pattern and "[" not in pattern:
        return text.removeprefix(pattern) if operator[0] == "#" else text.removesuffix(pattern)
    if len(pattern) > _LONGEST_PATTERN or len(text) > _LONGEST_PATTERN:
        return None
    matches = re.compile(translate(pattern)).match
    lengths = range(len(text) + 1) if len(operator) == 1 else range(len(text), -1, -1)
    for length in lengths:
        if operator[0] == "#" and matches(text[:length]):
            return text[length:]
        if operator[0] == "%" and matches(text[len(text) - length :]):
            return text[: len(text) - length]
    return text


def _replaced(text: str, operator: str, change: str) -> str | None:
    pattern, _, new = change.partition("/")
    if not pattern or HOLE in text:
        return None
    if operator in {"/#", "/%"}:
        trimmed = _trimmed(text, "#" if operator == "/#" else "%", pattern)
        if trimmed is None or trimmed == text:
            return trimmed
        return new + trimmed if operator == "/#" else trimmed + new
    count = -1 if operator == "//" else 1
    if not any(c in pattern for c in "*?["):
        return text.replace(pattern, new, count)
    if "*" in pattern or len(pattern) > _LONGEST_PATTERN:
        return None
    return re.sub(
        translate(pattern).removesuffix(r"\Z").removesuffix(r"\z"), lambda _: new, text, count=max(count, 0)
    )


SECRET = re.compile(
    r"(?:^|_)(?:TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)?|PWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:_|$)",
    re.IGNORECASE,
)
"""In the name of a variable, these say that it holds a secret."""


def secret_origins(name: str) -> frozenset[Origin]:
    """Return where the value of a variable comes from that the script does not set."""
    secret = SECRET.search(name) and name not in {"PWD", "OLDPWD"}
    return frozenset({Origin.CREDENTIALS}) if secret else frozenset()

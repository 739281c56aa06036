"""A policy file's data together with where each part of it stands: `Document`, and the limits that every document keeps.

How YAML and TOML are read lives in `read_yaml.py` and `read_toml.py`, what a policy may hold in `shape.py`. The one idea:
every value has a place, the keys that lead to it, and a fault names its place, so that file, line and key come by themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, time
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.errors import PolicyFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

Place = tuple[str | int, ...]
"""The keys and list positions that lead to a value, from the top of the file."""

MOST_BYTES = 1024 * 1024
"""The largest policy file."""
MOST_VALUES = 100_000
"""How many values a file may hold, after YAML aliases are followed (1,000 tool rules have about 16,000)."""
MOST_DEPTH = 20
"""How deep values may nest (a policy needs six)."""

_MOST_SHOWN = 80
_SECRET = re.compile(
    r"pass_?(word|wd|phrase|code)|secret|token|credential|(api|access|account|private|signing|encryption|ssh|master|session)_?key"
    r"|authori[sz]ation|cookie|session_?id|connection_?string|card_?number|security_?code"
    r"|(?<![a-z])(pwd|pass|pin|otp|cvv|cvc|ssn|sid|jwt|pat|auth|bearer|creds?)(code)?(?![a-z])",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def printable(text: str, most: int = _MOST_SHOWN) -> str:
    """Return the text with control characters escaped, cut to a readable length."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text[:most]
    )
    return shown if len(text) <= most else f"{shown}..."


def dotted(place: Place) -> str:
    """Return a place as people write it: `roles.analyst.inherits[0]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{printable(step)}" for step in place)
    return text.removeprefix(".")


def show(value: object, place: Place = ()) -> str:
    """Return in words what came, cut to a readable length; hidden where a key on the way looks like that of a secret."""
    kind, text = _kind_and_text(value)
    if text and is_secret(place):
        return f"{kind} (hidden, since its key looks like that of a secret)"
    return f"{kind} {text}".rstrip()


def is_secret(place: Place) -> bool:
    """Return whether a key on the way to a value looks like that of a secret; it errs towards yes."""
    return any(
        isinstance(step, str) and _SECRET.search(_HUMP.sub("_", step).replace("-", "_")) for step in place
    )


def _kind_and_text(value: object) -> tuple[str, str]:
    match value:
        case None:
            return "nothing", ""
        case bool():
            return "the value", str(value).lower()
        case str():
            return "the text", f"'{printable(value)}'"
        case int() | float():
            return "the number", printable(repr(value))
        case list() | dict():
            return "a list" if isinstance(value, list) else "a mapping", ""
        case _:
            return "the date or time", printable(str(value))


class Unclear(NamedTuple):
    """A value that versions of the format read differently: its text, and in words what it is read as."""

    text: str
    reading: str


@dataclass(slots=True)
class Document:
    """What a policy file holds.

    Attributes:
        file: the file, for messages.
        data: plain values (mappings with text keys, lists, text, numbers, booleans, None); None where a value is faulty.
        lines: the line, from 1, of each key and list item.
        faults: what is wrong with it so far.
        faulty: the places of those faults.
        unclear: the places of values that versions of the format read differently.

    """

    file: str
    data: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[PolicyFileError] = field(default_factory=list)
    faulty: set[Place] = field(default_factory=set)
    unclear: dict[Place, Unclear] = field(default_factory=dict)

    def put(self, place: Place, value: object) -> None:
        """Set the value at a place whose surroundings are there."""
        around: Any = self.data
        for step in place[:-1]:
            around = around[step]
        around[place[-1]] = value

    def line(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest one around it; None where the file as a whole is meant."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place)

    def fault(
        self, place: Place, expected: str, got: str, *, nearest: str | None = None, line: int | None = None
    ) -> PolicyFileError:
        """Return the error for a fault at a place.

        Arguments:
            place: where.
            expected: what should stand there, in words.
            got: what stands there, in words.
            nearest: the valid key or value closest to what came.
            line: the line, where it is not that of the place.

        """
        line = line or self.line(place)
        return PolicyFileError(
            self.file,
            line=line,
            key=dotted(place),
            expected=expected,
            got=got,
            nearest=nearest and printable(nearest),
        )

    def report(
        self, place: Place, expected: str, got: str, *, nearest: str | None = None, line: int | None = None
    ) -> None:
        """Note a fault, of which a place can have several."""
        self.faults.append(self.fault(place, expected, got, nearest=nearest, line=line))
        self.faulty.add(place)

    def too_deep(self, place: Place, line: int | None = None) -> PolicyFileError:
        """Return the error for values that nest too deep."""
        return self.fault(place[:3], f"at most {MOST_DEPTH} levels", "deeper nesting", line=line)

    def scalar(self, place: Place, value: object) -> object:
        """Return a value that is no list and no mapping; None, with a fault noted, where a policy cannot hold its kind."""
        if isinstance(value, (date, time)):
            self.report(
                place, "text, a number, true or false", f"{show(value, place)}; put it in quotes to mean text"
            )
        elif isinstance(value, float) and not isfinite(value):
            self.report(place, "a finite number", show(value, place))
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            self.report(place, "a number of at most 64 bits", "a larger one")
        elif isinstance(value, str) and not _encodable(value):
            self.report(place, "valid Unicode", "half of a surrogate pair")
        else:
            return value
        return None

    def value(self, place: Place) -> object:
        """Return the value at a place."""
        value: Any = self.data
        for step in place:
            value = value[step]
        return value

    def name(self, place: Place, key: str) -> bool:
        """Return whether a key can be one, and note a fault where it cannot."""
        if not key:
            self.report(place, "a name as key", "empty text")
        elif not _encodable(key):
            self.report(place, "valid Unicode", "half of a surrogate pair in a key")
        else:
            return True
        return False

    def places(self) -> Iterator[tuple[Place, object]]:
        """Return each value with its place, in the file's order."""
        waiting: list[tuple[Place, object]] = [((), self.data)]
        while waiting:
            place, value = waiting.pop()
            yield place, value
            inner = (
                value.items()
                if isinstance(value, dict)
                else enumerate(value)
                if isinstance(value, list)
                else ()
            )
            waiting += reversed([((*place, step), item) for step, item in inner])


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True

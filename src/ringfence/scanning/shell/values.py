"""What is known of a text at run time: a `Value` is one possible text, with holes and with where it comes from; `Values` are several.

The one idea: a variable that may hold any of a few texts keeps them all, up to a bound, and one more that is unknown stands for the rest.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_VALUES = 32
"""How many texts are kept for one variable or one command."""
MOST_CHARACTERS = 65_536
BREAK = "\0"
"""Parts words in one text, as in `"$@"`. No word of a shell can hold it."""
NO_ORIGINS: frozenset[Origin] = frozenset()


class Value(NamedTuple):
    """One possible text."""

    text: str
    origins: frozenset[Origin] = NO_ORIGINS

    @property
    def known(self) -> bool:
        """Whether nothing of it is unknown."""
        return HOLE not in self.text


Values = tuple[Value, ...]
EMPTY: Values = (Value(""),)
UNKNOWN: Values = (Value(HOLE),)


def unknown(origins: Iterable[Origin] = ()) -> Values:
    """Return a text of which only the origins are known."""
    return (Value(HOLE, frozenset(origins)),)


def origins_of(values: Iterable[Value]) -> frozenset[Origin]:
    """Return all that these texts come from."""
    return NO_ORIGINS.union(*(value.origins for value in values))


def together(*several: Values) -> Values:
    """Return all of these texts, each once."""
    found = tuple(dict.fromkeys(value for values in several for value in values))
    if len(found) <= MOST_VALUES:
        return found
    kept = tuple(dict.fromkeys((*found[: MOST_VALUES // 2], *found[1 - MOST_VALUES // 2 :])))
    return (*kept, Value(HOLE, origins_of(found)))


def joined(parts: Sequence[Values], between: str = "") -> Values:
    """Return the texts that these parts make in a row."""
    return tuple(
        Value(cut(between.join(value.text for value in row)), origins_of(row)) for row in combinations(parts)
    ) or (Value(""),)


def combinations(parts: Sequence[Values]) -> list[tuple[Value, ...]]:
    """Return the ways to choose one text for each part; where they are too many, each text is in one of them."""
    count = 1
    for values in parts:
        count *= len(values)
        if count > MOST_VALUES:
            most = max(len(values) for values in parts)
            return [tuple(values[number % len(values)] for values in parts) for number in range(most)]
    return list(product(*parts))


def cut(text: str) -> str:
    """Return the text, and where it is longer than what is followed, its beginning and a hole."""
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + HOLE

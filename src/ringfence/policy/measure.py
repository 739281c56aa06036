"""How large conditions are when their names are followed, and whether they ask about earlier calls: found before any of them is made ready.

The one idea: names that refer to names can double with every step, or go in a circle, so a policy's conditions are measured by name, each once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import UnusableValue
from ringfence.policy.model import Per

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ringfence.policy.model import Condition

MOST_PARTS = 1000
"""How many conditions and argument rules one condition may hold, names followed: so many questions a single call may cost."""
_DEEPEST = 32


class Size(NamedTuple):
    """What a condition holds, names followed.

    Attributes:
        parts: conditions and argument rules.
        depth: how deep they nest.
        asks_history: whether one asks about earlier calls, so that the answer may change while a person decides.
        user_seconds: the longest period for which one counts a user's calls; 0: none does.

    """

    parts: int = 1
    depth: int = 1
    asks_history: bool = False
    user_seconds: float = 0

    def with_all(self, others: Iterable[Size]) -> Size:
        """Return the size of a condition that holds others."""
        found = self
        for other in others:
            found = Size(
                found.parts + other.parts,
                max(found.depth, other.depth + 1),
                found.asks_history or other.asks_history,
                max(found.user_seconds, other.user_seconds),
            )
        return found


class Sizes:
    """The sizes of a policy's conditions.

    Arguments:
        conditions: by name.

    Raises:
        UnusableValue: one refers to itself, over any number of steps, or is too large.

    """

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self._conditions = conditions
        self._known: dict[str, Size] = {}
        for name, condition in conditions.items():
            self.of(f"conditions.{name}", condition, (name,))

    def of(self, where: str, condition: Condition, path: tuple[str, ...] = ()) -> Size:
        """Return the size of a condition.

        Arguments:
            where: its dotted key, for messages.
            condition: the condition.
            path: the names that led to it.

        Raises:
            UnusableValue: as for the class.

        """
        asks = bool(condition.after or condition.not_after or condition.at_most)
        per_user = condition.at_most is not None and condition.at_most.per is Per.USER
        seconds = (condition.at_most.seconds or 0) if per_user and condition.at_most is not None else 0
        own = Size(1 + len(condition.arguments), 1, asks, seconds)
        inner = (*condition.all, *condition.any, *condition.none)
        if len(path) > _DEEPEST:
            raise UnusableValue(where, f"its names lead on over more than {_DEEPEST} steps")
        size = own.with_all(self.of(where, each, path) for each in inner)
        if condition.condition in self._conditions and condition.condition is not None:
            size = size.with_all([self._of_name(where, condition.condition, path)])
        if size.parts > MOST_PARTS or size.depth > _DEEPEST:
            raise UnusableValue(
                where,
                f"with all names followed it holds more than {MOST_PARTS:,} conditions, or nests deeper than {_DEEPEST}",
            )
        return size

    def _of_name(self, where: str, name: str, path: tuple[str, ...]) -> Size:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise UnusableValue(f"{where}.condition", f"conditions refer to each other in a circle: {circle}")
        if name not in self._known:
            self._known[name] = self.of(f"conditions.{name}", self._conditions[name], (*path, name))
        return self._known[name]

"""What a log shows of tools and callers: `observe` sums recorded calls up, so that a policy can be written that allows just those.

The one idea: a value that the record masks or cuts is never looked at, so no rule comes from it and no secret reaches a policy file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from ringfence.policy.document import is_secret
from ringfence.trying.recorded import Recorded
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.trying.recorded import RecordedEnd

Value = str | int | float | bool
MOST_VALUES = 10
"""How many different values may become a list."""
_LONGEST_VALUE = 80
_REPEATS = 2
"""How often, on average, a text must come again before its values count as a list rather than free text."""


@dataclass(slots=True)
class SeenArgument:
    """What was seen of one argument.

    Attributes:
        count: how many calls had it.
        hidden: whether a value of it was masked or cut.
        kinds: the types of its values.
        values: its different values, as long as there are few short ones; None: more than that.
        least: the smallest number.
        most: the largest number.
        longest: the longest text, list or mapping.

    """

    count: int = 0
    hidden: bool = False
    kinds: set[type] = field(default_factory=set)
    values: dict[tuple[type, Value], Value] | None = field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    longest: int = 0

    def see(self, value: object) -> None:
        """Take one value in."""
        self.count += 1
        self.kinds.add(type(value))
        if type(value) in (int, float):
            number: float = value  # type: ignore[assignment]
            self.hidden |= not (isfinite(number) and -(2**63) <= number < 2**63)
            self.least = number if self.least is None else min(self.least, number)
            self.most = number if self.most is None else max(self.most, number)
        elif isinstance(value, (str, list, dict)):
            self.longest = max(self.longest, len(value))
            self.hidden |= isinstance(value, str) and _is_broken(value)
        self._keep(value)

    def _keep(self, value: object) -> None:
        fits = type(value) is bool or (type(value) is str and len(value) <= _LONGEST_VALUE)
        if self.values is None or not fits:
            self.values = None
            return
        self.values[type(value), value] = value  # type: ignore[index, assignment]  # a text or a truth value, as tested
        if len(self.values) > MOST_VALUES:
            self.values = None


def _is_broken(text: str) -> bool:
    """Return whether a text holds half of a surrogate pair, which no policy file can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


@dataclass(slots=True)
class SeenTool:
    """What was seen of one tool, in the calls that ran and that no rule was against.

    Attributes:
        calls: how many.
        arguments: its arguments by name.
        cut: whether the record lacks names of arguments.

    """

    calls: int = 0
    arguments: dict[str, SeenArgument] = field(default_factory=dict)
    cut: bool = False


@dataclass(slots=True)
class Observation:
    """What a log shows.

    Attributes:
        calls: how many calls were wanted, that is: allowed, approved, or only not yet written down.
        refused: how many others there were.
        tools: the tools, by name.
        asked: the pairs of roles and tool for which a person was asked.
        granted: the tools by the roles of the caller.
        users: the roles that each user last had, maybe none.
        denied: the pairs of roles and tool of calls that were denied and never wanted.
        first, last: the times of the first and last wanted call; None without one.

    """

    calls: int = 0
    refused: int = 0
    tools: dict[str, SeenTool] = field(default_factory=dict)
    asked: set[tuple[tuple[str, ...], str]] = field(default_factory=set)
    granted: dict[tuple[str, ...], dict[str, int]] = field(default_factory=dict)
    users: dict[str, tuple[str, ...]] = field(default_factory=dict)
    denied: dict[tuple[tuple[str, ...], str], None] = field(default_factory=dict)
    first: float | None = None
    last: float | None = None

    def see(self, call: Recorded) -> None:
        """Take one call in."""
        if not call.wanted:
            self.refused += 1
            if call.judged and call.decision is Decision.DENY:
                self.denied[call.asked.principal.roles, call.asked.tool] = None
            return
        asked = call.asked
        self.calls += 1
        self.first = asked.at if self.first is None else min(self.first, asked.at)
        self.last = asked.at if self.last is None else max(self.last, asked.at)
        roles = asked.principal.roles
        if asked.principal.user:
            self.users[asked.principal.user] = roles
        tools = self.granted.setdefault(roles, {})
        tools[asked.tool] = tools.get(asked.tool, 0) + 1
        if call.decision is Decision.ASK:
            self.asked.add((roles, asked.tool))
        self._see_arguments(call)

    def _see_arguments(self, call: Recorded) -> None:
        tool = self.tools.setdefault(call.asked.tool, SeenTool())
        tool.calls += 1
        if call.asked.masked is None:
            tool.cut = True
            return
        for name, value in call.asked.arguments.items():
            seen = tool.arguments.setdefault(name, SeenArgument())
            if name in call.asked.masked or is_secret((name,)):
                seen.count += 1
                seen.hidden = True
            else:
                seen.see(value)


def observe(records: Iterable[Recorded | RecordedEnd]) -> Observation:
    """Return what recorded calls show together."""
    found = Observation()
    for record in records:
        if isinstance(record, Recorded):
            found.see(record)
    for roles, tools in found.granted.items():
        for tool in tools:
            found.denied.pop((roles, tool), None)
    return found


def is_list(seen: SeenArgument) -> bool:
    """Return whether the values of an argument look like choices: few, and each seen again, or true and false."""
    if not seen.values:
        return False
    return seen.kinds == {bool} or seen.count >= _REPEATS * len(seen.values)

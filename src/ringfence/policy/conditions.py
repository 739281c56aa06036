"""Conditions made ready: a `Condition` becomes one function that tells whether it holds for a call in a session.

What is known when the policy is loaded (roles, lists, patterns, zones) is worked out there; the time is the call's own. The one idea: a condition is
a pure question, so it can be asked about a call that never runs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import PolicyError, UnknownName
from ringfence.policy.arguments import Around, rule_tests
from ringfence.policy.match import fits
from ringfence.policy.model import Condition, Day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import tzinfo

    from ringfence.call import ToolCall
    from ringfence.policy.model import AtMost
    from ringfence.session import Session

    Holds = Callable[[ToolCall, Session], bool]

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_DAYS = tuple(Day)
_DEEPEST = 16


class Surroundings(NamedTuple):
    """What conditions may refer to.

    Attributes:
        around: lists, and where relative paths start.
        conditions: conditions by name.
        roles: what each role name stands for: itself and all that it inherits.
        tools: the patterns that `at_most` counts: those of the rule.

    """

    around: Around
    conditions: Mapping[str, Condition]
    roles: Mapping[str, frozenset[str]]
    tools: tuple[str, ...] = ()


def holds(where: str, condition: Condition, given: Surroundings, *, depth: int = 0) -> Holds:
    """Return the function that tells whether a condition holds.

    Arguments:
        where: its dotted key, for messages.
        condition: the condition.
        given: what it may refer to.
        depth: how many conditions it stands in.

    Raises:
        UnknownName: a list, condition or role is not defined.
        PolicyError: it nests too deep, refers to itself, or holds a zone, network or pattern that is none.

    """
    if depth > _DEEPEST:
        raise PolicyError(
            f"{where}: conditions nest deeper than {_DEEPEST}, or refer to each other in a circle",
            "Take one of them apart.",
        )
    parts = [
        *_about_the_caller(where, condition, given),
        *_about_the_time(where, condition),
        *_about_the_session(condition, given),
    ]
    tests = rule_tests(f"{where}.arguments", condition.arguments, given.around)
    parts += [lambda call, _, test=test: test.passes(call.arguments) for test in tests]  # type: ignore[misc]  # a default binds it
    parts += _of_others(where, condition, given, depth + 1)
    return _together(parts)


def _together(parts: list[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]
    return lambda call, session: all(part(call, session) for part in parts)


def _of_others(where: str, condition: Condition, given: Surroundings, depth: int) -> list[Holds]:
    def made(key: str, inner: Iterable[Condition]) -> list[Holds]:
        return [
            holds(f"{where}.{key}[{index}]", each, given, depth=depth) for index, each in enumerate(inner)
        ]

    parts = made("all", condition.all)
    if condition.any:
        some = made("any", condition.any)
        parts.append(lambda call, session: any(part(call, session) for part in some))
    if condition.none:
        excluded = made("none", condition.none)
        parts.append(lambda call, session: not any(part(call, session) for part in excluded))
    if condition.condition is not None:
        if condition.condition not in given.conditions:
            raise UnknownName("condition", condition.condition, given.conditions, f"{where}.condition")
        name = condition.condition
        parts.append(holds(f"conditions.{name}", given.conditions[name], given, depth=depth))
    return parts


def _about_the_caller(where: str, condition: Condition, given: Surroundings) -> list[Holds]:
    parts: list[Holds] = []
    if condition.users:
        users = condition.users
        parts.append(
            lambda call, _: (
                any(fits(call.principal.user, pattern) for pattern in users) and bool(call.principal.user)
            )
        )
    if condition.roles:
        for name in condition.roles:
            if name not in given.roles:
                raise UnknownName("role", name, given.roles, f"{where}.roles")
        wanted = frozenset(condition.roles)
        lineages = given.roles
        parts.append(
            lambda call, _: any(
                not wanted.isdisjoint(lineages.get(role, ())) for role in call.principal.roles
            )
        )
    if condition.addresses:
        parts.append(_from_network(where, condition.addresses))
    return parts


def _from_network(where: str, networks: Iterable[str]) -> Holds:
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - few policies need it

    try:
        known = [ip_network(each) for each in networks]
    except ValueError as error:
        raise PolicyError(f"{where}.addresses: {error}", "Write a network such as 10.0.0.0/8.") from None

    def inside(call: ToolCall, _: Session) -> bool:
        try:
            address = ip_address(call.principal.address)
        except ValueError:  # nothing is known of where it came from
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any(each in network for each in (address, mapped) if each is not None for network in known)

    return inside


def _about_the_time(where: str, condition: Condition) -> list[Holds]:
    if condition.hours is None and not condition.days:
        return []
    zone = _zone(where, condition.zone)
    parts: list[Holds] = []
    if condition.hours is not None:
        start, end = hours_of(where, condition.hours)
        if start <= end:
            parts.append(lambda call, _: start <= datetime.fromtimestamp(call.at, zone).time() < end)
        else:  # past midnight
            parts.append(lambda call, _: not end <= datetime.fromtimestamp(call.at, zone).time() < start)
    if condition.days:
        days = frozenset(_DAYS.index(day) for day in condition.days)
        parts.append(lambda call, _: datetime.fromtimestamp(call.at, zone).weekday() in days)
    return parts


def hours_of(where: str, text: str) -> tuple[time, time]:
    """Return the two times of day of a text such as `08:00-18:00`.

    Raises:
        PolicyError: it is no such text.

    """
    found = _HOURS.fullmatch(text)
    if found is None:
        raise PolicyError(
            f"{where}.hours: expected two times of day such as 08:00-18:00, got {text!r}",
            "Write hours and minutes with two digits each.",
        )
    first, second, third, fourth = map(int, found.groups())
    return time(first, second), time(third, fourth)


def _zone(where: str, name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few policies need it

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise PolicyError(
            f"{where}.zone: there is no time zone {name!r}",
            "Write a name such as Europe/Berlin; where the system has none, install the package tzdata.",
        ) from error


def _about_the_session(condition: Condition, given: Surroundings) -> list[Holds]:
    parts: list[Holds] = []
    if condition.after:
        needed = condition.after
        parts.append(lambda _, session: all(session.history.has_succeeded(pattern) for pattern in needed))
    if condition.not_after:
        excluded = condition.not_after
        parts.append(lambda _, session: not any(session.history.has_begun(pattern) for pattern in excluded))
    if condition.at_most is not None:
        parts.append(_fewer_than(condition.at_most, given.tools or ("*",)))
    return parts


def _fewer_than(bound: AtMost, tools: tuple[str, ...]) -> Holds:
    def fewer(call: ToolCall, session: Session) -> bool:
        since = None if bound.seconds is None else call.at - bound.seconds
        return session.history.count(tools, since) < bound.calls

    return fewer


def counts(condition: Condition | None, conditions: Mapping[str, Condition], *, depth: int = 0) -> bool:
    """Return whether a condition counts calls, so that it must be asked again at the moment at which one is admitted."""
    if condition is None or depth > _DEEPEST:
        return False
    inner = [*condition.all, *condition.any, *condition.none]
    if condition.condition is not None and condition.condition in conditions:
        inner.append(conditions[condition.condition])
    return (
        condition.at_most is not None
        or bool(condition.not_after)
        or any(counts(each, conditions, depth=depth + 1) for each in inner)
    )

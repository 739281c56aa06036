"""Conditions made ready: a `Condition` becomes one function that tells whether it holds for a call in a session.

What is known when the policy is loaded (roles, lists, patterns, zones) is worked out there; the time is the call's own. The one idea: where something
cannot be told for certain, whoever asks says what that counts as, so a rule that denies speaks in doubt and one that allows is silent.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import UnknownName
from ringfence.policy.arguments import Around, rule_tests
from ringfence.policy.facts import hours_of, network_of, zone_of
from ringfence.policy.match import fits
from ringfence.policy.model import Condition, Day, Per

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ringfence.call import ToolCall
    from ringfence.policy.model import AtMost
    from ringfence.policy.tallies import Tallies
    from ringfence.session import Session

    Holds = Callable[[ToolCall, Session], bool]

_DAYS = tuple(Day)


class Surroundings(NamedTuple):
    """What conditions may refer to.

    Attributes:
        around: lists, and where relative paths start.
        conditions: conditions by name, none of which refers to itself.
        roles: what each role name stands for: itself and all that it inherits.
        tallies: the users' calls, for `at_most`.
        tools: the patterns that `at_most` counts: those of the rule. Empty: all tools.
        made: named conditions that are ready, so that one that many refer to is made once.

    """

    around: Around
    conditions: Mapping[str, Condition]
    roles: Mapping[str, frozenset[str]]
    tallies: Tallies
    tools: tuple[str, ...]
    made: dict[tuple[str, tuple[str, ...], bool], Holds]


def holds(where: str, condition: Condition, given: Surroundings, *, doubt: bool) -> Holds:
    """Return the function that tells whether a condition holds.

    Arguments:
        where: its dotted key, for messages.
        condition: the condition.
        given: what it may refer to.
        doubt: what counts where something cannot be told.

    Raises:
        UnknownName: a list, condition or role is not defined.
        UnusableValue: a pattern or schema cannot be used.

    """
    parts = [
        *_about_the_caller(where, condition, given, doubt=doubt),
        *_about_the_time(condition),
        *_about_the_session(condition, given, doubt=doubt),
        *_about_the_arguments(where, condition, given, doubt=doubt),
        *_of_others(where, condition, given, doubt=doubt),
    ]
    return parts[0] if len(parts) == 1 else _each_of(tuple(parts))


def _each_of(parts: tuple[Holds, ...]) -> Holds:
    def each(call: ToolCall, session: Session) -> bool:
        for part in parts:  # noqa: SIM110 - a loop takes half the time of `all` and a generator
            if not part(call, session):
                return False
        return True

    return each


def _of_others(where: str, condition: Condition, given: Surroundings, *, doubt: bool) -> list[Holds]:
    def made(key: str, inner: Iterable[Condition], *, doubt: bool) -> tuple[Holds, ...]:
        return tuple(
            holds(f"{where}.{key}[{index}]", each, given, doubt=doubt) for index, each in enumerate(inner)
        )

    parts = [*made("all", condition.all, doubt=doubt)]
    if condition.any:
        some = made("any", condition.any, doubt=doubt)
        parts.append(lambda call, session: any(part(call, session) for part in some))
    if condition.none:
        excluded = made("none", condition.none, doubt=not doubt)
        parts.append(lambda call, session: not any(part(call, session) for part in excluded))
    if condition.condition is not None:
        parts.append(_named(where, condition.condition, given, doubt=doubt))
    return parts


def _named(where: str, name: str, given: Surroundings, *, doubt: bool) -> Holds:
    if name not in given.conditions:
        raise UnknownName("condition", name, given.conditions, f"{where}.condition")
    key = (name, given.tools, doubt)
    if key not in given.made:
        given.made[key] = holds(f"conditions.{name}", given.conditions[name], given, doubt=doubt)
    return given.made[key]


def _about_the_arguments(
    where: str, condition: Condition, given: Surroundings, *, doubt: bool
) -> Iterable[Holds]:
    for test in rule_tests(f"{where}.arguments", condition.arguments, given.around):

        def passes(call: ToolCall, _: Session, holds: Callable[..., bool | None] = test.holds) -> bool:
            found = holds(call.arguments)
            return doubt if found is None else found

        yield passes


def _about_the_caller(where: str, condition: Condition, given: Surroundings, *, doubt: bool) -> list[Holds]:
    parts: list[Holds] = []
    if condition.users:
        users = condition.users
        parts.append(
            lambda call, _: (
                bool(call.principal.user) and any(fits(call.principal.user, pattern) for pattern in users)
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
        parts.append(_from_networks(condition.addresses, doubt=doubt))
    return parts


def _from_networks(networks: Iterable[str], *, doubt: bool) -> Holds:
    from ipaddress import ip_address  # noqa: PLC0415 - few policies need it

    known = [network_of(each) for each in networks]

    def inside(call: ToolCall, _: Session) -> bool:
        try:
            address = ip_address(call.principal.address)
        except ValueError:  # nothing is known of where it came from
            return doubt
        mapped = getattr(address, "ipv4_mapped", None)
        return any(each in network for each in (address, mapped) if each is not None for network in known)

    return inside


def _about_the_time(condition: Condition) -> list[Holds]:
    if condition.hours is None and not condition.days:
        return []
    zone = zone_of(condition.zone)
    parts: list[Holds] = []
    if condition.hours is not None:
        start, end = hours_of(condition.hours)
        if start <= end:
            parts.append(lambda call, _: start <= datetime.fromtimestamp(call.at, zone).time() < end)
        else:  # past midnight
            parts.append(lambda call, _: not end <= datetime.fromtimestamp(call.at, zone).time() < start)
    if condition.days:
        days = frozenset(_DAYS.index(day) for day in condition.days)
        parts.append(lambda call, _: datetime.fromtimestamp(call.at, zone).weekday() in days)
    return parts


def _about_the_session(condition: Condition, given: Surroundings, *, doubt: bool) -> list[Holds]:
    """Return the parts about earlier calls. Of a tool whose calls are running, or gave no value, it cannot be told whether it was called."""
    parts: list[Holds] = []
    if condition.after:
        needed = condition.after
        counted = (True, None) if doubt else (True,)
        parts.append(lambda _, session: all(session.history.called(each) in counted for each in needed))
    if condition.not_after:
        excluded = condition.not_after
        clean = (False, None) if doubt else (False,)
        parts.append(lambda _, session: all(session.history.called(each) in clean for each in excluded))
    if condition.at_most is not None:
        parts.append(_fewer(condition.at_most, given.tools or ("*",), given.tallies))
    return parts


def _fewer(bound: AtMost, tools: tuple[str, ...], tallies: Tallies) -> Holds:
    def of_session(call: ToolCall, session: Session) -> bool:
        since = None if bound.seconds is None else call.at - bound.seconds
        return session.history.count(tools, since) < bound.calls

    def of_user(call: ToolCall, _: Session) -> bool:
        return tallies.count(call.principal.user, tools, call.at - (bound.seconds or 0)) < bound.calls

    return of_user if bound.per is Per.USER else of_session

"""The policy's rules made ready: for one tool and one set of roles, what is left to be asked about a call.

A rule speaks where its tools, roles and `when` fit and neither `unless` nor an exception that still lasts does. What it says is prepared in advance.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import PolicyError, UnknownName
from ringfence.policy.conditions import Surroundings, counts, holds
from ringfence.policy.match import fits
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.call import ToolCall
    from ringfence.policy.conditions import Holds
    from ringfence.policy.model import CallRule, Policy, RuleException
    from ringfence.session import Session

CHECK = "rules"
_MESSAGES = {
    Decision.ALLOW: "the rule {!r} allows it",
    Decision.ASK: "the rule {!r} asks a person",
    Decision.DENY: "the rule {!r} forbids it",
}
_HINTS = {
    Decision.ALLOW: "",
    Decision.ASK: "Wait for the approval; do not repeat the call.",
    Decision.DENY: "Use another tool, or other arguments.",
}


class Lasting(NamedTuple):
    """An exception made ready.

    Attributes:
        holds: whether it is the case.
        until: the moment at which it ends, in seconds since the epoch.

    """

    holds: Holds
    until: float


class RuleTest:
    """One rule for the calls of one tool.

    Arguments:
        name: of the rule.
        verdict: what it says.
        when, unless: its conditions.
        exceptions: its exceptions.
        counts: whether one of these counts calls.

    """

    __slots__ = ("_exceptions", "_unless", "_when", "counts", "name", "verdict")

    def __init__(
        self,
        name: str,
        verdict: Verdict,
        when: Holds | None,
        unless: Holds | None,
        exceptions: tuple[Lasting, ...],
        *,
        counts: bool,
    ) -> None:
        self.name = name
        self.verdict = verdict
        self.counts = counts
        self._when = when
        self._unless = unless
        self._exceptions = exceptions

    def judge(self, call: ToolCall, session: Session) -> Verdict | None:
        """Return what the rule says about a call; None where it says nothing."""
        if self._when is not None and not self._when(call, session):
            return None
        if self._unless is not None and self._unless(call, session):
            return None
        if any(call.at < each.until and each.holds(call, session) for each in self._exceptions):
            return None
        return self.verdict


class Rules:
    """All rules of a policy.

    Arguments:
        policy: the policy.
        given: what their conditions may refer to.

    Raises:
        UnknownName, PolicyError: as `conditions.holds`; a role of a rule is not defined, or a day is none.

    """

    def __init__(self, policy: Policy, given: Surroundings) -> None:
        self._rules = policy.rules
        self._made: dict[str, RuleTest] = {
            name: _made(name, rule, given, policy) for name, rule in policy.rules.items()
        }
        for name, condition in policy.conditions.items():  # also those that nothing uses
            holds(f"conditions.{name}", condition, given)

    def tests(self, tool: str, roles: Iterable[str]) -> tuple[RuleTest, ...]:
        """Return the rules for calls of a tool by a caller with these roles, with all that they inherit."""
        held = frozenset(roles)
        return tuple(
            self._made[name]
            for name, rule in self._rules.items()
            if (not rule.tools or any(fits(tool, pattern) for pattern in rule.tools))
            and (not rule.roles or not held.isdisjoint(rule.roles))
        )


def _made(name: str, rule: CallRule, given: Surroundings, policy: Policy) -> RuleTest:
    where = f"rules.{name}"
    for role in rule.roles:
        if role not in given.roles:
            raise UnknownName("role", role, given.roles, f"{where}.roles")
    own = given._replace(tools=rule.tools)
    decision = Decision(rule.decision)
    verdict = Verdict(
        decision,
        rule.reason or _MESSAGES[decision].format(name),
        rule=where,
        check=CHECK,
        hint=rule.hint or _HINTS[decision],
    )
    conditions = [rule.when, rule.unless, *(each.when for each in rule.exceptions)]
    return RuleTest(
        name,
        verdict,
        None if rule.when is None else holds(f"{where}.when", rule.when, own),
        None if rule.unless is None else holds(f"{where}.unless", rule.unless, own),
        tuple(
            Lasting(
                holds(f"{where}.exceptions[{index}].when", each.when, own),
                end_of(f"{where}.exceptions[{index}]", each),
            )
            for index, each in enumerate(rule.exceptions)
        ),
        counts=any(counts(each, policy.conditions) for each in conditions),
    )


def end_of(where: str, exception: RuleException) -> float:
    """Return the moment at which an exception ends: when its last day does, in UTC.

    Raises:
        PolicyError: its `until` is no day.

    """
    try:
        last = date.fromisoformat(exception.until)
    except ValueError:
        raise PolicyError(
            f"{where}.until: expected a day such as 2027-01-31, got {exception.until!r}",
            "Write year, month and day.",
        ) from None
    return (datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)).timestamp()

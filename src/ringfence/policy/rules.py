"""The policy's rules made ready: for one tool and one set of roles, what is left to be asked about a call.

A rule speaks where its tools, roles and `when` fit and neither `unless` nor an exception that still lasts does. What it says is prepared in advance.
The one idea: a rule that asks or denies speaks in doubt, and one that allows is silent in doubt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import UnknownName
from ringfence.policy.conditions import Surroundings, holds
from ringfence.policy.facts import end_of_day
from ringfence.policy.match import fits
from ringfence.policy.measure import Size, Sizes
from ringfence.verdict import SILENCE, Decision, Verdict, combine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ringfence.call import ToolCall
    from ringfence.policy.conditions import Holds
    from ringfence.policy.model import CallRule, Condition, RuleException
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
_NOBODY = replace(SILENCE, check=CHECK)


class Lasting(NamedTuple):
    """An exception made ready.

    Attributes:
        holds: whether it is the case.
        until: the moment at which it ends, in seconds since the epoch.
        told: what an explanation says where the rule is silent because of it.

    """

    holds: Holds
    until: float
    told: Verdict


class RuleTest(NamedTuple):
    """One rule made ready.

    Attributes:
        verdict: what it says.
        when, unless: its conditions; None where it has none.
        exceptions: its exceptions.
        size: of all its conditions together.

    """

    verdict: Verdict
    when: Holds | None
    unless: Holds | None
    exceptions: tuple[Lasting, ...]
    size: Size

    def judge(self, call: ToolCall, session: Session) -> Verdict | None:
        """Return what the rule says about a call; None where it says nothing."""
        fitting = self.fits(call, session)
        return None if not fitting or self.excepted(call, session) is not None else self.verdict

    def fits(self, call: ToolCall, session: Session) -> bool:
        """Return whether the rule is about a call, its exceptions aside."""
        return (self.when is None or self.when(call, session)) and (
            self.unless is None or not self.unless(call, session)
        )

    def excepted(self, call: ToolCall, session: Session) -> Lasting | None:
        """Return the exception that keeps the rule silent about a call."""
        for exception in self.exceptions:
            if call.at < exception.until and exception.holds(call, session):
                return exception
        return None


class RulesHere(NamedTuple):
    """The rules that may speak about the calls of one tool by callers with one set of roles.

    Attributes:
        tests: the rules, in the policy's order.
        silent: whether nothing else says anything about the tool and one of them could allow it, so that they alone decide.
        asks_history: whether one of them asks about earlier calls, and must be asked again at the moment at which a call is admitted.
        user_seconds: the longest period for which one counts a user's calls; 0: none does.

    """

    tests: tuple[RuleTest, ...] = ()
    silent: bool = False
    asks_history: bool = False
    user_seconds: float = 0

    def judge(self, call: ToolCall, session: Session) -> Verdict | None:
        """Return the strictest of what the rules say; None where none speaks, which is a denial where they alone decide."""
        said = [
            verdict for verdict in [test.judge(call, session) for test in self.tests] if verdict is not None
        ]
        return combine(said) if said else _NOBODY if self.silent else None

    def explain(self, call: ToolCall, session: Session) -> Iterator[Verdict]:
        """Return what each rule says that speaks, and for each that an exception keeps silent which one, and whose it is."""
        spoke = False
        for test in self.tests:
            if test.fits(call, session):
                exception = test.excepted(call, session)
                spoke = spoke or exception is None
                yield test.verdict if exception is None else exception.told
        if self.silent and not spoke:
            yield _NOBODY


NO_RULES = RulesHere()


class Rules:
    """All rules of a policy.

    Arguments:
        rules: by name.
        given: what their conditions may refer to.

    Attributes:
        longest: the longest period for which one counts a user's calls; 0: none does.

    Raises:
        UnknownName: a list, condition or role is not defined.
        UnusableValue: a condition cannot be made ready, refers to itself, or is too large.

    """

    def __init__(self, rules: Mapping[str, CallRule], given: Surroundings) -> None:
        self._rules = rules
        sizes = Sizes(given.conditions)
        self._made = {name: _made(name, rule, given, sizes) for name, rule in rules.items()}
        for name, condition in given.conditions.items():  # also those that nothing uses
            holds(f"conditions.{name}", condition, given, doubt=False)
        self.longest = max((test.size.user_seconds for test in self._made.values()), default=0)

    def here(self, tool: str, roles: Iterable[str], *, alone: bool) -> RulesHere:
        """Return the rules for calls of a tool by a caller with these roles, with all that they inherit.

        Arguments:
            tool: its name.
            roles: the caller's, with all that they inherit.
            alone: whether nothing else says anything about the tool.

        """
        held = frozenset(roles)
        tests = tuple(
            self._made[name]
            for name, rule in self._rules.items()
            if (not rule.tools or any(fits(tool, pattern) for pattern in rule.tools))
            and (not rule.roles or not held.isdisjoint(rule.roles))
        )
        if not tests:
            return NO_RULES
        return RulesHere(
            tests,
            alone and any(test.verdict.decision is not Decision.DENY for test in tests),
            any(test.size.asks_history for test in tests),
            max(test.size.user_seconds for test in tests),
        )


def _made(name: str, rule: CallRule, given: Surroundings, sizes: Sizes) -> RuleTest:
    where = f"rules.{name}"
    for role in rule.roles:
        if role not in given.roles:
            raise UnknownName("role", role, given.roles, f"{where}.roles")
    own = given._replace(tools=rule.tools)
    strict = rule.decision != Decision.ALLOW
    cases: list[tuple[str, Condition, bool]] = []
    cases += [] if rule.when is None else [(f"{where}.when", rule.when, strict)]
    cases += [] if rule.unless is None else [(f"{where}.unless", rule.unless, not strict)]
    cases += [
        (f"{where}.exceptions[{index}].when", each.when, not strict)
        for index, each in enumerate(rule.exceptions)
    ]
    size = Size().with_all(sizes.of(place, condition) for place, condition, _ in cases)
    made = {place: holds(place, condition, own, doubt=doubt) for place, condition, doubt in cases}
    return RuleTest(
        _verdict(name, rule),
        made.get(f"{where}.when"),
        made.get(f"{where}.unless"),
        tuple(
            Lasting(
                made[f"{where}.exceptions[{index}].when"],
                end_of_day(each.until),
                _told(name, index, each),
            )
            for index, each in enumerate(rule.exceptions)
        ),
        size,
    )


def _verdict(name: str, rule: CallRule) -> Verdict:
    decision = Decision(rule.decision)
    return Verdict(
        decision,
        rule.reason or _MESSAGES[decision].format(name),
        rule=f"rules.{name}",
        check=CHECK,
        hint=rule.hint or _HINTS[decision],
    )


def _told(name: str, index: int, exception: RuleException) -> Verdict:
    message = f"the rule {name!r} is silent until {exception.until}, by an exception of {exception.owner}: {exception.reason}"
    return Verdict(Decision.ALLOW, message, rule=f"rules.{name}.exceptions[{index}]", check=CHECK)

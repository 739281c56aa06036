"""Calls made up from two policies, to compare them by: each role with each tool, with arguments at the edges of both policies' rules.

They are samples and prove nothing about calls in between; a log's or a case file's calls are the better question where there are any.
The one idea: arguments vary one at a time around a call that passes, so the number of samples grows with the rules and not with their
product.
"""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ringfence.call import Principal
from ringfence.policy.match import fits, is_pattern
from ringfence.policy.model import ArgumentRule
from ringfence.scanning.effects import Language
from ringfence.trying.judging import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.model import Condition, Policy
    from ringfence.trying.judging import Trial

_SET = re.compile(r"\[(!?)(.)[^\]]*\]")
_CODE: Mapping[Language, tuple[str, str]] = {
    Language.PYTHON: ("1 + 1", "import os\nos.system('id')"),
    Language.SHELL: ("ls", "sudo rm -rf /"),
    Language.JAVASCRIPT: ("1 + 1", "require('child_process').execSync('id')"),
    Language.SQL: ("SELECT 1", "DROP TABLE orders"),
    Language.PATH: ("report.txt", "/etc/shadow"),
    Language.URL: ("https://example.org/", "http://169.254.169.254/"),
}
"""For each language something harmless and something that is not."""
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")
_DAY_MINUTES = 24 * 60
_NOON = 12 * 60
_OTHER = "ringfence-sample"
"""A text that no rule is likely to name."""


class Sample(NamedTuple):
    """A made-up call.

    Attributes:
        asked: the call.
        after: the tool that ran before it in its session; empty: none.

    """

    asked: Asked
    after: str = ""


def samples(old: Trial, new: Trial, at: float) -> Iterator[Sample]:
    """Yield calls that the rules of two policies speak about: callers, then tools, then arguments, then moments and what ran before.

    Arguments:
        old: one policy.
        new: the other.
        at: the time of all calls, in seconds since the epoch.

    """
    tools = {name: list(_arguments(name, old, new)) for name in tool_names(old, new)}
    found = [condition for trial in (old, new) for condition in conditions(trial.policy.policy)]
    earlier = _earlier(found, tools)
    moments = _moments(found, at)
    for principal in principals(old.policy, new.policy):
        for name, variants in tools.items():
            for moment in moments:
                yield from (Sample(Asked(name, arguments, principal, moment)) for arguments in variants)
                yield from (Sample(Asked(name, variants[0], principal, moment), tool) for tool in earlier)


def _moments(found: Iterable[Condition], at: float) -> list[float]:
    """Return a moment and, where conditions speak of hours or days, the edges of those hours on each day of a week from then on."""
    found = list(found)
    texts = [each.hours for each in found if each.hours]
    edges = {int(hour) * 60 + int(minute) for text in texts for hour, minute in _CLOCK.findall(text)}
    if any(each.hours and each.zone != "UTC" for each in found):
        edges |= {60 * hour for hour in range(24)}
    minutes = sorted({(edge + step) % _DAY_MINUTES for edge in edges for step in (-1, 0)})
    days = range(7) if any(each.days for each in found) else range(1)
    midnight = at - at % (60 * _DAY_MINUTES)
    return [at] + [
        midnight + 60 * (_DAY_MINUTES * day + minute)
        for day in days
        for minute in minutes or ([_NOON] if len(days) > 1 else [])
    ]


def conditions(policy: Policy) -> list[Condition]:
    """Return all conditions of a policy, also those that stand in others."""
    found = [*policy.conditions.values()]
    for rule in policy.rules.values():
        found += [each for each in (rule.when, rule.unless) if each is not None]
        found += [each.when for each in rule.exceptions]
    for condition in found:
        found += [*condition.all, *condition.any, *condition.none]
    return found


def _earlier(found: Iterable[Condition], tools: Iterable[str]) -> list[str]:
    """Return a tool for each pattern that conditions about a session's history name."""
    known = list(tools)
    patterns = dict.fromkeys(pattern for each in found for pattern in (*each.after, *each.not_after))
    fitting = (next((name for name in known if fits(name, each)), example(each)) for each in patterns)
    return list(dict.fromkeys(fitting))


def principals(*policies: CompiledPolicy) -> list[Principal]:
    """Return a caller for each role that one of the policies knows, and for each user with several roles."""
    roles = dict.fromkeys(chain.from_iterable(policy.roles for policy in policies))
    found: dict[tuple[str, ...], Principal] = {(role,): Principal(role, (role,)) for role in roles}
    for policy in policies:
        for user, given in policy.policy.users.items():
            if len(given.roles) > 1:
                found.setdefault(given.roles, Principal(user, given.roles))
    named = {
        (user, address): None
        for policy in policies
        for each in conditions(policy.policy)
        for user in map(example, each.users or ("",))
        for address in (*map(_host_of, each.addresses), "")
    }
    others = [Principal(user or role, (role,), address) for user, address in named for role in roles]
    return list(dict.fromkeys((*found.values(), *others)))


def _host_of(network: str) -> str:
    """Return an address in a network, as text."""
    return str(ip_network(network, strict=False).network_address)


def tool_names(*trials: Trial) -> list[str]:
    """Return the tools that policies name or register, and for each pattern that fits none of them an example of one that it fits."""
    said: dict[str, None] = {}
    for trial in trials:
        policy = trial.policy
        said |= dict.fromkeys(trial.tools) | dict.fromkeys(policy.policy.tools)
        for role in policy.roles.values():
            said |= dict.fromkeys((*role.allow, *role.ask, *role.deny))
        for rule in policy.policy.rules.values():
            said |= dict.fromkeys(rule.tools)
    names = [name for name in said if not is_pattern(name)]
    examples = [
        example(pattern)
        for pattern in said
        if is_pattern(pattern) and not any(fits(name, pattern) for name in names)
    ]
    return list(dict.fromkeys((*names, *examples)))


def example(pattern: str) -> str:
    """Return a text that fits a pattern, as far as that is easily said."""
    text = _SET.sub(lambda found: "_" if found[1] else found[2], pattern)
    return text.replace("*", "any").replace("?", "x")


def _arguments(name: str, old: Trial, new: Trial) -> Iterator[dict[str, object]]:
    rules: dict[str, list[ArgumentRule]] = {}
    languages: dict[str, Language] = {}
    for trial in (old, new):
        for argument, rule in trial.tool(name).code:
            languages[argument] = rule.language
        for tool_rule in trial.policy.rules_for(name).values():
            for argument, tests in tool_rule.arguments.items():
                rules.setdefault(argument, []).append(tests)
            languages |= {argument: rule.language for argument, rule in tool_rule.code.items()}
        for argument, tests in _conditions_on(name, trial.policy.policy):
            rules.setdefault(argument, []).append(tests)
    values = {argument: _values(tests) for argument, tests in rules.items()}
    for argument, language in languages.items():
        values.setdefault(argument, []).extend(_CODE[language])
    base = {argument: found[0] for argument, found in values.items() if found}
    yield base
    for argument, found in values.items():
        yield {other: value for other, value in base.items() if other != argument}
        for value in found[1:]:
            yield {**base, argument: value}


def _conditions_on(name: str, policy: Policy) -> Iterator[tuple[str, ArgumentRule]]:
    """Yield what the conditions of rules for a tool, and those with a name, say about arguments. Paths into arguments are left out."""
    spoken = [
        rule
        for rule in policy.rules.values()
        if not rule.tools or any(fits(name, each) for each in rule.tools)
    ]
    for condition in conditions(replace(policy, rules=dict(enumerate(spoken)))):  # type: ignore[arg-type]  # the names do not matter
        for argument, tests in condition.arguments.items():
            if "." not in argument and "[" not in argument:
                yield argument, tests


def _values(rules: Sequence[ArgumentRule]) -> list[object]:
    """Return values at the edges of some rules, first one that passes most of them."""
    found = list(_distinct(chain.from_iterable(map(_edges, rules))))
    return sorted(found, key=lambda value: sum(not _passes(rule, value) for rule in rules)) or [_OTHER]


def _edges(rule: ArgumentRule) -> Iterator[object]:
    if rule.equals is not None:
        yield rule.equals
    yield from rule.one_of or ()
    if rule.matches is not None:
        yield example(rule.matches)
    yield from rule.none_of or ()
    for bound in (rule.min, rule.max):
        if bound is not None:
            yield from (bound, bound - 1, bound + 1)
    for length in (rule.min_length, rule.max_length):
        if length is not None:
            yield from ("x" * length, "x" * (length + 1), "x" * max(0, length - 1))
    yield from (f"https://{example(host)}/" for host in rule.hosts or ())
    yield from (f"{folder}/file" for folder in rule.within or ())
    yield _OTHER


def _distinct(values: Iterable[object]) -> Iterator[object]:
    """Yield different values once, 1 and 1.0 and True each."""
    yield from {(type(value), value): value for value in values}.values()


def _passes(rule: ArgumentRule, value: object) -> bool:
    from ringfence.policy.arguments import argument_tests  # noqa: PLC0415 - only here

    plain = replace(rule, in_list=None, not_in_list=None, schema=None)  # those need the policy around them
    return plain == ArgumentRule() or all(
        test.judge({"a": value}) is None for test in argument_tests("", {"a": plain})
    )

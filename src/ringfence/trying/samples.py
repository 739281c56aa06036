"""Calls made up from two policies, to compare them by: each role with each tool, with arguments at the edges of both policies' rules.

They are samples and prove nothing about calls in between; a log's or a case file's calls are the better question where there are any.
The one idea: arguments vary one at a time around a call that passes, so the number of samples grows with the rules and not with their
product.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from ringfence.call import Principal
from ringfence.policy.match import fits, is_pattern
from ringfence.scanning.effects import Language
from ringfence.trying.judging import Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.model import ArgumentRule
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
_OTHER = "ringfence-sample"
"""A text that no rule is likely to name."""


def samples(old: Trial, new: Trial, at: float) -> Iterator[Asked]:
    """Yield calls that the rules of two policies speak about: callers, then tools, then arguments.

    Arguments:
        old: one policy.
        new: the other.
        at: the time of all calls, in seconds since the epoch.

    """
    tools = {name: list(_arguments(name, old, new)) for name in tool_names(old, new)}
    for principal in principals(old.policy, new.policy):
        for name, variants in tools.items():
            for arguments in variants:
                yield Asked(name, arguments, principal, at)


def principals(*policies: CompiledPolicy) -> list[Principal]:
    """Return a caller for each role that one of the policies knows, and for each user with several roles."""
    roles = dict.fromkeys(chain.from_iterable(policy.roles for policy in policies))
    found: dict[tuple[str, ...], Principal] = {(role,): Principal(role, (role,)) for role in roles}
    for policy in policies:
        for user, given in policy.policy.users.items():
            if len(given.roles) > 1:
                found.setdefault(given.roles, Principal(user, given.roles))
    return list(found.values())


def tool_names(*trials: Trial) -> list[str]:
    """Return the tools that policies name or register, and for each pattern that fits none of them an example of one that it fits."""
    said: dict[str, None] = {}
    for trial in trials:
        policy = trial.policy
        said |= dict.fromkeys(trial.tools) | dict.fromkeys(policy.policy.tools)
        for role in policy.roles.values():
            said |= dict.fromkeys((*role.allow, *role.ask, *role.deny))
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
    values = {argument: _values(tests) for argument, tests in rules.items()}
    for argument, language in languages.items():
        values.setdefault(argument, []).extend(_CODE[language])
    base = {argument: found[0] for argument, found in values.items() if found}
    yield base
    for argument, found in values.items():
        yield {other: value for other, value in base.items() if other != argument}
        for value in found[1:]:
            yield {**base, argument: value}


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
    for bound in (rule.min, rule.max):
        if bound is not None:
            yield from (bound, bound - 1, bound + 1)
    if rule.max_length is not None:
        yield from ("x" * rule.max_length, "x" * (rule.max_length + 1))
    yield _OTHER


def _distinct(values: Iterable[object]) -> Iterator[object]:
    """Yield different values once, 1 and 1.0 and True each."""
    yield from {(type(value), value): value for value in values}.values()


def _passes(rule: ArgumentRule, value: object) -> bool:
    from ringfence.policy.arguments import argument_tests  # noqa: PLC0415 - only here

    return all(test.judge({"a": value}) is None for test in argument_tests("", {"a": rule}))

"""Argument rules made ready: each field of an `ArgumentRule` becomes one test with its denial prepared in advance.

A denial names the rule and what was expected, never the value that came: values may be secrets, and messages are recorded. Nor does it
tell the expected value of an argument whose name looks like that of a secret, since the model reads the denial.
Only values of exactly the built-in types pass, so that no method of a value can answer for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.policy.document import is_secret
from ringfence.policy.match import compiled
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ringfence.policy.model import ArgumentRule

    Test = Callable[[object], bool]

CHECK = "arguments"
_NUMBERS = (int, float)
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_ABSENT = object()
_GIVES_AWAY = ("equals", "one_of", "matches")
_HIDDEN = "the value that the policy gives"
_LONGEST_NUMBER = 256


class ArgumentTest:
    """One rule for one argument.

    Arguments:
        argument: the argument's name.
        test: whether a value passes.
        refusal: the verdict where it does not.

    """

    __slots__ = ("argument", "refusal", "test")

    def __init__(self, argument: str, test: Test, refusal: Verdict) -> None:
        self.argument = argument
        self.test = test
        self.refusal = refusal

    def judge(self, arguments: Mapping[str, object]) -> Verdict | None:
        """Return the refusal, or None where the argument is there and passes."""
        value = arguments.get(self.argument, _ABSENT)
        return None if value is not _ABSENT and self.test(value) else self.refusal


def argument_tests(tool: str, rules: Mapping[str, ArgumentRule]) -> list[ArgumentTest]:
    """Return the tests that a tool rule's `arguments` ask for.

    Arguments:
        tool: the name or pattern of the tool rule, for the rule ids.
        rules: the rules by argument.

    """
    tests = []
    for argument, rule in rules.items():
        for key, told, test in _tests(rule):
            expected = _HIDDEN if key in _GIVES_AWAY and is_secret((argument,)) else told
            hint = f"Call it with an argument {argument!r} that is {expected}."
            refusal = Verdict(
                Decision.DENY,
                f"argument {argument!r} is not {expected}",
                rule=f"tools.{tool}.arguments.{argument}.{key}",
                check=CHECK,
                hint=hint,
            )
            tests.append(ArgumentTest(argument, test, refusal))
    return tests


def _tests(rule: ArgumentRule) -> list[tuple[str, str, Test]]:
    """Return key, expectation in words and test for each field that is set."""
    found: list[tuple[str, str, Test]] = []
    if rule.equals is not None:
        found.append(("equals", _shown(rule.equals), _one_of((rule.equals,))))
    if rule.one_of is not None:
        found.append(("one_of", f"one of {', '.join(map(_shown, rule.one_of))}", _one_of(rule.one_of)))
    if rule.matches is not None:
        found.append(("matches", f"text that fits {rule.matches!r}", _matches(rule.matches)))
    if rule.min is not None:
        found.append(("min", f"a number of at least {_shown(rule.min)}", _at_least(rule.min)))
    if rule.max is not None:
        found.append(("max", f"a number of at most {_shown(rule.max)}", _at_most(rule.max)))
    if rule.max_length is not None:
        found.append(("max_length", f"at most {rule.max_length} long", _at_most_long(rule.max_length)))
    return found


def _shown(value: object) -> str:
    """Return a value of the policy as a person reads it. Python refuses to write integers of thousands of digits in decimal."""
    if type(value) is int and value.bit_length() > _LONGEST_NUMBER:
        return f"a number of {value.bit_length()} bits"
    return f"{value:.15g}" if type(value) is float else repr(value)


def _one_of(values: tuple[object, ...]) -> Test:
    # The type is part of the value: True is not 1, and 1.0 is not 1.
    known = frozenset((type(value), value) for value in values)
    types = frozenset(type(value) for value in values)
    return lambda value: type(value) in types and (type(value), value) in known


def _matches(pattern: str) -> Test:
    match = compiled(pattern).match
    return lambda value: type(value) is str and match(value) is not None


def _at_least(bound: float) -> Test:
    # NaN compares false with everything, and so fails.
    return lambda value: type(value) in _NUMBERS and value >= bound  # type: ignore[operator]


def _at_most(bound: float) -> Test:
    return lambda value: type(value) in _NUMBERS and value <= bound  # type: ignore[operator]


def _at_most_long(bound: int) -> Test:
    return lambda value: type(value) in _SIZED and len(value) <= bound  # type: ignore[arg-type]

"""Argument rules made ready: each field of an `ArgumentRule` becomes one test with its denial prepared in advance.

A denial names the rule and what was expected, never the value that came: values may be secrets, and messages are recorded. Nor does it
tell the expected value of an argument whose name looks like that of a secret, since the model reads the denial. What a single value must be,
`values.py` tests. The one idea: a name is looked up as it is first, and only then read as a path into a value.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import UnknownName, UnusableValue
from ringfence.policy import schemas, values
from ringfence.policy.document import is_secret
from ringfence.policy.scanning import refuse_unknown_dialect
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ringfence.policy.model import ArgumentRule
    from ringfence.policy.values import Test

    Lists = Mapping[str, tuple[str | int | float | bool, ...]]

CHECK = "arguments"
_ABSENT = object()
EVERY, SOME = "[]", "[any]"
"""How a path says which items of a list it means."""
_ITEMS = (EVERY, SOME)
_GIVES_AWAY = ("equals", "one_of", "none_of", "matches", "pattern")
_HIDDEN = "the value that the policy gives"
_LONGEST_NUMBER = 256
_MOST_SHOWN = 12


class Around(NamedTuple):
    """What an argument rule may refer to.

    Attributes:
        lists: values by the name of their list.
        folder: where relative paths start; None: the current folder.

    """

    lists: Lists = MappingProxyType({})
    folder: str | Path | None = None


NOTHING_AROUND = Around()


class ArgumentTest:
    """One rule for one argument.

    Arguments:
        argument: the argument's name, or a path into one.
        test: whether a value passes.
        refusal: the verdict where it does not.

    """

    __slots__ = ("_path", "argument", "refusal", "test")

    def __init__(self, argument: str, test: Test, refusal: Verdict) -> None:
        self.argument = argument
        self.test = test
        self.refusal = refusal
        self._path = path_of(argument)

    def judge(self, arguments: Mapping[str, object]) -> Verdict | None:
        """Return the refusal, or None where the argument is there and passes for certain."""
        return None if self.holds(arguments) else self.refusal

    def holds(self, arguments: Mapping[str, object]) -> bool | None:
        """Return whether the argument, or what its path leads to, is there and passes; None where that cannot be told."""
        value = arguments.get(self.argument, _ABSENT)
        inner = arguments.get(self._path[0], _ABSENT) if self._path else _ABSENT
        if value is _ABSENT:
            return False if inner is _ABSENT else _followed(inner, self._path[1:], self.test)
        passes = _tested(value, self.test)
        # A name with a dot in it, beside what the same words lead to as a path: nobody knows which of the two the tool reads.
        return passes if inner is _ABSENT or _followed(inner, self._path[1:], self.test) is passes else None


def path_of(argument: str) -> tuple[str, ...]:
    """Return the steps of a path into an argument, `[]` for every item of a list and `[any]` for one; empty where it is a plain name."""
    if "." not in argument and "[" not in argument:
        return ()
    return tuple(argument.replace("[", ".[").split("."))


def _tested(value: object, test: Test) -> bool | None:
    """Return whether a value passes. Nothing (None) has no host, no folder and no size, so of it everything can be told."""
    return test(value) is True if value is None else test(value)


def _followed(value: object, path: tuple[str, ...], test: Test) -> bool | None:
    """Return whether what a path leads to passes. An absent key and an empty list do not; a value of another kind is a doubt."""
    if not path:
        return _tested(value, test)
    step, rest = path[0], path[1:]
    if value is None:
        return False
    if step in _ITEMS:
        if type(value) not in (list, tuple):
            return None
        found = [_followed(item, rest, test) for item in value]  # type: ignore[attr-defined]
        return _any(found) if step == SOME or not found else _all(found)
    if type(value) is not dict:
        return None
    inner = value.get(step, _ABSENT)
    return False if inner is _ABSENT else _followed(inner, rest, test)


def _all(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _any(found: list[bool | None]) -> bool | None:
    return True if True in found else None if None in found else False


def argument_tests(
    tool: str, rules: Mapping[str, ArgumentRule], around: Around = NOTHING_AROUND
) -> list[ArgumentTest]:
    """Return the tests that a tool rule's `arguments` ask for.

    Arguments:
        tool: the name or pattern of the tool rule, for the rule ids.
        rules: the rules by argument.
        around: what they may refer to.

    Raises:
        UnknownName: a list is not defined.
        UnusableValue: a pattern or schema cannot be used.

    """
    return rule_tests(f"tools.{tool}.arguments", rules, around)


def rule_tests(where: str, rules: Mapping[str, ArgumentRule], around: Around) -> list[ArgumentTest]:
    """Return the tests that argument rules ask for. Errors as for `argument_tests`.

    Arguments:
        where: the dotted key that the rules stand under.
        rules: the rules by argument.
        around: what they may refer to.

    """
    tests = []
    for argument, rule in rules.items():
        for key, told, test in _tests(f"{where}.{argument}", rule, around):
            expected = _HIDDEN if key in _GIVES_AWAY and is_secret((argument,)) else told
            hint = f"Call it with an argument {argument!r} that is {expected}."
            refusal = Verdict(
                Decision.DENY,
                f"argument {argument!r} is not {expected}",
                rule=f"{where}.{argument}.{key}",
                check=CHECK,
                hint=hint,
            )
            tests.append(ArgumentTest(argument, test, refusal))
    return tests


def _tests(where: str, rule: ArgumentRule, around: Around) -> Iterator[tuple[str, str, Test]]:
    """Return key, expectation in words and test for each field that is set."""
    if rule.type is not None:
        yield "type", f"of the type {rule.type}", values.of_type(rule.type)
    if rule.equals is not None:
        yield "equals", _shown(rule.equals), values.one_of((rule.equals,))
    if rule.one_of is not None:
        yield "one_of", f"one of {_listed(rule.one_of)}", values.one_of(rule.one_of)
    if rule.none_of is not None:
        yield "none_of", f"such a value other than {_listed(rule.none_of)}", values.none_of(rule.none_of)
    if rule.in_list is not None:
        yield (
            "in_list",
            f"in the list {rule.in_list!r}",
            values.one_of(_list(where, "in_list", rule.in_list, around)),
        )
    if rule.not_in_list is not None:
        known = _list(where, "not_in_list", rule.not_in_list, around)
        yield "not_in_list", f"such a value outside of the list {rule.not_in_list!r}", values.none_of(known)
    yield from _tests_of_text(where, rule, around)
    yield from _tests_of_size(rule)
    if rule.schema is not None:
        yield (
            "schema",
            f"as {rule.schema} describes it",
            _made(f"{where}.schema", lambda: schemas.described_by(rule.schema or "", around.folder)),
        )
    if rule.sql is not None:
        if rule.sql.dialect:
            refuse_unknown_dialect(rule.sql.dialect, f"{where}.sql.dialect")
        yield "sql", "SQL of what the policy lists for it", values.holds_only(rule.sql)


def _tests_of_text(where: str, rule: ArgumentRule, around: Around) -> Iterator[tuple[str, str, Test]]:
    if rule.matches is not None:
        yield "matches", f"text that fits {rule.matches!r}", values.matches(rule.matches)
    if rule.pattern is not None:
        yield (
            "pattern",
            f"text that fits the expression {rule.pattern!r}",
            _made(f"{where}.pattern", lambda: values.fits_expression(rule.pattern or "")),
        )
    if rule.within is not None:
        yield "within", f"a path within {', '.join(rule.within)}", values.within(rule.within, around.folder)
    if rule.hosts is not None:
        yield "hosts", f"an address of {', '.join(rule.hosts)}", values.of_host(rule.hosts)


def _tests_of_size(rule: ArgumentRule) -> Iterator[tuple[str, str, Test]]:
    if rule.min is not None:
        yield "min", f"a number of at least {_shown(rule.min)}", values.at_least(rule.min)
    if rule.max is not None:
        yield "max", f"a number of at most {_shown(rule.max)}", values.at_most(rule.max)
    if rule.min_length is not None:
        yield "min_length", f"at least {rule.min_length} long", values.at_least_long(rule.min_length)
    if rule.max_length is not None:
        yield "max_length", f"at most {rule.max_length} long", values.at_most_long(rule.max_length)


def _list(where: str, key: str, name: str, around: Around) -> tuple[object, ...]:
    if name not in around.lists:
        raise UnknownName("list", name, around.lists, f"{where}.{key}")
    return around.lists[name]


def _made(where: str, make: Callable[[], Test]) -> Test:
    """Return a test; what is wrong with its value is told with its place."""
    try:
        return make()
    except ValueError as error:
        raise UnusableValue(where, str(error)) from error.__cause__


def _listed(found: tuple[object, ...]) -> str:
    shown = [_shown(value) for value in found[:_MOST_SHOWN]]
    return ", ".join([*shown, f"and {len(found) - _MOST_SHOWN} more"] if len(found) > _MOST_SHOWN else shown)


def _shown(value: object) -> str:
    """Return a value of the policy as a person reads it. Python refuses to write integers of thousands of digits in decimal."""
    if type(value) is int and value.bit_length() > _LONGEST_NUMBER:
        return f"a number of {value.bit_length()} bits"
    return f"{value:.15g}" if type(value) is float else repr(value)

"""Argument rules: what passes, what does not, and that no value can answer for itself."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import ArgumentRule
from ringfence.policy.arguments import argument_tests

if TYPE_CHECKING:
    from collections.abc import Mapping


def passes(rule: ArgumentRule, arguments: Mapping[str, object]) -> bool:
    """Return whether arguments keep the rule for the argument `x`."""
    return all(test.judge(arguments) is None for test in argument_tests("tool", {"x": rule}))


ONE, TEN, TEXT = ArgumentRule(equals=1), ArgumentRule(min=0, max=10), ArgumentRule(matches="a*")


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (ONE, 1, True),
        (ONE, True, False),
        (ONE, 1.0, False),
        (ONE, "1", False),
        (ArgumentRule(equals=True), True, True),
        (ArgumentRule(equals=True), 1, False),
        (ArgumentRule(equals=False), 0, False),
        (ArgumentRule(equals=0), False, False),
        (ArgumentRule(equals=""), "", True),
        (ArgumentRule(equals=""), None, False),
        (ArgumentRule(one_of=(1, "a")), "a", True),
        (ArgumentRule(one_of=(1, "a")), True, False),
        (ArgumentRule(one_of=(1, "a")), [1], False),
        (ArgumentRule(one_of=(1, "a")), {}, False),
        (TEN, 10, True),
        (TEN, 0, True),
        (TEN, -0.0, True),
        (TEN, 10.000001, False),
        (TEN, -1, False),
        (TEN, True, False),
        (TEN, "5", False),
        (TEN, None, False),
        (TEN, math.nan, False),
        (TEN, math.inf, False),
        (TEN, -math.inf, False),
        (TEN, 10**400, False),
        (TEN, Decimal(5), False),
        (TEN, Fraction(5), False),
        (TEN, 5j, False),
        (ArgumentRule(min=0), 10**400, True),
        (ArgumentRule(min=0), math.nan, False),
        (ArgumentRule(max=math.nan), 1, False),
        (ArgumentRule(max=2**53), 2**53 + 1, False),
        (TEXT, "abc", True),
        (TEXT, "a\nb", True),
        (TEXT, "ba", False),
        (TEXT, "abc\n", True),
        (ArgumentRule(matches="a"), "a\n", False),
        (TEXT, b"abc", False),
        (TEXT, ["abc"], False),
        (ArgumentRule(max_length=2), "ab", True),
        (ArgumentRule(max_length=2), "abc", False),
        (ArgumentRule(max_length=2), [1, 2, 3], False),
        (ArgumentRule(max_length=2), {"a": 1}, True),
        (ArgumentRule(max_length=2), b"abc", False),
        (ArgumentRule(max_length=2), 1, False),
        (ArgumentRule(max_length=2), None, False),
        (ArgumentRule(max_length=2), iter("a"), False),
        (ArgumentRule(max_length=0), "", True),
    ],
)
def test_values_are_taken_for_exactly_what_they_are(
    rule: ArgumentRule, value: object, *, expected: bool
) -> None:
    """A bool is no number, text is no number, NaN keeps no bound, and no type is taken for another."""
    assert passes(rule, {"x": value}) is expected


class YesInt(int):
    """An int that agrees with everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(1)

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True


class YesStr(str):
    """A text that agrees with everything."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("a")


class ShortList(list[int]):
    """A list that says it is empty."""

    def __len__(self) -> int:
        return 0


class Yes:
    """An object that agrees with everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(1)

    def __le__(self, other: object) -> bool:
        return True

    def __ge__(self, other: object) -> bool:
        return True

    def __len__(self) -> int:
        return 0

    @property  # type: ignore[misc]  # objects can say that they are of another class
    def __class__(self) -> Any:
        return int


@pytest.mark.parametrize(
    "value", [YesInt(999), YesStr("zzz"), ShortList([1] * 99), Yes()], ids=["int", "str", "list", "object"]
)
@pytest.mark.parametrize(
    "rule",
    [
        ONE,
        ArgumentRule(one_of=(1, "a")),
        ArgumentRule(equals="a"),
        TEN,
        ArgumentRule(max=10),
        ArgumentRule(min=10),
        TEXT,
        ArgumentRule(matches="*"),
        ArgumentRule(max_length=10),
    ],
)
def test_no_method_of_a_value_answers_for_it(rule: ArgumentRule, value: object) -> None:
    """A subclass whose comparisons or length lie passes no rule at all."""
    assert not passes(rule, {"x": value})


@pytest.mark.parametrize(
    "rule",
    [
        ONE,
        ArgumentRule(one_of=(1,)),
        TEXT,
        ArgumentRule(min=0),
        ArgumentRule(max=0),
        ArgumentRule(max_length=9),
    ],
)
def test_an_absent_argument_keeps_no_rule(rule: ArgumentRule) -> None:
    """A rule about an argument that does not come is broken, and so is one about None."""
    assert not passes(rule, {})
    assert not passes(rule, {"y": 1})
    assert not passes(rule, {"x": None})


def test_an_empty_rule_asks_for_nothing() -> None:
    """A rule without a field set has no test."""
    assert argument_tests("tool", {"x": ArgumentRule()}) == []


@given(st.integers() | st.floats(allow_nan=True), st.floats(allow_nan=True), st.floats(allow_nan=True))
def test_bounds_hold_for_every_number(value: float, low: float, high: float) -> None:
    """A number passes exactly when it compares as not smaller and not larger; NaN never does."""
    assert passes(ArgumentRule(min=low, max=high), {"x": value}) is (low <= value <= high)


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_a_looser_bound_passes_no_less(value: int, bound: int, slack: int) -> None:
    """Raising `max` never turns a passing value away."""
    if passes(ArgumentRule(max=bound), {"x": value}):
        assert passes(ArgumentRule(max=bound + slack), {"x": value})


def test_every_field_that_is_set_must_hold() -> None:
    """Fields of one rule add up, and each refusal is named after its own key."""
    rule = ArgumentRule(equals=5, one_of=(5, 6), min=1, max=9)
    tests = argument_tests("pay*", {"x": rule})
    assert [test.refusal.rule for test in tests] == [
        f"tools.pay*.arguments.x.{key}" for key in ("equals", "one_of", "min", "max")
    ]
    assert passes(rule, {"x": 5})
    assert not passes(rule, {"x": 6})


def test_a_refusal_tells_the_rule_and_never_the_value() -> None:
    """The message says what was expected; the value, which may be a secret, is not in it."""
    (test,) = argument_tests("login", {"x": ArgumentRule(max_length=3)})
    refusal = test.judge({"x": "hunter2"})
    assert refusal is not None
    assert refusal.message == "argument 'x' is not at most 3 long"
    assert "hunter2" not in f"{refusal}"


@pytest.mark.parametrize("name", ["pin", "userPin", "card-pin", "password", "API_KEY", "access_token", "otp"])
@pytest.mark.parametrize(
    "rule", [ArgumentRule(equals="4711"), ArgumentRule(one_of=("1", "4711")), ArgumentRule(matches="4711*")]
)
def test_a_refusal_keeps_the_expected_value_of_a_secret(name: str, rule: ArgumentRule) -> None:
    """The model reads the refusal, so it must not learn from it what the policy takes for the right secret."""
    (test,) = argument_tests("login", {name: rule})
    assert test.refusal.message == f"argument {name!r} is not the value that the policy gives"
    assert "4711" not in f"{test.refusal}"
    assert test.judge({name: "4711"}) is None


@pytest.mark.parametrize(
    "name", ["pinned", "shipping", "opinion", "passage", "author", "path", "key", "spin"]
)
def test_a_refusal_tells_what_is_expected_of_an_ordinary_argument(name: str) -> None:
    """A name that only contains the letters of a secret's name hides nothing, so that the model can do better."""
    (test,) = argument_tests("tool", {name: ArgumentRule(equals="blue")})
    assert test.refusal.message == f"argument {name!r} is not 'blue'"


@pytest.mark.parametrize(
    ("bound", "shown"), [(1_234_567, "1234567"), (0.1, "0.1"), (100.0, "100"), (99_999_999.25, "99999999.25")]
)
def test_a_refusal_shows_a_bound_as_it_is(bound: float, shown: str) -> None:
    """The bound in the message is the bound that is tested, to the last digit, so the model can keep it."""
    (test,) = argument_tests("pay", {"x": ArgumentRule(max=bound)})
    assert test.refusal.message == f"argument 'x' is not a number of at most {shown}"


def test_a_bound_of_any_size_can_be_shown() -> None:
    """A whole number larger than any float is a bound like any other."""
    assert not passes(ArgumentRule(max=10**400), {"x": 10**400 + 1})
    assert passes(ArgumentRule(max=10**400), {"x": 10**400})

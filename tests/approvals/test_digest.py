"""The digest of arguments: equal for equal values and for no others, whatever the order of mappings; unknown types have none."""

from __future__ import annotations

import enum
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.approvals.digest import MOST_DEPTH, MOST_VALUES, Undigestible, digest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
KEYS = st.text(max_size=3) | st.integers(-2, 2) | st.booleans() | st.none() | st.binary(max_size=2)
VALUES = st.recursive(
    SCALARS | st.binary(max_size=3).map(bytearray) | st.sets(KEYS, max_size=3) | st.frozensets(KEYS, max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def alike(one: Any, other: Any) -> bool:
    """Return whether two values are the same, types, signs and NaN included; the order of mappings and sets left out."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (math.isnan(one) and math.isnan(other)) or (
            one == other and math.copysign(1, one) == math.copysign(1, other)
        )
    if isinstance(one, dict):
        pairs = [(key, [k for k in other if alike(key, k)]) for key in one]
        return len(one) == len(other) and all(k and alike(one[key], other[k[0]]) for key, k in pairs)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(alike(a, b) for b in other) for a in one)
    return bool(one == other)


@given(one=VALUES, other=VALUES)
def test_two_values_have_one_digest_exactly_when_they_are_the_same(one: Any, other: Any) -> None:
    """For any two values of the built-in types."""
    if alike(one, other):
        return  # NaN of another bit pattern may differ, which only asks once more
    assert digest({"a": one}) != digest({"a": other})


@given(value=VALUES)
def test_a_digest_is_stable(value: Any) -> None:
    """The same value has it again, also where a mapping is filled in another order."""
    assert digest({"a": value, "b": 1}) == digest({"b": 1, "a": value})
    if isinstance(value, dict):
        assert digest({"a": dict(reversed(value.items()))}) == digest({"a": value})


ODD = [1, 1.0, True, "1", b"1", bytearray(b"1"), [1], (1,), {1}, frozenset({1}), {"1": 1}, {1: 1}, {True: 1}, 0, 0.0, -0.0, False, None, "", b"",
       [], (), {}, set(), math.nan, math.inf, "e\u0301", "\u00e9", "\ud800", [[1], 2], [1, [2]], [1, 2], ["12"], "\0", 10**5000]  # fmt: skip


def test_values_that_are_easily_mixed_up_are_all_different() -> None:
    """Numbers of three types, zeros of two signs, containers of five kinds, texts that look alike."""
    assert len({digest({"a": value}) for value in ODD}) == len(ODD)
    assert digest({"a": 1, "b": 2}) != digest({"a": 2, "b": 1})
    assert digest({}) != digest({"a": None})


class Text(str):
    """A text with a mind of its own."""

    __slots__ = ()


class Colour(enum.StrEnum):
    """Another."""

    RED = "red"


def deep(levels: int) -> Any:
    """Return lists in lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [object(), Text("a"), Colour.RED, Decimal(1), [Decimal(1)], {"a": {2: object}}, {Text("k"): 1}, range(3)],
)
def test_other_types_have_none(value: object) -> None:
    """What a subclass or an object is could change between the question and the call."""
    with pytest.raises(Undigestible, match="holds a"):
        digest({"a": value})


def test_a_value_that_is_too_deep_or_too_large_has_none() -> None:
    """Also one that holds itself."""
    circle: list[object] = []
    circle.append(circle)
    for value in (deep(MOST_DEPTH + 1), circle, [None] * (MOST_VALUES + 1)):
        with pytest.raises(Undigestible, match="too deep or too large"):
            digest({"a": value})
    assert digest({"a": deep(MOST_DEPTH - 2)})

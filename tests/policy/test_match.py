"""Names and patterns."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.policy.match import fits, fitting, is_pattern


def naive(name: str, pattern: str) -> bool:
    """Match `*` and `?` by the definition."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return naive(name, pattern[1:]) or (bool(name) and naive(name[1:], pattern))
    return bool(name) and pattern[0] in ("?", name[0]) and naive(name[1:], pattern[1:])


LETTERS = st.text("aB.\n$^+(\\", max_size=8)
PATTERNS = st.text("aB.\n$^+(\\*?", max_size=6)


@given(LETTERS, PATTERNS)
def test_stars_and_question_marks_match_by_their_definition(name: str, pattern: str) -> None:
    """A pattern means what the definition says, for names with line ends and with characters that mean something in expressions."""
    assert fits(name, pattern) is naive(name, pattern)


@given(st.text(max_size=20))
def test_a_plain_name_fits_only_itself(name: str) -> None:
    """A name without wild characters fits itself and nothing longer or shorter."""
    if not is_pattern(name):
        assert fits(name, name)
        assert not fits(f"{name}x", name)
        assert not fits(f"x{name}", name)
        assert not fits(f"{name}\n", name)


@given(st.text(max_size=20))
def test_a_star_fits_everything(name: str) -> None:
    """`*` fits every name, the empty one and one with line ends included."""
    assert fits(name, "*")


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("drop_table", "drop*", True),
        ("Drop_table", "drop*", False),
        ("xdrop", "drop*", False),
        ("drop", "drop?", False),
        ("drops", "drop?", True),
        ("mail", "m[ab]il", True),
        ("mxil", "m[ab]il", False),
        ("mxil", "m[!ab]il", True),
        ("m[il", "m[il", True),
        ("mil", "m[il", False),
        ("", "?", False),
    ],
)
def test_patterns_match_whole_names_and_case(name: str, pattern: str, *, expected: bool) -> None:
    """Patterns are anchored at both ends, and capital letters count."""
    assert fits(name, pattern) is expected


@given(st.text("ab", max_size=4), st.lists(st.text("ab*?", max_size=4)))
def test_all_fitting_patterns_come_in_their_order(name: str, patterns: list[str]) -> None:
    """`fitting` keeps exactly the patterns that fit, in the order they came in."""
    assert fitting(name, patterns) == [pattern for pattern in patterns if fits(name, pattern)]


def test_a_hostile_pattern_cannot_hang_the_gate() -> None:
    """Many stars against a long name that does not fit take milliseconds: there is no backtracking without end."""
    start = time.process_time()
    assert not fits("a" * 10_000, "*a" * 60 + "b")
    assert time.process_time() - start < 1

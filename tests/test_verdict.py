"""Verdicts and their combination."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import Decision, Reason, Verdict, combine
from ringfence.verdict import SILENCE

VERDICTS = st.builds(
    Verdict,
    decision=st.sampled_from(Decision),
    message=st.sampled_from(["yes", "no", "perhaps"]),
    check=st.sampled_from(["access", "arguments", "budget"]),
    reason=st.sampled_from(Reason),
)


def standing(verdict: Verdict) -> tuple[Decision, bool]:
    """Return what about a verdict changes what happens to the call."""
    return verdict.decision, verdict.broken


def strength(verdict: Verdict) -> int:
    """Rank a verdict by the definition: broken over deny over ask over allow."""
    if verdict.broken:
        return 3
    return [Decision.ALLOW, Decision.ASK, Decision.DENY].index(verdict.decision)


def test_nobody_spoke_means_deny() -> None:
    """An empty list of verdicts is a denial, and no broken guard."""
    assert combine([]) is SILENCE
    assert combine(iter(())).decision is Decision.DENY
    assert not combine([]).broken
    assert combine([]).reason is Reason.POLICY


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        (["allow"], "allow"),
        (["allow", "allow"], "allow"),
        (["allow", "ask"], "ask"),
        (["ask", "allow"], "ask"),
        (["ask", "deny", "allow"], "deny"),
        (["deny", "allow", "allow"], "deny"),
    ],
)
def test_deny_stands_over_ask_over_allow(decisions: list[str], expected: str) -> None:
    """The strictest decision wins, wherever it stands in the list."""
    assert combine(Verdict(Decision(d), d) for d in decisions).decision == expected


def test_a_broken_guard_outranks_a_denial() -> None:
    """A failure of the gate is told apart from the policy's denial, even when the policy spoke first."""
    policy = Verdict(Decision.DENY, "no")
    failure = Verdict(Decision.DENY, "crashed", reason=Reason.GUARD)
    assert combine([policy, failure]) is failure
    assert combine([failure, policy]) is failure


@pytest.mark.parametrize("decision", [Decision.ALLOW, Decision.ASK])
def test_only_a_denial_can_be_broken(decision: Decision) -> None:
    """The reason `guard` on an allow or ask gives it no rank that it does not have."""
    odd = Verdict(decision, "odd", reason=Reason.GUARD)
    assert not odd.broken
    assert combine([odd, Verdict(Decision.DENY, "no")]).message == "no"


@given(st.lists(VERDICTS, min_size=1))
def test_the_first_of_the_strictest_stands(verdicts: list[Verdict]) -> None:
    """Whatever the list, the verdict that stands is the first one of the highest rank."""
    assert combine(verdicts) is max(verdicts, key=strength)


@given(st.lists(VERDICTS).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_order_changes_nothing_about_the_decision(lists: tuple[list[Verdict], list[Verdict]]) -> None:
    """A permutation of the verdicts gives the same decision, broken or not."""
    one, other = lists
    assert standing(combine(one)) == standing(combine(other))


@given(st.lists(VERDICTS, min_size=1), st.lists(VERDICTS, min_size=1))
def test_combining_in_groups_changes_nothing(left: list[Verdict], right: list[Verdict]) -> None:
    """Combining is associative: groups combined first give the very same verdict."""
    assert combine([combine(left), combine(right)]) is combine([*left, *right])


@given(st.lists(VERDICTS, min_size=1))
def test_combining_twice_changes_nothing(verdicts: list[Verdict]) -> None:
    """Combining is idempotent: a verdict combined with itself, or with its parts again, is itself."""
    once = combine(verdicts)
    assert combine([once]) is once
    assert combine([once, *verdicts]) is once


@given(st.lists(VERDICTS), VERDICTS)
def test_one_more_verdict_never_loosens(verdicts: list[Verdict], more: Verdict) -> None:
    """Adding an opinion to a list that has one can only make the outcome stricter."""
    if verdicts:
        assert strength(combine([*verdicts, more])) >= strength(combine(verdicts))


@given(st.lists(VERDICTS))
def test_only_allows_allow(verdicts: list[Verdict]) -> None:
    """A call is allowed exactly when somebody spoke and everybody said allow."""
    everybody = bool(verdicts) and all(verdict.decision is Decision.ALLOW for verdict in verdicts)
    assert combine(verdicts).allowed is everybody

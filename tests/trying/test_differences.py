"""Two policies side by side: made-up calls at the edges of their rules, and the calls of cases and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trying.records import policy_of, recording_guard, records_of, register

from ringfence.errors import UnknownName
from ringfence.policy.match import fits
from ringfence.trying.cases import load_cases
from ringfence.trying.change import Change, change
from ringfence.trying.differences import Difference, differences, from_cases, from_record, from_samples
from ringfence.trying.judging import Trial
from ringfence.trying.samples import example, samples, tool_names
from ringfence.verdict import Decision

if TYPE_CHECKING:
    from pathlib import Path

OLD = """
roles:
  analyst: {permissions: [execute_tool], allow: [refund, "read_*"], ask: [export]}
tools:
  refund: {arguments: {amount: {max: 100}, currency: {one_of: [EUR, USD]}, order: {matches: "A-*"}}}
users:
  ana: {roles: [analyst]}
"""


def made_up(folder: Path, old: str, new: str) -> list[Difference]:
    """Return the made-up calls that two policies decide differently."""
    before, after = Trial(policy_of(folder, old)), Trial(policy_of(folder, new))
    found = differences(before, after, from_samples(samples(before, after, 0.0)))
    return [each for each in found if each.change is not Change.SAME]


def test_a_policy_does_not_differ_from_itself(tmp_path: Path) -> None:
    """The same policy says the same about every sample."""
    assert made_up(tmp_path, OLD, OLD) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "tool", "arguments"),
    [
        ("max: 100", "max: 101", "looser", "refund", {"amount": 101.0, "currency": "EUR", "order": "A-any"}),
        ("max: 100", "max: 99", "stricter", "refund", {"amount": 100.0, "currency": "EUR", "order": "A-any"}),
        ("[EUR, USD]", "[EUR]", "stricter", "refund", {"amount": 100.0, "currency": "USD", "order": "A-any"}),
        ("[EUR, USD]", "[EUR, USD, GBP]", "looser", "refund", {"amount": 100.0, "currency": "GBP", "order": "A-any"}),
        ("ask: [export]", "deny: [export]", "stricter", "export", {}),
        ('"read_*"', '"re*"', "looser", "export", None),
        ('"read_*"', "read_any", "same", "", None),
    ],
)  # fmt: skip
def test_a_moved_edge_is_found(
    tmp_path: Path, old: str, new: str, kind: str, tool: str, arguments: dict[str, object] | None
) -> None:
    """A bound, a value or a list that changed gives a sample that differs; where only a pattern between the samples changed, none does."""
    found = made_up(tmp_path, OLD, OLD.replace(old, new))
    if arguments is None:
        assert found == []
        return
    ours = [each for each in found if each.question.asked.principal.roles == ("analyst",)]
    assert {each.change.value for each in ours} == {kind}
    assert (tool, arguments) in [
        (each.question.asked.tool, dict(each.question.asked.arguments)) for each in ours
    ]


def test_a_role_that_is_gone_and_one_that_is_new(tmp_path: Path) -> None:
    """Roles of both policies are asked about, so what only one of them knows is seen."""
    found = made_up(tmp_path, OLD, OLD.replace("analyst", "auditor"))
    kinds = {(each.question.asked.principal.roles, each.change.value) for each in found}
    assert {(("analyst",), "stricter"), (("auditor",), "looser")} <= kinds


RULES = """
rules:
  late: {decision: deny, tools: [export], when: {hours: "22:00-06:00"}}
  web: {decision: deny, tools: [export], unless: {not_after: ["get_*"]}}
  large: {decision: ask, tools: [refund], when: {arguments: {amount: {min: 50}}}}
  eve: {decision: deny, tools: [export], when: {users: [eve], addresses: [10.0.0.0/8]}}
"""


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("22:00-06:00", "21:00-06:00", "stricter"),
        ('["get_*"]', "[]", "looser"),
        ("min: 50", "min: 51", "looser"),
        ("users: [eve]", "users: [eva]", "stricter"),
        ("10.0.0.0/8", "10.1.0.0/16", "looser"),
    ],
)
def test_conditions_are_asked_about(tmp_path: Path, old: str, new: str, kind: str) -> None:
    """Hours, earlier calls, arguments, users and networks that conditions name are among the samples."""
    with_rules = OLD + RULES
    found = made_up(
        tmp_path,
        with_rules,
        with_rules.replace(old, new)
        if new != "[]"
        else with_rules.replace(f"unless: {{not_after: {old}}}", "when: {users: [nobody-at-all]}"),
    )
    assert kind in {each.change.value for each in found}


@given(st.text("ab*?[]!c-", max_size=8))
def test_an_example_of_a_plain_pattern_fits_it(pattern: str) -> None:
    """Where a pattern has no set of characters its example always fits."""
    if "[" not in pattern:
        assert fits(example(pattern), pattern)


def test_a_pattern_without_a_tool_gets_an_example(tmp_path: Path) -> None:
    """A pattern that fits no tool named elsewhere is asked about by an example of what it fits."""
    trial = Trial(policy_of(tmp_path, OLD))
    assert tool_names(trial) == ["refund", "export", "read_any"]


def test_records_of_cases_and_of_a_log_are_judged_in_their_sessions(tmp_path: Path) -> None:
    """Each question carries its name and what ran before it."""
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        "as: {user: ana}\ncases:\n  - {name: late, call: export, after: [refund], expect: ask}\n"
        "  - {name: stranger, as: {user: eve}, call: export, expect: ask}"
    )
    trial = Trial(policy_of(tmp_path, OLD))
    questions = from_cases(load_cases(cases).cases, trial, 5.0)
    first = next(questions)
    assert (first.name, first.asked.at, first.asked.principal.roles) == ("late", 5.0, ("analyst",))
    assert first.history.admitted == {"refund": 1}
    with pytest.raises(UnknownName, match="unknown user 'eve'"):
        next(questions)
    with recording_guard(tmp_path, policy_of(tmp_path, OLD)) as guard:
        register(guard, "read_x")
        with guard.acting_as("ana"):
            guard.run("read_x")
            guard.run("read_x")
    counts = [dict(question.history.admitted) for question in from_record(records_of(tmp_path))]
    assert counts == [{}, {"read_x": 1}]


@given(st.sampled_from(list(Decision)), st.sampled_from(list(Decision)))
def test_a_change_and_its_reverse(old: Decision, new: Decision) -> None:
    """What is looser one way is stricter the other, and only equal decisions are the same."""
    opposite = {Change.SAME: Change.SAME, Change.LOOSER: Change.STRICTER, Change.STRICTER: Change.LOOSER}
    assert change(new, old) is opposite[change(old, new)]
    assert (change(old, new) is Change.SAME) == (old is new)
    assert change(old, None) is Change.UNKNOWN

"""Each built-in rule proves itself: it finds the sources that it says it finds, and lets its near-misses pass."""

from __future__ import annotations

import re

import pytest

from ringfence.scanning import Example, Rule, built_in_rules, scan
from ringfence.scanning.rules import BUILT_IN

TAG = re.compile(r"CWE-\d+|T\d{4}(\.\d{3})?|ASI\d\d")


def cases(field: str) -> list[object]:
    """Return the examples of one kind, each with its rule."""
    return [
        pytest.param(rule, example, id=f"{rule.id}-{number}")
        for rule in BUILT_IN
        for number, example in enumerate(getattr(rule, field))
    ]


@pytest.mark.parametrize(("rule", "example"), cases("found"))
def test_finds_what_it_must(rule: Rule, example: Example) -> None:
    """A rule speaks about each source that it claims."""
    report = scan(example.source, example.language)
    assert report.problem is None, report.problem
    assert rule.id in {finding.rule for finding in report.findings}, [f.rule for f in report.findings]


@pytest.mark.parametrize(("rule", "example"), cases("ignored"))
def test_lets_near_misses_pass(rule: Rule, example: Example) -> None:
    """A rule is silent about each of its near-misses."""
    report = scan(example.source, example.language)
    assert report.problem is None, report.problem
    assert rule.id not in {finding.rule for finding in report.findings}


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in BUILT_IN])
def test_is_whole(rule: Rule) -> None:
    """A rule has a plain id, a title, a sentence, references that have the form of one, and two examples of both kinds."""
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", rule.id)
    assert rule.title
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.description.endswith(".")
    assert rule.tags
    assert all(TAG.fullmatch(tag) for tag in rule.tags)
    assert len(rule.found) >= 2
    assert len(rule.ignored) >= 2
    assert rule.when
    assert rule.hint or rule.level < 3, "a rule that can block says what to change"


def test_ids_are_unique() -> None:
    """No two rules share an id, and none is lost on the way."""
    assert len({rule.id for rule in BUILT_IN}) == len(BUILT_IN) == len(built_in_rules().rules)

"""Ways around the scanner that reviews have tried on Python, each a test for good; those that still get past are known and expected to.

The sources stand in `bypasses/`, one file for each mechanism, as text that nothing runs: a line `### name` opens each source. The one
idea: a way that is closed stays closed, and one that a change closes by the way moves from the known misses to its mechanism's file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ringfence.scanning import scan
from ringfence.threat import ThreatLevel

FOLDER = Path(__file__).parent / "bypasses"
HEADING = re.compile(r"^### (.+)\n", re.MULTILINE)


def named_sources(mechanism: str) -> list[tuple[str, str]]:
    """Return the sources of a file with their names, in its order."""
    text = (FOLDER / f"{mechanism}.txt").read_text(encoding="utf-8")
    before, *parts = HEADING.split(text)
    assert not before.strip(), f"{mechanism}.txt begins with a source that has no name"
    return list(zip(parts[::2], (source.strip() + "\n" for source in parts[1::2]), strict=True))


def check_is_stopped(source: str) -> None:
    """Fail unless a source is understood and a finding blocks it."""
    report = scan(source, "python")
    assert report.problem is None, report.problem
    assert report.level >= ThreatLevel.HIGH, report.findings


MISSES = "known-misses"
MECHANISMS = sorted(path.stem for path in FOLDER.glob("*.txt") if path.stem != MISSES)
KNOWN_MISSES = [
    pytest.param(source, id=name, marks=pytest.mark.xfail(strict=True, reason=f"gets past: {name}"))
    for name, source in named_sources(MISSES)
]
"""One source for each mechanism that the scanner does not see yet."""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(source, id=f"{mechanism}-{name}")
        for mechanism in MECHANISMS
        for name, source in named_sources(mechanism)
    ],
)
def test_a_known_way_around_is_stopped(source: str) -> None:
    """A source that hides what it does in a known way is understood and blocked."""
    check_is_stopped(source)


@pytest.mark.parametrize("source", KNOWN_MISSES)
def test_a_known_miss_is_not_stopped_yet(source: str) -> None:
    """A source that ought to be stopped passes today; where that changes, the test fails and the source moves to its mechanism."""
    check_is_stopped(source)


@pytest.mark.parametrize("mechanism", [*MECHANISMS, MISSES])
def test_every_source_of_a_mechanism_has_a_name_of_its_own(mechanism: str) -> None:
    """No source of a file is empty, repeats another's name or is another's text."""
    names, sources = zip(*named_sources(mechanism), strict=True)
    assert len(set(names)) == len(names)
    assert len(set(sources)) == len(sources)
    assert all(source.strip() for source in sources)

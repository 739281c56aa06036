"""Judges one labelled source with our scanner and its peers, and sums the judgements into groups.

Reading corpora is in `corpus.py`, printing in `scan.py`, whose head says what is measured. The one idea: what a row is expected to be
decides on what terms it is judged, always the terms that are hardest for us.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from bench import naive
from bench.corpus import EXPECTED
from ringfence.scanning import Capability, Language, scan
from ringfence.scanning.decision import Grants, SecurityLevel, objections
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.corpus import Row
    from ringfence.scanning import ScanReport
    from ringfence.scanning.decision import Objection

CAPS: Mapping[str, tuple[Capability, ...]] = {
    "dunder": (Capability.INTROSPECTION,),
    "dyn": (Capability.DYNAMIC_CODE,),
    "fs": (Capability.FILE_READ, Capability.FILE_WRITE),
    "native": (Capability.NATIVE_CODE,),
    "net": (Capability.NETWORK,),
    "pickle": (Capability.DYNAMIC_CODE,),
    "proc": (Capability.SUBPROCESS,),
}
"""What the needs that corpora name are to be granted as; a need that is not listed grants nothing."""

_UNPARSED = "unparsed"
_UNLIMITED = (Grants.unlimited(Capability), SecurityLevel.MEDIUM)
_Z = 1.959964  # the normal distribution's 97.5th percentile: a two-sided interval of 95 %


@dataclass(frozen=True, slots=True)
class Judged:
    """One row, and what was said about it.

    Attributes:
        row: the row.
        detected: whether the scanner has a finding at level low or above, or blocks.
        blocked: whether the decision has an objection.
        named: whether it also has one where only what the row's own `caps` field names is granted; of other rows, as `blocked`.
        because: what blocks, or else what was found, or else what it needs.
        naive, naive_critical: whether any, or a critical, regular expression matches.
        bandit: whether bandit has a finding of medium severity or above; None where it was not asked.

    """

    row: Row
    detected: bool
    blocked: bool
    named: bool
    because: tuple[str, ...]
    naive: bool
    naive_critical: bool
    bandit: bool | None

    @property
    def missed(self) -> bool:
        """Whether it went another way than expected."""
        match self.row.expected:
            case "block" | "policy":
                return not self.blocked
            case "allow":
                return self.blocked
            case "flag":
                return not self.detected
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one file and expected class, or those of one category or capability among them (None: of all)."""

    file: str
    expected: str
    category: str | None
    capability: str | None
    rows: int
    detected: int
    blocked: int
    rate: float
    low: float
    high: float
    named: float
    naive: float
    naive_critical: float
    bandit: float | None
    missed: int


def judge(row: Row, bandit: Callable[[str], int] | None) -> Judged:
    """Scan one row, decide about it, and ask the peers."""
    report = scan(row.code, row.language)
    against = objections(report, *_terms(row, report.capabilities))
    return Judged(
        row=row,
        detected=bool(against) or any(finding.level >= ThreatLevel.LOW for finding in report.findings),
        blocked=bool(against),
        named=bool(objections(report, *_terms(row, frozenset()))),
        because=_because(report, against),
        naive=naive.matches(row.code),
        naive_critical=naive.critical(row.code),
        bandit=bool(bandit(row.code)) if bandit is not None and row.language is Language.PYTHON else None,
    )


def _because(report: ScanReport, against: Sequence[Objection]) -> tuple[str, ...]:
    """Return what blocks; for a row that is not blocked, what was found and, where nothing was, what it needs."""
    if against:
        return tuple(sorted({each.rule for each in against}))
    rules = {finding.rule for finding in report.findings}
    return tuple(sorted(rules)) or tuple(sorted(report.capabilities))


def _terms(row: Row, needed: frozenset[Capability]) -> tuple[Grants, SecurityLevel]:
    """Return what is granted to a row, and the level at which it is judged.

    An honest row gets the capabilities that it needs, which are those that its field names and those that the scan sees: the field is
    made from the imports alone and misses `pandas.read_csv`.
    """
    if row.expected == "policy":
        return Grants(), SecurityLevel.HIGH
    if row.expected == "block" or row.caps is None or _UNPARSED in row.caps:
        return _UNLIMITED
    named = {capability for cap in row.caps for capability in CAPS.get(cap, ())}
    return Grants.unlimited(named | needed), SecurityLevel.MEDIUM


def groups(judged: Iterable[Judged]) -> list[Group]:
    """Return the groups: for each file and expected class one of all rows, then one for each category and one for each capability."""
    parts: dict[tuple[str, str], list[Judged]] = defaultdict(list)
    for each in judged:
        parts[each.row.file, each.row.expected].append(each)
    ordered = sorted(parts.items(), key=lambda item: (item[0][0], EXPECTED.index(item[0][1])))
    return [group for _, part in ordered for group in _part(part)]


def _part(part: list[Judged]) -> Iterator[Group]:
    yield _group(part, None, None)
    for category, rows in _split(part, lambda row: row.category):
        yield _group(rows, category, None)
    for capability, rows in _split(part, lambda row: row.capability):
        yield _group(rows, None, capability)


def _split(part: list[Judged], key: Callable[[Row], str | None]) -> list[tuple[str, list[Judged]]]:
    """Return the rows by key, without those that have none."""
    found: dict[str, list[Judged]] = defaultdict(list)
    for each in part:
        name = key(each.row)
        if name is not None:
            found[name].append(each)
    return sorted(found.items())


def _group(rows: list[Judged], category: str | None, capability: str | None) -> Group:
    blocked = sum(each.blocked for each in rows)
    asked = [each.bandit for each in rows if each.bandit is not None]
    low, high = wilson(blocked, len(rows))
    return Group(
        file=rows[0].row.file,
        expected=rows[0].row.expected,
        category=category,
        capability=capability,
        rows=len(rows),
        detected=sum(each.detected for each in rows),
        blocked=blocked,
        rate=_share(blocked, len(rows)),
        low=low,
        high=high,
        named=_share(sum(each.named for each in rows), len(rows)),
        naive=_share(sum(each.naive for each in rows), len(rows)),
        naive_critical=_share(sum(each.naive_critical for each in rows), len(rows)),
        bandit=_share(sum(asked), len(asked)) if asked else None,
        missed=sum(each.missed for each in rows),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 5)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), which holds near 0 and 1 too."""
    share, square = successes / trials, _Z * _Z / trials
    centre = share + square / 2
    margin = _Z * sqrt(share * (1 - share) / trials + square / trials / 4)
    low, high = (centre - margin) / (1 + square), (centre + margin) / (1 + square)
    return round(max(0.0, low), 5), round(min(1.0, high), 5)

"""Reports for a person: each finding with its place, its line and marks under it, and a table of all at the end.

The one idea: sources and file names may come from an attacker, so every text of theirs goes through `visible`, and colours are put
around it afterwards.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ringfence.cli.excerpt import excerpt
from ringfence.cli.scanning import place_of, shown
from ringfence.cli.terminal import columns, visible
from ringfence.scanning.effects import HOLE
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.cli.scanning import Scanned
    from ringfence.cli.terminal import Paint
    from ringfence.scanning.findings import Finding, Problem

_WORST_FIRST = tuple(reversed(ThreatLevel))


def report_lines(results: Iterable[Scanned], level: ThreatLevel, paint: Paint) -> Iterator[str]:
    """Return the lines that tell what was found in each file, an empty one after each finding.

    Arguments:
        results: what became of each file.
        level: from which level findings are shown.
        paint: the colours.

    """
    room = columns()
    for scanned in results:
        if scanned.report and scanned.report.problem:
            yield from _problem(scanned, scanned.report.problem, room, paint)
        for finding in shown(scanned, level):
            yield from _finding(scanned, finding, room, paint)


def _finding(scanned: Scanned, finding: Finding, room: int, paint: Paint) -> Iterator[str]:
    level = str(finding.level)
    place = place_of(finding)
    where = paint("place", f"{visible(scanned.name)}:{place.line}:{place.column + 1}:")
    yield f"{where} {paint(level, level)} {finding.rule}: {_plain(finding.message)}"
    yield from excerpt(place, scanned.lines, room, paint, level)
    indent = " " * (len(str(place.line)) + 2)
    for evidence in finding.evidence:
        yield f"{indent}{paint('frame', '=')} {_plain(evidence)}"
    if finding.hint:
        yield f"{indent}{paint('good', 'hint:')} {_plain(finding.hint)}"
    yield ""


def _problem(scanned: Scanned, problem: Problem, room: int, paint: Paint) -> Iterator[str]:
    place = place_of(problem)
    where = paint("place", f"{visible(scanned.name)}:{place.line}:{place.column + 1}:")
    yield f"{where} {paint('critical', 'critical')} scan-{problem.kind}: {_plain(problem.message)}"
    yield from excerpt(place, scanned.lines, room, paint, "critical")
    yield ""


def _plain(text: str) -> str:
    """Return a text made harmless, a part that could not be told as dots."""
    return visible(text.replace(HOLE, "…"))


def summary_lines(results: list[Scanned], level: ThreatLevel, seconds: float, paint: Paint) -> Iterator[str]:
    """Return the table at the end: files, findings of each level, files that were not understood or not read, time.

    Arguments:
        results: what became of each file.
        level: from which level findings were shown.
        seconds: how long it took.
        paint: the colours.

    """
    counts = Counter(found.level for result in results if result.report for found in result.report.findings)
    cells = [("files", str(sum(result.report is not None for result in results)), "place")]
    cells += [(str(each), str(counts[each]), str(each)) for each in _WORST_FIRST]
    problems = sum(bool(result.report and result.report.problem) for result in results)
    unread = sum(bool(result.error) for result in results)
    cells += [("not understood", str(problems), "critical"), ("not read", str(unread), "error")]
    cells += [("seconds", f"{seconds:.2f}", "place")]
    sizes = [max(len(name), len(value)) for name, value, _ in cells]
    yield paint(
        "frame", "  ".join(f"{name:>{size}}" for (name, _, _), size in zip(cells, sizes, strict=True))
    )
    yield "  ".join(
        f"{value:>{size}}" if value == "0" else paint(role, f"{value:>{size}}")
        for (_, value, role), size in zip(cells, sizes, strict=True)
    )
    hidden = [each for each in ThreatLevel if each < level and counts[each]]
    if hidden:
        number = sum(counts[each] for each in hidden)
        what = "finding is" if number == 1 else "findings are"
        yield f"{number} {what} below {level} and not shown: --level {hidden[0]} shows all"

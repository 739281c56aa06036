"""Reports for programs, as one JSON object. `docs/scanning.md` documents every field; fields may be added, none will change.

The one idea: a program gets the same findings as a person does, with lines and columns counted from 1 as editors do.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ringfence.cli.scanning import shown
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from ringfence.cli.scanning import Scanned
    from ringfence.scanning.findings import Finding, Problem, ScanReport


def scan_json(results: list[Scanned], level: ThreatLevel, seconds: float) -> dict[str, Any]:
    """Return what a scan found, as plain values.

    Arguments:
        results: what became of each file.
        level: from which level findings are in it.
        seconds: how long it took.

    """
    reports = [result.report for result in results if result.report]
    counts = Counter(found.level for report in reports for found in report.findings)
    return {
        "files": [_file(result, result.report, level) for result in results if result.report],
        "errors": [{"file": result.name, "message": result.error} for result in results if result.error],
        "summary": {
            "files": len(reports),
            "level": str(level),
            "findings": {str(each): counts[each] for each in reversed(ThreatLevel)},
            "problems": sum(report.problem is not None for report in reports),
            "seconds": round(seconds, 3),
        },
    }


def _file(result: Scanned, report: ScanReport, level: ThreatLevel) -> dict[str, Any]:
    needs = [need._asdict() | {"column": need.column + 1} for need in report.needs]
    return {
        "file": result.name,
        "language": report.language,
        "level": str(report.level),
        "problem": _problem(report.problem),
        "findings": [_finding(finding) for finding in shown(result, level)],
        "capabilities": sorted(report.capabilities),
        "needs": needs,
        "facts": report.facts._asdict(),
    }


def _problem(problem: Problem | None) -> dict[str, Any] | None:
    return None if problem is None else problem._asdict() | {"column": problem.column + 1}


def _finding(finding: Finding) -> dict[str, Any]:
    known = finding.end_line > 0
    return finding._asdict() | {
        "level": str(finding.level),
        "column": finding.column + 1,
        "end_line": finding.end_line if known else None,
        "end_column": finding.end_column + 1 if known else None,
    }

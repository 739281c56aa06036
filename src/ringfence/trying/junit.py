"""Results of cases as JUnit XML, the form that continuous integration reads: a suite for the file, a test case for each case."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.trying.testing import CaseResult


def junit(suite: str, results: Sequence[CaseResult]) -> bytes:
    """Return results as JUnit XML in UTF-8.

    Arguments:
        suite: the name of the suite: the case file.
        results: from `run_cases`.

    """
    failures = sum(not result.passed and result.found is not None for result in results)
    errors = sum(result.found is None for result in results)
    counts = {
        "tests": str(len(results)),
        "failures": str(failures),
        "errors": str(errors),
        "time": f"{sum(result.seconds for result in results):.6f}",
    }
    top = ET.Element("testsuites", {"name": "ringfence policy test", **counts})
    inner = ET.SubElement(top, "testsuite", {"name": _plain(suite), **counts, "skipped": "0"})
    for result in results:
        case = ET.SubElement(
            inner,
            "testcase",
            {
                "name": _plain(result.case.name),
                "classname": _plain(suite),
                "time": f"{result.seconds:.6f}",
            },
        )
        if not result.passed:
            kind = "error" if result.found is None else "failure"
            failure = ET.SubElement(
                case, kind, {"message": _plain("; ".join(result.faults)), "type": "verdict"}
            )
            failure.text = "\n".join(map(_plain, told(result)))
    ET.indent(top)
    written: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def told(result: CaseResult) -> list[str]:
    """Return what there is to say about a case that does not hold, one line each: where it stands, what each rule said, what was nearest."""
    lines = [f"line {result.case.line} of the case file", *result.faults]
    if result.found is not None:
        lines += [
            f"{said.check} {said.decision} {said.rule}: {said.message}" for said in result.found.statements
        ]
        lines += [f"nearest: {wanted}" for wanted in result.found.nearest]
    return lines


def _plain(text: str) -> str:
    """Return a text without characters that XML cannot hold: control characters show as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )

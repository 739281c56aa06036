"""Reports as a SARIF 2.1.0 log, which code hosts and editors read.

The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/. The one idea: a source that could not be understood is a result like
any other, under a rule of its own, since hosts show results and hide notifications.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ringfence.cli.scanning import place_of, shown
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.cli.excerpt import Place
    from ringfence.cli.scanning import Scanned
    from ringfence.scanning import Rule
    from ringfence.scanning.findings import Finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://github.com/ringfence/ringfence"
_LEVELS = {
    ThreatLevel.INFO: "note",
    ThreatLevel.LOW: "note",
    ThreatLevel.MEDIUM: "warning",
    ThreatLevel.HIGH: "error",
    ThreatLevel.CRITICAL: "error",
}
_SEVERITIES = {  # the scale of CVSS, by which hosts sort
    ThreatLevel.INFO: "0.0",
    ThreatLevel.LOW: "3.0",
    ThreatLevel.MEDIUM: "5.5",
    ThreatLevel.HIGH: "8.0",
    ThreatLevel.CRITICAL: "9.5",
}
_PROBLEMS = {
    "unparsed": "The source cannot be parsed",
    "too-large": "The source is too large",
    "too-deep": "The source nests too deep",
    "too-long": "Working out what the source does takes too long",
}


def sarif_log(results: list[Scanned], rules: Iterable[Rule], level: ThreatLevel) -> dict[str, Any]:
    """Return a SARIF log, as plain values.

    Arguments:
        results: what became of each file.
        rules: the rules that were applied.
        level: from which level findings are in it.

    """
    descriptors = [_descriptor(rule) for rule in rules] + [_problem_descriptor(kind) for kind in _PROBLEMS]
    index = {descriptor["id"]: number for number, descriptor in enumerate(descriptors)}
    errors = [_notification(result) for result in results if result.error]
    driver = {
        "name": "Ringfence",
        "version": version("ringfence"),
        "informationUri": _HOME,
        "rules": descriptors,
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not errors, "toolExecutionNotifications": errors}],
        "results": [found | {"ruleIndex": index[found["ruleId"]]} for found in _results(results, level)],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    help_text = f"{rule.description} {rule.hint}".strip()
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.description},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
        "properties": {
            "tags": ["security", str(rule.family), *rule.tags],
            "security-severity": _SEVERITIES[rule.level],
        },
    }


def _problem_descriptor(kind: str) -> dict[str, Any]:
    title = _PROBLEMS[kind]
    return {
        "id": f"scan-{kind}",
        "name": "".join(word.capitalize() for word in f"scan-{kind}".split("-")),
        "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}, so nothing can be said about it; a call with it is denied."},
        "help": {"text": f"{title}. Change it so that it can be scanned, or leave it out."},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security"], "security-severity": _SEVERITIES[ThreatLevel.CRITICAL]},
    }


def _results(results: list[Scanned], level: ThreatLevel) -> Iterator[dict[str, Any]]:
    """Return the results of all files. A fingerprint tells equal lines apart by counting them."""
    seen: Counter[str] = Counter()
    for scanned in results:
        problem = scanned.report.problem if scanned.report else None
        if problem is not None:
            rule, severity = f"scan-{problem.kind}", "error"
            yield _result(scanned, rule, severity, problem.message, place_of(problem), seen)
        for finding in shown(scanned, level):
            severity, place = _LEVELS[finding.level], place_of(finding)
            yield _result(scanned, finding.rule, severity, finding.message, place, seen) | _details(finding)


def _details(finding: Finding) -> dict[str, Any]:
    facts = {"level": str(finding.level), "family": str(finding.family), "evidence": list(finding.evidence)}
    if finding.capability is not None:
        facts["capability"] = str(finding.capability)
    if finding.hint:
        facts["hint"] = finding.hint
    return {"properties": facts}


def _result(
    scanned: Scanned, rule: str, severity: str, message: str, place: Place, seen: Counter[str]
) -> dict[str, Any]:
    line = scanned.lines.get(place.line, "")
    same = f"{rule}\0{scanned.name}\0{line.strip()}".encode(errors="surrogatepass")
    base = hashlib.sha256(same).hexdigest()[:32]
    seen[base] += 1
    location = {"artifactLocation": _artifact(scanned.name), "region": _region(place, line)}
    return {
        "ruleId": rule,
        "level": severity,
        "message": {"text": message},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"ringfenceLine/v1": f"{base}:{seen[base]}"},
    }


def _region(place: Place, line: str) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": place.line, "startColumn": place.column + 1}
    if place.end_line > 0:
        region |= {"endLine": place.end_line, "endColumn": place.end_column + 1}
    return region | ({"snippet": {"text": line}} if line else {})


def _artifact(name: str) -> dict[str, str]:
    """Return where a file is: an absolute name as a URI, any other relative to where the command ran."""
    path = quote(os.fsencode(name.replace(os.sep, "/")))
    return {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": "%SRCROOT%"}


def _notification(result: Scanned) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": _artifact(result.name)}}
    return {"level": "error", "message": {"text": result.error}, "locations": [location]}

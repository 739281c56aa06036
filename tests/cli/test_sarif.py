"""The SARIF log of `ringfence scan`: it keeps to the published schema, and says what the text report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic_sarif.model import (  # type: ignore[import-untyped]  # it has no py.typed
    StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif,
)

from ringfence.cli.scan import scan

BAD = 'open("/etc/shadow").read()\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return the only run of the log that a scan prints, after the schema's model has taken it."""
    scan([*arguments, "--format", "sarif"])
    log = json.loads(capsys.readouterr().out)
    Sarif.model_validate(log)
    (run,) = log["runs"]
    found: dict[str, Any] = run
    return found


def test_a_finding_is_a_result_with_region_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines and columns count from 1, the file is relative to where the command ran, the rule is described."""
    Path("a b").mkdir()
    Path("a b/c.py").write_text(f"x = 1; {BAD}")
    run = run_of(capsys, "a b")
    result = next(found for found in run["results"] if "/etc/shadow" in found["message"]["text"])
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b/c.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {
        "startLine": 1,
        "startColumn": 8,
        "endLine": 1,
        "endColumn": 27,
        "snippet": {"text": f"x = 1; {BAD.strip()}"},
    }
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (rule["id"], result["level"]) == (result["ruleId"], "error")
    assert rule["help"]["text"]
    assert "security" in rule["properties"]["tags"]
    assert 7.0 <= float(rule["properties"]["security-severity"]) <= 10.0
    assert run["columnKind"] == "unicodeCodePoints"


def test_fingerprints_survive_lines_that_are_put_in_front(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding keeps its fingerprint when it moves, and two equal lines have two."""

    def fingerprints(source: str) -> list[str]:
        Path("a.py").write_text(source)
        results = run_of(capsys, "a.py")["results"]
        return [fingerprint for found in results for fingerprint in found["partialFingerprints"].values()]

    before, after = fingerprints(BAD + BAD), fingerprints(f"x = 1\n{BAD}    \n{BAD}")
    assert len(set(before)) == len(before) >= 2
    assert before == after


def test_what_was_not_understood_is_a_result_and_what_was_not_read_a_notification(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first fails a check like any finding; with the second the run was not successful."""
    Path("a.py").write_text("if x\n")
    run = run_of(capsys, "a.py", "missing.py")
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("scan-unparsed", "error")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "scan-unparsed"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = invocation["toolExecutionNotifications"]
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "missing.py"


def test_lower_levels_are_warnings_and_notes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """SARIF has three levels: high and critical are errors, medium is a warning, the rest are notes."""
    Path("rules").mkdir()
    for level in ("info", "low", "medium", "high", "critical"):
        rule = {
            "id": f"own-{level}",
            "title": "Reads",
            "family": "files",
            "level": level,
            "description": "Reads.",
            "when": [{"kind": "read", "values": ["/srv/x"]}],
            "found": [{"language": "python", "source": "open('/srv/x')"}] * 2,
            "ignored": [{"language": "python", "source": "open('y')"}] * 2,
        }
        Path(f"rules/{level}.yaml").write_text(json.dumps(rule))
    (tmp_path / "a.py").write_text("open('/srv/x')\n")
    results = run_of(capsys, str(tmp_path / "a.py"), "--rules", "rules", "--level", "info")["results"]
    levels = {found["ruleId"]: found["level"] for found in results if found["ruleId"].startswith("own-")}
    assert levels == {
        "own-info": "note",
        "own-low": "note",
        "own-medium": "warning",
        "own-high": "error",
        "own-critical": "error",
    }
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == (tmp_path / "a.py").as_uri()

"""`ringfence rules`: the list, one rule whole, and the check of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ringfence.cli.commands import app
from ringfence.cli.rules import as_values
from ringfence.errors import RulesInvalid
from ringfence.scanning.rule_files import load_rules
from ringfence.scanning.rules import BUILT_IN

if TYPE_CHECKING:
    from ringfence.scanning import Rule

RULE = """
id: own-shadow
title: Reads the [red]shadow\\e[2J file
family: credentials
level: high
description: "{name} reads {value}."
tags: [CWE-522]
when: [{kind: read, values: [/etc/shadow], languages: [python]}]
exceptions: [{reason: a test may, names: [test_*]}]
found:
  - {language: python, source: open("/etc/shadow")}
  - {language: python, source: open("/etc/" + "shadow")}
ignored:
  - {language: python, source: open("shadow")}
  - {language: python, source: print("/etc/shadow")}
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Write a folder with one sound rule."""
    text = RULE.replace("Reads the [red]shadow\\e[2J file", '"Reads the [red]shadow\\e[2J file"')
    (tmp_path / "own.yaml").write_text(text)
    return str(tmp_path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return exit code, stdout and stderr."""
    found = CliRunner().invoke(app, ["rules", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.stdout, found.stderr


def ids(*arguments: str) -> set[str]:
    """Return the ids that `list` prints as JSON."""
    return {rule["id"] for rule in json.loads(run("list", "--json", *arguments)[1])}


def test_list_shows_every_rule(folder: str) -> None:
    """The built-in ones and those of the folder, with their number at the end."""
    code, out, _ = run("list", "--rules", folder)
    assert code == 0
    assert all(f" {rule.id} " in out for rule in BUILT_IN)
    assert r"own-shadow" in out
    assert r"Reads the [red]shadow\x1b[2J file" in out
    assert f"{len(BUILT_IN) + 1} rules;" in out
    assert ids("--rules", folder) == {"own-shadow", *(rule.id for rule in BUILT_IN)}


def test_list_can_be_narrowed(folder: str) -> None:
    """By language, family and lowest level; a rule without languages counts in all of them."""
    assert "own-shadow" in ids("--rules", folder, "--language", "python", "--family", "credentials")
    assert "own-shadow" not in ids("--rules", folder, "--language", "shell")
    assert ids("--level", "critical") == {rule.id for rule in BUILT_IN if str(rule.level) == "critical"}
    assert ids("--family", "network") == {rule.id for rule in BUILT_IN if rule.family == "network"}


def test_show_prints_all_of_a_rule(folder: str) -> None:
    """What it looks for, its exceptions, and its examples; nothing in it acts on the screen."""
    code, out, _ = run("show", "own-shadow", "--rules", folder)
    assert code == 0
    assert out.startswith("own-shadow high Reads the [red]shadow\\x1b[2J file\n")
    for line in (
        "family: credentials, capability: that of what is done",
        "tags: CWE-522",
        "  read, values: /etc/shadow, languages: python",
        "  except a test may, names: test_*",
        '  python:     open("/etc/shadow")',
        '  python:     print("/etc/shadow")',
    ):
        assert f"\n{line}\n" in out


def test_show_of_an_unknown_rule_names_the_nearest() -> None:
    """A slip of the finger is pointed out."""
    with pytest.raises(RulesInvalid, match="there is no rule 'own-shadov'"):
        CliRunner().invoke(app, ["rules", "show", "own-shadov"], catch_exceptions=False)
    known = BUILT_IN[0].id
    with pytest.raises(RulesInvalid, match=f"Did you mean '{known}'"):
        CliRunner().invoke(app, ["rules", "show", known[:-1]], catch_exceptions=False)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in BUILT_IN])
def test_what_show_prints_as_json_is_a_rule_file(tmp_path: Path, rule: Rule) -> None:
    """Every built-in rule can be the start of one's own: only its id must change."""
    values = json.loads(run("show", rule.id, "--json")[1])
    assert values == as_values(rule)
    (tmp_path / "copy.yaml").write_text(json.dumps(values | {"id": f"own-{rule.id}"}))
    (copy,) = load_rules(tmp_path)
    assert as_values(copy) == values | {"id": f"own-{rule.id}"}


def test_check_runs_the_examples(folder: str) -> None:
    """Sound rules end with 0; an example that comes out otherwise ends with 1 and is named by file and line."""
    assert run("check", folder) == (0, f"ok: {folder} (rules: 1, examples: 4)\n", "")
    text = Path(folder, "own.yaml").read_text()
    Path(folder, "own.yaml").write_text(text.replace('open("shadow")', 'open("/etc/shadow")'))
    code, out, err = run("check", folder)
    assert (code, out) == (1, "")
    assert err.startswith(
        f"error: {folder}/own.yaml:14: own-shadow: an example of `ignored` is found: open reads /etc/shadow.."
    )
    code, out, _ = run("check", folder, "--json")
    assert code == 1
    assert [fault["message"].split(": ")[1] for fault in json.loads(out)["faults"]] == ["own-shadow"]


def test_check_lists_all_faults_of_all_files(folder: str) -> None:
    """A file with faults hides neither the others nor its own sound rules."""
    Path(folder, "a.yaml").write_text("- {id: x, levl: high}\n- 3\n")
    code, _, err = run("check", folder)
    assert code == 1
    assert f"{folder}/a.yaml:1: [0].levl: expected one of the keys id, title, " in err
    assert "Did you mean 'level'?" in err
    assert f"{folder}/a.yaml:2: [1]: expected a mapping, got the number 3" in err
    assert json.loads(run("check", folder, "--json")[1])["rules"] == ["own-shadow"]

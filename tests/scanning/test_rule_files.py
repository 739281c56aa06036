"""Rule files: what a folder of YAML gives, and what is wrong with it in words, with file and line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import RulesInvalid
from ringfence.scanning import Area, Capability, Family, Kind, Language, RuleSet, Trait, scan
from ringfence.scanning.rule_files import failures, load_rules, read_folder
from ringfence.scanning.rules import BUILT_IN
from ringfence.threat import ThreatLevel

RULE = """\
id: own-tables
title: Reads the salaries
family: database
level: critical
description: "{value} holds salaries."
capability: file_read
tags: [CWE-200]
hint: Ask the office.
when:
  - kind: read
    values: ["/srv/salaries/*"]
    areas: [outside]
    without: [append]
    languages: [python, shell]
exceptions:
  - {reason: the head count is public, values: [/srv/salaries/count]}
found:
  - {language: python, source: open("/srv/salaries/2026").read()}
  - language: python
    source: |
      name = "/srv/salaries/"
      open(name + "2025")
ignored:
  - {language: python, source: open("/srv/salaries/count")}
  - {language: python, source: print("/srv/salaries/2026")}
"""


def fault(folder: Path, text: str | bytes) -> str:
    """Return what is wrong with a rule file, its folder left out."""
    content = text.encode() if isinstance(text, str) else text
    (folder / "r.yaml").write_bytes(content)
    with pytest.raises(RulesInvalid) as caught:
        load_rules(folder)
    return str(caught.value).replace(f"{folder}/", "")


def test_a_rule_has_every_field_of_a_built_in_one(tmp_path: Path) -> None:
    """Words become members of their enumerations, lists tuples, and levels are given by name."""
    (tmp_path / "r.yml").write_text(RULE)
    (tmp_path / "notes.txt").write_text("no rule")
    (rule,) = load_rules(tmp_path)
    assert (rule.family, rule.level) == (Family.DATABASE, ThreatLevel.CRITICAL)
    assert rule.capability is Capability.FILE_READ
    (when,) = rule.when
    assert (when.kind, when.areas, when.without) == (Kind.READ, (Area.OUTSIDE,), (Trait.APPEND,))
    assert when.languages == (Language.PYTHON, Language.SHELL)
    assert rule.exceptions[0].values == ("/srv/salaries/count",)
    assert rule.found[1].source == 'name = "/srv/salaries/"\nopen(name + "2025")\n'


def test_a_rule_works_beside_the_built_in_ones(tmp_path: Path) -> None:
    """It speaks where it should, its exception counts, and its examples come out as they say."""
    (tmp_path / "r.yaml").write_text(RULE)
    rules = RuleSet((*BUILT_IN, *load_rules(tmp_path)))
    report = scan('open("/srv/salaries/2026")', rules=rules)
    assert "own-tables" in {finding.rule for finding in report.findings}
    assert list(failures(read_folder(tmp_path).rules)) == []


def test_files_come_in_order_and_hold_one_rule_or_several(tmp_path: Path) -> None:
    """By name; a list of rules is as good as one."""
    second, third = (RULE.replace("own-tables", f"own-{name}") for name in ("second", "third"))
    (tmp_path / "b.yaml").write_text(
        "\n".join(f"- {text.replace(chr(10), chr(10) + '  ')}" for text in (second, third))
    )
    (tmp_path / "a.yaml").write_text(RULE)
    assert [rule.id for rule in load_rules(tmp_path)] == ["own-tables", "own-second", "own-third"]
    assert [placed.line for placed in read_folder(tmp_path).rules] == [1, 1, RULE.count("\n") + 2]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("level: critical", "level: hihg", "r.yaml:4: level: expected one of info, low, medium, high, critical, got the text 'hihg'. Did you mean 'high'?"),
        ("level: critical", "level: 3", "r.yaml:4: level: expected one of info, low, medium, high, critical, got the number 3"),
        ("family: database", "family: databse", "got the text 'databse'. Did you mean 'database'?"),
        ("kind: read", "kind: reed", "r.yaml:10: when[0].kind: expected one of import, read, "),
        ("areas: [outside]", "areas: [outside, x]", "r.yaml:12: when[0].areas[1]: expected one of credentials, "),
        ("without: [append]", "without: append", "r.yaml:13: when[0].without: expected a list, got the text 'append'"),
        ("title: Reads", "titel: Reads", "r.yaml:2: titel: expected one of the keys id, title, "),
        ("reason: the", "reasn: the", "exceptions[0].reasn: expected one of the keys reason, names, values, areas"),
        ('{language: python, source: print("/srv/salaries/2026")}', "[python, x]", "ignored[1]: expected a mapping, got a list"),
        ("hint: Ask the office.\n", "hint: [x]\n", "r.yaml:8: hint: expected text, got a list"),
        ("hint: Ask the office.\n", "hint: 010\n", "r.yaml:8: hint: expected text (in quotes), got 010, which YAML reads as a number"),
        ("hint: Ask the office.\n", "hint: 7\nhint: x\n", "r.yaml:9: hint: expected each key once, got the key again (first on line 8)"),
        ("hint: Ask the office.\n", "hint: !!python/name:os.system x\n", "r.yaml:8: hint: expected a plain value, got the YAML tag"),
        ("id: own-tables", "id: Own", "r.yaml:1: id: expected lower-case words joined by hyphens, got the text 'Own'"),
        ("title: Reads the salaries", "title: ' '", "r.yaml:2: title: expected a few words, got none"),
        ("family: database\n", "", "r.yaml: family: expected the key family, got nothing of that name"),
        ('  - {language: python, source: open("/srv/salaries/count")}\n', "", "ignored: expected at least 2 examples, got 1"),
    ],
)  # fmt: skip
def test_a_fault_names_file_line_key_and_the_nearest(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    """What was expected, what came, and the word that was probably meant."""
    assert old in RULE
    assert message in fault(tmp_path, RULE.replace(old, new))


def test_json_is_a_rule_file_too(tmp_path: Path) -> None:
    """Also where it writes one character as two escapes, and not where a backslash takes their meaning."""
    values = yaml.safe_load(RULE) | {"hint": "\U0001f600", "title": r"\ud83d\ude00"}
    (tmp_path / "r.yaml").write_text(json.dumps(values))
    (rule,) = load_rules(tmp_path)
    assert (rule.hint, rule.title) == ("\U0001f600", r"\ud83d\ude00")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "r.yaml: expected a rule or a list of rules, got nothing but comments"),
        ("# x\n", "r.yaml: expected a rule or a list of rules, got nothing but comments"),
        ("---\n", "r.yaml: expected a mapping, got nothing"),
        ("- [a, b]", "r.yaml:1: [0]: expected a mapping, got a list"),
        ("a: b: c", "r.yaml:1: expected valid YAML, got a fault"),
        (b"id: \xff", "r.yaml:1: expected UTF-8 text, got the byte 0xff"),
        (b"#" * (1024 * 1024 + 1), "r.yaml: expected at most 1 MiB, got more"),
        ("&a [*a, *a]", "r.yaml:"),
        ("[" * 1000, "r.yaml:"),
    ],
)
def test_what_is_no_rule_file_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    """Bounded in size and depth, and YAML's dangerous parts are closed."""
    assert message in fault(tmp_path, content)


def test_an_id_counts_once(tmp_path: Path) -> None:
    """Neither a built-in rule nor one of another file can be replaced in silence."""
    assert "which is built in" in fault(tmp_path, RULE.replace("own-tables", BUILT_IN[0].id))
    (tmp_path / "a.yaml").write_text(RULE)
    assert "r.yaml:1: id: expected each id once, got 'own-tables' again (first in a.yaml:1)" in fault(
        tmp_path, RULE
    )


def test_all_faults_come_with_the_first(tmp_path: Path) -> None:
    """The others are notes of the error that is raised."""
    (tmp_path / "a.yaml").write_text("id: x\nlevl: high\n")
    (tmp_path / "b.yaml").write_text("3\n")
    with pytest.raises(RulesInvalid) as caught:
        load_rules(tmp_path)
    notes = "\n".join(caught.value.__notes__)
    assert "Another fault: " in notes
    assert "b.yaml: expected a mapping, got the number 3" in notes


def test_a_folder_without_rules_is_refused(tmp_path: Path) -> None:
    """A wrong name would otherwise switch all one's rules off."""
    with pytest.raises(RulesInvalid, match=r"expected files that end in \.yaml or \.yml, got none"):
        load_rules(tmp_path)
    with pytest.raises(
        RulesInvalid, match="expected a folder with rule files, got no such file or directory"
    ):
        load_rules(tmp_path / "missing")


def test_an_example_that_is_no_code_fails(tmp_path: Path) -> None:
    """An example proves nothing when it cannot be understood."""
    (tmp_path / "r.yaml").write_text(RULE.replace('print("/srv/salaries/2026")', "'if x'"))
    (found,) = failures(read_folder(tmp_path).rules)
    assert f"{tmp_path}/r.yaml:25: own-tables: an example of `ignored` cannot be understood: " in str(found)


def test_the_guide_s_example_is_sound(tmp_path: Path) -> None:
    """The rule that the guide shows can be used as it stands, and its examples come out."""
    guide = (Path(__file__).parents[2] / "docs" / "scanning.md").read_text()
    (text,) = re.findall(r"```yaml\n# rules/.*?```", guide, re.DOTALL)
    (tmp_path / "r.yaml").write_text(text.removeprefix("```yaml\n").removesuffix("```"))
    found = read_folder(tmp_path)
    assert found.faults == ()
    assert list(failures(found.rules)) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["id", "level", "when", "kind", "found", "x"]), inner)
        ),
    )
)
def test_any_yaml_is_a_rule_or_a_fault(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """Nothing but `RulesInvalid` leaves a folder of rules."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "r.yaml").write_text(yaml.safe_dump(value, allow_unicode=False))
    with pytest.raises(RulesInvalid):
        load_rules(folder)

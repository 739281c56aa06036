"""Policy files: what loads, what every fault says, and that nothing but a `PolicyError` ever comes out."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tomllib
import unicodedata
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import PolicyError, PolicyFileError, RoleCycle, UnknownName
from ringfence.policy import model
from ringfence.policy.file import check_policy_file, load_policy, load_sound_policy, parse_policy
from ringfence.policy.model import (
    Approvals,
    ArgumentRule,
    AtMost,
    Audit,
    Budget,
    CallRule,
    Channel,
    CodeRule,
    Condition,
    IdentityPolicy,
    IdentityProvider,
    Limit,
    Per,
    Permission,
    Policy,
    Profile,
    Role,
    RuleException,
    RuleLevel,
    Scan,
    SqlRule,
    State,
    ToolRule,
    User,
)
from ringfence.policy.schema import policy_schema
from ringfence.scanning import Capability, Language
from ringfence.scanning.effects import Access

if TYPE_CHECKING:
    from collections.abc import Mapping

GUIDE = Path(__file__).parents[2] / "docs" / "policy.md"
SECTIONS = [kind for kind in vars(model).values() if isinstance(kind, type) and is_dataclass(kind)]


def fault_of(text: str, format_: Literal["yaml", "toml"] = "yaml") -> PolicyFileError:
    """Return the first fault of a text."""
    with pytest.raises(PolicyFileError, match=r"p\..*: expected .*, got ") as caught:
        parse_policy(text, file=f"p.{format_}", format=format_)
    assert caught.value.file == f"p.{format_}"
    return caught.value


def test_a_yaml_file_becomes_a_policy(tmp_path: Path) -> None:
    """Every kind of value of a YAML file arrives as the model wants it."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "mode: observe\nroles:\n  a: {inherits: [user], permissions: [file_read], seconds: 3}\n"
        "tools:\n  t: {ask: true, arguments: {x: {one_of: [1, 1.5, true, '1'], max: 3}}}\n"
    )
    assert load_policy(file) == Policy(
        mode=model.Mode.OBSERVE,
        roles={"a": Role(inherits=("user",), permissions=(Permission.FILE_READ,), seconds=3.0)},
        tools={"t": ToolRule(ask=True, arguments={"x": ArgumentRule(one_of=(1, 1.5, True, "1"), max=3.0)})},
    )


@pytest.mark.parametrize("name", ["p.yaml", "p.yml", "p.json", "P.YAML"])
def test_json_is_yaml_and_endings_ignore_case(tmp_path: Path, name: str) -> None:
    """A JSON text loads under every YAML ending, also after a byte order mark."""
    file = tmp_path / name
    file.write_text("\ufeff" + json.dumps({"users": {"ana": {"roles": ["user"]}}}), encoding="utf-8")
    assert load_policy(str(file)).users == {"ana": User(("user",))}


def test_the_types_of_argument_values_are_kept() -> None:
    """1, 1.0, true and '1' stay four different values, since `equals` compares types too."""
    text = "tools: {t: {arguments: {a: {equals: 1}, b: {equals: 1.0}, c: {equals: true}, d: {equals: '1'}}}}"
    rules = parse_policy(text, file="p.yaml", format="yaml").tools["t"].arguments
    assert [(type(rule.equals), rule.equals) for rule in rules.values()] == [
        (int, 1),
        (float, 1.0),
        (bool, True),
        (str, "1"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("", None, "", "got an empty file"),
        ("# only\n# comments\n", None, "", "got nothing but comments"),
        ("- a\n", None, "", "expected a mapping, got a list"),
        ("just words", None, "", "expected a mapping, got the text 'just words'"),
        ("version: 1\nversion: 1", 2, "version", "expected each key once, got the key again (first on line 1)"),
        ("roles:\n  a: {}\n  b: {}\n  a: {}", 4, "roles.a", "each key once, got the key again (first on line 2)"),
        ("a: 1\n---\nb: 2", 2, "", "expected one document, got a second one"),
        ("roles: !!python/object:os.system {}", 1, "roles", "got the YAML tag tag:yaml.org,2002:python/object:os.system"),
        ("users:\n  ana: !user {}", 2, "users.ana", "expected a plain value, got the YAML tag !user"),
        ("users:\n  !!str ana: {}", 2, "users.ana", "expected a plain key, got the YAML tag"),
        ("roles:\n  <<: {a: {}}", 2, "roles.<<", "got the YAML merge key `<<`"),
        ("roles:\n  ? [a]\n  : {}", 2, "roles", "expected text as key, got a list or a mapping"),
        ("roles:\n\ta: {}", 2, "", "expected spaces before keys and values, got a tab"),
        ("roles: {a: {}\nb", 2, "", "expected valid YAML, got a fault while parsing a flow mapping"),
        ("roles: *nobody", 1, "", "found undefined alias 'nobody'"),
        ("a: \x07", 1, "", r"expected text, got the control character \x07"),
        ("version: 1\nmode: \x00", 2, "", "expected text, got a NUL, as in a binary file"),
        ('mode: "\\UFFFFFFFF"', 1, "", "got an escape that is no character"),
        ('plugins: ["\\ud800"]', 1, "plugins[0]", "expected valid Unicode, got half of a surrogate pair"),
        ("version: 2", 1, "version", "expected 1, got the number 2"),
        ("version: '1'", 1, "version", "expected a whole number, got the text '1'"),
        ("users:\n  42: {}", 2, "users.42", "expected text as key (put it in quotes), got 42, which YAML reads as a number"),
        ("users:\n  no: {}", 2, "users.no", "got no, which YAML reads as false"),
        ("users:\n  '': {}", 2, "users.", "expected a name as key, got empty text"),
        ("tools:\n  t:\n    role: on", 3, "tools.t.role", "expected text (in quotes), got on, which YAML reads as true"),
        ("tools:\n  t:\n    ask: yes", 3, "tools.t.ask", "expected true or false, got yes, which YAML reads as true"),
        ("plugins:\n- a\n- off", 3, "plugins[1]", "expected text (in quotes), got off, which YAML reads as false"),
        ("plugin_seconds: 010", 1, "plugin_seconds", "expected a number, got 010, which YAML reads as a number"),
        ("plugin_seconds: 1e3", 1, "plugin_seconds", "expected a number, got 1e3, which YAML reads as text"),
        ("plugin_seconds: .inf", 1, "plugin_seconds", "expected a number, got .inf"),
        ("plugins: [2024-01-31]", 1, "plugins[0]", "expected text (in quotes), got 2024-01-31, which YAML reads as a date"),
        ("version: 99999999999999999999", 1, "version", "expected a number of at most 64 bits, got a larger one"),
        ("roles:", 1, "roles", "expected a mapping, got nothing"),
        ("tools:\n  t:\n  u: {}", 2, "tools.t", "expected a mapping, got nothing; leave the key out"),
        ("users: []", 1, "users", "expected a mapping, got a list"),
        ("plugins: [a,\n null]", 2, "plugins[1]", "expected text, got nothing; leave the item out"),
        ("roles:\n  a:\n    inherits: user", 3, "roles.a.inherits", "expected a list, such as [user], got the text 'user'"),
        ("roles: {a: {inherits: [3]}}", 1, "roles.a.inherits[0]", "expected text, got the number 3"),
        ("roles: {a: {concurrent_runs: true}}", 1, "roles.a.concurrent_runs", "expected a whole number, got the value true"),
        ("roles: {a: {concurrent_runs: 3.0}}", 1, "roles.a.concurrent_runs", "expected a whole number, got the number 3.0"),
        ("roles: {a: {concurrent_runs: 0}}", 1, "roles.a.concurrent_runs", "expected a number of at least 1, got the number 0"),
        ("roles: {a: {seconds: -1}}", 1, "roles.a.seconds", "expected a number above 0, got the number -1"),
        ("profiles: {p: {ports: [80, 70000]}}", 1, "profiles.p.ports[1]", "expected a number from 1 to 65535, got the number 70000"),
        ("tools: {t: {ask: 1}}", 1, "tools.t.ask", "expected true or false, got the number 1"),
        ("tools: {t: {arguments: {a: {min: '3'}}}}", 1, "tools.t.arguments.a.min", "expected a number, got the text '3'"),
        ("tools: {t: {arguments: {a: {equals: [1]}}}}", 1, "tools.t.arguments.a.equals", "text, a number, true or false, got a list"),
        ("tools: {t: {arguments: {a: {max_length: -1}}}}", 1, "tools.t.arguments.a.max_length", "a number of at least 0"),
    ],
)  # fmt: skip
def test_a_fault_in_yaml_names_line_key_and_what_came(
    text: str, line: int | None, key: str, message: str
) -> None:
    """Each kind of fault of a YAML text has its own words and its exact place."""
    fault = fault_of(text)
    assert (fault.line, fault.key) == (line, key)
    assert message in fault.message


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("", None, "", "got an empty file"),
        ("# only comments\n", None, "", "got nothing but comments"),
        ("mode = 1\nmode = 2\n", 2, "mode", "expected each key once, got the key again (first on line 1)"),
        ("[roles.a]\n[roles.b]\n[roles.a]\n", 3, "roles.a", "each key once, got the key again (first on line 1)"),
        ("users = {a = {}}\nusers.b = {}", 2, "users", "each key once, got the key again (first on line 1)"),
        ("version = 1\nmode = \n", 2, "", "expected valid TOML, got a fault: Invalid value"),
        ("version = 1\nmode = '''x", 2, "", "expected valid TOML, got a fault"),
        ("version = " + "9" * 5000, None, "", "expected numbers of at most 64 bits"),
        ("version = 99999999999999999999", 1, "version", "expected a number of at most 64 bits"),
        ("\n[users]\nana = 2024-01-31\n", 3, "users.ana", "got the date or time 2024-01-31; put it in quotes to mean text"),
        ("plugin_seconds = inf", 1, "plugin_seconds", "expected a finite number, got the number inf"),
        ("[[roles]]\n", 1, "roles", "expected a mapping, got a list"),
        ("[users]\n'' = {}", 2, "users.", "expected a name as key, got empty text"),
        ("[roles.a]\n\n# here\ninherit = []\n", 4, "roles.a.inherit", "got the unknown key 'inherit'"),
        ("roles.a.seconds = '3'", 1, "roles.a.seconds", "expected a number, got the text '3'"),
        ("plugins = [\n  'a',  # one ]\n  \"\"\"b\n\"\"\", 3,\n]", 4, "plugins[2]", "expected text, got the number 3"),
        ("[tools]\nt = {ask = false, arguments = {'a.b' = {min = 1},\n  c = {}}}", 2, "", "expected valid TOML"),
        ('[tools."x\\u0079".arguments]\na = {one_of = [1, [\n2]]}', 2, "tools.xy.arguments.a.one_of[1]", "got a list"),
        ("version = 2", 1, "version", "expected 1, got the number 2"),
        ("a." * 40_000 + "b = 1", 1, "a.a.a", "expected at most 20 levels, got deeper nesting"),
        ("plugins = " + "[" * 5000, 1, "plugins[0][0]", "expected at most 20 levels, got deeper nesting"),
    ],
)  # fmt: skip
def test_a_fault_in_toml_names_line_key_and_what_came(
    text: str, line: int | None, key: str, message: str
) -> None:
    """Each kind of fault of a TOML text has its own words and its exact place."""
    if sys.version_info >= (3, 15) and "c = {}" in text:
        pytest.skip("newlines in inline tables are valid in TOML 1.1")
    fault = fault_of(text, "toml")
    assert (fault.line, fault.key) == (line, key)
    assert message in fault.message


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("rolls: {}", "roles"),
        ("mode: observed", "observe"),
        ("roles: {a: {permissions: [file_reed]}}", "file_read"),
        ("tools: {t: {arguments: {a: {minimum: 1}}}}", "min"),
        ("audit: {store: sqllite}", "sqlite"),
        ("mode: 3", None),
    ],
)
def test_a_fault_names_the_nearest_valid_key_or_value(text: str, nearest: str | None) -> None:
    """What a person most likely meant is in the error and in its hint."""
    fault = fault_of(text)
    assert fault.nearest == nearest
    assert fault.hint == (f"Did you mean {nearest!r}?" if nearest else "")


@pytest.mark.parametrize("nothing", ["", "null", "~"])
@pytest.mark.parametrize("section", SECTIONS, ids=lambda kind: kind.__name__)
def test_a_key_with_nothing_after_it_is_a_fault(section: type, nothing: str) -> None:
    """Whatever the key, nothing after it is no way to say "none": what looks like a limit would be none."""
    at = {
        Policy: "{}",
        Role: "roles: {{r: {{{}}}}}",
        ArgumentRule: "tools: {{t: {{arguments: {{a: {{{}}}}}}}}}",
        CodeRule: "tools: {{t: {{code: {{a: {{{}}}}}}}}}",
        ToolRule: "tools: {{t: {{{}}}}}",
        Profile: "profiles: {{p: {{{}}}}}",
        User: "users: {{u: {{{}}}}}",
        Condition: "conditions: {{c: {{{}}}}}",
        SqlRule: "tools: {{t: {{arguments: {{q: {{sql: {{{}}}}}}}}}}}",
        AtMost: "conditions: {{c: {{at_most: {{{}}}}}}}",
        CallRule: "rules: {{r: {{{}}}}}",
        RuleException: "rules: {{r: {{decision: deny, exceptions: [{{{}}}]}}}}",
        Approvals: "approvals: {{{}}}",
        Limit: "limits: {{l: {{{}}}}}",
        Budget: "limits: {{l: {{budget: {{{}}}}}}}",
        Scan: "scan: {{{}}}",
        State: "state: {{{}}}",
        IdentityPolicy: "identity: {{{}}}",
        IdentityProvider: "identity: {{providers: {{p: {{{}}}}}}}",
        Audit: "audit: {{{}}}",
    }[section]
    for field in fields(section):
        required = {
            CodeRule: {"language": "sql"},
            Budget: {"argument": "amount", "most": "5", "seconds": "5"},
            AtMost: {"calls": "1"},
            CallRule: {"decision": "deny"},
            RuleException: {"when": "{users: [a]}", "owner": "a", "until": "'2030-01-01'", "reason": "b"},
            IdentityProvider: {"issuer": "i", "audience": "a", "keys": "k"},
        }.get(section, {})
        needed = "".join(f", {key}: {value}" for key, value in required.items() if key != field.name)
        fault = fault_of(f"# first\n{at.format(f'{field.name}: {nothing}{needed}')}")
        assert fault.line == 2
        assert fault.key.endswith(field.name)
        assert fault.got == "nothing; leave the key out"
        assert not hasattr(fault, "__notes__")


def test_a_code_rule_says_its_language() -> None:
    """The one key that such a rule needs: without it, the fault stands at the rule and says what there is."""
    fault = fault_of("tools:\n  t:\n    code:\n      q: {dialect: postgres}")
    assert (fault.line, fault.key) == (4, "tools.t.code.q")
    assert fault.expected == "the key language, one of python, shell, javascript, sql, path, url"
    assert fault.got == "none"


def test_off_needs_no_quotes_where_it_is_a_level() -> None:
    """YAML 1.1 reads `off` as false, which no level can mean; elsewhere it stays a fault."""
    text = "scan: {levels: {some-rule: off, other-rule: 'off', third-rule: high}}"
    levels = parse_policy(text, file="p", format="yaml").scan.levels
    assert levels == {"some-rule": RuleLevel.OFF, "other-rule": RuleLevel.OFF, "third-rule": RuleLevel.HIGH}
    assert fault_of("scan: {levels: {some-rule: no}}").got == "no, which YAML reads as false"
    assert fault_of("mode: off").got == "off, which YAML reads as false"


RULE = """
id: house-no-prints
title: Prints
family: practice
level: high
description: Nothing may be printed here.
hint: Return it.
tags: [CWE-532]
when: [{kind: environment, names: [os.getenv]}]
found:
  - {language: python, source: "import os; os.getenv('A')"}
  - {language: python, source: "import os as o; o.getenv('B')"}
ignored:
  - {language: python, source: "1"}
  - {language: python, source: "'os.getenv'"}
"""


def test_rule_files_are_read_from_the_policys_folder(tmp_path: Path) -> None:
    """A relative folder starts at the policy file, its rules may get levels, and the version tells when they change."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "house.yaml").write_text(RULE)
    file = tmp_path / "p.yaml"
    file.write_text("scan:\n  folders: [rules]\n  levels: {house-no-prints: low}")
    before = check_policy_file(file).compiled
    assert before is not None
    (tmp_path / "rules" / "house.yaml").write_text(RULE.replace("title: Prints", "title: It prints"))
    after = check_policy_file(file).compiled
    assert after is not None
    assert before.version != after.version


def test_an_unknown_rule_is_a_fault_with_its_place(tmp_path: Path) -> None:
    """A level for a rule that does not exist would change nothing; the nearest one is named."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "house.yaml").write_text(RULE)
    file = tmp_path / "p.yaml"
    file.write_text("scan:\n  folders: [rules]\n  levels:\n    house-no-print: low")
    (fault,) = check_policy_file(file).faults
    assert isinstance(fault, PolicyFileError)
    assert (fault.line, fault.key, fault.nearest) == (4, "scan.levels.house-no-print", "house-no-prints")


@pytest.mark.parametrize(("content", "told"), [(None, "scan.folders: "), ("id: x", "house.yaml")])
def test_rule_files_that_cannot_be_used_are_a_fault(tmp_path: Path, content: str | None, told: str) -> None:
    """A folder that is not there, or a file that is no rule, stops the policy and says which."""
    if content is not None:
        (tmp_path / "rules").mkdir()
        (tmp_path / "rules" / "house.yaml").write_text(content)
    file = tmp_path / "p.yaml"
    file.write_text("scan: {folders: [rules]}")
    (fault,) = check_policy_file(file).faults
    assert told in fault.message
    with pytest.raises(PolicyError, match=r"scan\.folders"):
        load_sound_policy(file)


def test_nothing_below_a_fault_is_not_a_second_fault() -> None:
    """Values under an unknown key, and in a place where another kind of value belongs, are not judged."""
    for text in ("rolls: {a: }", "roles: {a: {inherit: [null]}}", "users: [null]"):
        assert not hasattr(fault_of(text), "__notes__")


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("tools:\n  t:\n    arguments:\n      a: {}", 4, "tools.t.arguments.a", "at least one of equals, one_of, none_of, in_list, not_in_list, type, matches, pattern, min, max, min_length, max_length, within, hosts, schema, sql, got none of them"),
        ("tools: {t: {arguments: {a: {max: 3,\n one_of: []}}}}", 2, "tools.t.arguments.a.one_of", "at least one value, got an empty list"),
        ("tools: {t: {arguments: {a: {min: 3,\n max: 2.5}}}}", 2, "tools.t.arguments.a.max", "not smaller than `min`, got a smaller one"),
        ("tools: {t: {arguments: {a:\n {matches: ''}}}}", 2, "tools.t.arguments.a.matches", "a pattern, got empty text"),
        ("roles: {r: {deny: [a,\n 'drop_* ']}}", 2, "roles.r.deny[1]", "a name without white space around it, got 'drop_* '"),
        ("roles: {r: {ask: ['a_*, b_*']}}", 1, "roles.r.ask[0]", "one name or pattern, each further one by itself, got 'a_*, b_*'"),
        ("roles: {r: {}}\ntools:\n  'a;b': {}", 3, "tools.a;b", "one name or pattern"),
        ('users:\n  "a\\u200bb": {}', 2, "users.a\\u200bb", "characters that can be seen, got 'a\\u200bb'"),
        ('roles: {"e\\u0301": {}}', 1, "roles.e\u0301", "composed form (NFC), got 'e\\u0301'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_fault_with_its_place(text: str, line: int, key: str, message: str) -> None:
    """A rule that sets nothing or that nothing passes, and a name that deceives the eye, are found with line and key."""
    fault = fault_of(text)
    assert (fault.line, fault.key) == (line, key)
    assert message in fault.message


@pytest.mark.parametrize(
    ("text", "line", "key", "message"),
    [
        ("tools:\n  t:\n    arguments:\n      a:\n        pattern: '(?=x)'", 5, "tools.t.arguments.a.pattern", "expected a regular expression without look-around and back-references, got one that cannot be used: look-around"),
        ("tools:\n  t:\n    arguments:\n      a:\n        matches: '**'", 5, "tools.t.arguments.a.matches", "expected a pattern that some text does not fit"),
        ("tools:\n  t:\n    arguments:\n      a:\n        pattern: '.+'", 5, "tools.t.arguments.a.pattern", "expected an expression that some text does not fit"),
        ("tools:\n  t:\n    arguments:\n      a:\n        schema: none.json", 5, "tools.t.arguments.a.schema", "expected a value that can be used, got it cannot be read"),
        ("tools:\n  t:\n    arguments:\n      a:\n        in_list: lst\nlists:\n  list: [a]", 5, "tools.t.arguments.a.in_list", "expected a known list (list), got 'lst'. Did you mean 'list'?"),
        ("conditions:\n  a:\n    hours: '8-18'", 3, "conditions.a.hours", "expected two times of day such as 08:00-18:00, got '8-18'"),
        ("conditions:\n  a:\n    days: [mon]\n    zone: Mars/Base", 4, "conditions.a.zone", "expected a time zone such as Europe/Berlin, got 'Mars/Base'"),
        ("conditions:\n  a:\n    addresses:\n    - 10.0.0.0/8\n    - 0.0.0.0/0", 5, "conditions.a.addresses[1]", "got '0.0.0.0/0', a network that every address is in"),
        ("conditions:\n  a: {condition: b}\n  b:\n    condition: a", 4, "conditions.b.condition", "conditions refer to each other in a circle: a -> b -> a"),
        ("conditions:\n  a:\n    any:\n    - condition: b", 4, "conditions.a.any[0].condition", "expected a known condition (a), got 'b'"),
        ("rules:\n  r:\n    decision: allow\n    tools:\n    - '*'", 5, "rules.r.tools[0]", "got '*', which every tool fits"),
        ("rules:\n  r:\n    decision: allow", 2, "rules.r", "(`unsafe_any: true` says that every tool is meant), got none, which means every tool"),
        ("rules:\n  r:\n    decision: deny\n    roles: [boss]", 4, "rules.r.roles[0]", "expected a known role"),
        ("rules:\n  r:\n    decision: deny\n    when:\n      none:\n      - roles: [boss]", 6, "rules.r.when.none[0].roles[0]", "expected a known role"),
        ("rules:\n  r:\n    decision: deny\n    exceptions:\n    - {when: {users: [a]}, owner: bo, reason: x,\n       until: '2027-02-30'}", 6, "rules.r.exceptions[0].until", "expected a day such as 2027-01-31, got '2027-02-30', a day that no calendar has"),
        ("rules:\n  r:\n    decision: deny\n    exceptions:\n    - {when: {users: [a]}, owner: bo, until: '2027-02-03'}", 5, "rules.r.exceptions[0]", "expected the key reason, text, got none"),
        ("rules:\n  r:\n    decision: maybe", 3, "rules.r.decision", "expected one of allow, ask, deny, got the text 'maybe'"),
        ("rules:\n  r:\n    decision: deny\n    when:\n      at_most: {calls: 0}", 5, "rules.r.when.at_most.calls", "expected a number from 1 to 1000, got the number 0"),
    ],
)  # fmt: skip
def test_a_fault_of_a_rule_or_condition_has_its_place(
    tmp_path: Path, text: str, line: int, key: str, message: str
) -> None:
    """File, line and key, also where it comes out only when the policy is made ready."""
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    (fault,) = check_policy_file(file).faults
    assert isinstance(fault, PolicyFileError)
    assert (fault.file, fault.line, fault.key) == (str(file), line, key)
    assert message in str(fault)


def test_all_that_cannot_be_meant_is_listed(tmp_path: Path) -> None:
    """A check of a file tells each such fault, in the order of the lines, and TOML files keep the same rules."""
    file = tmp_path / "p.toml"
    file.write_text("[tools.t.arguments]\na = {}\n[roles.r]\nallow = [\n'',\n'x ']\n")
    faults = check_policy_file(file).faults
    assert [fault.line for fault in faults if isinstance(fault, PolicyFileError)] == [2, 5, 6]
    with pytest.raises(PolicyFileError, match=r"p\.toml:2: tools\.t\.arguments\.a: expected at least one of"):
        load_policy(file)


def test_all_faults_are_found_at_once() -> None:
    """The first fault of a file is raised, and the others are its notes, in the order of the lines."""
    fault = fault_of(
        "mode: x\nrolls: {}\nroles:\n  a: {seconds: no, inherits: b}\nplugins: [1]\nplugin_seconds: -1"
    )
    assert fault.line == 1
    notes = "\n".join(fault.__notes__)
    assert re.findall(r"p\.yaml:(\d)", notes) == ["2", "4", "4", "5", "6"]


def test_a_value_below_a_secret_key_is_not_shown() -> None:
    """The value of a key that looks like that of a secret never reaches a message, quoted or not, right or wrong in kind."""
    rules = [
        "password: {max: hunter2}",
        "api_key: {one_of: [[hunter2]]}",
        "t: {matches: {token: hunter2}}",
        "secret: {equals: 0777}",
    ]
    fault = fault_of(f"tools: {{t: {{arguments: {{{', '.join(rules)}}}}}}}")
    told = "\n".join([str(fault), *fault.__notes__])
    assert "hunter2" not in told
    assert "777" not in told
    assert told.count("hidden, since its key looks like that of a secret") == 2


def test_what_came_is_cut_and_harmless() -> None:
    """A long value is cut to a readable length, and control characters in keys and values show as escapes."""
    fault = fault_of(json.dumps({"users": {"a\x1b[31m": "x\n" * 5000}}))
    assert len(fault.message) < 300
    assert str(fault).isprintable()
    assert fault.key == r"users.a\x1b[31m"


def test_an_alias_may_be_used() -> None:
    """A list that is written once and used twice loads."""
    text = "roles:\n  a: {allow: &tools [x, y]}\n  b: {allow: *tools}"
    assert parse_policy(text, file="p.yaml", format="yaml").roles["b"].allow == ("x", "y")


def test_an_alias_bomb_is_refused_quickly() -> None:
    """Aliases that multiply to billions of values, or hold themselves, end at the bound on values or levels."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefghi", "abcdefgh", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    assert "expected at most 100,000 values, got more" in fault_of(bomb).message
    assert "expected at most 20 levels" in fault_of("plugins: &a [*a]").message
    assert "expected at most 20 levels" in fault_of("[" * 100_000).message


def test_a_thousand_rules_fit_the_bounds() -> None:
    """A policy with a thousand tool rules loads."""
    rules = {
        f"tool_{i}": {"role": "user", "permissions": ["file_read"], "arguments": {"p": {"matches": "/srv/*"}}}
        for i in range(1000)
    }
    assert len(parse_policy(yaml.safe_dump({"tools": rules}), file="p.yaml", format="yaml").tools) == 1000


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A file that is not there is a fault, with the policy file that was probably meant."""
    (tmp_path / "ringfence.yaml").touch()
    with pytest.raises(PolicyFileError, match="expected a file, got nothing of that name") as caught:
        load_policy(tmp_path / "ringfense.yaml")
    assert caught.value.nearest == "ringfence.yaml"
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory is no policy file."""
    with pytest.raises(
        PolicyFileError, match=r"expected a (regular|readable) file, got (a directory|permission denied)"
    ):
        load_policy(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no FIFOs")
def test_a_fifo_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    """A FIFO that nobody writes and a device without end do not block."""
    os.mkfifo(tmp_path / "p.yaml")
    for path in (tmp_path / "p.yaml", Path(os.devnull)):
        with pytest.raises(PolicyFileError, match="expected a regular file, got a pipe, device or socket"):
            load_policy(path)


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    """A file of 100 MB is refused before it is read; a text of that kind is refused too."""
    file = tmp_path / "p.yaml"
    with file.open("wb") as handle:
        handle.truncate(100 * 1024 * 1024)
    with pytest.raises(PolicyFileError, match="expected at most 1 MiB, got 104,857,600 bytes"):
        load_policy(file)
    with pytest.raises(PolicyFileError, match="expected at most 1 MiB, got 1,048,577 characters"):
        parse_policy("#" * 1_048_577, file="p.toml", format="toml")


@pytest.mark.unprivileged
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no setuid")
def test_a_file_that_may_not_be_read_is_a_fault(tmp_path: Path) -> None:
    """A file without read permission is a fault with the system's reason."""
    file = tmp_path / "p.yaml"
    file.write_text("version: 1")
    file.chmod(0)
    if os.geteuid() == 0:
        code = (
            "import os, sys; from ringfence.policy.file import load_policy; from ringfence.errors import PolicyFileError\n"
            "import ringfence.policy.read_yaml\n"
            "os.seteuid(65534)\n"
            "try: load_policy(sys.argv[1])\n"
            "except PolicyFileError as error: print(error)\n"
        )
        for folder in (tmp_path, *tmp_path.parents[:3]):
            if folder.stat().st_uid == os.geteuid() and len(folder.parts) > 2:
                folder.chmod(folder.stat().st_mode | 0o055)
        told = subprocess.run(
            [sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True
        ).stdout
        assert "expected a readable file, got permission denied" in told
    else:
        with pytest.raises(PolicyFileError, match="expected a readable file, got permission denied"):
            load_policy(file)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"version: 1\n\xff\xfe", 2, "expected UTF-8 text, got the byte 0xff"),
        (b"\x7fELF\x02\x01\x00\x00", 1, "expected text, got a NUL"),
        ("version: 1".encode("utf-16"), 1, "another encoding"),
    ],
)
def test_a_binary_file_is_a_fault(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    """Bytes that are no UTF-8 text are a fault, with the line where they start."""
    file = tmp_path / "p.yaml"
    file.write_bytes(content)
    with pytest.raises(PolicyFileError, match=message) as caught:
        load_policy(file)
    assert caught.value.line == line


@pytest.mark.parametrize(("name", "nearest"), [("p.tml", ".toml"), ("p", None), ("p.yam", ".yaml")])
def test_an_unknown_ending_is_a_fault(tmp_path: Path, name: str, nearest: str | None) -> None:
    """The ending says the format, so an unknown one is a fault that names the known ones."""
    (tmp_path / name).write_text("version: 1")
    with pytest.raises(
        PolicyFileError, match=r"a name that ends in \.yaml, \.yml, \.json, \.toml, got"
    ) as caught:
        load_policy(tmp_path / name)
    assert caught.value.nearest == nearest


def test_a_name_that_no_file_can_have_is_a_fault() -> None:
    """A NUL in the name is the user's mistake, not a traceback."""
    with pytest.raises(PolicyFileError, match="got a name that no file can have"):
        load_policy("a\0.yaml")


def test_an_unknown_role_has_its_place(tmp_path: Path) -> None:
    """A role that nothing defines is found with the line of the list item, and the first error is the cause."""
    file = tmp_path / "p.yaml"
    file.write_text("roles:\n  a:\n    inherits:\n    - user\n    - gest\n")
    check = check_policy_file(file)
    assert check.compiled is None
    (fault,) = check.faults
    assert isinstance(fault, PolicyFileError)
    assert (fault.file, fault.line, fault.key, fault.nearest) == (
        str(file),
        5,
        "roles.a.inherits[1]",
        "guest",
    )
    assert fault.expected == "a known role (a, admin, guest, power_user, user)"
    assert isinstance(fault.__cause__, UnknownName)


def test_an_unknown_profile_of_a_tool_with_dots_has_its_place(tmp_path: Path) -> None:
    """A dot in a tool's name does not hide the place."""
    file = tmp_path / "p.toml"
    file.write_text("[tools.'mail.send']\n\nprofile = 'tight'\n")
    with pytest.raises(
        PolicyFileError, match=r"p\.toml:3: tools\.mail\.send\.profile: expected a known profile"
    ):
        load_sound_policy(file)


def test_a_circle_of_roles_has_its_place(tmp_path: Path) -> None:
    """Roles in a circle are a fault at one of their `inherits`, with the whole circle."""
    file = tmp_path / "p.yaml"
    file.write_text("roles:\n  a: {inherits: [b]}\n  b: {inherits: [a]}\n")
    (fault,) = check_policy_file(file).faults
    assert isinstance(fault, PolicyFileError)
    assert fault.line in (2, 3)
    assert re.fullmatch(r"roles\.[ab]\.inherits", fault.key)
    assert fault.got in ("a -> b -> a", "b -> a -> b")
    assert isinstance(fault.__cause__, RoleCycle)


def test_a_check_lists_every_fault_and_compiles_what_has_none(tmp_path: Path) -> None:
    """A check returns all faults of a file's shape, or the compiled policy."""
    file = tmp_path / "p.yaml"
    file.write_text("mode: x\nplugins: y\n")
    assert len(check_policy_file(file).faults) == 2
    file.write_text("users: {ana: {roles: [user]}}")
    check = check_policy_file(file)
    assert check.faults == ()
    assert check.compiled is not None
    assert check.compiled.policy == load_sound_policy(file)


# Properties

# Texts that look like numbers are left out, since PyYAML writes those without quotes that only YAML 1.2 takes for numbers.
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=",;"),
    min_size=1,
    max_size=8,
).filter(lambda name: name[0] not in "+-.0123456789" and unicodedata.is_normalized("NFC", name))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates()
KEYS = st.sampled_from([f.name for kind in SECTIONS for f in fields(kind)]) | st.text(max_size=5)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
FORMATS = st.sampled_from(["yaml", "toml"])
SNIPPETS = st.lists(
    st.sampled_from([*"[]{}=,.:-#'\"\\\n\t &*!|>%@`", '"""', "'''", "a", "1", "roles", "---", "<<: "]),
    max_size=40,
).map("".join)


def parse_quietly(text: str, format_: Literal["yaml", "toml"]) -> None:
    """Parse a text; a `PolicyError` is an answer, and anything else fails the test."""
    with contextlib.suppress(PolicyError):
        parse_policy(text, file="p", format=format_)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | SNIPPETS, format_=FORMATS)
def test_no_text_raises_anything_else(text: str, format_: Literal["yaml", "toml"]) -> None:
    """Whatever the text, the answer is a policy or a `PolicyError`."""
    parse_quietly(text, format_)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), ending=FORMATS)
def test_no_bytes_raise_anything_else(
    content: bytes, ending: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the bytes of a file, the answer is a policy or a `PolicyError`."""
    file = tmp_path_factory.getbasetemp() / f"bytes.{ending}"
    file.write_bytes(content)
    with contextlib.suppress(PolicyError):
        load_sound_policy(file)


@settings(max_examples=300, deadline=None)
@given(data=st.dictionaries(KEYS, DATA, max_size=5))
def test_no_nested_data_raise_anything_else(data: dict[str, object]) -> None:
    """Whatever the structure, in YAML and JSON, the answer is a policy or a `PolicyError`."""
    parse_quietly(yaml.dump(data, allow_unicode=True), "yaml")
    parse_quietly(json.dumps(data, default=str), "yaml")


ROLE_NAMES = st.sampled_from(["guest", "user", "power_user", "admin"])
COUNTS = st.integers(1, 10**6)
TIMES = st.floats(0.001, 10**6)
TEXTS = st.lists(NAMES, max_size=3).map(tuple)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.booleans() | st.integers(-(2**63), 2**63 - 1) | NUMBERS | NAMES
ROLES = st.builds(
    Role, inherits=st.lists(ROLE_NAMES, max_size=2).map(tuple), permissions=st.lists(st.sampled_from(Permission)).map(tuple),
    allow=TEXTS, ask=TEXTS, deny=TEXTS, concurrent_runs=st.none() | COUNTS, seconds=st.none() | TIMES, memory_mb=st.none() | COUNTS,
)  # fmt: skip
ARGUMENT_NAMES = NAMES.filter(lambda name: not set(".[]") & set(name)) | st.sampled_from(
    ["a.b", "a[]", "a[any].b"]
)
ARGUMENTS = st.builds(
    ArgumentRule, equals=st.none() | VALUES, one_of=st.none() | st.lists(VALUES, min_size=1, max_size=3).map(tuple),
    none_of=st.none() | st.lists(VALUES, min_size=1, max_size=3).map(tuple), type=st.none() | st.sampled_from(model.ValueType),
    matches=st.none() | NAMES.filter(lambda text: "*" not in text) | st.just("a*"), pattern=st.none() | st.just("[a-z]+"), min_length=st.none() | st.just(0),
    within=st.none() | st.just(("data",)), hosts=st.none() | st.just(("*.example.org",)), sql=st.none() | st.just(SqlRule(statements=("select",))), min=st.none() | NUMBERS.filter(lambda n: n <= 0), max=st.none() | NUMBERS.filter(lambda n: n >= 0),
    max_length=st.none() | st.integers(0, 10**6),
).filter(lambda rule: rule != ArgumentRule())  # fmt: skip
LANGUAGES = [CodeRule(language) for language in Language] + [
    CodeRule(Language.PATH, access=access) for access in Access
]
QUERIES = st.builds(CodeRule, st.just(Language.SQL), st.sampled_from(["", "postgres"]), TEXTS, TEXTS, TEXTS)
TOOLS = st.builds(
    ToolRule, role=st.none() | ROLE_NAMES, permissions=st.lists(st.sampled_from(Permission)).map(tuple), ask=st.booleans(),
    arguments=st.dictionaries(ARGUMENT_NAMES, ARGUMENTS, max_size=2),
    code=st.dictionaries(NAMES, st.sampled_from(LANGUAGES) | QUERIES, max_size=2), tier=st.none() | st.sampled_from(model.Tier), profile=st.none(),
    description=st.just("") | NAMES,
)  # fmt: skip
PROFILES = st.builds(
    Profile,
    cpu_seconds=TIMES,
    steps=st.integers(1, 10**9),
    modules=st.none() | st.lists(st.sampled_from(["math", "json"])).map(tuple),
    network=st.booleans(),
    hosts=TEXTS,
    ports=st.lists(st.integers(1, 65535)).map(tuple),
    capabilities=st.lists(st.sampled_from(["dynamic_code", "persistence"]).map(Capability)).map(tuple),
)
CONDITIONS = st.recursive(
    st.builds(
        Condition, arguments=st.dictionaries(ARGUMENT_NAMES, ARGUMENTS, max_size=1), users=st.just(("ana*",)), roles=st.lists(ROLE_NAMES, max_size=2).map(tuple),
        addresses=st.sampled_from([(), ("10.0.0.0/8", "::1")]), hours=st.just("08:00-24:00"), days=st.lists(st.sampled_from(model.Day), max_size=2).map(tuple),
        zone=st.sampled_from(["UTC", "Europe/Berlin"]), after=st.sampled_from([(), ("pay",)]), not_after=st.sampled_from([(), ("re*",)]),
        at_most=st.none() | st.builds(AtMost, st.integers(1, 1000), TIMES, st.sampled_from([Per.SESSION, Per.USER])),
    ),
    lambda inner: st.builds(Condition, all=inner.map(lambda each: (each,)), any=st.lists(inner, max_size=1).map(tuple), none=st.just(())),
    max_leaves=2,
)  # fmt: skip
EXCEPTIONS = st.builds(RuleException, CONDITIONS, st.just("bo"), st.just("2027-01-31"), st.just("why"))
RULES = st.builds(
    CallRule, st.sampled_from(model.Decision), st.just(("pay",)), st.just(()), st.none() | CONDITIONS, st.none(),
    st.sampled_from(["", "why"]), st.sampled_from(["", "what"]), st.lists(EXCEPTIONS, max_size=1).map(tuple),
)  # fmt: skip
APPROVALS = st.builds(
    Approvals, channel=st.just(Channel.QUEUE), wait_seconds=st.none() | st.floats(0, 100), four_eyes=st.booleans(),
    approvers=st.lists(ROLE_NAMES, max_size=2).map(tuple),
)  # fmt: skip
LIMITS = st.builds(
    Limit, tools=TEXTS, roles=st.lists(ROLE_NAMES, max_size=2).map(tuple), per=st.lists(st.sampled_from(Per), max_size=4).map(tuple),
    concurrent=COUNTS, calls=st.just(3), seconds=TIMES, budget=st.none() | st.builds(Budget, NAMES, TIMES, TIMES),
)  # fmt: skip
POLICIES = st.builds(
    Policy, version=st.just(1), mode=st.sampled_from(model.Mode), roles=st.dictionaries(NAMES.map("r-{}".format), ROLES, max_size=2),
    tools=st.dictionaries(NAMES, TOOLS, max_size=2), users=st.dictionaries(NAMES, st.builds(User, ROLE_NAMES.map(lambda r: (r,))), max_size=2),
    lists=st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3).map(tuple), max_size=1), conditions=st.dictionaries(NAMES, CONDITIONS, max_size=1),
    rules=st.dictionaries(NAMES, RULES, max_size=1), profiles=st.dictionaries(NAMES, PROFILES, max_size=2), plugins=TEXTS, plugin_seconds=TIMES, approval_seconds=TIMES,
    approvals=APPROVALS, limits=st.dictionaries(NAMES, LIMITS, max_size=2),
    scan=st.builds(Scan, levels=st.dictionaries(NAMES, st.sampled_from(RuleLevel), max_size=2), folders=TEXTS),
    state=st.builds(model.State, url=st.sampled_from(["memory:", "sqlite:a.db"])),
    audit=st.builds(Audit, durability=st.sampled_from(model.Durability), redact=TEXTS),
)  # fmt: skip


def plain(value: Any) -> Any:
    """Return a policy as plain data, unset fields left out."""
    if is_dataclass(value):
        return {
            f.name: plain(getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) is not None
        }
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value


def toml(value: Any) -> str:
    """Write plain data as TOML values, inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_text(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return toml_text(value) if isinstance(value, str) else json.dumps(value)


def toml_text(text: str) -> str:
    """Write text as a TOML string, everything but plain ASCII escaped."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in text) + '"'


def toml_file(data: Mapping[str, Any]) -> str:
    """Write plain data as a TOML file with headers for the sections of sections."""
    lines = [f"{key} = {toml(value)}" for key, value in data.items() if not isinstance(value, dict)]
    for section, inner in data.items():
        if isinstance(inner, dict):
            lines += [
                f"[{section}]",
                *(f"{toml_text(key)} = {toml_keys(value)}" for key, value in inner.items()),
            ]
    return "\n".join(lines)


def toml_keys(value: Any) -> str:
    """Write a value with its keys as TOML spells them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_text(key)} = {toml_keys(item)}" for key, item in value.items()) + "}"
    return toml(value)


@settings(max_examples=60, deadline=None)
@given(policy=POLICIES)
def test_a_policy_comes_back_from_yaml_and_toml_unchanged(policy: Policy) -> None:
    """Written as YAML, JSON or TOML and read again, a policy is the same policy."""
    data = plain(policy)
    texts = [yaml.safe_dump(data), yaml.safe_dump(data, default_flow_style=True)]
    for text in texts:
        assert parse_policy(text, file="p", format="yaml") == policy
    text = toml_file(data)
    assert tomllib.loads(text) == data
    assert parse_policy(text, file="p", format="toml") == policy


# The schema and the guide


def test_the_schema_describes_every_field() -> None:
    """Each field of each section is in the schema with the text of its docstring, and unknown keys are refused there too."""
    schema = policy_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Ringfence policy"
    for kind in SECTIONS:
        section = schema if kind is Policy else schema["$defs"][kind.__name__]
        assert section["additionalProperties"] is False
        assert set(section["properties"]) == {f.name for f in fields(kind)}
        for name, entry in section["properties"].items():
            assert entry["description"].split()[0] in (kind.__doc__ or ""), name
            assert "  " not in entry["description"]
            assert entry["description"].endswith((".", ")")), name


def test_the_schema_holds_the_bounds() -> None:
    """What the loader demands of numbers and names is in the schema."""
    schema = policy_schema()
    profile = schema["$defs"]["Profile"]["properties"]
    assert profile["ports"]["items"] == {"type": "integer", "minimum": 1, "maximum": 65535}
    assert profile["cpu_seconds"]["exclusiveMinimum"] == 0
    assert (profile["wall_seconds"]["type"], profile["wall_seconds"]["exclusiveMinimum"]) == ("number", 0)
    rule = schema["$defs"]["ArgumentRule"]
    assert (rule["minProperties"], rule["properties"]["one_of"]["minItems"]) == (1, 1)
    assert '"null"' not in json.dumps(schema)
    assert schema["properties"]["version"]["maximum"] == 1
    assert schema["properties"]["roles"]["propertyNames"] == {"minLength": 1}


def test_every_reference_in_the_schema_exists() -> None:
    """The schema is JSON, and each of its references leads to a section."""
    schema = policy_schema()
    references = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(schema)))
    assert references == set(schema["$defs"])


@pytest.mark.parametrize("format_", ["yaml", "toml"])
def test_the_examples_of_the_guide_load(tmp_path: Path, format_: str) -> None:
    """What the guide shows as a policy is one, and its names hang together."""
    (example,) = re.findall(
        rf"^```{format_}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    file = tmp_path / f"ringfence.{format_}"
    file.write_text(example, encoding="utf-8")
    assert "refund" in load_sound_policy(file).tools


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_the_guide_lists_every_field(kind: type) -> None:
    """Each field of the model has its row in the guide."""
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {f.name for f in fields(kind)} <= set(rows)


def test_the_package_and_the_model_import_no_parser() -> None:
    """`import ringfence` and the policy's model pull in neither pydantic nor a parser."""
    code = "import sys, ringfence, ringfence.policy.model as m; print(sorted({'pydantic', 'yaml', 'tomllib', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

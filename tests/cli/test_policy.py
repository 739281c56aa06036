"""`ringfence policy` and `ringfence explain`: what they print for people and machines, and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ringfence.cli.commands import app

POLICY = """
version: 1
roles:
  analyst:
    inherits: [user]
    allow: [refund, "read_*"]
    ask: [export]
    deny: ["drop_*"]
    seconds: 60
tools:
  refund:
    role: power_user
    arguments: {amount: {max: 100}}
  export: {role: analyst}
users:
  ana: {roles: [analyst]}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write a sound policy file."""
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return exit code, stdout and stderr."""
    found = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert found.exception is None or isinstance(found.exception, SystemExit)
    return found.exit_code, found.stdout, found.stderr


def test_check_shows_flattened_roles_and_counts(file: str) -> None:
    """A sound policy is shown with what each role may do in the end, and exit code 0."""
    code, out, err = run("policy", "check", file)
    assert (code, err) == (0, "")
    assert out.startswith(f"ok: {file} (mode enforce, version ")
    row = next(line for line in out.splitlines() if "│ analyst" in line)
    assert "execute_tool, file_read, view_logs" in row
    assert "│ 60 " in row
    assert "tools: 2, rules: 0, users: 1, profiles: default" in out
    assert "plugins: none, log: sqlite (call)" in out


def test_check_prints_json(file: str) -> None:
    """With --json the same facts come as one JSON object."""
    code, out, _ = run("policy", "check", file, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["ok"] is True
    assert found["roles"]["analyst"]["inherits"] == ["user", "guest"]
    assert found["roles"]["analyst"]["deny"] == ["drop_*"]
    assert (found["tools"], found["users"], found["plugins"]) == (2, 1, [])


def test_check_lists_all_faults(tmp_path: Path) -> None:
    """A policy with faults ends with 1, one line on stderr for each."""
    path = tmp_path / "p.yaml"
    path.write_text("rolls: {}\nmode: x\nplugins: a\n")
    code, out, err = run("policy", "check", str(path))
    lines = err.splitlines()
    assert (code, out, len(lines)) == (1, "", 3)
    assert lines[0].startswith(f"error: {path}:1: rolls: expected one of the keys ")
    assert lines[0].endswith("got the unknown key 'rolls'. Did you mean 'roles'?")
    assert lines[2] == f"error: {path}:3: plugins: expected a list, such as [a], got the text 'a'"


def test_check_prints_faults_as_json(tmp_path: Path) -> None:
    """With --json each fault comes with its facts apart."""
    path = tmp_path / "p.yaml"
    path.write_text("roles: {a: {inherits: [gest]}}")
    code, out, err = run("policy", "check", str(path), "--json")
    (fault,) = json.loads(out)["faults"]
    assert (code, err) == (1, "")
    assert (fault["line"], fault["key"], fault["nearest"]) == (1, "roles.a.inherits[0]", "guest")


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_check_of_an_unreadable_file_is_exit_code_two(tmp_path: Path, json_option: list[str]) -> None:
    """A file that is not there ends with 2, since nothing was checked."""
    code, out, err = run("policy", "check", str(tmp_path / "p.yaml"), *json_option)
    assert code == 2
    assert "expected a file, got nothing of that name" in (out if json_option else err)


def test_check_prints_hostile_names_harmlessly(tmp_path: Path) -> None:
    """Markup and control characters in a policy's names do nothing on the screen."""
    path = tmp_path / "p.yaml"
    path.write_text('roles: {"[red]x": {}}')
    code, out, _ = run("policy", "check", str(path))
    assert code == 0
    assert "[red]x" in out
    path.write_text('roles: {"[red]x\\e[2J": {}}')
    code, out, err = run("policy", "check", str(path))
    assert code == 1
    assert "\x1b" not in out + err
    assert r"got '[red]x\x1b[2J'" in out + err


def test_schema_prints_or_writes_json(tmp_path: Path) -> None:
    """The schema goes to stdout, or to the file that --output names."""
    code, out, _ = run("policy", "schema")
    assert code == 0
    target = tmp_path / "s.json"
    assert run("policy", "schema", "--output", str(target))[:2] == (0, "")
    assert json.loads(target.read_text()) == json.loads(out)
    code, _, err = run("policy", "schema", "--output", str(tmp_path))
    assert code == 2
    assert "cannot write" in err


def test_explain_lists_every_rule_and_the_nearest_that_allows(file: str) -> None:
    """All rules that spoke come in order, then the verdict, then the role and rule that would make the difference."""
    call = ("--user", "ana", "--tool", "refund", "--args", '{"amount": 20}')
    code, out, _ = run("explain", file, *call, "--json")
    found = json.loads(out)
    assert code == 0
    assert [(said["rule"], said["decision"]) for said in found["statements"]] == [
        ("tools.refund.role", "deny"),
        ("roles.analyst.allow", "allow"),
        ("tools.refund.arguments.amount.max", "allow"),
    ]
    assert (found["verdict"]["decision"], found["verdict"]["rule"]) == ("deny", "tools.refund.role")
    (nearest,) = found["nearest"]
    assert "power_user" in nearest
    assert f"\nnearest: {nearest}\n" in run("explain", file, *call)[1]


def test_explain_tries_the_arguments_too(file: str) -> None:
    """An argument rule that is broken is shown, and what would satisfy it."""
    code, out, _ = run("explain", file, "--user", "x", "--role", "power_user", "--role", "analyst",
                       "--tool", "refund", "--args", '{"amount": 101}')  # fmt: skip
    assert code == 0
    assert "tools.refund.arguments.amount.max" in out
    assert "\ndeny: argument 'amount' is not a number of at most 100" in out
    assert "\nnearest: Call it with an argument 'amount' that is a number of at most 100." in out


def test_explain_shows_asks_unnamed_tools_and_observe_mode(file: str) -> None:
    """A call that a person must approve, a tool that the policy does not name, and a policy that only observes are pointed out."""
    assert "\nask: a person must approve" in run("explain", file, "--user", "ana", "--tool", "export")[1]
    Path(file).write_text(f"{POLICY}mode: observe\n")
    out = run("explain", file, "--user", "ana", "--tool", "read_x")[1]
    assert "\nallow: role 'analyst' allows 'read_*'" in out
    assert "\nnote: the policy does not name this tool" in out
    assert "\nnote: the policy only observes" in out


@pytest.mark.parametrize(
    ("path", "decision", "rule"),
    [("a.txt", "allow", "scan-path"), ("/srv/x", "deny", "file_read:path"), ("/srv/closed/x", "deny", "file_read:forbidden")],
)  # fmt: skip
def test_explain_shows_what_the_scan_of_an_argument_says(
    tmp_path: Path, path: str, decision: str, rule: str
) -> None:
    """An argument that the policy declares as code has a statement of its own, and what would have been allowed is told."""
    file = tmp_path / "p.yaml"
    file.write_text(
        "roles: {reader: {inherits: [user], allow: [read]}}\ntools: {read: {code: {path: {language: path}}}}\n"
        "profiles: {default: {read_only: [/srv/open], forbidden: [/srv/closed]}}"
    )
    call = ("--user", "ana", "--role", "reader", "--tool", "read", "--args", json.dumps({"path": path}))
    code, out, _ = run("explain", str(file), *call, "--json")
    found = json.loads(out)
    (said,) = [said for said in found["statements"] if said["check"] == "code"]
    assert (code, said["rule"], said["decision"], found["verdict"]["decision"]) == (
        0,
        rule,
        decision,
        decision,
    )
    assert found["nearest"] == ([said["hint"]] if decision == "deny" else [])


def test_explain_leaves_no_log_behind(file: str) -> None:
    """Nothing is recorded, so there is no log after it."""
    run("explain", file, "--user", "ana", "--tool", "export")
    assert [path.name for path in Path(file).parent.iterdir()] == ["p.yaml"]


@pytest.mark.parametrize("arguments", ["[1]", "{", "[" * 100_000])
def test_explain_refuses_arguments_that_are_no_object(file: str, arguments: str) -> None:
    """What is no JSON object is wrong usage."""
    code, _, err = run("explain", file, "--user", "ana", "--tool", "t", "--args", arguments)
    assert code == 2
    assert "Invalid value for --args" in err


RULES = """
roles: {clerk: {inherits: [user], allow: [pay]}}
rules:
  slow:
    decision: deny
    tools: [pay]
    when: {not_after: [verify]}
    reason: verify first
  night:
    decision: deny
    tools: [pay]
    unless: {hours: "08:00-18:00", addresses: [10.0.0.0/8]}
    exceptions: [{when: {users: [bo]}, owner: Cy, until: "2030-01-01", reason: night shift}]
  idle: {decision: allow, tools: [pya]}
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """Write a policy file with rules."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return str(path)


def test_check_prints_remarks_and_is_strict_where_asked(rules: str) -> None:
    """On stderr, beside the summary; exit code 0, or 1 with --strict."""
    code, out, err = run("policy", "check", rules)
    assert (code, out.startswith("ok: ")) == (0, True)
    assert "tools: 0, rules: 3" in out
    assert err == (
        f"unknown: {rules}:14: rules.idle.tools[0]: nothing else in the policy names 'pya'. Did you mean 'pay'?\n"
    )
    assert run("policy", "check", rules, "--strict")[0] == 1
    code, out, _ = run("policy", "check", rules, "--strict", "--json")
    (remark,) = json.loads(out)["remarks"]
    assert (code, remark["line"], remark["kind"], remark["key"]) == (1, 14, "unknown", "rules.idle.tools[0]")


def test_check_compares_names_with_the_tools_of_modules(
    rules: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions under secure_tool, methods, and what a guard has registered; the module is found in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_tools", raising=False)
    (tmp_path / "shop_tools.py").write_text(
        "from ringfence import Audit, Guard, Policy, StoreKind, secure_tool\n"
        "guard = Guard(Policy(audit=Audit(store=StoreKind.MEMORY)))\n"
        "def verify(who: str) -> str:\n    return who\n"
        "guard.register(verify)\n"
        "@secure_tool(guard=guard)\ndef pay(amount: float) -> float:\n    return amount\n"
        "class Shop:\n    @secure_tool(guard=guard)\n    def close(self) -> None: ...\n"
    )
    _, _, err = run("policy", "check", rules, "--tools", "shop_tools")
    assert err == f"unknown: {rules}:14: rules.idle.tools[0]: there is no tool 'pya'. Did you mean 'pay'?\n"


@pytest.mark.parametrize(
    ("options", "decision", "rules_that_spoke"),
    [
        (("--at", "2026-12-01T09:00:00", "--address", "10.1.1.1", "--after", "verify"), "allow", []),
        (("--at", "2026-12-01T09:00:00", "--address", "10.1.1.1"), "deny", ["rules.slow"]),
        (("--at", "2026-12-01T07:00:00", "--address", "10.1.1.1", "--after", "verify"), "deny", ["rules.night"]),
        (("--at", "2026-12-01T09:00:00", "--address", "11.1.1.1"), "deny", ["rules.slow", "rules.night"]),
        (("--at", "2026-12-01T03:00:00", "--after", "verify", "--user", "bo"), "allow", ["rules.night.exceptions[0]"]),
    ],
)  # fmt: skip
def test_explain_takes_time_place_and_earlier_calls(
    rules: str, options: tuple[str, ...], decision: str, rules_that_spoke: list[str]
) -> None:
    """What rules may ask about; each rule that speaks is shown, and whose exception keeps one silent."""
    code, out, _ = run(
        "explain", rules, "--role", "clerk", "--tool", "pay", "--json", "--user", "ana", *options
    )
    found = json.loads(out)
    assert (code, found["verdict"]["decision"]) == (0, decision)
    assert [said["rule"] for said in found["statements"] if said["check"] == "rules"] == rules_that_spoke
    excepted = [said["message"] for said in found["statements"] if "exceptions" in said["rule"]]
    assert excepted in (
        [],
        ["the rule 'night' is silent until 2030-01-01, by an exception of Cy: night shift"],
    )

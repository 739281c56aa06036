"""`ringfence policy test`, `simulate`, `diff` and `init`: what they print, write and exit with."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from tests.trying.records import STORES, policy_of, recording_guard, register
from typer.testing import CliRunner

from ringfence import StoreKind
from ringfence.cli.commands import app

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """
roles:
  analyst: {permissions: [execute_tool], allow: [refund, login], ask: [export], deny: [drop]}
tools:
  refund: {arguments: {amount: {max: 100}}}
users:
  ana: {roles: [analyst]}
"""
CASES = """
policy: p.yaml
as: {user: ana}
cases:
  - {name: small, call: {tool: refund, arguments: {amount: 20}}, expect: allow, rule: roles.analyst.allow}
  - {name: large, call: {tool: refund, arguments: {amount: 200}}, expect: deny, reason: policy}
"""
FAILING = """\
  - {name: "wrong <&>\\a", call: {tool: refund, arguments: {amount: 200}}, expect: allow, rule: roles.*, reason: scan}
  - {name: stranger, as: {user: eve}, call: export, expect: ask}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a policy and cases that hold."""
    (tmp_path / "p.yaml").write_text(POLICY)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    """Run a command; return exit code, stdout and stderr."""
    found = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.exit_code, found.stdout, found.stderr


def record(folder: Path, store: StoreKind = StoreKind.SQLITE) -> Path:
    """Record five calls in a log; return it."""
    with recording_guard(folder, policy_of(folder, POLICY), store) as guard:
        register(guard, "export", "drop")

        def refund(amount: float) -> None: ...
        def login(password: str) -> None: ...

        guard.register(refund)
        guard.register(login)
        with guard.acting_as("ana"):
            guard.run("refund", {"amount": 20})
            guard.run("refund", {"amount": 90})
            guard.run("login", {"password": "hunter22"})
            guard.run("export")
            guard.run("drop")
    return folder / "calls.log"


def test_cases_that_hold_end_with_zero(folder: Path) -> None:
    """Each case has its line, and the sum stands at the end."""
    code, out, err = run("policy", "test", folder / "cases.yaml")
    assert (code, err) == (0, "")
    assert "│ ok │ small │ refund │ allow  │ allow │ roles.analyst.allow" in out
    assert out.endswith("2 of 2 cases hold\n")


def test_a_case_that_does_not_hold_says_why(folder: Path) -> None:
    """Expected and got, what each rule said, and what would have allowed it; control characters in names do nothing."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    code, out, _ = run("policy", "test", folder / "cases.yaml")
    assert code == 1
    assert "line 7 of the case file" in out
    assert "expected allow, got deny" in out
    assert "expected the rule roles.*, got tools.refund.arguments.amount.max" in out
    assert "expected the reason scan, got policy" in out
    assert "nearest: Call it with an argument 'amount' that is a number of at most 100." in out
    assert "unknown user 'eve'. Known: ana." in out
    assert "\a" not in out
    assert out.endswith("2 of 4 cases hold\n")


def test_cases_as_json(folder: Path) -> None:
    """For machines each case comes with its verdict and all statements."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    code, out, _ = run("policy", "test", folder / "cases.yaml", "--json", "--coverage")
    found = json.loads(out)
    assert (code, found["passed"], found["failed"]) == (1, 2, 2)
    assert [case["got"] for case in found["cases"]] == ["allow", "deny", "deny", "error"]
    assert found["cases"][1]["verdict"]["rule"] == "tools.refund.arguments.amount.max"
    assert found["unreached"] == ["roles.analyst.deny", "roles.analyst.ask"]


def test_cases_as_junit(folder: Path) -> None:
    """The XML has a suite with counts and times, a test case for each case, and a failure or an error where one does not hold."""
    (folder / "cases.yaml").write_text(CASES + FAILING)
    target = folder / "results.xml"
    assert run("policy", "test", folder / "cases.yaml", "--junit", target)[0] == 1
    top = ET.fromstring(target.read_bytes())
    (suite,) = top
    assert (top.tag, suite.tag) == ("testsuites", "testsuite")
    for counted in (top, suite):
        assert {key: counted.get(key) for key in ("tests", "failures", "errors")} == {
            "tests": "4", "failures": "1", "errors": "1",
        }  # fmt: skip
        assert float(counted.get("time", "")) >= 0
    assert [case.get("name") for case in suite] == ["small", "large", "wrong <&>\\x07", "stranger"]
    assert {case.tag for case in suite} == {"testcase"}
    assert all(case.get("classname") and float(case.get("time", "")) >= 0 for case in suite)
    assert [[inner.tag for inner in case] for case in suite] == [[], [], ["failure"], ["error"]]
    failure = suite[2][0]
    assert failure.get("message", "").startswith("expected allow, got deny; expected the rule")
    assert failure.get("type") == "verdict"
    assert "nearest: Call it with an argument 'amount'" in (failure.text or "")


def test_a_case_file_without_a_policy_needs_one(folder: Path) -> None:
    """The policy comes from the option or the file; faults of either end with 2."""
    (folder / "cases.yaml").write_text(CASES.replace("policy: p.yaml\n", ""))
    code, _, err = run("policy", "test", folder / "cases.yaml")
    assert code == 2
    assert "the case file names no policy" in err
    assert run("policy", "test", folder / "cases.yaml", "--policy", folder / "p.yaml")[0] == 0
    done = subprocess.run(
        [sys.executable, "-m", "ringfence", "policy", "test", folder / "gone.yaml"],
        capture_output=True, check=False, text=True, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: " in done.stderr
    assert "expected a file, got nothing of that name" in done.stderr


def test_cases_know_what_decorators_ask_for(folder: Path) -> None:
    """With the module of tools, arguments are bound to signatures, defaults included, and decorators' roles count."""
    (folder / "my_tools.py").write_text(
        "from ringfence import Audit, Guard, Policy, StoreKind, secure_tool\n"
        "guard = Guard(Policy(audit=Audit(store=StoreKind.MEMORY)))\n"
        "@secure_tool(guard=guard, role='power_user')\n"
        "def refund(amount: float = 500) -> None: ...\n"
    )
    (folder / "cases.yaml").write_text(
        "policy: p.yaml\ntools: my_tools.py\nas: {user: ana}\ncases:\n"
        "  - {name: role, call: {tool: refund, arguments: {amount: 1}}, expect: deny, rule: '@refund.role'}\n"
        "  - {name: default, as: {user: z, roles: [analyst, power_user]}, call: refund, expect: deny, rule: '*.amount.max'}\n"
        "  - {name: misspelt, call: {tool: refund, arguments: {amonut: 1}}, expect: deny, reason: arguments}\n"
    )
    code, out, err = run("policy", "test", folder / "cases.yaml")
    assert (code, err) == (0, ""), out


@pytest.mark.parametrize("store", STORES)
def test_simulate_tells_what_would_change(folder: Path, store: StoreKind) -> None:
    """A log of either kind is verified and replayed: calls that change are listed, and all are counted."""
    log = record(folder, store)
    new = folder / "new.yaml"
    new.write_text(
        POLICY.replace("max: 100", "max: 50").replace("ask: [export], deny: [drop]", "ask: [drop]")
    )
    code, out, err = run("policy", "simulate", new, "--over", log)
    assert (code, err) == (0, "")
    assert "tools.refund.arguments.amount.max" in out
    assert out.endswith("5 calls: 1 looser, 2 stricter, 0 unknown\n")
    code, out, _ = run("policy", "simulate", new, "--over", log, "--fail-on-loosened", "--number", 1)
    assert code == 1
    assert "2 more are not listed: --all lists them" in out
    assert run("policy", "simulate", folder / "p.yaml", "--over", log, "--fail-on-loosened")[0] == 0


def test_simulate_prints_json_lines(folder: Path) -> None:
    """A line for each call that changes or is unknown, one that sums up, and never the masked value."""
    log = record(folder)
    new = folder / "new.yaml"
    rule = "  login: {arguments: {password: {max_length: 9}}}\n"
    new.write_text(POLICY.replace("tools:\n", f"tools:\n{rule}"))
    code, out, _ = run("policy", "simulate", new, "--over", log, "--json")
    call, total = map(json.loads, out.splitlines())
    assert code == 0
    assert (call["tool"], call["change"], call["new"]) == ("login", "unknown", None)
    assert call["arguments"] == {"password": "<masked>"}
    assert call["why"] == "the policy reads a value that the record masks or cuts"
    assert total["changes"] == {"same": 4, "unknown": 1}
    assert total["calls"] == 5


def test_simulate_judges_only_since(folder: Path) -> None:
    """Calls from before are history and are not judged."""
    log = record(folder)
    later = run("policy", "simulate", folder / "p.yaml", "--over", log, "--since", "2999-01-01", "--json")[1]
    hour = run("policy", "simulate", folder / "p.yaml", "--over", log, "--since", "1h", "--json")[1]
    assert (json.loads(later)["calls"], json.loads(hour)["calls"]) == (0, 5)
    code, _, err = run("policy", "simulate", folder / "p.yaml", "--over", log, "--since", "soon")
    assert code == 2
    assert "expected 90s, 30m, 2h, 7d or a date" in err


@pytest.mark.parametrize(
    "command",
    [("simulate", "p.yaml", "--over"), ("init", "--from-log"), ("diff", "p.yaml", "p.yaml", "--over")],
)
def test_a_log_that_was_changed_is_not_believed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A forged record ends with 2 and says which one it is, unless verification is left out on purpose."""
    monkeypatch.chdir(folder)
    log = record(folder, StoreKind.JSONL)
    log.write_bytes(log.read_bytes().replace(b'"amount":90', b'"amount":10'))
    output = ("--output", "new.yaml") if command[0] == "init" else ()
    code, out, err = run("policy", *command, log, *output)
    assert (code, out) == (2, "")
    assert "NOT intact" in err
    assert run("policy", *command, log, *output, "--unsafe-unverified")[0] == 0


def test_diff_shows_what_changes(folder: Path) -> None:
    """Made-up calls, those of a case file and those of a log are compared; differences end with 1."""
    new = folder / "new.yaml"
    new.write_text(POLICY.replace("max: 100", "max: 50"))
    code, out, _ = run("policy", "diff", folder / "p.yaml", new)
    assert code == 1
    assert (
        '│ stricter │ analyst │ refund │ allow │ deny │     3 │ {"amount": 100.0} │ tools.refund.arguments.amount.max │'
        in out
    )
    assert "made-up calls: 0 looser, 3 stricter, 0 unknown" in out
    assert "samples: calls in between may differ too" in out
    code, out, _ = run("policy", "diff", folder / "p.yaml", new, "--cases", folder / "cases.yaml")
    assert (code, out) == (0, "2 calls: 0 looser, 0 stricter, 0 unknown\n")
    code, out, _ = run("policy", "diff", folder / "p.yaml", new, "--over", record(folder), "--json")
    found = json.loads(out)
    assert (code, found["calls"], found["made_up"]) == (1, 5, False)
    (change,) = found["changes"]
    assert (change["arguments"], change["change"]) == ({"amount": 90}, "stricter")
    assert run("policy", "diff", folder / "p.yaml", folder / "p.yaml")[0] == 0
    code, _, err = run("policy", "diff", folder / "p.yaml", new, "--cases", "x", "--over", "y")
    assert code == 2
    assert "name a log or a case file, not both" in err


def test_diff_hides_values_of_secret_arguments(folder: Path) -> None:
    """A sample made of a secret that a policy holds is not printed."""
    old, new = folder / "old.yaml", folder / "new.yaml"
    for path, word in ((old, "swordfish"), (new, "hunter22")):
        path.write_text(
            POLICY.replace("tools:\n", f"tools:\n  login: {{arguments: {{password: {{equals: {word}}}}}}}\n")
        )
    for option in ((), ("--json",)):
        code, out, _ = run("policy", "diff", old, new, *option)
        assert code == 1
        assert "login" in out
        assert "swordfish" not in out
        assert "hunter22" not in out


def test_init_from_a_log_writes_a_policy_that_fits_it(folder: Path) -> None:
    """What is written passes `policy check` and changes nothing over the log; a file that is there stays unless forced."""
    log, target = record(folder), folder / "first.yaml"
    code, out, err = run("policy", "init", "--from-log", log, "--output", target)
    assert (code, out) == (0, "")
    assert err.startswith(f"wrote {target}: read it, then try it")
    assert run("policy", "check", target)[0] == 0
    total = json.loads(run("policy", "simulate", target, "--over", log, "--json")[1].splitlines()[-1])
    assert [pair for pair in total["pairs"] if pair["old"] == "allow"] == [
        {"old": "allow", "new": "allow", "calls": 3}
    ]
    before = target.read_text()
    code, _, err = run("policy", "init", "--from-log", log, "--output", target)
    assert (code, target.read_text()) == (1, before)
    assert "is there already: --force writes over it" in err
    assert run("policy", "init", "--from-log", log, "--output", target, "--force")[0] == 0


def test_init_from_tools_prints_or_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `-` the policy goes to stdout; a module is found from the current folder."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    (folder / "plain_tools_of_mine.py").write_text("def send_mail(to: str): ...\ndef look(): ...\n")
    code, out, _ = run("policy", "init", "--tools", "plain_tools_of_mine", "--output", "-")
    assert code == 0
    assert "    allow:\n      - look\n    ask:\n      - send_mail  # its name says that it may send\n" in out
    code, _, err = run("policy", "init")
    assert code == 2
    assert "name either --tools or --from-log" in err


def test_explain_at_another_time_after_other_calls(folder: Path) -> None:
    """`explain` takes the module of tools, a time and what ran before, and decides as the gate would then."""
    (folder / "tools_to_explain.py").write_text(
        "from ringfence import Audit, Guard, Policy, StoreKind, secure_tool\n"
        "guard = Guard(Policy(audit=Audit(store=StoreKind.MEMORY)))\n"
        "@secure_tool(guard=guard, role='admin')\n"
        "def export() -> None: ...\n"
    )
    call = (
        "explain",
        folder / "p.yaml",
        "--user",
        "ana",
        "--tool",
        "export",
        "--json",
        "--at",
        "2026-01-31T12:00:00",
        "--after",
        "refund",
    )
    assert json.loads(run(*call)[1])["verdict"]["decision"] == "ask"
    found = json.loads(run(*call, "--tools", folder / "tools_to_explain.py")[1])
    assert (found["verdict"]["decision"], found["verdict"]["rule"]) == ("deny", "@export.role")


def test_rules_with_conditions_are_tried_like_any_other(folder: Path) -> None:
    """A rule about what came before shows in cases, in their coverage and in `explain`."""
    rules = "rules:\n  web: {decision: deny, tools: [refund], unless: {not_after: [browse]}}\n  never: {decision: deny, tools: [nothing]}\n"
    (folder / "p.yaml").write_text(POLICY + rules)
    (folder / "cases.yaml").write_text(
        CASES
        + "  - {name: after, call: {tool: refund, arguments: {amount: 1}}, after: [browse], expect: deny, rule: rules.web}\n"
    )
    code, out, _ = run("policy", "test", folder / "cases.yaml", "--json", "--coverage")
    found = json.loads(out)
    assert (code, found["failed"]) == (0, 0)
    assert "rules.never" in found["unreached"]
    assert "rules.web" not in found["unreached"]
    call = (
        "explain",
        folder / "p.yaml",
        "--user",
        "ana",
        "--tool",
        "refund",
        "--args",
        '{"amount": 1}',
        "--json",
    )
    assert json.loads(run(*call)[1])["verdict"]["decision"] == "allow"
    assert json.loads(run(*call, "--after", "browse")[1])["verdict"]["rule"] == "rules.web"

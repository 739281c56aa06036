"""`ringfence run` and `ringfence doctor`, as somebody at a terminal or a program uses them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path  # noqa: TC003 - fixtures are annotated with it
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox


def ringfence(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "ringfence", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=50, check=False)


def told(*arguments: str, stdin: str = "") -> tuple[int, Any]:
    """Run the command for machines."""
    done = ringfence(*arguments, "--json", stdin=stdin)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_file_is_run(tmp_path: Path) -> None:
    """Its prints go to stdout, its value and usage to stderr, and the exit code is 0."""
    (tmp_path / "a.py").write_text("print('hi')\nn * 2")
    done = ringfence("run", str(tmp_path / "a.py"), "--input", '{"n": 4}')
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert "value: 8" in done.stderr
    assert "seccomp" in done.stderr


def test_javascript_is_told_by_the_name(tmp_path: Path) -> None:
    """A file that ends in .js is JavaScript."""
    (tmp_path / "a.js").write_text("console.log([1, 2]); n * 2")
    code, facts = told("run", str(tmp_path / "a.js"), "--input", '{"n": 4}')
    assert (code, facts["value"], facts["stdout"]) == (0, 8, "[ 1, 2 ]\n")


def test_a_failure_is_told_with_its_reason() -> None:
    """The exit code is 1, the traceback is the code's own, and the reason comes out of the closed list."""
    code, facts = told("run", "-", stdin="1 / 0")
    assert (code, facts["reason"], facts["executed"]) == (1, "crashed", True)
    assert "ZeroDivisionError" in facts["stderr"]
    assert "ringfence" not in facts["stderr"]
    code, facts = told("run", "-", "--seconds", "0.3", stdin="import time\ntime.sleep(9)")
    assert (code, facts["reason"]) == (1, "timeout")


def test_files_go_in_and_out(tmp_path: Path) -> None:
    """Attached files lie in input/, and what is left in output/ is put into a folder."""
    (tmp_path / "in.txt").write_text("abc")
    source = "import os\nos.makedirs('output/deep')\nopen('output/deep/out.txt', 'w').write(open('input/in.txt').read().upper())"
    out = tmp_path / "out"
    code, facts = told("run", "-", "--attach", str(tmp_path / "in.txt"), "--output", str(out), stdin=source)
    assert (code, facts["files"]) == (0, {"deep/out.txt": 3})
    assert (out / "deep/out.txt").read_text() == "ABC"


def test_a_profile_of_a_policy_is_used(tmp_path: Path) -> None:
    """The profile is found by its name; one that is not there is named with the nearest."""
    (tmp_path / "p.yaml").write_text("profiles:\n  small: {memory_mb: 64}\n")
    code, facts = told(
        "run",
        "-",
        "--policy",
        str(tmp_path / "p.yaml"),
        "--profile",
        "small",
        stdin="x = bytearray(100 << 20)",
    )
    assert (code, facts["reason"]) == (1, "memory")
    done = ringfence("run", "-", "--policy", str(tmp_path / "p.yaml"), "--profile", "smal", stdin="1")
    assert done.returncode == 2
    assert "small" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "/no/such/file.py"], "No such file"),
        (["run", "-", "--language", "ruby"], "expected python or javascript"),
        (["run", "-", "--input", "[1]"], "expected a JSON object"),
        (["run", "-", "--input", "{"], "no JSON"),
        (["run", "-", "--attach", "/no/such"], "No such file"),
        (["doctor", "--level", "perfect"], "expected one of"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], says: str) -> None:
    """A mistake gets a sentence and the exit code 2."""
    done = ringfence(*arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_control_characters_of_the_code_do_nothing_to_the_terminal() -> None:
    """What the code prints is shown, not obeyed."""
    done = ringfence("run", "-", stdin="print('\\x1b[2Jgone')")
    assert "\x1b" not in done.stdout
    assert "gone" in done.stdout


def test_the_doctor_proves_each_layer() -> None:
    """Every layer has a fact, every canary was stopped, and the exit code says whether the level can be met."""
    code, facts = told("doctor")
    assert (code, facts["sound"], facts["lacking"]) == (0, True, "")
    assert [layer["layer"] for layer in facts["layers"]] == [
        "rlimits", "privileges", "landlock", "seccomp", "namespaces", "cgroup",
    ]  # fmt: skip
    assert facts["network"]["detail"]
    assert facts["network"]["engine"] in ("namespace", "notify", "")
    assert facts["canaries"]
    assert all(canary["held"] for canary in facts["canaries"])
    for layer in facts["layers"]:
        assert layer["available"] or layer["advice"]


def test_the_doctor_asks_for_the_strictest_level_of_a_policy(tmp_path: Path) -> None:
    """A policy with a paranoid profile is held to it."""
    (tmp_path / "p.yaml").write_text("profiles:\n  a: {security_level: paranoid}\n  b: {}\n")
    code, facts = told("doctor", "--policy", str(tmp_path / "p.yaml"))
    assert facts["level"] == "paranoid"
    assert code == (0 if facts["sound"] else 1)


def test_the_doctors_table_can_be_read() -> None:
    """For a person there are tables, and one sentence at the end."""
    done = ringfence("doctor")
    assert "landlock" in done.stdout
    assert "can be met here" in done.stdout

"""`ringfence scan`: which files it takes, what it prints for people and programs, how it ends, and what it costs to start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ringfence.cli.commands import app
from ringfence.cli.scan import scan
from ringfence.scanning.files import ENDINGS

ROOT = Path(__file__).parents[2]
BAD = 'import os\nprint(open("/etc/shadow").read())\n'
GOOD = "print(sum(range(10)))\n"
RULE = """
id: own-shadow
title: Reads the shadow file
family: credentials
level: medium
description: "{name} reads {value}."
hint: Leave the file alone.
when: [{kind: read, values: [/etc/shadow]}]
found:
  - {language: python, source: open("/etc/shadow")}
  - {language: python, source: open("/etc/" + "shadow")}
ignored:
  - {language: python, source: open("shadow")}
  - {language: python, source: print("/etc/shadow")}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without colours, in lines of 100 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def write(name: str, source: str) -> str:
    """Write a file in the current folder; return its name."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    return name


def as_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Return what a scan prints as JSON."""
    scan([*arguments, "--format", "json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def in_process(*arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ringfence", "scan", *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, **variables},
        timeout=60,
        check=False,
    )


def test_a_finding_is_shown_with_its_line_and_marks_under_the_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Place, level, rule and message come first, then the source with the place marked, then what to change; exit code 1."""
    write("rules/own.yaml", RULE)
    assert scan([write("bad.py", BAD), "--level", "medium", "--rules", "rules"]) == 1
    out = capsys.readouterr().out
    block = next(part for part in out.split("\n\n") if "own-shadow" in part)
    assert block.splitlines() == [
        "bad.py:2:7: medium own-shadow: open reads /etc/shadow.",
        " 1 | import os",
        ' 2 | print(open("/etc/shadow").read())',
        "   |       ^^^^^^^^^^^^^^^^^^^",
        "   hint: Leave the file alone.",
    ]


def test_a_clean_file_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the table is printed."""
    assert scan([write("good.py", GOOD)]) == 0
    header, numbers = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "files"
    assert numbers.split()[:-1] == ["1", *["0"] * 7]


def test_the_level_decides_what_is_shown_and_how_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    """A finding below the level is counted, and the last line says how to see it."""
    write("rules/own.yaml", RULE.replace("medium", "low").replace("/etc/shadow", "/srv/x"))
    source = write("a.py", 'open("/srv/x")\n')
    assert scan([source, "--rules", "rules"]) == 0
    out = capsys.readouterr().out
    assert "own-shadow" not in out
    assert out.splitlines()[-1] == "1 finding is below high and not shown: --level low shows all"
    assert scan([source, "--rules", "rules", "--level", "low"]) == 1
    assert "a.py:1:1: low own-shadow" in capsys.readouterr().out


def test_a_file_that_cannot_be_understood_is_exit_code_one(capsys: pytest.CaptureFixture[str]) -> None:
    """It is shown like a finding, since a call with it would be denied."""
    assert scan([write("a.py", "x = 1\nif x\n")]) == 1
    out = capsys.readouterr().out
    assert out.startswith("a.py:2:5: critical scan-unparsed: ")
    assert " 2 | if x\n   |     ^\n" in out


def test_a_file_that_is_too_large_is_not_read_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """The limit is in bytes, and --max-bytes moves it."""
    source = write("a.py", "x = 'é'\n" * 100)
    assert scan([source, "--max-bytes", "899"]) == 1
    assert "critical scan-too-large: the source is larger than 899 bytes" in capsys.readouterr().out
    assert scan([source, "--max-bytes", "900"]) == 0


@pytest.mark.parametrize("name", ["missing.py", "folder/nothing", "pipe.py"])
def test_what_cannot_be_read_is_exit_code_two_and_hides_nothing(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The reason is on stderr, and the other files are scanned all the same."""
    if name == "pipe.py" and hasattr(os, "mkfifo"):
        os.mkfifo(name)
    assert scan([name, write("bad.py", BAD)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {name}: ")
    assert "bad.py:2:7: critical" in told.out


def test_a_file_of_unknown_language_needs_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is guessed about a file that is named; --language tells."""
    source = write("notes.txt", BAD)
    assert scan([source]) == 2
    assert "error: notes.txt: its language cannot be told from its name" in capsys.readouterr().err
    assert scan([source, "--language", "python"]) == 1


def test_a_folder_is_walked_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Sources are found by ending and first line; tools' folders, environments and links are left alone."""
    for name in ("b.PY", "a/z.js", "a/b.sql", ".git/x.py", "node_modules/x.js", "e/x.py", "readme.md"):
        write(name, "")
    write("e/pyvenv.cfg", "")
    write("run", "#!/usr/bin/env -S python3.12 -u\n")
    write("go", "#!/bin/bash\n")
    Path("loop").symlink_to(".")
    Path("link.py").symlink_to("b.PY")
    found = as_json(capsys, ".", "b.PY")["files"]
    assert [(file["file"].removeprefix("./"), file["language"]) for file in found] == [
        ("a/b.sql", "sql"),
        ("a/z.js", "javascript"),
        ("b.PY", "python"),
        ("go", "shell"),
        ("run", "python"),
        ("b.PY", "python"),
    ]
    (only,) = as_json(capsys, ".", "--language", "shell")["files"]
    assert only["file"] == "./go"


def test_standard_input_is_python_unless_told() -> None:
    """`-` reads from stdin."""
    done = in_process("-", stdin=BAD.encode())
    assert done.returncode == 1
    assert done.stdout.startswith(b"<stdin>:2:7: critical ")
    done = in_process("-", "--language", "path", "--json", stdin=b"/etc/shadow\n")
    assert json.loads(done.stdout)["files"][0]["facts"]["reads"] == ["/etc/shadow"]


def test_json_has_stable_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """Every field that the guide names is there, counted from 1, and the guide names every field."""
    write("rules/own.yaml", RULE)
    (file,) = (found := as_json(capsys, write("bad.py", BAD), "--rules", "rules", "--level", "medium"))[
        "files"
    ]
    own = next(finding for finding in file["findings"] if finding["rule"] == "own-shadow")
    assert own == {
        "rule": "own-shadow",
        "title": "Reads the shadow file",
        "family": "credentials",
        "level": "medium",
        "capability": "file_read",
        "message": "open reads /etc/shadow.",
        "line": 2,
        "column": 7,
        "end_line": 2,
        "end_column": 26,
        "evidence": own["evidence"],
        "hint": "Leave the file alone.",
    }
    assert (file["file"], file["language"], file["problem"]) == ("bad.py", "python", None)
    assert file["capabilities"] == ["file_read"]
    assert file["facts"]["imports"] == ["os"]
    assert found["errors"] == []
    assert found["summary"]["findings"]["medium"] == 1
    guide = (ROOT / "docs" / "scanning.md").read_text()
    fields = {*found, *file, *own, *found["summary"], *file["needs"][0], *file["facts"]}
    assert [name for name in fields if f"`{name}`" not in guide] == []


def test_a_folder_without_sources_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A wrong folder or language would otherwise look like a clean one."""
    (tmp_path / "notes.txt").write_text("x")
    assert scan([str(tmp_path)]) == 0
    assert "note: nothing to scan" in capsys.readouterr().err


def test_hostile_names_and_sources_do_nothing_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences, bidirectional controls and markup show as what they are, in every format."""
    name = write("a\x1b[2J[red]\n.py", f"# \x1b[31m \u202e [bold]\n{BAD.splitlines()[1]} # \x9b1m\x07\n")
    for format_ in ("text", "json", "sarif"):
        assert scan([name, "nope\x1b[2J", "--format", format_]) == 2
        told = capsys.readouterr()
        assert not re.search(r"[^\n -~]", told.out + told.err)
    scan([name])
    out = capsys.readouterr().out
    assert r"a\x1b[2J[red]\n.py:2:7: critical " in out
    assert r" 1 | # \x1b[31m \u202e [bold]" in out


def test_python_is_decoded_as_python_does(capsys: pytest.CaptureFixture[str]) -> None:
    """A coding line counts: text that hides in UTF-7 is found, and what Python could not read is not understood."""
    Path("hidden.py").write_bytes(b'# coding: utf-7\n+AG8AcABlAG4-("/etc/shadow")\n')
    Path("latin.py").write_bytes(b"# coding: latin-1\nx = '\xe9'\n")
    Path("broken.py").write_bytes(b"x = 1\ny = 2\nx = '\xe9'\n")
    Path("unknown.py").write_bytes(b"# coding: rot13\nx = 1\n")
    files = {file["file"]: file for file in as_json(capsys, ".")["files"]}
    assert files["./hidden.py"]["facts"]["reads"] == ["/etc/shadow"]
    assert files["./latin.py"]["problem"] is None
    assert files["./broken.py"]["problem"]["line"] == 3
    assert files["./unknown.py"]["problem"]["kind"] == "unparsed"


def test_several_processes_find_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """--jobs changes how long it takes and nothing else."""
    write("rules/own.yaml", RULE)
    for number in range(20):
        write(f"{number:02}.py", BAD if number % 2 else GOOD)
    arguments = (".", "--language", "python", "--rules", "rules", "--level", "info")
    alone = as_json(capsys, *arguments)
    several = json.loads(in_process(*arguments, "--jobs", "2", "--json").stdout)
    assert len(alone["files"]) == 20
    assert several["files"] == alone["files"]


def test_colours_show_on_request_and_never_with_no_color() -> None:
    """FORCE_COLOR colours a pipe, NO_COLOR wins over it."""
    source = write("bad.py", BAD)
    assert b"\x1b[1;35mcritical\x1b[0m" in in_process(source, FORCE_COLOR="1", NO_COLOR="").stdout
    assert b"\x1b" not in in_process(source, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert b"\x1b" not in in_process(source, NO_COLOR="", FORCE_COLOR="").stdout


def test_a_poor_encoding_is_no_reason_to_fail() -> None:
    """What the terminal's encoding lacks shows as an escape."""
    done = in_process(write("bad.py", f"# 日本\n{BAD.splitlines()[1]}\n"), PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert rb"# \u65e5\u672c" in done.stdout


def test_typer_starts_it_too() -> None:
    """The command of the app, which `--help` lists, is the same one."""
    done = CliRunner().invoke(app, ["scan", write("bad.py", BAD), "--level", "critical"])
    assert done.exit_code == 1
    assert "bad.py:2:7: critical" in done.output


def test_a_closed_pipe_is_quiet() -> None:
    """A reader that goes away early gets no complaint on stderr."""
    write("bad.py", BAD.splitlines()[1] + "\n")
    command = [sys.executable, "-m", "ringfence", "scan", "bad.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: PATH"),
        (["x", "--level", "hihg"], "argument --level: invalid choice: 'hihg'"),
        (["x", "--jobs", "0"], "argument --jobs/-j: expected a whole number from 1, got '0'"),
        (["x", "--rules\x1b[2J"], r"unrecognized arguments: --rules\x1b[2J"),
    ],
)
def test_wrong_usage_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Usage and one line of error, exit code 2."""
    with pytest.raises(SystemExit) as ended:
        scan(arguments)
    assert ended.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage == "Usage: ringfence scan [OPTIONS] PATH..."
    assert error.startswith(f"error: {message}")


def test_rules_that_cannot_be_used_are_one_line_and_exit_code_two() -> None:
    """A fault in a rule file stops the scan before it starts."""
    write("rules/own.yaml", RULE.replace("kind: read", "kind: raed"))
    done = in_process(write("bad.py", BAD), "--rules", "rules")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: rules/own.yaml:8: when[0].kind: expected one of import, read, ")
    assert done.stderr.endswith(b"Did you mean 'read'?\n")


def test_a_scan_of_one_file_loads_little() -> None:
    """Neither the command line's framework nor the policy's parsers are loaded, nor a parser of another language."""
    write("bad.py", BAD)
    heavy = {"typer", "rich", "click", "pydantic", "yaml", "pluggy", "pathlib", "multiprocessing", "asyncio"}
    heavy |= {"importlib.metadata", "tree_sitter", "sqlglot", "shutil", "difflib", "json", "hashlib"}
    code = (
        "import os, sys\nos._exit = sys.exit\nbefore = set(sys.modules)\nfrom ringfence.cli import main\nsys.argv = ['ringfence', 'scan', 'bad.py']\n"
        f"try: main()\nexcept SystemExit: print(sorted({heavy!r} & set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_pre_commit_hook_takes_the_files_that_a_folder_s_scan_would() -> None:
    """The hook runs this command on each ending that has a language, and on no other."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["entry"], hook["language"]) == ("ringfence-scan", "ringfence scan", "python")
    assert all(re.search(hook["files"], f"folder/name{ending}") for ending in ENDINGS)
    assert {f".{ending}" for ending in re.findall(r"\w+", hook["files"])} == set(ENDINGS)

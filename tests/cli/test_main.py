"""The command itself: real processes, their exit codes, and no traceback for anybody's mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from ringfence.cli.commands import app
from ringfence.cli.output import safe

if TYPE_CHECKING:
    from pathlib import Path


def ringfence(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ringfence", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=30,
        check=False,
    )


def test_the_version_is_the_distribution_s() -> None:
    """`--version` prints the installed version and exits with 0."""
    done = ringfence("--version")
    assert (done.returncode, done.stdout) == (0, f"ringfence {version('ringfence')}\n")


def test_help_lists_the_commands() -> None:
    """`--help` names every command."""
    found = CliRunner().invoke(app, ["--help"])
    assert found.exit_code == 0
    assert all(command in found.output for command in ("policy", "audit", "explain", "scan", "rules"))


@pytest.mark.parametrize(
    "command",
    [
        ["policy", "check"],
        ["policy", "schema"],
        ["explain"],
        ["scan"],
        ["rules", "list"],
        ["rules", "show"],
        ["rules", "check"],
    ],
)
def test_the_help_of_each_command_has_an_example(command: list[str]) -> None:
    """Each command shows how it is called."""
    found = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"})
    assert found.exit_code == 0
    assert f"Example: ringfence {' '.join(command)}" in found.output
    assert "--json" in found.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["policy", "check"],
        ["policy", "check", "--colour", "x"],
        ["explain", "x.yaml", "--tool", "t"],
        ["scan"],
        ["scan", ".", "--colour"],
        ["rules", "show"],
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: list[str]) -> None:
    """A wrong command line ends with 2 and without a traceback."""
    done = ringfence(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage" in done.stderr


def test_an_error_is_one_line_and_exit_code_two(tmp_path: Path) -> None:
    """An error of ours that reaches the top is one line on stderr, with its hint."""
    done = ringfence("explain", str(tmp_path / "none.yaml"), "--user", "ana", "--tool", "t")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tmp_path / 'none.yaml'}: expected a file, got nothing of that name\n"


def test_an_error_is_red_on_request_and_never_with_no_color(tmp_path: Path) -> None:
    """Colour shows where it is forced, and NO_COLOR turns it off."""
    call = ("explain", str(tmp_path / "none.yaml"), "--user", "ana", "--tool", "t")
    assert "\x1b[31merror:" in ringfence(*call, FORCE_COLOR="1", NO_COLOR="").stderr
    assert "\x1b[31m" not in ringfence(*call, FORCE_COLOR="1", NO_COLOR="1").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_an_interrupt_is_exit_code_130() -> None:
    """Ctrl-C ends a running command with 130 and without a traceback."""
    code = (
        "import os, signal, time\nfrom ringfence.cli import main\nfrom ringfence.cli.commands import app\n"
        "@app.command()\ndef wait() -> None:\n    os.kill(os.getpid(), signal.SIGINT); time.sleep(10)\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "wait"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="the platform has no SIGPIPE")
def test_a_closed_pipe_is_quiet() -> None:
    """A reader that goes away early gets no complaint on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ringfence", "policy", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 1
    assert told == b""


def test_help_imports_neither_pydantic_nor_yaml() -> None:
    """`ringfence --help` stays quick, since what only some commands need is imported by those."""
    code = (
        "import sys\nfrom ringfence.cli import main\nsys.argv = ['ringfence', '--help']\n"
        "try: main()\nexcept SystemExit: print(sorted({'pydantic', 'yaml', 'sqlite3', 'asyncio'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_safe_text_neither_colours_nor_moves() -> None:
    """Markup, control characters, line ends and reversed writing show as what they are."""
    assert safe("[red]x[/red]") == r"\[red]x\[/red]"
    assert safe("a\x1b[2Jb\r\nc\u202ed") == r"a\x1b[2Jb\r\nc\u202ed"

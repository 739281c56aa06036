"""On macOS and Windows the package and its other tiers work, and the sandbox says what is missing.

Played through by an interpreter that is told that it runs there, and that finds none of the modules which exist on Linux only.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

MISSING = {"darwin": (), "win32": ("fcntl", "resource", "grp", "pwd", "termios")}
PRELUDE = """
import os, select, sys
import asyncio, multiprocessing, pathlib, shutil, subprocess, sqlite3, tempfile, typing, ctypes, psutil, pydantic, site, sysconfig, rich.console, typer, pluggy, yaml
sysconfig.get_config_vars()
missing = {missing!r}
class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name in missing:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nowhere())
for name in missing:
    sys.modules.pop(name, None)
sys.platform = {platform!r}
for name in ("pipe2", "pidfd_open", "memfd_create", "register_at_fork") if sys.platform == "darwin" else ("pipe2", "pidfd_open", "fork", "register_at_fork", "geteuid", "sysconf"):
    if hasattr(os, name):
        delattr(os, name)
del select.epoll
"""


def there(platform: str, code: str) -> str:
    """Run code as if on a platform, and return what it printed."""
    prelude = PRELUDE.format(platform=platform, missing=MISSING[platform])
    done = subprocess.run(
        [sys.executable, "-c", prelude + code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("platform", MISSING)
def test_the_sandbox_refuses_and_says_why(platform: str) -> None:
    """Making one raises an error that names the platform, and what it lacks."""
    code = """
from ringfence.errors import SandboxUnavailable
from ringfence.sandbox import Sandbox
try:
    Sandbox()
except SandboxUnavailable as error:
    print(error)
"""
    said = there(platform, code)
    assert f"the sandbox needs Linux: {platform} has neither Landlock nor seccomp" in said


@pytest.mark.parametrize("platform", MISSING)
def test_a_tool_of_the_tier_is_denied_and_others_run(platform: str) -> None:
    """A guard starts, an inline tool and a restricted snippet run, and a call in the sandbox tier is denied as unavailable."""
    code = """
from ringfence import Audit, Guard, Policy, Role, StoreKind
policy = Policy(roles={"dev": Role(inherits=("admin",), allow=("*",))}, audit=Audit(store=StoreKind.MEMORY))
def tool(code): return code
with Guard(policy) as guard, guard.acting_as("ana", ["dev"]):
    for tier in ("inline", "restricted", "sandbox"):
        guard.register(tool, name=tier, tier=tier, code={"code": "python"})
        outcome = guard.run(tier, {"code": "1 + 1"})
        print(tier, outcome.success, outcome.reason, outcome.executed)
"""
    assert there(platform, code).splitlines() == [
        "inline True None True",
        "restricted True None True",
        "sandbox False unavailable False",
    ]


@pytest.mark.parametrize("platform", MISSING)
def test_the_doctor_says_it_too(platform: str) -> None:
    """`ringfence doctor` explains instead of failing, with the exit code 1."""
    code = """
sys.argv = ["ringfence", "doctor"]
from ringfence.cli import main
try:
    main()
except SystemExit as ended:
    print("code", ended.code)
"""
    said = " ".join(there(platform, code).split())
    assert "the sandbox needs Linux" in said
    assert said.endswith("code 1")

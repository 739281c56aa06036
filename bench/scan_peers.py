"""The scanners that run beside ours, each behind one small shape: a source text goes in, the number of findings comes out.

How to call each at its best lives here: loaded once and kept, where its interface allows that. The one idea: a peer is verified when it
is built (it must find `eval` of an unknown text), so that no benchmark measures one that is broken; one that is not installed is
None. Commands, which can only be run on files, are given as argument lists.
"""

from __future__ import annotations

import logging
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SEMGREP_RULES = Path(__file__).with_name("semgrep.yml")
"""Few rules, so that what is measured is the program and hardly the rules, which favours it."""

_PROBE = "import sys\neval(sys.argv[1])\n"


def bandit() -> Callable[[str], int] | None:
    """Return a function that counts the findings of bandit at medium severity and above in a Python source; None if not installed.

    It is bandit's own manager, kept, with the configuration of the command without options. A source that it cannot parse has no findings.
    """
    if find_spec("bandit") is None:
        return None
    logging.getLogger("bandit").setLevel(logging.CRITICAL)  # it reports each source it cannot parse
    config, manager = import_module("bandit.core.config"), import_module("bandit.core.manager")
    kept: Any = manager.BanditManager(config.BanditConfig(), "file", quiet=True)

    def count(code: str) -> int:
        kept.results, kept.scores, kept.skipped = [], [], []
        kept._parse_file("row.py", BytesIO(code.encode(errors="replace")), ["row.py"])  # noqa: SLF001 - the public way reads a file
        return len(kept.get_issue_list(sev_level="MEDIUM", conf_level="LOW"))

    if not count(_PROBE):
        raise RuntimeError("bandit finds nothing in an eval: bench/scan_peers.py does not fit this version")
    return count


def commands(path: Path) -> dict[str, list[str] | None]:
    """Return the command with which each scanner looks at one file, without cache or network; None for one that is not installed."""
    file = str(path)
    found = {name: _program(name) for name in ("ruff", "semgrep")}
    return {
        "bandit": [sys.executable, "-m", "bandit", "-q", file] if find_spec("bandit") else None,
        "ruff": _with(found["ruff"], "check", "--select", "S", "--isolated", "--no-cache", "--quiet", file),
        "semgrep": _with(
            found["semgrep"], "scan", "--config", str(SEMGREP_RULES), "--metrics", "off", "--disable-version-check", "--quiet", file
        ),
    }  # fmt: skip


def _with(program: str | None, *arguments: str) -> list[str] | None:
    return None if program is None else [program, *arguments]


def _program(name: str) -> str | None:
    """Return the path of a program that stands beside the interpreter or on the search path."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)

"""The four kinds of host that every attack runs on: root and nobody, with namespaces and where a container's profile denies them.

Each is a process of its own. A test talks to the sandbox in there through `Host.run`, which is `Sandbox.run` with its outcome as plain data.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

HOSTS = ("root", "root-denied", "nobody", "nobody-denied")
SERVER = Path(__file__).with_name("cage_server.py")
ROOT = Path(__file__).parents[2]
_SECONDS = 120
NOBODY = 65534
RAW = """
import ctypes, errno, os
_libc = ctypes.CDLL(None, use_errno=True)
def raw(intel, arm, *args):
    number = intel if os.uname().machine == "x86_64" else arm
    if number < 0:
        return "ENOSYS"
    done = _libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    return errno.errorcode[ctypes.get_errno()] if done == -1 else done
def tried(function, *args, **named):
    try:
        done = function(*args, **named)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return done if isinstance(done, (str, int, list)) else repr(done)
"""
"""What hostile snippets begin with: `raw` makes a system call by its number on x86_64 and on aarch64, `tried` calls; a failure is its errno's name."""


class Ended(NamedTuple):
    """An outcome, as the host's process told it."""

    success: bool
    executed: bool
    reason: str | None
    detail: str
    value: Any
    stdout: str
    stderr: str
    return_code: int | None
    files: dict[str, str]
    layers: list[str]
    usage: dict[str, float | None]
    error: str


class Host:
    """A process of one kind, with sandboxes in it.

    Arguments:
        kind: one of `HOSTS`.
        more: what else it lacks: `denied`, for `cage_server.deny_more`; `landlock_layers`, for `cage_server.stack_landlock`.

    """

    def __init__(self, kind: str, more: dict[str, Any] | None = None) -> None:
        self.kind = kind
        self.unanswered = 0
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *(p for p in sys.path if p)]),
            "TMPDIR": "/tmp",
        }
        self._process = subprocess.Popen(
            [sys.executable, str(SERVER), kind, json.dumps(more or {})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def namespaces(self) -> bool:
        """Whether namespaces can be made there."""
        return not self.kind.endswith("-denied")

    def run(
        self,
        code: str,
        language: str = "python",
        inputs: dict[str, Any] | None = None,
        files: dict[str, str] | None = None,
        **profile: Any,
    ) -> Ended:
        """Run a snippet in a sandbox with this profile, in that process."""
        return Ended(
            **self.ask(
                op="run",
                code=code,
                language=language,
                inputs=inputs or {},
                files=files or {},
                profile=profile,
            )
        )

    def runs(self, codes: list[str], **profile: Any) -> list[Ended]:
        """Run several at once."""
        return [Ended(**each) for each in self.ask(op="runs", codes=codes, profile=profile)]

    def race(self, codes: list[tuple[str, str]], **profile: Any) -> list[tuple[Ended, float]]:
        """Run several at once, each a pair of user and code; return also how many seconds after the start each ended.

        Those that were not taken, since too many wait, have the reason `busy`.
        """
        return [
            (Ended(**each["ended"]), each["after"])
            for each in self.ask(op="race", codes=codes, profile=profile)
        ]

    def call(self, module: str, name: str, *args: Any, **profile: Any) -> Ended:
        """Call a function of a module in the sandbox."""
        return Ended(**self.ask(op="call", module=module, name=name, args=args, profile=profile))

    def facts(self) -> dict[str, Any]:
        """Return facts of that process: `children` (pids of all descendants), `folders` (what lies below its base folders), `descriptors`."""
        return dict(self.ask(op="facts"))

    def own(self) -> dict[str, Any]:
        """As `facts`, but of folders only its own, without its lock; and `faults` of its loop, `cpu_seconds`, `path` and `prefixes` of imports."""
        return dict(self.ask(op="own"))

    @property
    def user(self) -> int:
        """The user id that it has."""
        return NOBODY if self.kind.startswith("nobody") and os.geteuid() == 0 else os.geteuid()

    def left(self) -> list[str]:
        """Return the files that lie in the working folders of that process's own sandboxes, and nobody else's."""
        return list(self.ask(op="left"))

    def close_sandboxes(self) -> None:
        """Close all sandboxes there."""
        self.ask(op="close")

    def begin(self, code: str, **profile: Any) -> None:
        """Let a snippet run without waiting for it; `finish` waits."""
        assert self._process.stdin is not None
        question = {
            "op": "run",
            "code": code,
            "language": "python",
            "inputs": {},
            "files": {},
            "profile": profile,
        }
        self.unanswered += 1
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def finish(self) -> Ended:
        """Return what became of the snippet that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.unanswered -= 1
        return Ended(**json.loads(line))

    def ask(self, **question: Any) -> Any:
        """Put a question to the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.unanswered += 1
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        self.unanswered -= 1
        assert line, f"the host {self.kind} ended with {self._process.wait()}"
        answer = json.loads(line)
        assert "raised" not in answer or question["op"] != "facts", answer
        return answer

    def kill(self) -> None:
        """End it at once, as where it does not answer any more."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS)
        self._process.kill()
        assert self._process.stdout is not None
        self._process.stdout.close()


def grants(**profile: Any) -> dict[str, Any]:
    """Return fields of a profile."""
    return profile


def nothing_left(host: Host) -> None:
    """Close the sandboxes of a host, and make sure that neither process nor file is left, and that its loop has met no fault of its own."""
    host.close_sandboxes()
    until = time.monotonic() + 5
    while (own := host.own())["children"] and time.monotonic() < until:
        time.sleep(0.02)
    assert own["children"] == []
    assert own["folders"] == []
    assert own["faults"] == []

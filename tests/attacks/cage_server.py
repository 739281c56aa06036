"""The process that `cages.Host` starts: it becomes what its kind says, and then runs what it is told, one JSON line each."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

NOBODY = 65534
_DENIED = "denied"


def open_interpreter() -> None:
    """Let everybody reach this interpreter's files, in a mount namespace of this process: it may be installed in root's home."""
    from ringfence.sandbox.layers import namespaces

    prefix = os.path.realpath(sys.base_prefix)
    parents = [str(parent) for parent in Path(prefix).parents]
    closed = [parent for parent in parents if not os.stat(parent).st_mode & 0o001]
    if not closed:
        return
    top = min(closed, key=len)
    namespaces.apply(namespaces.NEWNS, user=False)
    namespaces._mount("none", "/", None, 16384 | 1 << 18)
    kept = os.open(prefix, os.O_PATH)
    namespaces._mount("tmpfs", top, "tmpfs", 0, "mode=0755")
    os.makedirs(prefix, 0o755)
    namespaces._mount(f"/proc/self/fd/{kept}", prefix, None, 4096 | 16384)
    os.close(kept)


def become_nobody() -> None:
    """Drop every right that root has."""
    from ringfence.sandbox.layers import privileges

    privileges.drop_bounding_set()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # dumpable again, as after an exec by that user


def deny_namespaces() -> None:
    """Refuse what a stock container's profile refuses."""
    from ringfence.sandbox.bpf import ALLOW, errno, when
    from ringfence.sandbox.layers import seccomp

    refused = ("unshare", "setns", "mount", "umount2", "pivot_root", "fsopen", "open_tree", "move_mount")
    rules = dict.fromkeys(refused, errno(1))
    rules |= {"clone3": errno(38), "clone": when(0, (0,), ALLOW, errno(1), 0x7E020080)}
    seccomp.forbid_new_privileges()
    seccomp.Filter(rules, ALLOW).install()


def become(kind: str) -> None:
    """Become a kind of host."""
    user, _, denied = kind.partition("-")
    if user == "nobody" and os.geteuid() == 0:
        open_interpreter()
        become_nobody()
    if denied == _DENIED:
        deny_namespaces()


def deny_more(calls: list[list[Any]]) -> None:
    """Answer calls with errors, as a kernel or a container's profile without a protection does.

    Arguments:
        calls: the name, the error's number (0: it claims to be done, and is not), and an argument's index and value for which alone it holds, or None.

    """
    from ringfence.sandbox.bpf import ALLOW, errno, when
    from ringfence.sandbox.layers import seccomp

    rules = {}
    for name, code, argument, value in calls:
        rules[name] = errno(code) if argument is None else when(argument, (value,), errno(code), ALLOW)
    seccomp.forbid_new_privileges()
    seccomp.Filter(rules, ALLOW).install()


def stack_landlock(layers: int) -> None:
    """Enter so many rulesets, each of which only forbids block devices: the kernel stacks sixteen."""
    from ringfence.sandbox.layers import landlock, seccomp
    from ringfence.sandbox.syscalls import syscall

    seccomp.forbid_new_privileges()
    attributes = ctypes.create_string_buffer(landlock.MAKE_BLOCK.to_bytes(8, "little"), 8)
    for _ in range(layers):
        ruleset = syscall("landlock_create_ruleset", ctypes.addressof(attributes), 8, 0)
        syscall("landlock_restrict_self", ruleset, 0)
        os.close(ruleset)


def below(folder: str | os.PathLike[str]) -> list[str]:
    """Return all that stands below a folder; what goes away meanwhile is left out."""
    return [
        os.path.join(parent, name)
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    ]


class Server:
    """Answers questions."""

    def __init__(self) -> None:
        self._boxes: dict[str, Any] = {}

    def box(self, profile: dict[str, Any]) -> Any:
        """Return the sandbox of a profile; a few are kept."""
        from ringfence import Profile, SecurityLevel
        from ringfence.sandbox import Sandbox

        key = json.dumps(profile, sort_keys=True)
        if key not in self._boxes:
            while len(self._boxes) >= 3:
                self._boxes.pop(next(iter(self._boxes))).close()
            fields: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in profile.items()
            }
            if "security_level" in fields:
                fields["security_level"] = SecurityLevel(fields["security_level"])
            self._boxes[key] = Sandbox(Profile(**fields))
        return self._boxes[key]

    def run(self, question: dict[str, Any]) -> dict[str, Any]:
        files = {name: content.encode() for name, content in question["files"].items()}
        box = self.box(question["profile"])
        return plain(box.run(question["code"], question["language"], question["inputs"], files))

    def runs(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        box = self.box(question["profile"])

        async def all_of_them() -> list[Any]:
            return await asyncio.gather(*(box.arun(code) for code in question["codes"]))

        return [plain(outcome) for outcome in asyncio.run(all_of_them())]

    def race(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        """Run several at once, each for a user; tell also how long each took from the start, and which were not taken."""
        from ringfence.errors import SandboxBusy

        box = self.box(question["profile"])

        async def one(user: str, code: str) -> dict[str, Any]:
            try:
                ended = plain(await box.arun(code, user=user))
            except SandboxBusy as error:
                ended = {**refused(error), "reason": "busy"}
            return {"ended": ended, "after": time.monotonic() - begun}

        async def all_of_them() -> list[dict[str, Any]]:
            return await asyncio.gather(*(one(user, code) for user, code in question["codes"]))

        box.run("1")
        begun = time.monotonic()
        return asyncio.run(all_of_them())

    def call(self, question: dict[str, Any]) -> dict[str, Any]:
        function = importlib.import_module(question["module"])
        for name in question["name"].split("."):
            function = getattr(function, name)
        return plain(self.box(question["profile"]).call(function, *question["args"]))

    def facts(self, _: dict[str, Any]) -> dict[str, Any]:
        import glob

        import psutil

        bases = glob.glob("/tmp/ringfence-*")
        own = [base for base in bases if os.stat(base).st_uid == os.geteuid()]
        return {
            "children": [child.pid for child in psutil.Process().children(recursive=True)],
            "folders": sorted(path for base in own for path in below(base)),
            "descriptors": len(os.listdir("/proc/self/fd")),
        }

    def own(self, _: dict[str, Any]) -> dict[str, Any]:
        import psutil

        from ringfence.sandbox.supervisor import supervisor

        shared = supervisor()
        return {
            "children": [child.pid for child in psutil.Process().children(recursive=True)],
            "folders": sorted(path for path in below(shared.base.path) if os.path.basename(path) != "lock"),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "faults": [repr(fault) for fault in shared.loop.errors],
            "cpu_seconds": sum(os.times()[:2]),
            "path": [os.path.abspath(each) for each in sys.path],
            "prefixes": [sys.prefix, sys.base_prefix],
        }

    def left(self, _: dict[str, Any]) -> list[str]:
        """Return what lies below this process's own base folder, but for its lock and the pools' own folders and logs."""
        from ringfence.sandbox.supervisor import supervisor

        base = supervisor().base.path
        own = ("lock", "zygote.log")
        return [
            f"{where}/{name}"
            for where, _, names in os.walk(base)
            for name in names
            if f"{where}/{name}".count("/") > 4 or name not in own
        ]

    def close(self, _: dict[str, Any]) -> dict[str, Any]:
        while self._boxes:
            self._boxes.popitem()[1].close()
        return {}


def plain(outcome: Any) -> dict[str, Any]:
    """Return an outcome as plain data."""
    output = outcome.output
    return {
        "success": outcome.success,
        "executed": outcome.executed,
        "reason": None if outcome.reason is None else str(outcome.reason),
        "detail": outcome.detail,
        "value": outcome.value
        if isinstance(outcome.value, (str, int, float, list, dict, bool, type(None)))
        else repr(outcome.value),
        "stdout": output.stdout,
        "stderr": output.stderr,
        "return_code": output.return_code,
        "files": {name: content.decode("latin-1") for name, content in output.contents.items()},
        "layers": list(outcome.layers),
        "usage": {} if outcome.usage is None else outcome.usage._asdict(),
        "error": type(outcome.error).__name__ if outcome.error is not None else "",
    }


def main() -> None:
    """Answer until the test goes away."""
    become(sys.argv[1])
    more = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    if "landlock_layers" in more:
        stack_landlock(more["landlock_layers"])
    if "denied" in more:
        deny_more(more["denied"])
    server = Server()
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = getattr(server, question["op"])(question)
        except Exception as error:
            traceback.print_exc()
            answer = {"raised": type(error).__name__, "message": str(error)}
            if question["op"] in ("run", "call"):
                answer = refused(error)
        try:
            text = json.dumps(answer, default=repr)
        except ValueError as error:  # a value that cannot be written down
            text = json.dumps({**answer, "value": f"{type(error).__name__}: {error}"})
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    server.close({})


def refused(error: Exception) -> dict[str, Any]:
    """Return what stands for an outcome where the sandbox took no run."""
    return {
        "success": False, "executed": False, "reason": "unavailable", "detail": str(error), "value": None, "stdout": "", "stderr": "",
        "return_code": None, "files": {}, "layers": [], "usage": {}, "error": type(error).__name__,
    }  # fmt: skip


if __name__ == "__main__":
    main()

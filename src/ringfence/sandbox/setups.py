"""From a profile to a setup: what a zygote is told to be. What differs from run to run (`Limits`) is told to each worker instead.

Paths are resolved here, once, on the host, and the zygote follows no link any more. The one idea: two profiles with the same setup share a pool.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import site
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.errors import PolicyError, SandboxUnavailable
from ringfence.policy.model import JavaScriptEngine
from ringfence.policy.profiles import wall_seconds
from ringfence.sandbox.jobs import Limits
from ringfence.sandbox.networks import Network, network
from ringfence.sandbox.ways_out import PROXY_HOST
from ringfence.scanning.decision import SecurityLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ringfence.policy.model import Profile
    from ringfence.sandbox.machine import Machine

MB = 1024 * 1024
_FOLDER_FILES = 10_000
_FOLDER_TIMES = 2
_MOST_PATHS = 500
_SUBPROCESS_PROCESSES = 4
_FIRST_USER, _USERS = 0x70000000, 1024
_PROXY_PORT = 3128
_NODE_RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inside", "node_runner.js")
_NO_NETWORK = Network("", "")
_ONLY_OWNER = 0o001
_LIBRARIES = (
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64",
)  # fmt: skip
_ONE_LIBRARY_FOLDER = ("/lib", "/usr/lib")
_SYSTEM_FILES = (
    "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/ssl/openssl.cnf", "/usr/share/zoneinfo", "/dev/urandom", "/dev/zero",
)  # fmt: skip
_CERTIFICATES = (
    "/etc/ssl/certs",
    "/usr/lib/ssl",
    "/usr/share/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
)
_LOADERS = [
    path
    for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1")
    if os.path.exists(path)
]
"""The programs by which others are loaded; whoever may start one has to be able to start these."""
_PROGRAMS = ("/usr/local/bin", "/usr/bin", "/bin")


class Target(NamedTuple):
    """A function that is called instead of a snippet.

    Attributes:
        module: where it is imported from.
        name: its qualified name there.

    """

    module: str
    name: str


def limits(profile: Profile) -> Limits:
    """Return what one run under a profile may use."""
    return Limits(
        cpu_seconds=profile.cpu_seconds,
        wall_seconds=wall_seconds(profile),
        memory=profile.memory_mb * MB,
        file_size=profile.file_size_mb * MB,
        open_files=profile.open_files,
        output=profile.output_bytes,
        folder_bytes=max(profile.file_size_mb * _FOLDER_TIMES, 1) * MB,
        folder_entries=_FOLDER_FILES,
        processes=processes(profile),
    )


_RANGES: Mapping[str, tuple[float, float]] = {
    "cpu_seconds": (0.001, 1e8), "wall_seconds": (0.001, 1e8), "memory_mb": (1, 1 << 24), "file_size_mb": (0, 1 << 24),
    "open_files": (16, 1 << 20), "processes": (1, 10_000), "output_bytes": (0, 1 << 31), "source_bytes": (1, 1 << 31),
    "waiting": (0, 1000), "running": (1, 10_000), "queue": (0, 1 << 31),
}  # fmt: skip
"""What numbers a run can be given; a policy file is held to the same or to less."""
_TEXTS = ("hosts", "read_only", "read_write", "forbidden", "commands", "preload")


def refuse_unfit(profile: Profile) -> None:
    """Check what only a policy file would have been checked for.

    Raises:
        PolicyError: a field is not what it must be.

    """
    for name, (least, most) in _RANGES.items():
        value = getattr(profile, name)
        if name == "wall_seconds" and value is None:
            continue
        whole = name not in ("cpu_seconds", "wall_seconds")
        if type(value) not in ((int,) if whole else (int, float)) or not least <= value <= most:
            kind = "a whole number" if whole else "a number"
            raise PolicyError(
                f"profile: {name}: expected {kind} from {least:,} to {most:,.0f}, got {value!r}"
            )
    for name in _TEXTS:
        value = getattr(profile, name)
        if isinstance(value, str) or not all(isinstance(each, str) for each in value):
            raise PolicyError(f"profile: {name}: expected a list of texts, got {value!r:.100}")
    if profile.javascript not in tuple(JavaScriptEngine):
        raise PolicyError(
            f"profile: javascript: expected one of {', '.join(JavaScriptEngine)}, got {profile.javascript!r}"
        )


def processes(profile: Profile) -> int:
    """Return how many processes and threads a profile grants; a granted command needs a few more than one."""
    return max(profile.processes, _SUBPROCESS_PROCESSES) if profile.subprocesses else profile.processes


def setup(profile: Profile, language: str, machine: Machine, target: Target | None = None) -> dict[str, Any]:
    """Return what a zygote for runs under a profile is to be, but for its folders.

    Arguments:
        profile: what runs may use.
        language: python or javascript.
        machine: what there is.
        target: the function that all of them call; None: they are snippets.

    Raises:
        SandboxUnavailable: something that the profile needs is not there.

    """
    lacks = machine.lacking(profile)
    if lacks:
        raise SandboxUnavailable(lacks)
    paranoid = profile.security_level is SecurityLevel.PARANOID
    many = processes(profile) > 1
    isolated = machine.has("namespaces")
    administers = _administers(machine)
    way_out = _network(profile, machine)
    preload = [*profile.preload, *([target.module] if target else [])]
    if language == "javascript" and profile.javascript == JavaScriptEngine.NODE:
        language, preload = "node", _node()
        many, way_out = False, _NO_NETWORK
    path, packages = _import_path([] if language == "node" else preload, language, target)
    writes = [_own_path(each) for each in profile.read_write]
    _refuse_dangerous(writes)
    _refuse_turned([*writes, *map(_own_path, profile.read_only)], writes)
    executes = [preload[0], *_LOADERS] if language == "node" else list(_executes(profile))
    reads = [
        *_interpreter_reads(),
        *([_NODE_RUNNER] if language == "node" else []),
        *packages,
        *(_CERTIFICATES if way_out.engine else ()),
    ]
    forbidden = list(_forbidden(profile))
    return {
        "language": language,
        "path": path,
        "preload": preload,
        "reads": _existing(reads),
        "granted": _without(forbidden, (_own_path(each) for each in profile.read_only)),
        "writes": _without(forbidden, writes),
        "executes": executes,
        "network": way_out.engine or "off",
        "shown": way_out.shown,
        "proxy_port": _PROXY_PORT,
        "environment": _proxy_environment() if way_out.engine else {},
        "many": many,
        "processes": processes(profile) if many else 0,
        "threads": language == "node",
        "paranoid": paranoid,
        "own_processes": isolated and (paranoid or many),
        "groups": machine.has("cgroup") and (paranoid or many),
        "namespaces": _per_pool() if isolated else 0,
        "user_namespace": isolated and not administers,
        "view": isolated,
        "first_user": None
        if profile.read_only
        or profile.read_write
        or way_out.shown  # the host's own files, or its own eyes: they are its user's
        else _first_user(machine, view=isolated, user_namespace=isolated and not administers),
        "users": _USERS,
        "memory_by": "AS" if language == "python" else "DATA",
    }


def _administers(machine: Machine) -> bool:
    """Return whether namespaces are made by this process's own rights, without a user namespace."""
    from ringfence.sandbox.layers.namespaces import BY_OWN_RIGHTS  # noqa: PLC0415 - Linux only

    return bool(machine.facts["namespaces"].by == BY_OWN_RIGHTS)


def _per_pool() -> int:
    from ringfence.sandbox.layers.namespaces import PER_POOL  # noqa: PLC0415 - Linux only

    return PER_POOL


def _network(profile: Profile, machine: Machine) -> Network:
    if not profile.network:
        return _NO_NETWORK
    found = network(machine)
    if not found.engine:
        raise SandboxUnavailable(found.detail)
    return found


def _proxy_environment() -> dict[str, str]:
    address = f"http://{PROXY_HOST}:{_PROXY_PORT}"
    return {
        name: address for each in ("http_proxy", "https_proxy", "all_proxy") for name in (each, each.upper())
    }


def _import_path(preload: list[str], language: str, target: Target | None) -> tuple[list[str], list[str]]:
    """Return where modules are imported from, and which folders of packages have to be readable for that."""
    standard = [each for each in (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")) if each]
    dynamic = [f"{each}/lib-dynload" for each in standard if os.path.isdir(f"{each}/lib-dynload")]
    path = list(dict.fromkeys([*standard, *dynamic]))
    if not preload and language != "javascript":
        return path, []
    packages = [os.path.realpath(each) for each in _package_folders()]
    if target is not None:
        path += [
            os.path.abspath(each)
            for each in sys.path
            if each != "" and os.path.exists(each) and each not in path
        ]
        path += [os.getcwd()] if "" in sys.path else []
    return list(dict.fromkeys([*path, *packages])), packages


def _package_folders() -> list[str]:
    found = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    found += [each for each in sys.path if each.endswith(("site-packages", "dist-packages"))]
    return list(dict.fromkeys(each for each in found if os.path.isdir(each)))


def _interpreter_reads() -> Iterator[str]:
    """Return what the interpreter itself must read: its library, shared libraries, time zones."""
    yield sysconfig.get_path("stdlib")
    yield sysconfig.get_path("platstdlib")
    own = os.path.join(sys.base_prefix, "lib")
    if os.path.realpath(own) not in ("/usr/lib", "/lib"):
        yield from (
            (entry.path for entry in os.scandir(own) if ".so" in entry.name) if os.path.isdir(own) else ()
        )
    found = [each for each in _LIBRARIES if os.path.isdir(each)]
    yield from found or _ONE_LIBRARY_FOLDER
    yield from _SYSTEM_FILES


def _existing(paths: Iterable[str]) -> list[str]:
    return [each for each in dict.fromkeys(paths) if each and os.path.exists(each)]


def _own_path(path: str) -> str:
    """Return a path of the profile, made absolute.

    Raises:
        SandboxUnavailable: it is relative, so what it means would depend on where the host was started.

    """
    whole = os.path.expanduser(path)
    if not os.path.isabs(whole):
        raise SandboxUnavailable(
            f"the path {path!r} of the profile is relative", "Write it from the root, or from ~."
        )
    return os.path.normpath(whole)


def _forbidden(profile: Profile) -> Iterator[str]:
    """Return the forbidden paths where they lead, and as they are written: a link that is one must not be replaced either."""
    for each in profile.forbidden:
        path = _own_path(each)
        yield os.path.realpath(path)
        yield os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _without(forbidden: list[str], granted: Iterable[str]) -> list[str]:
    """Return the granted paths where they lead, less what is forbidden: where that lies within, its siblings are granted instead of the whole."""
    found: list[str] = []
    waiting = [os.path.realpath(each) for each in granted]
    while waiting:
        path = waiting.pop()
        if any(_is_below(path, each) for each in forbidden) or not os.path.exists(path):
            continue
        if any(_is_below(each, path) for each in forbidden):
            waiting += [os.path.realpath(entry.path) for entry in os.scandir(path) if not entry.is_symlink()]
        else:
            found.append(path)
        if len(found) > _MOST_PATHS:
            raise SandboxUnavailable(
                f"what is forbidden within {path!r} leaves more than {_MOST_PATHS} paths around it",
                "Grant a smaller folder.",
            )
    return sorted(set(found))


def _refuse_dangerous(writes: Iterable[str]) -> None:
    """Refuse write access to what this process, or the next interpreter, imports: a planted module would run on the host."""
    own = [
        os.path.realpath(each)
        for each in (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), os.path.dirname(__file__))
    ]
    own += [os.path.realpath(each) for each in sys.path if each and os.path.isdir(each)]
    for path in writes:
        real = os.path.realpath(path)
        for each in own:
            if _is_below(real, each) or _is_below(each, real):
                raise SandboxUnavailable(
                    f"read_write grants {path!r}, where this interpreter imports from: what is planted there would run outside of the sandbox",
                    "Grant another folder.",
                )


def _refuse_turned(granted: Iterable[str], writes: Iterable[str]) -> None:
    """Refuse a grant that leads through a link within a folder that runs may write: one of them may have put it there."""
    writable = [os.path.realpath(each) for each in writes]
    for path in granted:
        for folder in (path[:at] for at in range(len(path), 0, -1) if at == len(path) or path[at] == "/"):
            real = os.path.realpath(folder)
            if real in writable and os.path.realpath(path) != os.path.normpath(real + path[len(folder) :]):
                raise SandboxUnavailable(
                    f"the granted path {path!r} leads through a link in {real!r}, which runs may write",
                    "Remove the link.",
                )


def _executes(profile: Profile) -> Iterator[str]:
    """Return the programs that may be started, and what starting them takes.

    Raises:
        SandboxUnavailable: a command is not there.

    """
    if not profile.subprocesses:
        return
    for command in profile.commands:
        found = list(_programs(command))
        if not found:
            raise SandboxUnavailable(
                f"the command {command!r} of the profile is not there",
                "Install it, or take it out of `commands`.",
            )
        for program in found:
            yield program
            yield from _interpreters(program)
    yield from _LOADERS


def _node() -> list[str]:
    """Return the path of Node and its version.

    Raises:
        SandboxUnavailable: it is not installed.

    """
    program = shutil.which("node", path=":".join(_PROGRAMS))
    if program is None:
        raise SandboxUnavailable(
            "the profile asks for Node, which is not installed",
            "Install it, or leave `javascript` at quickjs.",
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603 - that program
    return [program, done.stdout.strip()]


def _programs(command: str) -> Iterator[str]:
    if "/" in command:
        path = _own_path(command)
        if os.access(path, os.X_OK):
            yield path
    elif any(character in command for character in "*?["):
        for folder in _PROGRAMS:
            names = os.listdir(folder) if os.path.isdir(folder) else []
            yield from (f"{folder}/{name}" for name in fnmatch.filter(names, command))
    else:
        # under every name that it has there: /bin is a link to /usr/bin on most systems, and scripts name either
        yield from (
            path for path in (f"{folder}/{command}" for folder in _PROGRAMS) if os.access(path, os.X_OK)
        )


def _interpreters(program: str) -> Iterator[str]:
    """Return what the first line of a script starts."""
    with open(program, "rb") as file:
        line = file.readline(256)
    if line.startswith(b"#!"):
        words = line[2:].decode("utf-8", "replace").split()
        yield from words[:1]
        if len(words) > 1 and words[0].endswith("/env"):
            yield from _programs(words[1])


def _first_user(machine: Machine, *, view: bool, user_namespace: bool) -> int | None:
    """Return the first of the user ids that workers take, or None where they keep this process's own.

    They keep it too where nobody else can reach the interpreter's files, as with one installed in root's home.
    """
    chooses = machine.facts["privileges"].version > 1 and not user_namespace
    first = _FIRST_USER + (os.getpid() & 0x3FFFF) * _USERS
    if not chooses or not _is_mapped(first) or not (view or _is_open_to_all(sysconfig.get_path("stdlib"))):
        return None
    return first


def _is_mapped(user: int) -> bool:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        rows = [[int(word) for word in line.split()] for line in file]
    return any(start <= user < start + count for start, _, count in rows)


def _is_open_to_all(path: str) -> bool:
    path = os.path.realpath(path)
    while path != "/":
        if not os.stat(path).st_mode & _ONLY_OWNER:
            return False
        path = os.path.dirname(path)
    return True

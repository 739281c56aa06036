"""Control groups: memory and processes of a whole tree, counted exactly by the kernel. An upgrade where the host delegates them.

Version 2 in the unified hierarchy, or the memory and pids controllers of version 1. The one idea: one group for each run, made by the host and
removed by it, which the process is put into before it runs anything.
"""

from __future__ import annotations

import errno
import os
import time

from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import meaning

_ROOT = "/sys/fs/cgroup"
_ADVICE = "Delegate a cgroup (systemd: Delegate=yes), or run as root."
_REMOVE_SECONDS = 2.0
PREFIX = "ringfence-"
"""How names of groups begin; the host's process id follows."""


class Hierarchies:
    """Where groups are made.

    Arguments:
        version: 1 or 2.
        folders: the folder of each controller that is used; one for all in version 2.

    """

    def __init__(self, version: int, folders: dict[str, str]) -> None:
        self.version = version
        self.folders = folders


class Group:
    """The group of one run.

    Arguments:
        where: the hierarchies.
        name: unique among the groups there.
        memory: bytes, swap included.
        processes: processes and threads.

    Raises:
        OSError: it could not be made.

    """

    def __init__(self, where: Hierarchies, name: str, memory: int, processes: int) -> None:
        self._where = where
        self._folders = {controller: f"{folder}/{name}" for controller, folder in where.folders.items()}
        self._kills = 0
        try:
            for folder in dict.fromkeys(self._folders.values()):
                os.mkdir(folder, 0o755)
            self.limit(memory, processes)
        except OSError:
            self.remove()
            raise

    def limit(self, memory: int, processes: int) -> None:
        """Set what the group may use from now on, beside what it holds. Arguments and errors as for the class."""
        memory += self._held()
        group, tasks = self._folders["memory"], self._folders["pids"]
        _put(f"{tasks}/pids.max", processes)
        if self._where.version == 2:  # noqa: PLR2004
            _put(f"{group}/memory.max", memory)
            _put(f"{group}/memory.oom.group", 1)
            _put_if_there(f"{group}/memory.swap.max", 0)
        else:
            _put_if_there(f"{group}/memory.memsw.limit_in_bytes", -1)
            _put(f"{group}/memory.limit_in_bytes", memory)
            _put_if_there(f"{group}/memory.memsw.limit_in_bytes", memory)
        self._kills = self._killed()

    def _held(self) -> int:
        name = "memory.current" if self._where.version == 2 else "memory.usage_in_bytes"  # noqa: PLR2004
        return int(_read(f"{self._folders['memory']}/{name}") or 0)

    @property
    def entrances(self) -> list[str]:
        """The files, below `/sys/fs/cgroup`, into which a process writes 0 to enter."""
        return [
            f"{folder.removeprefix(_ROOT).lstrip('/')}/cgroup.procs"
            for folder in dict.fromkeys(self._folders.values())
        ]

    def ran_out(self) -> bool:
        """Return whether the kernel ended a process of the group for its memory, since its limits were set."""
        return self._killed() > self._kills

    def _killed(self) -> int:
        name = "memory.events" if self._where.version == 2 else "memory.oom_control"  # noqa: PLR2004
        lines = _read(f"{self._folders['memory']}/{name}").splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)

    def remove(self) -> None:
        """Remove the group, once its last process has ended; one that will not go is left to the next start's sweep."""
        until = time.monotonic() + _REMOVE_SECONDS
        for folder in dict.fromkeys(self._folders.values()):
            while time.monotonic() < until:
                try:
                    os.rmdir(folder)
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.001)
                else:
                    break


def find() -> Hierarchies:
    """Return where groups can be made.

    Raises:
        OSError: nowhere.

    """
    own = _own_groups()
    unified = f"{_ROOT}{own.get('', '')}".rstrip("/")
    if "memory" in _read(f"{unified}/cgroup.subtree_control").split():
        return _usable(2, {"memory": unified, "pids": unified})
    folders: dict[str, str] = {
        name: f"{_ROOT}/{name}{own[name]}".rstrip("/") for name in ("memory", "pids") if name in own
    }
    if len(folders) == 2:  # noqa: PLR2004
        return _usable(1, folders)
    raise OSError(errno.ENOSYS, "no memory and pids controller is delegated to this process")


def _usable(version: int, folders: dict[str, str]) -> Hierarchies:
    for folder in folders.values():
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EPERM, "the group of this process is not delegated to it")
    return Hierarchies(version, folders)


def _own_groups() -> dict[str, str]:
    """Return this process's group by controller; that of version 2 under the empty name."""
    found = {}
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _put(path: str, value: int) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))


def _put_if_there(path: str, value: int) -> None:
    try:
        _put(path, value)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EACCES):
            raise


def apply(root: int, entrances: list[str]) -> None:
    """Move this process into a group.

    Arguments:
        root: a descriptor of `/sys/fs/cgroup`.
        entrances: what `Group.entrances` says.

    Raises:
        OSError: it could not be moved.

    """
    for path in entrances:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=root)
        try:
            os.write(file, b"0")
        finally:
            os.close(file)


def sweep() -> None:
    """Remove the groups that killed hosts left."""
    try:
        folders = find().folders.values()
    except OSError:
        return
    for folder in folders:
        for name in os.listdir(folder):
            host = name.removeprefix(PREFIX).partition("-")[0]
            if name.startswith(PREFIX) and host.isdigit() and not os.path.exists(f"/proc/{host}"):
                try:
                    os.rmdir(f"{folder}/{name}")
                except OSError:
                    continue


def probe() -> Fact:
    """Tell whether a group can be made here, by making one."""
    try:
        found = find()
        group = Group(found, f"{PREFIX}{os.getpid()}-probe", 64 << 20, 8)
    except OSError as error:
        return Fact(False, 0, f"cgroup: {error.strerror or meaning(error.errno or 0)}", _ADVICE)
    group.remove()
    return Fact(True, found.version, f"version {found.version}, memory and pids", "")

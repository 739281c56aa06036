"""Namespaces: a network without anything, no shared System V objects, no host name, and a view of the file system that holds only what was granted.

Made once per zygote, inherited by its workers, so a run pays nothing for them. The one idea: the view is built up from nothing on an empty
tmpfs, so what was not granted is not hidden but absent, and looking at it by name fails as opening does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from ringfence.sandbox.layers import privileges
from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import meaning, syscall

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
PER_POOL = NEWNS | NEWUTS | NEWIPC | NEWNET
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT = 1, 2, 4, 8, 32
_NOATIME, _NODIRATIME, _BIND, _REC, _PRIVATE, _RELATIME = 1024, 2048, 4096, 16384, 1 << 18, 1 << 21
_KEPT = (
    (1, _RDONLY),
    (2, _NOSUID),
    (4, _NODEV),
    (8, _NOEXEC),
    (1024, _NOATIME),
    (2048, _NODIRATIME),
    (4096, _RELATIME),
)
"""Flags of a mount as `statvfs` gives them and as `mount` takes them: a user namespace may not clear those that the host set."""
_DETACH = 2
_MOST_LINKS = 40
_MOST_WAITING = 64
_SIOCSIFFLAGS, _UP = 0x8914, 0x1
BY_USER_NAMESPACE, BY_OWN_RIGHTS = "a user namespace", "the process's own rights"


def apply(flags: int, *, user: bool) -> None:
    """Move this process into new namespaces.

    Arguments:
        flags: which.
        user: whether a user namespace has to give the right to do so. Ids stay what they are.

    Raises:
        OSError: one could not be made.

    """
    uid, gid = os.geteuid(), os.getegid()
    syscall("unshare", flags | (NEWUSER if user else 0))
    if user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)


def bring_loopback_up() -> None:
    """Bring up the loopback device of a new network namespace.

    Raises:
        OSError: it could not be.

    """
    import fcntl
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, b"lo".ljust(16, b"\0") + _UP.to_bytes(2, "little") + bytes(22))


def listen_on_loopback(port: int) -> int:
    """Return a descriptor that listens on the loopback device.

    Raises:
        OSError: it could not be had.

    """
    import socket

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", port))
    listener.listen(_MOST_WAITING)
    return listener.detach()


def _mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    texts = [text.encode() + b"\0" if text is not None else None for text in (source, target, kind, data)]
    buffers = [ctypes.create_string_buffer(text) if text is not None else None for text in texts]
    pointers = [0 if buffer is None else ctypes.addressof(buffer) for buffer in buffers]
    syscall("mount", pointers[0], pointers[1], pointers[2], flags, pointers[3])


class View:
    """A new root that holds only what is granted.

    Arguments:
        at: an empty folder of the host, over which it is built.

    """

    def __init__(self, at: str) -> None:
        self._at = at
        _mount("none", "/", None, _REC | _PRIVATE)
        _mount("tmpfs", at, "tmpfs", _NOSUID | _NODEV, "mode=0755,size=1m,nr_inodes=4k")

    def show(self, path: str, *, writable: bool = False, device: bool = False) -> None:
        """Show a file or folder at its own place, and what symbolic links lead to it; one that is not there is left out.

        Raises:
            OSError: it could not be shown.

        """
        real = self._links(path)
        try:
            kind = os.stat(real).st_mode
        except OSError:
            return
        place = self._at + real
        if os.path.lexists(place) and os.path.ismount(place):
            return
        self._bind(real, place, folder=stat.S_ISDIR(kind), writable=writable, device=device)

    def show_exactly(self, path: str, fd: int, *, writable: bool) -> None:
        """Show an opened file or folder at a path that has no links: what was checked is what is shown.

        Raises:
            OSError: it could not be shown.

        """
        place = self._at + path
        if not (os.path.lexists(place) and os.path.ismount(place)):
            folder = stat.S_ISDIR(os.fstat(fd).st_mode)
            self._bind(f"/proc/self/fd/{fd}", place, folder=folder, writable=writable, device=False)

    def _bind(self, source: str, place: str, *, folder: bool, writable: bool, device: bool) -> None:
        self._make(place, folder=folder)
        _mount(source, place, None, _BIND | _REC)
        flags = _NOSUID | (0 if device else _NODEV) | (0 if writable else _RDONLY)
        present = os.statvfs(place).f_flag
        for shown, kept in _KEPT:
            flags |= kept if present & shown else 0
        _mount("none", place, None, _REMOUNT | _BIND | flags)

    def _links(self, path: str) -> str:
        """Recreate the symbolic links on the way to a path, and return where they lead."""
        done, parts, followed = "", [part for part in path.split("/") if part], 0
        while parts:
            part = parts.pop(0)
            step = os.path.normpath(f"{done}/{part}")
            if not os.path.islink(step) or followed > _MOST_LINKS:
                done = step
                continue
            followed += 1
            target = os.readlink(step)
            place = self._at + step
            if not os.path.lexists(place):
                os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
                os.symlink(target, place)
            whole = os.path.join(os.path.dirname(step), target)
            done, parts = "", [p for p in os.path.normpath(whole).split("/") if p] + parts
        return done or "/"

    def _make(self, place: str, *, folder: bool) -> None:
        os.makedirs(place if folder else os.path.dirname(place), 0o755, exist_ok=True)
        if not folder and not os.path.exists(place):
            os.close(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))

    def enter(self) -> None:
        """Make it the root of this process, read-only, and let go of the old one.

        Raises:
            OSError: it could not be.

        """
        os.chdir(self._at)
        here = ctypes.create_string_buffer(b".\0")
        syscall("pivot_root", ctypes.addressof(here), ctypes.addressof(here))
        syscall("umount2", ctypes.addressof(here), _DETACH)
        os.chdir("/")
        _mount("none", "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)


def probe() -> Fact:
    """Tell whether namespaces can be made here, by making them in a child."""
    if not hasattr(os, "fork"):
        return Fact(False, 0, "this system has no namespaces", "Run on Linux.")
    user = not privileges.may_administer()
    code = _tried(PER_POOL | NEWPID, user=user)
    if code:
        advice = "Allow user namespaces (kernel.unprivileged_userns_clone, user.max_user_namespaces, the container's profile)."
        return Fact(False, 0, f"namespaces: {meaning(code)}", advice)
    by = BY_USER_NAMESPACE if user else BY_OWN_RIGHTS
    return Fact(True, 1, f"network, ipc, uts, mount and pid, by {by}", "", by)


def _tried(flags: int, *, user: bool) -> int:
    """Return the error with which a child fails to make namespaces; 0 where it does not."""
    import subprocess
    import sys

    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    code = f"import sys; sys.path.insert(0, {folder!r})\nfrom ringfence.sandbox.layers import namespaces\nnamespaces.try_out({flags}, user={user})"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, env={}, capture_output=True, check=False, timeout=30)  # noqa: S603 - this interpreter
    return done.returncode if done.returncode >= 0 else errno.EPERM


def try_out(flags: int, *, user: bool) -> None:
    """Make namespaces and end this process, with the error as its exit code."""
    try:
        apply(flags, user=user)
        _mount("none", "/", None, _REC | _PRIVATE)
        _mount("tmpfs", "/", "tmpfs", _NOSUID)
    except OSError as error:
        os._exit(error.errno or errno.EPERM)
    os._exit(0)

"""The cage as the zygote prepares it and a worker enters it: the layers, in the one order in which none of them undoes or blinds another.

In the zygote: namespaces, the view of the files, the bounding set, `no_new_privs`, descriptors of the granted paths, the filter. In the
worker: limits, ruleset, ids, filter, proof. The one idea: a layer that was promised and cannot be had is an error, never a weaker cage.
"""

from __future__ import annotations

import _socket
import ctypes
import errno
import os
import stat
import sys

from ringfence.sandbox.layers import landlock, namespaces, privileges, rlimits, seccomp
from ringfence.sandbox.syscalls import Prepared, syscall

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ringfence.sandbox.bpf import Rule

_CLOSE_FROM = 6
_RULESET_AT, _TELLING_AT = 4, 5
_REGIONS_BELOW = 1
_AF_NETLINK, _SOCK_RAW = 16, 3
_AF_INET, _SOCK_STREAM, _CLOSE_ON_EXEC, _INET_SIZE = 2, 1, 0o2000000, 16
_ELSEWHERE = ctypes.create_string_buffer(b"\x02\x00\x00\x09\x7f\x00\x00\x01", _INET_SIZE)
"""The address 127.0.0.1:9."""
_CHANNEL_AT, _LISTENER = 3, b"\x02"
_AT_FDCWD = -100
_ROOT = ctypes.create_string_buffer(b"/")
_PR_GET_SECCOMP, _FILTERED = 21, 2


class Unproven(Exception):
    """A layer that let through what it must stop."""


class Cage:
    """The layers of one pool.

    Arguments:
        setup: what `ringfence.sandbox.setups.setup` says.

    Raises:
        OSError: a layer could not be had.

    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self._setup = setup
        self._base = str(setup["base"])
        self._first_user = setup["first_user"]
        self.many = bool(setup["many"])
        self.processes = int(setup["processes"])
        self.own_processes = bool(setup["own_processes"])
        self.kept = self.many or self.own_processes
        self.listener: int | None = None
        self.layers = ["rlimits", "privileges"]
        self.proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.control_groups = (
            os.open("/sys/fs/cgroup", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) if setup["groups"] else -1
        )
        rlimits.apply_fixed(shown=bool(setup["shown"]))
        self._enter_namespaces()
        privileges.drop_bounding_set()
        seccomp.forbid_new_privileges()
        self._abi = landlock.version()
        self._grants = list(self._open_grants())
        self._rulesets: dict[int, landlock.Ruleset] = {}
        self._shared_rules().close()  # what cannot be had is told now, and not by the first worker
        self._filter = seccomp.Filter(self._rules())
        self.layers += ["landlock", "seccomp", *(["cgroup"] if setup["groups"] else [])]
        self._enter_ruleset = Prepared("landlock_restrict_self", _RULESET_AT, 0)
        self._asks = setup["network"] == "notify"
        self._dial = Prepared("socket", _AF_INET, _SOCK_STREAM | _CLOSE_ON_EXEC, 0)
        self._filtered = Prepared("prctl", _PR_GET_SECCOMP, 0, 0, 0, 0)
        self._attempts = (
            (
                "landlock",
                Prepared("openat", _AT_FDCWD, ctypes.addressof(_ROOT), os.O_RDONLY | os.O_DIRECTORY, 0),
            ),
            ("seccomp", Prepared("socket", _AF_NETLINK, _SOCK_RAW, 0)),
        )
        self.own_user = self._first_user is not None

    def _rules(self) -> dict[str, Rule]:
        setup = self._setup
        return seccomp.rules(
            network=str(setup["network"]),
            many=self.many,
            threads=bool(setup["threads"]),
            execute=bool(setup["executes"]),
            scoped=landlock.scopes_signals(self._abi) or bool(setup["own_processes"]),
            own_files=bool(setup["view"]),
            truncate=landlock.covers_truncate(self._abi),
            window=() if self.many or setup["memory_by"] != "AS" else _library_window(self.proc),
        )

    def _enter_namespaces(self) -> None:
        setup = self._setup
        flags = int(str(setup["namespaces"]))
        if not flags:
            return
        namespaces.apply(flags, user=bool(setup["user_namespace"]))
        self.layers.append("namespaces")
        if setup["network"] == "namespace":
            namespaces.bring_loopback_up()
            self.listener = namespaces.listen_on_loopback(int(setup["proxy_port"]))
        if setup["view"]:
            self._enter_view()
            self.layers.append("view")

    def _enter_view(self) -> None:
        view = namespaces.View(str(self._setup["root"]))
        for path, _ in self._system():
            view.show(path, device=path.startswith("/dev/"))
        for path, fd, rights in self._granted():
            view.show_exactly(path, fd, writable=bool(rights & landlock.WRITE_FILE))
            os.close(fd)
        view.show(self._base, writable=True)
        view.enter()

    def _list(self, name: str) -> list[str]:
        return list(self._setup[name])

    def _system(self) -> list[tuple[str, int]]:
        """Return what the interpreter and granted programs need of the system: links on the way are the system's own."""
        devices = [("/dev/null", landlock.READ_FILE | landlock.WRITE_FILE)]
        reads = [(path, landlock.READ) for path in self._list("reads")]
        return reads + devices + [(path, landlock.READ | landlock.EXECUTE) for path in self._list("executes")]

    def _granted(self) -> Iterator[tuple[str, int, int]]:
        """Return what the profile grants, each opened as the host resolved it; what is gone is left out."""
        for name, rights in (("granted", landlock.READ), ("writes", landlock.WRITE)):
            for path in self._list(name):
                try:
                    yield path, _open_path(path), rights
                except FileNotFoundError:
                    continue

    def _open_grants(self) -> Iterator[tuple[int, int]]:
        """Return descriptors of what every worker may open. They are opened while there still are rights to reach them."""
        for path, rights in self._system():
            try:
                yield os.open(path, os.O_PATH | os.O_CLOEXEC), rights
            except FileNotFoundError:
                continue
        for _, fd, rights in self._granted():
            yield fd, rights

    # In the zygote, before each fork

    def make_ready(self, slot: int) -> None:
        """Go where the next worker will work, and make the ruleset of its slot, once: its folder is all that differs from the others'.

        Folder and environment are inherited, which costs a child less than to change them.
        """
        folder = self.folder(slot)
        os.chdir(folder)
        os.environ["HOME"] = folder
        os.environ["TMPDIR"] = f"{folder}/tmp"
        if slot not in self._rulesets:
            self._rulesets[slot] = self._rules_of(folder)

    def _rules_of(self, folder: str) -> landlock.Ruleset:
        ruleset = self._shared_rules()
        own = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        ruleset.grant(own, landlock.WRITE)
        os.close(own)
        return ruleset

    def _shared_rules(self) -> landlock.Ruleset:
        ruleset = landlock.Ruleset()
        if self._setup["network"] == "namespace":
            ruleset.grant_connecting(int(self._setup["proxy_port"]))
        for path_fd, rights in self._grants:
            ruleset.grant(path_fd, rights)
        return ruleset

    def folder(self, slot: int) -> str:
        """Return the working folder of a slot."""
        return f"{self._base}/{slot}"

    # In the worker

    def enter(self, slot: int, parent: int) -> None:
        """Hold this process, for good.

        Arguments:
            slot: whose working folder, ruleset and user id are taken.
            parent: the process that this one ends with.

        Raises:
            OSError, Unproven: a layer could not be had, or does not bite.

        """
        ruleset = self._rulesets[slot]
        os.dup2(ruleset.fd, _RULESET_AT, inheritable=False)
        if not self.kept:
            os.close(_TELLING_AT)
        os.closerange(_CLOSE_FROM, 1 << 20)
        user = None if self._first_user is None else self._first_user + slot % self._setup["users"]
        privileges.apply(user, shown=self._setup["shown"])
        privileges.end_with_parent(parent)
        self._enter_ruleset()
        os.close(_RULESET_AT)
        if self._asks:
            self._ask_for_connects()
        else:
            self._filter.install()
        self._prove()

    def _ask_for_connects(self) -> None:
        """Install the filter that asks about each connect, and prove that neither Landlock nor the host lets one through.

        The listener goes to the host and none of it stays here: whoever held it could answer himself.
        """
        dial = self._dial()
        if self._abi >= landlock.NETWORK_SINCE:
            _refuses("landlock", dial)
        _hand_over(self._filter.install(listener=True))
        _refuses("the host's answer to a connect", dial)
        os.close(dial)

    def _prove(self) -> None:
        """Try what each layer must stop. A worker that gets through is never used."""
        for layer, attempt in self._attempts:
            if attempt.succeeds():
                raise Unproven(layer)
        if self._filtered() != _FILTERED:
            raise Unproven("seccomp")


def _hand_over(listener: int) -> None:
    """Send the host the listener, and close it here."""
    channel = _socket.socket(fileno=_CHANNEL_AT)
    try:
        fds = listener.to_bytes(4, sys.byteorder)
        channel.sendmsg([_LISTENER], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
    finally:
        channel.detach()
        os.close(listener)


def _refuses(what: str, dial: int) -> None:
    """Try to connect to where nothing is granted: it must be forbidden, not merely fail."""
    try:
        syscall("connect", dial, ctypes.addressof(_ELSEWHERE), _INET_SIZE)
    except OSError as error:
        if error.errno == errno.EACCES:
            return
        raise Unproven(f"{what}: {error.strerror}") from None
    raise Unproven(what)


def _library_window(proc: int) -> tuple[int, ...]:
    """Return the upper halves of the addresses around which shared libraries lie, and where the kernel puts what is asked for next."""
    with open(os.open("self/maps", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc), encoding="utf-8") as maps:
        starts = [int(line.split("-", 1)[0], 16) >> 32 for line in maps if ".so" in line]
    return tuple(sorted({each - below for each in starts for below in range(_REGIONS_BELOW + 1)}))


def _open_path(path: str) -> int:
    """Open what the host resolved, as it was then: a link that has been put there since is not followed."""
    at = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in filter(None, path.split("/")):
        below = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        os.close(at)
        at = below
    if stat.S_ISLNK(os.fstat(at).st_mode):
        raise OSError(errno.ELOOP, f"{path} has become a link since it was granted")
    return at

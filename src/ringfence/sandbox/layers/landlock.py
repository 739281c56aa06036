"""Landlock: which files a process may open, and that signals and abstract sockets end at the cage. Needs no privilege.

It does not cover modes, owners, times and attributes of files, nor looking at them by name: the filter and the mount namespace do. The one
idea: a ruleset is made once, before the fork, and each process only enters it. Facts: `Documentation/userspace-api/landlock.rst`.
"""

from __future__ import annotations

import ctypes
import os
import stat

from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import meaning, syscall

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = (1 << bit for bit in range(9, 16))
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1, 2

READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER | TRUNCATE
"""What a read-write grant gives. Not: devices, pipes and sockets with a name, which could lead out or wait for somebody."""
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""The rights that a rule on something other than a directory may name."""
_BASE = (1 << 13) - 1
_SINCE = ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
NETWORK_SINCE, _SCOPE_SINCE, _TRUNCATE_SINCE = 4, 6, 3
_VERSION_FLAG, _PATH_BENEATH, _NET_PORT = 1, 1, 2


def version() -> int:
    """Return which version of Landlock the kernel offers.

    Raises:
        OSError: none.

    """
    return syscall("landlock_create_ruleset", 0, 0, _VERSION_FLAG)


def handled(abi: int) -> tuple[int, int, int]:
    """Return the rights that a version knows: of files, of the network, and scopes."""
    files = _BASE
    for since, right in _SINCE:
        files |= right if abi >= since else 0
    network = BIND_TCP | CONNECT_TCP if abi >= NETWORK_SINCE else 0
    return files, network, SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL if abi >= _SCOPE_SINCE else 0


def covers_truncate(abi: int) -> bool:
    """Return whether a version covers `truncate`."""
    return abi >= _TRUNCATE_SINCE


def scopes_signals(abi: int) -> bool:
    """Return whether a version keeps signals within the cage."""
    return abi >= _SCOPE_SINCE


class Ruleset:
    """What a process that enters it may still do.

    Raises:
        OSError: the kernel has no Landlock.

    """

    def __init__(self) -> None:
        self._files, network, scope = handled(version())
        attributes = b"".join(part.to_bytes(8, "little") for part in (self._files, network, scope))
        buffer = ctypes.create_string_buffer(attributes, 24)
        self.fd = syscall("landlock_create_ruleset", ctypes.addressof(buffer), 24, 0)

    def grant(self, path_fd: int, rights: int) -> None:
        """Grant rights on a file, or on a folder and all below it.

        Arguments:
            path_fd: a descriptor opened with `O_PATH`.
            rights: those that the kernel does not know, or that a plain file cannot have, are left out.

        Raises:
            OSError: it could not be granted.

        """
        rights &= self._files
        if not stat.S_ISDIR(os.fstat(path_fd).st_mode):
            rights &= ON_FILES
        rule = ctypes.create_string_buffer(rights.to_bytes(8, "little") + path_fd.to_bytes(4, "little"), 12)
        syscall("landlock_add_rule", self.fd, _PATH_BENEATH, ctypes.addressof(rule), 0)

    def grant_connecting(self, port: int) -> None:
        """Grant TCP connections to a port, at whatever address.

        Raises:
            OSError: it could not be granted; version 4 is the first that can.

        """
        words = CONNECT_TCP.to_bytes(8, "little") + port.to_bytes(8, "little")
        rule = ctypes.create_string_buffer(words, 16)
        syscall("landlock_add_rule", self.fd, _NET_PORT, ctypes.addressof(rule), 0)

    def enter(self) -> None:
        """Hold this process to the rules, for good. `no_new_privs` must be set.

        Raises:
            OSError: it could not be.

        """
        syscall("landlock_restrict_self", self.fd, 0)

    def close(self) -> None:
        """Close its descriptor."""
        os.close(self.fd)


def apply(ruleset: Ruleset) -> None:
    """Enter a ruleset. Errors as for `Ruleset.enter`."""
    ruleset.enter()


def probe() -> Fact:
    """Tell which version there is."""
    try:
        abi = version()
    except OSError as error:
        advice = "Boot with `lsm=landlock,...` on a kernel from 5.13 that has CONFIG_SECURITY_LANDLOCK."
        return Fact(False, 0, f"Landlock: {meaning(error.errno or 0)}", advice)
    scope = "signals and abstract sockets scoped" if scopes_signals(abi) else "signals are left to the filter"
    return Fact(
        True,
        abi,
        f"version {abi}, {scope}",
        "" if scopes_signals(abi) else "A kernel from 6.12 scopes signals too.",
    )

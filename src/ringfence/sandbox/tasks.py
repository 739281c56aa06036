"""What a thread that waits in `connect` asks for: its descriptor, and the address, copied once from its memory.

Everything here is read from `/proc`, so it needs no call that a container's profile could refuse. The one idea: what is read is only compared,
never handed to the kernel again; whoever rewrites it meanwhile changes nothing but what he is told.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ADDRESS = 128  # struct sockaddr_storage
_FAMILY = struct.Struct("=H")
_INET = struct.Struct("!HI")
_AF_INET, _INET_SIZE = 2, 16
_HIGHEST = 1 << 63
_LINE = 256


class Wanted(NamedTuple):
    """What a call to `connect` asks for.

    Attributes:
        fd: the number of the socket.
        blocks: whether the socket waits.
        close_on_exec: whether executing a program closes it.
        family: of the address.
        internet: the IPv4 address as a number and the port; None of any other family.

    """

    fd: int
    blocks: bool
    close_on_exec: bool
    family: int
    internet: tuple[int, int] | None


def wanted(task: int, arguments: tuple[int, ...]) -> Wanted:
    """Return what a thread wants that waits in `connect`.

    Arguments:
        task: the thread.
        arguments: of the call.

    Raises:
        OSError: what the kernel itself would answer (EBADF, ENOTSOCK, EINVAL, EFAULT); EPERM where this process may not look.

    """
    fd, place, size = _signed(arguments[0]), arguments[1], _signed(arguments[2])
    flags = _flags(task, fd)
    if not _said(lambda: os.readlink(f"/proc/{task}/fd/{fd}"), errno.EBADF).startswith("socket:"):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    if not _FAMILY.size <= size <= MOST_ADDRESS:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    address = _memory(task, place, size)
    family = _FAMILY.unpack_from(address)[0]
    if family == _AF_INET and size < _INET_SIZE:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    port, host = _INET.unpack_from(address, 2) if family == _AF_INET else (0, 0)
    return Wanted(
        fd,
        not flags & os.O_NONBLOCK,
        bool(flags & os.O_CLOEXEC),
        family,
        (host, port) if family == _AF_INET else None,
    )


def _signed(word: int) -> int:
    """Return the C int in the lower half of a word."""
    return (word & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _flags(task: int, fd: int) -> int:
    """Return the flags of a descriptor, as `open` takes them."""
    text = _said(lambda: _read(f"/proc/{task}/fdinfo/{fd}"), errno.EBADF)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "flags":
            return int(value, 8)
    raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _read(path: str) -> str:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _LINE).decode("ascii", "replace")
    finally:
        os.close(file)


def _said(read: Callable[[], str], absent: int) -> str:
    """Return what a reading gives; where there is nothing to be read, fail with the error that the kernel has for it."""
    try:
        return read()
    except FileNotFoundError:
        raise OSError(absent, os.strerror(absent)) from None
    except PermissionError:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM)) from None


def _memory(task: int, place: int, size: int) -> bytes:
    """Return a piece of a thread's memory."""
    if not 0 < place < _HIGHEST:
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
    try:
        file = os.open(f"/proc/{task}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM)) from None
    try:
        piece = os.pread(file, size, place)
    except OSError:
        piece = b""
    finally:
        os.close(file)
    if len(piece) < size:
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
    return piece

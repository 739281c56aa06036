"""User notifications of seccomp: a caged process's system calls that wait until this process has answered them.

What an answer should be, others decide. The one idea: no call is ever let through to the kernel (`SECCOMP_USER_NOTIF_FLAG_CONTINUE` is not even
written down here), for what it points at can be rewritten after it was looked at. Facts: `Documentation/userspace-api/seccomp_filter.rst`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import struct
import subprocess
import sys
from functools import cache
from typing import NamedTuple

from ringfence.sandbox.bpf import ALLOW, NOTIFY
from ringfence.sandbox.layers import seccomp
from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import MACHINE, meaning, syscall

_CALL = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif, with seccomp_data in it
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_DESCRIPTOR = struct.Struct("=QIIII")  # struct seccomp_notif_addfd
_SIZES = (_CALL.size, _ANSWER.size, 64)
_GET_SIZES = 3
_RECEIVE, _SEND, _IS_VALID, _ADD_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
"""The requests of `ioctl`, which hold the sizes above; the two architectures that there are tables of number them alike."""
_AT_THIS_NUMBER = 1
_OUTER_LISTENER = (
    "a filter of the container's own is asked about calls already, and there can be one such filter only"
)
_TOO_OLD = "the kernel cannot hand descriptors to a call that waits (Linux 5.9)"


class Call(NamedTuple):
    """A system call that waits.

    Attributes:
        id: of the notification.
        task: the thread that made it, as this process numbers threads.
        number: of the call.
        arguments: its six words.

    """

    id: int
    task: int
    number: int
    arguments: tuple[int, ...]


class Listener:
    """The host's end of a filter whose calls are asked about. It is read by one thread alone, or reading could wait.

    Arguments:
        fd: the descriptor that installing the filter gave; it is this object's own from now on.

    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.ended = False
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def receive(self) -> Call | None:
        """Return the next call; None where none waits, or no longer. `ended` tells whether none can come any more."""
        events = self._poll.poll(0)
        if not events or not events[0][1] & select.POLLIN:
            self.ended = bool(events)
            return None
        words = bytearray(_CALL.size)
        try:
            fcntl.ioctl(self.fd, _RECEIVE, words)
        except OSError:  # whoever called has been ended, or interrupted by a signal
            return None
        number, task, _, call, _, _, *arguments = _CALL.unpack(words)
        return Call(number, task, call, tuple(arguments))

    def is_waiting(self, call: Call) -> bool:
        """Return whether a call still waits. What was read of its thread before is that thread's own then, and no later one's of the same number."""
        try:
            fcntl.ioctl(self.fd, _IS_VALID, call.id.to_bytes(8, sys.byteorder))
        except OSError:
            return False
        return True

    def answer(self, call: Call, code: int = 0) -> None:
        """Have a call return 0, or fail with an error. It may have gone."""
        words = bytearray(_ANSWER.pack(call.id, 0, -code, 0))
        try:
            fcntl.ioctl(self.fd, _SEND, words)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.EINPROGRESS):
                raise

    def put(self, call: Call, fd: int, *, at: int, close_on_exec: bool) -> None:
        """Put a copy of a descriptor of this process's where a call's own was.

        It takes until that thread is run next, and is not joined with the answer: joined, the call would return the number.

        Arguments:
            call: the one that waits.
            fd: what to copy.
            at: its number there; what had it is closed.
            close_on_exec: whether executing a program closes it.

        Raises:
            OSError: ENOENT where the call has gone, EBADF where the number is none that the thread may have.

        """
        flags = os.O_CLOEXEC if close_on_exec else 0
        fcntl.ioctl(self.fd, _ADD_DESCRIPTOR, _DESCRIPTOR.pack(call.id, _AT_THIS_NUMBER, fd, at, flags))

    def close(self) -> None:
        """Close it: every call that waits or comes fails with ENOSYS."""
        os.close(self.fd)


@cache
def probe() -> Fact:
    """Tell whether calls can be asked about here, by installing such a filter in a child."""
    if sys.platform != "linux" or MACHINE not in ("x86_64", "aarch64"):
        return Fact(False, 0, "there are no seccomp notifications here", "Run on Linux.")
    sizes = ctypes.create_string_buffer(6)
    try:
        syscall("seccomp", _GET_SIZES, 0, ctypes.addressof(sizes))
    except OSError as error:
        why = "the kernel has none (Linux 5.0)" if error.errno == errno.EINVAL else meaning(error.errno or 0)
        return _lacking(why)
    if struct.unpack("=HHH", sizes.raw) != _SIZES:
        return _lacking("the kernel's have another shape than is known here")
    code = _tried()
    if code:
        return _lacking({errno.EBUSY: _OUTER_LISTENER, errno.EINVAL: _TOO_OLD}.get(code, meaning(code)))
    return Fact(True, 1, "each connect waits for an answer, and is never let through", "")


def _lacking(why: str) -> Fact:
    return Fact(
        False,
        0,
        f"seccomp notifications: {why}",
        "Use Linux 5.9 or later, and a container profile that allows seccomp.",
    )


def _tried() -> int:
    """Return the error with which a child fails to install a filter with a listener and to name a call to it; 0 where it does not."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = f"import sys; sys.path.insert(0, {folder!r})\nfrom ringfence.sandbox import notifications\nnotifications.try_out()"
    command = [sys.executable, "-I", "-S", "-c", code]
    done = subprocess.run(command, env={}, capture_output=True, check=False, timeout=30)  # noqa: S603 - this interpreter
    return done.returncode if done.returncode >= 0 else errno.EPERM


def try_out() -> None:
    """Install a filter with a listener and end this process, with the error as its exit code."""
    try:
        seccomp.forbid_new_privileges()
        listener = seccomp.Filter({"connect": NOTIFY}, ALLOW).install(listener=True)
        fcntl.ioctl(listener, _ADD_DESCRIPTOR, _DESCRIPTOR.pack(0, _AT_THIS_NUMBER, listener, 0, 0))
    except OSError as error:  # ENOENT: no call has that number, so the request itself is known
        os._exit(0 if error.errno == errno.ENOENT else error.errno or errno.EPERM)
    os._exit(0)

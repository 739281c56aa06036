"""Ids and capabilities: a caged process has no group, no capability and, where its parent may choose, a user id that nobody else has.

The one idea: everything is dropped in the order in which the right to drop the next is still there: bounding set, groups, ids, capabilities.
"""

from __future__ import annotations

import ctypes
import os

from ringfence.sandbox.layers.fact import Fact
from ringfence.sandbox.syscalls import NUMBER, Prepared, meaning, prctl, syscall

_PR_SET_DUMPABLE, _PR_SET_PDEATHSIG, _PR_CAPBSET_READ, _PR_CAPBSET_DROP = 4, 1, 23, 24
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
_SIGKILL = 9
_MOST_CAPABILITIES = 64
_SETUID, _SYS_ADMIN = 7, 21
_V3 = 0x20080522
_header = ctypes.create_string_buffer(_V3.to_bytes(4, "little") + bytes(4), 8)
_none = ctypes.create_string_buffer(24)
_present = ctypes.create_string_buffer(24)
if NUMBER:
    _drop = Prepared("capset", ctypes.addressof(_header), ctypes.addressof(_none))
    _ask = Prepared("capget", ctypes.addressof(_header), ctypes.addressof(_present))
    _hide = Prepared("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)
    _show = Prepared("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)
    _end_with_parent = Prepared("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def capabilities() -> int:
    """Return the effective capabilities of this process, as bits; 0 where they cannot be read."""
    try:
        return _held()
    except OSError:
        return 0


def _held() -> int:
    _ask()
    words = [int.from_bytes(_present.raw[at : at + 4], "little") for at in range(0, 24, 4)]
    return words[0] | words[3] << 32  # effective, the lower and the upper half


def has(capability: int) -> bool:
    """Return whether this process has a capability now."""
    return bool(capabilities() >> capability & 1)


def may_choose_ids() -> bool:
    """Return whether this process may take any user id."""
    return has(_SETUID)


def may_administer() -> bool:
    """Return whether this process may make namespaces and mounts without a user namespace of its own."""
    return has(_SYS_ADMIN)


def drop_bounding_set() -> None:
    """Drop what could be regained by executing a program. Without the right to do so there is nothing to regain either, under `no_new_privs`."""
    for capability in range(_MOST_CAPABILITIES):
        try:
            prctl(_PR_CAPBSET_READ, capability)
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            continue


def apply(user: int | None, *, shown: bool = False) -> None:
    """Drop groups, ids and capabilities, and keep other processes from looking in.

    Arguments:
        user: the user and group id to take; None: keep the present one.
        shown: whether processes of the same user may look in.

    Raises:
        OSError: one could not be dropped, or the parent has ended meanwhile.

    """
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    _drop()
    _ask()
    if _present.raw != _none.raw:
        raise OSError("capabilities are still there after they were dropped")
    if shown:
        _show()
    else:
        _hide()


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends. Changing ids undoes it, so this comes after.

    Raises:
        OSError: the parent has ended already.

    """
    _end_with_parent()
    if os.getppid() != parent:
        raise OSError("the parent has ended")


def probe() -> Fact:
    """Tell whether each run can have a user id of its own."""
    try:
        syscall("capset", ctypes.addressof(_header), _current())
    except OSError as error:
        return Fact(
            False, 0, f"capset: {meaning(error.errno or 0)}", "Allow capset in the container's profile."
        )
    if may_choose_ids():
        return Fact(True, 2, "each run gets a user id of its own, without capabilities", "")
    return Fact(
        True,
        1,
        f"runs keep the user id {os.geteuid()}, without capabilities",
        "As root, each run gets an id of its own.",
    )


def _current() -> int:
    """Return where the present capabilities lie, to set them as they are."""
    syscall("capget", ctypes.addressof(_header), ctypes.addressof(_present))
    return ctypes.addressof(_present)

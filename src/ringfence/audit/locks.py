"""An exclusive lock on an open file, against other processes: `acquire` and `release`.

SQLite has its own; this one is for stores that are plain files. The one idea: the system drops the lock when a process dies, so
nobody has to clean up after a killed one.
"""

from __future__ import annotations

import sys
import time

from ringfence.audit.store import BUSY_SECONDS
from ringfence.errors import RecordUnwritable

_PAUSE_SECONDS = 0.0005

if sys.platform == "win32":
    import msvcrt
    import os

    _FAR_AWAY = 0x7FFF_FFF0  # Windows locks bytes against reading too, so lock one that no log reaches

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _FAR_AWAY, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def release(descriptor: int) -> None:
        """Give the lock on an open file back."""
        os.lseek(descriptor, _FAR_AWAY, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(descriptor: int) -> None:
        """Give the lock on an open file back."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def acquire(descriptor: int, path: str) -> None:
    """Take the only lock on an open file.

    Arguments:
        descriptor: the open file.
        path: what to call it in an error.

    Raises:
        RecordUnwritable: another process held it for five seconds.

    """
    deadline = 0.0
    while True:
        try:
            _try_lock(descriptor)
        except (BlockingIOError, PermissionError) as error:
            deadline = deadline or time.monotonic() + BUSY_SECONDS
            if time.monotonic() > deadline:
                why = f"another process has held its lock for {BUSY_SECONDS:.0f} s"
                raise RecordUnwritable(path, why) from error
            time.sleep(_PAUSE_SECONDS)
        else:
            return

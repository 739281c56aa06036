"""Working folders: made for each worker, emptied after each run, and all gone at the end, also when the host was killed in between.

What lies in them was left by hostile code. The one idea: nothing is followed, nothing is trusted to be small, and a folder is walked
by descriptors, one for each level, no deeper than a number of levels that is set here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import tempfile
from contextlib import suppress
from typing import NamedTuple

from ringfence.sandbox.frames import INPUT_FILE

PREFIX = "ringfence-"
PARTS = ("input", "output", "tmp")
_LOCK = "lock"
_MAGIC = b"a folder of ringfence's sandbox\n"
_NOFOLLOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_AS_FOLDER = _NOFOLLOW | os.O_DIRECTORY
_MOST_ARTIFACTS = 1000
_MOST_NAME = 255
_OWN_TROUBLE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What this process lacks, and the run is not to blame for."""
_MOST_DEPTH = 32
_MOST_COUNTED_DEPTH = 100
_ONLY_OWN = 0o700


class Spoiled(Exception):
    """What a run left cannot be collected. `str()` says why."""


class Size(NamedTuple):
    """How much lies in a folder.

    Attributes:
        entries: files and folders, counted up to the limit.
        bytes: on the disk.

    """

    entries: int
    bytes: int


class Base:
    """The folder of one host process, below which the pools' folders lie. It is locked while the process lives.

    Raises:
        OSError: it could not be made.

    """

    def __init__(self) -> None:
        sweep()
        self.path = os.path.realpath(tempfile.mkdtemp(prefix=PREFIX))
        os.chmod(self.path, 0o711)  # noqa: S103 - workers reach their own folder through it, and can list nothing
        self._lock = _locked(f"{self.path}/{_LOCK}")

    def close(self) -> None:
        """Remove it and everything below."""
        with suppress(FileNotFoundError):
            empty(self.path)
            os.rmdir(self.path)
        os.close(self._lock)

    def forget(self) -> None:
        """Let go of it without removing it, as a forked child must."""
        os.close(self._lock)


def _locked(path: str) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(lock, _MAGIC)  # only now may a sweep take it for one of ours
    return lock


def sweep() -> int:
    """Remove what killed hosts of this user left, and return how many they were."""
    swept = 0
    with suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            lock = _stale_lock(entry.path) if entry.name.startswith(PREFIX) else None
            if lock is None:
                continue
            try:  # the lock is held meanwhile, so that nobody else sweeps the same
                empty(entry.path)
                os.rmdir(entry.path)
                swept += 1
            except OSError:
                continue
            finally:
                os.close(lock)
    return swept


def _stale_lock(path: str) -> int | None:
    """Return the lock of a folder that is of our making and whose host has gone, taken; None where it is not, or has not."""
    try:
        facts = os.lstat(path)
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            return None
        lock = os.open(f"{path}/{_LOCK}", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.read(lock, len(_MAGIC) + 1) == _MAGIC:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def make(folder: str, user: int | None) -> None:
    """Make a working folder.

    Arguments:
        folder: its path; what was there must be gone, or be an empty working folder.
        user: whose it is; None: this process's own.

    Raises:
        OSError: it could not be made.

    """
    for path in (folder, *(f"{folder}/{part}" for part in PARTS)):
        with suppress(FileExistsError):
            os.mkdir(path, _ONLY_OWN)
            if user is not None:
                os.chown(path, user, user, follow_symlinks=False)


def tidy(folder: str) -> None:
    """Remove what nearly every run leaves: the inputs that it was given. A folder that the run put elsewhere is not followed."""
    with suppress(OSError):
        within = os.open(f"{folder}/input", _AS_FOLDER)
        try:
            os.unlink(INPUT_FILE, dir_fd=within)
        finally:
            os.close(within)


def is_clean(folder: str) -> bool:
    """Return whether a working folder is as it was made: nothing in it but its parts, nothing in them, and their modes as they were."""
    try:
        if sorted(os.listdir(folder)) != sorted(PARTS) or not _is_as_made(folder):
            return False
        return all(_is_as_made(f"{folder}/{part}") and _holds_nothing(f"{folder}/{part}") for part in PARTS)
    except OSError:
        return False


def _is_as_made(folder: str) -> bool:
    return os.lstat(folder).st_mode == stat.S_IFDIR | _ONLY_OWN


def _holds_nothing(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return next(iter(entries), None) is None


def empty(folder: str) -> None:
    """Remove everything in a folder, however deep it nests and whatever modes it has.

    Raises:
        OSError: something could not be removed.

    """
    os.chmod(folder, _ONLY_OWN)  # no link: it lies in a folder of this process's own
    top = os.open(folder, _AS_FOLDER)
    try:
        while names := os.listdir(top):
            for name in names:
                with suppress(FileNotFoundError):
                    _remove(top, name)
    finally:
        os.close(top)


def _remove(top: int, name: str) -> None:
    """Remove an entry. Folders that lie within it are moved up to the top first, so that no path grows and nothing recurses."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
        os.unlink(name, dir_fd=top)
        return
    with suppress(OSError):
        os.rmdir(name, dir_fd=top)
        return
    within = _open_folder(top, name)
    try:
        for each in os.listdir(within):
            if stat.S_ISDIR(os.lstat(each, dir_fd=within).st_mode):
                _lift(within, each, top)
            else:
                os.unlink(each, dir_fd=within)
    finally:
        os.close(within)
    os.rmdir(name, dir_fd=top)


def _lift(within: int, name: str, top: int) -> None:
    with suppress(OSError):
        os.rmdir(name, dir_fd=within)
        return
    os.close(_open_folder(within, name))
    os.rename(name, f".{secrets.token_hex(8)}", src_dir_fd=within, dst_dir_fd=top)


def _open_folder(parent: int, name: str) -> int:
    """Open a folder of a run's, and make it ours to empty."""
    try:
        found = os.open(name, _AS_FOLDER, dir_fd=parent)
    except PermissionError:
        os.chmod(name, _ONLY_OWN, dir_fd=parent)  # no link: it is a folder, and the run has ended
        found = os.open(name, _AS_FOLDER, dir_fd=parent)
    os.fchmod(found, _ONLY_OWN)
    return found


def measure(folder: str, most_entries: int) -> Size:
    """Return how much lies in a folder. Counting ends above so many entries; what cannot be counted is too much.

    It is walked by descriptors, so that no path grows too long to be followed, and no link leads out.
    """
    counted = _Counted(most_entries)
    try:
        counted.enter(folder, None, 0)
    except FileNotFoundError:  # it went while it was counted, or so did a part of it
        pass
    except OSError:
        counted.entries = most_entries + 1
    return Size(counted.entries, counted.bytes)


class _Counted:
    """What has been counted of a working folder."""

    def __init__(self, most_entries: int) -> None:
        self.entries = self.bytes = 0
        self._most = most_entries

    def enter(self, name: str, parent: int | None, depth: int) -> None:
        """Count one folder and those below it."""
        if depth > _MOST_COUNTED_DEPTH:
            self.entries = self._most + 1
            return
        within = os.open(name, _AS_FOLDER, dir_fd=parent)
        try:
            for each in os.listdir(within):
                self.entries += 1
                if self.entries > self._most:
                    return
                with suppress(FileNotFoundError):
                    facts = os.lstat(each, dir_fd=within)
                    self.bytes += facts.st_blocks * 512
                    if stat.S_ISDIR(facts.st_mode):
                        self.enter(each, within, depth + 1)
        finally:
            os.close(within)


def collect(folder: str, most_bytes: int) -> dict[str, bytes]:
    """Return the files that a run left in `output/`, by their paths below it. In a session its process may still be there.

    Arguments:
        folder: the working folder.
        most_bytes: how much they may hold together.

    Raises:
        Spoiled: there is something that is no plain file, or too much.
        OSError: this process has no descriptors or memory left.

    """
    collection = _Collection(most_bytes)
    try:
        top = os.open(folder, _AS_FOLDER)
        try:
            collection.enter(top, "output", "", 0)
        finally:
            os.close(top)
    except OSError as error:
        if error.errno in _OWN_TROUBLE:
            raise
        raise Spoiled(f"the output could not be read: {error.strerror}") from error
    return collection.found


class _Collection:
    """The files of one `output/`. Each folder is opened from its parent's descriptor, so no link on the way is ever followed."""

    def __init__(self, most_bytes: int) -> None:
        self.found: dict[str, bytes] = {}
        self._left = most_bytes
        self._folders = 0

    def enter(self, parent: int, name: str, shown: str, depth: int) -> None:
        """Collect one folder and those below it."""
        self._folders += 1
        if depth > _MOST_DEPTH or self._folders > _MOST_ARTIFACTS:
            raise Spoiled(
                f"output/ holds more than {_MOST_ARTIFACTS} folders, or nests deeper than {_MOST_DEPTH}"
            )
        within = os.open(name, _AS_FOLDER, dir_fd=parent)
        try:
            for each in sorted(os.listdir(within)):
                if stat.S_ISDIR(os.lstat(each, dir_fd=within).st_mode):
                    self.enter(within, each, f"{shown}{each}/", depth + 1)
                else:
                    self._take(within, each, f"{shown}{each}")
        finally:
            os.close(within)

    def _take(self, within: int, name: str, shown: str) -> None:
        if len(self.found) >= _MOST_ARTIFACTS:
            raise Spoiled(f"more than {_MOST_ARTIFACTS} files lie in output/")
        content = _content(within, name, shown, self._left)
        self._left -= len(content)
        told = os.fsencode(shown).decode("utf-8", "backslashreplace")
        if told in self.found:
            raise Spoiled(f"two files in output/ have names that look like {_shown(told)}")
        self.found[told] = content


def _content(within: int, name: str, whole: str, left: int) -> bytes:
    """Return what a plain file holds; a hole in it counts as if it were written."""
    try:
        file = os.open(name, _NOFOLLOW, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise Spoiled(f"{_shown(whole)} in output/ is no plain file") from None
        raise
    with os.fdopen(file, "rb") as opened:
        facts = os.fstat(file)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise Spoiled(f"{_shown(whole)} in output/ is no plain file of one name")
        if facts.st_size > left:
            raise Spoiled(
                f"the files in output/ are larger than the {left:,} bytes that are left of the limit"
            )
        content = opened.read(left + 1)
        if len(content) > left:
            raise Spoiled("a file in output/ grew while it was read")
        return content


def _shown(name: str) -> str:
    return ascii(name[:_MOST_NAME])

"""Where the key of a log comes from: a file that the policy names, the environment, or a file made beside a new log.

The one idea: a key is made only where there is neither a key nor a log. A log whose key is gone cannot be continued, because
a new key would make everything before it look forged.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import string
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.audit.chain import KEY_BYTES
from ringfence.errors import RecordKeyInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "RINGFENCE_AUDIT_KEY"
_LONGEST_FILE = 4096
_OTHERS = 0o027
"""Nobody but the owner and, for mounted secrets, the group may read it: who reads the key can forge the log."""
_PATIENCE_SECONDS = 1.0


def decode_key(text: str, source: str) -> bytes:
    """Return the bytes of a key written in hexadecimal or base64.

    Arguments:
        text: the key.
        source: where it stood, for the error; the key itself is in no message.

    Raises:
        RecordKeyInvalid: it is neither, or shorter than 32 bytes.

    """
    compact = "".join(text.split())
    try:
        if compact and not compact.strip(string.hexdigits) and len(compact) % 2 == 0:
            key = bytes.fromhex(compact)
        else:
            standard = compact.replace("-", "+").replace("_", "/").rstrip("=")
            key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordKeyInvalid(source, "it is neither hexadecimal nor base64") from error
    if len(key) < KEY_BYTES:
        raise RecordKeyInvalid(source, f"it has {len(key)} bytes, at least {KEY_BYTES} are needed")
    return key


def load_key(
    key_file: str | Path | None, log: str | Path | None, *, environment: Mapping[str, str] = os.environ
) -> bytes:
    """Return the key of an existing log.

    Arguments:
        key_file: the file that the policy or the command line names; None: the environment, then `<log>.key`.
        log: the log; None: it has no file.
        environment: where RINGFENCE_AUDIT_KEY is looked up.

    Raises:
        RecordKeyInvalid: there is none, or it cannot be used.

    """
    if key_file is not None:
        return _read(Path(key_file), follow=True)
    if environment.get(VARIABLE):
        return decode_key(environment[VARIABLE], f"the variable {VARIABLE}")
    if log is None:
        raise RecordKeyInvalid(
            f"the variable {VARIABLE}", "it is not set, and a log without a file has no key file"
        )
    return _read(Path(f"{log}.key"), follow=False)


def load_or_make_key(key_file: str | Path | None, log: str | Path | None) -> bytes:
    """Return the key of a log that is about to be written; make one beside it where neither log nor key exists.

    Arguments:
        key_file: as for `load_key`.
        log: the log; None: in memory, where a key is made that nobody else ever sees.

    Raises:
        RecordKeyInvalid: the log exists and its key does not, or the key cannot be used.

    """
    if key_file is None and not os.environ.get(VARIABLE):
        if log is None:
            return secrets.token_bytes(KEY_BYTES)
        beside = Path(f"{log}.key")
        if not os.path.lexists(beside) and not Path(log).exists():
            _make(beside)
    return load_key(key_file, log)


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    except FileExistsError:
        return  # another process was faster: its key counts
    except OSError as error:
        raise RecordKeyInvalid(str(path), f"it cannot be made: {error.strerror}") from error
    try:
        os.write(descriptor, secrets.token_hex(KEY_BYTES).encode() + b"\n")
        os.fsync(descriptor)
    except OSError as error:
        path.unlink()
        raise RecordKeyInvalid(str(path), f"it cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _read(path: Path, *, follow: bool) -> bytes:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    text = _read_once(path, follow=follow)
    while not text and time.monotonic() < deadline:  # another process is just making it
        time.sleep(0.01)
        text = _read_once(path, follow=follow)
    return decode_key(text, str(path))


def _read_once(path: Path, *, follow: bool) -> str:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags if follow else flags | getattr(os, "O_NOFOLLOW", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            _refuse_open_to_others(path, os.fstat(descriptor))
            return file.read(_LONGEST_FILE).decode("ascii", "replace")
    except OSError as error:
        raise RecordKeyInvalid(str(path), error.strerror or str(error)) from error


def _refuse_open_to_others(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RecordKeyInvalid(str(path), "it is no plain file")
    mode = stat.S_IMODE(status.st_mode)
    if os.name == "posix" and mode & _OTHERS:
        raise RecordKeyInvalid(str(path), f"its mode {mode:04o} lets others read or change it; chmod 600 it")

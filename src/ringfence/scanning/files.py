"""Which files hold a source, in which language, and how they are read: for commands that are given files and folders.

A source in a call never comes this way. The one idea: a folder may come from anybody, so symbolic links are never followed in it,
nothing but regular files is opened, and no more of a file is read than a scan would take.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from io import BytesIO
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Language, Unscannable

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDINGS = {
    ".py": Language.PYTHON,
    ".pyi": Language.PYTHON,
    ".pyw": Language.PYTHON,
    ".sh": Language.SHELL,
    ".bash": Language.SHELL,
    ".js": Language.JAVASCRIPT,
    ".mjs": Language.JAVASCRIPT,
    ".cjs": Language.JAVASCRIPT,
    ".sql": Language.SQL,
}
"""The language of a file by how its name ends, in any case."""

_INTERPRETERS = re.compile(
    rb"#!.*?\b(?:(python|pypy)|(sh|bash|dash|ksh|ash)|(node|nodejs|deno|bun))[\d.]*(?:\s|$)"
)
_BY_GROUP = (Language.PYTHON, Language.SHELL, Language.JAVASCRIPT)
_FIRST_LINE = 256
_SKIPPED = frozenset(
    {".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "site-packages", "__pycache__"}
)
_ENVIRONMENT = "pyvenv.cfg"  # stands in every virtual environment, whatever its name
_OPEN = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO or a terminal must not block
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


def language_of(path: str) -> Language | None:
    """Return the language of a file by how its name ends, or by its first line; None where neither tells.

    Arguments:
        path: the file.

    Raises:
        OSError: the first line is needed, and cannot be read.

    """
    told = ENDINGS.get(os.path.splitext(path)[1].lower())  # noqa: PTH122 - loading pathlib takes as long as a scan
    if told is not None:
        return told
    found = _INTERPRETERS.match(read_bytes(path, _FIRST_LINE))
    return None if found is None else _BY_GROUP[(found.lastindex or 1) - 1]


def walk(folder: str, failed: list[OSError]) -> Iterator[tuple[str, Language]]:
    """Return the sources in a folder and its folders, in order, each with its language.

    Version control, virtual environments, `node_modules` and symbolic links are left out.

    Arguments:
        folder: where to start.
        failed: takes what could not be read.

    """
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            if not os.path.isdir(path):  # noqa: PTH112 - likewise
                language = language_of(path)
                if language is not None:
                    yield path, language
                continue
            waiting += reversed(_entries(path))
        except OSError as error:
            failed.append(error)


def _entries(folder: str) -> list[str]:
    """Return the regular files and folders to look at in a folder, by name; none of a virtual environment."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    if any(entry.name == _ENVIRONMENT for entry in found):
        return []
    return [
        entry.path
        for entry in found
        if entry.is_file(follow_symlinks=False)
        or (entry.is_dir(follow_symlinks=False) and entry.name not in _SKIPPED)
    ]


def read_bytes(path: str, most: int) -> bytes:
    """Return at most `most` bytes from the start of a regular file.

    Raises:
        OSError: it cannot be read, or is no regular file.

    """
    try:
        descriptor = os.open(path, _OPEN)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        content = bytearray()
        while part := os.read(descriptor, most - len(content)):
            content += part
    finally:
        os.close(descriptor)
    return bytes(content)


def decoded(content: bytes, language: Language) -> str:
    """Return the text of a source. Python's own rules hold for Python: a coding line counts there, since it decides what would run.

    Raises:
        Unscannable: Python could not read it either.

    """
    if language is not Language.PYTHON:
        return content.decode("utf-8-sig", errors="replace")
    from tokenize import detect_encoding  # noqa: PLC0415 - only Python has such a line

    try:
        encoding, _ = detect_encoding(BytesIO(content).readline)
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"byte 0x{content[error.start]:02x} is no {error.encoding}: save it as UTF-8"
        raise Unscannable("unparsed", message, content.count(b"\n", 0, error.start) + 1) from error
    except (SyntaxError, LookupError, ValueError) as error:
        raise Unscannable(
            "unparsed", "it is neither UTF-8 nor what its coding line says: save it as UTF-8"
        ) from error

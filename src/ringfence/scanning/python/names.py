"""Dotted names: one canonical name for everything that has several, and the modules that are reached through other modules."""

from __future__ import annotations

import builtins
import re
import sys
from functools import lru_cache

from ringfence.scanning.python.catalogue import ALIASES, DANGEROUS_MODULES, HARD_MODULES, STANDARD_PATHS

BUILT_IN_NAMES = frozenset(dir(builtins)) - {"__name__", "__doc__", "__file__"}
KNOWN_MODULES = frozenset(
    {
        "base64", "binascii", "builtins", "code", "codecs", "ctypes", "gc", "get_ipython", "glob", "httpx", "imp", "importlib",
        "inspect", "io", "marshal", "multiprocessing", "os", "pathlib", "pickle", "platform", "posix", "psutil", "pty", "requests",
        "runpy", "shutil", "signal", "socket", "subprocess", "sys", "tempfile", "threading", "types", "urllib", "yaml", "zlib",
    }
)  # fmt: skip
"""Modules that a name stands for although nobody imported it: an earlier snippet of the same session may have."""
_BOUNDARY = re.compile(r"[.(*\[]")
_ITSELF = ".__call__"
"""The attribute by which a function is reached as an attribute of itself."""
_MOST_CHARACTERS = 300
_MOST_ROUNDS = 4


@lru_cache(4096)
def canonical(name: str) -> str:
    """Return the one name that the catalogue uses for a dotted name."""
    if len(name) > _MOST_CHARACTERS:
        return name[:_MOST_CHARACTERS]  # nothing listed is as long, and what is long costs time and memory
    name = _direct(name)
    if name.endswith(_ITSELF) and "(" not in name:
        name = name.replace(_ITSELF, "")
    for _ in range(_MOST_ROUNDS):
        renamed = _renamed(name)
        if renamed == name:
            break
        name = renamed
    return name


def _renamed(name: str) -> str:
    if name in ALIASES:
        return ALIASES[name]
    for found in reversed(list(_BOUNDARY.finditer(name))):
        head = name[: found.start()]
        if head in ALIASES:
            return ALIASES[head] + name[found.start() :]
        if name[: found.end() + 1] in ALIASES:  # a head that ends with ()
            return ALIASES[name[: found.end() + 1]] + name[found.end() + 1 :]
    return name


def _direct(name: str) -> str:
    """Return a name without the modules that a dangerous one was reached through: `random._os.system` is `os.system`."""
    parts = name.split(".")
    for position in range(len(parts) - 1, 0, -1):
        if is_detour(".".join(parts[: position + 1])):
            return ".".join([parts[position].lstrip("_"), *parts[position + 1 :]])
    return name


def is_detour(name: str) -> bool:
    """Return whether a dotted name reaches a dangerous module through another one."""
    head, _, last = name.rpartition(".")
    module = last.lstrip("_")
    if module not in DANGEROUS_MODULES or not head or "(" in head or name in STANDARD_PATHS or name[0] == ".":
        return False
    if head.rpartition(".")[2].lstrip("_") == module:  # socket.socket, _signal.signal
        return False
    root = head.partition(".")[0]
    if root in sys.stdlib_module_names:
        return True
    return module in HARD_MODULES and (last != module or "." in head)

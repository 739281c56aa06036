"""Attributes and built-in names by which code leaves what it was given."""

from __future__ import annotations

from ringfence.scanning.python.catalogue.modules import DANGEROUS_MODULES

_STARTERS = (
    "system", "popen", "Popen", "spawn", "execv", "execve", "execvp", "execl", "execlp", "posix_spawn", "getoutput", "startfile", "fork_exec",
)  # fmt: skip
_WAYS_OUT = (
    "__subclasses__", "__globals__", "__builtins__", "f_globals", "f_builtins", "f_locals", "func_globals", "__loader__",
    "_Printer__filenames",
)  # fmt: skip
_STEPS = (
    "__class__", "__base__", "__bases__", "__mro__", "__dict__", "__dir__", "__import__", "__code__", "co_code", "__self__", "__wrapped__",
    "__func__", "__closure__", "__getattribute__", "__reduce_ex__", "f_back", "tb_frame", "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame",
    "cr_code", "ag_frame", "ag_code",
)  # fmt: skip
GADGETS: dict[str, str] = {
    **dict.fromkeys(_STARTERS, "function"),
    **dict.fromkeys((mark + name for name in DANGEROUS_MODULES for mark in ("", "_", "__")), "module"),
    **dict.fromkeys(_WAYS_OUT, "way out"),
    **dict.fromkeys(_STEPS, "step"),
}
"""Attributes by which code climbs from an object that it was given to the interpreter: those that leave at once, mere steps, dangerous
modules that other modules have imported, and functions that start processes."""

HANDED = frozenset({"eval", "exec", "compile", "__import__", "getattr", "__builtins__", "breakpoint"})
"""Built-in functions that are as dangerous when they are handed to something as when they are called."""

"""What a worker is told about a run: one frame's body, made and checked on the host."""

from __future__ import annotations

import base64
import re
import secrets
import sys
from typing import TYPE_CHECKING, Any

from ringfence.sandbox import frames
from ringfence.sandbox.jobs import End, Job, Limits
from ringfence.sandbox.setups import Target, limits, processes
from ringfence.verdict import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ringfence.policy.model import Profile

LANGUAGES = ("python", "javascript")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\- ]{0,200}\Z")
_SOCKET_BYTES = 213 << 10
_UNCOUNTED = 12 << 20
_NO_LIMITS = Limits(0, 0, 0, 0, 0, 0, 0, 0, 0)


def refusal(code: object, language: str, profile: Profile) -> End | None:
    """Return the end of a run that is not begun: its source is too large. None where it may begin.

    Raises:
        TypeError: the code is no text.
        ValueError: there is no such language.

    """
    if type(code) is not str:
        raise TypeError(f"expected code as text, got a {type(code).__name__}")
    if language not in LANGUAGES:
        raise ValueError(f"expected one of {', '.join(LANGUAGES)}, got {language!r}")
    size = len(code.encode("utf-8", "surrogatepass"))
    if size <= profile.source_bytes:
        return None
    return End(
        Reason.POLICY, f"the source has {size:,} bytes, and may have {profile.source_bytes:,}", ran=False
    )


def ended(end: End) -> Job:
    """Return a job that has come to its end without a worker."""
    job = Job(secrets.token_hex(8), "", b"", _NO_LIMITS, 0)
    job.finish(end)
    return job


def snippet(
    code: str,
    inputs: Mapping[str, object],
    files: Mapping[str, bytes],
    profile: Profile,
    *,
    session: bool = False,
) -> bytes:
    """Return what a worker is told about a snippet.

    Raises:
        TypeError: an input is no plain data, or a file no bytes.
        ValueError: a file's name is no plain one.

    """
    for name, content in files.items():
        if not _NAME.match(name) or name == frames.INPUT_FILE:
            raise ValueError(f"expected a plain file name, got {name!r}")
        if not isinstance(content, bytes):
            raise TypeError(f"expected bytes for the file {name!r}, got a {type(content).__name__}")
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return _frame(
        {"code": code, "inputs": dict(inputs), "call": None, "files": encoded, "session": session}, profile
    )


def call(target: Target, args: Sequence[object], kwargs: Mapping[str, object], profile: Profile) -> bytes:
    """Return what a worker is told about a call of a function. Errors as for `snippet`."""
    told = [target.module, target.name, list(args), dict(kwargs)]
    return _frame({"code": "", "inputs": {}, "call": told, "files": {}, "session": False}, profile)


def _frame(order: dict[str, Any], profile: Profile) -> bytes:
    given = limits(profile)
    order |= {"most": given.output, "limits": _told(given, one=processes(profile) == 1)}
    try:
        return frames.encode(order).encode("utf-8", "surrogatepass")
    except frames.NotPlain as error:
        raise TypeError(f"the inputs must be plain data: {error}") from None


def _told(given: Limits, *, one: bool) -> dict[str, float]:
    """Return what a worker limits itself to; the host and the keeper watch the rest."""
    told: dict[str, float] = {
        "memory": given.memory - _socket_reserve(given),
        "cpu": int(given.cpu_seconds) + 1,
        "cpu_exact": given.cpu_seconds,
        "file_size": given.file_size,
        "open_files": given.open_files,
    }
    return told if one else {**told, "processes": given.processes}


def _socket_reserve(given: Limits) -> int:
    """Return how much of the memory is kept back for what sockets may hold in the kernel: *measured*, 208 KB each, which no limit counts."""
    return min(max(given.open_files * _SOCKET_BYTES - _UNCOUNTED, 0), given.memory // 2)


def target_of(function: Callable[..., object]) -> Target:
    """Return where a function is imported from.

    Raises:
        TypeError: it cannot be found there by its name.

    """
    tool = getattr(function, "__ringfence_tool__", None)
    plain = tool.function if tool is not None else function
    module, name = getattr(plain, "__module__", None), getattr(plain, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
        raise TypeError(
            f"{name or type(plain).__name__} has no name in a module, so a sandbox cannot import it"
        )
    if module == "__main__":
        raise TypeError(
            f"{name} stands in the program's own file, which a sandbox cannot import: move it into a module"
        )
    found: object = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    found_tool = getattr(found, "__ringfence_tool__", None)
    if (
        found is not function
        and found is not plain
        and (found_tool is None or found_tool.function is not plain)
    ):
        raise TypeError(f"{module}.{name} is another object than the function that was given")
    return Target(module, name)

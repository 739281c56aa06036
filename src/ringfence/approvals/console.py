"""Asks the person at the terminal of the process. It reads and writes the terminal itself, never standard input, which may be the agent's.

The one idea: whatever is shown may come from an attacker, so control characters and those that turn the direction of writing show as
escapes; nothing that was typed before the question counts; and everything but "yes" with the code that is shown means no.
"""

from __future__ import annotations

import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ringfence.approvals.request import OS_USER, ApprovalAnswer
from ringfence.errors import ApprovalFailed
from ringfence.policy.document import printable

if TYPE_CHECKING:
    from ringfence.approvals.request import ApprovalRequest

_TERMINAL = "/dev/tty"
_MOST_SHOWN = 4000
_MOST_TYPED = 256
_CODE_DIGITS = 4
_turn = threading.Lock()
_NO_TERMINAL = "there is no terminal to ask at"


class Console:
    """The terminal of this process.

    Arguments:
        path: another terminal, for tests.

    """

    name = "console"

    def __init__(self, path: str = _TERMINAL) -> None:
        self._path = path

    def ask(self, request: ApprovalRequest, seconds: float) -> ApprovalAnswer | None:
        """Return the person's answer; None where this process is in the terminal's background, or nobody answers in time.

        Raises:
            ApprovalFailed: there is no terminal.

        """
        end = time.monotonic() + seconds
        if not _turn.acquire(timeout=max(0.0, seconds)):
            return None
        try:
            return self._ask(request, end)
        finally:
            _turn.release()

    def _ask(self, request: ApprovalRequest, end: float) -> ApprovalAnswer | None:
        try:
            terminal = os.open(
                self._path, os.O_RDWR | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
            )
        except OSError as error:
            raise ApprovalFailed(_NO_TERMINAL) from error
        try:
            if not os.isatty(terminal):
                raise ApprovalFailed(_NO_TERMINAL)
            if not _in_foreground(terminal):
                return None
            _forget_what_was_typed(terminal)
            os.write(terminal, _question(request, end - time.monotonic()).encode("utf-8", "backslashreplace"))
            typed = _line(terminal, end)
            if typed is None:
                os.write(terminal, b"\nNobody answered in time: denied.\n")
                return None
        except OSError:
            return None
        finally:
            os.close(terminal)
        approved = typed.split() == ["yes", request.id[:_CODE_DIGITS]]
        return ApprovalAnswer(approved, f"{OS_USER}{os_user()}")


def os_user() -> str:
    """Return the name of the operating system's user that this process runs as, not what an environment variable says."""
    if not hasattr(os, "getuid"):
        return os.getlogin()
    import pwd  # noqa: PLC0415 - not on every platform

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _question(request: ApprovalRequest, seconds: float) -> str:
    lines = (
        ("tool", request.tool),
        ("caller", f"{request.user} ({', '.join(request.roles)})"),
        ("arguments", request.arguments),
        ("why", f"{request.message} [{request.rule}]"),
    )
    shown = "".join(f"  {name:<10} {printable(text, _MOST_SHOWN)}\n" for name, text in lines)
    code = request.id[:_CODE_DIGITS]
    return f"\nRingfence: may this call run?\n{shown}Type 'yes {code}' within {seconds:.0f} s to approve; anything else denies: "


def _in_foreground(terminal: int) -> bool:
    """Return whether this process may read its terminal; one in the background would be stopped by it."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # somebody else's terminal: no job control speaks against reading it
        return True


def _forget_what_was_typed(terminal: int) -> None:
    import termios  # noqa: PLC0415 - not on every platform

    with suppress(termios.error):
        termios.tcflush(terminal, termios.TCIFLUSH)


def _line(terminal: int, end: float) -> str | None:
    """Return one line, without its end; None where it does not come in time."""
    typed = b""
    while not typed.endswith(b"\n") and len(typed) < _MOST_TYPED:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return None
        got = os.read(terminal, _MOST_TYPED)
        if not got:
            break
        typed += got
    return typed.decode("utf-8", "replace").strip()

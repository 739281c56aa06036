"""A worker: one forked process that enters its cage, says that it is ready, takes one run, answers and waits to be ended.

It trusts the host, which told it what to run; the host trusts nothing that it says. The one idea: everything that the run needs lies in
one frame, and everything that it gives back lies in one frame, so the code in between can hold nothing open.
"""

from __future__ import annotations

import binascii
import gc
import json
import os
import signal

from ringfence.sandbox import frames
from ringfence.sandbox.inside import languages
from ringfence.sandbox.layers import rlimits

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any

    from ringfence.sandbox.inside.cage import Cage
    from ringfence.sandbox.inside.keeper import Keeper

CHANNEL_FROM, CHANNEL_TO = 256, 500
_TELLING_AT = 5
_WARM_ENOUGH = 24
"""As for an engine: after so many times byte code is specialised, and not written to any more."""
_READY = b"\x01"
_PIECE, _LARGE_PIECE = 1 << 14, 1 << 20
_ORDER = (
    b'{"code":"1","inputs":{},"call":null,"files":{},"session":false,"most":1000,'
    b'"limits":{"memory":1000,"cpu":1,"cpu_exact":0.5,"file_size":1000,"open_files":9}}'
)
"""What a worker is told about a run that does nothing: to rehearse with."""


class Ended(BaseException):
    """The host asks the run to end. It is no `Exception`, so that honest code lets it through."""


class Worker:
    """What workers have in common, made in the zygote.

    Arguments:
        setup: what `ringfence.sandbox.setups.setup` says.

    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self._memory_by = str(setup["memory_by"])
        self._engine = languages.load(str(setup["language"]), list(setup["preload"]))
        self.engine = self._engine.name
        self._in_use = 0
        self._telling = -1
        self._own_user = False
        signal.signal(signal.SIGTERM, _asked_to_end)

    def get_ready(self, cage: Cage) -> None:
        """Find out, in the zygote, what is in use of the memory that is limited: it is the same in each child."""
        self._in_use = rlimits.in_use(self._memory_by, cage.proc)
        for _ in range(_WARM_ENOUGH):
            frames.decode(_ORDER)
            languages.answer_text({"value": None, "code": 0, "user": rlimits.user_share()}, 1000)

    def live(self, cage: Cage, slot: int, fds: list[int], keeper: Keeper | None, *, hurry: bool) -> None:
        """Be the worker of these descriptors, to the end of the process.

        Arguments:
            cage: what to enter.
            slot: whose folder and ids are taken.
            fds: the channel, stdout and stderr.
            keeper: who stands between this process and the zygote; None: nobody.
            hurry: whether a run waits already.

        """
        status = 1
        try:
            parent = os.getppid()
            if keeper is not None:
                self._telling = keeper.keep()
                parent = os.getppid()
            _take(fds)
            if self._telling >= 0:
                os.dup2(self._telling, _TELLING_AT, inheritable=False)
            os.setsid()
            self._own_user = cage.own_user
            cage.enter(slot, parent)
            gc.enable()
            channel = _hide_channel()
            if not hurry:
                self._rehearse()
            _send(channel, _READY)
            self._serve(channel)
            status = 0
        except BaseException as error:  # noqa: BLE001 - nothing may return into the zygote's loop
            os.write(2, f"the worker could not start: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)

    def _serve(self, channel: int) -> None:
        """Take runs until the host ends the process, or closes the channel."""
        limited = False
        while (request := _receive(channel)) is not None:
            token = request[: frames.TOKEN]
            order: Any = frames.decode(request[frames.TOKEN :])
            if not limited:
                self._limit(order["limits"])
                limited = True
            if self._engine.replaces:
                self._engine.become(order, token, channel)
            own = os.getpid()
            answer = self._run(order)
            if (
                os.getpid() != own
            ):  # a process that the code forked came to the end of it: only the first one answers
                os._exit(0)
            _send(channel, len(answer).to_bytes(frames.HEADER, "big") + token + answer)

    def _rehearse(self) -> None:
        """Go through what every run goes through, so that the pages which that writes to are this process's own before it counts."""
        order: Any = frames.decode(_ORDER)
        self._engine.rehearse()
        rlimits.rehearse()
        languages.answer_text({"value": order["most"], "code": 0, "user": rlimits.user_share()}, 1000)

    def _limit(self, limits: dict[str, int]) -> None:
        if self._telling >= 0:
            os.write(_TELLING_AT, json.dumps(limits).encode())
            os.close(_TELLING_AT)
        rlimits.apply(
            memory=(self._engine.overhead or self._in_use) + limits["memory"], cpu=limits["cpu"], file_size=limits["file_size"],
            open_files=limits["open_files"], by=self._memory_by, processes=limits.get("processes") if self._own_user else None,
        )  # fmt: skip

    def _run(self, order: dict[str, Any]) -> bytes:
        """Run what a request asks for, and return the answer."""
        try:
            _lay_out(order["files"], order["inputs"], again=bool(order["session"]))
            answer = self._engine.answer(order)
        except OSError as error:
            answer = {
                "failed": "files",
                "detail": f"its inputs could not be written: {error.strerror}",
                "code": 1,
            }
        answer["user"] = rlimits.user_share()
        text = languages.answer_text(answer, order["most"])
        return text.encode("utf-8", "surrogatepass")


def _asked_to_end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise Ended


def _take(fds: list[int]) -> None:
    """Put stdout and stderr where they belong, and the channel behind them."""
    os.dup2(fds[1], 1)
    os.dup2(fds[2], 2)
    os.dup2(fds[0], 3, inheritable=False)


def _hide_channel() -> int:
    """Move the channel to where the code will not stumble on it, and return where that is."""
    at = CHANNEL_FROM + int.from_bytes(os.urandom(2), "little") % (CHANNEL_TO - CHANNEL_FROM)
    try:
        os.dup2(3, at, inheritable=False)
    except (
        OSError
    ):  # this host has not so many descriptors: hiding it is a courtesy to honest code, not what holds
        return 3
    os.close(3)
    return at


def _receive(channel: int) -> bytes | None:
    """Return one frame, which is all that lies in the channel; None where the host closed it."""
    received = os.read(channel, _PIECE)
    left = frames.HEADER + frames.TOKEN + int.from_bytes(received[: frames.HEADER], "big") - len(received)
    parts = [received[frames.HEADER :]]
    while left > 0:
        part = os.read(channel, min(left, _LARGE_PIECE))
        parts.append(part)
        left -= len(part)
        if not part:
            return None
    return b"".join(parts)


def _send(channel: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(channel, left) :]


def _lay_out(files: dict[str, str], inputs: dict[str, Any], *, again: bool) -> None:
    """Write what the run was given into `input/`. What JSON has no form for, is written as its text."""
    path = f"input/{frames.INPUT_FILE}"
    if inputs:
        with open(path, "w", encoding="utf-8") as written:
            json.dump(inputs, written, default=repr, skipkeys=True)
    elif again and os.path.exists(path):  # of the last run of a session
        os.unlink(path)
    for name, content in files.items():
        with open(f"input/{name}", "wb") as file:
            file.write(binascii.a2b_base64(content))

"""JavaScript in Node, where a profile asks for it: the worker becomes a Node process, in the cage that it has entered.

Nothing of Python is left then. The one idea: order and channel go along as two descriptors, and `node_runner.js` answers in the same frame as
every other worker; Node's own permissions are a second fence.
"""

from __future__ import annotations

import json
import os

from ringfence.sandbox.inside.languages import Engine

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any, NoReturn

ORDER_AT, ANSWER_AT = 3, 4
OVERHEAD = 48 << 20
"""What V8 takes besides the heap that it is told to keep to, in bytes; *measured* with Node 20."""
_RUNNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_runner.js")
_FLAGS = (
    "--disallow-code-generation-from-strings", "--no-addons", "--no-warnings", "--v8-pool-size=0", "--single-threaded",
)  # fmt: skip
_PERMISSIONS_SINCE = 23
"""The major version in which `--experimental-permission` became `--permission`."""


class Node(Engine):
    """Executes Node.

    Arguments:
        program: its path.
        version: what `node --version` says.

    """

    overhead = OVERHEAD
    replaces = True

    def __init__(self, program: str, version: str) -> None:
        self.name = f"Node {version}"
        self._program = program
        major = int(version.lstrip("v").partition(".")[0])
        self._permission = "--permission" if major >= _PERMISSIONS_SINCE else "--experimental-permission"

    def rehearse(self) -> None:
        """Do nothing: what is written to now would be gone with the interpreter."""

    def become(self, order: dict[str, Any], token: bytes, channel: int) -> NoReturn:
        """Become the Node process that runs an order.

        Raises:
            OSError: it cannot be executed.

        """
        told = {
            "source": order["code"],
            "inputs": order["inputs"],
            "token": token.hex(),
            "most": order["most"],
        }
        order_fd = os.open("tmp/order", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink("tmp/order")
        left = memoryview(json.dumps(told).encode("utf-8", "surrogatepass"))
        while left:
            left = left[os.write(order_fd, left) :]
        os.lseek(order_fd, 0, os.SEEK_SET)
        os.dup2(order_fd, ORDER_AT)  # first: it may lie where the answer's descriptor goes
        os.set_inheritable(ORDER_AT, True)  # and it may have been there already
        os.dup2(channel, ANSWER_AT)
        os.execve(self._program, [self._program, *self._arguments(order), _RUNNER], self._environment())  # noqa: S606 - that program

    def _arguments(self, order: dict[str, Any]) -> list[str]:
        home = os.environ["HOME"]
        heap = max(order["limits"]["memory"] >> 20, 16)
        return [
            *_FLAGS, f"--max-old-space-size={heap}", self._permission,
            f"--allow-fs-read={_RUNNER}", f"--allow-fs-read={home}/*", f"--allow-fs-write={home}/*",
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("HOME", "TMPDIR", "PATH", "LANG", "USER")
            if name in os.environ
        }
        return {**kept, "OPENSSL_CONF": "/dev/null"}

"""JavaScript in a worker: the engine of `javascript.py` behind the same answers that Python gives."""

from __future__ import annotations

import os
import re
import signal

from ringfence.sandbox.inside import javascript
from ringfence.sandbox.inside.languages import Engine

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any

_LINE = re.compile(r"snippet(?:-\d+)?\.js:(\d+)")


class JavaScript(Engine):
    """QuickJS, one context for all runs of one worker."""

    def __init__(self) -> None:
        self._prepared = javascript.prepare()
        self.name = self._prepared.version

    def rehearse(self) -> None:
        """Make the pages that every run writes to this process's own."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the engine gives no Python handler a turn
        self._prepared.wake()

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run a snippet; return its value, or why there is none."""
        limits = order["limits"]
        try:
            value, _ = javascript.run(
                self._prepared,
                str(order["code"]),
                order["inputs"],
                _write,
                memory_bytes=limits["memory"],
            )
        except javascript.JavaScriptError as error:
            return _failed(error)
        except MemoryError:
            return {
                "failed": "memory",
                "detail": "the code used more memory than is granted",
                "kind": "MemoryError",
                "text": "",
                "code": 1,
            }
        except (TypeError, ValueError) as error:
            return {"failed": "crashed", "detail": f"the inputs do not fit: {error}", "code": 1}
        if self._prepared.lost:
            os.write(2, f"{self._prepared.lost}\n".encode())
        return {"value": value, "code": 0}


def _write(fd: int, text: str) -> None:
    left = text.encode("utf-8", "replace")
    while left:
        left = left[os.write(fd, left) :]


def _failed(error: javascript.JavaScriptError) -> dict[str, Any]:
    _write(2, f"{error.traceback}\n")
    lines = _LINE.findall(error.traceback)
    where = f" in line {lines[0]}" if lines else ""
    return {
        "failed": "crashed", "detail": f"the code raised {error.kind}{where}", "kind": error.kind, "text": error.text,
        "line": int(lines[0]) if lines else 0, "code": 1,
    }  # fmt: skip

"""Tools of a module that can be imported, as those of an application are."""

from __future__ import annotations

import os
from pathlib import Path


def where(*names: str, greeting: str = "hello", **more: object) -> dict[str, object]:
    """Tell what the function was given, and in which process it runs."""
    return {"pid": os.getpid(), "names": list(names), "greeting": greeting, "more": more}


def read(path: str) -> str:
    """Read a file."""
    return Path(path).read_text(encoding="utf-8")


async def later(number: int) -> int:
    """Return the double, some time later."""
    import asyncio

    await asyncio.sleep(0.01)
    return number * 2


def useless() -> object:
    """Return what cannot cross."""
    return object()


class Counter:
    """Has a method."""

    def count(self) -> int:
        """Count."""
        return 1

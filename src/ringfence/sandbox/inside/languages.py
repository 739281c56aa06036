"""The engines by language: each is loaded in the zygote and answers runs in the worker."""

from __future__ import annotations

from importlib import import_module

from ringfence.sandbox import frames

TYPE_CHECKING = False  # not typing's, which would have to be loaded
if TYPE_CHECKING:
    from typing import Any

PYTHON, JAVASCRIPT, NODE = "python", "javascript", "node"


class Engine:
    """What a language's engine offers.

    Attributes:
        name: the engine and its version, for the outcome.

    """

    name = ""
    overhead = 0
    """What it holds besides what a run may use, in bytes, where that is not in use before the run."""
    replaces = False
    """Whether it takes the place of the worker's own interpreter: then it has `become` instead of `answer`."""

    def rehearse(self) -> None:
        """Make the pages that every run writes to this process's own, before the run counts."""
        raise NotImplementedError

    def become(self, order: dict[str, Any], token: bytes, channel: int) -> None:
        """Take the place of this process's program, run an order and answer on the channel."""
        raise NotImplementedError

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run what a request asks for, and return what the host is to know: `value`, or `failed`."""
        raise NotImplementedError


def load(language: str, preload: list[str]) -> Engine:
    """Return the engine of a language, made ready to be forked, with packages loaded ahead; for Node these are its path and version."""
    if language == JAVASCRIPT:
        from ringfence.sandbox.inside.javascript_engine import JavaScript

        return JavaScript()
    if language == NODE:
        from ringfence.sandbox.inside.node import Node

        return Node(*preload)
    from ringfence.sandbox.inside.python import Python

    engine = Python()
    for name in preload:
        import_module(name)
    return engine


def answer_text(answer: dict[str, Any], most: int) -> str:
    """Return an answer as JSON that is not larger than agreed; a value that is, becomes a failure that says so."""
    try:
        text = frames.encode(answer)
    except (frames.NotPlain, RecursionError, ValueError) as error:
        return frames.encode(_without_value(answer, "output", f"the value cannot be handed out: {error}"))
    if len(text) > most:
        return frames.encode(_without_value(answer, "output", f"the value is larger than {most:,} bytes"))
    return text


def _without_value(answer: dict[str, Any], reason: str, detail: str) -> dict[str, Any]:
    return {"failed": reason, "detail": detail, "code": answer.get("code", 0)}

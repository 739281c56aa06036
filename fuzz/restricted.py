"""Looks for snippets that break the restricted tier, guided by coverage: `python -m fuzz.restricted [libFuzzer's options or files]`.

A snippet is a defect when `evaluate` raises anything but its own errors, gives something that is no plain value, leaves the
host's state changed, or goes on after its budget: five seconds for a budget of one. It starts from the snippets of the tests. Only
`evaluate` runs an input, so what it finds is contained as any snippet is; run it where a bug of Python itself may do no harm.
"""

from __future__ import annotations

import decimal
import random
import sys
import tempfile
from importlib import import_module
from pathlib import Path

atheris = import_module("atheris")  # by name, so that types check the same without it

with atheris.instrument_imports(include=["ringfence.restricted"]):
    from ringfence.errors import SnippetError
    from ringfence.restricted import Budget, evaluate
    from ringfence.restricted.values import Copier

FOUND = Path(__file__).with_name("found")
OPTIONS = ("-timeout=5", "-rss_limit_mb=1000", "-max_len=1000", f"-artifact_prefix={FOUND}/")
BUDGET = Budget(steps=200_000, wall_seconds=1, memory_mb=32)
INPUTS = {"a": 3, "s": "text", "l": [1, [2]], "d": {"k": (1, 2.5)}}


def check(data: bytes) -> None:
    """Evaluate one input; whatever it does beyond an error of the tier or a plain value is a defect."""
    state = random.getstate(), decimal.getcontext().prec, len(sys.modules) > 0
    try:
        value = evaluate(data.decode(errors="replace"), INPUTS, BUDGET).value
    except SnippetError:
        value = None
    Copier(10 * BUDGET.result_bytes, "the value").copy(value)
    if state != (random.getstate(), decimal.getcontext().prec, True):
        raise RuntimeError("the host's state changed")


def main() -> None:
    """Fuzz until something is found or the time is up."""
    from tests.restricted.test_language import SNIPPETS  # noqa: PLC0415 - the tests' own libraries come with it

    FOUND.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(
        prefix="ringfence-fuzz-"
    )  # libFuzzer ends the process itself: nothing after it would run
    for number, source in enumerate(SNIPPETS.values()):
        (Path(folder) / f"{number:04}").write_text(source, encoding="utf-8")
    given = sys.argv[1:]
    repeats = any(not option.startswith("-") for option in given)
    atheris.Setup([sys.argv[0], *OPTIONS, *given, *([] if repeats else [folder])], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""The command line. One module per command; this one starts them and turns errors into one line and an exit code.

Exit codes: 0 done, 1 the command found what it looks for (faults, findings, a broken log), 2 it could not be run, 130 interrupted.
The one idea: whoever makes a mistake gets a sentence, and a traceback is always a bug of ours.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from ringfence.errors import RingfenceError

_FAILED, _BROKEN, _INTERRUPTED = 1, 2, 130
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""A scan makes many objects and leaves few cycles: with Python's own 700 the collector takes a tenth of the time."""


def main() -> None:
    """Run the command that the process was started with, and exit."""
    try:
        if sys.argv[1:2] == ["scan"]:  # without typer, for the reason that `scan.py` gives
            gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
            _leave(_scan(sys.argv[2:]))
        from ringfence.cli.commands import app

        app()
    except RingfenceError as error:
        from ringfence.cli.output import print_error

        print_error(error)
        sys.exit(_BROKEN)


def _leave(code: int) -> NoReturn:
    """End the process at once. To free each object first, as an ordinary exit does, takes as long as scanning a small file."""
    sys.stderr.flush()
    os._exit(code)


def _scan(arguments: list[str]) -> int:
    """Run `ringfence scan`; an interrupt and a reader that goes away end it as typer ends the other commands."""
    from ringfence.cli.scan import scan

    try:
        code = scan(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # or the interpreter complains when it flushes at its end
        return _FAILED
    return code

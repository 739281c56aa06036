"""How commands print: consoles, JSON for machines, and `safe`, through which every text from outside goes.

The one idea: names, arguments and messages may come from an attacker, so none of them may colour, move or hide anything.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from ringfence.cli.terminal import visible

if TYPE_CHECKING:
    from ringfence.errors import RingfenceError


def console(*, stderr: bool = False) -> Console:
    """Return a console on the current stdout or stderr. It is without colour where NO_COLOR is set or nobody looks."""
    return Console(stderr=stderr, emoji=False, highlight=False)


def safe(text: object) -> str:
    """Return a text to print through rich: markup and control characters, line ends included, show and do nothing."""
    shown = visible(str(text))
    body = shown.rstrip("\\")
    # Each trailing backslash twice, or an odd number of them would take the meaning from the tag that follows.
    return escape(body) + "\\\\" * (len(shown) - len(body))


def time_of(at: object) -> str:
    """Return a moment as people read it, in whole seconds of UTC; `-` for what is none.

    Arguments:
        at: in seconds since the epoch; anything else may stand in a record that was forged.

    """
    try:
        return f"{datetime.fromtimestamp(float(at), UTC):%Y-%m-%d %H:%M:%S} UTC"  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):
        return "-"


def print_json(value: object) -> None:
    """Print a value as JSON, all of it in ASCII."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_error(error: RingfenceError) -> None:
    """Print what went wrong and what to do, on stderr."""
    console(stderr=True).print(f"[red]error:[/red] {safe(error)}", soft_wrap=True)

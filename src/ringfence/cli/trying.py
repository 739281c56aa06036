"""What the commands that try a policy share: their options, and how a policy, its tools and a log are opened for them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.audit.store import Source
    from ringfence.tool import Tool
    from ringfence.trying.judging import Trial

ToolsOption = Annotated[
    str | None,
    typer.Option(
        "--tools",
        help="The module with the tools (package.module or a .py file): it is imported, and what their decorators ask for counts.",
        metavar="MODULE",
    ),
]
OverOption = Annotated[
    Path | None, typer.Option("--over", help="The log whose calls are judged.", metavar="LOG")
]
UnverifiedOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-unverified", help="Do not check first that the log is genuine: its key is not needed then."
    ),
]
COLOURS = {
    "allow": "green",
    "ask": "yellow",
    "deny": "red",
    "unknown": "cyan",
    "error": "magenta",
    "looser": "red",
    "stricter": "green",
    "same": "dim",
}


def coloured(word: str, text: str | None = None) -> str:
    """Return a decision or a kind of change, or a text in its colour."""
    return f"[{COLOURS[word]}]{word if text is None else text}[/]"


def find_tools(module: str | None) -> list[Tool]:
    """Return the tools of a module; none where none is named."""
    if module is None:
        return []
    from ringfence.trying.modules import tools_of

    return tools_of(module)


def open_trial(file: Path, tools: Iterable[Tool] = ()) -> Trial:
    """Return the policy of a file, to be asked."""
    from ringfence.policy.file import load_sound_policy
    from ringfence.trying.judging import Trial

    return Trial(load_sound_policy(file), file.resolve().parent, tools=tools)


@contextmanager
def open_record(
    log: Path, key_file: Path | None, *, unverified: bool, quiet: bool
) -> Iterator[tuple[Source, Any]]:
    """Give an open log, verified unless that is not wanted, and a function to report progress to.

    Exit code 2, with what is wrong on stderr, where the log is not intact.
    """
    from contextlib import closing

    from ringfence.audit.verify import verify
    from ringfence.cli.audit import Place, print_verification, progress_bar

    place = Place(log, key_file)
    quiet = quiet or not sys.stderr.isatty()
    with closing(place.open()) as source, progress_bar(shown=not quiet) as progress:
        if not unverified:
            found = verify(source, place.key(), progress=progress)
            if not found.ok:
                print_verification(found, stderr=True)
                raise typer.Exit(2)
        yield source, progress


def shown_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments to print, without the values of those whose names look like those of secrets."""
    from ringfence.audit.redact import MASK
    from ringfence.policy.document import is_secret

    return {name: MASK if is_secret((name,)) else value for name, value in arguments.items()}

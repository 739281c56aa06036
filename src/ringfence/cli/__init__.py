"""The command line. One module per command; this one puts them together and turns errors into one line and an exit code.

Exit codes: 0 done, 1 the command found what it looks for (faults, a broken log), 2 it could not be run, 130 interrupted. The one
idea: whoever makes a mistake gets a sentence, and a traceback is always a bug of ours.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from ringfence.cli import audit, explain, policy
from ringfence.errors import RingfenceError

app = typer.Typer(
    name="ringfence",
    help="One gate between an LLM agent and its tools: check policies, explain decisions, read the log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(policy.app, name="policy")
app.add_typer(audit.app, name="audit")
app.command("explain", epilog=explain.EXAMPLE)(explain.explain)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's call
    if value:
        typer.echo(f"ringfence {version('ringfence')}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the process was started with, and exit."""
    try:
        app()
    except RingfenceError as error:
        from ringfence.cli.output import print_error

        print_error(error)
        sys.exit(2)

"""`ringfence policy init`: write a first policy, from the tools of a module or from a log."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ringfence.cli.audit import KeyOption  # noqa: TC001 - typer reads the annotations
from ringfence.cli.trying import UnverifiedOption  # noqa: TC001 - likewise

EXAMPLE = "Example: ringfence policy init --tools my_agent.tools --output ringfence.yaml"


def init(
    *,
    tools: Annotated[
        str | None,
        typer.Option(
            "--tools",
            help="The module with the tools (package.module or a .py file): it is imported.",
            metavar="MODULE",
        ),
    ] = None,
    from_log: Annotated[
        Path | None, typer.Option("--from-log", help="The log of what was observed.", metavar="LOG")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write it; - for stdout.", metavar="FILE")
    ] = Path("ringfence.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    key_file: KeyOption = None,
    unverified: UnverifiedOption = False,
) -> None:
    """Write a first policy with least privilege: exactly the tools of a module, or exactly what a log shows, and nothing else.

    Every choice has its reason beside it. Exit code 0: written. 1: the file is there already. 2: tools or log cannot be used.
    """
    if tools is not None and from_log is None:
        write = partial(_from_module, tools)
    elif from_log is not None and tools is None:
        write = partial(_from_log, from_log, key_file, unverified=unverified)
    else:
        raise typer.BadParameter("name either --tools or --from-log", param_hint="--tools")
    if not force and str(output) != "-" and output.exists():
        typer.echo(
            f"error: {output} is there already: --force writes over it, --output names another", err=True
        )
        raise typer.Exit(1)
    text = write()
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"cannot write {output}: {error}", param_hint="--output") from error
    typer.echo(f"wrote {output}: read it, then try it with `ringfence policy check {output}`", err=True)


def _from_module(module: str) -> str:
    from ringfence.trying.modules import tools_of
    from ringfence.trying.starter import from_tools

    return from_tools(tools_of(module), module)


def _from_log(log: Path, key_file: Path | None, *, unverified: bool) -> str:
    from ringfence.cli.trying import open_record
    from ringfence.trying.replay import from_log

    with open_record(log, key_file, unverified=unverified, quiet=False) as (source, progress):
        return from_log(source, progress)

"""All commands of `ringfence`, put together for typer: what `ringfence --help` lists."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from ringfence.cli import (
    approvals,
    audit,
    doctor,
    explain,
    keys,
    policy,
    policy_cases,
    policy_diff,
    policy_init,
    policy_simulate,
    rules,
    run,
    token,
    users,
)
from ringfence.cli import scan as scanning

app = typer.Typer(
    name="ringfence",
    help="One gate between an LLM agent and its tools: check policies, explain decisions, scan and run code, read the log.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
policy.app.command("init", epilog=policy_init.EXAMPLE)(policy_init.init)
policy.app.command("test", epilog=policy_cases.EXAMPLE)(policy_cases.try_cases)
policy.app.command("simulate", epilog=policy_simulate.EXAMPLE)(policy_simulate.simulate)
policy.app.command("diff", epilog=policy_diff.EXAMPLE)(policy_diff.diff)
app.add_typer(policy.app, name="policy")
app.add_typer(rules.app, name="rules")
app.add_typer(audit.app, name="audit")
app.add_typer(users.app, name="users")
app.add_typer(token.app, name="token")
app.add_typer(keys.app, name="keys")
app.add_typer(approvals.app, name="approvals")
app.command("explain", epilog=explain.EXAMPLE)(explain.explain)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("doctor", epilog=doctor.EXAMPLE)(doctor.doctor)


@app.command(
    "scan",
    help=scanning.HELP,
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
def _scan(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Its own arguments: ringfence scan --help lists them.")
    ] = None,
) -> None:
    raise typer.Exit(scanning.scan(arguments or []))


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

"""`ringfence keys`: the keys that tokens are signed with. No private key is ever printed."""

from __future__ import annotations

from typing import Annotated

import typer

from ringfence.cli.accounts import JsonOption, PolicyOption, StateOption, accounts

app = typer.Typer(help="Look at and replace the keys that tokens are signed with.", no_args_is_help=True)


@app.command(epilog="Example: ringfence keys rotate --policy ringfence.yaml")
def rotate(
    *,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="End all tokens of the old keys too, as after a theft.")
    ] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Sign with a new key from here on. Tokens of the old one hold until they expire."""
    from ringfence.cli.output import console, safe

    with accounts(policy, state) as identity:
        key = identity.rotate_keys(revoke=revoke)
    also = " All tokens of the old ones were revoked." if revoke else ""
    console().print(f"The key {safe(key)} signs from here on.{also}", soft_wrap=True)


@app.command("list", epilog="Example: ringfence keys list --json")
def list_(*, policy: PolicyOption = None, state: StateOption = None, json: JsonOption = False) -> None:
    """List the keys that sign, or whose tokens may still come."""
    from ringfence.cli.output import console, print_json, safe, time_of

    with accounts(policy, state) as identity:
        keys = identity.keys()
    if json:
        print_json([key._asdict() for key in keys])
        return
    from rich.table import Table

    table = Table("key", "made", "replaced")
    for key in keys:
        table.add_row(safe(key.id), time_of(key.created), time_of(key.retired))
    console().print(table)

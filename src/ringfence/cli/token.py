"""`ringfence token`: issue, look at and revoke tokens. A token is printed once, when it is issued, and read from stdin afterwards."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ringfence.cli.accounts import JsonOption, PolicyOption, StateOption, UserArgument, accounts, read_secret

app = typer.Typer(
    help="Issue, look at and revoke signed tokens. Exit code 1: the token is refused, or was worth nothing.",
    no_args_is_help=True,
)

_TIMES = ("issued", "expires")

TokenArgument = Annotated[
    str,
    typer.Argument(help="The token; `-` reads it from stdin, where no other user of the machine sees it."),
]


@app.command(epilog="Example: ringfence token issue ana --tool 'read_*' --seconds 600")
def issue(
    user: UserArgument,
    *,
    role: Annotated[list[str] | None, typer.Option("--role", help="Only this role; several times.")] = None,
    tool: Annotated[
        list[str] | None, typer.Option("--tool", help="Only this tool, by name or pattern; several times.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="How long it holds. Default: the policy's.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="It begins one session only.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Print a new token of a user. It is shown this once, and kept nowhere."""
    with accounts(policy, state) as identity:
        token = identity.issue_token(user, roles=role, tools=tool, seconds=seconds, once=once)
    sys.stdout.write(token + "\n")


@app.command(epilog="Example: ringfence token show - --json < token.txt")
def show(
    token: TokenArgument, *, policy: PolicyOption = None, state: StateOption = None, json: JsonOption = False
) -> None:
    """Verify a token, and say what is in it, without its signature. Exit code 1: it is refused, and why."""
    from ringfence.cli.output import console, print_json, safe, time_of
    from ringfence.errors import KeySetUnavailable, TokenRefused

    with accounts(policy, state) as identity:
        try:
            facts = identity.check_token(_read(token))
        except (TokenRefused, KeySetUnavailable) as error:
            if json:
                print_json({"ok": False, "why": error.message})
            else:
                console(stderr=True).print(f"[red]refused:[/red] {safe(error.message)}", soft_wrap=True)
            raise typer.Exit(1) from error
    shown: dict[str, Any] = {
        "ok": True,
        "id": facts.id,
        "user": facts.user,
        "provider": facts.provider or None,
        "key": facts.key,
        "issued": facts.issued,
        "expires": facts.expires,
        "roles": facts.grant.roles,
        "tools": facts.grant.tools,
        "session": facts.parent,
        "groups": list(facts.groups),
    }
    if json:
        print_json(shown)
        return
    for name, value in {**shown, "ok": "yes", **{each: time_of(shown[each]) for each in _TIMES}}.items():
        text = ", ".join(value) if isinstance(value, list | tuple) else value
        console().print(f"{name}: {safe('-' if text in (None, '') else text)}", soft_wrap=True)


@app.command(epilog="Example: ringfence token revoke 5f1c2a9b3d4e6f705f1c2a9b3d4e6f70")
def revoke(
    token: Annotated[
        str, typer.Argument(help="The token, its id, or PROVIDER:JTI; `-` reads it from stdin.")
    ],
    *,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Make a token worthless at once, and end the sessions that began with it."""
    from ringfence.cli.output import console, safe
    from ringfence.errors import TokenRefused

    with accounts(policy, state) as identity:
        try:
            held = identity.revoke_token(_read(token))
        except TokenRefused as error:
            console(stderr=True).print(f"Nothing was revoked: {safe(error.message)}.", soft_wrap=True)
            raise typer.Exit(1) from error
    if not held:
        console(stderr=True).print("There is no such token, or it was revoked already.")
        raise typer.Exit(1)
    console().print("The token was revoked.")


def _read(token: str) -> str:
    return read_secret("token") if token == "-" else token  # noqa: S105 - a dash

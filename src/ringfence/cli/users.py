"""`ringfence users`: add, list and change the accounts in the shared store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli.accounts import (
    JsonOption,
    PolicyOption,
    StateOption,
    UserArgument,
    accounts,
    read_password,
)

if TYPE_CHECKING:
    from ringfence.identity import Account

_TIMES = ("created", "last_login", "locked_until")
app = typer.Typer(
    help="Keep the accounts of those who log in. Exit code 2: there is no such user, or the store cannot be used.",
    no_args_is_help=True,
)

RolesOption = Annotated[
    list[str] | None, typer.Option("--role", help="A role; may be given several times.", metavar="ROLE")
]


@app.command(epilog="Example: ringfence users add ana --role clerk --policy ringfence.yaml")
def add(
    user: UserArgument,
    *,
    role: RolesOption = None,
    name: Annotated[str, typer.Option("--name", help="For people.")] = "",
    mail: Annotated[str, typer.Option("--mail", help="For people.")] = "",
    no_password: Annotated[
        bool, typer.Option("--no-password", help="The user logs in with tokens only.")
    ] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Add a user. The password is asked for, or read from stdin; never give it as an argument."""
    with accounts(policy, state) as identity:
        password = None if no_password else read_password(confirm=True)
        identity.add_user(user, password=password, roles=role or (), name=name, mail=mail)
    _done(f"{user} was added.")


@app.command("list", epilog="Example: ringfence users list --json")
def list_(*, policy: PolicyOption = None, state: StateOption = None, json: JsonOption = False) -> None:
    """List all users."""
    from ringfence.cli.output import console, print_json, safe, time_of

    with accounts(policy, state) as identity:
        users = identity.users()
    if json:
        print_json([_facts(each) for each in users])
        return
    from rich.table import Table

    table = Table("user", "name", "roles", "state", "failed", "last login")
    for each in users:
        cells = (
            each.id,
            each.name,
            ", ".join(each.roles),
            _state(each),
            each.failed,
            time_of(each.last_login),
        )
        table.add_row(*map(safe, cells))
    console().print(table)


@app.command(epilog="Example: ringfence users show ana")
def show(
    user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None, json: JsonOption = False
) -> None:
    """Show one user."""
    from ringfence.cli.output import console, print_json, safe

    with accounts(policy, state) as identity:
        found = _facts(identity.user(user))
    if json:
        print_json(found)
        return
    for key, value in found.items():
        console().print(f"{safe(key.replace('_', ' '))}: {safe(_shown(key, value))}", soft_wrap=True)


@app.command(epilog="Example: ringfence users roles ana --role clerk --role chief")
def roles(
    user: UserArgument,
    *,
    role: RolesOption = None,
    none: Annotated[bool, typer.Option("--none", help="Take all roles away.")] = False,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Replace a user's roles. Running sessions have them at their next call."""
    if bool(role) == none:
        raise typer.BadParameter(
            "name each role with --role, or take all away with --none", param_hint="--role"
        )
    with accounts(policy, state) as identity:
        identity.set_roles(user, role or ())
    _done(f"{user} has the roles: {', '.join(role or ()) or 'none'}.")


@app.command(epilog="Example: ringfence users lock ana --seconds 3600")
def lock(
    user: UserArgument,
    *,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="For how long. Default: until it is unlocked.")
    ] = None,
    policy: PolicyOption = None,
    state: StateOption = None,
) -> None:
    """Lock an account: no log-in, and no call in running sessions."""
    with accounts(policy, state) as identity:
        identity.lock(user, seconds)
    _done(f"{user} is locked.")


@app.command(epilog="Example: ringfence users unlock ana")
def unlock(user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None) -> None:
    """Unlock an account, also before its hour is over."""
    with accounts(policy, state) as identity:
        identity.unlock(user)
    _done(f"{user} is not locked.")


@app.command(epilog="Example: ringfence users passwd ana")
def passwd(user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None) -> None:
    """Replace a user's password; sessions and tokens that there are end. It is asked for, or read from stdin."""
    with accounts(policy, state) as identity:
        identity.user(user)
        identity.set_password(user, read_password(confirm=True))
    _done(f"{user} has a new password, and all sessions and tokens have ended.")


@app.command(epilog="Example: ringfence users deactivate ana")
def deactivate(user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None) -> None:
    """Let a user in no longer; running sessions and tokens end for good."""
    with accounts(policy, state) as identity:
        identity.deactivate(user)
    _done(f"{user} is not active.")


@app.command(epilog="Example: ringfence users activate ana")
def activate(user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None) -> None:
    """Let a user in again."""
    with accounts(policy, state) as identity:
        identity.activate(user)
    _done(f"{user} is active.")


@app.command(epilog="Example: ringfence users remove ana")
def remove(user: UserArgument, *, policy: PolicyOption = None, state: StateOption = None) -> None:
    """Remove a user; sessions and tokens end."""
    with accounts(policy, state) as identity:
        identity.remove_user(user)
    _done(f"{user} was removed.")


def _done(text: str) -> None:
    from ringfence.cli.output import console, safe

    console().print(safe(text), soft_wrap=True)


def _state(account: Account) -> str:
    if not account.active:
        return "inactive"
    return "locked" if account.locked(time.time()) else "active"


def _shown(key: str, value: Any) -> str:
    """Return a fact about a user as people read it."""
    from ringfence.cli.output import time_of
    from ringfence.identity.users import FOR_EVER

    if key == "locked_until" and value == FOR_EVER:
        return "somebody unlocks it"
    if key in _TIMES:
        return time_of(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (", ".join(value) if isinstance(value, list) else str(value)) or "-"


def _facts(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "mail": account.mail,
        "roles": list(account.roles),
        "state": _state(account),
        "has_password": account.has_password,
        "created": account.created,
        "last_login": account.last_login,
        "failed": account.failed,
        "locked_until": account.locked_until,
    }

"""What `ringfence users`, `token` and `keys` share: which store they are about, and passwords that never stand on a command line.

The one idea: with a policy file each change stands in its log, and roles are those that it defines; with `--state` alone there is neither.
"""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.events import SecurityEvent
    from ringfence.identity import Identity
    from ringfence.policy.model import Audit

DEFAULT_STATE = "sqlite:ringfence-state.db"
_LONGEST_LINE = 8192

PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="The policy file that says where the store, the roles and the log are.",
        envvar="RINGFENCE_POLICY",
    ),
]
StateOption = Annotated[
    str | None,
    typer.Option(
        "--state",
        help=f"The store itself, as `state.url` in a policy. Without a policy file nothing is recorded. Default: the policy's, or "
        f"{DEFAULT_STATE}.",
        envvar="RINGFENCE_STATE",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
UserArgument = Annotated[str, typer.Argument(help="The user's id.", metavar="USER")]


@contextmanager
def accounts(policy: Path | None, state: str | None) -> Iterator[Identity]:
    """Open the accounts that a command is about, and close them in the end.

    Arguments:
        policy: a policy file.
        state: the address of a store; it goes before the policy's.

    """
    from ringfence.identity import Identity

    if policy is None:
        with Identity(state=state or DEFAULT_STATE) as found:
            yield found
        return
    from ringfence.policy.file import load_sound_policy
    from ringfence.policy.model import BUILT_IN_ROLES

    settings, folder = load_sound_policy(policy), policy.resolve().parent
    with (
        recording(settings.audit, folder) as report,
        Identity(
            settings.identity,
            state=state or settings.state.url,
            folder=folder,
            roles={**BUILT_IN_ROLES, **settings.roles},
            report=report,
        ) as found,
    ):
        yield found


@contextmanager
def recording(settings: Audit, folder: Path) -> Iterator[Callable[[SecurityEvent], bool] | None]:
    """Return what writes events into the log that a policy names; None where it is kept nowhere that lasts."""
    from ringfence.audit import open_log
    from ringfence.errors import RecordError
    from ringfence.policy.model import StoreKind

    if settings.store in (StoreKind.NONE, StoreKind.MEMORY):
        yield None
        return
    with closing(open_log(settings, folder)) as log:

        def report(event: SecurityEvent) -> bool:
            try:
                log.event(event)
            except RecordError:
                return False
            return True

        yield report


def read_password(*, confirm: bool) -> str:
    """Return a password from a terminal, without showing it, or the first line of what comes on stdin.

    Arguments:
        confirm: whether a person types it twice.

    """
    if not sys.stdin.isatty():
        return read_secret("password")
    from getpass import getpass

    typed = getpass("Password: ")
    if confirm and getpass("Again: ") != typed:
        raise typer.BadParameter("the two passwords are not the same: nothing was changed")
    return typed


def read_secret(what: str) -> str:
    """Return the first line of what comes on stdin.

    Arguments:
        what: what it should be, for whoever gave nothing.

    """
    line = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    if not line:
        raise typer.BadParameter(f"no {what} came on stdin")
    return line

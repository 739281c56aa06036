"""`ringfence approvals`: see what calls wait for a person, and decide about them.

Who decides is whoever runs the command, as the operating system knows them, or a user of the store who proves it. The one idea: what is
shown may come from an attacker, so all of it is printed through `safe` or as JSON in ASCII, and a person sees who asks for what before they decide.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from rich.table import Table

    from ringfence.approvals.queue import Approval, ApprovalQueue
    from ringfence.call import Principal
    from ringfence.policy.compile import CompiledPolicy

app = typer.Typer(
    help="See what calls wait for a person, and decide about them.",
    no_args_is_help=True,
    epilog="Exit codes: 0 done, 1 it was decided already or you may not decide it, 2 the command could not be run.",
)

_WATCH_SECONDS = 1.0
TOKEN = "RINGFENCE_TOKEN"  # noqa: S105 - the name of a variable
"""Where a token comes from: an argument would stand in the list of processes."""
_COLOURS = {"waiting": "yellow", "approved": "green", "used": "green", "denied": "red", "expired": "dim"}

PolicyOption = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="The policy file that says where the store is and who may decide.",
        envvar="RINGFENCE_POLICY",
    ),
]
StateOption = Annotated[
    str | None, typer.Option("--state", help="The address of the store, instead of the policy's `state.url`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
IdArgument = Annotated[
    str, typer.Argument(help="The approval's id, or its first digits, at least four.", metavar="ID")
]
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="Who you are, where the operating system does not know it: a user of the store, with the password from the terminal or stdin, or a token in "
        "RINGFENCE_TOKEN.",
        metavar="USER",
    ),
]
CommentOption = Annotated[
    str,
    typer.Option(
        "--comment", help="Why; it stands in the record of the call, and where it denies the model reads it."
    ),
]


def _queue(policy: Path | None, state: str | None) -> AbstractContextManager[ApprovalQueue]:
    from contextlib import contextmanager

    from ringfence.approvals.queue import ApprovalQueue
    from ringfence.state.database import open_database

    if state is None and policy is None:
        raise typer.BadParameter(
            "name the store with --state, or a policy file with --policy or RINGFENCE_POLICY",
            param_hint="--policy",
        )

    @contextmanager
    def opened() -> Iterator[ApprovalQueue]:
        folder = None
        url = state
        if url is None:
            from ringfence.policy.file import load_policy

            url, folder = load_policy(policy or "").state.url, (policy or Path()).resolve().parent
        if url == "memory:":
            raise typer.BadParameter(
                "a store in memory cannot be seen from here: set `state.url`", param_hint="--policy"
            )
        with open_database(url, folder) as database:
            yield ApprovalQueue(lambda: database, time.time)

    return opened()


@app.command("list", epilog="Example: ringfence approvals list --policy ringfence.yaml --watch")
def list_(
    policy: PolicyOption = None,
    state: StateOption = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that were decided, used or are too old.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until interrupted, and show what changes.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the calls that wait for a person, the oldest first."""
    from ringfence.cli.output import console, print_json

    with _queue(policy, state) as queue:
        if watch and not json:
            _watch(queue, every=every)
            return
        found = queue.requests(every=every)
    if json:
        print_json([_facts(each) for each in found])
    elif found:
        console().print(_table(found, time.time()))
    else:
        console().print("No call waits for a person.")


def _watch(queue: ApprovalQueue, *, every: bool) -> None:
    from rich.live import Live

    from ringfence.cli.output import console

    with Live(console=console(), auto_refresh=False) as live:
        while True:
            live.update(_table(queue.requests(every=every), time.time()), refresh=True)
            time.sleep(_WATCH_SECONDS)


@app.command(epilog="Example: ringfence approvals show 3f9a --policy ringfence.yaml")
def show(
    approval: IdArgument, policy: PolicyOption = None, state: StateOption = None, *, json: JsonOption = False
) -> None:
    """Show all about one call that waits, or waited, for a person."""
    from ringfence.cli.output import console, print_json, safe, time_of

    with _queue(policy, state) as queue:
        facts = _facts(queue.get(approval))
    if json:
        print_json(facts)
        return
    out = console()
    for name, value in facts.items():
        shown = (
            ", ".join(value)
            if isinstance(value, list)
            else time_of(value)
            if name in _TIMES
            else ("no", "yes")[value]
            if isinstance(value, bool)
            else value
        )
        out.print(f"[bold]{name:<12}[/] {safe('' if shown is None else shown)}", soft_wrap=True)


@app.command(epilog="Example: ringfence approvals approve 3f9a --policy ringfence.yaml")
def approve(
    approval: IdArgument,
    policy: PolicyOption = None,
    state: StateOption = None,
    *,
    user: AsOption = None,
    comment: CommentOption = "",
    json: JsonOption = False,
) -> None:
    """Let one call run, once, with exactly the arguments that were asked about."""
    _decide(approval, policy, state, user, comment, approved=True, json=json)


@app.command(epilog="Example: ringfence approvals deny 3f9a --policy ringfence.yaml --comment 'paid already'")
def deny(
    approval: IdArgument,
    policy: PolicyOption = None,
    state: StateOption = None,
    *,
    user: AsOption = None,
    comment: CommentOption = "",
    json: JsonOption = False,
) -> None:
    """Say no to one call. The same call is not asked about again while the question would have been open."""
    _decide(approval, policy, state, user, comment, approved=False, json=json)


def _decide(
    approval: str,
    policy: Path | None,
    state: str | None,
    user: str | None,
    comment: str,
    *,
    approved: bool,
    json: bool,
) -> None:
    from ringfence.approvals.deciders import refuse_unauthorised
    from ringfence.approvals.request import ApprovalAnswer
    from ringfence.cli.output import console, print_error, print_json, safe
    from ringfence.errors import ApprovalError, IdentityError

    if policy is None:
        raise typer.BadParameter("name the policy file: it says who may decide", param_hint="--policy")
    compiled = _compiled(policy)
    try:
        decider = _decider(compiled, policy, state, user)
        with _queue(policy, state) as queue:
            found = queue.get(approval)
            refuse_unauthorised(compiled, found.request, decider.user, decider.roles)
            done = queue.decide(found.request.id, ApprovalAnswer(approved, decider.user, comment))
    except (ApprovalError, IdentityError) as error:
        print_error(error)
        raise typer.Exit(1) from error
    if not _record(compiled, policy.resolve().parent, done):
        console(stderr=True).print(
            "[yellow]note:[/] the decision stands, and you could not write it into the log; the call's own record will name you",
            soft_wrap=True,
        )
    if json:
        print_json(_facts(done))
        return
    request = done.request
    console().print(
        f"{done.state.value}: {safe(request.tool)} for {safe(request.user)} {safe(request.arguments)}",
        soft_wrap=True,
    )
    if approved and request.policy != compiled.version:
        console(stderr=True).print(
            f"[yellow]note:[/] the call was asked about under policy {safe(request.policy)}, and this file is {compiled.version}: "
            "a guard that runs another policy by now asks anew",
            soft_wrap=True,
        )


def _record(compiled: CompiledPolicy, folder: Path, approval: Approval) -> bool:
    """Write a decision into the log, if it is kept here; return whether it is not missing there.

    Who approves need not have the right to write the log.
    """
    from ringfence.approvals.deciders import decision_event
    from ringfence.cli.accounts import recording
    from ringfence.errors import RecordError
    from ringfence.incoming import new_id

    settings = compiled.policy.audit
    if not (folder / settings.path).exists():
        return True
    try:
        with recording(settings, folder) as report:
            return report is None or report(decision_event(approval, new_id()))
    except RecordError:
        return False


def _decider(compiled: CompiledPolicy, policy: Path, state: str | None, user: str | None) -> Principal:
    """Return who decides: whoever runs this process or, where another user is named, that one, who has to prove it.

    Raises:
        LoginFailed, TokenRefused: the proof is none.
        ApproverRefused: the token is another user's.

    """
    from ringfence.approvals.deciders import is_os_user, os_decider

    if user is None or is_os_user(user):
        return os_decider(compiled, user)
    from ringfence.cli.accounts import accounts, read_password
    from ringfence.errors import ApproverRefused

    token = os.environ.get(TOKEN)
    with accounts(policy, state) as identity:
        session = identity.login_token(token) if token else identity.login(user, read_password(confirm=False))
        try:
            principal = session.principal
            if principal.user != user:
                raise ApproverRefused(
                    f"the token is of {principal.user!r} and not of {user!r}",
                    f"Put a token of that user into {TOKEN}.",
                )
            if session.authority.is_narrowed:
                raise ApproverRefused(
                    "the token holds only a part of its user's authority, and nobody was given that of approving",
                    f"Put another token of that user into {TOKEN}, or give the password.",
                )
            return principal
        finally:
            identity.logout(session)


def _compiled(policy: Path) -> CompiledPolicy:
    from ringfence.policy.compile import compile_policy
    from ringfence.policy.file import load_sound_policy

    return compile_policy(load_sound_policy(policy), policy.resolve().parent)


_TIMES = ("asked", "expires", "decided")


def _facts(approval: Approval) -> dict[str, Any]:
    request = approval.request
    return {
        "id": request.id,
        "state": approval.state.value,
        "tool": request.tool,
        "user": request.user,
        "roles": list(request.roles),
        "arguments": request.arguments,
        "message": request.message,
        "rule": request.rule,
        "four_eyes": request.four_eyes,
        "asked": request.asked,
        "expires": request.expires,
        "decided_by": approval.decided_by,
        "decided": approval.decided,
        "comment": approval.comment,
        "call": request.call_id,
        "session": request.session,
        "reference": request.reference,
        "policy": request.policy,
        "digest": request.digest,
    }


def _table(found: list[Approval], now: float) -> Table:
    from rich.table import Column, Table

    from ringfence.cli.output import safe

    table = Table("id", "state", "user", "tool", Column("arguments", overflow="fold"), "left", "decided by")
    for each in found:
        request, state = each.request, each.state.value
        left = f"{max(0.0, request.expires - now):.0f} s" if state in ("waiting", "approved") else ""
        eyes = " (four eyes)" if request.four_eyes else ""
        table.add_row(
            request.id[:8], f"[{_COLOURS[state]}]{state}[/]{eyes}", safe(request.user), safe(request.tool), safe(request.arguments), left, safe(each.decided_by)
        )  # fmt: skip
    return table

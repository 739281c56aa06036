"""`ringfence policy`: check a policy file, and print the JSON Schema for editors. Its other commands have modules of their own."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringfence.cli.trying import ToolsOption  # noqa: TC001 - typer reads the annotations

if TYPE_CHECKING:
    from rich.table import Table

    from ringfence.errors import PolicyError
    from ringfence.policy.compile import CompiledPolicy
    from ringfence.policy.file import PlacedRemark

app = typer.Typer(
    help="Write, check, test and compare policy files, and help editors with them.", no_args_is_help=True
)


@app.command(epilog="Example: ringfence policy check ringfence.yaml --tools shop.tools --strict")
def check(
    file: Annotated[
        Path, typer.Argument(help="The policy file (.yaml, .yml, .json or .toml).", metavar="FILE")
    ],
    *,
    tools: ToolsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Remarks count as faults.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Say what a policy file holds, everything that is wrong with it, and what is probably not meant.

    A remark is about what can be used all the same: a rule that can never speak, that another one makes idle, that contradicts another, a tool or
    argument that is not there, an exception that has ended, a list that nothing uses, a role that may call everything.

    Exit code 0: it can be used. 1: it has faults, or with --strict remarks. 2: it cannot be read, or wrong usage.
    """
    from ringfence.cli.output import print_json
    from ringfence.cli.trying import find_tools
    from ringfence.errors import PolicyFileError
    from ringfence.plugins import installed
    from ringfence.policy.file import check_policy_file

    known = find_tools(tools)
    try:
        found = check_policy_file(file, known, plugins=installed)
    except PolicyFileError as error:
        _print_faults(file, (error,), json=json)
        raise typer.Exit(2) from error
    if found.compiled is None:
        _print_faults(file, found.faults, json=json)
        raise typer.Exit(1)
    if json:
        print_json(
            {**_summary(file, found.compiled), "remarks": [remark._asdict() for remark in found.remarks]}
        )
    else:
        _print_summary(file, found.compiled)
        _print_remarks(found.remarks)
    if strict and found.remarks:  # after the summary, so that both are seen
        raise typer.Exit(1)


@app.command(epilog="Example: ringfence policy schema --output ringfence.schema.json")
def schema(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file instead.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As without it: a schema is JSON.")] = False,  # noqa: ARG001
) -> None:
    """Print the JSON Schema of policy files, for completion and checks in an editor."""
    import json as json_module

    from ringfence.policy.schema import policy_schema

    text = json_module.dumps(policy_schema(), indent=2) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"cannot write {output}: {error}", param_hint="--output") from error


def _print_faults(file: Path, faults: tuple[PolicyError, ...], *, json: bool) -> None:
    from ringfence.cli.output import print_error, print_json

    if json:
        print_json({"file": str(file), "ok": False, "faults": [_fault(fault) for fault in faults]})
        return
    for fault in faults:
        print_error(fault)


def _print_remarks(remarks: tuple[PlacedRemark, ...]) -> None:
    from ringfence.cli.output import console, safe

    out = console(stderr=True)
    for remark in remarks:
        out.print(f"[yellow]{remark.kind}:[/yellow] {safe(remark)}", soft_wrap=True)


def _fault(fault: PolicyError) -> dict[str, Any]:
    facts = {name: getattr(fault, name, None) for name in ("line", "key", "expected", "got", "nearest")}
    return facts | {"message": fault.message, "hint": fault.hint}


def _summary(file: Path, compiled: CompiledPolicy) -> dict[str, Any]:
    from ringfence.policy.roles import flatten

    policy = compiled.policy
    roles = {}
    for name in compiled.roles:
        rights = flatten([name], compiled.roles)
        roles[name] = {
            "inherits": list(rights.roles[1:]),
            "permissions": sorted(rights.permissions),
            "allow": [pattern for _, pattern in rights.allow],
            "ask": [pattern for _, pattern in rights.ask],
            "deny": [pattern for _, pattern in rights.deny],
            "concurrent_runs": rights.concurrent_runs,
            "seconds": rights.seconds,
            "memory_mb": rights.memory_mb,
        }
    return {
        "file": str(file),
        "ok": True,
        "version": compiled.version,
        "mode": policy.mode.value,
        "roles": roles,
        "tools": len(policy.tools),
        "rules": len(policy.rules),
        "users": len(policy.users),
        "profiles": sorted(compiled.profiles),
        "plugins": list(policy.plugins),
        "audit": {"store": policy.audit.store.value, "durability": policy.audit.durability.value},
    }


def _print_summary(file: Path, compiled: CompiledPolicy) -> None:
    from ringfence.cli.output import console, safe

    facts = _summary(file, compiled)
    plugins = ", ".join(facts["plugins"]) or "none"
    out = console()
    out.print(
        f"[green]ok:[/green] {safe(file)} (mode {facts['mode']}, version {facts['version']})", soft_wrap=True
    )
    out.print(_role_table(facts["roles"]))
    out.print(
        f"tools: {facts['tools']}, rules: {facts['rules']}, users: {facts['users']}, profiles: {safe(', '.join(facts['profiles']))}",
        soft_wrap=True,
    )
    out.print(
        f"plugins: {safe(plugins)}, log: {facts['audit']['store']} ({facts['audit']['durability']})",
        soft_wrap=True,
    )


def _role_table(roles: dict[str, dict[str, Any]]) -> Table:
    from rich.table import Table

    from ringfence.cli.output import safe

    table = Table("role", "permissions", "tools", "runs", "seconds", "MB")
    for name, role in roles.items():
        kinds = ("allow", "ask", "deny")
        patterns = "\n".join(f"{kind} {safe(', '.join(role[kind]))}" for kind in kinds if role[kind])
        limits = (str(role["concurrent_runs"]), f"{role['seconds']:g}", str(role["memory_mb"]))
        table.add_row(safe(name), ", ".join(role["permissions"]), patterns, *limits)
    return table

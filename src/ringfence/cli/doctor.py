"""`ringfence doctor`: which protection layers this machine gives to the sandbox, with proof, and what to do where one is missing."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ringfence.sandbox.doctor import Diagnosis

EXAMPLE = "Example: ringfence doctor --policy ringfence.yaml"
_NOT_MET = 1


def doctor(
    *,
    level: Annotated[
        str | None,
        typer.Option(help="The security level to prove: low, medium, high, paranoid. Default: medium."),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="A policy file: the strictest level of its profiles is proven.", metavar="FILE"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Probe each layer of the sandbox, and run canaries that try what it must stop.

    Exit code 0: the level can be met and every canary was stopped. 1: not. 2: wrong usage.
    """
    from ringfence.cli.output import print_json
    from ringfence.sandbox.doctor import diagnose

    asked = _level(level, policy)
    found = diagnose(asked)
    if json:
        print_json(_facts(found, str(asked)))
    else:
        _print(found, str(asked))
    raise typer.Exit(0 if found.sound else _NOT_MET)


def _level(level: str | None, policy: Path | None) -> Any:
    from ringfence.policy.file import load_sound_policy
    from ringfence.scanning.decision import SecurityLevel

    levels = list(SecurityLevel)
    if level is not None:
        if level not in [str(each) for each in levels]:
            raise typer.BadParameter(
                f"expected one of {', '.join(levels)}, got {level!r}", param_hint="--level"
            )
        return SecurityLevel(level)
    if policy is None:
        return SecurityLevel.MEDIUM
    profiles = load_sound_policy(policy).profiles.values()
    return max(
        (profile.security_level for profile in profiles), key=levels.index, default=SecurityLevel.MEDIUM
    )


def _facts(found: Diagnosis, level: str) -> dict[str, Any]:
    return {
        "system": found.machine.system,
        "level": level,
        "sound": found.sound,
        "lacking": found.lacking,
        "failed": found.failed,
        "layers": [{"layer": name, **fact._asdict()} for name, fact in found.machine.facts.items()],
        "network": {"engine": found.network.engine, "detail": found.network.detail},
        "canaries": [
            {
                "layer": proof.canary.layer,
                "tries": proof.canary.what,
                "held": proof.held,
                "detail": proof.detail,
            }
            for proof in found.proofs
        ],
    }


def _print(found: Diagnosis, level: str) -> None:
    from rich.table import Table

    from ringfence.cli.output import console, safe

    out = console()
    layers = Table("layer", "here", "what was found", "what to do", title="layers", title_justify="left")
    for name, fact in found.machine.facts.items():
        layers.add_row(name, _yes(fact.available), safe(fact.detail), safe(fact.advice))
    if found.machine.facts:
        layers.add_row("network", _yes(bool(found.network.engine)), safe(found.network.detail), "")
        out.print(layers)
    canaries = Table(
        "layer", "a canary tries to", "stopped", "what happened", title="proof", title_justify="left"
    )
    for proof in found.proofs:
        canaries.add_row(proof.canary.layer, proof.canary.what, _yes(proof.held), safe(proof.detail))
    if found.proofs:
        out.print(canaries)
    if found.sound:
        out.print(f"[green]The security level {level} can be met here.[/]")
    else:
        why = found.lacking or found.failed or "a canary got through"
        out.print(f"[red]The security level {level} cannot be met here:[/] {safe(why)}.", soft_wrap=True)


def _yes(what: bool) -> str:  # noqa: FBT001 - a mark for a fact
    return "[green]yes[/]" if what else "[red]no[/]"

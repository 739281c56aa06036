"""From a report to objections: what a source would do, held against what is granted, at a security level. Pure, and no policy in it.

Findings count by how bad they are, needs by whether somebody granted them. The one idea: every objection says what to change, since
the one who reads it is most often the model that wrote the source.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import Area
from ringfence.scanning.findings import Capability, Finding, Need
from ringfence.scanning.grants import (
    ANY,
    ANYWHERE,
    Grants,
    begins_told,
    is_harmless,
    is_told,
    names_host,
    program_of,
)
from ringfence.scanning.paths import path_areas
from ringfence.scanning.ruleset import shown
from ringfence.scanning.urls import port_of
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.findings import Problem, ScanReport

__all__ = ["Grants", "Objection", "SecurityLevel", "objections"]


class SecurityLevel(StrEnum):
    """How strictly findings and missing layers are taken."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    PARANOID = "paranoid"


class Objection(NamedTuple):
    """One reason why a source must not run.

    Arguments:
        rule: the id of a rule; `scan-unparsed` and the like for a source that could not be understood; `capability:network` and the
            like for what is not granted at all; `network:host`, `file_read:path` and the like for what a list does not cover.
        title: a few words, without anything from the source.
        reason: a sentence for a person, with what was found.
        level: how bad it is.
        line, column: where, from 1 and from 0.
        hint: what to change, for whoever wrote the source.
        finding: the finding that it rests on, if any.
        need: the need that it rests on, if any.

    """

    rule: str
    title: str
    reason: str
    level: ThreatLevel
    line: int
    column: int
    hint: str
    finding: Finding | None = None
    need: Need | None = None


def objections(report: ScanReport, grants: Grants, level: SecurityLevel | str) -> tuple[Objection, ...]:
    """Return what speaks against running a source, worst first; nothing where it may run.

    At every level a source that could not be understood is objected to. `low` objects to critical findings only. `medium` to high
    ones too, and to network, subprocesses and files outside the working folder beyond what is granted, as far as the source tells. `high` and `paranoid`
    to every capability that is not granted, and to every path, host and program that cannot be told where only some are granted.

    Arguments:
        report: what `scan` handed back.
        grants: what the source may do.
        level: how strictly.

    """
    level = SecurityLevel(level)
    if report.problem is not None:
        return (_not_understood(report.problem),)
    found = [*_bad(report.findings, level), *_not_granted(report.needs, grants, level)]
    return tuple(sorted(found, key=lambda each: (-each.level, each.line, each.column)))


def _not_understood(problem: Problem) -> Objection:
    title, hint = _PROBLEMS.get(problem.kind, _PROBLEMS["unparsed"])
    return Objection(
        f"scan-{problem.kind}",
        title,
        problem.message,
        ThreatLevel.CRITICAL,
        problem.line,
        problem.column,
        hint,
    )


_PROBLEMS = {
    "unparsed": ("it cannot be understood", "Correct its syntax, and write one language only."),
    "too-large": ("it is too large", "Split it into several calls, or do less."),
    "too-deep": ("it nests too deep", "Write it flatter."),
    "too-long": ("it takes too many steps to work out", "Write plainly what it does."),
}


def _bad(findings: Sequence[Finding], level: SecurityLevel) -> Iterator[Objection]:
    least = ThreatLevel.CRITICAL if level is SecurityLevel.LOW else ThreatLevel.HIGH
    for found in findings:
        if found.level >= least:
            yield Objection(
                found.rule,
                found.title,
                found.message,
                found.level,
                found.line,
                found.column,
                found.hint,
                finding=found,
            )


def _not_granted(needs: Sequence[Need], grants: Grants, level: SecurityLevel) -> Iterator[Objection]:
    """Return an objection for each need that is not granted: one for a capability, one for each path, host or program."""
    if level is SecurityLevel.LOW:
        return
    strict = level is not SecurityLevel.MEDIUM
    said: set[tuple[str, str]] = set()
    for need in needs:
        if is_harmless(need) or not (strict or need.capability in _JUDGED_AT_MEDIUM):
            continue
        objection = _about(need, grants, strict=strict)
        if objection is not None and (key := _subject(objection, need)) not in said:
            said.add(key)
            yield objection


_JUDGED_AT_MEDIUM = frozenset(
    {Capability.FILE_READ, Capability.FILE_WRITE, Capability.NETWORK, Capability.SUBPROCESS}
)
"""What a profile and permissions grant in detail. The rest is left to findings below `high`."""


def _subject(objection: Objection, need: Need) -> tuple[str, str]:
    """Return what makes two objections one: a capability is missing once, a program is not granted once."""
    if objection.rule.startswith("capability:"):
        return objection.rule, ""
    return objection.rule, program_of(need) if need.capability is Capability.SUBPROCESS else need.value


def _about(need: Need, grants: Grants, *, strict: bool) -> Objection | None:
    capability = need.capability
    if capability not in grants.capabilities:
        if not strict and capability in _FILES and _stays_inside(need, grants):
            return None
        title, hint = _CAPABILITIES[capability]
        reason = f"{_done(need)} needs {capability}, which is not granted"
        return _objection(need, f"capability:{capability}", title, reason, hint)
    if capability in (Capability.FILE_READ, Capability.FILE_WRITE):
        return _about_path(need, grants, strict=strict)
    if capability is Capability.NETWORK:
        return _about_address(need, grants, strict=strict)
    if capability is Capability.SUBPROCESS:
        return _about_program(need, grants, strict=strict)
    return None


_FILES = (Capability.FILE_READ, Capability.FILE_WRITE)


def _stays_inside(need: Need, grants: Grants) -> bool:
    """Return whether a path is in the working folder, which `medium` leaves to every source, or cannot be told."""
    if not begins_told(need.value):
        return True
    own = grants._replace(read=(), write=())
    return own.covers_path(need.value, need.capability) and not grants.forbids(need.value)


_CAPABILITIES = {
    Capability.NETWORK: ("uses the network", "Do not use the network."),
    Capability.FILE_READ: ("reads files", "Do not read files; take what you need from the input."),
    Capability.FILE_WRITE: ("writes files", "Do not write files; return or print the result."),
    Capability.SUBPROCESS: ("starts processes", "Do not start processes."),
    Capability.DYNAMIC_CODE: (
        "runs code that it makes itself",
        "Write the code out instead of evaluating or loading it.",
    ),
    Capability.NATIVE_CODE: ("calls native code", "Do without native libraries."),
    Capability.INTROSPECTION: ("looks into the interpreter", "Use plain attributes and functions."),
    Capability.ENVIRONMENT: (
        "asks about the machine or its variables",
        "Do not read environment variables or facts about the machine.",
    ),
    Capability.PERSISTENCE: ("leaves something that runs later", "Do not install anything that runs later."),
}
"""For each capability what a source does that has it, and what to do instead."""


def _about_path(need: Need, grants: Grants, *, strict: bool) -> Objection | None:
    capability = need.capability
    writing = capability is Capability.FILE_WRITE
    verb, granted = ("writes" if writing else "reads"), grants.paths(capability)
    outside = begins_told(need.value) and not grants.covers_path(need.value, capability)
    climbing = outside and Area.TRAVERSAL in path_areas(
        need.value
    )  # where it ends is unknown; that it leaves is not
    if begins_told(need.value) and grants.forbids(need.value) and not climbing:
        reason = f"{_done(need)} is on a path that stays closed"
        hint = f"Stay away from {_listed(grants.forbidden)}."
        return _objection(
            need, f"{capability}:forbidden", f"{verb} a forbidden path", reason, hint, ThreatLevel.HIGH
        )
    hint = f"{'Write to' if writing else 'Read'} a relative path{_or(', or one below', granted)}."
    if outside:
        reason = f"{_done(need)} is outside the working folder and every granted path"
        return _objection(need, f"{capability}:path", f"{verb} outside the working folder", reason, hint)
    if strict and not is_told(need.value) and not set(ANYWHERE) & set(granted):
        reason = f"{_done(need)} is on a path that cannot be told from the source"
        return _objection(
            need, f"{capability}:path", f"{verb} a path that cannot be told", reason, _PLAIN + hint
        )
    return None


def _about_address(need: Need, grants: Grants, *, strict: bool) -> Objection | None:
    told = names_host(need.value)
    if told and not grants.covers_host(need.value):
        hint = _use("host", grants.hosts)
        reason = f"{_done(need)} reaches a host that is not granted"
        return _objection(need, "network:host", "reaches a host that is not granted", reason, hint)
    if strict and not told and not set(ANY) & set(grants.hosts):
        reason = f"{_done(need)} reaches a host that cannot be told from the source"
        hint = _PLAIN + _use("host", grants.hosts)
        return _objection(need, "network:host", "reaches a host that cannot be told", reason, hint)
    port = port_of(need.value)
    if grants.ports is None or port in grants.ports or not (strict or port is not None):
        return None
    which = "cannot be told" if port is None else "is not granted"
    hint = _use("port", [str(number) for number in grants.ports])
    reason = f"{_done(need)} reaches a port that {which}"
    return _objection(need, "network:port", f"reaches a port that {which}", reason, hint)


def _about_program(need: Need, grants: Grants, *, strict: bool) -> Objection | None:
    program = program_of(need)
    if program and not grants.covers_program(program):
        reason = f"{_done(need)} starts {shown(program)}, which is not granted"
        hint = _use("command", grants.commands)
        return _objection(need, "subprocess:command", "starts a program that is not granted", reason, hint)
    if strict and not program and not set(ANY) & set(grants.commands):
        reason = f"{_done(need)} starts a program that cannot be told from the source"
        hint = _PLAIN + _use("command", grants.commands)
        return _objection(need, "subprocess:command", "starts a program that cannot be told", reason, hint)
    return None


_PLAIN = "Write it out plainly. "
_MOST_LISTED = 8


def _objection(
    need: Need, rule: str, title: str, reason: str, hint: str, level: ThreatLevel = ThreatLevel.MEDIUM
) -> Objection:
    return Objection(rule, title, f"{reason}.", level, need.line, need.column, hint, need=need)


def _done(need: Need) -> str:
    """Return what needs something, and what for, as a person reads it."""
    value = shown(need.value)
    return f"{shown(need.name)} {value}" if value and value != need.name else shown(need.name)


def _use(kind: str, granted: Sequence[str]) -> str:
    return f"Use the granted {kind}s {_listed(granted)}." if granted else f"No {kind} is granted: do without."


def _or(words: str, granted: Sequence[str]) -> str:
    return f"{words} {_listed(granted)}" if granted else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")

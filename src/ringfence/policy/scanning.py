"""What a policy says about scanning, made ready: whose code may do what, which arguments hold code, which rules the scanner goes by.

How one argument is judged stands in `code.py`. The one idea: profile and permissions bound each other, so code may do only what the
profile of its tool offers and what its caller may do at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.errors import PolicyError, RulesInvalid, UnknownName, nearest
from ringfence.policy.code import Terms
from ringfence.policy.model import Permission, RuleLevel, Scan
from ringfence.scanning.findings import Capability
from ringfence.scanning.grants import Grants
from ringfence.scanning.ruleset import RuleSet
from ringfence.threat import ThreatLevel
from ringfence.verdict import Decision, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ringfence.policy.model import CodeRule, Profile, ToolRule
    from ringfence.policy.roles import Rights
    from ringfence.scanning.rule import Rule
    from ringfence.tool import Tool

Declared = tuple[str, str, "CodeRule"]
"""Where an argument is declared as code, its name, and what it is written in."""

_PERMISSIONS = {
    Capability.NETWORK: Permission.NETWORK_ACCESS,
    Capability.FILE_READ: Permission.FILE_READ,
    Capability.FILE_WRITE: Permission.FILE_WRITE,
    Capability.SUBPROCESS: Permission.SYSTEM_MODIFY,
    Capability.NATIVE_CODE: Permission.SYSTEM_MODIFY,
    Capability.PERSISTENCE: Permission.SYSTEM_MODIFY,
}
"""The permission that a caller needs for a capability, besides what the profile grants. The others have none."""


_LEVELS: Mapping[RuleLevel, ThreatLevel | None] = {
    RuleLevel.OFF: None,
    RuleLevel.INFO: ThreatLevel.INFO,
    RuleLevel.LOW: ThreatLevel.LOW,
    RuleLevel.MEDIUM: ThreatLevel.MEDIUM,
    RuleLevel.HIGH: ThreatLevel.HIGH,
    RuleLevel.CRITICAL: ThreatLevel.CRITICAL,
}


def terms(profile: Profile, rights: Rights, rules: RuleSet | None) -> Terms:
    """Return the terms on which the code of a caller with these rights is judged under a profile."""
    offered = {Capability.FILE_READ, Capability.FILE_WRITE, *profile.capabilities}
    offered |= {Capability.NETWORK} if profile.network else set()
    offered |= {Capability.SUBPROCESS} if profile.subprocesses else set()
    lacking = {}
    for capability in Capability:
        permission = _PERMISSIONS.get(capability)
        if permission is not None and permission not in rights.permissions:
            lacking[capability] = f"the caller lacks the permission {permission}"
        elif capability not in offered:
            lacking[capability] = "the profile does not grant it"
    grants = Grants(
        frozenset(capability for capability in Capability if capability not in lacking),
        read=profile.read_only,
        write=profile.read_write,
        forbidden=profile.forbidden,
        hosts=profile.hosts,
        ports=profile.ports,
        commands=profile.commands,
    )
    return Terms(grants, lacking, profile, rules)


def declared_code(tool: Tool, rules: Mapping[str, ToolRule]) -> list[Declared]:
    """Return where, for which argument and how code is declared: by the tool's decorator, and by every policy rule that fits it."""
    declared = [(f"@{tool.name}.code", argument, rule) for argument, rule in tool.code]
    return declared + [
        (f"tools.{key}.code", argument, rule)
        for key, tool_rule in rules.items()
        for argument, rule in tool_rule.code.items()
    ]


def misnamed(tool: Tool, declared: Iterable[Declared]) -> Iterator[Verdict]:
    """Return a denial for each declared argument that a tool does not have: what it means would never be scanned.

    A tool without a signature of its own is asked at each call instead, which must have the argument.
    """
    known = getattr(tool.signature, "parameters", None)  # a framework's signature has none
    for where, argument, _ in declared:
        if known is not None and argument not in known:
            close = nearest(argument, known)
            hint = f"Did you mean {close!r}?" if close else "Correct the name in the policy."
            message = f"{where} names the argument {argument!r}, which the tool does not have"
            yield Verdict(Decision.DENY, message, rule=f"{where}.{argument}", check="access", hint=hint)


def refuse_unknown_dialects(tools: Mapping[str, ToolRule]) -> None:
    """Check that the databases that code rules name exist.

    Raises:
        UnknownName: one does not.

    """
    for name, rule in tools.items():
        for argument, code in rule.code.items():
            if code.dialect:
                refuse_unknown_dialect(code.dialect, f"tools.{name}.code.{argument}.dialect")


def refuse_unknown_dialect(dialect: str, where: str) -> None:
    """Check that a database exists. Errors as for `refuse_unknown_dialects`, `where` being the dotted key."""
    from ringfence.scanning.sql import parser_name  # noqa: PLC0415 - most policies name none

    try:
        parser_name(dialect)
    except UnknownName as error:
        raise UnknownName("dialect", dialect, error.known, where) from error


def rule_set(settings: Scan, folder: str | Path | None) -> RuleSet | None:
    """Return the scanner's rules as a policy sets them; None where it leaves the built-in ones as they are.

    Arguments:
        settings: the policy's section.
        folder: where relative folders start; None: the current folder.

    Raises:
        UnknownName: a level is given for a rule that does not exist.
        PolicyError: a rule file cannot be used.

    """
    if settings == Scan():
        return None
    from ringfence.scanning.rules import BUILT_IN  # noqa: PLC0415 - most policies leave the rules as they are

    try:
        rules = [*BUILT_IN, *_own_rules(settings, folder)]
        known = [rule.id for rule in rules]
        for name in settings.levels:
            if name not in known:
                raise UnknownName("rule", name, known, f"scan.levels.{name}")
        return RuleSet(rules, {name: _LEVELS[level] for name, level in settings.levels.items()})
    except RulesInvalid as error:
        raise PolicyError(f"scan.folders: {error.message}", error.hint) from error


def _own_rules(settings: Scan, folder: str | Path | None) -> Iterator[Rule]:
    if settings.folders:
        from pathlib import Path  # noqa: PLC0415 - as above

        from ringfence.scanning.rule_files import load_rules  # noqa: PLC0415 - pulls in pydantic and the parser

        for name in settings.folders:
            yield from load_rules(Path(folder or ".") / name)

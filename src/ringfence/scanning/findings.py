"""What a scan hands back: `ScanReport` with its findings, the capabilities that the source needs, and facts about it.

Nothing here analyses or decides. The one idea: a finding says that something looks bad and how bad, a need says that something
must be granted; what is blocked follows from both in `decision.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ringfence.scanning.effects import Language  # noqa: TC001 - part of a public named tuple
from ringfence.threat import ThreatLevel


class Capability(StrEnum):
    """What a source needs to do its work. Nothing of it is granted unless somebody grants it."""

    NETWORK = "network"
    FILE_READ = "file_read"
    FILE_WRITE = "file_write"
    SUBPROCESS = "subprocess"
    DYNAMIC_CODE = "dynamic_code"
    NATIVE_CODE = "native_code"
    INTROSPECTION = "introspection"
    ENVIRONMENT = "environment"
    PERSISTENCE = "persistence"


class Family(StrEnum):
    """What a rule is about."""

    INJECTION = "injection"
    FILES = "files"
    NETWORK = "network"
    PRIVILEGE = "privilege"
    SUBPROCESS = "subprocess"
    NATIVE = "native"
    PERSISTENCE = "persistence"
    OBFUSCATION = "obfuscation"
    CREDENTIALS = "credentials"
    EXFILTRATION = "exfiltration"
    RESOURCES = "resources"
    INTROSPECTION = "introspection"
    DATABASE = "database"
    SURVEILLANCE = "surveillance"
    PRACTICE = "practice"


class Finding(NamedTuple):
    """One thing in a source that a rule speaks about.

    Arguments:
        rule: the rule's id.
        title: the rule's title.
        family: what the rule is about.
        level: how bad it is.
        capability: the capability that it shows; None where it shows none.
        message: a sentence for a person, with what was found.
        line, column: where it stands, from 1 and from 0.
        end_line, end_column: where that ends; 0 where it is not known.
        evidence: what was resolved to what.
        hint: what to change.

    """

    rule: str
    title: str
    family: Family
    level: ThreatLevel
    capability: Capability | None
    message: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0
    evidence: tuple[str, ...] = ()
    hint: str = ""


class Need(NamedTuple):
    """One capability at one place, with what it is needed for.

    Arguments:
        capability: the capability.
        name: what needs it: `requests.get`, `rm`.
        value: the path, URL, command or variable, with a hole for each part that could not be told; empty where nothing is known.
        line, column: where.

    """

    capability: Capability
    name: str
    value: str
    line: int
    column: int


class Facts(NamedTuple):
    """What can be told of a source, as plain attributes for a policy. Each is sorted and without repetition.

    Arguments:
        imports: modules.
        reads, writes: paths; deleted, changed and permitted ones count as written.
        hosts: hosts, in lower case and without port.
        commands: the names of programs, without folder.
        variables: environment variables.
        statements: the kinds of SQL statements, in lower case: `select`, `drop table`.
        tables: tables, as they are written.
        columns: columns, as they are written.

    """

    imports: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class Problem(NamedTuple):
    """Why a source could not be understood. Such a source is denied.

    Arguments:
        kind: `unparsed`, `too-large`, `too-deep` or `too-long`.
        message: a sentence for a person, with what to change.
        line, column: where.

    """

    kind: str
    message: str
    line: int = 1
    column: int = 0


class ScanReport(NamedTuple):
    """What a source would do.

    Arguments:
        language: what it is written in.
        findings: worst first, then in the order of the source.
        capabilities: what it needs.
        needs: where and for what it needs them, in the order of the source.
        facts: imports, paths, hosts, commands and more.
        problem: why it could not be understood; None where it was.

    """

    language: Language
    findings: tuple[Finding, ...] = ()
    capabilities: frozenset[Capability] = frozenset()
    needs: tuple[Need, ...] = ()
    facts: Facts = Facts()
    problem: Problem | None = None

    @property
    def level(self) -> ThreatLevel:
        """The level of the worst finding; info where there is none, and critical where the source could not be understood."""
        if self.problem is not None:
            return ThreatLevel.CRITICAL
        return self.findings[0].level if self.findings else ThreatLevel.INFO

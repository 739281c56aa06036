"""From effects to a report: what the rules say about each, what it needs, and the facts that a policy may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind
from ringfence.scanning.findings import Capability, Facts, Finding, Need, ScanReport
from ringfence.scanning.ruleset import CAPABILITIES
from ringfence.scanning.urls import host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ringfence.scanning.effects import Effect, Language
    from ringfence.scanning.ruleset import RuleSet

    _NeedKey = tuple[Capability, str, str, int]

MOST_FINDINGS = 1000
"""How many findings a report holds. The worst are kept."""


def make_report(language: Language, effects: Iterable[tuple[Effect, Language]], rules: RuleSet) -> ScanReport:
    """Return the report about a source.

    Arguments:
        language: what the source is written in.
        effects: what it would do, each with the language of the part it stands in.
        rules: what is bad.

    """
    findings: dict[tuple[str, int, int], Finding] = {}
    needs: dict[_NeedKey, Need] = {}
    facts: dict[str, set[str]] = {}
    for effect, written_in in effects:
        for finding in rules.findings(effect, written_in):
            findings.setdefault((finding.rule, finding.line, finding.column), finding)
            if finding.capability is Capability.PERSISTENCE:
                _need(needs, Capability.PERSISTENCE, effect)
        capability = CAPABILITIES.get(effect.kind)
        if capability is not None:
            _need(needs, capability, effect)
        _note(facts, effect)
    found = tuple(sorted(findings.values(), key=_worst_first)) if findings else ()
    needed = tuple(sorted(needs.values(), key=_in_order))
    return ScanReport(
        language, found[:MOST_FINDINGS], frozenset(need.capability for need in needed), needed, _facts(facts)
    )


def _worst_first(finding: Finding) -> tuple[int, int, int]:
    return -finding.level, finding.line, finding.column


def _in_order(need: Need) -> tuple[int, int]:
    return need.line, need.column


def _need(needs: dict[_NeedKey, Need], capability: Capability, effect: Effect) -> None:
    key = (capability, effect.name, effect.value, effect.line)
    if key not in needs:
        needs[key] = Need(capability, effect.name, effect.value, effect.line, effect.column)


def _program(command: str) -> str:
    """Return the name of the program that a command line starts, without its folder."""
    first = command.split(None, 1)[0] if command.strip() else ""
    return first.strip("\"'").rpartition("/")[2]


def _itself(value: str) -> str:
    return value


_FACTS: Mapping[Kind, tuple[str, Callable[[str], str]]] = {
    Kind.IMPORT: ("imports", _itself),
    Kind.READ: ("reads", _itself),
    Kind.LIST: ("reads", _itself),
    Kind.WRITE: ("writes", _itself),
    Kind.DELETE: ("writes", _itself),
    Kind.PERMIT: ("writes", _itself),
    Kind.CONNECT: ("hosts", host_of),
    Kind.RUN: ("commands", _program),
    Kind.ENVIRONMENT: ("variables", _itself),
    Kind.QUERY: ("tables", _itself),
    Kind.COLUMN: ("columns", _itself),
}
"""The field of the facts that an effect's value goes into, and what of the value."""


def _note(facts: dict[str, set[str]], effect: Effect) -> None:
    if effect.kind is Kind.QUERY:
        facts.setdefault("statements", set()).add(effect.name)
    known = _FACTS.get(effect.kind)
    if known is not None and effect.value:
        text = known[1](effect.value)
        if text and (text != HOLE or effect.kind is Kind.QUERY):  # a table that cannot be told is on no list
            facts.setdefault(known[0], set()).add(text)


def _facts(found: dict[str, set[str]]) -> Facts:
    return Facts(**{field: tuple(sorted(values)) for field, values in found.items()}) if found else Facts()

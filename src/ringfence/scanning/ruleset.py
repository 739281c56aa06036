"""Rules made ready: effects go in, findings come out. Indexed by kind, and compiled when the first effect of a kind is seen.

The one idea: an effect meets only the rules of its kind, names without wildcards are looked up in a set, and what a process never
meets it never compiles.
"""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import RulesInvalid
from ringfence.scanning.areas import areas_of
from ringfence.scanning.effects import HOLE, Kind
from ringfence.scanning.findings import Capability, Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ringfence.scanning.effects import Area, Effect, Language
    from ringfence.scanning.rule import Rule, RuleException, When
    from ringfence.threat import ThreatLevel

CAPABILITIES: Mapping[Kind, Capability] = {
    Kind.READ: Capability.FILE_READ,
    Kind.LIST: Capability.FILE_READ,
    Kind.WRITE: Capability.FILE_WRITE,
    Kind.DELETE: Capability.FILE_WRITE,
    Kind.PERMIT: Capability.FILE_WRITE,
    Kind.CONNECT: Capability.NETWORK,
    Kind.LISTEN: Capability.NETWORK,
    Kind.BRIDGE: Capability.NETWORK,
    Kind.RUN: Capability.SUBPROCESS,
    Kind.KILL: Capability.SUBPROCESS,
    Kind.PRIVILEGE: Capability.SUBPROCESS,
    Kind.EVALUATE: Capability.DYNAMIC_CODE,
    Kind.LOAD: Capability.DYNAMIC_CODE,
    Kind.NATIVE: Capability.NATIVE_CODE,
    Kind.INTROSPECT: Capability.INTROSPECTION,
    Kind.ENVIRONMENT: Capability.ENVIRONMENT,
    Kind.CAPTURE: Capability.ENVIRONMENT,
    Kind.PERSIST: Capability.PERSISTENCE,
}
"""The capability that an effect of each kind needs; kinds that need none are not listed."""

_MOST_SHOWN = 120
_WILD = re.compile(r"[*?\[]")


class RuleSet:
    """Rules, ready to be applied.

    Arguments:
        rules: the rules, each id once.
        levels: another level for a rule by its id, or None to switch it off.

    Attributes:
        rules: the rules that are on, with the levels that count.

    Raises:
        RulesInvalid: an id comes twice, or `levels` names one that does not exist.

    """

    def __init__(self, rules: Iterable[Rule], levels: Mapping[str, ThreatLevel | None] | None = None) -> None:
        given = tuple(rules)
        known: dict[str, Rule] = {}
        for rule in given:
            if rule.id in known:
                raise RulesInvalid(f"the rule {rule.id!r} is defined twice")
            known[rule.id] = rule
        for name in levels or {}:
            if name not in known:
                raise RulesInvalid.unknown(name, known)
        self._levels = {name: rule.level for name, rule in known.items()}
        for name, level in (levels or {}).items():
            if level is None:
                del self._levels[name], known[name]
            else:
                self._levels[name] = level
        self.rules: tuple[Rule, ...] = tuple(known.values())
        self._by_kind: dict[Kind, list[Rule]] = {}
        for rule in self.rules:
            for kind in dict.fromkeys(when.kind for when in rule.when):
                self._by_kind.setdefault(kind, []).append(rule)
        self._ready: dict[tuple[Kind, Language], tuple[_Ready, ...]] = {}

    def level(self, rule: str) -> ThreatLevel:
        """Return the level that counts for a rule."""
        return self._levels[rule]

    def findings(self, effect: Effect, language: Language) -> Iterator[Finding]:
        """Return what the rules say about one effect.

        Arguments:
            effect: the effect.
            language: what the source, or the part of it that the effect stands in, is written in.

        """
        key = effect.kind, language
        ready = self._ready.get(key)
        if ready is None:
            rules = self._by_kind.get(effect.kind, ())
            ready = self._ready[key] = tuple(
                made for rule in rules if (made := _Ready(rule, *key)).conditions
            )
        if not ready:
            return
        areas = areas_of(effect)
        for candidate in ready:
            if candidate.speaks(effect, areas):
                yield self._finding(candidate.rule, effect)

    def _finding(self, rule: Rule, effect: Effect) -> Finding:
        message = rule.description.replace("{name}", effect.name)
        if "{value}" in message:
            message = message.replace("{value}", shown(effect.value) or "something that cannot be told")
        return Finding(
            rule.id,
            rule.title,
            rule.family,
            self._levels[rule.id],
            rule.capability or CAPABILITIES.get(effect.kind),
            message,
            effect.line,
            effect.column,
            effect.end_line,
            effect.end_column,
            effect.evidence,
            rule.hint,
        )


def shown(value: str) -> str:
    """Return a resolved value as a person can read it: holes as dots, nothing unprintable, cut to a readable length."""
    text = value[:_MOST_SHOWN].replace(HOLE, "…")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(value) <= _MOST_SHOWN else f"{text}…"


class _Ready:
    """One rule, its conditions for one kind and language compiled."""

    __slots__ = ("_exceptions", "conditions", "rule")

    def __init__(self, rule: Rule, kind: Kind, language: Language) -> None:
        self.rule = rule
        self.conditions = tuple(
            _condition(when)
            for when in rule.when
            if when.kind is kind and (not when.languages or language in when.languages)
        )
        self._exceptions = tuple(_exception(each) for each in rule.exceptions)

    def speaks(self, effect: Effect, areas: frozenset[Area]) -> bool:
        """Return whether the rule counts for an effect."""
        for condition in self.conditions:
            if condition.fits(effect, areas):
                return not any(exception.fits(effect, areas) for exception in self._exceptions)
        return False


class _Condition(NamedTuple):
    names: Callable[[str], object] | None
    values: Callable[[str], object] | None
    areas: frozenset[Area]
    origins: frozenset[str]
    traits: frozenset[str]
    without: frozenset[str]

    def fits(self, effect: Effect, areas: frozenset[Area]) -> bool:
        if self.traits and not self.traits <= effect.traits:
            return False
        return (
            self.without.isdisjoint(effect.traits)
            and (not self.areas or not self.areas.isdisjoint(areas))
            and (not self.origins or not self.origins.isdisjoint(effect.origins))
            and (self.names is None or bool(self.names(effect.name)))
            and (self.values is None or bool(self.values(effect.value.lower())))
        )


def _condition(when: When) -> _Condition:
    return _Condition(
        one_of(when.names),
        one_of(tuple(value.lower() for value in when.values)),
        frozenset(when.areas),
        frozenset(when.origins),
        frozenset(when.traits),
        frozenset(when.without),
    )


def _exception(exception: RuleException) -> _Condition:
    values = one_of(tuple(value.lower() for value in exception.values))
    nothing: frozenset[str] = frozenset()
    return _Condition(one_of(exception.names), values, frozenset(exception.areas), nothing, nothing, nothing)


def one_of(patterns: tuple[str, ...]) -> Callable[[str], object] | None:
    """Return a test whether a text fits one of the patterns; None where there are none, so that anything fits."""
    if not patterns:
        return None
    plain = frozenset(pattern for pattern in patterns if not _WILD.search(pattern))
    wild = [translate(pattern) for pattern in patterns if pattern not in plain]
    if not wild:
        return plain.__contains__
    matches = re.compile("|".join(wild)).match
    if not plain:
        return matches
    return lambda text: text in plain or matches(text)

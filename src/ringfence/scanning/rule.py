"""What a rule is: plain data that says which effects are bad, how bad, and how to prove that it works.

Built-in rules stand in `rules/`, one module for each subject; users' rules come from YAML files of the same shape (`rule_files.py`).
`ruleset.py` applies them. The one idea: a rule carries its own tests, sources that it must find and near-misses that it must not.
"""

from __future__ import annotations

from typing import NamedTuple

from ringfence.scanning.effects import Area, Kind, Language, Origin, Trait  # noqa: TC001 - likewise
from ringfence.scanning.findings import Capability, Family  # noqa: TC001 - likewise
from ringfence.threat import ThreatLevel  # noqa: TC001 - pydantic resolves the annotations when a rule file is read


class When(NamedTuple):
    """Which effects a rule speaks about. Every field that is set must fit.

    Attributes:
        kind: what is done.
        names: patterns (`*` any characters, `?` one, `[abc]` one of), one of which what does it must fit. Empty: any.
        values: patterns, one of which what it is done to must fit; letter case is ignored. Empty: any.
        areas: one of which the value must be in. Empty: any.
        origins: one of which the value must come from. Empty: any.
        traits: all of which the effect must have.
        without: none of which it may have.
        languages: the languages it counts in. Empty: all.

    """

    kind: Kind
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()
    origins: tuple[Origin, ...] = ()
    traits: tuple[Trait, ...] = ()
    without: tuple[Trait, ...] = ()
    languages: tuple[Language, ...] = ()


class Example(NamedTuple):
    """A source that a rule must find, or must not.

    Attributes:
        language: what it is written in.
        source: the text.

    """

    language: Language
    source: str


class RuleException(NamedTuple):
    """Where a rule does not count, although it fits. Every field that is set must fit.

    Attributes:
        reason: why.
        names: as in `When`.
        values: as in `When`.
        areas: as in `When`.

    """

    reason: str
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    areas: tuple[Area, ...] = ()


class Rule(NamedTuple):
    """One thing to look for.

    Attributes:
        id: lower-case words joined by hyphens, the subject first: `path-read-credentials`.
        title: a few words.
        family: what it is about.
        level: how bad it is.
        description: a sentence for a person about why this is bad. `{name}` and `{value}` stand for what does it and to what.
        when: the effects it speaks about, any of these.
        found: at least two sources it must find.
        ignored: at least two near-misses it must not find.
        capability: the capability it shows. None: the one of the effect's kind, if any.
        tags: references such as `CWE-78`, `T1059.004` (MITRE ATT&CK), `ASI02` (OWASP Top 10 for Agentic Applications).
        hint: what to change, for whoever wrote the source, often a model.
        exceptions: where it does not count.

    """

    id: str
    title: str
    family: Family
    level: ThreatLevel
    description: str
    when: tuple[When, ...]
    found: tuple[Example, ...]
    ignored: tuple[Example, ...]
    capability: Capability | None = None
    tags: tuple[str, ...] = ()
    hint: str = ""
    exceptions: tuple[RuleException, ...] = ()

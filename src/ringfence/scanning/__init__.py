"""Static scanning: what a source would do, told from its text alone. `scan()` and what it hands back."""

from ringfence.scanning.effects import Area, Effect, Kind, Language, Origin, Trait
from ringfence.scanning.findings import Capability, Facts, Family, Finding, Need, Problem, ScanReport
from ringfence.scanning.rule import Example, Rule, RuleException, When
from ringfence.scanning.ruleset import RuleSet
from ringfence.scanning.scanner import built_in_rules, scan

__all__ = [
    "Area",
    "Capability",
    "Effect",
    "Example",
    "Facts",
    "Family",
    "Finding",
    "Kind",
    "Language",
    "Need",
    "Origin",
    "Problem",
    "Rule",
    "RuleException",
    "RuleSet",
    "ScanReport",
    "Trait",
    "When",
    "built_in_rules",
    "scan",
]

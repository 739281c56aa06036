"""The shape of a rule in a file: a value of a `Document` becomes a `Rule`, or its faults are noted in words for a person.

Files and folders are read in `rule_files.py`. The one idea, as for policies: pydantic says strictly what does not fit, and a message
speaks of text, lists and the words that are valid, never of Python's types.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ringfence.errors import nearest
from ringfence.policy.document import printable, show
from ringfence.scanning.rule import Example, Rule, RuleException, When
from ringfence.scanning.rules import BUILT_IN
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from ringfence.policy.document import Document, Place

_UNKNOWN = "extra_forbidden"
_ID = re.compile(r"[a-z]+(-[a-z0-9]+)+")
_RESERVED = "scan-"
"""How the ids of sources that cannot be understood begin: `scan-unparsed`."""
_LEAST_EXAMPLES = 2
_LEVELS = {str(level): int(level) for level in ThreatLevel}
_SECTIONS = {"when": When, "found": Example, "ignored": Example, "exceptions": RuleException}
_WORDS = {
    "string_type": "text",
    "string_unicode": "text",
    "tuple_type": "a list",
    "named_tuple_type": "a mapping",
}
"""What belongs in a place, by the name of pydantic's error."""


def shape_rule(document: Document, place: Place, item: object) -> Rule | None:
    """Return the rule that stands at a place of a document; None, or one with faults noted in the document, where it is not sound.

    Arguments:
        document: takes the faults.
        place: where.
        item: what stands there.

    """
    if isinstance(item, dict) and (*place, "level") not in document.faulty and "level" in item:
        item = item | {"level": _level(document, (*place, "level"), item["level"])}
    if not _holds_mappings(document, place, item):
        return None
    try:
        # Through JSON, since strict validation takes a list for a tuple and text for an enum only from there.
        rule = _adapter().validate_json(json.dumps(item))
    except ValidationError as error:
        # Unknown keys first: one that is misspelt is missing too, and the first fault is the one that is raised.
        for fault in sorted(error.errors(include_url=False), key=lambda each: each["type"] != _UNKNOWN):
            _report(document, place, fault)
        return None
    _check_sense(document, place, rule)
    return rule


def _holds_mappings(document: Document, place: Place, item: object) -> bool:
    """Note each part that is a list where keys belong: pydantic takes one for the fields of a named tuple in their order."""
    if isinstance(item, list):
        document.report(place, "a mapping", show(item, place))
        return False
    sections = [(name, item.get(name)) for name in _SECTIONS] if isinstance(item, dict) else []
    lists = [
        ((*place, name, number), part)
        for name, parts in sections
        if isinstance(parts, list)
        for number, part in enumerate(parts)
        if isinstance(part, list)
    ]
    for where, part in lists:
        document.report(where, "a mapping", show(part, where))
    return not lists


def _level(document: Document, place: Place, value: object) -> int:
    """Return the number of a level by its name; 0, with a fault, where there is no such level."""
    if isinstance(value, str) and value in _LEVELS:
        return _LEVELS[value]
    close = nearest(value, _LEVELS) if isinstance(value, str) else None
    document.report(place, f"one of {', '.join(_LEVELS)}", show(value, place), nearest=close)
    return 0


def _report(document: Document, around: Place, fault: Any) -> None:
    """Note one of pydantic's faults in words for a person."""
    place: Place = (*around, *fault["loc"])
    if place in document.faulty:
        return
    kind = fault["type"]
    if kind == _UNKNOWN:
        known = list(_section(place)._fields)
        key = str(place[-1])
        got = f"the unknown key '{printable(key)}'"
        document.report(place, f"one of the keys {', '.join(known)}", got, nearest=nearest(key, known))
    elif kind == "missing":
        document.report(place, f"the key {place[-1]}", "nothing of that name")
    elif kind == "enum":
        words = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
        close = nearest(fault["input"], words) if isinstance(fault["input"], str) else None
        document.report(place, f"one of {', '.join(words)}", show(fault["input"], place), nearest=close)
    else:
        document.report(place, _WORDS.get(kind, "something else"), show(fault["input"], place))


def _section(place: Place) -> type[Any]:
    """Return the class whose keys belong around a place."""
    names = [step for step in place[:-1] if isinstance(step, str)]
    return _SECTIONS.get(names[-1], Rule) if names else Rule


def _check_sense(document: Document, place: Place, rule: Rule) -> None:
    """Note what the types allow and a rule may not be."""
    if not _ID.fullmatch(rule.id):
        document.report((*place, "id"), "lower-case words joined by hyphens", show(rule.id))
    elif rule.id.startswith(_RESERVED):
        document.report((*place, "id"), f"an id that does not begin with {_RESERVED}", show(rule.id))
    elif any(rule.id == other.id for other in BUILT_IN):
        got = f"'{rule.id}', which is built in (a policy sets its level under scan.levels)"
        document.report((*place, "id"), "an id of its own", got)
    for name in ("title", "description"):
        if not getattr(rule, name).strip():
            document.report((*place, name), "a few words", "none")
    if not rule.when:
        document.report((*place, "when"), "at least one effect", "an empty list")
    for name in ("found", "ignored"):
        examples = getattr(rule, name)
        if len(examples) < _LEAST_EXAMPLES:
            document.report((*place, name), f"at least {_LEAST_EXAMPLES} examples", str(len(examples)))


@cache
def _adapter() -> TypeAdapter[Rule]:
    return TypeAdapter(Rule, config=ConfigDict(extra="forbid", strict=True))

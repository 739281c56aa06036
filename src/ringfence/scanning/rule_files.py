"""Users' own rules: YAML files of a folder become `Rule`s, or faults that name file, line and key.

What a rule is stands in `rule.py`, how YAML is read safely in `policy/read_yaml.py`, how one rule is made of it in `rule_shape.py`.
The one idea: a rule of a user is held to what the built-in ones are, two sources that it finds and two that it leaves alone, and
`failures` runs them.
"""

from __future__ import annotations

import re
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import PolicyFileError, RulesInvalid
from ringfence.policy.document import MOST_BYTES, printable
from ringfence.policy.read_yaml import read_yaml
from ringfence.scanning.files import read_bytes
from ringfence.scanning.rule_shape import shape_rule
from ringfence.scanning.ruleset import RuleSet
from ringfence.scanning.scanner import scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.policy.document import Document, Place
    from ringfence.scanning.rule import Rule

_ENDINGS = (".yaml", ".yml")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_SHAPE = "`ringfence rules show ID --json` prints a rule as a file may hold it."


class PlacedRule(NamedTuple):
    """A rule of a file.

    Arguments:
        rule: the rule.
        file: the file.
        line: the line on which it starts.
        examples: the lines of its examples, those of `found` first.

    """

    rule: Rule
    file: str
    line: int
    examples: tuple[int, ...]


class RuleFolder(NamedTuple):
    """What a folder holds: its sound rules, and what is wrong with the others."""

    rules: tuple[PlacedRule, ...]
    faults: tuple[RulesInvalid, ...]


def load_rules(folder: str | Path) -> tuple[Rule, ...]:
    """Return the rules of all files in a folder that end in .yaml or .yml, by file name. Their examples are not run.

    Arguments:
        folder: the folder. Each file holds one rule or a list of rules, in the shape of `Rule`, in at most 1 MiB.

    Raises:
        RulesInvalid: something in it is no rule. The first fault is raised, the others are its notes.

    """
    found = read_folder(folder)
    if found.faults:
        first, *others = found.faults
        for other in others:
            first.add_note(f"Another fault: {other}")
        raise first
    return tuple(placed.rule for placed in found.rules)


def read_folder(folder: str | Path) -> RuleFolder:
    """Return the rules of a folder, and all that is wrong with them.

    Arguments:
        folder: as for `load_rules`.

    Raises:
        RulesInvalid: the folder cannot be read, or holds no rule file.

    """
    rules: list[PlacedRule] = []
    faults: list[RulesInvalid] = []
    for file in _files(folder):
        try:
            document = _document(file)
        except PolicyFileError as error:
            faults.append(_fault(error))
            continue
        rules += _rules(document)
        faults += map(_fault, sorted(document.faults, key=lambda fault: fault.line or inf))
    return RuleFolder(tuple(rules), (*faults, *_doubles(rules)))


def failures(rules: Iterable[PlacedRule]) -> Iterator[RulesInvalid]:
    """Run the examples of rules, and return one error for each that does not come out as it says.

    Arguments:
        rules: the rules; each is tried alone.

    """
    for rule, file, _, lines in rules:
        alone = RuleSet((rule,))
        cases = [("found", each, True) for each in rule.found]
        cases += [("ignored", each, False) for each in rule.ignored]
        for (kind, example, expected), line in zip(cases, lines, strict=True):
            report = scan(example.source, example.language, rules=alone)
            if report.problem is not None:
                what = f"cannot be understood: {report.problem.message}"
            elif bool(report.findings) is expected:
                continue
            else:
                what = "is not found" if expected else f"is found: {report.findings[0].message}"
            hint = "Change the example, or `when` and `exceptions` of the rule."
            yield RulesInvalid(
                f"{file}:{line}: {rule.id}: an example of `{kind}` {printable(what, 300)}", hint
            )


def _files(folder: str | Path) -> list[str]:
    try:
        files = sorted(file for file in Path(folder).iterdir() if file.suffix.lower() in _ENDINGS)
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        raise RulesInvalid(f"{folder}: expected a folder with rule files, got {why}", _SHAPE) from error
    if not files:
        raise RulesInvalid(f"{folder}: expected files that end in .yaml or .yml, got none", _SHAPE)
    return [str(file) for file in files]


def _document(file: str) -> Document:
    """Return what a file holds.

    Raises:
        PolicyFileError: it cannot be read, or is no YAML.

    """
    try:
        content = read_bytes(file, MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        got = (error.strerror or "nothing").lower()
        raise PolicyFileError(file, expected="a readable file", got=got) from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        got = f"the byte 0x{content[error.start]:02x}"
        raise PolicyFileError(file, line=line, expected="UTF-8 text", got=got) from error
    if len(content) > MOST_BYTES:
        raise PolicyFileError(file, expected="at most 1 MiB", got="more")
    if all(line.lstrip()[:1] in ("", "#") for line in text.splitlines()):
        raise PolicyFileError(file, expected="a rule or a list of rules", got="nothing but comments")
    return read_yaml(_PAIR.sub(_joined, text) if text.lstrip()[:1] in ("{", "[") else text, file)


def _joined(pair: re.Match[str]) -> str:
    """Return one escape for a character that JSON writes as two, where YAML sees two halves of one."""
    slashes, high, low = pair.groups()
    return f"{slashes}\\U{0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00:08x}"


def _rules(document: Document) -> list[PlacedRule]:
    """Return the sound rules of a document; the faults of the others are noted in it."""
    for where, unclear in document.unclear.items():
        document.report(where, "text (in quotes)", unclear.reading)
    items = document.data if isinstance(document.data, list) else [document.data]
    several = isinstance(document.data, list)
    if not items:
        document.report((), "a rule or a list of rules", "an empty list")
    found = []
    for index, item in enumerate(items):
        place: Place = (index,) if several else ()
        rule = shape_rule(document, place, item)
        if rule is not None and not _is_faulty(document, place):
            found.append(_placed(document, place, rule))
    return found


def _is_faulty(document: Document, place: Place) -> bool:
    return any(faulty[: len(place)] == place for faulty in document.faulty)


def _placed(document: Document, place: Place, rule: Rule) -> PlacedRule:
    examples = [
        document.line((*place, kind, index)) or 1
        for kind in ("found", "ignored")
        for index in range(len(getattr(rule, kind)))
    ]
    return PlacedRule(rule, document.file, document.line(place) or 1, tuple(examples))


def _doubles(rules: list[PlacedRule]) -> Iterator[RulesInvalid]:
    """Return a fault for each rule whose id an earlier one has."""
    first: dict[str, PlacedRule] = {}
    for placed in rules:
        earlier = first.setdefault(placed.rule.id, placed)
        if earlier is not placed:
            where = f"{placed.file}:{placed.line}: id"
            got = f"'{placed.rule.id}' again (first in {earlier.file}:{earlier.line})"
            yield RulesInvalid(f"{where}: expected each id once, got {got}", "Rename one of them.")


def _fault(error: PolicyFileError) -> RulesInvalid:
    fault = RulesInvalid(error.message, error.hint or _SHAPE)
    fault.__cause__ = error
    return fault

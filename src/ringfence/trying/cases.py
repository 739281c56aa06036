"""Case files: calls with the verdicts that a policy should give them, in YAML or JSON. Only reading; `testing.py` runs them.

A case file is read as carefully as a policy file, with the same reader and limits, and each fault names file, line and key. The one
idea: a key that nobody knows is a fault, since a misspelt `expect` would be a test that tests nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ringfence.errors import PolicyFileError, nearest
from ringfence.policy.document import Document, Place, printable, show
from ringfence.policy.file import read_text
from ringfence.policy.read_yaml import read_yaml
from ringfence.verdict import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from enum import StrEnum

    _Word = TypeVar("_Word", bound=StrEnum)

_ENDINGS = (".yaml", ".yml", ".json")
_MOST_CASES = 10_000
_FILE_KEYS = ("policy", "tools", "as", "cases")
_CASE_KEYS = ("name", "call", "as", "at", "after", "expect", "rule", "reason")
_CALL_KEYS = ("tool", "arguments")
_CALLER_KEYS = ("user", "roles", "address")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a case.

    Attributes:
        tool: the tool's name.
        arguments: by name.

    """

    tool: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls in a case.

    Attributes:
        user: the user's id.
        roles: the user's roles; None: those that the policy's `users` gives.
        address: where the request came from.

    """

    user: str
    roles: tuple[str, ...] | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One call and what should be said about it.

    Attributes:
        name: what it is called in reports; each name once.
        call: the call.
        caller: who calls.
        expect: the decision.
        rule: the rule that decides, by id or pattern; empty: any.
        reason: why it is denied; None: for any reason.
        at: when, in seconds since the epoch; None: now.
        after: the calls that ran in the session before, in order.
        line: where it stands in the file.

    """

    name: str
    call: Call
    caller: Caller
    expect: Decision
    rule: str = ""
    reason: Reason | None = None
    at: float | None = None
    after: tuple[Call, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class CaseFile:
    """What a case file holds.

    Attributes:
        path: the file.
        policy: the policy file that it names, found from its own folder; None where it names none.
        tools: the module of tools that it names, `package.module` or a file found from its own folder; empty where it names none.
        cases: the cases.

    """

    path: Path
    policy: Path | None
    tools: str
    cases: tuple[Case, ...]


def load_cases(path: str | Path) -> CaseFile:
    """Return the cases that a file holds.

    Arguments:
        path: a file that ends in .yaml, .yml or .json, of at most 1 MiB.

    Raises:
        PolicyFileError: the file cannot be read or holds no cases. The first fault is raised, the others are its notes.

    """
    path = Path(path)
    if path.suffix.casefold() not in _ENDINGS:
        raise PolicyFileError(
            path, expected=f"a name that ends in {', '.join(_ENDINGS)}", got=printable(path.name)
        )
    text = read_text(path)
    if "\0" in text:
        raise PolicyFileError(path, expected="text", got="a NUL, as in a binary file")
    document = read_yaml(text, str(path))
    found = _Reader(document).file(path)
    for place, unclear in document.unclear.items():
        document.report(place, "a value in quotes", unclear.reading)
    faults = sorted(document.faults, key=lambda fault: fault.line or 0)
    if faults:
        for other in faults[1:]:
            faults[0].add_note(f"Another fault: {other}")
        raise faults[0]
    return found


class _Reader:
    """Turns a document into cases, and notes what does not fit."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def file(self, path: Path) -> CaseFile:
        data = self._mapping((), self._document.data, _FILE_KEYS, ("cases",))
        policy = self._text(("policy",), data.get("policy"))
        tools = self._text(("tools",), data.get("tools"))
        everyone = self._caller(("as",), data["as"], Caller("")) if "as" in data else Caller("", ())
        listed = self._list(("cases",), data.get("cases"))
        if not listed and self._document.faulty.isdisjoint(((), ("cases",))):
            self._document.report(("cases",), "at least one case", "none")
        if len(listed) > _MOST_CASES:
            self._document.report(("cases",), f"at most {_MOST_CASES:,} cases", f"{len(listed):,}")
            listed = []
        cases = [self._case(("cases", index), item, everyone) for index, item in enumerate(listed)]
        self._refuse_doubled(cases)
        return CaseFile(
            path,
            path.parent / policy if policy else None,
            str(path.parent / tools) if tools.endswith(".py") else tools,
            tuple(cases),
        )

    def _refuse_doubled(self, cases: Iterable[Case]) -> None:
        lines: dict[str, int] = {}
        for index, case in enumerate(cases):
            if case.name and lines.setdefault(case.name, case.line) != case.line:
                got = f"'{printable(case.name)}' again (first on line {lines[case.name]})"
                self._document.report(("cases", index, "name"), "a name of its own", got)

    def _case(self, place: Place, value: object, everyone: Caller) -> Case:
        data = self._mapping(place, value, _CASE_KEYS, ("name", "call", "expect"))
        after = self._list((*place, "after"), data.get("after"))
        return Case(
            name=self._text((*place, "name"), data.get("name")),
            call=self._call((*place, "call"), data.get("call")),
            caller=self._caller((*place, "as"), data["as"], everyone) if "as" in data else everyone,
            expect=self._word((*place, "expect"), data.get("expect"), Decision, Decision.DENY),
            rule=self._text((*place, "rule"), data.get("rule")),
            reason=self._word((*place, "reason"), data["reason"], Reason, Reason.POLICY)
            if "reason" in data
            else None,
            at=self._time((*place, "at"), data["at"]) if "at" in data else None,
            after=tuple(self._call((*place, "after", index), item) for index, item in enumerate(after)),
            line=self._document.line(place) or 0,
        )

    def _call(self, place: Place, value: object) -> Call:
        """Return a call; the name of a tool alone is one without arguments."""
        if type(value) is str and value:
            return Call(value, {})
        data = self._mapping(place, value, _CALL_KEYS, ("tool",))
        arguments = data.get("arguments", {})
        if type(arguments) is not dict:
            self._wrong((*place, "arguments"), "a mapping from names to values", arguments)
            arguments = {}
        return Call(self._text((*place, "tool"), data.get("tool")), arguments)

    def _caller(self, place: Place, value: object, everyone: Caller) -> Caller:
        data = self._mapping(place, value, _CALLER_KEYS, ())
        named = self._list((*place, "roles"), data.get("roles"))
        roles = tuple(self._text((*place, "roles", index), role) for index, role in enumerate(named))
        return Caller(
            self._text((*place, "user"), data["user"]) if "user" in data else everyone.user,
            roles if "roles" in data else None if "user" in data else everyone.roles,
            self._text((*place, "address"), data["address"]) if "address" in data else everyone.address,
        )

    def _mapping(
        self, place: Place, value: object, keys: tuple[str, ...], needed: tuple[str, ...]
    ) -> dict[str, Any]:
        if type(value) is not dict:
            self._wrong(place, f"a mapping with {', '.join(needed or keys)}", value)
            return {}
        for key in value:
            if key not in keys:
                got = f"the unknown key '{printable(key)}'"
                expected = f"one of the keys {', '.join(keys)}"
                self._document.report((*place, key), expected, got, nearest=nearest(key, keys))
        for key in needed:
            if key not in value:
                self._document.report(place, f"the key {key}", "none")
        return value

    def _list(self, place: Place, value: object) -> list[Any]:
        if value is None and place not in self._document.lines:
            return []
        if type(value) is not list:
            self._wrong(place, "a list", value)
            return []
        return value

    def _text(self, place: Place, value: object) -> str:
        if value is None and place not in self._document.lines:
            return ""
        if type(value) is not str or not value:
            self._wrong(place, "text", value)
            return ""
        return value

    def _word(self, place: Place, value: object, words: type[_Word], default: _Word) -> _Word:
        if type(value) is str and value in list(words):
            return words(value)
        if value is not None or place in self._document.lines:
            close = nearest(value, [str(word) for word in words]) if type(value) is str else None
            self._wrong(place, f"one of {', '.join(words)}", value, close)
        return default

    def _time(self, place: Place, value: object) -> float | None:
        """Return a moment. Here a date without quotes can mean only one thing, although versions of YAML read it differently."""
        unclear = self._document.unclear.pop(place, None)
        text = unclear.text if unclear is not None else value
        try:
            found = datetime.fromisoformat(text)  # type: ignore[arg-type]  # what is no text raises
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, OverflowError):
            self._wrong(place, "a moment such as 2026-01-31T12:00:00Z (UTC where it names no zone)", text)
            return None

    def _wrong(self, place: Place, expected: str, value: object, close: str | None = None) -> None:
        if place not in self._document.faulty and place not in self._document.unclear:
            self._document.report(place, expected, show(value, place), nearest=close)

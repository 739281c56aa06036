"""Code rules made ready: each argument that a tool declares as code becomes one test, with what its caller and profile grant.

The scanner says what a source would do, `scan.decision` what speaks against it; here the answer is put into words. A denial names the
argument, the line and what to change, never a piece of the source: sources hold secrets, and messages are recorded.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING, NamedTuple

from ringfence.errors import SnippetRefused
from ringfence.refusals import snippet_refused
from ringfence.scanning.decision import objections
from ringfence.scanning.effects import Language
from ringfence.scanning.findings import Problem, ScanReport
from ringfence.scanning.limits import Limits, beyond
from ringfence.scanning.scanner import scan
from ringfence.verdict import Decision, Reason, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ringfence.policy.model import CodeRule, Profile
    from ringfence.scanning.decision import Objection
    from ringfence.scanning.findings import Capability
    from ringfence.scanning.grants import Grants
    from ringfence.scanning.ruleset import RuleSet

CHECK = "code"
_ABSENT = object()
_MOST_HINTS = 3
_MOST_ITEMS = 1000
"""How many paths or URLs one list may hold."""
_WORDS = re.compile(r"\w[\w.+/@%:,=-]*")
_LISTS = (Language.SHELL, Language.PATH, Language.URL)
"""The languages in which a list of texts means something."""
_PATHS = (PosixPath, PurePosixPath, PureWindowsPath, WindowsPath)


class Terms(NamedTuple):
    """On what terms one caller's code is judged.

    Attributes:
        grants: what the code may do: what the profile grants, as far as the caller's permissions go.
        lacking: for each capability that is not granted, what it lacks, in words.
        profile: for the security level and the largest source.
        rules: the scanner's rules; None: the built-in ones.

    """

    grants: Grants
    lacking: Mapping[Capability, str]
    profile: Profile
    rules: RuleSet | None


class CodeTest:
    """One argument that holds code.

    Arguments:
        argument: the argument's name.
        rule: what it is written in, and what it may do.
        terms: on what terms it is judged.

    """

    __slots__ = ("_limits", "_terms", "argument", "rule")

    def __init__(self, argument: str, rule: CodeRule, terms: Terms) -> None:
        self.argument = argument
        self.rule = rule
        self._limits = Limits(rule.statements, rule.tables, rule.columns)
        self._terms = terms

    def judge(self, arguments: Mapping[str, object]) -> Verdict | None:
        """Return the refusal, or None where the argument holds nothing, or code that may run."""
        value = arguments.get(self.argument, _ABSENT)
        if value is None:
            return None
        if value is _ABSENT:
            return self._refusal(
                "scan-missing", "is not there", f"Call it with an argument {self.argument!r}."
            )
        sources = _sources(value, self.rule.language)
        if sources is None:
            kind = "a text or a list of texts" if self.rule.language in _LISTS else "one text"
            return self._refusal("scan-not-text", f"is not {kind}", f"Give it as {kind}.")
        found = [objection for report in self._reports(sources) for objection in self._objections(report)]
        return self._denial(sorted(found, key=lambda each: -each.level)) if found else None

    @property
    def passed(self) -> Verdict:
        """What an explanation says where nothing speaks against the argument."""
        met = f"nothing speaks against the {self.rule.language} in argument {self.argument!r}"
        return Verdict(Decision.ALLOW, met, rule=f"scan-{self.rule.language}", check=CHECK)

    def _reports(self, sources: Sequence[str]) -> Iterator[ScanReport]:
        """Return a report for each source. Together they may be as large as one."""
        rule, profile = self.rule, self._terms.profile
        if len(sources) > _MOST_ITEMS:
            yield ScanReport(rule.language, problem=Problem("too-large", f"more than {_MOST_ITEMS:,} items"))
            return
        if len(sources) > 1 and sum(map(len, sources)) > profile.source_bytes:
            message = f"together they are larger than {profile.source_bytes:,} bytes"
            yield ScanReport(rule.language, problem=Problem("too-large", message))
            return
        for source in sources:
            yield scan(
                source,
                rule.language,
                dialect=rule.dialect,
                access=rule.access,
                rules=self._terms.rules,
                most_bytes=profile.source_bytes,
            )

    def _objections(self, report: ScanReport) -> Iterator[Objection]:
        yield from objections(report, self._terms.grants, self._terms.profile.security_level)
        if report.problem is None:
            yield from beyond(report, self._limits)

    def _denial(self, found: Sequence[Objection]) -> Verdict:
        worst = found[0]
        what = f"{_lowered(worst.title)}{self._lack(worst)}"
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        hints = dict.fromkeys(objection.hint for objection in found if objection.hint)
        hint = " ".join(list(hints)[:_MOST_HINTS]) or "Do without it."
        return self._refusal(worst.rule, f"in line {worst.line}: {what}{more}", hint)

    def _lack(self, objection: Objection) -> str:
        if objection.need is None or not objection.rule.startswith("capability:"):
            return ""
        return f", and {self._terms.lacking[objection.need.capability]}"

    def _refusal(self, rule: str, message: str, hint: str) -> Verdict:
        named = f"argument {self.argument!r} ({self.rule.language}) {message}"
        return Verdict(Decision.DENY, named, rule=rule, check=CHECK, reason=Reason.SCAN, hint=hint)


class SnippetTest:
    """The argument that the restricted tier runs, as far as its language goes: what a snippet may not use is refused before it runs.

    Arguments:
        argument: the argument's name.
        most_bytes: the largest source.

    """

    __slots__ = ("_most_bytes", "argument")

    def __init__(self, argument: str, most_bytes: int) -> None:
        self.argument = argument
        self._most_bytes = most_bytes

    @property
    def passed(self) -> Verdict:
        """What an explanation says where the argument is one that the tier takes."""
        met = f"the restricted tier offers all that argument {self.argument!r} uses"
        return Verdict(Decision.ALLOW, met, rule="restricted", check=CHECK)

    def judge(self, arguments: Mapping[str, object]) -> Verdict | None:
        """Return the refusal, or None. That the argument is one text has been tested before."""
        from ringfence.restricted.compiled import compile_snippet  # noqa: PLC0415 - few tools run in that tier
        from ringfence.scanning.python.parse import take_tree  # noqa: PLC0415 - loaded by the scan before it

        value = arguments.get(self.argument)
        if type(value) is not str:
            return None
        try:
            compile_snippet(value, self._most_bytes, take_tree)
        except SnippetRefused as error:
            return snippet_refused(self.argument, error)
        return None


def _sources(value: object, language: Language) -> tuple[str, ...] | None:
    """Return the sources that a value holds; None where it is no text. A list of words is one command, a list of paths several paths.

    Only the built-in types count, so that no method of a value can answer for it.
    """
    if type(value) in (list, tuple) and language in _LISTS:
        parts = [_text(item, language) for item in value]  # type: ignore[attr-defined]
        texts = [part for part in parts if part is not None]
        if len(texts) < len(parts):
            return None
        return _command(texts) if language == Language.SHELL else tuple(filter(None, texts))
    text = _text(value, language)
    return None if text is None else (text,) if text else ()


def _command(words: list[str]) -> tuple[str, ...]:
    """Return what a list of words may run: the command, and its first word as a script where a tool hands the list to a shell."""
    if not words:
        return ()
    return (shlex.join(words),) if _WORDS.fullmatch(words[0]) else (shlex.join(words), words[0])


def _text(value: object, language: Language) -> str | None:
    if type(value) is str:
        return value
    return str(value) if language == Language.PATH and type(value) in _PATHS else None


def _lowered(title: str) -> str:
    """Return a title as it reads within a sentence: an abbreviation at its start stays."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def code_tests(declared: Iterable[tuple[str, str, CodeRule]], terms: Terms) -> tuple[CodeTest, ...]:
    """Return one test for each declaration, equal ones once."""
    different = dict.fromkeys((argument, rule) for _, argument, rule in declared)
    return tuple(CodeTest(argument, rule, terms) for argument, rule in different)

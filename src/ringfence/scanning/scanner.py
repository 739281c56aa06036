"""`scan()`: from a source to a report. Finds the analyser, follows code within code, applies the rules, and remembers.

Analysers raise nothing but `Unscannable`, and whatever else one raises counts as that: no source of any kind gets past as an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.errors import UnknownName
from ringfence.scanning.effects import HOLE, Access, Budget, Kind, Language, Trait, Unscannable
from ringfence.scanning.findings import Problem, ScanReport
from ringfence.scanning.hidden import hidden_text
from ringfence.scanning.memory import Memory
from ringfence.scanning.reporting import make_report
from ringfence.scanning.ruleset import RuleSet
from ringfence.scanning.sequence import run_after_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ringfence.scanning.effects import Effect

MOST_BYTES = 100 * 1024
"""The largest source, in bytes of UTF-8, unless a profile says otherwise."""
MOST_NESTED_TEXT = 16_384
"""How much code within code may be larger than the source, besides eight times its size: in characters."""
MOST_NESTED = 5
"""How deep code within code is followed: a shell command in Python in a shell command."""


def scan(
    source: str,
    language: Language | str = Language.PYTHON,
    *,
    dialect: str = "",
    access: Access | str = Access.READ,
    rules: RuleSet | None = None,
    most_bytes: int = MOST_BYTES,
) -> ScanReport:
    """Tell what a source would do, without running it.

    A source that was scanned before with the same rules is answered from memory, which holds the last 256; paths are not, since
    where they lead may change.

    Arguments:
        source: the text.
        language: `python`, `shell`, `javascript`, `sql`, `path` or `url`.
        dialect: for SQL, the database: `postgres`, `mysql`, `sqlite`, `tsql`, `oracle`, `snowflake`, `bigquery`, `duckdb` ...
        access: for a path, what is done with it: `read`, `list`, `write` or `delete`.
        rules: the rules; the built-in ones by default.
        most_bytes: the largest source, in bytes of UTF-8.

    Returns:
        A report in every case; where the source cannot be understood, one with a `problem`.

    Raises:
        UnknownName: the language, dialect or access does not exist.
        TypeError: the source is no text.

    """
    if not isinstance(source, str):
        raise TypeError(f"expected the source as a text, got {type(source).__name__}")
    source = str.__str__(
        source
    )  # a class of its own might say that it equals a source that was scanned before
    language = _language(language)
    variant = str(_access(access)) if language is Language.PATH else dialect
    if language is Language.SQL:
        from ringfence.scanning.sql import parser_name  # noqa: PLC0415 - most sources are no SQL

        parser_name(dialect)
    rules = built_in_rules() if rules is None else rules
    key = (source, language, variant, id(rules), most_bytes)
    report = _memory.get(key)
    if report is None:
        report = _scan(source, language, variant, rules, most_bytes)
        if language is not Language.PATH:  # where a path leads may change
            _memory.put(key, report, rules)
    return report


def built_in_rules() -> RuleSet:
    """Return the built-in rules, made once."""
    global _built_in  # noqa: PLW0603 - made when it is first needed, since most processes that import the package never scan
    if _built_in is None:
        from ringfence.scanning.rules import BUILT_IN  # noqa: PLC0415 - likewise

        _built_in = RuleSet(BUILT_IN)
    return _built_in


_built_in: RuleSet | None = None
_PLAIN = (Language.PATH, Language.URL, Language.SHELL)
"""Languages whose texts stand for themselves, so that a hole in one would be taken for an unknown part."""


def _language(name: Language | str) -> Language:
    try:
        return Language({"bash": "shell", "sh": "shell", "js": "javascript", "py": "python"}.get(name, name))
    except ValueError as error:
        raise UnknownName("language", str(name), [each.value for each in Language], "scan") from error


def _access(name: Access | str) -> Access:
    try:
        return Access(name)
    except ValueError as error:
        raise UnknownName("access", str(name), [each.value for each in Access], "scan") from error


def _analyser(language: Language) -> Callable[[str, Budget, str], Iterable[Effect]]:
    """Return the analyser of a language, loaded when it is first needed: each brings its own parser."""
    match language:
        case Language.PYTHON:
            from ringfence.scanning.python import python_effects  # noqa: PLC0415

            return python_effects
        case Language.SHELL:
            from ringfence.scanning.shell import shell_effects  # noqa: PLC0415

            return shell_effects
        case Language.JAVASCRIPT:
            from ringfence.scanning.javascript import javascript_effects  # noqa: PLC0415

            return javascript_effects
        case Language.SQL:
            from ringfence.scanning.sql import sql_effects  # noqa: PLC0415

            return sql_effects
        case Language.PATH:
            from ringfence.scanning.paths import path_effects  # noqa: PLC0415

            return path_effects
        case Language.URL:
            from ringfence.scanning.urls import url_effects  # noqa: PLC0415

            return url_effects


def _scan(source: str, language: Language, dialect: str, rules: RuleSet, most_bytes: int) -> ScanReport:
    if len(source) > most_bytes or len(source.encode(errors="surrogatepass")) > most_bytes:
        message = f"the source is larger than {most_bytes:,} bytes: split it, or do less in one call"
        return ScanReport(language, problem=Problem("too-large", message))
    if HOLE in source and language in _PLAIN:
        message = "it holds the object replacement character, U+FFFC, which stands for what cannot be told"
        return ScanReport(language, problem=Problem("unparsed", message))
    try:
        effects = list(_effects(source, language, dialect))
        effects += [(effect, language) for effect in run_after_write(effect for effect, _ in effects)]
        return make_report(language, effects, rules)
    except Unscannable as found:
        return ScanReport(language, problem=Problem(found.problem, found.message, found.line, found.column))
    except (RecursionError, MemoryError):
        return ScanReport(
            language, problem=Problem("too-deep", "the source nests too deep: write it flatter")
        )
    except Exception as error:  # noqa: BLE001 - fail closed: an analyser's own mistake must not let a source pass, nor stop a program
        message = f"the analyser failed with {type(error).__name__}; please report the source"
        return ScanReport(language, problem=Problem("unparsed", message))


def _effects(source: str, language: Language, dialect: str) -> Iterator[tuple[Effect, Language]]:
    """Return the effects of a source and of the code that it holds as text, each with the language it is written in."""
    budget = Budget(len(source))
    for effect in hidden_text(source):
        yield effect, language
    waiting: list[tuple[str, Language, Effect | None, int]] = [(source, language, None, 0)]
    seen = {(source, language)}
    nested = 0
    while waiting:
        text, written_in, around, depth = waiting.pop()
        for effect in _inner_effects(text, written_in, dialect, around, budget):
            placed = effect if around is None else _within(effect, around, written_in)
            yield placed, written_in
            if effect.nested is None or (effect.nested[1], effect.nested[0]) in seen:
                continue
            if depth == MOST_NESTED:
                raise Unscannable(
                    "too-deep", "it holds code within code within code: write it plainly", placed.line
                )
            inner_language, inner = effect.nested
            nested += len(inner)
            if nested > MOST_NESTED_TEXT + 8 * len(source):
                raise Unscannable(
                    "too-long",
                    "the code that it holds as text is much larger than itself: write it plainly",
                    placed.line,
                )
            budget.spend(len(inner))
            seen.add((inner, inner_language))
            waiting.append((inner, inner_language, placed, depth + 1))


def _inner_effects(
    text: str, language: Language, dialect: str, around: Effect | None, budget: Budget
) -> Iterable[Effect]:
    """Return the effects of one text. Code within code that is no code is no problem: what would run it fails."""
    try:
        return list(_analyser(language)(text, budget, dialect))
    except Unscannable as found:
        if around is None or found.problem != "unparsed":
            raise
        return ()


def _within(effect: Effect, around: Effect, language: Language) -> Effect:
    """Return an effect of inner code at the place of the code around it; in a text that is evaluated it is hidden from a reader."""
    hidden = around.kind is Kind.EVALUATE and language in (Language.PYTHON, Language.JAVASCRIPT)
    return effect._replace(
        traits=effect.traits | {Trait.HIDDEN} if hidden else effect.traits,
        line=around.line,
        column=around.column,
        end_line=around.end_line,
        end_column=around.end_column,
        origins=effect.origins | around.origins,
        evidence=(*around.evidence, *effect.evidence) if effect.evidence else around.evidence,
    )


_memory = Memory()

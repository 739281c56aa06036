"""From paths to reports: each file read, scanned, and reduced to what a command prints of it.

What is printed lives in `scan_text.py`, `scan_json.py` and `sarif.py`. The one idea: every file gives a `Scanned`, whatever happens
to it, so that one file that cannot be read hides none of the others, and workers hand back little more than the findings.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from ringfence.cli.excerpt import Place, lines_of
from ringfence.scanning import RuleSet, built_in_rules, scan
from ringfence.scanning.effects import Language, Unscannable
from ringfence.scanning.files import decoded, language_of, read_bytes, walk
from ringfence.scanning.findings import Problem, ScanReport
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning import Rule
    from ringfence.scanning.findings import Finding

STDIN = "-"
_STDIN_NAME = "<stdin>"
_CHUNK = 8


class Settings(NamedTuple):
    """What a scan goes by.

    Arguments:
        level: from which level findings are shown.
        language: what sources are written in; None: told by each file's name or first line.
        dialect: for SQL, the database.
        max_bytes: the largest source.
        rules: the users' rules; they come on top of the built-in ones.

    """

    level: ThreatLevel = ThreatLevel.HIGH
    language: Language | None = None
    dialect: str = ""
    max_bytes: int = 100 * 1024
    rules: tuple[Rule, ...] = ()

    def rule_set(self) -> RuleSet:
        """Return the rules to scan with."""
        return RuleSet((*built_in_rules().rules, *self.rules)) if self.rules else built_in_rules()


class Scanned(NamedTuple):
    """What became of one file.

    Arguments:
        name: the file as it was given or found, or `<stdin>`.
        report: what it would do; None where it could not be read.
        lines: the lines that the shown findings are about and those before them, by number.
        error: why it could not be read; empty where it could.

    """

    name: str
    report: ScanReport | None = None
    lines: dict[int, str] = {}  # noqa: RUF012 - never changed
    error: str = ""


def shown(scanned: Scanned, level: ThreatLevel) -> list[Finding]:
    """Return the findings from a level up, in the order of the source."""
    found = scanned.report.findings if scanned.report else ()
    return sorted((each for each in found if each.level >= level), key=lambda each: (each.line, each.column))


def place_of(finding: Finding | Problem) -> Place:
    """Return where a finding or a problem stands."""
    if isinstance(finding, Problem):
        return Place(finding.line, finding.column)
    return Place(finding.line, finding.column, finding.end_line, finding.end_column)


class Found(NamedTuple):
    """What paths lead to: sources, each with its language, and what could not be read or understood."""

    sources: list[tuple[str, Language]]
    failed: list[Scanned]


def find(paths: list[str], language: Language | None) -> Found:
    """Return the sources that paths lead to, in order, each once.

    A file that is named is always one; in a folder those are whose language can be told, and is the one that is asked for.

    Arguments:
        paths: files, folders, or `-` for standard input.
        language: the language that is asked for, if one is.

    """
    sources: dict[str, Language] = {}
    failed: list[Scanned] = []
    for path in paths:
        if path == STDIN:
            sources[path] = language or Language.PYTHON
        elif os.path.isdir(path):  # noqa: PTH112 - loading pathlib takes as long as a scan
            errors: list[OSError] = []
            sources |= {file: told for file, told in walk(path, errors) if language in (None, told)}
            failed += [Scanned(os.fsdecode(error.filename or path), error=_words(error)) for error in errors]
        else:
            told = language or _told(path, failed)
            if told is not None:
                sources.setdefault(path, told)
    return Found(list(sources.items()), failed)


def _told(path: str, failed: list[Scanned]) -> Language | None:
    """Return the language of a file that was named; None, with the reason in `failed`, where nothing tells it."""
    try:
        found = language_of(path)
        if found is None:
            read_bytes(path, 0)  # a file that is not there is the better reason
            failed.append(
                Scanned(path, error="its language cannot be told from its name: give it with --language")
            )
    except OSError as error:
        failed.append(Scanned(path, error=_words(error)))
        return None
    return found


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def scanned_all(sources: list[tuple[str, Language]], settings: Settings, jobs: int) -> Iterator[Scanned]:
    """Scan sources, in their order.

    Arguments:
        sources: the files.
        settings: what the scan goes by.
        jobs: how many processes work on it; 1: this one alone.

    """
    jobs = min(jobs, len(sources) // _CHUNK)  # a process takes 60 ms to start, which a few files do not repay
    if jobs <= 1:
        rules = settings.rule_set()
        yield from (scanned(name, language, settings, rules) for name, language in sources)
        return
    from multiprocessing import get_context

    # New interpreters instead of forks: the progress bar has a thread, and no fork may be made beside one.
    with get_context("spawn").Pool(jobs, _start, (settings,)) as pool:
        yield from pool.imap(_work, sources, _CHUNK)


class _Worker:
    """What a worker process keeps between files."""

    settings: Settings
    rules: RuleSet


def _start(settings: Settings) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's to answer
    _Worker.settings, _Worker.rules = settings, settings.rule_set()


def _work(source: tuple[str, Language]) -> Scanned:
    return scanned(*source, _Worker.settings, _Worker.rules)


def scanned(name: str, language: Language, settings: Settings, rules: RuleSet) -> Scanned:
    """Read and scan one file, or standard input.

    Arguments:
        name: the file, or `-`.
        language: what it is written in.
        settings: what the scan goes by.
        rules: the rules.

    """
    shown_name = _STDIN_NAME if name == STDIN else name
    try:
        most = (
            settings.max_bytes + 1
        )  # one more than a scan takes, which then says itself that it is too large
        content = sys.stdin.buffer.read(most) if name == STDIN else read_bytes(name, most)
        source = decoded(content, language) if len(content) < most else content.decode("latin-1")
    except OSError as error:
        return Scanned(shown_name, error=_words(error))
    except Unscannable as found:
        problem = Problem(found.problem, found.message, found.line, found.column)
        return Scanned(shown_name, ScanReport(language, problem=problem))
    if language in (Language.PATH, Language.URL):
        source = source.strip("\r\n")
    report = scan(source, language, dialect=settings.dialect, rules=rules, most_bytes=settings.max_bytes)
    return Scanned(shown_name, report, _kept(source, report, settings.level))


def _kept(source: str, report: ScanReport, level: ThreatLevel) -> dict[int, str]:
    """Return the lines that will be shown, by number."""
    places = [place_of(each) for each in report.findings if each.level >= level]
    places += [place_of(report.problem)] if report.problem and report.problem.kind != "too-large" else []
    if not places:
        return {}
    lines = lines_of(source, report.language)
    wanted = {number for place in places for number in (place.line - 1, place.line)}
    return {number: lines[number - 1] for number in sorted(wanted) if 0 < number <= len(lines)}

"""`ringfence scan`: tell what files of code would do, for a person, a program or a code host.

It parses its own arguments, with the standard library: on one small file typer and rich would take as long as all the rest together
(35 ms of CPU beside 45, of which a bare interpreter takes 10; python 3.11). They are loaded for a progress bar, and for
`ringfence --help`, which lists this command like any other.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from ringfence.cli.scanning import Settings, find, scanned_all, shown
from ringfence.cli.terminal import Paint, columns, is_coloured, visible, write_line
from ringfence.scanning.effects import Language
from ringfence.scanning.scanner import MOST_BYTES
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ringfence.cli.scanning import Scanned
    from ringfence.scanning import Rule

HELP = "Scan files for what they would do: read secrets, send data, run commands, destroy, stay. Nothing of them runs."
EXAMPLE = "Example: ringfence scan src/ --level medium"
_EPILOG = f"""\
Exit code 0: nothing at that level. 1: findings, or a file that could not be understood. 2: wrong usage, or a file
that could not be read. `ringfence rules list` shows what is looked for.

{EXAMPLE}
         git diff --name-only --cached -z | xargs -0 ringfence scan --format json
         generate | ringfence scan - --language shell"""
_BAR_FROM = 20
_MOST_DIGITS = 9
_BROKEN, _NOTHING, _FOUND = 2, 0, 1


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns())  # which else costs the import of shutil at each start

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")  # as typer writes it for the others


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_BROKEN, f"{self.format_usage()}error: {visible(message)}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="ringfence scan",
        usage="ringfence scan [OPTIONS] PATH...",
        description=HELP,
        epilog=_EPILOG,
        formatter_class=_Help,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="a file, a folder, or - for standard input")
    add(
        "--language",
        choices=[str(language) for language in Language],
        help="what it is written in; without it, that is told by each file's name or first line, and standard "
        "input is python; of a folder, only files in this language are scanned",
    )
    add("--dialect", default="", metavar="NAME", help="for SQL, the database: postgres, mysql, sqlite ...")
    levels = [str(level) for level in ThreatLevel]
    add(
        "--level",
        choices=levels,
        default=str(ThreatLevel.HIGH),
        help="show findings from this level up, and end with 1 if there are any (default: high)",
    )
    add("--format", choices=("text", "json", "sarif"), default="text", help="(default: text)")
    add("--json", action="store_const", const="json", dest="format", help="the same as --format json")
    add("--rules", metavar="FOLDER", help="rules of your own, besides the built-in ones")
    add(
        "--max-bytes",
        type=_number,
        default=MOST_BYTES,
        metavar="N",
        help="the largest file (default: 102400)",
    )
    add(
        "--jobs",
        "-j",
        type=_number,
        default=1,
        metavar="N",
        help="processes that share the work (default: 1)",
    )
    return parser


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text[:40]!r}")
    return int(text)


def scan(arguments: Sequence[str]) -> int:
    """Run the command, and return its exit code.

    Arguments:
        arguments: what stands after `ringfence scan` on the command line.

    Raises:
        RulesInvalid: the users' rules cannot be used.
        SystemExit: wrong usage, or `--help`.

    """
    options = _parser().parse_args(arguments)
    settings = _settings(options)
    begun = time.perf_counter()
    found = find(options.paths, settings.language)
    if not found.sources and not found.failed:
        note = "nothing to scan: no file there has a name or a first line that tells a language that is asked for"
        write_line(sys.stderr, f"{Paint(on=is_coloured(sys.stderr))('low', 'note:')} {note}")
    results = [
        *found.failed,
        *_watched(scanned_all(found.sources, settings, options.jobs), len(found.sources)),
    ]
    _print(results, settings, options.format, time.perf_counter() - begun)
    return _exit_code(results, settings.level)


def _settings(options: argparse.Namespace) -> Settings:
    rules: tuple[Rule, ...] = ()
    if options.rules is not None:
        from ringfence.scanning.rule_files import load_rules

        rules = load_rules(options.rules)
    level = ThreatLevel[options.level.upper()]
    language = options.language and Language(options.language)
    return Settings(level, language, options.dialect, options.max_bytes, rules)


def _exit_code(results: list[Scanned], level: ThreatLevel) -> int:
    if any(result.error for result in results):
        return _BROKEN
    bad = any(shown(result, level) or (result.report and result.report.problem) for result in results)
    return _FOUND if bad else _NOTHING


def _watched(results: Iterable[Scanned], total: int) -> Iterable[Scanned]:
    """Return the results as they come, with a progress bar where somebody looks and it is more than a few files."""
    if total < _BAR_FROM or not sys.stderr.isatty():
        return results
    from rich.progress import track

    from ringfence.cli.output import console

    return track(results, "scan", total, console=console(stderr=True), transient=True)


def _print(results: list[Scanned], settings: Settings, format_: str, seconds: float) -> None:
    if format_ == "text":
        _print_text(results, settings.level, seconds)
        return
    import json

    if format_ == "json":
        from ringfence.cli.scan_json import scan_json

        facts = scan_json(results, settings.level, seconds)
    else:
        from ringfence.cli.sarif import sarif_log

        facts = sarif_log(results, settings.rule_set().rules, settings.level)
    sys.stdout.write(json.dumps(facts, indent=2) + "\n")


def _print_text(results: list[Scanned], level: ThreatLevel, seconds: float) -> None:
    from ringfence.cli.scan_text import report_lines, summary_lines

    paint = Paint(on=is_coloured(sys.stdout))
    for line in report_lines(results, level, paint):
        write_line(sys.stdout, line)
    sys.stdout.flush()
    warn = Paint(on=is_coloured(sys.stderr))
    for result in results:
        if result.error:
            what = f"{visible(result.name)}: {visible(result.error)}"
            write_line(sys.stderr, f"{warn('error', 'error:')} {what}")
    for line in summary_lines(results, level, seconds, paint):
        write_line(sys.stdout, line)

"""Looks for sources that make the scanner fail, guided by coverage: `python -m fuzz.scan LANGUAGE [--all] [libFuzzer's options]`.

It starts from the rules' own examples. A source fails when `scan` or the decision raises, when an analyser did (the scanner turns that
into a problem, and this program into the analyser's own error), or when it takes longer than ten seconds. The input is then in
`fuzz/found/`, and `python -m fuzz.scan LANGUAGE FILE` repeats it. With `--all` it goes on, and prints each place that failed once,
with a short input. The one idea: the scanner promises an answer for every text, so whatever stops it is a defect, also where it
fails closed.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path

atheris = import_module("atheris")  # by name, so that types check the same without it

with atheris.instrument_imports(include=["ringfence.scanning"]):
    from ringfence.scanning import Language, Problem, scan, scanner
    from ringfence.scanning.decision import Grants, SecurityLevel, objections
    from ringfence.scanning.rules import BUILT_IN

    for each in Language:
        scanner._analyser(each)  # loaded here to be instrumented

FOUND = Path(__file__).with_name("found")
DIALECTS = ("", "postgres", "mysql", "sqlite", "tsql")
OPTIONS = ("-timeout=10", "-rss_limit_mb=3000", "-max_len=2000", f"-artifact_prefix={FOUND}/")


def check(data: bytes, language: Language) -> None:
    """Scan one input and decide about it; whatever it raises is a defect."""
    source = data.decode(errors="surrogateescape")
    dialect = DIALECTS[len(data) % len(DIALECTS)] if language is Language.SQL else ""
    report = scan(source, language, dialect=dialect)
    if report.problem is not None and _is_defect(report.problem):
        list(scanner._effects(source, language, dialect))  # raises what the scanner has caught
        raise RuntimeError(report.problem.message)
    for level in SecurityLevel:
        objections(report, Grants(), level)
        objections(report, Grants.unlimited(report.capabilities), level)


def check_all(data: bytes, language: Language, seen: dict[str, int]) -> None:
    """Do as `check`, and print instead of raising: each place that fails once, and again for an input of at most half the length."""
    try:
        check(data, language)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
        place = "{0.filename}:{0.lineno}".format(traceback.extract_tb(error.__traceback__)[-1])
        if len(data) <= seen.get(place, sys.maxsize) // 2:
            seen[place] = len(data)
            print(f"\nDEFECT {type(error).__name__}: {error}\n  at {place}\n  in {data!r}", flush=True)


def _is_defect(problem: Problem) -> bool:
    return problem.message.startswith("the analyser failed")


def seeds(language: Language, folder: Path) -> None:
    """Write the rules' examples in one language as files into a folder."""
    examples = [example for rule in BUILT_IN for example in (*rule.found, *rule.ignored)]
    sources = {example.source for example in examples if example.language is language}
    for number, source in enumerate(sorted(sources)):
        (folder / f"{number:04}").write_bytes(source.encode(errors="surrogateescape"))


def main() -> None:
    """Fuzz one language until something is found or the time is up."""
    if len(sys.argv) < 2 or sys.argv[1] not in list(Language):
        sys.exit(f"usage: python -m fuzz.scan {{{','.join(Language)}}} [--all] [options or files]")
    language, options = Language(sys.argv[1]), [option for option in sys.argv[2:] if option != "--all"]
    seen: dict[str, int] = {}
    FOUND.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(
        prefix="ringfence-fuzz-"
    )  # libFuzzer ends the process itself: nothing after it would run
    seeds(language, Path(folder))
    repeats = any(not option.startswith("-") for option in options)
    arguments = [sys.argv[0], *OPTIONS, *options, *(() if repeats else (folder,))]
    atheris.Setup(
        arguments,
        lambda data: check_all(data, language, seen) if "--all" in sys.argv else check(data, language),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Reads a folder of labelled sources: JSONL files, one source a line, as the scanner's benchmark takes them.

A line is an object with `code`, `language`, `expected` and, where known, `id`, `category` and `caps` (what an honest run of the
code needs); fields beyond these are ignored. The one idea: no line is lost without a word. A line without code or in a language
that is not scanned is counted as skipped for its reason, one that is no such object is reported with its file and line.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ringfence.scanning import Language

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LANGUAGES = {
    "bash": Language.SHELL,
    "javascript": Language.JAVASCRIPT,
    "js": Language.JAVASCRIPT,
    "py": Language.PYTHON,
    "python": Language.PYTHON,
    "sh": Language.SHELL,
    "shell": Language.SHELL,
    "sql": Language.SQL,
}
"""The languages that are measured, as corpora name them."""

EXPECTED = ("block", "policy", "allow", "flag", "any")
"""What may be expected of a source: blocked always, blocked under default deny, let through, reported, or nothing (undecidable)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled source.

    Attributes:
        file: the name of the file it stands in.
        id: its id, or file and line where it has none.
        language: what it is written in.
        expected: one of `EXPECTED`.
        category: what it is about; empty where the corpus does not say.
        code: the source.
        caps: what an honest run needs; None where the corpus does not say.

    """

    file: str
    id: str
    language: Language
    expected: str
    category: str
    code: str
    caps: tuple[str, ...] | None

    @property
    def capability(self) -> str | None:
        """The needs in one word: `fs+net`, or `pure` where there are none; None where the corpus does not say."""
        return None if self.caps is None else "+".join(self.caps) or "pure"


@dataclass(slots=True)
class Corpus:
    """What a folder holds.

    Attributes:
        rows: the sources, in the order of files' names and lines.
        skipped: file name -> reason -> how many lines were left out for it.
        bad: what is wrong with each line that could not be read, with file and line.

    """

    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)


class _Skipped(Exception):
    """A line that is well-formed and no source that is measured."""


def read(folder: Path) -> Corpus:
    """Read all `*.jsonl` files that stand in a folder.

    Raises OSError where the folder or a file cannot be read, and FileNotFoundError where it holds no such file.
    """
    paths = sorted(path for path in folder.iterdir() if path.suffix == ".jsonl")
    if not paths:
        raise FileNotFoundError(f"{folder} holds no file whose name ends in .jsonl")
    corpus = Corpus()
    for path in paths:
        for number, line in _lines(path):
            try:
                corpus.rows.append(_row(path.name, number, line))
            except _Skipped as reason:
                corpus.skipped.setdefault(path.name, Counter())[str(reason)] += 1
            except ValueError as error:
                corpus.bad.append(f"{path}:{number}: {error}")
    return corpus


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Return the lines that are not blank. Bytes, since a line that is no UTF-8 must not hide the others."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line


def _row(file: str, number: int, line: bytes) -> Row:
    try:
        content = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(content, dict):
        raise ValueError(f"an object was expected, not {type(content).__name__}")  # noqa: TRY004 - of the same kind as a syntax error
    if "code" not in content:
        raise _Skipped("no code")
    language = content.get("language")
    if not isinstance(language, str) or language.lower() not in LANGUAGES:
        raise _Skipped(f"language {language}")
    return Row(
        file=file,
        id=str(content.get("id", f"{file}:{number}")),
        language=LANGUAGES[language.lower()],
        expected=_expected(content),
        category=_text(content, "category", ""),
        code=_text(content, "code"),
        caps=_caps(content),
    )


def _expected(content: dict[str, Any]) -> str:
    expected = _text(content, "expected")
    if expected not in EXPECTED:
        raise ValueError(f"expected is {expected!r}, not one of {', '.join(EXPECTED)}")
    return expected


def _text(content: dict[str, Any], name: str, default: str | None = None) -> str:
    value = content.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r:.60}, not a text")  # noqa: TRY004 - as above
    return value


def _caps(content: dict[str, Any]) -> tuple[str, ...] | None:
    caps = content.get("caps")
    if caps is None:
        return None
    if not isinstance(caps, list) or not all(isinstance(each, str) for each in caps):
        raise ValueError(f"caps is {caps!r:.60}, not a list of texts")
    return tuple(sorted(set(caps)))

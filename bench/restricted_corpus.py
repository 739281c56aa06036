"""How much honest code the restricted tier takes, of a folder of labelled sources: compiled only, and never run.

The rows are those of `benign_python.jsonl` whose `caps` are empty: code that needs no file, no network, no process. A tier that refused
much of it would be of no use, however safe. The one idea: a row that Python itself does not compile (a notebook's `%magic`, an `await`
at the top) is no honest refusal, so shares are given over the rows that are Python, and over all of them apart.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from RestrictedPython.compile import compile_restricted_exec

from bench.measure import Figure
from bench.restricted_peers import BARE
from ringfence.errors import SnippetRefused
from ringfence.restricted.compiled import compile_snippet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

FILE = "benign_python.jsonl"
_MOST_REASONS = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One honest source: its id, the collection that it comes from, and its text."""

    id: str
    source: str
    code: str
    pure: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What was made of one row.

    Attributes:
        row: the row.
        python: whether Python compiles it.
        refused: why we refuse it, each reason once; empty where we take it.
        bare: whether RestrictedPython's own policy takes it.

    """

    row: Row
    python: bool
    refused: tuple[str, ...]
    bare: bool


def read(folder: Path) -> list[Row]:
    """Read the honest Python sources of a folder.

    Raises:
        OSError: the folder has no such file.
        ValueError: a line is no object with `id`, `source` and `code`.

    """
    with (folder / FILE).open(encoding="utf-8") as lines:
        return [_row(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _row(number: int, line: str) -> Row:
    content: Any = json.loads(line)
    try:
        return Row(content["id"], content["source"], content["code"], pure=not content.get("caps"))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE}:{number}: expected an object with id, source and code") from error


def judge(rows: Iterable[Row]) -> list[Judged]:
    """Compile every row that needs nothing in Python, in the tier and in bare RestrictedPython."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of the rows' style
        return [
            Judged(row, _is_python(row.code), _refusals(row.code), _is_bare(row.code))
            for row in rows
            if row.pure
        ]


def _is_python(code: str) -> bool:
    try:
        compile(code, "<row>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _refusals(code: str) -> tuple[str, ...]:
    try:
        compile_snippet(code, sys.maxsize)
    except SnippetRefused as error:
        return tuple(dict.fromkeys(what for _, what in error.faults))
    return ()


def _is_bare(code: str) -> bool:
    try:
        return not compile_restricted_exec(code).errors
    except Exception:  # noqa: BLE001 - its transformer also ends in an AttributeError, after a node that it refused
        return False


def figures(judged: Sequence[Judged]) -> Iterator[Figure]:
    """Return the share that is taken, of all rows that are Python and of each collection, and of the rows that are no Python too."""
    python = [each for each in judged if each.python]
    yield _share(f"honest code that compiles, {len(python)} rows; refused: {_reasons(python)}", python)
    for source in sorted({each.row.source for each in judged}):
        of_source = [each for each in python if each.row.source == source]
        yield _share(f"of it {source}, {len(of_source)} rows", of_source)
    rest = len(judged) - len(python)
    yield _share(f"with the {rest} rows that Python itself does not compile, {len(judged)} rows", judged)


def _share(what: str, judged: Sequence[Judged]) -> Figure:
    ours = sum(not each.refused for each in judged) / len(judged) if judged else None
    bare = sum(each.bare for each in judged) / len(judged) if judged else None
    return Figure(
        id="honest",
        what=what,
        unit="%",
        ours=None if ours is None else 100 * ours,
        ratio=ours,
        floor=0.97,
        goal=0.99,
        peers={BARE: None if bare is None else 100 * bare},
        lower_is_better=False,
    )


def _reasons(judged: Iterable[Judged]) -> str:
    counted = reasons(judged).most_common(_MOST_REASONS)
    return ", ".join(f"{count} {reason.partition(':')[0]}" for reason, count in counted) or "none"


def reasons(judged: Iterable[Judged]) -> Counter[str]:
    """Count the rows that each reason is given for."""
    return Counter(reason for each in judged for reason in each.refused)

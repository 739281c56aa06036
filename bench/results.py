"""What the inspection of results finds in labelled texts, what it flags that is none, and what a look costs.

`python -m bench.results FOLDER` reads `secrets_text.jsonl` and `injection_text.jsonl` there: objects with `code` (the text), `label` (`secret`, `injection` or
`benign`) and `category`. Prints a table, `--json` the object for machines, `--misses` also the ids of rows that went the wrong way. Instructions
aimed at a model are reported as they are found: text alone does not tell them, so there is no goal for them.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, NamedTuple

from bench.measure import Figure, report
from ringfence.results import Kind, inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ROUNDS = 5
_GOAL_FOUND, _GOAL_FLAGGED, _GOAL_COST = 0.98, 0.02, 20.0
"""From the product's requirements: secrets found, near-misses flagged, microseconds for 1,024 characters."""


class Text(NamedTuple):
    """One labelled text."""

    id: str
    label: str
    text: str


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.results", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="a folder with secrets_text.jsonl and injection_text.jsonl")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--misses", action="store_true", help="also print the ids of rows that went the wrong way, to stderr"
    )
    options = parser.parse_args()
    try:
        secrets, injections = (
            read(options.folder / name) for name in ("secrets_text.jsonl", "injection_text.jsonl")
        )
    except (OSError, ValueError, KeyError) as error:
        parser.exit(2, f"bench.results: {error}\n")
    report(
        "results",
        [*_secrets(secrets), *_injections(injections), *_costs(injections)],
        json=options.json,
    )
    if options.misses:
        for row in wrong(secrets, Kind.SECRET, "secret"):
            print(f"{row.label}: {row.id}", file=sys.stderr)
    return 0


def read(path: Path) -> list[Text]:
    """Return the texts of a file.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError: a line is no such object.

    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [Text(row["id"], row["label"], row["code"]) for row in rows]


def wrong(texts: Iterable[Text], kind: Kind, label: str) -> list[Text]:
    """Return the texts of a label in which nothing is found, and the others in which something is."""
    return [each for each in texts if bool(inspect(each.text, (kind,))) is not (each.label == label)]


def _share(texts: Sequence[Text], kind: Kind) -> float | None:
    return sum(bool(inspect(each.text, (kind,))) for each in texts) / len(texts) if texts else None


def _secrets(texts: Sequence[Text]) -> list[Figure]:
    real = [each for each in texts if each.label == "secret"]
    near = [each for each in texts if each.label != "secret"]
    found, flagged = _share(real, Kind.SECRET), _share(near, Kind.SECRET)
    return [
        _figure(
            "R1", f"secrets found, of {len(real)}", found, _GOAL_FOUND, unit="share", lower_is_better=False
        ),
        _figure("R2", f"near-misses flagged, of {len(near)}", flagged, _GOAL_FLAGGED, unit="share"),
    ]


def _injections(texts: Sequence[Text]) -> list[Figure]:
    attacks = [each for each in texts if each.label == "injection"]
    honest = [each for each in texts if each.label != "injection"]
    found, flagged = _share(attacks, Kind.INSTRUCTION), _share(honest, Kind.INSTRUCTION)
    return [
        _figure(
            "R3", f"attacks in which an instruction is found, of {len(attacks)}", found, None, unit="share"
        ),
        _figure("R4", f"honest texts in which one is found, of {len(honest)}", flagged, None, unit="share"),
    ]


def _figure(
    row: str, what: str, ours: float | None, goal: float | None, *, unit: str, lower_is_better: bool = True
) -> Figure:
    """Return a figure that is judged by itself; one without a goal is reported as it is."""
    ratio, bound = (None, 0.0) if goal is None else (ours, goal)
    return Figure(
        id=row,
        what=what,
        ours=ours,
        ratio=ratio,
        floor=bound,
        goal=bound,
        unit=unit,
        lower_is_better=lower_is_better,
    )


def _costs(corpus: Sequence[Text]) -> list[Figure]:
    texts = [each.text for each in corpus]
    costs: dict[str, float | None] = {str(kind): _cost(texts, (kind,)) for kind in Kind}
    whole = _cost(texts, tuple(Kind))
    what = "a look for all kinds at 1 KB of text, CPU, against 20 us; beside it each kind alone"
    return [
        Figure(id="R5", what=what, ours=whole, ratio=whole / _GOAL_COST, floor=1.0, goal=1.0, peers=costs)
    ]


def _cost(texts: Sequence[str], kinds: tuple[Kind, ...]) -> float:
    """Return microseconds of CPU time for 1,024 characters, the median of some rounds."""
    size = sum(map(len, texts)) / 1024
    rounds = []
    for _ in range(_ROUNDS):
        start = process_time()
        for text in texts:
            inspect(text, kinds)
        rounds.append((process_time() - start) / size * 1e6)
    return sorted(rounds)[_ROUNDS // 2]


if __name__ == "__main__":
    sys.exit(main())

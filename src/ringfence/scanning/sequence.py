"""What several effects mean together: a file that comes from elsewhere and is then run is code from elsewhere, in whatever language.

The one idea: each half is honest by itself, a download and a start of a program; it is the same path in both that tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Kind, Origin, Trait

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FOREIGN = frozenset({Origin.NETWORK, Origin.DECODED})
_MOST_WORDS = 8


def run_after_write(effects: Iterable[Effect]) -> Iterator[Effect]:
    """Return one effect for each command or import that runs a file whose content the source took from the network or decoded."""
    kept = list(effects)
    written: dict[str, frozenset[Origin]] = {}
    for effect in kept:
        if effect.kind is Kind.WRITE and effect.value and not effect.origins.isdisjoint(_FOREIGN):
            written[_plain(effect.value)] = effect.origins & _FOREIGN
    if not written:
        return
    for effect in kept:
        for path in _started(effect):
            origins = written.get(path)
            if origins:
                yield Effect(
                    Kind.EVALUATE,
                    effect.name,
                    "",
                    effect.line,
                    effect.column,
                    effect.end_line,
                    effect.end_column,
                    frozenset({Trait.UNRESOLVED}),
                    origins,
                    (f"{path} was written before",),
                )
                break


def _started(effect: Effect) -> Iterator[str]:
    """Return the files that an effect may run: the words of a command, or the module that is imported."""
    if effect.kind is Kind.RUN:
        for word in effect.value.split()[:_MOST_WORDS]:
            yield _plain(word.strip("'\""))
    elif effect.kind is Kind.IMPORT:
        yield f"{effect.value}.py"


def _plain(path: str) -> str:
    """Return a path without what makes no difference; a hole stands for nothing that could be compared."""
    path = path.replace("\\", "/").removeprefix("./")
    return "" if HOLE in path and not path.strip(f"{HOLE}/.") else path

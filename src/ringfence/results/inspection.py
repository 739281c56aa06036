"""All kinds of inspection over one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.results import active, hidden, instructions, personal, secrets
from ringfence.results.sighting import Kind, Sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FINDERS: dict[Kind, Callable[[str], list[Sighting]]] = {
    Kind.SECRET: secrets.find,
    Kind.PERSONAL: personal.find,
    Kind.HIDDEN: hidden.find,
    Kind.INSTRUCTION: instructions.find,
    Kind.ACTIVE: active.find,
}


def inspect(text: str, kinds: Iterable[Kind] = tuple(Kind)) -> list[Sighting]:
    """Return what stands in a text, in order.

    Arguments:
        text: any text.
        kinds: what to look for; everything by default.

    """
    return sorted(
        (sighting for kind in kinds for sighting in FINDERS[kind](text)),
        key=lambda found: (found.start, found.end),
    )

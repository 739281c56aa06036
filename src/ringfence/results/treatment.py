"""What is done with what an inspection found: nothing but a note, a mask, a token that stands for it, or the whole result kept back.

The one idea: a result is copied where something in it changes and stays the same object where nothing does; only exact built-in types are looked
into, so that no code of a value runs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ringfence.results import secrets
from ringfence.results.inspection import inspect
from ringfence.results.sighting import Kind, Sighting
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DEPTH = 32


class Treatment(StrEnum):
    """What happens to one kind of sighting."""

    OFF = "off"
    FLAG = "flag"
    MASK = "mask"
    TOKENISE = "tokenise"
    WITHHOLD = "withhold"


_CHANGES = frozenset((Treatment.MASK, Treatment.TOKENISE))


class Treated(NamedTuple):
    """A value after its inspection.

    Attributes:
        value: the value; the same object where nothing was changed.
        sightings: what was found, each once for its rule and place.
        withheld: the sightings for which the whole value is to be kept back.
        cut: how many characters were cut off.

    """

    value: object
    sightings: tuple[Sighting, ...]
    withheld: tuple[Sighting, ...]
    cut: int = 0


class Inspector:
    """Inspects values and treats them as settings say.

    Arguments:
        treatments: what happens to each kind; a kind that is not named is not looked for.
        most_characters: how much text a value may hold; the rest is cut, with a marker. None: any.
        token_for: returns the token that stands for a text; needed where a kind is tokenised.

    """

    def __init__(
        self,
        treatments: Mapping[Kind, Treatment],
        most_characters: int | None = None,
        token_for: Callable[[str, str], str] | None = None,
    ) -> None:
        self._treatments = {kind: how for kind, how in treatments.items() if how is not Treatment.OFF}
        self.kinds = tuple(self._treatments)
        self._most = most_characters
        self._token_for = token_for

    def treat(self, value: object) -> Treated:
        """Return a value as it may be handed on.

        Raises:
            ValueError: it nests too deep to be looked through.

        """
        work = _Work(self, self._most)
        treated = work.value(value, "", 0)
        withheld = tuple(each for each in work.sightings if self._treatments[each.kind] is Treatment.WITHHOLD)
        return Treated(treated, tuple(work.sightings), withheld, work.cut)

    def text(self, text: str, name: str = "") -> tuple[str, list[Sighting]]:
        """Return a text as it may be handed on, and what was found in it.

        Arguments:
            text: the text.
            name: the name that it was given under, such as the key of a mapping.

        """
        found = inspect(text, self.kinds)
        if name and Kind.SECRET in self._treatments and not found:
            rule = secrets.named(name, text)
            if rule is not None:
                found = [
                    Sighting(
                        Kind.SECRET, rule, ThreatLevel.HIGH, 0, len(text), "its name says that it is secret"
                    )
                ]
        return (self.replaced(text, found) if found else text), found

    def replaced(self, text: str, found: Sequence[Sighting]) -> str:
        """Return a text with what is masked or tokenised replaced."""
        parts, at = [], 0
        for sighting in found:
            how = self._treatments[sighting.kind]
            if how not in _CHANGES or sighting.start < at:
                continue
            parts += [
                text[at : sighting.start],
                self._instead(how, sighting, text[sighting.start : sighting.end]),
            ]
            at = sighting.end
        return "".join([*parts, text[at:]]) if parts else text

    def _instead(self, how: Treatment, sighting: Sighting, text: str) -> str:
        if sighting.kind is Kind.HIDDEN:
            return ""  # a mask for each would make the text unreadable, and nobody misses them
        if how is Treatment.TOKENISE and self._token_for is not None:
            return self._token_for(sighting.rule, text)
        return f"[{sighting.rule} masked]"


class _Work:
    """One value on its way through an inspection."""

    def __init__(self, inspector: Inspector, most: int | None) -> None:
        self._inspector = inspector
        self._left = most
        self.sightings: list[Sighting] = []
        self.cut = 0

    def value(self, value: Any, name: str, depth: int) -> object:
        kind = type(value)
        if kind is str:
            return self._text(value, name)
        if kind not in (dict, list, tuple):
            return value
        if depth >= _DEPTH:
            raise ValueError(f"the result nests deeper than {_DEPTH} levels")
        if kind is dict:
            return self._mapping(value, depth + 1)
        items = [self.value(item, name, depth + 1) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        return items if kind is list else tuple(items)

    def _mapping(self, value: dict[Any, Any], depth: int) -> object:
        items = [
            (self.value(key, "", depth), self.value(item, key if type(key) is str else "", depth))
            for key, item in value.items()
        ]
        if all(new is old for (_, new), old in zip(items, value.values(), strict=True)) and all(
            new is old for (new, _), old in zip(items, value, strict=True)
        ):
            return value
        return _without_collisions(items)

    def _text(self, text: str, name: str) -> str:
        if self._left is not None:
            if len(text) > self._left:
                self.cut += len(text) - self._left
                text = f"{text[: self._left]}\n[{len(text) - self._left:,} characters cut]"
            self._left = max(self._left - len(text), 0)
        treated, found = self._inspector.text(text, name)
        self.sightings += found
        return treated


def _without_collisions(items: list[tuple[Any, object]]) -> dict[Any, object]:
    """Return a mapping in which two keys that were masked alike stay two."""
    made: dict[Any, object] = {}
    for key, value in items:
        apart = key
        while apart in made:
            apart = f"{apart}'"
        made[apart] = value
    return made


def mask(text: str) -> str:
    """Return a text with its secrets masked."""
    return Inspector({Kind.SECRET: Treatment.MASK}).text(text)[0]

"""Inspection of a text that comes in pieces: what lies across the border of two pieces is found as if it were one text.

The one idea: the end of what has come is held back until what follows is known, and a stretch of what was handed on is remembered, since a value
is secret by the name before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.results.inspection import inspect

if TYPE_CHECKING:
    from ringfence.results.sighting import Sighting
    from ringfence.results.treatment import Inspector

_HELD, _REMEMBERED = 1024, 512
_LONGEST = 16_384
"""How much is held back for a private key, which is long and says where it begins."""
_OPENS, _CLOSES = "-----BEGIN", "-----END"


class TextStream:
    """A text in pieces, inspected.

    Arguments:
        inspector: what is looked for and what is done with it.

    Attributes:
        sightings: what was found so far.

    """

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._before = ""
        self._waiting = ""
        self.sightings: list[Sighting] = []

    def feed(self, piece: str) -> str:
        """Take a piece, and return what may be handed on by now."""
        self._waiting += piece
        if len(self._waiting) <= _HELD:
            return ""
        return self._hand_on(self._border())

    def finish(self) -> str:
        """Return the rest."""
        return self._hand_on(len(self._waiting))

    def _border(self) -> int:
        """Return up to where the text may be handed on: not into anything found, nor into a key whose end has not come."""
        border = len(self._waiting) - _HELD
        opened = self._waiting.rfind(_OPENS, 0, border)
        if (
            opened >= 0
            and _CLOSES not in self._waiting[opened:border]
            and len(self._waiting) - opened < _LONGEST
        ):
            border = opened
        for sighting in self._found(self._waiting):
            if sighting.start < border < sighting.end:
                border = sighting.start
        return border

    def _found(self, text: str) -> list[Sighting]:
        """Return what is found in a text that follows what was handed on, with places in this text."""
        skip = len(self._before)
        return [
            each._replace(start=each.start - skip, end=each.end - skip)
            for each in inspect(self._before + text, self._inspector.kinds)
            if each.start >= skip
        ]

    def _hand_on(self, border: int) -> str:
        text, self._waiting = self._waiting[:border], self._waiting[border:]
        whole = self._found(text + self._waiting)
        found = [each for each in whole if each.end <= border]
        self.sightings += found
        self._before = (self._before + text)[-_REMEMBERED:]
        return self._inspector.replaced(text, found)

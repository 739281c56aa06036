"""What an inspection of a text finds: `Sighting`, of one `Kind`, with its place. Nothing here looks for anything."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ringfence.threat import ThreatLevel


class Kind(StrEnum):
    """What may stand in a result and should not reach the model as it is."""

    SECRET = "secret"  # noqa: S105 - a word
    PERSONAL = "personal"
    HIDDEN = "hidden"
    INSTRUCTION = "instruction"
    ACTIVE = "active"


class Sighting(NamedTuple):
    """One thing that was found in a text.

    Attributes:
        kind: of which kind it is.
        rule: the id of the rule that found it, such as `github-token` or `iban`.
        level: how bad it is.
        start, end: its place, in characters.
        message: a sentence about it, without its text.

    """

    kind: Kind
    rule: str
    level: ThreatLevel
    start: int
    end: int
    message: str

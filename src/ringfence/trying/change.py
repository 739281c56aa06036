"""How one decision differs from another: `Change`. Allow is looser than ask, ask is looser than deny."""

from __future__ import annotations

from enum import StrEnum

from ringfence.verdict import Decision

_STRENGTH = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.DENY: 2}


class Change(StrEnum):
    """What became of a decision under another policy."""

    SAME = "same"
    LOOSER = "looser"
    STRICTER = "stricter"
    UNKNOWN = "unknown"


def change(old: Decision, new: Decision | None) -> Change:
    """Return how a new decision differs from an old one; unknown where there is no new one."""
    if new is None:
        return Change.UNKNOWN
    if old == new:
        return Change.SAME
    return Change.LOOSER if _STRENGTH[new] < _STRENGTH[old] else Change.STRICTER

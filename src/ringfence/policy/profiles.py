"""Profiles narrowed: several profiles and a user's limits make one profile, and the tightest of each field counts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ringfence.policy.model import JavaScriptEngine, Profile, SecurityLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from enum import StrEnum

    from ringfence.policy.roles import Rights

_ORDERED: Mapping[str, tuple[StrEnum, ...]] = {
    "security_level": tuple(SecurityLevel),
    "javascript": (JavaScriptEngine.NODE, JavaScriptEngine.QUICKJS),
}
"""Fields with an order, from the loosest to the tightest."""


def wall_seconds(profile: Profile) -> float:
    """Return the elapsed time that a profile grants."""
    return profile.cpu_seconds + 10 if profile.wall_seconds is None else profile.wall_seconds


def narrow(profiles: Sequence[Profile], rights: Rights) -> Profile:
    """Return the profile that grants only what all of these and the caller's limits grant.

    Arguments:
        profiles: at least one.
        rights: the caller's; `seconds` bounds both times, `memory_mb` the memory.

    """
    narrowest = profiles[0]
    for other in profiles[1:]:
        narrowest = Profile(**{f.name: _tighter(f.name, narrowest, other) for f in fields(Profile)})
    return replace(
        narrowest,
        cpu_seconds=min(narrowest.cpu_seconds, rights.seconds),
        wall_seconds=min(wall_seconds(narrowest), rights.seconds),
        memory_mb=min(narrowest.memory_mb, rights.memory_mb),
    )


def _tighter(name: str, one: Profile, other: Profile) -> Any:
    here, there = getattr(one, name), getattr(other, name)
    if name == "forbidden":
        return (*here, *(path for path in there if path not in here))
    if name in _ORDERED:
        return max(here, there, key=_ORDERED[name].index)
    if name == "wall_seconds":
        return min(wall_seconds(one), wall_seconds(other))
    if here is None or there is None:
        return there if here is None else here
    if isinstance(here, tuple):
        return tuple(grant for grant in here if grant in there)
    return min(here, there)

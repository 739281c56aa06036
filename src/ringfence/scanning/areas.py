"""Which areas the value of an effect belongs to: paths are asked of `paths.py`, addresses of `urls.py`, nothing else has any."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind
from ringfence.scanning.paths import path_areas
from ringfence.scanning.urls import url_areas

if TYPE_CHECKING:
    from ringfence.scanning.effects import Area, Effect

_PATHS = frozenset({Kind.READ, Kind.WRITE, Kind.DELETE, Kind.LIST, Kind.PERMIT})
_ADDRESSES = frozenset({Kind.CONNECT, Kind.LISTEN, Kind.BRIDGE})
_NOWHERE: frozenset[Area] = frozenset()


def areas_of(effect: Effect) -> frozenset[Area]:
    """Return the areas of an effect's value; none for kinds that have neither path nor address."""
    if not effect.value:
        return _NOWHERE
    if effect.kind in _PATHS:
        return path_areas(effect.value)
    if effect.kind in _ADDRESSES:
        return url_areas(effect.value)
    return _NOWHERE

"""Where the content of a file comes from, told by its path."""

from __future__ import annotations

from ringfence.scanning.effects import HOLE, Area, Origin
from ringfence.scanning.paths import path_areas

_BY_AREA: tuple[tuple[Area, Origin], ...] = (
    (Area.CREDENTIALS, Origin.CREDENTIALS),
    (Area.HISTORY, Origin.USER),
    (Area.SYSTEM, Origin.SYSTEM),
    (Area.KERNEL, Origin.SYSTEM),
    (Area.LOGS, Origin.SYSTEM),
)


def file_origin(path: str | None) -> frozenset[Origin]:
    """Return what content read from a path is: a secret, the system's, a user's, or just a file's."""
    if path is None or path == HOLE:
        return frozenset({Origin.FILE})
    areas = path_areas(path)
    return frozenset({next((origin for area, origin in _BY_AREA if area in areas), Origin.FILE)})

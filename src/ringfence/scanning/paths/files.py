"""Where a path leads on this machine, and whether that is within some folders. Only this module asks the file system.

The one idea: grants are checked on the real path, component by component, and whatever cannot be told for certain is outside.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.paths.spelling import HERE, HOME, ROOT, Plain, readings

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOSE = frozenset({HOLE, "*", "?", "["})


def resolve(path: str) -> str | None:
    """Return a path absolute and with its symbolic links followed as far as they exist, or None where it has no one place.

    That is so for a path with a `HOLE`, for one that is empty or holds unprintable characters, and for one that a lenient program
    takes for another (backslashes, percent signs, Unicode spellings of dots and slashes).
    """
    if not path or HOLE in path or not path.isprintable():
        return None
    text = os.path.expanduser(path)  # noqa: PTH111 - pathlib raises for users that do not exist
    if text.startswith("~") or len(readings(text)) > 1:
        return None
    try:
        return os.path.realpath(text)
    except (OSError, ValueError):
        return None


def contains(folders: Iterable[str], path: str) -> bool:
    """Return whether a path is certainly within one of the folders, links followed.

    A hole counts as ordinary names that do not climb: `out/<hole>.csv` is within `out`. What the code makes of it when it runs is for
    the runner to hold; a text before the hole that is not fixed, or a `..` after it, is a doubt.

    Arguments:
        folders: absolute or relative paths, `~` allowed; each counts with everything below it.
        path: the path, possibly with holes.

    Returns:
        False wherever there is any doubt.

    """
    place = resolve(_fixed(path))
    return place is not None and any(_is_within(place, resolve(folder)) for folder in folders)


def may_reach(folders: Iterable[str], path: str) -> bool:
    """Return whether a path might lie within one of the folders: in any reading, and whatever its holes and wildcards stand for.

    It is the question to ask about folders that are to stay closed; `contains` is the one about folders that are granted.

    Arguments:
        folders: absolute or relative paths, `~` allowed; each counts with everything below it.
        path: the path, possibly with holes.

    Returns:
        True wherever there is any doubt.

    """
    closed = [folder for folder in folders if folder]
    if contains(closed, path):
        return True
    places = [
        place
        for folder in closed
        for place in (_absolute(each) for each in readings(folder)[:1] + _real(folder))
    ]
    return any(_may_meet(place, reading) for reading in readings(path) for place in places)


def _real(path: str) -> list[Plain]:
    place = resolve(path)
    return readings(place)[:1] if place is not None else []


def _absolute(path: Plain) -> Plain:
    """Return a reading from the root where it starts in the working folder or at home, as these are now."""
    base = {HERE: os.getcwd(), HOME: os.path.expanduser("~")}.get(path.start)  # noqa: PTH109, PTH111 - texts, as everything here
    if base is None:
        return path
    own = readings(base)[0].parts
    return Plain(ROOT, (*own[: max(0, len(own) - path.climbs)], *path.parts))


def _may_meet(place: Plain, path: Plain) -> bool:
    """Return whether a path, up to what is not fixed in it, lies below a place, or a place below it where more is to come."""
    path = _absolute(path)
    if path.start == HOLE:
        return True
    if path.start != place.start:
        return False
    loose = next((number for number, part in enumerate(path.parts) if not _LOOSE.isdisjoint(part)), None)
    fixed = path.parts[:loose]
    shared = min(len(fixed), len(place.parts))
    return fixed[:shared] == place.parts[:shared] and (loose is not None or len(fixed) >= len(place.parts))


def _fixed(path: str) -> str:
    """Return the folder that everything a path with holes could name lies in, or nothing where there is none."""
    before, hole, after = path.partition(HOLE)
    if not hole:
        return path
    if ".." in after.replace("\\", "/").split("/") or len(readings(path)) > 1:
        return ""
    return before[: before.rfind("/") + 1]


def _is_within(place: str, folder: str | None) -> bool:
    return folder is not None and (place == folder or place.startswith(folder.rstrip(os.sep) + os.sep))

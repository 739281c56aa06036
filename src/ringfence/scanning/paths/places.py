"""`path_areas()`: which areas a path belongs to, whatever it is spelt like. The tables stand in `catalogue.py`.

The one idea: every reading of a path is looked up by all its names, by all pairs of names and by its beginning, and it belongs to
whatever any of these say; a name with wildcards belongs to whatever it could match.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ringfence.policy.match import compiled
from ringfence.scanning.effects import HOLE, Area
from ringfence.scanning.paths import catalogue
from ringfence.scanning.paths.spelling import DEVICE, HERE, HOME, ROOT, Plain, readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ringfence.scanning.paths.catalogue import Areas

NOTHING: Areas = frozenset()
_FAR = 5
"""So many `..` lead out of any project; `open("../../../configs/base.yaml")` is how a script finds the root of its own."""
_TO_SYSTEM = 3
"""So many are enough where a folder of the system comes next."""
_ALL = frozenset({"*", "**"})
_WILD = frozenset("*?[")
_LONGEST_PATTERN = 64
_FEWEST_LITERAL = 2
_LONGEST_LOOKED_UP = 4096
"""Longest path that the cache keeps; longer ones, which no system opens, are worked out each time."""


def path_areas(path: str) -> Areas:
    """Return the areas that a path belongs to, in any spelling; a `HOLE` in it stands for an unknown part."""
    return _remembered(path) if len(path) <= _LONGEST_LOOKED_UP else _areas(path)


def _areas(path: str) -> Areas:
    found = readings(path)
    areas = NOTHING.union(*(_areas_of(each) for each in found))
    if any(each.hidden and _reveals(each, found[0]) for each in found):
        areas |= {Area.OBSCURED}
    return areas


_remembered = lru_cache(maxsize=4096)(_areas)


def _reveals(hidden: Plain, seen: Plain) -> bool:
    """Return whether decoding brings out a climb or a sensitive place that the text does not show."""
    if hidden.climbs > seen.climbs or hidden.start not in {seen.start, HERE}:
        return True
    shown = _areas_of(seen) | {Area.HOME, Area.PUBLIC, Area.TEMPORARY, Area.OUTSIDE}
    return not _areas_of(hidden) <= shown


def _areas_of(path: Plain) -> Areas:
    if path.start == ROOT:
        return _from_root(path.parts)
    if path.start == HOME:
        return _in_home(path.parts)
    if path.start in {HERE, HOLE}:
        return _from_here(path)
    if path.start == DEVICE:
        return frozenset({Area.DEVICE, Area.OUTSIDE})
    return _from_drive(path.parts) if path.start != "//" else _named(path.parts) | {Area.OUTSIDE}


def _from_root(parts: tuple[str, ...]) -> Areas:
    if parts[:1] == ("private",):  # macOS keeps /etc, /tmp and /var there
        parts = parts[1:]
    if _is_all(parts):
        whole = frozenset({Area.ROOT, Area.OUTSIDE})
        return whole if parts in {(), ("*",)} else whole | {Area.SYSTEM}
    if _is_wild(parts[0]):
        tops = [top for top in catalogue.WHOLE if compiled(parts[0]).match(top)]
        areas = NOTHING.union({Area.OUTSIDE}, *(_from_root((top, *parts[1:])) for top in tops))
        return areas - catalogue.PUBLIC  # one that every program may read does not make the others so
    if parts[0] == "dev":
        return _device(parts) if len(parts) > 1 else frozenset({Area.ROOT, Area.OUTSIDE})
    areas = _places(catalogue.FROM_ROOT, parts) | _named(parts) | _whole(parts) | {Area.OUTSIDE}
    return areas | _special(parts, areas)


def _device(parts: tuple[str, ...]) -> Areas:
    if parts[1] in catalogue.HARMLESS_DEVICES:
        return NOTHING
    if parts[1] == "shm":
        return _named(parts) | {Area.TEMPORARY, Area.OUTSIDE}
    if parts[1].startswith(catalogue.TERMINALS):
        return frozenset({Area.OUTSIDE})
    return _places(catalogue.FROM_ROOT, parts) | _named(parts) | _whole(parts) | {Area.DEVICE, Area.OUTSIDE}


def _special(parts: tuple[str, ...], areas: Areas) -> Areas:
    """Return the areas that no table can give: homes, processes, shared memory, installed libraries."""
    if parts[0] in {"home", "users"}:
        return _in_home(parts[2:]) if len(parts) > 1 else NOTHING
    if parts[0] == "root":
        return _in_home(parts[1:])
    if parts[0] == "proc" and len(parts) > 2 and parts[2] in {"environ", "mem", "maps", "fd"}:  # noqa: PLR2004
        return NOTHING if parts[1] == "self" and parts[2] in {"fd", "maps"} else catalogue.CREDENTIALS
    if Area.SYSTEM in areas and not catalogue.SOFTWARE.isdisjoint(parts):
        return catalogue.PUBLIC | (catalogue.STARTUP if parts[-1].endswith(".pth") else NOTHING)
    return NOTHING


def _whole(parts: tuple[str, ...]) -> Areas:
    """Return ROOT for a top-level folder as a whole, and for everything in it."""
    return frozenset({Area.ROOT}) if parts[0] in catalogue.WHOLE and _is_all(parts[1:]) else NOTHING


def _in_home(parts: tuple[str, ...]) -> Areas:
    areas = _named(parts) | {Area.HOME, Area.OUTSIDE}
    return areas | {Area.ROOT} if _is_all(parts) else areas


def _from_drive(parts: tuple[str, ...]) -> Areas:
    areas = _places(catalogue.FROM_DRIVE, parts) | _named(parts) | {Area.OUTSIDE}
    if parts[:1] in {("users",), ("documents and settings",)} and len(parts) > 1:
        areas |= _in_home(parts[2:])
    if _is_all(parts) or (_is_all(parts[1:]) and parts[0] in {"users", "windows", "program files"}):
        areas |= {Area.ROOT}
    if parts and parts[0].startswith("physicaldrive"):
        areas |= {Area.DEVICE}
    return areas


def _from_here(path: Plain) -> Areas:
    areas = _named(path.parts)
    if path.start == HERE and not path.climbs:
        return areas - _generic_keys(path.parts)
    if path.start == HOLE and not path.climbs:
        return areas if len(path.parts) > 1 else areas - _generic_keys(path.parts)
    # Above a folder that is not known may well be the project's own: `dirname(__file__)/../..` is no climb.
    areas |= {Area.TRAVERSAL, Area.OUTSIDE} if path.start == HERE else {Area.OUTSIDE}
    target = _climbed_to(path.parts)
    far = path.climbs >= _FAR
    if far or (path.start == HERE and path.climbs >= _TO_SYSTEM and _is_of_system(path.parts)):
        areas |= target - {Area.ROOT}
        return areas | {Area.FAR} if path.start == HERE else areas
    # A project may well have a folder `etc` or `lib` beside the working folder; only what is secret anywhere counts.
    return areas | (target & catalogue.LOGIN)


def _climbed_to(parts: tuple[str, ...]) -> Areas:
    """Return the areas of the place that a climb reaches if it ends at the root."""
    if not parts:
        return NOTHING
    areas = _from_root(parts)
    return areas | _from_drive(parts) if Area.SYSTEM in _places(catalogue.FROM_DRIVE, parts) else areas


def _is_of_system(parts: tuple[str, ...]) -> bool:
    """Return whether names are those of a place of the system rather than of a project."""
    if not parts:
        return False
    known = parts[0] == "var" and not (_from_root(parts) <= {Area.OUTSIDE, Area.ROOT})
    return known or parts[0] in catalogue.CLIMBED_TO


def _named(parts: tuple[str, ...]) -> Areas:
    """Return the areas that the names in a path give it, wherever it starts."""
    if not parts or parts[-1].endswith(catalogue.EXAMPLE_ENDINGS):
        return _version_control(parts)
    areas = NOTHING
    before = ""
    for part in parts:
        areas |= catalogue.NAMES.get(part, NOTHING) | catalogue.PAIRS.get(f"{before}/{part}", NOTHING)
        if _is_wild(part):
            areas |= _matching(catalogue.NAMES, part) | _matching(catalogue.PAIRS, f"{before}/{part}")
        before = part
    return (areas | _keys(parts[-1])) - (catalogue.CREDENTIALS if parts[-1] == "known_hosts" else NOTHING)


def _version_control(parts: Iterable[str]) -> Areas:
    return NOTHING.union(*(catalogue.NAMES.get(part, NOTHING) & catalogue.VCS for part in parts))


def _keys(name: str) -> Areas:
    """Return CREDENTIALS for a file with the ending of a private key, unless its name says that it is a certificate."""
    if not name.endswith(catalogue.KEY_ENDINGS):
        return NOTHING
    certificate = name.endswith(".pem") and any(word in name for word in catalogue.CERTIFICATES)
    return NOTHING if certificate else catalogue.CREDENTIALS


def _generic_keys(parts: tuple[str, ...]) -> Areas:
    """Return CREDENTIALS where only its ending makes a file a key: in the working folder, that is what a program makes itself."""
    if not parts or not _keys(parts[-1]):
        return NOTHING
    return _keys(parts[-1]) - _named((*parts[:-1], "x"))


def _places(table: Mapping[str, Areas], parts: tuple[str, ...]) -> Areas:
    """Return the areas of all entries that a path equals or lies below, or that it would match."""
    areas = NOTHING.union(*(table.get(beginning, NOTHING) for beginning in _beginnings(parts)))
    wild = next((number for number, part in enumerate(parts[: catalogue.DEEPEST]) if _is_wild(part)), None)
    return areas if wild is None else areas | _matching(table, "/".join(parts[: catalogue.DEEPEST]))


def _beginnings(parts: tuple[str, ...]) -> Iterator[str]:
    for length in range(1, min(len(parts), catalogue.DEEPEST) + 1):
        yield "/".join(parts[:length])


def _matching(table: Mapping[str, Areas], pattern: str) -> Areas:
    """Return the areas of the entries that a pattern matches, if it says at least two characters of their last name.

    An ending alone says nothing of the name, unless the folder is named: `*.json` is any data, `.docker/*.json` is a login.
    """
    folder, _, last = pattern.rpartition("/")
    said = last if folder and not _is_wild(folder) else _stem(last)
    if len(pattern) > _LONGEST_PATTERN or sum(c not in "*?[]" for c in said) < _FEWEST_LITERAL:
        return NOTHING
    matches = compiled(pattern).match
    return NOTHING.union(*(areas for name, areas in table.items() if matches(name)))


def _stem(name: str) -> str:
    before, dot, _ = name.rpartition(".")
    return before if dot and before else name


def _is_all(parts: tuple[str, ...]) -> bool:
    """Return whether names leave nothing out: none at all, or only wildcards for any name."""
    return _ALL.issuperset(parts)


def _is_wild(part: str) -> bool:
    return not _WILD.isdisjoint(part) and len(part) <= _LONGEST_PATTERN

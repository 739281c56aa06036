"""What is granted: `Grants`, and whether a path, an address or a program is covered by it.

What a source would do stands in the report; which of it is an objection is said in `decision.py`. The one idea: a list names all
that is granted, so an empty one grants nothing, and whatever cannot be read as its kind is covered by no list.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.policy.match import fits
from ringfence.scanning.effects import HOLE, Area
from ringfence.scanning.findings import Capability
from ringfence.scanning.paths import contains, may_reach, path_areas
from ringfence.scanning.paths.catalogue import PROGRAM_FOLDERS
from ringfence.scanning.urls import within
from ringfence.scanning.urls.parsing import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.scanning.findings import Need

ANYWHERE = ("/",)
"""The list of paths that covers every path."""
ANY = ("*",)
"""The list of hosts or commands that covers each of them."""

_OUTSIDE = frozenset({Area.OUTSIDE, Area.HOME})
_PUBLIC = frozenset({Area.OUTSIDE, Area.PUBLIC, Area.SYSTEM, Area.KERNEL})
"""The areas of a path that any program may read, and no other: a path that is also something else is not public."""

_FUNCTION = re.compile(r"[A-Za-z_]\w*(?:\(\))?(?:\.[A-Za-z_]\w*(?:\(\))?)+")
_NO_NAME = re.compile(r"[\s;|&<>()$`\"'*?\[\]{}]")
"""What no name of a program holds: with one of these, a shell might read it as more than a name."""
_NOT_PLAIN = frozenset("$%:\\")
"""Characters of variables, drives and addresses: with one of them, a path that leads outside is no plain relative one."""


class Grants(NamedTuple):
    """What a source may do. `Grants()` grants nothing.

    Arguments:
        capabilities: what it may do at all.
        read: absolute paths that it may read, with all below them, besides its working folder. `/` covers every path.
        write: paths that it may change and read, likewise.
        forbidden: paths that stay closed, whatever else is granted.
        hosts: names or IP addresses that it may reach. `*.example.org` covers every name below `example.org`, `*` every host.
        ports: ports that it may reach. None: every port.
        commands: programs that it may start, by name or pattern. A name covers the program of the search path and of the
            system's own folders; one elsewhere, such as `./git`, is covered by a pattern with its path. `*` covers every program.
        working_folder: its absolute path, where it is known; paths in it count as inside.

    """

    capabilities: frozenset[Capability] = frozenset()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    ports: tuple[int, ...] | None = None
    commands: tuple[str, ...] = ()
    working_folder: str = ""

    @classmethod
    def unlimited(cls, capabilities: Iterable[Capability]) -> Grants:
        """Return the grants of these capabilities, each for every path, host, port and program."""
        return cls(frozenset(capabilities), read=ANYWHERE, write=ANYWHERE, hosts=ANY, commands=ANY)

    def paths(self, capability: Capability) -> tuple[str, ...]:
        """Return the paths that are granted for reading or writing. What may be written may be read."""
        return self.write if capability is Capability.FILE_WRITE else (*self.read, *self.write)

    def forbids(self, path: str) -> bool:
        """Return whether a path might be one that stays closed, or lie below one: in any reading, whatever its holes stand for."""
        if not self.working_folder and Area.TRAVERSAL in path_areas(path):
            return bool(self.forbidden)  # what climbs out of an unknown folder might end anywhere
        return may_reach(self.forbidden, self._placed(path) or path)

    def covers_path(self, path: str, capability: Capability) -> bool:
        """Return whether a path is certainly in the working folder or in a granted one, links followed, or public and only read."""
        granted, areas = self.paths(capability), path_areas(path)
        if "/" in granted or (not self.working_folder and areas.isdisjoint(_OUTSIDE)):
            return True
        if capability is Capability.FILE_READ and Area.PUBLIC in areas and areas <= _PUBLIC:
            return True
        own = (self.working_folder,) if self.working_folder else ()
        return contains((*own, *granted), self._placed(path))

    def _placed(self, path: str) -> str:
        """Return a path from the working folder on, where it is relative and that is known; nothing where its place is in doubt."""
        if path.startswith(("/", "~")):
            return path
        inside = path_areas(path).isdisjoint(_OUTSIDE)
        if not self.working_folder:
            return path if inside else ""  # what climbs out of an unknown folder leads nobody knows where
        plain = inside or _NOT_PLAIN.isdisjoint(path)
        return posixpath.join(self.working_folder, path) if plain else ""

    def covers_host(self, address: str) -> bool:
        """Return whether the host of an address is certainly a granted one."""
        return "*" in self.hosts or within(self.hosts, address)

    def covers_program(self, program: str) -> bool:
        """Return whether a program is granted."""
        folder, _, name = program.rpartition("/")
        names = (program, name) if not folder or folder in PROGRAM_FOLDERS else (program,)
        return any(
            fits(each, pattern) for pattern in self.commands for each in names if _as_spelt(each, pattern)
        )


def is_harmless(need: Need) -> bool:
    """Return whether a need is for a public device that holds and keeps nothing, such as `/dev/null`."""
    files = (Capability.FILE_READ, Capability.FILE_WRITE)
    return need.capability in files and need.value.startswith("/dev/") and not path_areas(need.value)


def is_told(value: str) -> bool:
    """Return whether a value is known as a whole."""
    return bool(value) and HOLE not in value


def begins_told(value: str) -> bool:
    """Return whether a value is known at least where it begins, which says where a path leads."""
    return bool(value) and not value.startswith(HOLE)


def names_host(address: str) -> bool:
    """Return whether an address says which host it means, or which ones where clients disagree."""
    hosts = parsed(address).hosts
    return bool(hosts) and all(host and HOLE not in host for host in hosts)


def program_of(need: Need) -> str:
    """Return the program that a need is for, with its path where it has one; empty where it cannot be told.

    A shell names the program itself; a function of another language (`subprocess.run`) gets it as the first word of the command line.
    """
    first = need.value.split(maxsplit=1)[0] if need.value.strip() else ""
    spelt = posixpath.basename(first) == need.name
    word = first if first and (spelt or _FUNCTION.fullmatch(need.name)) else need.name
    return "" if HOLE in word else word.replace("\\", "/")


def _as_spelt(program: str, pattern: str) -> bool:
    """Return whether a pattern may speak about a program: only one with a path, or for all, speaks about programs with a path."""
    plain = "/" not in program or "/" in pattern
    return pattern in ANY or (plain and not _NO_NAME.search(program))

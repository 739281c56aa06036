"""The program `find`: where it looks, what it deletes, and what it starts for each file.

The one idea: nobody knows which files there are, so each of them stands for a name below a root with an unknown part in between.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Area, Kind, Origin, Trait
from ringfence.scanning.paths import path_areas
from ringfence.scanning.shell.options import word_set
from ringfence.scanning.shell.streams import Streams
from ringfence.scanning.shell.values import Value, Values

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


_FIND_VALUED = word_set(
    "-name -iname -path -ipath -wholename -regex -iregex -lname -type -xtype -size -mtime -ctime "
    "-atime -mmin -cmin -amin -perm -user -group -uid -gid -newer -anewer -cnewer -maxdepth "
    "-mindepth -links -inum -samefile -fstype -printf -regextype -used -context"
)

_NARROWING = word_set(
    "-name -iname -path -ipath -wholename -regex -iregex -lname -size -mtime -ctime -atime -mmin "
    "-cmin -amin -perm -user -group -newer -anewer -cnewer -links -inum -samefile -empty -uid "
    "-gid -used"
)

_FIND_WRITES = frozenset({"-fprint", "-fprint0", "-fls", "-fprintf"})

_FIND_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def find(m: Machine, call: Call) -> Values:
    """Follow `find`: where it looks, what it deletes, and what it starts for each file."""
    args = list(call.args)
    roots: list[Value] = []
    while args and args[0].text in {"-H", "-L", "-P"}:
        args.pop(0)
    while args and not args[0].text.startswith(("-", "(", "!", ",")):
        roots.append(args.pop(0))
    roots = roots or [Value(".")]
    for root in roots:
        m.touch(Kind.LIST, "find", root, (Trait.RECURSIVE,))
    found = _found(roots, args)
    while args:
        word = args.pop(0).text
        if word == "-delete":
            _find_delete(m, roots, found, call.texts)
        elif word in _FIND_WRITES and args:
            m.touch(Kind.WRITE, "find", args.pop(0))
        elif word in _FIND_RUNS:
            _find_run(m, args, found)
        elif word in _FIND_VALUED and args:
            args.pop(0)
    origins = {Origin.PROCESSES} if any(root.text.rstrip("/") == "/proc" for root in roots) else ()
    return tuple(each._replace(origins=each.origins | frozenset(origins)) for each in found)


def _found(roots: list[Value], args: list[Value]) -> Values:
    """Return what the files may be called: a name below each root, unknown in between."""
    names = [value.text for word, value in pairwise(args) if word.text in {"-name", "-iname"}]
    found: list[Value] = []
    for root in roots:
        base = root.text.rstrip("/")
        for name in names[:_MOST_NAMES]:
            found.append(root._replace(text=f"{base}/{HOLE}/{_ANY_WITH_ENDING.sub(HOLE, name)}"))
            found += [root._replace(text=path) for path in _likely(base, name)]
        found += [] if names else [root._replace(text=f"{base}/{HOLE}")]
    return tuple(found)


_MOST_NAMES = 4

_ANY_WITH_ENDING = re.compile(r"^[*?]+(?=\.\w+[*?]?$|$)")
"""`*.txt` says nothing of what a file holds, unlike `*_rsa`."""


def _likely(base: str, name: str) -> list[str]:
    """Return where a file of this name most likely is: right below, and for the whole file system where secrets are kept."""
    found = [] if set(name) & set("*?[") else [f"{base}/{name}"]
    if not base and Area.CREDENTIALS in path_areas(f"/etc/{name}") and not _ANY_WITH_ENDING.match(name):
        found.append(f"/etc/{name}")
    return found


def _find_delete(m: Machine, roots: list[Value], found: Values, words: list[str]) -> None:
    narrowed = not _NARROWING.isdisjoint(words)
    for each in found if narrowed else roots:
        m.touch(Kind.DELETE, "find", each, () if narrowed else (Trait.RECURSIVE, Trait.FORCE))


def _find_run(m: Machine, args: list[Value], found: Values) -> None:
    line: list[Value] = []
    while args:
        each = args.pop(0)
        if each.text == ";" or (each.text == "+" and line and line[-1].text == "{}"):
            break
        line.append(each)
    for path in found if any("{}" in each.text for each in line) else found[:1]:
        row = [Value(each.text.replace("{}", path.text), each.origins | path.origins) for each in line]
        if row:
            m.call(row, Streams())

"""Files: what `fs` and its relatives in Deno, Bun and well-known packages do to which path."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Area, Kind, Origin, Trait
from ringfence.scanning.javascript.emit import of_call
from ringfence.scanning.javascript.folding import to_number
from ringfence.scanning.javascript.values import Value, text_of, texts
from ringfence.scanning.paths import path_areas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.values import Values


class _Access(NamedTuple):
    kind: Kind
    place: int = 0
    traits: tuple[Trait, ...] = ()


_READ = (_Access(Kind.READ),)
_WRITE = (_Access(Kind.WRITE),)
_LIST = (_Access(Kind.LIST),)
_DELETE = (_Access(Kind.DELETE),)
_DELETE_TREE = (_Access(Kind.DELETE, traits=(Trait.RECURSIVE, Trait.FORCE)),)
_PERMIT = (_Access(Kind.PERMIT),)
_APPEND = (_Access(Kind.WRITE, traits=(Trait.APPEND,)),)
_COPY = (_Access(Kind.READ), _Access(Kind.WRITE, 1))
_MOVE = (_Access(Kind.DELETE), _Access(Kind.WRITE, 1))
_COPY_TREE = (_Access(Kind.READ, traits=(Trait.RECURSIVE,)), _Access(Kind.WRITE, 1))

_FS: Mapping[str, tuple[_Access, ...]] = {
    **dict.fromkeys(("readFile", "createReadStream", "openAsBlob", "readJson", "readJSON"), _READ),
    **dict.fromkeys(
        (
            "readdir",
            "opendir",
            "stat",
            "lstat",
            "statfs",
            "exists",
            "access",
            "realpath",
            "readlink",
            "watch",
            "watchFile",
        ),
        _LIST,
    ),
    **dict.fromkeys(("pathExists", "glob"), _LIST),
    **dict.fromkeys(
        ("writeFile", "createWriteStream", "truncate", "mkdir", "mkdtemp", "mkdirs", "mkdirp"), _WRITE
    ),
    **dict.fromkeys(
        ("outputFile", "outputJson", "outputJSON", "writeJson", "writeJSON", "ensureDir", "ensureFile"),
        _WRITE,
    ),
    "appendFile": _APPEND,
    **dict.fromkeys(("unlink", "rmdir", "rm"), _DELETE),
    **dict.fromkeys(("remove", "emptyDir"), _DELETE_TREE),
    **dict.fromkeys(("chmod", "lchmod", "chown", "lchown", "utimes", "lutimes"), _PERMIT),
    "copyFile": _COPY,
    **dict.fromkeys(("cp", "copy"), _COPY_TREE),
    **dict.fromkeys(("rename", "move"), _MOVE),
    "link": _COPY,
    "symlink": (_Access(Kind.LIST), _Access(Kind.WRITE, 1)),
    "open": _READ,
}
"""Functions of `fs` without `Sync`: what each does to which of its arguments."""

_OTHERS: Mapping[str, tuple[_Access, ...]] = {
    **dict.fromkeys(
        ("rimraf", "rimraf.sync", "rimraf.rimraf", "rimraf.rimrafSync", "del", "del.sync"), _DELETE_TREE
    ),
    **dict.fromkeys(("del.deleteAsync", "del.deleteSync"), _DELETE_TREE),
    **dict.fromkeys(("Deno.readTextFile", "Deno.readFile", "Bun.file", "Deno.open"), _READ),
    **dict.fromkeys(
        ("Deno.writeTextFile", "Deno.writeFile", "Deno.mkdir", "Deno.create", "Bun.write"), _WRITE
    ),
    **dict.fromkeys(("Deno.readDir", "Deno.stat", "Deno.lstat"), _LIST),
    "Deno.remove": _DELETE,
    "Deno.chmod": _PERMIT,
    "Deno.rename": _MOVE,
    "Deno.copyFile": _COPY,
    **dict.fromkeys(("glob", "glob.glob", "glob.globSync", "fast-glob", "globby"), _LIST),
    "process.chdir": _LIST,
    "process.loadEnvFile": _READ,
}
_APPENDING = ("a", "ax", "as", "a+")
_READING = frozenset({"r", "rs", "sr", "r+", "rs+", "sr+", "a+", "w+", "wx+", "ax+"})
_ROOT_ORIGINS: tuple[tuple[Area, Origin], ...] = (
    (Area.CREDENTIALS, Origin.CREDENTIALS),
    (Area.HISTORY, Origin.USER),
    (Area.SYSTEM, Origin.SYSTEM),
    (Area.KERNEL, Origin.SYSTEM),
    (Area.LOGS, Origin.SYSTEM),
)


def file_effects(call: Call) -> Iterator[Effect]:
    """Return what a call does to files."""
    for access in _accesses(call.path):
        traits = {*access.traits, *_traits(call, access.kind)}
        paths = tuple(_plain(value) for value in call.argument(access.place)) or None
        kinds = _kinds_of_flags(call) if _base(call.path) == "open" else (access.kind,)
        if paths is not None and all(value.number is not None for value in paths):
            continue
        for kind in kinds:
            yield from of_call(call, kind, paths, traits=traits)


def is_file_call(path: str) -> bool:
    """Return whether a path is a function on files."""
    return bool(_accesses(path))


def _accesses(path: str) -> tuple[_Access, ...]:
    if path.startswith("fs."):
        return _FS.get(_base(path), ())
    return _OTHERS.get(path.removesuffix("Sync") if path.startswith("Deno.") else path, ())


def _base(path: str) -> str:
    return path.removeprefix("fs.").removesuffix("Sync")


def _plain(value: Value) -> Value:
    """Return a path that is given as a file URL as a path."""
    text = text_of(value)
    return value._replace(text=text.removeprefix("file://"), path="") if text.startswith("file://") else value


def _traits(call: Call, kind: Kind) -> Iterator[Trait]:
    if kind in (Kind.DELETE, Kind.LIST) and _is_true(call.option(1, "recursive")):
        yield Trait.RECURSIVE
    if kind is Kind.DELETE and _is_true(call.option(1, "force")):
        yield Trait.FORCE
    if kind is Kind.WRITE and any(text.startswith("a") for text in texts(_flags(call))):
        yield Trait.APPEND
    if kind is Kind.PERMIT:
        yield from _mode_traits(call.argument(1))
    elif kind is Kind.WRITE:
        yield from _mode_traits(call.option(2, "mode"))


def _is_true(values: Values) -> bool:
    return any(value.path == "true" for value in values)


def _flags(call: Call) -> Values:
    if _base(call.path) == "open":
        return call.argument(1)
    return (*call.option(1, "flags", "flag"), *call.option(2, "flags", "flag"))


def _kinds_of_flags(call: Call) -> tuple[Kind, ...]:
    """Return what an opened file is for; without flags, reading."""
    given = texts(call.argument(1)) if not call.option(1, "write") else ["w"]
    if not given or any(text in _READING for text in given):
        return (Kind.READ,) if not any("+" in text for text in given) else (Kind.READ, Kind.WRITE)
    return (Kind.WRITE,)


def _mode_traits(values: Values) -> Iterator[Trait]:
    for value in values:
        mode = to_number(value)
        if value.number is None and value.text and set(value.text) <= set("01234567"):
            mode = float(int(value.text, 8))
        bits = int(mode) if mode is not None and 0 <= mode < 2**31 else 0
        yield from (trait for mask, trait in _MODE_BITS if bits & mask)


_MODE_BITS = ((0o002, Trait.OPEN_TO_ALL), (0o111, Trait.EXECUTABLE), (0o6000, Trait.SETUID))


def read_origins(call: Call) -> frozenset[Origin]:
    """Return where what a call reads comes from: from a file, and what kind of file that is."""
    found: set[Origin] = set()
    for access in _accesses(call.path):
        if access.kind is Kind.READ and access.place == 0:
            found.update(*(_origins_of_file(text_of(value)) for value in call.argument(0) or (Value(HOLE),)))
    return frozenset(found)


def _origins_of_file(path: str) -> set[Origin]:
    areas = path_areas(path) if path.strip(HOLE) else frozenset()
    return {origin for area, origin in _ROOT_ORIGINS if area in areas} or {Origin.FILE}

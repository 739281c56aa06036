"""How paths and what is written to them are read."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.pathlike import FILE
from ringfence.scanning.python.values import Value, origins_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site

_WRITING = frozenset("wax+")


def path(site: Site) -> Iterator[Effect]:
    """Read a path; a file that is open, or a descriptor, was seen when it was opened."""
    handle = isinstance(site.value.const, int) or (site.value.ref == FILE and site.sink.at != -1)
    if not handle:  # opening it was seen
        whole_tree = {Trait.RECURSIVE} if "**" in site.text or _is_in_recursion(site) else NO_TRAITS
        yield site.effect(traits=site.sink.traits | whole_tree)


def _is_in_recursion(site: Site) -> bool:
    """Return whether something is deleted by a function that calls itself, and so goes down a tree."""
    function = site.scope.node
    if site.sink.kind is not Kind.DELETE or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    calls = site.resolver.index.sites.get(function.name, ())
    site.resolver.spend(len(calls) // 16 + 1)
    return any(scope is site.scope for _, scope in calls)


def opened(site: Site) -> Iterator[Effect]:
    """Read a path with an opening mode: reading, writing, or both."""
    if isinstance(site.value.const, int):
        return  # a descriptor: whatever opened it was seen
    position = 0 if site.sink.at == -1 else 1
    modes = (
        site.arguments[position] if len(site.arguments) > position else site.keyword("mode") or (Value("r"),)
    )
    mode = modes[0].const if isinstance(modes[0].const, str) else "r+"
    if "r" in mode or "+" in mode or _WRITING.isdisjoint(mode):
        yield site.effect(Kind.READ)
    if not _WRITING.isdisjoint(mode):
        yield site.effect(Kind.WRITE, traits=_of_writing(mode, site.text))


def _of_writing(mode: str, path: str) -> frozenset[Trait]:
    if "a" in mode:
        return frozenset({Trait.APPEND})
    return frozenset({Trait.RECURSIVE}) if "**" in path else NO_TRAITS


def opened_by_flags(site: Site) -> Iterator[Effect]:
    """Read a path with the flags of `os.open`, which stand in the expression by their names; unknown flags may do both."""
    flags = ast.dump(site.node.args[1]) if len(site.node.args) > 1 else ""
    writes = any(flag in flags for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"))
    if not writes or "O_RDWR" in flags:
        yield site.effect(Kind.READ)
    if writes or "O_RDONLY" not in flags:
        yield site.effect(Kind.WRITE)


def permission(site: Site) -> Iterator[Effect]:
    """Read a path with mode bits after it."""
    position = 0 if site.sink.at == -1 else 1
    mode = site.arguments[position][0].const if len(site.arguments) > position else None
    yield site.effect(traits=_mode_traits(mode))


def _mode_traits(mode: object) -> frozenset[Trait]:
    if not isinstance(mode, int):
        return NO_TRAITS
    marks = ((0o6000, Trait.SETUID), (0o002, Trait.OPEN_TO_ALL), (0o111, Trait.EXECUTABLE))
    return frozenset(trait for bits, trait in marks if mode & bits)


def either(site: Site) -> Iterator[Effect]:
    """Read an address or a path: many readers take both."""
    if site.value.ref.startswith((FILE, "io.", "urllib.", "requests.")):
        return
    remote = site.text.startswith(("http://", "https://", "ftp://", "s3://", "gs://"))
    yield site.effect(Kind.CONNECT if remote else Kind.READ, traits=site.sink.traits)


def content(site: Site) -> Iterator[Effect]:
    """Read what is written into a file, where it may come from elsewhere."""
    if site.arguments and "socket" not in site.value.ref:
        origins = origins_of(site.arguments[0]) & frozenset({Origin.NETWORK, Origin.DECODED})
        if origins:
            yield site.effect(origins=origins)


def device(site: Site) -> Iterator[Effect]:
    """Read the number of a camera, or a path."""
    camera = isinstance(site.value.const, int)
    yield site.effect(Kind.CAPTURE if camera else Kind.READ, text="" if camera else None)


def cookies(site: Site) -> Iterator[Effect]:
    """Read no argument: the call reads a browser's cookies."""
    yield site.effect(text="~/.config/google-chrome/Default/Cookies", origins=frozenset({Origin.CREDENTIALS}))


def keys(site: Site) -> Iterator[Effect]:
    """Read no argument: the call reads a keyring's secrets."""
    yield site.effect(
        Kind.ENVIRONMENT, text="", traits=frozenset({Trait.HIDDEN}), origins=frozenset({Origin.CREDENTIALS})
    )

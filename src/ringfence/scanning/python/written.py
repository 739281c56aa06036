"""Files that a source makes and then imports or runs: what was written into them is its own code, and what was downloaded is somebody's.

Only files with a known name are followed, and only to the places that name them again.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Effect, Kind, Language, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.python.resolve import Resolver

_DOWNLOADS = frozenset(
    {"urllib.request.urlretrieve", "urllib.urlretrieve", "wget.download", "gdown.download"}
)
_INTERPRETER = re.compile(
    r"(?:\S*/)?(?:python|pypy|bash|sh|dash|zsh|ksh|node|perl|ruby|php|source|\.|start|sudo)[\d.]*"
)
_COMMAND_ENDS = re.compile(r"[;&|\n]+")
_LANGUAGES = {".py": Language.PYTHON, ".sh": Language.SHELL, ".js": Language.JAVASCRIPT}
_WRITERS = ("write", "write_text", "write_bytes", "writelines", "print")
_MOST_TEXT = 20_000
_MOST_SITES = 64
_FROM_NETWORK = frozenset({Origin.NETWORK})


class _Started(NamedTuple):
    """A place that imports or runs a file."""

    effect: Effect
    path: str


def of_written(effects: Sequence[Effect], resolver: Resolver) -> Iterator[Effect]:
    """Return the effects of files that a source makes and then imports or runs.

    Arguments:
        effects: what the source does otherwise.
        resolver: tells what is written.

    """
    written: dict[str, list[Effect]] = {}
    for effect in effects:
        if effect.kind is Kind.WRITE and effect.value and HOLE not in effect.value:
            written.setdefault(_plain(effect.value), []).append(effect)
    if not written:
        return
    resolver.spend(sum(len(effect.value) for effect in effects) // 32)
    modules = {posixpath.basename(path): path for path in written if path.endswith(".py")}
    for start in _started(effects, modules):
        makers = written.pop(start.path, None)  # once is enough
        if makers is not None:
            yield from _of_file(start, makers, resolver)


def _started(effects: Sequence[Effect], modules: dict[str, str]) -> Iterator[_Started]:
    """Return the places that import or run something which may be a file."""
    seen: set[str] = set()
    for effect in effects:
        if effect.kind is Kind.IMPORT and modules:
            path = modules.get(f"{effect.value.partition('.')[0]}.py")
            if path is not None:
                yield _Started(effect._replace(kind=Kind.EVALUATE, value=path), path)
        elif effect.kind is Kind.EVALUATE and effect.name.startswith("runpy.") and effect.value:
            yield _Started(effect, modules.get(f"{effect.value}.py") or _plain(effect.value))
        elif effect.kind is Kind.RUN and effect.value and effect.value not in seen:
            seen.add(effect.value)
            for path in _programs(effect.value):
                yield _Started(effect, path)


def _programs(line: str) -> Iterator[str]:
    """Return the files that a command line runs: its programs, and the scripts that interpreters are given."""
    for command in _COMMAND_ENDS.split(line[:_MOST_TEXT]):
        words = [word.strip("'\"") for word in command.split()]
        while len(words) > 1 and (_INTERPRETER.fullmatch(words[0]) or words[0].startswith("-")):
            del words[0]
        if words:
            yield _plain(words[0])


def _of_file(start: _Started, makers: Sequence[Effect], resolver: Resolver) -> Iterator[Effect]:
    """Return the effects of running one file, told by what made it."""
    effect = start.effect
    if any(Origin.NETWORK in maker.origins or maker.name in _DOWNLOADS for maker in makers):
        yield effect._replace(origins=effect.origins | _FROM_NETWORK, nested=None)
    language = _LANGUAGES.get(posixpath.splitext(start.path)[1])
    if language is not None:
        for text in _texts(start.path, resolver):
            yield effect._replace(nested=(language, text))


def _texts(path: str, resolver: Resolver) -> Iterator[str]:
    """Return the known texts that the source writes into a file."""
    sites = [site for name in _WRITERS for site in resolver.index.sites.get(name, ())]
    for call, scope in sites[:_MOST_SITES]:
        to = next((keyword.value for keyword in call.keywords if keyword.arg == "file"), call.func)
        files = resolver.values(to, scope) if call.args else ()
        if any(value.text is not None and _plain(value.text) == path for value in files):
            for content in resolver.arguments.lazily(call, scope)[0]:
                if content.text is not None and HOLE not in content.text:
                    yield content.text


def _plain(path: str) -> str:
    """Return a path in its shortest form, so that `./x` is `x`."""
    return posixpath.normpath(path.replace("\\", "/"))

"""How the arguments of functions that start, end or wire processes are read."""

from __future__ import annotations

import ast
import shlex
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Language, Origin, Trait
from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.values import NOWHERE, Value, as_text, origins_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site
    from ringfence.scanning.python.values import Values

_SHELLS = frozenset(
    {
        "ash", "bash", "cmd", "cmd.exe", "csh", "dash", "fish", "ksh", "powershell", "powershell.exe", "pwsh", "sh", "tcsh", "zsh",
    }
)  # fmt: skip
_RUNNERS = _SHELLS | {
    "docker", "env", "eval", "node", "nohup", "perl", "php", "python", "python3", "ruby", "ssh", "sudo", "timeout", "xargs",
}  # fmt: skip
"""Programs that run what they are given."""
_HARMLESS_ARGUMENTS = frozenset(
    {Origin.ARGUMENT, Origin.FILE, Origin.ENVIRONMENT, Origin.CREDENTIALS, Origin.SYSTEM, Origin.USER}
)
_SHELL_MAGICS = ("sx", "system", "sc", "bash", "sh", "!", "script bash", "script sh")
_CONNECTIONS = ("socket.socket()", "socket.create_connection()")
_HANDED_IN = frozenset({Origin.ARGUMENT, Origin.FILE, Origin.ENVIRONMENT, Origin.NETWORK, Origin.PROCESSES})


def shell(site: Site) -> Iterator[Effect]:
    """Read a command line, which is analysed in its turn."""
    text, traits = site.text, site.sink.traits
    if text == HOLE and site.value.origins.isdisjoint(_HANDED_IN):
        traits |= {Trait.CALCULATED}
    yield site.effect(traits=traits, nested=(Language.SHELL, text) if text != HOLE else None)


def process(site: Site) -> Iterator[Effect]:
    """Read what starts a process: a list of words, or a command line where a shell is asked for."""
    traits = site.sink.traits | (frozenset({Trait.SHELL}) if site.flag("shell") else NO_TRAITS)
    program = site.flag("executable")
    const = site.value.const
    if isinstance(const, str) and (Trait.SHELL in traits or len(const.split()) > 1):
        yield from shell(site._replace(sink=site.sink._replace(traits=traits)))
    else:
        words = _words_of(site)
        if isinstance(program, str) and words:
            words = [(Value(program),), *words[1:]]
        yield from _words(site, words, traits)
    yield from _wired(site)


def all_words(site: Site) -> Iterator[Effect]:
    """Read all positional arguments as the words of a command."""
    yield from _words(site, site.arguments[site.sink.at or 0 :], site.sink.traits)


def _words(site: Site, words: Sequence[Values], traits: frozenset[Trait]) -> Iterator[Effect]:
    texts = [as_text(word[0]) if word else HOLE for word in words]
    line = " ".join(text if text == HOLE else shlex.quote(text) for text in texts) or HOLE
    if _is_bare_shell(line):
        given = site.keyword("input")
        if given is not None:
            yield from shell(site._replace(value=given[0]))
            return
        traits |= {Trait.INTERACTIVE}
    origins = origins_of(*words) | site.value.origins
    if texts and HOLE not in texts[0] and texts[0].rpartition("/")[2] not in _RUNNERS:
        origins &= _HARMLESS_ARGUMENTS  # a known program gets data: it does not run them
    yield site.effect(
        text=line, traits=traits, origins=origins, nested=(Language.SHELL, line) if line != HOLE else None
    )


def _words_of(site: Site) -> list[Values]:
    """Return the words of a command that is given as a list."""
    value = site.value
    if isinstance(value.const, (list, tuple)):
        return [(Value(part),) for part in value.const]
    if not isinstance(value.node, (ast.List, ast.Tuple)) or value.scope is None:
        return [(value,)]
    return site.resolver.arguments.words(value.node.elts, value.scope)


def _is_bare_shell(line: str) -> bool:
    """Return whether a command is a shell without a script: somebody types, or a connection does."""
    words = line.split()
    return (
        bool(words)
        and words[0].rpartition("/")[2] in _SHELLS
        and all(w.startswith("-") and "c" not in w for w in words[1:])
    )


def _wired(site: Site) -> Iterator[Effect]:
    """Return the effect of a process whose standard streams are a connection."""
    for stream in ("stdin", "stdout", "stderr"):
        if any(value.ref.startswith(_CONNECTIONS) for value in site.keyword(stream) or ()):
            yield site.effect(Kind.BRIDGE, text="", origins=NOWHERE)
            return


def program(site: Site) -> Iterator[Effect]:
    """Read a program that takes its arguments as a second list."""
    if len(site.arguments) > 1:
        words = _words_of(site._replace(value=site.arguments[1][0]))
        yield from _words(site, [(site.value,), *words], site.sink.traits)
    else:
        yield from shell(site)


def image(site: Site) -> Iterator[Effect]:
    """Read a program by its path, and its arguments as the list after it, the first of which is only a name."""
    after = (site.sink.at or 0) + 1
    words = (
        _words_of(site._replace(value=site.arguments[after][0]))[1:] if len(site.arguments) > after else []
    )
    yield from _words(site, [(site.value,), *words], site.sink.traits)


def image_words(site: Site) -> Iterator[Effect]:
    """Read a program by its path, and its arguments as those after it, the first of which is only a name."""
    after = (site.sink.at or 0) + 2
    yield from _words(site, [(site.value,), *site.arguments[after:]], site.sink.traits)


def magic(site: Site) -> Iterator[Effect]:
    """Read the name of a magic command, and what it is given last."""
    name, text = site.text, as_text(site.arguments[-1][0]) if len(site.arguments) > 1 else ""
    if name in _SHELL_MAGICS:
        yield from shell(site._replace(value=site.arguments[-1][0]))
    elif name in ("run", "load", "loadpy"):
        yield site.effect(Kind.EVALUATE, text="", traits=frozenset({Trait.UNRESOLVED}))
    elif name in ("cd", "pushd"):
        yield site.effect(Kind.LIST, text=text)
    elif name in ("perl", "ruby", "script", "alias", "js", "javascript", "html"):
        yield site.effect(text=HOLE, traits=frozenset({Trait.UNRESOLVED, Trait.HIDDEN}))


def kill(site: Site) -> Iterator[Effect]:
    """Read which process is ended: one of its own, of others, or all."""
    value, traits = site.value, site.sink.traits
    listed = any(mark in value.ref for mark in ("psutil.process_iter", "check_output", "listdir", "popen"))
    if Origin.PROCESSES in value.origins or listed or value.ref == "os.getppid()":
        traits |= {Trait.OTHERS}
    if type(value.const) is int and value.const in (-1, 0, 1):
        traits |= {Trait.OTHERS, Trait.EVERYTHING}
    yield site.effect(traits=traits)

"""How the arguments of functions that start, end or wire processes are read."""

from __future__ import annotations

import ast
import re
import shlex
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Language, Origin, Trait
from ringfence.scanning.python.catalogue.sink import NO_TRAITS
from ringfence.scanning.python.values import NOWHERE, Value, as_text, origins_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site
    from ringfence.scanning.python.scopes import Scope
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
_READING = re.compile(r"(?:\S*/)?(python[\d.]*|pypy[\d.]*|node|nodejs)(?: -[A-Zbdiqsuv]*)*")
"""Interpreters without a script, which read it from their input."""
_MOST_PROCESSES = 8
_MOST_VARIABLES = 32
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
    nested = (Language.SHELL, _with_variables(site, text)) if text != HOLE else None
    yield site.effect(traits=traits, nested=nested)


def _with_variables(site: Site, text: str) -> str:
    """Return a command line with the variables before it that the source has set in its environment."""
    lines = []
    for key, value, scope in _variables(site) if "$" in text else ():
        name, const = site.resolver.single(key, scope), site.resolver.single(value, scope)
        if isinstance(name, str) and isinstance(const, str) and name.isidentifier() and name in text:
            lines.append(f"{name}={shlex.quote(const)}")
    return "\n".join([*lines, text])


def _variables(site: Site) -> list[tuple[ast.expr, ast.expr, Scope]]:
    """Return what variables of the environment are set to, for the whole source and for one process."""
    found = list(site.resolver.index.items.get("os.environ", ()))
    for value in site.keyword("env") or ():
        if isinstance(value.node, ast.Dict) and value.scope is not None:
            pairs = zip(value.node.keys, value.node.values, strict=True)
            found += [(key, part, value.scope) for key, part in pairs if key is not None]
    return found[:_MOST_VARIABLES]


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
    given = site.keyword("input")
    if given is not None:
        yield from _fed(site, line, given)
    if _is_bare_shell(line):
        if given is not None:
            return
        traits |= {Trait.INTERACTIVE}
    origins = origins_of(*words) | site.value.origins
    if texts and HOLE not in texts[0] and texts[0].rpartition("/")[2] not in _RUNNERS:
        origins &= _HARMLESS_ARGUMENTS  # a known program gets data: it does not run them
    yield site.effect(
        text=line, traits=traits, origins=origins, nested=(Language.SHELL, line) if line != HOLE else None
    )


def _fed(site: Site, line: str, given: Values) -> Iterator[Effect]:
    """Return the effects of an interpreter that gets its program as input."""
    language = _reads(line)
    for value in given if language is not None else ():
        if language is Language.SHELL:
            yield from shell(site._replace(value=value))
        elif language is not None and value.text is not None and HOLE not in value.text:
            yield site.effect(text=line, origins=value.origins, nested=(language, value.text))


def _reads(line: str) -> Language | None:
    """Return the language in which a command expects a program as its input; None where it expects none."""
    if _is_bare_shell(line):
        return Language.SHELL
    found = _READING.fullmatch(line)
    if found is None:
        return None
    return Language.PYTHON if found[1].startswith("p") else Language.JAVASCRIPT


def stdin(site: Site) -> Iterator[Effect]:
    """Read what is written to a process that was started before: to an interpreter, it is a program."""
    owner = site.node.func
    while isinstance(owner, ast.Attribute):
        owner = owner.value
    for process in site.resolver.values(owner, site.scope)[:_MOST_PROCESSES]:
        if (
            process.ref != "subprocess.Popen()"
            or not isinstance(process.node, ast.Call)
            or process.scope is None
        ):
            continue
        started = site.resolver.arguments.first(process.node, "args", process.scope)
        words = _words_of(site._replace(value=started[0]))
        line = " ".join(as_text(word[0]) if word else HOLE for word in words)
        if site.value.text is not None:
            yield from _fed(site, line, (site.value,))


def pip(site: Site) -> Iterator[Effect]:
    """Read the words that a command of pip gets without its name."""
    yield from _words(site, [(Value("pip"),), *_words_of(site)], site.sink.traits)


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

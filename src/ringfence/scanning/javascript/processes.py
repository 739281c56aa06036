"""Processes: command lines that are run, signals, rights, and connections that are wired to a process's standard streams."""

from __future__ import annotations

import posixpath
import shlex
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Language, Origin, Trait
from ringfence.scanning.javascript.addresses import connection_address, is_connection
from ringfence.scanning.javascript.emit import effect, of_call
from ringfence.scanning.javascript.environment import variable_effects
from ringfence.scanning.javascript.modules import ANY_MEMBER, words
from ringfence.scanning.javascript.scopes import BRANCHES, LOOPS, statements_around
from ringfence.scanning.javascript.values import Value, distinct, origins_of, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.javascript.calls import Call
    from ringfence.scanning.javascript.values import Values

_SHELL: frozenset[str] = words(
    "child_process.exec child_process.execSync shelljs.exec execa.execaCommand "
    "execa.execaCommandSync execa.command execa.commandSync zx.$ $ Bun.$ execa.$ node-cmd.run "
    "node-cmd.runSync node-cmd.get"
)
"""Functions that give a text to a shell. `$` is one as a template's tag only."""
_ARGV: frozenset[str] = words(
    "child_process.spawn child_process.spawnSync child_process.execFile "
    "child_process.execFileSync execa execa.execa execa.sync execa.execaSync cross-spawn cross- "
    "spawn.sync cross-spawn.spawn node-pty.spawn Deno.Command pty.js.spawn"
)
"""Functions of a program and a list of arguments."""
_LISTS: frozenset[str] = frozenset({"Bun.spawn", "Bun.spawnSync", "Deno.run"})
"""Functions of a list of program and arguments, or options with it."""
_FORKS: frozenset[str] = frozenset({"child_process.fork", "cluster.fork"})
_PROCESSES: frozenset[str] = frozenset(
    f"{path}()"
    for path in (*_ARGV, *_SHELL, *_FORKS)
    if path.startswith(("child_process", "execa", "cross", "node-pty"))
)
_SHELLS = frozenset(
    {"sh", "bash", "zsh", "dash", "ksh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh"}
)
_SCRIPT = "./script.js"
"""What stands for the path of the script itself."""
_STREAMS = frozenset({"stdin", "stdout", "stderr", "stdio"})
_RIGHTS: frozenset[str] = words(
    "process.setuid process.setgid process.seteuid process.setegid process.setgroups process.initgroups"
)
_HARMLESS_SIGNALS = frozenset({"0"})


def process_effects(call: Call) -> Iterator[Effect]:
    """Return what a call does with processes."""
    path = call.path
    if path in _SHELL:
        if path not in ("$", "zx.$", "Bun.$", "execa.$") or _is_tag(call):
            yield from of_call(
                call, Kind.RUN, call.argument(0), traits={Trait.SHELL}, language=Language.SHELL
            )
    elif path in _ARGV or path in _LISTS or path in _FORKS:
        yield from _runs(call)
    elif path == f"child_process{ANY_MEMBER}":
        yield from of_call(call, Kind.RUN, call.argument(0), traits={Trait.SHELL}, language=Language.SHELL)
    elif path == "process.kill":
        yield from _kills(call)
    elif path in _RIGHTS:
        yield from of_call(call, Kind.PRIVILEGE, call.argument(0))
    elif call.method == "pipe":
        yield from _bridges(call)


def _is_tag(call: Call) -> bool:
    given = call.node.field("arguments")
    return given is not None and given.type == "template_string"


def _runs(call: Call) -> Iterator[Effect]:
    command = _command_line(call)
    shell = any(
        value.path == "true" or value.text not in (None, "false", "undefined")
        for value in _options(call, "shell")
    )
    traits = {Trait.SHELL} if shell else set()
    if all(_is_interactive(text_of(value)) for value in command):
        traits.add(Trait.INTERACTIVE)
    plain = _unquoted(call) if shell else command
    yield from of_call(call, Kind.RUN, plain or None, traits=traits, language=Language.SHELL)
    yield from _wired(call)
    yield from _multiplied(call, command)
    for environment in _options(call, "env"):
        yield from variable_effects(call, environment)


def _is_interactive(command: str) -> bool:
    """Return whether a command line is a shell without a script."""
    program, *options = command.split(" ")
    return posixpath.basename(program) in _SHELLS and all(
        option in ("-i", "-l", "-li", "-il") for option in options
    )


def _multiplied(call: Call, command: Values) -> Iterator[Effect]:
    """Return that a script starts itself again and again, with nothing that decides whether."""
    if any(_SCRIPT in text_of(value).split(" ") for value in command):
        around = statements_around(call.node)
        if not around.isdisjoint(LOOPS) and around.isdisjoint(BRANCHES):
            yield from of_call(call, Kind.RESOURCE, (Value(_SCRIPT),), name="fork bomb")


def _options(call: Call, name: str) -> Values:
    return (*call.option(1, name), *call.option(2, name))


def _command_line(call: Call) -> Values:
    """Return the command lines that a call runs, quoted as a shell would need it."""
    if call.path in _FORKS:
        return distinct(_line([Value("node"), value]) for value in call.argument(0))
    if call.path in _LISTS:
        lists = call.option(0, "cmd") or call.argument(0)
        return distinct(_line([item[0] for item in value.items]) for value in lists if value.items)
    found = (
        _line([program, *arguments]) for program in call.argument(0) for arguments in _argument_lists(call)
    )
    return distinct(found)


def _argument_lists(call: Call) -> list[list[Value]]:
    lists = call.option(1, "args") if call.path == "Deno.Command" else call.argument(1)
    known = [[item[0] for item in value.items] for value in lists if value.items is not None]
    if known or not lists or all(value.node is not None for value in lists):
        return known or [[]]
    return [[Value(HOLE, origins=origins_of(lists))]]


def _line(words: list[Value]) -> Value:
    text = " ".join(_quoted(text_of(word)) for word in words)
    return Value(text, origins=origins_of(words))


def _quoted(word: str) -> str:
    return word if HOLE in word and " " not in word else shlex.quote(word)


def _unquoted(call: Call) -> Values:
    """Return the text that a shell is given: Node joins the arguments with blanks."""
    found = [
        Value(" ".join(map(text_of, (program, *arguments))), origins=origins_of((program, *arguments)))
        for program in call.argument(0)
        for arguments in _argument_lists(call)
    ]
    return distinct(found)


def _wired(call: Call) -> Iterator[Effect]:
    """Return the connection that a process's standard streams are opened on."""
    for stdio in _options(call, "stdio"):
        streams = [value for item in stdio.items or ((stdio,),) for value in item]
        for stream in streams:
            if is_connection(stream):
                yield effect(
                    call.resolver.tree,
                    call.node,
                    Kind.BRIDGE,
                    call.path,
                    connection_address(call.resolver, stream),
                )
                return


def _bridges(call: Call) -> Iterator[Effect]:
    """Return the connection that is piped into a process, or the other way round."""
    for target in call.argument(0):
        for source in call.this:
            for connection, stream in ((source, target), (target, source)):
                if is_connection(connection) and _is_stream(stream.path):
                    address = connection_address(call.resolver, connection)
                    yield effect(call.resolver.tree, call.node, Kind.BRIDGE, stream.path, address)


def _is_stream(path: str) -> bool:
    process, _, stream = path.rpartition(".")
    return stream in _STREAMS and process in _PROCESSES


def _kills(call: Call) -> Iterator[Effect]:
    if any(text in _HARMLESS_SIGNALS for text in texts(call.argument(1))):
        return
    for value in call.argument(0):
        named = value.path in ("process.pid", "process.ppid") or value.path.endswith("().pid")
        text = value.path if named else text_of(value)
        traits = {Trait.EVERYTHING} if text == "-1" else {Trait.OTHERS} if _is_others(value) else set()
        yield effect(call.resolver.tree, call.node, Kind.KILL, call.path, text, traits=traits)


def _is_others(value: Value) -> bool:
    """Return whether a process is one that the code did not start: its parent, the first one, or one of a list of them all."""
    return value.path == "process.ppid" or text_of(value) == "1" or Origin.PROCESSES in value.origins

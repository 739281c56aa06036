"""`git`: the connections it opens, the files it removes, and all that it starts for others.

The one idea: much of what is said to git, by settings, options and variables, is a command line that it hands to a shell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.shell.network import REMOTE, remote_address
from ringfence.scanning.shell.options import Options, parse, word_set
from ringfence.scanning.shell.values import NO_ORIGINS, Value, Values, joined, origins_of, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call

_REMOTE = frozenset({"clone", "fetch", "pull", "push", "ls-remote", "submodule", "archive"})

_RUNS = re.compile(
    r"(?:core\.(?:pager|editor|sshcommand|fsmonitor|askpass|gitproxy|alternaterefscommand)|alias\.\S+"
    r"|pager\..*|sequence\.editor|credential\.(?:.*\.)?helper|diff\.external|diff\..*\.(?:command|textconv)"
    r"|.*\.textconv|filter\..*|(?:diff|merge)tool\..*\.cmd|merge\..*\.driver|interactive\.difffilter"
    r"|gpg\.(?:.*\.)?program|trailer\..*\.(?:command|cmd)|(?:browser|man)\..*\.cmd|submodule\..*\.update"
    r"|remote\..*\.(?:uploadpack|receivepack)|uploadpack\.packobjectshook|sendemail\..*cmd)$",
    re.IGNORECASE,
)
"""Settings whose value is a command line."""

_MARKED = re.compile(r"(?:alias|credential|submodule)\.", re.IGNORECASE)
"""Of these settings, the value is one only after a `!`."""

_VALUED = word_set("-b --branch --depth -m --config")

_STARTING = {
    "rebase": word_set("-x --exec"),
    "difftool": word_set("-x --extcmd"),
    "filter-branch": word_set(
        "--setup --tree-filter --index-filter --msg-filter --env-filter --parent-filter --commit-filter "
        "--tag-name-filter"
    ),
    "grep": word_set("-O --open-files-in-pager"),
    "clone": word_set("-u --upload-pack"),
    "fetch": word_set("--upload-pack"),
    "pull": word_set("--upload-pack"),
    "ls-remote": word_set("--upload-pack --exec"),
    "push": word_set("--receive-pack --exec"),
    "archive": word_set("--exec"),
    "send-email": word_set("--sendmail-cmd --smtp-server --to-cmd --cc-cmd --header-cmd"),
}
"""Options of each command whose value is a command line."""

_BEFORE = word_set("-C -c --git-dir --work-tree --exec-path --config-env --namespace")

_QUOTED_SETTING = re.compile(r"'([^'=]*)'?='?([^']*)'")


def git(m: Machine, call: Call) -> Values:
    """Follow `git`: connections, settings that run commands, files that it removes."""
    before = parse(call.args, _BEFORE, early=True)
    aliases: dict[str, Value] = {}
    for name, value in _settings(m, before):
        _set(m, name, value)
        if name.lower().startswith("alias."):
            aliases[name[len("alias.") :].lower()] = value
    if not before.operands:
        return unknown()
    command, args = before.operands[0].text, before.operands[1:]
    alias = aliases.get(command.lower())
    if alias is not None:
        return _aliased(m, call, alias, args)
    return _followed(m, call, command, args)


def _settings(m: Machine, options: Options) -> Iterator[tuple[str, Value]]:
    """Return the settings that are given to one command, by options and by variables."""
    for value in options.values("-c"):
        name, _, text = value.text.partition("=")
        yield name, value._replace(text=text)
    for value in options.values("--config-env"):
        name, _, variable = value.text.rpartition("=")
        yield from ((name, each) for each in m.variables.get(variable, ()))
    number = 0
    while (names := m.variables.get(f"GIT_CONFIG_KEY_{number}")) is not None:
        values = m.variables.get(f"GIT_CONFIG_VALUE_{number}", ())
        m.budget.spend(1 + len(names) * len(values))
        yield from ((name.text, value) for name in names for value in values)
        number += 1
    for given in m.variables.get("GIT_CONFIG_PARAMETERS", ()):
        m.budget.spend(len(given.text) // 8)
        for found in _QUOTED_SETTING.finditer(given.text):
            yield found[1], given._replace(text=found[2])


def _set(m: Machine, name: str, value: Value, *, stays: bool = False) -> None:
    if name.lower() == "core.hookspath" and value.text:
        m.emit(Kind.PERSIST, "git config", f"{name}={value.text}")
    elif _RUNS.match(name) and value.text:
        runs = value.text.startswith("!") or not _MARKED.match(name)
        if runs:
            m.evaluate((value._replace(text=value.text.lstrip("!")),), "git config", quiet=True)
        if stays and runs and name.lower().startswith("core.fsmonitor"):
            m.emit(Kind.PERSIST, "git config", f"{name}={value.text}")


def _aliased(m: Machine, call: Call, alias: Value, args: tuple[Value, ...]) -> Values:
    """Follow an alias of git with its arguments: a script after `!`, else a command of git, which is no alias in its turn."""
    if alias.text.startswith("!"):
        script = joined([(alias._replace(text=alias.text[1:]),), *((each,) for each in args)], " ")
        return m.evaluate(script, "git alias", quiet=True)
    words = tuple(Value(word.strip("'\""), alias.origins) for word in alias.text.split())
    m.budget.spend(len(words))
    options = parse(words, _BEFORE, early=True)
    for name, value in _settings(m, options):
        _set(m, name, value)
    if not options.operands:
        return unknown()
    return _followed(m, call, options.operands[0].text, (*options.operands[1:], *args))


def _followed(m: Machine, call: Call, command: str, args: tuple[Value, ...]) -> Values:
    """Follow a command of git."""
    starting = _STARTING.get(command, frozenset())
    options = parse(args, _VALUED | starting)
    for value in options.values(*starting):
        m.evaluate((value,), "git", quiet=True)
    _start(m, call, command, args)
    if command in _REMOTE:
        _connect(m, command, options)
    elif command == "config":
        _configure(m, args)
    elif command == "clean" and options.has("-f", "--force"):
        for each in options.operands or (Value("."),):
            m.touch(Kind.DELETE, "git", each, (Trait.RECURSIVE, Trait.FORCE))
    elif command in {"rm", "mv"}:
        for each in options.operands:
            m.touch(Kind.DELETE if command == "rm" else Kind.WRITE, "git", each)
    elif command == "diff" and options.has("--no-index"):
        return unknown(NO_ORIGINS.union(*(origins_of(m.content(each, "git")) for each in options.operands)))
    return unknown()


def _start(m: Machine, call: Call, command: str, args: tuple[Value, ...]) -> None:
    """Follow the command lines that stand as operands: `bisect run` and `submodule foreach`."""
    rest = parse(args, early=True).operands
    if not rest or (command, rest[0].text) not in {("bisect", "run"), ("submodule", "foreach")}:
        return
    line = parse(rest[1:], early=True).operands if command == "submodule" else rest[1:]
    if len(line) == 1:
        m.evaluate(line, "git", quiet=True)
    elif line:
        m.call(line, call.alone)


def _configure(m: Machine, args: tuple[Value, ...]) -> None:
    options = parse(args, word_set("-f --file --blob --type --comment --value --url"))
    operands = options.operands[options.operands[:1] == (Value("set"),) :]
    if operands:
        value = operands[1] if len(operands) > 1 else Value("")
        _set(m, operands[0].text, value, stays=len(operands) > 1)


def _connect(m: Machine, command: str, options: Options) -> None:
    for value in options.values("--config"):
        name, _, text = value.text.partition("=")
        _set(m, name, value._replace(text=text))
    addresses = [each for each in options.operands if "://" in each.text or REMOTE.match(each.text)]
    traits = (Trait.SENDS,) if command == "push" else ()
    for each in addresses:
        if each.text.startswith("ext::"):
            m.evaluate((each._replace(text=each.text[5:]),), "git", quiet=True)
        m.emit(Kind.CONNECT, "git", remote_address(each.text), traits)
    if not addresses and command != "archive":
        m.emit(Kind.CONNECT, "git", "", traits)
    if command == "clone" and len(options.operands) > 1:
        m.touch(Kind.WRITE, "git", options.operands[1])

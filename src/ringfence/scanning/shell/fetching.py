"""Programs that fetch code: package managers of languages and of systems, and `git`.

The one idea: each gives a connection, and what its settings make it run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.shell.network import REMOTE, remote_address
from ringfence.scanning.shell.options import Options, parse, word_set
from ringfence.scanning.shell.values import EMPTY, NO_ORIGINS, Value, Values, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


REGISTRIES = {
    "pip": "https://pypi.org",
    "pip3": "https://pypi.org",
    "pipx": "https://pypi.org",
    "uv": "https://pypi.org",
    "poetry": "https://pypi.org",
    "npm": "https://registry.npmjs.org",
    "npx": "https://registry.npmjs.org",
    "yarn": "https://registry.npmjs.org",
    "pnpm": "https://registry.npmjs.org",
    "gem": "https://rubygems.org",
    "cargo": "https://crates.io",
    "go": "https://proxy.golang.org",
    "composer": "https://packagist.org",
    "brew": "https://formulae.brew.sh",
    "pipenv": "https://pypi.org",
    "pdm": "https://pypi.org",
    "hatch": "https://pypi.org",
    "rye": "https://pypi.org",
    "bundle": "https://rubygems.org",
}

_FETCHES = word_set("install i add update upgrade download get ci sync require publish tool dlx exec")


_PACKAGES_VALUED = word_set("-i --index-url --extra-index-url --registry -r --requirement -t --target -e -c")
_RUNNERS = frozenset({"uv", "poetry", "pipenv", "bundle", "pdm", "hatch", "rye"})


def packages(m: Machine, call: Call) -> Values:
    """Follow package managers of languages: they fetch from a registry, or from the address that is given."""
    options = parse(call.args, _PACKAGES_VALUED)
    names = [each.text for each in options.operands]
    if call.name in _RUNNERS and names[:1] in (["run"], ["exec"]):
        rest = parse(call.args[call.texts.index(names[0]) + 1 :], _PACKAGES_VALUED, early=True).operands
        return m.call(rest, call.streams) if rest else EMPTY
    if not (call.name == "npx" or _FETCHES & set(names)):
        return unknown()
    given = options.values("-i", "--index-url", "--extra-index-url", "--registry")
    given += [each for each in options.operands if "://" in each.text]
    for address in given or [Value(REGISTRIES[call.name])]:
        m.emit(Kind.CONNECT, call.name, re.sub(r"^git\+", "", address.text))
    for each in options.values("-r", "--requirement"):
        m.content(each, call.name)
    return unknown()


_GIT_REMOTE = frozenset({"clone", "fetch", "pull", "push", "ls-remote", "submodule", "archive"})

_GIT_RUNS = re.compile(
    r"(?:core\.(?:pager|editor|sshcommand|fsmonitor|askpass)|credential\.helper|alias\.\S+|diff\.external|.*\.textconv|filter\..*)$",
    re.IGNORECASE,
)


_GIT_VALUED = word_set("-b --branch --depth -m --upload-pack --receive-pack --config")


def git(m: Machine, call: Call) -> Values:
    """Follow `git`: connections, settings that run commands, files that it removes."""
    before = parse(call.args, {"-C", "-c", "--git-dir", "--work-tree", "--exec-path"}, early=True)
    for value in before.values("-c"):
        _git_setting(m, *value.text.partition("=")[::2])
    if not before.operands:
        return unknown()
    command = before.operands[0].text
    options = parse(before.operands[1:], _GIT_VALUED)
    if command in _GIT_REMOTE:
        _git_remote(m, command, options)
    elif command == "config":
        names = [each.text for each in options.operands]
        _git_setting(m, names[0] if names else "", names[1] if len(names) > 1 else "", stays=len(names) > 1)
    elif command == "clean" and options.has("-f", "--force"):
        for each in options.operands or (Value("."),):
            m.touch(Kind.DELETE, "git", each, (Trait.RECURSIVE, Trait.FORCE))
    elif command in {"rm", "mv"}:
        for each in options.operands:
            m.touch(Kind.DELETE if command == "rm" else Kind.WRITE, "git", each)
    elif command == "diff" and options.has("--no-index"):
        return unknown(NO_ORIGINS.union(*(origins_of(m.content(each, "git")) for each in options.operands)))
    return unknown()


def _git_remote(m: Machine, command: str, options: Options) -> None:
    for value in options.values("--upload-pack", "--receive-pack"):
        m.evaluate((value,), "git", quiet=True)
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


def _git_setting(m: Machine, name: str, value: str, *, stays: bool = False) -> None:
    if name.lower() == "core.hookspath" and value:
        m.emit(Kind.PERSIST, "git config", f"{name}={value}")
    elif _GIT_RUNS.match(name) and value:
        runs = value.startswith("!") or not name.lower().startswith(("alias.", "credential."))
        if runs:
            m.evaluate((Value(value.lstrip("!")),), "git config", quiet=True)
        if stays and runs and name.lower().startswith("core.fsmonitor"):
            m.emit(Kind.PERSIST, "git config", f"{name}={value}")


def system_packages(m: Machine, call: Call) -> Values:
    """Follow package managers of systems: they fetch, and with hooks they run what they are told."""
    options = parse(call.args, {"-o", "-c", "-t"})
    for value in options.values("-o"):
        found = re.match(r"(?:APT|Dpkg)::[\w-]*::?(?:Pre|Post)[\w-]*(?:::)?=(.*)", value.text, re.IGNORECASE)
        if found:
            m.evaluate((value._replace(text=found[1]),), call.name, quiet=True)
    words = {each.text for each in options.operands}
    if words & {
        "install",
        "update",
        "upgrade",
        "dist-upgrade",
        "add",
        "full-upgrade",
        "download",
        "source",
    } or options.has("-S", "-Sy", "-Syu"):
        m.emit(Kind.CONNECT, call.name, "")
    return unknown()

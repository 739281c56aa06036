"""Programs that fetch code: package managers of languages and of systems.

The one idea: each gives a connection, and what its settings make it run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.values import EMPTY, Value, Values, unknown

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

"""Programs that work on files: those that the catalogue describes, and `cat`, `rm`, `dd`, `tar`, `find` and others that take more.

The one idea: every path that a command line names becomes an effect with what is done to it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell import catalogue
from ringfence.scanning.shell.options import Options, parse
from ringfence.scanning.shell.values import EMPTY, Value, Values, joined, origins_of, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call

ENDLESS = frozenset({"/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"})


def by_catalogue(m: Machine, call: Call) -> Values:
    """Follow a program as the catalogue describes it; one that it does not know does nothing but run."""
    row = catalogue.rows().get(call.name)
    if row is None:
        return unknown(origins_of(call.args) | origins_of(call.stdin))
    options = parse(call.args, row.options)
    printed: set[Origin] = set(origins_of(call.stdin) | origins_of(call.args))
    for name, value in options.given:
        if value is not None:
            printed |= do(m, call.name, row.options.get(name, ()), value)
    for kinds, value in _meanings(row, options):
        printed |= do(m, call.name, kinds, value)
    return unknown(printed)


def _meanings(row: catalogue.Row, options: Options) -> Iterable[tuple[tuple[Kind, ...], Value]]:
    """Return what is done to each operand."""
    operands = list(options.operands)
    single = list(row.operands)
    if single and options.has(*row.optional):
        del single[0]
    last = row.last and not options.has("-t", "--target-directory") and len(operands) > 1
    if last:
        yield row.last, operands.pop()
    for value in operands:
        kinds = single.pop(0) if single else row.rest
        if kinds:
            yield kinds, value


def do(
    m: Machine, name: str, kinds: Iterable[Kind], path: Value, traits: Iterable[Trait] = ()
) -> frozenset[Origin]:
    """Note what is done to a path; return where data comes from that is read from it."""
    if path.text == "-":
        return frozenset()
    found: frozenset[Origin] = frozenset()
    for kind in kinds:
        if kind is Kind.READ:
            found |= origins_of(m.content(path, name))
        else:
            m.touch(kind, name, path, traits, path.origins if kind is Kind.DELETE else ())
    return found


def cat(m: Machine, call: Call) -> Values:
    """Return what `cat` prints."""
    operands = parse(call.args).operands
    if not operands:
        return call.stdin
    _note_endless(m, call, operands)
    return joined([call.stdin if each.text == "-" else m.content(each, call.name) for each in operands])


def _note_endless(m: Machine, call: Call, operands: Iterable[Value]) -> None:
    if any(each.text in ENDLESS for each in operands) and any(
        path not in ENDLESS for path, _ in call.streams.files
    ):
        m.emit(Kind.RESOURCE, "fill", call.name, (Trait.EVERYTHING,))


def tee(m: Machine, call: Call) -> Values:
    """Follow `tee`: its input goes to each file, and on."""
    options = parse(call.args)
    append = options.has("-a", "--append")
    for each in options.operands:
        where = m.touch(Kind.WRITE, "tee", each, (Trait.APPEND,) if append else ())
        m.keep(where, call.stdin, append=append)
    return call.stdin


def copy(m: Machine, call: Call) -> Values:
    """Follow `cp`, `mv` and `ln`, with the content of files that is known."""
    row = catalogue.rows()[call.name]
    options = parse(call.args, row.options)
    if call.name == "install" and options.has("-d", "--directory"):
        for each in options.operands:
            m.touch(Kind.WRITE, call.name, each)
        return EMPTY
    meanings = list(_meanings(row, options))
    targets = [value for kinds, value in meanings if kinds == row.last]
    targets += options.values("-t", "--target-directory")
    sources = [value for kinds, value in meanings if kinds != row.last]
    for kinds, value in meanings:
        if kinds != row.last:
            do(m, call.name, kinds, value)
    if not targets and call.name in {"ln", "link"}:
        targets = [Value("./")]
    for target in targets:
        for source in sources:
            where = m.touch(Kind.WRITE, call.name, inside(target, source))
            m.keep(where, m.known_content(m.located(source.text)) or unknown(source.origins))
    return EMPTY


def inside(target: Value, source: Value) -> Value:
    """Return where something ends that is copied: below the target where that is spelt like a folder."""
    if not target.text.endswith("/"):
        return target
    name = source.text.rstrip("/").rpartition("/")[2]
    plain = name not in {"", ".", ".."} and not set(name) & set("*?[")
    return target._replace(text=target.text + (name if plain else HOLE))


def remove(m: Machine, call: Call) -> Values:
    """Follow `rm`."""
    options = parse(call.args)
    traits = [Trait.RECURSIVE] if options.has("-r", "-R", "--recursive") else []
    traits += [Trait.FORCE] if options.has("-f", "--force") else []
    for each in options.operands:
        do(m, call.name, (Kind.DELETE,), each, traits)
        if LOG.search(each.text):
            m.emit(Kind.DISABLE, "log", m.located(each.text))
    return EMPTY


LOG = re.compile(r"^/var/log(?:/|$)|/\.(?:bash|zsh|sh)_history$|^~?/?\.?(?:bash|zsh)_history$")


_MODE_VALUED = frozenset({"--reference"})
_SETUID = re.compile(r"[ug]*a?[+=][rwxXt]*s[rwxXst]*$|[+]s$")


def chmod(m: Machine, call: Call) -> Values:
    """Follow `chmod`: what the mode means for each file."""
    args = [each for each in call.args if not re.fullmatch(r"-[Rcfv]+", each.text)]
    options = parse(
        [each for each in args if not re.fullmatch(r"-[rwxstXugo,+=-]+", each.text)], _MODE_VALUED
    )
    modes = [each for each in args if re.fullmatch(r"-[rwxstXugo,+=-]+", each.text)]
    operands = list(options.operands)
    if not modes and not options.has("--reference") and operands:
        modes = [operands.pop(0)]
    traits = _mode_traits("".join(each.text for each in modes))
    if any(re.fullmatch(r"-[cfv]*R[cfv]*", each.text) for each in call.args):
        traits.append(Trait.RECURSIVE)
    for each in operands:
        m.touch(Kind.PERMIT, "chmod", each, traits)
        if Trait.SETUID in traits:
            m.emit(Kind.PRIVILEGE, "setuid", m.located(each.text), traits)
    return EMPTY


def _mode_traits(mode: str) -> list[Trait]:
    traits: list[Trait] = []
    if mode.isdigit():
        digits = mode.rjust(4, "0")
        setuid, others = _sets_user(digits), int(digits[-1])
        open_to_all, runs = others & 2, any(int(digit) & 1 for digit in digits[-3:])
    else:
        setuid = any(_SETUID.search(part) for part in mode.split(","))
        open_to_all = bool(re.search(r"(?:^|,)(?:[ug]*[oa][ugoa]*)[+=][rxXst]*w", mode))
        runs = bool(re.search(r"[+=][rwst]*[xX]", mode))
    traits += [Trait.SETUID] if setuid else []
    traits += [Trait.OPEN_TO_ALL] if open_to_all else []
    return traits + ([Trait.EXECUTABLE] if runs else [])


def _sets_user(digits: str) -> bool:
    """Return whether a mode gives a program rights: 2775 is no such mode but what a folder that a group shares has."""
    special, group = int(digits[-4]), int(digits[-2])
    return bool(special & 4) or (bool(special & 2) and not group & 2)


def listing(m: Machine, call: Call) -> Values:
    """Follow `ls` and its relatives: without an operand they list the working folder."""
    row = catalogue.rows()[call.name]
    operands = parse(call.args, row.options).operands
    for each in operands or (Value("."),):
        m.touch(Kind.LIST, call.name, each)
    if call.name == "tree":
        for each in parse(call.args, {"-o"}).values("-o"):
            m.touch(Kind.WRITE, "tree", each)
    of_processes = any(m.located(each.text).rstrip("/") == "/proc" for each in operands)
    return unknown({Origin.PROCESSES} if of_processes else ())

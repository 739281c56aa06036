"""Programs that move much at once: `dd`, `tar`, `truncate`, and `sed`, which rewrites files.

The one idea: what goes in, what comes out, and what would never end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell import catalogue, text
from ringfence.scanning.shell.files import ENDLESS, LOG, do
from ringfence.scanning.shell.options import Options, parse, word_set
from ringfence.scanning.shell.state import origins_of_path
from ringfence.scanning.shell.values import EMPTY, Value, Values, origins_of, together, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


_HUGE = 10 * 2**30

_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50, "e": 60}


def truncate(m: Machine, call: Call) -> Values:
    """Follow `truncate` and `fallocate`: files that are emptied or made enormous."""
    row = catalogue.rows()[call.name]
    options = parse(call.args, row.options)
    size = "".join(value.text for value in options.values("-s", "--size", "-l", "--length"))
    if _bytes(size) >= _HUGE:
        m.emit(Kind.RESOURCE, "fill", f"{call.name} {size}", (Trait.EVERYTHING,))
    for each in options.operands:
        m.touch(Kind.WRITE, call.name, each)
        if size in {"0", ""} and LOG.search(each.text):
            m.emit(Kind.DISABLE, "log", each.text)
    return EMPTY


def _bytes(size: str) -> int:
    found = re.fullmatch(r"[+<>/%-]?(\d{1,15})([kmgtpe])?i?b?", size.strip().lower())
    return int(found[1]) << _UNITS.get(found[2] or "", 0) if found else 0


def dd(m: Machine, call: Call) -> Values:
    """Follow `dd`."""
    given = {
        name: value._replace(text=rest)
        for value in call.args
        for name, _, rest in [value.text.partition("=")]
    }
    source, target = given.get("if"), given.get("of")
    content = m.content(source, "dd") if source else call.stdin
    if target:
        m.keep(m.touch(Kind.WRITE, "dd", target), content)
    if source and source.text in ENDLESS and (target is None or not target.text.startswith("/dev/")):
        size = (_bytes(given["bs"].text) if "bs" in given else 512) * (
            _bytes(given["count"].text) if "count" in given else 0
        )
        known = "count" in given and given["count"].known
        if (not known and (target or call.streams.files)) or size >= _HUGE:
            m.emit(Kind.RESOURCE, "fill", "dd", (Trait.EVERYTHING,))
    return EMPTY if target else content


_TAR_VALUED = word_set(
    "-f --file -C --directory -T --files-from -X --exclude-from --exclude --transform --xform -I "
    "--use-compress-program --to-command --checkpoint-action -g --listed-incremental -b "
    "--strip-components --owner --group --mode -N"
)


def tar(m: Machine, call: Call) -> Values:
    """Follow `tar`: what goes into an archive, what comes out of it, and the programs that it may start."""
    args = call.args
    if args and args[0].text and not args[0].text.startswith("-"):
        args = (args[0]._replace(text=f"-{args[0].text}"), *args[1:])
    options = parse(args, _TAR_VALUED)
    for value in options.values("--to-command", "-I", "--use-compress-program", "--checkpoint-action"):
        command = value.text.removeprefix("exec=")
        m.evaluate((value._replace(text=command),), "tar", quiet=True)
    for value in options.values("-T", "--files-from", "-X", "--exclude-from"):
        do(m, "tar", (Kind.READ,), value)
    return (
        _pack(m, options, call)
        if options.has("-c", "--create", "-r", "-u", "--append")
        else _unpack(m, options)
    )


def _pack(m: Machine, options: Options, call: Call) -> Values:
    kept = m.directory
    folders = options.values("-C", "--directory")
    if folders:
        m.directory = m.located(folders[-1].text)
    found: list[Values] = [(Value(HOLE, origins_of(call.stdin)),)]
    for each in options.operands:
        m.touch(Kind.READ, "tar", each, (Trait.RECURSIVE,))
        found.append(unknown(origins_of_path(m.located(each.text))))
    m.directory = kept
    printed = unknown(origins_of(value for values in found for value in values))
    for archive in options.values("-f", "--file"):
        if archive.text != "-":
            m.keep(m.touch(Kind.WRITE, "tar", archive), printed)
    return printed


def _unpack(m: Machine, options: Options) -> Values:
    origins: frozenset[Origin] = frozenset()
    for archive in options.values("-f", "--file"):
        origins |= do(m, "tar", (Kind.READ,), archive)
    if options.has("-x", "--extract", "--get"):
        for folder in options.values("-C", "--directory"):
            m.touch(Kind.WRITE, "tar", folder)
        if options.has("-P", "--absolute-names"):
            m.emit(Kind.WRITE, "tar", f"/{HOLE}")
    return unknown(origins)


def sed(m: Machine, call: Call) -> Values:
    """Follow `sed`: in-place changes, the files that its script reads and writes, and the commands that it runs."""
    options = parse(call.args, {"-e", "-f", "--expression", "--file", "-l", "--line-length"})
    operands = list(options.operands)
    scripts = options.values("-e", "--expression")
    if not scripts and not options.has("-f", "--file") and operands:
        scripts = [operands.pop(0)]
    for each in options.values("-f", "--file"):
        do(m, "sed", (Kind.READ,), each)
    for script in scripts:
        _sed_script(m, script)
    in_place = any(name.startswith("-i") or name == "--in-place" for name, _ in options.given)
    given = (
        together(*(m.content(each, "sed") for each in operands if each.text != "-"))
        if operands
        else call.stdin
    )
    if in_place:
        for each in operands:
            m.touch(Kind.WRITE, "sed", each)
        return EMPTY
    return text.substituted(m, given, scripts[0].text) if len(scripts) == 1 else unknown(origins_of(given))


def _sed_script(m: Machine, script: Value) -> None:
    found = re.search(r"(?:^|[;}\n])\s*(?:\d+|\$)?\s*e[ \t]+([^\n;]+)", script.text)
    if found:
        m.evaluate((script._replace(text=found[1]),), "sed", quiet=True)
    for kind, pattern in (
        (Kind.WRITE, r"(?:^|[;}\n/\d$|#])[ \t]*[wW][ \t]+(/[^\s;}]+)"),
        (Kind.READ, r"(?:^|[;}\n\d$])[ \t]*[rR][ \t]+(/[^\s;}]+)"),
    ):
        for path in re.findall(pattern, script.text):
            m.touch(kind, "sed", Value(path))

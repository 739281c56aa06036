"""The shell's own commands: those that change its state, run text, or read into variables.

The one idea: whatever changes what later words mean must change it here, too.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell.options import parse
from ringfence.scanning.shell.values import BREAK, EMPTY, Value, Values, joined, origins_of, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


def nothing(m: Machine, call: Call) -> Values:  # noqa: ARG001 - every program has the same shape
    """Follow a command that changes nothing here."""
    return EMPTY


def pwd(m: Machine, call: Call) -> Values:  # noqa: ARG001 - likewise
    """Return the working folder."""
    return (Value(m.directory or "."),)


def cd(m: Machine, call: Call) -> Values:
    """Change the working folder."""
    operands = parse(call.args).operands
    target = operands[0].text if operands else "~"
    if target == "-" or call.name == "popd":
        m.directory = HOLE
    elif target not in {"", "."}:
        m.directory = m.located(target)
    return EMPTY


def evaluate(m: Machine, call: Call) -> Values:
    """Follow `eval`: its arguments are one script."""
    args = call.args[1:] if call.args and call.args[0].text == "--" else call.args
    return m.evaluate(joined([(each,) for each in args], " "), "eval", stdin=call.streams.stdin, always=True)


def source(m: Machine, call: Call) -> Values:
    """Follow `source` and `.`: the script is in a file."""
    if not call.args:
        return EMPTY
    path = call.args[0]
    content = call.stdin if path.text in {"/dev/stdin", "-"} else m.content(path, "source")
    m.emit(Kind.RUN, posixpath.basename(path.text) or path.text, path.text)
    kept = m.positional
    if len(call.args) > 1:
        m.positional = [(each,) for each in call.args[1:]]
    piped = path.text.startswith("/dev/")
    printed = m.evaluate(
        tuple(each for each in content if each.known or _from_outside(each)), "source", piped=piped
    )
    m.positional = kept
    return printed


def _from_outside(value: Value) -> bool:
    return bool(value.origins & {Origin.NETWORK, Origin.DECODED, Origin.ARGUMENT})


def declare(m: Machine, call: Call) -> Values:
    """Follow `export`, `declare` and the like where they print; what they assign the machine knows."""
    for each in call.args:
        name, equals, text = each.text.partition("=")
        m.subscripts((each._replace(text=name),))
        if equals and name.isidentifier():
            m.assign(name, (each._replace(text=text),))
            m.note_special(name, m.variables[name])
    if call.name in {"export", "declare", "typeset"} and (call.texts or ["-p"])[0] in {"-p", "-x", "-px"}:
        m.emit(Kind.ENVIRONMENT, call.name, "", (Trait.EVERYTHING,))
        return unknown({Origin.ENVIRONMENT, Origin.CREDENTIALS})
    return EMPTY


def unset(m: Machine, call: Call) -> Values:
    """Follow `unset`."""
    m.subscripts(call.args)
    for each in call.texts:
        m.variables.pop(each, None)
        if each in {"HISTFILE", "HISTSIZE", "HISTFILESIZE"}:
            m.emit(Kind.DISABLE, "history", f"unset {each}")
    return EMPTY


def history(m: Machine, call: Call) -> Values:
    """Follow `history`."""
    if any(text in {"-c", "-d", "-cw", "-wc"} for text in call.texts):
        m.emit(Kind.DISABLE, "history", " ".join(("history", *call.texts)))
    return unknown({Origin.USER})


def options(m: Machine, call: Call) -> Values:
    """Follow `set` and `shopt`: arguments, the history, and the list of all variables."""
    if call.name == "set" and not call.args:
        m.emit(Kind.ENVIRONMENT, "set", "", (Trait.EVERYTHING,))
        return unknown({Origin.ENVIRONMENT, Origin.CREDENTIALS})
    if "+o history" in " ".join(call.texts):
        m.emit(Kind.DISABLE, "history", "set +o history")
    if call.name == "set" and "--" in call.texts:
        m.positional = [(each,) for each in call.args[call.texts.index("--") + 1 :]]
    elif call.name == "set" and not call.texts[0].startswith(("-", "+")):
        m.positional = [(each,) for each in call.args]
    return EMPTY


def shift(m: Machine, call: Call) -> Values:
    """Follow `shift`."""
    count = int(call.texts[0]) if call.args and call.texts[0].isdigit() and len(call.texts[0]) < 4 else 1  # noqa: PLR2004 - digits
    if m.positional is not None:
        m.positional = m.positional[count:]
    return EMPTY


def read(m: Machine, call: Call) -> Values:
    """Follow `read`: variables get words from the input."""
    given = parse(call.args, {"-p", "-d", "-n", "-N", "-t", "-u", "-i", "-a"})
    names = [each.text for each in given.operands] + [each.text for each in given.values("-a")]
    held = call.streams.stdin
    m.subscripts((*given.operands, *given.values("-a")))
    for value in given.values("-u"):
        held = unknown({Origin.NETWORK}) if value.text in m.connections else held
    for number, name in enumerate(names or ["REPLY"]):
        m.assign(name, _word(held, number, last=number == len(names) - 1))
    return EMPTY


def _word(held: Values | None, number: int, *, last: bool) -> Values:
    """Return one of the words of the lines that are read; those of input that nobody gives are the user's."""
    if held is None:
        return unknown({Origin.ARGUMENT})
    found: list[Value] = []
    for value in held:
        for line in value.text.strip("\n").split("\n")[:16]:
            words = line.split(None, number if last else -1)
            text = words[number] if number < len(words) else HOLE if HOLE in line else ""
            found.append(Value(text, value.origins))
    return tuple(dict.fromkeys(found))[:16] or unknown(origins_of(held))


def mapfile(m: Machine, call: Call) -> Values:
    """Follow `mapfile`: an array gets the lines of the input."""
    given = parse(call.args, {"-d", "-n", "-O", "-s", "-u", "-C", "-c"})
    name = given.operands[0].text if given.operands else "MAPFILE"
    m.assign(
        name, tuple(each._replace(text=each.text.strip("\n").replace("\n", BREAK)) for each in call.stdin)
    )
    for value in given.values("-C"):
        m.evaluate((value,), "mapfile", quiet=True)
    return EMPTY


def let(m: Machine, call: Call) -> Values:
    """Follow `let`, which calculates its arguments, and `getopts`, which sets the variable that it is given."""
    m.calculated(call.args)
    return EMPTY


def trap(m: Machine, call: Call) -> Values:
    """Follow `trap`: a script that runs later."""
    args = [each for each in call.args if each.text != "--"]
    if len(args) > 1 and not args[0].text.startswith("-"):
        m.evaluate((args[0],), "trap")
    return EMPTY


def alias(m: Machine, call: Call) -> Values:
    """Follow `alias`."""
    for each in call.texts:
        name, equals, text = each.partition("=")
        if equals:
            m.aliases[name] = text
    return EMPTY


def execute(m: Machine, call: Call) -> Values:
    """Follow `exec`: the command takes the place of the shell; without one, redirections stay."""
    given = parse(call.args, {"-a"}, early=True)
    return m.call(given.operands, call.streams) if given.operands else EMPTY


def test(m: Machine, call: Call) -> Values:
    """Follow `test` and `[`."""
    m.examine([(each,) for each in call.args])
    return EMPTY


def hash_command(m: Machine, call: Call) -> Values:
    """Follow `hash -p path name`: the name stands for the path from then on."""
    if len(call.args) > 2 and call.texts[0] == "-p":  # noqa: PLR2004 - option, path, name
        m.aliases[call.texts[2]] = call.texts[1]
    return EMPTY

"""Programs that make text from text, followed for text that is known: `echo`, `printf`, `base64`, `tr`, `rev`, and the like.

The one idea: what a script decodes before it runs it must be decoded here, too; what cannot be followed keeps where it comes from.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Origin
from ringfence.scanning.shell.options import Options, parse
from ringfence.scanning.shell.quoting import ansi_c
from ringfence.scanning.shell.values import MOST_CHARACTERS, Value, Values, cut, origins_of, together, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call

DECODED = frozenset({Origin.DECODED})


def echo(m: Machine, call: Call) -> Values:
    """Return what `echo` prints."""
    args = list(call.args)
    escapes, newline = False, "\n"
    while args and re.fullmatch(r"-[neE]+", args[0].text):
        flags = args.pop(0).text
        escapes, newline = escapes or "e" in flags, "" if "n" in flags else newline
    text = " ".join(value.text for value in args)
    m.budget.spend(len(text) // 16)
    return (
        Value(
            cut((ansi_c(text) if escapes or ("\\" in text and "\\x" in text) else text) + newline),
            origins_of(args),
        ),
    )


_FORMAT = re.compile(r"%(?:%|[-+ 0#]*(?:\d+|\*)?(?:\.(?:\d+|\*))?([a-zA-Z]))")


def printf(m: Machine, call: Call) -> Values:
    """Return what `printf` prints; `-v name` assigns it instead."""
    args = list(call.args)
    if args and len(args[0].text) > 2 and args[0].text.startswith("-v"):  # noqa: PLR2004 - the name in the same word
        args[:1] = [Value("-v"), args[0]._replace(text=args[0].text[2:])]
    target = args[1].text if len(args) > 2 and args[0].text == "-v" else ""  # noqa: PLR2004 - option, name, format
    args = args[2:] if target else args[1:] if args and args[0].text == "--" else args
    if not args:
        return unknown()
    form, rest = ansi_c(args[0].text), [value.text for value in args[1:]]
    text = _formatted(form, rest)
    m.budget.spend((len(text) + len(rest)) // 16)
    printed = (Value(cut(text), origins_of(args)),)
    if not target:
        return printed
    m.subscripts((Value(target),))
    m.assign(target, printed)
    return (Value(""),)


def _formatted(form: str, rest: list[str]) -> str:
    waiting = list(reversed(rest))
    done: list[str] = []
    while True:
        before = len(waiting)
        done.append(_FORMAT.sub(lambda found: _converted(found, waiting), form))
        if not waiting or len(waiting) == before or len(done) > 1000:  # noqa: PLR2004 - more is a hole
            return "".join(done) + (HOLE if waiting and len(waiting) != before else "")


def _converted(found: re.Match[str], waiting: list[str]) -> str:
    if found[0] == "%%":
        return "%"
    text = waiting.pop() if waiting else ""
    match found[1]:
        case "s" | "q":
            return text
        case "b":
            return ansi_c(text)
        case "c":
            return text[:1]
        case _:
            return _number(text, found[1]) if found[1] in "xXodiu" else HOLE


def _number(text: str, form: str) -> str:
    if text[:1] in {"'", '"'}:
        number = ord(text[1:2] or "\0")
    elif re.fullmatch(r"-?\d{1,18}", text):
        number = int(text)
    elif re.fullmatch(r"0[xX][0-9A-Fa-f]{1,16}", text):
        number = int(text, 16)
    else:
        return HOLE
    return format(number, form if form in "xXo" else "d")


def changed(
    m: Machine, given: Values, change: Callable[[str], str | None], extra: frozenset[Origin] = DECODED
) -> Values:
    """Return texts after a change; with a hole where it cannot be told."""
    found: list[Value] = []
    for value in given:
        m.budget.spend(len(value.text) // 4 + 1)
        text = change(value.text) if value.known else None
        found.append(Value(cut(text) if text is not None else HOLE, value.origins | extra))
    return tuple(found)


def input_of(m: Machine, call: Call, operands: tuple[Value, ...]) -> Values:
    if not operands or operands[0].text == "-":
        return call.stdin
    return together(*(m.content(each, call.name) for each in operands))


def tac(m: Machine, call: Call) -> Values:
    """Return what `tac` prints."""
    given = input_of(m, call, parse(call.args, {"-s"}).operands)
    return changed(
        m, given, lambda text: "\n".join(reversed(text.rstrip("\n").split("\n"))) + "\n", frozenset()
    )


def tr(m: Machine, call: Call) -> Values:
    """Return what `tr` prints."""
    options = parse(call.args)
    sets = [_set(value.text) for value in options.operands]
    maps_letters = len(sets) > 1 and sum(c.isalpha() for c in sets[0] or "") > 1
    extra = DECODED if maps_letters else frozenset()
    return changed(m, call.stdin, lambda text: _translated(text, options, sets), extra)


def _translated(text: str, options: Options, sets: list[str | None]) -> str | None:
    delete, squeeze, complement = options.has("-d"), options.has("-s"), options.has("-c", "-C")
    if not sets or any(each is None for each in sets) or (complement and not delete):
        return None
    first, second = sets[0] or "", (sets[1] or "") if len(sets) > 1 else ""
    if delete:
        return "".join(c for c in text if (c in first) == complement)
    if second:
        padded = second + second[-1] * (len(first) - len(second))
        text = text.translate({ord(a): b for a, b in reversed(list(zip(first, padded, strict=False)))})
    squeezed = second or first
    return re.sub(rf"([{re.escape(squeezed)}])\1+", r"\1", text) if squeeze and squeezed else text


_CLASSES = {
    "[:upper:]": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "[:lower:]": "abcdefghijklmnopqrstuvwxyz",
    "[:digit:]": "0123456789",
    "[:space:]": " \t\n\r\f\v",
    "[:blank:]": " \t",
}
_SPAN = re.compile(r"(.)-(.)", re.DOTALL)
_WIDEST = 512


def _set(text: str) -> str | None:
    if HOLE in text:
        return None
    for name, members in _CLASSES.items():
        text = text.replace(name, members)
    text = ansi_c(text)
    spanned = _SPAN.sub(
        lambda found: "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1)[:_WIDEST])), text
    )
    return spanned[:MOST_CHARACTERS]


def head(m: Machine, call: Call) -> Values:
    """Return what `head` and `tail` print of known text."""
    options = parse(call.args, {"-n", "-c", "--lines", "--bytes", "-s", "--pid"})
    given = input_of(m, call, options.operands)
    numbers = [value.text for value in options.values("-n", "--lines")]
    if options.values("-c", "--bytes") or (numbers and not numbers[0].lstrip("+-").isdigit()):
        return changed(m, given, lambda _: None, frozenset())
    digits = "".join(name[1:] for name, _ in options.given if name[1:].isdigit())
    count = (numbers[0] if numbers else digits or "10")[:9]
    return changed(m, given, lambda text: _lines(text, call.name, count), frozenset())


def _lines(text: str, name: str, count: str) -> str:
    lines = text.rstrip("\n").split("\n")
    if name == "head":
        kept = lines[: int(count)] if not count.startswith("+") else lines
    elif count.startswith("+"):
        kept = lines[max(int(count) - 1, 0) :]
    else:
        kept = lines[-abs(int(count)) :] if int(count) else []
    return "\n".join(kept) + "\n"


def cut_fields(m: Machine, call: Call) -> Values:
    """Return what `cut` prints of known text: single characters and single fields."""
    options = parse(call.args, {"-d", "-f", "-c", "-b", "--delimiter", "--fields", "--characters"})
    given = input_of(m, call, options.operands)
    picked = "".join(value.text for value in options.values("-c", "-b", "-f", "--fields", "--characters"))
    between = "".join(value.text for value in options.values("-d", "--delimiter")) or "\t"
    if not re.fullmatch(r"\d{1,5}(?:-\d{1,5})?", picked):
        return changed(m, given, lambda _: None, frozenset())
    first, _, last = picked.partition("-")
    start, end = int(first) - 1, int(last or first)
    if options.has("-c", "-b", "--characters"):
        return changed(
            m, given, lambda text: "\n".join(line[start:end] for line in text.split("\n")), frozenset()
        )
    return changed(
        m,
        given,
        lambda text: "\n".join(between.join(line.split(between)[start:end]) for line in text.split("\n")),
        frozenset(),
    )


_SUBSTITUTED = re.compile(
    r"s(?P<d>[/|#@,!:])(?P<old>(?:\\.|(?!(?P=d))[^\\])*)(?P=d)(?P<new>(?:\\.|(?!(?P=d))[^\\])*)(?P=d)(?P<flags>g?)",
    re.DOTALL,
)


def substituted(m: Machine, given: Values, program: str) -> Values:
    """Return what `sed` prints of known text, for substitutions of literal text."""
    found = _SUBSTITUTED.fullmatch(program.strip())
    if found is None or re.search(r"[.*\[\]^$+?(){}|]", found["old"]) or re.search(r"[&\\]", found["new"]):
        return changed(m, given, lambda _: None, frozenset())
    old, count = re.sub(r"\\(.)", r"\1", found["old"]), -1 if found["flags"] else 1
    return changed(
        m,
        given,
        lambda text: "\n".join(line.replace(old, found["new"], count) for line in text.split("\n")),
        frozenset(),
    )


def rot13(text: str) -> str:
    """Return a text with each letter moved by thirteen places."""
    return codecs.encode(text, "rot13")

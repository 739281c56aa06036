"""Interpreters: shells, and Python, Node, Perl, Ruby, PHP, awk and others with code on the command line or on their standard input.

Code in a language that the scanner knows is handed on to its analyser. Of other languages only what stands in plain sight is read:
commands in strings, paths in strings, and sockets beside shells. The one idea: code from elsewhere is worse than code that is known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Kind, Language, Origin, Trait
from ringfence.scanning.shell.foreign import foreign, note_bridge
from ringfence.scanning.shell.options import parse
from ringfence.scanning.shell.state import shown
from ringfence.scanning.shell.values import EMPTY, Value, Values, origins_of, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call

_UNKNOWN = "unknown"
"""Stands in code for a part that is not known, so that the rest of it is still code."""


def shell(m: Machine, call: Call) -> Values:
    """Follow a shell: a script in an option, in a file or on the standard input, or none at all."""
    options = parse(_flags(call.args), {"-c", "-O", "+O", "--rcfile", "--init-file", "-o"}, early=True)
    for each in options.values("--rcfile", "--init-file"):
        m.content(each, call.name)
    scripts = options.values("-c")
    if scripts:
        return _script(m, call, scripts[0], options.operands)
    if options.operands and not options.has("-s"):
        return _file(m, call, options.operands[0], options.operands[1:])
    if call.streams.network:
        m.emit(Kind.BRIDGE, call.name, call.streams.network)
    m.roles.append(("shell", ""))
    if call.streams.stdin is None:
        return EMPTY
    return m.apart(lambda: m.evaluate(call.stdin, call.name, piped=True))


def _flags(args: tuple[Value, ...]) -> list[Value]:
    """Return arguments with `-lc` and `-ic` and the like in an order in which `-c` is the last."""
    return [
        each._replace(text="-" + each.text[1:].replace("c", "") + "c") if re.fullmatch(r"-[a-z]*c[a-z]+", each.text) else each
        for each in args
    ]  # fmt: skip


def _script(m: Machine, call: Call, script: Value, operands: tuple[Value, ...]) -> Values:
    kept, program = m.positional, m.program
    m.positional = [(each,) for each in operands[1:]]
    m.program = operands[0] if operands else Value(call.name)
    if call.streams.network and re.search(r"\b(?:ba|da|z|k)?sh\b", script.text):
        m.emit(Kind.BRIDGE, call.name, call.streams.network)
    piped = bool(script.origins & {Origin.NETWORK, Origin.DECODED})
    printed = m.apart(lambda: m.evaluate((script,), f"{call.name} -c", stdin=call.streams.stdin, piped=piped))
    m.positional, m.program = kept, program
    return printed


def _file(m: Machine, call: Call, path: Value, operands: tuple[Value, ...]) -> Values:
    kept, m.positional = m.positional, [(each,) for each in operands]
    where = m.located(path.text)
    content = call.stdin if path.text in {"-", "/dev/stdin"} else m.known_content(where)
    if content is None:
        content = m.content(path, call.name)
        content = tuple(each for each in content if each.origins & {Origin.NETWORK, Origin.DECODED})
    piped = where.startswith("/dev/") or path.text == "-"
    printed = (
        m.apart(lambda: m.evaluate(content, call.name, stdin=call.streams.stdin, piped=piped))
        if content
        else unknown()
    )
    m.positional = kept
    return printed


class _Interpreter(NamedTuple):
    """How an interpreter takes code: the options before it, the language where the scanner knows it, options that take a value."""

    code: frozenset[str]
    language: Language | None = None
    valued: frozenset[str] = frozenset()


def _interpreter(code: str, language: Language | None = None, valued: str = "") -> _Interpreter:
    return _Interpreter(frozenset(code.split()), language, frozenset(valued.split()))


INTERPRETERS = {
    "python": _interpreter("-c", Language.PYTHON, "-m -W -X --check-hash-based-pycs"),
    "node": _interpreter("-e --eval -p --print -pe", Language.JAVASCRIPT, "-r --require --import --loader"),
    "deno": _interpreter("eval", Language.JAVASCRIPT, ""),
    "bun": _interpreter("-e --eval", Language.JAVASCRIPT, ""),
    "perl": _interpreter("-e -E", None, "-M -I -m -F"),
    "ruby": _interpreter("-e", None, "-r -I -E"),
    "php": _interpreter("-r -B -R", None, "-d -c -S -t"),
    "lua": _interpreter("-e", None, "-l"),
    "Rscript": _interpreter("-e", None),
    "osascript": _interpreter("-e", None, "-l"),
    "tclsh": _interpreter("", None),
    "expect": _interpreter("-c", None, "-f"),
    "pwsh": _interpreter("-c -Command -command -EncodedCommand -enc", None, "-File"),
    "julia": _interpreter("-e", None),
    "groovy": _interpreter("-e", None),
    "psql": _interpreter(
        "-c --command", Language.SQL, "-h -p -U -d -f -o --host --port --username --dbname --file"
    ),
    "mysql": _interpreter("-e --execute", Language.SQL, "-h -P -u -D --host --port --user --database"),
    "mariadb": _interpreter("-e --execute", Language.SQL, "-h -P -u -D"),
    "sqlite3": _interpreter("", Language.SQL, "-cmd -separator -init"),
}
SAME = {
    "python2": "python", "python3": "python", "pypy": "python", "pypy3": "python", "ipython": "python", "nodejs": "node",
    "lua5.3": "lua", "lua5.4": "lua", "luajit": "lua", "irb": "ruby", "jruby": "ruby", "powershell": "pwsh", "php8": "php",
    "python2.7": "python", **{f"python3.{minor}": "python" for minor in range(6, 16)},
}  # fmt: skip
"""Other names of the same interpreters."""


def interpreter(m: Machine, call: Call) -> Values:
    """Follow an interpreter: what code it runs."""
    known = INTERPRETERS[SAME.get(call.name, call.name)]
    args = _without_in_place(m, call)
    options = parse(args, known.code | known.valued, early=known.language is not Language.SQL)
    codes = options.values(*known.code)
    operands = options.operands
    if known.language is Language.SQL:
        _connects(m, call, options.values("-h", "--host"))
        if call.name == "sqlite3" and operands:
            m.touch(Kind.WRITE, call.name, operands[0])
            codes = [*codes, *operands[1:]]
    if call.name == "deno" and len(operands) > 1 and operands[0].text == "eval":
        codes = [operands[1]]
    if (
        not codes
        and operands
        and known.language is not Language.SQL
        and operands[0].text not in {"-", "/dev/stdin"}
    ):
        return _code_file(m, call, operands[0], known)
    if not codes and not options.has("-m", "-V", "--version", "-v") and not options.values("-m"):
        codes = list(call.streams.stdin or ())
        _run(m, call, codes, known, piped=True)
    else:
        _run(m, call, codes, known, piped=False)
    for each in operands if codes and known.language is None else ():
        m.content(each, call.name)
    return unknown(origins_of(call.stdin) | origins_of(codes))


def _without_in_place(m: Machine, call: Call) -> tuple[Value, ...]:
    """Return the arguments without Perl's and Ruby's `-i`, which changes the files that follow, and its bundles taken apart."""
    if call.name not in {"perl", "ruby"}:
        return call.args
    found: list[Value] = []
    for each in call.args:
        bundle = re.fullmatch(r"-([lnpaw0i.\d~bak]*?)([eE])", each.text)
        if re.match(r"-[lnpaw0]*i", each.text):
            for path in call.args[call.args.index(each) + 2 :]:
                m.touch(Kind.WRITE, call.name, path)
        found.append(each._replace(text=f"-{bundle[2]}") if bundle else each)
    return tuple(found)


def _connects(m: Machine, call: Call, hosts: list[Value]) -> None:
    for host in hosts:
        m.emit(Kind.CONNECT, call.name, host.text)


def _code_file(m: Machine, call: Call, path: Value, known: _Interpreter) -> Values:
    where = m.located(path.text)
    content = m.known_content(where)
    if content is None:
        content = tuple(each for each in m.content(path, call.name) if Origin.NETWORK in each.origins)
    _run(m, call, content, known, piped=where.startswith("/dev/"))
    return unknown(origins_of(call.args))


def _run(m: Machine, call: Call, codes: Iterable[Value], known: _Interpreter, *, piped: bool) -> None:
    for code in codes:
        if code.origins or not code.known:
            m.emit(Kind.EVALUATE, call.name, code.text, (Trait.PIPED,) if piped else (), code.origins)
        text = code.text.replace(HOLE, _UNKNOWN)
        if not text.strip() or text.strip() == _UNKNOWN:
            continue
        if known.language is not None:
            m.emit(Kind.RUN, call.name, shown((Value(call.name), *call.args)), nested=(known.language, text))
        if known.language is not Language.SQL:
            note_bridge(m, call.name, text)
        if known.language is None:
            foreign(m, call.name, text)

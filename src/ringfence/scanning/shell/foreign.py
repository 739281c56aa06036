"""Code of languages that have no analyser: Perl, Ruby, PHP, awk, editors. Only what stands in plain sight is read.

The one idea: commands in strings, paths in strings, and a socket beside a shell can be seen without a parser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.shell.options import parse
from ringfence.scanning.shell.quoting import ansi_c
from ringfence.scanning.shell.values import EMPTY, Value, Values, origins_of, together, unknown

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call


_SOCKET = re.compile(
    r"\b(?:socket|fsockopen|TCPSocket|IO::Socket|Socket|stream_socket_client|net\.(?:connect|Socket|createConnection)|pfsockopen|TCPClient|/inet/tcp)\b|/inet/tcp",
    re.IGNORECASE,
)

_STARTS = re.compile(
    r"\b(?:pty\.spawn|dup2|os\.system|subprocess|exec|system|spawn|popen|proc_open|shell_exec|passthru|fdopen|iex|Invoke-Expression|execl|execve)\b",
    re.IGNORECASE,
)

_A_SHELL = re.compile(
    r"/bin/(?:ba|da|z|k|c|a)?sh\b|\bcmd\.exe\b|['\"](?:ba|da|z|k)?sh['\"]|['\"](?:ba)?sh -i|\biex\b|pty\.spawn",
    re.IGNORECASE,
)


def note_bridge(m: Machine, name: str, code: str) -> None:
    """Note code that joins a socket to a shell."""
    m.budget.spend(len(code) // 8 + 1)
    if _SOCKET.search(code) and _STARTS.search(code) and _A_SHELL.search(code):
        m.emit(Kind.BRIDGE, name, "")


_STRING = r"""(?:"((?:[^"\\]|\\.){0,4000})"|'((?:[^'\\]|\\.){0,4000})')"""

_COMMANDS = re.compile(
    rf"(?:\b(?:system|exec|shell_exec|passthru|popen|spawn|os\.execute|io\.popen|do shell script|qx|open3|capture2e?)\b\s*+\(?+\s*+){_STRING}|`([^`]{{1,4000}})`|%x[{{(]([^)}}]{{1,4000}})[)}}]"
)

_OPENED = re.compile(
    rf"\b(?:open|File\.(?:read|open|readlines|foreach)|IO\.read\w*|file_get_contents|fopen|readfile|file|io\.open|read_file|slurp|include|require)\b\s*+\(?+\s*+(?:my\s++)?(?:\$?\w++\s*+,\s*+)?(?:['\"]<['\"]\s*+,\s*+)?{_STRING}"
)

_WRITTEN = re.compile(
    rf"\b(?:File\.write|file_put_contents|IO\.write)\b\s*+\(?+\s*+{_STRING}|\bopen\s*+\(?+\s*+(?:my\s++)?\$?\w++\s*+,\s*+['\"]>{{1,2}}['\"]\s*+,\s*+{_STRING}"
)

_DELETED = re.compile(
    rf"\b(?:unlink|rmtree|remove_tree|File\.delete|FileUtils\.rm\w*|rmdir|os\.remove)\b\s*+\(?+\s*+{_STRING}"
)

_TREES = re.compile(r"rmtree|remove_tree|FileUtils\.rm_r")


def foreign(m: Machine, name: str, code: str) -> None:
    """Note what stands in plain sight in code of a language that has no analyser."""
    m.budget.spend(len(code) // 4 + 1)
    for found in _COMMANDS.finditer(code):
        m.evaluate((Value(_content(found)),), name, quiet=True)
    for kind, pattern in ((Kind.READ, _OPENED), (Kind.WRITE, _WRITTEN), (Kind.DELETE, _DELETED)):
        for found in pattern.finditer(code):
            path = _content(found)
            if kind is Kind.READ and path[:1] in {">", "|", "<"}:
                _old_open(m, name, path)
            elif path:
                m.touch(kind, name, Value(path), (Trait.RECURSIVE,) if _TREES.match(found[0]) else ())


def _old_open(m: Machine, name: str, path: str) -> None:
    """Follow Perl's `open` with the mode and the path in one string."""
    if path.startswith("|"):
        m.evaluate((Value(path[1:]),), name, quiet=True)
    else:
        m.touch(Kind.WRITE if path.startswith(">") else Kind.READ, name, Value(path.lstrip("<> ")))


def _content(found: re.Match[str]) -> str:
    return ansi_c(next((group for group in found.groups() if group is not None), ""))


_AWK_RUNS = re.compile(
    r'\bsystem\s*\(\s*"((?:[^"\\]|\\.){1,4000})"|\|&?\s*"((?:[^"\\]|\\.){1,4000})"|"((?:[^"\\]|\\.){1,4000})"\s*\|&?\s*getline'
)

_AWK_JOINED = re.compile(r"\bsystem\s*\(\s*[^\")\s]|\bsystem\s*\(\s*\"(?:[^\"\\]|\\.)*\"\s*[^)\s]")

_AWK_READS = re.compile(r'getline\s*(?:\w+\s*)?<\s*"([^"]{1,400})"')

_AWK_WRITES = re.compile(r'>{1,2}\s*"(/[^"]{1,400})"')


def awk(m: Machine, call: Call) -> Values:
    """Follow awk: the files that it reads, and the commands and files of its program."""
    options = parse(
        call.args, {"-F", "-v", "-f", "-e", "-i", "--field-separator", "--assign", "--file", "--source"}
    )
    operands = list(options.operands)
    programs = options.values("-e", "--source")
    if not programs and not options.has("-f", "--file") and operands:
        programs = [operands.pop(0)]
    for program in programs:
        _awk_program(m, call, program)
    origins = origins_of(call.stdin)
    for each in [*options.values("-f", "--file"), *operands]:
        if "=" not in each.text:
            origins |= origins_of(m.content(each, "awk"))
    return _constant(programs) or unknown(origins | origins_of(programs))


def _constant(programs: list[Value]) -> Values:
    """Return what a program prints that only prints a text."""
    found = (
        re.fullmatch(r'\s*BEGIN\s*\{\s*printf?\s*"((?:[^"\\]|\\.)*)"\s*;?\s*\}\s*', programs[0].text)
        if programs
        else None
    )
    return (
        (
            Value(
                ansi_c(found[1]),
                programs[0].origins | {Origin.DECODED} if "\\" in found[1] else programs[0].origins,
            ),
        )
        if found
        else ()
    )


def _awk_program(m: Machine, call: Call, program: Value) -> None:
    code = program.text
    m.budget.spend(len(code) // 4 + 1)
    for found in _AWK_RUNS.finditer(code):
        command = _content(found)
        if command not in {"sort", "cat 1>&2", "cat >&2"}:
            m.evaluate((Value(command, program.origins),), "awk", quiet=True)
    if _AWK_JOINED.search(code):
        m.emit(Kind.RUN, "awk", HOLE)
        if Origin.NETWORK in origins_of(call.stdin):
            m.emit(Kind.EVALUATE, "awk", HOLE, (Trait.PIPED,), origins_of(call.stdin))
    for path in _AWK_READS.findall(code):
        if path.startswith("/inet/"):
            parts = path.split("/")
            m.emit(Kind.BRIDGE, "awk", ":".join(parts[-2:]))
        elif path != "-":
            m.touch(Kind.READ, "awk", Value(path))
    for path in _AWK_WRITES.findall(code):
        m.touch(Kind.WRITE, "awk", Value(path))
    if "/inet/tcp" in code and "getline" in code:
        m.emit(Kind.BRIDGE, "awk", "")


def editor(m: Machine, call: Call) -> Values:
    """Follow `vim -c ':!command'` and `ed` scripts."""
    options = parse(call.args, {"-c", "--cmd", "-S", "-s", "-u"})
    for value in options.values("-c", "--cmd"):
        found = re.match(r":?!(.*)", value.text, re.DOTALL)
        if found:
            m.evaluate((value._replace(text=found[1]),), call.name, quiet=True)
    for value in call.stdin:
        for command in re.findall(r"(?m)^!(.*)$", value.text):
            m.evaluate((Value(command, value.origins),), call.name, quiet=True)
    printed = (
        together(*(m.content(each, call.name) for each in options.operands)) if options.operands else EMPTY
    )
    for each in options.operands:
        m.touch(Kind.WRITE, call.name, each)
    return printed

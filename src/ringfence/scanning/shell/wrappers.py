"""Programs that start others: `sudo`, `env`, `xargs`, `timeout`, `docker exec` and the like.

The one idea: what is started is a command line of its own, whatever stands before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.shell.options import parse, word_set
from ringfence.scanning.shell.values import (
    EMPTY,
    MOST_VALUES,
    Value,
    Values,
    joined,
    together,
    unknown,
)

if TYPE_CHECKING:
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.streams import Call

SHELLS = frozenset(
    {"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "csh", "tcsh", "rbash", "mksh", "busybox-sh"}
)


class _Wrapper(NamedTuple):
    """How a program takes the command line that it starts.

    Attributes:
        valued: its options that take a value.
        skipped: how many operands stand before the command line.
        scripts: options whose value is a script for a shell.

    """

    valued: frozenset[str] = frozenset()
    skipped: int = 0
    scripts: frozenset[str] = frozenset()


def _wrapper(valued: str = "", skipped: int = 0, scripts: str = "") -> _Wrapper:
    return _Wrapper(frozenset((valued + " " + scripts).split()), skipped, frozenset(scripts.split()))


WRAPPERS: dict[str, _Wrapper] = {
    "nohup": _wrapper(),
    "setsid": _wrapper(),
    "nice": _wrapper("-n --adjustment"),
    "ionice": _wrapper("-c -n -p"),
    "chrt": _wrapper("-p -T -P -D", 1),
    "taskset": _wrapper("-p", 1),
    "timeout": _wrapper("-s -k --signal --kill-after", 1),
    "gtimeout": _wrapper("-s -k --signal --kill-after", 1),
    "stdbuf": _wrapper("-i -o -e --input --output --error"),
    "unbuffer": _wrapper(),
    "time": _wrapper("-f -o --format --output"),
    "command": _wrapper(),
    "builtin": _wrapper(),
    "coproc": _wrapper(),
    "strace": _wrapper("-o -e -p -s -u -P"),
    "ltrace": _wrapper("-o -e -p -s -u"),
    "caffeinate": _wrapper("-t -w"),
    "fakeroot": _wrapper(),
    "proot": _wrapper("-r -b -w"),
    "firejail": _wrapper(),
    "setarch": _wrapper("", 1),
    "linux64": _wrapper(),
    "linux32": _wrapper(),
    "eatmydata": _wrapper(),
    "dbus-run-session": _wrapper(),
    "xvfb-run": _wrapper("-s -n -e -f -p --server-args"),
    "cgexec": _wrapper("-g"),
    "prlimit": _wrapper("-p --pid"),
    "setpriv": _wrapper("--reuid --regid --groups --inh-caps --ambient-caps"),
    "systemd-run": _wrapper("-u --unit -p --property -t --on-active --on-calendar --on-boot --uid --gid"),
    "start-stop-daemon": _wrapper("-x --exec -p --pidfile -u --user -c --chuid -n --name -d --chdir"),
    "flock": _wrapper("-w -E --timeout", 1, "-c --command"),
    "watch": _wrapper("-n --interval"),
    "script": _wrapper("-t -T", 1, "-c --command"),
    "runuser": _wrapper("-u -g -G -s", 0, "-c --command"),
    "sg": _wrapper("", 1, "-c"),
    "chroot": _wrapper("--userspec --groups", 1),
    "unshare": _wrapper("-S -G --setuid --setgid -R -w"),
    "nsenter": _wrapper("-t --target -S -G"),
    "capsh": _wrapper("--uid --gid --user --drop --caps", 0, "-c"),
    "screen": _wrapper("-S -d -r -X -p -c -t -L -s"),
    "poetry-run": _wrapper(),
    "entr": _wrapper(),
    "catchsegv": _wrapper(),
    "torsocks": _wrapper(),
    "torify": _wrapper(),
    "proxychains": _wrapper("-f"),
    "proxychains4": _wrapper("-f"),
    "expect": _wrapper("", 9, ""),
    "toybox": _wrapper(),
    "busybox": _wrapper(),
}  # fmt: skip
_RUNS_TEXT = frozenset({"watch"})
"""These join their operands to one script."""


def wrapper(m: Machine, call: Call) -> Values:
    """Follow a program that starts the rest of its command line."""
    known = WRAPPERS[call.name]
    options = parse(call.args, known.valued, early=True)
    if call.name == "command" and options.has("-v", "-V"):
        return unknown()
    for value in options.values(*known.scripts):
        return m.evaluate((value,), f"{call.name} -c", stdin=call.streams.stdin)
    if call.name == "start-stop-daemon":
        operands = (*options.values("-x", "--exec"), *options.operands)
    else:
        operands = options.operands[known.skipped :]
    if not operands:
        return EMPTY
    if call.name in _RUNS_TEXT:
        return m.evaluate(joined([(each,) for each in operands], " "), call.name, stdin=call.streams.stdin)
    return m.call(operands, call.streams)


def env(m: Machine, call: Call) -> Values:
    """Follow `env`: variables for one command, or the list of all of them."""
    options = parse(call.args, {"-u", "--unset", "-C", "--chdir", "-S", "--split-string"}, early=True)
    operands = list(options.operands)
    for value in options.values("-S", "--split-string"):
        operands = [Value(word, value.origins) for word in value.text.split()] + operands
    while operands and re.match(r"[A-Za-z_]\w*=", operands[0].text):
        name, _, text = operands[0].text.partition("=")
        m.assign(name, (operands.pop(0)._replace(text=text),))
        m.note_special(name, m.variables[name])
    if operands:
        return m.call(operands, call.streams)
    return all_variables(m, call)


def all_variables(m: Machine, call: Call) -> Values:
    """Follow `env` and `printenv` where they print variables."""
    names = [each.text for each in call.args if not each.text.startswith("-") and "=" not in each.text]
    for name in names:
        m.emit(Kind.ENVIRONMENT, call.name, name)
    if not names:
        m.emit(Kind.ENVIRONMENT, call.name, "", (Trait.EVERYTHING,))
    return unknown({Origin.ENVIRONMENT, Origin.CREDENTIALS} if not names else {Origin.ENVIRONMENT})


_SUDO_VALUED = word_set(
    "-u -g -p -C -D -h -R -r -t -T -U --user --group --prompt --chdir --host --role --type"
)


def sudo(m: Machine, call: Call) -> Values:
    """Follow `sudo`, `doas`, `pkexec` and `run0`: a command with another user's rights."""
    options = parse(call.args, _SUDO_VALUED, early=True)
    operands = list(options.operands)
    while operands and re.match(r"[A-Za-z_]\w*=", operands[0].text):
        operands.pop(0)
    if options.has("-l", "--list", "-v", "-k", "-K", "-V") and not operands:
        m.emit(Kind.PRIVILEGE, call.name, " ".join(call.texts))
        return unknown()
    program = operands[0].text.rpartition("/")[2] if operands else ""
    scripted = any(each.text == "-c" or not each.text.startswith("-") for each in operands[1:])
    shell = options.has("-i", "-s", "--login", "--shell") and not operands
    shell = shell or (program in SHELLS and not scripted and call.streams.stdin is None) or program == "su"
    m.emit(
        Kind.PRIVILEGE,
        call.name,
        " ".join(each.text for each in operands),
        (Trait.INTERACTIVE,) if shell else (),
    )
    if options.has("-e", "--edit") or call.name == "sudoedit":
        for each in operands:
            m.touch(Kind.WRITE, call.name, each)
        return EMPTY
    return m.call(operands, call.streams) if operands else EMPTY


def su(m: Machine, call: Call) -> Values:
    """Follow `su`."""
    options = parse(call.args, {"-c", "--command", "-s", "--shell", "-g", "-G", "-w"})
    scripts = options.values("-c", "--command")
    users = [each.text for each in options.operands if each.text != "-"]
    m.emit(Kind.PRIVILEGE, "su", users[0] if users else "root", () if scripts else (Trait.INTERACTIVE,))
    if not scripts and call.streams.stdin is not None:
        return m.evaluate(call.stdin, "su", piped=True)
    return (
        together(*(m.evaluate((each,), "su -c", stdin=call.streams.stdin) for each in scripts))
        if scripts
        else EMPTY
    )


_XARGS_VALUED = word_set(
    "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-args --max-procs --replace --max-lines -R -S"
)


def xargs(m: Machine, call: Call) -> Values:
    """Follow `xargs`: a command with what is read as its last arguments, or in place of a mark."""
    options = parse(_with_old_replace(call.args), _XARGS_VALUED, early=True)
    given = call.stdin
    for each in options.values("-a", "--arg-file"):
        given = m.content(each, "xargs")
    line = options.operands or (Value("echo"),)
    marks = [value.text for value in options.values("-I", "--replace")] or (
        ["{}"] if options.has("-i", "--replace") else []
    )
    printed = []
    for value in given:
        items = _items(
            value,
            whole=bool(marks),
            null=options.has("-0", "--null"),
            between="".join(each.text for each in options.values("-d", "--delimiter")),
        )
        printed += [m.call(row, call.alone) for row in _rows(line, items, marks)]
    return together(*printed) if printed else EMPTY


def _with_old_replace(args: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the arguments with `-i` and `-i{}` spelt as they are today."""
    return tuple(
        each._replace(text=f"-I{each.text[2:]}") if re.fullmatch(r"-i.+", each.text) else each
        for each in args
    )


def _items(value: Value, *, whole: bool, null: bool, between: str) -> list[Value]:
    if null:
        texts = [value.text]
    elif between:
        texts = value.text.split(between.replace("\\n", "\n").replace("\\0", "\0") or "\n")
    else:
        texts = value.text.split("\n") if whole else value.text.split()
    return [Value(text.strip("\n '\""), value.origins) for text in texts if text.strip()][: MOST_VALUES * 4]


def _rows(line: tuple[Value, ...], items: list[Value], marks: list[str]) -> list[tuple[Value, ...]]:
    if not marks:
        return [(*line, *items)]
    mark = marks[0]
    return [
        tuple(Value(each.text.replace(mark, item.text), each.origins | item.origins) if mark in each.text else each for each in line)
        for item in items[:MOST_VALUES]
    ]  # fmt: skip


def parallel(m: Machine, call: Call) -> Values:
    """Follow `parallel`: a command for each of the arguments after `:::`, or for each line that is read."""
    options = parse(
        call.args, {"-j", "--jobs", "-a", "-N", "-n", "--colsep", "-S", "--timeout", "-I"}, early=True
    )
    texts = [each.text for each in options.operands]
    cut = next((number for number, text in enumerate(texts) if text.startswith(":::")), len(texts))
    line, items = options.operands[:cut], list(options.operands[cut + 1 :])
    if not items:
        items = [item for value in call.stdin for item in _items(value, whole=True, null=False, between="")]
    if not line:
        return together(*(m.evaluate((item,), "parallel", piped=True) for item in items)) if items else EMPTY
    marks = ["{}"] if any("{}" in each.text for each in line) else []
    rows = _rows(line, items, marks) if marks else [(*line, item) for item in items[:MOST_VALUES]]
    scripts = tuple(Value(" ".join(each.text for each in row)) for row in rows)
    return m.evaluate(scripts, "parallel", quiet=True)

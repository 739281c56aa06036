"""Command lines that are ready: which program, function, alias or script they start.

What programs do stands in the modules beside. The one idea: a name leads through aliases, functions and written files to a program.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, cast

from ringfence.policy.match import fits
from ringfence.scanning.effects import HOLE, Kind, Origin, Trait
from ringfence.scanning.paths.catalogue import PROGRAM_FOLDERS
from ringfence.scanning.shell.options import word_set
from ringfence.scanning.shell.state import shown
from ringfence.scanning.shell.streams import Call, Redirections, Streams
from ringfence.scanning.shell.syntax import (
    Places,
)
from ringfence.scanning.shell.values import (
    EMPTY,
    Value,
    Values,
    origins_of,
    together,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from collections.abc import Sequence as Row

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.machine import Machine
    from ringfence.scanning.shell.syntax import Function, Node, Place

BUILTINS = word_set(
    ": . [ alias bg break builtin cd command continue declare dirs disown echo eval exec exit "
    "export false fc fg getopts hash help history jobs let local logout mapfile popd printf pushd "
    "pwd read readarray readonly return set shift shopt source test times trap true type typeset "
    "ulimit umask unalias unset wait"
)
"""Commands that start no process."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_FEWEST_LITERAL = 2
_LIKELY = word_set(
    "cat rm sh bash nc curl wget dd cp mv head tail less tac nl chmod chown kill python3 perl "
    "base64 sudo tee ln find grep"
)
"""Programs that a pattern such as `/???/c?t` is meant for."""


class Calls(Redirections):
    """Follows command lines and scripts in scripts.

    Arguments:
        budget: what may still be spent.
        read: from a text, its places and its depth to the scripts that it may be read as.
        programs: what each program and builtin does, by name; the empty name is that of all others.

    """

    def __init__(
        self,
        budget: Budget,
        read: Callable[[str, Places, Budget, int], Iterable[Node]],
        programs: Mapping[str, Callable[[Machine, Call], Values]],
    ) -> None:
        super().__init__(budget)
        self._read = read
        self._programs = programs
        self._depth = 0
        self._guessing = False
        self._guesses: dict[str, tuple[str, ...]] = {}
        self._aliases_followed: list[str] = []
        self._functions_followed: list[Function] = []
        self._called: set[str] = set()
        self._subscripts: list[str] = []
        self._scripts: dict[tuple[str, Place], tuple[Node, ...]] = {}

    def call(self, line: Row[Value], streams: Streams) -> Values:
        """Follow one command line and return what it may print."""
        head, args = line[0], tuple(line[1:])
        self.budget.spend(1 + len(args))
        name = posixpath.basename(head.text.rstrip("/")) or head.text
        received = head.origins & {Origin.NETWORK, Origin.DECODED}
        if received:
            self.emit(Kind.EVALUATE, "command", head.text, (Trait.PIPED,), head.origins)
        if head.text in self.aliases and head.text not in self._aliases_followed:
            return self._alias(head.text, args, streams)
        if head.text in self.functions:
            return self._function(head.text, args, streams)
        written = self.known_content(self.located(head.text)) if "/" in head.text else None
        if written is not None:
            self.emit(Kind.RUN, name, shown(line))
            return self.evaluate(written, head.text, stdin=streams.stdin)
        names = self._names(name, _FEWEST_LITERAL - head.text.startswith("/"))
        if names == (name,):
            return self._program(name, line, args, streams)
        self._guessing = True
        printed = [self._program(each, line, args, streams) for each in names]
        self._guessing = False
        return together(*printed)

    def _names(self, name: str, fewest: int) -> tuple[str, ...]:
        """Return the programs that a name may stand for: the likeliest that a pattern fits, or the name itself.

        A pattern with fewer letters than `fewest` is some program of a folder, as in `for s in *; do "./$s"; done`.
        """
        if name in {"[", "[["} or not any(c in name for c in "*?[") or self._guessing:
            return (name,)
        if sum(map(str.isalnum, name)) < fewest:
            return (name,)
        found = self._guesses.get(name)
        if found is None:
            self.budget.spend(len(self._programs))
            found = self._guesses[name] = tuple(each for each in sorted(_LIKELY) if fits(each, name)) or (
                name,
            )
        return found

    def _program(self, name: str, line: Row[Value], args: tuple[Value, ...], streams: Streams) -> Values:
        known = self._programs.get(name)
        if name not in BUILTINS:
            started = shown((Value(name), *args)) if name not in line[0].text else shown(line)
            found_in = "" if "/" in line[0].text else self._searched_first()
            self.emit(Kind.RUN, name, f"{found_in}{started}")
        call = Call(name, args, streams)
        if known is None:
            known = self._programs[""]
        return known(cast("Machine", self), call)

    def _searched_first(self) -> str:
        """Return the folder, with its slash, that comes first in a PATH that the script sets; nothing for one of the system's."""
        for value in self.variables.get("PATH", ()):
            folder = value.text.partition(":")[0]
            if folder and HOLE not in folder and folder.rstrip("/") not in PROGRAM_FOLDERS:
                return folder.rstrip("/") + "/"
        return ""

    def _alias(self, name: str, args: tuple[Value, ...], streams: Streams) -> Values:
        self._aliases_followed.append(name)
        text = " ".join((self.aliases[name], *(_requoted(each.text) for each in args)))
        printed = self.evaluate((Value(text),), "alias", stdin=streams.stdin, quiet=True)
        self._aliases_followed.pop()
        return printed

    def _function(self, name: str, args: tuple[Value, ...], streams: Streams) -> Values:
        self._called.add(name)
        function = self.functions[name]
        if sum(each is function for each in self._functions_followed) > 1:
            return unknown(origins_of(args))
        self._functions_followed.append(function)
        kept, self.positional = self.positional, [_passed(each) for each in args]
        printed = self.run(function.body, streams.stdin)
        self.positional = kept
        self._functions_followed.pop()
        return printed

    def follow_uncalled(self) -> None:
        """Follow the functions that nothing in the script calls, since what reads it may call them."""
        for name in [name for name in self.functions if name not in self._called]:
            self.positional = None
            self.apart(lambda name=name: self.run(self.functions[name].body))  # type: ignore[misc]

    def evaluate(
        self,
        values: Values,
        name: str,
        *,
        stdin: Values | None = None,
        piped: bool = False,
        quiet: bool = False,
        always: bool = False,
    ) -> Values:
        """Follow text that a shell runs.

        Arguments:
            values: the texts that it may be.
            name: what runs it.
            stdin: what its commands may read.
            piped: whether it is read from another command.
            quiet: whether it is no evaluation of its own, such as an alias.
            always: whether it counts as one even where the text is known, as with `eval`.

        Returns:
            What it may print.

        """
        printed: list[Values] = []
        for value in values:
            if not quiet and (always or value.origins or not value.known):
                traits = (Trait.PIPED,) if piped else ()
                self.emit(Kind.EVALUATE, name, value.text, traits, value.origins)
            printed += [self.run(script, stdin) for script in self._parsed(value.text)]
        return together(*printed) if printed else EMPTY

    def prompted(self, value: Value) -> None:
        """Follow the substitutions in a text that is expanded as a prompt."""
        if "$(" in value.text or "`" in value.text:
            plain = value.text.replace("\\", "").replace('"', "")
            self.evaluate((value._replace(text=f': "{plain}"'),), "prompt", quiet=True)

    def subscripts(self, values: Values) -> None:
        """Follow the substitutions in texts that are names of variables: a shell expands what stands in their brackets."""
        for value in values:
            if "[" in value.text and value.text not in self._subscripts:
                self._subscripts.append(value.text)
                self.prompted(value)
                self._subscripts.pop()

    def calculated(self, values: Values) -> None:
        """Follow the substitutions in texts that are calculated: in brackets, and in what the variables in them hold."""
        waiting, seen = list(values), set[str]()
        while waiting:
            value = waiting.pop()
            self.budget.spend(len(value.text) // 8 + 1)
            self.subscripts((value,))
            for name in _NAME.findall(value.text):
                if name not in seen:
                    seen.add(name)
                    waiting += self.variables.get(name, ())

    def is_known(self, name: str) -> bool:
        """Return whether a name is that of a program, function or alias whose doings are known."""
        name = posixpath.basename(name) or name
        return bool(name) and (name in self._programs or name in self.functions or name in self.aliases)

    def _parsed(self, text: str) -> tuple[Node, ...]:
        if not text.strip(HOLE + " \t\n") or "\0" in text:
            return ()
        key = (text, self.place)
        found = self._scripts.get(key)
        if found is None:
            self.budget.spend(len(text))
            found = self._scripts[key] = tuple(
                self._read(text, Places("", self.place), self.budget, self._depth)
            )
        return found


def _passed(value: Value) -> Values:
    """Return an argument as the function sees it: known or not, it comes through a parameter."""
    return (Value(value.text, value.origins | {Origin.ARGUMENT}),)


def _requoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if not text.isalnum() else text

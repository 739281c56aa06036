"""The machine: follows the commands of a script in their order, knows what variables may hold, and collects effects.

What single programs do stands in the modules beside it. The one idea: nothing is run, but everything is followed as if both branches
of every condition were taken, so that a variable may come to hold several texts and a command several command lines.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Kind, Trait, Unscannable
from ringfence.scanning.shell import expand
from ringfence.scanning.shell.calls import Calls
from ringfence.scanning.shell.options import word_set
from ringfence.scanning.shell.shapes import body_of, calls_of
from ringfence.scanning.shell.syntax import (
    Branches,
    Command,
    Each,
    Function,
    Loop,
    Output,
    Parameter,
    Pipeline,
    Redirected,
    Sequence,
    Subshell,
    Test,
)
from ringfence.scanning.shell.values import (
    BREAK,
    EMPTY,
    MOST_VALUES,
    Value,
    Values,
    combinations,
    joined,
    together,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Sequence as Row

    from ringfence.scanning.shell.syntax import Assignment, Node, Word

MOST_FOLLOWED = 40
"""How deep functions, substitutions and scripts in scripts are followed."""

_HISTORY = frozenset({"HISTFILE", "HISTSIZE", "HISTFILESIZE"})

_LOADED = frozenset({"LD_PRELOAD", "LD_AUDIT", "DYLD_INSERT_LIBRARIES"})

_RUN_LATER = word_set(
    "PROMPT_COMMAND GIT_SSH GIT_SSH_COMMAND GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_EXTERNAL_DIFF "
    "GIT_PROXY_COMMAND GIT_ASKPASS SSH_ASKPASS PAGER MANPAGER SYSTEMD_PAGER LESSOPEN EDITOR VISUAL "
    "SUDO_EDITOR SYSTEMD_EDITOR FCEDIT KUBE_EDITOR KUBECTL_EXTERNAL_DIFF SVN_SSH RSYNC_RSH BROWSER"
)

_EXPANDED = frozenset({"PS0", "PS1", "PS2", "PS4", "BASH_ENV", "ENV"})

_NUMBER_TESTS = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})

_FILE_TESTS = frozenset(f"-{letter}" for letter in "abcdefghkprsuwxLSNOG")


class Machine(Calls):
    """Follows scripts; see `Calls` for the arguments."""

    _loops = 0
    """How many loops are around what is followed."""

    def run(self, node: Node, stdin: Values | None = None) -> Values:
        """Follow commands and return what they may print."""
        self.budget.spend()
        self._depth += 1
        if self._depth > MOST_FOLLOWED:
            raise Unscannable("too-deep", "it nests too deep: write it flatter", self.place.line)
        try:
            return self._follow(node, stdin)
        finally:
            self._depth -= 1

    def _follow(self, node: Node, stdin: Values | None) -> Values:  # noqa: C901, PLR0911 - one line for each kind of node
        match node:
            case Command():
                return self._command(node, stdin)
            case Sequence():
                return self._sequence(node, stdin)
            case Pipeline():
                return self._pipeline(node, stdin)
            case Subshell():
                return self.apart(lambda: self.run(node.body, stdin))
            case Redirected():
                return self._redirected(node, stdin)
            case Branches():
                return self._branches(node, stdin)
            case Loop():
                return self._loop(node, stdin)
            case Each():
                return self._each(node, stdin)
            case Function():
                self.functions[node.name] = node
                self._note_bomb(node)
                return EMPTY
            case Test():
                return self._test(node)

    def _sequence(self, node: Sequence, stdin: Values | None) -> Values:
        printed: list[Values] = []
        for item in node.items:
            self._doubt += item.doubtful
            if item.background:
                printed.append(self.apart(lambda node=item.node: self.run(node, stdin)))  # type: ignore[misc]
            else:
                printed.append(self.run(item.node, stdin))
            self._doubt -= item.doubtful
        return joined([each for each in printed if each != EMPTY])

    def _pipeline(self, node: Pipeline, stdin: Values | None) -> Values:
        before, self.roles = self.roles, []
        shell = False
        for stage in node.stages:
            known = len(self.roles)
            stdin = self.apart(lambda stage=stage, stdin=stdin: self.run(stage, stdin))  # type: ignore[misc]
            for role, address in self.roles[known:]:
                if role == "network" and shell:
                    self.emit(Kind.BRIDGE, "shell", address)
            shell = shell or any(role == "shell" for role, _ in self.roles[known:])
        self.roles = before + self.roles
        return stdin if stdin is not None else EMPTY

    def apart(self, follow: Callable[[], Values]) -> Values:
        """Follow something in a shell of its own: what it sets is lost."""
        self.budget.spend(len(self.variables) // 8 + 1)
        kept = dict(self.variables), self.directory, self.positional
        printed = follow()
        self.variables, self.directory, self.positional = kept
        return printed

    def _branches(self, node: Branches, stdin: Values | None) -> Values:
        for word in node.words:
            expand.value(self, word)
        printed = [self.run(node.head, stdin)]
        self._doubt += 1
        branches = [self.run(body, stdin) for body in node.bodies]
        self._doubt -= 1
        return joined([*printed, together(*branches)] if branches else printed)

    def _loop(self, node: Loop, stdin: Values | None) -> Values:
        self._doubt += 1
        self._loops += 1
        before = len(self.effects)
        printed = EMPTY
        for _ in range(2 if self._loops <= 2 else 1):  # noqa: PLR2004 - twice, so that what one round sets the next one sees
            self.run(node.head, stdin)
            printed = self.run(node.body, stdin)
        self._loops -= 1
        self._doubt -= 1
        if node.endless:
            self._note_endless(node, list(self.effects)[before:])
        return joined([printed, unknown()]) if printed != EMPTY else EMPTY

    def _each(self, node: Each, stdin: Values | None) -> Values:
        if node.words is None:
            choices = self.arguments(BREAK)
        else:
            choices = tuple(each for word in node.words for row in expand.fields(self, word) for each in row)
        choices = tuple(Value(part, each.origins) for each in choices for part in each.text.split(BREAK))
        self._doubt += 1
        self._loops += 1
        printed: list[Values] = []
        for start in range(0, max(len(choices), 1), MOST_VALUES):
            self.variables[node.name] = choices[start : start + MOST_VALUES] or EMPTY
            for _ in range(2 if self._loops <= 2 else 1):  # noqa: PLR2004 - likewise
                printed = [*printed[:8], self.run(node.body, stdin)]
        self._loops -= 1
        self._doubt -= 1
        self.assign(node.name, choices[:MOST_VALUES] or EMPTY)
        return joined([each for each in printed if each != EMPTY])

    def _test(self, node: Test) -> Values:
        self.place = node.place
        words = [expand.value(self, word) for word in node.words]
        self.examine(words)
        for number, word in enumerate(words):
            if any(each.text in _NUMBER_TESTS for each in word):
                for operand in (*words[max(number - 1, 0) : number], *words[number + 1 : number + 2]):
                    self.calculated(operand)
        return EMPTY

    def examine(self, words: Row[Values]) -> None:
        """Note which files a condition asks about."""
        for operator, operand in pairwise(words):
            if operator[0].text in _FILE_TESTS:
                for each in operand:
                    self.touch(Kind.LIST, "test", each)
            elif operator[0].text in {"-v", "-R"}:
                self.subscripts(operand)

    def _command(self, node: Command, stdin: Values | None) -> Values:
        self.place, self.text = node.place, node.text
        rows = self._lines(node.words)
        streams = self.opened(node.redirects, stdin)
        if not rows:
            for assignment in node.assignments:
                self.assign_word(assignment)
            self._store(streams, streams.stdin or EMPTY, "shell")
            return EMPTY
        kept = self._set_for_one(node.assignments)
        printed = []
        for row in rows:
            self.place, self.text = node.place, node.text
            printed.append(self.call(row, streams))
            rest = self._without_holes(node.words, row)
            if rest:
                printed.append(self.call(rest, streams))
        for name, values in kept.items():
            if values is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = values
        evaluates = any(re.match(r"-[A-Za-z]*[in]", word.text) for word in node.words[1:])
        for assignment in node.declared:
            self.assign_word(assignment, local=node.words[0].text in {"local", "declare", "typeset"})
            if evaluates:
                self.calculated(self.variables.get(assignment.name, EMPTY))
        out = together(*printed)
        return EMPTY if self._store(streams, out, rows[0][0].text) else out

    def _without_holes(self, words: Row[Word], row: Row[Value]) -> Row[Value]:
        """Return what is left of a command line if expansions before the name of a program come to nothing."""
        skipped = 0
        for word, each in zip(words, row, strict=False):
            self.budget.spend()
            if each.text.strip(HOLE) or not each.text or not _may_vanish(word):
                break
            skipped += 1
        rest = row[skipped:] if skipped else ()
        return rest if rest and self.is_known(rest[0].text) else ()

    def _set_for_one(self, assignments: Iterable[Assignment]) -> dict[str, Values | None]:
        """Set variables for one command; return what they held before."""
        kept: dict[str, Values | None] = {}
        for assignment in assignments:
            kept.setdefault(assignment.name, self.variables.get(assignment.name))
            self.assign_word(assignment)
        return kept

    def _lines(self, words: Iterable[Word]) -> list[tuple[Value, ...]]:
        """Return the command lines that words may come to."""
        alternatives = [expand.fields(self, word) for word in words]
        count = 1
        for rows in alternatives:
            count *= len(rows)
        if count == 1:
            lines = [tuple(each for rows in alternatives for each in rows[0])]
        else:
            positions = [tuple(Value(str(number)) for number in range(len(rows))) for rows in alternatives]
            lines = [
                tuple(
                    each
                    for rows, number in zip(alternatives, chosen, strict=True)
                    for each in rows[int(number.text)]
                )
                for chosen in combinations(positions)
            ]
        self.budget.spend(sum(len(line) for line in lines))
        return [line for line in lines if line]

    def assign_word(self, assignment: Assignment, *, local: bool = False) -> None:
        """Follow `name=value` and its relatives."""
        if assignment.array:
            rows = [
                together(*(tuple(row) for row in expand.fields(self, word))) for word in assignment.values
            ]
            values = joined([*rows, EMPTY] if len(rows) == 1 else rows, BREAK) if rows else EMPTY
        else:
            values = expand.value(self, assignment.values[0])
        if assignment.inside is not None:
            expand.value(self, assignment.inside)
        if assignment.key:
            self._assign_element(assignment.name, assignment.key, values)
            return
        if assignment.append and assignment.name in self.variables:
            between = BREAK if assignment.array else ""
            values = joined([self.variables[assignment.name], values], between)
        self.assign(assignment.name, values, local=local)
        self.note_special(assignment.name, values)

    def _redirected(self, node: Redirected, stdin: Values | None) -> Values:
        self.place, self.text = node.place, ""
        streams = self.opened(node.redirects, stdin)
        printed = self.run(node.body, streams.stdin)
        self.place = node.place
        return EMPTY if self._store(streams, printed, "shell") else printed

    def _assign_element(self, name: str, key: str, values: Values) -> None:
        """Let an element of an array hold one of some texts, besides all others that it holds."""
        self.calculated((Value(key),))
        keyed = tuple(each._replace(text=f"[{key}]={each.text}") for each in values)
        before = self.variables.get(name)
        self.variables[name] = joined([before, keyed], BREAK) if before else joined([keyed, EMPTY], BREAK)

    def note_special(self, name: str, values: Values) -> None:
        """Note what variables do that programs obey: no history, a library that every program loads, commands that run later."""
        for value in values:
            if name in _HISTORY and value.text in {"", "0", "/dev/null"}:
                self.emit(Kind.DISABLE, "history", f"{name}={value.text}")
            if name in _LOADED and value.text:
                self.emit(Kind.NATIVE, name, value.text, origins=value.origins)
            if name in _RUN_LATER and value.text:
                self.evaluate((value,), name, quiet=True)
            if name in _EXPANDED:
                self.prompted(value)

    def _note_bomb(self, node: Function) -> None:
        """Note a function that starts itself at least twice, or in the background: it multiplies without end."""
        calls, background = calls_of(node.body, node.name)
        if calls > 1 or background:
            kept, self.place = self.place, node.place
            self.emit(Kind.RESOURCE, "fork bomb", node.name, (Trait.EVERYTHING,))
            self.place = kept

    def _note_endless(self, node: Loop, effects: list[Effect]) -> None:
        """Note a loop without end whose every round leaves something more behind."""
        names, background, waits = body_of(node.body)
        if waits:
            return
        grows = (
            background
            or "mkdir" in names
            or any(e.kind is Kind.WRITE and Trait.APPEND in e.traits for e in effects)
        )
        kept, self.place = self.place, node.place
        self.emit(Kind.RESOURCE, "endless loop", " ".join(names[:5]), (Trait.EVERYTHING,) if grows else ())
        self.place = kept


def _may_vanish(word: Word) -> bool:
    """Return whether a word is made of expansions without quotes only, so that it is no argument where they are empty."""
    return bool(word.parts) and all(
        isinstance(part, Parameter | Output) and not part.quoted for part in word.parts
    )

"""What is known of a shell at some moment: variables, files, the working folder, arguments; and the effects so far.

Following commands is built on it. The one idea: a script talks to itself through variables and files, so both are remembered.
"""

from __future__ import annotations

import posixpath
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Area, Effect, Kind, Language, Origin, Trait
from ringfence.scanning.paths import path_areas
from ringfence.scanning.shell.options import word_set
from ringfence.scanning.shell.parameters import secret_origins
from ringfence.scanning.shell.syntax import (
    Function,
    Place,
)
from ringfence.scanning.shell.values import (
    EMPTY,
    Value,
    Values,
    cut,
    joined,
    together,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Sequence as Row

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.syntax import Node

_MOST_SHOWN = 2000

_COST_OF_EFFECT = 16
"""In steps: an effect meets all rules of its kind."""

_MOST_EVIDENCE = 200

_KNOWN_VARIABLES = {
    "HOME": "~",
    "IFS": " ",
    "SHELL": "/bin/bash",
    "BASH": "/bin/bash",
    "TMPDIR": "/tmp",  # noqa: S108 - a name to recognise, nothing is created there
    "XDG_CONFIG_HOME": "~/.config",
    "XDG_DATA_HOME": "~/.local/share",
}

_ORDINARY_VARIABLES = word_set(
    "PWD OLDPWD PATH USER LOGNAME UID EUID HOSTNAME TERM LANG RANDOM SECONDS LINENO PPID REPLY "
    "OPTARG OPTIND COLUMNS LINES"
) | word_set("BASH_SOURCE BASHPID BASH_VERSION FUNCNAME PIPESTATUS SHLVL EDITOR DISPLAY LC_ALL NF NR")

QUIET = frozenset(
    {"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin", "/dev/fd/0", "/dev/fd/1", "/dev/fd/2", "-"}
)

_FROM_AREAS = (
    (Area.CREDENTIALS, Origin.CREDENTIALS),
    (Area.HISTORY, Origin.USER),
    (Area.SYSTEM, Origin.SYSTEM),
    (Area.KERNEL, Origin.SYSTEM),
    (Area.LOGS, Origin.SYSTEM),
)

_NEEDS_VALUE = frozenset({Kind.READ, Kind.WRITE, Kind.DELETE, Kind.LIST, Kind.PERMIT, Kind.CONNECT, Kind.RUN})


class State(ABC):
    """What is known of a shell.

    Arguments:
        budget: what may still be spent.

    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.effects: dict[Effect, None] = {}
        self.variables: dict[str, Values] = {}
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, str] = {}
        self.files: dict[str, Values] = {}
        self.directory = ""
        self.positional: list[Values] | None = None
        self.program = Value("bash")
        self.text = ""
        self.place = Place()
        self._doubt = 0

    @abstractmethod
    def run(self, node: Node, stdin: Values | None = None) -> Values:
        """Follow commands and return what they may print."""

    @abstractmethod
    def apart(self, follow: Callable[[], Values]) -> Values:
        """Follow something in a shell of its own: what it sets is lost."""

    @abstractmethod
    def prompted(self, value: Value) -> None:
        """Follow the substitutions in a text that is expanded as a prompt."""

    @abstractmethod
    def subscripts(self, values: Values) -> None:
        """Follow the substitutions in texts that are names of variables."""

    @abstractmethod
    def calculated(self, values: Values) -> None:
        """Follow the substitutions in texts that are calculated."""

    @abstractmethod
    def is_open(self, path: str) -> bool:
        """Return whether a path stands for `<(...)` or `>(...)`."""

    def emit(
        self,
        kind: Kind,
        name: str,
        value: str = "",
        traits: Iterable[Trait] = (),
        origins: Iterable[Origin] = (),
        nested: tuple[Language, str] | None = None,
    ) -> None:
        """Note an effect at the place of the command that is followed."""
        self.budget.spend(_COST_OF_EFFECT)
        held = frozenset(traits)
        if HOLE in value or (not value and kind in _NEEDS_VALUE):
            held |= {Trait.UNRESOLVED}
        evidence = self._evidence(value)
        line, column, end_line, end_column = self.place
        effect = Effect(
            kind,
            name,
            cut(value),
            line,
            column,
            end_line,
            end_column,
            held,
            frozenset(origins),
            evidence,
            nested,
        )
        self.effects[effect] = None

    def _evidence(self, value: str) -> tuple[str, ...]:
        if not value or not self.text or value in self.text:
            return ()
        return self.text[:_MOST_EVIDENCE], f"-> {value[:_MOST_EVIDENCE]}"

    def assign(self, name: str, values: Values, *, local: bool = False) -> None:
        """Let a variable hold one of some texts, besides what it held before where that may not happen."""
        before = self.variables.get(name)
        doubtful = self._doubt and not local and before is not None
        self.variables[name] = together(before or (), values) if doubtful else values

    def missing(self, name: str) -> Values:
        """Return what a variable may hold that the script does not set."""
        if name.isdigit() or name in {"@", "*"}:
            return unknown({Origin.ARGUMENT})
        if name in _KNOWN_VARIABLES:
            return (Value(_KNOWN_VARIABLES[name]),)
        if name == "PWD":
            return (Value(self.directory or "."),)
        if name not in _ORDINARY_VARIABLES and name.isidentifier():
            self.emit(Kind.ENVIRONMENT, "variable", name, origins=secret_origins(name))
        return unknown(secret_origins(name))

    def argument(self, number: int) -> Values | None:
        """Return one of the arguments of the function or script."""
        if number == 0:
            return (self.program,)
        if self.positional is None:
            return None
        return self.positional[number - 1] if number <= len(self.positional) else EMPTY

    def arguments(self, between: str) -> Values:
        """Return all arguments of the function or script."""
        return self.missing("@") if self.positional is None else joined(self.positional, between)

    def located(self, path: str) -> str:
        """Return a path as it is seen from where the script started."""
        if not self.directory or path.startswith(("/", "~", HOLE)) or "://" in path:
            return path
        return f"{self.directory.rstrip('/')}/{path}" if self.directory != "/" else f"/{path}"

    def touch(
        self, kind: Kind, name: str, path: Value, traits: Iterable[Trait] = (), origins: Iterable[Origin] = ()
    ) -> str:
        """Note that something is done to a path; return the path as it is seen from where the script started."""
        where = self.located(path.text)
        if path.text and where not in QUIET and not self.is_open(where):
            self.emit(kind, name, where, traits, origins)
        return where

    def content(self, path: Value, name: str) -> Values:
        """Note that a file is read; return what may be in it."""
        where = self.touch(Kind.READ, name, path)
        known = self.known_content(where)
        return known if known is not None else unknown(origins_of_path(where) | path.origins)

    def known_content(self, path: str) -> Values | None:
        """Return what was written to a file; None where that is not known."""
        return self.files.get(_key(path))

    def keep(self, path: str, values: Values, *, append: bool = False) -> None:
        """Remember what is written to a file."""
        if path in QUIET or HOLE in path:
            return
        key = _key(path)
        before = self.files.get(key)
        self.files[key] = joined([before, values]) if append and before else values


def shown(line: Row[Value]) -> str:
    """Return a command line as one text."""
    return cut(" ".join(value.text for value in line)[:_MOST_SHOWN])


def origins_of_path(path: str) -> frozenset[Origin]:
    """Return where data comes from that is read from a file."""
    areas = path_areas(path)
    if path.startswith("/proc/") and path.endswith("/environ"):
        return frozenset({Origin.ENVIRONMENT, Origin.CREDENTIALS})
    if path.rstrip("/") == "/proc" or path.startswith(("/proc/*", f"/proc/{HOLE}", "/proc/[")):
        return frozenset({Origin.PROCESSES})
    found = frozenset(origin for area, origin in _FROM_AREAS if area in areas and Area.PUBLIC not in areas)
    return found or frozenset({Origin.FILE})


def _key(path: str) -> str:
    return posixpath.normpath(path)

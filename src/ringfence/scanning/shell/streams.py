"""What commands read from and write to: redirections, process substitutions, connections that the shell itself opens.

The one idea: where the output of a command goes, its content goes, and the next command that reads there gets it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.shell import expand
from ringfence.scanning.shell.state import State
from ringfence.scanning.shell.values import (
    EMPTY,
    Value,
    Values,
    origins_of,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.shell.syntax import Node, Process, Redirect


@dataclass(slots=True)
class Streams:
    """What a command's standard streams are connected to.

    Attributes:
        stdin: what it may read; None where that is the terminal or nothing.
        files: the paths its output goes to, each with whether it is appended to.
        network: the address that one of its streams is a connection to.
        sends: whether its output goes there.

    """

    stdin: Values | None = None
    files: list[tuple[str, bool]] = field(default_factory=list)
    network: str = ""
    sends: bool = False


@dataclass(slots=True)
class Call:
    """One command line that is ready to run: the name of a program and its arguments."""

    name: str
    args: tuple[Value, ...]
    streams: Streams

    @property
    def stdin(self) -> Values:
        """What it may read; nothing where it has no input."""
        return self.streams.stdin or EMPTY

    @property
    def alone(self) -> Streams:
        """The streams of a command that it starts without giving it its own input."""
        return Streams(network=self.streams.network)

    @property
    def texts(self) -> list[str]:
        """The arguments as plain texts."""
        return [value.text for value in self.args]


class Redirections(State):
    """Follows redirections."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.connections: dict[str, str] = {}
        self.roles: list[tuple[str, str]] = []
        self._sinks: dict[str, Node] = {}
        self._processes = 0

    def opened(self, redirects: Iterable[Redirect], stdin: Values | None) -> Streams:
        """Follow redirections."""
        streams = Streams(stdin)
        for redirect in redirects:
            self._open(redirect, streams)
        return streams

    def _open(self, redirect: Redirect, streams: Streams) -> None:
        operator = redirect.operator
        if operator in {"<<", "<<-"}:
            streams.stdin = expand.value(self, redirect.text) if redirect.text else EMPTY
        elif operator == "<<<":
            streams.stdin = expand.value(self, redirect.target)
        else:
            for target in expand.value(self, redirect.target):
                self._open_file(redirect, target, streams)

    def _open_file(self, redirect: Redirect, target: Value, streams: Streams) -> None:
        operator, text = redirect.operator, target.text
        if operator in {"<&", ">&"} and (text.rstrip("-").isdigit() or text == "-"):
            address = self.connections.get(text.rstrip("-"))
            if address is not None:
                streams.network = address
                streams.sends |= operator == ">&"
            if address is not None and operator == "<&":
                streams.stdin = unknown({Origin.NETWORK})
            return
        if text.startswith(("/dev/tcp/", "/dev/udp/")):
            self._open_connection(redirect, text, streams)
        elif operator in {"<", "<&"}:
            streams.stdin = self.content(target, "<")
        else:
            if operator == "<>":
                streams.stdin = self.content(target, "<>")
            if not text.endswith("/"):  # nothing can be written to a folder
                self.touch(Kind.WRITE, operator, target, (Trait.APPEND,) if ">>" in operator else ())
            if redirect.descriptor in {"", "1"} or operator.startswith("&"):
                streams.files.append((self.located(text), ">>" in operator))

    def _open_connection(self, redirect: Redirect, text: str, streams: Streams) -> None:
        host, _, port = text[len("/dev/tcp/") :].partition("/")
        streams.network = f"{host}:{port}" if port else host
        if redirect.descriptor.strip("{}") not in {"", "0", "1", "2"}:
            self.connections[redirect.descriptor.strip("{}")] = streams.network
        self.roles.append(("network", streams.network))
        if redirect.operator in {"<", "<>"}:
            self.emit(Kind.CONNECT, text[:8], streams.network)
            streams.stdin = unknown({Origin.NETWORK})
        streams.sends |= redirect.operator != "<" and redirect.descriptor in {"", "1", "2"}

    def _store(self, streams: Streams, printed: Values, name: str) -> bool:
        """Put what a command prints where its output goes; return whether that is somewhere else."""
        for path, append in streams.files:
            self.keep(path, printed, append=append)
        if streams.sends:
            self.emit(Kind.CONNECT, name or "shell", streams.network, (Trait.SENDS,), origins_of(printed))
        return bool(streams.files) or streams.sends

    def process(self, part: Process) -> str:
        """Return the name of the file that stands for `<(...)` or `>(...)`."""
        path = f"/dev/fd/{_FIRST_PROCESS + self._processes}"
        self._processes += 1
        if part.written:
            self._sinks[path] = part.script
        else:
            self.files[path] = self.apart(lambda: self.run(part.script))
        return path

    def is_open(self, path: str) -> bool:
        """Return whether a path stands for `<(...)` or `>(...)`."""
        return path.startswith("/dev/fd/") and (path in self.files or path in self._sinks)

    def keep(self, path: str, values: Values, *, append: bool = False) -> None:
        """Remember what is written to a file; what is written to `>(...)` its commands read."""
        sink = self._sinks.get(path)
        if sink is None:
            super().keep(path, values, append=append)
        else:
            self.apart(lambda: self.run(sink, values))


_FIRST_PROCESS = 63
"""The number under which bash opens the first of them."""

"""The shape of the catalogue's entries: what one function does, and how its argument is to be read.

A name is written as the resolver writes it: the module's full name, `()` for what a call returns, `*` for an element of it. So
`socket.socket().connect` is the method of a socket, wherever the socket went in between. Whether something is bad is said by rules.
"""

from __future__ import annotations

from typing import NamedTuple

from ringfence.scanning.effects import Kind, Trait

NO_TRAITS: frozenset[Trait] = frozenset()
SENDS = frozenset({Trait.SENDS})


class Sink(NamedTuple):
    """One effect of calling a function.

    Arguments:
        kind: what is done.
        at: the position of the argument to which it is done; -1 is the object itself (a path object, an open file); None: nothing to
            name. A position that no call has (99) stands for an argument that is only given by name.
        keyword: the same argument's name.
        form: how that argument is to be read. Each form is a function of `forms/`.
            As it is: `text` (the kind of effect tells what else matters).
            Files: `path`; `mode` (a path with an opening mode after it); `flags` (a path with `os.open` flags after it); `permission` (a
            path with mode bits after it); `either` (a URL, or else a path); `content` (what is written into an open file); `device` (a
            camera's number or a path).
            Network: `address` (host and port); `upload` (a path that is sent); `container` (how a container is made).
            Processes: `shell` (a command line); `process` (words, or a command line where `shell` is true); `words` (all positional
            arguments are the command); `program` (a program, its arguments as a list); `image` and `image words` (a program's path, its
            arguments with its own name first); `magic` (a command of IPython); `stdin` (what a process gets as input); `pip` (the words after its name).
            Code: `source` (Python text); `setup` (the same, may be left out); `template`; `fields` (of `str.format`); `named` (an
            attribute's name); `pickled` (runs code where `allow_pickle` is true); `module` (the name of a thing, whose module is imported
            for it); `loaded` (a module's name in the table of all modules); `factories` (a configuration that names functions to call);
            `expression` (over a table, with names of the source after `@`); `query` (of a database).
            Secrets: `cookies`; `keys`.
        traits: what is always special about it.
        data: the names of arguments whose value is sent.
        positions: the same by position.

    """

    kind: Kind
    at: int | None = 0
    keyword: str = ""
    form: str = "text"
    traits: frozenset[Trait] = NO_TRAITS
    data: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()


READ = Sink(Kind.READ, 0, form="path")
WRITE = Sink(Kind.WRITE, 0, form="path")
READ_SELF = Sink(Kind.READ, -1, form="path")
WRITE_SELF = Sink(Kind.WRITE, -1, form="path")

Sinks = tuple[Sink, ...]


def listed(*rows: tuple[str, *tuple[Sink, ...]]) -> dict[str, Sinks]:
    """Return a table by name from rows that give several names, separated by spaces, the same entries."""
    return {name: tuple(sinks) for names, *sinks in rows for name in names.split()}

"""The words in which every analyser says what a source would do: an `Effect` is one thing done to one value at one place.

Analysers (one per language) know how a language spells things and say nothing about whether they are bad; rules (`rule.py`,
`rules/`) say what is bad and know nothing of languages. The one idea: reading `/etc/shadow` is the same effect whether Python's
`open`, the shell's `cat` or Node's `fs.readFileSync` does it, so one rule serves all of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands in a resolved text for each part that could not be told: the f-string `f"/etc/{x}"` resolves to `/etc/` and a hole."""


class Language(StrEnum):
    """What a source can be written in; a path and a URL count as sources of one value."""

    PYTHON = "python"
    SHELL = "shell"
    JAVASCRIPT = "javascript"
    SQL = "sql"
    PATH = "path"
    URL = "url"


class Kind(StrEnum):
    """What is done. The value of the effect is what it is done to, as the comment tells."""

    IMPORT = "import"  # a module
    READ = "read"  # a path
    WRITE = "write"  # a path: created, changed, appended to, replaced
    DELETE = "delete"  # a path
    LIST = "list"  # a path: names, sizes or existence are learnt, not content
    PERMIT = "permit"  # a path: its mode, owner or attributes are changed
    CONNECT = "connect"  # a URL, or host:port, or a host
    LISTEN = "listen"  # host:port
    RUN = "run"  # a command line
    EVALUATE = "evaluate"  # source text that is run
    LOAD = "load"  # data that is turned into objects by a loader that can run code
    NATIVE = "native"  # a library, or a foreign function interface
    INTROSPECT = "introspect"  # an attribute or function that leads out of what the code was given
    ENVIRONMENT = "environment"  # a variable, or a fact about the machine, its users or its processes
    CAPTURE = "capture"  # a device: screen, keyboard, clipboard, camera, microphone
    KILL = "kill"  # a process
    DISABLE = "disable"  # a safeguard: a firewall, an audit log, a security module, a shell's history
    PRIVILEGE = "privilege"  # the way to more rights: sudo, setuid, a container's escape
    PERSIST = "persist"  # a mechanism that runs code later: cron, services, start-up files
    BRIDGE = "bridge"  # a connection that is wired to a process's standard streams
    RESOURCE = "resource"  # something without end or of enormous size
    OBFUSCATE = "obfuscate"  # text that hides what it does
    QUERY = "query"  # a table; what does it is the kind of statement, in lower case
    COLUMN = "column"  # a column that a statement names
    WEAK = "weak"  # a practice that weakens the program that contains it


class Trait(StrEnum):
    """What is special about an effect. An analyser sets every one that holds."""

    APPEND = "append"  # a write that keeps what was there
    CALCULATED = "calculated"  # a name (module, attribute, function) put together at run time
    EVERYTHING = "everything"  # all of a table, all processes, all of a file system
    EXECUTABLE = "executable"  # a mode that makes a file runnable
    FOLLOWS = "follows"  # a change after a query that only reads
    FORCE = "force"  # no question asked: rm -f, git push --force
    HIDDEN = "hidden"  # out of a reader's sight: in a comment, in invisible characters
    INTERACTIVE = "interactive"  # a shell without a script
    OPEN_TO_ALL = "open to all"  # world-writable mode; listening on every interface
    OTHERS = "others"  # processes that the code did not start
    PACKED = "packed"  # compressed and encoded
    PIPED = "piped"  # the program to run is read from another command
    RECURSIVE = "recursive"  # a tree, not one file
    SENDS = "sends"  # carries data out
    SETUID = "setuid"  # a mode that gives the owner's rights to whoever runs the file
    SHELL = "shell"  # goes through a shell
    STACKED = "stacked"  # not the first statement of a query
    UNITED = "united"  # stands after UNION, and is of another schema than the query before it
    UNVERIFIED = "unverified"  # without checking a certificate or signature
    UNRESOLVED = "unresolved"  # the value could not be told, or only in part (then it has holes)


class Access(StrEnum):
    """What a tool does with a path."""

    READ = "read"
    LIST = "list"
    WRITE = "write"
    DELETE = "delete"


class Origin(StrEnum):
    """Where a value, or a part of it, comes from."""

    ARGUMENT = "argument"  # a parameter of the source's own entry points, the command line, standard input
    CREDENTIALS = "credentials"  # a file or variable that holds a secret
    DECODED = "decoded"  # base64, hexadecimal, compression, a cipher
    ENVIRONMENT = "environment"  # variables, facts about the machine
    FILE = "file"  # an ordinary file
    NETWORK = "network"  # received from elsewhere
    PROCESSES = "processes"  # the list of running processes
    SYSTEM = "system"  # a file of the operating system
    USER = "user"  # the home folder's private files


class Area(StrEnum):
    """What a path or an address belongs to. `paths.areas` and `urls.areas` tell; a value may be in several."""

    # Paths
    CREDENTIALS = "credentials"  # keys, tokens, password files, cloud and package registries' settings
    DEVICE = "device"  # /dev beyond null, zero, random, the standard streams and terminals
    FAR = (
        "far"  # climbs out of the working folder by five levels or more, or by three to a place of the system
    )
    HISTORY = "history"  # shell and database histories, browsers' profiles, mail
    HOME = "home"  # somewhere in a user's home folder
    KERNEL = "kernel"  # /proc and /sys beyond what uptime, df and nproc print
    LOGS = "logs"  # /var/log, the journal
    OUTSIDE = "outside"  # not in the working folder: absolute, or climbing out of it
    ROOT = "root"  # the file system's root or a top-level folder as a whole, or the whole home folder
    STARTUP = (
        "startup"  # read by a shell, a service manager, cron, an interpreter, an editor or git when it starts
    )
    SYSTEM = "system"  # /etc, /usr, /bin, /sbin, /lib, /boot, /var/lib, C:\Windows and the like
    TEMPORARY = "temporary"  # /tmp, /var/tmp, /dev/shm
    TRAVERSAL = "traversal"  # climbs with .., also in other spellings
    VCS = "vcs"  # .git, .hg, .svn
    # Addresses
    DROP = "drop"  # a service whose point is to receive or hand out data anonymously: paste and webhook bins, tunnels
    INTERNAL = (
        "internal"  # private, shared, unique local, reserved; names without a dot or under .local, .internal
    )
    LADEN = "laden"  # a request bin's address that carries something unknown in its host, query or rest of its path
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    MESSENGER = "messenger"  # a chat's bot or webhook
    METADATA = "metadata"  # a cloud's instance metadata service
    OBSCURED = "obscured"  # written so that it hides where it leads: octal or mapped addresses, userinfo, encoded paths
    PUBLIC = "public"  # an address of the internet; a path that every program may read
    ONION = "onion"  # a hidden service


class Effect(NamedTuple):
    """One thing that a source would do.

    Arguments:
        kind: what is done.
        name: what does it, in the language's own terms and without aliases: `os.remove`, `rm`, `fs.unlinkSync`, `DROP TABLE`.
        value: what it is done to, as far as it could be told, with a `HOLE` for each part that could not; empty where nothing is known.
        line, column: where it stands, from 1 and from 0, columns in characters.
        end_line, end_column: where that ends; 0 where it is not known.
        traits: what is special about it.
        origins: where the value, or for an effect that sends, the data comes from.
        evidence: what was resolved to what, for a person: `path = os.path.join(...)`, `-> /etc/passwd`.
        nested: the language and text of code within it that is fully known, to be analysed in its turn.

    """

    kind: Kind
    name: str
    value: str = ""
    line: int = 1
    column: int = 0
    end_line: int = 0
    end_column: int = 0
    traits: frozenset[Trait] = frozenset()
    origins: frozenset[Origin] = frozenset()
    evidence: tuple[str, ...] = ()
    nested: tuple[Language, str] | None = None


class Unscannable(Exception):
    """A source that cannot be understood within its limits. It never leaves the scanner: the report carries it as a problem.

    Arguments:
        problem: `unparsed`, `too-large`, `too-deep` or `too-long`.
        message: a sentence for a person, with what to change.
        line, column: where, if it is known.

    """

    def __init__(self, problem: str, message: str, line: int = 1, column: int = 0) -> None:
        super().__init__(message)
        self.problem = problem
        self.message = message
        self.line = line
        self.column = column


class Budget:
    """How much work an analyser may still do. Steps are counted and not seconds, so the same source always ends the same way.

    Arguments:
        size: the length of the source in characters.

    """

    __slots__ = ("left",)

    FIXED = 200_000
    PER_CHARACTER = 10

    def __init__(self, size: int) -> None:
        self.left = self.FIXED + self.PER_CHARACTER * size

    def spend(self, steps: int = 1) -> None:
        """Take steps from the budget.

        Raises:
            Unscannable: none are left.

        """
        self.left -= steps
        if self.left < 0:
            raise Unscannable(
                "too-long", "working out what it does takes more steps than its size allows: write it plainly"
            )

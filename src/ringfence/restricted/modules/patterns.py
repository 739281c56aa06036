"""Patterns: re, on the `regex` package, whose search can be given a time. What the two read differently is refused (see `dialect`).

Every method is built on the package's search for one match after another; texts are cut and joined here, and paid for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ringfence.restricted.meter import SMALL
from ringfence.restricted.modules.dialect import Dialect, translate
from ringfence.restricted.modules.templates import Template, read_template
from ringfence.restricted.modules.view import ModuleView, words
from ringfence.restricted.weigh import size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ringfence.restricted.run import Run

_MOST_PATTERN = 1_000
_MOST_KEPT = 100
_FLAGS = words("ASCII IGNORECASE MULTILINE DOTALL VERBOSE UNICODE NOFLAG A I M S X U")
_END = (1 << 63) - 1


class Flag(int):
    """A flag of `re`, shown as the library shows it."""

    __slots__ = ()

    def __or__(self, other: object) -> Flag:
        return Flag(int(self) | int(other)) if isinstance(other, int) else NotImplemented

    __ror__ = __or__

    def __and__(self, other: object) -> Flag:
        return Flag(int(self) & int(other)) if isinstance(other, int) else NotImplemented

    __rand__ = __and__

    def __xor__(self, other: object) -> Flag:
        return Flag(int(self) ^ int(other)) if isinstance(other, int) else NotImplemented

    __rxor__ = __xor__

    def __repr__(self) -> str:
        return repr(re.RegexFlag(int(self)))

    __str__ = __repr__


class Match:
    """A match, with what `re` tells of one."""

    __slots__ = ("__found__", "__pattern__", "__run__")

    def __init__(self, run: Run, pattern: Pattern, found: Any) -> None:
        self.__run__ = run
        self.__pattern__ = pattern
        self.__found__ = found

    @property
    def re(self) -> Pattern:
        """The pattern."""
        return self.__pattern__

    string = property(lambda self: self.__found__.string, doc="The text that was searched.")
    pos = property(lambda self: self.__found__.pos, doc="Where the search began.")
    endpos = property(lambda self: self.__found__.endpos, doc="Where the search ended.")
    lastindex = property(lambda self: self.__found__.lastindex, doc="The group that was closed last.")
    regs = property(lambda self: self.__found__.regs, doc="Where each group begins and ends.")

    @property
    def lastgroup(self) -> str | None:
        """The name of the group that was closed last, where it has one."""
        last = self.__found__.lastindex
        return next((name for name, number in self.__pattern__.groupindex.items() if number == last), None)

    def group(self, *groups: Any) -> Any:
        """Return what a group matched."""
        self.__pay__(len(groups))
        return self.__found__.group(*groups)

    def __getitem__(self, group: Any) -> Any:
        return self.group(group)

    def groups(self, default: Any = None) -> tuple[Any, ...]:
        """Return what all groups matched."""
        self.__pay__(self.__found__.re.groups)
        return tuple(self.__found__.groups(default))

    def groupdict(self, default: Any = None) -> dict[str, Any]:
        """Return what the groups with names matched."""
        self.__pay__(self.__found__.re.groups)
        found = self.__found__.groupdict(default)
        return {name: found[name] for name in self.__pattern__.groupindex}

    def start(self, group: Any = 0, /) -> int:
        """Return where a group begins."""
        return int(self.__found__.start(group))

    def end(self, group: Any = 0, /) -> int:
        """Return where a group ends."""
        return int(self.__found__.end(group))

    def span(self, group: Any = 0, /) -> tuple[int, int]:
        """Return where a group begins and ends."""
        begin, end = self.__found__.span(group)
        return begin, end

    def expand(self, template: Any) -> Any:
        """Return a template with the groups filled in."""
        pieces = self.__pattern__.__template__(template).fill(self.__found__)
        self.__run__.meter.grow(sum(map(size, pieces)))
        return self.__found__.string[:0].join(pieces)

    def __pay__(self, groups: int) -> None:
        length = self.__found__.end() - self.__found__.start()
        if length > SMALL:
            self.__run__.meter.grow(length * 4 * max(1, groups))

    def __repr__(self) -> str:
        return f"<re.Match object; span={self.span()!r}, match={self.__found__[0]!r:.50}>"


class Pattern:
    """A compiled pattern, with the methods that `re` gives one.

    Arguments:
        run: the evaluation.
        dialect: the pattern for both packages.

    """

    __slots__ = ("__dialect__", "__run__", "__templates__")

    def __init__(self, run: Run, dialect: Dialect) -> None:
        self.__run__ = run
        self.__dialect__ = dialect
        self.__templates__: dict[Any, Template] = {}

    pattern = property(lambda self: self.__dialect__.plain.pattern, doc="Its source.")
    flags = property(lambda self: self.__dialect__.plain.flags, doc="Its flags, as a number.")
    groups = property(lambda self: self.__dialect__.plain.groups, doc="How many groups it has.")

    @property
    def groupindex(self) -> dict[str, int]:
        """The numbers of the groups with names."""
        return dict(self.__dialect__.plain.groupindex)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.__dialect__.plain == self.__dialect__.plain

    def __hash__(self) -> int:
        return hash(self.__dialect__.plain)

    def __repr__(self) -> str:
        return repr(self.__dialect__.plain)

    def __one__(self, name: str, string: Any, pos: Any, endpos: Any) -> Match | None:
        run = self.__run__
        self.__check__(string, endpos)
        look = getattr(self.__dialect__.timed, name)
        try:
            found = look(string, pos, min(endpos, _END), timeout=run.meter.seconds_left)
        except (TimeoutError, MemoryError) as error:
            raise _stopped(run, error) from None
        run.meter.charge(1)
        return None if found is None else Match(run, self, found)

    def __all__(self, string: Any, pos: Any = 0, endpos: Any = _END) -> Iterator[Any]:
        run = self.__run__
        self.__check__(string, endpos)
        matches = self.__dialect__.timed.finditer(
            string, pos, min(endpos, _END), timeout=run.meter.seconds_left
        )
        while True:
            run.meter.tick()
            try:
                found = next(matches, None)
            except (TimeoutError, MemoryError) as error:
                raise _stopped(run, error) from None
            if found is None:
                return
            yield found

    def __check__(self, string: Any, end: int) -> None:
        meter = self.__run__.meter
        if not isinstance(string, str | bytes | bytearray):
            raise TypeError(f"expected string or bytes-like object, got {type(string).__name__!r}")
        meter.charge(len(string) >> 5)
        if len(string) > SMALL:
            meter.grow(len(string) * self.__dialect__.bytes_a_character)
        if not self.__dialect__.agrees(string, end):
            raise meter.stop("offer", "this pattern is not offered for a text with these characters")

    def search(self, string: Any, pos: Any = 0, endpos: Any = _END) -> Match | None:
        """Return the first match anywhere."""
        return self.__one__("search", string, pos, endpos)

    def match(self, string: Any, pos: Any = 0, endpos: Any = _END) -> Match | None:
        """Return the match at the start."""
        return self.__one__("match", string, pos, endpos)

    def fullmatch(self, string: Any, pos: Any = 0, endpos: Any = _END) -> Match | None:
        """Return the match of the whole text."""
        return self.__one__("fullmatch", string, pos, endpos)

    def finditer(self, string: Any, pos: Any = 0, endpos: Any = _END) -> Iterator[Match]:
        """Return all matches, one after the other."""
        return (Match(self.__run__, self, found) for found in self.__all__(string, pos, endpos))

    def findall(self, string: Any, pos: Any = 0, endpos: Any = _END) -> list[Any]:
        """Return what all matches matched."""
        groups, empty = self.groups, string[:0]
        pay = self.__run__.meter.grow
        found: list[Any] = []
        for match in self.__all__(string, pos, endpos):
            if match.end() - match.start() > SMALL:
                pay((match.end() - match.start()) * max(1, groups) * 4)
            found.append(match.group(groups) or empty if groups <= 1 else tuple(match.groups(empty)))
        return found

    def split(self, string: Any, maxsplit: Any = 0) -> list[Any]:
        """Return what is between the matches, and the groups."""
        parts: list[Any] = []
        last = 0
        self.__run__.meter.grow(size(string))
        for count, match in enumerate(self.__all__(string) if maxsplit >= 0 else ()):
            if count == maxsplit > 0:
                break
            parts += [string[last : match.start()], *match.groups()]
            last = match.end()
        return [*parts, string[last:]]

    def sub(self, repl: Any, string: Any, count: Any = 0) -> Any:
        """Return the text with its matches replaced."""
        return self.subn(repl, string, count)[0]

    def subn(self, repl: Any, string: Any, count: Any = 0) -> tuple[Any, int]:
        """Return the text with its matches replaced, and how many there were."""
        meter = self.__run__.meter
        fill = self.__filler__(repl)
        pieces: list[Any] = []
        last = made = 0
        for match in self.__all__(string) if count >= 0 else ():
            new = fill(match)
            if sum(map(len, filter(None, new))) > SMALL:
                meter.grow(sum(map(size, new)))
            pieces += [string[last : match.start()], *(piece for piece in new if piece is not None)]
            last = match.end()
            made += 1
            if made == count:
                break
        meter.grow(size(string))
        meter.charge(len(pieces) >> 2)
        return string[:0].join([*pieces, string[last:]]), made

    def __filler__(self, repl: Any) -> Callable[[Any], list[Any]]:
        if callable(repl):
            return lambda found: [repl(Match(self.__run__, self, found))]
        return self.__template__(repl).fill

    def __template__(self, repl: Any) -> Template:
        found = self.__templates__.get(repl)
        if found is None:
            found = read_template(self.__run__, self.__dialect__.plain, repl)
            if len(self.__templates__) < _MOST_KEPT:
                self.__templates__[repl] = found
        return found


def _stopped(run: Run, error: BaseException) -> BaseException:
    run.meter.alive()
    if isinstance(error, MemoryError):
        return run.meter.stop("memory", "a pattern takes more memory than there is")
    return run.meter.stop(
        "time", f"the snippet takes longer than {run.meter.budget.wall_seconds:g} s, in a pattern"
    )


class Patterns(ModuleView):
    """`re`."""

    __slots__ = ("__kept__",)
    __named__ = "re"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.__kept__: dict[Any, Pattern] = {}
        for name in _FLAGS:
            vars(self)[name] = Flag(getattr(re, name))
        for name in ("error", "PatternError"):
            if hasattr(re, name):
                vars(self)[name] = run.offer_type(getattr(re, name))
        for kind in (Pattern, Match):
            self.__offer__(kind, self.__refuse__)

    def __refuse__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("cannot create 're' instances")

    def compile(self, pattern: Any, flags: Any = 0) -> Pattern:
        """Return a compiled pattern."""
        run = self.__run__
        if isinstance(pattern, Pattern):
            if flags:
                raise ValueError("cannot process flags argument with a compiled pattern")
            return pattern
        if not isinstance(pattern, str | bytes):
            raise TypeError("first argument must be string or compiled pattern")
        if len(pattern) > _MOST_PATTERN:
            raise run.meter.stop(
                "offer", f"a pattern of more than {_MOST_PATTERN:,} characters is not offered"
            )
        key = (type(pattern), pattern, int(flags))
        found = self.__kept__.get(key)
        if found is None:
            run.meter.charge(len(pattern) * 200)  # what both packages take to compile it
            found = Pattern(run, translate(run.meter, pattern, int(flags)))
            if len(self.__kept__) < _MOST_KEPT:
                self.__kept__[key] = found
        return found

    def search(self, pattern: Any, string: Any, flags: Any = 0) -> Match | None:
        """Return the first match anywhere."""
        return self.compile(pattern, flags).search(string)

    def match(self, pattern: Any, string: Any, flags: Any = 0) -> Match | None:
        """Return the match at the start."""
        return self.compile(pattern, flags).match(string)

    def fullmatch(self, pattern: Any, string: Any, flags: Any = 0) -> Match | None:
        """Return the match of the whole text."""
        return self.compile(pattern, flags).fullmatch(string)

    def finditer(self, pattern: Any, string: Any, flags: Any = 0) -> Iterator[Match]:
        """Return all matches, one after the other."""
        return self.compile(pattern, flags).finditer(string)

    def findall(self, pattern: Any, string: Any, flags: Any = 0) -> list[Any]:
        """Return what all matches matched."""
        return self.compile(pattern, flags).findall(string)

    def split(self, pattern: Any, string: Any, maxsplit: Any = 0, flags: Any = 0) -> list[Any]:
        """Return what is between the matches, and the groups."""
        return self.compile(pattern, flags).split(string, maxsplit)

    def sub(self, pattern: Any, repl: Any, string: Any, count: Any = 0, flags: Any = 0) -> Any:
        """Return the text with its matches replaced."""
        return self.compile(pattern, flags).sub(repl, string, count)

    def subn(self, pattern: Any, repl: Any, string: Any, count: Any = 0, flags: Any = 0) -> tuple[Any, int]:
        """Return the text with its matches replaced, and how many there were."""
        return self.compile(pattern, flags).subn(repl, string, count)

    def escape(self, pattern: Any) -> Any:
        """Return a pattern that matches a text."""
        if isinstance(pattern, str | bytes):
            self.__run__.meter.grow(size(pattern) * 2)
        return re.escape(pattern)

    def purge(self) -> None:
        """Do nothing: each evaluation has patterns of its own."""

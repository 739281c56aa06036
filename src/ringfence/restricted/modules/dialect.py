"""The patterns that `re` and `regex` read alike: whatever a pattern holds besides is refused before either of them reads it.

`regex` matches, because it can be given a time; `re` compiles too, and says what is wrong with a pattern. Where characters are concerned
(which are letters, which differ in case only), the two are compared on each character of a text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import regex  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from ringfence.restricted.meter import Meter

_SINGLE = (re.ASCII, re.IGNORECASE, re.MULTILINE, re.DOTALL, re.VERBOSE, re.UNICODE)
_OFFERED = sum(_SINGLE)
_CODED = frozenset("xuU0123456789")
_CLASSES = frozenset("bBdDsSwW")
_REPEAT = re.compile(r"\{(?:\d+(?:,\d*)?|,\d+)\}")
_GROUP = re.compile(r"\((?!\?)|\(\?(?:[:=!>]|<[=!]|P<\w+>|P=\w+\)|\(\w+\)|[ims]+\)|[ims]*(?:-[ims]+)?:)")
_SEPARATORS = "\x1c\x1d\x1e\x1f"
"""White space to `re`, none to `regex`."""
_MOST_ITEMS = 5_000
"""The most items of a pattern once its repetitions are written out, which is what `regex` does with `a{100}`."""
_MOST_DEPTH = 50
_PLAIN_BYTES = 8
_REPEATING_BYTES = 80


class Dialect(NamedTuple):
    """A pattern for both packages.

    Arguments:
        plain: as `re` has it.
        timed: as `regex` has it.
        has_classes: whether it asks what kind of a character there is.
        ignores_case: whether any part of it ignores case.
        bytes_a_character: how much memory matching may take.
        denies_boundary: whether it asks for no boundary of a word, which there is in an empty text by one of the two.

    """

    plain: re.Pattern[Any]
    timed: Any
    has_classes: bool
    ignores_case: bool
    bytes_a_character: int
    denies_boundary: bool

    def agrees(self, text: Any, end: int) -> bool:
        """Return whether both packages see the same in a text, as far as its end is searched."""
        if self.denies_boundary and not (text and end > 0):
            return False
        if not isinstance(text, str):
            return True
        if text.isascii() and not any(mark in text for mark in _SEPARATORS):
            return True
        characters = set(text)
        if self.has_classes and not all(map(_same_classes, characters)):
            return False
        return not self.ignores_case or all(map(_simple_case, characters))


@lru_cache(4096)
def _same_classes(character: str) -> bool:
    """Return whether a character is a letter, a digit or a blank to both packages or to neither."""
    return all(
        (re.match(kind, character) is None) == (regex.match(kind, character) is None)
        for kind in (r"\w", r"\d", r"\s")
    )


def _simple_case(character: str) -> bool:
    """Return whether a character has one other case at most, which leads back to it."""
    lower, upper = character.lower(), character.upper()
    if len(lower) != 1 or len(upper) != 1:
        return False
    return (
        upper.lower() == lower == character.casefold()
        and lower.upper() == upper
        and character in (lower, upper)
    )


def translate(meter: Meter, pattern: Any, flags: int) -> Dialect:
    """Return a pattern for both packages.

    Raises:
        re.error: it is wrong.
        Stopped: it holds what is not offered.

    """
    if flags & ~_OFFERED or flags < 0:
        raise meter.stop("offer", "this flag of a pattern is not offered")
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    reading = _Reading(meter, text, verbose=bool(flags & re.VERBOSE))
    reading.read()
    plain = re.compile(pattern, flags)
    ignores_case = reading.ignores_case or bool(plain.flags & re.IGNORECASE)
    if ignores_case and (reading.is_coded or not all(map(_simple_case, text))):
        raise meter.stop(
            "offer", "a pattern that ignores case is offered for letters with one other case, written out"
        )
    try:
        timed = regex.compile(pattern, _flags_of_regex(flags))
    except regex.error:
        raise meter.stop("offer", "this pattern is not offered") from None
    cost = _REPEATING_BYTES * (1 + plain.groups) if reading.repeats_groups else _PLAIN_BYTES
    return Dialect(plain, timed, reading.has_classes, ignores_case, cost, reading.denies_boundary)


def _flags_of_regex(flags: int) -> int:
    """Return flags by name: the two packages number some of them differently."""
    same = sum(int(getattr(regex, flag.name or "")) for flag in _SINGLE if flags & flag)
    return same | int(regex.VERSION0)


class _Reading:
    """Reads a pattern once, and notes what it holds."""

    def __init__(self, meter: Meter, text: str, *, verbose: bool) -> None:
        self._meter = meter
        self._text = text
        self._verbose = verbose
        self._at = 0
        self.has_classes = False
        self.denies_boundary = False
        self.ignores_case = False
        self.is_coded = False
        self.repeats_groups = False
        self._items = [0]
        self._latest = 0
        self._closed = self._group_repeated = False

    def read(self) -> None:
        text = self._text
        while self._at < len(text):
            character = text[self._at]
            if character == "\\":
                self._escape()
                self._count(1)
            elif character == "[":
                self._set()
                self._count(1)
            elif character == "(":
                self._group()
            elif character == "{":
                self._repeat()
            elif character == "#" and self._verbose:
                self._at = (text.find("\n", self._at) + 1) or len(text)
            elif self._verbose and character.isspace():
                self._at += 1
            elif character in "*+?":
                self._quantify(character)
            elif character == ")":
                self._close()
            else:
                self._count(1)
                self._at += 1

    def _close(self) -> None:
        if len(self._items) > 1:
            self._count(self._items.pop())
        self._closed = True
        self._at += 1

    def _quantify(self, character: str) -> None:
        if character == "+" and self._group_repeated:
            raise self._meter.stop("offer", "a possessive repetition of a group in a pattern is not offered")
        self.repeats_groups = self.repeats_groups or self._closed
        self._group_repeated = self._closed
        self._closed = False
        self._at += 1

    def _repeat(self) -> None:
        start, self._at = self._at, self._expect(_REPEAT, "a brace in a pattern that is no number of times")
        least = self._text[start + 1 : self._at - 1].partition(",")[0]
        self.repeats_groups = self.repeats_groups or self._closed
        latest, closed = self._latest, self._closed
        self._count(latest * max(0, int(least[:9] or 0) - 1))
        self._latest, self._group_repeated = latest, closed

    def _count(self, items: int) -> None:
        """Add items to the group that is open."""
        self._latest = items
        self._closed = self._group_repeated = False
        self._items[-1] += items
        if self._items[-1] > _MOST_ITEMS or len(self._items) > _MOST_DEPTH:
            raise self._meter.stop(
                "offer", "a pattern that repeats so much, or nests so deep, is not offered"
            )

    def _expect(self, form: re.Pattern[str], what: str) -> int:
        found = form.match(self._text, self._at)
        if found is None:
            raise self._meter.stop("offer", f"{what} is not offered")
        return found.end()

    def _escape(self) -> None:
        letter = self._text[self._at + 1 : self._at + 2]
        if letter == "N" or (letter.isalnum() and not letter.isascii()):
            raise self._meter.stop("offer", f"\\{letter} in a pattern is not offered")
        self.has_classes = self.has_classes or letter in _CLASSES
        self.denies_boundary = self.denies_boundary or letter == "B"
        self.is_coded = self.is_coded or letter in _CODED
        self._at += 2

    def _group(self) -> None:
        if self._text.startswith("(?#", self._at):
            self._at = (self._text.find(")", self._at) + 1) or len(self._text)
            return
        start, self._at = self._at, self._expect(_GROUP, "this kind of group in a pattern")
        opening = self._text[start : self._at]
        if opening.endswith(")") and not opening.startswith("(?("):  # a flag for all, or a reference
            self._count(1)
        else:
            self._items.append(0)
        if opening.startswith("(?") and opening[2] not in "P(":
            self.ignores_case = self.ignores_case or "i" in opening

    def _set(self) -> None:
        text = self._text
        self._at += 2 if text.startswith("[^", self._at) else 1
        first = self._at
        while self._at < len(text) and (text[self._at] != "]" or self._at == first):
            character = text[self._at]
            if character == "\\":
                self._escape()
                continue
            if character == "[" or text[self._at : self._at + 2] in ("--", "&&", "~~", "||"):
                raise self._meter.stop(
                    "offer", "a set within a set of a pattern is not offered: escape what is meant as it is"
                )
            self._at += 1
        self._at += 1

"""What a record does not hold: values that were masked or cut, and arguments that fail when a rule reads one of those.

The one idea: a rule that looks at a value which the record does not have gets an exception and no guess, so the gate's own way of
failing tells which opinions are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ringfence.audit.redact import MASK

_CUT = re.compile(
    r"…<[0-9]+ characters, digest [0-9a-f]+>\Z|\A<[0-9]+ bytes, digest [0-9a-f]+>\Z"
    r"|\A<int of [0-9]+ bits>\Z|\A<float [a-z-]+>\Z|\A<\w+( of [0-9]+)?>\Z|\A-?0x[0-9a-f]{16,}\Z"
)
"""How the record writes what it does not hold: long texts, bytes, objects, deep and large collections, numbers of more than 64 bits."""
_MORE = re.compile(r"<[0-9]+ more>")
_OTHER_KEY = re.compile(r"\A<\w+>|…\Z")


def is_masked(value: object) -> bool:
    """Return whether a recorded value, or a value within it, is not what the call had; it errs towards yes."""
    if type(value) is str:
        return MASK in value or _CUT.search(value) is not None or _MORE.fullmatch(value) is not None
    if type(value) is dict:
        return any(_is_cut_key(key) or is_masked(inner) for key, inner in value.items())
    return type(value) is list and any(map(is_masked, value))


def masked_names(arguments: Mapping[str, object]) -> frozenset[str] | None:
    """Return the names of recorded arguments whose values are not known; None where not even all names are."""
    if any(_is_cut_key(name) for name in arguments):
        return None
    return frozenset(name for name, value in arguments.items() if is_masked(value))


def _is_cut_key(name: str) -> bool:
    return MASK in name or _MORE.fullmatch(name) is not None or _OTHER_KEY.search(name) is not None


class ValueMasked(Exception):
    """A rule read an argument that the record does not hold."""


class RecordedArguments(Mapping[str, object]):
    """Arguments from a record. Reading one that is masked fails, and is noted.

    Arguments:
        values: what the record holds.
        masked: the names of those that are not known; None: reading any fails.

    Attributes:
        reads: how often a masked argument was read.

    """

    def __init__(self, values: Mapping[str, object], masked: frozenset[str] | None) -> None:
        self._values = values
        self._masked = masked
        self.reads = 0

    def __getitem__(self, name: str) -> object:
        if self._masked is None or name in self._masked:
            self._fail()
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        if self._masked is None:
            self._fail()
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        if self._masked is None:
            self._fail()
        return iter(self._values)

    def __len__(self) -> int:
        if self._masked is None:
            self._fail()
        return len(self._values)

    def _fail(self) -> None:
        self.reads += 1
        raise ValueMasked("the record does not hold this argument")

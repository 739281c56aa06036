"""From a source to a compiled snippet: parsed, rewritten by `Language`, compiled by RestrictedPython, and kept for the next time."""

from __future__ import annotations

import ast
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from RestrictedPython.compile import compile_restricted_exec

from ringfence.errors import SnippetRefused
from ringfence.quiet import no_warnings
from ringfence.restricted.language import VALUE, Language
from ringfence.restricted.run import Needs, needs_of

if TYPE_CHECKING:
    from types import CodeType

FILE = "<snippet>"
"""The file name in a compiled snippet, by which tracebacks are sorted."""
POLICY_VERSION = b"1"
"""Part of every key of the cache: it changes whenever the language or the names do."""
MOST_KEPT = 256
MOST_BYTES_KEPT = 4_000_000
_TOO_DEEP = "the code nests too deep: write it flatter"


class Compiled(NamedTuple):
    """A snippet that was allowed.

    Arguments:
        code: what runs.
        needs: what it names of the tier's own.
        has_value: whether its last statement is an expression.
        source: its text, for tracebacks.

    """

    code: CodeType
    needs: Needs
    has_value: bool
    source: str


class _Cache:
    """The snippets compiled last, bounded in number and in bytes of source."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Compiled] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: bytes) -> Compiled | None:
        return self._kept.get(key)

    def put(self, key: bytes, compiled: Compiled) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = compiled
            self._bytes += len(compiled.source)
            while len(self._kept) > MOST_KEPT or self._bytes > MOST_BYTES_KEPT:
                self._bytes -= len(self._kept.popitem(last=False)[1].source)


_cache = _Cache()


def compile_snippet(source: str, most_bytes: int) -> Compiled:
    """Return a snippet ready to run, from the cache where it was compiled before.

    Arguments:
        source: its text.
        most_bytes: the largest source, in bytes of UTF-8.

    Raises:
        SnippetRefused: it is no Python, uses what a snippet may not use, or is too large.

    """
    try:
        encoded = source.encode()
    except UnicodeEncodeError as error:
        raise SnippetRefused([(1, "it holds half of a surrogate pair, which is no text")]) from error
    if len(encoded) > most_bytes:
        raise SnippetRefused([(1, f"it is larger than {most_bytes:,} bytes")])
    key = sha256(POLICY_VERSION + encoded).digest()
    compiled = _cache.get(key)
    if compiled is None:
        compiled = _compile(source)
        _cache.put(key, compiled)
    return compiled


def _compile(source: str) -> Compiled:
    try:
        with no_warnings():
            result = compile_restricted_exec(ast.parse(source, FILE), FILE, policy=Language)
    except SyntaxError as error:
        raise SnippetRefused([(error.lineno or 1, f"it is no Python: {error.msg}")]) from error
    except (RecursionError, MemoryError) as error:
        raise SnippetRefused([(1, _TOO_DEEP)]) from error
    except ValueError as error:  # a NUL, or a pattern that Python does not compile
        raise SnippetRefused([(1, f"it is no Python: {error}")]) from error
    if result.code is None:
        faults = (fault.partition(":") for fault in result.errors)
        raise SnippetRefused([(int(line), what) for line, _, what in faults])
    names = dict.fromkeys(result.used_names)
    has_value = names.pop(VALUE, 0) is None
    return Compiled(result.code, needs_of(names), has_value, source)

"""From a source to a compiled snippet: parsed, rewritten by `Language`, compiled by RestrictedPython, and kept for the next time."""

from __future__ import annotations

import ast
import re
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from RestrictedPython.compile import compile_restricted_exec

from ringfence.errors import SnippetRefused
from ringfence.quiet import no_warnings
from ringfence.restricted.language import ASSUMED, VALUE, InferringLanguage, Language, Uninferable
from ringfence.restricted.run import Needs, needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import CodeType

FILE = "<snippet>"
"""The file name in a compiled snippet, by which tracebacks are sorted."""
POLICY_VERSION = b"1\0"
"""Part of every key of the cache: it changes whenever the language or the names do."""
MOST_KEPT = 256
MOST_BYTES_KEPT = 4_000_000
_TOO_DEEP = "the code nests too deep: write it flatter"


class Compiled(NamedTuple):
    """A snippet that was allowed.

    Arguments:
        code: what runs.
        needs: what it names of the tier's own.
        assumed: names that are taken for numbers because of how the snippet binds them, and `range`: no input may have one.
        has_value: whether its last statement is an expression.
        source: its text, for tracebacks.

    """

    code: CodeType
    needs: Needs
    assumed: frozenset[str]
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


_LOOPS = re.compile(r"\b(?:for|while)\b")
_cache = _Cache()


def compile_snippet(
    source: str,
    most_bytes: int,
    parsed: Callable[[str], ast.Module | None] | None = None,
    given: Collection[str] = (),
) -> Compiled:
    """Return a snippet ready to run, from the cache where it was compiled before.

    Arguments:
        source: its text.
        most_bytes: the largest source, in bytes of UTF-8.
        given: the names of its inputs and functions.
        parsed: gives the tree of the source where somebody has just parsed it, to be changed; it is asked once.

    Raises:
        SnippetRefused: it is no Python, uses what a snippet may not use, or is too large.

    """
    try:
        encoded = source.encode()
    except UnicodeEncodeError as error:
        raise SnippetRefused([(1, "it holds half of a surrogate pair, which is no text")]) from error
    if len(encoded) > most_bytes:
        raise SnippetRefused([(1, f"it is larger than {most_bytes:,} bytes")])
    compiled = _cached(encoded, source, parsed, infers=True)
    if compiled.assumed and not compiled.assumed.isdisjoint(given):
        return _cached(b"!" + encoded, source, None, infers=False)
    return compiled


def _cached(
    text: bytes, source: str, parsed: Callable[[str], ast.Module | None] | None, *, infers: bool
) -> Compiled:
    key = sha256(POLICY_VERSION + text).digest()
    compiled = _cache.get(key)
    if compiled is None:
        tree = None if parsed is None else parsed(source)
        compiled = _compile_quickly(source, tree) if infers else _compile(source, tree, Language)
        _cache.put(key, compiled)
    return compiled


def _compile_quickly(source: str, tree: ast.Module | None) -> Compiled:
    """Compile, and look into names where that pays: in a snippet with loops."""
    if _LOOPS.search(source) is None:
        return _compile(source, tree, Language)
    try:
        return _compile(source, tree, InferringLanguage)
    except Uninferable:
        return _compile(source, None, Language)


def _compile(source: str, tree: ast.Module | None, language: type[Language]) -> Compiled:
    try:
        with no_warnings():
            tree = ast.parse(source, FILE) if tree is None else tree
            result = compile_restricted_exec(tree, FILE, policy=language)
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
    assumed = frozenset(name.removeprefix(ASSUMED) for name in names if name.startswith(ASSUMED))
    return Compiled(result.code, needs_of(names), assumed, has_value, source)

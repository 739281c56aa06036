"""The analyser of Python: parse, walk once, then ask of every place of interest what it does.

What one call does is told by `acting.py`; this module only knows which places there are, and in which order they are asked.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.python.acting import Acting
from ringfence.scanning.python.callbacks import Callbacks
from ringfence.scanning.python.catalogue import GADGETS
from ringfence.scanning.python.effect import place
from ringfence.scanning.python.folders import folders, in_folder
from ringfence.scanning.python.gadgets import Gadgets
from ringfence.scanning.python.index import Index
from ringfence.scanning.python.names import is_detour
from ringfence.scanning.python.parse import parse
from ringfence.scanning.python.patterns import endless, enormous, reductions
from ringfence.scanning.python.relevance import Relevance
from ringfence.scanning.python.resolve import Resolver
from ringfence.scanning.python.text import in_characters, other_encoding, with_plain_ends
from ringfence.scanning.python.written import of_written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Budget

_CALCULATED = frozenset({Trait.CALCULATED})
_MOST_ADOPTED = 8


def python_effects(source: str, budget: Budget, dialect: str = "") -> list[Effect]:  # noqa: ARG001 - all analysers have one signature
    """Return what a Python source would do.

    Arguments:
        source: the text, with or without IPython's magic lines.
        budget: counts the steps.
        dialect: has no meaning here.

    Raises:
        Unscannable: it is no Python, nests too deep, or the budget is spent.

    """
    source = with_plain_ends(source)
    analysis = Analysis(parse(source, budget), budget)
    effects = [*other_encoding(source), *analysis.effects()]
    analysis.release()
    return effects if source.isascii() else list(in_characters(effects, source))


class Analysis:
    """One source under analysis.

    Arguments:
        tree: its syntax tree.
        budget: counts the steps.

    """

    def __init__(self, tree: ast.Module, budget: Budget) -> None:
        self._index = Index(tree)
        self._resolver = Resolver(self._index, budget)
        self._adopt()
        self._relevance = Relevance(self._index)
        self._gadgets = Gadgets(self._index, self._resolver)
        self._acting = Acting(self._resolver, self._gadgets)
        self._callbacks = Callbacks(self._index, self._resolver)

    def effects(self) -> Iterator[Effect]:
        """Return the effects, in no particular order; relative paths also as they are after the source has changed its folder."""
        found = list(self._effects())
        found += list(of_written(found, self._resolver))
        changed = folders(self._resolver)
        if not changed:
            yield from found
            return
        for effect in found:
            yield effect
            yield from (moved for folder in changed if (moved := in_folder(effect, folder)) is not None)

    def release(self) -> None:
        """Let go of everything. Its parts know each other, so the tree would else live until the collector finds them."""
        self._resolver.__dict__.clear()
        self._index.__dict__.clear()

    def _adopt(self) -> None:
        """Let the names that known texts define when they are run count as names of the source itself."""
        for call, scope in self._index.sites.get("exec", ())[:_MOST_ADOPTED]:
            if call.args:
                for value in self._resolver.values(call.args[0], scope)[:_MOST_ADOPTED]:
                    if isinstance(value.const, str) and value.whole:
                        self._index.adopt(value.const)

    def _effects(self) -> Iterator[Effect]:
        index, may_matter, effects_of = self._index, self._relevance.may_matter, self._acting.effects
        yield from self._of_imports()
        for name, pattern in index.captures:
            if GADGETS.get(name) in ("way out", "step"):
                yield Effect(Kind.INTROSPECT, "getattr", name, *place(pattern), traits=_CALCULATED)
        for call, scope in index.calls:
            if may_matter(call.func, scope):
                yield from effects_of(call, scope)
        yield from self._gadgets.effects()
        yield from self._callbacks.effects()
        yield from enormous(index)
        yield from endless(index)
        for call, scope in reductions(index):
            yield from self._acting.when_unpickled(call, scope)

    def _of_imports(self) -> Iterator[Effect]:
        """Return the effects of import statements; what is imported out of a module that has only imported it is a way out."""
        for module, node in self._index.imports:
            yield Effect(Kind.IMPORT, "import", module, *place(node))
            names = node.names if isinstance(node, ast.ImportFrom) else ()
            for name in (alias.name for alias in names):
                if is_detour(f"{module}.{name}"):
                    detour = f"{module}.{name}"
                    yield Effect(Kind.INTROSPECT, detour, name.lstrip("_"), *place(node), traits=_CALCULATED)

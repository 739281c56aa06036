"""Which calls are worth resolving, told from their spelling alone: most calls are not.

The one idea: a call can only do something by a name that the catalogue lists, or through something whose name is not plain; a name that
is listed only for packages which the source does not use is no such name.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind
from ringfence.scanning.python.catalogue import METHODS, MODULES, SINKS
from ringfence.scanning.python.names import BUILT_IN_NAMES, KNOWN_MODULES, canonical

if TYPE_CHECKING:
    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.scopes import Scope

BY_NAME = frozenset(
    {
        "__getattribute__", "__import__", "attrgetter", "delattr", "filter", "getattr", "import_module", "map", "partial", "reduce",
        "setattr", "starmap",
    }
)  # fmt: skip
"""Functions that reach or hand on others by a name."""
PATTERNS = frozenset({"decompress", "dup2", "fork"})
_SINK_BUILT_INS = (
    frozenset(name.removeprefix("builtins.") for name in SINKS if name.startswith("builtins.")) | BY_NAME
)
_ANY_OBJECT = METHODS.keys() | BY_NAME | PATTERNS | {"format", "__call__"}
"""Names of functions that matter whatever object they belong to."""
_DYNAMIC = ("__import__", "exec", "eval", "getattr", "vars", "globals")
_IMPORTING = ("importlib", "sys", "pkgutil", "imp")
_PRESENT = KNOWN_MODULES | {"__builtins__"}
_LITERALS = (ast.Constant, ast.JoinedStr)
_MAY_BE_FUNCTION = (ast.Attribute, ast.Call, ast.Name)


def _by_root() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in SINKS:
        found.setdefault(name.rpartition(".")[2], set()).add(name.partition(".")[0])
    return found


_BY_ROOT = _by_root()
"""Names of functions that matter only where the package is used that they belong to: name to packages."""
_NO_ROOTS: frozenset[str] = frozenset()
_OPEN_ENDED = frozenset(package for package, kind in MODULES.items() if kind in (Kind.NATIVE, Kind.RUN))
"""Packages whose functions have any names: those of libraries and programs."""


class Relevance:
    """What may matter in one source.

    Arguments:
        index: what the walk found.

    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._roots = _roots(index)
        self._stored = _stored(index)
        roots = self._roots
        self._dynamic = (
            _is_dynamic(index) or not roots.isdisjoint(_IMPORTING) or not roots.isdisjoint(_OPEN_ENDED)
        )

    def may_matter(self, function: ast.expr, scope: Scope) -> bool:
        """Return whether a call is worth resolving, told from its spelling alone: most calls are not."""
        if isinstance(function, ast.Name):
            return self._may_be_sink(function.id, scope)
        if not isinstance(function, ast.Attribute):
            return True
        return function.attr in _ANY_OBJECT or self._leads_out(function.attr, function.value, scope)

    def _may_be_sink(self, name: str, scope: Scope) -> bool:
        """Return whether a plain name may stand for something other than a function or class of the source, or a harmless built-in."""
        if name in _SINK_BUILT_INS:
            return True
        bindings = scope.find(name)
        if bindings is None:
            return name not in BUILT_IN_NAMES or bool(self._index.stars)
        for binding in bindings:
            node = binding.node
            if binding.how != "def" or (isinstance(node, ast.ClassDef) and node.bases):
                return True
        return False

    def _leads_out(self, name: str, owner: ast.expr, scope: Scope) -> bool:
        """Return whether a method may be a function of a module, or of an object that a package in use has made."""
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        if not isinstance(owner, ast.Name):
            return not isinstance(owner, _LITERALS) and self._is_known(name)
        bindings = scope.find(owner.id)
        if bindings is None:
            return owner.id in _PRESENT or bool(self._index.stars)
        for binding in bindings:
            if binding.how == "import" or (binding.how == "=" and binding.node.__class__ is ast.Name):
                return True
        return self._is_known(name)

    def _is_known(self, name: str) -> bool:
        """Return whether a name is that of a function which the source may reach in this or that way."""
        return (
            self._dynamic or name in self._stored or not self._roots.isdisjoint(_BY_ROOT.get(name, _NO_ROOTS))
        )


def _roots(index: Index) -> set[str]:
    """Return the packages that a source uses, by the names that the catalogue uses."""
    found = {canonical(module).partition(".")[0] for module, _ in index.imports}
    found.add("builtins")
    if "get_ipython" in index.sites:
        found.add("IPython")
    return found


def _stored(index: Index) -> set[str]:
    """Return the names of attributes that may hold a function, so that calling the attribute calls the function."""
    return {
        name
        for name, stored in index.fields.items()
        if any(node.__class__ in _MAY_BE_FUNCTION for node, _ in stored)
    }


def _is_dynamic(index: Index) -> bool:
    """Return whether a source may use packages that it does not import in plain sight."""
    sites = (site for name in _DYNAMIC for site, _ in index.sites.get(name, ()))
    return bool(index.gadgets) or any(isinstance(site.func, ast.Name) for site in sites)

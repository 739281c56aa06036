"""How the arguments of functions that run text or climb by names are read."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Kind, Language, Trait
from ringfence.scanning.python.catalogue import DANGEROUS_MODULES, GADGETS
from ringfence.scanning.python.forms.shared import with_names
from ringfence.scanning.python.names import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site

_STATEMENTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER", "WITH")
_WRITES_FILE = re.compile(
    r"\b(?:ATTACH\s+(?:DATABASE\s+)?|VACUUM\s+INTO\s+)['\"]([^'\"]{1,1000})", re.IGNORECASE
)
"""Statements of SQLite that make a file."""
_CALLS_NAME = re.compile(r"@\w[\w.]*\(")
_DUNDER = re.compile(r"__\w+__")


def source(site: Site) -> Iterator[Effect]:
    """Read the text of a program, which is analysed in its turn where it is known; through `compile` and `ast.parse` too."""
    value = site.value
    if (
        value.ref in ("builtins.compile()", "ast.parse()")
        and isinstance(value.node, ast.Call)
        and value.scope is not None
    ):
        inner = value.node.args[0] if value.node.args else None
        for found in site.resolver.values(inner, value.scope) if inner is not None else ():
            yield from source(site._replace(value=found))
        return
    text = value.text
    known = text is not None and HOLE not in text
    traits = site.sink.traits if known else site.sink.traits | {Trait.UNRESOLVED}
    if value.ref == "marshal.loads()":
        traits |= {Trait.PACKED}
    yield site.effect(
        text=text or "",
        traits=traits,
        nested=(Language.PYTHON, with_names(site, text)) if text is not None and known else None,
    )


def setup(site: Site) -> Iterator[Effect]:
    """Read code that may be left out."""
    if site.text != HOLE:
        yield from source(site)


def template(site: Site) -> Iterator[Effect]:
    """Read a template whose expressions are run: of interest is one that climbs through attributes, or that holds Python."""
    text = site.text
    if (
        any(GADGETS.get(name) in ("way out", "step") for name in _DUNDER.findall(text))
        or "__import__" in text
    ):
        yield site.effect(Kind.INTROSPECT, text="", traits=frozenset({Trait.CALCULATED, Trait.HIDDEN}))
    else:
        yield site.effect(Kind.WEAK, text="")


def fields(site: Site) -> Iterator[Effect]:
    """Read a template of `str.format`, whose fields can climb through attributes."""
    if any(GADGETS.get(name) in ("way out", "step") for name in _DUNDER.findall(site.text)):
        yield site.effect(text=site.text, traits=frozenset({Trait.CALCULATED}))


def named(site: Site) -> Iterator[Effect]:
    """Read the name of an attribute or method that is reached by it."""
    for values in site.arguments[:2]:
        for value in values:
            if isinstance(value.const, str) and GADGETS.get(value.const, "module") != "module":
                yield site.effect(text=value.const, traits=frozenset({Trait.CALCULATED}))
                return


def module(site: Site) -> Iterator[Effect]:
    """Read the name of a thing that is found by it, whose module is imported for that."""
    name = site.text.partition(":")[0] if ":" in site.text else site.text.rpartition(".")[0]
    if HOLE in site.text or name:
        yield site.effect(
            text=HOLE if HOLE in site.text else canonical(name), traits=frozenset({Trait.CALCULATED})
        )


def loaded(site: Site) -> Iterator[Effect]:
    """Read the name of a module that is taken out of the table of all modules."""
    if site.text in DANGEROUS_MODULES:
        yield site.effect(traits=frozenset({Trait.CALCULATED}))._replace(name="sys.modules")


def query(site: Site) -> Iterator[Effect]:
    """Read a database query: of interest only where its text is put together at run time."""
    text = site.text
    for found in _WRITES_FILE.finditer(text):
        yield site.effect(Kind.WRITE, text=found[1])
    if HOLE in text and text.lstrip().upper().startswith(_STATEMENTS):
        yield site.effect(text=text)


def expression(site: Site) -> Iterator[Effect]:
    """Read an expression over a table, which reaches the source's own names by `@`: of interest is one that calls them."""
    text = site.text
    if _CALLS_NAME.search(text) and HOLE not in text:
        program = with_names(site, text.replace("@", ""))
        yield site.effect(text=text, traits=site.sink.traits, nested=(Language.PYTHON, program))

"""How the arguments of functions that make objects of data are read."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Origin, Trait
from ringfence.scanning.python.catalogue import SINKS
from ringfence.scanning.python.names import canonical
from ringfence.scanning.python.pathlike import FILE, PATH
from ringfence.scanning.python.pickles import imported_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site
    from ringfence.scanning.python.values import Values

_ACTING = frozenset({Kind.RUN, Kind.EVALUATE, Kind.DELETE, Kind.LOAD, Kind.KILL})
_TAG = re.compile(
    r"(?:!!|!<tag:yaml\.org,2002:)python/(?:object/(?:apply|new)|object|name|module):([\w.]{1,200})"
)
"""A tag of YAML by which a known text names what is called or imported when it is loaded."""
_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader")
_PLAIN_GLOBALS = (
    "collections.", "datetime.", "decimal.", "fractions.", "numpy.core.multiarray.", "numpy.dtype", "numpy.ndarray", "numpy._core.multiarray.",
    "copy_reg._reconstructor", "copyreg._reconstructor", "builtins.set", "builtins.frozenset", "builtins.list", "builtins.dict", "builtins.object",
    "builtins.bytearray", "builtins.complex", "builtins.slice", "builtins.range", "__builtin__.set", "__builtin__.object", "__builtin__.list",
    "__builtin__.dict", "__builtin__.bytearray", "__builtin__.complex", "uuid.", "pandas.", "sklearn.", "scipy.", "enum.", "pathlib.PurePosixPath",
    "_codecs.encode", "array.array", "zoneinfo.", "ipaddress.", "re._compile", "networkx.", "xgboost.", "lightgbm.", "torch._utils.",
)  # fmt: skip
"""What pickles of plain data import."""


def loader(site: Site) -> Iterator[Effect]:
    """Read data that is made into objects: what a known pickle imports, and whether the data hides itself."""
    if _loads_safely(site):
        return
    value, traits = site.value, site.sink.traits
    if isinstance(value.const, bytes):
        for imported in imported_by(value.const):
            if imported.startswith(_PLAIN_GLOBALS):
                continue
            yield site.effect(text=imported, traits=traits | {Trait.HIDDEN})
    if site.name.startswith("yaml.") and value.text is not None:
        for tag in _TAG.finditer(value.text):
            yield site.effect(text=tag[1], traits=traits | {Trait.HIDDEN})
    # One's own compressed file hides nothing.
    if Origin.DECODED in value.origins and Origin.FILE not in value.origins:
        traits |= {Trait.PACKED}
    if value.ref not in ("", PATH, FILE):
        traits |= {Trait.CALCULATED}
    yield site.effect(text="", traits=traits)


def _loads_safely(site: Site) -> bool:
    """Return whether a loader is told to make plain data only."""
    if site.name.startswith("yaml."):
        loader = site.keyword("Loader") or (site.arguments[1] if len(site.arguments) > 1 else ())
        return bool(loader) and all(value.ref.rpartition(".")[2] in _SAFE_LOADERS for value in loader)
    return site.name == "torch.load" and site.flag("weights_only") is True


def factories(site: Site) -> Iterator[Effect]:
    """Read a configuration whose entries name, under `()`, a function that makes a part of it: whatever it does, it does at once."""
    value = site.value
    if not isinstance(value.node, ast.Dict) or value.scope is None:
        return
    for part in ast.walk(value.node):
        site.resolver.spend(8)
        if isinstance(part, ast.Dict):
            for key, maker in zip(part.keys, part.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "()":
                    yield from _made_by(site, site.resolver.values(maker, value.scope))


def _made_by(site: Site, makers: Values) -> Iterator[Effect]:
    for maker in makers:
        name = canonical(maker.text or maker.ref)
        if any(sink.kind in _ACTING for sink in SINKS.get(name, ())):
            yield site.effect(text=name, traits=frozenset({Trait.HIDDEN}))


def pickled(site: Site) -> Iterator[Effect]:
    """Read a loader that makes objects only where it is told so."""
    if site.flag("allow_pickle") is True:
        yield site.effect(text="")

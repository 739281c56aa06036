"""How the arguments of functions that make objects of data are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Origin, Trait
from ringfence.scanning.python.pathlike import FILE, PATH
from ringfence.scanning.python.pickles import imported_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Effect
    from ringfence.scanning.python.forms.site import Site

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


def pickled(site: Site) -> Iterator[Effect]:
    """Read a loader that makes objects only where it is told so."""
    if site.flag("allow_pickle") is True:
        yield site.effect(text="")

"""What the functions of Python's library and of well-known packages do, as tables: the analyser's knowledge, and none of its logic."""

from ringfence.scanning.python.catalogue.functions import METHODS, MODULES, QUIET, SINKS
from ringfence.scanning.python.catalogue.gadgets import GADGETS, HANDED
from ringfence.scanning.python.catalogue.modules import (
    ALIASES,
    DANGEROUS_MODULES,
    HARD_MODULES,
    STANDARD_PATHS,
)
from ringfence.scanning.python.catalogue.sink import Sink
from ringfence.scanning.python.catalogue.sources import METHOD_SOURCES, SOURCES

__all__ = [
    "ALIASES", "DANGEROUS_MODULES", "GADGETS", "HANDED", "HARD_MODULES", "METHODS", "METHOD_SOURCES", "MODULES", "QUIET", "SINKS",
    "SOURCES", "STANDARD_PATHS", "Sink",
]  # fmt: skip

"""Works out what pure functions and operators give for constants: text, numbers, encodings, compression. It never runs a source's code.

Every result is bounded, and whatever fails gives `UNKNOWN`. The one idea: only functions listed here are ever called, with plain
constants, so the scanner computes what an obfuscated source would compute and nothing else.
"""

from ringfence.scanning.python.fold.bounds import size
from ringfence.scanning.python.fold.functions import FUNCTIONS, TOLERANT, call
from ringfence.scanning.python.fold.methods import TEXT_METHODS, method
from ringfence.scanning.python.fold.operators import combine

__all__ = ["FUNCTIONS", "TEXT_METHODS", "TOLERANT", "call", "combine", "method", "size"]

"""What a layer's `probe()` answers."""

from __future__ import annotations

from collections import namedtuple  # not typing's: the zygote loads this, and is kept small

Fact = namedtuple("Fact", ["available", "version", "detail", "advice", "by"], defaults=[""])  # noqa: PYI024 - as above
"""Whether the machine gives a layer, in which version, what was seen, what to do where it does not, and by which of several ways it is had."""

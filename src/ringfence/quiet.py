"""Silence while somebody else's source is compiled: Python's warnings about it are not for the host's own output.

The filter of warnings belongs to the whole process, so there is one lock around changing it: two threads that each put back
what they found would leave the wrong one behind.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_filter = Lock()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Ignore warnings inside of the `with` block."""
    with _filter, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

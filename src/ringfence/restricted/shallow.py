"""Types of the library that a snippet gets as subclasses, for one reason: how they are freed.

An object of a class written in Python is freed through CPython's "trashcan", which goes down no deeper than fifty levels at a time. A few
C types do without: a `deque` in a `deque`, a hundred thousand times over, overruns the stack of the process when the outermost one is
dropped. The subclasses change nothing else.
"""

from __future__ import annotations

import builtins
import collections
from typing import Any


class deque(collections.deque[Any]):  # noqa: N801 - the name that a snippet sees
    """`collections.deque`."""

    __slots__ = ()
    __module__ = "collections"


class defaultdict(collections.defaultdict[Any, Any]):  # noqa: N801 - likewise
    """`collections.defaultdict`."""

    __slots__ = ()
    __module__ = "collections"


class property(builtins.property):  # noqa: A001, N801 - likewise
    """`property`."""

    __module__ = "builtins"


class staticmethod(builtins.staticmethod):  # type: ignore[type-arg]  # noqa: A001, N801 - likewise
    """`staticmethod`."""

    __module__ = "builtins"


class classmethod(builtins.classmethod):  # type: ignore[type-arg]  # noqa: A001, N801 - likewise
    """`classmethod`."""

    __module__ = "builtins"

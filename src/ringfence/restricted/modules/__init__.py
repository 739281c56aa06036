"""The modules that a snippet may import, as views: each offers the names that its class lists, and no others.

A view's class is written by hand. What the library does in bounded time on small values is offered as it is; what can grow or loop is
a method that measures first. `open_module` makes the view of one evaluation.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

    from ringfence.restricted.run import Run

_ROOMS: dict[str, tuple[str, str]] = {
    "abc": ("typed", "Abc"),
    "base64": ("encoding", "Base64"),
    "binascii": ("encoding", "Binary"),
    "bisect": ("ordering", "Bisect"),
    "cmath": ("numbers", "ComplexMath"),
    "collections": ("containers", "Collections"),
    "collections.abc": ("containers", "CollectionsAbc"),
    "copy": ("copying", "Copy"),
    "dataclasses": ("records", "Dataclasses"),
    "datetime": ("times", "Datetime"),
    "decimal": ("exact", "Decimals"),
    "fractions": ("exact", "Fractions"),
    "functools": ("calling", "Functools"),
    "hashlib": ("digests", "Hashlib"),
    "heapq": ("ordering", "Heapq"),
    "itertools": ("iterating", "Itertools"),
    "json": ("encoding", "Json"),
    "math": ("numbers", "Math"),
    "numbers": ("numbers", "Numbers"),
    "operator": ("operating", "Operator"),
    "random": ("chance", "Chance"),
    "re": ("patterns", "Patterns"),
    "statistics": ("averages", "Statistics"),
    "string": ("text", "Strings"),
    "textwrap": ("text", "TextWrap"),
    "time": ("times", "Time"),
    "typing": ("typed", "Typing"),
    "uuid": ("digests", "Uuid"),
}
"""Where the view of each module is written: the file in this package, and the class."""
DEFAULT_MODULES = frozenset(_ROOMS)
"""What a snippet may import unless somebody says otherwise: everything that there is a view of."""


def check_modules(modules: Collection[str]) -> frozenset[str]:
    """Return the names of modules to offer.

    Raises:
        ValueError: there is no view of one of them.

    """
    if modules is DEFAULT_MODULES:
        return DEFAULT_MODULES
    names = modules if isinstance(modules, frozenset) else frozenset(modules)
    if not names <= DEFAULT_MODULES:
        unknown = sorted(map(str, names - DEFAULT_MODULES))
        raise ValueError(
            f"no view of {', '.join(unknown)}: a snippet can be offered {', '.join(sorted(DEFAULT_MODULES))}"
        )
    return names


def open_module(run: Run, name: str) -> Any:
    """Return the view of a module.

    Raises:
        ModuleNotFoundError: there is none.

    """
    room = _ROOMS.get(name)
    if room is None:
        raise ModuleNotFoundError(f"the module {name!r} is not offered in a snippet", name=name)
    module = import_module(f"ringfence.restricted.modules.{room[0]}")
    return getattr(module, room[1])(run)

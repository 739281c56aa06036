"""Path objects: a `Value` whose name is `pathlib.Path()` and whose constant is the path as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE
from ringfence.scanning.python import fold
from ringfence.scanning.python.origins import file_origin
from ringfence.scanning.python.values import UNKNOWN, Value, as_text, or_hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.scanning.effects import Origin
    from ringfence.scanning.python.values import Values

PATH = "pathlib.Path()"
FILE = "builtins.open()"
_SAME = frozenset({"resolve", "absolute", "expanduser"})
_TEXT = frozenset({"as_posix", "__str__", "__fspath__", "as_uri"})
_JOINING = frozenset({"joinpath", "with_name", "with_suffix", "glob", "rglob", "relative_to"})


def path_attribute(owner: Value, name: str, ref: str) -> Value:
    """Return an attribute of a path object: its parent is a path, its name is text, its methods keep the path."""
    if name == "parent":
        return Value(fold.call("os.path.dirname", [str(owner.const)], {}), PATH, owner.origins)
    if name in ("anchor", "root"):
        return Value("/", "", owner.origins)
    if name in ("name", "stem", "suffix"):
        return Value(fold.call("os.path.basename", [str(owner.const)], {}), "", owner.origins)
    return Value(owner.const, ref, owner.origins)


def path_result(function: Value, ref: str, arguments: Sequence[Values], origins: frozenset[Origin]) -> Value:
    """Return what a method of a path object gives: another path, an open file, or content of the path's origin.

    Arguments:
        function: the method, with the path as its constant.
        ref: its dotted name.
        arguments: what it is called with.
        origins: where path and arguments come from.

    """
    name = ref.rpartition(".")[2]
    if name in _SAME:
        return Value(function.const, PATH, origins)
    if name == "iterdir":
        return Value(fold.call("os.path.join", [as_text(function), HOLE], {}), PATH, origins)
    if name in _TEXT:
        return Value(function.const, "", origins)
    if name in _JOINING:
        return Value(_joined(function, name, arguments), PATH, origins)
    if name in ("open", "read_text", "read_bytes"):
        origins |= file_origin(function.text)
        return Value(function.const, FILE, origins) if name == "open" else Value(UNKNOWN, "", origins)
    return Value(UNKNOWN, f"{ref}()", origins)


def _joined(path: Value, name: str, arguments: Sequence[Values]) -> object:
    """Return the path that a method of a path makes of it; a pattern stands for what fits it."""
    parts = [as_text(path), *(str(or_hole(values)) for values in arguments)]
    if name.endswith("glob"):
        deep = name == "rglob" or "**" in "".join(parts[1:])
        parts[1:] = ["**", HOLE] if deep else [HOLE]
    return fold.call("os.path.join", parts, {})

"""What an expression may stand for: a `Value` is a constant, a dotted name, a definition, or all that is known of something else.

An expression has several candidates where a name is bound in several places. The one idea: text that is known in part is text with
holes, so an f-string about `/etc/` is still known to be about `/etc/`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ringfence.scanning.effects import HOLE, Origin

if TYPE_CHECKING:
    import ast
    from collections.abc import Sequence

    from ringfence.scanning.python.scopes import Scope

MOST_CANDIDATES = 16
"""How many values an expression may have before the rest is left out; elements of a literal list count apart."""
MOST_ELEMENTS = 256
"""How many elements of a sequence are looked at one by one."""
MOST_TEXT = 128 * 1024
"""The longest text, and the longest sequence, that is worked out."""


class _Unknown:
    """Stands where a constant is not known, since None is a constant too."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()
NOWHERE: frozenset[Origin] = frozenset()
DECODED = frozenset({Origin.DECODED})


class Value(NamedTuple):
    """One thing that an expression may stand for.

    Arguments:
        const: the constant, text possibly with holes; `UNKNOWN` where there is none. Of a path object or an open file, the path.
        ref: the dotted name: `os.system`, `socket.socket()` for an instance, `psutil.process_iter()*` for an element.
        origins: where it comes from.
        node: the literal, function, class, lambda or call that it is.
        scope: the scope that the node stands in.

    """

    const: object = UNKNOWN
    ref: str = ""
    origins: frozenset[Origin] = NOWHERE
    node: ast.AST | None = None
    scope: Scope | None = None

    @property
    def text(self) -> str | None:
        """The constant as text: paths and bytes count; None where it is none."""
        const = self.const
        if isinstance(const, str):
            return const
        if isinstance(const, (bytes, bytearray)):
            return bytes(const).decode("utf-8", "backslashreplace")
        return None

    @property
    def whole(self) -> bool:
        """Whether the constant is known without a hole."""
        return self.const is not UNKNOWN and not (isinstance(self.const, str) and HOLE in self.const)


Values = tuple[Value, ...]
NOTHING = Value()
SOMETHING: Values = (NOTHING,)
"""What an expression stands for of which nothing is known."""


def origins_of(*groups: Values) -> frozenset[Origin]:
    """Return where any of the values comes from."""
    found: frozenset[Origin] = NOWHERE
    for values in groups:
        for value in values:
            if value.origins:
                found |= value.origins
    return found


def as_text(value: Value) -> str:
    """Return a value as a part of a text: its own text, a hole where it is not known."""
    const = value.const
    if const is UNKNOWN:
        return HOLE
    text = value.text
    return str(const) if text is None else text


def or_hole(values: Values) -> object:
    """Return the constant of an argument, a hole where it has none or several."""
    return values[0].const if len(values) == 1 and values[0].const is not UNKNOWN else HOLE


def cut(values: Sequence[Value], limit: int = MOST_CANDIDATES) -> Values:
    """Return at most so many values. Where some are left out, one of them says that there are more, so that nothing is hidden by decoys."""
    return tuple(values) if len(values) <= limit else (*values[: limit - 1], NOTHING)

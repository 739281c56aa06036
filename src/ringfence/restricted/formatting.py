"""`str.format`, field by field: attributes and items go through the guards, widths are bounded. Parsed by the library's own parser."""

from __future__ import annotations

from _string import formatter_field_name_split, formatter_parser  # type: ignore[import-not-found]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ringfence.restricted.functions import Functions

_MOST_FIELDS_DEEP = 2


def format_fields(run: Functions, text: str, args: tuple[Any, ...], kwargs: Any) -> str:
    """Return the text with its fields filled in.

    Raises:
        Stopped: a field asks for an attribute, or a width, that is not offered.
        ValueError, KeyError, IndexError: as `str.format`.

    """
    run.meter.grow(len(text) * 8)
    return _Filling(run, args, kwargs).fill(str.__str__(text), _MOST_FIELDS_DEEP)


class _Filling:
    """Fills the fields of one text, and numbers those without a name."""

    def __init__(self, run: Functions, args: tuple[Any, ...], kwargs: Any) -> None:
        self._run = run
        self._args = args
        self._kwargs = kwargs
        self._next: int | None = None
        self._manual = False

    def fill(self, text: str, depth: int) -> str:
        if depth == 0:
            raise ValueError("Max string recursion exceeded")
        parts: list[str] = []
        for literal, name, spec, conversion in formatter_parser(text):
            self._run.meter.tick()
            parts.append(literal)
            if name is not None:
                parts.append(self._field(name, spec or "", conversion, depth))
        total = sum(map(len, parts))
        self._run.meter.grow(total * 4)
        return "".join(parts)

    def _field(self, name: str, spec: str, conversion: str | None, depth: int) -> str:
        value = self._value(name)
        if conversion not in (None, "r", "s", "a"):
            raise ValueError(f"Unknown conversion specifier {conversion!s}")
        inner = self.fill(spec, depth - 1) if spec else ""
        return self._run.formatted(value, inner, -1 if conversion is None else ord(conversion))

    def _value(self, name: str) -> Any:
        first, rest = formatter_field_name_split(name)
        value = self._first(first)
        for is_attribute, key in rest:
            value = self._run.attribute(value, key) if is_attribute else value[key]
        return value

    def _first(self, first: Any) -> Any:
        if first == "":
            if self._manual:
                raise ValueError("cannot switch from manual field specification to automatic field numbering")
            self._next = 0 if self._next is None else self._next + 1
            first = self._next
        elif isinstance(first, int):
            if self._next is not None:
                raise ValueError("cannot switch from automatic field numbering to manual field specification")
            self._manual = True
        if isinstance(first, int):
            if first >= len(self._args):
                raise IndexError(f"Replacement index {first} out of range for positional args tuple")
            return self._args[first]
        return self._kwargs[first]

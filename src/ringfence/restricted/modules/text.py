"""Text: string and textwrap."""

from __future__ import annotations

import string
import textwrap
from typing import Any

from ringfence.restricted.modules.view import ModuleView, whole

_MOST_TEXT = 50_000
_MOST_INDENT = 200
_MOST_TAB = 64
_CONSTANTS = [
    name for name in dir(string) if isinstance(getattr(string, name), str) and not name.startswith("_")
]


class Strings(ModuleView):
    """`string`."""

    __slots__ = ()
    __named__ = "string"

    def capwords(self, s: Any, sep: Any = None) -> str:
        """Capitalize every word."""
        if isinstance(s, str):
            self.__run__.meter.grow(len(s) * 80)
        return str(string.capwords(s, sep))


for _name in _CONSTANTS:
    setattr(Strings, _name, getattr(string, _name))


class TextWrap(ModuleView):
    """`textwrap`, for texts of a bounded length."""

    __slots__ = ()
    __named__ = "textwrap"

    def wrap(self, text: Any, width: Any = 70, **options: Any) -> list[str]:
        """Break a text into lines."""
        self.__pay__(text, options)
        return textwrap.wrap(text, width, **options)

    def fill(self, text: Any, width: Any = 70, **options: Any) -> str:
        """Break a text into lines, and join them."""
        self.__pay__(text, options)
        return textwrap.fill(text, width, **options)

    def shorten(self, text: Any, width: Any, **options: Any) -> str:
        """Cut a text at a word."""
        self.__pay__(text, options)
        return textwrap.shorten(text, width, **options)

    def dedent(self, text: Any) -> str:
        """Remove the blanks that all lines begin with."""
        self.__pay__(text, {})
        return textwrap.dedent(text)

    def indent(self, text: Any, prefix: Any, predicate: Any = None) -> str:
        """Put a prefix before every line."""
        self.__pay__(text, {"prefix": prefix})
        return textwrap.indent(text, prefix, predicate)

    def __pay__(self, text: Any, options: dict[str, Any]) -> None:
        meter = self.__run__.meter
        if type(text) is not str:
            raise meter.stop("offer", "textwrap is offered for texts")
        if len(text) > _MOST_TEXT:
            raise meter.stop("offer", f"textwrap is offered for at most {_MOST_TEXT:,} characters")
        meter.charge(len(text) * 4)
        most = 1
        for name, value in options.items():
            if isinstance(value, str):
                most += len(value)
            if (isinstance(value, str) and len(value) > _MOST_INDENT) or (
                name == "tabsize" and whole(value, _MOST_TAB)
            ):
                raise meter.stop("offer", f"textwrap's {name} is offered up to {_MOST_INDENT} characters")
        if len(text) * most > _MOST_INDENT:
            meter.grow(len(text) * (most + 16))

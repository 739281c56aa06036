"""Names that a text which is run shares with the source around it, or is given in a dictionary.

The one idea: a text that calls `f` is judged with a line before it that says what `f` is, since nothing else tells that `f` is `os.remove`.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence.scanning.python.forms.site import Site
    from ringfence.scanning.python.scopes import Binding
    from ringfence.scanning.python.values import Value, Values

_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_MOST_NAMES = 32
_MOST_TEXT = 2_000
_SIMPLE = (ast.Constant, ast.Name, ast.Attribute)
_PLAIN = (str, bytes, int)


def with_names(site: Site, text: str) -> str:
    """Return a text with a line before it for each of its names that the source binds to something known."""
    site.resolver.spend(len(text) // 4 + 1)
    given = _given(site)
    lines = []
    for name in list(dict.fromkeys(_NAME.findall(text)))[:_MOST_NAMES]:
        values = given.get(name)
        if values is None and _is_plain(site.scope.find(name)):
            values = site.resolver.bindings.named(name, site.scope)
        line = _line(name, values[0]) if values else ""
        if line:
            lines.append(line)
    return "\n".join([*lines, text])


def _is_plain(bindings: list[Binding] | None) -> bool:
    """Return whether a name is bound by imports and plain assignments alone, which cost nothing to follow."""
    return bindings is not None and all(
        binding.how == "import" or (binding.how == "=" and isinstance(binding.node, _SIMPLE))
        for binding in bindings
    )


def _given(site: Site) -> dict[str, Values]:
    """Return the names of the dictionary that a call gives as the namespace of the text."""
    found: dict[str, Values] = {}
    for values in site.arguments[1:3]:
        for value in values:
            if isinstance(value.node, ast.Dict) and value.scope is not None:
                pairs = list(zip(value.node.keys, value.node.values, strict=True))[:_MOST_NAMES]
                found |= {
                    key.value: site.resolver.values(part, value.scope)
                    for key, part in pairs
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                }
    return found


def _line(name: str, value: Value) -> str:
    """Return the statement that binds a name to a value; empty where the value is not known, or is the name itself."""
    module, _, last = value.ref.rpartition(".")
    if not value.ref:
        plain = type(value.const) in _PLAIN and value.whole and len(str(value.const)) <= _MOST_TEXT
        return f"{name} = {value.const!r}" if plain else ""
    if _DOTTED.fullmatch(value.ref) is None or value.ref == f"builtins.{name}":
        return ""
    return f"from {module} import {last} as {name}" if module else f"import {last} as {name}"

"""The shape of a function that says what a call gives which the scanner looks through."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

    from ringfence.scanning.python.resolve import Resolver
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

KnownCall: TypeAlias = "Callable[[Resolver, ast.Call, Scope], Values]"
"""Takes the resolver, the call as it stands, and its scope; returns what the call may give, nothing where that is not known."""

"""All that one walk over a syntax tree finds: scopes, calls, and every other place that may do something.

Nothing is resolved here. The one idea: an honest source has few places of interest, so the walk (`walk.py`) only takes notes, and
values are worked out later and backwards, from those places.
"""

from __future__ import annotations

import ast

from ringfence.scanning.python.scopes import Scope
from ringfence.scanning.python.targets import bind_tables
from ringfence.scanning.python.walk import walk


class Index:
    """All that one walk found.

    Attributes:
        module: the outermost scope.
        scopes: every scope by its node.
        calls: each call with its scope.
        sites: the same by the name that is called, of a function or method.
        gadgets: attributes that lead out of an object, and functions that are handed around instead of called, with their scopes.
        subscripts: subscripts whose value may be a table of names, such as `sys.modules[...]`.
        fields: what attributes of objects are set to, by the attribute's name: expression and scope.
        read: names and attributes that are used as values, besides those that are called.
        loops: `while` loops.
        tries: the line spans of what stands in a `try` with handlers.
        items: what items of variables are set to, by the variable's name: key, value and scope.
        operators: what methods with two underscores are set to, which Python itself calls for operators.
        decorators: what definitions are handed to.
        captures: attributes that patterns of `match` ask for, each with its pattern.
        powers: products and powers, which can be enormous.
        imports: modules with the node that imports them.
        stars: modules of which everything was imported.

    """

    def __init__(self, tree: ast.Module) -> None:
        self.module = Scope(tree, None)
        self.scopes: dict[ast.AST, Scope] = {tree: self.module}
        self.calls: list[tuple[ast.Call, Scope]] = []
        self.sites: dict[str, list[tuple[ast.Call, Scope]]] = {}
        self.gadgets: list[tuple[ast.expr, Scope]] = []
        self.subscripts: list[tuple[ast.Subscript, Scope]] = []
        self.fields: dict[str, list[tuple[ast.expr, Scope]]] = {}
        self.imports: list[tuple[str, ast.stmt]] = []
        self.stars: list[str] = []
        self.read: set[str] = set()
        self.loops: list[ast.While] = []
        self.tries: list[tuple[int, int]] = []
        self.items: dict[str, list[tuple[ast.expr, ast.expr, Scope]]] = {}
        self.operators: list[tuple[ast.expr, Scope]] = []
        self.decorators: list[tuple[ast.expr, Scope]] = []
        self.captures: list[tuple[str, ast.pattern]] = []
        self.powers: list[ast.BinOp] = []
        walk(self, tree)
        bind_tables(self)

    def adopt(self, text: str) -> None:
        """Add the names that another text defines to the module's own; nothing where it is no Python."""
        try:
            other = Index(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return
        self.scopes.update(other.scopes)
        for name, bindings in other.module.names.items():
            for binding in bindings:
                self.module.bind(name, binding._replace(certain=False, line=0))

"""Works out what an expression may stand for, backwards and only where somebody asks.

Names are looked up in `bindings.py`, attributes and items in `items.py`, what calls are given and give in `arguments.py` and
`results.py`; operators, literals and comprehensions have modules of their own. The one idea: nothing here runs the source; each
expression is worked out at most once, and every step is counted.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ringfence.scanning.effects import Unscannable
from ringfence.scanning.python import fold
from ringfence.scanning.python.arguments import Arguments
from ringfence.scanning.python.attributes import Attributes
from ringfence.scanning.python.bindings import Bindings
from ringfence.scanning.python.comprehensions import comprehension, matched
from ringfence.scanning.python.items import Items
from ringfence.scanning.python.literals import (
    Element,
    dictionary,
    formatted,
    nameless,
    sequence,
    some_element,
    wrapped,
)
from ringfence.scanning.python.operators import binary, choice, compare, either, unary
from ringfence.scanning.python.results import Results
from ringfence.scanning.python.values import NOTHING, SOMETHING, UNKNOWN, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.scopes import Scope
    from ringfence.scanning.python.values import Values

_MOST_DEPTH = 90


class Resolver:
    """Resolves the expressions of one source.

    Arguments:
        index: what the walk found.
        budget: counts the steps.

    Attributes:
        bindings, attributes, items, arguments, results: the parts that know names, attributes, items, what calls are given, and what they give.
        bound_now: the names that one round of a comprehension binds.
        guesses: how many of the values that are being worked out were found by a name that only may be the right one.

    """

    def __init__(self, index: Index, budget: Budget) -> None:
        self.index = index
        self.bindings = Bindings(self)
        self.attributes = Attributes(self)
        self.items = Items(self)
        self.arguments = Arguments(self)
        self.results = Results(self)
        self._budget = budget
        self._memory: dict[ast.AST, Values] = {}
        self.bound_now: dict[str, Value] = {}
        self._depth = 0
        self.guesses = 0

    def values(self, node: ast.AST, scope: Scope) -> Values:
        """Return what an expression may stand for, at least one value.

        Raises:
            Unscannable: the expression nests too deep, or the budget is spent.

        """
        if isinstance(node, ast.Constant):
            return (Value(node.value),)
        memory = self._memory
        found = memory.get(node)
        if found is not None:
            return found
        resolve = _BY_KIND.get(node.__class__)
        if resolve is None:
            return SOMETHING
        self._budget.spend()
        if self._depth >= _MOST_DEPTH:
            if self.guesses:
                return SOMETHING  # a long chain of parameters that only share names is no nesting
            line = getattr(node, "lineno", 1)
            raise Unscannable("too-deep", "a value is put together in too many steps: write it plainly", line)
        memory[node] = SOMETHING  # what a value that depends on itself sees of itself
        self._depth += 1
        found = memory[node] = resolve(self, node, scope) or SOMETHING
        self._depth -= 1
        return found

    def single(self, node: ast.AST, scope: Scope) -> object:
        """Return the constant that an expression stands for, `UNKNOWN` where it is none or one of several."""
        values = self.values(node, scope)
        return values[0].const if len(values) == 1 else UNKNOWN

    def spend(self, steps: int) -> None:
        """Take steps from the budget, as `Budget.spend` does."""
        self._budget.spend(steps)

    def given(self, target: ast.expr, element: object, body: ast.expr, scope: Scope) -> Value:
        """Return what an expression gives where a target has this value: one round of a comprehension or of `map`."""
        return self.under(matched(target, element), body, scope)

    def under(self, given: dict[str, Value], body: ast.expr, scope: Scope) -> Value:
        """Return what an expression gives where these names are bound to these values."""
        before, memory = self.bound_now, self._memory
        self.bound_now, self._memory = {**before, **given}, {}
        values = self.values(body, scope)
        self.bound_now, self._memory = before, memory
        return values[0] if len(values) == 1 else NOTHING

    def charge(self, const: object) -> None:
        """Take from the budget what holding a constant costs, so that small sources cannot make enormous values."""
        if type(const) in (str, bytes, list, tuple, dict):
            self._budget.spend(fold.size(const) // 2 + 1)


def _name(resolver: Resolver, node: ast.Name, scope: Scope) -> Values:
    given = resolver.bound_now.get(node.id)
    if given is not None:
        return (given,)
    return resolver.bindings.named(node.id, scope, (node.lineno, node.col_offset))


_BY_KIND: Mapping[type[ast.AST], Callable[[Resolver, Any, Scope], Values]] = {
    ast.Name: _name,
    ast.Call: lambda resolver, node, scope: resolver.results.of_call(node, scope),
    ast.Attribute: lambda resolver, node, scope: resolver.attributes.of(node, scope),
    ast.Subscript: lambda resolver, node, scope: resolver.items.of_subscript(node, scope),
    ast.JoinedStr: formatted,
    ast.BinOp: binary,
    **dict.fromkeys((ast.List, ast.Tuple, ast.Set), sequence),
    ast.Dict: dictionary,
    Element: some_element,
    ast.Lambda: nameless,
    ast.BoolOp: either,
    ast.IfExp: choice,
    ast.UnaryOp: unary,
    ast.Compare: compare,
    **dict.fromkeys((ast.Await, ast.Starred, ast.NamedExpr, ast.FormattedValue), wrapped),
    **dict.fromkeys((ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp), comprehension),
}
"""What resolves each kind of expression."""

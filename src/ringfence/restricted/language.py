"""The language of a snippet: every kind of syntax that is allowed, and what it is rewritten to. One pass over the tree.

RestrictedPython compiles; the transformer is ours. It refuses what nobody has reviewed, and puts a guard around whatever could grow, loop
or compare without end. The one idea: a guard has a name that cannot be spelled (`+`, `.join`, `list()`), so no assignment, import,
parameter, pattern or handler of a snippet can put another object in its place.

What needs no guard stays as it is: attributes are sorted by name (see `names`), and operands that are numbers by their
syntax cannot grow.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, TypeVar

from RestrictedPython.transformer import RestrictingNodeTransformer

from ringfence.restricted.budget import INTEGER_BITS
from ringfence.restricted.known import (
    Known,
    Size,
    is_range,
    known_names,
    size_of,
    target_names,
)
from ringfence.restricted.names import (
    BUILT_IN_TYPES,
    CLASS_NAMES,
    GUARDED_ATTRIBUTES,
    GUARDED_METHODS,
    METADATA_NAMES,
    REFUSED_CALLS,
    SPECIAL_ATTRIBUTES,
    SPECIAL_METHODS,
    WRITABLE_SPECIALS,
    attribute_fault,
    is_special,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

VALUE = "$value"
"""The name under which the value of the last expression is kept."""
ASSUMED = "$assumed "
"""What stands before the names that are taken for numbers because of how the snippet binds them: no input may have one."""
_LOAD, _STORE, _DEL = ast.Load(), ast.Store(), ast.Del()
_COST_NODES = 64
"""A body of more nodes than this pays for them when it is entered; a step covers one of 32."""
_WIDE_DISPLAY = 64
_WIDE = re.compile(r"\d{4}")
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.MatMult: "@",
}
_BESIDE_NUMBER = (ast.Add, ast.Sub, ast.Div)
"""Operators whose result cannot be much larger than the other operand where one operand is a number."""
_NUMBERS = (int, float, complex)
_SMALL_INTEGER = 1 << 64
_Expressions = list[ast.expr]
_Node = TypeVar("_Node", bound=ast.expr | ast.stmt | ast.excepthandler)


class Uninferable(Exception):
    """A snippet whose names nothing can be known of: an assignment within an expression, `global`, `nonlocal`, a `range` of its own."""


class Language(RestrictingNodeTransformer):
    """Refuses or rewrites the nodes of one snippet.

    Attributes:
        infers: whether names are looked into for being numbers; without it, every operation on names is guarded.

    """

    infers = False

    def __init__(
        self,
        errors: list[str] | None = None,
        warnings: list[str] | None = None,
        used_names: dict[str, bool] | None = None,
    ) -> None:
        super().__init__(errors, warnings, used_names)
        self.bound: set[str] = set()
        self._nodes = 0
        self._temporaries = 0
        self._in_class = False
        self._calls_by_name: list[tuple[ast.Name, str]] = []
        self._questionable: list[tuple[ast.AST, str]] = []
        self._known: Known = {}

    # Walking

    def visit(self, node: Any) -> Any:
        """Return what a node becomes. A kind of node that has no entry, or a field that nobody reviewed, is refused."""
        self._nodes += 1
        rewrite = _REWRITES.get(type(node))
        if rewrite is None:
            self._refuse(node, f"{type(node).__name__} is not offered in a snippet")
            return node
        return rewrite(self, node)

    def _refuse(self, node: ast.AST, what: str) -> None:
        self.errors.append(f"{getattr(node, 'lineno', 0)}:{what}")

    def _body(self, statements: Iterable[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in statements:
            after = self.visit(statement)
            if isinstance(after, list):
                done += after
            elif after is not None:
                done.append(after)
        return done

    def _metered_body(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Rewrite a body that runs many times, and let a large one pay for its size."""
        before = self._nodes
        done = self._body(statements)
        size = self._nodes - before
        if size > _COST_NODES:
            done.insert(_after_docstring(done), self._charge(size // 32, statements[0]))
        return done

    def _list(self, nodes: _Expressions) -> None:
        for i, node in enumerate(nodes):
            nodes[i] = self.visit(node)

    # Making nodes

    def _name(self, name: str) -> ast.Name:
        name = "$" + name
        self.used_names[name] = True
        node = _SHARED.get(name)
        if node is None:
            node = _SHARED[name] = ast.Name(
                name, _LOAD, lineno=1, col_offset=0, end_lineno=1, end_col_offset=0
            )
        return node

    def _call(self, name: str, arguments: _Expressions, at: ast.AST) -> ast.Call:
        return _placed(ast.Call(self._name(name), arguments, []), at)

    def _do(self, name: str, arguments: _Expressions, at: ast.AST) -> ast.Expr:
        return _placed(ast.Expr(self._call(name, arguments, at)), at)

    def _charge(self, steps: int, at: ast.AST) -> ast.Expr:
        return self._do("charge", [_placed(ast.Constant(steps), at)], at)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"${self._temporaries}"

    # What is known by the syntax

    def _size(self, node: ast.expr) -> Size | None:
        """Return what is known of the number that an expression gives."""
        return size_of(node, self._known)

    def _is_flat(self, node: ast.expr) -> bool:
        """Return whether the value of an expression is a short one: neither comparing nor hashing it takes long."""
        if isinstance(node, ast.Constant):
            return not isinstance(node.value, tuple | frozenset)
        return isinstance(node, ast.JoinedStr | ast.Slice) or self._size(node) is not None

    def _cannot_grow(self, operator: ast.operator, left: ast.expr, right: ast.expr) -> bool:
        """Return whether the result of an operation is hardly larger than its operands, and takes no longer than they are large."""
        one, other = self._size(left), self._size(right)
        if isinstance(operator, _BESIDE_NUMBER):
            return bool(one and other) or _is_number(left) or _is_number(right)
        if isinstance(operator, ast.Mult):
            return (one is Size.SMALL and other is Size.SMALL) or _is_float(left) or _is_float(right)
        if isinstance(operator, ast.FloorDiv):
            return _is_number(right) or bool(one and other is Size.SMALL)
        return isinstance(operator, ast.Mod) and bool(one and other is Size.SMALL)

    def _forget(self, parameters: ast.arguments) -> None:
        """Know nothing of the names of parameters."""
        for parameter in _all_of(parameters):
            self._known.pop(parameter.arg, None)

    def _light(self, node: ast.expr) -> ast.expr:
        """Return an expression with the same value, which costs steps where comparing, hashing or showing it would take long."""
        if self._is_flat(node):
            return node
        if isinstance(node, ast.Tuple) and not any(isinstance(item, ast.Starred) for item in node.elts):
            node.elts = [self._light(item) for item in node.elts]
            return node
        return self._call("light", [node], node)

    # Names

    def _check_bound(self, node: ast.AST, name: str | None) -> None:
        """Note a name that the snippet binds, and refuse one of Python's own."""
        if name is None:
            return
        self.bound.add(name)
        if self.infers and name == "range":
            raise Uninferable
        if is_special(name) and name not in METADATA_NAMES:
            self._refuse(node, f"the name {name!r} is Python's own and cannot be bound in a snippet")

    def name(self, node: ast.Name) -> ast.expr:
        identifier = node.id
        if isinstance(node.ctx, ast.Load):
            known = (
                identifier == "__name__"
                or identifier in METADATA_NAMES
                or (self._in_class and identifier in SPECIAL_METHODS)
            )
            if is_special(identifier) and not known:
                self._refuse(node, f"the name {identifier!r} is Python's own and is not offered in a snippet")
            elif identifier in REFUSED_CALLS:
                self._questionable.append((node, identifier))
            self.used_names[identifier] = True
            return node
        if not (self._in_class and identifier in SPECIAL_METHODS):
            self._check_bound(node, identifier)
        return node

    def attribute(self, node: ast.Attribute) -> ast.expr:
        name = node.attr
        node.value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load):
            fault = attribute_fault(name)
            if fault:
                self._refuse(node, fault)
            elif name in GUARDED_ATTRIBUTES or name in SPECIAL_ATTRIBUTES:
                return self._call("getattr", [node.value, _placed(ast.Constant(name), node)], node)
            return node
        if attribute_fault(name) or (is_special(name) and name not in WRITABLE_SPECIALS):
            self._refuse(node, f"the attribute {name!r} cannot be set or deleted in a snippet")
        node.value = self._call("own", [node.value], node)
        return node

    def subscript(self, node: ast.Subscript) -> ast.expr:
        node.value = self.visit(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = [
                _placed(ast.Constant(None), node) if part is None else self.visit(part)
                for part in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            if isinstance(node.ctx, ast.Load):
                return self._call("[:]", [node.value, *bounds], node)
            node.value = self._call("slots", [node.value], node)
            node.slice.lower, node.slice.upper, node.slice.step = map(self._bound, bounds)
            return node
        key = self.visit(node.slice)
        if self._is_flat(key) or isinstance(key, ast.Tuple):
            node.slice = self._light(key)
        elif isinstance(node.ctx, ast.Load):
            return self._call("[]", [node.value, key], node)
        else:
            node.slice = self._call("key", [key], node)
        return node

    def slice_(self, node: ast.Slice) -> ast.expr:
        """Leave a slice among other indexes as it is: no built-in sequence takes several."""
        for part in ("lower", "upper", "step"):
            if getattr(node, part) is not None:
                setattr(node, part, self._bound(self.visit(getattr(node, part))))
        return node

    def _bound(self, node: ast.expr) -> ast.expr:
        return node if self._is_flat(node) else self._call("bound", [node], node)

    # Expressions

    def constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) is int and node.value.bit_length() > INTEGER_BITS:
            self._refuse(node, f"an integer of more than {INTEGER_BITS:,} bits is not offered in a snippet")
        return node

    def binary(self, node: ast.BinOp) -> ast.expr:
        left = node.left = self.visit(node.left)
        right = node.right = self.visit(node.right)
        if self._cannot_grow(node.op, left, right):
            return node
        return self._call(_OPERATORS[type(node.op)], [left, right], node)

    def unary(self, node: ast.UnaryOp) -> ast.expr:
        node.operand = self.visit(node.operand)
        return node

    def boolean(self, node: ast.BoolOp) -> ast.expr:
        self._list(node.values)
        return node

    def compare(self, node: ast.Compare) -> ast.expr:
        """Compare as it stands, where of each two operands one is light: what they have in common is no larger."""
        left = self.visit(node.left)
        self._list(node.comparators)
        operands = [left, *node.comparators]
        covered = [self._is_flat(operand) for operand in operands]
        for i, operator in enumerate(node.ops):
            if isinstance(operator, ast.Is | ast.IsNot):
                continue
            if isinstance(operator, ast.In | ast.NotIn):
                if not self._is_flat(operands[i + 1]) and not _is_constant_display(operands[i + 1]):
                    operands[i + 1] = self._call("container", [operands[i + 1]], operands[i + 1])
                if not covered[i]:
                    operands[i] = self._light(operands[i])
                    covered[i] = True
            elif not (covered[i] or covered[i + 1]):
                operands[i] = self._light(operands[i])
                covered[i] = True
        node.left, node.comparators = operands[0], operands[1:]
        return node

    def conditional(self, node: ast.IfExp) -> ast.expr:
        node.test, node.body, node.orelse = (
            self.visit(node.test),
            self.visit(node.body),
            self.visit(node.orelse),
        )
        return node

    def call(self, node: ast.Call) -> ast.expr:
        function = node.func
        self._arguments(node)
        if isinstance(function, ast.Name):
            self._nodes += 1
            node.func = self.name(function)
            self._calls_by_name.append((function, function.id + "()" + _arity(node)))
            return node
        if isinstance(function, ast.Attribute) and function.attr in GUARDED_METHODS:
            self._nodes += 1
            node.func = self._name(f".{function.attr}{_arity(node)}")
            node.args.insert(0, self.visit(function.value))
            return node
        node.func = self.visit(function)
        return node

    def _arguments(self, node: ast.Call) -> None:
        arguments = node.args
        for i, argument in enumerate(arguments):
            arguments[i] = (
                self._spread(argument) if isinstance(argument, ast.Starred) else self.visit(argument)
            )
        for keyword in node.keywords:
            keyword.value = self.visit(keyword.value)
            if keyword.arg is None:
                keyword.value = self._call("mapping", [keyword.value], keyword.value)
            elif is_special(keyword.arg):
                self._refuse(
                    node, f"the name {keyword.arg!r} is Python's own and cannot be bound in a snippet"
                )

    def _spread(self, node: ast.Starred) -> ast.Starred:
        node.value = self._call("spread", [self.visit(node.value)], node)
        return node

    def display(self, node: ast.List | ast.Tuple | ast.Set) -> ast.expr:
        elements = node.elts
        loads = isinstance(node, ast.Set) or isinstance(node.ctx, ast.Load)
        for i, element in enumerate(elements):
            if loads and isinstance(element, ast.Starred):
                elements[i] = self._spread(element)
            else:
                elements[i] = self.visit(element)
                if isinstance(node, ast.Set):
                    elements[i] = self._light(elements[i])
        return self._wide(node, len(elements)) if loads else node

    def _wide(self, node: ast.expr, length: int) -> ast.expr:
        """Return a display, which pays for its elements where it has many."""
        if length <= _WIDE_DISPLAY:
            return node
        return self._call("wide", [node, _placed(ast.Constant(length), node)], node)

    def dictionary(self, node: ast.Dict) -> ast.expr:
        for i, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            node.values[i] = self.visit(value)
            if key is None:
                node.values[i] = self._call("mapping", [node.values[i]], value)
            else:
                node.keys[i] = self._light(self.visit(key))
        return self._wide(node, len(node.values))

    def starred_target(self, node: ast.Starred) -> ast.expr:
        node.value = self.visit(node.value)
        return node

    def walrus(self, node: ast.NamedExpr) -> ast.expr:
        if self.infers:
            raise Uninferable
        node.value = self.visit(node.value)
        self.visit(node.target)
        return node

    def lambda_(self, node: ast.Lambda) -> ast.expr:
        self._parameters(node.args)
        outer, self._in_class = self._in_class, False
        around = self._known
        if around:
            self._known = around.copy()
            self._forget(node.args)
        before = self._nodes
        body = self.visit(node.body)
        size = self._nodes - before
        paid = [self._paid(size // 32, node)] if size > _COST_NODES else []
        node.body = _placed(ast.BoolOp(_AND, [self._call("tick", [], node), *paid, body]), node.body)
        self._in_class, self._known = outer, around
        return node

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> ast.expr:
        around = self._known
        first = self.visit(node.generators[0].iter)  # worked out in the scope around
        before = self._nodes
        if self.infers:
            self._known = self._known_in(node.generators)
        for i, generator in enumerate(node.generators):
            if generator.is_async:
                self._refuse(node, "async is not offered in a snippet")
            generator.target = self.visit(generator.target)
            iterable = self.visit(generator.iter) if i else first
            if isinstance(node, ast.GeneratorExp) and not i:  # it is kept, and freed with what it keeps
                iterable = self._call("kept", [iterable], iterable)
            generator.iter = self._each(iterable, generator.target)
            self._list(generator.ifs)
        self._element(node)
        self._known = around
        size = self._nodes - before
        if size > _COST_NODES:
            node.generators[-1].ifs.insert(0, self._paid(size // 32, node))
        return node

    def _paid(self, steps: int, at: ast.AST) -> ast.expr:
        """Return an expression that takes steps and is true."""
        charge = self._call("charge", [_placed(ast.Constant(steps), at)], at)
        return _placed(ast.Compare(charge, [ast.Is()], [_placed(ast.Constant(None), at)]), at)

    def _known_in(self, generators: Sequence[ast.comprehension]) -> Known:
        """Return what is known within a comprehension: its own names hide those around it."""
        known = self._known.copy()
        counted = [
            part.target.id for part in generators if isinstance(part.target, ast.Name) and is_range(part.iter)
        ]
        for generator in generators:
            for name in target_names(generator.target):
                known.pop(name, None)
        everything = [name for part in generators for name in target_names(part.target)]
        known.update((name, Size.SMALL) for name in counted if everything.count(name) == 1)
        return known

    def _element(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        if isinstance(node, ast.DictComp):
            if getattr(node, "value", None) is None:
                self._refuse(node, "unpacking in a comprehension is not offered in a snippet")
                return
            node.key, node.value = self._light(self.visit(node.key)), self.visit(node.value)
        elif isinstance(node.elt, ast.Starred):
            self._refuse(node, "unpacking in a comprehension is not offered in a snippet")
        elif isinstance(node, ast.SetComp):
            node.elt = self._light(self.visit(node.elt))
        else:
            node.elt = self.visit(node.elt)

    def _each(self, iterable: ast.expr, target: ast.expr) -> ast.expr:
        """Return an iterable that takes a step for each item. A target with a star unpacks a list that has been paid for."""
        if _has_star(target):
            if any(
                _has_star(part) for part in getattr(target, "elts", ()) if not isinstance(part, ast.Starred)
            ):
                self._refuse(target, "a star inside of nested targets is not offered in a snippet")
            iterable = self._call("spread each", [iterable], iterable)
        return self._call("compress", [iterable, self._name("steps")], iterable)

    def joined(self, node: ast.JoinedStr) -> ast.expr:
        for i, part in enumerate(node.values):
            if isinstance(part, ast.FormattedValue):
                node.values[i] = self._formatted(part)
        return node

    def _formatted(self, node: ast.FormattedValue) -> ast.expr:
        self._nodes += 1
        value = self.visit(node.value)
        spec = node.format_spec
        if spec is None and node.conversion == -1:
            if not isinstance(value, ast.Constant) and not self._size(value):
                value = self._call("shown", [value], value)
            node.value = value
            return node
        if node.conversion == -1 and _is_narrow(spec):
            node.value = self._call("shown by", [value], value)
            return node
        text = _placed(ast.Constant(""), node) if spec is None else self.visit(spec)
        arguments = [value, text, _placed(ast.Constant(node.conversion), node)]
        plain = ast.FormattedValue(self._call("formatted", arguments, node), -1, None)
        return _placed(plain, node)

    def yield_(self, node: ast.Yield) -> ast.expr:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def yield_from(self, node: ast.YieldFrom) -> ast.expr:
        node.value = self.visit(node.value)
        return node

    # Statements

    def expression(self, node: ast.Expr) -> ast.stmt:
        node.value = self.visit(node.value)
        return node

    def assign(self, node: ast.Assign) -> ast.stmt:
        node.value = self.visit(node.value)
        for i, target in enumerate(node.targets):
            if self._in_class and isinstance(target, ast.Name) and target.id in CLASS_NAMES:
                self._check_class_name(target.id, node.value)
            else:
                node.targets[i] = self.visit(target)
        if any(map(_has_star, node.targets)):
            if len(node.targets) > 1 or _nested_star(node.targets[0]):
                self._refuse(node, "a star in nested or several targets is not offered in a snippet")
            node.value = self._call("spread", [node.value], node.value)
        return node

    def _check_class_name(self, name: str, value: ast.expr) -> None:
        """Check what a class says about its own attributes: Python reads these by name when a pattern matches."""
        items = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
        for item in items if name != "__doc__" else ():
            text = item.value if isinstance(item, ast.Constant) else None
            if not isinstance(text, str) or is_special(text) or attribute_fault(text):
                self._refuse(value, f"{name} must be names of plain attributes, written out")

    def annotated(self, node: ast.AnnAssign) -> ast.stmt | None:
        """Drop an annotation, which does nothing; in a class its name stays, for what reads the fields of a class."""
        target = self.visit(node.target)
        value = None if node.value is None else self.visit(node.value)
        if self._in_class and isinstance(target, ast.Name):
            node.annotation = _placed(ast.Constant(_role(node.annotation)), node)
            node.target, node.value = target, value
            return node
        if value is None:
            return _placed(ast.Pass(), node)
        return _placed(ast.Assign([target], value), node)

    def augmented(self, node: ast.AugAssign) -> ast.stmt | list[ast.stmt]:
        value = self.visit(node.value)
        target = self.visit(node.target)
        if self._cannot_grow(node.op, target, value):
            node.target, node.value = target, value
            return node
        operator = _OPERATORS[type(node.op)] + "="
        if isinstance(target, ast.Name):
            old: ast.expr = _placed(ast.Name(target.id, _LOAD), node)
            return _placed(ast.Assign([target], self._call(operator, [old, value], node)), node)
        return self._augmented_part(node, target, operator, value)

    def _augmented_part(
        self, node: ast.AugAssign, target: ast.expr, operator: str, value: ast.expr
    ) -> list[ast.stmt]:
        """Write `a[i] += v` as three statements, so that `a` and `i` are worked out once and the operator is guarded."""
        statements: list[ast.stmt] = []

        def kept(part: ast.expr) -> str:
            name = self._temporary()
            statements.append(_placed(ast.Assign([_placed(ast.Name(name, _STORE), node)], part), node))
            return name

        def again(name: str) -> ast.expr:
            return _placed(ast.Name(name, _LOAD), node)

        holder = kept(target.value)  # type: ignore[attr-defined]  # an attribute or a subscript
        old: ast.expr
        if isinstance(target, ast.Attribute):
            old = _placed(ast.Attribute(again(holder), target.attr, _LOAD), node)
            new: ast.expr = _placed(ast.Attribute(again(holder), target.attr, _STORE), node)
        else:
            index = target.slice  # type: ignore[attr-defined]
            if isinstance(index, ast.Slice):
                self._refuse(node, "augmented assignment to a slice is not offered in a snippet")
                return [node]
            key = kept(index)
            old = _placed(ast.Subscript(again(holder), again(key), _LOAD), node)
            new = _placed(ast.Subscript(again(holder), again(key), _STORE), node)
        statements.append(_placed(ast.Assign([new], self._call(operator, [old, value], node)), node))
        return statements

    def delete(self, node: ast.Delete) -> ast.stmt:
        self._list(node.targets)
        return node

    def plain(self, node: ast.AST) -> ast.AST:
        return node

    def assertion(self, node: ast.Assert) -> ast.stmt:
        node.test = self.visit(node.test)
        if node.msg is not None:
            node.msg = self.visit(node.msg)
        return node

    def raise_(self, node: ast.Raise) -> ast.stmt:
        if node.exc is not None:
            node.exc = self.visit(node.exc)
        if node.cause is not None:
            node.cause = self.visit(node.cause)
        return node

    def return_(self, node: ast.Return) -> ast.stmt:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def scope(self, node: ast.Global | ast.Nonlocal) -> ast.stmt:
        if self.infers:
            raise Uninferable
        for name in node.names:
            self._check_bound(node, name)
        return node

    def import_(self, node: ast.Import) -> list[ast.stmt]:
        return [self._imported(node, alias) for alias in node.names]

    def _imported(self, node: ast.Import, alias: ast.alias) -> ast.stmt:
        if getattr(node, "is_lazy", 0):
            self._refuse(node, "a lazy import is not offered in a snippet")
        whole = alias.name if alias.asname else alias.name.split(".")[0]
        bound = alias.asname or whole
        self._check_bound(node, bound)
        arguments: _Expressions = [_placed(ast.Constant(text), node) for text in (alias.name, whole)]
        return _placed(
            ast.Assign([_placed(ast.Name(bound, _STORE), node)], self._call("import", arguments, node)), node
        )

    def import_from(self, node: ast.ImportFrom) -> list[ast.stmt]:
        if getattr(node, "is_lazy", 0):
            self._refuse(node, "a lazy import is not offered in a snippet")
        if node.module == "__future__":
            return []
        statements: list[ast.stmt] = []
        for alias in node.names:
            if alias.name == "*" or node.level or node.module is None:
                self._refuse(
                    node, "`from m import *` and relative imports are not offered: name what you need"
                )
                continue
            bound = alias.asname or alias.name
            self._check_bound(node, bound)
            if attribute_fault(alias.name) or is_special(alias.name):
                self._refuse(node, f"the name {alias.name!r} cannot be imported in a snippet")
            arguments: _Expressions = [
                _placed(ast.Constant(text), node) for text in (node.module, alias.name)
            ]
            value = self._call("import from", arguments, node)
            statements.append(_placed(ast.Assign([_placed(ast.Name(bound, _STORE), node)], value), node))
        return statements

    def if_(self, node: ast.If) -> ast.stmt:
        node.test = self.visit(node.test)
        node.body, node.orelse = self._body(node.body), self._body(node.orelse)
        return node

    def for_(self, node: ast.For) -> ast.stmt:
        iterable = self.visit(node.iter)
        node.target = self.visit(node.target)
        node.iter = self._each(iterable, node.target)
        node.body, node.orelse = self._metered_body(node.body), self._body(node.orelse)
        return node

    def while_(self, node: ast.While) -> ast.stmt:
        """Write `while test:` as a loop over the steps: a step costs less than the test of a `while`."""
        before = self._nodes
        test = self.visit(node.test)
        size = self._nodes - before
        body = self._metered_body(node.body)
        if size > _COST_NODES:
            test = _placed(ast.BoolOp(_AND, [self._paid(size // 32, node), test]), node)
        if node.orelse:
            ticked = _placed(ast.BoolOp(_AND, [self._call("tick", [], node), test]), node)
            return _placed(ast.While(ticked, body, self._body(node.orelse)), node)
        if not (isinstance(test, ast.Constant) and test.value):
            leave = ast.If(test, [_placed(ast.Pass(), node)], [_placed(ast.Break(), node)])
            body.insert(0, _placed(leave, node))
        target = _placed(ast.Name("$", _STORE), node)
        return _placed(ast.For(target, self._name("steps"), body, []), node)

    def try_(self, node: ast.Try) -> ast.stmt:
        node.body, node.orelse = self._body(node.body), self._body(node.orelse)
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = self.visit(handler.type)
            self._check_bound(handler, handler.name)
            handler.body = [self._do("alive", [], handler), *self._body(handler.body)]
        if node.handlers:
            again = _placed(ast.Raise(None, None), node)
            node.handlers.insert(
                0, _placed(ast.ExceptHandler(self._name("uncatchable"), None, [again]), node)
            )
        if node.finalbody:
            node.finalbody = [self._do("alive", [], node), *self._body(node.finalbody)]
        return node

    def with_(self, node: ast.With) -> ast.stmt:
        for item in node.items:
            item.context_expr = self._call("manager", [self.visit(item.context_expr)], item.context_expr)
            if item.optional_vars is not None:
                item.optional_vars = self.visit(item.optional_vars)
                if _has_star(item.optional_vars):
                    self._refuse(node, "a star in the targets of `with` is not offered in a snippet")
        node.body = self._body(node.body)
        return node

    def match(self, node: ast.Match) -> list[ast.stmt]:
        before: list[ast.stmt] = []
        copies = any(
            isinstance(part, ast.MatchStar | ast.MatchMapping)
            for case in node.cases
            for part in ast.walk(case.pattern)
        )
        subject = self._light(self.visit(node.subject))
        node.subject = self._call("copied", [subject], node) if copies else subject
        for case in node.cases:
            self._pattern(case.pattern, before)
            if case.guard is not None:
                case.guard = self.visit(case.guard)
            case.body = self._body(case.body)
        return [*before, node]

    def _pattern(self, node: ast.AST, before: list[ast.stmt]) -> None:
        """Check a pattern: what it binds, and the attributes that it reads by name."""
        self._nodes += 1
        if isinstance(node, ast.MatchAs | ast.MatchStar):
            self._check_bound(node, node.name)
        elif isinstance(node, ast.MatchValue):
            node.value = self._pattern_value(node.value)
        elif isinstance(node, ast.MatchMapping):
            self._check_bound(node, node.rest)
            node.keys = [self.visit(key) for key in node.keys]
            if not all(isinstance(key, ast.Constant) or _is_number(key) for key in node.keys):
                self._refuse(node, "the keys of a pattern must be written out in a snippet")
        elif isinstance(node, ast.MatchClass):
            self._class_pattern(node, before)
        elif not isinstance(node, ast.MatchSingleton | ast.MatchSequence | ast.MatchOr):
            self._refuse(node, f"{type(node).__name__} is not offered in a snippet")
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.pattern):
                self._pattern(inner, before)

    def _pattern_value(self, value: ast.expr) -> ast.expr:
        after: ast.expr = self.visit(value)
        if isinstance(after, ast.Call):  # a guarded attribute: Python allows no call here
            self._refuse(value, "a pattern cannot read this attribute in a snippet")
            return value
        return after

    def _class_pattern(self, node: ast.MatchClass, before: list[ast.stmt]) -> None:
        """Work the class out before the match: Python allows a name there, and no guard."""
        name = self._temporary()
        kept = self._call("class pattern", [self.visit(node.cls)], node)
        before.append(_placed(ast.Assign([_placed(ast.Name(name, _STORE), node)], kept), node))
        node.cls = _placed(ast.Name(name, _LOAD), node)
        for attribute in node.kwd_attrs:
            if is_special(attribute) or attribute_fault(attribute) or attribute in GUARDED_ATTRIBUTES:
                self._refuse(node, f"a pattern cannot read the attribute {attribute!r} in a snippet")

    # Definitions

    def _parameters(self, arguments: ast.arguments) -> None:
        for parameter in _all_of(arguments):
            self._check_bound(parameter, parameter.arg)
            parameter.annotation = None
        self._list(arguments.defaults)
        for i, default in enumerate(arguments.kw_defaults):
            if default is not None:
                arguments.kw_defaults[i] = self.visit(default)

    def function(self, node: ast.FunctionDef) -> ast.stmt:
        if self._in_class and is_special(node.name):
            if node.name not in SPECIAL_METHODS:
                self._refuse(node, f"a class in a snippet cannot define {node.name}")
        else:
            self._check_bound(node, node.name)
        self._refuse_type_parameters(node)
        self._list(node.decorator_list)
        self._parameters(node.args)
        node.returns = None
        outer, self._in_class = self._in_class, False
        around = self._known
        if self.infers:
            self._known = known_names(node.body)
            self._forget(node.args)
        node.body = self._metered_body(node.body)
        node.body.insert(_after_docstring(node.body), self._do("tick", [], node))
        self._in_class, self._known = outer, around
        return node

    def class_(self, node: ast.ClassDef) -> ast.stmt:
        self._check_bound(node, node.name)
        self._refuse_type_parameters(node)
        for keyword in node.keywords:
            if keyword.arg != "metaclass" or _last_name(keyword.value) != "ABCMeta":
                self._refuse(node, "a class in a snippet takes no metaclass and no keywords")
        node.bases += [
            keyword.value for keyword in node.keywords
        ]  # the view's `ABCMeta` is a class that looks after abstract methods
        node.keywords = []
        self._list(node.decorator_list)
        for i, base in enumerate(node.bases):
            if isinstance(base, ast.Starred):
                self._refuse(base, "a star in the bases of a class is not offered in a snippet")
            node.bases[i] = self.visit(base)
        outer, self._in_class = self._in_class, True
        around, self._known = self._known, {}
        node.body = self._body(node.body)
        self._in_class, self._known = outer, around
        return node

    def _refuse_type_parameters(self, node: ast.stmt) -> None:
        if getattr(node, "type_params", None):
            self._refuse(node, "type parameters are not offered in a snippet")

    def module(self, node: ast.Module) -> ast.Module:
        if self.infers:
            self._known = known_names(node.body)
            for name in (*self._known, "range"):
                self.used_names[ASSUMED + name] = True
        node.body = self._body(node.body)
        if node.body and isinstance(node.body[-1], ast.Expr):
            last = node.body[-1]
            node.body[-1] = _placed(ast.Assign([_placed(ast.Name(VALUE, _STORE), last)], last.value), last)
            self.used_names[VALUE] = True
        self._settle_names()
        return node

    def _settle_names(self) -> None:
        """Call built-in functions through their guards where the snippet binds no such name, and refuse those that make code."""
        for node, name in self._calls_by_name:
            if node.id in BUILT_IN_TYPES and node.id not in self.bound:
                node.id = name if name in CALLED_WITH else name.rstrip("012")
                self.used_names[node.id] = True
        for questionable, name in self._questionable:
            if name not in self.bound:
                self._refuse(questionable, f"{name} is not offered in a snippet: it leads out of it")


class InferringLanguage(Language):
    """The same language, for a snippet with loops: what its names are known to be needs no guard.

    Raises:
        Uninferable: the snippet binds names in a way that statements do not show; compile it without looking into names.

    """

    infers = True


CALLED_WITH = frozenset(("str()1", "int()1", "list()1", "list()0", "dict()0", "set()0"))
"""Types that have a guard of their own for calls with so many arguments; types are views where they are named and a method where they are called."""
_MOST_ARITY = 2
_AND = ast.And()
_SHARED: dict[str, ast.Name] = {}


def _all_of(arguments: ast.arguments) -> list[ast.arg]:
    """Return the parameters of a function, of every kind."""
    extras = [extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extras]


def _arity(node: ast.Call) -> str:
    """Return the number of arguments of a call, for which there is a faster guard; empty for calls that need the general one."""
    if (
        node.keywords
        or len(node.args) > _MOST_ARITY
        or any(isinstance(arg, ast.Starred) for arg in node.args)
    ):
        return ""
    return str(len(node.args))


def _placed(node: _Node, at: Any) -> _Node:
    """Return a new node, placed where another one stands."""
    node.lineno = at.lineno
    node.col_offset = at.col_offset
    node.end_lineno = at.end_lineno
    node.end_col_offset = at.end_col_offset
    return node


def _after_docstring(body: Sequence[ast.stmt]) -> int:
    first = body[0] if body else None
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return 1 if text and isinstance(first.value.value, str) else 0  # type: ignore[union-attr]


def _is_number(node: ast.expr) -> bool:
    """Return whether an expression is a number by its syntax, and no large one."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    if not isinstance(node, ast.Constant) or type(node.value) not in _NUMBERS:
        return False
    return type(node.value) is not int or node.value < _SMALL_INTEGER


def _is_constant_display(node: ast.expr) -> bool:
    """Return whether a display holds constants only, so that it is as long as the source says."""
    return isinstance(node, ast.Tuple | ast.List | ast.Set) and all(
        isinstance(item, ast.Constant) or _is_number(item) for item in node.elts
    )


def _is_float(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is float


def _is_narrow(spec: ast.expr | None) -> bool:
    """Return whether a format's specification is written out, without a number that could make it wide."""
    parts = spec.values if isinstance(spec, ast.JoinedStr) else [None]
    return all(isinstance(part, ast.Constant) and not _WIDE.search(str(part.value)) for part in parts)


def _has_star(target: ast.expr) -> bool:
    return isinstance(target, ast.Starred) or (
        isinstance(target, ast.Tuple | ast.List) and any(_has_star(part) for part in target.elts)
    )


def _nested_star(target: ast.expr) -> bool:
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else ()
    return any(_has_star(part) for part in parts if not isinstance(part, ast.Starred))


def _role(annotation: ast.expr) -> str:
    """Return what an annotation in a class tells a dataclass besides that there is a field; `object` where that is all."""
    text = annotation.value if isinstance(annotation, ast.Constant) else None
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    name = (
        text.partition("[")[0].rpartition(".")[2].strip() if isinstance(text, str) else _last_name(annotation)
    )
    return name if name in ("ClassVar", "InitVar", "KW_ONLY") else "object"


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


_REWRITES: dict[type[ast.AST], Callable[[Language, Any], Any]] = {
    ast.Module: Language.module,
    ast.Expr: Language.expression,
    ast.Assign: Language.assign,
    ast.AnnAssign: Language.annotated,
    ast.AugAssign: Language.augmented,
    ast.Delete: Language.delete,
    ast.Pass: Language.plain,
    ast.Break: Language.plain,
    ast.Continue: Language.plain,
    ast.Assert: Language.assertion,
    ast.Raise: Language.raise_,
    ast.Return: Language.return_,
    ast.Global: Language.scope,
    ast.Nonlocal: Language.scope,
    ast.Import: Language.import_,
    ast.ImportFrom: Language.import_from,
    ast.If: Language.if_,
    ast.For: Language.for_,
    ast.While: Language.while_,
    ast.Try: Language.try_,
    ast.With: Language.with_,
    ast.Match: Language.match,
    ast.FunctionDef: Language.function,
    ast.ClassDef: Language.class_,
    ast.Name: Language.name,
    ast.Attribute: Language.attribute,
    ast.Subscript: Language.subscript,
    ast.Slice: Language.slice_,
    ast.Constant: Language.constant,
    ast.BinOp: Language.binary,
    ast.UnaryOp: Language.unary,
    ast.BoolOp: Language.boolean,
    ast.Compare: Language.compare,
    ast.IfExp: Language.conditional,
    ast.Call: Language.call,
    ast.List: Language.display,
    ast.Tuple: Language.display,
    ast.Set: Language.display,
    ast.Dict: Language.dictionary,
    ast.Starred: Language.starred_target,
    ast.NamedExpr: Language.walrus,
    ast.Lambda: Language.lambda_,
    ast.ListComp: Language.comprehension,
    ast.SetComp: Language.comprehension,
    ast.DictComp: Language.comprehension,
    ast.GeneratorExp: Language.comprehension,
    ast.JoinedStr: Language.joined,
    ast.Yield: Language.yield_,
    ast.YieldFrom: Language.yield_from,
}
"""What each kind of node becomes. Syntax that a later Python adds is not here, and so is refused."""

"""The one walk over a syntax tree, which fills an `Index`.

The loop meets every node, so it is written for speed: a chain of type tests in the order of how often types occur, no recursion, no
call for most nodes. What opens a scope waits until the present scope is done. What definitions bind is noted by `definitions.py`, what
other targets are bound to by `targets.py`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ringfence.scanning.python.catalogue import GADGETS, HANDED
from ringfence.scanning.python.definitions import (
    capture,
    import_from,
    import_modules,
    move_out,
    open_class,
    open_comprehension,
    open_function,
    outside_of,
)
from ringfence.scanning.python.scopes import Binding
from ringfence.scanning.python.targets import bind

if TYPE_CHECKING:
    from ringfence.scanning.python.index import Index
    from ringfence.scanning.python.scopes import Scope

    Waiting = list[tuple[list[Any], Scope]]

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


def walk(index: Index, tree: ast.Module) -> None:
    """Note in an index what a tree has, scope by scope; then give names that functions bind around them to where they belong."""
    waiting: Waiting = [(list(tree.body), index.module)]
    outer: list[tuple[Scope, list[str]]] = []
    while waiting:
        stack, scope = waiting.pop()
        _walk(index, stack, scope, waiting, outer)
    for scope, names in outer:
        move_out(scope, names)


def _walk(  # noqa: C901, PLR0912, PLR0915 - one loop, see above
    index: Index, stack: list[Any], scope: Scope, waiting: Waiting, outer: list[tuple[Scope, list[str]]]
) -> None:
    calls, sites, gadgets, subscripts = index.calls, index.sites, index.gadgets, index.subscripts
    pop, push, extend, read = stack.pop, stack.append, stack.extend, index.read.add
    body = set(map(id, stack))  # statements that surely run, once the scope does
    while stack:
        node = pop()
        kind = node.__class__
        if kind is ast.Name:
            read(node.id)
            if node.id in HANDED:
                gadgets.append((node, scope))
        elif kind is ast.Constant:
            pass
        elif kind is ast.Attribute:
            read(node.attr)
            if node.attr in GADGETS:
                gadgets.append((node, scope))
            value = node.value
            if value.__class__ is not ast.Name or value.id in HANDED:
                push(value)
        elif kind is ast.Call:
            site = (node, scope)
            calls.append(site)
            function = node.func
            if function.__class__ is ast.Attribute:
                name = function.attr
                if name in GADGETS:
                    gadgets.append((function, scope))
                push(function.value)
            elif function.__class__ is ast.Name:
                name = function.id
            else:
                name = ""
                push(function)
            found = sites.get(name)
            if found is None:
                sites[name] = [site]
            else:
                found.append(site)
            extend(node.args)
            for keyword in node.keywords:
                push(keyword.value)
        elif kind is ast.Expr or kind is ast.Await or kind is ast.Starred or kind is ast.FormattedValue:
            push(node.value)
            if kind is ast.FormattedValue and node.format_spec is not None:
                push(node.format_spec)
        elif kind is ast.Assign:
            certain = id(node) in body
            for target in node.targets:
                bind(index, target, "=", node.value, scope, certain=certain)
            push(node.value)
            extend(node.targets)
        elif kind is ast.Subscript:
            subscripts.append((node, scope))
            push(node.value)
            push(node.slice)
        elif kind is ast.BinOp:
            operation = node.op.__class__
            if operation is ast.Pow or (operation is ast.Mult and node.right.__class__ is not ast.Name):
                index.powers.append(node)
            push(node.left)
            push(node.right)
        elif kind is ast.JoinedStr or kind is ast.BoolOp:
            extend(node.values)
        elif kind is ast.Tuple or kind is ast.List or kind is ast.Set:
            extend(node.elts)
        elif kind is ast.If or kind is ast.IfExp:
            push(node.test)
            if kind is ast.If:
                extend(node.body)
                extend(node.orelse)
            else:
                push(node.body)
                push(node.orelse)
        elif kind is ast.Compare:
            for part in (node.left, *node.comparators):  # a function that is compared is not handed on
                starter = part.__class__ is ast.Attribute and GADGETS.get(part.attr) == "function"
                push(part.value if starter else part)
        elif kind is ast.Return or kind is ast.Yield or kind is ast.YieldFrom:
            if kind is not ast.Return:
                scope.generator = True
            if node.value is not None:
                value = node.value
                scope.returns.append(ast.Starred(value) if kind is ast.YieldFrom else value)
                push(value)
        elif kind is ast.FunctionDef or kind is ast.AsyncFunctionDef:
            waiting.append((list(node.body), open_function(index, node, scope, certain=id(node) in body)))
            extend(outside_of(node))
            extend(node.decorator_list)
            index.decorators += [(decorator, scope) for decorator in node.decorator_list]
        elif kind is ast.For or kind is ast.AsyncFor:
            bind(index, node.target, "for", node.iter, scope, certain=False)
            scope.loops.append((node.lineno, node.end_lineno or node.lineno))
            push(node.iter)
            push(node.target)
            extend(node.body)
            extend(node.orelse)
        elif kind is ast.Import:
            import_modules(index, node, scope, certain=id(node) in body)
        elif kind is ast.ImportFrom:
            import_from(index, node, scope, certain=id(node) in body)
        elif kind is ast.With or kind is ast.AsyncWith:
            for item in node.items:
                if item.optional_vars is not None:
                    bind(
                        index,
                        item.optional_vars,
                        "with",
                        item.context_expr,
                        scope,
                        certain=id(node) in body,
                    )
                    push(item.optional_vars)
                push(item.context_expr)
            if id(node) in body:
                body |= set(map(id, node.body))  # its statements run as surely as itself
            extend(node.body)
        elif kind is ast.UnaryOp:
            push(node.operand)
        elif kind is ast.Dict:
            extend(key for key in node.keys if key is not None)
            extend(node.values)
        elif kind is ast.keyword:
            push(node.value)
        elif kind is ast.ListComp or kind is ast.GeneratorExp or kind is ast.SetComp or kind is ast.DictComp:
            waiting.append(open_comprehension(index, node, scope))
        elif kind is ast.Lambda:
            waiting.append(([node.body], open_function(index, node, scope, certain=False)))
            extend(outside_of(node))
        elif kind is ast.AugAssign:
            bind(index, node.target, "+=", node, scope, certain=id(node) in body)
            push(node.value)
            push(node.target)
        elif kind is ast.AnnAssign:
            if node.value is not None:
                bind(index, node.target, "=", node.value, scope, certain=id(node) in body)
                push(node.value)
            push(node.target)
            push(node.annotation)
        elif kind is ast.NamedExpr:
            around = scope
            while around.parent is not None and isinstance(around.node, _COMPREHENSIONS):
                around = around.parent
            bind(index, node.target, "=", node.value, around, certain=False)
            push(node.value)
        elif kind is ast.Try or kind.__name__ == "TryStar":
            if id(node) in body:
                body |= set(map(id, node.finalbody))
            if node.handlers:
                index.tries.append((node.lineno, node.handlers[0].lineno))
            extend(node.body)
            extend(node.handlers)
            extend(node.orelse)
            extend(node.finalbody)
        elif kind is ast.ExceptHandler:
            if node.name:
                scope.bind(node.name, Binding("?", None, node.lineno, node.col_offset))
            if node.type is not None:
                push(node.type)
            extend(node.body)
        elif kind is ast.While:
            scope.loops.append((node.lineno, node.end_lineno or node.lineno))
            index.loops.append(node)
            push(node.test)
            extend(node.body)
            extend(node.orelse)
        elif kind is ast.ClassDef:
            waiting.append((list(node.body), open_class(index, node, scope, certain=id(node) in body)))
            extend(node.decorator_list)
            index.decorators += [(decorator, scope) for decorator in node.decorator_list]
            extend(node.bases)
            extend(node.keywords)
        elif kind is ast.Global or kind is ast.Nonlocal:
            outer.append((scope, node.names))
        elif kind is ast.Match:
            push(node.subject)
            for case in node.cases:
                capture(index, case.pattern, node.subject, scope)
                if case.guard is not None:
                    push(case.guard)
                extend(case.body)
        else:
            extend(ast.iter_child_nodes(node))

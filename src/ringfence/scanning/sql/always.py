"""Whether a condition is always true: `1=1`, `'a'='a'`, `x = 1 OR TRUE`. A condition that cannot be told is taken to be real."""

from __future__ import annotations

from sqlglot import exp

_COMPARISONS = (exp.EQ, exp.NullSafeEQ, exp.GTE, exp.LTE, exp.Is)


def always_true(condition: exp.Expression) -> bool:
    """Return whether a condition holds for every row."""
    node = _bare(condition)
    if isinstance(node, exp.Or):
        return any(always_true(operand) for operand in _operands(node, exp.Or))
    if isinstance(node, exp.And):
        return all(always_true(operand) for operand in _operands(node, exp.And))
    if isinstance(node, exp.Not):
        return _always_false(_bare(node.this))
    return _is_true(node)


def added_true(condition: exp.Expression) -> bool:
    """Return whether a condition on rows is followed by an `OR` that makes it hold for every row, as injections do.

    A constant before the `OR` is how report tools leave a filter out (`'all' = 'all' OR region = 'all'`) and does not count.
    """
    node = _bare(condition)
    operands = _operands(node, exp.And) if isinstance(node, exp.And) else [node]
    return any(_adds(_bare(operand)) for operand in operands)


def _adds(node: exp.Expression) -> bool:
    if not isinstance(node, exp.Or):
        return False
    first, *others = _operands(node, exp.Or)
    return not always_true(first) and any(always_true(other) for other in others)


def _bare(node: exp.Expression) -> exp.Expression:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _operands(node: exp.Expression, kind: type[exp.Connector]) -> list[exp.Expression]:
    """Return the operands of a chain, which may be thousands long and leans to the left, without recursion."""
    found: list[exp.Expression] = []
    while isinstance(node, kind):
        found.append(node.expression)
        node = node.this
    return [node, *reversed(found)]


def _is_true(node: exp.Expression) -> bool:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal):
        return not node.is_string and node.name.strip("0.") != ""
    if isinstance(node, exp.Like):
        return _text(node.expression) == "%"
    if isinstance(node, _COMPARISONS):
        return _is_same(_bare(node.this), _bare(node.expression))
    if isinstance(node, (exp.NEQ, exp.GT, exp.LT)):
        return _compares_constants(node)
    return False


def _always_false(node: exp.Expression) -> bool:
    if isinstance(node, exp.Boolean):
        return not node.this
    if isinstance(node, exp.Literal):
        return not node.is_string and node.name.strip("0.") == ""
    if isinstance(node, exp.EQ):
        left, right = _text(_bare(node.this)), _text(_bare(node.expression))
        return left is not None and right is not None and left != right
    return False


def _is_same(left: exp.Expression, right: exp.Expression) -> bool:
    """Return whether both sides are the same constant or the same column."""
    if isinstance(left, exp.Column) and isinstance(right, exp.Column):
        return left == right
    text = _text(left)
    return text is not None and text == _text(right)


def _compares_constants(node: exp.Expression) -> bool:
    left, right = _number(node.this), _number(node.expression)
    if left is None or right is None:
        texts = _text(_bare(node.this)), _text(_bare(node.expression))
        return isinstance(node, exp.NEQ) and None not in texts and texts[0] != texts[1]
    return (
        left != right
        if isinstance(node, exp.NEQ)
        else left > right
        if isinstance(node, exp.GT)
        else left < right
    )


def _text(node: exp.Expression) -> str | None:
    if isinstance(node, exp.Null):
        return "null"
    return node.name if isinstance(node, (exp.Literal, exp.National)) else None


def _number(node: exp.Expression) -> float | None:
    node = _bare(node)
    try:
        return float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None
    except ValueError:
        return None

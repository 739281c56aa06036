"""From the tree of a statement to its effects on tables and columns.

The one idea: one walk from the root, that takes along which kind of statement it is in and which names a `WITH` has bound, so that a
table counts with what is done to it and a common table expression does not count as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from ringfence.scanning.effects import Effect, Kind, Trait
from ringfence.scanning.sql.always import added_true, always_true

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.sql.reading import Places, Statement

_KINDS: dict[type[exp.Expression], str] = {
    exp.Insert: "insert",
    exp.Update: "update",
    exp.Delete: "delete",
    exp.Merge: "merge",
    exp.TruncateTable: "truncate table",
    exp.Copy: "copy",
    exp.Grant: "grant",
    exp.Transaction: "begin",
    exp.Commit: "commit",
    exp.Rollback: "rollback",
    exp.Set: "set",
    exp.Use: "use",
    exp.Pragma: "pragma",
    exp.Attach: "attach",
    exp.Detach: "detach",
    exp.Describe: "describe",
    exp.Show: "show",
    exp.Kill: "kill",
    exp.Analyze: "analyze",
    exp.Comment: "comment",
    exp.LoadData: "load data",
    exp.Cache: "cache",
    exp.Uncache: "uncache",
    exp.Refresh: "refresh",
    exp.Declare: "declare",
}
_LATER = {
    "Revoke": "revoke",
    "Execute": "execute",
    "ExecuteSql": "execute",
    "Install": "install",
    "Put": "put",
    "Get": "get",
    "Export": "export",
    "Summarize": "summarize",
}
"""Statements that only newer versions of sqlglot know, by the name of their class."""
_AMBIGUOUS = frozenset('."`[]()')
"""Characters that part names, quote them or make calls of them; a name that holds one is written in quotes."""
_NO_TRAITS: frozenset[Trait] = frozenset()


class _Names(NamedTuple):
    """The names that one `WITH` binds, in order, and how many of them count here."""

    bound: dict[str, int]
    counting: int
    outer: _Names | None

    def holds(self, name: str) -> bool:
        names: _Names | None = self
        while names is not None:
            if names.bound.get(name, names.counting) < names.counting:
                return True
            names = names.outer
        return False


class _Here(NamedTuple):
    """What the walk takes along."""

    kind: str
    names: _Names | None = None
    traits: frozenset[Trait] = _NO_TRAITS


def kind_of(tree: exp.Expression) -> str:
    """Return the kind of a statement in lower case; empty for what is no statement."""
    if isinstance(tree, (exp.Query, exp.Values)):
        return "select"
    if isinstance(tree, exp.Drop):
        temporary = "temporary " if _is_temporary(tree) else ""
        return f"drop {temporary}{str(tree.args.get('kind') or '').lower()}".strip()
    if isinstance(tree, (exp.Create, exp.Alter)):
        return f"{tree.key} {str(tree.args.get('kind') or '').lower()}".strip()
    return _KINDS.get(type(tree)) or _LATER.get(type(tree).__name__, "")


def _is_temporary(drop: exp.Expression) -> bool:
    tables = [*(drop.args.get("tables") or [drop.args.get("this")])]
    return bool(drop.args.get("temporary")) or all(
        isinstance(each, exp.Table) and _is_local(each) for each in tables
    )


def _is_local(table: exp.Table) -> bool:
    """Return whether a name is one of SQL Server's temporary tables, that go with the session."""
    identifier = table.this
    return isinstance(identifier, exp.Identifier) and bool(
        identifier.args.get("temporary") or identifier.name.startswith("#")
    )


def tree_effects(statement: Statement, budget: Budget) -> Iterator[Effect]:
    """Return an effect for each table and each column of a statement, and at least one for the statement."""
    if statement.tree is None:
        return
    kind = kind_of(statement.tree)
    line, column = statement.places.of(statement.tokens[0].start)
    if kind == "execute":  # what it runs is told by its words
        yield Effect(Kind.QUERY, kind, "", line, column)
        return
    found = list(_walk(statement.tree, kind, statement.places, line, budget))
    if not any(effect.kind is Kind.QUERY and effect.name == kind for effect in found):
        yield Effect(Kind.QUERY, kind, "", line, column, traits=_traits(statement.tree))
    yield from _united(found)


def _walk(root: exp.Expression, kind: str, places: Places, line: int, budget: Budget) -> Iterator[Effect]:
    waiting: list[tuple[exp.Expression, _Here]] = [(root, _Here(kind))]
    said: set[tuple[Kind, str, str, frozenset[Trait]]] = set()
    while waiting:
        node, here = waiting.pop()
        budget.spend(4)
        here = _entered(node, here)
        for effect in _of_node(node, here, places, line):
            key = (effect.kind, effect.name, effect.value, effect.traits)
            if key not in said:
                said.add(key)
                yield effect
        children = list(_children(node, here))
        waiting += reversed(children)


def _entered(node: exp.Expression, here: _Here) -> _Here:
    """Return what counts within a node."""
    names = _names(node, here.names)
    if isinstance(node, exp.Select):
        traits = _traits(node) | (here.traits & {Trait.UNITED})
        return _Here("select", names, traits)
    if isinstance(node, exp.Into):
        return here._replace(kind="create table")
    if isinstance(node, exp.Query):
        return _Here("select", names, here.traits & {Trait.UNITED})
    if isinstance(node, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) and not isinstance(
        node.parent, exp.When
    ):
        return _Here(kind_of(node), names, _traits(node))
    return here._replace(names=names)


def _names(node: exp.Expression, outer: _Names | None) -> _Names | None:
    bound = _argument(node, "with")
    if not isinstance(bound, exp.With):
        return outer
    names = {each.alias.lower(): number for number, each in enumerate(bound.expressions)}
    return _Names(names, len(bound.expressions), outer)


def _children(node: exp.Expression, here: _Here) -> Iterator[tuple[exp.Expression, _Here]]:
    """Return the children of a node, each with what counts there. A table expression sees only those before it, unless recursive."""
    if isinstance(node, exp.With) and here.names is not None:
        for number, each in enumerate(node.expressions):
            counting = len(node.expressions) if node.args.get("recursive") else number
            yield each, here._replace(names=here.names._replace(counting=counting), traits=_NO_TRAITS)
        return
    for name, value in node.args.items():
        child_here = here
        if isinstance(node, exp.SetOperation) and name == "expression":
            child_here = here._replace(traits=here.traits | {Trait.UNITED})
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, exp.Expression):
                yield child, child_here


def _of_node(node: exp.Expression, here: _Here, places: Places, line: int) -> Iterator[Effect]:
    if isinstance(node, exp.Table):
        yield from _of_table(node, here, places, line)
    elif isinstance(node, exp.Column):
        yield _placed(
            Effect(Kind.COLUMN, here.kind, "*" if isinstance(node.this, exp.Star) else _quoted(node.name)),
            node,
            places,
            line,
        )
    elif isinstance(node, exp.Star) and isinstance(node.parent, (exp.Select, exp.Returning)):
        yield _placed(Effect(Kind.COLUMN, here.kind, "*"), node, places, line)
    elif isinstance(node, (exp.Identifier, exp.ColumnDef)) and isinstance(node.parent, exp.Schema):
        yield _placed(Effect(Kind.COLUMN, here.kind, _quoted(node.name)), node, places, line)
    elif isinstance(node, exp.Drop) and isinstance(node.parent, exp.Alter):
        table = node.parent.this
        value = _written(table) if isinstance(table, exp.Table) else ""
        yield _placed(
            Effect(Kind.QUERY, f"drop {str(node.args.get('kind') or 'column').lower()}", value),
            table,
            places,
            line,
        )


def _of_table(node: exp.Table, here: _Here, places: Places, line: int) -> Iterator[Effect]:
    written = _written(node)
    if not written or (len(node.parts) == 1 and here.names is not None and here.names.holds(written.lower())):
        return
    yield _placed(Effect(Kind.QUERY, here.kind, written, traits=here.traits), node, places, line)
    if "/" in node.name or "\\" in node.name:  # DuckDB, Spark and Drill take such a table for a file
        yield _placed(Effect(Kind.READ, "from", node.name), node, places, line)


def _written(node: exp.Table) -> str:
    """Return a table's name as it is written, with its schema; for a function in a table's place `name()`, whatever it may read."""
    if isinstance(node.this, exp.Func):
        name = node.this.name if isinstance(node.this, exp.Anonymous) else node.this.sql_name()
        return f"{name.lower()}()"
    return ".".join(_name(part) for part in node.parts if part.name)


def _name(part: exp.Expr) -> str:
    """Return one part of a name: with the sign of SQL Server's temporary tables, in quotes where it could be taken for two parts."""
    return f"#{part.name}" if part.args.get("temporary") else _quoted(part.name)


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return name if _AMBIGUOUS.isdisjoint(name) else f'"{doubled}"'


def _placed(effect: Effect, node: exp.Expression, places: Places, line: int) -> Effect:
    identifier = node.this if isinstance(node.this, exp.Expression) else node
    meta = identifier.meta or node.meta
    if "start" not in meta:
        return effect._replace(line=line)
    at_line, column = places.of(int(meta["start"]))
    end = column + int(meta.get("end", meta["start"])) - int(meta["start"]) + 1
    return effect._replace(line=at_line, column=column, end_line=at_line, end_column=end)


def _traits(node: exp.Expression) -> frozenset[Trait]:
    """Return EVERYTHING for a change to all rows, and for a query whose condition was made to hold for all."""
    where = node.args.get("where")
    if isinstance(node, (exp.Delete, exp.Update)) and not isinstance(node.parent, exp.When):
        everything = where is None or always_true(where.this)
    else:
        having = node.args.get("having")
        everything = any(each is not None and added_true(each.this) for each in (where, having))
    return frozenset({Trait.EVERYTHING}) if everything else _NO_TRAITS


def _united(effects: list[Effect]) -> Iterator[Effect]:
    """Return the effects, with UNITED only on tables of a schema that the query before the `UNION` does not read."""
    own = {
        _schema(each.value) for each in effects if each.kind is Kind.QUERY and Trait.UNITED not in each.traits
    }
    for effect in effects:
        unites = Trait.UNITED in effect.traits and _schema(effect.value) not in own
        yield effect if unites else effect._replace(traits=effect.traits - {Trait.UNITED})


def _schema(table: str) -> str:
    schema, divider, name = table.lower().rpartition(".")
    return schema if divider else name.partition("_")[0] if name.startswith(("sqlite_", "pg_")) else ""


def _argument(node: exp.Expression, name: str) -> object:
    """Return an argument by its name, to which newer versions of sqlglot add an underscore where it is a word of Python."""
    return node.args.get(name) or node.args.get(f"{name}_")

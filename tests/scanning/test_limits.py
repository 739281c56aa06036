"""The lists of an SQL argument: which statements, tables and columns are on them, and that what cannot be placed never is."""

from __future__ import annotations

import pytest

from ringfence.scanning import Facts, Language, ScanReport, scan
from ringfence.scanning.effects import HOLE
from ringfence.scanning.limits import Limits, beyond


def wrong(limits: Limits, **facts: tuple[str, ...]) -> list[str]:
    """Return the rules of the objections to a query with these facts."""
    return [objection.rule for objection in beyond(ScanReport(Language.SQL, facts=Facts(**facts)), limits)]


def test_no_list_allows_anything() -> None:
    """What the policy does not limit is not looked at."""
    assert wrong(Limits(), statements=("drop table",), tables=("users",), columns=("*",)) == []


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        (("select",), True),
        (("SELECT",), True),
        (("select", "insert"), True),
        (("select", "delete"), False),
        (("drop table",), True),
        (("drop index",), False),
        (("command",), False),
        (("unknown",), False),
        ((), False),
    ],
)
def test_statements_are_those_on_the_list(statements: tuple[str, ...], allowed: bool) -> None:
    """All of a source's statements are on it; one that the parser could not place, or none at all, is on no list."""
    limits = Limits(statements=("select", "insert", "drop table", "command", "unknown"))
    assert wrong(limits, statements=statements) == ([] if allowed else ["sql:statements"])
    assert (wrong(Limits(statements=("*",)), statements=("command",))) == ["sql:statements"]


@pytest.mark.parametrize(
    ("table", "allowed"),
    [
        ("orders", True),
        ("Orders", True),
        ('"orders"', True),
        ("`orders`", True),
        ("[orders]", True),
        ("sales.items", True),
        ('"sales"."items"', True),
        ("other.orders", False),
        ("orders2", False),
        ("salesitems", False),
        (f"orders{HOLE}", False),
        (HOLE, False),
        ('"sales.items"', False),
        ('"sales.items".x', False),
        ("sales.items()", False),
        ("orders()", False),
        (f"sales.{HOLE}", False),
    ],
)
def test_tables_are_those_on_the_list(table: str, allowed: bool) -> None:
    """By name or pattern, in any case and quoting; one that is not known as a whole is on no list."""
    limits = Limits(tables=("orders", "sales.*"))
    assert wrong(limits, tables=(table,)) == ([] if allowed else ["sql:tables"])


@pytest.mark.parametrize(
    ("source", "dialect", "allowed"),
    [
        ("SELECT a FROM sales.items", "", True),
        ('SELECT a FROM "sales.items"', "", False),
        ("SELECT a FROM `sales.items`", "mysql", False),
        ("SELECT a FROM [sales.items]", "tsql", False),
        ('SELECT a FROM "sales"."items"', "postgres", True),
        ("SELECT * FROM read_csv('sales.csv')", "duckdb", False),
        ("SELECT a FROM sales.items, pg_ls_dir('/')", "postgres", False),
    ],
)
def test_a_statement_is_held_to_the_tables(source: str, dialect: str, allowed: bool) -> None:
    """A dot within quotes parts no names, and a function in a table's place is no table."""
    report = scan(source, "sql", dialect=dialect)
    assert not report.problem
    assert (not list(beyond(report, Limits(tables=("sales.*",))))) is allowed


def test_a_function_is_allowed_by_name() -> None:
    """A pattern that ends as a call does allows a function in a table's place; one for all tables does not."""
    tables = ("orders", "generate_series()")
    assert wrong(Limits(tables=("orders", "generate_*()")), tables=tables) == []
    assert wrong(Limits(tables=("*",)), tables=tables) == ["sql:tables"]


@pytest.mark.parametrize(
    ("column", "allowed"),
    [
        ("id", True),
        ("o.id", True),
        ("price", False),
        ("orders.price", True),
        ("o.price", False),
        ("name_first", True),
        ("*", False),
        ("o.*", False),
        ('"x.id"', False),
    ],
)
def test_columns_are_those_on_the_list(column: str, allowed: bool) -> None:
    """By their own name, or with their table where the list has it; all of a table's only where `*` is on it."""
    limits = Limits(columns=("id", "orders.price", "name_*"))
    assert wrong(limits, columns=(column,)) == ([] if allowed else ["sql:columns"])
    assert wrong(Limits(columns=("*",)), columns=(column,)) == []


def test_the_answer_names_the_lists() -> None:
    """Each list that is broken is an objection of its own, with what is allowed."""
    report = ScanReport(Language.SQL, facts=Facts(statements=("delete",), tables=("users", "orders")))
    statement, table = beyond(report, Limits(statements=("select",), tables=("orders",)))
    assert statement.hint == "Use the allowed statements select."
    assert table.reason == "The tables users are not among those allowed."
    assert (table.title, table.hint) == ("uses a table that is not allowed", "Use the allowed tables orders.")

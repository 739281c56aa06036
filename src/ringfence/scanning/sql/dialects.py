"""The databases whose SQL can be told apart, by the names people use for them.

The one idea: where no database is named, a source is read as each of the common ones would, until one can make sense of it.
"""

from __future__ import annotations

from ringfence.errors import UnknownName

ALIASES = {
    "ansi": "",
    "cockroachdb": "postgres",
    "ksql": "",
    "mariadb": "mysql",
    "mssql": "tsql",
    "pg": "postgres",
    "postgresql": "postgres",
    "pyspark": "spark",
    "sparksql": "spark",
    "sqlite3": "sqlite",
    "sqlserver": "tsql",
    "synapse": "tsql",
}
PARSERS = (
    "", "athena", "bigquery", "clickhouse", "databricks", "doris", "dremio", "drill", "druid", "duckdb", "exasol", "hive",
    "materialize", "mysql", "oracle", "postgres", "presto", "redshift", "risingwave", "snowflake", "spark", "sqlite", "starrocks",
    "teradata", "trino", "tsql",
)  # fmt: skip
GUESSES = ("", "postgres", "mysql", "tsql", "bigquery", "oracle", "clickhouse", "snowflake")
"""What a source without a named database is read as, in turn."""
FEWEST_GUESSES = 3
MOST_GUESSED = 8_192
"""A source of more characters is read as the first few only: each reading takes as long as the last."""
MYSQL_LIKE = frozenset({"", "mysql", "doris", "starrocks"})
"""Where a comment that begins with `!` is code."""


def parser_name(dialect: str) -> str:
    """Return the name of the parser for a database.

    Arguments:
        dialect: a database as people call it, such as `postgres`, `mysql`, `sqlite` or `tsql`; empty where it is not known.

    Raises:
        UnknownName: there is none.

    """
    name = dialect.strip().lower()
    name = ALIASES.get(name, name)
    if name not in PARSERS:
        raise UnknownName("dialect", dialect, [*filter(None, PARSERS), *ALIASES], "scan")
    return name

"""Rules about what a statement changes in a database: data, structure, rights.

Which tables an agent may read is a matter of the policy. The one idea: a statement may change rows that it names; what drops
structure, touches all rows or hands out rights is more than a tool for data needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import SQL, sql
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_OWN_TABLES = RuleException(
    "a temporary table goes with the session", values=("#*", "@*", "temp.*", "pg_temp*")
)


def _changes() -> Iterator[Rule]:
    """Return the rules about what is changed or lost."""
    yield Rule(
        id="database-drop",
        title="Drops data with its structure",
        family=Family.DATABASE,
        level=ThreatLevel.HIGH,
        description="{name} of {value}: all of it is lost, and no transaction may bring it back.",
        when=(
            When(
                Kind.QUERY,
                names=(
                    "drop table", "drop database", "drop schema", "drop column", "drop tablespace", "drop server", "truncate*",
                    "drop user", "drop role", "drop login",
                ),
            ),
        ),
        found=sql("DROP TABLE users", "TRUNCATE TABLE orders", "drop/* x */database shop", "ALTER TABLE a DROP COLUMN b"),
        ignored=sql("DROP TABLE #t", "SELECT 'DROP TABLE users'", "SELECT a FROM t -- DROP TABLE t", "DROP VIEW v"),
        tags=("CWE-89", "T1485", "ASI02"),
        hint="Leave tables as they are; delete the rows that the task names.",
        exceptions=(_OWN_TABLES,),
    )  # fmt: skip
    yield Rule(
        id="database-change-all",
        title="Changes every row of a table",
        family=Family.DATABASE,
        level=ThreatLevel.HIGH,
        description="{name} of {value} has no condition, or one that always holds, and so changes every row.",
        when=(When(Kind.QUERY, names=("delete", "update"), traits=(Trait.EVERYTHING,)),),
        found=sql(
            "DELETE FROM t",
            "UPDATE t SET a = 1 WHERE 1=1",
            "DELETE FROM t WHERE id = 3 OR 'a' = 'a'",
            "DELETE FROM t WHERE TRUE",
        ),
        ignored=sql(
            "DELETE FROM t WHERE id = 3",
            "UPDATE t SET a = 1 WHERE b = b + 0",
            "DELETE FROM #t",
            "DELETE FROM t WHERE 1=0",
        ),
        tags=("CWE-89", "T1565.001", "ASI02"),
        hint="Add a WHERE that names the rows.",
        exceptions=(_OWN_TABLES,),
    )
    yield Rule(
        id="database-stacked-change",
        title="Adds a change to a query",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="{name} of {value} stands behind a query that only reads, as injected statements do.",
        when=(When(Kind.QUERY, traits=(Trait.STACKED, Trait.FOLLOWS)),),
        found=sql(
            "SELECT 1; UPDATE t SET a = 1 WHERE b = 2",
            "SELECT a FROM t; DROP TABLE t",
            "SELECT 1; GRANT ALL ON t TO x",
        ),
        ignored=sql(
            "SELECT 1; SELECT 2",
            "INSERT INTO t VALUES (1); UPDATE t SET a = 1 WHERE b = 2",
            "SELECT '; DROP TABLE t'",
        ),
        tags=("CWE-89", "T1190"),
        hint="Send the query and the change as two calls.",
        exceptions=(_OWN_TABLES,),
    )
    yield Rule(
        id="database-alter",
        title="Changes structure",
        family=Family.DATABASE,
        level=ThreatLevel.MEDIUM,
        description="{name} of {value} changes how the database is built or what it does by itself.",
        when=(
            When(
                Kind.QUERY,
                names=(
                    "alter table", "alter database", "alter schema", "drop view", "drop index", "drop function", "drop procedure",
                    "drop trigger", "create trigger", "create event", "create function", "create procedure", "rename *",
                ),
            ),
        ),
        found=sql("ALTER TABLE t ADD COLUMN a INT", "DROP VIEW v", "DROP INDEX i"),
        ignored=sql("CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT 1", "SELECT alter_table FROM t"),
        tags=("T1565.001",),
        hint="Leave the structure of the database to its migrations.",
    )  # fmt: skip
    yield Rule(
        id="database-rights",
        title="Changes rights or accounts",
        family=Family.PRIVILEGE,
        level=ThreatLevel.HIGH,
        description="{name} changes who may do what in the database.",
        when=(
            When(
                Kind.QUERY,
                names=(
                    "grant", "revoke", "create user", "create role", "create login", "alter user", "alter role", "alter login",
                    "rename user", "set role", "set password", "set global", "set persist", "alter system", "create policy",
                    "pragma writable_schema", "pragma trusted_schema", "pragma temp_store_directory",
                ),
            ),
            When(Kind.PRIVILEGE, languages=SQL),
        ),
        found=sql(
            "GRANT ALL ON t TO x", "CREATE USER x IDENTIFIED BY 'y'", "PRAGMA writable_schema = 1", "EXEC sp_configure 'xp_cmdshell', 1"
        ),
        ignored=sql("SELECT grantee FROM t", "SET x = 1", "PRAGMA table_info(t)", "SELECT role FROM users"),
        tags=("CWE-269", "T1098", "T1136", "ASI03"),
        hint="Leave rights and accounts to an administrator.",
    )  # fmt: skip


RULES: tuple[Rule, ...] = tuple(_changes())

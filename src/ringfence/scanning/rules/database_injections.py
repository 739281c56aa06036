"""Rules about what looks like an injection.

The one idea: an injected text shows where it was joined: a condition that always holds, a UNION with the catalogue, a comment that cuts
off the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind, Trait
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, When
from ringfence.scanning.rules.examples import SQL, sql
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_CATALOGUES = (
    "information_schema.*", "pg_catalog.*", "pg_*", "mysql.*", "sys.*", "sqlite_*", "performance_schema.*", "sysobjects", "syscolumns",
    "master.*", "all_tables", "all_users", "dba_*", "user_tables", "v$*", "duckdb_*", "system.*",
)  # fmt: skip

_PASSWORDS = (
    "pg_shadow", "pg_catalog.pg_shadow", "pg_authid", "pg_catalog.pg_authid", "mysql.user", "sys.sql_logins", "sys.syslogins",
    "master.sys.sql_logins", "master.dbo.syslogins", "syslogins", "master.syslogins", "sys.user$", "dba_users", "sys.dba_users",
    "mysql.global_priv", "pg_user_mapping", "pg_catalog.pg_user_mapping",
)  # fmt: skip


def _injections() -> Iterator[Rule]:
    """Return the rules about what looks like an injection."""
    yield Rule(
        id="database-tautology",
        title="Makes a condition hold for every row",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="The condition on {value} ends in an OR that always holds, so that every row is found.",
        when=(When(Kind.QUERY, names=("select",), traits=(Trait.EVERYTHING,)),),
        found=sql(
            "SELECT * FROM users WHERE name = '' OR '1' = '1'",
            "SELECT a FROM t WHERE (b = 1 AND c = 2) OR 1 = 1 -- x",
        ),
        ignored=sql(
            "SELECT * FROM t WHERE 1 = 1 AND a = 2",
            "SELECT * FROM t WHERE ('all' = 'all' OR a = 'all')",
            "SELECT a OR TRUE FROM t",
        ),
        tags=("CWE-89", "T1190"),
        hint="Leave the condition out, if all rows are meant.",
    )
    yield Rule(
        id="database-union-catalogue",
        title="Adds the database's catalogue to a query",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="A UNION adds {value}, which tells how the database is built and who uses it, to a query of other tables.",
        when=(When(Kind.QUERY, values=_CATALOGUES, traits=(Trait.UNITED,)),),
        found=sql(
            "SELECT a FROM t UNION SELECT table_name FROM information_schema.tables",
            "SELECT a, b FROM t WHERE c = 1 UNION ALL SELECT name, sql FROM sqlite_master",
        ),
        ignored=sql(
            "SELECT table_name FROM information_schema.tables UNION SELECT table_name FROM information_schema.views",
            "SELECT name FROM sqlite_master", "SELECT a FROM t UNION SELECT a FROM archive.t",
        ),
        tags=("CWE-89", "T1190"),
        hint="Ask for the catalogue in a query of its own.",
    )  # fmt: skip
    yield Rule(
        id="database-read-passwords",
        title="Reads the database's accounts",
        family=Family.CREDENTIALS,
        level=ThreatLevel.HIGH,
        description="{name} of {value}, where the database keeps its users' password hashes.",
        when=(When(Kind.QUERY, values=_PASSWORDS),),
        found=sql(
            "SELECT * FROM pg_shadow",
            "SELECT authentication_string FROM mysql.user",
            "SELECT name FROM sys.sql_logins",
        ),
        ignored=sql(
            "SELECT * FROM shop.user", "SELECT usename FROM pg_stat_activity", "SELECT shadow FROM t"
        ),
        tags=("CWE-522", "T1003", "ASI03"),
        hint="Leave the database's accounts alone.",
    )
    yield Rule(
        id="database-hidden",
        title="Hides what it does in comments",
        family=Family.OBFUSCATION,
        level=ThreatLevel.HIGH,
        description="A {name} cuts off a condition or splits words, so that filters and readers overlook what is there.",
        when=(When(Kind.OBFUSCATE, names=("splitting comment", "cutting comment"), languages=SQL),),
        found=sql("SELECT/**/a/**/FROM/**/t", "SELECT a FROM t WHERE b = 'x' -- ' AND c = 'y'"),
        ignored=sql(
            "SELECT a /* the name */ FROM t", "SELECT a FROM t -- the 'new' one", "SELECT '/**/a/**/b/**/'"
        ),
        tags=("CWE-89", "T1027"),
        hint="Write the query without such comments.",
    )
    yield Rule(
        id="database-executable-comment",
        title="Holds code in a comment",
        family=Family.OBFUSCATION,
        level=ThreatLevel.MEDIUM,
        description="A comment holds code that MySQL runs.",
        when=(When(Kind.OBFUSCATE, names=("executable comment",), languages=SQL),),
        found=sql("SELECT 1 /*!50000 , 2 */", "SELECT /*! a, */ b FROM t"),
        ignored=sql("SELECT 1 /* !, 2 */", "SELECT '/*! 1 */'"),
        tags=("CWE-89", "T1027"),
        hint="Write the code without a comment around it.",
    )
    yield Rule(
        id="database-wait",
        title="Makes the database wait",
        family=Family.RESOURCES,
        level=ThreatLevel.MEDIUM,
        description="{name} keeps a connection busy without need, as blind injections do to get an answer.",
        when=(When(Kind.RESOURCE, languages=SQL),),
        found=sql("SELECT pg_sleep(5)", "WAITFOR DELAY '0:0:5'", "SELECT IF(a = 1, SLEEP(5), 0) FROM t"),
        ignored=sql("SELECT sleep FROM t", "SELECT 'pg_sleep(5)'"),
        tags=("CWE-89", "CWE-400"),
        hint="Do not wait in the database.",
    )
    yield Rule(
        id="database-dynamic",
        title="Runs text as SQL",
        family=Family.INJECTION,
        level=ThreatLevel.MEDIUM,
        description="{name} runs {value} as SQL.",
        when=(When(Kind.EVALUATE, languages=SQL),),
        found=sql(
            "EXECUTE IMMEDIATE 'DROP TABLE x'",
            "EXEC('SELECT 1')",
            "SELECT query_to_xml('SELECT 1', true, false, '')",
        ),
        ignored=sql("SELECT execute FROM t", "SELECT 1"),
        tags=("CWE-89",),
        hint="Write the statement out.",
    )
    yield Rule(
        id="database-foreign-code",
        title="Runs another language in the database",
        family=Family.INJECTION,
        level=ThreatLevel.HIGH,
        description="{name} runs a script with the rights of the database.",
        when=(When(Kind.EVALUATE, names=("sp_execute_external_script",), languages=SQL),),
        found=sql(
            "EXEC sp_execute_external_script @language = N'Python', @script = N'print(1)'",
            "EXEC sys.sp_execute_external_script N'R', N'1'",
        ),
        ignored=sql("EXEC sp_help", "SELECT script FROM t"),
        tags=("CWE-94", "T1505.001"),
        hint="Run scripts outside of the database.",
    )


RULES: tuple[Rule, ...] = tuple(_injections())

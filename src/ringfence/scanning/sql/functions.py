"""Functions and procedures of databases that reach beyond them: files, commands, libraries, connections, text that is run as SQL.

A catalogue and nothing else. Names are in lower case and without schema; `package.name` where the name alone is a common word.
"""

from __future__ import annotations

from typing import NamedTuple

from ringfence.scanning.effects import Kind, Language


class Reach(NamedTuple):
    """What calling something does.

    Arguments:
        kind: what it does.
        argument: which argument it does it to, from 0.
        nested: what that argument is written in, where it is code.
        dialects: where the name means that; empty for everywhere.

    """

    kind: Kind
    argument: int = 0
    nested: Language | None = None
    dialects: frozenset[str] = frozenset()


_DUCKDB = frozenset({"", "duckdb"})
_CLICKHOUSE = frozenset({"", "clickhouse"})
_SQLITE = frozenset({"", "sqlite"})


def _table(*rows: tuple[Reach, str]) -> dict[str, Reach]:
    return {name: reach for reach, names in rows for name in names.split()}


REACHES = _table(
    # PostgreSQL
    (Reach(Kind.READ), "pg_read_file pg_read_binary_file lo_import pg_read_server_files"),
    (Reach(Kind.LIST), "pg_ls_dir pg_stat_file pg_ls_logdir pg_ls_waldir pg_ls_tmpdir pg_ls_archive_statusdir"),
    (Reach(Kind.WRITE, 1), "lo_export"),
    (Reach(Kind.WRITE), "pg_file_write pg_file_unlink pg_file_rename pg_file_sync"),
    (Reach(Kind.CONNECT), "dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_send_query postgres_fdw_get_connections"),
    (Reach(Kind.CONNECT), "http_get http_post http_put http_delete http_head aws_s3.query_export_to_s3 aws_s3.table_import_from_s3"),
    (
        Reach(Kind.EVALUATE, 0, Language.SQL),
        "query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml ts_stat crosstab database_to_xml",
    ),
    (Reach(Kind.RESOURCE), "pg_sleep pg_sleep_for pg_sleep_until"),
    (Reach(Kind.KILL), "pg_terminate_backend pg_cancel_backend"),
    # MySQL, and the library lib_mysqludf_sys
    (Reach(Kind.READ), "load_file"),
    (Reach(Kind.RUN, 0, Language.SHELL), "sys_exec sys_eval sys_bineval"),
    (Reach(Kind.RESOURCE), "sleep benchmark"),
    # SQLite and its shell
    (Reach(Kind.NATIVE), "load_extension"),
    (Reach(Kind.READ, 0, None, _SQLITE), "readfile"),
    (Reach(Kind.WRITE, 0, None, _SQLITE), "writefile"),
    (Reach(Kind.LIST, 0, None, _SQLITE), "fsdir lsdir"),
    (Reach(Kind.RUN, 1, Language.SHELL, _SQLITE), "edit"),
    (Reach(Kind.NATIVE, 1, None, _SQLITE), "fts3_tokenizer"),
    # SQL Server
    (Reach(Kind.RUN, 0, Language.SHELL), "xp_cmdshell"),
    (Reach(Kind.NATIVE), "sp_oacreate sp_oamethod sp_oasetproperty"),
    (Reach(Kind.NATIVE, 1), "sp_addextendedproc"),
    (Reach(Kind.EVALUATE, 1), "sp_execute_external_script"),
    (Reach(Kind.EVALUATE, 0, Language.SQL), "sp_executesql sp_prepare sp_cursoropen sp_sqlexec"),
    (Reach(Kind.LIST), "xp_dirtree xp_fileexist xp_subdirs xp_getfiledetails xp_availablemedia"),
    (Reach(Kind.READ), "xp_readerrorlog xp_regread xp_instance_regread sys.fn_get_audit_file fn_trace_gettable fn_xe_file_target_read_file"),
    (Reach(Kind.WRITE), "xp_regwrite xp_regdeletekey xp_regdeletevalue xp_create_subdir xp_delete_file xp_delete_files xp_copy_file"),
    (Reach(Kind.CONNECT, 1), "openrowset opendatasource"),
    (Reach(Kind.EVALUATE, 1, Language.SQL), "openquery"),
    (Reach(Kind.PRIVILEGE), "sp_configure sp_addsrvrolemember sp_addrolemember sp_addlogin sp_grantlogin sp_adduser"),
    (Reach(Kind.PERSIST), "sp_add_job sp_add_jobstep sp_start_job sp_procoption xp_servicecontrol"),
    (Reach(Kind.CONNECT), "sp_addlinkedserver sp_send_dbmail xp_sendmail sp_invoke_external_rest_endpoint"),
    # Oracle
    (Reach(Kind.CONNECT), "utl_http.request utl_http.request_pieces utl_http.begin_request utl_tcp.open_connection"),
    (Reach(Kind.CONNECT), "utl_smtp.open_connection utl_inaddr.get_host_address utl_inaddr.get_host_name utl_mail.send httpuritype"),
    (Reach(Kind.CONNECT), "dbms_ldap.init utl_http.set_proxy"),
    (Reach(Kind.READ), "utl_file.fopen utl_file.get_line utl_file.fgetattr bfilename dbms_lob.fileopen dbms_lob.loadfromfile"),
    (Reach(Kind.WRITE), "utl_file.put utl_file.put_line utl_file.fremove utl_file.fcopy utl_file.frename dbms_xslprocessor.clob2file"),
    (Reach(Kind.WRITE), "dbms_advisor.create_file dbms_lob.writeappend"),
    (Reach(Kind.PERSIST), "dbms_scheduler.create_job dbms_scheduler.create_program dbms_scheduler.run_job dbms_job.submit dbms_job.run"),
    (Reach(Kind.PRIVILEGE), "dbms_java.grant_permission"),
    (Reach(Kind.NATIVE), "dbms_java.runjava dbms_java.loadjava dbms_java_test.funcall"),
    (Reach(Kind.EVALUATE, 1, Language.SQL), "dbms_sql.parse"),
    (Reach(Kind.EVALUATE, 0, Language.SQL), "dbms_xmlquery.newcontext dbms_xmlgen.getxml dbms_xmlquery.getxml"),
    (Reach(Kind.RESOURCE), "dbms_lock.sleep dbms_session.sleep dbms_pipe.receive_message"),
    # DuckDB
    (Reach(Kind.READ, 0, None, _DUCKDB), "read_csv read_csv_auto read_text read_blob read_json read_json_auto read_json_objects read_ndjson"),
    (Reach(Kind.READ, 0, None, _DUCKDB), "read_ndjson_auto read_parquet parquet_scan parquet_metadata parquet_schema sniff_csv st_read read_xlsx"),
    (Reach(Kind.READ, 0, None, _DUCKDB), "sqlite_scan sqlite_attach iceberg_scan delta_scan"),
    (Reach(Kind.LIST, 0, None, frozenset({"duckdb"})), "glob"),
    (Reach(Kind.CONNECT, 0, None, _DUCKDB), "postgres_scan postgres_attach mysql_scan postgres_query"),
    (Reach(Kind.EVALUATE, 0, Language.SQL, _DUCKDB), "query"),
    # ClickHouse
    (Reach(Kind.CONNECT, 0, None, _CLICKHOUSE), "url s3 s3cluster hdfs remote remotesecure mysql postgresql mongodb redis jdbc odbc gcs"),
    (Reach(Kind.CONNECT, 0, None, _CLICKHOUSE), "azureblobstorage urlcluster deltalake iceberg"),
    (Reach(Kind.READ, 0, None, _CLICKHOUSE), "file filecluster sqlite"),
    (Reach(Kind.RUN, 0, Language.SHELL, _CLICKHOUSE), "executable"),
    # BigQuery, Snowflake, Spark
    (Reach(Kind.EVALUATE, 1, Language.SQL), "external_query"),
    (Reach(Kind.NATIVE), "java_method reflect try_reflect"),
    (Reach(Kind.RESOURCE), "system$wait"),
)  # fmt: skip
"""What each reaches, by name."""

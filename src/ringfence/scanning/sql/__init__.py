"""SQL: what statements would do to which tables, and what they reach beyond the database. sqlglot is loaded when SQL is scanned."""

from ringfence.scanning.sql.analyser import sql_effects
from ringfence.scanning.sql.dialects import parser_name

__all__ = ["parser_name", "sql_effects"]

"""What a policy says about one SQL argument: only these kinds of statement, these tables, these columns.

Findings and capabilities are judged in `decision.py`. The one idea: a list names all that is allowed, so a statement that the parser
could not place, or a source in which it found none, is allowed by no list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ringfence.policy.match import fits
from ringfence.scanning.decision import Objection
from ringfence.scanning.effects import HOLE
from ringfence.scanning.ruleset import shown
from ringfence.threat import ThreatLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ringfence.scanning.findings import ScanReport

_UNPLACED = frozenset({"", "command", "unknown"})
"""What the parser calls a statement that it does not understand."""
_QUOTED = re.compile(r'"([\w$#@ -]+)"|`([\w$#@ -]+)`|\[([\w$#@ -]+)\]')
"""A plain name in quotes, which is the same without; one that holds a dot would be taken for two."""
_CALL = "()"
"""What ends the name of a function in a table's place."""
_MOST_LISTED = 8


class Limits(NamedTuple):
    """The only kinds of statement, tables and columns, by name or pattern, whatever their case. An empty list allows any."""

    statements: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


def beyond(report: ScanReport, limits: Limits) -> Iterator[Objection]:
    """Return an objection for each kind of list that a source goes beyond.

    Arguments:
        report: of a source that was understood.
        limits: what is allowed.

    """
    facts = report.facts
    if limits.statements:
        wrong = [kind for kind in facts.statements or ("",) if not _is_statement(kind, limits.statements)]
        yield from _objection("statement", wrong, limits.statements)
    if limits.tables:
        wrong = [table for table in facts.tables if not _is_table(table, limits.tables)]
        yield from _objection("table", wrong, limits.tables)
    if limits.columns:
        wrong = [column for column in facts.columns if not _is_column(column, limits.columns)]
        yield from _objection("column", wrong, limits.columns)


def _is_statement(kind: str, allowed: Iterable[str]) -> bool:
    return kind.lower() not in _UNPLACED and _is_named(kind, allowed)


def _is_table(table: str, allowed: Iterable[str]) -> bool:
    """Return whether a table is allowed. A function in its place may read anything, so only a pattern for functions allows it."""
    if table.endswith(_CALL):
        allowed = [pattern for pattern in allowed if pattern.endswith(_CALL)]
    return _is_named(table, allowed)


def _is_column(column: str, allowed: Sequence[str]) -> bool:
    """Return whether a column is allowed with its table, or by its own name. All of them (`*`) are where `*` says so."""
    own = column.rpartition(".")[2]
    if own == "*":
        return "*" in allowed or column in allowed
    return _is_named(column, allowed) or _is_named(own, allowed)


def _is_named(name: str, allowed: Iterable[str]) -> bool:
    plain = _QUOTED.sub(r"\1\2\3", name).lower()
    return HOLE not in name and any(fits(plain, pattern.lower()) for pattern in allowed)


def _objection(kind: str, wrong: Sequence[str], allowed: Sequence[str]) -> Iterator[Objection]:
    if not wrong:
        return
    named = ", ".join(shown(name.strip(HOLE)) or "one that cannot be placed" for name in wrong[:_MOST_LISTED])
    hint = f"Use the allowed {kind}s {', '.join(allowed[:_MOST_LISTED])}."
    title = f"uses a {kind} that is not allowed"
    reason = f"The {kind}s {named} are not among those allowed."
    yield Objection(f"sql:{kind}s", title, reason, ThreatLevel.HIGH, 1, 0, hint)

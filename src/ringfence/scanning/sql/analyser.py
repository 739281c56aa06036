"""The analyser of SQL: each statement's kind, tables, columns and reach.

The one idea: a statement that cannot be understood as a whole is refused, unless its words alone say that it reaches beyond the
database, which is worth more to tell than that it could not be parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence.scanning.effects import HOLE, Effect, Kind, Language, Trait, Unscannable
from ringfence.scanning.sql.dialects import FEWEST_GUESSES, GUESSES, MOST_GUESSED, parser_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.sql.reading import Reading, Statement

_TRICKY = ("\\'", '\\"', "--", "#", "/*")
"""What MySQL reads differently from the standard, so that a source for an unknown database is read both ways."""
_CHANGES = (
    "insert",
    "update",
    "delete",
    "merge",
    "replace",
    "truncate",
    "drop",
    "alter",
    "create",
    "grant",
    "revoke",
    "copy",
)
_HARMLESS_WORDS = frozenset(
    {
        "vacuum",
        "checkpoint",
        "analyze",
        "reindex",
        "end",
        "begin",
        "listen",
        "unlisten",
        "fetch",
        "close",
        "deallocate",
        "discard",
        "go",
    }
)


def sql_effects(source: str, budget: Budget, dialect: str = "") -> Iterable[Effect]:
    """Return what a source of SQL would do.

    Arguments:
        source: one statement or several.
        budget: what may still be spent.
        dialect: the database, by any name that `parser_name` knows; empty where it is not known.

    Raises:
        Unscannable: it cannot be parsed, or nests too deep.
        UnknownName: the dialect does not exist.

    """
    name = parser_name(dialect)
    found: dict[Effect, None] = {}
    for reading, text in _readings(source, name, budget):
        found.update(dict.fromkeys(_effects(reading, text, budget)))
    return list(found)


def _readings(source: str, dialect: str, budget: Budget) -> Iterator[tuple[Reading, str]]:
    """Return the source as its database reads it; where that is not known, as the first that understands it, and as MySQL besides."""
    guesses = GUESSES if len(source) <= MOST_GUESSED else GUESSES[:FEWEST_GUESSES]
    reading, text = _read(source, [dialect] if dialect else guesses, budget)
    yield reading, text
    if not dialect and reading.dialect != "mysql" and any(mark in source for mark in _TRICKY):
        try:
            other, other_text = _read(source, ["mysql"], budget)
        except Unscannable as found:
            if found.problem != "unparsed":
                raise
            return
        yield other, other_text


def _read(source: str, dialects: Iterable[str], budget: Budget) -> tuple[Reading, str]:
    """Return the source as the first of some databases that understands it reads it, or else as the first that gets anywhere.

    Raises:
        Unscannable: none gets anywhere.

    """
    from ringfence.scanning.sql.reading import read  # noqa: PLC0415 - brings sqlglot, which only SQL needs

    best: tuple[Reading, str] | None = None
    problem: Unscannable | None = None
    for dialect in dialects:
        try:
            reading, text = _uncovered(read(source, dialect, budget), source, budget)
        except Unscannable as found:
            if found.problem != "unparsed":
                raise
            problem = problem or found
            continue
        if all(_is_understood(statement, dialect, budget) for statement in reading.statements):
            return reading, text
        best = best or (reading, text)
    raise problem if problem is not None and best is None else _not_parsed(best)


def _uncovered(reading: Reading, text: str, budget: Budget) -> tuple[Reading, str]:
    from ringfence.scanning.sql.comments import uncovered  # noqa: PLC0415 - likewise
    from ringfence.scanning.sql.reading import read  # noqa: PLC0415 - likewise

    plain = uncovered(text, reading.comments, reading.dialect)
    if plain == text:
        return reading, text
    inner = read(plain, reading.dialect, budget)
    return inner._replace(comments=reading.comments + inner.comments), text


def _not_parsed(best: tuple[Reading, str] | None) -> Unscannable:
    statement = next((each for each in best[0].statements if each.tree is None), None) if best else None
    line = statement.tokens[0].line if statement else 1
    return Unscannable(
        "unparsed", "it is no SQL that can be understood: correct it, or name the database", line
    )


def _is_understood(statement: Statement, dialect: str, budget: Budget) -> bool:
    """Return whether it is known what a statement does: by its tree, or by words that say enough."""
    from ringfence.scanning.sql.tree import kind_of  # noqa: PLC0415 - likewise

    if statement.tree is not None and (kind_of(statement.tree) or statement.tree.key == "command"):
        return True
    return statement.words[0].lower() in _HARMLESS_WORDS or bool(_beyond(statement, dialect, budget))


def _effects(reading: Reading, text: str, budget: Budget) -> Iterator[Effect]:
    from ringfence.scanning.sql.comments import comment_effects  # noqa: PLC0415 - likewise

    yield from comment_effects(text, reading.comments, reading.dialect)
    reads_first = False
    for number, statement in enumerate(reading.statements):
        effects = list(_of_statement(statement, reading.dialect, budget))
        traits = _later_traits(effects, reads_first=reads_first) if number else frozenset()
        yield from (effect._replace(traits=effect.traits | traits) for effect in effects)
        reads_first = reads_first or (number == 0 and _only_reads(effects))


def _later_traits(effects: list[Effect], *, reads_first: bool) -> frozenset[Trait]:
    changes = any(each.kind is Kind.QUERY and each.name.startswith(_CHANGES) for each in effects)
    return frozenset({Trait.STACKED, Trait.FOLLOWS} if reads_first and changes else {Trait.STACKED})


def _only_reads(effects: list[Effect]) -> bool:
    return all(each.name == "select" for each in effects if each.kind is Kind.QUERY)


def _of_statement(statement: Statement, dialect: str, budget: Budget) -> Iterator[Effect]:
    from ringfence.scanning.sql.tree import kind_of, tree_effects  # noqa: PLC0415 - likewise

    if statement.tree is not None and kind_of(statement.tree):
        yield from tree_effects(statement, budget)
        yield from _setting(statement)
    else:
        yield from _by_words(statement)
    yield from _beyond(statement, dialect, budget)


def _beyond(statement: Statement, dialect: str, budget: Budget) -> list[Effect]:
    """Return what a statement does beyond the database."""
    from ringfence.scanning.sql.calls import call_effects  # noqa: PLC0415 - likewise
    from ringfence.scanning.sql.phrases import block_effects, phrase_effects  # noqa: PLC0415 - likewise

    return [
        *call_effects(statement, dialect, budget),
        *phrase_effects(statement, dialect, budget),
        *block_effects(statement),
    ]


def _by_words(statement: Statement) -> Iterator[Effect]:
    """Return the effect of a statement that has no tree of its own, named after its words."""
    words = [word.lower() for word in statement.words]
    line, column = statement.places.of(statement.tokens[0].start)
    name = _command(words)
    effect = Effect(Kind.QUERY, name, "", line, column)
    if name in {"explain", "prepare"} and any(token.text.upper() in _EXPLAINED for token in statement.tokens):
        yield effect._replace(nested=(Language.SQL, _explained(statement)))
    elif statement.tree is None and name not in _HARMLESS_WORDS:
        yield effect._replace(value=HOLE, traits=frozenset({Trait.UNRESOLVED}))
    else:
        yield effect


_FILLERS = frozenset(
    {
        "or",
        "replace",
        "if",
        "not",
        "exists",
        "temporary",
        "temp",
        "public",
        "global",
        "session",
        "local",
        "definer",
    }
)
_TWO_WORDS = frozenset({"create", "alter", "drop", "load", "bulk", "install", "rename", "lock"})
_EXPLAINED = frozenset({"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE"})
_SETTINGS = frozenset({"role", "global", "session", "persist", "password"})


def _command(words: list[str]) -> str:
    """Return the kind of a command: `create user`, `alter role`, `set role`, `execute`, `call`."""
    first = {"exec": "execute", "explain": "explain"}.get(words[0], words[0])
    second = next((word for word in words[1:] if word not in _FILLERS), "")
    if first in _TWO_WORDS and second.isalpha():
        return f"{first} {second}"
    return f"set {words[1]}" if first == "set" and len(words) > 1 and words[1] in _SETTINGS else first


def _setting(statement: Statement) -> Iterator[Effect]:
    """Return the name of what a PRAGMA or SET changes, as a kind of its own, so that rules can tell one from another."""
    first, *words = [word.lower() for word in statement.words]
    if first == "pragma" and words[1:2] == ["."]:  # the schema comes first
        words = words[2:]
    if words and (first == "pragma" or (first == "set" and words[0] in _SETTINGS)):
        line, column = statement.places.of(statement.tokens[0].start)
        yield Effect(Kind.QUERY, f"{first} {words[0]}", "", line, column)


def _explained(statement: Statement) -> str:
    """Return the statement that an EXPLAIN explains, which its ANALYZE runs, or that a PREPARE keeps to be run."""
    start = next(token.start for token in statement.tokens if token.text.upper() in _EXPLAINED)
    return statement.source[start : statement.tokens[-1].end + 1]

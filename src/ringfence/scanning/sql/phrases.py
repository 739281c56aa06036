"""Statements that reach beyond the database by their words and not by a function: `COPY ... FROM PROGRAM`, `INTO OUTFILE`, `ATTACH`.

It works on tokens, since sqlglot knows some of these only in part. The one idea: each phrase is a row of words and of what the string
after them is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlglot import Token, TokenType

from ringfence.scanning.effects import Effect, Kind, Language
from ringfence.scanning.sql.calls import SQL_TEXT, arguments, procedure_effects, reached
from ringfence.scanning.sql.functions import Reach
from ringfence.scanning.sql.reading import STRINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.sql.reading import Statement


class Phrase(NamedTuple):
    """Words in a row, and what they do to the string that follows.

    Arguments:
        first: the words a statement begins with, one of them; empty for any.
        words: the words right before the string.
        name: what the effect is called.
        reach: what is done to the string.

    """

    first: tuple[str, ...]
    words: tuple[str, ...]
    name: str
    reach: Reach


_READ, _WRITE, _NATIVE, _CONNECT = (
    Reach(Kind.READ),
    Reach(Kind.WRITE),
    Reach(Kind.NATIVE),
    Reach(Kind.CONNECT),
)
_RUN = Reach(Kind.RUN, 0, Language.SHELL)
_WAIT = Reach(Kind.RESOURCE)

PHRASES = (
    Phrase((), ("INTO", "OUTFILE"), "into outfile", _WRITE),
    Phrase((), ("INTO", "DUMPFILE"), "into dumpfile", _WRITE),
    Phrase(("LOAD",), ("INFILE",), "load data", _READ),
    Phrase(("COPY",), ("FROM", "PROGRAM"), "copy program", _RUN),
    Phrase(("COPY",), ("TO", "PROGRAM"), "copy program", _RUN),
    Phrase(("COPY",), ("FROM",), "copy", _READ),
    Phrase(("COPY",), ("TO",), "copy", _WRITE),
    Phrase(("BULK",), ("FROM",), "bulk insert", _READ),
    Phrase((), ("OPENROWSET", "(", "BULK"), "openrowset", _READ),
    Phrase(("BACKUP", "RESTORE"), ("DISK", "="), "backup", _WRITE),
    Phrase(("BACKUP", "RESTORE"), ("URL", "="), "backup", _CONNECT),
    Phrase(("ATTACH",), ("ATTACH",), "attach", _WRITE),
    Phrase(("ATTACH",), ("DATABASE",), "attach", _WRITE),
    Phrase(("ATTACH",), ("EXISTS",), "attach", _WRITE),
    Phrase(("VACUUM",), ("INTO",), "vacuum into", _WRITE),
    Phrase(("EXPORT",), ("DATABASE",), "export database", _WRITE),
    Phrase(("IMPORT",), ("DATABASE",), "import database", _READ),
    Phrase(("PREPARE",), ("FROM",), "prepare", SQL_TEXT),
    Phrase(("EXPORT",), ("URI", "="), "export data", _WRITE),
    Phrase(("UNLOAD",), ("TO",), "unload", _WRITE),
    Phrase((), ("SONAME",), "soname", _NATIVE),
    Phrase(("LOAD", "INSTALL"), ("LOAD",), "load", _NATIVE),
    Phrase(("LOAD", "INSTALL"), ("INSTALL",), "install", _NATIVE),
    Phrase(("WAITFOR",), ("DELAY",), "waitfor", _WAIT),
    Phrase(("WAITFOR",), ("TIME",), "waitfor", _WAIT),
    Phrase(("ADD",), ("JAR",), "add jar", _NATIVE),
    Phrase(("CREATE", "ALTER"), ("CONNECTION",), "connection", _CONNECT),
)  # fmt: skip
_FOREIGN_LANGUAGES = frozenset(
    {
        "C",
        "INTERNAL",
        "PLPYTHONU",
        "PLPYTHON2U",
        "PLPYTHON3U",
        "PLPERLU",
        "PLTCLU",
        "PLSH",
        "PLRUBYU",
        "PLJAVAU",
        "PLR",
        "PLV8U",
        "JAVA",
        "EXTERNAL",
    }
)
"""Languages in which a function may do whatever the database's process may."""
_LAST_WORDS = frozenset(phrase.words[-1] for phrase in PHRASES)
_RUNS = frozenset({"EXEC", "EXECUTE"})
_BLOCKS = frozenset({"DO", "BEGIN", "DECLARE"})


def phrase_effects(statement: Statement, dialect: str, budget: Budget) -> Iterator[Effect]:
    """Return an effect for each phrase that reaches beyond the database, and for text that is run as SQL."""
    tokens = statement.tokens
    first = tokens[0].text.upper()
    budget.spend(len(tokens))
    for number, token in enumerate(tokens):
        if token.token_type in STRINGS:
            yield from _before_string(statement, first, number)
        elif token.text.upper() in _RUNS and token.token_type is not TokenType.IDENTIFIER:
            yield from _run(statement, number, dialect, budget)
        elif token.text.upper() == "LANGUAGE" and first == "CREATE":
            yield from _foreign(statement, number)
    if tokens[0].token_type is not TokenType.IDENTIFIER:
        yield from procedure_effects(statement, 0, dialect, budget)
    if (
        first in {"LOAD", "INSTALL"}
        and len(tokens) > 1
        and tokens[1].token_type not in STRINGS
        and tokens[1].text.upper() not in {"DATA", "XML"}
    ):
        yield reached(statement, tokens[1], first.lower(), _NATIVE, [tokens[1].text])


def _before_string(statement: Statement, first: str, number: int) -> Iterator[Effect]:
    """Return what the words before a string say is done with it; the longest phrase counts."""
    before = [token.text.upper() for token in statement.tokens[max(0, number - 3) : number]]
    if not before or before[-1] not in _LAST_WORDS:
        return
    for phrase in PHRASES:
        fits = tuple(before[-len(phrase.words) :]) == phrase.words
        if fits and (not phrase.first or first in phrase.first):
            yield reached(
                statement,
                statement.tokens[number],
                phrase.name,
                phrase.reach,
                [statement.tokens[number].text],
            )
            return


def _run(statement: Statement, number: int, dialect: str, budget: Budget) -> Iterator[Effect]:
    """Return the effects of `EXEC procedure`, `EXEC('sql')` and `EXECUTE IMMEDIATE 'sql'`."""
    tokens = statement.tokens
    after = number + 1
    if after < len(tokens) and tokens[after].text.upper() == "IMMEDIATE":
        after += 1
    if after >= len(tokens):
        return
    opening = tokens[after]
    if opening.token_type is TokenType.L_PAREN:
        yield reached(statement, tokens[number], "execute", SQL_TEXT, ["".join(arguments(tokens, after + 1))])
    elif opening.token_type in STRINGS or after > number + 1:
        yield reached(statement, tokens[number], "execute", SQL_TEXT, ["".join(arguments(tokens, after))])
    else:
        yield from procedure_effects(statement, _after_result(tokens, after), dialect, budget)


def _after_result(tokens: tuple[Token, ...], start: int) -> int:
    """Return where the procedure's name starts: `EXEC @result = procedure` names a variable first."""
    signs = [number for number in range(start, min(start + 4, len(tokens))) if tokens[number].text == "="]
    return signs[0] + 1 if signs and tokens[start].text.startswith("@") else start


def _foreign(statement: Statement, number: int) -> Iterator[Effect]:
    tokens = statement.tokens
    language = tokens[number + 1] if number + 1 < len(tokens) else None
    if language is not None and language.text.upper() in _FOREIGN_LANGUAGES:
        yield reached(statement, language, "create function", Reach(Kind.NATIVE), [language.text.lower()])


def block_effects(statement: Statement) -> Iterator[Effect]:
    """Return the code of a `DO` block, to be analysed as SQL of its own."""
    if statement.tokens[0].text.upper() == "DO":
        for token in statement.tokens[1:]:
            if token.token_type in STRINGS:
                body = _body(token.text)
                yield reached(statement, token, "do", Reach(Kind.EVALUATE, 0, Language.SQL), [body])


def _body(text: str) -> str:
    """Return what stands between `BEGIN` and `END` in a block."""
    upper = text.upper()
    begin, end = upper.find("BEGIN"), upper.rfind("END")
    return text[begin + 5 : end] if 0 <= begin < end else text

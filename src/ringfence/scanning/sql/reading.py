"""From text to tokens and trees with sqlglot, within limits: how deep a statement nests, how many tokens it has, which texts it is.

Nothing here says what a statement does. The one idea: sqlglot is asked for one statement at a time, so that a statement which it does
not know leaves those around it understood.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from ringfence.scanning.effects import Unscannable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.scanning.effects import Budget

_DEEPEST = 60
_DEEPEST_TYPE = 5
"""sqlglot tries a type with arguments in two ways, which doubles the work at each level."""
_STEPS_A_TOKEN = 8
_MOST_COMMANDS = 4
_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
STRINGS = frozenset(
    {
        TokenType.STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.BYTE_STRING,
    }
)


class Statement(NamedTuple):
    """One statement of a source.

    Arguments:
        tokens: its tokens, without the semicolon; a command's text is taken apart too.
        tree: what sqlglot makes of it; None where it cannot make sense of it.
        source: the text of the whole source.
        places: line and column of each offset of the source.

    """

    tokens: tuple[Token, ...]
    tree: exp.Expression | None
    source: str
    places: Places

    @property
    def words(self) -> tuple[str, ...]:
        """Its first tokens in upper case."""
        return tuple(token.text.upper() for token in self.tokens[:6])


class Places:
    """Where the lines of a source begin, to turn an offset into line (from 1) and column (from 0)."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(offset + 1 for offset, c in enumerate(text) if c == "\n")]

    def of(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1]


class Reading(NamedTuple):
    """A source as one database reads it."""

    dialect: str
    statements: tuple[Statement, ...]
    comments: tuple[str, ...]

    @property
    def understood(self) -> bool:
        """Whether every statement has a tree."""
        return all(statement.tree is not None for statement in self.statements)


def read(text: str, dialect: str, budget: Budget) -> Reading:
    """Return a source taken apart as one database reads it.

    Raises:
        Unscannable: it has no tokens of that database, or nests too deep.

    """
    tokens = _tokens(text, dialect)
    budget.spend(_STEPS_A_TOKEN * len(tokens))
    places = Places(text)
    statements = []
    for part in _parted(tokens):
        _refuse_depth(part, dialect)
        expanded = _expanded(part, text, dialect)
        _refuse_depth(expanded, dialect)
        statements.append(Statement(tuple(expanded), _tree(part, text, dialect), text, places))
    return Reading(dialect, tuple(statements), tuple(c for token in tokens for c in token.comments))


def _tokens(text: str, dialect: str) -> list[Token]:
    try:
        return _dialect(dialect).tokenize(text)
    except SqlglotError as error:
        raise Unscannable("unparsed", "it is no SQL: a string or comment does not end") from error


@lru_cache(maxsize=64)
def _dialect(name: str) -> Dialect:
    return Dialect.get_or_raise(name or None)


def _parted(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _refuse_depth(tokens: Sequence[Token], dialect: str) -> None:
    """Refuse what nests deeper than people write: the parser recurses, and in places takes twice as long for each level."""
    types = _dialect(dialect).parser_class.TYPE_TOKENS
    opened: list[bool] = []
    typed = prefixes = 0
    for number, token in enumerate(tokens):
        if token.token_type in _OPENING:
            is_type = number > 0 and tokens[number - 1].token_type in types
            opened.append(is_type)
            typed += is_type
        elif token.token_type in _CLOSING and opened:
            typed -= opened.pop()
        prefixes = prefixes + 1 if token.token_type in _PREFIXES else 0
        if len(opened) > _DEEPEST or typed > _DEEPEST_TYPE or prefixes > _DEEPEST:
            line, column = token.line, max(0, token.col - len(token.text))
            raise Unscannable("too-deep", "the statement nests too deep: write it flatter", line, column)


_PREFIXES = frozenset({TokenType.NOT, TokenType.DASH, TokenType.TILDE, TokenType.PLUS})


def _expanded(tokens: list[Token], text: str, dialect: str) -> list[Token]:
    """Return the tokens with the text of a command, which sqlglot keeps as one string, taken apart as well."""
    found = list(tokens)
    for _ in range(_MOST_COMMANDS):
        if not _ends_in_command(found, dialect):
            return found
        rest = found.pop()
        try:
            inner = _tokens(rest.text, dialect)
        except Unscannable:
            return [*found, rest]
        shift = max(0, text.find(rest.text, found[-1].end))
        found += [_shifted(token, shift, rest) for token in inner]
    raise Unscannable("too-deep", "it holds commands within commands: write it plainly", tokens[0].line)


def _ends_in_command(tokens: Sequence[Token], dialect: str) -> bool:
    commands = _dialect(dialect).tokenizer_class.COMMANDS
    return len(tokens) > 1 and tokens[-2].token_type in commands and tokens[-1].token_type is TokenType.STRING


def _shifted(token: Token, shift: int, place: Token) -> Token:
    start, end = token.start + shift, token.end + shift
    return Token(token.token_type, token.text, place.line, place.col, start, end, token.comments)


def _tree(tokens: list[Token], text: str, dialect: str) -> exp.Expression | None:
    quiet = _QUIET.set(True)
    try:
        trees = _dialect(dialect).parser().parse(tokens, text)
    except SqlglotError:
        return None
    except RecursionError as error:
        raise Unscannable(
            "too-deep", "the statement nests too deep: write it flatter", tokens[0].line
        ) from error
    finally:
        _QUIET.reset(quiet)
    tree = trees[0] if len(trees) == 1 else None
    return tree if isinstance(tree, exp.Expression) else None


_QUIET: ContextVar[bool] = ContextVar("_QUIET", default=False)
logging.getLogger("sqlglot").addFilter(lambda record: not _QUIET.get())  # noqa: ARG005 - the signature of a filter

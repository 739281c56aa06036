"""Calls of functions and procedures in the tokens of a statement, with their arguments as far as they are constant.

It works on tokens, so that it sees calls also where sqlglot cannot make a tree. The one idea: a name followed by a parenthesis is a
call in every database, and what is constant in its arguments can be put together: `'/etc/' || 'passwd'`, `CHAR(47, 101)`, `0x2f`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import Token, TokenType

from ringfence.scanning.effects import HOLE, Effect, Kind, Language, Trait
from ringfence.scanning.sql.functions import REACHES, Reach
from ringfence.scanning.sql.reading import STRINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence.scanning.effects import Budget
    from ringfence.scanning.sql.reading import Statement

_MOST_ARGUMENT_TOKENS = 200
_CHARACTERS = frozenset({"CHAR", "CHR", "NCHAR"})
_JOINING = frozenset({"||", "+", ",", "(", ")", "CONCAT", "CONCAT_WS", "CAST"})
_MOST_CODE_POINT = 0x10FFFF


def call_effects(statement: Statement, dialect: str, budget: Budget) -> Iterator[Effect]:
    """Return an effect for each call that reaches beyond the database."""
    tokens = statement.tokens
    for number, token in enumerate(tokens):
        if token.token_type is not TokenType.L_PAREN or number == 0:
            continue
        name, reach = _reach(tokens, number - 1, dialect)
        if reach is not None:
            budget.spend(_MOST_ARGUMENT_TOKENS)
            yield reached(statement, tokens[number - 1], name, reach, arguments(tokens, number + 1))


def procedure_effects(statement: Statement, start: int, dialect: str, budget: Budget) -> Iterator[Effect]:
    """Return the effect of a procedure that is called without parentheses, as in `EXEC xp_cmdshell 'x'`; its name starts at an index."""
    tokens = statement.tokens
    end = start
    while end < len(tokens) - 1 and tokens[end + 1].token_type is TokenType.DOT:
        end += 2 if end + 2 < len(tokens) and tokens[end + 2].token_type is not TokenType.DOT else 1
    if end >= len(tokens) or (end + 1 < len(tokens) and tokens[end + 1].token_type is TokenType.L_PAREN):
        return
    name, reach = _reach(tokens, end, dialect)
    if reach is not None:
        budget.spend(_MOST_ARGUMENT_TOKENS)
        yield reached(statement, tokens[end], name, reach, arguments(tokens, end + 1))


def _reach(tokens: Sequence[Token], number: int, dialect: str) -> tuple[str, Reach | None]:
    name = tokens[number].text.lower()
    qualified = name
    if number > 1 and tokens[number - 1].token_type is TokenType.DOT:
        qualified = f"{tokens[number - 2].text.lower()}.{name}"
    for known in (qualified, name):
        reach = REACHES.get(known)
        if reach is not None and (not reach.dialects or dialect in reach.dialects):
            return known, reach
    return name, None


def reached(statement: Statement, token: Token, name: str, reach: Reach, values: Sequence[str]) -> Effect:
    """Return the effect of a call with its arguments; what is not given counts as unknown."""
    value = values[reach.argument] if reach.argument < len(values) else ""
    line, column = statement.places.of(token.start)
    known = bool(value) and HOLE not in value
    kind, sends = _through(reach.kind, value)
    return Effect(
        kind,
        name,
        value,
        line,
        column,
        line,
        column + len(token.text),
        traits=sends if known else sends | {Trait.UNRESOLVED},
        nested=(reach.nested, value) if reach.nested is not None and known else None,
    )


def _through(kind: Kind, value: str) -> tuple[Kind, frozenset[Trait]]:
    """Return what reading or writing comes to where what is named is no file but an address, such as a bucket."""
    scheme, divider, _ = value.partition("://")
    if not divider or scheme.lower() == "file" or kind not in {Kind.READ, Kind.WRITE}:
        return kind, frozenset()
    return Kind.CONNECT, frozenset({Trait.SENDS}) if kind is Kind.WRITE else frozenset()


def arguments(tokens: Sequence[Token], start: int) -> list[str]:
    """Return the arguments that begin at an index, each put together as far as it is constant."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[start : start + _MOST_ARGUMENT_TOKENS]:
        if token.token_type is TokenType.L_PAREN:
            depth += 1
        elif token.token_type is TokenType.R_PAREN:
            depth -= 1
            if depth < 0:
                break
        if token.token_type is TokenType.COMMA and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return [folded(argument) for argument in found]


def folded(tokens: Sequence[Token]) -> str:
    """Return the text that an expression of constants comes to, with a hole for each part that is not constant."""
    parts: list[str] = []
    characters = 0
    depth = 0
    for number, token in enumerate(tokens):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if token.text.upper() in _CHARACTERS and token.token_type not in STRINGS:
            characters = depth + 1
            continue
        if characters and depth < characters and token.token_type is TokenType.R_PAREN:
            characters = 0
            continue
        parts.append(_constant(token, is_character=bool(characters), named=_is_named(tokens, number)))
    return "".join(parts)


def _is_named(tokens: Sequence[Token], number: int) -> bool:
    """Return whether a token is the name or sign of a named argument: `@command = 'x'`, `url => 'x'`."""
    following = tokens[number + 1].text if number + 1 < len(tokens) else ""
    return (
        tokens[number].text == "@"
        or tokens[number].text in {"=", "=>", ":="}
        or following in {"=", "=>", ":="}
    )


def _constant(token: Token, *, is_character: bool, named: bool) -> str:
    if token.token_type in STRINGS:
        return token.text
    if token.token_type is TokenType.HEX_STRING:
        return _from_hex(token.text)
    if token.token_type is TokenType.NUMBER:
        code = int(token.text) if is_character and token.text.isdecimal() and len(token.text) <= 7 else -1  # noqa: PLR2004 - digits of the largest code point
        return chr(code) if 0 <= code <= _MOST_CODE_POINT else token.text
    return "" if named or token.text.upper() in _JOINING else HOLE


def _from_hex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode("utf-8", "replace")
    except ValueError:
        return HOLE


SQL_TEXT = Reach(Kind.EVALUATE, 0, Language.SQL)
"""Text that a statement runs as SQL."""

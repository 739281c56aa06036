"""Tests of single values: of a type, in a list, fitting a pattern, in a folder, of a host, described by a schema.

Each function makes one test ahead, when the policy is loaded; what the test needs is imported there and then. The one idea: a test says yes, no, or
None where it cannot tell (a list has no host, and an address may be read in two ways), so that whoever asks can be careful in the right direction. Only
values of exactly the built-in types are read, so that no method of a value can answer for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from math import isfinite
from pathlib import Path, PosixPath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import TYPE_CHECKING

from ringfence.policy.match import compiled
from ringfence.policy.model import ValueType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence.policy.model import SqlRule

Test = Callable[[object], "bool | None"]
"""Whether a value passes; None where that cannot be told."""

_NUMBERS = (int, float)
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_PATHS = (PosixPath, PurePosixPath, PureWindowsPath, WindowsPath)
_KINDS: dict[ValueType, tuple[type, ...]] = {
    ValueType.TEXT: (str,),
    ValueType.NUMBER: _NUMBERS,
    ValueType.INTEGER: (int,),
    ValueType.BOOLEAN: (bool,),
    ValueType.LIST: (list, tuple),
    ValueType.MAPPING: (dict,),
    ValueType.NOTHING: (type(None),),
}
_MOST_SQL = 100 * 1024


def of_type(kind: ValueType) -> Test:
    """Test whether a value is of a kind."""
    kinds = _KINDS[kind]
    return lambda value: type(value) in kinds


def one_of(values: Iterable[object]) -> Test:
    """Test whether a value is one of these. The type is part of it: True is not 1, and of 1.0 it cannot be told whether 1 is meant."""
    known = frozenset((type(value), value) for value in values)
    types = frozenset(kind for kind, _ in known)
    return lambda value: (type(value), value) in known if type(value) in types else None


def none_of(values: Iterable[object]) -> Test:
    """Test whether a value is none of these, but of the type of one of them."""
    test = one_of(values)

    def other(value: object) -> bool | None:
        found = test(value)
        return None if found is None else not found

    return other


def matches(pattern: str) -> Test:
    """Test whether a text fits a shell-style pattern as a whole."""
    match = compiled(pattern).match
    return lambda value: match(value) is not None if type(value) is str else None


def fits_expression(expression: str) -> Test:
    """Test whether a text fits a regular expression as a whole, by an engine that takes linear time: Rust's `regex`, inside pydantic-core.

    Raises:
        ValueError: it cannot be understood, or asks for what such an engine has not; the message says what.

    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # noqa: PLC0415 - only a policy that uses it pays for it

    def validator(pattern: str) -> SchemaValidator:
        return SchemaValidator(
            core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True)
        )

    try:
        validator(expression)  # by itself, so that `a)|(b` cannot leave the group that is put around it
        fits = validator(rf"\A(?:{expression})\z").isinstance_python
    except SchemaError as error:
        lines = [line.partition("error: ")[2] for line in str(error).splitlines() if "error: " in line]
        raise ValueError(lines[0] if lines else "it is too large when it is compiled") from None
    return lambda value: fits(value) if type(value) is str and _is_unicode(value) else None


def _is_unicode(value: str) -> bool:
    """Return whether a text has no lone surrogates, with which it cannot be handed to the engine."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def at_least(bound: float) -> Test:
    """Test whether a number is not smaller. Of NaN nothing can be told."""
    return lambda value: value >= bound if type(value) in _NUMBERS and value == value else None  # type: ignore[operator]  # noqa: PLR0124 - only NaN is not equal to itself


def at_most(bound: float) -> Test:
    """Test whether a number is not larger."""
    return lambda value: value <= bound if type(value) in _NUMBERS and value == value else None  # type: ignore[operator]  # noqa: PLR0124 - likewise


def at_least_long(bound: int) -> Test:
    """Test whether a value has at least so many characters or items."""
    return lambda value: len(value) >= bound if type(value) in _SIZED else None  # type: ignore[arg-type]


def at_most_long(bound: int) -> Test:
    """Test whether a value has at most so many characters or items."""
    return lambda value: len(value) <= bound if type(value) in _SIZED else None  # type: ignore[arg-type]


def within(folders: Iterable[str], folder: str | Path | None) -> Test:
    """Test whether a path is in one of the folders, which themselves start at the policy's own."""
    from ringfence.scanning.paths.files import contains, may_reach, resolve  # noqa: PLC0415 - as above

    base = Path(folder or ".")
    places = tuple(str(base / os.path.expanduser(each)) for each in folders)  # noqa: PTH111 - pathlib raises for users that do not exist

    def inside(value: object) -> bool | None:
        path = value if type(value) is str else str(value) if type(value) in _PATHS else None
        if path is None:
            return None
        # Whether a tool takes `~` for the home folder or for a name is not known, so it has to be inside either way.
        read = (path, f"./{path}") if path.startswith("~") else (path,)
        if all(contains(places, each) for each in read):
            return True
        doubtful = any(resolve(each) is None or may_reach(places, each) for each in read)
        return None if doubtful else False

    return inside


def of_host(hosts: tuple[str, ...]) -> Test:
    """Test whether a text names one of the hosts, alone or in a URL. Where clients would go to different hosts, it cannot be told."""
    from ringfence.scanning.urls import host_of  # noqa: PLC0415 - as above
    from ringfence.scanning.urls import within as covered  # noqa: PLC0415 - likewise
    from ringfence.scanning.urls.parsing import parsed  # noqa: PLC0415 - likewise

    def named(value: object) -> bool | None:
        if type(value) is not str or not host_of(value):
            return None
        url = parsed(value)
        if url.scheme == "file":  # some clients read a file of this machine, others ask that host for it
            return None
        return covered(hosts, value) or (None if url.hidden else False)

    return named


def holds_only(rule: SqlRule) -> Test:
    """Test whether SQL holds no other kinds of statement, tables and columns than those of a rule. What no parser understands cannot be told."""
    from ringfence.scanning.effects import Language  # noqa: PLC0415 - as above
    from ringfence.scanning.limits import Limits, beyond  # noqa: PLC0415 - likewise
    from ringfence.scanning.scanner import scan  # noqa: PLC0415 - likewise

    limits = Limits(rule.statements, rule.tables, rule.columns)

    def only(value: object) -> bool | None:
        if type(value) is not str:
            return None
        report = scan(value, Language.SQL, dialect=rule.dialect, most_bytes=_MOST_SQL)
        return None if report.problem is not None else not any(beyond(report, limits))

    return only


def is_finite(value: object) -> bool:
    """Return whether a value is no infinity and not NaN, which JSON does not have."""
    return type(value) is not float or isfinite(value)

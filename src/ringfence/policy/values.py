"""Tests of single values: of a type, in a list, fitting a pattern, in a folder, of a host, described by a schema.

Each function makes one test ahead, when the policy is loaded; what the test needs is imported there and then. Only values of exactly the built-in
types pass, so that no method of a value can answer for it, and any doubt fails.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.errors import PolicyError
from ringfence.policy.match import compiled
from ringfence.policy.model import ValueType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Test = Callable[[object], bool]

_NUMBERS = (int, float)
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)
_KINDS: dict[ValueType, tuple[type, ...]] = {
    ValueType.TEXT: (str,),
    ValueType.NUMBER: _NUMBERS,
    ValueType.INTEGER: (int,),
    ValueType.BOOLEAN: (bool,),
    ValueType.LIST: (list, tuple),
    ValueType.MAPPING: (dict,),
    ValueType.NOTHING: (type(None),),
}
_MOST_SCHEMA = 1 << 20


def of_type(kind: ValueType) -> Test:
    """Return whether a value is of a kind."""
    kinds = _KINDS[kind]
    return lambda value: type(value) in kinds


def one_of(values: Iterable[object]) -> Test:
    """Return whether a value is one of these. The type is part of it: True is not 1, and 1.0 is not 1."""
    known = frozenset((type(value), value) for value in values)
    types = frozenset(kind for kind, _ in known)
    return lambda value: type(value) in types and (type(value), value) in known


def none_of(values: Iterable[object]) -> Test:
    """Return whether a plain value is none of these."""
    test = one_of(values)
    plain = (str, int, float, bool, type(None))
    return lambda value: type(value) in plain and not test(value)


def matches(pattern: str) -> Test:
    """Return whether a text fits a shell-style pattern as a whole."""
    match = compiled(pattern).match
    return lambda value: type(value) is str and match(value) is not None


def fits_expression(expression: str) -> Test:
    """Return whether a text fits a regular expression as a whole, by an engine that takes linear time (Rust's `regex`, inside pydantic-core).

    Raises:
        PolicyError: it cannot be understood, or asks for what such an engine has not.

    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema  # noqa: PLC0415 - only a policy that uses it pays for it

    schema = core_schema.str_schema(pattern=rf"\A(?:{expression})\z", regex_engine="rust-regex", strict=True)
    try:
        fits = SchemaValidator(schema).isinstance_python
    except SchemaError as error:
        why = next(
            (line.split("error: ")[1] for line in str(error).splitlines() if "error: " in line),
            "it is too large",
        )
        raise PolicyError(
            f"the regular expression cannot be used: {why}",
            "Use one without look-around and back-references.",
        ) from None
    return lambda value: type(value) is str and _is_text(value) and fits(value)


def _is_text(value: str) -> bool:
    """Return whether a text is Unicode: one with lone surrogates cannot be handed to the engine."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def at_least(bound: float) -> Test:
    """Return whether a number is not smaller. NaN compares false with everything, and so fails."""
    return lambda value: type(value) in _NUMBERS and value >= bound  # type: ignore[operator]


def at_most(bound: float) -> Test:
    """Return whether a number is not larger."""
    return lambda value: type(value) in _NUMBERS and value <= bound  # type: ignore[operator]


def at_least_long(bound: int) -> Test:
    """Return whether a value has at least so many characters or items."""
    return lambda value: type(value) in _SIZED and len(value) >= bound  # type: ignore[arg-type]


def at_most_long(bound: int) -> Test:
    """Return whether a value has at most so many characters or items."""
    return lambda value: type(value) in _SIZED and len(value) <= bound  # type: ignore[arg-type]


def within(folders: Iterable[str], folder: str | Path | None) -> Test:
    """Return whether a text is certainly a path in one of the folders, which themselves start at the policy's own."""
    from ringfence.scanning.paths.files import contains  # noqa: PLC0415 - as above

    base = Path(folder or ".")
    places = tuple(str(base / os.path.expanduser(each)) for each in folders)  # noqa: PTH111 - pathlib raises for users that do not exist
    return lambda value: type(value) is str and contains(places, value)


def of_host(hosts: tuple[str, ...]) -> Test:
    """Return whether a text certainly names one of the hosts, alone or in a URL."""
    from ringfence.scanning.urls import within as covered  # noqa: PLC0415 - as above

    return lambda value: type(value) is str and covered(hosts, value)


def described_by(file: str, folder: str | Path | None) -> Test:
    """Return whether a JSON Schema describes a value.

    Raises:
        PolicyError: the file cannot be read, is no schema, or refers to another one.

    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - as above
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415 - likewise
    from referencing import Registry  # noqa: PLC0415 - likewise
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - likewise

    schema = _schema_in(Path(folder or ".") / os.path.expanduser(file), file)  # noqa: PTH111 - as above
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise PolicyError(f"the JSON Schema {file} is none: {error.message}", "Correct it.") from None
    validator = Draft202012Validator(schema, registry=Registry())  # it fetches nothing

    def test(value: object) -> bool:
        try:
            return bool(validator.is_valid(_plain(value, 0)))
        except (Unresolvable, RecursionError, ValueError):
            return False

    try:
        validator.is_valid(None)
    except Unresolvable as error:
        raise PolicyError(
            f"the JSON Schema {file} refers to {error.ref}, which is not in it", "Put it there, under $defs."
        ) from None
    except RecursionError:
        raise PolicyError(f"the JSON Schema {file} never ends", "Correct its references.") from None
    return test


def _schema_in(path: Path, told: str) -> Any:
    import json  # noqa: PLC0415 - as above

    try:
        if path.stat().st_size > _MOST_SCHEMA:
            raise PolicyError(f"the JSON Schema {told} is larger than 1 MiB", "Use a smaller one.")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise PolicyError(
            f"the JSON Schema {told} cannot be read: {why}",
            "A relative path starts at the policy file's folder.",
        ) from None


def _plain(value: object, depth: int) -> object:
    """Return a value of JSON's own types; tuples become lists.

    Raises:
        ValueError: it holds something else.

    """
    kind = type(value)
    if value is None or kind in (str, int, float, bool):
        return value
    if depth < _DEEPEST and kind in (list, tuple):
        return [_plain(item, depth + 1) for item in value]  # type: ignore[attr-defined]
    if depth < _DEEPEST and kind is dict and all(type(key) is str for key in value):  # type: ignore[attr-defined]
        return {key: _plain(item, depth + 1) for key, item in value.items()}  # type: ignore[attr-defined]
    raise ValueError("no plain value")


_DEEPEST = 64

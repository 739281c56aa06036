"""JSON Schemas that argument rules name: read within bounds, made into tests, and told for the policy's version.

The validator is `jsonschema_rs`: its expressions run in linear time and comparing items takes no quadratic one, so that no value can hang the gate, which
the `jsonschema` package's would. The one idea: a schema is one file, and nothing is fetched.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence.policy.values import is_finite
from ringfence.policy.walk import argument_rules_of

if TYPE_CHECKING:
    from ringfence.policy.model import Policy
    from ringfence.policy.values import Test

_MOST_BYTES = 1024 * 1024
_DEEPEST = 64
_MOST_VALUES = 100_000
_SAY_NOTHING = frozenset(
    {"$schema", "$id", "$defs", "definitions", "$comment", "$anchor", "title", "description", "default"}
    | {"examples", "deprecated", "readOnly", "writeOnly"}
)
"""The keywords of a schema that let every value through."""


def described_by(file: str, folder: str | Path | None) -> Test:
    """Test whether a JSON Schema describes a value. Of what JSON has not (other objects, NaN) it cannot be told.

    Arguments:
        file: the schema's file; draft 2020-12, or the one that its `$schema` names.
        folder: where a relative path starts; None: the current folder.

    Raises:
        ValueError: it cannot be read, is no schema, refers to something outside of it, or describes every value; the message says what.

    """
    schema = _read(_path(file, folder))
    if not isinstance(schema, (dict, bool)):
        raise ValueError("it holds no schema, which is an object")  # noqa: TRY004 - all faults of a schema are told alike
    if _says_nothing(schema):
        raise ValueError("it describes every value")
    try:
        import jsonschema_rs  # noqa: PLC0415 - an extra, and 20 ms
    except ImportError:
        raise ValueError("it needs the extra: pip install 'ringfence[jsonschema]'") from None
    try:
        validator: Any = jsonschema_rs.validator_for(
            schema, offline=True, validate_formats=False, pattern_options=jsonschema_rs.RegexOptions()
        )
    except ValueError as error:
        raise ValueError(f"it is no schema that can be used: {str(error).splitlines()[0]}") from None

    def described(value: object) -> bool | None:
        try:
            return bool(validator.is_valid(_plain(value, 0, [_MOST_VALUES])))
        except ValueError:
            return None

    return described


def _says_nothing(schema: object) -> bool:
    if not isinstance(schema, dict):
        return schema is True
    return {key: value for key, value in schema.items() if key not in _SAY_NOTHING} in ({}, {"$ref": "#"})


def _path(file: str, folder: str | Path | None) -> Path:
    return Path(folder or ".") / os.path.expanduser(file)  # noqa: PTH111 - pathlib raises for users that do not exist


def _read(path: Path) -> object:
    import json  # noqa: PLC0415 - as above

    from ringfence.scanning.files import read_bytes  # noqa: PLC0415 - likewise

    try:
        content = read_bytes(str(path), _MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError("it is larger than 1 MiB")
        return json.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ValueError(f"it cannot be read: {(error.strerror or 'no file').lower()}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError("it holds no JSON") from None


def _plain(value: object, depth: int, left: list[int]) -> object:
    """Return a value of JSON's own types; tuples become lists.

    Raises:
        ValueError: it holds something else, nests deeper than 64 levels, or has more than 100,000 parts.

    """
    left[0] -= 1
    kind = type(value)
    if value is None or kind is bool or (kind in (str, int, float) and is_finite(value)):
        return value
    if depth < _DEEPEST and left[0] > 0:
        if kind in (list, tuple):
            return [_plain(item, depth + 1, left) for item in value]  # type: ignore[attr-defined]
        if kind is dict and all(type(key) is str for key in value):  # type: ignore[attr-defined]
            return {key: _plain(item, depth + 1, left) for key, item in value.items()}  # type: ignore[attr-defined]
    raise ValueError("no plain value")


def schemas_of(policy: Policy, folder: str | Path | None) -> list[tuple[str, str]]:
    """Return each file that a policy names as a JSON Schema, with its content; one that cannot be read is empty, and refused elsewhere."""
    names = sorted({rule.schema for _, rule in argument_rules_of(policy) if rule.schema is not None})
    found = []
    for name in names:
        content = ""
        with suppress(OSError, ValueError):
            content = _path(name, folder).read_text(encoding="utf-8")
        found.append((name, content))
    return found

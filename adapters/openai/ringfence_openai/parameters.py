"""What a tool's function takes, as a model may write it: `Parameters` coerces arguments and tells their JSON Schema.

Both come from the same pydantic type, made once for each tool from signature and annotations. Whether the names fit, with
`**kwargs` and defaults, is left to the guard, which binds them anyway. The one idea: coercion comes before the guard, so what
policy judges is what the function gets.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from functools import lru_cache, partial
from math import isfinite
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import to_jsonable_python
from typing_extensions import TypedDict  # pydantic takes the one of `typing` only from Python 3.12 on

from ringfence import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

    from ringfence import Tool

if sys.version_info >= (3, 14):
    # Reading annotations evaluates them there, which fails for names that are imported for type checkers only.
    from annotationlib import Format

    _read_signature = partial(inspect.signature, annotation_format=Format.FORWARDREF)
    _read_annotations = partial(inspect.get_annotations, format=Format.FORWARDREF)
else:
    _read_signature = inspect.signature
    _read_annotations = inspect.get_annotations

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_CONFIG = ConfigDict(extra="allow", allow_inf_nan=False)
_MOST_FAULTS = 5


class Parameters:
    """The arguments of one tool.

    Arguments:
        name: the tool's name, for errors.
        function: the tool's function.
        receiver: whether its first parameter is the object that a method is called on.

    Raises:
        ToolError: its annotations cannot be evaluated, or no value of such a type can be made from JSON.

    """

    def __init__(self, name: str, function: Callable[..., object], *, receiver: bool) -> None:
        self.name = name
        parameters = list(_read_signature(function).parameters.values())[1 if receiver else 0 :]
        self._named = [parameter for parameter in parameters if parameter.kind in _NAMED]
        self._more = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
        try:
            self._adapter = _adapter(name, self._named, _annotations(function))
        except Exception as error:  # evaluating an annotation can raise anything
            msg = f"the annotations of the tool {name!r} cannot be used: {type(error).__name__}: {error}"
            hint = "Annotate with types that exist when the tool runs, and that JSON can be turned into."
            raise ToolError(msg, hint) from error

    @property
    def only(self) -> str | None:
        """The parameter that the text of a custom tool call goes to: the only one, or the only one that must be given."""
        required = [parameter.name for parameter in self._named if _required(parameter)]
        names = required or [parameter.name for parameter in self._named]
        return names[0] if len(names) == 1 else None

    def coerce(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments as the types that the function declares. Names that do not fit stay in, for the guard to refuse.

        A number may come as text, since models write `"20"` for 20; a bool is never a number.

        Raises:
            TypeError: one has the wrong type. The message names it and what was expected, and quotes no value.

        """
        try:
            found: dict[str, object] = self._adapter.validate_json(json.dumps(arguments))
            if _holds_bool(arguments):
                written = to_jsonable_python(found, by_alias=True, bytes_mode="base64", fallback=str)
                _refuse_numbers_from_bools(arguments, written, ())
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise TypeError("; ".join(map(_told, faults[:_MOST_FAULTS]))) from error
        except TypeError:
            raise
        except Exception as error:  # a validator of the developer's own types can raise anything
            msg = f"they could not be checked: {type(error).__name__}"
            raise TypeError(msg) from error
        return found

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments.

        Raises:
            ToolError: JSON Schema cannot say one of the types.

        """
        try:
            schema = self._adapter.json_schema(schema_generator=_PlainSchema)
        except PydanticUserError as error:
            msg = f"JSON Schema cannot say what the tool {self.name!r} takes: {error.message}"
            raise ToolError(msg, "Annotate its parameters with types that JSON has.") from error
        required = [parameter.name for parameter in self._named if _required(parameter)]
        found = {"type": "object", "properties": schema["properties"], "required": required}
        types = {"$defs": schema["$defs"]} if "$defs" in schema else {}
        return found | {"additionalProperties": self._more} | types


@lru_cache(maxsize=1024)
def parameters_of(tool: Tool) -> Parameters | None:
    """Return the parameters of a tool, made at its first call; None where there is no function to read it from.

    Raises:
        ToolError: as `Parameters`.

    """
    if tool.function is None or tool.signature is None:
        return None
    return Parameters(tool.name, tool.function, receiver=tool.signature.receiver)


class _PlainSchema(GenerateJsonSchema):
    """Without the titles that pydantic makes of names: they tell a model nothing, and cost tokens at each request."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the overridden method's argument
        return False


def _required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _adapter(name: str, parameters: list[inspect.Parameter], types: Mapping[str, object]) -> TypeAdapter[Any]:
    fields = {p.name: _with_default(types.get(p.name, Any), p.default) for p in parameters}
    fields_type = TypedDict(name, fields, total=False)  # type: ignore[misc]  # its fields are known at run time only
    fields_type.__pydantic_config__ = _CONFIG  # type: ignore[attr-defined]
    return TypeAdapter(fields_type)


def _with_default(annotation: object, default: object) -> object:
    """Return the annotation with the default noted for the model, where JSON can say it. The guard fills it in."""
    if type(default) not in (str, int, float, bool, type(None)) or (
        type(default) is float and not isfinite(default)
    ):
        return annotation
    return Annotated[annotation, Field(json_schema_extra={"default": default})]  # type: ignore[dict-item]  # one of JSON's


def _annotations(function: Callable[..., object]) -> dict[str, Any]:
    """Return the evaluated annotations of the parameters; that of the result need not exist at run time."""
    bare: Any = inspect.unwrap(function)
    while isinstance(bare, partial):
        bare = inspect.unwrap(bare.func)
    if isinstance(bare, type):
        bare = bare.__init__  # type: ignore[misc]  # only read
    elif not hasattr(bare, "__globals__"):
        bare = type(bare).__call__
    written = {name: value for name, value in _read_annotations(bare).items() if name != "return"}
    holder = SimpleNamespace(__annotations__=written)
    return typing.get_type_hints(holder, globalns=getattr(bare, "__globals__", {}), include_extras=True)


def _holds_bool(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_bool, value.values()))
    return any(map(_holds_bool, value)) if isinstance(value, list) else type(value) is bool


def _refuse_numbers_from_bools(came: object, got: object, path: tuple[str | int, ...]) -> None:
    if type(came) is bool and type(got) is not bool:
        msg = f"{_path(path)}: Input should not be a bool"
        raise TypeError(msg)
    if isinstance(came, dict) and isinstance(got, dict):
        for key in came.keys() & got.keys():
            _refuse_numbers_from_bools(came[key], got[key], (*path, key))
    elif isinstance(came, list) and isinstance(got, list):
        for place, (one, other) in enumerate(zip(came, got, strict=False)):
            _refuse_numbers_from_bools(one, other, (*path, place))


def _told(fault: ErrorDetails) -> str:
    # What pydantic itself says quotes no value; what a validator of the developer says may.
    own = fault["type"] in ("value_error", "assertion_error")
    return f"{_path(fault['loc'])}: {'its own check refuses it' if own else fault['msg']}"


def _path(location: tuple[str | int, ...]) -> str:
    return (
        f"argument {'.'.join(str(part)[:80] for part in location)!r}" if location else "they cannot be read"
    )

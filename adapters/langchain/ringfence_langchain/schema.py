"""What a tool's function will get of arguments that are still as the model wrote them: for the callback, told before LangChain reads them.

The one idea: LangChain's own reading is asked, with the tool's own schema, aliases, validators and all. What LangChain hides from
callbacks (injected arguments) is stood in for by an object that cannot be used, so a result that hangs on it is refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from ringfence import Signature
from ringfence_langchain.binding import misfit
from ringfence_langchain.framework import AliasChoices, AliasPath, BaseModel, Field, get_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ringfence_langchain.binding import Binding
    from ringfence_langchain.framework import BaseTool

_CALL_ID = "unknown"


class SchemaSignature(Signature):
    """Binds raw arguments, as a model wrote them, to what the tool's function will get.

    Arguments:
        tool: the tool.
        binding: of its function.
        text: it is called with a bare text, which LangChain validates and then passes as it is.

    """

    __slots__ = ("_binding", "_text", "_tool")

    def __init__(self, tool: BaseTool, binding: Binding, *, text: bool = False) -> None:
        self._tool = tool
        self._binding = binding
        self._text = text

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> dict[str, object]:  # noqa: ARG002 - always by name
        """Return what the function will get, defaults included.

        Raises:
            TypeError: the schema refuses the arguments, or what the function will get hangs on what is hidden from callbacks.

        """
        try:
            raw = str(next(iter(kwargs.values()))) if self._text else _copied(dict(kwargs))
            got_args, got_kwargs = self._read(raw)
        except _Untold:
            raise
        except Exception as error:
            raise TypeError(misfit(error)) from error
        return self._binding.visible(got_args, got_kwargs)

    def _read(self, raw: Any) -> tuple[Sequence[object], dict[str, object]]:
        tool, schema = self._tool, self._tool.args_schema
        if isinstance(schema, type) and not self._text:
            fields: dict[str, Any] = get_fields(schema)
            absent = _filtered(tool, fields)
            shown = {
                key
                for name in fields
                if name not in self._binding.hidden
                for key in _keys(name, fields[name])
            }
            if _filtered(tool, shown):
                raise _Untold
            missing = tuple(name for name in fields if name in absent and name not in raw)
            if missing:
                tool = tool.model_copy(update={"args_schema": _without(schema, missing)})
                raw.update(dict.fromkeys(missing, _HIDDEN))
        # A copy of `secure_tools` has a reading of its own in the instance, which also records: the class has LangChain's.
        read = type(tool)._to_args_and_kwargs  # noqa: SLF001 - exactly what LangChain calls the function with
        return read(tool, raw, _CALL_ID)


class _Untold(TypeError):
    """What the function will get hangs on what LangChain hides from callbacks."""

    def __init__(self) -> None:
        super().__init__(
            "what the tool will get hangs on an argument that LangChain hides from callbacks: use secure_tools"
        )


class _Hidden:
    """Stands for an injected argument. A validator that asks it anything fails."""

    def _refuse(self, *_: object) -> NoReturn:
        raise _Untold

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):  # which copying and Pydantic look for
            raise AttributeError(name)
        raise _Untold

    __bool__ = __eq__ = __ne__ = __str__ = __repr__ = __len__ = __iter__ = __getitem__ = __contains__ = (
        _refuse
    )
    __class__ = property(_refuse)  # so `isinstance` fails too
    __hash__ = object.__hash__


_HIDDEN = _Hidden()


def _filtered(tool: BaseTool, names: Any) -> set[str]:
    """Return those of the names that LangChain does not tell callbacks."""
    return set(names) - set(tool._filter_injected_args(dict.fromkeys(names)))  # noqa: SLF001 - exactly what it leaves out


def _keys(name: str, field: Any) -> Iterator[str]:
    """Yield the names in the input that a field may be filled from."""
    yield name
    for alias in (field.alias, getattr(field, "validation_alias", None)):
        for choice in alias.choices if isinstance(alias, AliasChoices) else (alias,):
            first = choice.path[0] if isinstance(choice, AliasPath) else choice
            if first is not None:
                yield str(first)


@lru_cache(maxsize=512)
def _without(schema: Any, names: tuple[str, ...]) -> Any:
    """Return a schema that is the given one, but takes anything for some of its fields."""
    if not issubclass(schema, BaseModel):  # one of Pydantic 1, which asks every value for its type by itself
        raise _Untold
    schema.model_rebuild()
    space = {"__module__": schema.__module__, "__annotations__": dict.fromkeys(names, Any)}
    space.update((name, Field(alias=name)) for name in names)
    return type(schema)(schema.__name__, (schema,), space)


def _copied(value: Any) -> Any:
    """Return a value with containers of its own: a validator may change what it is given, and LangChain validates again."""
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple, set):
        return type(value)(_copied(item) for item in value)
    return value

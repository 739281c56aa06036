"""What the model is told about the tools: the `tools` of a request, written from the same signatures that check its calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from ringfence import ToolError, UnknownName
from ringfence_openai.parameters import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ringfence import Guard

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tool_definitions(
    guard: Guard, names: Iterable[str] | None = None, *, api: Literal["chat", "responses"] = "chat"
) -> list[dict[str, Any]]:
    """Return the registered tools in the form of a request's `tools`.

    Arguments:
        guard: whose tools.
        names: the tools to offer, in this order. None: all of them. What a caller may not call can be left out here; it is
            denied in any case.
        api: the API that the request goes to.

    Raises:
        UnknownName: no tool of that name is registered.
        ToolError: a tool has no function to read parameters from, its annotations cannot be used, or the API does not take
            its name.

    """
    return [_definition(guard, name, api) for name in (guard.tools if names is None else names)]


def _definition(guard: Guard, name: str, api: str) -> dict[str, Any]:
    if name not in guard.tools:
        raise UnknownName("tool", name, guard.tools, "tool_definitions")
    if not _NAME.fullmatch(name):
        msg = f"the API does not take the tool name {name!r}"
        raise ToolError(msg, "Register it under 1 to 64 letters, digits, `_` and `-`.")
    tool = guard.tools[name]
    parameters = parameters_of(tool)
    if parameters is None:
        msg = f"the tool {name!r} has no function here, so its parameters are not known"
        raise ToolError(msg, "Register its function, or write its definition by hand.")
    function = {"name": name, "description": tool.description, "parameters": parameters.schema()}
    if api == "chat":
        return {"type": "function", "function": function}
    # The Responses API makes schemas strict unless told not to, and strict ones have no optional parameters.
    return {"type": "function", **function, "strict": False}

"""The tools of one guard, by name. A tool is known by its registration: a name means one function, and no other can take it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ringfence.errors import ToolExists
from ringfence.tool import NO_REQUIREMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ringfence.tool import Tool


class Registry:
    """Registered tools by name."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self.tools: Mapping[str, Tool] = MappingProxyType(self._tools)

    def add(self, tool: Tool) -> Tool:
        """Register a tool.

        A module's own function may come again, as it does when the module is loaded anew. Other callables may not: two of them that
        were written at one place are two tools.

        Raises:
            ToolExists: the name belongs to another function, or to this one with other requirements.

        """
        existing = self._tools.get(tool.name)
        if existing is not None and existing.function is tool.function and not tool.asks:
            return existing  # the bare function of a guarded tool: what its decorator asks for stays
        self.refuse_taken(tool)
        self._tools[tool.name] = tool
        return tool

    def refuse_taken(self, tool: Tool) -> None:
        """Check that a tool's name does not belong to another function.

        Raises:
            ToolExists: it does.

        """
        existing = self._tools.get(tool.name)
        if existing is None or existing is tool:
            return
        same = existing.function is tool.function
        if (
            same
            and tool.function is not None
            and tool.requirements in (existing.requirements, NO_REQUIREMENTS)
        ):
            return
        if same or not (existing.reloadable and tool.reloadable and existing.origin == tool.origin):
            raise ToolExists(tool.name, existing.origin)

"""All that this adapter takes from LangChain and LangGraph, imported in one place.

The other modules take these names from here. Where the frameworks are missing or too old, every import of the package ends
here, with the command that installs them.
"""

from __future__ import annotations

from ringfence.errors import AdapterUnavailable

try:
    from langchain.agents.middleware.types import AgentMiddleware, ToolCallRequest
    from langchain.tools import ToolRuntime
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.messages import ToolMessage
    from langchain_core.runnables import RunnableConfig
    from langchain_core.tools import BaseTool, StructuredTool
    from langchain_core.tools import Tool as SingleInputTool
    from langchain_core.tools import tool as make_langchain_tool
    from langchain_core.utils.pydantic import get_fields
    from langgraph.errors import GraphBubbleUp
    from langgraph.types import Command, interrupt
    from pydantic import AliasChoices, AliasPath, BaseModel, Field
except ImportError as error:
    raise AdapterUnavailable("langchain", "langchain") from error

__all__ = [
    "AgentMiddleware",
    "AliasChoices",
    "AliasPath",
    "BaseCallbackHandler",
    "BaseModel",
    "BaseTool",
    "Command",
    "Field",
    "GraphBubbleUp",
    "RunnableConfig",
    "SingleInputTool",
    "StructuredTool",
    "ToolCallRequest",
    "ToolMessage",
    "ToolRuntime",
    "get_fields",
    "interrupt",
    "make_langchain_tool",
]

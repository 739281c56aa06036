"""Ringfence for loops over the `openai` SDK: the tool calls of an answer go through the guard, the answers to them come back.

`run_tool_calls` is the whole of it for most loops; `tool_definitions` writes the request's `tools`, `collect` reads streams. Chat
Completions and the Responses API, SDK objects and plain dicts, sync and async. Nothing here imports `openai`, so these functions
also serve clients that speak its protocol without it.
"""

from ringfence_openai.definitions import tool_definitions
from ringfence_openai.run import arun_tool_calls, run_tool_calls
from ringfence_openai.stream import AsyncCollectedStream, CollectedStream, acollect, collect

__all__ = [
    "AsyncCollectedStream",
    "CollectedStream",
    "acollect",
    "arun_tool_calls",
    "collect",
    "run_tool_calls",
    "tool_definitions",
]

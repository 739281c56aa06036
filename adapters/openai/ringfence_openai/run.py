"""Runs the tool calls of an answer through the guard: `run_tool_calls` one after another, `arun_tool_calls` at the same time.

Reading calls, arguments and values is done next door. The one idea: whatever is wrong with a call, it goes through the guard, so
that the record holds its refusal and the model gets an answer under its id.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from ringfence import Signature, ToolError
from ringfence_openai.answers import answer_text
from ringfence_openai.arguments import Unreadable, bounded, parse
from ringfence_openai.calls import ModelCall, read_calls
from ringfence_openai.parameters import parameters_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ringfence import Guard, Tool

MOST_CHARACTERS = 100_000
"""How much of a value is handed to the model by default: some 25,000 tokens."""


def run_tool_calls(
    guard: Guard, answer: object, *, most_characters: int = MOST_CHARACTERS
) -> list[dict[str, str]]:
    """Run every tool call of an answer through the guard, one after another, and return the messages that answer them.

    A denial, arguments that cannot be read or do not fit, an unknown tool and an exception of a tool are answers, too: they tell
    the model what was wrong.

    Arguments:
        guard: decides, runs and records. The caller is the one of `guard.acting_as`.
        answer: what the model answered, as SDK objects or dicts: a chat completion or its message, or a response or its output
            items.
        most_characters: how much of a value is handed on.

    Returns:
        One message for each call, in order, to append to the conversation after the answer; none: the model called no tool.

    Raises:
        GuardBroken: the gate failed; no later call of the answer ran.
        ToolError: an async tool was called from inside a running event loop; use `arun_tool_calls`.
        TypeError, ValueError: `answer` is not what a model answers.

    """
    return [
        call.answered(answer_text(guard.run(*_prepare(guard, call)), most_characters))
        for call in _calls(answer)
    ]


async def arun_tool_calls(
    guard: Guard, answer: object, *, most_characters: int = MOST_CHARACTERS, at_once: int | None = None
) -> list[dict[str, str]]:
    """As `run_tool_calls`, with the calls running at the same time, each in a task of its own; the messages keep their order.

    Arguments:
        guard, answer, most_characters: as for `run_tool_calls`.
        at_once: how many may run at the same time. None: all. A role's `concurrent_runs` counts in any case: what exceeds it is
            denied, with the advice to call again later.

    Raises:
        GuardBroken: the gate failed. Calls that had not begun do not begin, those that were running were cancelled and stand in
            the record; a synchronous function in its thread runs to its end.
        TypeError, ValueError: as for `run_tool_calls`.

    """
    calls = _calls(answer)
    free = asyncio.Semaphore(max(1, at_once or len(calls)))
    broken = asyncio.Event()

    async def run(call: ModelCall) -> dict[str, str]:
        async with free:
            if broken.is_set():
                return {}  # nobody reads it: the call that met the broken gate raises
            outcome = await guard.arun(*_prepare(guard, call))
            if outcome.broken:
                broken.set()
            return call.answered(answer_text(outcome, most_characters))

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(call)) for call in calls]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def _calls(answer: object) -> list[ModelCall]:
    """Return the calls of an answer; those that no answer could be told apart for have a fault."""
    calls: list[ModelCall] = []
    seen: set[str] = set()
    for call in read_calls(answer):
        fault = call.fault
        if not call.id:
            fault = "the call has no id, so no answer could refer to it"
        elif call.id in seen:
            fault = "an earlier call of the same answer has the same id"
        seen.add(call.id)
        calls.append(replace(call, fault=fault))
    return calls


def _prepare(guard: Guard, call: ModelCall) -> tuple[str | Tool, Mapping[str, object]]:
    """Return what the guard is to run: the tool with its arguments, coerced, or one that refuses them with the fault."""
    tool = guard.tools.get(call.name)
    arguments: Mapping[str, object] = {}
    try:
        arguments = _arguments(tool, call)
        if tool is None:
            return call.name, arguments  # the guard refuses it by name
        parameters = parameters_of(tool)
        if not call.fault:
            return tool, arguments if parameters is None else parameters.coerce(arguments)
        fault = call.fault
    except Unreadable as error:
        # Of text that could not be read nobody knows which parts are secret: the record gets its length.
        fault, arguments = str(error), {"unreadable": f"{len(call.text)} characters"}
    except (TypeError, ToolError) as error:
        fault = str(error)
    return call.name if tool is None else replace(tool, signature=_Misfit(fault)), arguments


def _arguments(tool: Tool | None, call: ModelCall) -> Mapping[str, object]:
    if not call.custom:
        return parse(call.text)
    parameters = None if tool is None else parameters_of(tool)
    if parameters is None:
        return {"input": bounded(call.text)}
    if parameters.only is None:
        msg = "a custom tool call carries one text, and the tool takes more: call it as a function"
        raise TypeError(msg)
    return {parameters.only: bounded(call.text)}


class _Misfit(Signature):
    """The signature of a call whose arguments are known not to fit: the guard refuses and records it like any other such call."""

    __slots__ = ("_fault",)

    def __init__(self, fault: str) -> None:
        super().__init__(lambda: None)
        self._fault = fault

    def bind(self, args: Sequence[object], kwargs: Mapping[str, object]) -> NoReturn:  # noqa: ARG002 - the method's arguments
        """Refuse."""
        raise TypeError(self._fault)

"""Finds the tool calls in what a model answered: `ModelCall`, one for each call, whatever the API and the form of the answer.

Arguments are still text here, and nothing is judged but whether the call came whole. The one idea: SDK objects and dicts are read
field by field with the same function, because compatible servers leave out, empty or mistype what the SDK's types promise.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FINISHED = ("tool_calls", "function_call", "stop")
"""The finish reasons after which an answer is whole; some servers, and a forced `tool_choice`, end calls with `stop`."""


class AnswerType(Enum):
    """How the answer to a call is written."""

    CHAT = "chat"
    FUNCTION = "function_call"
    CUSTOM = "custom_tool_call"


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One tool call that a model asks for.

    Arguments:
        id: what the answer refers to; empty where none came.
        name: the tool's name; for a function in a namespace, `namespace.name`.
        text: the arguments as JSON text; for a custom tool its input.
        answer_type: how it is answered.
        custom: whether it calls a custom tool, whose input is one text.
        fault: why it must not run, where that is known already.

    """

    id: str
    name: str
    text: str
    answer_type: AnswerType
    custom: bool = False
    fault: str = ""

    def answered(self, text: str) -> dict[str, str]:
        """Return the message that answers this call."""
        if self.answer_type is AnswerType.CHAT:
            return {"role": "tool", "tool_call_id": self.id, "content": text}
        return {"type": f"{self.answer_type.value}_output", "call_id": self.id, "output": text}


def get(thing: object, name: str) -> object:
    """Return a field of an SDK object or of a dict; None where it has none."""
    return thing.get(name) if isinstance(thing, dict) else getattr(thing, name, None)


def read_calls(answer: object) -> list[ModelCall]:
    """Return the tool calls of an answer, in order.

    Arguments:
        answer: a chat completion, one of its choices or a message; a response or a list of its output items.

    Raises:
        ValueError: a completion has several choices, so it is open which of them is the answer.
        TypeError: it is none of these.

    """
    if isinstance(answer, list | tuple):
        return _items(answer, "")
    choices, output = get(answer, "choices"), get(answer, "output")
    if isinstance(choices, list | tuple):
        if len(choices) > 1:
            msg = f"the completion has {len(choices)} choices: pass the one that you go on with"
            raise ValueError(msg)
        return [call for choice in choices for call in _choice(choice)]
    if isinstance(output, list | tuple):
        status = get(answer, "status")
        return _items(output, "" if status in (None, "completed") else _cut(f"status {status!r}"))
    if get(answer, "message") is not None:
        return _choice(answer)
    if get(answer, "role") != "assistant" and get(answer, "tool_calls") is None:
        msg = f"expected a chat completion, a message, a response or its output items, got {type(answer).__name__}"
        raise TypeError(msg)
    return _message(answer, "")


def _cut(how: str) -> str:
    return f"the answer that holds this call was cut ({how}), so the call may not be whole"


def _choice(choice: object) -> list[ModelCall]:
    reason = get(choice, "finish_reason")
    fault = "" if reason is None or reason in FINISHED else _cut(f"finish_reason {reason!r}")
    return _message(get(choice, "message"), fault)


def _message(message: object, fault: str) -> list[ModelCall]:
    calls = get(message, "tool_calls")
    return [_chat_call(call, fault) for call in calls] if isinstance(calls, list | tuple) else []


def _chat_call(call: object, fault: str) -> ModelCall:
    function, custom = get(call, "function"), get(call, "custom")
    if custom is not None and function is None:
        return ModelCall(
            _text(get(call, "id")),
            _text(get(custom, "name")),
            _text(get(custom, "input")),
            AnswerType.CHAT,
            True,
            fault,
        )
    arguments = _arguments(get(function, "arguments"))
    return ModelCall(
        _text(get(call, "id")), _text(get(function, "name")), arguments, AnswerType.CHAT, fault=fault
    )


def _items(items: Iterable[object], fault: str) -> list[ModelCall]:
    """Return the calls among output items. What the API runs itself, and messages and reasoning, are no calls of our tools."""
    found = []
    for item in items:
        kind = get(item, "type")
        status = get(item, "status")
        broken = fault or ("" if status in (None, "completed") else _cut(f"status {status!r}"))
        if kind == AnswerType.FUNCTION.value:
            text = _arguments(get(item, "arguments"))
            found.append(
                ModelCall(_text(get(item, "call_id")), _name(item), text, AnswerType.FUNCTION, fault=broken)
            )
        elif kind == AnswerType.CUSTOM.value:
            text = _text(get(item, "input"))
            found.append(
                ModelCall(_text(get(item, "call_id")), _name(item), text, AnswerType.CUSTOM, True, broken)
            )
    return found


def _name(item: object) -> str:
    # A function of a namespace is another one than a function of the same name outside of it.
    space = _text(get(item, "namespace"))
    return f"{space}.{_text(get(item, 'name'))}" if space else _text(get(item, "name"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    """Return arguments as text. Some compatible servers decode them already."""
    return json.dumps(value) if isinstance(value, dict) else _text(value)

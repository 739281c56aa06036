"""What the scripted server writes: the JSON of both APIs, and the events of their streams, for one turn of the script."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.openai_server import Turn

Entry = dict[str, Any]

_numbers = count(1)
_PIECE = 6
"""Characters of arguments in one event: small, so that every stream has many."""


def completion(turn: Turn) -> Entry:
    """Return a chat completion."""
    calls = _chat_calls(turn)
    message = {"role": "assistant", "content": turn.text or None, "refusal": None}
    choice = {
        "index": 0,
        "message": message | ({"tool_calls": calls} if calls else {}),
        "finish_reason": _finish_reason(turn),
    }
    return _about("chat.completion") | {"choices": [choice]}


def chat_events(turn: Turn) -> Iterator[str]:
    """Yield the events of a streamed chat completion. The pieces of parallel calls alternate, as some servers send them."""
    head = _about("chat.completion.chunk")
    deltas: list[Entry] = [
        {"role": "assistant", "content": ""},
        *({"content": word} for word in _pieces(turn.text)),
    ]
    calls = _chat_calls(turn)
    texts = [_pieces(call["function"]["arguments"]) for call in calls]
    for index, call in enumerate(calls):
        deltas.append(_call_delta(index, ""))
        deltas[-1]["tool_calls"][0] |= {"id": call["id"], "type": "function"}
        deltas[-1]["tool_calls"][0]["function"]["name"] = call["function"]["name"]
    for place in range(max(map(len, texts), default=0)):
        deltas += [_call_delta(index, text[place]) for index, text in enumerate(texts) if place < len(text)]
    for delta in deltas:
        yield _event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": _finish_reason(turn)}]})
    yield _event(
        head | {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    )
    yield "data: [DONE]\n\n"


def response(turn: Turn) -> Entry:
    """Return a response of the Responses API."""
    output: list[Entry] = []
    if turn.text:
        content = [{"type": "output_text", "text": turn.text, "annotations": []}]
        output.append(
            {
                "id": f"msg_{next(_numbers)}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        )
    for name, arguments in turn.calls:
        number = next(_numbers)
        call = {
            "id": f"fc_{number}",
            "type": "function_call",
            "call_id": f"call_{number}",
            "status": "completed",
        }
        output.append(call | {"name": name, "arguments": arguments})
    status = "completed" if turn.finish_reason is None else "incomplete"
    return {
        **_about("response"),
        "status": status,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def response_events(turn: Turn) -> Iterator[str]:
    """Yield the events of a streamed response."""
    whole = response(turn)
    numbers = count()

    def event(kind: str, **fields: Any) -> str:
        return _event({"type": kind, "sequence_number": next(numbers)} | fields, kind)

    yield event("response.created", response=whole | {"status": "in_progress", "output": []})
    for index, item in enumerate(whole["output"]):
        place = {"output_index": index, "item_id": item["id"]}
        yield event("response.output_item.added", output_index=index, item=_begun(item))
        if item["type"] == "message":
            for piece in _pieces(turn.text):
                yield event("response.output_text.delta", content_index=0, delta=piece, logprobs=[], **place)
        else:
            for piece in _pieces(item["arguments"]):
                yield event("response.function_call_arguments.delta", delta=piece, **place)
            yield event("response.function_call_arguments.done", arguments=item["arguments"], **place)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event(f"response.{whole['status']}", response=whole)


def _about(kind: str) -> Entry:
    created = {"created_at": 1.0} if kind == "response" else {"created": 1}
    return {"id": f"answer_{next(_numbers)}", "object": kind, "model": "scripted"} | created


def _finish_reason(turn: Turn) -> str:
    return turn.finish_reason or ("tool_calls" if turn.calls else "stop")


def _chat_calls(turn: Turn) -> list[Entry]:
    return [
        {
            "id": f"call_{next(_numbers)}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for name, arguments in turn.calls
    ]


def _call_delta(index: int, text: str) -> Entry:
    return {"tool_calls": [{"index": index, "function": {"arguments": text}}]}


def _begun(item: Entry) -> Entry:
    nothing: Entry = {"content": []} if item["type"] == "message" else {"arguments": ""}
    return item | {"status": "in_progress"} | nothing


def _pieces(text: str) -> list[str]:
    return [text[place : place + _PIECE] for place in range(0, len(text), _PIECE)]


def _event(content: Entry, name: str = "") -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(content)}\n\n"

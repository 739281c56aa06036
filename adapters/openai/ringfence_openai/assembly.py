"""Puts a streamed answer together: `Answer` takes the chunks of either API, and tells what the model answered so far.

No I/O happens here. The one idea: of Chat Completions the pieces must be joined, while the Responses API repeats each item whole
when it is done, so its pieces are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from ringfence_openai.calls import FINISHED, AnswerType, get

_CALLS = (AnswerType.FUNCTION.value, AnswerType.CUSTOM.value)


class Answer:
    """What the model answered, as far as it has come."""

    def __init__(self) -> None:
        self._chat = _ChatAnswer()
        self._response = _ResponseAnswer()
        self._responding = False

    @property
    def complete(self) -> bool:
        """Whether the model has said that it is done."""
        return self._response.complete if self._responding else self._chat.finish_reason in FINISHED

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped: the finish reason of a chat completion, the status of a response; None: it has not said."""
        return self._response.status if self._responding else self._chat.finish_reason

    @property
    def message(self) -> dict[str, Any]:
        """The answer of a chat completion as a message, to append to the conversation and to give to `run_tool_calls`.

        It holds no tool calls while the answer is not complete.
        """
        return self._chat.message(whole=self.complete)

    @property
    def output(self) -> list[object]:
        """The output items of a response, likewise."""
        return self._response.items()

    def add(self, chunk: object) -> None:
        """Take the next chunk.

        Raises:
            TypeError: it is a chunk of neither API.

        """
        if get(chunk, "type") == "chunk":  # an event of `client.chat.completions.stream()`
            chunk = get(chunk, "chunk")
        choices, kind = get(chunk, "choices"), get(chunk, "type")
        if isinstance(choices, list):
            self._chat.add(choices)
        elif isinstance(kind, str):
            self._responding = self._responding or kind.startswith("response.")
            self._response.add(kind, chunk)
        else:
            msg = f"expected chunks of a chat completion or events of a response, got {type(chunk).__name__}"
            raise TypeError(msg)


@dataclass(slots=True)
class _Call:
    """A tool call of a chat completion, growing."""

    id: str
    name: str = ""
    custom: bool = False
    pieces: list[str] = field(default_factory=list)

    def written(self) -> dict[str, Any]:
        kind, key = ("custom", "input") if self.custom else ("function", "arguments")
        return {"id": self.id, "type": kind, kind: {"name": self.name, key: "".join(self.pieces)}}


class _ChatAnswer:
    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self._content: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._growing: dict[object, _Call] = {}

    def add(self, choices: list[object]) -> None:
        for choice in choices:
            if get(choice, "index") not in (0, None):
                continue  # further choices are alternatives to the answer, not parts of it
            delta = get(choice, "delta")
            _append(self._content, get(delta, "content"))
            _append(self._refusal, get(delta, "refusal"))
            pieces = get(delta, "tool_calls")
            for piece in pieces if isinstance(pieces, list) else ():
                self._add_piece(piece)
            reason = get(choice, "finish_reason")
            self.finish_reason = reason if isinstance(reason, str) else self.finish_reason

    def _add_piece(self, piece: object) -> None:
        custom = get(piece, "custom")
        body = get(piece, "function") if custom is None else custom
        name, text = get(body, "name"), get(body, "arguments" if custom is None else "input")
        call = self._call_of(piece, begins=bool(name))
        call.custom = call.custom or custom is not None
        if isinstance(name, str) and name != call.name:  # some servers repeat the name in every piece
            call.name += name
        _append(call.pieces, text)

    def _call_of(self, piece: object, *, begins: bool) -> _Call:
        """Return the call that a piece belongs to.

        The index tells. Some servers give all calls the same one, or none: then a piece with another id and a name begins a call.
        """
        index, came = get(piece, "index"), get(piece, "id")
        call = self._growing.get(index)
        other = isinstance(came, str) and bool(came) and call is not None and came != call.id
        if call is None or (other and begins):
            call = _Call(came if isinstance(came, str) and came else f"call_{token_hex(12)}")
            self._growing[index] = call
            self._calls.append(call)
        return call

    def message(self, *, whole: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"role": "assistant", "content": "".join(self._content) or None}
        if self._refusal:
            found["refusal"] = "".join(self._refusal)
        if whole and self._calls:
            found["tool_calls"] = [call.written() for call in self._calls]
        return found


class _ResponseAnswer:
    def __init__(self) -> None:
        self.status: str | None = None
        self._done: dict[object, object] = {}

    @property
    def complete(self) -> bool:
        return self.status == "completed"

    def add(self, kind: str, event: object) -> None:
        if kind == "response.output_item.done":
            self._done[get(event, "output_index")] = get(event, "item")
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self.status = kind.removeprefix("response.")
            output = get(get(event, "response"), "output")
            if self.complete and isinstance(output, list) and output:
                self._done = dict(enumerate(output))

    def items(self) -> list[object]:
        found = [self._done[index] for index in sorted(self._done, key=lambda index: (index is None, index))]
        return found if self.complete else [item for item in found if get(item, "type") not in _CALLS]


def _append(parts: list[str], text: object) -> None:
    if isinstance(text, str) and text:
        parts.append(text)

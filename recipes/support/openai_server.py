"""A local server that speaks the OpenAI protocol, with a script in place of a model.

It serves Chat Completions and the Responses API, streamed or whole, on 127.0.0.1, for recipes and tests without network and key.
What it writes stands in `openai_wire.py`. As the real API does, it refuses a conversation in which a tool call has no answer.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from support import openai_wire as wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Entry = dict[str, Any]
Conversation = list[Entry]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the scripted model.

    Arguments:
        text: what it says.
        calls: the tools it calls, each as (name, arguments as JSON text).
        finish_reason: why it stops; None: as the protocol asks for.
        cut: whether the connection ends in the middle of a streamed answer.

    """

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str | None = None
    cut: bool = False


class ScriptedServer:
    """Answers by a script, from the start of the `with` block to its end.

    Arguments:
        script: for each text that a user may write, the model's turns; the next one follows when the tools have answered.

    Attributes:
        base_url: for `OpenAI(base_url=...)`.
        requests: what clients sent, in order.

    """

    def __init__(self, script: Mapping[str, Sequence[Turn]]) -> None:
        self.requests: list[Entry] = []
        self._script = script

    def __enter__(self) -> Self:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._http.server_port}/v1"
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def turn(self, conversation: Conversation) -> Turn:
        """Return the model's next turn: as many groups of tool answers as stand after the user's text, so many turns are over."""
        said = [place for place, entry in enumerate(conversation) if entry.get("role") == "user"]
        rest = conversation[said[-1] + 1 :]
        turns = self._script[conversation[said[-1]]["content"]]
        return turns[sum(answers for answers, _ in groupby(rest, key=_is_answer))]


def _is_answer(entry: Entry) -> bool:
    return entry.get("role") == "tool" or entry.get("type", "").endswith("_call_output")


def unanswered(conversation: Conversation) -> set[str]:
    """Return the ids of tool calls without an answer, and of answers without a call."""
    calls = [call["id"] for entry in conversation for call in entry.get("tool_calls") or ()]
    calls += [entry["call_id"] for entry in conversation if entry.get("type", "").endswith("_call")]
    answers = [
        entry["tool_call_id" if "role" in entry else "call_id"] for entry in conversation if _is_answer(entry)
    ]
    return set(calls) ^ set(answers)


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append(body)
            chat = self.path.endswith("/chat/completions")
            conversation = body["messages" if chat else "input"]
            if open_calls := unanswered(conversation):
                fault = {"message": f"no answer to {open_calls}", "type": "invalid_request_error"}
                self._send_json(400, {"error": fault})
                return
            turn = server.turn(conversation)
            if body.get("stream"):
                self._send_events(wire.chat_events(turn) if chat else wire.response_events(turn), turn)
            else:
                self._send_json(200, wire.completion(turn) if chat else wire.response(turn))

        def _send_json(self, status: int, content: Entry) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _send_events(self, events: Iterable[str], turn: Turn) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for event in _cut(list(events)) if turn.cut else events:
                self.wfile.write(event.encode())
                self.wfile.flush()

        def log_message(self, *args: object) -> None:
            """Keep the console for the program."""

    return Handler


def _cut(events: list[str]) -> Iterator[str]:
    yield from events[: len(events) // 2]

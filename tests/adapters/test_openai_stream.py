"""Streams of both APIs pass through unchanged and leave a whole answer behind, or one without calls where they end early."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from ringfence_openai import acollect, collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def chunk(*pieces: dict[str, Any], finish: str | None = None, **delta: Any) -> ChatCompletionChunk:
    """Return a chunk with these pieces of tool calls, as the SDK makes it: without looking at what a server left out."""
    if pieces:
        delta["tool_calls"] = list(pieces)
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return ChatCompletionChunk.construct(id="c", object="chat.completion.chunk", choices=[choice])


def piece(
    text: str | None = None, *, index: int | None = 0, call_id: str | None = None, name: str | None = None
) -> dict[str, Any]:
    """Return one piece of a tool call; what is None is not there."""
    function = {"arguments": text, "name": name}
    found = {"index": index, "id": call_id, "function": {k: v for k, v in function.items() if v is not None}}
    return {key: value for key, value in found.items() if value is not None}


def calls_of(*chunks: object) -> list[tuple[str, str, str]]:
    """Return id, name and arguments of the calls that a whole stream leaves behind."""
    stream = collect(chunks)
    assert list(stream) == list(chunks)
    return [
        (call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in stream.message.get("tool_calls", [])
    ]


def test_text_passes_while_the_message_is_put_together() -> None:
    """The caller sees every chunk as it came, at once."""
    chunks = [
        chunk(role="assistant", content=""),
        chunk(content="Hel"),
        chunk(content="lo"),
        chunk(finish="stop"),
    ]
    stream = collect(iter(chunks))
    seen = [next(stream)]
    assert not stream.complete
    seen += list(stream)
    assert all(came is sent for came, sent in zip(seen, chunks, strict=True))
    assert (stream.complete, stream.finish_reason) == (True, "stop")
    assert stream.message == {"role": "assistant", "content": "Hello"}


def test_a_refusal_of_the_model_is_part_of_the_message() -> None:
    """As it is in an answer that is not streamed."""
    stream = collect([chunk(refusal="I "), chunk(refusal="won't", finish="stop")])
    list(stream)
    assert stream.message == {"role": "assistant", "content": None, "refusal": "I won't"}


def test_pieces_of_parallel_calls_are_told_apart_by_index() -> None:
    """Name and id in the first piece, arguments in many, the calls' pieces in any order."""
    assert calls_of(
        chunk(piece("", call_id="a", name="pay"), piece("", index=1, call_id="b", name="look")),
        chunk(piece('{"amo', index=0)),
        chunk(piece('{"q": ', index=1), piece('unt": 5}', index=0)),
        chunk(piece('"x"}', index=1)),
        chunk(finish="tool_calls"),
    ) == [("a", "pay", '{"amount": 5}'), ("b", "look", '{"q": "x"}')]


def test_a_server_may_repeat_id_and_name_in_every_piece() -> None:
    """They are not joined to themselves."""
    assert calls_of(
        chunk(piece('{"amo', call_id="a", name="pay")),
        chunk(piece('unt": 5}', call_id="a", name="pay"), finish="tool_calls"),
    ) == [("a", "pay", '{"amount": 5}')]


def test_a_server_may_give_all_calls_one_index_or_none() -> None:
    """Then a piece with another id and a name begins a call."""
    for index in (0, None):
        assert calls_of(
            chunk(piece('{"amount": 5}', index=index, call_id="a", name="pay")),
            chunk(piece('{"amount"', index=index, call_id="b", name="pay")),
            chunk(piece(": 6}", index=index), finish="stop"),
        ) == [("a", "pay", '{"amount": 5}'), ("b", "pay", '{"amount": 6}')]


def test_a_server_may_make_a_new_id_for_every_piece() -> None:
    """The first one counts."""
    assert calls_of(
        chunk(piece('{"amo', call_id="a", name="pay")),
        chunk(piece('unt": 5}', call_id="z"), finish="tool_calls"),
    ) == [("a", "pay", '{"amount": 5}')]


def test_a_server_may_leave_ids_out() -> None:
    """Each call gets one of its own, so that answers can refer to it."""
    calls = calls_of(
        chunk(piece("{}", index=0, name="pay"), piece("{}", index=1, call_id="", name="pay")),
        chunk(finish="stop"),
    )
    assert [(name, text) for _, name, text in calls] == [("pay", "{}")] * 2
    assert len({call_id for call_id, _, _ in calls}) == 2
    assert all(call_id.startswith("call_") for call_id, _, _ in calls)


def test_a_name_may_come_in_pieces() -> None:
    """It is joined like the arguments."""
    assert calls_of(
        chunk(piece(call_id="a", name="find_")), chunk(piece("{}", name="order"), finish="tool_calls")
    ) == [("a", "find_order", "{}")]


def test_custom_tool_calls_are_put_together_too() -> None:
    """Their input is text."""
    first = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "run_sql", "input": "select"}}
    stream = collect([chunk(first), chunk({"index": 0, "custom": {"input": " 1"}}, finish="tool_calls")])
    list(stream)
    assert stream.message["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "run_sql", "input": "select 1"}}
    ]


def test_dicts_and_usage_and_other_choices_are_taken_as_they_come() -> None:
    """Chunks without a choice hold usage; choices beside the first are alternatives, whose calls are not the answer's."""
    other = {
        "index": 1,
        "delta": {"tool_calls": [piece("{}", call_id="b", name="drop")]},
        "finish_reason": "stop",
    }
    own = {
        "index": 0,
        "delta": {"tool_calls": [piece("{}", call_id="a", name="pay")]},
        "finish_reason": "tool_calls",
    }
    assert calls_of(
        {"choices": []}, {"choices": [other]}, {"choices": [own]}, {"choices": [], "usage": {}}
    ) == [("a", "pay", "{}")]


def test_the_sdks_own_stream_helper_is_understood() -> None:
    """`client.chat.completions.stream()` wraps each chunk in an event."""
    event = SimpleNamespace(
        type="chunk", chunk=chunk(piece("{}", call_id="a", name="pay"), finish="tool_calls")
    )
    assert calls_of(SimpleNamespace(type="content.delta", delta="x"), event) == [("a", "pay", "{}")]


@pytest.mark.parametrize("finish", [None, "length", "content_filter"])
def test_a_chat_stream_that_ends_early_has_no_calls(finish: str | None) -> None:
    """Even where what came looks whole: nobody said that it is."""
    stream = collect(
        [chunk(content="I pay"), chunk(piece('{"amount": 5}', call_id="a", name="pay"), finish=finish)]
    )
    list(stream)
    assert (stream.complete, stream.finish_reason) == (False, finish)
    assert stream.message == {"role": "assistant", "content": "I pay"}


def test_a_stream_that_breaks_has_no_calls() -> None:
    """The exception reaches the caller, and what was collected cannot run."""

    def broken() -> Iterator[ChatCompletionChunk]:
        yield chunk(piece('{"amount": 5}', call_id="a", name="pay"))
        raise ConnectionResetError("gone")

    stream = collect(broken())
    with pytest.raises(ConnectionResetError, match="gone"):
        list(stream)
    assert "tool_calls" not in stream.message


def test_what_is_no_chunk_is_refused() -> None:
    """A mistake of the loop's author is not taken for an answer without calls."""
    with pytest.raises(
        TypeError, match="expected chunks of a chat completion or events of a response, got str"
    ):
        list(collect(["data: {}"]))


@given(
    st.lists(st.tuples(st.sampled_from(["pay", "look"]), st.text(max_size=12)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_any_interleaving_gives_the_same_calls(calls: list[tuple[str, str]], random: Any) -> None:
    """However the arguments are cut and mixed, each call gets its own, in order."""
    queues = [
        [piece(name=name, call_id=f"id-{n}", index=n), *(piece(letter, index=n) for letter in text)]
        for n, (name, text) in enumerate(calls)
    ]
    chunks = [chunk(queue.pop(0)) for queue in queues]
    while rest := [queue for queue in queues if queue]:
        chunks.append(chunk(random.choice(rest).pop(0)))
    chunks.append(chunk(finish="tool_calls"))
    assert calls_of(*chunks) == [(f"id-{n}", name, text) for n, (name, text) in enumerate(calls)]


# The Responses API


def item(number: int, **fields: Any) -> dict[str, Any]:
    about = {"type": "function_call", "call_id": f"c{number}", "name": "pay", "arguments": "{}"}
    return about | {"status": "completed"} | fields


def done(index: int, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": content}


def test_items_of_a_response_count_when_they_are_done() -> None:
    """In the order of the output, whatever the order of the events; deltas and keep-alives pass."""
    events: list[Any] = [
        {"type": "response.created"},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": item(0, arguments="", status="in_progress"),
        },
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{"},
        done(1, item(1)),
        {"type": "keepalive"},
        done(0, item(0)),
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    ]
    stream = collect(events)
    assert list(stream) == events
    assert (stream.complete, stream.finish_reason) == (True, "completed")
    assert stream.output == [item(0), item(1)]


def test_the_completed_response_has_the_last_word() -> None:
    """Its output is the answer, where it has one."""
    events = [
        done(0, item(0)),
        {"type": "response.completed", "response": {"output": [item(0, arguments='{"a": 1}')]}},
    ]
    stream = collect(events)
    list(stream)
    assert stream.output == [item(0, arguments='{"a": 1}')]


@pytest.mark.parametrize("end", [None, "response.incomplete", "response.failed", "error"])
def test_a_response_that_ends_early_has_no_calls(end: str | None) -> None:
    """What was said stays."""
    said = {"type": "message", "role": "assistant", "content": []}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "run_sql", "input": "select 1"}
    events: list[Any] = [done(0, said), done(1, item(1)), done(2, custom)]
    if end is not None:
        events.append({"type": end, "response": {"output": [said, item(1), custom]}})
    stream = collect(events)
    list(stream)
    assert not stream.complete
    assert stream.output == [said]


# Closing


class Source:
    """A stream as the SDK's: an iterator of both kinds that can be closed."""

    def __init__(self) -> None:
        self.closed = 0
        self._chunks = iter([chunk(content="a"), chunk(content="b", finish="stop")])

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        return self._chunks

    def close(self) -> None:
        self.closed += 1


class AsyncSource(Source):
    async def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        for came in self._chunks:
            yield came

    async def close(self) -> None:  # type: ignore[override]
        self.closed += 1


def test_leaving_the_block_closes_the_stream() -> None:
    """A stream that is not read to its end holds its connection otherwise."""
    source = Source()
    with collect(source) as stream:
        next(stream)
    assert source.closed == 1
    collect(iter([])).close()


async def test_an_async_stream_is_collected_and_closed() -> None:
    """In the same way, whether it closes as the SDK's streams or as a generator does."""
    source = AsyncSource()
    async with acollect(source) as stream:
        assert [came.choices[0].delta.content async for came in stream] == ["a", "b"]
    assert (stream.message["content"], stream.complete, source.closed) == ("ab", True, 1)

    async def generated() -> AsyncIterator[ChatCompletionChunk]:
        for letter in itertools.repeat("a"):
            yield chunk(content=letter)

    async with acollect(generated()) as endless:
        await anext(endless)
    with pytest.raises(StopAsyncIteration):
        await anext(endless)
    await acollect(aiter(AsyncSource())).aclose()

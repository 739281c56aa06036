"""Every kind of tool, run in both forms, called in every shape of an answer, under every verdict: denied means that the body never ran.

The clients are the real SDK's, and the answers come over HTTP from a local server whose model is scripted.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator  # noqa: TC003 - the adapter resolves the annotations of tools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseCompletedEvent
from support.openai_server import ScriptedServer, Turn

from ringfence import GuardBroken, Role
from ringfence.hookspecs import hookimpl
from ringfence_openai import acollect, arun_tool_calls, collect, run_tool_calls, tool_definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MakeGuard

    from ringfence import Guard

KINDS = ("sync", "async", "generator", "async generator")
FORMS = ("run_tool_calls", "arun_tool_calls")
SHAPES = ("chat object", "chat dict", "streamed chat", "response object", "streamed response")
CASES = ("allow", "deny", "ask", "approved", "broken")

ONE, MIXED, LOOP, CUT = "look it up", "look them up", "look it up and tell me", "look it up, if you can"
DOCS = "refund A-17"
SCRIPT = {
    ONE: [Turn(calls=(("lookup", '{"key": "a"}'),))],
    MIXED: [
        Turn(
            calls=(
                ("lookup", '{"key": "a"}'),
                ("forbidden", '{"key": "b"}'),
                ("lookup", '{"key": "c"'),
                ("asking", '{"key": "d"}'),
                ("missing", "{}"),
                ("lookup", '{"key": "e"}'),
            )
        )
    ],
    LOOP: [Turn("First ", (("lookup", '{"key": "a"}'), ("lookup", '{"kye": "b"}'))), Turn("it is there.")],
    DOCS: [Turn("First ", (("refund", '{"order": "A-17", "amount": 20}'),)), Turn("done")],
    CUT: [Turn("First ", (("lookup", '{"key": "a"}'),), cut=True)],
}


class Approver:
    @hookimpl
    def ringfence_approve_call(self, call: object) -> bool:
        return True


class Crash:
    @hookimpl
    def ringfence_judge_call(self, call: object) -> None:
        msg = "boom"
        raise ValueError(msg)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    """Give the server that all answers come from."""
    with ScriptedServer(SCRIPT) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ScriptedServer) -> Iterator[OpenAI]:
    """Give the SDK's client for it."""
    with OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as made:
        yield made


def guard_for(case: str, make_guard: MakeGuard) -> Guard:
    roles = {
        "allow": Role(inherits=("user",), allow=("lookup",)),
        "deny": Role(inherits=("user",), deny=("lookup",)),
        "ask": Role(inherits=("user",), ask=("lookup",)),
    }
    plugins: dict[str, dict[str, object]] = {
        "approved": {"approver": Approver()},
        "broken": {"crash": Crash()},
    }
    role = roles[{"approved": "ask", "broken": "allow"}.get(case, case)]
    return make_guard(plugins=plugins.get(case), roles={"clerk": role})


def body_of(kind: str, runs: list[str]) -> Callable[..., Any]:
    """Return a tool's function of one kind, which counts its executions."""

    def sync(key: str) -> list[str]:
        runs.append(key)
        return [f"found {key}"]

    async def asynchronous(key: str) -> list[str]:
        runs.append(key)
        return [f"found {key}"]

    def generator(key: str) -> Iterator[str]:
        runs.append(key)
        yield f"found {key}"

    async def async_generator(key: str) -> AsyncIterator[str]:
        runs.append(key)
        yield f"found {key}"

    return dict(zip(KINDS, (sync, asynchronous, generator, async_generator), strict=True))[kind]


def ask(client: OpenAI, shape: str, text: str) -> Any:
    """Return what the model answers, in one of the shapes that a loop may hold it in."""
    conversation: Any = [{"role": "user", "content": text}]
    if shape == "response object":
        return client.responses.create(model="m", input=conversation)
    if shape == "streamed response":
        with collect(client.responses.create(model="m", input=conversation, stream=True)) as events:
            assert isinstance(list(events)[-1], ResponseCompletedEvent)
        return events.output
    if shape == "streamed chat":
        with collect(client.chat.completions.create(model="m", messages=conversation, stream=True)) as chunks:
            assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
        return chunks.message
    completion = client.chat.completions.create(model="m", messages=conversation)
    return completion if shape == "chat object" else completion.choices[0].message.model_dump()


def answers_to(guard: Guard, form: str, answer: object) -> list[dict[str, str]]:
    with guard.acting_as("bo", ["clerk"]):
        if form == "run_tool_calls":
            return run_tool_calls(guard, answer)
        return asyncio.run(arun_tool_calls(guard, answer))


def text_of(answer: dict[str, str]) -> str:
    return answer["content"] if "content" in answer else answer["output"]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_denied_means_zero_executions(
    make_guard: MakeGuard, client: OpenAI, kind: str, form: str, shape: str, case: str
) -> None:
    """Allowed and approved calls run exactly once and answer with their value; denied ones and those of a broken guard never run."""
    runs: list[str] = []
    guard = guard_for(case, make_guard)
    guard.register(body_of(kind, runs), name="lookup")
    answer = ask(client, shape, ONE)
    if case == "broken":
        with pytest.raises(GuardBroken, match="lookup: the call was denied because crash failed"):
            answers_to(guard, form, answer)
        assert runs == []
        return
    (answered,) = answers_to(guard, form, answer)
    if case in ("allow", "approved"):
        assert (runs, text_of(answered)) == (["a"], '["found a"]')
    else:
        assert runs == []
        assert text_of(answered).startswith("Ringfence denied lookup: ")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_parallel_calls_are_judged_one_by_one(
    make_guard: MakeGuard, client: OpenAI, kind: str, form: str, shape: str
) -> None:
    """One answer may hold allowed, denied, asking, malformed and unknown calls: each gets its own answer, in order."""
    runs: list[str] = []
    role = Role(inherits=("power_user",), allow=("lookup",), deny=("forbidden",), ask=("asking",))
    guard = make_guard(roles={"clerk": role})
    for name in ("lookup", "forbidden", "asking"):
        guard.register(body_of(kind, runs), name=name)
    answer = ask(client, shape, MIXED)
    answers = answers_to(guard, form, answer)
    texts = [text_of(answered) for answered in answers]
    assert texts[0] == '["found a"]'
    assert "role 'clerk' forbids tools like 'forbidden'" in texts[1]
    assert "they are not valid JSON" in texts[2]
    assert "and nobody answered" in texts[3]
    assert "the tool 'missing' is not registered" in texts[4]
    assert texts[5] == '["found e"]'
    assert sorted(runs) == ["a", "e"]
    ids = [answered.get("tool_call_id") or answered["call_id"] for answered in answers]
    assert ids == sorted(ids, key=lambda call_id: int(call_id.removeprefix("call_")))


# Whole loops, which the server ends only if every call is answered under its id


def guard_for_loop(make_guard: MakeGuard) -> Guard:
    guard = guard_for("allow", make_guard)
    guard.register(body_of("sync", []), name="lookup")
    return guard


def test_a_loop_over_chat_completions(make_guard: MakeGuard, client: OpenAI, server: ScriptedServer) -> None:
    """The SDK's own message goes back into the conversation, with the answers after it."""
    guard = guard_for_loop(make_guard)
    messages: list[Any] = [{"role": "user", "content": LOOP}]
    tools: Any = tool_definitions(guard)
    with guard.acting_as("bo", ["clerk"]):
        while True:
            completion = client.chat.completions.create(model="m", messages=messages, tools=tools)
            assert isinstance(completion, ChatCompletion)
            answers = run_tool_calls(guard, completion)
            if not answers:
                break
            messages += [completion.choices[0].message, *answers]
    assert completion.choices[0].message.content == "it is there."
    sent = server.requests[-1]
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool", "tool"]
    assert json.loads(sent["messages"][2]["content"]) == ["found a"]
    assert "did you mean 'key'?" in sent["messages"][3]["content"]
    assert sent["tools"][0]["function"]["name"] == "lookup"


async def test_a_loop_over_streamed_chat_completions(make_guard: MakeGuard, server: ScriptedServer) -> None:
    """The message that was put together goes back in place of the SDK's."""
    guard = guard_for_loop(make_guard)
    messages: list[Any] = [{"role": "user", "content": LOOP}]
    said = ""
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        with guard.acting_as("bo", ["clerk"]):
            while True:
                chunks = await client.chat.completions.create(model="m", messages=messages, stream=True)
                async with acollect(chunks) as stream:
                    async for chunk in stream:
                        said += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                answers = await arun_tool_calls(guard, stream.message)
                messages += [stream.message, *answers]
                if not answers:
                    break
    assert said == "First it is there."
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant"]


async def test_a_loop_over_responses(make_guard: MakeGuard, server: ScriptedServer) -> None:
    """The output items go back as they came, with the answers after them."""
    guard = guard_for_loop(make_guard)
    items: list[Any] = [{"role": "user", "content": LOOP}]
    tools: Any = tool_definitions(guard, api="responses")
    async with AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as client:
        with guard.acting_as("bo", ["clerk"]):
            while True:
                response = await client.responses.create(model="m", input=items, tools=tools)
                assert isinstance(response, Response)
                answers = await arun_tool_calls(guard, response)
                items += [*response.output, *answers]
                if not answers:
                    break
    assert response.output_text == "it is there."
    assert [item.get("type") for item in server.requests[-1]["input"]] == [
        None,
        "message",
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]


def test_a_loop_over_streamed_responses(make_guard: MakeGuard, client: OpenAI) -> None:
    """Text passes while it comes, and the items are there afterwards."""
    guard = guard_for_loop(make_guard)
    items: list[Any] = [{"role": "user", "content": LOOP}]
    said = ""
    with guard.acting_as("bo", ["clerk"]):
        while True:
            with collect(client.responses.create(model="m", input=items, stream=True)) as stream:
                for event in stream:
                    said += event.delta if event.type == "response.output_text.delta" else ""
            answers = run_tool_calls(guard, stream.output)
            items += [*stream.output, *answers]
            if not answers:
                break
    assert said == "First it is there."


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_a_connection_that_is_cut_leaves_nothing_to_run(
    make_guard: MakeGuard, client: OpenAI, api: str
) -> None:
    """The stream ends before the model said that it is done, so no call of it runs."""
    guard = guard_for_loop(make_guard)
    conversation: Any = [{"role": "user", "content": CUT}]
    answer: Any
    if api == "chat":
        with collect(client.chat.completions.create(model="m", messages=conversation, stream=True)) as chunks:
            assert list(chunks)
        complete, answer = chunks.complete, chunks.message
    else:
        with collect(client.responses.create(model="m", input=conversation, stream=True)) as events:
            assert list(events)
        complete, answer = events.complete, events.output
    assert not complete
    with guard.acting_as("bo", ["clerk"]):
        assert run_tool_calls(guard, answer) == []


def test_the_code_of_the_docs_runs(tmp_path: Path, server: ScriptedServer) -> None:
    """As it stands there, in a program of its own: only the policy and the server's address are given."""
    page = (Path(__file__).parents[2] / "docs" / "openai.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    code += f"""
print(answer("bo", {DOCS!r}))
with guard.acting_as("bo"):
    print(stream_answer([{{"role": "user", "content": {DOCS!r}}}], tool_definitions(guard))[-1]["content"])
"""
    policy = (
        "version: 1\nusers: {bo: {roles: [user]}}\ntools: {refund: {role: user}}\naudit: {store: memory}\n"
    )
    (tmp_path / "ringfence.yaml").write_text(policy)
    environment = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "none"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "done\nFirst 20.0 paid back for A-17\n", done.stderr

"""What `run_tool_calls` makes of everything that a model may answer: each call gets an answer, and a record; only sound ones run."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator  # noqa: TC003 - the adapter resolves the annotations of tools
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessage
from openai.types.responses import Response, ResponseCustomToolCall, ResponseFunctionToolCall
from pydantic import BaseModel, field_validator

from ringfence import (
    ArgumentRule,
    CodeRule,
    Decision,
    GuardBroken,
    Role,
    Tool,
    ToolError,
    ToolRule,
    UnknownName,
    Verdict,
)
from ringfence.hookspecs import hookimpl
from ringfence.scanning import Language
from ringfence_openai import arun_tool_calls, run_tool_calls, tool_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import MakeGuard

    from ringfence import Guard, Outcome, ToolCall

ROLES = {"clerk": Role(inherits=("power_user",), allow=("*",))}


class Witness:
    """Sees every call, those that were denied among them."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Mapping[str, object], str]] = []

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall, outcome: Outcome) -> None:
        became = "ran" if outcome.executed else str(outcome.reason)
        self.seen.append((call.tool.name, call.arguments, became))


class CrashAt:
    """A guard's plugin that fails when it is asked about one tool, after something else has happened where it is to wait."""

    def __init__(self, tool: str, after: threading.Event | None = None) -> None:
        self.tool = tool
        self.after = after

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> None:
        if call.tool.name == self.tool:
            if self.after is not None:
                self.after.wait(4)
            msg = "boom"
            raise ValueError(msg)


class Order(BaseModel):
    number: int
    urgent: bool = False

    @field_validator("number")
    @classmethod
    def known(cls, number: int) -> int:
        if number == 13:
            msg = f"the secret number {number}"
            raise ValueError(msg)
        if number == 14:
            raise LookupError(number)
        return number


class Colour(Enum):
    RED = "red"


@dataclass
class Paid:
    order: str
    on: date


def message(*calls: tuple[str, str]) -> dict[str, Any]:
    """Return a message with these calls, as a dict."""
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"call-{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(calls)
        ],
    }


def answer_to(guard: Guard, name: str, arguments: str) -> str:
    """Return what the model reads about one call by a clerk."""
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, message((name, arguments)))
    assert answer["tool_call_id"] == "call-0"
    return answer["content"]


def guard_with(make_guard: MakeGuard, *functions: Callable[..., object], **sections: Any) -> Guard:
    guard = make_guard(**{"roles": ROLES, **sections})
    for function in functions:
        guard.register(function)
    return guard


# Arguments


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"order": "A-17", "amount": 2', "they are not valid JSON"),
        ('{"order": "A-17', r"Unterminated string starting, line 1, column 11"),
        ("order=A-17", "they are not valid JSON"),
        ('["A-17", 2]', "they are JSON, but no object"),
        ('"{\\"order\\": \\"A-17\\"}"', "they are JSON, but no object"),
        ("null", "they are JSON, but no object"),
        ('{"order": "A-17", "amount": 2, "amount": 900}', "they hold one name twice"),
        ('{"order": "A-17", "amount": NaN}', "they hold NaN: send a finite number"),
        ('{"order": "A-17", "amount": -Infinity}', "they hold -Infinity"),
        ('{"order": "A-17", "amount": 1e999}', "they hold a number that is too large"),
        ('{"order": "A-17", "amount": "nan"}', "argument 'amount': Input should be a finite number"),
        (f'{{"order": "A-17", "amount": {"9" * 5000}}}', "they hold a number that is too long"),
        (f'{{"order": {"[" * 100_000}{"]" * 100_000}}}', "they are nested too deeply"),
        (f'{{"order": "{"x" * (1 << 20)}"}}', "they have 1048589 characters, at most 1048576 are read"),
        ('{"order": "A-17", "amount": true}', "argument 'amount': Input should not be a bool"),
        ('{"order": "A-17", "amount": null}', "argument 'amount': Input should be a valid number"),
        ('{"order": 17}', "argument 'order': Input should be a valid string"),
        ('{"order": "\\ud800"}', "they cannot be read"),
        ('{"amount": 2}', "missing argument 'order'"),
        ('{"order": "A-17", "amuont": 2}', "unexpected argument 'amuont'; did you mean 'amount'?"),
        ("", "missing argument 'order'"),
    ],
    ids=lambda text: text[:40],
)
def test_arguments_that_do_not_fit_are_answered_and_recorded(
    make_guard: MakeGuard, arguments: str, told: str
) -> None:
    """The model reads what to correct, the record holds a refusal, and the tool does not run."""
    ran: list[str] = []

    def refund(order: str, amount: float = 5) -> None:
        ran.append(order)

    witness = Witness()
    guard = guard_with(make_guard, refund, plugins={"witness": witness})
    answer = answer_to(guard, "refund", arguments)
    assert told in answer
    assert "Reason: arguments." in answer
    assert ran == []
    assert [(name, became) for name, _, became in witness.seen] == [("refund", "arguments")]


def test_what_policy_judges_is_what_the_function_gets(make_guard: MakeGuard) -> None:
    """A number that came as text is a number for the rule and for the function."""
    got: list[object] = []

    def refund(order: str, amount: float = 5) -> str:
        got.append(amount)
        return f"{order}: {amount}"

    rule = ToolRule(arguments={"amount": ArgumentRule(max=100)})
    guard = guard_with(make_guard, refund, tools={"refund": rule})
    assert answer_to(guard, "refund", '{"order": "A-17", "amount": "20"}') == "A-17: 20.0"
    assert "is not a number of at most 100" in answer_to(
        guard, "refund", '{"order": "A-17", "amount": "900"}'
    )
    assert answer_to(guard, "refund", '{"order": "A-17"}') == "A-17: 5"
    assert got == [20.0, 5]


def test_a_function_without_annotations_takes_anything(make_guard: MakeGuard) -> None:
    """What it gets is what JSON says, and nothing is coerced."""
    guard = guard_with(make_guard)

    def echo(value, *rest, more="", **others):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
        return [value, list(rest), more, others]

    guard.register(echo)
    text = '{"value": {"a": [1, "2", null, true]}, "more": 3.0, "json": {}}'
    assert json.loads(answer_to(guard, "echo", text)) == [
        {"a": [1, "2", None, True]},
        [],
        3.0,
        {"json": {}},
    ]


def test_annotations_of_every_kind_are_met(make_guard: MakeGuard) -> None:
    """Models, enums, dates, literals and containers are made from JSON; a bool inside of them is no number either."""

    def ship(order: Order, day: date, colour: Colour, way: Literal["air", "sea"], parts: list[int]) -> str:
        return f"{order!r} {day!r} {colour!r} {way} {parts}"

    guard = guard_with(make_guard, ship)
    good = {"order": {"number": "7", "urgent": True}, "day": "2026-02-03", "colour": "red", "way": "sea"}
    assert answer_to(guard, "ship", json.dumps(good | {"parts": ["1", 2]})) == (
        "Order(number=7, urgent=True) datetime.date(2026, 2, 3) <Colour.RED: 'red'> sea [1, 2]"
    )
    assert "argument 'parts.1': Input should not be a bool" in answer_to(
        guard, "ship", json.dumps(good | {"parts": [1, True]})
    )
    bad = good | {"parts": [], "order": {"number": True}, "way": "sea"}
    assert "argument 'order.number': Input should not be a bool" in answer_to(guard, "ship", json.dumps(bad))
    assert "argument 'way': Input should be 'air' or 'sea'" in answer_to(
        guard, "ship", json.dumps(good | {"parts": [], "way": "road"})
    )


def test_a_validator_of_the_developer_refuses_without_quoting_the_value(make_guard: MakeGuard) -> None:
    """Its message may hold the value, so neither record nor model gets it, and one that fails otherwise refuses too."""

    def ship(order: Order) -> None:
        """Ship."""

    guard = guard_with(make_guard, ship)
    answer = answer_to(guard, "ship", '{"order": {"number": 13}}')
    assert "argument 'order.number': its own check refuses it" in answer
    assert "secret" not in answer
    assert "they could not be checked: LookupError" in answer_to(guard, "ship", '{"order": {"number": 14}}')


def test_an_annotation_that_does_not_exist_at_run_time_refuses_calls(make_guard: MakeGuard) -> None:
    """Types that cannot be checked are not passed unchecked; the developer sees it when the tools are offered."""

    def ship(order: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821
        """Ship."""

    guard = guard_with(make_guard, ship)
    assert "the annotations of the tool 'ship' cannot be used: NameError" in answer_to(guard, "ship", "{}")
    with pytest.raises(ToolError, match="the annotations of the tool 'ship' cannot be used: NameError"):
        tool_definitions(guard)


def test_the_annotation_of_the_result_need_not_exist(make_guard: MakeGuard) -> None:
    """Only parameters are read, so a type that is imported for the type checker alone does no harm there."""

    def ship(number: int) -> Missing:  # type: ignore[name-defined]  # noqa: F821
        return number

    assert answer_to(guard_with(make_guard, ship), "ship", '{"number": "3"}') == "3"


def test_methods_partials_and_callable_objects_are_checked_like_functions(make_guard: MakeGuard) -> None:
    """Their parameters are those that are still open, without the object they belong to."""

    class Shop:
        def ship(self, number: int) -> int:
            return number

        def __call__(self, number: int) -> int:
            return number

    def charge(amount: int, account: str) -> str:
        return f"{amount} to {account}"

    guard = guard_with(make_guard, Shop().ship)
    guard.register(partial(charge, account="shop"), name="charge")
    guard.register(Shop(), name="shop")
    assert answer_to(guard, "ship", '{"number": "3"}') == "3"
    assert answer_to(guard, "charge", '{"amount": "3"}') == "3 to shop"
    assert answer_to(guard, "shop", '{"number": "3"}') == "3"
    assert "Input should not be a bool" in answer_to(guard, "ship", '{"number": true}')


# Calls


def test_an_unknown_tool_is_answered_with_the_nearest_one(make_guard: MakeGuard) -> None:
    """The record holds it under the name that came, even where its arguments are no JSON."""

    def refund(order: str) -> None:
        """Refund."""

    witness = Witness()
    guard = guard_with(make_guard, refund, plugins={"witness": witness})
    assert "Did you mean 'refund'?" in answer_to(guard, "refnud", '{"order": "A-17"}')
    assert "the tool 'refnud' is not registered" in answer_to(guard, "refnud", '{"order"')
    assert [(name, arguments) for name, arguments, _ in witness.seen] == [
        ("refnud", {"order": "A-17"}),
        ("refnud", {"unreadable": "8 characters"}),
    ]


def test_text_that_cannot_be_read_is_not_recorded(make_guard: MakeGuard) -> None:
    """Nobody knows which of it is secret, so the record has its length; arguments that were read are kept, and redacted by name."""

    def login(user: str, pin: int) -> None:
        """Log in."""

    witness = Witness()
    guard = guard_with(make_guard, login, plugins={"witness": witness})
    answer_to(guard, "login", '{"user": "bo", "pin": 4711')
    answer_to(guard, "login", '{"user": "bo", "pin": "none"}')
    assert [arguments for _, arguments, _ in witness.seen] == [
        {"unreadable": "26 characters"},
        {"user": "bo", "pin": "none"},
    ]


@pytest.mark.parametrize("call_id", [None, "", 7], ids=repr)
def test_a_call_without_an_id_does_not_run(make_guard: MakeGuard, call_id: object) -> None:
    """No answer could refer to it, so it is refused and recorded."""
    witness = Witness()

    def touch() -> None:
        """Touch."""

    guard = guard_with(make_guard, touch, plugins={"witness": witness})
    call = {"id": call_id, "type": "function", "function": {"name": "touch", "arguments": "{}"}}
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, {"role": "assistant", "tool_calls": [call]})
    assert "the call has no id" in answer["content"]
    assert [(name, became) for name, _, became in witness.seen] == [("touch", "arguments")]


def test_of_two_calls_with_one_id_the_second_does_not_run(make_guard: MakeGuard) -> None:
    """A gateway that repeats a call does not repeat the payment."""
    ran: list[int] = []

    def pay(amount: int) -> str:
        ran.append(amount)
        return "paid"

    guard = guard_with(make_guard, pay)
    answer = message(("pay", '{"amount": 5}'), ("pay", '{"amount": 5}'))
    answer["tool_calls"][1]["id"] = "call-0"
    with guard.acting_as("bo", ["clerk"]):
        first, second = run_tool_calls(guard, answer)
    assert (first["content"], ran) == ("paid", [5])
    assert "an earlier call of the same answer has the same id" in second["content"]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_the_calls_of_a_cut_completion_do_not_run(make_guard: MakeGuard, reason: str) -> None:
    """What came may be half of what the model meant: it is told so under each call's id."""
    ran: list[int] = []

    def pay(amount: int) -> None:
        ran.append(amount)

    guard = guard_with(make_guard, pay)
    choice = {"index": 0, "message": message(("pay", '{"amount": 5}')), "finish_reason": reason}
    about = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    completion = ChatCompletion.model_validate(about | {"choices": [choice]})
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, completion)
    assert f"was cut (finish_reason '{reason}')" in answer["content"]
    assert ran == []


@pytest.mark.parametrize("place", ["response", "item"])
def test_the_calls_of_an_incomplete_response_do_not_run(make_guard: MakeGuard, place: str) -> None:
    """Neither do single items that are not whole."""
    ran: list[int] = []

    def pay(amount: int) -> None:
        ran.append(amount)

    guard = guard_with(make_guard, pay)
    status = {"response": "incomplete" if place == "response" else "completed"}
    item = {"type": "function_call", "call_id": "c", "name": "pay", "arguments": '{"amount": 5}'}
    item["status"] = "incomplete" if place == "item" else "completed"
    response = Response.construct(id="r", status=status["response"], output=[item])
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, response)
    assert "was cut (status 'incomplete')" in answer["output"]
    assert ran == []


def test_a_custom_tool_call_gives_its_text_to_the_one_parameter(make_guard: MakeGuard) -> None:
    """In both APIs; a tool that takes more than one text cannot be called so."""

    def run_sql(query: str, limit: int = 10) -> str:
        return f"{query} limit {limit}"

    def copy(source: str, target: str) -> None:
        """Copy."""

    guard = guard_with(make_guard, run_sql, copy)
    chat = {"id": "c1", "type": "custom", "custom": {"name": "run_sql", "input": "select 1"}}
    with guard.acting_as("bo", ["clerk"]):
        assert run_tool_calls(guard, {"role": "assistant", "tool_calls": [chat]}) == [
            {"role": "tool", "tool_call_id": "c1", "content": "select 1 limit 10"}
        ]
        item = ResponseCustomToolCall(type="custom_tool_call", call_id="c2", name="run_sql", input="select 2")
        more = {"type": "custom_tool_call", "call_id": "c3", "name": "copy", "input": "a"}
        long = {"type": "custom_tool_call", "call_id": "c4", "name": "nope", "input": "x" * (1 << 21)}
        first, second, third = run_tool_calls(guard, [item, more, long])
    assert first == {"type": "custom_tool_call_output", "call_id": "c2", "output": "select 2 limit 10"}
    assert "a custom tool call carries one text, and the tool takes more" in second["output"]
    assert "the tool 'nope' is not registered" in third["output"]


def test_a_function_in_a_namespace_is_not_its_namesake(make_guard: MakeGuard) -> None:
    """`crm.close` is not `close`."""
    guard = guard_with(make_guard)
    guard.register(lambda: "ours", name="close")
    guard.register(lambda: "theirs", name="crm.close")
    item = ResponseFunctionToolCall(
        type="function_call", call_id="c", name="close", arguments="{}", namespace="crm"
    )
    with guard.acting_as("bo", ["clerk"]):
        assert [answer["output"] for answer in run_tool_calls(guard, [item])] == ["theirs"]


def test_what_the_api_runs_itself_is_left_alone(make_guard: MakeGuard) -> None:
    """Messages, reasoning and hosted tools are no calls of ours, and an answer without calls needs no answers."""
    guard = guard_with(make_guard)
    items = [{"type": "reasoning", "summary": []}, {"type": "web_search_call"}, {"type": "message"}]
    assert run_tool_calls(guard, items) == []
    assert run_tool_calls(guard, ChatCompletionMessage(role="assistant", content="done")) == []
    assert run_tool_calls(guard, {"role": "assistant", "content": "done", "tool_calls": None}) == []
    assert run_tool_calls(guard, {"choices": []}) == []


def test_an_answer_of_several_choices_must_be_chosen_from(make_guard: MakeGuard) -> None:
    """Running the calls of alternatives would do everything twice."""
    guard = guard_with(make_guard)
    choices = [{"index": n, "message": message(("pay", "{}"))} for n in range(2)]
    with pytest.raises(ValueError, match="the completion has 2 choices: pass the one that you go on with"):
        run_tool_calls(guard, {"choices": choices})
    with guard.acting_as("bo", ["clerk"]):
        assert len(run_tool_calls(guard, choices[0])) == 1


@pytest.mark.parametrize(
    "answer",
    [None, "pay", 7, {"role": "user", "content": "hi"}, object()],
    ids=lambda answer: type(answer).__name__,
)
def test_what_no_model_answers_is_refused(make_guard: MakeGuard, answer: object) -> None:
    """A mistake of the loop's author is not taken for an answer without calls."""
    with pytest.raises(
        TypeError, match="expected a chat completion, a message, a response or its output items"
    ):
        run_tool_calls(guard_with(make_guard), answer)


def test_fields_of_the_wrong_type_are_refused_and_not_raised(make_guard: MakeGuard) -> None:
    """Servers that leave out or mistype what the protocol promises get an answer under the id, where there is one."""
    guard = guard_with(make_guard)
    calls: list[object] = [
        {"id": "c1"},
        {"id": "c2", "function": None},
        {"id": "c3", "function": {"name": 7, "arguments": 7}},
        {"id": "c4", "type": "else", "function": {"name": ["pay"], "arguments": {"a": 1}}},
        None,
    ]
    with guard.acting_as("bo", ["clerk"]):
        answers = run_tool_calls(guard, {"role": "assistant", "tool_calls": calls})
    assert [answer["tool_call_id"] for answer in answers] == ["c1", "c2", "c3", "c4", ""]
    assert all("the tool '' is not registered" in answer["content"] for answer in answers)


def test_arguments_that_a_server_decoded_already_are_taken(make_guard: MakeGuard) -> None:
    """Some compatible servers send the object itself instead of its text."""

    def pay(amount: int) -> str:
        return f"paid {amount}"

    guard = guard_with(make_guard, pay)
    call = {"id": "c", "function": {"name": "pay", "arguments": {"amount": 5}}}
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, {"role": "assistant", "tool_calls": [call]})
    assert answer["content"] == "paid 5"


# Answers


class Odd:
    def __str__(self) -> str:
        return "odd"


class Hostile:
    def __str__(self) -> str:
        raise KeyError("no text")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain text", "plain text"),
        ("", ""),
        (None, "null"),
        (3, "3"),
        ({"a": [1, True, None]}, '{"a":[1,true,null]}'),
        ("\ud800", "?"),
        ({"ä": "ö"}, '{"ä":"ö"}'),
        (Paid("A-17", date(2026, 2, 3)), '{"order":"A-17","on":"2026-02-03"}'),
        (Order(number=7), '{"number":7,"urgent":false}'),
        (b"\xff", '"_w=="'),
        (float("nan"), '"NaN"'),
        (Odd(), '"odd"'),
        (Colour.RED, '"red"'),
    ],
    ids=lambda value: type(value).__name__ if "object at" in repr(value) else repr(value)[:40],
)
def test_values_become_text(make_guard: MakeGuard, value: object, text: str) -> None:
    """Text as it is, everything else as JSON, and what JSON has no form for as its own text."""
    guard = guard_with(make_guard)
    guard.register(lambda: value, name="make")
    assert answer_to(guard, "make", "{}") == text


def test_values_that_cannot_be_written_are_named(make_guard: MakeGuard) -> None:
    """A circle or a value whose own code fails does not end the loop: the tool has run."""
    circle: list[object] = []
    circle.append(circle)
    guard = guard_with(make_guard)
    guard.register(lambda: circle, name="circle")
    guard.register(lambda: [Hostile()], name="hostile")
    assert answer_to(guard, "circle", "{}").startswith("a list that cannot be written as JSON")
    assert answer_to(guard, "hostile", "{}").startswith("a list that cannot be written as JSON")


def test_long_values_are_cut(make_guard: MakeGuard) -> None:
    """And the text says so."""
    guard = guard_with(make_guard)
    guard.register(lambda: "x" * 500_000, name="dump")
    assert answer_to(guard, "dump", "{}").endswith("x\n[cut: 100000 of 500000 characters]")
    with guard.acting_as("bo", ["clerk"]):
        (answer,) = run_tool_calls(guard, message(("dump", "{}")), most_characters=10)
    assert answer["content"] == "xxxxxxxxxx\n[cut: 10 of 500000 characters]"


def test_an_exception_of_a_tool_is_an_answer(make_guard: MakeGuard) -> None:
    """With its class and the start of its message; the calls after it run."""

    class Unprintable(Exception):
        def __str__(self) -> str:
            raise ValueError("no message")

    def fail(how: str) -> None:
        errors = {"long": RuntimeError("x" * 5000), "empty": TimeoutError(), "odd": Unprintable()}
        raise errors[how]

    guard = guard_with(make_guard, fail)
    with guard.acting_as("bo", ["clerk"]):
        answers = run_tool_calls(
            guard, message(*(("fail", f'{{"how": "{how}"}}') for how in ("long", "empty", "odd", "?")))
        )
    texts = [answer["content"] for answer in answers]
    assert texts[0] == f"fail failed: RuntimeError: {'x' * 500}\n[cut: 500 of 5000 characters]"
    assert texts[1:] == [
        "fail failed: TimeoutError",
        "fail failed: Unprintable",
        "fail failed: KeyError: '?'",
    ]


def test_a_withheld_result_is_answered_without_it(make_guard: MakeGuard) -> None:
    """What inspection objects to does not reach the model."""

    class Inspector:
        @hookimpl
        def ringfence_judge_result(self, outcome: Outcome) -> Verdict:
            return Verdict(Decision.DENY, "it holds a secret", rule="secrets")

    guard = guard_with(make_guard, plugins={"inspector": Inspector()})
    guard.register(lambda: "hunter2", name="password")
    answer = answer_to(guard, "password", "{}")
    assert answer.startswith("Ringfence withheld the result of password: it holds a secret.")
    assert "hunter2" not in answer


# A broken guard, and many calls at once


def test_a_broken_guard_ends_the_loop_and_no_later_call_runs(make_guard: MakeGuard) -> None:
    """What ran before it has run; the error names the plugin."""
    ran: list[str] = []
    guard = guard_with(make_guard, plugins={"crash": CrashAt("second")})
    for name in ("first", "second", "third"):
        guard.register(partial(ran.append, name), name=name)
    calls = message(("first", "{}"), ("second", "{}"), ("third", "{}"))
    with (
        guard.acting_as("bo", ["clerk"]),
        pytest.raises(GuardBroken, match="second: the call was denied because crash failed"),
    ):
        run_tool_calls(guard, calls)
    assert ran == ["first"]


async def test_a_broken_guard_cancels_what_runs_and_records_it(make_guard: MakeGuard) -> None:
    """Under `arun_tool_calls` the siblings are cancelled, have their outcome in the record, and later calls do not begin."""
    running = threading.Event()
    began: list[str] = []
    ended: list[str] = []
    witness = Witness()
    guard = guard_with(make_guard, plugins={"crash": CrashAt("second", running), "witness": witness})

    async def slow() -> None:
        began.append("slow")
        running.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("slow")

    async def later() -> None:
        began.append("later")

    guard.register(slow)
    guard.register(lambda: None, name="second")
    guard.register(later)
    calls = message(("slow", "{}"), ("second", "{}"), ("later", "{}"))
    with (
        guard.acting_as("bo", ["clerk"]),
        pytest.raises(GuardBroken, match="second: the call was denied because crash failed"),
    ):
        await arun_tool_calls(guard, calls, at_once=2)
    assert (began, ended) == (["slow"], ["slow"])
    assert sorted((name, became) for name, _, became in witness.seen) == [
        ("second", "guard"),
        ("slow", "ran"),
    ]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_the_loop_cancels_its_calls(make_guard: MakeGuard) -> None:
    """And waits for them, so that each stands in the record."""
    witness = Witness()
    guard = guard_with(make_guard, plugins={"witness": witness})
    began = asyncio.Event()

    async def slow() -> None:
        began.set()
        await asyncio.sleep(30)

    guard.register(slow)
    with guard.acting_as("bo", ["clerk"]):
        task = asyncio.create_task(arun_tool_calls(guard, message(("slow", "{}"), ("slow", "{}"))))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [name for name, _, became in witness.seen if became == "ran"] == ["slow", "slow"]


async def test_calls_run_at_the_same_time_and_keep_their_order(make_guard: MakeGuard) -> None:
    """Async tools in their tasks, synchronous ones in threads, all as the caller; the answers stand as the calls did."""
    barrier = threading.Barrier(2, timeout=10)
    guard = guard_with(make_guard)
    meeting = asyncio.Event()

    def meet(name: str) -> str:
        barrier.wait()
        return name

    async def wait() -> str:
        await meeting.wait()
        return "waited"

    async def release() -> str:
        meeting.set()
        return "released"

    for function in (meet, wait, release):
        guard.register(function)
    calls = message(
        ("wait", "{}"), ("meet", '{"name": "one"}'), ("meet", '{"name": "two"}'), ("release", "{}")
    )
    with guard.acting_as("bo", ["clerk"]):
        answers = await arun_tool_calls(guard, calls)
    assert [answer["content"] for answer in answers] == ["waited", "one", "two", "released"]
    assert [answer["tool_call_id"] for answer in answers] == [f"call-{n}" for n in range(4)]


async def test_at_once_bounds_how_many_run(make_guard: MakeGuard) -> None:
    """With the role's own limit as the bound, no call of a long answer is denied for its siblings."""
    running: list[int] = [0]
    most: list[int] = []

    async def work() -> None:
        running[0] += 1
        most.append(running[0])
        await asyncio.sleep(0)
        running[0] -= 1

    guard = guard_with(
        make_guard, work, roles={"clerk": Role(inherits=("guest", "user"), allow=("*",), concurrent_runs=2)}
    )
    calls = message(*[("work", "{}")] * 6)
    with guard.acting_as("bo", ["clerk"]):
        answers = await arun_tool_calls(guard, calls, at_once=2)
        assert [answer["content"] for answer in answers] == ["null"] * 6
        assert max(most) == 2
        answers = await arun_tool_calls(guard, calls)
    assert sum("Rule: concurrent_runs. Retry: later." in answer["content"] for answer in answers) > 0


async def test_an_async_tool_in_a_running_loop_needs_the_async_form(make_guard: MakeGuard) -> None:
    """The synchronous form cannot wait for it there, and says what to use."""

    async def look() -> None:
        """Look."""

    guard = guard_with(make_guard, look)
    with guard.acting_as("bo", ["clerk"]), pytest.raises(ToolError, match=r"Use `await guard.arun\(...\)`"):
        run_tool_calls(guard, message(("look", "{}")))


# Definitions


def test_definitions_are_written_from_the_signature(make_guard: MakeGuard) -> None:
    """Types, defaults, what is required and what else is taken, in the form of either API."""

    def refund(order: str, amount: float = 5, notes: list[str] | None = None) -> str:
        """Pay money back."""
        return ""

    def search(**filters: str) -> Iterator[str]:
        """Search."""
        yield from filters

    guard = guard_with(make_guard, refund, search)
    parameters = {
        "type": "object",
        "properties": {
            "order": {"type": "string"},
            "amount": {"type": "number", "default": 5},
            "notes": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                "default": None,
            },
        },
        "required": ["order"],
        "additionalProperties": False,
    }
    function = {"name": "refund", "description": "Pay money back.", "parameters": parameters}
    assert tool_definitions(guard, ["refund"]) == [{"type": "function", "function": function}]
    assert tool_definitions(guard, ["refund"], api="responses") == [
        {"type": "function", **function, "strict": False}
    ]
    assert tool_definitions(guard)[1]["function"]["parameters"] == {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": True,
    }


def test_models_in_definitions_are_spelt_out(make_guard: MakeGuard) -> None:
    """With their own fields, as JSON Schema has them."""

    def ship(order: Order) -> None:
        """Ship."""

    (definition,) = tool_definitions(guard_with(make_guard, ship))
    parameters = definition["function"]["parameters"]
    assert parameters["properties"] == {"order": {"$ref": "#/$defs/Order"}}
    assert parameters["$defs"]["Order"]["properties"]["number"] == {"type": "integer"}


def test_tools_that_cannot_be_offered_are_named(make_guard: MakeGuard) -> None:
    """Unknown ones, names that the API refuses, tools without a function, types that JSON has not."""

    def listen(callback: Callable[[], None]) -> None:
        """Listen."""

    guard = guard_with(make_guard, listen)
    guard.register(lambda: None, name="crm.close")
    guard.register(Tool("remote"))
    with pytest.raises(UnknownName, match=r"unknown tool 'lisen'\. Did you mean 'listen'\?"):
        tool_definitions(guard, ["lisen"])
    with pytest.raises(ToolError, match=r"the API does not take the tool name 'crm\.close'"):
        tool_definitions(guard, ["crm.close"])
    with pytest.raises(ToolError, match="the tool 'remote' has no function here"):
        tool_definitions(guard, ["remote"])
    with pytest.raises(ToolError, match="JSON Schema cannot say what the tool 'listen' takes"):
        tool_definitions(guard, ["listen"])


def test_the_adapter_needs_no_sdk() -> None:
    """It reads fields, so it also serves clients that speak the protocol without `openai`, and loads nothing of it."""
    code = "import sys, ringfence_openai; print(sorted(name for name in sys.modules if name.startswith('openai')))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "[]\n"


# Code in arguments


@pytest.mark.parametrize("by_policy", [True, False])
def test_code_is_scanned_before_the_function_runs(make_guard: MakeGuard, by_policy: bool) -> None:
    """Whether the policy declares it or the registration: the denied snippet is not entered, and the model reads what to change."""
    ran: list[str] = []

    def python(code: str, note: str | None = None) -> str:
        ran.append(code)
        return "done"

    rules = {"python": ToolRule(code={"code": CodeRule(Language.PYTHON)})} if by_policy else {}
    guard = make_guard(roles=ROLES, tools=rules)
    guard.register(python, code={} if by_policy else {"code": "python"})
    denied = answer_to(guard, "python", json.dumps({"code": "import os\nos.remove('/srv/x')"}))
    assert "argument 'code' (python) in line 2: writes outside the working folder" in denied
    assert "Reason: scan." in denied
    assert "Hint: Write to a relative path." in denied
    assert answer_to(guard, "python", '{"code": "print(1)"}') == "done"
    assert ran == ["print(1)"]

"""`Guard`: every outcome of `run`, `arun`, `admit` and `finish`, callers, slots, observe mode, the default guard."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from ringfence import (
    ApprovalRefused,
    ArgumentRule,
    Decision,
    Guard,
    Kind,
    Mode,
    Permission,
    Reason,
    Role,
    Signature,
    Tool,
    ToolError,
    ToolExists,
    ToolRule,
    UnknownName,
    UnsafeWarning,
    User,
    Verdict,
    acting_in,
    current_session,
    secure_tool,
)
from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator
    from pathlib import Path

    from tests.conftest import MakeGuard

    from ringfence import Outcome, ToolCall

EXECUTE = (Permission.EXECUTE_TOOL,)
ROLES = {
    "clerk": Role(permissions=EXECUTE, allow=("*",), concurrent_runs=3),
    "banned": Role(inherits=("clerk",), deny=("*",)),
    "careful": Role(inherits=("clerk",), ask=("*",)),
    "single": Role(permissions=EXECUTE, allow=("*",), concurrent_runs=1),
}


class Crash:
    """A plugin that breaks the guard."""

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> Verdict | None:
        """Raise."""
        raise ZeroDivisionError


class Approver:
    """A person who always gives the same answer."""

    def __init__(self, *, answer: bool) -> None:
        self.answer = answer

    @hookimpl
    def ringfence_approve_call(self, call: ToolCall) -> bool:
        """Answer."""
        return self.answer


class Withhold:
    """A plugin that lets no result through."""

    @hookimpl
    def ringfence_judge_result(self, call: ToolCall) -> Verdict:
        """Object."""
        return Verdict(Decision.DENY, "it holds a secret", rule="secrets")


def register(guard: Guard, kind: Kind, runs: list[object]) -> None:
    """Register a tool of a kind under the name `refund`."""

    def sync(order: str, amount: float = 5.0) -> list[object]:
        runs.append(order)
        return [order, amount]

    async def asynchronous(order: str, amount: float = 5.0) -> list[object]:
        runs.append(order)
        return [order, amount]

    def generator(order: str, amount: float = 5.0) -> Iterator[object]:
        runs.append(order)
        yield from (order, amount)

    async def async_generator(order: str, amount: float = 5.0) -> AsyncIterator[object]:
        runs.append(order)
        yield order
        yield amount

    functions: dict[Kind, Callable[..., object]] = {
        Kind.SYNC: sync,
        Kind.ASYNC: asynchronous,
        Kind.GENERATOR: generator,
        Kind.ASYNC_GENERATOR: async_generator,
    }
    guard.register(functions[kind], name="refund")


def run(guard: Guard, way: str, tool: str, arguments: dict[str, object]) -> Outcome:
    """Run a tool through one of the two ways."""
    return guard.run(tool, arguments) if way == "run" else asyncio.run(guard.arun(tool, arguments))


KINDS = pytest.mark.parametrize("kind", Kind, ids=[kind.name.lower() for kind in Kind])
WAYS = pytest.mark.parametrize("way", ["run", "arun"])
A: dict[str, object] = {"order": "A"}
SCENARIOS: dict[
    str, tuple[list[str] | None, dict[str, object], str, dict[str, object], Reason | None, str]
] = {
    "allow": (["clerk"], {}, "refund", A, None, ""),
    "ask, approved": (["careful"], {"anna": Approver(answer=True)}, "refund", A, None, ""),
    "deny": (["banned"], {}, "refund", A, Reason.POLICY, "roles.banned.deny"),
    "ask": (["careful"], {}, "refund", A, Reason.POLICY, "roles.careful.ask"),
    "ask, refused": (
        ["careful"],
        {"anna": Approver(answer=False)},
        "refund",
        A,
        Reason.POLICY,
        "roles.careful.ask",
    ),
    "guard broken": (["clerk"], {"crash": Crash()}, "refund", A, Reason.GUARD, "crash-failed"),
    "missing argument": (["clerk"], {}, "refund", {}, Reason.ARGUMENTS, "signature"),
    "unknown argument": (["clerk"], {}, "refund", {"order": "A", "amuont": 1}, Reason.ARGUMENTS, "signature"),
    "unknown tool": (["clerk"], {}, "refnud", A, Reason.POLICY, "unknown-tool"),
    "unknown role": (["clrek"], {}, "refund", A, Reason.POLICY, "unknown-role"),
    "nobody acting": (None, {}, "refund", A, Reason.POLICY, "execute-tool"),
}


@KINDS
@WAYS
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_there_is_an_outcome_in_every_case(
    make_guard: MakeGuard, kind: Kind, way: str, scenario: str
) -> None:
    """`run` and `arun` raise for nothing that a call can be: the outcome tells, and denied means zero executions."""
    roles, plugins, tool, arguments, reason, rule = SCENARIOS[scenario]
    runs: list[object] = []
    guard = make_guard(roles=ROLES, plugins=plugins)
    register(guard, kind, runs)
    if roles is None:
        outcome = run(guard, way, tool, arguments)
    else:
        with guard.acting_as("ana", roles=roles):
            outcome = run(guard, way, tool, arguments)
    assert (outcome.reason, outcome.tool) == (reason, tool)
    if reason is None:
        assert (outcome.value, runs) == (["A", 5.0], ["A"])
        assert (outcome.success, outcome.executed, outcome.denied) == (True, True, False)
    else:
        assert (runs, outcome.value, outcome.verdict.rule) == ([], None, rule)
        assert (outcome.success, outcome.executed, outcome.denied) == (False, False, True)
        assert outcome.broken is (reason is Reason.GUARD)
        assert outcome.verdict.decision is (Decision.ASK if scenario == "ask" else Decision.DENY)
        with pytest.raises(Exception, match=tool):
            outcome.unwrap()


def test_a_refusal_tells_the_model_what_to_do(make_guard: MakeGuard) -> None:
    """The text for the model names tool, reason, rule, whether to retry and a hint, and holds no argument."""
    guard = make_guard(
        roles=ROLES, tools={"refund": ToolRule(arguments={"order": ArgumentRule(matches="A-*")})}
    )
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]):
        refusal = guard.run("refund", {"order": "hunter2"}).refusal()
    assert refusal == (
        "Ringfence denied refund: argument 'order' is not text that fits 'A-*'. Reason: policy. "
        "Rule: tools.refund.arguments.order.matches. Retry: no. "
        "Hint: Call it with an argument 'order' that is text that fits 'A-*'."
    )


def test_an_unknown_tool_is_met_with_the_nearest_name(make_guard: MakeGuard) -> None:
    """A name that no tool has is denied for an admin too, and the hint names the tool that was meant."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("refnd").verdict.hint == "Did you mean 'refund'?"
        assert guard.run("").verdict.rule == "unknown-tool"
        assert len(guard.run("x" * 100_000).refusal()) < 1000


def test_a_name_of_any_length_is_denied_at_once(make_guard: MakeGuard) -> None:
    """A model that sends megabytes as a tool's or an argument's name does not keep the gate busy looking for the nearest."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    before = time_of_this_thread()
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("ab" * 5_000_000).denied
        assert guard.run("refund", {"ab" * 5_000_000: 1}).denied
    assert time_of_this_thread() - before < 0.2


def time_of_this_thread() -> float:
    """Return the CPU seconds of this thread, which a busy machine does not lengthen."""
    from time import thread_time

    return thread_time()


@WAYS
@pytest.mark.parametrize("arguments", [None, ["A"], "order", 7, [("order", "A")], {1: "A"}])
def test_arguments_that_are_no_mapping_of_names_are_denied(
    make_guard: MakeGuard, way: str, arguments: Any
) -> None:
    """What a model sends instead of named arguments is a denial with the reason `arguments`, and no exception."""
    guard = make_guard(roles=ROLES)
    runs: list[object] = []
    guard.register(lambda **anything: runs.append(anything), name="log")
    with guard.acting_as("ana", roles=["clerk"]):
        outcome = run(guard, way, "log", arguments)
    assert (outcome.reason, outcome.executed, runs) == (Reason.ARGUMENTS, False, [])


def test_a_signature_that_fails_in_its_own_way_denies(make_guard: MakeGuard) -> None:
    """An adapter's signature that raises something else than TypeError is a broken gate: there is an outcome, and nothing runs."""

    class Own(Signature):
        def bind(self, args: Any, kwargs: Any) -> dict[str, object]:
            raise RuntimeError("schema")

    guard = make_guard(roles=ROLES)
    runs: list[object] = []
    with guard.acting_as("ana", roles=["clerk"]):
        outcome = guard.run(Tool("own", None, Own(lambda: None)), {}, body=lambda: runs.append(1))
    assert (outcome.success, outcome.executed, runs) == (False, False, [])


def test_a_method_is_not_run_without_its_object(make_guard: MakeGuard) -> None:
    """A method that was decorated in its class has no object when it is run by name: it is denied, and not called on None."""
    guard = make_guard(roles=ROLES)
    runs: list[object] = []

    class Shop:
        @secure_tool(guard=guard)
        def refund(self, order: str) -> None:
            runs.append(order)

    with guard.acting_as("ana", roles=["clerk"]):
        try:
            success = guard.run("refund", {"order": "A"}).success
        except ToolError:
            success = False
        Shop().refund("B")
    assert (success, runs) == (False, ["B"])


def test_a_bound_method_can_be_registered(make_guard: MakeGuard) -> None:
    """A method of an object is a tool without a receiver: `run` finds it by name."""
    guard = make_guard(roles=ROLES)

    class Shop:
        def refund(self, order: str) -> str:
            return order

    guard.register(Shop().refund)
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("refund", {"order": "A"}).value == "A"


def test_a_tool_that_only_the_policy_names_needs_a_body(make_guard: MakeGuard) -> None:
    """A name without a function runs through its framework's body, and is denied without one."""
    guard = make_guard(roles={"clerk": Role(permissions=EXECUTE, allow=("mail",))})
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("mail", {"to": "bo"}, body=lambda: "sent").value == "sent"
        assert guard.run("mail", {"to": "bo"}).verdict.rule == "unknown-tool"
        assert guard.run("fax", {"to": "bo"}, body=lambda: "sent").verdict.rule == "unknown-tool"


@WAYS
def test_a_body_runs_instead_of_the_function(make_guard: MakeGuard, way: str) -> None:
    """A framework's own body runs only where the call is allowed, and the tool's function does not run beside it."""
    guard = make_guard(roles=ROLES)
    runs: list[object] = []
    register(guard, Kind.SYNC, runs)

    async def body() -> str:
        runs.append("body")
        return "body"

    def go() -> Outcome:
        if way == "arun":
            return asyncio.run(guard.arun("refund", A, body=body))
        return guard.run("refund", A, body=lambda: asyncio.run(body()))

    assert go().denied
    assert runs == []
    with guard.acting_as("ana", roles=["clerk"]):
        assert go().value == "body"
    assert runs == ["body"]


async def test_an_async_tool_cannot_be_run_inside_a_loop(make_guard: MakeGuard) -> None:
    """`run` inside a running loop could only block it, so it refuses an async tool and names `arun`."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.ASYNC, [])
    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(ToolError, match=r"await guard\.arun"):
        guard.run("refund", A)


@WAYS
def test_the_tools_own_exception_is_its_outcome(make_guard: MakeGuard, way: str) -> None:
    """A tool that raises has run and failed: the outcome keeps the exception, and the text for the model only its type."""
    guard = make_guard(roles=ROLES)

    def refund() -> None:
        raise ValueError("hunter2")

    guard.register(refund)
    with guard.acting_as("ana", roles=["clerk"]):
        outcome = run(guard, way, "refund", {})
    assert (outcome.reason, outcome.executed, outcome.denied) == (Reason.CRASHED, True, False)
    assert outcome.refusal() == "refund failed: the tool raised ValueError (reason: crashed)."
    with pytest.raises(ValueError, match="hunter2"):
        outcome.unwrap()


# The two halves


def test_a_framework_runs_the_tool_between_the_halves(make_guard: MakeGuard) -> None:
    """`admit` decides, the framework runs, `finish` hands the value on."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]):
        admission = guard.admit("refund", A)
    assert admission.admitted
    assert admission.call.arguments == {"order": "A", "amount": 5.0}
    assert guard.finish(admission, value="done").value == "done"


def test_a_denied_admission_never_becomes_a_success(make_guard: MakeGuard) -> None:
    """A framework that finishes a call which was denied gets the denial again, not its value."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    admission = guard.admit("refund", A)
    assert not admission.admitted
    outcome = guard.finish(admission, value="ran all the same")
    assert (outcome.success, outcome.value) == (False, None)


def test_finishing_twice_does_not_bring_back_what_was_withheld(make_guard: MakeGuard) -> None:
    """The second `finish` returns what the first one did: inspection cannot be passed by asking again."""
    guard = make_guard(roles=ROLES, plugins={"inspector": Withhold()})
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]):
        admission = guard.admit("refund", A)
    first = guard.finish(admission, value="secret")
    second = guard.finish(admission, value="secret")
    assert (first.reason, first.value) == (Reason.WITHHELD, None)
    assert (second.reason, second.value) == (Reason.WITHHELD, None)


def test_finishing_twice_gives_one_slot_back(make_guard: MakeGuard) -> None:
    """A second `finish` frees no slot of another call."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["single"]):
        admission = guard.admit("refund", A)
        guard.finish(admission, value=1)
        held = guard.admit("refund", A)
        guard.finish(admission, value=1)
        assert guard.run("refund", A).verdict.rule == "concurrent_runs"
        guard.finish(held, value=1)
        assert guard.run("refund", A).success


def test_the_arguments_that_were_judged_are_those_that_run(make_guard: MakeGuard) -> None:
    """A plugin that is asked later cannot change the arguments which an earlier check has passed."""

    class Change:
        @hookimpl
        def ringfence_judge_call(self, call: ToolCall) -> None:
            call.arguments["amount"] = 10**6  # type: ignore[index]  # that it cannot is what is tested

    rule = ToolRule(arguments={"amount": ArgumentRule(max=10)})
    guard = make_guard(roles=ROLES, tools={"refund": rule}, plugins={"change": Change()})
    runs: list[object] = []
    register(guard, Kind.SYNC, runs)
    with guard.acting_as("ana", roles=["clerk"]):
        outcome = guard.run("refund", {"order": "A", "amount": 1})
    assert (outcome.broken, outcome.verdict.check, runs) == (True, "change", [])


def test_deciding_runs_nothing_and_asks_nobody(make_guard: MakeGuard) -> None:
    """`decide` gives the verdict that a call would get before anybody is asked, and takes no slot."""
    guard = make_guard(roles=ROLES, plugins={"anna": Approver(answer=True)})
    runs: list[object] = []
    register(guard, Kind.SYNC, runs)
    assert guard.decide("refund", A).decision is Decision.DENY
    with guard.acting_as("ana", roles=["careful"]):
        for _ in range(9):
            assert guard.decide("refund", A).decision is Decision.ASK
    assert runs == []


# Tools


def test_a_framework_tool_cannot_pose_as_a_registered_one(make_guard: MakeGuard) -> None:
    """A tool that a framework brings under a registered name is refused unless it is the same function."""
    guard = make_guard()

    def refund() -> None: ...

    def imposter() -> None: ...

    mine = guard.register(refund)
    assert guard.adopt(Tool("refund", refund)) is mine
    with pytest.raises(ToolExists, match="'refund' already belongs to"):
        guard.adopt(Tool("refund", imposter))
    with pytest.raises(ToolExists, match="'refund' already belongs to"):
        guard.adopt(Tool("refund"))


def test_the_registered_tools_cannot_be_changed_from_outside(make_guard: MakeGuard) -> None:
    """`tools` is a view: a tool gets in through `register` only."""
    guard = make_guard()
    with pytest.raises(TypeError, match="does not support item assignment"):
        guard.tools["refund"] = Tool("refund")  # type: ignore[index]


# Callers


def test_outside_of_a_block_there_is_nobody(make_guard: MakeGuard) -> None:
    """Before and after `acting_as`, and where the block ended with an exception, the caller is nobody again."""
    guard = make_guard(roles=ROLES)
    assert current_session().principal.user == ""
    with suppress(KeyError), guard.acting_as("ana", roles=["clerk"], address="10.0.0.1") as session:
        assert current_session() is session
        assert (session.principal.user, session.principal.address) == ("ana", "10.0.0.1")
        with guard.acting_as("bo", roles=[]):
            assert current_session().principal.user == "bo"
        assert current_session() is session
        raise KeyError
    assert current_session().principal.user == ""
    assert current_session().principal.roles == ()


def test_the_policy_gives_a_users_roles(make_guard: MakeGuard) -> None:
    """A user whom the policy names needs no roles in the code; one whom it does not name is an error."""
    guard = make_guard(roles=ROLES, users={"ana": User(roles=("clerk",))})
    with guard.acting_as("ana") as session:
        assert session.principal.roles == ("clerk",)
    with pytest.raises(UnknownName, match=r"unknown user 'anna'.*Did you mean 'ana'\?"):
        guard.acting_as("anna")
    with pytest.raises(TypeError, match=r"write roles=\['clerk'\]"):
        guard.acting_as("ana", roles="clerk")


def test_a_new_thread_has_nobody(make_guard: MakeGuard) -> None:
    """A plain thread does not inherit the caller of the thread that started it."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current_session).result().principal.user == ""
        assert pool.submit(guard.run, "refund", A).result().verdict.rule == "execute-tool"


def test_threads_do_not_mix_their_callers(make_guard: MakeGuard) -> None:
    """Each thread acts as its own user, however their calls interleave."""
    guard = make_guard(roles=ROLES)
    guard.register(lambda: current_session().principal.user, name="who")
    seen: list[tuple[str, object]] = []
    together = threading.Barrier(8)

    def act(user: str) -> None:
        with guard.acting_as(user, roles=["clerk"]):
            together.wait()
            seen.extend((user, guard.run("who").value) for _ in range(50))

    threads = [threading.Thread(target=act, args=(f"user{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 400
    assert all(user == who for user, who in seen)


@KINDS
async def test_tasks_do_not_mix_their_callers(make_guard: MakeGuard, kind: Kind) -> None:
    """Each task acts as its own user, in the tool's thread too, and a task started inside a block is its user's."""
    guard = make_guard(roles=ROLES)

    async def who_async() -> str:
        await asyncio.sleep(0)
        return current_session().principal.user

    async def who_items() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield current_session().principal.user

    def who_each() -> Iterator[str]:
        yield current_session().principal.user

    tools: dict[Kind, Callable[..., Any]] = {
        Kind.SYNC: lambda: current_session().principal.user,
        Kind.ASYNC: who_async,
        Kind.GENERATOR: who_each,
        Kind.ASYNC_GENERATOR: who_items,
    }
    guard.register(tools[kind], name="who")

    async def act(user: str) -> bool:
        with guard.acting_as(user, roles=["clerk"]):
            answers = []
            for _ in range(5):
                outcome = await asyncio.create_task(guard.arun("who"))
                value: Any = outcome.value
                answers += [value] if isinstance(value, str) else list(value)
        return answers == [user] * 5

    assert all(await asyncio.gather(*(act(f"user{n}") for n in range(8))))
    assert current_session().principal.user == ""


def test_a_tool_that_calls_a_tool_acts_for_the_same_user(make_guard: MakeGuard) -> None:
    """A nested call passes the gate like any other, with the same caller, and a denial of it is the outer tool's to handle."""
    guard = make_guard(roles={**ROLES, "no_mail": Role(inherits=("clerk",), deny=("mail",))})

    @secure_tool(guard=guard)
    def mail() -> str:
        return current_session().principal.user

    @secure_tool(guard=guard)
    def refund() -> str:
        return f"told {mail()}"

    with guard.acting_as("ana", roles=["clerk"]):
        assert refund() == "told ana"
        assert guard.run("refund").value == "told ana"
    with guard.acting_as("bo", roles=["no_mail"]):
        outcome = guard.run("refund")
    assert (outcome.reason, outcome.executed) == (Reason.CRASHED, True)
    assert "roles.no_mail.deny" in str(outcome.error)


def test_a_session_can_be_kept_and_acted_in_again(make_guard: MakeGuard) -> None:
    """A session counts what was admitted and refused in it, over several blocks."""
    guard = make_guard(roles=ROLES)
    register(guard, Kind.SYNC, [])
    session = guard.session("ana", roles=["clerk"])
    for arguments in (A, {}, A):
        with acting_in(session):
            guard.run("refund", arguments)
    assert (session.admitted["refund"], session.refused["refund"]) == (2, 1)


# Generators


def test_a_generator_runs_as_the_caller_who_made_it(make_guard: MakeGuard) -> None:
    """Whoever asks for the items, the body acts for its maker, and the one who asks stays who they are."""
    guard = make_guard(roles=ROLES)

    @secure_tool(guard=guard)
    def who() -> Iterator[str]:
        try:
            for _ in range(3):
                yield current_session().principal.user
        finally:
            ended.append(current_session().principal.user)

    ended: list[str] = []
    with guard.acting_as("ana", roles=["clerk"]):
        items = who()
    assert next(items) == "ana"
    with guard.acting_as("bo", roles=["clerk"]):
        assert next(items) == "ana"
        assert current_session().principal.user == "bo"
        items.close()  # type: ignore[attr-defined]  # typed as what the function promises
    assert ended == ["ana"]


async def test_an_async_generator_runs_as_the_caller_who_made_it(make_guard: MakeGuard) -> None:
    """The same for an async generator, whose body waits between its items."""
    guard = make_guard(roles=ROLES)

    @secure_tool(guard=guard)
    async def who() -> AsyncIterator[str]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield current_session().principal.user

    with guard.acting_as("ana", roles=["clerk"]):
        items = who()
    with guard.acting_as("bo", roles=["clerk"]):
        assert [(item, current_session().principal.user) async for item in items] == [("ana", "bo")] * 3


def test_a_withheld_item_ends_the_body_as_its_maker(make_guard: MakeGuard) -> None:
    """When an item is withheld the body is closed, still acting for the caller who made the generator."""
    guard = make_guard(roles=ROLES, plugins={"inspector": Withhold()})
    ended: list[str] = []

    @secure_tool(guard=guard)
    def who() -> Iterator[str]:
        try:
            yield "secret"
        finally:
            ended.append(current_session().principal.user)

    with guard.acting_as("ana", roles=["clerk"]):
        items = who()
    with guard.acting_as("bo", roles=["clerk"]), pytest.raises(Exception, match="it holds a secret"):
        next(items)
    assert ended == ["ana"]
    assert next(items, "nothing more") == "nothing more"


def test_a_generator_keeps_its_protocol(make_guard: MakeGuard) -> None:
    """Values sent, exceptions thrown in and the value returned reach the body and come out as from a bare generator."""
    guard = make_guard(roles=ROLES)

    @secure_tool(guard=guard)
    def echo() -> Generator[object, object, str]:
        got: object = "start"
        while got != "stop":
            try:
                got = yield got
            except KeyError as error:
                got = f"caught {error}"
        return "end"

    with guard.acting_as("ana", roles=["clerk"]):
        items: Any = echo()
    assert next(items) == "start"
    assert items.send("more") == "more"
    assert items.throw(KeyError("k")) == "caught 'k'"
    with pytest.raises(StopIteration, match="end"):
        items.send("stop")
    assert list(items) == []


def test_asking_a_running_generator_for_an_item_does_not_end_it(make_guard: MakeGuard) -> None:
    """A second thread or the body itself that asks too early gets Python's own error; the stream goes on, and keeps its slot."""
    guard = make_guard(roles=ROLES)
    box: list[Any] = []

    @secure_tool(guard=guard)
    def numbers() -> Iterator[int]:
        for n in range(3):
            with pytest.raises(ValueError, match="already executing"):
                next(box[0])
            yield n

    with guard.acting_as("ana", roles=["clerk"]):
        box.append(numbers())
        assert list(box[0]) == [0, 1, 2]


# Slots


def running(guard: Guard, user: str = "ana") -> int:
    """Return how many more calls a user of the role `single` may not have: 1 while one is running."""
    with guard.acting_as(user, roles=["single"]):
        return 0 if guard.run("probe").success else 1


@pytest.fixture
def single(make_guard: MakeGuard) -> Guard:
    """Give a guard with a tool that tells whether the one slot of `ana` is free."""
    guard = make_guard(roles=ROLES)
    guard.register(lambda: None, name="probe")
    return guard


def test_threads_get_exactly_as_many_runs_as_the_role_has(make_guard: MakeGuard) -> None:
    """Of twelve calls at once three run and nine are told to wait; when the three have ended, three more may run."""
    guard, release, started = make_guard(roles=ROLES), threading.Event(), threading.Semaphore(0)

    def wait() -> None:
        started.release()
        release.wait(10)

    guard.register(wait)

    def go(n: int) -> Outcome:
        with guard.acting_as("ana", roles=["clerk"]):
            return guard.run("wait")

    for _ in range(2):
        with ThreadPoolExecutor(12) as pool:
            outcomes = [pool.submit(go, n) for n in range(12)]
            for _ in range(3):
                assert started.acquire(timeout=10)
            while sum(future.done() for future in outcomes) < 9:
                release.wait(0.001)
            release.set()
        denied = [found.result() for found in outcomes if not found.result().success]
        assert len(denied) == 9
        assert {outcome.verdict.rule for outcome in denied} == {"concurrent_runs"}
        assert all(outcome.verdict.retry for outcome in denied)
        release.clear()


async def test_tasks_get_exactly_as_many_runs_as_the_role_has(make_guard: MakeGuard) -> None:
    """The same under asyncio: the body never runs more often at once than the role allows."""
    guard, release = make_guard(roles=ROLES), asyncio.Event()

    async def wait() -> None:
        await release.wait()

    guard.register(wait)
    with guard.acting_as("ana", roles=["clerk"]):
        tasks = [asyncio.create_task(guard.arun("wait")) for _ in range(12)]
        await asyncio.sleep(0.05)
        assert sum(task.done() for task in tasks) == 9
        release.set()
        outcomes = await asyncio.gather(*tasks)
    assert sum(outcome.success for outcome in outcomes) == 3


def test_each_user_has_slots_of_their_own(single: Guard) -> None:
    """One user's running call takes nothing from another."""
    with single.acting_as("ana", roles=["single"]):
        admission = single.admit("probe")
    assert running(single) == 1
    assert running(single, "bo") == 0
    single.finish(admission)
    assert running(single) == 0


def test_the_largest_limit_of_a_users_roles_counts(make_guard: MakeGuard) -> None:
    """A user with two roles may have as many runs as the larger one allows."""
    guard = make_guard(roles=ROLES)
    guard.register(lambda: None, name="probe")
    with guard.acting_as("ana", roles=["single", "clerk"]):
        held = [guard.admit("probe") for _ in range(4)]
    assert [admission.admitted for admission in held] == [True, True, True, False]
    for admission in held[:3]:
        guard.finish(admission)


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt("no"), SystemExit("no"), GeneratorExit("no")]
)
def test_a_slot_returns_after_whatever_was_raised(single: Guard, error: BaseException) -> None:
    """An exception of the tool gives the slot back, and what is no `Exception` goes on to the caller."""

    def fail() -> None:
        raise error

    single.register(fail)
    with single.acting_as("ana", roles=["single"]):
        if isinstance(error, Exception):
            assert single.run("fail").error is error
        else:
            with pytest.raises(type(error), match="no"):
                single.run("fail")
    assert running(single) == 0


@pytest.mark.parametrize("end", ["exhausted", "closed", "closed before it began", "dropped", "raised"])
def test_a_slot_returns_however_a_generator_ends(single: Guard, end: str) -> None:
    """A generator holds its slot until it is used up, closed, dropped or has raised."""

    @secure_tool(guard=single)
    def numbers() -> Iterator[int]:
        yield 1
        if end == "raised":
            raise ValueError("no")

    with single.acting_as("ana", roles=["single"]):
        items: Any = numbers()
    assert running(single) == 1
    if end != "closed before it began":
        assert next(items) == 1
        assert running(single) == 1
    if end == "exhausted":
        assert list(items) == []
    elif end == "raised":
        with pytest.raises(ValueError, match="no"):
            next(items)
    elif end == "dropped":
        del items
        gc.collect()
    else:
        items.close()
    assert running(single) == 0


@pytest.mark.parametrize(
    "end", ["exhausted", "closed", "closed before it began", "dropped", "raised", "cancelled"]
)
async def test_a_slot_returns_however_an_async_generator_ends(single: Guard, end: str) -> None:
    """The same for an async generator, which can also be cancelled between two items."""

    @secure_tool(guard=single)
    async def numbers() -> AsyncIterator[int]:
        yield 1
        if end == "raised":
            raise ValueError("no")
        if end == "cancelled":
            await asyncio.sleep(10)

    with single.acting_as("ana", roles=["single"]):
        items: Any = numbers()
    assert running(single) == 1
    if end != "closed before it began":
        assert await anext(items) == 1
    if end == "exhausted":
        assert [item async for item in items] == []
    elif end == "raised":
        with pytest.raises(ValueError, match="no"):
            await anext(items)
    elif end == "cancelled":
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(items)
    elif end == "dropped":
        del items
        gc.collect()
    else:
        await items.aclose()
    assert running(single) == 0


async def test_a_slot_returns_after_cancellation(single: Guard) -> None:
    """A cancelled async tool gives its slot back, and the cancellation goes on to the caller."""
    cleaned: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            cleaned.append(current_session().principal.user)

    single.register(wait)
    with single.acting_as("ana", roles=["single"]):
        task = asyncio.create_task(single.arun("wait"))
    await asyncio.sleep(0.01)
    assert running(single) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(single) == 0
    assert cleaned == ["ana"]


async def test_a_cancelled_thread_keeps_its_slot_until_it_ends(single: Guard) -> None:
    """A synchronous tool cannot be stopped: after its caller was cancelled it still runs, so its slot is still taken."""
    release, started = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        release.wait(10)

    single.register(wait)
    with single.acting_as("ana", roles=["single"]):
        task = asyncio.create_task(single.arun("wait"))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while_running = running(single)
    release.set()
    await asyncio.sleep(0.05)
    assert (while_running, running(single)) == (1, 0)


class Slow:
    """A plugin that takes its time, and says when it was asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.answer = threading.Event()

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> None:
        """Wait, for every tool but the probe."""
        if call.tool.name != "probe":
            self.asked.set()
            self.answer.wait(10)


@pytest.mark.parametrize("loop_ends", [False, True])
def test_cancelled_while_being_admitted_nothing_runs(make_guard: MakeGuard, *, loop_ends: bool) -> None:
    """A caller who is cancelled while a plugin thinks gets no run, and no slot stays taken, even if the loop ends first."""
    slow = Slow()
    runs: list[object] = []
    guard = make_guard(roles=ROLES, plugins={"slow": slow})
    register(guard, Kind.SYNC, runs)
    guard.register(lambda: None, name="probe")

    async def main() -> None:
        with guard.acting_as("ana", roles=["single"]):
            task = asyncio.create_task(guard.arun("refund", A))
        await asyncio.to_thread(slow.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if loop_ends:
            threading.Timer(0.05, slow.answer.set).start()
        else:
            slow.answer.set()
            await asyncio.sleep(0.05)

    asyncio.run(main())
    assert runs == []
    assert running(guard) == 0


# Observe mode


def observing(make_guard: MakeGuard, **sections: Any) -> Guard:
    """Return a guard in observe mode, and check that it says so."""
    with pytest.warns(UnsafeWarning, match="observe mode: calls that it denies are recorded, and run"):
        return make_guard(mode=Mode.OBSERVE, roles=ROLES, **sections)


@KINDS
@WAYS
@pytest.mark.parametrize("role", ["banned", "careful"])
def test_observe_mode_runs_what_the_policy_denies(
    make_guard: MakeGuard, kind: Kind, way: str, role: str
) -> None:
    """A policy's denial or question stops nothing in observe mode, and the outcome is stamped with the verdict it had."""
    guard = observing(make_guard, plugins={"anna": Approver(answer=False)})
    runs: list[object] = []
    register(guard, kind, runs)
    with guard.acting_as("ana", roles=[role]):
        outcome = run(guard, way, "refund", A)
    assert (outcome.success, outcome.observed, outcome.value, runs) == (True, True, ["A", 5.0], ["A"])
    assert outcome.verdict.decision is not Decision.ALLOW
    assert not outcome.denied


def test_observe_mode_stamps_only_what_it_let_pass(make_guard: MakeGuard) -> None:
    """An allowed call is not stamped."""
    guard = observing(make_guard)
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["clerk"]):
        assert not guard.run("refund", A).observed


@pytest.mark.parametrize("scenario", ["guard broken", "missing argument", "unknown tool"])
def test_observe_mode_does_not_run_what_cannot_be_judged(make_guard: MakeGuard, scenario: str) -> None:
    """A broken guard, arguments that do not fit and unknown tools are denied in observe mode too."""
    roles, plugins, tool, arguments, reason, rule = SCENARIOS[scenario]
    guard = observing(make_guard, plugins=plugins)
    runs: list[object] = []
    register(guard, Kind.SYNC, runs)
    with guard.acting_as("ana", roles=roles):
        outcome = guard.run(tool, arguments)
    assert (outcome.reason, outcome.verdict.rule, outcome.observed, runs) == (reason, rule, False, [])


def test_observe_mode_counts_runs_beyond_the_limit(make_guard: MakeGuard) -> None:
    """More runs than the role has are let pass and stamped, and all slots return."""
    guard = observing(make_guard)
    guard.register(lambda: None, name="probe")
    with guard.acting_as("ana", roles=["single"]):
        held = [guard.admit("probe") for _ in range(3)]
        assert [admission.observed for admission in held] == [False, True, True]
        for admission in held:
            guard.finish(admission)
        assert not guard.run("probe").observed


# What ends a call without an outcome


class Exit:
    """A plugin that ends the program."""

    def __init__(self, hook: str) -> None:
        self.hook = hook

    @hookimpl
    def ringfence_judge_call(self, call: ToolCall) -> None:
        """Exit, where this is the hook."""
        if self.hook == "judge_call" and call.tool.name != "probe":
            raise SystemExit(3)

    @hookimpl
    def ringfence_judge_result(self, call: ToolCall) -> None:
        """Exit, where this is the hook."""
        if self.hook == "judge_result" and call.tool.name != "probe":
            raise SystemExit(3)


@pytest.mark.parametrize(("hook", "runs_before"), [("judge_call", []), ("judge_result", ["A"])])
def test_exit_from_a_plugin_ends_the_call(
    make_guard: MakeGuard, hook: str, runs_before: list[object]
) -> None:
    """`SystemExit` is not taken for a failing plugin: it goes on, nothing runs after it, and the slot is free again."""
    guard = make_guard(roles=ROLES, plugins={"exit": Exit(hook)})
    runs: list[object] = []
    register(guard, Kind.SYNC, runs)
    guard.register(lambda: None, name="probe")
    with guard.acting_as("ana", roles=["single"]), pytest.raises(SystemExit, match="3"):
        guard.run("refund", A)
    assert runs == runs_before
    assert running(guard) == 0


# What is asked of a person


def test_nobody_who_answers_is_a_denial(make_guard: MakeGuard) -> None:
    """An approver for whom the call is not theirs answers None; when all do, the call is denied and may be tried later."""

    class NotMine:
        @hookimpl
        def ringfence_approve_call(self, call: ToolCall) -> bool | None:
            return None

    guard = make_guard(roles=ROLES, plugins={"one": NotMine(), "two": NotMine()})
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["careful"]):
        outcome = guard.run("refund", A)
    assert (outcome.verdict.check, outcome.verdict.retry, outcome.denied) == ("approval", True, True)
    with pytest.raises(ApprovalRefused, match="nobody answered"):
        outcome.unwrap()


def test_a_denied_call_is_not_asked_about(make_guard: MakeGuard) -> None:
    """A person is asked only where the verdict is ask: an approval cannot overrule a denial."""
    asked: list[str] = []

    class Keen:
        @hookimpl
        def ringfence_approve_call(self, call: ToolCall) -> bool:
            asked.append(call.tool.name)
            return True

    guard = make_guard(roles=ROLES, plugins={"keen": Keen()})
    register(guard, Kind.SYNC, [])
    with guard.acting_as("ana", roles=["careful", "banned"]):
        assert guard.run("refund", A).denied
    assert asked == []


# The default guard, each in a process of its own

DEFAULT = """
import ringfence
from ringfence import Audit, Guard, Policy, StoreKind, secure_tool

@secure_tool(role="user")
def refund(order: str) -> str:
    print("ran")
    return order
"""
POLICY = "audit:\n  store: memory\nusers:\n  ana:\n    roles: [user]\n"


def python(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", DEFAULT + code],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environment},
        text=True,
        timeout=30,
    )


def test_the_default_guard_comes_from_the_environment(tmp_path: Path) -> None:
    """RINGFENCE_POLICY names the policy of tools that were given no guard, and it is read at the first call."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    code = """
try:
    refund("A")
except ringfence.CallDenied as error:
    print("denied")
with ringfence.default_guard().acting_as("ana"):
    print(refund("A"), ringfence.default_guard().run("refund", {"order": "B"}).value)
"""
    done = python(code, tmp_path, RINGFENCE_POLICY="policy.yaml")
    assert (done.stdout.split(), done.stderr) == (["denied", "ran", "ran", "A", "B"], "")


def test_a_default_policy_that_cannot_be_used_denies(tmp_path: Path) -> None:
    """A file that is missing or wrong stops the call with its own error, and the next call too."""
    code = """
for _ in range(2):
    try:
        refund("A")
    except ringfence.PolicyFileError as error:
        print("refused")
"""
    (tmp_path / "wrong.yaml").write_text("roels: {}\n")
    for name in ("missing.yaml", "wrong.yaml"):
        done = python(code, tmp_path, RINGFENCE_POLICY=name)
        assert (done.stdout.split(), done.stderr) == (["refused", "refused"], "")


def test_without_a_default_guard_nothing_runs(tmp_path: Path) -> None:
    """No guard is not an open gate: the call fails, and says how to configure one."""
    code = """
try:
    refund("A")
except ringfence.NoGuard as error:
    print(error.hint)
"""
    done = python(code, tmp_path, RINGFENCE_POLICY="")
    assert "RINGFENCE_POLICY" in done.stdout
    assert "ran" not in done.stdout.split()


def test_configure_takes_guard_policy_or_file(tmp_path: Path) -> None:
    """The default guard can be given as any of the three, replaced, and knows all tools that wait for one."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    code = """
policy = Policy(audit=Audit(store=StoreKind.MEMORY))
for source in (policy, Guard(policy), "policy.yaml"):
    guard = ringfence.configure(source)
    assert ringfence.default_guard() is guard
    assert list(guard.tools) == ["refund"]

@secure_tool
def late() -> None: ...
assert list(guard.tools) == ["refund", "late"]
try:
    ringfence.configure("missing.yaml")
except ringfence.PolicyFileError:
    assert ringfence.default_guard() is guard
    print("kept")
"""
    done = python(code, tmp_path, RINGFENCE_POLICY="elsewhere.yaml")
    assert (done.stdout.split(), done.stderr) == (["kept"], "")


# A guard's own life


def test_a_guard_without_a_policy_allows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Guard()` has the built-in roles and denies by default, for an admin too."""
    monkeypatch.chdir(tmp_path)
    with Guard() as guard, guard.acting_as("root", roles=["admin"]):
        register(guard, Kind.SYNC, [])
        assert guard.run("refund", A).verdict.rule == "nobody-spoke"

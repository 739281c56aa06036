"""The restricted tier behind the gate: what runs, what is denied, and what the outcome and the record say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ringfence import (
    CallDenied,
    Guard,
    Profile,
    Reason,
    SecurityLevel,
    Tier,
    ToolRule,
    secure_tool,
)
from ringfence.errors import ArgumentsInvalid, PolicyError, SnippetFailed, SnippetStopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeGuard

    from ringfence import Outcome


def compute(source: str, x: Any = 0) -> Any:
    """Stand for a tool whose body must not run."""
    raise AssertionError("the function's own body ran")


def guard_with(make_guard: MakeGuard, profile: Profile | None = None, **sections: Any) -> Guard:
    """Return a guard with the tool `compute` in the restricted tier."""
    guard = make_guard(profiles={"default": profile or Profile()}, **sections)
    guard.register(compute, role="user", tier="restricted", code={"source": "python"})
    return guard


def run(guard: Guard, source: Any, **arguments: Any) -> Outcome:
    """Run the tool as a user."""
    with guard.acting_as("ana", ["user"]):
        return guard.run("compute", {"source": source, **arguments})


def test_the_snippet_runs_and_the_function_does_not(make_guard: MakeGuard) -> None:
    """The other arguments are its inputs; value, output, tier and usage stand in the outcome."""
    outcome = run(guard_with(make_guard), "print('hi')\nx * 2", x=21)
    assert outcome.success
    assert (outcome.value, outcome.output.stdout, outcome.tier) == (42, "hi\n", Tier.RESTRICTED)
    assert outcome.usage is not None
    assert outcome.usage.wall_seconds > 0


def test_the_decorator_gives_the_value(make_guard: MakeGuard) -> None:
    """A secured function of the tier is called like any other."""
    guard = make_guard()

    @secure_tool(role="user", guard=guard, tier="restricted", code={"formula": "python"})
    def price(formula: str, amount: int) -> float:
        raise AssertionError("the function's own body ran")

    with guard.acting_as("ana", ["user"]):
        assert price("amount * 2.5", amount=4) == 10.0
        with pytest.raises(SnippetFailed, match="ZeroDivisionError in line 1"):
            price("1 / 0", amount=1)
        with pytest.raises(CallDenied, match="in line 1: async"):
            price("[x async for x in y]", amount=1)


ENDS: list[tuple[str, Profile, Reason, bool]] = [
    ("async def f(): pass", Profile(), Reason.SCAN, False),
    ("while True: pass", Profile(steps=1000), Reason.CPU, True),
    ("while True: pass", Profile(steps=10**12, wall_seconds=0.2), Reason.TIMEOUT, True),
    ("while True: pass", Profile(steps=10**12, cpu_seconds=0.2), Reason.TIMEOUT, True),
    ("[0] * 10 ** 9", Profile(memory_mb=32), Reason.MEMORY, True),
    ("x = 3\nfor i in range(40): x = x * x", Profile(), Reason.MEMORY, True),
    ("'x' * 5000", Profile(output_bytes=1000), Reason.OUTPUT, True),
    ("print", Profile(), Reason.OUTPUT, True),
    ("getattr(1, '__cl' + 'ass_' + '_base__')", Profile(), Reason.POLICY, True),
    ("{}['k']", Profile(), Reason.CRASHED, True),
    ("import json", Profile(modules=("math",)), Reason.CRASHED, True),
    ("x = 1\n" * 100, Profile(source_bytes=100), Reason.SCAN, False),
]


@pytest.mark.parametrize(
    ("source", "profile", "reason", "executed"), ENDS, ids=[f"{e[2]}-{i}" for i, e in enumerate(ENDS)]
)
def test_each_end_has_its_reason(
    make_guard: MakeGuard, source: str, profile: Profile, reason: Reason, executed: bool
) -> None:
    """What ended a snippet is told by a closed list, and whether anything ran."""
    outcome = run(guard_with(make_guard, profile), source)
    assert (outcome.reason, outcome.executed) == (reason, executed), outcome.detail
    assert not outcome.success
    assert outcome.value is None


def test_an_exceptions_text_stays_out_of_the_detail(make_guard: MakeGuard) -> None:
    """It may hold anything, and details are recorded; the error itself has it for the caller."""
    outcome = run(guard_with(make_guard), "raise ValueError('pass' + 'word is hunter2')")
    assert outcome.detail == "the snippet raised ValueError in line 1"
    assert isinstance(outcome.error, SnippetFailed)
    assert outcome.error.text == "password is hunter2"
    assert "hunter2" not in outcome.refusal()


def test_inputs_that_are_no_plain_values_do_not_fit(make_guard: MakeGuard) -> None:
    """Nothing runs, and the caller learns which argument it was."""
    outcome = run(guard_with(make_guard), "x", x=object())
    assert (outcome.reason, outcome.executed) == (Reason.ARGUMENTS, False)
    assert "the input 'x' holds a object" in outcome.detail
    with pytest.raises(ArgumentsInvalid, match="the input 'x'"):
        outcome.unwrap()


@pytest.mark.parametrize("level", [SecurityLevel.HIGH, SecurityLevel.PARANOID])
def test_high_levels_never_run_here(make_guard: MakeGuard, level: SecurityLevel) -> None:
    """The refusal says what the tier is for, and where such code belongs."""
    outcome = run(guard_with(make_guard, Profile(security_level=level)), "1")
    assert (outcome.reason, outcome.executed) == (Reason.UNAVAILABLE, False)
    assert outcome.detail == (
        f"at security level {level} nothing runs in the restricted tier, which is for trusted, low-risk snippets: "
        "untrusted code belongs in the tier sandbox"
    )


def test_a_tool_without_a_snippet_is_closed(make_guard: MakeGuard) -> None:
    """The tier runs the one argument that the registration declares as Python; none, or two, is no snippet."""
    guard = make_guard()
    guard.register(lambda x: x, name="none", role="user", tier="restricted")
    guard.register(
        lambda a, b: a, name="two", role="user", tier="restricted", code={"a": "python", "b": "python"}
    )
    guard.register(lambda x: x, name="other", role="user", tier="restricted", code={"x": "sql"})
    with guard.acting_as("ana", ["user"]):
        for name, arguments in (
            ("none", {"x": "1"}),
            ("two", {"a": "1", "b": "1"}),
            ("other", {"x": "SELECT 1"}),
        ):
            outcome = guard.run(name, arguments)
            assert not outcome.executed
            assert outcome.verdict.rule == "no-snippet", name


def test_the_policy_can_move_a_tool_here(make_guard: MakeGuard) -> None:
    """An inline tool that declares a snippet runs in the tier that its rule names."""
    guard = make_guard(tools={"compute": ToolRule(tier=Tier.RESTRICTED)})
    guard.register(compute, role="user", code={"source": "python"})
    assert run(guard, "1 + 1").value == 2


def test_generators_and_calls_that_others_run_are_denied_here(make_guard: MakeGuard) -> None:
    """No runner would hold them: a generator gives its items one by one, and `admit` leaves the running to its caller."""
    guard = guard_with(make_guard)

    @secure_tool(role="user", guard=guard, tier="restricted", code={"source": "python"})
    def stream(source: str) -> Iterator[int]:
        yield from compute(source)

    with guard.acting_as("ana", ["user"]):
        assert guard.admit("compute", {"source": "1"}).verdict.reason is Reason.UNAVAILABLE
        with pytest.raises(CallDenied, match="gives its items one by one"):
            stream("1")


async def test_in_an_event_loop_it_runs_in_a_thread(make_guard: MakeGuard) -> None:
    """The loop goes on while a snippet works, for a plain function as for an async one."""
    guard = guard_with(make_guard, Profile(steps=10**12, wall_seconds=0.5))

    @secure_tool(role="user", guard=guard, tier="restricted", code={"source": "python"})
    async def later(source: str) -> int:
        raise AssertionError("the function's own body ran")

    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(beat())
    with guard.acting_as("ana", ["user"]):
        outcome = await guard.arun("compute", {"source": "while True: pass"})
        assert outcome.reason is Reason.TIMEOUT
        with pytest.raises(SnippetStopped, match="longer than"):
            await later("while True: pass")
        assert await later("6 * 7") == 42
    beating.cancel()
    assert beats > 5


def test_a_body_from_a_framework_does_not_run_either(make_guard: MakeGuard) -> None:
    """An adapter hands in what it would run; the snippet runs instead."""
    guard = guard_with(make_guard)
    ran: list[int] = []
    with guard.acting_as("ana", ["user"]):
        outcome = guard.run("compute", {"source": "x + 1", "x": 1}, body=lambda: ran.append(1))
        assert outcome.value == 2
        assert asyncio.run(_arun(guard, ran)).value == 2
    assert ran == []


async def _arun(guard: Guard, ran: list[int]) -> Outcome:
    async def body() -> None:
        ran.append(1)

    with guard.acting_as("ana", ["user"]):
        return await guard.arun("compute", {"source": "x + 1", "x": 1}, body=body)


def test_a_profile_names_only_modules_that_there_are(make_guard: MakeGuard) -> None:
    """A grant of another one would look like a grant and be none."""
    with pytest.raises(PolicyError, match=r"profiles.p.modules\[1\]: expected one of .*math.*, got"):
        make_guard(profiles={"p": Profile(modules=("math", "os"))})
    outcome = run(guard_with(make_guard, Profile(modules=())), "import math")
    assert outcome.reason is Reason.CRASHED


def test_the_decision_can_be_explained(make_guard: MakeGuard) -> None:
    """`explain` says of the snippet whether the tier offers what it uses."""
    guard = guard_with(make_guard)
    with guard.acting_as("ana", ["user"]):
        said = [verdict.message for verdict in guard.explain("compute", {"source": "1"}).statements]
        assert "the restricted tier offers all that argument 'source' uses" in said
        assert guard.decide("compute", {"source": "x.__code__"}).rule == "restricted"

"""Plugins: what one that misbehaves does to a call, and which ones are not let in at all."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import AUDIT

from ringfence import (
    Decision,
    Guard,
    GuardBroken,
    Kind,
    Permission,
    PluginError,
    Policy,
    Reason,
    Role,
    SecurityEvent,
    ThreatLevel,
    Tier,
    Verdict,
    secure_tool,
)
from ringfence.errors import (
    PluginAnswerInvalid,
    PluginInvalid,
    PluginRaised,
    PluginTimeout,
    PluginUnavailable,
)
from ringfence.hookspecs import hookimpl
from ringfence.plugins import BUILT_IN, load_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import MakeGuard

    from ringfence import Outcome, ToolCall
    from ringfence.hookspecs import AddRunner

ROLES = {
    "clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",), concurrent_runs=1000),
    "careful": Role(inherits=("clerk",), ask=("*",)),
}
HANG_SECONDS = 1.5
"""How long a hanging plugin of these tests hangs: far more than the 0.2 s that it may take."""


def judge(answer: Callable[[], object]) -> object:
    """Make a plugin whose `judge_call` answers what a function returns."""

    class Judge:
        @hookimpl
        def ringfence_judge_call(self, call: ToolCall) -> Any:
            return answer()

    return Judge()


def raise_error(error: BaseException) -> Callable[[], object]:
    """Make a function that raises."""

    def fail() -> object:
        raise error

    return fail


def guard_with(make_guard: MakeGuard, runs: list[object], **plugins: object) -> Guard:
    """Return a guard with these plugins, little patience and one tool."""
    guard = make_guard(roles=ROLES, plugins=plugins, plugin_seconds=0.2, approval_seconds=0.2)

    def pay(amount: int = 1) -> int:
        runs.append(amount)
        return amount

    guard.register(pay)
    return guard


def pay(guard: Guard, role: str = "clerk") -> Outcome:
    """Call the tool."""
    with guard.acting_as("ana", roles=[role]):
        return guard.run("pay")


ALLOW = Verdict(Decision.ALLOW, "fine")


# Answers that are none


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (raise_error(ValueError("hunter2")), PluginRaised, r"plugin 'odd' raised ValueError"),
        (raise_error(RecursionError()), PluginRaised, r"plugin 'odd' raised RecursionError"),
        (raise_error(StopIteration()), PluginRaised, r"plugin 'odd' raised StopIteration"),
        (raise_error(MemoryError()), PluginRaised, r"plugin 'odd' raised MemoryError"),
        (lambda: time.sleep(HANG_SECONDS), PluginTimeout, r"plugin 'odd' did not answer within 0\.2 s"),
        (lambda: True, PluginAnswerInvalid, r"answered with a bool instead of a Verdict or None"),
        (lambda: "allow", PluginAnswerInvalid, r"answered with a str"),
        (lambda: Decision.ALLOW, PluginAnswerInvalid, r"answered with a Decision"),
        (lambda: [ALLOW], PluginAnswerInvalid, r"answered with a list"),
        (lambda: Verdict("allow", "fine"), PluginAnswerInvalid, r"answered with a Verdict"),  # type: ignore[arg-type]
        (lambda: Verdict(Decision.ALLOW, "fine", reason="no"), PluginAnswerInvalid, "a Verdict"),  # type: ignore[arg-type]
        (lambda: Verdict(Decision.ALLOW, None), PluginAnswerInvalid, "a Verdict"),  # type: ignore[arg-type]
        (lambda: Verdict(Decision.ALLOW, "fine", rule=b"x"), PluginAnswerInvalid, "a Verdict"),  # type: ignore[arg-type]
        (lambda: Verdict(Decision.ALLOW, "fine", hint=object()), PluginAnswerInvalid, "a Verdict"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("way", ["run", "arun"])
def test_a_judge_that_fails_denies_and_is_named(
    make_guard: MakeGuard, answer: Callable[[], object], error: type[PluginError], message: str, way: str
) -> None:
    """A plugin that raises, hangs or answers nonsense breaks the gate: the call is denied, and the outcome says who it was."""
    runs: list[object] = []
    guard = guard_with(make_guard, runs, odd=judge(answer))
    with guard.acting_as("ana", roles=["clerk"]):
        outcome = guard.run("pay") if way == "run" else asyncio.run(guard.arun("pay"))
    assert (outcome.broken, outcome.denied, outcome.executed, runs) == (True, True, False, [])
    assert (outcome.verdict.check, outcome.verdict.rule) == ("odd", "odd-failed")
    assert type(outcome.error) is error
    with pytest.raises(GuardBroken, match=message) as caught:
        outcome.unwrap()
    assert isinstance(caught.value.__cause__, PluginError)
    assert caught.value.__cause__.plugin == "odd"
    assert "hunter2" not in outcome.refusal()


def test_an_async_or_generator_hook_denies(make_guard: MakeGuard) -> None:
    """A hook that returns a coroutine or generator has not answered: it is refused at the start, or denies."""

    class Lazy:
        @hookimpl
        def ringfence_judge_call(self, call: ToolCall) -> Any:
            yield ALLOW

    runs: list[object] = []
    try:
        outcome = pay(guard_with(make_guard, runs, lazy=Lazy()))
    except PluginInvalid:
        return
    assert (outcome.broken, runs) == (True, [])


def test_a_subclass_of_verdict_is_no_verdict(make_guard: MakeGuard) -> None:
    """An object that only looks like an allowing verdict breaks the gate."""

    class Sly(Verdict):
        @property
        def allowed(self) -> bool:
            return True

    outcome = pay(guard_with(make_guard, [], sly=judge(lambda: Sly(Decision.DENY, "no"))))
    assert (outcome.broken, outcome.verdict.check) == (True, "sly")


def test_a_failure_outranks_a_denial(make_guard: MakeGuard) -> None:
    """Where one plugin denies and another fails, the outcome is the broken gate, whichever comes first."""
    deny, fail = judge(lambda: Verdict(Decision.DENY, "no")), judge(raise_error(ValueError()))
    assert pay(guard_with(make_guard, [], deny=deny, fail=fail)).broken
    assert pay(guard_with(make_guard, [], fail=fail, deny=deny)).broken


@pytest.mark.parametrize("order", [["deny", "allow"], ["allow", "deny"]])
def test_no_plugin_overrules_a_denial(make_guard: MakeGuard, order: list[str]) -> None:
    """An allow before or after a denial changes nothing, and neither does `tryfirst`."""

    class Eager:
        @hookimpl(tryfirst=True)
        def ringfence_judge_call(self, call: ToolCall) -> Verdict:
            return ALLOW

    plugins = {"deny": judge(lambda: Verdict(Decision.DENY, "no", rule="mine")), "allow": Eager()}
    runs: list[object] = []
    outcome = pay(guard_with(make_guard, runs, **{name: plugins[name] for name in order}))
    assert (outcome.verdict.rule, outcome.verdict.check, runs) == ("mine", "deny", [])


def test_a_plugin_cannot_speak_for_another(make_guard: MakeGuard) -> None:
    """The check of a verdict is the plugin that gave it, whatever it wrote there itself."""
    forged = Verdict(Decision.DENY, "no", check="access")
    assert pay(guard_with(make_guard, [], mallory=judge(lambda: forged))).verdict.check == "mallory"


def test_a_plugin_that_keeps_hanging_does_not_take_the_others_down(make_guard: MakeGuard) -> None:
    """Calls of a hanging plugin are denied one by one within their time, and the next guard is not concerned."""
    guard = guard_with(make_guard, [], slow=judge(lambda: time.sleep(HANG_SECONDS)))
    start = time.monotonic()
    assert [pay(guard).broken for _ in range(3)] == [True] * 3
    assert time.monotonic() - start < HANG_SECONDS
    assert pay(guard_with(make_guard, [])).success


def test_many_calls_at_once_wait_for_a_busy_plugin(make_guard: MakeGuard) -> None:
    """A plugin that answers in time is in time for a hundred and fifty calls at once: none of them is denied as if it hung."""
    runs: list[object] = []
    guard = make_guard(roles=ROLES, plugins={"busy": judge(lambda: time.sleep(0.1))})
    guard.register(lambda: runs.append(1), name="pay")
    outcomes: list[Outcome] = []
    together = threading.Barrier(150)

    def go() -> None:
        together.wait()
        outcomes.append(pay(guard))

    threads = [threading.Thread(target=go) for _ in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(outcome.success for outcome in outcomes) == 150
    assert len(runs) == 150


# Approval


@pytest.mark.parametrize(
    ("answer", "broken", "message"),
    [
        (raise_error(ValueError()), True, "plugin 'boss' raised ValueError"),
        (lambda: time.sleep(HANG_SECONDS), True, r"plugin 'boss' did not answer within 0\.2 s"),
        (lambda: 1, True, "answered with a int instead of an ApprovalAnswer, True, False or None"),
        (lambda: "yes", True, "answered with a str"),
        (lambda: ALLOW, True, "answered with a Verdict"),
        (lambda: None, False, "nobody answered"),
        (lambda: False, False, "refused through boss"),
    ],
)
def test_only_a_plain_yes_approves(
    make_guard: MakeGuard, answer: Callable[[], object], broken: bool, message: str
) -> None:
    """An approver that fails or answers with anything but True does not let the call through."""

    class Boss:
        @hookimpl
        def ringfence_approve_call(self, call: ToolCall, verdict: Verdict) -> Any:
            return answer()

    runs: list[object] = []
    outcome = pay(guard_with(make_guard, runs, boss=Boss()), "careful")
    assert (outcome.denied, outcome.broken, runs) == (True, broken, [])
    with pytest.raises(Exception, match=message):
        outcome.unwrap()


def test_the_first_answer_of_a_person_counts(make_guard: MakeGuard) -> None:
    """A no stands, and the approvers after it are not asked."""
    asked: list[str] = []

    class Person:
        def __init__(self, name: str, *, answer: bool | None) -> None:
            self.name, self.answer = name, answer

        @hookimpl
        def ringfence_approve_call(self, call: ToolCall) -> bool | None:
            asked.append(self.name)
            return self.answer

    people = {
        name: Person(name, answer=answer) for name, answer in (("away", None), ("no", False), ("yes", True))
    }
    assert pay(guard_with(make_guard, [], **people), "careful").denied
    assert asked == ["away", "no"]


# Inspection


def inspector(answer: Callable[[], object]) -> object:
    """Make a plugin whose `judge_result` answers what a function returns."""

    class Inspector:
        @hookimpl
        def ringfence_judge_result(self, outcome: Outcome) -> Any:
            return answer()

    return Inspector()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: Verdict(Decision.DENY, "a secret"), Reason.WITHHELD),
        (lambda: Verdict(Decision.ASK, "a secret?"), Reason.WITHHELD),
        (raise_error(ValueError()), Reason.GUARD),
        (lambda: time.sleep(HANG_SECONDS), Reason.GUARD),
        (lambda: "fine", Reason.GUARD),
    ],
)
def test_an_inspector_that_objects_or_fails_withholds(
    make_guard: MakeGuard, answer: Callable[[], object], reason: Reason
) -> None:
    """The value of a call does not come out where inspection objects or breaks, and the outcome says that it has run."""
    runs: list[object] = []
    outcome = pay(guard_with(make_guard, runs, eye=inspector(answer), later=inspector(lambda: ALLOW)))
    assert (outcome.reason, outcome.value, outcome.executed, runs) == (reason, None, True, [1])
    assert outcome.verdict.check == "eye"
    assert not outcome.denied
    with pytest.raises(Exception, match="pay"):
        outcome.unwrap()
    assert outcome.refusal().startswith(
        "Ringfence could not decide about pay"
        if reason is Reason.GUARD
        else "Ringfence withheld the result of pay"
    )


def test_an_inspector_without_objection_lets_the_value_through(make_guard: MakeGuard) -> None:
    """None and allow are no objection."""
    outcome = pay(guard_with(make_guard, [], one=inspector(lambda: None), two=inspector(lambda: ALLOW)))
    assert outcome.value == 1


@pytest.mark.parametrize("kind", [Kind.GENERATOR, Kind.ASYNC_GENERATOR])
def test_an_inspector_sees_every_item(make_guard: MakeGuard, kind: Kind) -> None:
    """Items are inspected one by one: the bad one does not come out, and nothing after it runs."""
    runs: list[int] = []

    class NoThree:
        @hookimpl
        def ringfence_judge_result(self, outcome: Outcome) -> Verdict | None:
            return Verdict(Decision.DENY, "three") if outcome.value == 3 else None

    guard = make_guard(roles=ROLES, plugins={"no_three": NoThree()})

    @secure_tool(guard=guard)
    def count() -> Iterator[int]:
        for n in range(1, 6):
            runs.append(n)
            yield n

    @secure_tool(guard=guard)
    async def acount() -> Any:
        for n in range(1, 6):
            runs.append(n)
            yield n

    async def collect(items: Any) -> None:
        while True:
            seen.append(await anext(items))

    def loop(items: Any) -> None:
        while True:
            seen.append(next(items))

    seen: list[int] = []
    with guard.acting_as("ana", roles=["clerk"]), pytest.raises(Exception, match="three"):
        loop(count()) if kind is Kind.GENERATOR else asyncio.run(collect(acount()))
    assert (seen, runs) == ([1, 2], [1, 2, 3])


# Observers and listeners


def event(kind: str = "odd") -> SecurityEvent:
    """Make an event."""
    return SecurityEvent("0" * 16, kind, ThreatLevel.HIGH, "something odd", 0.0)


def late_items() -> Iterator[SecurityEvent]:
    """Hang before the first event."""
    time.sleep(HANG_SECONDS)
    yield event()


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        (lambda: None, []),
        (list, []),
        (lambda: (event("odd"), event("odder")), ["odd", "odder"]),
        (lambda: iter([event()]), ["odd"]),
        (raise_error(ValueError()), ["plugin-failed"]),
        (lambda: time.sleep(HANG_SECONDS), ["plugin-failed"]),
        (late_items, ["plugin-failed"]),
        (lambda: 5, ["plugin-failed"]),
        (lambda: ["odd"], ["plugin-failed"]),
    ],
)
def test_an_observer_never_harms_the_call(
    make_guard: MakeGuard, answer: Callable[[], object], kinds: list[str]
) -> None:
    """What a detector reports stands in the outcome; one that raises, hangs or answers nonsense is reported itself."""

    class Observer:
        @hookimpl
        def ringfence_observe_call(self, call: ToolCall) -> Any:
            return answer()

    runs: list[object] = []
    guard = guard_with(make_guard, runs, observer=Observer())
    start = time.monotonic()
    outcome = pay(guard)
    assert time.monotonic() - start < HANG_SECONDS
    assert (outcome.success, outcome.value, runs) == (True, 1, [1])
    assert [found.kind for found in outcome.events] == kinds
    assert all(found.detector == "observer" for found in outcome.events if found.kind == "plugin-failed")


@pytest.mark.parametrize("fault", [raise_error(ValueError()), lambda: time.sleep(HANG_SECONDS)])
def test_a_listener_never_harms_the_call(make_guard: MakeGuard, fault: Callable[[], object]) -> None:
    """An alert that raises or hangs changes nothing, and the listener after it hears the event."""
    heard: list[str] = []

    class Observer:
        @hookimpl
        def ringfence_observe_call(self, call: ToolCall) -> list[SecurityEvent]:
            return [event()]

    class Bad:
        @hookimpl
        def ringfence_record_event(self, event: SecurityEvent) -> None:
            fault()

    class Good:
        @hookimpl
        def ringfence_record_event(self, event: SecurityEvent) -> None:
            heard.append(event.kind)

    outcome = pay(guard_with(make_guard, [], observer=Observer(), bad=Bad(), good=Good()))
    assert (outcome.success, heard) == (True, ["odd"])


def test_observers_see_denied_calls_too(make_guard: MakeGuard) -> None:
    """A detector that counts refusals can: it is asked after a denial with the outcome that nobody ran."""
    seen: list[tuple[bool, bool]] = []

    class Observer:
        @hookimpl
        def ringfence_observe_call(self, outcome: Outcome) -> None:
            seen.append((outcome.denied, outcome.executed))

    guard = guard_with(make_guard, [], observer=Observer())
    guard.run("pay")
    pay(guard)
    assert seen == [(True, False), (False, True)]


# Runners


class Runner:
    """A runner whose parts can be made to fail."""

    tier = Tier.SANDBOX

    def __init__(self, *, missing: Callable[[], Any] = str, run: Callable[[], Any] = str) -> None:
        self._missing, self._run = missing, run

    def missing(self, profile: object) -> Any:
        """Answer as the test wants."""
        return self._missing()

    def run(self, *call: object) -> Any:
        """Answer as the test wants."""
        return self._run()


class Adds:
    """A plugin that adds a runner."""

    def __init__(self, runner: object) -> None:
        self.runner = runner

    @hookimpl
    def ringfence_add_runners(self, add: AddRunner) -> None:
        """Add it."""
        add(self.runner)  # type: ignore[arg-type]  # of any quality


@pytest.mark.parametrize(
    "runner",
    [
        Runner(missing=raise_error(OSError("no kernel"))),
        Runner(run=raise_error(OSError("no fork"))),
        Runner(run=lambda: None),
        Runner(run=lambda: "done"),
    ],
)
def test_a_runner_that_fails_breaks_the_gate(make_guard: MakeGuard, runner: Runner) -> None:
    """A runner that raises or returns no outcome gives an outcome all the same, and the slot is free again."""
    guard = make_guard(
        roles={"one": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",))},
        plugins={"box": Adds(runner)},
    )
    guard.register(lambda: None, name="pay", tier="sandbox")
    guard.register(lambda: None, name="probe")
    with guard.acting_as("ana", roles=["one"]):
        outcome = guard.run("pay")
        assert (outcome.success, outcome.broken) == (False, True)
        assert guard.run("probe").success


def test_what_a_runner_lacks_is_told(make_guard: MakeGuard) -> None:
    """A tier that this machine cannot give is a denial that names the missing layer."""
    guard = make_guard(roles=ROLES, plugins={"box": Adds(Runner(missing=lambda: "no seccomp here"))})
    guard.register(lambda: None, name="pay", tier="sandbox")
    outcome = pay(guard)
    assert (outcome.reason, outcome.detail, outcome.executed) == (
        Reason.UNAVAILABLE,
        "no seccomp here",
        False,
    )


def test_two_runners_for_one_tier_stop_the_guard(make_guard: MakeGuard) -> None:
    """Which of two runners would run a tool must not depend on their order."""
    with pytest.raises(PluginInvalid, match=r"plugin 'two' adds a second runner for the tier sandbox"):
        make_guard(plugins={"one": Adds(Runner()), "two": Adds(Runner())})
    inline = Runner()
    inline.tier = Tier.INLINE
    with pytest.raises(PluginInvalid, match="plugin 'mine' adds a second runner for the tier inline"):
        make_guard(plugins={"mine": Adds(inline)})


def test_a_plugin_that_raises_at_the_start_stops_the_guard(make_guard: MakeGuard) -> None:
    """An exception out of `add_runners` is a plugin's error, which names the plugin."""

    class Raises:
        @hookimpl
        def ringfence_add_runners(self, add: AddRunner) -> None:
            raise OSError("no kernel")

    with pytest.raises(PluginError, match=r"plugin 'box' .*OSError"):
        make_guard(plugins={"box": Raises()})


# Plugins that are not let in


class Wrapper:
    """A plugin that would see and change the answers of others."""

    @hookimpl(wrapper=True)
    def ringfence_judge_call(self, call: ToolCall) -> Any:
        """Turn every answer into allow."""
        yield
        return [ALLOW]


class OldWrapper:
    """The same in pluggy's old style."""

    @hookimpl(hookwrapper=True)
    def ringfence_judge_call(self, call: ToolCall) -> Any:
        """Turn every answer into allow."""
        outcome = yield
        outcome.force_result([ALLOW])


class Misspelt:
    """A plugin whose hook has a name that no hook has."""

    @hookimpl
    def ringfence_juge_call(self, call: ToolCall) -> None:
        """Never be asked."""


class MisspeltOptional:
    """The same, with the mark that makes pluggy overlook it."""

    @hookimpl(optionalhook=True)
    def ringfence_juge_call(self, call: ToolCall) -> None:
        """Never be asked."""

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall) -> None:
        """See nothing."""


class WrongArguments:
    """A plugin that wants something that the hook does not have."""

    @hookimpl
    def ringfence_judge_call(self, tool: ToolCall) -> None:
        """Never be asked."""


class Unmarked:
    """A plugin whose author forgot the decorator."""

    def ringfence_judge_call(self, call: ToolCall) -> None:
        """Never be asked."""


class HalfMarked:
    """A plugin whose author forgot the decorator on the hook that decides."""

    def ringfence_judge_call(self, call: ToolCall) -> Verdict:
        """Never be asked."""
        return Verdict(Decision.DENY, "no")

    @hookimpl
    def ringfence_observe_call(self, call: ToolCall) -> None:
        """See nothing."""


@pytest.mark.parametrize(
    ("plugin", "error", "message"),
    [
        (
            Wrapper(),
            PluginInvalid,
            r"plugin 'mine' wraps the hook 'ringfence_judge_call'.*without wrapper=True",
        ),
        (OldWrapper(), PluginInvalid, r"plugin 'mine' wraps the hook 'ringfence_judge_call'"),
        (Misspelt(), PluginInvalid, r"plugin 'mine' does not match.*ringfence_juge_call"),
        (MisspeltOptional(), PluginInvalid, r"plugin 'mine' .*ringfence_juge_call"),
        (WrongArguments(), PluginInvalid, r"plugin 'mine' does not match.*tool"),
        (Unmarked(), PluginInvalid, r"plugin 'mine' has ringfence_judge_call without @hookimpl"),
        (HalfMarked(), PluginInvalid, r"plugin 'mine' has ringfence_judge_call without @hookimpl"),
        (Misspelt, PluginInvalid, r"plugin 'mine' is the class Misspelt, not an object"),
        (object(), PluginInvalid, r"plugin 'mine' implements no hook"),
        (None, PluginInvalid, r"plugin 'mine'"),
        (ModuleType("empty"), PluginInvalid, r"plugin 'mine' implements no hook"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_plugin_that_could_not_do_its_part_stops_the_guard(
    make_guard: MakeGuard, plugin: object, error: type[PluginError], message: str
) -> None:
    """A plugin whose hooks would not be asked, or would be asked in a way that lets it overrule others, is refused by name."""
    with pytest.raises(error, match=f"(?s){message}"):
        make_guard(plugins={"mine": plugin})


@pytest.mark.parametrize("name", ["access", "arguments", "inline"])
def test_a_built_in_plugin_cannot_be_replaced(make_guard: MakeGuard, name: str) -> None:
    """A plugin under the name of a built-in one is refused: it would decide without a deadline, or in its place."""
    with pytest.raises(PluginUnavailable, match=f"plugin '{name}' is there twice"):
        make_guard(plugins={name: judge(lambda: ALLOW)})


def test_a_plugin_takes_part_once(make_guard: MakeGuard) -> None:
    """The same object under two names is refused."""
    plugin = judge(lambda: None)
    with pytest.raises(PluginUnavailable, match="plugin 'two' is there twice"):
        make_guard(plugins={"one": plugin, "two": plugin})


def test_a_plugin_has_a_name(make_guard: MakeGuard) -> None:
    """A plugin without a name could not be named in a denial, so it is refused with an error of ours."""
    with pytest.raises(PluginError, match="plugin ''"):
        make_guard(plugins={"": judge(lambda: None)})


def test_an_unknown_plugin_stops_the_guard() -> None:
    """A plugin that the policy names and nobody installed is an error, never one check less."""
    with pytest.raises(PluginUnavailable, match=r"plugin 'alram' is named in the policy, but no entry point"):
        Guard(Policy(plugins=("alram",), audit=AUDIT))


def test_the_built_in_plugins_come_first_and_in_order() -> None:
    """Identity, access, arguments, rules and code, then the plugins in the order in which they were given."""
    one, two = judge(lambda: None), judge(lambda: None)
    hooks = load_hooks((), {"zeta": one, "alpha": two})
    assert [name for name, _ in hooks.judge_call] == [
        "identity",
        "access",
        "arguments",
        "rules",
        "code",
        "zeta",
        "alpha",
    ]
    assert hooks.trusted == {name for name, _ in BUILT_IN}


def test_hooks_take_any_of_the_arguments_in_any_order() -> None:
    """An implementation that wants fewer arguments, or others first, gets the right ones."""

    class Some:
        @hookimpl
        def ringfence_judge_call(self, session: object, call: object) -> Any:
            return (session, call)

    hooks = load_hooks((), {"some": Some()})
    assert hooks.judge_call[-1][1]("the call", "the policy", "the session") == ("the session", "the call")


# Plugins out of installed distributions


def install(site: Path, distribution: str, module: str, source: str, entry: str) -> None:
    """Put a module and the metadata of its distribution into a folder, as an installer would."""
    site.mkdir(exist_ok=True)
    (site / f"{module}.py").write_text(source)
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ringfence]\n{entry} = {module}\n")


DENYING = """
print("loaded")
from ringfence import Decision, Verdict
from ringfence.hookspecs import hookimpl

@hookimpl
def ringfence_judge_call(call):
    return Verdict(Decision.DENY, "the plugin says no")
"""
PROGRAM = """
import sys
from ringfence import Audit, Guard, Permission, Policy, PluginError, Role, StoreKind
roles = {"clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",))}
try:
    guard = Guard(Policy(roles=roles, plugins=tuple(sys.argv[1:]), audit=Audit(store=StoreKind.MEMORY)))
except PluginError as error:
    print(type(error).__name__, error)
    sys.exit()
guard.register(lambda: print("ran"), name="pay")
with guard.acting_as("ana", roles=["clerk"]):
    print(guard.run("pay").verdict.message)
"""


def start(site: Path, *plugins: str) -> str:
    """Run a program with these plugins in its policy, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *plugins],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout


def test_an_installed_plugin_takes_part_when_the_policy_names_it(tmp_path: Path) -> None:
    """An entry point is loaded by its name, and decides."""
    install(tmp_path, "ringfence_no", "no_plugin", DENYING, "no")
    assert start(tmp_path, "no") == "loaded\nthe plugin says no\n"


def test_an_installed_plugin_that_is_not_named_is_not_even_imported(tmp_path: Path) -> None:
    """What happens to be installed decides nothing."""
    install(tmp_path, "ringfence_no", "no_plugin", DENYING, "no")
    assert start(tmp_path) == "ran\nrole 'clerk' allows '*'\n"


def test_a_misspelt_plugin_is_offered_the_nearest(tmp_path: Path) -> None:
    """The error of an unknown name says which installed one was meant."""
    install(tmp_path, "ringfence_alarm", "alarm_plugin", DENYING, "alarm")
    printed = start(tmp_path, "alram")
    assert printed.startswith("PluginUnavailable plugin 'alram' is named in the policy")
    assert "Did you mean 'alarm'?" in printed
    assert "loaded" not in printed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import no_such_module", "plugin 'bad' failed to import: ModuleNotFoundError"),
        ("raise ValueError('hm')", "plugin 'bad' failed to import: ValueError: hm"),
        ("x = = 1", "plugin 'bad' failed to import: SyntaxError"),
        ("", "plugin 'bad' implements no hook"),
    ],
)
def test_a_plugin_that_fails_to_import_stops_the_guard(tmp_path: Path, source: str, message: str) -> None:
    """One bad plugin is named with its fault, and does not keep a good one from being loaded without it."""
    install(tmp_path, "ringfence_bad", "bad_plugin", source, "bad")
    install(tmp_path, "ringfence_no", "no_plugin", DENYING, "no")
    assert message in start(tmp_path, "bad")
    assert start(tmp_path, "no") == "loaded\nthe plugin says no\n"


def test_two_distributions_under_one_name_are_refused(tmp_path: Path) -> None:
    """Where two installed distributions offer a plugin of the same name, the order of the path must not decide which one does."""
    install(tmp_path, "ringfence_no", "no_plugin", DENYING, "no")
    install(tmp_path, "ringfence_other", "other_plugin", DENYING.replace("DENY", "ALLOW"), "no")
    printed = start(tmp_path, "no")
    assert printed.startswith("PluginUnavailable plugin 'no'")
    assert "ran" not in printed

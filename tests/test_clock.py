"""The clock: what a jump of the wall clock does to a call, and what does not count as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import ClockJumped, GuardBroken, Mode, Permission, Reason, Role, UnsafeWarning
from ringfence.clock import TOLERANCE_SECONDS, Clock, steady

if TYPE_CHECKING:
    from tests.conftest import MakeGuard


class Time:
    """Two clocks that a test turns."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.steady = 5.0

    def clock(self) -> Clock:
        """Return a guard's clock over the two."""
        return Clock(wall=lambda: self.wall, steady=lambda: self.steady)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.steady += seconds


ROLES = {"clerk": Role(permissions=(Permission.EXECUTE_TOOL,), allow=("*",))}


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 60.5, -60.5, 1e12, float("-1e9")])
def test_a_jump_denies_one_call(make_guard: MakeGuard, jump: float) -> None:
    """The call that notices a turned clock is denied as a broken gate with ClockJumped behind it; the next one runs."""
    time, runs = Time(), []
    guard = make_guard(roles=ROLES, clock=time.clock())
    guard.register(lambda: runs.append(1), name="pay")
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("pay").success
        time.wall += jump
        outcome = guard.run("pay")
        assert (outcome.broken, outcome.executed, outcome.verdict.check) == (True, False, "clock")
        assert runs == [1]
        assert guard.run("pay").success
    assert isinstance(outcome.error, ClockJumped)
    assert outcome.error.seconds == pytest.approx(jump)
    with pytest.raises(GuardBroken, match=r"clock failed: the wall clock jumped by .* call again") as caught:
        outcome.unwrap()
    assert isinstance(caught.value.__cause__, ClockJumped)


def test_a_jump_is_denied_in_observe_mode_too(make_guard: MakeGuard) -> None:
    """A clock that cannot be trusted is no policy's denial, so observe mode does not let it pass."""
    time, runs = Time(), []
    with pytest.warns(UnsafeWarning, match="observe"):
        guard = make_guard(roles=ROLES, clock=time.clock(), mode=Mode.OBSERVE)
    guard.register(lambda: runs.append(1), name="pay")
    time.wall += 3600
    with guard.acting_as("ana", roles=["clerk"]):
        assert guard.run("pay").reason is Reason.GUARD
    assert runs == []


def test_time_that_passes_is_no_jump(make_guard: MakeGuard) -> None:
    """A year between two calls, a machine that slept and small corrections of the clock deny nothing."""
    time = Time()
    guard = make_guard(roles=ROLES, clock=time.clock())
    guard.register(lambda: None, name="pay")
    with guard.acting_as("ana", roles=["clerk"]):
        for seconds in (0, 0.001, 86_400, 365 * 86_400):
            time.wait(seconds)
            assert guard.run("pay").success
        for correction in (TOLERANCE_SECONDS, -TOLERANCE_SECONDS, 1):
            time.wall += correction
            assert guard.run("pay").success


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e5, 1e5))))
def test_exactly_the_jumps_are_noticed(steps: list[tuple[float, float]]) -> None:
    """Whatever the clocks do, a step raises exactly when the wall clock moved by more than the tolerance against the steady one."""
    time = Time()
    clock = time.clock()
    for passed, jump in steps:
        apart = time.wall - time.steady
        time.wait(passed)
        time.wall += jump
        moved = (time.wall - time.steady) - apart
        if abs(moved) > TOLERANCE_SECONDS:
            with pytest.raises(ClockJumped, match="jumped by"):
                clock.now()
        else:
            assert clock.now() == time.wall


def test_the_time_of_a_record_can_be_read_through_a_jump() -> None:
    """`read` never raises, and leaves the jump to the next call that asks."""
    time = Time()
    clock = time.clock()
    time.wall += 3600
    assert clock.read() == time.wall
    with pytest.raises(ClockJumped, match=r"\+3600\.0 s"):
        clock.now()


def test_the_real_clocks_agree() -> None:
    """The machine's own clocks show no jump, and the steady one does not run backwards."""
    clock = Clock()
    before = steady()
    assert [clock.now() <= clock.now() for _ in range(100)].count(
        False
    ) <= 1  # a time service may step it once
    assert steady() >= before

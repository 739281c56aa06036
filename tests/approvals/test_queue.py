"""The queue of approvals: what an approval is bound to, that it is used once by any number of racing calls, and who may decide."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ringfence import (
    ApprovalAnswer,
    ApprovalClosed,
    ApprovalQueue,
    ApprovalRequest,
    Approvals,
    ApprovalUnknown,
    ApproverRefused,
    Channel,
    Guard,
    Reason,
    Role,
    State,
    ToolRule,
)
from ringfence.approvals import queue as approvals_queue
from ringfence.approvals.queue import State as Became
from ringfence.state.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeGuard

    from ringfence import Outcome
    from ringfence.clock import Clock

YES, NO = ApprovalAnswer(True, "ben"), ApprovalAnswer(False, "ben", "not today")


def request(number: int = 1, **changes: Any) -> ApprovalRequest:
    """Return the question about one call."""
    made = ApprovalRequest(
        id=f"{number:016x}", call_id="c", tool="refund", digest="d" * 64, policy="p" * 12, user="ana", roles=("clerk",), session="s",
        asked=1000.0, expires=1300.0, rule="tools.refund.ask", message="a person must approve it", arguments="{}", four_eyes=False,
    )  # fmt: skip
    return replace(made, **changes)


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_an_approval_is_used_once(state_url: str) -> None:
    """Asked, decided, used by the same call; the next equal call is asked about anew."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        asked = queue.submit(request(1))
        assert (asked.state, asked.fresh) == (Became.WAITING, True)
        again = queue.submit(request(2))
        assert (again.state, again.fresh, again.request.id) == (Became.WAITING, False, asked.request.id)
        assert queue.decide(asked.request.id, YES).state is Became.APPROVED
        used = queue.submit(request(3))
        assert (used.state, used.decided_by, used.request.id) == (Became.USED, "ben", asked.request.id)
        assert queue.submit(request(4)).fresh
        assert [each.state for each in queue.requests(every=True)] == [Became.USED, Became.WAITING]
        assert [each.request.id for each in queue.requests()] == [request(4).id]


@pytest.mark.parametrize(
    "change",
    [{"digest": "e" * 64}, {"tool": "wire"}, {"user": "eve"}, {"roles": ("clerk", "x")}, {"roles": ()}, {"policy": "q" * 12}, {"reference": "t"}],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_an_approval_is_for_one_call_only(state_url: str, change: dict[str, Any]) -> None:
    """Other arguments, another tool, caller, role, policy version or call of a framework: it does not fit, and is still there for the right one."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(1))
        queue.decide(request(1).id, YES)
        assert queue.submit(request(2, **change)).fresh
        if "reference" not in change:
            assert queue.redeem(request(1).id, request(3, **change)) is None
        assert queue.submit(request(4)).state is Became.USED


def test_an_approval_ends_with_its_time(state_url: str) -> None:
    """One that was not used is void afterwards; a question that nobody answered cannot be answered any more."""
    hand = Hand()
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, hand)
        queue.submit(request(1))
        queue.submit(request(2, tool="wire"))
        queue.decide(request(1).id, YES)
        hand.time = 1300.0
        assert queue.redeem(request(1).id, request(1)) is None
        assert [each.state for each in queue.requests(every=True)] == [Became.EXPIRED] * 2
        with pytest.raises(
            ApprovalClosed, match=r"is expired already\. A call that still needs one asks anew\."
        ):
            queue.decide(request(2).id, YES)
        assert queue.submit(request(3, expires=1600.0)).fresh


def test_a_decision_stands(state_url: str) -> None:
    """What was decided is not decided again, and a call that was refused is not asked about again while the question would have been open."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(1))
        queue.decide(request(1).id, NO)
        with pytest.raises(ApprovalClosed, match="is denied already"):
            queue.decide(request(1).id, YES)
        again = queue.submit(request(2))
        assert (again.state, again.comment) == (Became.DENIED, "not today")


@pytest.mark.parametrize("name", ["ana", "Ana", "os:ana", "OS:ana".lower(), " ana ", "\uff41na", ""])
def test_nobody_approves_their_own_call_where_four_eyes_are_wanted(state_url: str, name: str) -> None:
    """Neither under their own name, nor under that of the operating system, nor in other letters; but they may refuse it."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(1, four_eyes=True))
        with pytest.raises(ApproverRefused, match="needs four eyes"):
            queue.decide(request(1).id, ApprovalAnswer(True, name))
        assert queue.get(request(1).id).state is Became.WAITING
        assert queue.decide(request(1).id, ApprovalAnswer(False, name)).state is Became.DENIED


def test_an_own_approval_that_was_written_past_the_queue_counts_for_nothing(state_url: str) -> None:
    """Four eyes are wanted again when it is used."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(1))
        queue.decide(request(1).id, ApprovalAnswer(True, "ana"))
        assert queue.submit(request(2, four_eyes=True)).state is Became.WAITING
        assert queue.redeem(request(1).id, request(1, four_eyes=True)) is None


def test_an_id_may_be_shortened_as_long_as_it_is_clear(state_url: str) -> None:
    """Four digits are enough where no other begins with them; nothing but digits is looked for."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(0xABCD << 48))
        queue.submit(request(0xABCE << 48, tool="wire"))
        assert queue.get("abcd").request.tool == "refund"
        assert queue.decide("abcd", YES).request.tool == "refund"
        assert queue.get("abcd").state is Became.APPROVED
        for wrong, told in (
            ("abc", "is no id"),
            ("ffff", "is not in the queue"),
            ("%%%%", "is no id"),
            ("____", "is no id"),
        ):
            with pytest.raises(ApprovalUnknown, match=told):
                queue.get(wrong)
        queue.submit(request((0xABCE << 48) + 1, tool="pay"))
        with pytest.raises(ApprovalUnknown, match=r"stands for several\. Run `ringfence approvals list`"):
            queue.get("abce")


def test_one_user_cannot_fill_the_queue(state_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is an end to the questions about one user's calls; others' are asked all the same."""
    monkeypatch.setattr(approvals_queue, "MOST_WAITING", 3)
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        for number in range(3):
            queue.submit(request(number, digest=f"{number}"))
        with pytest.raises(ApprovalClosed, match="cannot wait: 3 calls of its user do already"):
            queue.submit(request(3, digest="3"))
        assert queue.submit(request(4, user="ben")).fresh


def test_eight_threads_race_for_one_approval(state_url: str) -> None:
    """One of them gets it."""
    with open_database(state_url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        queue.submit(request(1))
        queue.decide(request(1).id, YES)
        barrier, found = threading.Barrier(8), []

        def work(number: int) -> None:
            barrier.wait()
            found.append(queue.redeem(request(1).id, request(number)))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(each is not None for each in found) == 1


RACER = """
import sys, json, time
from ringfence import ApprovalQueue, ApprovalRequest
from ringfence.state.database import open_database
url, facts, start = sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3])
got = 0
with open_database(url) as database:
    queue = ApprovalQueue(lambda: database, lambda: 1000.0)
    time.sleep(max(0.0, start - time.time()))
    for number in range(50):
        asked = ApprovalRequest(**facts | {"roles": tuple(facts["roles"]), "digest": str(number)})
        got += queue.redeem(f"{number:016x}", asked) is not None
print(got)
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_four_processes_race_for_fifty_approvals(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Each is used exactly once."""
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else f"sqlite:{tmp_path / 'state.db'}"
    make = globals()["request"]
    with open_database(url) as database:
        queue = ApprovalQueue(lambda: database, Hand())
        for number in range(50):
            queue.submit(make(number, digest=str(number)))
            queue.decide(make(number).id, YES)
    from dataclasses import asdict

    command = [sys.executable, "-c", RACER, url, json.dumps(asdict(make())), str(time.time() + 1.5)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert sum(int(each.communicate(timeout=50)[0]) for each in started) == 50


class Approving(RuleBasedStateMachine):
    """Callers ask, people decide, calls redeem, time passes; beside the queue a plain model says what each may get."""

    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand()
        self.database = open_database("memory:")
        self.queue = ApprovalQueue(lambda: self.database, self.hand)
        self.number = 0
        self.model: dict[str, dict[str, Any]] = {}
        self.runs = 0
        self.yes = 0

    def _request(self, user: str, digest: str, policy: str) -> ApprovalRequest:
        self.number += 1
        return request(
            self.number, user=user, digest=digest, policy=policy, four_eyes=policy == "strict", asked=self.hand.time, expires=self.hand.time + 100
        )  # fmt: skip

    def _open(self, made: ApprovalRequest, *states: str) -> list[str]:
        wanted = (made.user, made.digest, made.policy)
        return [
            i
            for i, row in self.model.items()
            if row["about"] == wanted and row["state"] in states and row["expires"] > self.hand.time
        ]

    @rule(
        user=st.sampled_from(["ana", "ben"]),
        digest=st.sampled_from("xy"),
        policy=st.sampled_from(["strict", "loose"]),
    )
    def ask(self, user: str, digest: str, policy: str) -> None:
        """Give the call an approval that is there, a refusal that stands, the question that waits, or a new one."""
        made = self._request(user, digest, policy)
        found = self.queue.submit(made)
        if self._open(made, "approved"):
            assert found.state is Became.USED
            assert found.request.id in self._open(made, "approved")
            self.model[found.request.id]["state"] = "used"
            self.runs += 1
        elif self._open(made, "denied"):
            assert found.state is Became.DENIED
        elif self._open(made, "waiting"):
            assert (found.state, found.fresh) == (Became.WAITING, False)
        else:
            assert found.fresh
            about = (user, digest, policy)
            self.model[made.id] = {"about": about, "state": "waiting", "expires": made.expires}

    @precondition(lambda self: self.model)
    @rule(data=st.data(), by=st.sampled_from(["ana", "ben", "os:ana", ""]), approved=st.booleans())
    def decide(self, data: st.DataObject, by: str, approved: bool) -> None:
        """Decide: it counts once, in time, and not by the caller where four eyes are wanted."""
        approval = data.draw(st.sampled_from(sorted(self.model)))
        row = self.model[approval]
        user, _, policy = row["about"]
        over = row["state"] != "waiting" or row["expires"] <= self.hand.time
        own = approved and policy == "strict" and by.removeprefix("os:") in (user, "")
        if over or own:
            with pytest.raises(ApprovalClosed if over else ApproverRefused):
                self.queue.decide(approval, ApprovalAnswer(approved, by))
            return
        self.queue.decide(approval, ApprovalAnswer(approved, by))
        row["state"] = "approved" if approved else "denied"
        self.yes += approved

    @precondition(lambda self: self.model)
    @rule(
        data=st.data(),
        user=st.sampled_from(["ana", "ben"]),
        digest=st.sampled_from("xy"),
        policy=st.sampled_from(["strict", "loose"]),
    )
    def redeem(self, data: st.DataObject, user: str, digest: str, policy: str) -> None:
        """By id it is used only for the very call that it is about."""
        approval = data.draw(st.sampled_from(sorted(self.model)))
        made = self._request(user, digest, policy)
        fits, refused = (approval in self._open(made, state) for state in ("approved", "denied"))
        found = self.queue.redeem(approval, made)
        assert (found.state if found else None) == (
            Became.USED if fits else Became.DENIED if refused else None
        )
        if fits:
            self.model[approval]["state"] = "used"
            self.runs += 1

    @rule(seconds=st.sampled_from([1, 30, 99, 100]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.hand.time += seconds

    @invariant()
    def nothing_runs_without_a_yes(self) -> None:
        """Never more runs than approvals, and the list tells what waits."""
        assert self.runs <= self.yes
        waiting = {
            i
            for i, row in self.model.items()
            if row["state"] == "waiting" and row["expires"] > self.hand.time
        }
        assert {each.request.id for each in self.queue.requests()} == waiting


TestApproving = Approving.TestCase
TestApproving.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


# Through the guard


@pytest.fixture
def asking(make_guard: MakeGuard, state_url: str) -> Any:
    """Give a function that makes a guard whose tool `refund` needs a person, over a queue in one store."""

    def make(clock: Clock | None = None, **settings: Any) -> Guard:
        four_eyes = settings.pop("four_eyes", False)
        guard = make_guard(
            roles={"clerk": Role(inherits=("user",), allow=("*",)), "lead": Role(inherits=("clerk",))},
            tools={"refund": ToolRule(ask=True, four_eyes=four_eyes)},
            approvals=Approvals(**{"channel": Channel.QUEUE, "wait_seconds": 0.0, **settings}),
            state=State(url=state_url),
            clock=clock,
        )
        ran: list[object] = []

        def refund(order: object, amount: object = 5) -> str:
            ran.append((order, amount))
            return f"{order} {amount}"

        guard.register(refund)
        guard.ran = ran  # type: ignore[attr-defined]  # for this test
        return guard

    return make


def call(guard: Guard, user: str = "ana", **arguments: object) -> Outcome:
    """Call the tool."""
    with guard.acting_as(user, ["clerk"]):
        return guard.run("refund", arguments or {"order": "A-17"})


def test_a_call_that_does_not_wait_is_repeated_once_it_is_approved(asking: Any) -> None:
    """Denied with the approval's id and what to do; approved; the same call runs, once; the next is asked about anew."""
    guard = asking()
    first = call(guard)
    (waiting,) = guard.approvals.requests()
    assert first.denied
    assert (first.verdict.rule, first.verdict.check, first.verdict.retry) == (
        "tools.refund.ask",
        "approval",
        True,
    )
    assert f"approval {waiting.request.id} waits for a person" in first.detail
    assert first.verdict.hint == "Call again with exactly the same arguments once it is approved."
    assert call(guard).denied
    assert len(guard.approvals.requests()) == 1
    guard.decide_approval(waiting.request.id, approve=True, user="ben")
    done = call(guard)
    assert (done.value, done.verdict.message) == (
        "A-17 5",
        f"approval {waiting.request.id}, approved by ben through queue",
    )
    assert call(guard).denied
    assert guard.ran == [("A-17", 5)]


def test_the_same_call_is_the_same_however_it_is_written(asking: Any) -> None:
    """Defaults are arguments too: left out or given, it is one call. Anything else is another."""
    guard = asking()
    call(guard, order="A-17", amount=5)
    guard.decide_approval(guard.approvals.requests()[0].request.id, approve=True, user="ben")
    for order, amount in (("A-17", 6), ("A-17", 5.0), ("A-18", 5), ("A-17", True)):
        assert call(guard, order=order, amount=amount).denied
    assert call(guard, "eve").denied
    assert call(guard).success


def test_a_refusal_is_told_with_its_reason_and_stands(asking: Any) -> None:
    """The model reads why, and asking again changes nothing."""
    guard = asking()
    call(guard)
    guard.decide_approval(
        guard.approvals.requests()[0].request.id, approve=False, user="ben", comment="already paid"
    )
    for _ in range(2):
        outcome = call(guard)
        assert outcome.detail == "refused by ben through queue: already paid"
        assert not outcome.verdict.retry
    assert guard.approvals.requests() == []


def test_a_waiting_call_runs_as_soon_as_somebody_approves(asking: Any) -> None:
    """It waits in the queue, while another thread decides."""
    guard = asking(wait_seconds=20.0)

    def decide() -> None:
        for _ in range(1000):
            for each in guard.approvals.requests():
                guard.decide_approval(each.request.id, approve=True, user="ben")
                return
            time.sleep(0.01)

    thread = threading.Thread(target=decide)
    thread.start()
    assert call(guard).value == "A-17 5"
    thread.join()


def test_two_equal_calls_need_two_approvals(asking: Any) -> None:
    """Both wait on one question; the one that does not get its approval asks anew."""
    guard = asking(wait_seconds=20.0)
    outcomes: list[Outcome] = []
    threads = [threading.Thread(target=lambda: outcomes.append(call(guard))) for _ in range(2)]
    for thread in threads:
        thread.start()
    decided = 0
    for _ in range(2000):
        for each in guard.approvals.requests():
            guard.decide_approval(each.request.id, approve=True, user="ben")
            decided += 1
        if decided == 2:
            break
        time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert [outcome.success for outcome in outcomes] == [True, True]
    assert len(guard.ran) == 2


def test_no_answer_in_time_means_no(asking: Any, make_guard: MakeGuard) -> None:
    """The question's time is over, and the call is denied; whoever answers then is too late."""
    guard = make_guard(
        roles={"clerk": Role(inherits=("user",), allow=("*",))}, tools={"refund": ToolRule(ask=True)}, approval_seconds=0.3,
        approvals=Approvals(channel=Channel.QUEUE), state=State(url="memory:"),
    )  # fmt: skip
    guard.register(lambda order: order, name="refund")
    outcome = call(guard)
    assert outcome.detail == "a person must approve each call of refund, and nobody answered in time"
    (asked,) = guard.approvals.requests(every=True)
    assert asked.state is Became.EXPIRED
    with pytest.raises(ApprovalClosed, match="expired already"):
        guard.decide_approval(asked.request.id, approve=True, user="ben")


def test_another_policy_voids_an_approval(asking: Any) -> None:
    """What was approved under one version is asked about anew under the next."""
    before, after = asking(), asking(approvers=("lead",))
    call(before)
    before.decide_approval(before.approvals.requests()[0].request.id, approve=True, user="ben")
    assert call(after).denied


def test_who_may_approve(asking: Any) -> None:
    """With `approvers`, only users with one of these roles, or one that inherits it, known by the policy or vouched for by the program."""
    guard = asking(approvers=("clerk",))
    call(guard)
    (asked,) = guard.approvals.requests()
    for roles in (None, (), ("user",), ("nobody",)):
        with pytest.raises(
            ApproverRefused,
            match="may be decided by users with one of the roles clerk only, and 'ben' has none",
        ):
            guard.decide_approval(asked.request.id, approve=True, user="ben", roles=roles)
    guard.decide_approval(asked.request.id, approve=True, user="ben", roles=("lead",))
    assert call(guard).success


def test_a_tool_may_want_four_eyes_by_itself(asking: Any) -> None:
    """`four_eyes` of a tool, or of all."""
    guard = asking(four_eyes=True)
    call(guard)
    (asked,) = guard.approvals.requests()
    assert asked.request.four_eyes
    with pytest.raises(ApproverRefused, match="needs four eyes, and 'ana' may be its caller"):
        guard.decide_approval(asked.request.id, approve=True, user="ana")
    with pytest.raises(ApproverRefused, match="nobody says who approves it"):
        guard.decide_approval(asked.request.id, approve=True)


def test_arguments_that_cannot_be_bound_are_denied(asking: Any) -> None:
    """With a rule of its own: no person can approve what may change afterwards."""
    outcome = call(asking(), order=object())
    assert outcome.verdict.rule == "approval-arguments"
    assert "no approval can be bound to its arguments: one holds a object" in outcome.detail


def test_secrets_are_masked_for_whoever_decides(asking: Any) -> None:
    """What a person sees is what the record would hold."""
    guard = asking()
    call(guard, order={"password": "hunter2", "note": "key sk-abcdefghijklmnop"})
    (asked,) = guard.approvals.requests()
    assert "hunter2" not in asked.request.arguments
    assert "abcdefgh" not in asked.request.arguments
    assert "<masked>" in asked.request.arguments


def test_a_store_that_fails_denies(make_guard: MakeGuard, tmp_path: Path) -> None:
    """With reason `guard`, naming the part."""
    guard = make_guard(
        roles={"clerk": Role(inherits=("user",), allow=("*",))}, tools={"refund": ToolRule(ask=True)},
        approvals=Approvals(channel=Channel.QUEUE), state=State(url=f"sqlite:{tmp_path / 'missing' / 'x.db'}"),
    )  # fmt: skip
    guard.register(lambda order: order, name="refund")
    outcome = call(guard)
    assert (outcome.reason, outcome.verdict.check) == (Reason.GUARD, "approval")


def test_a_program_may_ask_by_other_means(asking: Any) -> None:
    """`request_approval` puts the question into the queue, and `run(approval=...)` uses the answer, for this call only."""
    guard = asking()
    with guard.acting_as("ana", ["clerk"]):
        asked = guard.request_approval("refund", {"order": "A-17"}, reference="form 7")
        assert (
            guard.request_approval("refund", {"order": "A-17"}, reference="form 7").request.id
            == asked.request.id
        )
        assert guard.request_approval("refund", {"order": "A-17"}, reference="form 8").fresh
        assert guard.run("refund", {"order": "A-17"}, approval=asked.request.id).denied
        guard.decide_approval(asked.request.id, approve=True, user="ben")
        assert guard.run("refund", {"order": "A-18"}, approval=asked.request.id).verdict.check == "approval"
        assert guard.run("refund", {"order": "A-17"}, approval=asked.request.id).success
        assert guard.run("refund", {"order": "A-17"}, approval=asked.request.id).denied
    with guard.acting_as("eve", []):
        assert guard.request_approval("refund", {"order": "A-17"}) is None
    assert len(guard.ran) == 1


async def test_an_event_loop_does_not_wait_for_a_person(asking: Any) -> None:
    """While one call waits in the queue, the loop runs others, and lets somebody decide."""
    guard = asking(wait_seconds=20.0)

    async def decide() -> None:
        while not guard.approvals.requests():  # noqa: ASYNC110 - the queue is asked, as a page would
            await asyncio.sleep(0.01)
        guard.decide_approval(guard.approvals.requests()[0].request.id, approve=True, user="ben")

    with guard.acting_as("ana", ["clerk"]):
        outcome, _ = await asyncio.gather(guard.arun("refund", {"order": "A-17"}), decide())
    assert outcome.value == "A-17 5"

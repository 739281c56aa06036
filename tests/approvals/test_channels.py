"""The channels that ask a person: a callback, a real terminal, a real web service; what each shows, takes for an answer, and does when it fails."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest

from ringfence import (
    ApprovalAnswer,
    ApprovalRequest,
    Approvals,
    Audit,
    Channel,
    Guard,
    Policy,
    PolicyError,
    Reason,
    Role,
    State,
    StoreKind,
    ToolRule,
    User,
)
from ringfence.approvals.console import os_user
from ringfence.approvals.webhook import SIGNATURE, TIMESTAMP, sign
from ringfence.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ringfence import Outcome

SECRET = b"0123456789abcdef0123456789abcdef"
ROLES = {"clerk": Role(inherits=("user",), allow=("*",)), "lead": Role()}


def guard_of(
    approve: Callable[..., Any] | None = None,
    plugins: dict[str, object] | None = None,
    folder: Path | None = None,
    **sections: Any,
) -> Guard:
    """Return a guard whose tool `wire` a person must approve."""
    policy = Policy(
        **{"roles": ROLES, "tools": {"wire": ToolRule(ask=True)}, "state": State(url="memory:"), "audit": Audit(store=StoreKind.MEMORY), **sections}
    )  # fmt: skip
    guard = Guard(policy, approve=approve, plugins=plugins, folder=folder)
    guard.register(lambda to, amount=5: f"{amount} to {to}", name="wire")
    return guard


def wire(guard: Guard, to: object = "bo") -> Outcome:
    """Call the tool."""
    with guard.acting_as("ana", ["clerk"]):
        return guard.run("wire", {"to": to})


# A callback


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (True, "approved through callback"),
        (ApprovalAnswer(True, "ben"), "approved by ben through callback"),
        (False, "refused through callback"),
        (ApprovalAnswer(False, "ben", "too much"), "refused by ben through callback: too much"),
        (None, "a person must approve each call of wire, and nobody answered in time"),
    ],
)
def test_a_callback_decides(answer: object, told: str) -> None:
    """It sees the whole question, and says yes, no or nothing."""
    seen: list[ApprovalRequest] = []

    def ask(request: ApprovalRequest) -> object:
        seen.append(request)
        return answer

    with guard_of(ask) as guard:
        outcome = wire(guard)
    assert outcome.verdict.message == told
    assert outcome.success == ("approved" in told)
    (request,) = seen
    assert (request.tool, request.user, request.roles, request.policy) == (
        "wire",
        "ana",
        ("clerk",),
        guard.policy_version,
    )
    assert json.loads(request.arguments) == {"amount": 5, "to": "bo"}


@pytest.mark.parametrize("answer", [1, "yes", object()])
def test_a_callback_that_answers_nonsense_breaks_the_gate(answer: object) -> None:
    """Only True is True."""
    with guard_of(lambda _: answer) as guard:
        outcome = wire(guard)
    assert (outcome.reason, outcome.verdict.check) == (Reason.GUARD, "approval")
    assert "instead of an ApprovalAnswer, True, False or None" in outcome.detail


def test_a_callback_that_raises_breaks_the_gate() -> None:
    """As a plugin's would."""

    def ask(_: object) -> bool:
        raise ZeroDivisionError

    with guard_of(ask) as guard:
        assert wire(guard).reason is Reason.GUARD


def test_a_callback_that_is_late_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is denied, and may come again: a slow person is no broken gate."""
    monkeypatch.setattr("ringfence.asking._LATE_SECONDS", 0.1)
    go = threading.Event()
    with guard_of(lambda _: go.wait(20), approval_seconds=0.1) as guard:
        outcome = wire(guard)
    go.set()
    assert (outcome.reason, outcome.verdict.retry) == (Reason.POLICY, True)
    assert outcome.detail == "a person must approve each call of wire, and nobody answered"


def test_a_coroutine_is_no_callback() -> None:
    """It would never be awaited, and what it returns would be taken for something."""

    async def ask(_: object) -> bool:
        return True

    with pytest.raises(TypeError, match="approve is a plain function"):
        guard_of(ask)


def test_arguments_that_change_while_a_person_decides_void_the_approval() -> None:
    """The list is the caller's own, and another thread may change it: what was approved is what was asked about."""
    to = ["bo"]

    def ask(_: object) -> bool:
        to.append("eve")
        return True

    with guard_of(ask) as guard:
        outcome = wire(guard, to)
    assert outcome.denied
    assert outcome.detail == "the arguments changed while a person decided, so the approval is void"


def test_four_eyes_and_approvers_hold_for_a_callback_too() -> None:
    """It must say who decided, that must not be the caller, and they must have the role."""
    answers = iter(
        [True, ApprovalAnswer(True, "ana"), ApprovalAnswer(True, "ben"), ApprovalAnswer(True, "cleo")]
    )
    settings = Approvals(four_eyes=True, approvers=("lead",))
    with guard_of(
        lambda _: next(answers), approvals=settings, users={"cleo": User(("lead",)), "ana": User(("lead",))}
    ) as guard:
        told = [wire(guard).verdict.message for _ in range(4)]
    assert (
        told[0]
        == "a call of wire may be decided by users with one of the roles lead only, and whoever decided has none"
    )
    assert told[1] == "a call of wire needs four eyes, and 'ana' may be its caller"
    assert (
        told[2]
        == "a call of wire may be decided by users with one of the roles lead only, and 'ben' has none"
    )
    assert told[3] == "approved by cleo through callback"


class Yes:
    """A plugin that approves."""

    @hookimpl
    def ringfence_approve_call(self) -> bool:
        return True


def test_plugins_are_asked_before_the_callback_and_the_channel() -> None:
    """In the order of the documentation: plugins, callback, channel."""
    with guard_of(
        lambda _: False, plugins={"yes": Yes()}, approvals=Approvals(channel=Channel.QUEUE, wait_seconds=0)
    ) as guard:
        assert wire(guard).verdict.message == "approved through yes"
    with guard_of(lambda _: False, approvals=Approvals(channel=Channel.QUEUE, wait_seconds=0)) as guard:
        assert wire(guard).detail == "refused through callback"
    with guard_of(lambda _: None, approvals=Approvals(channel=Channel.QUEUE, wait_seconds=0)) as guard:
        assert "waits for a person" in wire(guard).detail


# The terminal

ASKING = """
import sys
from ringfence import *
seconds, four_eyes = float(sys.argv[1]), sys.argv[2] == "four"
policy = Policy(roles={"clerk": Role(inherits=("user",), allow=("*",))}, tools={"wire": ToolRule(ask=True, four_eyes=four_eyes)}, approval_seconds=seconds,
                approvals=Approvals(channel=Channel.CONSOLE), audit=Audit(store=StoreKind.MEMORY))
with Guard(policy) as guard, guard.acting_as(sys.argv[3], ["clerk"]):
    guard.register(lambda to, password="": f"sent to {to}", name="wire")
    outcome = guard.run("wire", {"to": sys.argv[4], "password": "hunter2"})
print("OUTCOME", outcome.verdict.message, file=sys.stderr, flush=True)
"""
IN_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[2:]])
"""
TO = "bo\x1b[2K\rTool: harmless\n\u202eevil"


class Terminal:
    """A process in a session with a terminal of its own; its standard input is the agent's and says yes to everything."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self.master, slave = pty.openpty()
        agent, feed = os.pipe()
        os.write(feed, b"yes\ny\n")
        os.close(feed)
        program = [sys.executable, "-c", IN_A_TERMINAL]
        self.process = subprocess.Popen(
            [*program, str(slave), ASKING, *arguments], stdin=agent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=(slave,), text=True,
        )  # fmt: skip
        os.close(slave)
        os.close(agent)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self.master)

    def until(self, text: str) -> str:
        """Read what the terminal shows until a text comes."""
        end = time.monotonic() + 40
        while text not in self.shown and time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.shown += os.read(self.master, 4096).decode()
        assert text in self.shown
        return self.shown

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.master, text.encode())

    def outcome(self) -> str:
        """Return what became of the call."""
        _, told = self.process.communicate(timeout=40)
        return str(told).partition("OUTCOME ")[2].strip()


needs_terminal = pytest.mark.skipif(not hasattr(os, "getuid"), reason="terminals of POSIX")


@needs_terminal
@pytest.mark.parametrize("answer", ["code", "yes", "", "y", "code no", "other code"])
def test_the_person_at_the_terminal_decides(answer: str) -> None:
    """Only "yes" with the code that is shown means yes. What the agent's standard input says does not count."""
    with Terminal("30", "two", "ana", "bo") as terminal:
        shown = terminal.until("anything else denies: ")
        code = shown.partition("Type 'yes ")[2][:4]
        typed = {"code": f"yes {code}", "code no": f"no {code}", "other code": "yes 00000"}.get(
            answer, answer
        )
        terminal.type(f"{typed}\n")
        verb = "approved" if answer == "code" else "refused"
        assert terminal.outcome() == f"{verb} by os:{os_user()} through console"


@needs_terminal
def test_hostile_arguments_cannot_fake_the_question() -> None:
    """Control characters, line ends and those that turn the direction of writing show as escapes; secrets are masked."""
    with Terminal("30", "two", "ana", TO) as terminal:
        shown = terminal.until("anything else denies: ").replace("\r\n", "\n")
        terminal.type("no\n")
        terminal.outcome()
    assert {c for c in shown if not c.isprintable()} == {"\n"}
    assert "hunter2" not in shown
    assert "<masked>" in shown
    assert [line.split()[0] for line in shown.strip().splitlines()] == [
        "Ringfence:",
        "tool",
        "caller",
        "arguments",
        "why",
        "Type",
    ]


@needs_terminal
def test_what_was_typed_before_the_question_does_not_count() -> None:
    """Nobody approves by accident what they have not seen."""
    with Terminal("30", "two", "ana", "bo") as terminal:
        terminal.type("yes\nyes\nyes\n")
        terminal.until("anything else denies: ")
        time.sleep(0.3)
        assert terminal.process.poll() is None
        terminal.type("no\n")
        assert terminal.outcome().startswith("refused")


@needs_terminal
def test_nobody_at_the_terminal_means_no() -> None:
    """The time that the policy gives is over."""
    with Terminal("1", "two", "ana", "bo") as terminal:
        terminal.until("Nobody answered in time: denied.")
        assert terminal.outcome().endswith("nobody answered in time")


@needs_terminal
def test_four_eyes_at_ones_own_terminal_are_two() -> None:
    """The person at the terminal is known to the operating system, and is perhaps the caller."""
    with Terminal("30", "four", os_user(), "bo") as terminal:
        code = terminal.until("anything else denies: ").partition("Type 'yes ")[2][:4]
        terminal.type(f"yes {code}\n")
        assert "needs four eyes" in terminal.outcome()


def test_a_process_without_a_terminal_asks_nobody() -> None:
    """As under a service manager: the call is denied at once."""
    done = subprocess.run(
        [sys.executable, "-c", ASKING, "30", "two", "ana", "bo"], start_new_session=True, capture_output=True, text=True, timeout=40, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert "OUTCOME there is no terminal to ask at" in done.stderr


# A web service


class Service:
    """A web service that answers as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]] = lambda asked: (
            self.signed(id=asked["id"], decision="approve", by="ben")
        )
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.asked.append((dict(self.headers), body))
                status, headers, answer = service.answer(json.loads(body))
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(answer)

            do_GET = do_POST  # noqa: N815 - the names that the library looks for

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/ask"

    @staticmethod
    def signed(
        secret: bytes = SECRET, word: str = "answer", at: float = 0, **facts: Any
    ) -> tuple[int, dict[str, str], bytes]:
        """Return a signed answer."""
        body, timestamp = json.dumps(facts).encode(), str(int(time.time() + at))
        return 200, {TIMESTAMP: timestamp, SIGNATURE: sign(secret, word, timestamp, body)}, body

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Give a web service on this machine."""
    monkeypatch.setenv("RINGFENCE_WEBHOOK_SECRET", SECRET.decode())
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the way to this machine is not through a proxy
    made = Service()
    yield made
    made.close()


def hooked(service: Service, **settings: Any) -> Guard:
    """Return a guard that asks the service."""
    return guard_of(approvals=Approvals(channel=Channel.WEBHOOK, url=service.url, **settings))


def test_a_web_service_says_yes(service: Service) -> None:
    """It gets the whole question, signed, and answers with a signed answer about it."""
    with hooked(service) as guard:
        outcome = wire(guard)
    ((headers, body),) = service.asked
    asked = json.loads(body)
    assert outcome.value == "5 to bo"
    assert outcome.verdict.message == f"approval {asked['id']}, approved by ben through webhook"
    assert headers[SIGNATURE] == sign(SECRET, "request", headers[TIMESTAMP], body)
    assert (asked["tool"], asked["user"], asked["policy"], len(asked["digest"])) == (
        "wire",
        "ana",
        guard.policy_version,
        64,
    )


def test_a_web_service_says_no(service: Service) -> None:
    """With its reason."""
    service.answer = lambda asked: service.signed(id=asked["id"], decision="deny", by="ben", comment="no")
    with hooked(service) as guard:
        assert wire(guard).detail == "refused by ben through webhook: no"
        assert wire(guard).denied
    assert len(service.asked) == 1


def test_a_web_service_says_wait(service: Service) -> None:
    """Then somebody decides in the queue, and the repeated call runs; the service is told once."""
    service.answer = lambda asked: service.signed(id=asked["id"], decision="wait")
    with hooked(service, wait_seconds=0.0) as guard:
        assert "waits for a person" in wire(guard).detail
        assert "waits for a person" in wire(guard).detail
        guard.decide_approval(json.loads(service.asked[0][1])["id"], approve=True, user="ben")
        assert wire(guard).success
    assert len(service.asked) == 1


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]], str]] = {
    "unsigned": (lambda a: (200, {}, json.dumps({"id": a["id"], "decision": "approve"}).encode()), "not signed with the shared secret"),
    "another secret": (lambda a: Service.signed(b"x" * 32, id=a["id"], decision="approve"), "not signed with the shared secret"),
    "our own words": (lambda a: Service.signed(word="request", id=a["id"], decision="approve"), "not signed with the shared secret"),
    "old": (lambda a: Service.signed(at=-400, id=a["id"], decision="approve"), "too old, or the clocks differ"),
    "another request": (lambda a: Service.signed(id="0" * 16, decision="approve"), "about another request"),
    "no id": (lambda a: Service.signed(decision="approve"), "about another request"),
    "no decision": (lambda a: Service.signed(id=a["id"], decision=True), 'no "decision" of approve, deny or wait'),
    "a list": (lambda a: (200, *_signed(b"[]")), "about another request"),
    "no JSON": (lambda a: (200, *_signed(b"yes")), "no JSON"),
    "too large": (lambda a: Service.signed(id=a["id"], decision="approve", comment="x" * 70_000), "too large"),
    "an error": (lambda a: (500, {}, b""), "answered with status 500"),
    "nothing there": (lambda a: (404, {}, b""), "answered with status 404"),
    "elsewhere": (lambda a: (307, {"Location": "/other"}, b""), "answered with status 307"),
    "elsewhere by GET": (lambda a: (302, {"Location": "/other"}, b""), "answered with status 302"),
}  # fmt: skip


def _signed(body: bytes) -> tuple[dict[str, str], bytes]:
    timestamp = str(int(time.time()))
    return {TIMESTAMP: timestamp, SIGNATURE: sign(SECRET, "answer", timestamp, body)}, body


@pytest.mark.parametrize("fault", FAULTS)
def test_a_web_service_that_fails_denies(service: Service, fault: str) -> None:
    """With reason `guard`; no redirection is followed, and the question does not stay in the queue, so that the next call asks again."""
    service.answer, told = FAULTS[fault]
    with hooked(service) as guard:
        outcome = wire(guard)
        assert (outcome.reason, outcome.verdict.check, outcome.executed) == (Reason.GUARD, "approval", False)
        assert told in outcome.detail
        assert guard.approvals.requests(every=True) == []
        assert len(service.asked) == 1
        assert SECRET.decode() not in outcome.refusal()
        service.answer = lambda asked: service.signed(id=asked["id"], decision="approve")
        assert wire(guard).success


def test_an_equal_call_asks_by_itself_where_the_first_could_not(service: Service) -> None:
    """It waits for the question of the first; when that is taken back, it asks the service anew."""
    asked, go = threading.Event(), threading.Event()
    turns = iter([False, True])

    def answer(question: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        if next(turns):
            return service.signed(id=question["id"], decision="approve", by="ben")
        asked.set()
        go.wait(20)
        return 500, {}, b""

    service.answer = answer
    outcomes: dict[str, Outcome] = {}
    with hooked(service) as guard:
        first = threading.Thread(target=lambda: outcomes.update(first=wire(guard)))
        first.start()
        assert asked.wait(20)
        second = threading.Thread(target=lambda: outcomes.update(second=wire(guard)))
        second.start()
        time.sleep(0.1)
        go.set()
        first.join()
        second.join()
    assert outcomes["first"].reason is Reason.GUARD
    assert outcomes["second"].success


def test_a_web_service_that_is_not_there_denies(service: Service) -> None:
    """Also one that is closed."""
    service.close()
    with hooked(service) as guard:
        assert "the webhook cannot be asked: URLError" in wire(guard).detail


def test_a_web_service_that_is_too_slow_denies(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that the policy gives is all that it has."""
    go = threading.Event()

    def slow(asked: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        go.wait(20)
        return service.signed(id=asked["id"], decision="approve")

    service.answer = slow
    settings = Approvals(channel=Channel.WEBHOOK, url=service.url)
    with guard_of(approvals=settings, approval_seconds=0.3) as guard:
        outcome = wire(guard)
    go.set()
    assert outcome.denied
    assert outcome.value is None


def test_four_eyes_and_approvers_hold_for_a_web_service(service: Service) -> None:
    """It says who decided, and the policy says whether they may."""
    service.answer = lambda asked: service.signed(id=asked["id"], decision="approve", by="Ana")
    with hooked(service, four_eyes=True) as guard:
        assert "needs four eyes" in wire(guard).detail
    service.answer = lambda asked: service.signed(id=asked["id"], decision="approve", by="ben")
    with hooked(service, four_eyes=True, approvers=("lead",)) as guard:
        assert "one of the roles lead only, and 'ben' has none" in wire(guard).detail
        assert guard.approvals.requests() == []


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read: No such file"), (b"short", "has fewer than 32 bytes")]
)
def test_a_secret_that_cannot_be_used_stops_the_guard(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """Before the first call, and without showing it."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    settings = Approvals(channel=Channel.WEBHOOK, url="https://example.org/", secret_file="secret")
    with pytest.raises(PolicyError, match=told) as raised:
        guard_of(folder=tmp_path, approvals=settings)
    assert "short" not in str(raised.value)


def test_a_secret_may_stand_in_a_file_beside_the_policy(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path starts at the policy's folder."""
    monkeypatch.delenv("RINGFENCE_WEBHOOK_SECRET")
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    with guard_of(
        folder=tmp_path, approvals=Approvals(channel=Channel.WEBHOOK, url=service.url, secret_file="secret")
    ) as guard:
        assert wire(guard).success

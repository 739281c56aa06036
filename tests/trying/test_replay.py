"""A first policy from a log: it allows what was seen, keeps denied what was denied, and holds no secret."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.trying.records import STORES, policy_of, recording_guard, records_of, register

from ringfence import Decision, Policy, Role, StoreKind
from ringfence.audit.store import open_source
from ringfence.hookspecs import hookimpl
from ringfence.policy.file import check_policy_file, load_policy
from ringfence.policy.model import Permission
from ringfence.trying.judging import Trial
from ringfence.trying.replay import from_log
from ringfence.trying.simulate import simulate

if TYPE_CHECKING:
    from pathlib import Path


def first_policy(folder: Path) -> str:
    """Return the policy that comes from the log in a folder."""
    with closing(open_source(folder / "calls.log")) as source:
        return from_log(source)


def sound(folder: Path, text: str) -> Policy:
    """Return the policy that a text means, which must be without fault."""
    path = folder / "first.yaml"
    path.write_text(text, encoding="utf-8")
    found = check_policy_file(path)
    assert found.faults == ()
    return load_policy(path)


class Approves:
    """A person who says yes."""

    @hookimpl
    def ringfence_approve_call(self) -> bool:
        """Say yes."""
        return True


OLD = """
roles:
  analyst: {permissions: [execute_tool], allow: ["*"], ask: [export], deny: [drop]}
  support: {inherits: [user], allow: [refund]}
"""


def record(folder: Path, store: StoreKind = StoreKind.SQLITE) -> None:
    """Record calls of two roles."""
    with recording_guard(folder, policy_of(folder, OLD), store, {"person": Approves()}) as guard:
        register(guard, "export", "drop", "unused")

        def refund(amount: float, currency: str, note: str, fast: bool = False) -> None: ...
        def login(password: str, user: str) -> None: ...

        guard.register(refund)
        guard.register(login)
        with guard.acting_as("ana", ["analyst"]):
            for amount in (3, 20, 7.5, 12):
                guard.run("refund", {"amount": amount, "currency": "EUR", "note": f"note {amount}"})
            guard.run("login", {"password": "hunter22", "user": "ana"})
            guard.run("export")
            guard.run("drop")
        with guard.acting_as("ben", ["support"]):
            guard.run("refund", {"amount": 5, "currency": "USD", "note": "x" * 300})
            guard.run("refund", {"amount": 6, "currency": "USD", "note": "x" * 300})
            guard.run("login", {"password": "swordfish", "user": "ben"})


@pytest.mark.parametrize("store", STORES)
def test_it_allows_exactly_what_was_seen(tmp_path: Path, store: StoreKind) -> None:
    """Tools stand under the roles that called them, those that a person approved under `ask`, and arguments are bounded by what was seen."""
    record(tmp_path, store)
    policy = sound(tmp_path, first_policy(tmp_path))
    assert policy.roles["analyst"] == Role(
        permissions=(Permission.EXECUTE_TOOL,), allow=("login", "refund"), ask=("export",)
    )
    assert policy.roles["support"] == Role(permissions=(Permission.EXECUTE_TOOL,), allow=("refund",))
    rules = policy.tools["refund"].arguments
    assert (rules["amount"].min, rules["amount"].max) == (3, 20)
    assert rules["currency"].one_of == ("EUR", "USD")
    assert (rules["note"].max_length, rules["fast"].one_of) == (300, (False,))
    assert {user: each.roles for user, each in policy.users.items()} == {
        "ana": ("analyst",),
        "ben": ("support",),
    }


def test_no_rule_comes_from_what_the_record_masks(tmp_path: Path) -> None:
    """A password gives no rule, and the file says why; no part of one stands in it."""
    record(tmp_path)
    text = first_policy(tmp_path)
    assert "hunter22" not in text
    assert "swordfish" not in text
    assert "# password: no rule, the record masks or cuts some of its values" in text
    assert set(sound(tmp_path, text).tools["login"].arguments) == {"user"}


@pytest.mark.parametrize("store", STORES)
def test_the_record_under_it_is_as_it_was(tmp_path: Path, store: StoreKind) -> None:
    """Replayed over the same log, the first policy changes no decision."""
    record(tmp_path, store)
    trial = Trial(sound(tmp_path, first_policy(tmp_path)))
    assert [str(each.change) for each in simulate(records_of(tmp_path), trial)] == ["same"] * 10


def test_a_log_that_was_only_observed_gives_a_policy(tmp_path: Path) -> None:
    """What ran because nothing was written down yet is allowed; what a rule was against is not, although it ran."""
    observe = "mode: observe\nroles: {agent: {deny: [drop]}}"
    with pytest.warns(UserWarning, match="observe"):
        guard = recording_guard(tmp_path, policy_of(tmp_path, observe))
    with guard:
        register(guard, "look", "drop")
        with guard.acting_as("ana", ["agent"]):
            assert guard.run("look").observed
            assert guard.run("drop").observed
        with guard.acting_as("eve", []):
            assert guard.run("look").observed
    policy = sound(tmp_path, first_policy(tmp_path))
    assert (policy.roles["agent"].allow, policy.roles["observed"].allow) == (("look",), ("look",))
    assert policy.users["eve"].roles == ("observed",)


def test_what_was_denied_to_some_stays_denied_when_others_may(tmp_path: Path) -> None:
    """Where one role of several would give a caller what was always denied, another role of theirs forbids it."""
    old = "roles: {a: {permissions: [execute_tool], allow: [t]}, b: {deny: [t]}}"
    with recording_guard(tmp_path, policy_of(tmp_path, old)) as guard:
        register(guard, "t")
        with guard.acting_as("ana", ["a"]):
            assert guard.run("t").success
        with guard.acting_as("ben", ["a", "b"]):
            assert guard.run("t").denied
    policy = sound(tmp_path, first_policy(tmp_path))
    assert policy.roles["b"].deny == ("t",)
    decided = [
        each.verdict.decision for each in simulate(records_of(tmp_path), Trial(policy)) if each.verdict
    ]
    assert decided == [Decision.ALLOW, Decision.DENY]


def test_an_empty_log_gives_a_policy_that_allows_nothing(tmp_path: Path) -> None:
    """Where nothing was seen, the file is sound and holds no role and no tool."""
    with recording_guard(tmp_path, Policy()) as guard:
        guard.register(lambda: None, name="t")
        guard.run("t")
    policy = sound(tmp_path, first_policy(tmp_path))
    assert (policy.roles, policy.tools, policy.users) == ({}, {}, {})


def test_hostile_names_and_values_do_no_harm(tmp_path: Path) -> None:
    """Names with YAML's, the pattern's and the terminal's own characters are quoted, escaped or left out with a word."""
    hostile = {"no": "yes", "a: b": "1e3", "q\"'": "\u2028", "[x]": "\x1b[2J", "": "\ud800"}
    with recording_guard(
        tmp_path, policy_of(tmp_path, "roles: {'no': {permissions: [execute_tool], allow: ['*']}}")
    ) as guard:
        register(guard, "t*", "a: b", "x\n- y")
        with guard.acting_as("true", ["no"]):
            for name in ("t*", "a: b", "x\n- y"):
                assert guard.run(name, hostile).success
                assert guard.run(name, hostile).success
    text = first_policy(tmp_path)
    policy = sound(tmp_path, text)
    assert policy.roles["no"].allow == ("a: b", "t[*]")
    assert "left out, for its name: x\\n- y" in text
    assert "\x1b" not in text


VALUES = st.one_of(
    st.text(max_size=6), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.none(), st.lists(st.integers(), max_size=3)
)  # fmt: skip
CALLS = st.lists(
    st.tuples(
        st.sampled_from((("a",), ("b",), ("a", "b"), ("admin",), ("user", "c"))),
        st.sampled_from(("pay", "read", "drop", "t[1]")),
        st.dictionaries(st.sampled_from(("x", "y", "password", "no", "1")), VALUES, max_size=3),
    ),
    max_size=8,
)
ANY = """
roles:
  a: {permissions: [execute_tool], allow: [pay, "t*"], ask: [read]}
  b: {permissions: [execute_tool], allow: [read, drop]}
  c: {deny: [drop], allow: [pay]}
tools:
  pay: {arguments: {x: {max: 100}}}
"""


@given(CALLS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_was_allowed_is_denied(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[tuple[str, ...], str, dict[str, object]]]
) -> None:
    """Whatever was recorded: the first policy is sound, and over the same log it denies nothing that was allowed or approved."""
    folder = tmp_path_factory.mktemp("log")
    with recording_guard(folder, policy_of(folder, ANY), StoreKind.JSONL, {"person": Approves()}) as guard:
        for name in ("pay", "read", "drop", "t[1]"):
            guard.register(lambda **values: values, name=name)
        for roles, tool, arguments in calls:
            with guard.acting_as("ana", list(roles)):
                guard.run(tool, arguments)
    trial = Trial(sound(folder, first_policy(folder)))
    for each in simulate(records_of(folder), trial):
        if each.recorded.decision is not Decision.DENY:
            assert each.verdict is not None
            assert each.verdict.decision is not Decision.DENY, (each, first_policy(folder))

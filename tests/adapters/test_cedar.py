"""Cedar as one more judge: what it is asked, that it never grants, and that what it cannot evaluate is denied."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import Audit, Decision, Guard, Permission, Policy, Role, StoreKind, Verdict
from ringfence.errors import PluginInvalid, PluginUnavailable
from ringfence_cedar import CedarPlugin
from ringfence_cedar.context import NotPlain, arguments_of

if TYPE_CHECKING:
    from tests.conftest import MakeGuard

CALLS = (Permission.EXECUTE_TOOL,)
ROLES = {
    "clerk": Role(permissions=CALLS, allow=("*",)),
    "chief": Role(inherits=("clerk",)),
    "guestlike": Role(permissions=CALLS),
}
CEDAR = """
@id("small-refunds")
permit(principal in Role::"clerk", action == Action::"call", resource == Tool::"refund")
when { context.arguments.amount <= 100 };

@id("reading")
permit(principal, action, resource == Tool::"read");

@id("no-gifts")
forbid(principal, action, resource == Tool::"refund")
when { context.arguments has reason && context.arguments.reason == "gift" };
"""


def decide(
    make_guard: MakeGuard, plugin: CedarPlugin, tool: str, role: str = "clerk", **arguments: object
) -> Verdict:
    """Return the verdict on a call of a tool that takes anything."""
    guard = make_guard(plugins={"cedar": plugin}, roles=ROLES)
    guard.register(_anything, name=tool)
    with guard.acting_as("ana", [role], address="10.0.0.1"):
        return guard.decide(tool, arguments)


def _anything(
    amount: object = None, reason: object = None, value: object = None
) -> object:  # the tool of every test: policies look at its arguments
    return amount, reason, value


@pytest.mark.parametrize(
    ("tool", "role", "arguments", "decision", "rule"),
    [
        ("refund", "clerk", {"amount": 20}, "allow", "roles.clerk.allow"),
        ("refund", "chief", {"amount": 20}, "allow", "roles.clerk.allow"),
        ("refund", "clerk", {"amount": 20.0}, "allow", "roles.clerk.allow"),
        ("refund", "clerk", {"amount": 200}, "deny", "cedar.default"),
        ("refund", "clerk", {"amount": 20, "reason": "gift"}, "deny", "cedar.no-gifts"),
        ("refund", "clerk", {"amount": "much"}, "deny", "cedar.error"),
        ("refund", "clerk", {"amount": 20.5}, "deny", "cedar.error"),
        ("refund", "clerk", {}, "deny", "cedar.error"),
        ("export", "clerk", {}, "deny", "cedar.default"),
        ("read", "guestlike", {}, "deny", "nobody-spoke"),
    ],
)
def test_cedar_denies_and_never_grants(
    make_guard: MakeGuard, tool: str, role: str, arguments: dict[str, object], decision: str, rule: str
) -> None:
    """Roles and those that they inherit, the tool and its arguments reach Cedar; its permit is not enough where the policy allows nothing."""
    found = decide(make_guard, CedarPlugin(CEDAR), tool, role, **arguments)
    assert (found.decision.value, found.rule) == (decision, rule)


def test_cedars_permit_stands_in_the_explanation(make_guard: MakeGuard) -> None:
    """Its permit is one statement among the others, with the policy's own id."""
    guard = make_guard(plugins={"cedar": CedarPlugin(CEDAR)}, roles=ROLES)
    guard.register(_anything, name="refund")
    with guard.acting_as("ana", ["clerk"]):
        said = guard.explain("refund", {"amount": 20}).statements[-1]
    assert (said.check, said.rule, said.message) == (
        "cedar",
        "cedar.small-refunds",
        "Cedar permits it by small-refunds",
    )


def test_a_policy_that_forbids_and_cannot_be_evaluated_denies(make_guard: MakeGuard) -> None:
    """Cedar itself skips it and would permit the call; the denial names the policy and not the value."""
    text = 'permit(principal, action, resource); @id("late") forbid(principal, action, resource) when { context.arguments.value > 3 };'
    found = decide(make_guard, CedarPlugin(text), "read", value="s3cret-value")
    assert (found.decision, found.rule) == (Decision.DENY, "cedar.error")
    assert "Cedar could not evaluate late," in found.message
    assert "s3cret-value" not in found.message + found.hint


def test_context_holds_decimals_address_and_time(make_guard: MakeGuard) -> None:
    """Numbers are there as decimals too, so one policy fits 20, 20.0 and 20.5."""
    text = """
    permit(principal == User::"ana", action, resource) when {
      context.decimals.amount.lessThanOrEqual(decimal("20.5")) && context.address == "10.0.0.1" && context.at > 1700000000
    };
    """
    decided = [
        decide(make_guard, CedarPlugin(text), "read", amount=amount).decision.value
        for amount in (20, 20.0, 20.5, 20.6)
    ]
    assert decided == ["allow", "allow", "allow", "deny"]


@pytest.mark.parametrize(
    "value",
    [
        {"__entity": {"type": "Role", "id": "admin"}},
        [{"__extn": {"fn": "ip", "arg": "127.0.0.1"}}],
        {1: 2},
        float("nan"),
        float("inf"),
        0.00001,
        2**63,
        b"bytes",
        object(),
        "\ud800",
        ["x"] * 20_000,
    ],
    ids=[
        "entity",
        "call",
        "key",
        "nan",
        "infinity",
        "digits",
        "large",
        "bytes",
        "object",
        "surrogate",
        "many",
    ],
)
def test_what_cedar_cannot_hold_is_denied(make_guard: MakeGuard, value: object) -> None:
    """An argument that Cedar has no value for is not left out, since a policy may ask whether it is there; nor can it name an entity."""
    found = decide(make_guard, CedarPlugin("permit(principal, action, resource);"), "read", value=value)
    assert (found.decision, found.rule) == (Decision.DENY, "cedar.not-plain")
    assert found.message.startswith("Cedar cannot hold the arguments: argument 'value' ")


PLAIN = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5) | st.none() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_whatever_is_taken_as_plain_reaches_cedar(value: object) -> None:
    """Cedar reads every context that is made: a call is permitted, or refused as not plain before."""
    import cedarpy

    try:
        arguments, decimals = arguments_of({"value": value})
    except NotPlain:
        return
    request = {
        "principal": {"type": "User", "id": "ana"},
        "action": {"type": "Action", "id": "call"},
        "resource": {"type": "Tool", "id": "read"},
        "context": {"arguments": arguments, "decimals": decimals},
    }
    result = cedarpy.is_authorized(request, "permit(principal, action, resource);", [])
    assert result.allowed, result.diagnostics.errors


def entity(kind: str) -> str:
    """Return an entity that would make itself a member of a role."""
    parents = [{"type": "Role", "id": "admin"}]
    return json.dumps([{"uid": {"__entity": {"type": kind, "id": "ana"}}, "attrs": {}, "parents": parents}])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("permit(",), "was given what Cedar cannot read"),
        (("",), "was given no policy, so it would deny every call"),
        (("permit(principal, action, resource);", "entity"), "was given what Cedar cannot read"),
        (("permit(principal, action, resource);", None, "[1]"), "was given what Cedar cannot read"),
        (("permit(principal, action, resource);", None, entity("User")), "was given an entity of the type User"),
        (("permit(principal, action, resource);", None, entity("Role")), "was given an entity of the type Role"),
        (
            ("permit(principal is Dog, action, resource);", "entity User; entity Tool; action call appliesTo {principal: User, resource: Tool};"),
            "has a policy that does not fit the schema",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_at_the_start(arguments: tuple[str, ...], message: str) -> None:
    """A fault in policies, schema or entities is found before any call."""
    with pytest.raises(PluginInvalid, match=message):
        CedarPlugin(*arguments)


def test_the_policy_names_it_and_the_environment_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the entry point: a folder of files is read when a policy comes into force; without one the guard does not start."""
    policy = Policy(roles=ROLES, plugins=("cedar",), audit=Audit(store=StoreKind.MEMORY))
    monkeypatch.delenv("RINGFENCE_CEDAR_POLICIES", raising=False)
    with pytest.raises(PluginUnavailable, match="RINGFENCE_CEDAR_POLICIES is not set"):
        Guard(policy)
    monkeypatch.setenv("RINGFENCE_CEDAR_POLICIES", str(tmp_path))
    (tmp_path / "a.cedar").write_text(CEDAR)
    (tmp_path / "b.cedar").write_text('forbid(principal == User::"eve", action, resource);')
    with Guard(policy) as guard:
        guard.register(_anything, name="refund")
        for user, decision in (("ana", "allow"), ("eve", "deny")):
            with guard.acting_as(user, ["clerk"]):
                assert guard.decide("refund", {"amount": 1}).decision == decision
    monkeypatch.setenv("RINGFENCE_CEDAR_POLICIES", str(tmp_path / "gone"))
    with pytest.raises(PluginUnavailable, match="gone: No such file"):
        Guard(policy)


def test_further_entities_give_tools_attributes(make_guard: MakeGuard, tmp_path: Path) -> None:
    """Tools, or groups of them, come from a file in Cedar's own form."""
    (tmp_path / "p.cedar").write_text(
        "permit(principal, action, resource) when { resource has risk && resource.risk < 3 };"
    )
    (tmp_path / "e.json").write_text(
        '[{"uid": {"type": "Tool", "id": "read"}, "attrs": {"risk": 1}, "parents": []}]'
    )
    plugin = CedarPlugin.from_files(tmp_path / "p.cedar", entities=tmp_path / "e.json")
    assert decide(make_guard, plugin, "read").allowed
    assert decide(make_guard, plugin, "refund").rule == "cedar.default"


def test_the_guides_policies_work(make_guard: MakeGuard) -> None:
    """The Cedar policies in the guide are read, and say what the text beside them does."""
    guide = (Path(__file__).parents[2] / "docs" / "cedar.md").read_text(encoding="utf-8")
    plugin = CedarPlugin(guide.split("```\n@id")[1].split("```")[0].join(["@id", ""]))
    roles = {"support": Role(permissions=CALLS, allow=("*",))}
    guard = make_guard(plugins={"cedar": plugin}, roles=roles)
    guard.register(_anything, name="refund")
    with guard.acting_as("ana", ["support"]):
        assert guard.decide("refund", {"amount": 20}).allowed
        assert guard.decide("refund", {"amount": 200}).rule == "cedar.default"
        assert guard.decide("refund", {"amount": 20, "reason": "gift"}).rule == "cedar.no-gifts"


def test_without_cedarpy_the_import_says_what_to_install() -> None:
    """The error is the install command."""
    code = "import sys; sys.modules['cedarpy'] = None\nimport ringfence_cedar"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "pip install 'ringfence[cedar]'" in done.stderr

"""Remarks about policies: each kind with its file and line, none about what is meant, and none that is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence import ArgumentRule, CallRule, Condition, Decision, Policy, Role, Tool, ToolRule, ValueType
from ringfence.policy.arguments import argument_tests
from ringfence.policy.compile import compile_policy
from ringfence.policy.file import PlacedRemark, check_policy_file
from ringfence.policy.lint import lint
from ringfence.tool import make_tool

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


def remarks(folder: Path, text: str, *tools: Tool, now: float = NOW) -> list[PlacedRemark]:
    """Return the remarks about a policy, which has no faults."""
    file = folder / "p.yaml"
    file.write_text(text, encoding="utf-8")
    check = check_policy_file(file, tools, now=now)
    assert check.faults == ()
    return list(check.remarks)


RULE = "rules:\n  r:\n    decision: deny\n    tools: [pay]\n"


@pytest.mark.parametrize(
    ("text", "line", "kind", "key", "message"),
    [
        ("tools:\n  pay:\n    arguments:\n      a:\n        {type: text, min: 1}", 4, "never", "tools.pay.arguments.a", "no value can be all of this, so pay can never be called"),
        ("tools:\n  pay:\n    arguments:\n      a: {one_of: [1, 2], type: text}", 4, "never", "tools.pay.arguments.a", "no value can be all of this"),
        ("tools:\n  pay:\n    arguments:\n      a: {equals: x, none_of: [x, y]}", 4, "never", "tools.pay.arguments.a", "no value can be all of this"),
        ("lists:\n  l: [a, b]\ntools:\n  pay:\n    arguments:\n      a: {in_list: l, pattern: '[0-9]+'}", 6, "never", "tools.pay.arguments.a", "no value can be all of this"),
        (RULE + "    when:\n      arguments:\n        a: {matches: 'x*', min: 3}", 7, "never", "rules.r.when.arguments.a", "so the condition can never hold"),
        (RULE + "    when:\n      hours: 08:00-08:00", 6, "never", "rules.r.when.hours", "no moment lies between the two"),
        (RULE + "    when:\n      after: [read]\n      not_after: ['re*']", 7, "never", "rules.r.when.not_after[0]", "'re*' stands in `after` too"),
        (RULE + "    when:\n      all: [{users: [a]}]\n      none:\n      - {users: [a]}", 8, "never", "rules.r.when.none[0]", "the same must hold as well"),
        (RULE + "    when:\n      arguments: {a: {min: 1}}\n      none:\n      - arguments: {a: {min: 1}}", 8, "never", "rules.r.when.none[0]", "the same must hold as well"),
        (RULE + "    when: {users: [a]}\n    unless: {users: [a]}", 6, "never", "rules.r.unless", "it is the same as `when`, so the rule never speaks"),
        (RULE + "  s:\n    decision: deny\n    tools: [pay]", 5, "shadowed", "rules.s", "it says the same as the rule 'r'"),
        (RULE + "  s:\n    decision: allow\n    tools: [pay]\n    roles: [user]", 5, "shadowed", "rules.s", "the rule 'r' says deny about all of these calls"),
        ("rules:\n  s: {decision: ask, tools: ['pay_*'], when: {users: [a]}}\n  r: {decision: deny, tools: ['p*']}", 2, "shadowed", "rules.s", "the rule 'r' says deny about all of these calls"),
        ("roles:\n  clerk: {inherits: [user]}\nrules:\n  s: {decision: allow, tools: [pay], roles: [clerk]}\n  r: {decision: ask, roles: [user]}", 4, "shadowed", "rules.s", "the rule 'r' says ask about all of these calls"),
        ("roles:\n  clerk:\n    inherits: [user]\n    allow:\n    - pay\n" + RULE, 5, "shadowed", "roles.clerk.allow[0]", "the rule 'r' denies all that fits 'pay' to this role"),
        ("roles:\n  clerk:\n    ask: [drop_all]\n    deny: ['drop_*']", 3, "shadowed", "roles.clerk.ask[0]", "'drop_all' is forbidden to the same role"),
        (RULE + "    when: {users: [a]}\n  s:\n    when: {users: [a]}\n    decision: allow\n    tools: [pay]", 6, "contradiction", "rules.s", "the rule 'r' says deny about the very same calls"),
        ("roles: {clerk: {allow: [refund]}}\n" + RULE.replace("pay", "refnud"), 5, "unknown", "rules.r.tools[0]", "nothing else in the policy names 'refnud'"),
        (RULE + "    exceptions:\n    - when: {users: [a]}\n      owner: bo\n      reason: x\n      until: '2026-11-30'", 9, "expired", "rules.r.exceptions[0].until", "the exception of bo ended with 2026-11-30, and the rule speaks again"),
        ("\nlists:\n  l: [a]", 3, "unused", "lists.l", "nothing refers to it"),
        ("conditions:\n  c: {users: [a]}", 2, "unused", "conditions.c", "nothing refers to it"),
        ("roles:\n  boss:\n    allow: ['?*']", 3, "broad", "roles.boss.allow[0]", "the role 'boss' may call every tool, those that come later included"),
        ("rules:\n  r:\n    decision: allow\n    unsafe_any: true", 4, "broad", "rules.r.unsafe_any", "the rule 'r' may allow every tool"),
        (RULE + "    when:\n      arguments:\n        to[].host: {equals: x}", 7, "items", "rules.r.when.arguments.to[].host", "a single other item gets around the rule"),
        (RULE + "    unless:\n      arguments:\n        to[any]: {equals: x}", 7, "items", "rules.r.unless.arguments.to[any]", "it counts where a single item fits"),
        (RULE + "    when:\n      none:\n      - arguments: {'to[any]': {equals: x}}", 7, "items", "rules.r.when.none[0].arguments.to[any]", "it counts where a single item fits"),
    ],
)  # fmt: skip
def test_what_is_probably_not_meant_has_a_remark(
    tmp_path: Path, text: str, line: int, kind: str, key: str, message: str
) -> None:
    """One, with its line, key and kind, and a hint at what to do."""
    (found,) = remarks(tmp_path, text)
    assert (found.line, found.kind, found.key) == (line, kind, key)
    assert message in found.message
    assert found.hint
    assert str(found).startswith(f"{tmp_path}/p.yaml:{line}: {key}: ")


@pytest.mark.parametrize(
    "text",
    [
        "tools: {pay: {arguments: {a: {type: number, min: 1, max: 1}, b: {type: integer, min: 0}, c: {one_of: [a, b], none_of: [b]}}}}",
        RULE + "    when: {arguments: {'to[any]': {equals: x}}}",
        RULE + "    unless: {arguments: {'to[]': {equals: x}}}",
        RULE + "    when: {hours: '22:00-06:00', after: [read], not_after: [write]}",
        RULE + "  s: {decision: allow, tools: ['p*']}",
        RULE + "    when: {users: [a]}\n  s: {decision: allow, tools: [pay]}",
        RULE + "    roles: [admin]\n  s: {decision: allow, tools: [pay], roles: [user]}",
        RULE + "    exceptions: [{when: {users: [a]}, owner: bo, reason: x, until: '2026-12-01'}]",
        "roles: {clerk: {allow: [pay], deny: ['pay_*']}}\n" + RULE + "    unless: {users: [a]}",
        "roles: {clerk: {allow: [pay_1, payee]}}\n" + RULE,
        "roles: {clerk: {allow: [tool7, tool8_1]}}\n" + RULE.replace("pay", "tool8"),
        "conditions: {c: {users: [a]}, d: {none: [{condition: c}]}}\n" + RULE + "    when: {condition: d}",
    ],
)  # fmt: skip
def test_what_is_meant_has_none(tmp_path: Path, text: str) -> None:
    """Rules that overlap in part, exceptions on their last day, the careful kind of items, names that only look alike."""
    assert remarks(tmp_path, text) == []


def test_remarks_about_a_toml_file_have_their_lines_too(tmp_path: Path) -> None:
    """In the file's order."""
    file = tmp_path / "p.toml"
    file.write_text('[lists]\nl = ["a"]\n[rules.r]\ndecision = "deny"\n\nwhen.hours = "01:00-01:00"\n')
    found = check_policy_file(file, now=NOW).remarks
    assert [(each.line, each.kind) for each in found] == [(2, "unused"), (6, "never")]


def test_an_exception_has_a_remark_from_the_end_of_its_last_day_on(tmp_path: Path) -> None:
    """Not a second before, by the clock of whoever asks."""
    text = f"{RULE}    exceptions: [{{when: {{users: [a]}}, owner: bo, reason: x, until: '2026-12-01'}}]"
    end = datetime(2026, 12, 2, tzinfo=UTC).timestamp()
    assert remarks(tmp_path, text, now=end - 1) == []
    assert [found.kind for found in remarks(tmp_path, text, now=end)] == ["expired"]


# Where the tools are known


def pay(to: list[str], amount: float = 1, **more: object) -> str:
    """Pay."""
    return f"{to} {amount} {more}"


def read(name: str) -> str:
    """Read."""
    return name


TOOLS = (make_tool(pay), make_tool(read))


@pytest.mark.parametrize(
    ("text", "line", "key", "message", "hint"),
    [
        ("tools:\n  pya: {ask: true}", 2, "tools.pya", "there is no tool 'pya'", "Did you mean 'pay'?"),
        ("tools:\n  'x_*': {ask: true}", 2, "tools.x_*", "no tool fits 'x_*'", "Correct the name, or take it out."),
        ("roles:\n  a:\n    deny: [raed]", 3, "roles.a.deny[0]", "there is no tool 'raed'", "Did you mean 'read'?"),
        (RULE + "    when:\n      after: [raed]", 6, "rules.r.when.after[0]", "there is no tool 'raed'", "Did you mean 'read'?"),
        ("limits:\n  few: {tools: [raed], concurrent: 1}", 2, "limits.few.tools[0]", "there is no tool 'raed'", "Did you mean 'read'?"),
        ("limits:\n  sums:\n    tools: [read]\n    budget: {argument: nam, most: 5, seconds: 60}", 4, "limits.sums.budget.argument", "none of the tools that are meant has an argument 'nam'", "Did you mean 'name'?"),
        ("tools:\n  read:\n    arguments:\n      nam: {equals: a}", 4, "tools.read.arguments.nam", "none of the tools that are meant has an argument 'nam'", "Did you mean 'name'?"),
        (RULE + "    when:\n      any:\n      - arguments: {amuont.x: {min: 1}}", 7, "rules.r.when.any[0].arguments.amuont.x", "has an argument 'amuont'", "Did you mean 'amount'?"),
        ("conditions:\n  c:\n    arguments:\n      nam: {equals: a}\n" + RULE + "    unless: {none: [{condition: c}]}\n    when: {condition: c}", 4, "conditions.c.arguments.nam", "has an argument 'nam'", "They have amount, more, to."),
        (RULE + "    exceptions:\n    - when: {arguments: {nam: {equals: a}}}\n      owner: bo\n      reason: x\n      until: '2030-01-01'", 6, "rules.r.exceptions[0].when.arguments.nam", "has an argument 'nam'", "They have"),
    ],
)  # fmt: skip
def test_a_name_that_no_tool_has_is_told(
    tmp_path: Path, text: str, line: int, key: str, message: str, hint: str
) -> None:
    """Of a tool or an argument, wherever it stands, with the nearest that there is."""
    (found,) = remarks(tmp_path, text, *TOOLS)
    assert (found.line, found.kind, found.key) == (line, "unknown", key)
    assert message in found.message
    assert found.hint.startswith(hint)


def test_a_plugin_that_is_not_installed_is_told(tmp_path: Path) -> None:
    """Where it is known which are; nobody is asked about a policy without plugins."""
    file = tmp_path / "p.yaml"
    file.write_text("plugins: [cedar, ceder]", encoding="utf-8")
    (found,) = check_policy_file(file, plugins=lambda: {"cedar"}).remarks
    assert (found.line, found.kind, found.key) == (1, "unknown", "plugins[1]")
    assert found.hint == "Did you mean 'cedar'?"
    assert check_policy_file(file).remarks == ()
    file.write_text("{}", encoding="utf-8")
    assert check_policy_file(file, plugins=lambda: pytest.fail("asked")).remarks == ()


def test_names_that_tools_have_are_not_told(tmp_path: Path) -> None:
    """Paths into arguments, further keywords, and a tool whose framework does not tell its parameters."""
    text = f"{RULE}    when: {{arguments: {{'to[any]': {{equals: x}}, amount: {{min: 1}}, more.x: {{equals: 1}}}}}}"
    assert remarks(tmp_path, text, *TOOLS) == []
    assert remarks(tmp_path, text.replace("amount", "anything"), Tool("pay")) == []
    assert remarks(tmp_path, text.replace("amount", "amuont")) == []
    assert [found.kind for found in remarks(tmp_path, text.replace("amount", "amuont"), *TOOLS)] == [
        "unknown"
    ]


# A remark is never wrong

VALUES = st.sampled_from([0, 1, 2, 1.5, True, "a", "ab", "x", "", None, [1], {"a": 1}])
PLAIN = st.sampled_from([0, 1, 1.5, True, "a", "ab", "x"])
ARGUMENTS = st.builds(
    ArgumentRule, equals=st.none() | PLAIN, one_of=st.none() | st.lists(PLAIN, min_size=1, max_size=3).map(tuple), none_of=st.none() | st.lists(PLAIN, min_size=1, max_size=3).map(tuple),
    type=st.none() | st.sampled_from(ValueType), matches=st.sampled_from([None, "a*", "x"]), pattern=st.sampled_from([None, "[ab]+"]), min=st.sampled_from([None, 1.0]),
    max=st.sampled_from([None, 1.5]), min_length=st.sampled_from([None, 1]), max_length=st.sampled_from([None, 1, 2]),
).filter(lambda rule: rule != ArgumentRule())  # fmt: skip


@settings(max_examples=300)
@given(ARGUMENTS, VALUES)
def test_nothing_passes_what_is_said_to_be_impossible(rule: ArgumentRule, value: object) -> None:
    """Where a rule has the remark `never`, no value is let through by it."""
    found = lint(compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})})), NOW)
    passes = all(test.judge({"a": value}) is None for test in argument_tests("t", {"a": rule}))
    assert not (passes and any(remark.kind == "never" for remark in found))


DECISIONS = st.sampled_from(Decision)
NAMES = st.lists(st.sampled_from(["pay", "pay_all", "read"]), min_size=1, max_size=2, unique=True).map(tuple)
RULES = st.builds(
    CallRule, DECISIONS, NAMES | st.sampled_from([("pay*",), ("p*", "read")]), st.lists(st.sampled_from(["user", "clerk", "admin"]), max_size=2, unique=True).map(tuple),
    st.none() | st.just(Condition(users=("ana",))),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), RULES, min_size=2, max_size=3), st.sampled_from(["pay", "pay_all", "read"]), st.sampled_from(["user", "clerk", "admin"]), st.sampled_from(["ana", "bo"]))  # fmt: skip
def test_a_shadowed_rule_never_makes_a_difference(
    rules: dict[str, CallRule], tool: str, role: str, user: str
) -> None:
    """Taken out of the policy, every call is decided as before."""
    roles = {"clerk": Role(inherits=("user",))}

    def verdict(given: dict[str, CallRule]) -> Any:
        from ringfence import Audit, Guard, StoreKind

        policy = Policy(roles=roles, rules=given, audit=Audit(store=StoreKind.MEMORY))
        with Guard(policy) as guard, guard.acting_as(user, [role]):
            return guard.decide(Tool(tool)).decision

    for remark in lint(compile_policy(Policy(roles=roles, rules=rules)), NOW):
        if remark.kind == "shadowed" and remark.place[0] == "rules":
            rest = {name: rule for name, rule in rules.items() if name != remark.place[1]}
            assert verdict(rest) == verdict(rules)

"""A policy made ready to decide: rulings, names that nothing defines, tiers, profiles, versions."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import (
    Approvals,
    ArgumentRule,
    AtMost,
    Audit,
    Budget,
    CallRule,
    Channel,
    CodeRule,
    Condition,
    Day,
    Decision,
    Durability,
    IdentityPolicy,
    Limit,
    Mode,
    Per,
    Permission,
    Policy,
    Profile,
    Role,
    RuleException,
    RuleLevel,
    Scan,
    SecurityLevel,
    SqlRule,
    State,
    StoreKind,
    Tier,
    Tool,
    ToolRule,
    UnknownName,
    User,
    ValueType,
)
from ringfence.policy.compile import CompiledPolicy, compile_policy
from ringfence.scanning import Capability, Language
from ringfence.scanning.effects import Access
from ringfence.scanning.rules import BUILT_IN
from ringfence.verdict import SILENCE

if TYPE_CHECKING:
    from pathlib import Path

CLERK = Role(permissions=(Permission.EXECUTE_TOOL,), allow=("search*",))


def decide(policy: Policy, tool: Tool, *roles: str) -> tuple[Decision, str]:
    """Return the decision about a tool, and the rule that stands behind it."""
    verdict = compile_policy(policy).ruling(roles, tool).verdict
    return verdict.decision, verdict.rule


def test_a_policy_without_rules_allows_nothing() -> None:
    """The built-in roles alone allow no tool, for an admin neither."""
    assert decide(Policy(), Tool("search"), "admin") == (Decision.DENY, "nobody-spoke")


def test_nobody_may_nothing() -> None:
    """A caller without roles lacks `execute_tool`, whatever the tool asks for."""
    assert decide(Policy(roles={"clerk": CLERK}), Tool("search")) == (Decision.DENY, "execute-tool")


def test_a_role_allows_by_name_or_pattern() -> None:
    """`allow` opens the tools that fit, and no other."""
    policy = Policy(roles={"clerk": CLERK})
    assert decide(policy, Tool("search_mail"), "clerk") == (Decision.ALLOW, "roles.clerk.allow")
    assert decide(policy, Tool("research"), "clerk") == (Decision.DENY, "nobody-spoke")


def test_meeting_what_a_tool_asks_for_is_enough() -> None:
    """A tool whose role or permissions the caller has is allowed without an `allow` of its own."""
    assert decide(Policy(), Tool("refund", role="user"), "power_user") == (Decision.ALLOW, "@refund.role")
    by_rule = Policy(tools={"refund": ToolRule(permissions=(Permission.FILE_READ,))})
    assert decide(by_rule, Tool("refund"), "user") == (Decision.ALLOW, "tools.refund.permissions")


def test_a_guest_cannot_run_even_what_asks_for_a_guest() -> None:
    """`execute_tool` is needed for every call; a guest, who only views logs, runs nothing."""
    assert decide(Policy(), Tool("hello", role="guest"), "guest") == (Decision.DENY, "execute-tool")


@pytest.mark.parametrize(
    ("tool", "rule"),
    [
        (Tool("wire", role="admin"), "@wire.role"),
        (Tool("wire", permissions=(Permission.SYSTEM_MODIFY,)), "@wire.permissions"),
        (Tool("refund"), "tools.refund.role"),
        (Tool("delete_mail"), "tools.delete*.permissions"),
    ],
)
def test_allow_does_not_lift_a_requirement(tool: Tool, rule: str) -> None:
    """What the decorator and every fitting rule ask for must all hold, whatever the role's `allow` says."""
    policy = Policy(
        roles={"clerk": Role(inherits=("user",), allow=("*",))},
        tools={
            "refund": ToolRule(role="power_user"),
            "delete*": ToolRule(permissions=(Permission.ADMIN_ACCESS,)),
        },
    )
    assert decide(policy, tool, "clerk") == (Decision.DENY, rule)


def test_a_tool_forbidden_by_one_role_stays_forbidden() -> None:
    """`deny` of any role, inherited ones too, stands over every `allow`, the admin's included."""
    policy = Policy(
        roles={
            "intern": Role(deny=("drop_*",)),
            "trainee": Role(inherits=("intern",)),
            "boss": Role(inherits=("admin",), allow=("*",)),
        }
    )
    assert decide(policy, Tool("drop_table"), "boss") == (Decision.ALLOW, "roles.boss.allow")
    assert decide(policy, Tool("drop_table"), "boss", "trainee") == (Decision.DENY, "roles.intern.deny")


def test_asking_stands_over_allowing() -> None:
    """`ask` of a role or of a tool's rule makes a person decide, even where the tool is allowed by name."""
    policy = Policy(
        roles={"clerk": Role(inherits=("user",), allow=("*",), ask=("wire",))},
        tools={"pay*": ToolRule(ask=True)},
    )
    assert decide(policy, Tool("wire"), "clerk") == (Decision.ASK, "roles.clerk.ask")
    assert decide(policy, Tool("pay_out"), "clerk") == (Decision.ASK, "tools.pay*.ask")
    assert decide(policy, Tool("other"), "clerk") == (Decision.ALLOW, "roles.clerk.allow")


def test_an_unknown_role_denies_whatever_the_others_allow() -> None:
    """A caller with a role that nothing defines gets nothing: a typo must not be a way in."""
    policy = Policy(roles={"clerk": CLERK})
    ruling = compile_policy(policy).ruling(("clerk", "clrek"), Tool("search"))
    assert (ruling.verdict.decision, ruling.verdict.rule) == (Decision.DENY, "unknown-role")
    assert ruling.verdict.hint == "Did you mean 'clerk'?"


def test_an_unknown_profile_of_a_tool_denies() -> None:
    """A tool that names a profile which nothing defines does not run under another one."""
    assert decide(Policy(roles={"clerk": CLERK}), Tool("search", profile="tiny"), "clerk") == (
        Decision.DENY,
        "unknown-profile",
    )


def test_a_ruling_without_a_statement_is_silence() -> None:
    """Where no rule spoke, the one statement is the denial by default."""
    ruling = compile_policy(Policy()).ruling(("admin",), Tool("search"))
    assert [statement.rule for statement in ruling.statements] == [SILENCE.rule]
    assert ruling.verdict.decision is Decision.DENY


def test_the_same_pair_is_ruled_once() -> None:
    """A ruling that was made is found again, and it belongs to the registration, not to its name."""
    compiled, tool = compile_policy(Policy(roles={"clerk": CLERK})), Tool("search")
    assert compiled.ruling(("clerk",), tool) is compiled.ruling(("clerk",), tool)
    stricter = Tool("search", role="admin")
    assert not compiled.ruling(("clerk",), stricter).verdict.allowed


def test_rulings_do_not_pile_up_without_end() -> None:
    """A framework that makes its tools anew for each request fills no memory."""
    compiled = compile_policy(Policy(roles={"clerk": CLERK}))
    for _ in range(20_000):
        compiled.ruling(("clerk",), Tool("search"))
    assert len(compiled._rulings) < 10_000


def test_the_rule_with_the_very_name_comes_first() -> None:
    """Of several fitting rules the exact one stands first, then the patterns in their order; all of them count."""
    policy = Policy(tools={"*": ToolRule(), "pay*": ToolRule(), "pay": ToolRule(), "x": ToolRule()})
    assert list(compile_policy(policy).rules_for("pay")) == ["pay", "*", "pay*"]


def test_argument_rules_of_all_fitting_rules_add_up() -> None:
    """A pattern's argument rules hold for a tool that has rules of its own."""
    policy = Policy(
        tools={
            "pay": ToolRule(arguments={"amount": ArgumentRule(max=100)}),
            "p*": ToolRule(arguments={"to": ArgumentRule(one_of=("ana",))}),
        }
    )
    tests = compile_policy(policy).ruling(("user",), Tool("pay")).tests
    assert [test.refusal.rule for test in tests] == [
        "tools.pay.arguments.amount.max",
        "tools.p*.arguments.to.one_of",
    ]


# Names that nothing defines


@pytest.mark.parametrize(
    ("sections", "kind", "name", "where"),
    [
        ({"roles": {"a": Role(inherits=("usr",))}}, "role", "usr", "roles.a.inherits"),
        ({"users": {"ana": User(roles=("usr",))}}, "role", "usr", "users.ana.roles"),
        ({"tools": {"pay": ToolRule(role="usr")}}, "role", "usr", "tools.pay.role"),
        ({"tools": {"p*": ToolRule(profile="defualt")}}, "profile", "defualt", "tools.p*.profile"),
    ],
)
def test_a_name_that_nothing_defines_is_refused_with_its_place(
    sections: dict[str, Any], kind: str, name: str, where: str
) -> None:
    """An unknown role or profile stops the policy, and the error holds kind, name and key."""
    with pytest.raises(UnknownName, match=f"{where.replace('*', '.')}: unknown {kind} {name!r}") as caught:
        compile_policy(Policy(**sections))
    assert (caught.value.kind, caught.value.name, caught.value.where) == (kind, name, where)


def test_the_nearest_name_is_offered() -> None:
    """The error of a misspelt name says which one was probably meant."""
    with pytest.raises(UnknownName, match=r"Did you mean 'power_user'\?") as caught:
        compile_policy(Policy(tools={"pay": ToolRule(role="poweruser")}))
    assert caught.value.nearest == "power_user"


def test_a_policy_mentions_a_tool_by_its_very_name_only() -> None:
    """A pattern that fits a name does not make the name known."""
    policy = Policy(roles={"clerk": Role(allow=("search",), deny=("drop*",))}, tools={"pay": ToolRule()})
    compiled = compile_policy(policy)
    assert [name for name in ("search", "pay", "drop", "drop*", "sea") if compiled.names_tool(name)] == [
        "search",
        "pay",
        "drop*",
    ]


# Tiers and profiles only narrow

TIERS = st.sampled_from(Tier)


@given(TIERS, TIERS | st.none(), TIERS | st.none())
def test_the_strictest_tier_counts(tool: Tier, exact: Tier | None, pattern: Tier | None) -> None:
    """Decorator and rules can only make the tier stricter."""
    policy = Policy(tools={"run": ToolRule(tier=exact), "r*": ToolRule(tier=pattern)})
    order = list(Tier)
    asked = [tier for tier in (tool, exact, pattern) if tier is not None]
    assert compile_policy(policy).ruling((), Tool("run", tier=tool)).tier == max(asked, key=order.index)


NUMBERS = st.integers(1, 2000)
SETS = st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(tuple)
PROFILES = st.builds(
    Profile,
    cpu_seconds=NUMBERS,
    wall_seconds=st.none() | NUMBERS,
    memory_mb=NUMBERS,
    file_size_mb=NUMBERS,
    open_files=NUMBERS,
    processes=NUMBERS,
    output_bytes=NUMBERS,
    source_bytes=NUMBERS,
    steps=NUMBERS,
    modules=st.none() | st.lists(st.sampled_from(["math", "json", "re"]), unique=True).map(tuple),
    network=st.booleans(),
    hosts=SETS,
    ports=st.lists(st.integers(1, 3), unique=True).map(tuple),
    read_only=SETS,
    read_write=SETS,
    forbidden=SETS,
    subprocesses=st.booleans(),
    commands=SETS,
    preload=SETS,
    waiting=NUMBERS,
    running=NUMBERS,
    queue=NUMBERS,
    capabilities=st.lists(
        st.sampled_from([Capability.DYNAMIC_CODE, Capability.ENVIRONMENT]), unique=True
    ).map(tuple),
    security_level=st.sampled_from(SecurityLevel),
)
LEVELS = list(SecurityLevel)


@given(PROFILES, PROFILES)
def test_a_profile_grants_only_what_all_of_them_grant(one: Profile, other: Profile) -> None:
    """Field by field the ruling's profile is as tight as the decorator's and the rule's, and as the caller's limits."""
    policy = Policy(profiles={"one": one, "other": other}, tools={"run": ToolRule(profile="other")})
    ruling = compile_policy(policy).ruling(("user",), Tool("run", profile="one"))
    for granted in (one, other):
        for field in fields(Profile):
            assert no_looser(field.name, ruling.profile, granted), field.name
    assert ruling.profile.cpu_seconds <= 180
    assert ruling.profile.wall_seconds is not None
    assert ruling.profile.wall_seconds <= 180
    assert ruling.profile.memory_mb <= 256


def no_looser(name: str, result: Profile, source: Profile) -> bool:
    """Return whether one field of a profile grants no more than another profile's."""
    here, there = getattr(result, name), getattr(source, name)
    if name == "forbidden":
        return set(here) >= set(there)
    if name == "security_level":
        return LEVELS.index(here) >= LEVELS.index(there)
    if name == "wall_seconds":
        return bool(here <= (source.cpu_seconds + 10 if there is None else there))
    if name == "modules":
        return there is None or set(here) <= set(there)
    if isinstance(here, tuple):
        return set(here) <= set(there)
    return bool(here <= there)


def test_no_profile_means_the_default_one() -> None:
    """A tool that names no profile runs under `default`, which the policy may replace; a guest's limits bound it."""
    policy = Policy(profiles={"default": Profile(cpu_seconds=5, memory_mb=64)})
    profile = compile_policy(policy).ruling((), Tool("run")).profile
    assert (profile.cpu_seconds, profile.wall_seconds, profile.memory_mb) == (5, 15, 64)


# Versions

CHANGES: dict[str, Any] = {
    "version": 2,
    "mode": Mode.OBSERVE,
    "roles": {"clerk": CLERK},
    "tools": {"pay": ToolRule()},
    "users": {"ana": User()},
    "profiles": {"tiny": Profile()},
    "plugins": ("alarm",),
    "plugin_seconds": 1.0,
    "approval_seconds": 1.0,
    "approvals": Approvals(channel=Channel.QUEUE),
    "limits": {"l": Limit(concurrent=1)},
    "state": State(url="memory:"),
    "lists": {"known": ("a",)},
    "conditions": {"office": Condition(hours="08:00-18:00")},
    "rules": {"stop": CallRule(Decision.DENY, tools=("pay",))},
    "identity": IdentityPolicy(idle_seconds=60.0),
    "scan": Scan(levels={BUILT_IN[0].id: RuleLevel.INFO}),
    "audit": Audit(path="other.db"),
}


@pytest.mark.parametrize("field", [field.name for field in fields(Policy)])
def test_every_field_of_a_policy_changes_its_version(field: str) -> None:
    """Approvals and records are bound to the version, so nothing in a policy may change without it."""
    assert (
        CompiledPolicy(replace(Policy(), **{field: CHANGES[field]})).version
        != CompiledPolicy(Policy()).version
    )


def other(value: object) -> object:
    """Return a value that differs, of the same sort where there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if value is None:
        return 7
    if isinstance(value, SecurityLevel):
        return SecurityLevel.PARANOID
    return (*value, "x") if isinstance(value, tuple) else "x"


DEEP = [
    *(
        (Role, name.name, lambda role: Policy(roles={"r": role}))
        for name in fields(Role)
        if name.name != "inherits"
    ),
    *(
        (ArgumentRule, f.name, lambda r: Policy(tools={"t": ToolRule(arguments={"a": r})}))
        for f in fields(ArgumentRule)
    ),
    *((CodeRule, f.name, lambda r: Policy(tools={"t": ToolRule(code={"q": r})})) for f in fields(CodeRule)),
    *((Profile, f.name, lambda profile: Policy(profiles={"p": profile})) for f in fields(Profile)),
    *(
        (Condition, f.name, lambda c: Policy(conditions={"c": c, "other": Condition(users=("a",))}))
        for f in fields(Condition)
    ),
    *(
        (SqlRule, f.name, lambda s: Policy(tools={"t": ToolRule(arguments={"q": ArgumentRule(sql=s)})}))
        for f in fields(SqlRule)
    ),
    *((AtMost, f.name, lambda a: Policy(conditions={"c": Condition(at_most=a)})) for f in fields(AtMost)),
    *((CallRule, f.name, lambda r: Policy(rules={"r": r})) for f in fields(CallRule)),
    *(
        (RuleException, f.name, lambda e: Policy(rules={"r": CallRule(Decision.DENY, exceptions=(e,))}))
        for f in fields(RuleException)
    ),
    *((Budget, f.name, lambda b: Policy(limits={"l": Limit(budget=b)})) for f in fields(Budget)),
]


@pytest.mark.parametrize(("section", "field", "wrap"), DEEP, ids=[f"{s.__name__}.{f}" for s, f, _ in DEEP])
def test_every_nested_field_changes_the_version(section: Any, field: str, wrap: Any, tmp_path: Path) -> None:
    """A change deep inside a section is a change of the policy."""
    needed: dict[Any, dict[str, Any]] = {
        ArgumentRule: {"equals": 1, "max_length": 1},
        CodeRule: {"language": Language.SQL},
        Condition: {"users": ("a",), "hours": "01:00-02:00"},
        AtMost: {"calls": 1, "seconds": 9.0},
        CallRule: {"decision": Decision.DENY},
        SqlRule: {"statements": ("select",)},
        RuleException: {"when": Condition(users=("a",)), "owner": "a", "until": "2030-01-01", "reason": "b"},
        Budget: {"argument": "amount", "most": 5, "seconds": 5},
    }
    if field == "unsafe_any":
        needed[CallRule] = {"decision": Decision.ALLOW, "tools": ("*",), "unsafe_any": False}
    if field == "access":
        needed[CodeRule] = {"language": Language.PATH}
    before = section(**needed.get(section, {}))
    lists = {"k": ("a",)}
    changed = {
        "decision": Decision.ASK,
        "when": Condition(users=("b",)),
        "unless": Condition(users=("b",)),
        "until": "2031-01-01",
        "exceptions": (RuleException(Condition(users=("a",)), "a", "2030-01-01", "b"),),
        "in_list": "k",
        "not_in_list": "k",
        "type": ValueType.TEXT,
        "none_of": ("x",),
        "min_length": 1,
        "within": ("x",),
        "hosts": ("x.org",),
        "schema": "data.json",
        "unsafe_any": True,
        "sql": SqlRule(statements=("select",)),
        "per": Per.USER,
        "addresses": ("10.0.0.0/8",),
        "roles": ("user",),
        "hours": "03:00-04:00",
        "days": (Day.MON,),
        "zone": "Europe/Berlin",
        "at_most": AtMost(2),
        "all": (Condition(users=("b",)),),
        "any": (Condition(users=("b",)),),
        "none": (Condition(users=("b",)),),
        "condition": "other",
        "arguments": {"a": ArgumentRule(equals=1)},
        "seconds": 5.0,
        "pattern": "x+",
        "matches": "x",
        "one_of": ("x",),
        "language": Language.PATH,
        "dialect": "sqlite",
        "access": Access.WRITE,
        "modules": ("math",),
    }.get(field) or other(getattr(before, field))
    after = replace(before, **{field: changed})
    if field == "unsafe_any":
        before = replace(before, tools=("pay",))
    (tmp_path / "data.json").write_text('{"type": "string"}', encoding="utf-8")
    versions = [
        compile_policy(replace(wrap(each), lists=lists), tmp_path).version for each in (before, after)
    ]
    assert versions[0] != versions[1]


def test_a_value_of_another_type_is_another_policy() -> None:
    """`equals: 1` and `equals: true` pass different values, so their policies have different versions."""

    def version(equals: object) -> str:
        rule = ArgumentRule(equals=equals, max_length=9)  # type: ignore[arg-type]  # one after the other
        return compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})})).version

    assert len({version(equals) for equals in (1, True, 1.0, "1", "int:1", None)}) == 6


def test_equal_policies_have_equal_versions() -> None:
    """The order in which a mapping was written changes nothing that is decided, and so not the version either."""
    one = Policy(
        roles={"a": Role(), "b": Role()},
        users={"ana": User(), "bo": User()},
        profiles={"p": Profile(), "q": Profile()},
    )
    other_way = Policy(
        roles={"b": Role(), "a": Role()},
        users={"bo": User(), "ana": User()},
        profiles={"q": Profile(), "p": Profile()},
    )
    assert one == other_way
    assert compile_policy(one).version == compile_policy(other_way).version


def test_a_version_is_the_same_in_every_process() -> None:
    """Twelve hexadecimal digits that depend on the policy alone: this one is written down."""
    version = compile_policy(Policy()).version
    assert len(version) == 12
    assert int(version, 16) >= 0
    assert (
        version == compile_policy(Policy(audit=Audit(StoreKind.SQLITE, durability=Durability.CALL))).version
    )

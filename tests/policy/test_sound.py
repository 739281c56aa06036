"""Policies built in code that are well-formed and cannot be meant: refused when they are compiled, with the key."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence import (
    Approvals,
    ArgumentRule,
    Audit,
    Budget,
    Channel,
    CodeRule,
    Guard,
    Limit,
    Policy,
    PolicyError,
    Profile,
    Role,
    RuleLevel,
    Scan,
    ToolRule,
    User,
)
from ringfence.policy.compile import compile_policy
from ringfence.policy.model import BUILT_IN_ROLES
from ringfence.policy.sound import flaws
from ringfence.scanning import Capability, Language


def refusal(**sections: Any) -> str:
    """Return the message with which a policy is refused."""
    with pytest.raises(PolicyError, match=r"^\S.*: expected .*, got ") as caught:
        compile_policy(Policy(**sections))
    return caught.value.message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (ArgumentRule(), "a: expected at least one of equals, one_of, none_of, in_list, not_in_list, type, matches, pattern, min, max, min_length, max_length, within, hosts, schema, sql, got none of them"),
        (ArgumentRule(one_of=()), "a.one_of: expected at least one value, got an empty list"),
        (ArgumentRule(one_of=(), max=3), "a.one_of: expected at least one value, got an empty list"),
        (ArgumentRule(matches=""), "a.matches: expected a pattern, got empty text (`equals` tests for that)"),
        (ArgumentRule(min=9, max=1), "a.max: expected a number that is not smaller than `min`, got a smaller one"),
        (ArgumentRule(max=math.nan), "a.max: expected a finite number, got infinity or NaN"),
        (ArgumentRule(max=math.inf), "a.max: expected a finite number, got infinity or NaN"),
        (ArgumentRule(min=-math.inf), "a.min: expected a finite number, got infinity or NaN"),
        (ArgumentRule(equals=math.nan), "a.equals: expected a finite number, got infinity or NaN"),
        (ArgumentRule(none_of=()), "a.none_of: expected at least one value, got an empty list"),
        (ArgumentRule(min_length=3, max_length=2), "a.max_length: expected a number that is not smaller than `min_length`, got a smaller one"),
        (ArgumentRule(pattern=""), "a.pattern: expected a pattern, got empty text (`equals` tests for that)"),
        (ArgumentRule(hosts=()), "a.hosts: expected at least one, got an empty list"),
        (ArgumentRule(matches="*"), "a.matches: expected a pattern that some text does not fit (`type: text` lets any through), got '*'"),
        (ArgumentRule(pattern=".*"), "a.pattern: expected an expression that some text does not fit (`type: text` lets any through), got '.*'"),
        (ArgumentRule(pattern="^[\\s\\S]*$"), "a.pattern: expected an expression that some text does not fit (`type: text` lets any through), got '^[\\s\\S]*$'"),
        (ArgumentRule(within=("/",)), "a.within[0]: expected a folder with only some of the files, got '/', which holds every file"),
        (ArgumentRule(hosts=("*",)), "a.hosts[0]: expected a host, or `*.` before a domain of somebody's, got '*', which anybody can have a name in"),
        (ArgumentRule(hosts=("*.com",)), "a.hosts[0]: expected a host, or `*.` before a domain of somebody's, got '*.com', which anybody can have a name in"),
    ],
)  # fmt: skip
def test_an_argument_rule_that_cannot_be_meant_is_refused(rule: ArgumentRule, message: str) -> None:
    """A rule that sets nothing, or that no value could ever keep, stops the policy and names its key."""
    told = refusal(tools={"t": ToolRule(arguments={"a": rule})})
    assert told == f"tools.t.arguments.{message}"


@pytest.mark.parametrize(
    "rule",
    [
        ArgumentRule(equals=False),
        ArgumentRule(equals=""),
        ArgumentRule(one_of=("",)),
        ArgumentRule(one_of=(" a, b\u200b ", "e\u0301")),
        ArgumentRule(equals="a; b "),
        ArgumentRule(min=0, max=0),
        ArgumentRule(max=10**400),
        ArgumentRule(max_length=0),
    ],
)
def test_a_rule_that_sets_something_is_taken(rule: ArgumentRule) -> None:
    """False, empty text and 0 are values, values are free of what is asked of names, and bounds may be equal or endless in digits."""
    compile_policy(Policy(tools={"t": ToolRule(arguments={"a": rule})}))


UNCLEAR = [
    ("", "a name, got empty text"),
    ("drop_* ", "a name without white space around it, got 'drop_* '"),
    ("\tdrop", r"a name without white space around it, got '\tdrop'"),
    ("drop\u200b", r"a name of characters that can be seen, got 'drop\u200b'"),
    ("dr\u00a0op", r"a name of characters that can be seen, got 'dr\xa0op'"),
    ("dr\x1bop", r"a name of characters that can be seen, got 'dr\x1bop'"),
    ("supprime\u0301", r"a name in Unicode's composed form (NFC), got 'supprime\u0301'"),
]


def everywhere(name: str) -> dict[str, Policy]:
    """Return for each place of a name a policy that has it there, by the key of the place."""
    return {
        f"roles.{name}": Policy(roles={name: Role()}),
        "roles.r.inherits[1]": Policy(roles={"r": Role(inherits=("user", name))}),
        "roles.r.allow[0]": Policy(roles={"r": Role(allow=(name,))}),
        "roles.r.ask[0]": Policy(roles={"r": Role(ask=(name,))}),
        "roles.r.deny[0]": Policy(roles={"r": Role(deny=(name,))}),
        f"tools.{name}": Policy(tools={name: ToolRule()}),
        "tools.t.role": Policy(tools={"t": ToolRule(role=name)}),
        "tools.t.profile": Policy(tools={"t": ToolRule(profile=name)}),
        f"tools.t.arguments.{name}": Policy(tools={"t": ToolRule(arguments={name: ArgumentRule(equals=1)})}),
        f"tools.t.code.{name}": Policy(tools={"t": ToolRule(code={name: CodeRule(Language.SQL)})}),
        "tools.t.code.q.tables[1]": Policy(
            tools={"t": ToolRule(code={"q": CodeRule(Language.SQL, tables=("a", name))})}
        ),
        f"scan.levels.{name}": Policy(scan=Scan(levels={name: RuleLevel.LOW})),
        "scan.folders[0]": Policy(scan=Scan(folders=(name,))),
        f"users.{name}": Policy(users={name: User()}),
        "users.u.roles[0]": Policy(users={"u": User((name,))}),
        f"profiles.{name}": Policy(profiles={name: Profile()}),
        "audit.redact[0]": Policy(audit=Audit(redact=(name,))),
    }


@pytest.mark.parametrize(("name", "message"), UNCLEAR, ids=[ascii(name) for name, _ in UNCLEAR])
def test_a_name_that_deceives_the_eye_is_refused_wherever_it_stands(name: str, message: str) -> None:
    """Names that look like others, or like none, would make a rule that fits nothing."""
    for key, policy in everywhere(name).items():
        with pytest.raises(PolicyError, match="expected a name") as caught:
            compile_policy(policy)
        assert caught.value.message.endswith(f": expected {message}")
        assert caught.value.message.isprintable()
        if name not in key:
            assert caught.value.message.startswith(f"{key}: ")


@pytest.mark.parametrize("pattern", ["delete_*, drop_*", "delete_*;drop_*", "a,b"])
def test_several_patterns_in_one_text_are_refused(pattern: str) -> None:
    """A comma or semicolon in a tool's pattern was meant to part two; a user's id may hold one."""
    message = f"expected one name or pattern, each further one by itself, got '{pattern}'"
    fields: dict[str, Any] = dict.fromkeys(("allow", "ask", "deny"), ("x", pattern))
    for key, patterns in fields.items():
        assert refusal(roles={"r": Role(**{key: patterns})}) == f"roles.r.{key}[1]: {message}"
    assert refusal(tools={pattern: ToolRule()}) == f"tools.{pattern}: {message}"
    compile_policy(Policy(users={pattern: User()}))


def test_a_text_in_the_place_of_a_list_is_refused() -> None:
    """`allow="read_*"` would be six patterns, one of them `*`, which fits every tool."""
    role = Role(allow="read_*")  # type: ignore[arg-type]  # what a person without a type checker writes
    assert refusal(roles={"r": role}) == "roles.r.allow: expected a list, got the text 'read_*'"


def test_a_name_that_is_no_text_is_refused() -> None:
    """Code can put a number where a name belongs; the answer is a `PolicyError` all the same."""
    role = Role(deny=(3,))  # type: ignore[arg-type]  # what a person without a type checker writes
    assert refusal(roles={"r": role}) == "roles.r.deny[0]: expected text, got the number 3"


@pytest.mark.parametrize("field", ["dialect", "statements", "tables", "columns"])
def test_what_only_sql_has_is_refused_for_another_language(field: str) -> None:
    """A list of tables for Python would look like a limit and be none."""
    given: dict[str, Any] = {field: "postgres" if field == "dialect" else ("a",)}
    rule = CodeRule(Language.PYTHON, **given)
    told = refusal(tools={"t": ToolRule(code={"q": rule})})
    assert told == (
        f"tools.t.code.q.{field}: expected only what every language has, got {field} for python, which only SQL has"
    )


def test_a_language_that_does_not_exist_is_refused() -> None:
    """Code can write any text there; what is one is taken, whatever its type."""
    rule = CodeRule("pyhton")  # type: ignore[arg-type]  # what a person without a type checker writes
    expected = "one of python, shell, javascript, sql, path, url"
    told = refusal(tools={"t": ToolRule(code={"q": rule})})
    assert told == f"tools.t.code.q.language: expected {expected}, got the text 'pyhton'"
    compile_policy(Policy(tools={"t": ToolRule(code={"q": CodeRule("sql", tables=("a",))})}))  # type: ignore[arg-type]


@pytest.mark.parametrize("capability", Capability)
def test_a_capability_that_has_its_own_fields_is_refused_in_the_list(capability: Capability) -> None:
    """`capabilities: [network]` would look like a grant and be none."""
    policy = Policy(profiles={"p": Profile(capabilities=(Capability.ENVIRONMENT, capability))})
    if capability in ("network", "file_read", "file_write", "subprocess"):
        expected = "one of dynamic_code, environment, introspection, native_code, persistence"
        assert refusal(profiles=policy.profiles).startswith(
            f"profiles.p.capabilities[1]: expected {expected}, got {capability}, which `"
        )
    else:
        compile_policy(policy)


def test_a_guard_does_not_start_with_such_a_policy() -> None:
    """The refusal comes when the guard is made, before any call."""
    policy = Policy(
        roles={"r": Role(allow=("*",), deny=("delete_*, drop_*",))}, audit=Audit(path="unused.db")
    )
    with pytest.raises(PolicyError, match=r"^roles\.r\.deny\[0\]: expected one name or pattern"):
        Guard(policy)


def test_the_built_in_roles_are_sound() -> None:
    """What exists without a policy file has no flaw."""
    assert list(flaws(Policy(roles=BUILT_IN_ROLES))) == []


@given(st.text(max_size=6))
def test_a_name_that_is_taken_reads_as_it_is(name: str) -> None:
    """Whatever the text: a role's name is taken exactly when it is visible, trimmed and composed."""
    clear = bool(name) and name.isprintable() and unicodedata.normalize("NFC", name.strip()) == name
    assert (not list(flaws(Policy(roles={name: Role()})))) is clear


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (Limit(), "limits.l: expected at least one of concurrent, calls, budget, got none of them"),
        (Limit(calls=3), "limits.l: expected `calls` and `seconds` together, got no seconds"),
        (Limit(concurrent=1, seconds=3), "limits.l: expected `calls` and `seconds` together, got no calls"),
        (Limit(concurrent=0), "limits.l.concurrent: expected a finite number above 0, got the number 0"),
        (Limit(budget=Budget("a", math.inf, 1)), "limits.l.budget.most: expected a finite number above 0, got the number inf"),
        (Limit(budget=Budget("", 1, 1)), "limits.l.budget.argument: expected a name, got empty text"),
        (Limit(tools=("a, b",), concurrent=1), "limits.l.tools[0]: expected one name or pattern, each further one by itself, got 'a, b'"),
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_meant_is_refused(limit: Limit, message: str) -> None:
    """One that limits nothing, or nothing that can be counted, stops the policy and names its key."""
    assert refusal(limits={"l": limit}) == message


@pytest.mark.parametrize(
    ("approvals", "message"),
    [
        (Approvals(channel=Channel.WEBHOOK), "approvals: expected the key url, the address of the service, got none"),
        (Approvals(url="https://a"), "approvals.url: expected only what every channel has, got url, which only a webhook has"),
        (Approvals(secret_file="x"), "approvals.secret_file: expected only what every channel has, got secret_file, which only a webhook has"),
        (Approvals(channel=Channel.CONSOLE, wait_seconds=1), "approvals.wait_seconds: expected only what the channel has, got wait_seconds for console, which answers at once"),
        *(
            (Approvals(channel=Channel.WEBHOOK, url=url), "approvals.url: expected an address with https://, or with http:// on this machine, got another one")
            for url in ("http://example.org/x", "ftp://a", "https://", "https://user:pw@a/", "http://localhost.example.org/", "https://a:x/", "https://a/\n")
        ),
    ],
)  # fmt: skip
def test_approvals_that_cannot_be_meant_are_refused(approvals: Approvals, message: str) -> None:
    """A field that the channel does not have, or an address that others can read, stops the policy and names its key."""
    assert refusal(approvals=approvals) == message


def test_limits_and_approvers_name_roles_that_exist() -> None:
    """A role that nothing defines would never count, and never approve."""
    with pytest.raises(PolicyError, match=r"limits\.l\.roles: unknown role 'usr'. Did you mean 'user'\?"):
        compile_policy(Policy(limits={"l": Limit(roles=("usr",), concurrent=1)}))
    with pytest.raises(
        PolicyError, match=r"approvals\.approvers: unknown role 'admn'. Did you mean 'admin'\?"
    ):
        compile_policy(Policy(approvals=Approvals(approvers=("admn",))))

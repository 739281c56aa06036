"""Roles, flattened."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ringfence import Permission, Policy, Role, UnknownName
from ringfence.errors import RoleCycle
from ringfence.policy.compile import compile_policy
from ringfence.policy.model import BUILT_IN_ROLES
from ringfence.policy.roles import flatten, lineage, refuse_cycles

NAMES = ["a", "b", "c", "d", "e", "f"]
PATTERNS = st.lists(st.sampled_from(["mail*", "pay", "drop?"]), max_size=2).map(tuple)
LIMITS = st.none() | st.integers(1, 1000)


def roles_inheriting(parents: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[Role]:
    """Make roles of all sorts whose parents come from a strategy."""
    return st.builds(
        Role,
        inherits=parents,
        permissions=st.lists(st.sampled_from(Permission), max_size=3).map(tuple),
        allow=PATTERNS,
        ask=PATTERNS,
        deny=PATTERNS,
        concurrent_runs=LIMITS,
        seconds=LIMITS,
        memory_mb=LIMITS,
    )


GRAPHS = st.fixed_dictionaries(
    {name: roles_inheriting(st.lists(st.sampled_from(NAMES), max_size=2).map(tuple)) for name in NAMES}
)
SOUND = st.fixed_dictionaries(
    {
        name: roles_inheriting(
            st.lists(st.sampled_from(NAMES[:place]), max_size=3).map(tuple) if place else st.just(())
        )
        for place, name in enumerate(NAMES)
    }
)
CALLERS = st.lists(st.sampled_from(NAMES), max_size=3)


def reachable(name: str, roles: dict[str, Role]) -> set[str]:
    """Return all roles that a role reaches in one step or more, by the definition."""
    found: set[str] = set()
    while True:
        more = {p for role in [name, *found] for p in roles[role].inherits}
        if more <= found:
            return found
        found |= more


@given(SOUND, CALLERS)
def test_flattening_is_the_union_of_all_that_is_inherited(roles: dict[str, Role], names: list[str]) -> None:
    """Rights are those of every role that can be reached, permissions and patterns added up."""
    rights = flatten(names, roles)
    everyone = set(names).union(*(reachable(name, roles) for name in names))
    assert set(rights.roles) == everyone
    assert len(rights.roles) == len(everyone)
    assert rights.permissions == {p for name in everyone for p in roles[name].permissions}
    for kind in ("allow", "ask", "deny"):
        said = sorted((name, pattern) for name in everyone for pattern in getattr(roles[name], kind))
        assert sorted(getattr(rights, kind)) == said


def limits(name: str, roles: dict[str, Role], limit: str) -> list[int]:
    """Return what a role sets for a limit, or else what each of its parents comes to, by the definition."""
    own = getattr(roles[name], limit)
    return (
        [own]
        if own is not None
        else [n for parent in roles[name].inherits for n in limits(parent, roles, limit)]
    )


@given(SOUND, CALLERS)
def test_a_limit_of_a_roles_own_takes_the_place_of_what_it_inherits(
    roles: dict[str, Role], names: list[str]
) -> None:
    """A role's limit is its own, or the largest that it inherits, or a guest's; a user's is the largest of the roles'."""
    rights = flatten(names, roles)
    for limit, default in (("concurrent_runs", 1), ("seconds", 30), ("memory_mb", 128)):
        of_each = [max(limits(name, roles, limit), default=default) for name in names]
        assert getattr(rights, limit) == max(of_each, default=default)


@given(SOUND, CALLERS, st.sampled_from(NAMES))
def test_another_role_takes_nothing_away(roles: dict[str, Role], names: list[str], more: str) -> None:
    """A user who gets one more role loses no permission and no limit, and sheds no deny and no ask."""
    before, after = flatten(names, roles), flatten([*names, more], roles)
    assert before.permissions <= after.permissions
    assert set(before.allow) <= set(after.allow)
    assert set(before.ask) <= set(after.ask)
    assert set(before.deny) <= set(after.deny)
    for limit in ("concurrent_runs", "seconds", "memory_mb") if names else ():
        assert getattr(after, limit) >= getattr(before, limit)


@given(SOUND, CALLERS)
def test_the_nearest_role_comes_first(roles: dict[str, Role], names: list[str]) -> None:
    """A role stands before everything that only it brings in, and the caller's own roles stand at the front."""
    closure = lineage(names, roles)
    own = list(dict.fromkeys(names))
    assert list(closure[: len(own)]) == own


@given(GRAPHS)
def test_a_cycle_is_found_exactly_when_there_is_one(roles: dict[str, Role]) -> None:
    """A naive search for a role that reaches itself agrees, and the path that is reported is a real circle."""
    circular = any(name in reachable(name, roles) for name in NAMES)
    if not circular:
        refuse_cycles(roles)
        return
    with pytest.raises(RoleCycle, match="in a circle") as caught:
        refuse_cycles(roles)
    path = caught.value.path
    assert path[0] == path[-1]
    assert len(set(path)) == len(path) - 1
    assert all(after in roles[before].inherits for before, after in pairwise(path))


@given(GRAPHS, CALLERS)
def test_flattening_ends_even_in_a_circle(roles: dict[str, Role], names: list[str]) -> None:
    """Flattening visits each role once, so a circle that slipped through could not hang the gate."""
    assert set(lineage(names, roles)) == set(names).union(*(reachable(name, roles) for name in names))


def test_a_role_that_inherits_itself_is_a_cycle() -> None:
    """The shortest circle has one role in it, and the message shows the way round."""
    with pytest.raises(RoleCycle, match=r"in a circle: me -> me\. Remove one `inherits` of them"):
        refuse_cycles({"me": Role(inherits=("me",))})


def test_a_built_in_role_can_close_a_circle() -> None:
    """A policy that replaces `guest` by one that inherits admin is refused: admin inherits guest."""
    with pytest.raises(RoleCycle, match="guest -> admin -> power_user -> user -> guest"):
        compile_policy(Policy(roles={"guest": Role(inherits=("admin",))}))


def test_a_long_chain_is_no_trouble() -> None:
    """A thousand roles in a row are flattened without recursion."""
    chain = {f"r{n}": Role(inherits=(f"r{n + 1}",) if n < 999 else ()) for n in range(1000)}
    refuse_cycles(chain)
    assert len(flatten(["r0"], chain).roles) == 1000


def test_an_unknown_parent_is_named_with_its_place() -> None:
    """A role that inherits one that nobody defines is refused with the key, and the nearest name."""
    with pytest.raises(
        UnknownName, match=r"roles\.a\.inherits: unknown role 'usr'.*Did you mean 'user'\?"
    ) as caught:
        flatten(["a"], {"a": Role(inherits=("usr",)), "user": Role()})
    assert (caught.value.kind, caught.value.name, caught.value.where) == ("role", "usr", "roles.a.inherits")


@pytest.mark.parametrize(
    ("role", "permissions", "limits"),
    [
        ("guest", {"view_logs"}, (1, 30, 128)),
        ("user", {"execute_tool", "view_logs", "file_read"}, (3, 180, 256)),
        (
            "power_user",
            {"execute_tool", "view_logs", "file_read", "file_write", "network_access"},
            (5, 300, 512),
        ),
        ("admin", {str(permission) for permission in Permission}, (10, 600, 1024)),
    ],
)
def test_the_built_in_roles_are_those_of_the_requirements(
    role: str, permissions: set[str], limits: tuple[int, float, int]
) -> None:
    """The four roles, their permissions and their limits are the table in the requirements."""
    rights = flatten([role], BUILT_IN_ROLES)
    assert rights.permissions == permissions
    assert (rights.concurrent_runs, rights.seconds, rights.memory_mb) == limits


def test_there_are_eight_permissions() -> None:
    """The list of permissions is closed."""
    assert [str(permission) for permission in Permission] == [
        "execute_tool",
        "manage_tools",
        "view_logs",
        "admin_access",
        "network_access",
        "file_read",
        "file_write",
        "system_modify",
    ]


def test_nobody_has_the_rights_of_no_role() -> None:
    """No roles: no permissions, no patterns, and a guest's limits."""
    rights = flatten([], BUILT_IN_ROLES)
    assert (rights.roles, rights.permissions, rights.allow) == ((), frozenset(), ())
    assert (rights.concurrent_runs, rights.seconds, rights.memory_mb) == (1, 30, 128)


@given(SOUND, st.permutations(NAMES[:3]))
def test_the_order_of_a_users_roles_changes_no_right(roles: dict[str, Role], names: list[str]) -> None:
    """Roles in another order give the same permissions, limits and patterns."""
    assume(names != NAMES[:3])
    one, other = flatten(NAMES[:3], roles), flatten(names, roles)
    assert one.permissions == other.permissions
    assert sorted(one.deny) == sorted(other.deny)
    assert (one.concurrent_runs, one.seconds, one.memory_mb) == (
        other.concurrent_runs,
        other.seconds,
        other.memory_mb,
    )


def test_a_role_with_a_small_limit_does_not_lower_that_of_another_role() -> None:
    """A role that sets no limit has a guest's, and a second role with less memory takes none of it away."""
    roles = {"plain": Role(), "small": Role(memory_mb=64)}
    assert flatten(["plain"], roles).memory_mb == 128
    assert flatten(["small"], roles).memory_mb == 64
    assert flatten(["plain", "small"], roles).memory_mb == 128
